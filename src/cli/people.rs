//! `hirewire people`: show one person, compare the accounts with the targets, try again now, state
//! an operator's event.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    Exit,
    api::{ApiClient, encoded},
    api_options::ApiOptions,
    consent::Consent,
    operator_events::OperatorEvent,
    output::{Format, OutputOptions, list, text},
    people_list, print,
};

/// Show a person; compare the accounts with the targets; revoke access; join and part workers.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hirewire people list --search lovelace
  hirewire people show acme/E-1001
  hirewire people show E-1001 -o json
  hirewire people reconcile E-1001 --dry-run
  hirewire people retry E-1001 --yes
  hirewire people revoke E-1001 --reason 'lost laptop'
  hirewire people restore E-1001
  hirewire people void acme/E-1001 evt-17 --reason 'sent by mistake'
  hirewire people link acme/E-1001 acme/E-2001 --dry-run")]
pub(super) struct People {
    #[command(flatten)]
    api: ApiOptions,
    #[command(subcommand)]
    command: PeopleCommand,
}

#[derive(Debug, Subcommand)]
enum PeopleCommand {
    /// List people by a part of their worker id, name or e-mail address.
    List(people_list::PeopleList),
    /// Show one person.
    Show {
        /// `source/worker`, a worker id if only one source has it, or a person's key.
        person: String,
        #[command(flatten)]
        output: OutputOptions,
    },
    /// Read the person's accounts at their targets, show what differs, and repair it.
    Reconcile {
        /// As for `show`.
        person: String,
        #[command(flatten)]
        consent: Consent,
    },
    /// End the person's access at once, on every connection. Only a restoration or a later hire
    /// gives it back.
    Revoke {
        /// As for `show`.
        person: String,
        #[command(flatten)]
        consent: Consent,
    },
    /// Take a revocation back.
    Restore {
        /// As for `show`.
        person: String,
        /// The id of the revocation; without it every one is taken back.
        #[arg(long, value_name = "EVENT")]
        revocation: Option<String>,
        #[command(flatten)]
        consent: Consent,
    },
    /// Take an event back, as if HR had never sent it.
    Void {
        /// As for `show`.
        person: String,
        /// The id of the event, as `show` lists it.
        event: String,
        #[command(flatten)]
        consent: Consent,
    },
    /// State that two workers are one person: for example, after a rehire under a new number.
    Link {
        /// `source/worker`; the account of this one stays, if both have one.
        person: String,
        /// `source/worker` of the other.
        other: String,
        #[command(flatten)]
        consent: Consent,
    },
    /// State that two workers are two people.
    Unlink {
        /// `source/worker`.
        person: String,
        /// `source/worker` of the other.
        other: String,
        #[command(flatten)]
        consent: Consent,
    },
    /// Try the person's accounts now, without a wait.
    Retry {
        /// As for `show`.
        person: String,
        #[command(flatten)]
        consent: Consent,
    },
}

impl People {
    pub(super) async fn run(self) -> Result<(), Exit> {
        let api = self.api.connect().await?;
        match self.command {
            PeopleCommand::List(command) => command.run(&api).await,
            PeopleCommand::Show { person, output } => {
                let path = format!("/api/v1/people/{}", encoded(&person));
                let document = api.get(&path).await?;
                match output.format() {
                    Format::Json => print(format_args!("{document:#}")),
                    Format::Jsonl => print(&document),
                    Format::Table => show(&document),
                }
            }
            PeopleCommand::Reconcile { person, consent } => {
                show_drift(&api, &person).await?;
                retry(&api, &person, &consent, "reconcile").await
            }
            PeopleCommand::Retry { person, consent } => {
                retry(&api, &person, &consent, "retry").await
            }
            PeopleCommand::Revoke { person, consent } => {
                let revoke = OperatorEvent::new("revoke", &person);
                revoke.send(&api, &consent).await
            }
            PeopleCommand::Restore {
                person,
                revocation,
                consent,
            } => {
                let restore = OperatorEvent::new("restore", &person);
                restore.of_event(revocation).send(&api, &consent).await
            }
            PeopleCommand::Void {
                person,
                event,
                consent,
            } => {
                let void = OperatorEvent::new("void", &person);
                void.of_event(Some(event)).send(&api, &consent).await
            }
            PeopleCommand::Link {
                person,
                other,
                consent,
            } => {
                let link = OperatorEvent::new("link", &person);
                link.with_other(other).send(&api, &consent).await
            }
            PeopleCommand::Unlink {
                person,
                other,
                consent,
            } => {
                let unlink = OperatorEvent::new("unlink", &person);
                unlink.with_other(other).send(&api, &consent).await
            }
        }
    }
}

/// Prints the requests that would bring each account to its desired state.
async fn show_drift(api: &ApiClient, person: &str) -> Result<(), Exit> {
    let path = format!("/api/v1/people/{}/drift", encoded(person));
    let previews = api.get(&path).await?;

    for preview in list(&previews, "") {
        print(format_args!(
            "{}  {}  {}",
            text(preview, "/connection"),
            text(preview, "/worker"),
            text(preview, "/next_step")
        ))?;
        for request in list(preview, "/requests") {
            let (method, path) = (text(request, "/method"), text(request, "/path"));
            print(format_args!("  {method} {path} {}", body(request)))?;
        }
        for note in list(preview, "/notes") {
            print(format_args!(
                "  note: {}",
                note.as_str().unwrap_or_default()
            ))?;
        }
    }
    Ok(())
}

fn body(request: &Value) -> String {
    request
        .pointer("/body")
        .filter(|body| !body.is_null())
        .map(ToString::to_string)
        .unwrap_or_default()
}

/// Makes the person's accounts pending; each is read at its target first.
async fn retry(api: &ApiClient, person: &str, consent: &Consent, verb: &str) -> Result<(), Exit> {
    if !consent.given(&format!("{verb} the accounts of {person}"))? {
        return Ok(());
    }

    let path = format!("/api/v1/people/{}/retry", encoded(person));
    let response = api
        .post(&path, &json!({ "reason": consent.reason }))
        .await?;
    let connections: Vec<&str> = list(&response, "/connections")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    print(format_args!(
        "{person}: {} account(s) are tried now{}{}",
        connections.len(),
        if connections.is_empty() { "" } else { ": " },
        connections.join(", ")
    ))
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
        show_answers(letter)?;
    }
    Ok(())
}

/// The target's own words in a dead letter. They may quote the person's data, as this page does.
fn show_answers(letter: &Value) -> Result<(), Exit> {
    let details = letter
        .pointer("/detail")
        .into_iter()
        .chain(list(letter, "/detail/refused"));
    for answer in details {
        let words = text(answer, "/detail");
        if !words.is_empty() {
            print(format_args!("    the target answered: {words}"))?;
        }
    }
    Ok(())
}

fn show_status(person: &Value) -> Result<(), Exit> {
    let aliases: Vec<String> = list(person, "/aliases")
        .iter()
        .map(|alias| text(alias, ""))
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
        ("should be inactive since", "/account/leaver_since"),
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
