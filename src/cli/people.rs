//! `hirewire people show`: the events, employments and accounts of one person.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::{
    Exit,
    api::encoded,
    api_options::ApiOptions,
    output::{Format, OutputOptions, list, text},
    print,
};

/// Show a person: events, employments, and the account on each connection.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hirewire people show acme/E-1001
  hirewire people show E-1001 -o json")]
pub(super) struct People {
    #[command(flatten)]
    api: ApiOptions,
    #[command(subcommand)]
    command: PeopleCommand,
}

#[derive(Debug, Subcommand)]
enum PeopleCommand {
    /// Show one person.
    Show {
        /// `source/worker`, a worker id if only one source has it, or a person's key.
        person: String,
        #[command(flatten)]
        output: OutputOptions,
    },
}

impl People {
    pub(super) async fn run(self) -> Result<(), Exit> {
        let PeopleCommand::Show { person, output } = self.command;
        let path = format!("/api/v1/people/{}", encoded(&person));
        let document = self.api.connect().await?.get(&path).await?;

        match output.format() {
            Format::Json => print(format_args!("{document:#}")),
            Format::Jsonl => print(&document),
            Format::Table => show(&document),
        }
    }
}

fn show(person: &Value) -> Result<(), Exit> {
    show_status(person)?;

    print("\nemployments")?;
    for employment in list(person, "/employments") {
        show_employment(employment)?;
    }

    print("\nevents (occurred -> effective)")?;
    for event in list(person, "/events") {
        show_event(event)?;
    }

    let findings = list(person, "/findings");
    if !findings.is_empty() {
        print("\nfindings")?;
        for finding in findings {
            let (kind, event) = (text(finding, "/kind"), text(finding, "/event/id"));
            print(format_args!("  {kind}  event {event}"))?;
        }
    }

    print("\naccounts")?;
    for account in list(person, "/accounts") {
        show_account(account)?;
    }

    print("\nhistory")?;
    for line in list(person, "/history") {
        let (at, outcome) = (text(line, "/recorded_at"), text(line, "/outcome"));
        let connection = text(line, "/connection");
        print(format_args!("  {at}  {connection:<12} {outcome}"))?;
    }

    for letter in list(person, "/dead_letters") {
        print(format_args!(
            "dead letter {}  {}: {}",
            text(letter, "/id"),
            text(letter, "/cause"),
            text(letter, "/summary")
        ))?;
    }
    Ok(())
}

fn show_status(person: &Value) -> Result<(), Exit> {
    let aliases: Vec<&str> = list(person, "/aliases")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    print(format_args!("person  {}", text(person, "/person")))?;
    print(format_args!("aliases {}", aliases.join(", ")))?;

    let next = text(person, "/next_change");
    let next = if next.is_empty() {
        "no change is due".to_owned()
    } else {
        format!("changes at {next}")
    };
    print(format_args!(
        "status  {} at {}; {next}",
        text(person, "/status"),
        text(person, "/now")
    ))
}

fn show_employment(employment: &Value) -> Result<(), Exit> {
    let end = text(employment, "/end/instant");
    let end = if end.is_empty() {
        "open".to_owned()
    } else {
        format!("until {end}")
    };
    let id = match text(employment, "/id") {
        id if id.is_empty() => id,
        id => format!("{id}  "),
    };

    print(format_args!(
        "  {id}from {}  {end}",
        text(employment, "/start/instant")
    ))
}

fn show_event(event: &Value) -> Result<(), Exit> {
    let effective = event
        .pointer("/effective")
        .filter(|effective| !effective.is_null());
    let effective = effective.map_or("at once".to_owned(), |effective| {
        let date = text(effective, "/date");
        if date.is_empty() {
            text(effective, "/instant")
        } else {
            format!("{date} {}", text(effective, "/boundary"))
        }
    });

    let (occurred, kind) = (text(event, "/occurred"), text(event, "/kind"));
    print(format_args!(
        "  {occurred}  {kind:<22} -> {effective}   {}",
        text(event, "/id")
    ))
}

fn show_account(account: &Value) -> Result<(), Exit> {
    let id = text(account, "/account/scim_id");
    let user = if id.is_empty() {
        "no user is bound".to_owned()
    } else {
        format!("user {id}")
    };
    print(format_args!(
        "  {}  {user}",
        text(account, "/account/connection")
    ))?;

    let detail = match text(account, "/account/outcome/detail") {
        detail if detail.is_empty() => detail,
        detail => format!(" ({detail})"),
    };
    print(format_args!(
        "    desired: {}; last outcome: {}{detail}",
        text(account, "/desired/access"),
        text(account, "/account/outcome/kind"),
    ))?;

    for (label, pointer) in [
        ("due at", "/desired/due"),
        ("next attempt after", "/account/not_before"),
        ("reads the account again at", "/account/verify_at"),
    ] {
        let at = text(account, pointer);
        if !at.is_empty() {
            print(format_args!("    {label} {at}"))?;
        }
    }
    Ok(())
}
