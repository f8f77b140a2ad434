//! The store's promises, kept in `PostgreSQL`: each in a database of its own, dropped at the end.

use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _};

use crate::store_suite::stage::Place;

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
    server.execute(sqlx::raw_sql(AssertSqlSafe(statement))).await.expect("the server does as told");
    server.close().await.expect("closed");
}

/// Drops the database when the test is over, however it went.
struct Keeper(String);

impl Drop for Keeper {
    fn drop(&mut self) {
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.0);
        // A test's own runtime is on its way out here.
        let dropping = std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(tell(statement));
        });
        let _ = dropping.join();
    }
}

async fn begin() -> Place {
    let name = format!("hirewire_test_{}", hirewire::telemetry::new_id().replace('-', ""));
    tell(format!("CREATE DATABASE {name}")).await;
    let mut url: url::Url = server().parse().expect("a URL");
    url.set_path(&name);
    Place { url: url.to_string(), keeper: Box::new(Keeper(name)) }
}

crate::store_promises!(begin);
