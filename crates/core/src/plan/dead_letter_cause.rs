//! The causes of dead letters, and their names in filters, metrics and the store.
//!
//! `docs/dead-letters.md` describes each cause: what happened and what to do. The verdict table
//! gives the causes of failed requests; the fold gives those of findings.

use serde_json::Value;

use crate::fold::FindingKind;

/// The cause of a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeadLetterCause {
    /// The preset of its source cannot read an authentic hook.
    Unreadable,
    /// The store refused an event of an authentic hook, or the result of a reconcile.
    Unstorable,
    /// The broker delivered a message up to its limit and no worker acked it.
    Poison,
    /// All attempts failed: the target was unreachable or asked to wait each time.
    Exhausted,
    /// Another account has a unique value that this person's account needs, or the adopt policy
    /// forbids to take the account that was found.
    Conflict,
    /// Several accounts at the target match the person.
    Ambiguous,
    /// The target refused a request, or an expression of the mapping failed.
    Refused,
    /// The bound account no longer exists at the target.
    Vanished,
    /// The target answered a deactivation with success, but the account is still active.
    NotEffective,
    /// Access ended, but the account is protected from deactivation.
    Protected,
    /// Access ended minutes ago, and it is not proven that the account is inactive.
    LeaverOverdue,
    /// The fold noticed a contradiction in the events of a person.
    Finding(FindingKind),
}

impl DeadLetterCause {
    /// Every cause that is not a finding of the fold.
    const PLAIN: [Self; 11] = [
        Self::Unreadable,
        Self::Unstorable,
        Self::Poison,
        Self::Exhausted,
        Self::Conflict,
        Self::Ambiguous,
        Self::Refused,
        Self::Vanished,
        Self::NotEffective,
        Self::Protected,
        Self::LeaverOverdue,
    ];

    /// The name in filters, metrics and `docs/dead-letters.md`. A finding keeps the fold's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Unstorable => "unstorable",
            Self::Poison => "poison",
            Self::Exhausted => "exhausted",
            Self::Conflict => "conflict",
            Self::Ambiguous => "ambiguous",
            Self::Refused => "refused",
            Self::Vanished => "vanished",
            Self::NotEffective => "not_effective",
            Self::Protected => "protected",
            Self::LeaverOverdue => "leaver_overdue",
            Self::Finding(finding) => finding_name(finding),
        }
    }

    /// The names of all causes, those of findings last.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let findings = FINDINGS.into_iter().map(Self::Finding);
        Self::PLAIN.into_iter().chain(findings).map(Self::as_str)
    }

    /// The cause with this name; `None`: the name is not known.
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

/// Every finding; `finding_name` is exhaustive, and a test compares both.
const FINDINGS: [FindingKind; 15] = [
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
    FindingKind::GroupNotFound,
    FindingKind::EndedUnknown,
];

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
        FindingKind::GroupNotFound => "group_not_found",
        FindingKind::EndedUnknown => "ended_unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_read_back_from_its_name() {
        for cause in DeadLetterCause::PLAIN
            .into_iter()
            .chain(FINDINGS.map(DeadLetterCause::Finding))
        {
            assert_eq!(DeadLetterCause::parse(cause.as_str()), Some(cause));
        }
        assert_eq!(DeadLetterCause::parse("unknown_cause"), None);
    }
}
