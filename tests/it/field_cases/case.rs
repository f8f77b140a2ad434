//! The files of one case: `tests/cases/field/NN-name/`.
//!
//! | file | content |
//! |---|---|
//! | `expected.md` | what is right, and the public report |
//! | `expected.toml` | the same as assertions ([`Expected`](super::expected::Expected)) |
//! | `server-quirk.json` | the deviations of the server; none: no file |
//! | `connection.toml` | keys laid over a generic connection `target`; optional |
//! | `events.json` | steps: events of HR, and what an admin does at the server |
//! | `request.http`, `source.toml` | instead of `events.json`: raw hooks of another HR system |
//!
//! `{{now}}`, `{{now+60}}`, `{{in 3 days}}` stand for times.

use std::{
    fs,
    path::{Path, PathBuf},
};

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use super::{expected::Expected, server::Quirks};

/// One case, read from its folder.
pub struct Case {
    pub quirks: Quirks,
    /// TOML that is laid over the generic connection.
    pub connection: String,
    /// TOML of the source `acme`; `None`: canonical events.
    pub source: Option<String>,
    pub steps: Vec<Step>,
    pub hooks: Vec<RawHook>,
    pub expected: Expected,
}

/// One step of `events.json`.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Step {
    Event(EventStep),
    /// Events that are posted at the same time.
    Events {
        together: Vec<EventStep>,
    },
    Server(ServerStep),
}

/// An event of HR.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventStep {
    /// `hired` of `hr.worker.hired.v1`.
    pub kind: String,
    pub subject: String,
    /// How long before now HR learned it.
    pub seconds_ago: i64,
    #[serde(default)]
    pub data: Value,
}

/// Something that happens at the server without Hirewire.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "server", rename_all = "snake_case", deny_unknown_fields)]
pub enum ServerStep {
    /// The quirks begin here. Without this step they are in force from the start.
    On,
    /// The quirks end here.
    Off,
    /// Other quirks are in force from here on.
    Quirks { quirks: Box<Quirks> },
    /// An admin deletes the user with this `externalId`.
    Delete {
        #[serde(rename = "externalId")]
        external_id: String,
    },
    /// An admin changes attributes of the user with this `externalId`.
    Change {
        #[serde(rename = "externalId")]
        external_id: String,
        values: serde_json::Map<String, Value>,
    },
    /// An admin removes the user from the group.
    RemoveMember {
        #[serde(rename = "displayName")]
        display_name: String,
        #[serde(rename = "externalId")]
        external_id: String,
    },
    /// An admin deletes the group with this name.
    DeleteGroup {
        #[serde(rename = "displayName")]
        display_name: String,
    },
}

/// One request of `request.http`.
#[derive(Clone, Debug)]
pub struct RawHook {
    /// With `{{hex hmac-sha256(secret, body + timestamp)}}` where a signature stands.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// The folder of all cases.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/field")
}

impl Case {
    /// Reads a case. The error names the file.
    pub fn read(name: &str) -> Result<Self, String> {
        let folder = folder().join(name);
        let now = hirewire::telemetry::now();
        let text = |file: &str| {
            let text = fs::read_to_string(folder.join(file)).ok()?;
            Some(filled(&text, now, file))
        };
        let wrong = |file: &str, error: &dyn std::fmt::Display| format!("{file}: {error}");

        let quirks = match text("server-quirk.json") {
            Some(text) => {
                serde_json::from_str(&text).map_err(|e| wrong("server-quirk.json", &e))?
            }
            None => Quirks::default(),
        };
        let steps = match text("events.json") {
            Some(text) => serde_json::from_str(&text).map_err(|e| wrong("events.json", &e))?,
            None => Vec::new(),
        };
        let expected = text("expected.toml").ok_or("expected.toml is missing")?;
        let expected = toml::from_str(&expected).map_err(|e| wrong("expected.toml", &e))?;
        if !folder.join("expected.md").exists() {
            return Err("expected.md is missing".to_owned());
        }

        let hooks: Vec<RawHook> = text("request.http")
            .map(|text| raw_hooks(&text))
            .unwrap_or_default();
        if steps.is_empty() && hooks.is_empty() {
            return Err("neither events.json nor request.http has a step".to_owned());
        }
        Ok(Self {
            quirks,
            connection: text("connection.toml").unwrap_or_default(),
            source: text("source.toml"),
            steps,
            hooks,
            expected,
        })
    }

    /// Whether the quirks are in force before the first step.
    pub fn quirks_from_start(&self) -> bool {
        !self
            .steps
            .iter()
            .any(|step| matches!(step, Step::Server(ServerStep::On)))
    }
}

/// Requests are separated by `###`; `#` begins a comment before the request line.
fn raw_hooks(text: &str) -> Vec<RawHook> {
    text.split("\n###")
        .map(|part| {
            let part = part.trim_start_matches('#').trim();
            let (head, body) = part.split_once("\n\n").unwrap_or((part, ""));
            let headers = head
                .lines()
                .filter(|line| !line.starts_with('#') && !line.starts_with("POST "))
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            RawHook {
                headers,
                body: body.trim().to_owned(),
            }
        })
        .collect()
}

/// Replaces the times. In `server-quirk.json` `{{now+3}}` is a unix time, elsewhere an instant; in
/// `request.http` `{{in 3 days}}` is a date, elsewhere an instant.
fn filled(text: &str, now: Timestamp, file: &str) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").expect("a closed placeholder");
        filled.push_str(before);
        match time(name, now, file) {
            Some(time) => filled.push_str(&time),
            None => filled.push_str(&format!("{{{{{name}}}}}")),
        }
        rest = after;
    }
    filled.push_str(rest);
    filled
}

fn time(name: &str, now: Timestamp, file: &str) -> Option<String> {
    if let Some(days) = name
        .strip_prefix("in ")
        .and_then(|rest| rest.strip_suffix(" days"))
    {
        let hours: i64 = days.parse::<i64>().ok()? * 24;
        let at = now.checked_add(SignedDuration::from_hours(hours)).ok()?;
        let text = at.to_string();
        let is_date = file == "request.http";
        return Some(if is_date {
            text.get(..10)?.to_owned()
        } else {
            text
        });
    }

    let seconds = name
        .strip_prefix("time in ")
        .and_then(|rest| rest.strip_suffix(" s"));
    if let Some(seconds) = seconds {
        let seconds = SignedDuration::from_secs(seconds.parse().ok()?);
        return Some(now.checked_add(seconds).ok()?.to_string());
    }

    let seconds: i64 = match name.strip_prefix("now")? {
        "" => 0,
        offset => offset.parse().ok()?,
    };
    let at = now.checked_add(SignedDuration::from_secs(seconds)).ok()?;
    let is_unix = file == "server-quirk.json";
    Some(if is_unix {
        at.as_second().to_string()
    } else {
        at.to_string()
    })
}
