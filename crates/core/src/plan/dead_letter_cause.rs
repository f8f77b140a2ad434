//! The causes of dead letters, and their names in filters, metrics and the store.
//!
//! `docs/dead-letters.md` describes each cause: what happened and what to do. The verdict table
//! gives the causes of failed requests; the fold gives those of findings.

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
            Self::Finding(finding) => finding.as_str(),
        }
    }

    /// The names of all causes, those of findings last.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Self::all().map(Self::as_str)
    }

    fn all() -> impl Iterator<Item = Self> {
        let findings = FindingKind::ALL.iter().copied().map(Self::Finding);
        Self::PLAIN.into_iter().chain(findings)
    }

    /// The cause with this name; `None`: the name is not known.
    pub fn parse(name: &str) -> Option<Self> {
        Self::all().find(|cause| cause.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_read_back_from_its_name() {
        let names: Vec<_> = DeadLetterCause::names().collect();
        assert!(names.contains(&"ended_unknown") && names.contains(&"leaver_overdue"));
        for name in names {
            let cause = DeadLetterCause::parse(name);
            assert_eq!(cause.map(DeadLetterCause::as_str), Some(name));
        }
        assert_eq!(DeadLetterCause::parse("unknown_cause"), None);
    }
}
