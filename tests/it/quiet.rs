//! Logs hold no personal data and no secret.
//!
//! The test runs every outcome with the log at its most verbose level. Then it searches each line
//! that any process printed for the personal data and the secrets of that run.

use serde_json::{Value, json};

use crate::{
    installation::{Installation, SECRET, TIMEOUT, TOKEN, event},
    waiting::wait_until,
};

/// The personal data and secrets of this run. Each word occurs nowhere else in the output.
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
        "title": "Lampwright", "type": "employee",
        "department": { "id": "d1", "name": "Forgotten Arts" },
    } })
}

/// Runs the outcomes that the log reports: applied, refused, forged, unreadable, unreachable.
async fn run_every_outcome(installation: &mut Installation) {
    reconcile_accounts(installation).await;
    post_forged_and_unreadable_hooks(installation).await;

    wait_until("E-2 has an account", TIMEOUT, async || {
        let state = installation.sandbox_state().await;
        (state["users"]["total"] == 2).then_some(())
    })
    .await;
    let output = installation
        .run(&["dead-letters", "replay", "--cause", "refused", "--yes"])
        .await;
    assert_eq!(output.exit_code, 0, "{output:?}");

    // A second start continues the work that the first one left.
    installation.stop_service().await;
    installation.start_service().await;
    installation.stop_service().await;
}

async fn reconcile_accounts(installation: &Installation) {
    let status = installation
        .post("1", "hired", "E-1", &hired("Zephyrine", "Quillfeather"))
        .await;
    assert_eq!(status, 200);
    installation.wait_for_outcome("E-1", "created").await;

    let renamed = json!({ "worker": { "name": { "family": "Umberwick" } } });
    installation.post("2", "changed", "E-1", &renamed).await;
    installation.wait_for_outcome("E-1", "updated").await;

    installation.set_faults("refuse:attribute=title").await;
    let promoted = json!({ "worker": { "title": "Bellfounder" } });
    installation.post("3", "changed", "E-1", &promoted).await;
    installation.wait_for_outcome("E-1", "dead_letter").await;

    installation
        .set_faults("409=1:method=POST, 503=1:retry-after=1:method=POST, reset=1:method=POST")
        .await;
    installation
        .post("4", "hired", "E-2", &hired("Thaddeus", "Umberwick"))
        .await;
    installation.set_faults("").await;

    installation
        .post("5", "terminated", "E-1", &json!({}))
        .await;
    installation.wait_for_outcome("E-1", "deactivated").await;
    let unknown = json!({ "worker": { "work_email": "ottoline@acme.example" } });
    installation.post("6", "terminated", "E-3", &unknown).await;
    installation
        .wait_for_outcome("E-3", "leaver_not_found")
        .await;
}

async fn post_forged_and_unreadable_hooks(installation: &Installation) {
    let forged = event("7", "hired", "E-4", &hired("Ottoline", "Quillfeather")).to_string();
    let other_secret = "whsec_Zm9yZ2VkLWZvcmdlZC1mb3JnZWQtZm9yZ2VkLWZvcmc=";
    assert_eq!(installation.post_signed(&forged, other_secret).await, 401);

    // JSON that is no event: intake refuses it, or files a dead letter.
    let name_as_text = json!({ "worker": { "name": "Ottoline Quillfeather" } });
    let no_event = event("8", "hired", "E-5", &name_as_text).to_string();
    let unknown_source = no_event.replace("acme", "a-field-of-tomorrow");
    let no_json = "{\"worker\": \"Ottoline Quillfeather".to_owned();
    for body in [no_event, unknown_source, no_json] {
        let status = installation.post_signed(&body, SECRET).await;
        assert!(matches!(status, 200 | 202 | 400 | 422), "{status}");
    }
}

#[tokio::test]
async fn no_process_prints_personal_data_or_secrets() {
    let mut installation = Installation::start("apply", "").await;
    run_every_outcome(&mut installation).await;

    let mut lines = 0;
    for entry in std::fs::read_dir(installation.folder.path()).expect("the folder") {
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
            let leaked = PRIVATE.iter().find(|word| line.contains(**word));
            assert_eq!(leaked, None, "{name}: {line}");
        }
    }

    // An empty log also has no personal data: the log must report the requests.
    let log = installation.folder.path().join("service-1.stderr");
    let log = std::fs::read_to_string(log).expect("text");
    let reported = ["SCIM request", "\"DEBUG\"", "/Users"].map(|text| log.contains(text));
    assert_eq!((reported, lines > 100), ([true; 3], true), "{lines} lines");
}
