//! `hirewire dead-letters`: what could not be applied: list, show, replay.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    Exit,
    api::{Reach, quoted},
    print,
    shown::{Column, Consent, Output, text},
};

/// Dead letters: what could not be applied, and why; replay it once it is mended.
#[derive(Debug, Args)]
#[command(after_help = "\
Replaying is always safe: what is sent then follows from all facts as they are at that moment.

Examples:
  hirewire dead-letters list
  hirewire dead-letters list --connection workplace --cause refused
  hirewire dead-letters show K3F9Q2TA
  hirewire dead-letters replay K3F9Q2TA --yes
  hirewire dlq replay --cause exhausted --dry-run")]
pub(super) struct DeadLetters {
    #[command(flatten)]
    reach: Reach,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Args)]
struct Which {
    /// Of this connection.
    #[arg(long)]
    connection: Option<String>,
    /// Of this cause (unreadable, poison, exhausted, conflict, ambiguous, refused, vanished, `not_effective`, protected, or a
    /// finding's name).
    #[arg(long)]
    cause: Option<String>,
    /// Of this person: key, source/worker, or worker id.
    #[arg(long)]
    person: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// The open ones, newest first.
    List {
        #[command(flatten)]
        which: Which,
        /// Closed ones too.
        #[arg(long)]
        closed: bool,
        /// At most so many.
        #[arg(long, default_value_t = 50, value_name = "N")]
        most: usize,
        #[command(flatten)]
        output: Output,
    },
    /// One, with everything known about it.
    Show {
        /// Its id.
        id: String,
        #[command(flatten)]
        output: Output,
    },
    /// Try again: those of these ids, or all that the filter names.
    Replay {
        /// Their ids.
        ids: Vec<String>,
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        consent: Consent,
    },
}

impl DeadLetters {
    pub(super) async fn run(self) -> Result<(), Exit> {
        match self.verb {
            Verb::List {
                which,
                closed,
                most,
                output,
            } => {
                let query = which.query(closed, most);
                let letters = self
                    .reach
                    .api()
                    .await?
                    .get(&format!("/api/v1/dead-letters?{query}"))
                    .await?;
                output.rows(
                    letters.as_array().map_or(&[], Vec::as_slice),
                    COLUMNS,
                    "no dead letter is open",
                )
            }
            Verb::Show { id, output } => {
                let shown = self
                    .reach
                    .api()
                    .await?
                    .get(&format!("/api/v1/dead-letters/{}", quoted(&id)))
                    .await?;
                show(&shown, output)
            }
            Verb::Replay {
                ids,
                which,
                consent,
            } => replay(&self.reach, ids, &which, &consent).await,
        }
    }
}

impl Which {
    fn query(&self, closed: bool, most: usize) -> String {
        let mut query = format!("closed={closed}&most={most}");
        for (name, value) in [
            ("connection", &self.connection),
            ("cause", &self.cause),
            ("person", &self.person),
        ] {
            if let Some(value) = value {
                query = format!("{query}&{name}={}", quoted(value));
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
    ("SINCE", |letter| {
        text(letter, "/filed_at").chars().take(19).collect()
    }),
    ("TIMES", |letter| text(letter, "/count")),
    ("WHAT", |letter| text(letter, "/summary")),
];

fn about(letter: &Value) -> String {
    let account = text(letter, "/subject/account/connection");
    if !account.is_empty() {
        return format!(
            "{account}, person {}",
            text(letter, "/subject/account/person")
        );
    }
    let person = text(letter, "/subject/person/person");
    if person.is_empty() {
        format!(
            "hook {} of {}",
            text(letter, "/subject/hook/hook"),
            text(letter, "/subject/hook/source")
        )
    } else {
        format!("person {person}")
    }
}

fn show(shown: &Value, output: Output) -> Result<(), Exit> {
    if output.format() != super::output::Format::Table {
        return print(format_args!("{shown:#}"));
    }
    let letter = shown.pointer("/letter").cloned().unwrap_or_default();
    for (name, cell) in COLUMNS {
        print(format_args!("{:<7} {}", name.to_lowercase(), cell(&letter)))?;
    }
    let closed = text(&letter, "/closed_at");
    if !closed.is_empty() {
        print(format_args!("closed  {closed}"))?;
    }
    print(format_args!(
        "detail  {:#}",
        letter.pointer("/detail").cloned().unwrap_or_default()
    ))?;
    for line in shown
        .pointer("/history")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        print(format_args!(
            "{}  {}  {}",
            text(line, "/recorded_at"),
            text(line, "/connection"),
            text(line, "/outcome")
        ))?;
    }
    Ok(())
}

async fn replay(
    reach: &Reach,
    ids: Vec<String>,
    which: &Which,
    consent: &Consent,
) -> Result<(), Exit> {
    if ids.is_empty() && which.is_empty() {
        return Err(Exit::usage(anyhow::anyhow!(
            "which ones? Give ids, or --connection, --cause or --person (`dead-letters list` shows them)"
        )));
    }
    let api = reach.api().await?;
    let asked = |dry_run: bool| {
        json!({
            "ids": ids, "connection": which.connection, "cause": which.cause, "person": which.person,
            "dry_run": dry_run, "reason": consent.reason,
        })
    };
    let counted = api
        .post("/api/v1/dead-letters/replay", &asked(true))
        .await?;
    let letters = text(&counted, "/letters");
    if letters == "0" {
        return print("no open dead letter is meant");
    }
    if !consent.given(&format!("replay {letters} dead letter(s)"))? {
        return Ok(());
    }
    let done = api
        .post("/api/v1/dead-letters/replay", &asked(false))
        .await?;
    let accounts = done
        .pointer("/accounts")
        .and_then(Value::as_array)
        .map_or(0, Vec::len);
    print(format_args!(
        "{accounts} account(s) are pending now; {} hook(s) read again",
        text(&done, "/hooks_read")
    ))?;
    let unreadable = done
        .pointer("/hooks_unreadable")
        .and_then(Value::as_array)
        .map_or(0, Vec::len);
    if unreadable > 0 {
        return Err(Exit::in_part(anyhow::anyhow!(
            "{unreadable} hook(s) still cannot be read: mend the preset first"
        )));
    }
    Ok(())
}
