//! The account of a person who was merged into another person.
//!
//! If the other person has no account on the connection, the binding moves there. Else this is a
//! second account: it is reconciled with no access desired, and one dead letter is filed.

use std::time::Duration;

use super::{
    ReconcileError, Reconciler,
    context::{ReconcileContext, after},
    dead_letters, outcome,
    progress::SentRequest,
};
use crate::{
    store::{Commit, LastApplied, Outcome, OutcomeKind, PersonKey},
    worker::connection::PublishedConnection,
};

/// How long the account waits while the other person's account is being reconciled.
const BUSY_DELAY: Duration = Duration::from_secs(1);

impl Reconciler {
    /// Reconciles the account of a person who was merged `into` another.
    pub(super) async fn reconcile_merged(
        &self,
        context: ReconcileContext<'_>,
        published: &PublishedConnection,
        into: &PersonKey,
    ) -> Result<(Commit, Vec<SentRequest>), ReconcileError> {
        let account = context.account();
        if account.scim_id.is_none() && account.intent.is_none() {
            let (status, detail) = (context.person.status, format!("merged into person {into}"));
            let commit = outcome::reconciled(account, status, OutcomeKind::Unmanaged, detail);
            return Ok((commit, Vec::new()));
        }

        let others = self.store.accounts(into).await?;
        let other = others
            .iter()
            .find(|view| view.account.connection == account.connection);
        let other_is_bound = other.is_some_and(|view| view.account.scim_id.is_some());
        if !other_is_bound && account.scim_id.is_some() {
            return Ok((self.move_binding(&context, into).await?, Vec::new()));
        }

        let (mut commit, sent) = self.run(context, published).await?;
        // Filed once, with the deactivation: later audits find the account inactive.
        if commit.outcome.kind == OutcomeKind::Deactivated {
            commit
                .dead_letters
                .push(dead_letters::merged(account, into));
        }
        Ok((commit, sent))
    }

    async fn move_binding(
        &self,
        context: &ReconcileContext<'_>,
        into: &PersonKey,
    ) -> Result<Commit, ReconcileError> {
        let account = context.account();
        let moved = self.store.move_binding(context.claim, into).await?;

        Ok(if moved {
            let outcome = Outcome::new(OutcomeKind::Unmanaged, "the binding moved");
            Commit {
                verify_at: None,
                scim_id: None,
                last_applied: LastApplied::default(),
                reconciled: true,
                next_due_at: None,
                ..Commit::keeping(account, outcome)
            }
        } else {
            let why = "the account of the other person is being reconciled";
            Commit {
                verify_at: None,
                not_before: Some(after(context.now(), BUSY_DELAY)),
                ..Commit::keeping(account, Outcome::new(OutcomeKind::Waiting, why))
            }
        })
    }
}
