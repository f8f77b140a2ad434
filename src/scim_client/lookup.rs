//! Finds a user at the target by its match keys, and checks every result on our side.
//!
//! A target that does not understand a filter may answer with an empty list, or with every user.
//! So a listed user counts only if it has the value of the key. An empty result does not prove that
//! the user does not exist: a create may still be answered with 409. `search.rs` asks by one key.

use serde_json::Value;

use super::{Client, search::Searched};
use hirewire_core::{mapping::MatchKey, plan::Failure, scim::AttributePath};

/// The result of a lookup by match keys.
#[derive(Clone, Debug, PartialEq)]
pub enum Lookup {
    /// No user has the value of any key.
    NotFound {
        /// Keys that the dialect cannot filter by: they were not tried.
        unfiltered: Vec<AttributePath>,
        /// Keys that the target was asked by and could not answer: a user may have one of them.
        refused: Vec<RefusedKey>,
    },
    /// Exactly one user.
    One(FoundUser),
    /// Several users, by one key or by different ones. Only an operator may choose between them.
    Several(Vec<FoundUser>),
}

/// A match key that the target cannot be asked by.
#[derive(Clone, Debug, PartialEq)]
pub struct RefusedKey {
    /// The key's attribute.
    pub path: AttributePath,
    /// The answer to the search.
    pub failure: Failure,
}

/// A user that has the value of at least one match key.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundUser {
    /// The id that the target gave the user.
    pub id: String,
    /// The user as the target listed it.
    pub resource: Value,
    /// The keys whose value the user has.
    pub matched_by: Vec<AttributePath>,
}

impl Client {
    /// Looks the user up by every key that the dialect can filter by. Keys with an empty value are
    /// skipped.
    pub async fn find(&self, keys: &[MatchKey]) -> Result<Lookup, Failure> {
        let mut users: Vec<FoundUser> = Vec::new();
        let (mut unfiltered, mut refused) = (Vec::new(), Vec::new());

        for key in keys.iter().filter(|key| !key.value.is_empty()) {
            if !self.profile().is_filterable(&key.path) {
                unfiltered.push(key.path.clone());
                continue;
            }
            match self.search(key).await? {
                Searched::Found(found) => {
                    for (id, resource) in found {
                        add_match(&mut users, id, resource, &key.path);
                    }
                }
                // The target cannot be asked by this key; another key may find the user.
                Searched::Refused(failure) => refused.push(RefusedKey {
                    path: key.path.clone(),
                    failure,
                }),
            }
        }

        Ok(match (users.pop(), users.is_empty()) {
            (None, _) => Lookup::NotFound {
                unfiltered,
                refused,
            },
            (Some(user), true) => Lookup::One(user),
            (Some(user), false) => {
                users.push(user);
                Lookup::Several(users)
            }
        })
    }
}

/// Adds a match to the users found so far; a user that several keys find is kept once.
fn add_match(users: &mut Vec<FoundUser>, id: String, resource: Value, path: &AttributePath) {
    match users.iter_mut().find(|user| user.id == id) {
        Some(user) if user.matched_by.contains(path) => {}
        Some(user) => user.matched_by.push(path.clone()),
        None => users.push(FoundUser {
            id,
            resource,
            matched_by: vec![path.clone()],
        }),
    }
}
