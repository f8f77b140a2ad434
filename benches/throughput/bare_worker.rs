//! The bare loop that the workers are held against: the same SCIM requests, and two durable commits an event.
//!
//! An event is inserted (a commit), the requests of a hire are sent in their order, and the account is inserted (a
//! commit). Nothing is folded, mapped, claimed or fenced.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use hirewire_sandbox::LoggedRequest;
use sqlx::{Connection as _, Executor as _, PgPool, SqliteConnection, postgres::PgPoolOptions};
use tokio::sync::Mutex;

use crate::{figures::Figures, harness};

const TABLES: &str = "CREATE TABLE bare_events (id BIGINT PRIMARY KEY, body TEXT NOT NULL); \
                      CREATE TABLE bare_accounts (id BIGINT PRIMARY KEY, body TEXT NOT NULL)";

/// Where it commits.
#[derive(Clone)]
pub enum Bare {
    /// A pool with a connection for each task.
    Postgres(PgPool),
    /// The one connection that may write.
    Sqlite(Arc<Mutex<SqliteConnection>>),
}

impl Bare {
    /// On that database, which is empty or the product's.
    pub async fn open(url: &str, tasks: usize) -> Self {
        if url.starts_with("sqlite") {
            let mut connection = SqliteConnection::connect(url).await.expect("SQLite");
            let durable = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000";
            connection
                .execute(sqlx::raw_sql(durable))
                .await
                .expect("settings");
            connection
                .execute(sqlx::raw_sql(TABLES))
                .await
                .expect("tables");
            return Self::Sqlite(Arc::new(Mutex::new(connection)));
        }
        let tasks = u32::try_from(tasks).unwrap_or(u32::MAX);
        let pool = PgPoolOptions::new()
            .max_connections(tasks)
            .min_connections(tasks)
            .test_before_acquire(false);
        let pool = pool.connect(url).await.expect("PostgreSQL");
        pool.execute(sqlx::raw_sql(TABLES)).await.expect("tables");
        Self::Postgres(pool)
    }

    async fn commit(&self, statement: &'static str, number: usize, body: &str) {
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        let rows = match self {
            Self::Postgres(pool) => sqlx::query(statement)
                .bind(number)
                .bind(body)
                .execute(pool)
                .await
                .expect("a commit")
                .rows_affected(),
            Self::Sqlite(connection) => {
                let mut connection = connection.lock().await;
                let query = sqlx::query(statement).bind(number).bind(body);
                query
                    .execute(&mut *connection)
                    .await
                    .expect("a commit")
                    .rows_affected()
            }
        };
        assert_eq!(rows, 1, "{statement}");
    }
}

/// Applies so many events as the requests `like` of one person's hire, whose worker number is `model`.
pub async fn apply(
    bare: &Bare,
    base: &str,
    like: &[LoggedRequest],
    model: &str,
    events: usize,
    tasks: usize,
) -> Figures {
    let (http, number, began) = (
        reqwest::Client::new(),
        Arc::new(AtomicUsize::new(0)),
        Instant::now(),
    );
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..tasks {
        let (bare, base, like, model) = (
            bare.clone(),
            base.to_owned(),
            like.to_vec(),
            model.to_owned(),
        );
        let (http, number) = (http.clone(), Arc::clone(&number));
        running.spawn(async move {
            loop {
                let this = number.fetch_add(1, Ordering::Relaxed);
                if this >= events {
                    return;
                }
                one(
                    &bare,
                    &http,
                    &base,
                    &like,
                    (&model, &format!("bare{this}")),
                    this,
                )
                .await;
            }
        });
    }
    while let Some(task) = running.join_next().await {
        task.expect("a task ends");
    }
    Figures::counted(events, began.elapsed())
}

async fn one(
    bare: &Bare,
    http: &reqwest::Client,
    base: &str,
    like: &[LoggedRequest],
    (model, name): (&str, &str),
    number: usize,
) {
    let event = "x".repeat(crate::hooks::BYTES);
    bare.commit(
        "INSERT INTO bare_events (id, body) VALUES ($1, $2)",
        number,
        &event,
    )
    .await;
    let mut answer = String::new();
    for request in like {
        let url = format!("{base}{}", request.path.replace(model, name));
        let method = request.method.parse().expect("a method");
        let mut sending = http
            .request(method, url)
            .bearer_auth(harness::TOKEN)
            .header("accept", "application/scim+json");
        if let Some(body) = &request.body {
            let body = body.to_string().replace(model, name);
            sending = sending
                .header("content-type", "application/scim+json")
                .body(body);
        }
        let answered = sending.send().await.expect("an answer");
        let status = answered.status();
        answer = answered.text().await.expect("a body");
        assert!(status.is_success(), "{status}: {answer}");
        let _read: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
    }
    bare.commit(
        "INSERT INTO bare_accounts (id, body) VALUES ($1, $2)",
        number,
        &answer,
    )
    .await;
}
