//! The reads of an assessment: what it may ask of the target, and the answers.
//!
//! `assess::decide` names one [`Read`] at a time, [`Readings::take`] sends it and keeps the answer.
//! Reads change nothing at the target.

use serde_json::Value;

use super::{
    context::ReconcileContext,
    groups::{self, GroupReadings},
};
use crate::{scim_client::Lookup, worker::connection::PublishedConnection};
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
    pub(super) matches: Option<Lookup>,
    pub(super) user: Option<Value>,
    pub(super) second_accounts: Option<Lookup>,
    pub(super) groups: Option<GroupReadings>,
}

impl Readings {
    /// Sends a read and keeps its answer.
    pub(super) async fn take(
        &mut self,
        read: Read,
        context: &ReconcileContext<'_>,
        published: &PublishedConnection,
    ) -> Result<(), Failure> {
        match read {
            Read::Matches => self.matches = Some(find(context, published).await?),
            Read::User(id) => {
                self.user = Some(published.client.get(&id).await?);
                published.memory.user_was_read();
            }
            Read::SecondAccounts => {
                self.second_accounts = Some(find_second_accounts(context, published).await?);
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
