//! `mode = "observe"`, and what comes of it once the connection is applied.

use serde_json::{Value, json};

use crate::{
    child::Signal,
    installation::{Installation, PATIENCE},
    waiting::wait_until,
};

fn hired(given: &str) -> Value {
    json!({ "worker": {
        "name": { "given": given, "family": "Lovelace" }, "title": "Engineer",
        "work_email": format!("{}@acme.example", given.to_lowercase()),
    } })
}

/// The requests of the application so far that were no reads.
async fn writes(all: &Installation) -> Vec<Value> {
    let state = all.state().await;
    let requests = state["requests"]["last"].as_array().expect("requests");
    requests
        .iter()
        .filter(|request| request["method"] != "GET")
        .cloned()
        .collect()
}

#[tokio::test]
async fn what_was_observed_is_done_once_the_connection_is_applied() {
    let mut all = Installation::start("observe", "").await;
    assert_eq!(all.post("1", "hired", "E-1", &hired("Ada")).await, 200);
    let shown = all.reconciled("E-1", "observed").await;
    let would = &shown["history"][0]["detail"]["would_send"];
    assert_eq!(
        would,
        &json!([{ "method": "POST", "path": "/Users" }]),
        "{shown:#}"
    );
    assert_eq!(writes(&all).await, Vec::<Value>::new());

    all.mode = "apply";
    all.configure("");
    all.service
        .as_ref()
        .expect("it runs")
        .signal(Signal::HangUp);
    all.reconciled("E-1", "created").await;
    wait_until("one account", PATIENCE, async || {
        (all.state().await["users"]["total"] == 1).then_some(())
    })
    .await;
    assert_eq!(writes(&all).await.len(), 1);

    // And back: what leaves while observed is deactivated after a restart.
    all.mode = "observe";
    all.configure("");
    all.end_service().await;
    all.serve().await;
    all.post("2", "terminated", "E-1", &json!({})).await;
    all.reconciled("E-1", "observed").await;
    assert_eq!(writes(&all).await.len(), 1);
    all.mode = "apply";
    all.configure("");
    all.end_service().await;
    all.serve().await;
    all.reconciled("E-1", "deactivated").await;
    assert_eq!(all.state().await["active"], 0);
    all.end_service().await;
}
