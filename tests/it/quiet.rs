//! No personal data in logs: a whole run at the most talkative level, and then every line that any process printed is read
//! for the people that it was about.

use serde_json::{Value, json};

use crate::{
    installation::{Installation, PATIENCE, SECRET, TOKEN, event},
    waiting::wait_until,
};

/// What must be nowhere: all that is personal or secret in this run, each by a word that nothing else has.
const PRIVATE: &[&str] = &[
    "Zephyrine",
    "zephyrine",
    "Quillfeather",
    "quillfeather",
    "Thaddeus",
    "thaddeus",
    "Umberwick",
    "umberwick",
    "Ottoline",
    "ottoline",
    "acme.example",
    "Lampwright",
    "Bellfounder",
    "Forgotten Arts",
    "Gloaming",
    "555-0199",
    "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY",
    "Zm9yZ2VkLWZvcmdlZC1mb3JnZWQtZm9yZ2VkLWZvcmc",
    TOKEN,
    SECRET,
    "work_email",
    "specversion",
    "a-field-of-tomorrow",
];

fn hired(given: &str, family: &str) -> Value {
    json!({ "worker": {
        "name": { "given": given, "family": family },
        "work_email": format!("{}@acme.example", given.to_lowercase()),
        "phones": [{ "type": "work", "value": "+1 555-0199" }],
        "addresses": [{ "type": "home", "street": "7 Gloaming Lane", "locality": "Gloaming" }],
        "title": "Lampwright", "type": "employee", "department": { "id": "d1", "name": "Forgotten Arts" },
    } })
}

/// A run in which everything happens that is told: done, refused, forged, unreadable, out of reach.
async fn a_whole_run(all: &mut Installation) {
    assert_eq!(
        all.post("1", "hired", "E-1", &hired("Zephyrine", "Quillfeather"))
            .await,
        200
    );
    all.reconciled("E-1", "created").await;
    all.post(
        "2",
        "changed",
        "E-1",
        &json!({ "worker": { "name": { "family": "Umberwick" } } }),
    )
    .await;
    all.reconciled("E-1", "updated").await;
    all.faults("refuse:attribute=title").await;
    all.post(
        "3",
        "changed",
        "E-1",
        &json!({ "worker": { "title": "Bellfounder" } }),
    )
    .await;
    all.reconciled("E-1", "dead_letter").await;
    all.faults("409=1:method=POST, 503=1:retry-after=1:method=POST, reset=1:method=POST")
        .await;
    all.post("4", "hired", "E-2", &hired("Thaddeus", "Umberwick"))
        .await;
    all.faults("").await;
    all.post("5", "terminated", "E-1", &json!({})).await;
    all.reconciled("E-1", "deactivated").await;
    all.post(
        "6",
        "terminated",
        "E-3",
        &json!({ "worker": { "work_email": "ottoline@acme.example" } }),
    )
    .await;
    all.reconciled("E-3", "leaver_not_found").await;

    let forged = event("7", "hired", "E-4", &hired("Ottoline", "Quillfeather")).to_string();
    let other = "whsec_Zm9yZ2VkLWZvcmdlZC1mb3JnZWQtZm9yZ2VkLWZvcmc=";
    assert_eq!(all.post_signed(&forged, other).await, 401);
    // Readable, but no event: refused, or kept as a letter.
    let unreadable = event(
        "8",
        "hired",
        "E-5",
        &json!({ "worker": { "name": "Ottoline Quillfeather" } }),
    );
    for body in [
        unreadable.to_string(),
        unreadable
            .to_string()
            .replace("acme", "a-field-of-tomorrow"),
    ] {
        let status = all.post_signed(&body, SECRET).await;
        assert!(matches!(status, 200 | 202 | 400 | 422), "{status}");
    }
    let status = all
        .post_signed("{\"worker\": \"Ottoline Quillfeather", SECRET)
        .await;
    assert!(matches!(status, 200 | 202 | 400 | 422), "{status}");

    wait_until("E-2 has an account", PATIENCE, async || {
        let state = all.state().await;
        (state["users"]["total"] == 2).then_some(())
    })
    .await;
    for replay in [["dead-letters", "replay", "--cause", "refused", "--yes"]] {
        let said = all.run(&replay).await;
        assert_eq!(said.code, 0, "{said:?}");
    }
    all.end_service().await;
    // What is left is taken up again.
    all.serve().await;
    all.end_service().await;
}

#[tokio::test]
async fn nothing_personal_and_no_secret_is_printed_by_any_process() {
    let mut all = Installation::start("apply", "").await;
    a_whole_run(&mut all).await;
    let mut lines = 0;
    for entry in std::fs::read_dir(all.folder.path()).expect("the folder") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default()
            .to_owned();
        if !(name.ends_with(".stdout") || name.ends_with(".stderr")) {
            continue;
        }
        for line in std::fs::read_to_string(&path).expect("text").lines() {
            lines += 1;
            let told = PRIVATE.iter().find(|word| line.contains(**word));
            assert_eq!(told, None, "{name}: {line}");
        }
    }
    // The log was on, and told of what was done.
    let log = std::fs::read_to_string(all.folder.path().join("service-1.stderr")).expect("text");
    let told = ["SCIM request", "\"DEBUG\"", "/Users"].map(|text| log.contains(text));
    assert_eq!((told, lines > 100), ([true; 3], true), "{lines} lines");
}
