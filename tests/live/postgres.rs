//! A PostgreSQL cluster of a test's own (scripts/postgres), for tests that kill and restart it: everything in a
//! temporary folder, on a free port of 127.0.0.1, superuser `postgres` without a password.

use std::{path::Path, process::Command, time::Duration};

use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;

use crate::{
    child::{Child, Signal},
    ports,
    waiting::until,
};

/// initdb and the first start, on a busy machine.
const START: Duration = Duration::from_secs(90);

/// A running cluster, ended and removed when dropped.
#[derive(Debug)]
pub struct Cluster {
    child: Child,
    port: u16,
    // After `child`: removed when the server is gone.
    folder: TempDir,
}

impl Cluster {
    /// A new, empty cluster that answers.
    ///
    /// # Panics
    /// If it does not come up.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = ports::free();
        let mut cluster = Self {
            child: launch(folder.path(), port),
            port,
            folder,
        };
        cluster.answers().await;
        cluster
    }

    /// The URL of its database `postgres`.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Ends the server as a crash does (kill -9).
    pub fn kill(&mut self) {
        self.child.kill();
    }

    /// Starts it again on what it had written, and waits until it answers.
    pub async fn restart(&mut self) {
        self.child = launch(self.folder.path(), self.port);
        self.answers().await;
    }

    async fn answers(&mut self) {
        let url = self.url();
        until("PostgreSQL answers", START, async || {
            // Right after a kill -9 the old server's last processes still hold its memory; a new one then refuses to start.
            if self.child.ended().is_some() {
                let printed = self.child.stderr();
                assert!(
                    printed.contains("shared memory block"),
                    "PostgreSQL does not start: {printed}"
                );
                self.child = launch(self.folder.path(), self.port);
            }
            PgConnection::connect(&url).await.ok()
        })
        .await;
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // In order, so that no process of it still writes into the folder that is removed next.
        if self.child.ended().is_none() {
            self.child.signal(Signal::Interrupt);
            self.child.wait();
        }
    }
}

fn launch(folder: &Path, port: u16) -> Child {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/postgres");
    let mut command = Command::new(script);
    command.arg(folder).arg(port.to_string());
    Child::start("postgres", folder, command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_killed_cluster_comes_back_with_what_was_committed() {
        let mut cluster = Cluster::start().await;
        let mut connection = PgConnection::connect(&cluster.url())
            .await
            .expect("a connection");
        sqlx::raw_sql("CREATE TABLE kept (x INT); INSERT INTO kept VALUES (7)")
            .execute(&mut connection)
            .await
            .expect("committed");

        cluster.kill();
        assert!(
            sqlx::raw_sql("SELECT 1")
                .execute(&mut connection)
                .await
                .is_err()
        );
        cluster.restart().await;

        let mut connection = PgConnection::connect(&cluster.url())
            .await
            .expect("a connection");
        let kept: i32 = sqlx::query_scalar("SELECT x FROM kept")
            .fetch_one(&mut connection)
            .await
            .expect("a row");
        assert_eq!(kept, 7);
    }
}
