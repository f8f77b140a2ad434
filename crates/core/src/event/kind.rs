//! The kinds of facts, and their replay order at one instant.
//!
//! `docs/fold.md` defines the effect of each kind, `schemas/<kind>.v1.json` its wire form. This
//! file classifies a kind; it does not apply it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The kind of a fact. On the wire `type` is `hr.worker.<kind>.v1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[allow(missing_docs, reason = "docs/fold.md, section 3, defines each kind")]
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

/// The replay order of facts with the same time: the lesser rank first (docs/fold.md, section 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Rank {
    /// `identifier_changed`, `linked`, `unlinked`, `voided`: they decide which facts belong
    /// together.
    Link,
    /// `hired`, `rehired`, `converted`.
    Start,
    /// `termination_cancelled`, `access_restored`.
    Restoration,
    /// `changed`, `leave_started`, `leave_ended`, `snapshot`.
    Change,
    /// `terminated`, `record_deleted`, `hire_rescinded`.
    Ending,
    /// `access_revoked`.
    Revocation,
}

impl Kind {
    /// Every kind, in declaration order.
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

    /// The name in snake case, as in `hr.worker.<name>.v1`, in presets and in metric labels.
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

    /// The kind with that name; the inverse of [`Kind::as_str`].
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The `CloudEvents` `type` of this kind: `hr.worker.<name>.v1`.
    pub(crate) fn type_name(self) -> String {
        format!("hr.worker.{}.v1", self.as_str())
    }

    /// The kind with that `CloudEvents` `type`; the inverse of [`Kind::type_name`].
    pub(crate) fn from_type_name(text: &str) -> Option<Self> {
        Self::parse(text.strip_prefix("hr.worker.")?.strip_suffix(".v1")?)
    }

    /// The replay order among facts with the same time.
    pub(crate) fn rank(self) -> Rank {
        match self {
            Self::IdentifierChanged | Self::Linked | Self::Unlinked | Self::Voided => Rank::Link,
            Self::Hired | Self::Rehired | Self::Converted => Rank::Start,
            Self::TerminationCancelled | Self::AccessRestored => Rank::Restoration,
            Self::Changed | Self::LeaveStarted | Self::LeaveEnded | Self::Snapshot => Rank::Change,
            Self::Terminated | Self::RecordDeleted | Self::HireRescinded => Rank::Ending,
            Self::AccessRevoked => Rank::Revocation,
        }
    }

    /// Whether it ends employment or access. A reader accepts such a fact despite a flaw in its
    /// optional members: a lost ending leaves access in place.
    pub fn ends_access(self) -> bool {
        matches!(self.rank(), Rank::Ending | Rank::Revocation)
    }

    /// Whether only an operator may state it (docs/fold.md, section 4).
    pub(crate) fn is_operator_only(self) -> bool {
        matches!(
            self,
            Self::AccessRestored | Self::Voided | Self::Linked | Self::Unlinked
        )
    }

    /// Whether it needs the worker's earlier id in `previous_worker_id`.
    pub(crate) fn names_previous_worker(self) -> bool {
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
        Self::from_type_name(&text).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "`{text}` is not a known event type; expected hr.worker.<kind>.v1"
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
            assert_eq!(Kind::from_type_name(&kind.type_name()), Some(kind));
        }
        assert_eq!(Kind::from_type_name("hr.worker.hired.v2"), None);
    }

    #[test]
    fn an_ending_is_replayed_after_a_start_of_the_same_time() {
        assert!(Kind::Hired.rank() < Kind::Terminated.rank());
        assert!(Kind::Terminated.rank() < Kind::AccessRevoked.rank());
    }
}
