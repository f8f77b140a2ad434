//! Dead letters: what could not be last_applied, for operators.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::PersonKey;
use hirewire_core::{
    event::{HookId, SourceId},
    fold::FindingKind,
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

/// Why a letter was filed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(
    missing_docs,
    reason = "each cause is described once, in docs/dead-letters.md"
)]
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
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Poison => "poison",
            Self::Exhausted => "exhausted",
            Self::Conflict => "conflict",
            Self::Ambiguous => "ambiguous",
            Self::Refused => "refused",
            Self::Vanished => "vanished",
            Self::NotEffective => "not_effective",
            Self::Protected => "protected",
            Self::Finding(finding) => finding_name(finding),
        }
    }

    /// The cause of that name.
    pub fn parse(name: &str) -> Option<Self> {
        let finding = || {
            serde_json::from_value(Value::String(name.to_owned()))
                .ok()
                .map(Self::Finding)
        };
        Self::PLAIN
            .into_iter()
            .find(|cause| cause.as_str() == name)
            .or_else(finding)
    }
}

fn finding_name(finding: FindingKind) -> &'static str {
    match finding {
        FindingKind::IdReused => "id_reused",
        FindingKind::ImplausibleTime => "implausible_time",
        FindingKind::ImplausibleEffective => "implausible_effective",
        FindingKind::SupersedingMismatch => "superseding_mismatch",
        FindingKind::StartInsideEnded => "start_inside_ended",
        FindingKind::StartWithoutDate => "start_without_date",
        FindingKind::EndedSeveral => "ended_several",
        FindingKind::WhichEmployment => "which_employment",
        FindingKind::NothingToCancel => "nothing_to_cancel",
        FindingKind::HrSaysActive => "hr_says_active",
        FindingKind::MissingFromList => "missing_from_list",
        FindingKind::EndDateWithoutEnding => "end_date_without_ending",
        FindingKind::TwoAccounts => "two_accounts",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_read_back_from_its_name() {
        let findings = [
            FindingKind::IdReused,
            FindingKind::ImplausibleTime,
            FindingKind::ImplausibleEffective,
            FindingKind::SupersedingMismatch,
            FindingKind::StartInsideEnded,
            FindingKind::StartWithoutDate,
            FindingKind::EndedSeveral,
            FindingKind::WhichEmployment,
            FindingKind::NothingToCancel,
            FindingKind::HrSaysActive,
            FindingKind::MissingFromList,
            FindingKind::EndDateWithoutEnding,
            FindingKind::TwoAccounts,
        ];
        for cause in Cause::PLAIN.into_iter().chain(findings.map(Cause::Finding)) {
            assert_eq!(Cause::parse(cause.as_str()), Some(cause));
        }
        assert_eq!(Cause::parse("whatever"), None);
    }
}
