//! Replay: makes the accounts of dead letters pending. Desired state is computed anew at each
//! reconcile, so a replay is always safe.

use std::sync::Arc;

use serde_json::json;

use super::{
    DeadLetterFilter, DeadLetterId, DeadLetterSubject, RawHook, filing,
    listing::{raw_hook, selected},
};
use crate::store::{
    DeadLetterCause, PersonKey, Store, StoreError,
    history::{self, NewEntry},
    pending,
    sql::{dialect::Scope, statement::Tx},
};

/// The result of [`Store::replay`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplayResult {
    /// The accounts that are pending now: (connection, person).
    pub accounts: Vec<(String, PersonKey)>,
    /// The hooks that the caller reads again. Storing one as it is read then closes its dead
    /// letter.
    pub hooks: Vec<RawHook>,
    /// The dead letters about findings that are no more and about poison messages: closed.
    pub closed: Vec<DeadLetterId>,
    /// The dead letters about findings that are as they were: open.
    pub unchanged: Vec<DeadLetterId>,
}

impl Store {
    /// Replays the dead letters that the filter selects: their accounts are pending now, without
    /// their failed attempts. Of the dead letters about findings only those in `gone` are closed:
    /// a replay sends nothing that would change the others. The history names the operator and the
    /// reason.
    pub async fn replay(
        &self,
        filter: &DeadLetterFilter,
        gone: &[DeadLetterId],
        by: &str,
        reason: &str,
    ) -> Result<ReplayResult, StoreError> {
        let request = Arc::new((
            filter.clone(),
            gone.to_vec(),
            by.to_owned(),
            reason.to_owned(),
        ));
        self.engine
            .write(Scope::Transaction, move |mut tx| {
                let request = request.clone();
                Box::pin(async move {
                    let (filter, gone, by, reason) = &*request;
                    replay(&mut tx, filter, gone, (by, reason)).await
                })
            })
            .await
    }
}

impl Store {
    /// Closes a dead letter about a finding or a hook by hand. `false`: no such one is open. Those
    /// of an account close themselves, so that no leaver is put aside.
    pub async fn close_dead_letter(&self, id: &DeadLetterId) -> Result<bool, StoreError> {
        let id = id.clone();
        self.engine
            .write(Scope::Transaction, move |mut tx| {
                let id = id.clone();
                Box::pin(async move {
                    let filter = DeadLetterFilter {
                        ids: vec![id.clone()],
                        ..DeadLetterFilter::default()
                    };
                    let open = selected(&mut tx, &filter).await?;
                    let closes = open.iter().any(|letter| match letter.subject {
                        DeadLetterSubject::Person { .. } | DeadLetterSubject::Hook { .. } => true,
                        DeadLetterSubject::Account { .. } => false,
                    });
                    if closes {
                        filing::close(&mut tx, &id).await?;
                    }
                    Ok(closes)
                })
            })
            .await
    }
}

async fn replay(
    tx: &mut Tx<'_>,
    filter: &DeadLetterFilter,
    gone: &[DeadLetterId],
    (by, reason): (&str, &str),
) -> Result<ReplayResult, StoreError> {
    let mut result = ReplayResult::default();
    for letter in selected(tx, filter).await? {
        match letter.subject {
            DeadLetterSubject::Account { connection, person } => {
                result.accounts.push((connection, person));
            }
            DeadLetterSubject::Person { .. } if !gone.contains(&letter.id) => {
                result.unchanged.push(letter.id);
            }
            DeadLetterSubject::Person { .. } => {
                filing::close(tx, &letter.id).await?;
                result.closed.push(letter.id);
            }
            // The events of the message are stored: there is nothing to read again.
            DeadLetterSubject::Hook { .. } if letter.cause == DeadLetterCause::Poison.as_str() => {
                filing::close(tx, &letter.id).await?;
                result.closed.push(letter.id);
            }
            DeadLetterSubject::Hook { .. } => {
                result.hooks.extend(raw_hook(tx, &letter.id).await?);
            }
        }
    }

    // The same order in each replay, so that two of them do not deadlock.
    result.accounts.sort();
    result.accounts.dedup();
    for (connection, person) in &result.accounts {
        pending::mark_account(tx, connection, person).await?;
        let entry = NewEntry {
            connection,
            person: &person.0,
            outcome: "replayed",
            detail: &json!({ "by": by, "reason": reason }),
        };
        history::write(tx, &entry).await?;
    }
    Ok(result)
}
