//! Operators' events: access is revoked and restored, workers are joined and parted, an event is
//! taken back. The accounts follow.

use serde_json::Value;

use super::{assert_failure, assert_in_order, hired, json_of, run, stdout_of};
use crate::{
    installation::{Installation, TIMEOUT, TOKEN},
    waiting::wait_until,
};

/// Whether the users of the sandbox are active, by user name.
async fn users(installation: &Installation) -> Vec<(String, bool)> {
    let url = format!("{}/scim/v2/Users", installation.sandbox_url);
    let request = reqwest::Client::new().get(url).bearer_auth(TOKEN);
    let answer = request.send().await.expect("an answer");
    let list: Value = answer.json().await.expect("JSON");
    let resources = list["Resources"].as_array().cloned().unwrap_or_default();
    let mut users: Vec<(String, bool)> = resources
        .iter()
        .map(|user| {
            let name = user["userName"].as_str().unwrap_or_default();
            (name.to_owned(), user["active"] == true)
        })
        .collect();
    users.sort();
    users
}

async fn wait_for_access(installation: &Installation, expected: &[(&str, bool)]) {
    let expected: Vec<(String, bool)> = expected
        .iter()
        .map(|(name, active)| ((*name).to_owned(), *active))
        .collect();
    wait_until("the access of the users", TIMEOUT, async || {
        (users(installation).await == expected).then_some(())
    })
    .await;
}

async fn person(installation: &Installation, worker: &str) -> Value {
    let shown = json_of(installation, &["people", "show", worker, "-o", "json"]).await;
    shown["person"].clone()
}

#[tokio::test]
async fn access_is_revoked_and_restored() {
    let installation = Installation::start("apply", "").await;
    let ada = hired("Ada", "Engineer");
    installation.post("1", "hired", "E-1", &ada).await;
    wait_for_access(&installation, &[("ada@acme.example", true)]).await;

    let dry_run = ["people", "revoke", "E-1", "--dry-run"];
    let shown = stdout_of(&installation, &dry_run).await;
    assert_in_order(&shown, &["E-1  status active -> ended", "would revoke"]);
    let refused = run(&installation, &["people", "revoke", "E-1"]).await;
    assert_failure(&refused, 2, "--yes");
    assert_eq!(
        users(&installation).await,
        [("ada@acme.example".to_owned(), true)]
    );

    let revoke = ["people", "revoke", "E-1", "--yes", "--reason", "lost badge"];
    let stored = stdout_of(&installation, &revoke).await;
    assert_in_order(&stored, &["status active -> ended", "(access_revoked)"]);
    wait_for_access(&installation, &[("ada@acme.example", false)]).await;

    let restored = stdout_of(&installation, &["people", "restore", "E-1", "--yes"]).await;
    assert_in_order(&restored, &["status ended -> active", "(access_restored)"]);
    wait_for_access(&installation, &[("ada@acme.example", true)]).await;

    let shown = stdout_of(&installation, &["people", "show", "E-1"]).await;
    assert_in_order(&shown, &["access_revoked", "access_restored"]);
}

#[tokio::test]
async fn workers_are_joined_and_parted_and_an_event_is_taken_back() {
    let installation = Installation::start("apply", "").await;
    installation
        .post("1", "hired", "E-1", &hired("Ada", "Engineer"))
        .await;
    installation
        .post("2", "hired", "E-2", &hired("Eve", "Engineer"))
        .await;
    let both = [("ada@acme.example", true), ("eve@acme.example", true)];
    wait_for_access(&installation, &both).await;
    let (one, two) = (
        person(&installation, "E-1").await,
        person(&installation, "E-2").await,
    );
    assert_ne!(one, two);

    let parted = run(&installation, &["people", "unlink", "E-1", "E-2", "--yes"]).await;
    assert_failure(&parted, 2, "are two people");
    stdout_of(&installation, &["people", "link", "E-1", "E-2", "--yes"]).await;
    assert_eq!(person(&installation, "E-2").await, one);
    wait_until("one of the accounts is inactive", TIMEOUT, async || {
        let active = users(&installation).await;
        (active.iter().filter(|(_, active)| *active).count() == 1).then_some(())
    })
    .await;
    let again = run(&installation, &["people", "link", "E-1", "E-2", "--yes"]).await;
    assert_failure(&again, 2, "are one person already");

    stdout_of(&installation, &["people", "unlink", "E-1", "E-2", "--yes"]).await;
    wait_for_access(&installation, &both).await;

    let void = [
        "people",
        "void",
        "E-2",
        "2",
        "--yes",
        "--reason",
        "by mistake",
    ];
    let voided = stdout_of(&installation, &void).await;
    assert_in_order(&voided, &["status active -> ended", "(voided)"]);
    let one = [("ada@acme.example", true), ("eve@acme.example", false)];
    wait_for_access(&installation, &one).await;

    let unknown = run(&installation, &["people", "void", "E-2", "77", "--yes"]).await;
    assert_failure(&unknown, 1, "no event of");
    let nobody = run(&installation, &["people", "restore", "E-1", "--yes"]).await;
    assert_failure(&nobody, 2, "was never revoked");
}
