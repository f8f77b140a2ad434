//! Filing, listing and closing dead letters. At most one is open for each thing and cause; the same again counts up.

use super::{
    Account, DeadLetter, DeadLetterCause, DeadLetterFilter, DeadLetterId, DeadLetterSubject,
    NewDeadLetter, PersonKey, RawHook, Store, StoreError,
    sql::dialect::Scope,
    sql::statement::{Columns as _, SqlValue, Statement, Tx, and, chunks, to_json},
};
use crate::{queue::Hook, telemetry};

/// Digits of a letter's id: without those that look like others.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl Store {
    /// Files a letter that does not come with a commit (poison, findings); at most one open letter per (about, cause).
    pub async fn file(&self, letter: &NewDeadLetter) -> Result<DeadLetterId, StoreError> {
        let letter = letter.clone();
        self.engine
            .write(Scope::Transaction, move |mut tx| {
                let letter = letter.clone();
                Box::pin(async move { file(&mut tx, &letter).await })
            })
            .await
    }

    /// The letters meant, newest first.
    pub async fn dead_letters(
        &self,
        filter: &DeadLetterFilter,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let filter = filter.clone();
        self.engine
            .read(move |mut tx| Box::pin(async move { chosen(&mut tx, &filter).await }))
            .await
    }

    /// The hook that the letter is about, as it was queued; `None`: no such letter, or it is not about a hook.
    pub async fn raw(&self, letter: &DeadLetterId) -> Result<Option<RawHook>, StoreError> {
        let letter = letter.clone();
        self.engine
            .read(move |mut tx| Box::pin(async move { raw(&mut tx, &letter).await }))
            .await
    }
}

/// What a letter is about, as columns: in one text, kind, connection, person.
struct Subject<'a> {
    text: String,
    about: &'static str,
    connection: Option<&'a str>,
    person: Option<&'a str>,
}

fn subject(about: &DeadLetterSubject) -> Subject<'_> {
    match about {
        DeadLetterSubject::Account { connection, person } => Subject {
            text: account_subject(connection, person),
            about: "account",
            connection: Some(connection),
            person: Some(&person.0),
        },
        DeadLetterSubject::Person { person } => Subject {
            text: format!("person {person}"),
            about: "person",
            connection: None,
            person: Some(&person.0),
        },
        DeadLetterSubject::Hook { source, hook } => Subject {
            text: format!("hook {source} {hook}"),
            about: "hook",
            connection: None,
            person: None,
        },
    }
}

fn account_subject(connection: &str, person: &PersonKey) -> String {
    format!("account {connection} {person}")
}

/// Files a letter, or counts up the open one.
pub(super) async fn file(
    tx: &mut Tx<'_>,
    letter: &NewDeadLetter,
) -> Result<DeadLetterId, StoreError> {
    let subject = subject(&letter.about);
    if let DeadLetterSubject::Account { connection, person } = &letter.about {
        let mark = Statement::of(
            "UPDATE accounts SET has_dead_letters = 1 WHERE connection = $2 AND person = $3",
        );
        mark.with(connection).with(person).run(tx).await?;
    }
    loop {
        let filed = Statement::of(
            "INSERT INTO dead_letters (id, subject, about, connection, person, cause, summary, detail, filed, last, \
             count, raw) SELECT $2, $3, $4, $5, $6, $7, $8, $9, {now}, {now}, 1, $10 \
             WHERE NOT EXISTS (SELECT 1 FROM dead_letters WHERE id = $2) \
             ON CONFLICT (subject, cause) WHERE closed IS NULL DO UPDATE SET count = dead_letters.count + 1, \
             last = excluded.last, summary = excluded.summary, detail = excluded.detail, \
             raw = COALESCE(excluded.raw, dead_letters.raw) RETURNING id",
        )
        .with(fresh_id())
        .with(&subject.text)
        .with(subject.about)
        .with(subject.connection)
        .with(subject.person)
        .with(letter.cause.as_str())
        .with(&letter.summary)
        .with(to_json(&letter.detail)?)
        .with(letter.raw.clone())
        .first(tx)
        .await?;
        // No row: the id was taken by another letter.
        if let Some(row) = filed {
            return row.text("id").map(DeadLetterId);
        }
    }
}

/// Files a hook that could not be read, whole; again is harmless, even when its letter was closed.
pub(super) async fn file_unreadable(
    tx: &mut Tx<'_>,
    hook: &Hook,
    reason: &str,
) -> Result<DeadLetterId, StoreError> {
    let about = DeadLetterSubject::Hook {
        source: hook.source.clone(),
        hook: hook.hook.clone(),
    };
    let known = Statement::of(
        "SELECT id FROM dead_letters WHERE subject = $2 AND cause = $3 ORDER BY filed LIMIT 1",
    )
    .with(subject(&about).text)
    .with(DeadLetterCause::Unreadable.as_str())
    .first(tx)
    .await?;
    if let Some(row) = known {
        return row.text("id").map(DeadLetterId);
    }
    let letter = NewDeadLetter {
        about,
        cause: DeadLetterCause::Unreadable,
        summary: format!(
            "The hook is authentic but could not be read: {reason}. Mend the preset, then replay."
        ),
        detail: serde_json::json!({ "reason": reason, "received": hook.received }),
        raw: Some(to_json(hook)?.into_bytes()),
    };
    file(tx, &letter).await
}

/// Closes the letters about hooks that can be read now.
pub(super) async fn close_readable(
    tx: &mut Tx<'_>,
    hooks: impl Iterator<Item = &Hook>,
) -> Result<(), StoreError> {
    let subjects: Vec<[SqlValue; 1]> = hooks
        .map(|hook| [format!("hook {} {}", hook.source, hook.hook).into()])
        .collect();
    for subjects in chunks(tx.dialect, subjects) {
        let statement = Statement::of(
            "UPDATE dead_letters SET closed = {now} WHERE closed IS NULL AND cause = $2 AND subject IN (VALUES {rows})",
        );
        statement
            .with(DeadLetterCause::Unreadable.as_str())
            .rows(subjects)
            .run(tx)
            .await?;
    }
    Ok(())
}

/// Closes the account's letters, but those that were filed just now.
pub(super) async fn close_of_account(
    tx: &mut Tx<'_>,
    account: &Account,
    just_filed: &[NewDeadLetter],
) -> Result<(), StoreError> {
    let subject = account_subject(&account.connection, &account.person);
    let open =
        Statement::of("SELECT id, cause FROM dead_letters WHERE subject = $2 AND closed IS NULL");
    for row in open.with(subject).all(tx).await? {
        let cause = row.text("cause")?;
        if !just_filed
            .iter()
            .any(|letter| letter.cause.as_str() == cause)
        {
            close(tx, &DeadLetterId(row.text("id")?)).await?;
        }
    }
    let mark = Statement::of(
        "UPDATE accounts SET has_dead_letters = $4 WHERE connection = $2 AND person = $3",
    );
    mark.with(&account.connection)
        .with(&account.person)
        .with(!just_filed.is_empty())
        .run(tx)
        .await?;
    Ok(())
}

/// Closes a letter.
pub(super) async fn close(tx: &mut Tx<'_>, letter: &DeadLetterId) -> Result<(), StoreError> {
    let statement =
        Statement::of("UPDATE dead_letters SET closed = {now} WHERE id = $2 AND closed IS NULL");
    statement.with(&letter.0).run(tx).await?;
    Ok(())
}

/// The letters that a filter means, newest first.
pub(super) async fn chosen(
    tx: &mut Tx<'_>,
    filter: &DeadLetterFilter,
) -> Result<Vec<DeadLetter>, StoreError> {
    let mut statement = Statement::of(String::new());
    let mut text = "SELECT id, subject, about, connection, person, cause, summary, detail, filed, last, count, \
         closed, CASE WHEN raw IS NULL THEN 0 ELSE 1 END AS has_raw FROM dead_letters WHERE 1 = 1"
        .to_owned();
    if !filter.closed_too {
        text += " AND closed IS NULL";
    }
    let wanted = [
        ("connection", filter.connection.clone()),
        ("cause", filter.cause.clone()),
        ("person", filter.person.clone().map(|person| person.0)),
    ];
    let mut bound = 1;
    for (column, value) in wanted {
        if let Some(value) = value {
            bound += 1;
            text.push_str(&and(column, bound));
            statement = statement.with(value);
        }
    }
    if !filter.ids.is_empty() {
        let places: Vec<String> = (1..=filter.ids.len())
            .map(|place| format!("${}", bound + place))
            .collect();
        for piece in [" AND id IN (", &places.join(", "), ")"] {
            text.push_str(piece);
        }
        bound += places.len();
        statement = filter
            .ids
            .iter()
            .fold(statement, |statement, id| statement.with(&id.0));
    }
    text.push_str(" ORDER BY filed DESC, id");
    if filter.most > 0 {
        let limit = format!(" LIMIT ${}", bound + 1);
        text.push_str(&limit);
        statement = statement.with(filter.most);
    }
    statement
        .saying(text)
        .all(tx)
        .await?
        .iter()
        .map(letter)
        .collect()
}

fn letter(row: &sqlx::any::AnyRow) -> Result<DeadLetter, StoreError> {
    Ok(DeadLetter {
        id: DeadLetterId(row.text("id")?),
        about: about(row)?,
        cause: row.text("cause")?,
        summary: row.text("summary")?,
        detail: row.json("detail")?,
        filed: row.time("filed")?,
        last: row.time("last")?,
        count: u32::try_from(row.int("count")?).unwrap_or(u32::MAX),
        closed: row.maybe_time("closed")?,
        has_raw: row.flag("has_raw")?,
    })
}

fn about(row: &sqlx::any::AnyRow) -> Result<DeadLetterSubject, StoreError> {
    let person = row.maybe_text("person")?.map(PersonKey);
    match (row.maybe_text("connection")?, person) {
        (Some(connection), Some(person)) => Ok(DeadLetterSubject::Account { connection, person }),
        (None, Some(person)) => Ok(DeadLetterSubject::Person { person }),
        (_, None) => {
            let subject = row.text("subject")?;
            let mut words = subject.split(' ').skip(1).map(str::to_owned);
            let (source, hook) = (
                words.next().unwrap_or_default(),
                words.next().unwrap_or_default(),
            );
            let wrong =
                |error: hirewire_core::event::InvalidId| StoreError::Refused(error.to_string());
            Ok(DeadLetterSubject::Hook {
                source: hirewire_core::event::SourceId::parse(source).map_err(wrong)?,
                hook: hirewire_core::event::HookId::parse(hook).map_err(wrong)?,
            })
        }
    }
}

/// The hook kept with a letter.
pub(super) async fn raw(
    tx: &mut Tx<'_>,
    letter: &DeadLetterId,
) -> Result<Option<RawHook>, StoreError> {
    let row = Statement::of("SELECT raw FROM dead_letters WHERE id = $2")
        .with(&letter.0)
        .first(tx)
        .await?;
    let bytes = row.map(|row| row.maybe_bytes("raw")).transpose()?.flatten();
    // Other bytes than a hook's may be kept with a letter (`NewDeadLetter::raw`): there is nothing to read again in them.
    let hook = bytes.and_then(|bytes| serde_json::from_slice::<Hook>(&bytes).ok());
    Ok(hook.map(|hook| RawHook {
        dead_letter: letter.clone(),
        hook,
    }))
}

/// Eight digits from a UUID's chance.
fn fresh_id() -> String {
    let id = telemetry::new_id();
    let chance = id.bytes().rev().filter(u8::is_ascii_hexdigit).take(10);
    let number = chance.fold(0_u64, |number, digit| {
        number << 4 | u64::from(char::from(digit).to_digit(16).unwrap_or(0))
    });
    (0..8)
        .map(|place| {
            char::from(
                DIGITS
                    .get((number >> (place * 5) & 31) as usize)
                    .copied()
                    .unwrap_or(b'0'),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_can_be_typed_and_differ() {
        let ids: std::collections::BTreeSet<_> = (0..500).map(|_| fresh_id()).collect();
        assert_eq!(ids.len(), 500);
        assert!(
            ids.iter()
                .all(|id| id.len() == 8 && id.bytes().all(|digit| DIGITS.contains(&digit)))
        );
    }
}
