//! Since when a leaver's user should have been inactive, and whether a commit proves that it is. Pure.

use jiff::Timestamp;

use super::context::ReconcileContext;
use crate::{
    store::{Commit, OutcomeKind},
    worker::Mode,
};
use hirewire_core::mapping::Access;

/// When the account should have been inactive; `None`: access is desired, or nothing is sent in
/// this mode. `terminated_at`: when the termination was both known and effective.
pub(super) fn since(
    context: &ReconcileContext<'_>,
    terminated_at: Option<Timestamp>,
) -> Option<Timestamp> {
    if context.access() != Access::Inactive || context.settings.mode == Mode::Observe {
        return None;
    }

    let account = context.account();
    // A termination before the last reconcile is an older one, or has `leaver_since` already.
    let terminated_at = terminated_at.filter(|terminated| {
        let is_new = account.last_run_at.is_none_or(|last| *terminated >= last);
        is_new && *terminated <= context.now()
    });
    account
        .leaver_since
        .or(terminated_at)
        .or(account.pending_since)
        .or(Some(context.now()))
}

/// Whether nothing is left to prove: the user is inactive, does not exist, or is not managed.
pub(super) fn is_proven_inactive(commit: &Commit) -> bool {
    commit.reconciled_access == Some(Access::Inactive)
        || commit.outcome.kind == OutcomeKind::Unmanaged
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;

    use super::*;
    use crate::worker::reconcile::golden::{Fixture, now};

    fn since_of(fixture: &Fixture, terminated_at: Option<Timestamp>) -> Option<Timestamp> {
        fixture.in_context(|context| since(&context, terminated_at))
    }

    #[test]
    fn a_leaver_counts_from_the_termination_until_it_is_proven_inactive() {
        let hour_ago = now() - 1.hours();
        assert_eq!(since_of(&Fixture::employee(), Some(hour_ago)), None);
        assert_eq!(since_of(&Fixture::leaver(), Some(hour_ago)), Some(hour_ago));
        assert_eq!(since_of(&Fixture::leaver(), None), Some(now()));

        let day_ago = now() - 24.hours();
        let waiting = Fixture::leaver().with(|f| f.claim.account.leaver_since = Some(day_ago));
        assert_eq!(since_of(&waiting, Some(hour_ago)), Some(day_ago));

        let older = now() - 48.hours();
        assert_eq!(since_of(&Fixture::leaver(), Some(older)), Some(now()));

        let observed = Fixture::leaver().with(|f| f.settings.mode = Mode::Observe);
        assert_eq!(since_of(&observed, Some(hour_ago)), None);
    }
}
