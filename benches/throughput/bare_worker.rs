//! The bare loop beside the workers: the same SCIM requests, and two durable commits for each
//! event.
//!
//! It inserts an event (a commit), sends the requests of a hire in their order, and inserts the
//! account (a commit). It does not fold, map or claim, and it needs no fencing token.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use hirewire_sandbox::LoggedRequest;
use sqlx::{Connection as _, Executor as _, PgPool, SqliteConnection, postgres::PgPoolOptions};
use tokio::{sync::Mutex, task::JoinSet};

use crate::{figures::Figures, harness, hooks::BODY_BYTES};

const TABLES: &str = "CREATE TABLE bare_events (id BIGINT PRIMARY KEY, body TEXT NOT NULL); \
                      CREATE TABLE bare_accounts (id BIGINT PRIMARY KEY, body TEXT NOT NULL)";
const SQLITE_SETTINGS: &str =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000";
const INSERT_EVENT: &str = "INSERT INTO bare_events (id, body) VALUES ($1, $2)";
const INSERT_ACCOUNT: &str = "INSERT INTO bare_accounts (id, body) VALUES ($1, $2)";

/// The store of the bare loop.
#[derive(Clone)]
pub enum BareStore {
    /// A pool with one connection for each task.
    Postgres(PgPool),
    /// One connection: SQLite has one writer at a time.
    Sqlite(Arc<Mutex<SqliteConnection>>),
}

/// The requests of one hire, as a template for other people.
#[derive(Clone)]
pub struct RequestTemplate {
    pub requests: Vec<LoggedRequest>,
    /// The worker number in the requests, which is replaced; it occurs nowhere else in them.
    pub number: &'static str,
}

impl BareStore {
    /// Creates the tables of the bare loop in this database.
    pub async fn open(url: &str, tasks: usize) -> Self {
        if url.starts_with("sqlite") {
            let mut connection = SqliteConnection::connect(url).await.expect("SQLite");
            for statements in [SQLITE_SETTINGS, TABLES] {
                connection
                    .execute(sqlx::raw_sql(statements))
                    .await
                    .expect("settings and tables");
            }
            return Self::Sqlite(Arc::new(Mutex::new(connection)));
        }

        let connections = u32::try_from(tasks).unwrap_or(u32::MAX);
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .min_connections(connections)
            .test_before_acquire(false)
            .connect(url)
            .await
            .expect("PostgreSQL");
        pool.execute(sqlx::raw_sql(TABLES)).await.expect("tables");
        Self::Postgres(pool)
    }

    /// Inserts one row in a transaction of its own.
    async fn insert(&self, statement: &'static str, id: usize, body: &str) {
        let id = i64::try_from(id).unwrap_or(i64::MAX);

        let rows = match self {
            Self::Postgres(pool) => sqlx::query(statement)
                .bind(id)
                .bind(body)
                .execute(pool)
                .await
                .expect("a commit")
                .rows_affected(),
            Self::Sqlite(connection) => {
                let mut connection = connection.lock().await;
                sqlx::query(statement)
                    .bind(id)
                    .bind(body)
                    .execute(&mut *connection)
                    .await
                    .expect("a commit")
                    .rows_affected()
            }
        };

        assert_eq!(rows, 1, "{statement}");
    }
}

/// Applies so many events, each with the requests of the template, in so many concurrent tasks.
pub async fn apply(
    store: &BareStore,
    base_url: &str,
    template: &RequestTemplate,
    events: usize,
    tasks: usize,
) -> Figures {
    let http = reqwest::Client::new();
    let next_number = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();

    let mut running = JoinSet::new();
    for _ in 0..tasks {
        let (store, base_url) = (store.clone(), base_url.to_owned());
        let (template, http) = (template.clone(), http.clone());
        let next_number = Arc::clone(&next_number);
        running.spawn(async move {
            loop {
                let number = next_number.fetch_add(1, Ordering::Relaxed);
                if number >= events {
                    return;
                }
                apply_one(&store, &http, &base_url, &template, number).await;
            }
        });
    }
    while let Some(task) = running.join_next().await {
        task.expect("a task ends");
    }

    Figures::counted(events, start.elapsed())
}

async fn apply_one(
    store: &BareStore,
    http: &reqwest::Client,
    base_url: &str,
    template: &RequestTemplate,
    number: usize,
) {
    let name = format!("bare{number}");
    let event = "x".repeat(BODY_BYTES);
    store.insert(INSERT_EVENT, number, &event).await;

    let mut last_response = String::new();
    for request in &template.requests {
        let path = request.path.replace(template.number, &name);
        let method = request.method.parse().expect("a method");
        let mut builder = http
            .request(method, format!("{base_url}{path}"))
            .bearer_auth(harness::TOKEN)
            .header("accept", "application/scim+json");
        if let Some(body) = &request.body {
            let body = body.to_string().replace(template.number, &name);
            builder = builder
                .header("content-type", "application/scim+json")
                .body(body);
        }

        let response = builder.send().await.expect("a response");
        let status = response.status();
        last_response = response.text().await.expect("a body");
        assert!(status.is_success(), "{status}: {last_response}");
        let _parsed: serde_json::Value = serde_json::from_str(&last_response).expect("JSON");
    }

    store.insert(INSERT_ACCOUNT, number, &last_response).await;
}
