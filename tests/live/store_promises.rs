//! The store's promises, kept in `PostgreSQL`: each in a database of its own, dropped at the end.

use futures_util::future::join_all;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _};

use crate::store_conformance::harness::{self, Place};

/// Where the server is: `HIREWIRE_TEST_POSTGRES_URL`, or the local one.
#[allow(clippy::disallowed_methods, reason = "a test's own switch")]
fn server() -> String {
    std::env::var("HIREWIRE_TEST_POSTGRES_URL")
        .unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432/postgres".to_owned())
}

async fn tell(statement: String) {
    sqlx::any::install_default_drivers();
    let mut server = AnyConnection::connect(&server()).await.unwrap_or_else(|error| {
        panic!(
            "no PostgreSQL at {}: {error}\nstart one: sudo apt-get install postgresql && sudo service postgresql start, \
             let `postgres` in from 127.0.0.1 (pg_hba.conf: trust), or set HIREWIRE_TEST_POSTGRES_URL",
            server()
        )
    });
    server
        .execute(sqlx::raw_sql(AssertSqlSafe(statement)))
        .await
        .expect("the server does as told");
    server.close().await.expect("closed");
}

/// Drops the database when the test is over, however it went.
struct Keeper(String);

impl Drop for Keeper {
    fn drop(&mut self) {
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.0);
        // A test's own runtime is on its way out here.
        let dropping = std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(tell(statement));
        });
        let _ = dropping.join();
    }
}

pub async fn begin() -> Place {
    let name = format!(
        "hirewire_test_{}",
        hirewire::telemetry::new_id().replace('-', "")
    );
    tell(format!("CREATE DATABASE {name}")).await;
    let mut url: url::Url = server().parse().expect("a URL");
    url.set_path(&name);
    Place {
        url: url.to_string(),
        keeper: Box::new(Keeper(name)),
    }
}

crate::store_promises!(begin);

#[tokio::test]
async fn an_account_that_somebody_else_is_writing_holds_up_no_other() {
    let place = begin().await;
    let store = place.ready().await;
    for worker in 0..8 {
        harness::person(&store, &format!("E-{worker}")).await;
    }
    let mut claims = harness::claim(&store, 8).await;
    let held = claims.remove(2);
    let mut writer = AnyConnection::connect(&place.url)
        .await
        .expect("a connection");
    let mut transaction = writer.begin().await.expect("begun");
    let lock = sqlx::query("SELECT person FROM accounts WHERE person = $1 FOR UPDATE")
        .bind(&held.account.person.0);
    lock.fetch_one(&mut *transaction).await.expect("locked");
    let waiting = {
        let (store, held) = (store.clone(), held.clone());
        tokio::spawn(async move {
            store
                .commit(&held, &harness::reconciled(&held, Some("u-held")))
                .await
        })
    };
    let commits: Vec<_> = claims
        .iter()
        .map(|claim| harness::reconciled(claim, None))
        .collect();
    for written in join_all(
        claims
            .iter()
            .zip(&commits)
            .map(|(claim, commit)| store.commit(claim, commit)),
    )
    .await
    {
        written.expect("committed");
    }
    assert!(
        !waiting.is_finished(),
        "a row that another holds was written"
    );
    transaction.rollback().await.expect("let go");
    waiting.await.expect("it ends").expect("committed");
}
