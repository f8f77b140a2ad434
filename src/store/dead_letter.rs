//! Dead letters: what could not be last_applied, for operators.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::PersonKey;
use hirewire_core::{
    event::{HookId, SourceId},
    plan::DeadLetterCause,
};

/// A letter's id, short enough to type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeadLetterId(pub String);

impl fmt::Display for DeadLetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a letter is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadLetterSubject {
    /// An account.
    Account {
        /// The connection.
        connection: String,
        /// The person.
        person: PersonKey,
    },
    /// A person (a finding of the fold).
    Person {
        /// The person.
        person: PersonKey,
    },
    /// A raw hook.
    Hook {
        /// The source.
        source: SourceId,
        /// The hook.
        hook: HookId,
    },
}

/// A letter to be filed.
#[derive(Clone, Debug, PartialEq)]
pub struct NewDeadLetter {
    /// What it is about.
    pub about: DeadLetterSubject,
    /// Why.
    pub cause: DeadLetterCause,
    /// What happened and what to do, in one sentence; no personal data.
    pub summary: String,
    /// Facts for operators: scimType, detail, status, the requests, candidates' ids.
    pub detail: Value,
    /// Unreadable hooks: the raw body and its allow-listed headers.
    pub raw: Option<Vec<u8>>,
}

/// A letter as filed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeadLetter {
    /// Its id.
    pub id: DeadLetterId,
    /// What it is about.
    pub about: DeadLetterSubject,
    /// Why, by name.
    pub cause: String,
    /// What happened and what to do.
    pub summary: String,
    /// Facts for operators.
    pub detail: Value,
    /// When it was first filed.
    pub filed: Timestamp,
    /// When the same happened last.
    pub last: Timestamp,
    /// How often.
    pub count: u32,
    /// When it was closed, and it is closed.
    pub closed: Option<Timestamp>,
    /// Whether raw bytes are kept with it.
    pub has_raw: bool,
}
