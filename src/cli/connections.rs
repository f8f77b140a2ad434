//! `hirewire connections`: list, test, apply a staged mapping, pause, resume, retry.

use anyhow::anyhow;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    Exit,
    api::{ApiClient, encoded},
    api_options::ApiOptions,
    consent::Consent,
    output::{Column, OutputOptions, list, text},
    print,
};

/// List and test connections, publish a staged mapping, pause, resume and retry.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hirewire connections list
  hirewire connections test workplace
  hirewire connections apply workplace --reason 'title is mapped now'
  hirewire connections pause workplace --yes --reason 'vendor maintenance until 14:00'
  hirewire connections resume workplace --yes
  hirewire connections retry workplace --yes")]
pub(super) struct Connections {
    #[command(flatten)]
    api: ApiOptions,
    #[command(subcommand)]
    command: ConnectionsCommand,
}

#[derive(Debug, Subcommand)]
enum ConnectionsCommand {
    /// Show each connection: mode, state, mapping, pending accounts, dead letters.
    List {
        #[command(flatten)]
        output: OutputOptions,
    },
    /// Try base URL, credentials, each search, groups and discovery, and compare the mapping with the
    /// target's schemas. Sends only reads. If all works, leavers that wait are tried at once.
    Test {
        /// The connection's name.
        name: String,
    },
    /// Publish the staged mapping. Every account of the connection becomes pending.
    Apply {
        /// The connection's name.
        name: String,
        #[command(flatten)]
        consent: Consent,
    },
    /// Send nothing to the target until `resume`. Events are still stored.
    Pause {
        /// The connection's name.
        name: String,
        #[command(flatten)]
        consent: Consent,
    },
    /// Reconcile the accounts of a paused connection again.
    Resume {
        /// The connection's name.
        name: String,
        #[command(flatten)]
        consent: Consent,
    },
    /// Try now, without a wait: an unreachable target, and every account that waits for its next
    /// attempt.
    Retry {
        /// The connection's name.
        name: String,
        #[command(flatten)]
        consent: Consent,
    },
}

impl Connections {
    pub(super) async fn run(self) -> Result<(), Exit> {
        let api = self.api.connect().await?;
        match self.command {
            ConnectionsCommand::List { output } => {
                let views = api.get("/api/v1/connections").await?;
                let if_empty = "the config has no connection: add a [connections.NAME] table";
                output.rows(list(&views, ""), COLUMNS, if_empty)
            }
            ConnectionsCommand::Test { name } => test(&api, &name).await,
            ConnectionsCommand::Apply { name, consent } => apply(&api, &name, &consent).await,
            ConnectionsCommand::Pause { name, consent } => pause(&api, &name, &consent).await,
            ConnectionsCommand::Resume { name, consent } => resume(&api, &name, &consent).await,
            ConnectionsCommand::Retry { name, consent } => retry(&api, &name, &consent).await,
        }
    }
}

const COLUMNS: &[Column] = &[
    ("NAME", |view| text(view, "/name")),
    ("PROFILE", |view| text(view, "/profile")),
    ("MODE", |view| text(view, "/mode")),
    ("STATE", state),
    ("MAPPING", mapping),
    ("PENDING LEAVERS", leavers),
    ("PENDING OTHERS", |view| text(view, "/pending_others")),
    ("DEAD LETTERS", |view| text(view, "/dead_letters")),
];

fn state(view: &Value) -> String {
    let reason = text(view, "/paused/reason");
    if !reason.is_empty() {
        return format!("paused by {}: {reason}", text(view, "/paused/by"));
    }

    match text(view, "/unreachable/since") {
        since if since.is_empty() => text(view, "/state"),
        since => format!(
            "unreachable since {since}, next try {}",
            text(view, "/unreachable/next_try")
        ),
    }
}

fn leavers(view: &Value) -> String {
    let (count, oldest) = (text(view, "/pending_leavers"), text(view, "/oldest_leaver"));
    if oldest.is_empty() {
        count
    } else {
        format!("{count} since {oldest}")
    }
}

fn mapping(view: &Value) -> String {
    let staged = if view.pointer("/staged") == Some(&Value::Bool(true)) {
        " (another is staged)"
    } else {
        ""
    };
    format!("{}{staged}", text(view, "/published"))
}

async fn test(api: &ApiClient, name: &str) -> Result<(), Exit> {
    let path = format!("/api/v1/connections/{}/test", encoded(name));
    let report = api.post(&path, &json!({})).await?;

    print(format_args!("profile    {}", text(&report, "/profile")))?;
    for check in list(&report, "/checks") {
        let (check, result) = (text(check, "/name"), text(check, "/result"));
        print(format_args!("{check:<10} {result}"))?;
    }
    print(format_args!("discovery  {}", text(&report, "/discovery")))?;
    print(format_args!("schemas    {}", schemas(&report)))?;
    if report.pointer("/ok") == Some(&Value::Bool(true)) {
        print(format_args!("connection {name} works"))
    } else {
        Err(Exit::unreachable(anyhow!(
            "connection {name} does not work: the lines above show where it fails"
        )))
    }
}

/// Whether the target's schemas agree with the published mapping.
fn schemas(report: &Value) -> String {
    match report.pointer("/schemas").and_then(Value::as_array) {
        None => text(report, "/schemas"),
        Some(found) if found.is_empty() => "agree with the mapping".to_owned(),
        Some(found) => {
            let found = found.iter().map(|one| text(one, ""));
            found.collect::<Vec<_>>().join("\n           ")
        }
    }
}

async fn apply(api: &ApiClient, name: &str, consent: &Consent) -> Result<(), Exit> {
    let action = "publish the staged mapping of";
    let Some(response) = change(api, name, "apply", consent, action).await? else {
        return Ok(());
    };

    if is_changed(&response) {
        print(format_args!(
            "mapping version {} is published; every account of connection {name} is pending",
            text(&response, "/published")
        ))
    } else {
        print(format_args!(
            "connection {name} has no staged mapping: the published one stays"
        ))
    }
}

async fn pause(api: &ApiClient, name: &str, consent: &Consent) -> Result<(), Exit> {
    match change(api, name, "pause", consent, "pause").await? {
        None => Ok(()),
        Some(response) if is_changed(&response) => {
            print(format_args!("connection {name} is paused"))
        }
        Some(_) => print(format_args!("connection {name} was already paused")),
    }
}

async fn resume(api: &ApiClient, name: &str, consent: &Consent) -> Result<(), Exit> {
    match change(api, name, "resume", consent, "resume").await? {
        None => Ok(()),
        Some(response) if is_changed(&response) => {
            print(format_args!("connection {name} is resumed"))
        }
        Some(_) => print(format_args!("connection {name} was not paused")),
    }
}

async fn retry(api: &ApiClient, name: &str, consent: &Consent) -> Result<(), Exit> {
    match change(api, name, "retry", consent, "retry").await? {
        None => Ok(()),
        Some(response) => print(format_args!(
            "connection {name}: {} waiting account(s) are tried now",
            text(&response, "/accounts")
        )),
    }
}

/// Posts a change once the operator agrees. `None`: it was not agreed, or `--dry-run` is set.
async fn change(
    api: &ApiClient,
    name: &str,
    verb: &str,
    consent: &Consent,
    action: &str,
) -> Result<Option<Value>, Exit> {
    if !consent.given(&format!("{action} connection {name}"))? {
        return Ok(None);
    }
    let path = format!("/api/v1/connections/{}/{verb}", encoded(name));

    api.post(&path, &json!({ "reason": consent.reason }))
        .await
        .map(Some)
}

fn is_changed(response: &Value) -> bool {
    response.pointer("/changed") == Some(&Value::Bool(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_shows_an_outage_and_the_oldest_leaver() {
        let view = json!({
            "state": "unreachable",
            "unreachable": { "since": "2026-06-01T12:00:00Z", "next_try": "2026-06-01T12:05:00Z" },
            "pending_leavers": 2, "oldest_leaver": "2026-06-01T11:59:00Z",
        });
        assert_eq!(
            state(&view),
            "unreachable since 2026-06-01T12:00:00Z, next try 2026-06-01T12:05:00Z"
        );
        assert_eq!(leavers(&view), "2 since 2026-06-01T11:59:00Z");

        let view = json!({ "state": "working", "pending_leavers": 0 });
        assert_eq!(
            (state(&view), leavers(&view)),
            ("working".to_owned(), "0".to_owned())
        );
    }
}
