//! Locates the account's user: by its binding, or among the users that the match keys found. Pure.
//!
//! In: the context, the result of the search, and the people to whom the found users are bound. Out:
//! the binding, or the reason why there is none. A user that another system owns is never taken,
//! and the user of another person here never touched.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    context::{Binding, ReconcileContext, after},
    dead_letters,
    next_step::Conclusion,
    readings::Matches,
};
use crate::{scim_client::FoundUser, store::IntentKind};
use hirewire_core::{
    fold::FindingKind,
    mapping::{AdoptMatch, MatchKey},
    plan::{self, DeadLetterCause},
    scim::{AttributePath, member, same_text},
};

/// How long the account waits until the binding of a merged person has moved to it.
const MERGE_DELAY: Duration = Duration::from_secs(1);

/// The result.
pub(super) enum Located {
    /// The match keys must be searched first.
    Unsearched,
    Bound(Binding),
    /// There is no user.
    NotFound,
    /// It cannot be decided now: the reconcile ends.
    Undecided(Conclusion),
}

/// Locates the user. `matches`: the users that the match keys found, if they were searched.
pub(super) fn locate(context: &ReconcileContext<'_>, matches: Option<&Matches>) -> Located {
    let account = context.account();
    if let Some(id) = &account.scim_id {
        return Located::Bound(Binding {
            id: id.clone(),
            resource: None,
            adopting: false,
            created_by_us: account.last_applied.created_by_us,
            found_inactive: account.last_applied.found_inactive,
        });
    }
    if context.desired.keys.is_empty() {
        return Located::NotFound;
    }

    let Some(matches) = matches else {
        return Located::Unsearched;
    };
    match matches.hits() {
        [] => not_found(context),
        hits => choose(context, matches, hits),
    }
}

/// Chooses among the users that were found. One that is bound to another person is no candidate.
fn choose(context: &ReconcileContext<'_>, matches: &Matches, hits: &[FoundUser]) -> Located {
    let own: Vec<&FoundUser> = hits
        .iter()
        .filter(|hit| matches.owner(&hit.id).is_none())
        .collect();

    match own.as_slice() {
        [] => bound_elsewhere(context, matches, hits),
        [hit] => identify(context, hit),
        several => Located::Undecided(several_match(context, several)),
    }
}

/// Every user that was found is bound to another person. Nothing may be sent, for an end of access
/// either.
fn bound_elsewhere(
    context: &ReconcileContext<'_>,
    matches: &Matches,
    hits: &[FoundUser],
) -> Located {
    let account = context.account();
    let owned = hits
        .iter()
        .find_map(|hit| Some((hit, matches.owner(&hit.id)?)));
    let Some((hit, owner)) = owned else {
        return Located::NotFound;
    };

    // The same person: this is the account that was merged into the owner's.
    if context.claim.merged_into.as_ref() == Some(&owner.person) {
        return Located::NotFound;
    }
    // The owner was merged into this person: the binding moves here.
    if owner.merged_into.as_ref() == Some(&account.person) {
        let until = after(context.now(), MERGE_DELAY);
        let why = "the binding of a merged person moves here";
        return Located::Undecided(Conclusion::WaitUntil(until, why.to_owned()));
    }
    let letter = dead_letters::another_persons_user(account, hit, owner);
    Located::Undecided(letter.into())
}

/// A user from a create without an answer may show later: nothing is created before the
/// propagation delay has passed.
fn not_found(context: &ReconcileContext<'_>) -> Located {
    let intent = context.account().intent.as_ref();
    let Some(create) = intent.filter(|intent| intent.kind == IntentKind::Create) else {
        return Located::NotFound;
    };

    let settings = context.settings;
    let until = context.account().verify_at.unwrap_or_else(|| {
        after(
            create.begun_at,
            settings.timeout + settings.propagation_delay,
        )
    });
    if context.now() < until {
        let why = "the user of an earlier create may still show at the target";
        Located::Undecided(Conclusion::WaitUntil(until, why.to_owned()))
    } else {
        Located::NotFound
    }
}

fn several_match(context: &ReconcileContext<'_>, hits: &[&FoundUser]) -> Conclusion {
    let ids: Vec<&str> = hits.iter().map(|hit| hit.id.as_str()).collect();
    let intent = context.account().intent.as_ref();
    let created = intent.is_some_and(|intent| intent.kind == IntentKind::Create);

    let (cause, summary) = if created {
        (
            DeadLetterCause::Finding(FindingKind::TwoAccounts),
            "This person has two accounts at the target. Remove one of them there, then replay.",
        )
    } else {
        (
            DeadLetterCause::Ambiguous,
            "Several accounts at the target match this person. Make the values of the match keys \
             unique there, then replay.",
        )
    };
    Conclusion::FileDeadLetter {
        cause,
        summary: summary.to_owned(),
        detail: json!({ "users": ids }),
    }
}

/// A user with the person's `externalId`, or one that matches an open create, is bound. Any other
/// is adopted if the policy allows it.
fn identify(context: &ReconcileContext<'_>, hit: &FoundUser) -> Located {
    let (desired, found) = (desired_external_id(&context.desired.keys), external_id(hit));
    let intent = context.account().intent.as_ref();
    let by_intent = intent.is_some_and(|intent| {
        intent.kind == IntentKind::Create
            && intent
                .match_keys
                .iter()
                .any(|key| hit.matched_by.iter().any(|path| path.as_str() == key.path))
    });
    let by_external_id = found.is_some_and(|found| is_desired(found, desired));

    if by_external_id || (by_intent && found.is_none_or(|found| is_desired(found, desired))) {
        // Hirewire created it, or an earlier installation with the same mapping did.
        return bind(context, hit, false, by_intent);
    }

    let adopt = context.mapping.document().adopt;
    let has_other_id = found.is_some() && desired.is_some() && !adopt.take_external_id;
    let why = match (has_other_id, adopt.r#match) {
        (true, _) => "it has another externalId",
        (false, AdoptMatch::Never) => "adopt.match is never",
        (false, AdoptMatch::Unique) => return bind(context, hit, true, false),
    };
    let by: Vec<&str> = hit.matched_by.iter().map(AttributePath::as_str).collect();
    Located::Undecided(Conclusion::FileDeadLetter {
        cause: DeadLetterCause::Conflict,
        summary: format!(
            "An account that Hirewire did not create matches this person, and may not be adopted \
             ({why}). Decide who owns the account, then replay."
        ),
        detail: json!({ "user": hit.id, "by": by }),
    })
}

fn bind(
    context: &ReconcileContext<'_>,
    hit: &FoundUser,
    adopting: bool,
    created_by_us: bool,
) -> Located {
    // Another system made it inactive before it was found. The user of an open create may still
    // become active by itself.
    let is_inactive = plan::is_active(&hit.resource) == Some(false) && !created_by_us;
    Located::Bound(Binding {
        id: hit.id.clone(),
        resource: Some(hit.resource.clone()),
        adopting,
        created_by_us,
        found_inactive: is_inactive.then(|| context.now()),
    })
}

/// Ids of the found users that are a second account of the person beside the bound `id`. A user
/// with another `externalId`, or one that is bound to another person, belongs to another person.
pub(super) fn second_accounts(
    context: &ReconcileContext<'_>,
    found: &Matches,
    id: &str,
) -> Vec<String> {
    let desired = desired_external_id(&context.desired.keys);

    found
        .hits()
        .iter()
        .filter(|hit| hit.id != id && found.owner(&hit.id).is_none())
        .filter(|hit| match (external_id(hit), desired) {
            (Some(found), Some(desired)) => same_text(found, desired),
            (None, _) | (_, None) => true,
        })
        .map(|hit| hit.id.clone())
        .collect()
}

fn is_desired(found: &str, desired: Option<&str>) -> bool {
    desired.is_some_and(|desired| same_text(found, desired))
}

fn desired_external_id(keys: &[MatchKey]) -> Option<&str> {
    keys.iter()
        .find(|key| key.path.is_core_attribute("externalId"))
        .map(|key| key.value.as_str())
}

fn external_id(hit: &FoundUser) -> Option<&str> {
    member(&hit.resource, "externalId")
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}
