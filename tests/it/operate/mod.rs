//! The operator's commands on an installation.
//!
//! The modules below read people, state operators' events, read dead letters and connections, replay dead letters and pause
//! connections: over the Unix socket, over TCP with a role, and on the store while no service runs.

mod actor;
mod api;
mod connections;
mod dead_letters;
mod drift;
mod offline;
mod operator_events;
mod unstorable;

use serde_json::{Value, json};

use crate::installation::{CommandOutput, Installation};

/// The actor of a command that this Unix user runs.
fn local_actor() -> String {
    let id = |of: &str| {
        let output = std::process::Command::new("id").arg(of).output();
        let output = output.expect("id runs").stdout;
        String::from_utf8(output).expect("text").trim().to_owned()
    };
    format!("local:{} (uid {})", id("-un"), id("-u"))
}

fn hired(given: &str, title: &str) -> Value {
    json!({ "worker": {
        "name": { "given": given, "family": "Lovelace" }, "title": title,
        "work_email": format!("{}@acme.example", given.to_lowercase()),
    } })
}

/// Runs an operator's command at the default log level.
async fn run(installation: &Installation, arguments: &[&str]) -> CommandOutput {
    let variables = [("HIREWIRE_LOG", "warn")];
    installation.run_with(arguments, &variables).await
}

/// As [`run`], with an API token.
async fn run_as(installation: &Installation, arguments: &[&str], token: &str) -> CommandOutput {
    let variables = [("HIREWIRE_LOG", "warn"), ("HIREWIRE_TOKEN", token)];
    installation.run_with(arguments, &variables).await
}

/// Asserts that a command succeeded with an empty stderr, and returns its stdout.
fn success(output: CommandOutput) -> String {
    assert_eq!(
        (output.exit_code, output.stderr.as_str()),
        (0, ""),
        "{output:?}"
    );
    output.stdout
}

/// Runs a command that must succeed, and returns its stdout.
async fn stdout_of(installation: &Installation, arguments: &[&str]) -> String {
    success(run(installation, arguments).await)
}

/// Runs a command that must succeed, and parses its stdout as JSON.
async fn json_of(installation: &Installation, arguments: &[&str]) -> Value {
    let stdout = stdout_of(installation, arguments).await;
    serde_json::from_str(&stdout).expect("JSON")
}

/// Asserts that a command failed with this exit code, and that its stderr contains `part`.
fn assert_failure(output: &CommandOutput, exit_code: i32, part: &str) {
    assert_eq!(output.exit_code, exit_code, "{output:?}");
    assert!(output.stderr.contains(part), "{output:?}");
}

/// Asserts that the text contains all parts in this order.
fn assert_in_order(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        let start = rest
            .find(part)
            .unwrap_or_else(|| panic!("{part:?} is not in (the rest of):\n{text}"));
        rest = &rest[start + part.len()..];
    }
}

/// Returns the ids of the open dead letters.
async fn open_dead_letters(installation: &Installation) -> Vec<String> {
    let listed = stdout_of(installation, &["dead-letters", "list", "-o", "jsonl"]).await;
    listed.lines().map(id_of).collect()
}

fn id_of(line: &str) -> String {
    serde_json::from_str::<Value>(line).expect("JSON")["id"]
        .as_str()
        .expect("an id")
        .to_owned()
}

/// Writes an event to `event.json` in the working directory of the commands, for `preview`.
fn write_event_file(installation: &Installation, event: &Value) {
    let path = installation.folder.path().join("event.json");
    std::fs::write(path, event.to_string()).expect("a file");
}
