//! The reads of an assessment: what it may ask of the target, and the answers.
//!
//! `assess::decide` names one [`Read`] at a time, [`Readings::take`] sends it and keeps the answer.
//! Reads change nothing at the target.

use serde_json::Value;

use super::{
    context::ReconcileContext,
    groups::{self, GroupReadings},
};
use crate::{
    scim_client::{FoundUser, Lookup},
    store::{Owner, Store, StoreError},
    worker::connection::PublishedConnection,
};
use hirewire_core::{
    mapping::{Access, Desired},
    plan::Failure,
};

/// One read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// Search the account by its match keys.
    Matches,
    /// GET the user with this id.
    User(String),
    /// Search by the match keys once more, for a second account beside the bound one.
    SecondAccounts,
    /// The desired groups, and the memberships of this user if there is one.
    Groups(Option<String>),
}

/// The answers to the reads so far; `None`: not read.
#[derive(Debug, Default)]
pub(super) struct Readings {
    pub(super) matches: Option<Matches>,
    pub(super) user: Option<Value>,
    pub(super) second_accounts: Option<Matches>,
    pub(super) groups: Option<GroupReadings>,
}

/// The users that the match keys found, and the other people to whom they are bound.
#[derive(Clone, Debug)]
pub(super) struct Matches {
    pub(super) found: Lookup,
    pub(super) owners: Vec<Owner>,
}

/// Why a read failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// The target did not answer as a read needs.
    #[error("{0}")]
    Target(Failure),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Failure> for ReadError {
    fn from(failure: Failure) -> Self {
        Self::Target(failure)
    }
}

impl Matches {
    pub(super) fn hits(&self) -> &[FoundUser] {
        match &self.found {
            Lookup::NotFound { .. } => &[],
            Lookup::One(hit) => std::slice::from_ref(hit),
            Lookup::Several(hits) => hits,
        }
    }

    /// The other person to whom the user is bound.
    pub(super) fn owner(&self, id: &str) -> Option<&Owner> {
        self.owners.iter().find(|owner| owner.scim_id == id)
    }
}

impl Readings {
    /// Sends a read and keeps its answer.
    pub(super) async fn take(
        &mut self,
        read: Read,
        context: &ReconcileContext<'_>,
        published: &PublishedConnection,
        store: &Store,
    ) -> Result<(), ReadError> {
        match read {
            Read::Matches => {
                let found = find(context, published).await?;
                self.matches = Some(with_owners(found, context, store).await?);
            }
            Read::User(id) => {
                self.user = Some(published.client.get(&id).await?);
                published.memory.user_was_read();
            }
            Read::SecondAccounts => {
                let found = find_second_accounts(context, published).await?;
                self.second_accounts = Some(with_owners(found, context, store).await?);
            }
            Read::Groups(user) => {
                let none = Desired::default();
                let desired = context.desired.user.as_ref().unwrap_or(&none);
                let groups = groups::read(context, published, desired, user.as_deref()).await;
                self.groups = Some(groups);
            }
        }
        Ok(())
    }
}

/// Adds the people to whom the found users are bound.
async fn with_owners(
    found: Lookup,
    context: &ReconcileContext<'_>,
    store: &Store,
) -> Result<Matches, StoreError> {
    let account = context.account();
    let mut matches = Matches {
        found,
        owners: Vec::new(),
    };
    let ids: Vec<&str> = matches.hits().iter().map(|hit| hit.id.as_str()).collect();
    matches.owners = store
        .other_owners(&account.connection, &ids, &account.person)
        .await?;
    Ok(matches)
}

async fn find(
    context: &ReconcileContext<'_>,
    published: &PublishedConnection,
) -> Result<Lookup, Failure> {
    published.client.find(&context.desired.keys).await
}

/// A leaver should keep no second account, but a search that fails must not delay the deactivation:
/// the next audit searches again.
async fn find_second_accounts(
    context: &ReconcileContext<'_>,
    published: &PublishedConnection,
) -> Result<Lookup, Failure> {
    let found = find(context, published).await;

    match (found, context.access()) {
        (Err(failure), Access::Inactive) => {
            tracing::warn!(
                connection = context.settings.name,
                person.key = %context.account().person,
                %failure,
                "the search for a leaver's second account failed"
            );
            Ok(Lookup::NotFound {
                unfiltered: Vec::new(),
                refused: Vec::new(),
            })
        }
        (found, _) => found,
    }
}
