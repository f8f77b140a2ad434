//! Dead letters: problems that need an operator. At most one is open for each subject and cause.
//!
//! `filing` opens and closes them, `listing` reads them, `replay` makes their accounts pending.

pub(super) mod filing;
mod listing;
mod replay;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use listing::{DeadLetterFilter, RawHook};
pub use replay::ReplayResult;

use super::PersonKey;
use crate::telemetry;
use hirewire_core::{
    event::{HookId, SourceId},
    plan::DeadLetterCause,
};

/// The digits of an id, without those that look like another one.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The id of a dead letter: eight characters, short enough to type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeadLetterId(pub String);

impl fmt::Display for DeadLetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl DeadLetterId {
    /// A new id from 40 random bits. Two dead letters may get the same one.
    fn random() -> Self {
        let uuid = telemetry::new_id();
        let random = uuid.bytes().rev().filter(u8::is_ascii_hexdigit).take(10);
        let number = random.fold(0_u64, |number, digit| {
            number << 4 | u64::from(char::from(digit).to_digit(16).unwrap_or(0))
        });

        let digit = |index: u32| {
            let digit = DIGITS.get((number >> (index * 5) & 31) as usize);
            char::from(digit.copied().unwrap_or(b'0'))
        };
        Self((0..8).map(digit).collect())
    }
}

/// The subject of a dead letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadLetterSubject {
    /// An account.
    Account {
        /// The account's connection.
        connection: String,
        /// The account's person.
        person: PersonKey,
    },
    /// A person: a finding of the fold.
    Person {
        /// The person's key.
        person: PersonKey,
    },
    /// A hook that is unreadable or poison.
    Hook {
        /// The source that sent it.
        source: SourceId,
        /// The hook's id.
        hook: HookId,
    },
}

impl DeadLetterSubject {
    /// The person whom it names.
    pub fn person(&self) -> Option<&PersonKey> {
        match self {
            Self::Account { person, .. } | Self::Person { person } => Some(person),
            Self::Hook { .. } => None,
        }
    }

    /// The connection that it names.
    fn connection(&self) -> Option<&str> {
        match self {
            Self::Account { connection, .. } => Some(connection),
            Self::Person { .. } | Self::Hook { .. } => None,
        }
    }

    /// The column `subject_kind`.
    fn kind(&self) -> &'static str {
        match self {
            Self::Account { .. } => "account",
            Self::Person { .. } => "person",
            Self::Hook { .. } => "hook",
        }
    }

    /// The column `subject`: one text that identifies it.
    fn text(&self) -> String {
        match self {
            Self::Account { connection, person } => format!("account {connection} {person}"),
            Self::Person { person } => format!("person {person}"),
            Self::Hook { source, hook } => format!("hook {source} {hook}"),
        }
    }
}

/// A dead letter to file.
#[derive(Clone, Debug, PartialEq)]
pub struct NewDeadLetter {
    /// The account, person or hook that it is about.
    pub subject: DeadLetterSubject,
    /// Why an operator is needed.
    pub cause: DeadLetterCause,
    /// The problem and the remedy, in one sentence; no personal data.
    pub summary: String,
    /// Details for operators: status, `scimType`, `detail`, the requests, ids of candidates.
    pub detail: Value,
    /// For a hook: its raw body and its allow-listed headers.
    pub raw: Option<Vec<u8>>,
}

/// A dead letter as filed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeadLetter {
    /// Its id.
    pub id: DeadLetterId,
    /// The account, person or hook that it is about.
    pub subject: DeadLetterSubject,
    /// The name of its cause, as in docs/dead-letters.md.
    pub cause: String,
    /// The problem and the remedy.
    pub summary: String,
    /// Details for operators.
    pub detail: Value,
    /// When it was filed first.
    pub filed_at: Timestamp,
    /// When the same problem occurred last.
    pub last_filed_at: Timestamp,
    /// How often the problem occurred.
    pub occurrences: u32,
    /// When it was closed; `None`: it is open.
    pub closed_at: Option<Timestamp>,
    /// Whether raw bytes are kept with it.
    pub has_raw: bool,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_differ_and_have_digits_that_a_person_can_type() {
        let ids: BTreeSet<_> = (0..500).map(|_| DeadLetterId::random().0).collect();
        assert_eq!(ids.len(), 500);
        assert!(
            ids.iter()
                .all(|id| id.len() == 8 && id.bytes().all(|digit| DIGITS.contains(&digit)))
        );
    }
}
