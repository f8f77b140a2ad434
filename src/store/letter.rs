//! Dead letters: what could not be applied, for operators.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::PersonKey;
use crate::{
    event::{HookId, SourceId},
    fold::FindingKind,
};

/// A letter's id, short enough to type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LetterId(pub String);

impl fmt::Display for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a letter was filed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each cause is described once, in docs/dead-letters.md")]
pub enum Cause {
    Unreadable,
    Poison,
    Exhausted,
    Conflict,
    Ambiguous,
    Refused,
    Vanished,
    NotEffective,
    Protected,
    Finding(FindingKind),
}

impl Cause {
    /// Every cause that is no finding.
    const PLAIN: [Self; 9] = [
        Self::Unreadable,
        Self::Poison,
        Self::Exhausted,
        Self::Conflict,
        Self::Ambiguous,
        Self::Refused,
        Self::Vanished,
        Self::NotEffective,
        Self::Protected,
    ];

    /// Its name, as in filters, metrics and docs/dead-letters.md; a finding's is the fold's.
    pub fn name(self) -> String {
        match self {
            Self::Unreadable => "unreadable".to_owned(),
            Self::Poison => "poison".to_owned(),
            Self::Exhausted => "exhausted".to_owned(),
            Self::Conflict => "conflict".to_owned(),
            Self::Ambiguous => "ambiguous".to_owned(),
            Self::Refused => "refused".to_owned(),
            Self::Vanished => "vanished".to_owned(),
            Self::NotEffective => "not_effective".to_owned(),
            Self::Protected => "protected".to_owned(),
            Self::Finding(finding) => super::ask::to_word(&finding),
        }
    }

    /// The cause of that name.
    pub fn parse(name: &str) -> Option<Self> {
        let finding = || serde_json::from_value(Value::String(name.to_owned())).ok().map(Self::Finding);
        Self::PLAIN.into_iter().find(|cause| cause.name() == name).or_else(finding)
    }
}

/// What a letter is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LetterAbout {
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
pub struct NewLetter {
    /// What it is about.
    pub about: LetterAbout,
    /// Why.
    pub cause: Cause,
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
    pub id: LetterId,
    /// What it is about.
    pub about: LetterAbout,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_read_back_from_its_name() {
        for cause in Cause::PLAIN.into_iter().chain([Cause::Finding(FindingKind::TwoAccounts)]) {
            assert_eq!(Cause::parse(&cause.name()), Some(cause));
        }
        assert_eq!(Cause::Finding(FindingKind::HrSaysActive).name(), "hr_says_active");
        assert_eq!(Cause::parse("whatever"), None);
    }
}
