//! Drift: what a target changed by itself is shown and repaired on request.

use serde_json::{Value, json};

use super::{assert_in_order, hired, stdout_of};
use crate::{
    installation::{Installation, TIMEOUT, TOKEN},
    waiting::wait_until,
};

/// The only user of the sandbox.
async fn user(installation: &Installation) -> Value {
    let url = format!("{}/scim/v2/Users", installation.sandbox_url);
    let request = reqwest::Client::new().get(url).bearer_auth(TOKEN);
    let list: Value = request
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    list["Resources"][0].clone()
}

/// An admin changes the title at the target.
async fn change_by_hand(installation: &Installation, title: &str) {
    let id = user(installation).await["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let url = format!("{}/scim/v2/Users/{id}", installation.sandbox_url);
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": "title", "value": title }],
    });
    let answer = reqwest::Client::new()
        .patch(url)
        .bearer_auth(TOKEN)
        .header("content-type", "application/scim+json")
        .body(body.to_string())
        .send()
        .await
        .expect("an answer");
    assert!(answer.status().is_success(), "{answer:?}");
}

#[tokio::test]
async fn drift_is_shown_and_repaired_on_request() {
    let installation = Installation::start("apply", "").await;
    installation
        .post("1", "hired", "E-1", &hired("Ada", "Engineer"))
        .await;
    installation.wait_for_outcome("E-1", "created").await;
    change_by_hand(&installation, "By hand").await;

    let shown = stdout_of(&installation, &["people", "reconcile", "E-1", "--dry-run"]).await;
    let parts = [
        "app",
        "PATCH /Users/",
        "Engineer",
        "would reconcile the accounts of E-1",
    ];
    assert_in_order(&shown, &parts);
    assert_eq!(user(&installation).await["title"], "By hand");

    let repaired = stdout_of(&installation, &["people", "reconcile", "E-1", "--yes"]).await;
    assert_in_order(&repaired, &["E-1: 1 account(s) are tried now: app"]);
    wait_until("the title is repaired", TIMEOUT, async || {
        (user(&installation).await["title"] == "Engineer").then_some(())
    })
    .await;

    let retried = stdout_of(&installation, &["people", "retry", "E-1", "--yes"]).await;
    assert_eq!(retried, "E-1: 1 account(s) are tried now: app\n");
    let retried = stdout_of(&installation, &["connections", "retry", "app", "--yes"]).await;
    assert!(retried.starts_with("connection app: "), "{retried}");
}
