//! The conformance tests of a store on PostgreSQL: each in a database of its own, which is dropped
//! at the end.

use futures_util::future::join_all;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _};

use crate::store_conformance::harness::{self, StoreHarness};

/// The URL of the server: `HIREWIRE_TEST_POSTGRES_URL`, else the local one.
#[allow(
    clippy::disallowed_methods,
    reason = "the test reads its environment for the address of the server"
)]
fn server_url() -> String {
    std::env::var("HIREWIRE_TEST_POSTGRES_URL")
        .unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432/postgres".to_owned())
}

async fn execute_on_server(statement: String) {
    sqlx::any::install_default_drivers();
    let url = server_url();
    let mut server = AnyConnection::connect(&url).await.unwrap_or_else(|error| {
        panic!(
            "no PostgreSQL at {url}: {error}\n\
             start one: sudo apt-get install postgresql && sudo service postgresql start,\n\
             allow `postgres` from 127.0.0.1 (pg_hba.conf: trust), \
             or set HIREWIRE_TEST_POSTGRES_URL"
        )
    });

    server
        .execute(sqlx::raw_sql(AssertSqlSafe(statement)))
        .await
        .expect("the statement succeeds");
    server.close().await.expect("closed");
}

/// Drops the database at the end of the test, even of a failed one.
struct DatabaseGuard(String);

impl Drop for DatabaseGuard {
    fn drop(&mut self) {
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.0);

        // The runtime of the test is shutting down, so this needs one of its own.
        let dropping = std::thread::spawn(|| {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime")
                .block_on(execute_on_server(statement));
        });
        let _ = dropping.join();
    }
}

/// Creates a database for one test.
pub async fn begin() -> StoreHarness {
    let id = hirewire::telemetry::new_id().replace('-', "");
    let name = format!("hirewire_test_{id}");
    execute_on_server(format!("CREATE DATABASE {name}")).await;

    let mut url: url::Url = server_url().parse().expect("a URL");
    url.set_path(&name);
    StoreHarness {
        url: url.to_string(),
        keeper: Box::new(DatabaseGuard(name)),
    }
}

crate::store_conformance_tests!(begin);

#[tokio::test]
async fn a_locked_account_row_delays_only_its_own_commit() {
    let database = begin().await;
    let store = database.ready().await;
    for worker in 0..8 {
        harness::person(&store, &format!("E-{worker}")).await;
    }
    let mut claims = harness::claim(&store, 8).await;
    let locked = claims.remove(2);

    let mut writer = AnyConnection::connect(&database.url)
        .await
        .expect("a connection");
    let mut transaction = writer.begin().await.expect("begun");
    sqlx::query("SELECT person FROM accounts WHERE person = $1 FOR UPDATE")
        .bind(&locked.account.person.0)
        .fetch_one(&mut *transaction)
        .await
        .expect("locked");
    let delayed = {
        let (store, locked) = (store.clone(), locked.clone());
        tokio::spawn(async move {
            let commit = harness::reconciled(&locked, Some("u-held"));
            store.commit(&locked, &commit).await
        })
    };

    let commits: Vec<_> = claims
        .iter()
        .map(|claim| harness::reconciled(claim, None))
        .collect();
    let committing = claims
        .iter()
        .zip(&commits)
        .map(|(claim, commit)| store.commit(claim, commit));
    for committed in join_all(committing).await {
        committed.expect("committed");
    }
    assert!(!delayed.is_finished(), "a locked row was written");

    transaction.rollback().await.expect("rolled back");
    delayed.await.expect("it ends").expect("committed");
}
