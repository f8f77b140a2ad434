//! A refused hire, from its dead letter to its replay.

use serde_json::{Value, json};

use super::{
    assert_failure, assert_in_order, hired, json_of, local_actor, open_dead_letters, run,
    stdout_of, write_event_file,
};
use crate::{
    installation::{Installation, TIMEOUT, event},
    waiting::wait_until,
};

/// The sandbox refuses this one title.
const REFUSED_TITLE: &str = "refuse:attribute=title:filter=title eq \"Astronaut\"";

#[tokio::test]
async fn a_refused_hire_is_listed_previewed_corrected_and_replayed() {
    let installation = Installation::start("apply", "").await;
    assert_eq!(
        stdout_of(&installation, &["dead-letters", "list", "-o", "table"]).await,
        "no dead letter is open\n"
    );
    assert_eq!(open_dead_letters(&installation).await, Vec::<String>::new());

    installation.set_faults(REFUSED_TITLE).await;
    installation
        .post("1", "hired", "E-1", &hired("Ada", "Astronaut"))
        .await;
    installation
        .post("2", "hired", "E-2", &hired("Bob", "Engineer"))
        .await;
    installation.wait_for_outcome("E-2", "created").await;
    let letter = wait_for_dead_letters(&installation, 1).await.remove(0);

    assert_commands_show(&installation, &letter).await;
    assert_filters_select(&installation).await;
    assert_unknown_filter_values_are_errors(&installation).await;
    assert_people_are_found(&installation).await;
    assert_unknown_names_are_reported(&installation).await;
    assert_preview_writes_nothing(&installation).await;
    assert_replay_needs_a_selection_and_consent(&installation, &letter).await;
    wait_for_dead_letters(&installation, 1).await;

    installation.set_faults("").await;
    replay(&installation, &letter).await;
}

async fn wait_for_dead_letters(installation: &Installation, count: usize) -> Vec<String> {
    let condition = format!("{count} dead letters are open");
    wait_until(&condition, TIMEOUT, async || {
        let letters = open_dead_letters(installation).await;
        (letters.len() == count).then_some(letters)
    })
    .await
}

async fn assert_commands_show(installation: &Installation, letter: &str) {
    let listed = stdout_of(installation, &["dead-letters", "list", "-o", "table"]).await;
    let header = ["ID", "CAUSE", "ABOUT", "FILED", "COUNT", "SUMMARY"];
    let row = [letter, "refused", "app: acme/E-1, Ada", "1 dead letter"];
    assert_in_order(&listed, &[&header[..], &row[..]].concat());

    let arguments = ["dead-letters", "show", letter, "-o", "table"];
    let shown = stdout_of(installation, &arguments).await;
    assert_in_order(
        &shown,
        &["id", letter, "cause", "refused", "about", "detail", "400"],
    );

    let arguments = ["people", "show", "acme/E-1", "-o", "table"];
    let shown = stdout_of(installation, &arguments).await;
    assert_in_order(
        &shown,
        &[
            "person  ",
            "aliases acme/E-1",
            "status  active",
            "employments",
            "events",
            "hired",
            "-> at once",
            "accounts",
        ],
    );
    assert_in_order(
        &shown,
        &[
            "no user is bound",
            "desired: active; last outcome: dead_letter",
            "history",
            "dead_letter",
            "dead letter ",
            letter,
        ],
    );
}

async fn assert_people_are_found(installation: &Installation) {
    for (search, rows) in [
        ("ADA", 1),
        ("e-", 2),
        ("acme.example", 2),
        ("100%", 0),
        ("", 2),
    ] {
        let arguments = ["people", "list", "--search", search, "-o", "jsonl"];
        let listed = stdout_of(installation, &arguments).await;
        assert_eq!(listed.lines().count(), rows, "{search}: {listed}");
    }
    let arguments = ["people", "list", "--most", "1", "-o", "table"];
    let listed = stdout_of(installation, &arguments).await;
    assert_in_order(
        &listed,
        &["WORKER", "NAME", "STATUS", "acme/E-1", "1 of 2 people"],
    );
}

async fn assert_unknown_filter_values_are_errors(installation: &Installation) {
    for (filter, value, message) in [
        (
            "--cause",
            "refusd",
            "no cause is named `refusd`; did you mean `refused`?",
        ),
        (
            "--connection",
            "ap",
            "no connection is named `ap`; did you mean `app`?",
        ),
        ("--person", "E-9", "nobody is known as `E-9`"),
    ] {
        let listed = run(installation, &["dlq", "list", filter, value]).await;
        let code = if filter == "--person" { 1 } else { 2 };
        assert_failure(&listed, code, message);
    }
}

async fn assert_filters_select(installation: &Installation) {
    for (filter, value, expected) in [
        ("--cause", "conflict", 0),
        ("--person", "E-1", 1),
        ("--connection", "app", 1),
    ] {
        let listed = stdout_of(installation, &["dlq", "list", filter, value]).await;
        assert_eq!(listed.lines().count(), expected, "{filter}: {listed}");
    }
}

async fn assert_unknown_names_are_reported(installation: &Installation) {
    for (arguments, message) in [
        (["people", "show", "E-9"], "nobody is known as `E-9`"),
        (["dead-letters", "show", "NONE"], "NONE"),
    ] {
        let output = run(installation, &arguments).await;
        assert_failure(&output, 1, message);
        assert_eq!(output.stdout, "", "{output:?}");
        assert!(output.stderr.starts_with("hirewire: "), "{output:?}");
    }
}

/// Previews the hire with a title that the application accepts.
async fn assert_preview_writes_nothing(installation: &Installation) {
    let before = count_writes(installation).await;
    let correction = event("3", "hired", "E-1", &hired("Ada", "Engineer"));
    write_event_file(installation, &correction);

    let preview = stdout_of(installation, &["preview", "event.json", "-o", "table"]).await;
    assert_in_order(
        &preview,
        &[
            "E-1 on app: status active, desired access active",
            "POST /Users",
            "\"title\": \"Engineer\"",
            "\"userName\": \"ada@acme.example\"",
        ],
    );
    assert_eq!(
        count_writes(installation).await,
        before,
        "the preview wrote to the application"
    );

    let arguments = ["preview", "event.json", "--connection", "nowhere"];
    assert_failure(
        &run(installation, &arguments).await,
        1,
        "no connection is named `nowhere` (there are: app)",
    );
}

/// Counts the requests other than GET among the last requests of the sandbox.
async fn count_writes(installation: &Installation) -> usize {
    let state = installation.sandbox_state().await;
    let requests = state["requests"]["last"].as_array().expect("requests");
    requests
        .iter()
        .filter(|request| request["method"] != "GET")
        .count()
}

async fn assert_replay_needs_a_selection_and_consent(installation: &Installation, letter: &str) {
    assert_failure(
        &run(installation, &["dead-letters", "replay", "--yes"]).await,
        2,
        "no dead letter is selected: give ids, or --connection",
    );
    assert_failure(
        &run(installation, &["dead-letters", "replay", letter]).await,
        2,
        "without a terminal, add --yes to replay 1 dead letter",
    );

    let replay_by_cause = ["dead-letters", "replay", "--cause"];
    let dry_run = [&replay_by_cause[..], &["refused", "--dry-run"]].concat();
    assert_eq!(
        stdout_of(installation, &dry_run).await,
        "would replay 1 dead letter\n"
    );
    let other_cause = [&replay_by_cause[..], &["conflict", "--yes"]].concat();
    assert_eq!(
        stdout_of(installation, &other_cause).await,
        "no open dead letter matches\n"
    );
}

async fn replay(installation: &Installation, letter: &str) {
    let reason = "the title is known now";
    let arguments = [
        "dead-letters",
        "replay",
        letter,
        "--yes",
        "--reason",
        reason,
    ];
    assert_eq!(
        stdout_of(installation, &arguments).await,
        "pending now: 1 account; read again: 0 hooks\n"
    );

    let person = installation.wait_for_outcome("E-1", "created").await;
    wait_for_dead_letters(installation, 0).await;
    let arguments = ["dead-letters", "list", "--closed", "-o", "json"];
    let closed = json_of(installation, &arguments).await;
    assert_eq!(closed[0]["id"], json!(letter));

    let replayed: &Value = person["history"]
        .as_array()
        .expect("history")
        .iter()
        .find(|line| line["outcome"] == "replayed")
        .expect("the history has the replay");
    assert_eq!(replayed["detail"]["by"], json!(local_actor()), "{replayed}");
    assert_eq!(replayed["detail"]["reason"], reason, "{replayed}");
}
