//! On `PostgreSQL`: what many reconciles write at the same time is one statement.
//!
//! A statement for each account costs the server and us more than what it does (docs/benchmarks.md). Whatever comes in while
//! one is under way shares the next; nobody waits for company. It never waits for the lock of a row: an account that somebody
//! else is writing is left out, and so is one whose claim was lost. Whoever is left out, and everybody if the statement
//! fails, does it alone, where it becomes clear why: one account's trouble holds up no other.

use std::collections::{BTreeMap, VecDeque};

use sqlx::any::AnyRow;
use tokio::sync::{mpsc, oneshot};

use super::{
    dialect::Scope,
    engine::Engine,
    statement::{Columns as _, SqlValue, Statement, fitting},
};
use crate::store::StoreError;

/// Most accounts in a statement.
const MOST: usize = 32;

/// How often it lets others run before it takes what there is.
const GLANCES: usize = 4;

/// What is to be written to a claimed account: the first three values are its connection, its person and the fencing_token.
pub(in crate::store) type Line<const N: usize> = [SqlValue; N];

/// How a line finds its account; `v` are the lines.
pub(in crate::store) const MINE: &str = "accounts.connection = v.column1 AND accounts.person = v.column2 AND accounts.fencing_token = v.column3";

/// Writes lines of `N` values to claimed accounts, as many at a time as there are.
#[derive(Clone)]
pub(in crate::store) struct BatchWriter<const N: usize> {
    lines: mpsc::Sender<Waiting<N>>,
}

struct Waiting<const N: usize> {
    line: Line<N>,
    written: oneshot::Sender<AnyRow>,
}

/// What says which line a row of the answer is of.
type Name = (Option<String>, Option<String>, Option<String>);

impl<const N: usize> BatchWriter<N> {
    /// Starts; ends when the last copy of it is dropped. `set` assigns from `v.column4` ..., where `also` holds; what comes
    /// of it is the columns of `returning`. `then` may be more of the statement that reads them from `written`, or empty.
    pub(in crate::store) fn start(
        engine: Engine,
        set: &str,
        also: &str,
        returning: &str,
        then: &str,
    ) -> Self {
        let statement = format!(
            "WITH v AS (VALUES {{rows}}), \
             free (c, p) AS MATERIALIZED (SELECT accounts.connection, accounts.person FROM v JOIN accounts \
               ON accounts.connection = v.column1 AND accounts.person = v.column2 {{skip_locked}}), \
             written AS (UPDATE accounts SET {set} FROM v JOIN free ON free.c = v.column1 AND free.p = v.column2 \
               WHERE {MINE}{also} RETURNING v.column1 AS at, v.column2 AS whom, v.column3 AS fencing_token, {returning}){then} \
             SELECT * FROM written"
        );
        let (lines, waiting) = mpsc::channel(MOST * 4);
        tokio::spawn(gather(engine, statement, waiting));
        Self { lines }
    }

    /// Writes the line with those of others. `None`: it has to be done alone.
    pub(in crate::store) async fn write(&self, line: Line<N>) -> Option<AnyRow> {
        let (written, told) = oneshot::channel();
        self.lines.send(Waiting { line, written }).await.ok()?;
        told.await.ok()
    }
}

async fn gather<const N: usize>(
    engine: Engine,
    statement: String,
    mut waiting: mpsc::Receiver<Waiting<N>>,
) {
    let mut taken: VecDeque<Waiting<N>> = VecDeque::with_capacity(MOST);
    loop {
        if taken.is_empty() {
            let Some(first) = waiting.recv().await else {
                return;
            };
            taken.push_back(first);
        }
        // Accounts that were claimed together come about together: those that are on their way go along.
        for _ in 0..GLANCES {
            tokio::task::yield_now().await;
        }
        while taken.len() < MOST
            && let Ok(next) = waiting.try_recv()
        {
            taken.push_back(next);
        }
        let fitting = fitting(taken.iter().map(|one| &one.line));
        write(&engine, &statement, taken.drain(..fitting).collect()).await;
    }
}

async fn write<const N: usize>(engine: &Engine, statement: &str, waiting: Vec<Waiting<N>>) {
    let (mut lines, mut callers) = (Vec::with_capacity(waiting.len()), BTreeMap::new());
    for Waiting { line, written } in waiting {
        callers.insert(name(&line), written);
        lines.push(line);
    }
    let statement = Statement::of(statement).rows(padded(lines));
    let writing = engine.write::<_, StoreError, _>(Scope::Statement, move |mut tx| {
        let statement = statement.clone();
        Box::pin(async move { Ok(statement.all(&mut tx).await?) })
    });
    match writing.await {
        Ok(rows) => {
            for row in rows {
                // Whoever went away is not told.
                let _ = name_of(&row)
                    .ok()
                    .and_then(|name| callers.remove(&name))
                    .map(|caller| caller.send(row));
            }
        }
        Err(error) => {
            tracing::debug!(%error, accounts = callers.len(), "not written together; each alone")
        }
    }
}

/// A few lengths only: each is a statement that the server plans once. What fills up names no account.
fn padded<const N: usize>(mut lines: Vec<Line<N>>) -> Vec<Line<N>> {
    let length = lines.len().next_power_of_two();
    if let Some(first) = lines.first() {
        let blank = first.clone().map(|value| match value {
            SqlValue::Int(_) => SqlValue::Int(None),
            SqlValue::Text(_) => SqlValue::Text(None),
            SqlValue::Bytes(_) => SqlValue::Bytes(None),
        });
        lines.resize(length, blank);
    }
    lines
}

fn name<const N: usize>(line: &Line<N>) -> Name {
    let text = |place: usize| match line.get(place) {
        Some(SqlValue::Text(text)) => text.clone(),
        Some(SqlValue::Int(_) | SqlValue::Bytes(_)) | None => None,
    };
    (text(0), text(1), text(2))
}

fn name_of(row: &AnyRow) -> Result<Name, StoreError> {
    Ok((
        row.maybe_text("at")?,
        row.maybe_text("whom")?,
        row.maybe_text("fencing_token")?,
    ))
}
