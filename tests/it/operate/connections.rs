//! The commands that test, pause and resume a connection.

use super::{assert_failure, assert_in_order, hired, json_of, local_actor, run, stdout_of};
use crate::{
    installation::{Installation, TIMEOUT},
    waiting::wait_until,
};

#[tokio::test]
async fn a_connection_is_tested_paused_and_resumed() {
    let installation = Installation::start("apply", "").await;
    let tested = stdout_of(&installation, &["connections", "test", "app"]).await;
    assert_in_order(
        &tested,
        &[
            "profile    generic",
            "users      ",
            "discovery  ",
            "schemas    agree with the mapping",
            "connection app works",
        ],
    );

    pause(&installation).await;
    assert_a_paused_connection_is_not_written(&installation).await;
    resume(&installation).await;
    installation.wait_for_outcome("E-1", "created").await;

    let arguments = ["connections", "apply", "app", "--yes"];
    assert_eq!(
        stdout_of(&installation, &arguments).await,
        "connection app has no staged mapping: the published one stays\n"
    );

    let arguments = ["connections", "pause", "nowhere", "--yes"];
    assert_failure(
        &run(&installation, &arguments).await,
        1,
        "no connection is named `nowhere` (there are: app)",
    );

    installation.set_faults("401").await;
    assert_failure(
        &run(&installation, &["connections", "test", "app"]).await,
        3,
        "connection app does not work",
    );
}

async fn pause(installation: &Installation) {
    let arguments = ["connections", "pause", "app", "--dry-run"];
    assert_eq!(
        stdout_of(installation, &arguments).await,
        "would pause connection app\n"
    );

    let arguments = [
        "connections",
        "pause",
        "app",
        "--yes",
        "--reason",
        "vendor works",
    ];
    assert_eq!(
        stdout_of(installation, &arguments).await,
        "connection app is paused\n"
    );
    assert_eq!(
        stdout_of(installation, &["connections", "pause", "app", "--yes"]).await,
        "connection app was already paused\n"
    );

    let listed = stdout_of(installation, &["connections", "list", "-o", "table"]).await;
    assert_in_order(
        &listed,
        &[
            "NAME",
            "STATE",
            "app",
            "generic",
            "apply",
            &format!("paused by {}: vendor works", local_actor()),
        ],
    );
}

async fn assert_a_paused_connection_is_not_written(installation: &Installation) {
    installation
        .post("1", "hired", "E-1", &hired("Ada", "Engineer"))
        .await;
    wait_until("one account is pending", TIMEOUT, async || {
        let listed = json_of(installation, &["connections", "list", "-o", "json"]).await;
        (listed[0]["pending_others"] == 1).then_some(())
    })
    .await;
    assert_eq!(installation.sandbox_state().await["users"]["total"], 0);
}

async fn resume(installation: &Installation) {
    let arguments = ["connections", "resume", "app", "--yes"];
    for message in [
        "connection app is resumed\n",
        "connection app was not paused\n",
    ] {
        assert_eq!(stdout_of(installation, &arguments).await, message);
    }
}
