//! A deployment as operators run it: a config file, and `hirewire` processes on it. Either one process on embedded queue
//! and SQLite, or several on RabbitMQ and PostgreSQL, under an instance and a database of this run alone.

use std::{fs, path::PathBuf, process::Command, time::Duration};

use lapin::options::{ExchangeDeleteOptions, QueueDeleteOptions};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    broker,
    child::Child,
    ports,
    process::{Launch, Running},
    store_conformance::harness::StoreHarness,
    store_promises,
};

/// How long anything may take to come up.
pub const SOON: Duration = Duration::from_mins(1);

/// What `acme` signs with.
pub const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// Where queue and store are.
pub enum Dependencies {
    /// In the data directory: one process.
    Embedded,
    /// The broker at that URL, and a database of this run.
    Shared {
        /// AMQP.
        broker: String,
        /// The database; dropped with it.
        database: StoreHarness,
    },
}

impl Dependencies {
    /// The machine's RabbitMQ and PostgreSQL.
    pub async fn shared() -> Self {
        Self::on(broker::shared_url()).await
    }

    /// The broker at that URL, and the machine's PostgreSQL.
    pub async fn on(broker: String) -> Self {
        Self::Shared {
            broker,
            database: store_promises::begin().await,
        }
    }
}

const BATCH: &str = "application/cloudevents-batch+json";

fn connection(name: &str, base_url: &str, limits: &str) -> String {
    format!(
        r#"[connections.{name}]
profile = "generic"
base_url = "{base_url}"
token = {{ env = "TEST_TOKEN" }}
mode = "apply"
limits = {{ {limits} }}
"#
    )
}

/// A config on disk, and what starts processes on it.
pub struct Cluster {
    pub folder: TempDir,
    pub intake: String,
    pub instance: String,
    dependencies: Dependencies,
    target_token: String,
}

impl Cluster {
    /// A deployment whose connection `app` is at `base_url`; `limits` as in the config.
    pub fn new(dependencies: Dependencies, base_url: &str, token: &str, limits: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let intake = format!("127.0.0.1:{}", ports::free());
        let instance = format!("t{}", &hirewire::telemetry::new_id().replace('-', "")[8..]);
        let outside = match &dependencies {
            Dependencies::Embedded => String::new(),
            Dependencies::Shared { .. } => {
                "[queue]\nurl = { env = \"TEST_AMQP\" }\n[store]\nurl = { env = \"TEST_DATABASE\" }\n".to_owned()
            }
        };
        let config = format!(
            r#"
instance = "{instance}"
data_dir = "data"
[intake]
listen = "{intake}"
[ops]
listen = "127.0.0.1:0"
{outside}
[sources.acme]
preset = "canonical"
secrets = [{{ env = "TEST_SECRET" }}]
time_zone = "Europe/Berlin"
"#
        ) + &connection("app", base_url, limits);
        fs::write(folder.path().join("hirewire.toml"), config).expect("a config");
        Self {
            folder,
            intake,
            instance,
            dependencies,
            target_token: token.to_owned(),
        }
    }

    /// The config file.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("hirewire.toml")
    }

    /// A process of that name on this config; `arguments` after `hirewire`.
    pub fn launch<const N: usize>(&self, name: &str, arguments: [&str; N]) -> Launch {
        self.variables().into_iter().fold(
            Launch::new(name, self.folder.path(), arguments).config(&self.config()),
            |launch, (name, value)| launch.environment(name, &value),
        )
    }

    /// Where a process keeps its socket, and with nothing installed its queue and store.
    fn data_dir(&self, name: &str) -> String {
        let name = if matches!(self.dependencies, Dependencies::Embedded) {
            "all"
        } else {
            name
        };
        // The config is read in the folder; a socket's path must be short.
        self.folder.path().join(name).display().to_string()
    }

    fn variables(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("TEST_SECRET", SECRET.to_owned()),
            ("TEST_TOKEN", self.target_token.clone()),
        ];
        if let Dependencies::Shared { broker, database } = &self.dependencies {
            variables.push(("TEST_AMQP", broker.clone()));
            variables.push(("TEST_DATABASE", database.url.clone()));
        }
        variables
    }

    /// Starts the roles, each process with a data directory of its own where nothing is shared through it.
    pub async fn start(&self, name: &str, roles: &[&str]) -> Running {
        self.start_with(name, roles, |launch| launch).await
    }

    /// As [`start`](Self::start), with the launch changed first (a failpoint, say).
    pub async fn start_with(
        &self,
        name: &str,
        roles: &[&str],
        change: impl FnOnce(Launch) -> Launch,
    ) -> Running {
        let mut launch = self.launch(name, ["run"]);
        for role in roles {
            launch = launch.argument("--only").argument(role);
        }
        launch = launch.environment("HIREWIRE__DATA_DIR", &self.data_dir(name));
        let mut running = change(launch).start();
        running.line("  account  app", SOON).await;
        running
    }

    /// Runs a command to its end; its status and what it printed. Operators' commands reach the process of that name.
    pub fn command(&self, at: &str, arguments: &[&str]) -> (Option<i32>, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_hirewire"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env("HIREWIRE_CONFIG", self.config())
            .env("HIREWIRE__DATA_DIR", self.data_dir(at))
            .envs(self.variables())
            .output()
            .expect("the command runs");
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.code(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    }

    /// Posts these events as one signed batch, by `hirewire send`; the exit status (0: accepted, 3: nobody answered).
    pub fn send(&self, events: &[Value]) -> Option<i32> {
        let file = self.batch(events);
        let mut code = None;
        // A broker whose queues are new is not ready for its first seconds: 503, and a sender tries again.
        for _ in 0..40 {
            code = self
                .command("send", &["send", "acme", &file, "--content-type", BATCH])
                .0;
            if code != Some(1) {
                break;
            }
            std::thread::sleep(Duration::from_millis(250));
        }
        code
    }

    /// As [`send`](Self::send), as a process that may still wait for its answer.
    pub fn begin_to_send(&self, events: &[Value]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hirewire"));
        command.args(["send", "acme", &self.batch(events), "--content-type", BATCH]);
        command
            .current_dir(self.folder.path())
            .env("HIREWIRE_CONFIG", self.config())
            .envs(self.variables());
        Child::start("send", self.folder.path(), command)
    }

    fn batch(&self, events: &[Value]) -> String {
        let file = self
            .folder
            .path()
            .join(format!("{}.json", hirewire::telemetry::new_id()));
        fs::write(&file, Value::Array(events.to_vec()).to_string()).expect("a file");
        file.display().to_string()
    }

    /// The database, where it is not in the data directory.
    pub fn database(&self) -> Option<&StoreHarness> {
        match &self.dependencies {
            Dependencies::Embedded => None,
            Dependencies::Shared { database, .. } => Some(database),
        }
    }

    /// A client of the broker that knows nothing of ours, and what the names of this deployment's queues begin with.
    pub async fn broker(&self) -> Option<(lapin::Connection, String)> {
        let Dependencies::Shared { broker, .. } = &self.dependencies else {
            return None;
        };
        let connection = lapin::Connection::connect(broker, lapin::ConnectionProperties::default())
            .await
            .ok()?;
        Some((connection, format!("hirewire.{}", self.instance)))
    }

    /// Adds a connection to the config file; processes that run hear of it by SIGHUP.
    pub fn add_connection(&self, name: &str, base_url: &str, limits: &str) {
        let path = self.config();
        let config = fs::read_to_string(&path).expect("the config");
        fs::write(path, config + &connection(name, base_url, limits)).expect("a config");
    }
}

impl Drop for Cluster {
    /// The broker outlives the test; what was declared there does not.
    fn drop(&mut self) {
        let cluster: &Self = self;
        let sweep = || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let Some((connection, prefix)) = cluster.broker().await else {
                    return;
                };
                let Ok(channel) = connection.create_channel().await else {
                    return;
                };
                for queue in ["events", "dead", "unrouted", "quarantine"] {
                    let _ = channel
                        .queue_delete(
                            format!("{prefix}.{queue}").into(),
                            QueueDeleteOptions::default(),
                        )
                        .await;
                }
                for exchange in [format!("{prefix}.unrouted"), prefix] {
                    let _ = channel
                        .exchange_delete(exchange.into(), ExchangeDeleteOptions::default())
                        .await;
                }
            });
        };
        // A test's own runtime is on its way out here. What cannot be deleted (a broker that is gone) stays.
        std::thread::scope(|scope| {
            let _ = scope.spawn(sweep).join();
        });
    }
}
