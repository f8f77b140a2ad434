//! The kinds of facts (interface.md, "Canonical event") and their rank at one instant (fold.md 1).

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an event states. On the wire `type` is `hr.worker.<kind>.v1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[allow(
    missing_docs,
    reason = "each kind is described once, in docs/fold.md, and by its JSON Schema"
)]
pub enum Kind {
    Hired,
    Rehired,
    Changed,
    Terminated,
    AccessRevoked,
    TerminationCancelled,
    HireRescinded,
    LeaveStarted,
    LeaveEnded,
    Converted,
    IdentifierChanged,
    Snapshot,
    RecordDeleted,
    AccessRestored,
    Voided,
    Linked,
    Unlinked,
}

/// Which of two facts known at the same instant is replayed first: the lesser (fold.md 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rank {
    /// Links of aliases, and operators' voids.
    Link,
    /// `hired`, `rehired`, `converted`.
    Start,
    /// `termination_cancelled`, `access_restored`.
    Relief,
    /// Leaves, changes, snapshots.
    Change,
    /// `terminated`, `record_deleted`, `hire_rescinded`.
    Ending,
    /// `access_revoked`.
    Revocation,
}

impl Kind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 17] = [
        Self::Hired,
        Self::Rehired,
        Self::Changed,
        Self::Terminated,
        Self::AccessRevoked,
        Self::TerminationCancelled,
        Self::HireRescinded,
        Self::LeaveStarted,
        Self::LeaveEnded,
        Self::Converted,
        Self::IdentifierChanged,
        Self::Snapshot,
        Self::RecordDeleted,
        Self::AccessRestored,
        Self::Voided,
        Self::Linked,
        Self::Unlinked,
    ];

    /// Its word, as in `hr.worker.<word>.v1` and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hired => "hired",
            Self::Rehired => "rehired",
            Self::Changed => "changed",
            Self::Terminated => "terminated",
            Self::AccessRevoked => "access_revoked",
            Self::TerminationCancelled => "termination_cancelled",
            Self::HireRescinded => "hire_rescinded",
            Self::LeaveStarted => "leave_started",
            Self::LeaveEnded => "leave_ended",
            Self::Converted => "converted",
            Self::IdentifierChanged => "identifier_changed",
            Self::Snapshot => "snapshot",
            Self::RecordDeleted => "record_deleted",
            Self::AccessRestored => "access_restored",
            Self::Voided => "voided",
            Self::Linked => "linked",
            Self::Unlinked => "unlinked",
        }
    }

    /// The kind of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The `CloudEvents` `type`.
    pub fn type_name(self) -> String {
        format!("hr.worker.{}.v1", self.as_str())
    }

    /// The kind of a `CloudEvents` `type`.
    pub fn of_type_name(text: &str) -> Option<Self> {
        Self::parse(text.strip_prefix("hr.worker.")?.strip_suffix(".v1")?)
    }

    /// Its place among facts known at the same instant.
    pub fn rank(self) -> Rank {
        match self {
            Self::IdentifierChanged | Self::Linked | Self::Unlinked | Self::Voided => Rank::Link,
            Self::Hired | Self::Rehired | Self::Converted => Rank::Start,
            Self::TerminationCancelled | Self::AccessRestored => Rank::Relief,
            Self::Changed | Self::LeaveStarted | Self::LeaveEnded | Self::Snapshot => Rank::Change,
            Self::Terminated | Self::RecordDeleted | Self::HireRescinded => Rank::Ending,
            Self::AccessRevoked => Rank::Revocation,
        }
    }

    /// Whether it ends employment or access: never dropped for a flaw that could be overlooked.
    pub fn ends_access(self) -> bool {
        matches!(self.rank(), Rank::Ending | Rank::Revocation)
    }

    /// Kinds that only an operator may state (fold.md 4).
    pub fn is_operators_only(self) -> bool {
        matches!(
            self,
            Self::AccessRestored | Self::Voided | Self::Linked | Self::Unlinked
        )
    }

    /// Kinds that name the worker's earlier id in `previous_worker_id`.
    pub fn names_previous_worker(self) -> bool {
        matches!(self, Self::Converted | Self::IdentifierChanged)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Kind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.type_name())
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::of_type_name(&text).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "`{text}` is no event type known here; expected hr.worker.<kind>.v1"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_back_from_its_type_name() {
        for kind in Kind::ALL {
            assert_eq!(Kind::of_type_name(&kind.type_name()), Some(kind));
        }
        assert_eq!(Kind::of_type_name("hr.worker.hired.v2"), None);
    }

    #[test]
    fn at_one_instant_an_ending_is_replayed_after_a_start() {
        assert!(Kind::Hired.rank() < Kind::Terminated.rank());
        assert!(Kind::Terminated.rank() < Kind::AccessRevoked.rank());
    }
}
