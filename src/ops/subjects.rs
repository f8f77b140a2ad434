//! The people behind dead letters: worker, name and user name beside each letter, and findings that
//! are no more.
//!
//! In: dead letters of the store. Out: what an operator at 3 a.m. needs to know of the person, by
//! the facts of this moment. The store keeps no names with a dead letter.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{ApiError, Ops};
use crate::store::{DeadLetter, DeadLetterId, DeadLetterSubject, Facts, PersonKey};
use hirewire_core::{
    event::Attribute,
    fold::{self, FindingKind, Person},
    plan::DeadLetterCause,
};

/// How many people are looked up at a time.
const CHUNK: usize = 200;

/// A dead letter with the person that it is about.
#[derive(Debug, Serialize)]
pub(super) struct NamedDeadLetter {
    #[serde(flatten)]
    letter: DeadLetter,
    /// `source/worker`; `null`: it is about a hook, or no fact is known.
    worker: Option<String>,
    /// The name as HR sent it.
    name: Option<String>,
    /// `userName` as Hirewire last wrote or read it on the connection, else the work e-mail address.
    user_name: Option<String>,
}

/// Adds worker, name and user name to each dead letter.
pub(super) async fn named(
    ops: &Ops,
    letters: Vec<DeadLetter>,
) -> Result<Vec<NamedDeadLetter>, ApiError> {
    let people = people(ops, &letters).await?;

    let mut named = Vec::with_capacity(letters.len());
    for letter in letters {
        let known = letter.subject.person().and_then(|key| people.get(key));
        let mut user_name = match (&letter.subject, known) {
            (DeadLetterSubject::Account { connection, person }, Some(_)) => {
                user_name_on(ops, connection, person).await?
            }
            (
                DeadLetterSubject::Account { .. }
                | DeadLetterSubject::Person { .. }
                | DeadLetterSubject::Hook { .. },
                _,
            ) => None,
        };
        if user_name.is_none() {
            user_name = known.and_then(|known| text_of(&known.person, "work_email"));
        }
        named.push(NamedDeadLetter {
            worker: known.map(|known| known.facts.alias.to_string()),
            name: known.and_then(|known| name_of(&known.person)),
            user_name,
            letter,
        });
    }
    Ok(named)
}

/// The dead letters about findings that the facts do not give any more.
pub(super) async fn gone(ops: &Ops, letters: &[DeadLetter]) -> Result<Vec<DeadLetterId>, ApiError> {
    let people = people(ops, letters).await?;
    let selected = |letter: &&DeadLetter| match &letter.subject {
        DeadLetterSubject::Person { person } => {
            let known = people.get(person);
            known.is_some_and(|known| is_gone(known, &letter.cause))
        }
        DeadLetterSubject::Account { .. } | DeadLetterSubject::Hook { .. } => false,
    };
    Ok(letters
        .iter()
        .filter(selected)
        .map(|letter| letter.id.clone())
        .collect())
}

/// Whether the facts do not give the finding any more. The worker alone raises `two_accounts`: only
/// a reconcile knows whether there still are two.
fn is_gone(known: &KnownPerson, cause: &str) -> bool {
    match DeadLetterCause::parse(cause) {
        Some(DeadLetterCause::Finding(FindingKind::TwoAccounts | FindingKind::GroupNotFound)) => {
            false
        }
        Some(DeadLetterCause::Finding(FindingKind::EndedUnknown)) => {
            let mut events = known.facts.events.iter();
            events.any(|event| !event.kind().ends_access())
        }
        Some(DeadLetterCause::Finding(kind)) => {
            let mut findings = known.person.findings.iter();
            !findings.any(|finding| finding.kind == kind)
        }
        Some(_) | None => false,
    }
}

struct KnownPerson {
    facts: Facts,
    person: Person,
}

async fn people(
    ops: &Ops,
    letters: &[DeadLetter],
) -> Result<BTreeMap<PersonKey, KnownPerson>, ApiError> {
    let mut keys: Vec<&PersonKey> = letters
        .iter()
        .filter_map(|letter| letter.subject.person())
        .collect();
    keys.sort();
    keys.dedup();

    let now = ops.store().now().await?;
    let mut people = BTreeMap::new();
    for chunk in keys.chunks(CHUNK) {
        for (key, facts) in ops.store().facts_of(chunk).await? {
            let person = fold::fold(&facts.events, &facts.alias, now, ops.rules());
            people.insert(key, KnownPerson { facts, person });
        }
    }
    Ok(people)
}

async fn user_name_on(
    ops: &Ops,
    connection: &str,
    person: &PersonKey,
) -> Result<Option<String>, ApiError> {
    let accounts = ops.store().accounts(person).await?;
    let account = accounts
        .iter()
        .find(|view| view.account.connection == connection);
    let user_name = account.and_then(|view| view.account.last_applied.attributes.get("userName"));
    Ok(user_name.and_then(|name| name.as_str()).map(str::to_owned))
}

/// The name for people: as HR formats it, else its parts.
pub(super) fn name_of(person: &Person) -> Option<String> {
    text_of(person, "name.formatted").or_else(|| {
        let parts = [
            ["name.preferred_given", "name.given"],
            ["name.preferred_family", "name.family"],
        ];
        let parts: Vec<String> = parts
            .iter()
            .filter_map(|part| part.iter().find_map(|name| text_of(person, name)))
            .collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    })
}

/// The text of an attribute.
pub(super) fn text_of(person: &Person, attribute: &str) -> Option<String> {
    let value = person.attributes.get(&Attribute::named(attribute))?;
    value.as_str().map(str::to_owned)
}
