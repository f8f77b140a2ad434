//! Filing and closing dead letters.

use super::{DeadLetterId, DeadLetterSubject, NewDeadLetter};
use crate::{
    queue::Hook,
    store::{
        Account, DeadLetterCause, Store, StoreError,
        sql::{
            dialect::Scope,
            row::ReadColumn as _,
            statement::{Row, Statement, Tx, chunks},
            value::json_text,
        },
    },
};

impl Store {
    /// Files a dead letter that belongs to no commit: a poison message, a hook that cannot be stored. If one is open for the
    /// subject and cause, it counts up.
    pub async fn file_dead_letter(
        &self,
        letter: &NewDeadLetter,
    ) -> Result<DeadLetterId, StoreError> {
        let letter = letter.clone();
        self.engine
            .write(Scope::Transaction, move |mut tx| {
                let letter = letter.clone();
                Box::pin(async move { file(&mut tx, &letter).await })
            })
            .await
    }
}

/// Files a dead letter, or counts up the open one.
pub(in crate::store) async fn file(
    tx: &mut Tx<'_>,
    letter: &NewDeadLetter,
) -> Result<DeadLetterId, StoreError> {
    let NewDeadLetter {
        subject,
        cause,
        summary,
        detail,
        raw,
    } = letter;
    if let DeadLetterSubject::Account { connection, person } = subject {
        Statement::new(
            "UPDATE accounts SET has_dead_letters = 1
             WHERE connection = :connection AND person = :person",
        )
        .bind("connection", connection)
        .bind("person", person)
        .execute(tx)
        .await?;
    }

    loop {
        let filed = Statement::new(
            "INSERT INTO dead_letters
               (id, subject, subject_kind, connection, person, cause, summary, detail,
                filed_at, last_filed_at, occurrences, raw)
             SELECT :id, :subject, :subject_kind, :connection, :person, :cause, :summary, :detail,
               {now}, {now}, 1, :raw
             WHERE NOT EXISTS (SELECT 1 FROM dead_letters WHERE id = :id)
             ON CONFLICT (subject, cause) WHERE closed_at IS NULL DO UPDATE SET
               occurrences = dead_letters.occurrences + 1,
               last_filed_at = excluded.last_filed_at,
               summary = excluded.summary,
               detail = excluded.detail,
               raw = COALESCE(excluded.raw, dead_letters.raw)
             RETURNING id",
        )
        .bind("id", DeadLetterId::random().0)
        .bind("subject", subject.text())
        .bind("subject_kind", subject.kind())
        .bind("connection", subject.connection())
        .bind("person", subject.person().map(|person| person.0.as_str()))
        .bind("cause", cause.as_str())
        .bind("summary", summary)
        .bind("detail", json_text(detail)?)
        .bind("raw", raw.clone())
        .first(tx)
        .await?;
        // No row: another dead letter has the id already.
        if let Some(row) = filed {
            return row.text("id").map(DeadLetterId);
        }
    }
}

/// Files a dead letter about an unreadable hook, with the whole hook. A hook that has one, even a
/// closed one, gets no other.
pub(in crate::store) async fn file_unreadable(
    tx: &mut Tx<'_>,
    hook: &Hook,
    reason: &str,
) -> Result<DeadLetterId, StoreError> {
    let subject = subject_of(hook);
    let known = Statement::new(
        "SELECT id FROM dead_letters WHERE subject = :subject AND cause = :cause
         ORDER BY filed_at LIMIT 1",
    )
    .bind("subject", subject.text())
    .bind("cause", DeadLetterCause::Unreadable.as_str())
    .first(tx)
    .await?;
    if let Some(row) = known {
        return row.text("id").map(DeadLetterId);
    }

    let letter = NewDeadLetter {
        subject,
        cause: DeadLetterCause::Unreadable,
        summary: format!(
            "The hook is authentic but could not be read: {reason}. Fix the preset, then replay."
        ),
        detail: serde_json::json!({ "reason": reason, "received": hook.received }),
        raw: Some(json_text(hook)?.into_bytes()),
    };
    file(tx, &letter).await
}

fn subject_of(hook: &Hook) -> DeadLetterSubject {
    DeadLetterSubject::Hook {
        source: hook.source.clone(),
        hook: hook.hook.clone(),
    }
}

/// Closes the dead letters about hooks that are readable and storable now.
pub(in crate::store) async fn close_readable(
    tx: &mut Tx<'_>,
    hooks: impl Iterator<Item = &Hook>,
) -> Result<(), StoreError> {
    let subjects: Vec<Row<1>> = hooks
        .map(|hook| [("subject", subject_of(hook).text().into())])
        .collect();
    for subjects in chunks(tx.dialect, subjects) {
        Statement::new(
            "UPDATE dead_letters SET closed_at = {now}
             WHERE closed_at IS NULL AND cause IN (:unreadable, :unstorable)
               AND subject IN ({values})",
        )
        .bind("unreadable", DeadLetterCause::Unreadable.as_str())
        .bind("unstorable", DeadLetterCause::Unstorable.as_str())
        .rows(subjects)
        .execute(tx)
        .await?;
    }
    Ok(())
}

/// Which open dead letters of an account a commit closes.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Closed {
    /// Each but the two below.
    pub(in crate::store) all: bool,
    /// The one about a refusal.
    pub(in crate::store) refused: bool,
    /// The one about an overdue leaver.
    pub(in crate::store) overdue: bool,
}

/// Closes the account's open dead letters, except those with a cause that was filed just now.
pub(in crate::store) async fn close_of_account(
    tx: &mut Tx<'_>,
    account: &Account,
    closed: Closed,
    just_filed: &[NewDeadLetter],
) -> Result<(), StoreError> {
    let subject = DeadLetterSubject::Account {
        connection: account.connection.clone(),
        person: account.person.clone(),
    };
    let open = Statement::new(
        "SELECT id, cause FROM dead_letters WHERE subject = :subject AND closed_at IS NULL",
    )
    .bind("subject", subject.text())
    .all(tx)
    .await?;

    let mut stay_open = false;
    for row in open {
        let cause = row.text("cause")?;
        let is_just_filed = just_filed
            .iter()
            .any(|letter| letter.cause.as_str() == cause);
        let is_closed = match DeadLetterCause::parse(&cause) {
            Some(DeadLetterCause::LeaverOverdue) => closed.overdue,
            Some(DeadLetterCause::Refused) => closed.refused,
            Some(_) | None => closed.all,
        };
        if is_closed && !is_just_filed {
            close(tx, &DeadLetterId(row.text("id")?)).await?;
        } else {
            stay_open = true;
        }
    }

    Statement::new(
        "UPDATE accounts SET has_dead_letters = :has_dead_letters
         WHERE connection = :connection AND person = :person",
    )
    .bind("has_dead_letters", stay_open)
    .bind("connection", &account.connection)
    .bind("person", &account.person)
    .execute(tx)
    .await?;
    Ok(())
}

/// Closes a dead letter.
pub(super) async fn close(tx: &mut Tx<'_>, id: &DeadLetterId) -> Result<(), StoreError> {
    Statement::new(
        "UPDATE dead_letters SET closed_at = {now} WHERE id = :id AND closed_at IS NULL",
    )
    .bind("id", &id.0)
    .execute(tx)
    .await?;
    Ok(())
}
