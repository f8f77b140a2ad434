//! Whether access became active, so that a plan may send `active: true`. Pure.

use jiff::Timestamp;

use super::context::{Binding, ReconcileContext};
use crate::store::IntentKind;
use hirewire_core::mapping::Access;

/// Whether access became active since the last reconcile, or Hirewire itself may have ended it since
/// then: an end of access that lost its cause is Hirewire's to lift. A user that was found inactive
/// was made so by another system: only the policy, or an employment that became known later, gives
/// it access.
pub(super) fn is_access_transition(
    context: &ReconcileContext<'_>,
    binding: Option<&Binding>,
) -> bool {
    let account = context.account();
    if context.access() != Access::Active {
        return false;
    }
    if let Some(found) = binding.and_then(|binding| binding.found_inactive) {
        return context.mapping.document().adopt.activate || is_employed_since(context, found);
    }

    let ended_by_us = account.last_applied.ended_by_us
        || account
            .intent
            .as_ref()
            .is_some_and(|intent| intent.kind == IntentKind::Deactivate);

    account.reconciled_access != Some(Access::Active) || ended_by_us
}

/// Whether an employment that became known after `found` has begun and has not ended.
fn is_employed_since(context: &ReconcileContext<'_>, found: Timestamp) -> bool {
    let now = context.now();
    context.person.employments.iter().any(|employment| {
        let is_later = employment.opened.is_some_and(|opened| opened > found);
        let begun = employment.start.is_some_and(|start| start.instant <= now);
        let ended = employment.end.is_some_and(|end| end.instant <= now);
        is_later && begun && !ended && employment.counts
    })
}
