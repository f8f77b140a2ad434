//! `mode = "observe"`: a reconcile records its requests and writes nothing.
//!
//! After the connection changes to `apply`, the service sends the observed changes.

use serde_json::{Value, json};

use crate::{
    child::Signal,
    installation::{Installation, TIMEOUT},
    waiting::wait_until,
};

fn hired(given: &str) -> Value {
    json!({ "worker": {
        "name": { "given": given, "family": "Lovelace" }, "title": "Engineer",
        "work_email": format!("{}@acme.example", given.to_lowercase()),
    } })
}

/// Returns the requests other than GET that the sandbox received so far.
async fn writes(installation: &Installation) -> Vec<Value> {
    let state = installation.sandbox_state().await;
    let requests = state["requests"]["last"].as_array().expect("requests");

    requests
        .iter()
        .filter(|request| request["method"] != "GET")
        .cloned()
        .collect()
}

/// Restarts the service with another `mode` of the connection.
async fn restart_in_mode(installation: &mut Installation, mode: &'static str) {
    installation.mode = mode;
    installation.configure("");
    installation.stop_service().await;
    installation.start_service().await;
}

#[tokio::test]
async fn an_observed_connection_is_written_only_after_apply() {
    let mut installation = Installation::start("observe", "").await;
    let status = installation.post("1", "hired", "E-1", &hired("Ada")).await;
    assert_eq!(status, 200);

    let person = installation.wait_for_outcome("E-1", "observed").await;
    assert_eq!(
        person["history"][0]["detail"]["would_send"],
        json!([{ "method": "POST", "path": "/Users" }]),
        "{person:#}"
    );
    assert_eq!(writes(&installation).await, Vec::<Value>::new());

    installation.mode = "apply";
    installation.configure("");
    let service = installation.service.as_ref().expect("it runs");
    service.signal(Signal::HangUp);
    installation.wait_for_outcome("E-1", "created").await;
    wait_until("one account", TIMEOUT, async || {
        (installation.sandbox_state().await["users"]["total"] == 1).then_some(())
    })
    .await;
    assert_eq!(writes(&installation).await.len(), 1);

    // A termination that was only observed is applied after a restart.
    restart_in_mode(&mut installation, "observe").await;
    installation
        .post("2", "terminated", "E-1", &json!({}))
        .await;
    installation.wait_for_outcome("E-1", "observed").await;
    assert_eq!(writes(&installation).await.len(), 1);

    restart_in_mode(&mut installation, "apply").await;
    installation.wait_for_outcome("E-1", "deactivated").await;
    assert_eq!(installation.sandbox_state().await["active"], 0);
    installation.stop_service().await;
}
