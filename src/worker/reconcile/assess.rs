//! Looking: what should be, what is there, and what follows. Reads only, so a preview and `observe` use it too.
//!
//! A deactivation needs the binding only: what the mapping says of attributes, scope or groups is not even asked.
//! Where access shall end, `active` is what a GET says now, never what we remember.

use std::{borrow::Cow, collections::BTreeMap};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{after, groups};
use crate::{
    scim_client::{Client, FoundUser, Lookup},
    store::{Account, IntentKind, OutcomeKind},
    worker::Connection,
};
use hirewire_core::{
    fold::{FindingKind, Person, Status},
    mapping::{Access, AccessDecision, AdoptMatch, Desired, Mapping, MatchKey, PersonMapping},
    plan::{
        self, Current, CurrentGroups, DeactivationPlan, DeadLetterCause, Failure, Input,
        LastApplied, LeaverAccount, Note, Operation, Policy, plan_deactivation,
    },
    scim::{AttributePath, member},
};

/// Everything that looking needs.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The published mapping.
    pub mapping: &'a Mapping,
    /// The client, in the published dialect.
    pub client: &'a Client,
    /// The connection.
    pub connection: &'a Connection,
    /// The row.
    pub account: &'a Account,
    /// The person now.
    pub person: &'a Person,
    /// Now, by the store's clock.
    pub now: Timestamp,
    /// A lease ran out before: its holder may have died mid-write.
    pub taken_over: bool,
    /// The account is a second one of a merged person: it shall give no access.
    pub second_account: bool,
    /// What was written before is not taken for what is there.
    pub read_first: bool,
}

/// The user that the account is, at the target.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// The target's id.
    pub id: String,
    /// As just read, where it was read.
    pub resource: Option<Value>,
    /// It was there before us and is being adopted now.
    pub adopting: bool,
    /// We made it.
    pub created_by_us: bool,
}

/// What was seen, and what follows.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// The access that should be.
    pub access: AccessDecision,
    /// The user, if there is one.
    pub binding: Option<Binding>,
    /// How it is found; what an intent remembers.
    pub keys: Vec<MatchKey>,
    /// Attributes that are as they should be already.
    pub found: BTreeMap<String, Value>,
    /// What an operator should know.
    pub notes: Vec<Note>,
    /// Ids of users that match as well: a second account.
    pub others: Vec<String>,
    /// What follows.
    pub next: Next,
}

/// What follows from a look.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Nothing is to be sent.
    Reconciled(OutcomeKind, String),
    /// Something of ours may still be on its way: look again then, and write nothing before.
    Later(Timestamp, String),
    /// An operator must decide.
    Letter {
        /// Why.
        cause: DeadLetterCause,
        /// What happened and what to do.
        summary: String,
        /// Facts.
        detail: Value,
    },
    /// These requests.
    Send(Vec<Operation>),
}

enum Located {
    Bound(Binding),
    Nobody,
    Later(Timestamp),
    Letter(Next),
}

impl Look {
    /// What is known before anything is asked: the access that should be, and how the account is found.
    pub(super) fn blind(seen: &Seen<'_>, mapped: &PersonMapping<'_>) -> Self {
        let access = if seen.second_account {
            AccessDecision {
                access: Access::Inactive,
                due: None,
                due_ends_access: false,
            }
        } else {
            seen.mapping.access(seen.person, seen.now)
        };
        let mut keys = mapped.match_keys();
        remembered_keys(seen.account, &mut keys);
        Self {
            access,
            binding: None,
            keys,
            found: BTreeMap::new(),
            notes: Vec::new(),
            others: Vec::new(),
            next: Next::Reconciled(OutcomeKind::Unmanaged, String::new()),
        }
    }
}

/// Looks at the target and says what is to be done.
pub async fn look(seen: &Seen<'_>) -> Result<Look, Failure> {
    let mapped = seen.mapping.for_person(seen.person);
    let blank = Look::blind(seen, &mapped);
    match blank.access.access {
        Access::Unmanaged => Ok(blank),
        Access::Inactive if is_nobody_of_ours(seen) => {
            let why = "out of scope, and never ours".to_owned();
            Ok(Look {
                next: Next::Reconciled(OutcomeKind::Unmanaged, why),
                ..blank
            })
        }
        Access::Inactive => ending(seen, blank).await,
        Access::Active | Access::Prepared => giving(seen, &mapped, blank).await,
    }
}

/// Somebody who works here, is out of scope, and never had an account by us: one that somebody made by hand stays.
fn is_nobody_of_ours(seen: &Seen<'_>) -> bool {
    let works_here = matches!(seen.person.status, Status::Active | Status::Upcoming);
    works_here
        && !seen.second_account
        && seen.account.scim_id.is_none()
        && seen.account.intent.is_none()
}

/// Keys of a write that was begun: the facts may have moved since, what it made has the old ones.
fn remembered_keys(account: &Account, keys: &mut Vec<MatchKey>) {
    let Some(intent) = &account.intent else {
        return;
    };
    for remembered in &intent.match_keys {
        let known = keys
            .iter()
            .any(|key| key.path.as_str() == remembered.path && key.value == remembered.value);
        if let (false, Ok(path)) = (known, AttributePath::parse(&remembered.path)) {
            keys.push(MatchKey {
                path,
                value: remembered.value.clone(),
            });
        }
    }
}

async fn ending(seen: &Seen<'_>, mut look: Look) -> Result<Look, Failure> {
    let mut binding = match locate(seen, &look.keys).await? {
        Located::Bound(binding) => binding,
        Located::Nobody => {
            let why = if look.keys.is_empty() {
                "no match key is known"
            } else {
                ""
            };
            look.next = Next::Reconciled(OutcomeKind::LeaverNotFound, why.to_owned());
            return Ok(look);
        }
        Located::Later(until) => {
            look.next = Next::Later(until, "a create may still be on its way".to_owned());
            return Ok(look);
        }
        Located::Letter(next) => {
            look.next = next;
            return Ok(look);
        }
    };
    let resource = seen.client.get(&binding.id).await?;
    seen.connection.none_missing();
    let user_name = member(&resource, "userName")
        .and_then(Value::as_str)
        .map(ToOwned::to_owned);
    let active = plan::is_active(&resource);
    binding.resource = Some(resource);
    // Whoever leaves must leave no second account behind; but a search that fails holds up no leaver: the read-back asks again.
    look.others = other_accounts(seen, &look.keys, &binding.id).await.unwrap_or_else(|failure| {
        let connection = seen.connection.settings.name.as_str();
        tracing::warn!(connection, person.key = %seen.account.person, %failure, "a leaver's second account cannot be looked for");
        Vec::new()
    });
    let protected = user_name.is_some_and(|name| seen.mapping.is_protected(&name));
    look.next = match plan_deactivation(LeaverAccount { active, protected, held: seen.account.held }) {
        DeactivationPlan::AlreadyInactive => Next::Reconciled(OutcomeKind::Unchanged, "inactive".to_owned()),
        DeactivationPlan::Held => Next::Reconciled(OutcomeKind::Waiting, "held".to_owned()),
        DeactivationPlan::Protected => Next::Letter {
            cause: DeadLetterCause::Protected,
            summary: "the person left, and the account is protected: deactivate it by hand, or unprotect it".to_owned(),
            detail: json!({ "user": binding.id }),
        },
        DeactivationPlan::Deactivate(plan) => Next::Send(plan.operations),
    };
    look.binding = Some(binding);
    Ok(look)
}

async fn giving(
    seen: &Seen<'_>,
    mapped: &PersonMapping<'_>,
    mut look: Look,
) -> Result<Look, Failure> {
    let desired = match mapped.desired() {
        Ok(desired) => desired,
        Err(error) => {
            look.next = Next::Letter {
                cause: DeadLetterCause::Refused,
                summary: format!("the mapping failed for this person: {error}"),
                detail: json!({ "expression": error.at }),
            };
            return Ok(look);
        }
    };
    let binding = match locate(seen, &look.keys).await? {
        Located::Bound(binding) => Some(binding),
        Located::Nobody => None,
        Located::Later(until) => {
            look.next = Next::Later(until, "a create may still be on its way".to_owned());
            return Ok(look);
        }
        Located::Letter(next) => {
            look.next = next;
            return Ok(look);
        }
    };
    // After an unclear create a second account may have shown up since.
    if let Some(binding) = binding
        .as_ref()
        .filter(|_| seen.account.verify_at.is_some())
    {
        look.others = other_accounts(seen, &look.keys, &binding.id).await?;
    }
    look.binding = binding;
    planned(seen, look, &desired).await
}

/// Plans from memory where that will do, else from a read.
async fn planned(seen: &Seen<'_>, mut look: Look, desired: &Desired) -> Result<Look, Failure> {
    let groups = groups::now(seen, desired, look.binding.as_ref()).await?;
    let access_transition = look.access.access == Access::Active
        && seen.account.reconciled_access != Some(Access::Active);
    let unsure = seen.read_first
        || seen.taken_over
        || seen.account.intent.is_some()
        || seen.account.verify_at.is_some()
        || seen.account.attempts > 0;
    if let Some(binding) = look
        .binding
        .as_mut()
        .filter(|binding| binding.resource.is_none() && (access_transition || unsure))
    {
        binding.resource = Some(seen.client.get(&binding.id).await?);
        seen.connection.none_missing();
    }
    let plan = if let Ok(plan) = plan_of(seen, &look, desired, &groups, access_transition) {
        plan
    } else {
        if let Some(binding) = look.binding.as_mut() {
            binding.resource = Some(seen.client.get(&binding.id).await?);
            seen.connection.none_missing();
        }
        plan_of(seen, &look, desired, &groups, access_transition).unwrap_or_default()
    };
    look.next = if plan.operations.is_empty() {
        let (kind, detail) = said(&plan.notes);
        Next::Reconciled(kind, detail)
    } else {
        Next::Send(plan.operations)
    };
    look.found = plan.in_sync;
    look.notes = plan.notes;
    Ok(look)
}

fn plan_of(
    seen: &Seen<'_>,
    look: &Look,
    desired: &Desired,
    groups: &CurrentGroups,
    access_transition: bool,
) -> Result<plan::Plan, plan::ReadRequired> {
    let document = seen.mapping.document();
    let last_applied = &seen.account.last_applied;
    let (current, adopting, last_applied) = match &look.binding {
        None => {
            let last_applied = LastApplied {
                created_by_us: true,
                ..LastApplied::default()
            };
            (Current::Absent, false, Cow::Owned(last_applied))
        }
        Some(Binding {
            resource,
            adopting,
            created_by_us,
            ..
        }) => (
            resource.as_ref().map_or(Current::Unread, Current::Read),
            *adopting,
            as_created_by(last_applied, *created_by_us),
        ),
    };
    let input = Input {
        access: look.access.access,
        access_transition,
        held: seen.account.held,
        adopting,
        desired,
        current,
        last_applied: &last_applied,
        groups,
    };
    let policy = Policy {
        adopt: document.adopt,
        external_id_on: document.external_id_on,
        groups: document.groups_policy,
    };
    plan::plan(&input, &document.profile, policy)
}

/// The row's `last_applied` with `created_by_us` as the binding states it.
fn as_created_by(last_applied: &LastApplied, created_by_us: bool) -> Cow<'_, LastApplied> {
    if last_applied.created_by_us == created_by_us {
        return Cow::Borrowed(last_applied);
    }

    Cow::Owned(LastApplied {
        created_by_us,
        ..last_applied.clone()
    })
}

/// What a plan without operations comes to.
fn said(notes: &[Note]) -> (OutcomeKind, String) {
    for note in notes {
        match note {
            Note::Incomplete(missing) => return (OutcomeKind::Incomplete, missing.join(", ")),
            Note::DisabledElsewhere => {
                return (
                    OutcomeKind::DisabledElsewhere,
                    "made inactive at the target, not by us".to_owned(),
                );
            }
            Note::Held => return (OutcomeKind::Waiting, "held".to_owned()),
            Note::GroupNotFound(_) | Note::GroupsUnsupported => {}
        }
    }
    (
        OutcomeKind::Unchanged,
        notes
            .iter()
            .filter_map(group_note)
            .collect::<Vec<_>>()
            .join(", "),
    )
}

/// What is to be told about groups.
pub(super) fn group_note(note: &Note) -> Option<String> {
    match note {
        Note::GroupNotFound(name) => Some(format!("no group named {name}")),
        Note::GroupsUnsupported => Some("groups are wished, and the target has none".to_owned()),
        Note::Incomplete(_) | Note::DisabledElsewhere | Note::Held => None,
    }
}

async fn locate(seen: &Seen<'_>, keys: &[MatchKey]) -> Result<Located, Failure> {
    if let Some(id) = &seen.account.scim_id {
        return Ok(Located::Bound(Binding {
            id: id.clone(),
            resource: None,
            adopting: false,
            created_by_us: seen.account.last_applied.created_by_us,
        }));
    }
    if keys.is_empty() {
        return Ok(Located::Nobody);
    }
    let creating = seen
        .account
        .intent
        .as_ref()
        .filter(|intent| intent.kind == IntentKind::Create);
    Ok(match seen.client.find(keys).await? {
        Lookup::NotFound { .. } => match creating {
            // What we sent may show up later: nothing is made before it must have.
            Some(intent) => {
                let settings = &seen.connection.settings;
                let until = seen.account.verify_at.unwrap_or_else(|| {
                    after(intent.begun_at, settings.timeout + settings.propagation_delay)
                });
                if seen.now < until {
                    Located::Later(until)
                } else {
                    Located::Nobody
                }
            }
            None => Located::Nobody,
        },
        Lookup::One(hit) => one(seen, keys, &hit),
        Lookup::Several(hits) => Located::Letter(several(&hits, creating.is_some())),
    })
}

fn several(hits: &[FoundUser], after_create: bool) -> Next {
    let ids: Vec<&str> = hits.iter().map(|hit| hit.id.as_str()).collect();
    let (cause, summary) = if after_create {
        (
            DeadLetterCause::Finding(FindingKind::TwoAccounts),
            "a second account of this person exists: remove one, then replay",
        )
    } else {
        (
            DeadLetterCause::Ambiguous,
            "several accounts match this person: make the match keys unique there, then replay",
        )
    };
    Next::Letter {
        cause,
        summary: summary.to_owned(),
        detail: json!({ "users": ids }),
    }
}

/// Ours by `externalId` or by an intent of ours; else adopted by policy, or somebody else's.
fn one(seen: &Seen<'_>, keys: &[MatchKey], hit: &FoundUser) -> Located {
    let (wanted, external) = (wanted_external_id(keys), external_id(hit));
    let by_intent = seen.account.intent.as_ref().is_some_and(|intent| {
        intent.kind == IntentKind::Create
            && intent
                .match_keys
                .iter()
                .any(|key| hit.matched_by.iter().any(|path| path.as_str() == key.path))
    });
    let by_id = external.is_some() && external == wanted;
    let bound = |adopting, created_by_us| {
        Located::Bound(Binding {
            id: hit.id.clone(),
            resource: Some(hit.resource.clone()),
            adopting,
            created_by_us,
        })
    };
    if by_id || (by_intent && external.is_none_or(|found| Some(found) == wanted)) {
        // An account with our externalId was made by us, or by whoever ran this connection before us.
        return bound(false, by_intent);
    }
    let adopt = seen.mapping.document().adopt;
    let others = external.is_some() && wanted.is_some() && !adopt.take_external_id;
    if others || adopt.r#match == AdoptMatch::Never {
        let why = if others {
            "it has another externalId"
        } else {
            "adopt.match is never"
        };
        return Located::Letter(Next::Letter {
            cause: DeadLetterCause::Conflict,
            summary: format!(
                "an account that is not ours matches this person ({why}): decide whose it is, then replay"
            ),
            detail: json!({ "user": hit.id, "by": hit.matched_by.iter().map(AttributePath::as_str).collect::<Vec<_>>() }),
        });
    }
    bound(true, false)
}

/// Users that match as well: a second account of the same person. One with somebody else's `externalId` is somebody else.
async fn other_accounts(
    seen: &Seen<'_>,
    keys: &[MatchKey],
    id: &str,
) -> Result<Vec<String>, Failure> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let hits = match seen.client.find(keys).await? {
        Lookup::Several(hits) => hits,
        Lookup::One(hit) => vec![hit],
        Lookup::NotFound { .. } => Vec::new(),
    };
    let ours = wanted_external_id(keys);
    let may_be_theirs = |hit: &FoundUser| {
        external_id(hit).is_none_or(|found| ours.is_none_or(|ours| found == ours))
    };
    Ok(hits
        .into_iter()
        .filter(|hit| hit.id != id && may_be_theirs(hit))
        .map(|hit| hit.id)
        .collect())
}

fn wanted_external_id(keys: &[MatchKey]) -> Option<&str> {
    keys.iter()
        .find(|key| key.path.is_core_attribute("externalId"))
        .map(|key| key.value.as_str())
}

fn external_id(hit: &FoundUser) -> Option<&str> {
    member(&hit.resource, "externalId")
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}
