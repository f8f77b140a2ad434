//! `hirewire connections`: how they stand; test, apply, pause, resume.

use anyhow::anyhow;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    Exit,
    api::{Api, Reach, quoted},
    print,
    shown::{Column, Consent, Output, text},
};

/// Connections: list, test, apply a staged mapping, pause, resume.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hirewire connections list
  hirewire connections test workplace
  hirewire connections apply workplace --reason 'title is mapped now'
  hirewire connections pause workplace --yes --reason 'vendor maintenance until 14:00'
  hirewire connections resume workplace --yes")]
pub(super) struct Connections {
    #[command(flatten)]
    reach: Reach,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// How each stands: mode, state, mapping, what is pending, letters.
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Try base URL, credentials and discovery; reads only.
    Test {
        /// The connection.
        name: String,
    },
    /// Publish the staged mapping: every account of the connection is looked at again.
    Apply {
        /// The connection.
        name: String,
        #[command(flatten)]
        consent: Consent,
    },
    /// Claim nothing more of it until it is resumed; events go on being stored.
    Pause {
        /// The connection.
        name: String,
        #[command(flatten)]
        consent: Consent,
    },
    /// Go on with a paused connection.
    Resume {
        /// The connection.
        name: String,
        #[command(flatten)]
        consent: Consent,
    },
}

impl Connections {
    pub(super) async fn run(self) -> Result<(), Exit> {
        let api = self.reach.api().await?;
        match self.verb {
            Verb::List { output } => {
                let views = api.get("/api/v1/connections").await?;
                let none = "no connection is configured: see [connections] in the config";
                output.rows(views.as_array().map_or(&[], Vec::as_slice), COLUMNS, none)
            }
            Verb::Test { name } => test(&api, &name).await,
            Verb::Apply { name, consent } => {
                let said = verb(
                    &api,
                    &name,
                    "apply",
                    &consent,
                    "publish the staged mapping of",
                )
                .await?;
                match said {
                    None => Ok(()),
                    Some(said) if said.pointer("/changed") == Some(&Value::Bool(true)) => {
                        print(format_args!(
                            "published version {}; its accounts are pending now",
                            text(&said, "/published")
                        ))
                    }
                    Some(_) => {
                        print("nothing is staged: what is published is what the config says")
                    }
                }
            }
            Verb::Pause { name, consent } => {
                let said = verb(&api, &name, "pause", &consent, "pause").await?;
                said.map_or(Ok(()), |said| {
                    print(told(&said, "paused", "it was paused before"))
                })
            }
            Verb::Resume { name, consent } => {
                let said = verb(&api, &name, "resume", &consent, "resume").await?;
                said.map_or(Ok(()), |said| {
                    print(told(&said, "resumed", "it was not paused"))
                })
            }
        }
    }
}

const COLUMNS: &[Column] = &[
    ("NAME", |view| text(view, "/name")),
    ("PROFILE", |view| text(view, "/profile")),
    ("MODE", |view| text(view, "/mode")),
    ("STATE", state),
    ("MAPPING", |view| {
        let staged = if view.pointer("/staged") == Some(&Value::Bool(true)) {
            " (another is staged)"
        } else {
            ""
        };
        format!("{}{staged}", text(view, "/published"))
    }),
    ("LEAVERS OWED", |view| text(view, "/pending_leavers")),
    ("OTHERS OWED", |view| text(view, "/pending_others")),
    ("LETTERS", |view| text(view, "/dead_letters")),
];

fn state(view: &Value) -> String {
    match text(view, "/paused/reason") {
        reason if reason.is_empty() => text(view, "/state"),
        reason => format!("paused by {}: {reason}", text(view, "/paused/by")),
    }
}

async fn test(api: &Api, name: &str) -> Result<(), Exit> {
    let said = api
        .post(
            &format!("/api/v1/connections/{}/test", quoted(name)),
            &json!({}),
        )
        .await?;
    print(format_args!("profile    {}", text(&said, "/profile")))?;
    print(format_args!("users      {}", text(&said, "/users")))?;
    print(format_args!("discovery  {}", text(&said, "/discovery")))?;
    if said.pointer("/ok") == Some(&Value::Bool(true)) {
        print("the connection works")
    } else {
        Err(Exit::unreachable(anyhow!(
            "the connection does not work: see above"
        )))
    }
}

async fn verb(
    api: &Api,
    name: &str,
    verb: &str,
    consent: &Consent,
    what: &str,
) -> Result<Option<Value>, Exit> {
    if !consent.given(&format!("{what} connection {name}"))? {
        return Ok(None);
    }
    let path = format!("/api/v1/connections/{}/{verb}", quoted(name));
    api.post(&path, &json!({ "reason": consent.reason }))
        .await
        .map(Some)
}

fn told(said: &Value, done: &'static str, already: &'static str) -> &'static str {
    if said.pointer("/changed") == Some(&Value::Bool(true)) {
        done
    } else {
        already
    }
}
