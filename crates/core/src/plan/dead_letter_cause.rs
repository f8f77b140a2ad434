//! The causes of dead letters, and the names by which operators, filters and metrics know them.

use serde_json::Value;

use crate::fold::FindingKind;

/// Why a letter was filed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(
    missing_docs,
    reason = "each cause is described once, in docs/dead-letters.md"
)]
pub enum DeadLetterCause {
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

impl DeadLetterCause {
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
        for cause in DeadLetterCause::PLAIN.into_iter().chain(findings.map(DeadLetterCause::Finding)) {
            assert_eq!(DeadLetterCause::parse(cause.as_str()), Some(cause));
        }
        assert_eq!(DeadLetterCause::parse("whatever"), None);
    }
}
