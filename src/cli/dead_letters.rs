//! `hirewire dead-letters`: list, show, replay and close what could not be applied.

use anyhow::anyhow;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    Exit,
    api::{ApiClient, encoded},
    api_options::ApiOptions,
    consent::Consent,
    output::{Column, Format, OutputOptions, counted, list, text},
    print,
};
use hirewire_core::plan::DeadLetterCause;

/// List, show, replay and close dead letters: hooks and accounts that need an operator.
#[derive(Debug, Args)]
#[command(after_help = "\
A replay is always safe: it sends what follows from all events at that moment, and not the
request that failed.

Examples:
  hirewire dead-letters list
  hirewire dead-letters list --connection workplace --cause refused
  hirewire dead-letters show K3F9Q2TA
  hirewire dead-letters replay K3F9Q2TA --yes
  hirewire dead-letters close K3F9Q2TA --reason 'HR corrected it' --yes
  hirewire dlq replay --cause exhausted --dry-run")]
pub(super) struct DeadLetters {
    #[command(flatten)]
    api: ApiOptions,
    #[command(subcommand)]
    command: DeadLettersCommand,
}

#[derive(Debug, Args)]
struct Filter {
    /// Only dead letters of this connection.
    #[arg(long)]
    connection: Option<String>,
    #[arg(long, help = cause_help())]
    cause: Option<String>,
    /// Only dead letters of this person: key, source/worker, or worker id.
    #[arg(long)]
    person: Option<String>,
}

#[derive(Debug, Subcommand)]
enum DeadLettersCommand {
    /// Show the open dead letters, newest first.
    List {
        #[command(flatten)]
        filter: Filter,
        /// Show closed dead letters too.
        #[arg(long)]
        closed: bool,
        /// The highest number of rows.
        #[arg(long, default_value_t = 50, value_name = "N")]
        most: usize,
        #[command(flatten)]
        output: OutputOptions,
    },
    /// Show one dead letter with its details and history.
    Show {
        /// The id, as `list` shows it.
        id: String,
        #[command(flatten)]
        output: OutputOptions,
    },
    /// Close a dead letter of a finding or of a hook that you have dealt with.
    Close {
        /// The id, as `list` shows it.
        id: String,
        #[command(flatten)]
        consent: Consent,
    },
    /// Try again: the dead letters with these ids, or all that match the filter.
    Replay {
        /// The ids, as `list` shows them.
        ids: Vec<String>,
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        consent: Consent,
    },
}

fn cause_help() -> String {
    let names: Vec<&str> = DeadLetterCause::names().collect();
    format!("Only dead letters with this cause: {}", names.join(", "))
}

impl DeadLetters {
    pub(super) async fn run(self) -> Result<(), Exit> {
        match self.command {
            DeadLettersCommand::List {
                filter,
                closed,
                most,
                output,
            } => {
                let path = format!("/api/v1/dead-letters?{}", filter.query(closed, most));
                let found = self.api.connect().await?.get(&path).await?;
                let letters = list(&found, "/dead_letters");
                output.rows(letters, COLUMNS, "no dead letter is open")?;
                output.total(letters.len(), &found, ("dead letter", "dead letters"))
            }
            DeadLettersCommand::Show { id, output } => {
                let path = format!("/api/v1/dead-letters/{}", encoded(&id));
                let document = self.api.connect().await?.get(&path).await?;
                show(&document, output)
            }
            DeadLettersCommand::Close { id, consent } => close(&self.api, &id, &consent).await,
            DeadLettersCommand::Replay {
                ids,
                filter,
                consent,
            } => replay(&self.api, ids, &filter, &consent).await,
        }
    }
}

impl Filter {
    fn query(&self, closed: bool, most: usize) -> String {
        let mut query = format!("closed={closed}&most={most}");
        for (name, value) in [
            ("connection", &self.connection),
            ("cause", &self.cause),
            ("person", &self.person),
        ] {
            if let Some(value) = value {
                query = format!("{query}&{name}={}", encoded(value));
            }
        }
        query
    }

    fn is_empty(&self) -> bool {
        self.connection.is_none() && self.cause.is_none() && self.person.is_none()
    }
}

const COLUMNS: &[Column] = &[
    ("ID", |letter| text(letter, "/id")),
    ("CAUSE", |letter| text(letter, "/cause")),
    ("ABOUT", about),
    ("FILED", |letter| {
        text(letter, "/filed_at").chars().take(19).collect()
    }),
    ("COUNT", |letter| text(letter, "/occurrences")),
    ("SUMMARY", |letter| text(letter, "/summary")),
];

/// `app: acme/E-1001, Ada Lovelace, ada@acme.example`.
fn about(letter: &Value) -> String {
    let hook = text(letter, "/subject/hook/hook");
    if !hook.is_empty() {
        return format!("hook {hook} of {}", text(letter, "/subject/hook/source"));
    }

    let person = [
        text(letter, "/subject/account/person"),
        text(letter, "/subject/person/person"),
    ];
    let names = ["/worker", "/name", "/user_name"].map(|pointer| text(letter, pointer));
    let is_known = !text(letter, "/worker").is_empty();
    let words: Vec<String> = if is_known {
        names.into_iter().filter(|name| !name.is_empty()).collect()
    } else {
        vec![format!("person {}", person.concat())]
    };

    let who = words.join(", ");
    match text(letter, "/subject/account/connection") {
        connection if connection.is_empty() => who,
        connection => format!("{connection}: {who}"),
    }
}

fn show(document: &Value, output: OutputOptions) -> Result<(), Exit> {
    if output.format() != Format::Table {
        return print(format_args!("{document:#}"));
    }

    let letter = document
        .pointer("/dead_letter")
        .cloned()
        .unwrap_or_default();
    for (heading, cell) in COLUMNS {
        print(format_args!(
            "{:<8} {}",
            heading.to_lowercase(),
            cell(&letter)
        ))?;
    }
    let closed = text(&letter, "/closed_at");
    if !closed.is_empty() {
        print(format_args!("closed   {closed}"))?;
    }
    let detail = letter.pointer("/detail").cloned().unwrap_or_default();
    print(format_args!("detail   {detail:#}"))?;

    for line in list(document, "/history") {
        print(format_args!(
            "{}  {}  {}",
            text(line, "/recorded_at"),
            text(line, "/connection"),
            text(line, "/outcome")
        ))?;
    }
    Ok(())
}

async fn close(api: &ApiOptions, id: &str, consent: &Consent) -> Result<(), Exit> {
    let api = api.connect().await?;
    if !consent.given(&format!("close the dead letter {id}"))? {
        return Ok(());
    }
    let path = format!("/api/v1/dead-letters/{}/close", encoded(id));
    api.post(&path, &json!({ "reason": consent.reason }))
        .await?;
    print(format_args!("dead letter {id} is closed"))
}

async fn replay(
    api: &ApiOptions,
    ids: Vec<String>,
    filter: &Filter,
    consent: &Consent,
) -> Result<(), Exit> {
    if ids.is_empty() && filter.is_empty() {
        return Err(Exit::usage(anyhow!(
            "no dead letter is selected: give ids, or --connection, --cause or --person \
             (`hirewire dead-letters list` shows the open ones)"
        )));
    }

    let api = api.connect().await?;
    let selected = post_replay(&api, &ids, filter, consent, true).await?;
    let count = selected.pointer("/dead_letters").and_then(Value::as_u64);
    let count = usize::try_from(count.unwrap_or_default()).unwrap_or(usize::MAX);
    if count == 0 {
        return print("no open dead letter matches");
    }
    if !consent.given(&format!("replay {}", counted(count, "dead letter")))? {
        return Ok(());
    }

    let replayed = post_replay(&api, &ids, filter, consent, false).await?;
    let accounts = list(&replayed, "/accounts").len();
    let hooks = text(&replayed, "/hooks_read").parse().unwrap_or_default();
    print(format_args!(
        "pending now: {}; read again: {}",
        counted(accounts, "account"),
        counted(hooks, "hook")
    ))?;

    let unchanged = list(&replayed, "/unchanged").len();
    if unchanged > 0 {
        print(format_args!(
            "{} unchanged: a finding closes when its facts change; `hirewire dead-letters close ID` \
             closes it by hand",
            counted(unchanged, "finding")
        ))?;
    }

    let unreadable = list(&replayed, "/hooks_unreadable").len();
    if unreadable > 0 {
        return Err(Exit::in_part(anyhow!(
            "{} still cannot be read: fix the preset or the sender, then replay again",
            counted(unreadable, "hook")
        )));
    }
    Ok(())
}

async fn post_replay(
    api: &ApiClient,
    ids: &[String],
    filter: &Filter,
    consent: &Consent,
    dry_run: bool,
) -> Result<Value, Exit> {
    let body = json!({
        "ids": ids,
        "connection": filter.connection,
        "cause": filter.cause,
        "person": filter.person,
        "dry_run": dry_run,
        "reason": consent.reason,
    });

    api.post("/api/v1/dead-letters/replay", &body).await
}
