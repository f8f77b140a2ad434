//! An event that the store refuses: the rest of its batch is stored, and it waits as a dead letter.

use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _};

use super::{json_of, open_dead_letters, stdout_of};
use crate::{
    installation::{Installation, SECRET, TIMEOUT, event},
    waiting::wait_until,
};

/// Runs a statement on the store of the service, as another program could.
async fn execute(installation: &Installation, statement: &'static str) {
    let path = installation.folder.path().join("data/hirewire.db");
    let url = format!("sqlite://{}", path.display());
    let mut store = sqlx::SqliteConnection::connect(&url)
        .await
        .expect("a store");
    store
        .execute(sqlx::raw_sql(statement))
        .await
        .expect("the statement succeeds");
    store.close().await.expect("closed");
}

async fn people(installation: &Installation) -> Vec<String> {
    let state = installation.sandbox_state().await;
    let users = state["users"]["newest"].as_array().expect("users");
    let name = |user: &Value| user["externalId"].as_str().unwrap_or_default().to_owned();
    let mut names: Vec<String> = users.iter().map(name).collect();
    names.sort();
    names
}

#[tokio::test]
async fn an_event_that_the_store_refuses_becomes_a_dead_letter_and_the_rest_of_its_batch_is_stored()
{
    let installation = Installation::start("apply", "").await;
    execute(
        &installation,
        "CREATE TRIGGER refuse BEFORE INSERT ON events WHEN NEW.id = 'refused'
         BEGIN SELECT RAISE(ABORT, 'refused by a rule of the database'); END",
    )
    .await;

    let hired = |id: &str, worker: &str| {
        let data = json!({ "worker": { "name": { "given": "Ada", "family": worker },
            "work_email": format!("{worker}@acme.example") } });
        event(id, "hired", worker, &data)
    };
    let batch = json!([
        hired("1", "W-1"),
        hired("refused", "W-2"),
        hired("3", "W-3")
    ]);
    let status = installation.post_signed(&batch.to_string(), SECRET).await;
    assert_eq!(status, 200);
    // Another hook of the same moment is stored as well.
    let other = hired("4", "W-4").to_string();
    assert_eq!(installation.post_signed(&other, SECRET).await, 200);

    for worker in ["W-1", "W-3", "W-4"] {
        installation.wait_for_outcome(worker, "created").await;
    }
    let letters = wait_until("a dead letter is open", TIMEOUT, async || {
        let letters = open_dead_letters(&installation).await;
        (!letters.is_empty()).then_some(letters)
    })
    .await;
    assert_eq!(letters.len(), 1);
    let shown = json_of(&installation, &["dead-letters", "show", &letters[0]]).await;
    let letter = &shown["dead_letter"];
    assert_eq!(
        (
            &letter["cause"],
            &letter["has_raw"],
            &letter["detail"]["events"]
        ),
        (&json!("unstorable"), &json!(true), &json!(1))
    );
    assert!(!people(&installation).await.contains(&"W-2".to_owned()));

    // A replay that is refused again leaves it open; one that succeeds closes it.
    let replay = ["dead-letters", "replay", &*letters[0], "--yes"];
    installation.run(&replay).await;
    assert_eq!(open_dead_letters(&installation).await, letters);
    execute(&installation, "DROP TRIGGER refuse").await;
    stdout_of(&installation, &replay).await;
    installation.wait_for_outcome("W-2", "created").await;
    assert_eq!(open_dead_letters(&installation).await, Vec::<String>::new());
}
