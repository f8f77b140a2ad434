//! Assess: compares the desired with the current state and plans. It only reads the target.
//!
//! [`decide`] is pure. From the context and the answers so far it names the next read, or completes
//! the assessment; [`assess`] sends the reads. A preview and mode `observe` use it too. A leaver
//! needs the binding alone: no mapping, scope or group rule can delay a deactivation, and `active`
//! is the value of a GET, never a remembered one.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::{
    context::{Assessment, Binding, ReconcileContext},
    dead_letters::failure_detail,
    locate::{Located, locate, second_accounts},
    next_step::{Conclusion, NextStep},
    notes::nothing_to_send,
    readings::{Matches, Read, ReadError, Readings},
    transition::is_access_transition,
};
use crate::{
    scim_client::{Lookup, RefusedKey},
    store::{OutcomeKind, Store},
    worker::connection::PublishedConnection,
};
use hirewire_core::{
    fold::Status,
    mapping::{Access, Desired, EvaluationError},
    plan::{
        self, Current, CurrentGroups, DeactivationPlan, DeadLetterCause, Input, LastApplied,
        LeaverAccount, Operation, Plan, Policy, ReadRequired, plan_deactivation,
    },
    scim::member,
};

/// The answer of [`decide`].
#[derive(Debug)]
pub(super) enum Decision {
    /// This must be read first.
    Read(Read),
    Complete(Box<Assessment>),
}

/// Reads what is needed of the target and says what is to be done.
pub(crate) async fn assess(
    context: &ReconcileContext<'_>,
    published: &PublishedConnection,
    store: &Store,
) -> Result<Assessment, ReadError> {
    let mut readings = Readings::default();
    loop {
        match decide(context, &readings) {
            Decision::Read(read) => readings.take(read, context, published, store).await?,
            Decision::Complete(assessment) => return Ok(*assessment),
        }
    }
}

/// Says what is to be done, or what must be read to know it.
pub(super) fn decide(context: &ReconcileContext<'_>, readings: &Readings) -> Decision {
    match (context.access(), &context.desired.user) {
        (Access::Unmanaged, _) => complete(NextStep::reconciled(OutcomeKind::Unmanaged, "")),
        (Access::Inactive, _) if was_never_managed(context) => {
            let why = "out of scope, and never managed by Hirewire";
            complete(NextStep::reconciled(OutcomeKind::Unmanaged, why))
        }
        (Access::Inactive, _) => decide_leaver(context, readings),
        (Access::Active | Access::Prepared, Err(error)) => complete(mapping_failed(error)),
        (Access::Active | Access::Prepared, Ok(desired)) => decide_user(context, desired, readings),
    }
}

fn complete(next: NextStep) -> Decision {
    let assessment = Assessment {
        next,
        ..Assessment::unread()
    };
    Decision::Complete(Box::new(assessment))
}

/// Whether an employed person is out of scope and never had an account of Hirewire's: an account
/// that somebody created by hand then stays.
fn was_never_managed(context: &ReconcileContext<'_>) -> bool {
    let is_employed = match context.person.status {
        Status::Active | Status::Upcoming => true,
        Status::Unknown | Status::OnLeave | Status::Ended => false,
    };
    let account = context.account();
    is_employed
        && !context.is_second_account()
        && account.scim_id.is_none()
        && account.intent.is_none()
}

fn mapping_failed(error: &EvaluationError) -> NextStep {
    NextStep::Commit(Conclusion::FileDeadLetter {
        cause: DeadLetterCause::Refused,
        summary: format!(
            "The mapping failed for this person: {error}. Fix the expression or the data in HR, \
             then replay."
        ),
        detail: json!({ "expression": error.at }),
    })
}

/// Locates the user. A key that the target cannot be asked by may belong to a user all the same:
/// then nobody knows, and nothing is created.
fn locate_by_any_key(context: &ReconcileContext<'_>, readings: &Readings) -> Located {
    match (
        locate(context, readings.matches.as_ref()),
        &readings.matches,
    ) {
        (
            Located::NotFound,
            Some(Matches {
                found: Lookup::NotFound { refused, .. },
                ..
            }),
        ) if !refused.is_empty() => Located::Undecided(not_asked(refused)),
        (located, _) => located,
    }
}

fn not_asked(refused: &[RefusedKey]) -> Conclusion {
    let keys: Vec<String> = refused
        .iter()
        .map(|key| format!("{} ({})", key.path, key.failure.kind))
        .collect();
    let answers: Vec<Value> = refused
        .iter()
        .map(|key| {
            let mut answer = failure_detail(&key.failure);
            if let Some(members) = answer.as_object_mut() {
                members.insert("attribute".to_owned(), json!(key.path.as_str()));
            }
            answer
        })
        .collect();
    Conclusion::FileDeadLetter {
        cause: DeadLetterCause::Refused,
        summary: format!(
            "The target cannot be searched by {}, and no other match key finds a user. Nothing \
             was sent, because the person may have an account. List in `match` only keys that it \
             can be searched by, then replay.",
            keys.join(", ")
        ),
        detail: json!({ "refused": answers }),
    }
}

/// The end of access: finds the account, reads it, searches a second one, deactivates it.
fn decide_leaver(context: &ReconcileContext<'_>, readings: &Readings) -> Decision {
    let mut binding = match locate_by_any_key(context, readings) {
        Located::Bound(binding) => binding,
        Located::Unsearched => return Decision::Read(Read::Matches),
        Located::NotFound => {
            let why = if context.desired.keys.is_empty() {
                "no match key is known"
            } else {
                ""
            };
            return complete(NextStep::reconciled(OutcomeKind::LeaverNotFound, why));
        }
        Located::Undecided(conclusion) => return complete(NextStep::Commit(conclusion)),
    };
    let Some(user) = &readings.user else {
        return Decision::Read(Read::User(binding.id));
    };
    let Some(found) = &readings.second_accounts else {
        return Decision::Read(Read::SecondAccounts);
    };

    let user_name = member(user, "userName").and_then(Value::as_str);
    let leaver = LeaverAccount {
        active: plan::is_active(user),
        protected: user_name.is_some_and(|name| context.mapping.is_protected(name)),
        held: context.account().held,
    };
    let next = match plan_deactivation(leaver) {
        DeactivationPlan::AlreadyInactive => {
            NextStep::reconciled(OutcomeKind::Unchanged, "inactive")
        }
        DeactivationPlan::Held => NextStep::reconciled(OutcomeKind::Waiting, "held"),
        DeactivationPlan::Protected => NextStep::Commit(Conclusion::FileDeadLetter {
            cause: DeadLetterCause::Protected,
            summary: "This person left, and `protect` lists the account, so it is still active. \
                      Deactivate it by hand, or take it out of `protect` and replay."
                .to_owned(),
            detail: json!({ "user": binding.id }),
        }),
        DeactivationPlan::Deactivate(plan) => NextStep::Execute(plan.operations),
    };

    let second_accounts = second_accounts(context, found, &binding.id);
    binding.resource = Some(user.clone());
    let assessment = Assessment {
        binding: Some(binding),
        second_accounts,
        next,
        ..Assessment::unread()
    };
    Decision::Complete(Box::new(assessment))
}

/// An account that gives access: finds it, reads what the plan needs, plans.
fn decide_user(context: &ReconcileContext<'_>, desired: &Desired, readings: &Readings) -> Decision {
    let mut binding = match locate_by_any_key(context, readings) {
        Located::Bound(binding) => Some(binding),
        Located::NotFound => None,
        Located::Unsearched => return Decision::Read(Read::Matches),
        Located::Undecided(conclusion) => return complete(NextStep::Commit(conclusion)),
    };

    if let Some(binding) = &binding
        && context.gone
    {
        return complete_gone(context, binding);
    }

    let mut assessment = Assessment::unread();
    // After a create without an answer a second account may have appeared.
    if let Some(binding) = &binding
        && context.account().verify_at.is_some()
    {
        let Some(found) = &readings.second_accounts else {
            return Decision::Read(Read::SecondAccounts);
        };
        assessment.second_accounts = second_accounts(context, found, &binding.id);
    }

    let id = binding.as_ref().map(|binding| binding.id.clone());
    let Some(groups) = &readings.groups else {
        return Decision::Read(Read::Groups(id));
    };
    if let (Some(binding), Some(user)) = (&mut binding, &readings.user) {
        binding.resource = Some(user.clone());
    }

    let access_transition = is_access_transition(context, binding.as_ref());
    let is_read = binding
        .as_ref()
        .is_none_or(|binding| binding.resource.is_some());
    let plan = if !is_read && (access_transition || context.must_read()) {
        Err(ReadRequired)
    } else {
        plan_user(
            context,
            binding.as_ref(),
            desired,
            &groups.current,
            access_transition,
        )
    };
    let plan = match (plan, id) {
        (Err(ReadRequired), Some(id)) if readings.user.is_none() => {
            return Decision::Read(Read::User(id));
        }
        (plan, _) => plan.unwrap_or_default(),
    };

    assessment.binding = binding;
    assessment.group_failures.clone_from(&groups.failures);
    Decision::Complete(Box::new(with_plan(assessment, plan)))
}

/// The target deleted or hid the user when Hirewire deactivated it, so that a read answers 404.
fn complete_gone(context: &ReconcileContext<'_>, binding: &Binding) -> Decision {
    let next = if context.access() == Access::Active {
        NextStep::Revive(vec![Operation::Reactivate])
    } else {
        let why = "gone at the target; made anew when access begins";
        NextStep::reconciled(OutcomeKind::Unchanged, why)
    };
    let assessment = Assessment {
        binding: Some(binding.clone()),
        next,
        ..Assessment::unread()
    };
    Decision::Complete(Box::new(assessment))
}

fn with_plan(assessment: Assessment, plan: Plan) -> Assessment {
    let next = if plan.operations.is_empty() {
        nothing_to_send(&plan.notes)
    } else {
        NextStep::Execute(plan.operations)
    };
    Assessment {
        next,
        in_sync: plan.in_sync,
        notes: plan.notes,
        ..assessment
    }
}

fn plan_user(
    context: &ReconcileContext<'_>,
    binding: Option<&Binding>,
    desired: &Desired,
    groups: &CurrentGroups,
    access_transition: bool,
) -> Result<Plan, ReadRequired> {
    let (current, adopting, last_applied) = match binding {
        None => {
            let last_applied = LastApplied {
                created_by_us: true,
                ..LastApplied::default()
            };
            (Current::Absent, false, Cow::Owned(last_applied))
        }
        Some(binding) => (
            binding
                .resource
                .as_ref()
                .map_or(Current::Unread, Current::Read),
            binding.adopting,
            last_applied_for(context, binding),
        ),
    };

    let input = Input {
        access: context.access(),
        access_transition,
        held: context.account().held,
        adopting,
        desired,
        current,
        last_applied: &last_applied,
        groups,
    };
    let document = context.mapping.document();
    let policy = Policy {
        adopt: document.adopt,
        external_id_on: document.external_id_on,
        groups: document.groups_policy,
    };
    plan::plan(&input, &document.profile, policy)
}

/// The row's `last_applied` with what the binding states. What was refused is tried
/// once more with a new mapping, and when the account is to be verified: after a replay.
fn last_applied_for<'a>(context: &ReconcileContext<'a>, binding: &Binding) -> Cow<'a, LastApplied> {
    let account = context.account();
    let (last_applied, created_by_us) = (&account.last_applied, binding.created_by_us);
    let tries_refused = account.verify_at.is_some()
        || account.reconciled_mapping_version != context.claim.mapping_version;
    let forgets = tries_refused && !last_applied.refused.is_empty();
    let is_as_bound = last_applied.created_by_us == created_by_us
        && last_applied.found_inactive == binding.found_inactive;
    if is_as_bound && !forgets {
        return Cow::Borrowed(last_applied);
    }

    let mut last_applied = LastApplied {
        created_by_us,
        found_inactive: binding.found_inactive,
        ..last_applied.clone()
    };
    if forgets {
        last_applied.refused.clear();
    }
    Cow::Owned(last_applied)
}
