//! A PostgreSQL server of a test's own (`scripts/postgres`), for tests that kill and restart it.
//!
//! Its data is in a temporary folder, it listens on a free port of 127.0.0.1, and the superuser
//! `postgres` has no password.

use std::{path::Path, process::Command, time::Duration};

use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;

use crate::{
    certificates::Certificates,
    child::{Child, Signal},
    ports,
    waiting::wait_until,
};

/// `initdb` and the first start, on a busy machine.
const STARTUP_TIMEOUT: Duration = Duration::from_secs(90);

/// A running server; it is ended and its data removed when this is dropped.
#[derive(Debug)]
pub struct PostgresServer {
    child: Child,
    port: u16,
    // After `child`: the folder must exist until the server has ended.
    folder: TempDir,
}

impl PostgresServer {
    /// Starts a server with an empty database, and waits until it accepts connections.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = ports::free();

        let mut server = Self {
            child: launch(folder.path(), port),
            port,
            folder,
        };
        server.wait_until_ready().await;
        server
    }

    /// As [`PostgresServer::start`], with TLS: the certificates are in its folder. `prepare` runs
    /// before the start.
    pub async fn start_with_tls(prepare: impl FnOnce(&Certificates)) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let certificates = Certificates::make(folder.path());
        prepare(&certificates);
        let options = ["server.pem", "server.key"].map(|name| certificates.path(name));
        let [certificate, key] = options.map(|path| path.display().to_string());
        let port = ports::free();

        let options = [
            "-c".to_owned(),
            "ssl=on".to_owned(),
            "-c".to_owned(),
            format!("ssl_cert_file={certificate}"),
            "-c".to_owned(),
            format!("ssl_key_file={key}"),
        ];
        let mut server = Self {
            child: launch_with(folder.path(), port, &options),
            port,
            folder,
        };
        server.wait_until_ready().await;
        server
    }

    /// The folder of its data and its certificates.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The URL of its database `postgres`.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Kills the server (SIGKILL), like a crash. The signal reaches its first process only: each
    /// process that serves a connection ends a moment later, when it notices.
    pub fn kill(&mut self) {
        self.child.kill();
    }

    /// Starts it again on its data, and waits until it accepts connections.
    pub async fn restart(&mut self) {
        self.child = launch(self.folder.path(), self.port);
        self.wait_until_ready().await;
    }

    async fn wait_until_ready(&mut self) {
        let url = self.url();

        wait_until(
            "PostgreSQL accepts connections",
            STARTUP_TIMEOUT,
            async || {
                // Shortly after a SIGKILL, the last processes of the old server still hold its
                // shared memory; a new server then refuses to start.
                if self.child.exit_status().is_some() {
                    let stderr = self.child.stderr();
                    assert!(
                        stderr.contains("shared memory block"),
                        "PostgreSQL does not start: {stderr}"
                    );
                    self.child = launch(self.folder.path(), self.port);
                }
                PgConnection::connect(&url).await.ok()
            },
        )
        .await;
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // An orderly shutdown, so that no process writes into the folder while it is removed.
        if self.child.exit_status().is_none() {
            self.child.signal(Signal::Interrupt);
            self.child.wait();
        }
    }
}

fn launch(folder: &Path, port: u16) -> Child {
    launch_with(folder, port, &[])
}

fn launch_with(folder: &Path, port: u16, options: &[String]) -> Child {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/postgres");
    let mut command = Command::new(script);
    command.arg(folder).arg(port.to_string()).args(options);

    Child::start("postgres", folder, command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_killed_server_restarts_with_the_committed_data() {
        let mut server = PostgresServer::start().await;
        let mut connection = PgConnection::connect(&server.url())
            .await
            .expect("a connection");
        sqlx::raw_sql("CREATE TABLE kept (x INT); INSERT INTO kept VALUES (7)")
            .execute(&mut connection)
            .await
            .expect("committed");

        server.kill();
        let mut connection = Some(connection);
        wait_until("the open connection breaks", STARTUP_TIMEOUT, async || {
            let open = connection.as_mut()?;
            let query = sqlx::raw_sql("SELECT 1").execute(open).await;
            query.is_err().then(|| connection = None)
        })
        .await;

        server.restart().await;
        let mut connection = PgConnection::connect(&server.url())
            .await
            .expect("a connection");
        let kept: i32 = sqlx::query_scalar("SELECT x FROM kept")
            .fetch_one(&mut connection)
            .await
            .expect("a row");
        assert_eq!(kept, 7);
    }
}
