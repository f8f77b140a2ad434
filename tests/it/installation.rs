//! An installed Hirewire: the service, a sandbox and the operator's commands, each in its own
//! process.
//!
//! The service runs on the embedded queue and SQLite, below a temporary folder. The output of every
//! process goes to files of that folder.

use std::{
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use hirewire_core::source::{Scheme, Secret};
use serde_json::{Value, json};

use crate::{
    child::{Child, Signal},
    waiting::wait_until,
};

/// The webhook secret of the source `acme`.
pub const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
/// The bearer token of the SCIM application.
pub const TOKEN: &str = "t0ken-of-the-application";

/// The longest time that a test waits for one condition.
pub const TIMEOUT: Duration = Duration::from_secs(30);

pub struct Installation {
    _sandbox: Child,
    /// `http://HOST:PORT` of the sandbox.
    pub sandbox_url: String,
    pub service: Option<Child>,
    /// The `mode` of the connection `app`. [`Installation::configure`] writes it.
    pub mode: &'static str,
    pub hook_url: String,
    /// The most files that the service may open; `None`: as many as the test.
    descriptors: Option<u32>,
    /// `http://HOST:PORT` of health, metrics and the API.
    pub ops_url: String,
    starts: u32,
    /// The working directory of all processes. It is dropped last: a process that fails prints its
    /// output from here.
    pub folder: tempfile::TempDir,
}

impl Installation {
    /// Starts a sandbox and a service. `connection` continues the table of the connection `app`;
    /// further tables may follow in it.
    pub async fn start(mode: &'static str, connection: &str) -> Self {
        Self::start_limited(mode, connection, None).await
    }

    /// Starts a service in mode `apply` that may open so many files, sockets included.
    pub async fn start_with_descriptors(descriptors: u32) -> Self {
        Self::start_limited("apply", "", Some(descriptors)).await
    }

    async fn start_limited(mode: &'static str, connection: &str, descriptors: Option<u32>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = hirewire(folder.path());
        command.args(["sandbox", "--listen", "127.0.0.1:0", "--token", TOKEN]);
        let mut sandbox = Child::start("sandbox", folder.path(), command);
        let line = sandbox.wait_for_line("page ", TIMEOUT).await;
        let sandbox_url = last_word(&line).trim_end_matches('/').to_owned();

        let mut installation = Self {
            folder,
            _sandbox: sandbox,
            sandbox_url,
            service: None,
            mode,
            hook_url: String::new(),
            descriptors,
            ops_url: String::new(),
            starts: 0,
        };
        installation.configure(connection);
        installation.start_service().await;
        installation
    }

    /// Writes `hirewire.toml`.
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
            self.sandbox_url, self.mode
        );
        std::fs::write(self.folder.path().join("hirewire.toml"), text).expect("a config");
    }

    /// Starts the service, reads its addresses from its output, and waits until it is ready.
    pub async fn start_service(&mut self) {
        self.starts += 1;
        let name = format!("service-{}", self.starts);
        let mut command = hirewire(self.folder.path());
        if let Some(descriptors) = self.descriptors {
            let limited = format!("ulimit -n {descriptors}; exec \"$0\" run");
            let program = command.get_program().to_owned();
            command = same_environment(&command, "/bin/sh");
            command.args(["-c", &limited]).arg(program);
        } else {
            command.arg("run");
        }
        let mut service = Child::start(&name, self.folder.path(), command);

        service.wait_for_line("API ", TIMEOUT).await;
        let line = service.wait_for_line("/hooks/acme", TIMEOUT).await;
        last_word(&line).clone_into(&mut self.hook_url);
        let line = service.wait_for_line("/readyz", TIMEOUT).await;
        line.split_whitespace()
            .find_map(|word| word.strip_suffix("/readyz,"))
            .expect("a URL")
            .clone_into(&mut self.ops_url);

        let ready = format!("{}/readyz", self.ops_url);
        wait_until("the service is ready", TIMEOUT, async || {
            let answer = reqwest::get(&ready).await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
        self.service = Some(service);
    }

    /// Sends SIGTERM to the service and waits for its exit. An exit code other than 0 fails the
    /// test.
    pub async fn stop_service(&mut self) {
        let mut service = self.service.take().expect("it runs");
        service.signal(Signal::Terminate);
        assert!(service.wait_for_exit(TIMEOUT).await.success());
    }

    /// Runs an operator's command to its end.
    pub async fn run(&self, arguments: &[&str]) -> CommandOutput {
        self.run_with(arguments, &[]).await
    }

    /// As [`Installation::run`], with more environment variables.
    pub async fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> CommandOutput {
        let mut command = hirewire(self.folder.path());
        command.args(arguments).envs(variables.iter().copied());

        let output = tokio::task::spawn_blocking(move || command.output().expect("it runs"))
            .await
            .expect("it ends");
        CommandOutput::new(output)
    }

    /// Signs an event and posts it. Returns the status of the answer.
    pub async fn post(&self, id: &str, kind: &str, worker: &str, data: &Value) -> u16 {
        self.post_signed(&event(id, kind, worker, data).to_string(), SECRET)
            .await
    }

    /// Signs a body with that secret and posts it unchanged. Returns the status of the answer.
    pub async fn post_signed(&self, body: &str, secret: &str) -> u16 {
        let secret = Secret::new(secret.to_owned());
        let headers = Scheme::standard_webhooks()
            .sign(body.as_bytes(), &secret, hirewire::telemetry::now(), "msg")
            .expect("signed");

        let answer = reqwest::Client::new()
            .post(&self.hook_url)
            .headers(headers)
            .header("content-type", "application/cloudevents+json")
            .body(body.to_owned())
            .send()
            .await
            .expect("an answer");
        answer.status().as_u16()
    }

    /// Replaces the faults of the sandbox. An empty text removes them.
    pub async fn set_faults(&self, text: &str) {
        let answer = reqwest::Client::new()
            .post(format!("{}/sandbox/faults", self.sandbox_url))
            .bearer_auth(TOKEN)
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

    /// Reads the users and the last requests of the sandbox.
    pub async fn sandbox_state(&self) -> Value {
        let answer = reqwest::get(format!("{}/sandbox/state", self.sandbox_url))
            .await
            .expect("an answer");
        answer.json().await.expect("JSON")
    }

    /// Waits until the last outcome of the person's account is `wanted`. Returns the output of
    /// `people show`.
    pub async fn wait_for_outcome(&self, worker: &str, wanted: &str) -> Value {
        wait_until(&format!("{worker} is {wanted}"), TIMEOUT, async || {
            let output = self.run(&["people", "show", worker, "-o", "json"]).await;
            let person: Value = serde_json::from_str(&output.stdout).ok()?;
            (person.pointer("/accounts/0/account/outcome/kind") == Some(&json!(wanted)))
                .then_some(person)
        })
        .await
    }
}

/// Another program in the folder and the environment of a command.
fn same_environment(command: &Command, program: &str) -> Command {
    let mut other = Command::new(program);
    other.env_clear();
    for (name, value) in command.get_envs() {
        other.envs(value.map(|value| (name, value)));
    }
    if let Some(folder) = command.get_current_dir() {
        other.current_dir(folder);
    }
    other
}

fn last_word(line: &str) -> &str {
    line.split_whitespace().last().expect("a URL")
}

#[derive(Debug)]
#[allow(dead_code, reason = "a failing test prints all fields")]
pub struct CommandOutput {
    /// -1: a signal ended the process.
    pub exit_code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl CommandOutput {
    fn new(output: Output) -> Self {
        Self {
            exit_code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).expect("text"),
            stderr: String::from_utf8(output.stderr).expect("text"),
        }
    }
}

/// Builds the event that HR sends now.
pub fn event(id: &str, kind: &str, worker: &str, data: &Value) -> Value {
    json!({
        "specversion": "1.0",
        "id": id,
        "source": "/hr/acme",
        "type": format!("hr.worker.{kind}.v1"),
        "subject": worker,
        "time": hirewire::telemetry::now().to_string(),
        "data": data,
    })
}

fn hirewire(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hirewire"));
    command
        .current_dir(folder)
        .env_clear()
        .env("HIREWIRE_LOG", "debug,hirewire=trace")
        .env("USER", "operator")
        .env("HR_SECRET", SECRET)
        .env("APP_TOKEN", TOKEN);
    command
}
