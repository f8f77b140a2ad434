//! Dead letters for findings of the fold, and the time of a termination. Pure.
//!
//! In: the folded person and their events. Out: one dead letter for each kind of finding that an
//! operator must act on, once. The other findings are shown by `people show` alone.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::context::{ReconcileContext, after};
use crate::store::{DeadLetterCause, DeadLetterSubject, NewDeadLetter};
use hirewire_core::{
    event::{Event, SourceId},
    fold::{Finding, FindingKind, Person},
};

/// The clock of an intake may be this far behind the store's.
const CLOCK_SKEW: Duration = Duration::from_mins(10);

/// Dead letters for the findings that came with facts newer than the last reconcile.
pub(super) fn dead_letters(context: &ReconcileContext<'_>, events: &[Event]) -> Vec<NewDeadLetter> {
    let account = context.account();
    if account.reconciled_version == context.claim.person_version {
        return Vec::new();
    }

    let mut dead_letters: Vec<NewDeadLetter> = Vec::new();
    for finding in &context.person.findings {
        let cause = DeadLetterCause::Finding(finding.kind);
        let is_filed = dead_letters.iter().any(|filed| filed.cause == cause);
        let Some(summary) = summary_of(finding.kind) else {
            continue;
        };
        if is_filed || !is_new(finding, events, account.last_run_at) {
            continue;
        }

        dead_letters.push(NewDeadLetter {
            subject: DeadLetterSubject::Person {
                person: account.person.clone(),
            },
            cause,
            summary: with_advice(context, &finding.event.source, cause, summary),
            detail: json!({ "event": finding.event, "alias": finding.alias }),
            raw: None,
        });
    }
    dead_letters
}

/// A dead letter about a person whom HR ended and of whom it never said anything else. It is filed
/// if no account is found, so that somebody looks for one.
pub(super) fn ended_unknown(
    context: &ReconcileContext<'_>,
    events: &[Event],
) -> Option<NewDeadLetter> {
    let account = context.account();
    let ends_only = events.iter().all(|event| event.kind().ends_access());
    let is_new = account.reconciled_version != context.claim.person_version;
    if !ends_only || !is_new {
        return None;
    }

    let event = events.iter().max_by_key(|event| event.received)?;
    let cause = DeadLetterCause::Finding(FindingKind::EndedUnknown);
    let summary = format!(
        "HR ended a person of whom Hirewire knows nothing else, and {} has no account that matches. \
         If the person has an account under another name, deactivate it by hand.",
        account.connection
    );
    Some(NewDeadLetter {
        subject: DeadLetterSubject::Person {
            person: account.person.clone(),
        },
        cause,
        summary: with_advice(context, &event.source, cause, &summary),
        detail: json!({ "event": event.key(), "alias": event.alias() }),
        raw: None,
    })
}

/// The summary, and what to do at this source.
fn with_advice(
    context: &ReconcileContext<'_>,
    source: &SourceId,
    cause: DeadLetterCause,
    summary: &str,
) -> String {
    let advice = context.settings.advice.get(source);
    match advice.and_then(|advice| advice.get(cause.as_str())) {
        Some(advice) => format!("{summary} {advice}"),
        None => summary.to_owned(),
    }
}

/// Whether the event of a finding may have been received after the last reconcile.
fn is_new(finding: &Finding, events: &[Event], reconciled: Option<Timestamp>) -> bool {
    let event = events.iter().find(|event| event.key() == finding.event);
    match (reconciled, event) {
        (Some(reconciled), Some(event)) => after(event.received, CLOCK_SKEW) > reconciled,
        (None, _) | (_, None) => true,
    }
}

/// The time from which the person's termination was both known here and effective, as far as the
/// events show it.
pub(super) fn terminated_at(person: &Person, events: &[Event]) -> Option<Timestamp> {
    let known = events
        .iter()
        .filter(|event| event.kind().ends_access())
        .map(|event| event.received)
        .max()?;
    let effective = person
        .employments
        .iter()
        .filter_map(|employment| employment.end)
        .map(|end| end.instant)
        .max();
    Some(effective.map_or(known, |effective| effective.max(known)))
}

/// The summary of its dead letter; `None`: no action is needed.
fn summary_of(kind: FindingKind) -> Option<&'static str> {
    match kind {
        FindingKind::WhichEmployment => Some(
            "A termination fits no known employment, and the person has others. Check with HR \
             which employment ended.",
        ),
        FindingKind::IdReused => Some(
            "Two different events have the same id. The first one counts. The sender must use \
             a new id for each event.",
        ),
        FindingKind::SupersedingMismatch => Some(
            "An event corrects an event of another worker or kind. The correction does not count. \
             The sender must send the right one.",
        ),
        FindingKind::ImplausibleEffective => Some(
            "The effective date of an event is not plausible. The event does not count. Correct \
             the date in HR.",
        ),
        FindingKind::NothingToCancel => Some(
            "HR cancelled a termination that is not known or has taken effect. If the person \
             stays, HR must send a rehire.",
        ),
        FindingKind::HrSaysActive => Some(
            "HR lists this person as active, but their employment has ended here. HR must send a \
             rehire, or end the employment.",
        ),
        FindingKind::TwoAccounts => Some(
            "This person has two accounts on one connection. Remove one of them at the target.",
        ),
        FindingKind::EndDateWithoutEnding => Some(
            "HR states an end date and sent no termination, so nothing ends then. If the person \
             leaves, HR must send a termination.",
        ),
        // The reconcile files it, with the names of the groups.
        FindingKind::GroupNotFound
        | FindingKind::ImplausibleTime
        | FindingKind::StartInsideEnded
        | FindingKind::StartWithoutDate
        | FindingKind::EndedSeveral
        | FindingKind::MissingFromList
        | FindingKind::EndedUnknown => None,
    }
}
