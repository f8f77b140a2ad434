//! On PostgreSQL: the writes of concurrent reconciles share one statement.
//!
//! A statement for each account costs more than its work: without this a reconcile takes 1.47 times
//! the CPU (docs/benchmarks.md, "Pieces"). The rows that arrive while one statement runs share the
//! next one; no row waits for others. The statement never waits
//! for a row lock: it leaves out an account that is locked, and one whose claim is lost. Such a
//! row, and every row if the statement fails, is then written alone by its caller, which reports
//! the reason. So a problem of one account delays no other.

use std::collections::{BTreeMap, VecDeque};

use tokio::sync::{mpsc, oneshot};

use super::{
    dialect::Scope,
    engine::Engine,
    row::{ReadColumn as _, SqlRow},
    statement::{Row, Statement, fitting},
    value::SqlValue,
};
use crate::store::StoreError;

/// The most accounts in a statement.
const MOST_ROWS: usize = 32;

/// How often it yields to other tasks before it takes the rows that arrived.
const YIELDS: usize = 4;

/// How a row of `v` finds the account that it writes, if its claim holds.
pub(in crate::store) const CLAIMED_ROW: &str = "accounts.connection = v.connection
     AND accounts.person = v.person AND accounts.fencing_token = v.fencing_token";

/// Writes rows of `N` values to claimed accounts. A row has the columns `connection`, `person` and
/// `fencing_token` of its claim, and the values that the statement assigns.
#[derive(Clone)]
pub(in crate::store) struct BatchWriter<const N: usize> {
    rows: mpsc::Sender<QueuedRow<N>>,
}

/// The parts of the statement that a [`BatchWriter`] runs; `v` holds the rows.
pub(in crate::store) struct BatchStatement<'a> {
    /// The assignments, from columns of `v` and of `accounts`.
    pub(in crate::store) set: &'a str,
    /// A further condition on a row, or empty.
    pub(in crate::store) and_where: &'a str,
    /// Columns of `written`, which is the answer.
    pub(in crate::store) returning: &'a str,
    /// A further WITH query that reads `written`, or empty.
    pub(in crate::store) then: &'a str,
}

struct QueuedRow<const N: usize> {
    row: Row<N>,
    reply: oneshot::Sender<SqlRow>,
}

/// Connection, person and fencing token: they identify a row, and its row of the answer.
type RowKey = [Option<String>; 3];

const KEY: [&str; 3] = ["connection", "person", "fencing_token"];

impl<const N: usize> BatchWriter<N> {
    /// Starts the writer; it ends when its last clone is dropped.
    pub(in crate::store) fn start(engine: Engine, parts: &BatchStatement<'_>) -> Self {
        let BatchStatement {
            set,
            and_where,
            returning,
            then,
        } = parts;
        let text = format!(
            "WITH {{rows}},
             unlocked (connection, person) AS MATERIALIZED (
               SELECT accounts.connection, accounts.person
               FROM v JOIN accounts
                 ON accounts.connection = v.connection AND accounts.person = v.person
               {{skip_locked}}),
             written AS (
               UPDATE accounts SET {set}
               FROM v JOIN unlocked
                 ON unlocked.connection = v.connection AND unlocked.person = v.person
               WHERE {CLAIMED_ROW} {and_where}
               RETURNING v.connection, v.person, v.fencing_token, {returning}){then}
             SELECT * FROM written"
        );
        let (rows, queue) = mpsc::channel(MOST_ROWS * 4);
        tokio::spawn(run(engine, text, queue));
        Self { rows }
    }

    /// Writes the row together with those of other callers. `None`: the caller has to write it
    /// alone.
    pub(in crate::store) async fn write(&self, row: Row<N>) -> Option<SqlRow> {
        let (reply, written) = oneshot::channel();
        self.rows.send(QueuedRow { row, reply }).await.ok()?;
        written.await.ok()
    }
}

async fn run<const N: usize>(
    engine: Engine,
    text: String,
    mut queue: mpsc::Receiver<QueuedRow<N>>,
) {
    let mut taken: VecDeque<QueuedRow<N>> = VecDeque::with_capacity(MOST_ROWS);
    loop {
        if taken.is_empty() {
            let Some(first) = queue.recv().await else {
                return;
            };
            taken.push_back(first);
        }

        // Accounts that were claimed together finish at about the same time: take those as well.
        for _ in 0..YIELDS {
            tokio::task::yield_now().await;
        }
        while taken.len() < MOST_ROWS
            && let Ok(next) = queue.try_recv()
        {
            taken.push_back(next);
        }

        let fitting = fitting(taken.iter().map(|queued| &queued.row));
        write(&engine, &text, taken.drain(..fitting).collect()).await;
    }
}

async fn write<const N: usize>(engine: &Engine, text: &str, queued: Vec<QueuedRow<N>>) {
    let mut rows = Vec::with_capacity(queued.len());
    let mut callers = BTreeMap::new();
    for QueuedRow { row, reply } in queued {
        callers.insert(key_of_row(&row), reply);
        rows.push(row);
    }

    let statement = Statement::new(text.to_owned()).rows(padded(rows));
    let writing = engine.write::<_, StoreError, _>(Scope::Statement, move |mut tx| {
        let statement = statement.clone();
        Box::pin(async move { Ok(statement.all(&mut tx).await?) })
    });

    match writing.await {
        Ok(answer) => {
            for row in answer {
                let caller = key_of_answer(&row)
                    .ok()
                    .and_then(|key| callers.remove(&key));
                // An error here: the caller was dropped.
                let _ = caller.map(|caller| caller.send(row));
            }
        }
        Err(error) => {
            tracing::debug!(
                %error,
                accounts = callers.len(),
                "a shared statement failed; each account is written alone"
            );
        }
    }
}

/// Fills up to the next power of two with rows that match no account: the server plans a statement
/// once for each of these few lengths.
fn padded<const N: usize>(mut rows: Vec<Row<N>>) -> Vec<Row<N>> {
    let length = rows.len().next_power_of_two();
    if let Some(first) = rows.first() {
        let blank = first.clone().map(|(name, value)| (name, value.null()));
        rows.resize(length, blank);
    }
    rows
}

fn key_of_row<const N: usize>(row: &Row<N>) -> RowKey {
    KEY.map(|column| {
        let value = row.iter().find(|(name, _)| *name == column);
        match value {
            Some((_, SqlValue::Text(text))) => text.clone(),
            Some((_, SqlValue::Int(_) | SqlValue::Bytes(_))) | None => None,
        }
    })
}

fn key_of_answer(row: &SqlRow) -> Result<RowKey, StoreError> {
    let [connection, person, fencing_token] = KEY;
    Ok([
        row.optional_text(connection)?,
        row.optional_text(person)?,
        row.optional_text(fencing_token)?,
    ])
}
