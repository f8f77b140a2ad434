//! Reading dead letters: by filter, and the hooks that are kept with them.

use super::{DeadLetter, DeadLetterId, DeadLetterSubject};
use crate::{
    queue::Hook,
    store::{
        PersonKey, Store, StoreError,
        sql::{
            row::{ReadColumn as _, SqlRow},
            statement::{Statement, Tx},
        },
    },
};
use hirewire_core::event::{HookId, InvalidId, SourceId};

/// Selects dead letters: those that meet every condition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetterFilter {
    /// Whether closed ones are selected, too.
    pub include_closed: bool,
    /// Only this connection.
    pub connection: Option<String>,
    /// Only this cause, by name.
    pub cause: Option<String>,
    /// Only this person.
    pub person: Option<PersonKey>,
    /// Only these ids; empty: every id.
    pub ids: Vec<DeadLetterId>,
    /// The most to select, newest first; 0: all.
    pub limit: usize,
}

/// A hook that is kept with a dead letter.
#[derive(Clone, Debug, PartialEq)]
pub struct RawHook {
    /// The dead letter about it.
    pub dead_letter: DeadLetterId,
    /// The hook as the queue had it: its payload is `Unreadable`.
    pub hook: Hook,
}

impl Store {
    /// The dead letters that the filter selects, newest first.
    pub async fn dead_letters(
        &self,
        filter: &DeadLetterFilter,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let rows = self.engine.all(select(filter)).await?;
        rows.iter().map(read).collect()
    }

    /// How many dead letters the filter selects; its limit does not count.
    pub async fn count_dead_letters(&self, filter: &DeadLetterFilter) -> Result<u64, StoreError> {
        let all = DeadLetterFilter {
            limit: 0,
            ..filter.clone()
        };
        let row = self
            .engine
            .first(narrowed("COUNT(*) AS n", &all, ""))
            .await?;
        row.map_or(Ok(0), |row| row.count("n"))
    }

    /// The number of open dead letters for each connection and cause: (connection, cause, number).
    /// The connection is empty for those that name none.
    pub async fn dead_letter_counts(&self) -> Result<Vec<(String, String, u64)>, StoreError> {
        let statement = Statement::new(
            "SELECT COALESCE(connection, '') AS connection_or_none, cause, COUNT(*) AS n
             FROM dead_letters
             WHERE closed_at IS NULL
             GROUP BY COALESCE(connection, ''), cause
             ORDER BY 1, 2",
        );
        let rows = self.engine.all(statement).await?;
        rows.iter()
            .map(|row| {
                Ok((
                    row.text("connection_or_none")?,
                    row.text("cause")?,
                    row.count("n")?,
                ))
            })
            .collect()
    }
}

/// The dead letters that the filter selects, newest first, inside a transaction.
pub(super) async fn selected(
    tx: &mut Tx<'_>,
    filter: &DeadLetterFilter,
) -> Result<Vec<DeadLetter>, StoreError> {
    let rows = select(filter).all(tx).await?;
    rows.iter().map(read).collect()
}

fn select(filter: &DeadLetterFilter) -> Statement {
    let columns = "id, subject, subject_kind, connection, person, cause, summary, detail,
           filed_at, last_filed_at, occurrences, closed_at,
           CASE WHEN raw IS NULL THEN 0 ELSE 1 END AS has_raw";
    narrowed(columns, filter, " ORDER BY filed_at DESC, id")
}

fn narrowed(columns: &str, filter: &DeadLetterFilter, order: &str) -> Statement {
    let mut text = format!("SELECT {columns} FROM dead_letters WHERE 1 = 1");
    let mut values = Vec::new();

    let mut narrow = |condition: &str, name: &'static str, value: Option<&str>| {
        if let Some(value) = value {
            text.push_str(condition);
            values.push((name, value.to_owned()));
        }
    };
    narrow(
        " AND connection = :connection",
        "connection",
        filter.connection.as_deref(),
    );
    narrow(" AND cause = :cause", "cause", filter.cause.as_deref());
    let person = filter.person.as_ref().map(|person| person.0.as_str());
    narrow(" AND person = :person", "person", person);

    if !filter.include_closed {
        text.push_str(" AND closed_at IS NULL");
    }
    if !filter.ids.is_empty() {
        text.push_str(" AND id IN ({values})");
    }
    text.push_str(order);
    if filter.limit > 0 {
        text.push_str(" LIMIT :limit");
    }

    values
        .into_iter()
        .fold(Statement::new(text), |statement, (name, value)| {
            statement.bind(name, value)
        })
        .bind("limit", filter.limit)
        .list(filter.ids.iter().map(|id| &id.0))
}

fn read(row: &SqlRow) -> Result<DeadLetter, StoreError> {
    Ok(DeadLetter {
        id: DeadLetterId(row.text("id")?),
        subject: read_subject(row)?,
        cause: row.text("cause")?,
        summary: row.text("summary")?,
        detail: row.json("detail")?,
        filed_at: row.time("filed_at")?,
        last_filed_at: row.time("last_filed_at")?,
        occurrences: row.small("occurrences")?,
        closed_at: row.optional_time("closed_at")?,
        has_raw: row.flag("has_raw")?,
    })
}

fn read_subject(row: &SqlRow) -> Result<DeadLetterSubject, StoreError> {
    match row.text("subject_kind")?.as_str() {
        "account" => Ok(DeadLetterSubject::Account {
            connection: row.text("connection")?,
            person: PersonKey(row.text("person")?),
        }),
        "person" => Ok(DeadLetterSubject::Person {
            person: PersonKey(row.text("person")?),
        }),
        _ => {
            let subject = row.text("subject")?;
            let mut words = subject.split(' ').skip(1).map(str::to_owned);
            let source = SourceId::parse(words.next().unwrap_or_default());
            let hook = HookId::parse(words.next().unwrap_or_default());
            let invalid = |error: InvalidId| {
                StoreError::Refused(format!(
                    "the subject of a dead letter cannot be read: {error}"
                ))
            };
            Ok(DeadLetterSubject::Hook {
                source: source.map_err(invalid)?,
                hook: hook.map_err(invalid)?,
            })
        }
    }
}

/// The hook that is kept with a dead letter. `None`: no bytes are kept, or they are no hook's (a
/// poison message's).
pub(super) async fn raw_hook(
    tx: &mut Tx<'_>,
    id: &DeadLetterId,
) -> Result<Option<RawHook>, StoreError> {
    let row = Statement::new("SELECT raw FROM dead_letters WHERE id = :id")
        .bind("id", &id.0)
        .first(tx)
        .await?;
    let bytes = row
        .map(|row| row.optional_bytes("raw"))
        .transpose()?
        .flatten();
    let hook = bytes.and_then(|bytes| serde_json::from_slice::<Hook>(&bytes).ok());
    Ok(hook.map(|hook| RawHook {
        dead_letter: id.clone(),
        hook,
    }))
}
