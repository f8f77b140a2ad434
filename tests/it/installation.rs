//! Hirewire as it is installed: the service in a process of its own on embedded queue and SQLite, a sandbox in another as
//! its application, and operators' commands in theirs.

use std::{path::Path, process::Command, process::Output, time::Duration};

use hirewire_core::source::{Scheme, Secret};
use serde_json::{Value, json};

use crate::{
    child::{Child, Signal},
    waiting::wait_until,
};

/// The webhook secret.
pub const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
/// The application's token.
pub const TOKEN: &str = "t0ken-of-the-application";

/// How long anything may take to come.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Everything in its processes.
pub struct Installation {
    _sandbox: Child,
    /// The sandbox's address, without a path.
    pub application: String,
    pub service: Option<Child>,
    /// What the service was asked to be.
    pub mode: &'static str,
    hooks: String,
    /// Where health, metrics and the API are.
    pub ops: String,
    starts: u32,
    /// Where they run; the last to go, so that a failure can show what was printed.
    pub folder: tempfile::TempDir,
}

impl Installation {
    /// A sandbox and a service, running; `connection` is added to the connection's table, and after it whatever tables.
    pub async fn start(mode: &'static str, connection: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = hirewire(folder.path());
        command.args(["sandbox", "--listen", "127.0.0.1:0", "--token", TOKEN]);
        let mut sandbox = Child::start("sandbox", folder.path(), command);
        let line = sandbox.wait_for_line("page ", PATIENCE).await;
        let application = line
            .split_whitespace()
            .last()
            .expect("an address")
            .trim_end_matches('/')
            .to_owned();
        let (hooks, ops) = (String::new(), String::new());
        let mut here = Self {
            folder,
            _sandbox: sandbox,
            application,
            service: None,
            mode,
            hooks,
            ops,
            starts: 0,
        };
        here.configure(connection);
        here.serve().await;
        here
    }

    /// Writes the config.
    pub fn configure(&self, connection: &str) {
        let text = format!(
            r#"
instance = "test"
data_dir = "data"
[intake]
listen = "127.0.0.1:0"
[ops]
listen = "127.0.0.1:0"
[sources.acme]
preset = "canonical"
secrets = [{{ env = "HR_SECRET" }}]
time_zone = "Europe/Berlin"
[connections.app]
base_url = "{}/scim/v2"
token = {{ env = "APP_TOKEN" }}
mode = "{}"
limits = {{ rate = "1000/s", concurrency = 4, timeout = "2s", propagation_delay = "3s" }}
{connection}
"#,
            self.application, self.mode
        );
        std::fs::write(self.folder.path().join("hirewire.toml"), text).expect("a config");
    }

    /// Starts the service and waits until all of it runs.
    pub async fn serve(&mut self) {
        self.starts += 1;
        let mut command = hirewire(self.folder.path());
        command.arg("run");
        let mut service = Child::start(
            &format!("service-{}", self.starts),
            self.folder.path(),
            command,
        );
        service.wait_for_line("API ", PATIENCE).await;
        let line = service.wait_for_line("/hooks/acme", PATIENCE).await;
        line.split_whitespace()
            .last()
            .expect("a URL")
            .clone_into(&mut self.hooks);
        let line = service.wait_for_line("/readyz", PATIENCE).await;
        let ops = line
            .split_whitespace()
            .find_map(|word| word.strip_suffix("/readyz,"))
            .expect("a URL");
        ops.clone_into(&mut self.ops);
        let ready = format!("{}/readyz", self.ops);
        wait_until("the service is ready", PATIENCE, async || {
            let answer = reqwest::get(&ready).await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
        self.service = Some(service);
    }

    /// Asks the service to end, and waits until it has.
    pub async fn end_service(&mut self) {
        let mut service = self.service.take().expect("it runs");
        service.signal(Signal::Terminate);
        assert!(service.wait_for_exit(PATIENCE).await.success());
    }

    /// Runs an operator's command.
    pub async fn run(&self, arguments: &[&str]) -> Said {
        self.run_with(arguments, &[]).await
    }

    /// Runs an operator's command with these variables too.
    pub async fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Said {
        let mut command = hirewire(self.folder.path());
        command.args(arguments).envs(variables.iter().copied());
        let output = tokio::task::spawn_blocking(move || command.output().expect("it runs"))
            .await
            .expect("it ends");
        Said::new(output)
    }

    /// Posts a fact, signed.
    pub async fn post(&self, id: &str, kind: &str, worker: &str, data: &Value) -> u16 {
        self.post_signed(&event(id, kind, worker, data).to_string(), SECRET)
            .await
    }

    /// Posts a body as it is, signed with that secret.
    pub async fn post_signed(&self, body: &str, secret: &str) -> u16 {
        let secret = Secret::new(secret.to_owned());
        let headers = Scheme::standard_webhooks()
            .sign(body.as_bytes(), &secret, hirewire::telemetry::now(), "msg")
            .expect("signed");
        let request = reqwest::Client::new().post(&self.hooks).headers(headers);
        let request = request
            .header("content-type", "application/cloudevents+json")
            .body(body.to_owned());
        request.send().await.expect("an answer").status().as_u16()
    }

    /// Switches faults of the application on, in place of those that were.
    pub async fn faults(&self, text: &str) {
        let faults = reqwest::Client::new().post(format!("{}/sandbox/faults", self.application));
        let answer = faults
            .json(&json!({ "faults": text }))
            .send()
            .await
            .expect("an answer");
        assert!(
            answer.status().is_success(),
            "{}",
            answer.text().await.unwrap_or_default()
        );
    }

    /// What the application holds and was asked.
    pub async fn state(&self) -> Value {
        let answer = reqwest::get(format!("{}/sandbox/state", self.application))
            .await
            .expect("an answer");
        answer.json().await.expect("JSON")
    }

    /// Waits until the person's account came to that.
    pub async fn reconciled(&self, worker: &str, wanted: &str) -> Value {
        wait_until(&format!("{worker} is {wanted}"), PATIENCE, async || {
            let said = self.run(&["people", "show", worker, "-o", "json"]).await;
            let shown: Value = serde_json::from_str(&said.out).ok()?;
            (shown.pointer("/accounts/0/account/outcome/kind") == Some(&json!(wanted)))
                .then_some(shown)
        })
        .await
    }
}

/// What a command said.
#[derive(Debug)]
#[allow(dead_code, reason = "shown where a test fails")]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    fn new(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Self {
            code: output.status.code().unwrap_or(-1),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }
}

/// An event as HR would send it now.
pub fn event(id: &str, kind: &str, worker: &str, data: &Value) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "/hr/acme", "type": format!("hr.worker.{kind}.v1"),
        "subject": worker, "time": hirewire::telemetry::now().to_string(), "data": data,
    })
}

fn hirewire(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hirewire"));
    command
        .current_dir(folder)
        .env_clear()
        .env("HIREWIRE_LOG", "debug,hirewire=trace")
        .env("USER", "operator");
    command.env("HR_SECRET", SECRET).env("APP_TOKEN", TOKEN);
    command
}
