//! A deployment as operators run it: a config file, and `hirewire` processes that read it.
//!
//! It is either one process with the embedded queue and SQLite, or several processes with RabbitMQ
//! and PostgreSQL, under an instance name and in a database of this test only.

use std::{fs, path::PathBuf, process::Command, time::Duration};

use lapin::options::{ExchangeDeleteOptions, QueueDeleteOptions};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    broker,
    child::Child,
    ports, postgres_conformance,
    process::{HirewireProcess, Launch},
    store_conformance::harness::StoreHarness,
};

/// The timeout of one step of a process, such as its start.
pub const STEP_TIMEOUT: Duration = Duration::from_mins(1);

/// The webhook secret of the source `acme`.
pub const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

const BATCH_MEDIA_TYPE: &str = "application/cloudevents-batch+json";

/// The queue and the store of a deployment.
pub enum Dependencies {
    /// Both in the data directory, for one process.
    Embedded,
    /// RabbitMQ and PostgreSQL, for several processes.
    Shared {
        /// The AMQP URL.
        broker: String,
        /// Dropped with this value.
        database: StoreHarness,
    },
}

impl Dependencies {
    /// The shared broker and PostgreSQL of the machine.
    pub async fn shared() -> Self {
        Self::with_broker(broker::shared_url()).await
    }

    /// The broker at this URL, and the PostgreSQL of the machine.
    pub async fn with_broker(broker: String) -> Self {
        Self::Shared {
            broker,
            database: postgres_conformance::begin().await,
        }
    }
}

/// The config file of a deployment, and the start of processes that read it.
pub struct Deployment {
    pub folder: TempDir,
    /// The address of the intake.
    pub intake: String,
    pub instance: String,
    dependencies: Dependencies,
    target_token: String,
}

impl Deployment {
    /// A deployment with one connection, `app`, to the SCIM application at `base_url`. `limits` is
    /// the content of the connection's table `limits`.
    pub fn new(dependencies: Dependencies, base_url: &str, token: &str, limits: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let intake = format!("127.0.0.1:{}", ports::free());
        let id = hirewire::telemetry::new_id().replace('-', "");
        let instance = format!("t{}", &id[8..]);

        let queue_and_store = match &dependencies {
            Dependencies::Embedded => "",
            Dependencies::Shared { .. } => {
                "[queue]\nurl = { env = \"TEST_AMQP\" }\n\
                 [store]\nurl = { env = \"TEST_DATABASE\" }\n"
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
{queue_and_store}
[sources.acme]
preset = "canonical"
secrets = [{{ env = "TEST_SECRET" }}]
time_zone = "Europe/Berlin"
"#
        ) + &connection_table("app", base_url, limits);
        fs::write(folder.path().join("hirewire.toml"), config).expect("a config");

        Self {
            folder,
            intake,
            instance,
            dependencies,
            target_token: token.to_owned(),
        }
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("hirewire.toml")
    }

    /// A process of this name with this config and these arguments.
    pub fn launch<const N: usize>(&self, name: &str, arguments: [&str; N]) -> Launch {
        let launch = Launch::new(name, self.folder.path(), arguments).config(&self.config());
        self.variables()
            .into_iter()
            .fold(launch, |launch, (name, value)| {
                launch.environment(name, &value)
            })
    }

    /// The data directory of a process: it holds the socket, and the embedded queue and store,
    /// which all processes share. Its path is short, because the path of a socket must be short.
    fn data_dir(&self, name: &str) -> String {
        let name = match self.dependencies {
            Dependencies::Embedded => "all",
            Dependencies::Shared { .. } => name,
        };
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

    /// Starts a process with these roles (none: all roles).
    pub async fn start(&self, name: &str, roles: &[&str]) -> HirewireProcess {
        self.start_with(name, roles, |launch| launch).await
    }

    /// Like [`start`](Self::start), but `change` can first add a failpoint, for example.
    pub async fn start_with(
        &self,
        name: &str,
        roles: &[&str],
        change: impl FnOnce(Launch) -> Launch,
    ) -> HirewireProcess {
        let mut launch = self.launch(name, ["run"]);
        for role in roles {
            launch = launch.argument("--only").argument(role);
        }
        launch = launch.environment("HIREWIRE__DATA_DIR", &self.data_dir(name));

        let mut process = change(launch).start();
        process.wait_for_line("  target   app", STEP_TIMEOUT).await;
        process
    }

    /// Runs a command to its end; returns its exit code and its output. An operator's command talks
    /// to the process `at`.
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

    /// Posts events as one signed batch with `hirewire send`; returns its exit code (0: accepted,
    /// 1: rejected, 3: no response).
    pub fn send(&self, events: &[Value]) -> Option<i32> {
        let file = self.batch_file(events);
        let arguments = ["send", "acme", &file, "--content-type", BATCH_MEDIA_TYPE];
        let mut code = None;

        // A broker with new queues is not ready for some seconds: the intake responds with 503, and
        // a sender retries.
        for _ in 0..40 {
            code = self.command("send", &arguments).0;
            if code != Some(1) {
                break;
            }
            std::thread::sleep(Duration::from_millis(250));
        }

        code
    }

    /// Like [`send`](Self::send), but returns the process while it may still wait for the response.
    pub fn start_sending(&self, events: &[Value]) -> Child {
        let file = self.batch_file(events);
        let mut command = Command::new(env!("CARGO_BIN_EXE_hirewire"));
        command
            .args(["send", "acme", &file, "--content-type", BATCH_MEDIA_TYPE])
            .current_dir(self.folder.path())
            .env("HIREWIRE_CONFIG", self.config())
            .envs(self.variables());

        Child::start("send", self.folder.path(), command)
    }

    fn batch_file(&self, events: &[Value]) -> String {
        let name = format!("{}.json", hirewire::telemetry::new_id());
        let file = self.folder.path().join(name);

        fs::write(&file, Value::Array(events.to_vec()).to_string()).expect("a file");
        file.display().to_string()
    }

    /// The PostgreSQL database; `None` with embedded dependencies.
    pub fn database(&self) -> Option<&StoreHarness> {
        match &self.dependencies {
            Dependencies::Embedded => None,
            Dependencies::Shared { database, .. } => Some(database),
        }
    }

    /// A plain AMQP connection to the broker, and the prefix of the names of this deployment's
    /// queues. `None` if there is no broker or it is not reachable.
    pub async fn broker(&self) -> Option<(lapin::Connection, String)> {
        let Dependencies::Shared { broker, .. } = &self.dependencies else {
            return None;
        };

        let properties = lapin::ConnectionProperties::default();
        let connection = lapin::Connection::connect(broker, properties).await.ok()?;
        Some((connection, format!("hirewire.{}", self.instance)))
    }

    /// Adds a connection to the config file. A running process reads it after SIGHUP.
    pub fn add_connection(&self, name: &str, base_url: &str, limits: &str) {
        let path = self.config();
        let config = fs::read_to_string(&path).expect("the config");
        fs::write(path, config + &connection_table(name, base_url, limits)).expect("a config");
    }

    /// Deletes the queues and exchanges of this deployment, as far as the broker is reachable.
    async fn delete_queues(&self) {
        let Some((connection, prefix)) = self.broker().await else {
            return;
        };
        let Ok(channel) = connection.create_channel().await else {
            return;
        };

        for queue in ["events", "dead", "unrouted", "quarantine"] {
            let name = format!("{prefix}.{queue}");
            let _ = channel
                .queue_delete(name.into(), QueueDeleteOptions::default())
                .await;
        }
        for exchange in [format!("{prefix}.unrouted"), prefix] {
            let _ = channel
                .exchange_delete(exchange.into(), ExchangeDeleteOptions::default())
                .await;
        }
    }
}

fn connection_table(name: &str, base_url: &str, limits: &str) -> String {
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

impl Drop for Deployment {
    fn drop(&mut self) {
        let deployment: &Self = self;

        // The runtime of the test is shutting down, so the deletion needs one of its own.
        std::thread::scope(|scope| {
            let deletion = scope.spawn(|| {
                tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .expect("a runtime")
                    .block_on(deployment.delete_queues());
            });
            let _ = deletion.join();
        });
    }
}
