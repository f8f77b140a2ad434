//! Runs the senders of docs/webhooks.md as they are there.

use std::{
    path::Path,
    process::{Command, Output},
};

use hirewire_sandbox::SandboxProfile;

use crate::harness::{Harness, SECRET};

/// The heading of the first sender.
const SENDERS: &str = "\n### Python\n";

/// The text of the first code block of that language among the senders.
fn code_block(language: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/webhooks.md");
    let text = std::fs::read_to_string(path).expect("docs/webhooks.md");

    let (_, senders) = text.split_once(SENDERS).expect("the senders");
    let (_, rest) = senders
        .split_once(&format!("```{language}\n"))
        .unwrap_or_else(|| panic!("docs/webhooks.md has no block of {language}"));
    let (code, _) = rest.split_once("```").expect("the end of the block");
    code.to_owned()
}

/// Runs a sender: `interpreter -c CODE` in a folder of its own.
async fn run(interpreter: &str, flag: &str, language: &str, url: String, secret: &str) -> Output {
    let mut command = Command::new(interpreter);
    command
        .arg(flag)
        .arg(code_block(language))
        .env("HIREWIRE_URL", url)
        .env("HIREWIRE_SECRET", secret);

    let name = interpreter.to_owned();
    tokio::task::spawn_blocking(move || command.output())
        .await
        .expect("a task")
        .unwrap_or_else(|error| panic!("{name}: {error} (scripts/test installs it)"))
}

/// Runs a sender with the right secret, then with another one.
async fn is_accepted(interpreter: &str, flag: &str, language: &str, worker: &str) {
    let mut harness = Harness::start(SandboxProfile::Generic, "generic", "").await;
    let url = format!(
        "http://{}/hooks/acme",
        harness.service.intake.expect("an intake")
    );

    let sent = run(interpreter, flag, language, url.clone(), SECRET).await;
    let (stdout, stderr) = (
        String::from_utf8_lossy(&sent.stdout),
        String::from_utf8_lossy(&sent.stderr),
    );
    assert!(sent.status.success(), "{language}: {stdout}{stderr}");
    assert!(
        stdout.contains("\"accepted\":[\"evt-"),
        "{language}: {stdout}"
    );
    harness.wait_for_outcome(worker, "created").await;

    let refused = run(
        interpreter,
        flag,
        language,
        url,
        "whsec_YW5vdGhlciBzZWNyZXQgb2YgMzIgYnl0ZXMgLi4u",
    )
    .await;
    assert!(!refused.status.success(), "{language}: a forged signature");
    harness.stop().await;
}

#[tokio::test]
async fn the_python_sender_of_the_docs_is_accepted() {
    is_accepted("python3", "-c", "python", "E-2001").await;
}

#[tokio::test]
async fn the_node_sender_of_the_docs_is_accepted() {
    is_accepted("node", "-e", "javascript", "E-2002").await;
}

#[tokio::test]
async fn the_curl_sender_of_the_docs_is_accepted() {
    is_accepted("sh", "-c", "sh", "E-2003").await;
}
