//! Letters about what the fold noticed: those findings that somebody must look at, once each.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::{Case, after};
use crate::store::{DeadLetterCause, DeadLetterSubject, NewDeadLetter, PersonKey};
use hirewire_core::{
    event::Event,
    fold::{Finding, FindingKind, Person},
};

/// Between an intake's clock and the store's.
const SKEW: Duration = Duration::from_mins(10);

/// Letters for findings that came with facts newer than the last reconcile.
pub(super) fn letters(case: &Case<'_>, events: &[Event]) -> Vec<NewDeadLetter> {
    let account = &case.claim.account;
    if account.reconciled_version == case.claim.person_version {
        return Vec::new();
    }
    let is_new = |finding: &Finding| {
        let event = events.iter().find(|event| event.key() == finding.event);
        account
            .last_run_at
            .is_none_or(|last| event.is_none_or(|event| after(event.received, SKEW) > last))
    };
    let mut dead_letters: Vec<NewDeadLetter> = Vec::new();
    for finding in case
        .person
        .findings
        .iter()
        .filter(|finding| is_new(finding))
    {
        let Some(summary) = asks_for_somebody(finding.kind) else {
            continue;
        };
        let cause = DeadLetterCause::Finding(finding.kind);
        if dead_letters.iter().any(|letter| letter.cause == cause) {
            continue;
        }
        dead_letters.push(NewDeadLetter {
            subject: DeadLetterSubject::Person {
                person: account.person.clone(),
            },
            cause,
            summary: summary.to_owned(),
            detail: json!({ "event": finding.event, "alias": finding.alias }),
            raw: None,
        });
    }
    dead_letters
}

/// When it was both known here and effective that the person gives no access any more, as far as it can be told.
pub(super) fn ended(person: &Person, events: &[Event]) -> Option<Timestamp> {
    let known = events
        .iter()
        .filter(|event| event.kind().ends_access())
        .map(|event| event.received)
        .max()?;
    let effective = person
        .employments
        .iter()
        .filter_map(|one| one.end)
        .map(|end| end.instant)
        .max();
    Some(effective.map_or(known, |effective| effective.max(known)))
}

/// What an operator is told, or `None` where it is enough that `people show` lists it.
fn asks_for_somebody(kind: FindingKind) -> Option<&'static str> {
    match kind {
        FindingKind::WhichEmployment => {
            Some("an ending fits no known employment, and there are others: check in HR who left")
        }
        FindingKind::IdReused => Some("two different events came under one id: the first stands"),
        FindingKind::SupersedingMismatch => {
            Some("an event corrects one of another worker or kind: it counts for nothing")
        }
        FindingKind::ImplausibleEffective => {
            Some("an effective date is beyond belief: the event counts for nothing")
        }
        FindingKind::NothingToCancel => {
            Some("a termination was cancelled that is not known or no longer open")
        }
        FindingKind::HrSaysActive => {
            Some("HR lists as active somebody who has left here: send the rehire, or end it there")
        }
        FindingKind::TwoAccounts => Some("the person has two accounts on one connection"),
        FindingKind::ImplausibleTime
        | FindingKind::StartInsideEnded
        | FindingKind::StartWithoutDate
        | FindingKind::EndedSeveral
        | FindingKind::MissingFromList
        | FindingKind::EndDateWithoutEnding => None,
    }
}

/// A merged person's second account.
pub(super) fn two_accounts(case: &Case<'_>, into: &PersonKey) -> NewDeadLetter {
    NewDeadLetter {
        subject: DeadLetterSubject::Account {
            connection: case.claim.account.connection.clone(),
            person: case.claim.account.person.clone(),
        },
        cause: DeadLetterCause::Finding(FindingKind::TwoAccounts),
        summary:
            "two people turned out to be one: the older account stays, this one is deactivated"
                .to_owned(),
        detail: json!({ "user": case.claim.account.scim_id, "merged_into": into }),
        raw: None,
    }
}
