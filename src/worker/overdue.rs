//! Files a dead letter about each leaver whose account is not proven inactive after minutes.
//!
//! It needs no answer of the target: it covers a target that is down, a paused connection, and an
//! account that waits for its next attempt. The commit that proves the end of access closes the
//! dead letter.

use serde_json::json;

use super::{Connection, Mode, Worker, reconcile::ReconcileError};
use crate::store::{DeadLetterCause, DeadLetterSubject, NewDeadLetter, OverdueLeaver};
use hirewire_core::{fold, mapping::Access};

/// Files the missing dead letters; their number.
pub(super) async fn file_overdue(worker: &Worker) -> Result<usize, ReconcileError> {
    let store = &worker.shared.store;
    let mut filed = 0;

    for leaver in store
        .overdue_leavers(worker.shared.settings.overdue_after)
        .await?
    {
        let connection = worker.connections().get(&leaver.connection);
        let Some(connection) = connection.filter(|known| known.settings.mode == Mode::Apply) else {
            continue;
        };
        if !leaver.is_known && !has_left(worker, connection, &leaver).await? {
            continue;
        }

        if store
            .file_overdue_leaver(&dead_letter(&leaver), leaver.since)
            .await?
        {
            filed += 1;
            tracing::error!(
                connection = leaver.connection,
                person.key = %leaver.person,
                since = %leaver.since,
                "a leaver's account is not proven inactive for minutes: a dead letter is filed"
            );
        }
    }
    Ok(filed)
}

/// Whether access has ended: an event may end it later.
async fn has_left(
    worker: &Worker,
    connection: &Connection,
    leaver: &OverdueLeaver,
) -> Result<bool, ReconcileError> {
    let store = &worker.shared.store;
    let facts = store.facts(&leaver.person).await?;
    let published = connection.published(store, None).await?;
    let (Some(facts), Some(published)) = (facts, published) else {
        return Ok(false);
    };

    let accounts = store.accounts(&leaver.person).await?;
    let given = accounts
        .iter()
        .find(|view| view.account.connection == leaver.connection)
        .map(|view| view.account.given_access())
        .unwrap_or_default();
    let now = store.now().await?;
    let person = fold::fold(&facts.events, &facts.alias, now, connection.rules());
    Ok(published.mapping.access(&person, given, now).access == Access::Inactive)
}

fn dead_letter(leaver: &OverdueLeaver) -> NewDeadLetter {
    let problem = match &leaver.outcome {
        Some(outcome) if !outcome.detail.is_empty() => format!(" ({})", outcome.detail),
        Some(_) | None => String::new(),
    };
    NewDeadLetter {
        subject: DeadLetterSubject::Account {
            connection: leaver.connection.clone(),
            person: leaver.person.clone(),
        },
        cause: DeadLetterCause::LeaverOverdue,
        summary: format!(
            "This person left, and it is not proven that the account is inactive{problem}. If \
             that lasts, deactivate it by hand. Hirewire goes on trying and closes this when the \
             account is inactive."
        ),
        detail: json!({ "since": leaver.since, "outcome": leaver.outcome }),
        raw: None,
    }
}
