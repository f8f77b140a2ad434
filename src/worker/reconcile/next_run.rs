//! The next run of an account that is reconciled: the audits of a leaver, and the access that follows
//! once `active` is known. Pure.

use std::time::Duration;

use super::{context::after, outcome::CommitBuilder};
use crate::store::{Commit, OutcomeKind, Priority};
use hirewire_core::mapping::{Access, GivenAccess};

impl CommitBuilder<'_> {
    /// Runs again at once if the reconcile changed the desired access: access is withdrawn, and the
    /// facts alone decide from now on; or a read shows that the user is active, and they give none.
    pub(super) fn follow_given_access(&self, commit: &mut Commit) {
        let context = self.context;
        if context.access() == Access::Active || context.is_second_account() {
            return;
        }
        let account = context.account();
        let reconciled = commit.reconciled_access.or(account.reconciled_access);
        let given = if commit.scim_id.is_some() {
            commit.last_applied.given_access(reconciled)
        } else {
            GivenAccess::ByOthers
        };
        if given == account.given_access() {
            return;
        }

        let follows = context.mapping.access(context.person, given, context.now());
        if follows.access != context.access() {
            commit.next_due_at = Some(self.at);
            if follows.access == Access::Inactive {
                commit.priority = Priority::Leaver;
            }
        }
    }

    /// A leaver's account is read again, so that a later activation by another system is found.
    pub(super) fn schedule_audit(&self, commit: &mut Commit) {
        let account = self.context.account();
        let is_audit = account.reconciled_access == Some(Access::Inactive)
            && account.reconciled_version == self.context.claim.person_version
            && commit.outcome.kind == OutcomeKind::Unchanged;

        commit.audits = if is_audit {
            account.audits.saturating_add(1)
        } else {
            0
        };
        let audit = after(self.at, audit_delay(commit.audits));
        commit.next_due_at = Some(commit.next_due_at.map_or(audit, |due| due.min(audit)));
    }
}

/// A leaver's account is read again after 1 hour, 1 day, 7 days, then every 30 days.
fn audit_delay(audits: u32) -> Duration {
    Duration::from_hours(match audits {
        0 => 1,
        1 => 24,
        2 => 7 * 24,
        _ => 30 * 24,
    })
}
