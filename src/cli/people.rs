//! `hirewire people show`: every fact about a person, where they stand, what is due when, and each account.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::{
    Exit,
    api::{Reach, quoted},
    output::Format,
    print,
    shown::{Output, text},
};

/// People: what HR said of them, and what came of it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hirewire people show acme/E-1001
  hirewire people show E-1001 -o json")]
pub(super) struct People {
    #[command(flatten)]
    reach: Reach,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Everything known of one person.
    Show {
        /// `source/worker`, a worker id where it is unique, or a person's key.
        person: String,
        #[command(flatten)]
        output: Output,
    },
}

impl People {
    pub(super) async fn run(self) -> Result<(), Exit> {
        let Verb::Show { person, output } = self.verb;
        let shown = self
            .reach
            .api()
            .await?
            .get(&format!("/api/v1/people/{}", quoted(&person)))
            .await?;
        match output.format() {
            Format::Json => print(format_args!("{shown:#}")),
            Format::Jsonl => print(&shown),
            Format::Table => show(&shown),
        }
    }
}

fn show(shown: &Value) -> Result<(), Exit> {
    let list = |pointer: &str| {
        shown
            .pointer(pointer)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let aliases: Vec<String> = list("/aliases")
        .iter()
        .filter_map(Value::as_str)
        .map(ToOwned::to_owned)
        .collect();
    print(format_args!(
        "{}   person {}",
        aliases.join(", "),
        text(shown, "/person")
    ))?;
    let change = text(shown, "/next_change");
    let change = if change.is_empty() {
        "nothing is due".to_owned()
    } else {
        format!("changes at {change}")
    };
    print(format_args!(
        "status  {} as of {}; {change}",
        text(shown, "/status"),
        text(shown, "/now")
    ))?;
    print("\nemployments")?;
    for employment in list("/employments") {
        let end = text(&employment, "/end/instant");
        let end = if end.is_empty() {
            "open".to_owned()
        } else {
            format!("until {end}")
        };
        print(format_args!(
            "  {}  from {}  {end}",
            text(&employment, "/id"),
            text(&employment, "/start/instant")
        ))?;
    }
    print("\nevents (when HR knew -> when it takes effect)")?;
    for event in list("/events") {
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
        let (at, kind) = (text(&event, "/occurred"), text(&event, "/kind"));
        print(format_args!(
            "  {at}  {kind:<22} -> {effective}   {}",
            text(&event, "/id")
        ))?;
    }
    let findings = list("/findings");
    if !findings.is_empty() {
        print("\nfindings")?;
        for finding in findings {
            print(format_args!(
                "  {}  event {}",
                text(&finding, "/kind"),
                text(&finding, "/event/id")
            ))?;
        }
    }
    print("\naccounts")?;
    for view in list("/accounts") {
        account(&view)?;
    }
    print("\nhistory")?;
    for line in list("/history") {
        print(format_args!(
            "  {}  {:<12} {}",
            text(&line, "/recorded_at"),
            text(&line, "/connection"),
            text(&line, "/outcome")
        ))?;
    }
    for letter in list("/letters") {
        print(format_args!(
            "letter {}  {}: {}",
            text(&letter, "/id"),
            text(&letter, "/cause"),
            text(&letter, "/summary")
        ))?;
    }
    Ok(())
}

fn account(view: &Value) -> Result<(), Exit> {
    let id = text(view, "/account/scim_id");
    let user = if id.is_empty() {
        "no user is bound".to_owned()
    } else {
        format!("user {id}")
    };
    print(format_args!(
        "  {}  {user}",
        text(view, "/account/connection")
    ))?;
    print(format_args!(
        "    should be {}; last: {} {}",
        text(view, "/desired/access"),
        text(view, "/account/outcome/kind"),
        text(view, "/account/outcome/detail"),
    ))?;
    for (name, pointer) in [
        ("due", "/desired/due"),
        ("waits until", "/account/not_before"),
        ("read again", "/account/verify_at"),
    ] {
        let at = text(view, pointer);
        if !at.is_empty() {
            print(format_args!("    {name} {at}"))?;
        }
    }
    Ok(())
}
