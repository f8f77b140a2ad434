//! The lifecycle of an account through the whole service: signed hooks in, SCIM requests out.
//!
//! Also the failures on the way: lost answers, refused attributes, ignored deactivations, failed
//! searches.

use hirewire_sandbox::{Effect, Fault, SandboxProfile};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    harness::{Harness, TOKEN},
    installation::Installation,
};

const NOW: SignedDuration = SignedDuration::ZERO;
const ADA: &str = "ada@acme.example";

fn hired(given: &str, family: &str) -> Value {
    json!({ "worker": {
        "name": { "given": given, "family": family },
        "work_email": format!("{}@acme.example", given.to_lowercase()),
        "title": "Engineer", "type": "employee",
        "department": { "id": "d1", "name": "Engineering" },
    } })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_hired_changed_terminated_and_rehired_as_one_account() {
    let mut harness = Harness::start(SandboxProfile::Generic, "generic", "").await;
    assert_eq!(
        harness
            .post("hired", "E-1", NOW, &hired("Ada", "Lovelace"))
            .await,
        200
    );
    harness.wait_for_outcome("E-1", "created").await;
    assert_eq!(harness.find_user(ADA).expect("a user")["active"], true);
    harness.take_writes();

    harness
        .post(
            "changed",
            "E-1",
            NOW,
            &json!({ "worker": { "title": "Fellow" } }),
        )
        .await;
    harness.wait_for_outcome("E-1", "updated").await;
    let writes = harness.take_writes();
    assert_eq!(writes.len(), 1, "{writes:#?}");
    assert_eq!(harness.find_user(ADA).expect("a user")["title"], "Fellow");

    harness.post("terminated", "E-1", NOW, &json!({})).await;
    harness.wait_for_outcome("E-1", "deactivated").await;
    assert_eq!(harness.find_user(ADA).expect("a user")["active"], false);

    harness.post("rehired", "E-1", NOW, &json!({})).await;
    harness.wait_for_outcome("E-1", "reactivated").await;
    assert_eq!(harness.find_user(ADA).expect("a user")["active"], true);
    assert_eq!(harness.sandbox.users().len(), 1);
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_termination_without_an_account_ends_as_leaver_not_found() {
    let mut harness = Harness::start(SandboxProfile::Generic, "generic", "").await;
    harness
        .post("hired", "E-1", NOW, &hired("Ada", "Lovelace"))
        .await;
    harness.wait_for_outcome("E-1", "created").await;

    // The application has no user with this address.
    let leaver = json!({ "worker": { "work_email": "nobody@acme.example" } });

    harness.post("terminated", "E-2", NOW, &leaver).await;
    harness.wait_for_outcome("E-2", "leaver_not_found").await;
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_with_a_lost_answer_makes_one_account() {
    let mut harness = Harness::start(SandboxProfile::Generic, "generic", "").await;
    harness
        .sandbox
        .set_faults(vec![Fault::new(Effect::Reset).times(1).method("POST")]);
    harness
        .post("hired", "E-1", NOW, &hired("Ada", "Lovelace"))
        .await;
    harness.wait_for_outcome("E-1", "waiting").await;
    harness.wait_for_outcome("E-1", "unchanged").await;
    assert_eq!(harness.sandbox.users().len(), 1);

    harness.post("terminated", "E-1", NOW, &json!({})).await;
    harness.wait_for_outcome("E-1", "deactivated").await;
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_attribute_files_a_dead_letter_and_the_rest_is_applied() {
    let mut harness = Harness::start(SandboxProfile::Generic, "generic", "").await;
    harness
        .post("hired", "E-1", NOW, &hired("Ada", "Lovelace"))
        .await;
    harness.wait_for_outcome("E-1", "created").await;

    let refuse = Effect::Refuse {
        attribute: "title".to_owned(),
        filter: None,
    };
    harness.sandbox.set_faults(vec![Fault::new(refuse)]);
    let changed = json!({ "worker": {
        "title": "Fellow",
        "department": { "id": "d2", "name": "Research" },
    } });
    harness.post("changed", "E-1", NOW, &changed).await;
    harness.wait_for_outcome("E-1", "dead_letter").await;
    let user = harness.find_user(ADA).expect("a user");
    assert_eq!(user["title"], "Engineer");
    assert_eq!(
        user["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]["department"],
        "Research"
    );

    // An open dead letter about a title does not delay the deactivation.
    harness.post("terminated", "E-1", NOW, &json!({})).await;
    harness.wait_for_outcome("E-1", "deactivated").await;
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ignored_deactivation_is_detected_and_retried() {
    let mut harness = Harness::start(SandboxProfile::Generic, "generic", "").await;
    harness
        .post("hired", "E-1", NOW, &hired("Ada", "Lovelace"))
        .await;
    harness.wait_for_outcome("E-1", "created").await;

    harness
        .sandbox
        .set_faults(vec![Fault::new(Effect::IgnoredDeactivation).times(1)]);

    harness.post("terminated", "E-1", NOW, &json!({})).await;
    harness.wait_for_outcome("E-1", "waiting").await;
    harness.wait_for_outcome("E-1", "deactivated").await;
    assert_eq!(harness.find_user(ADA).expect("a user")["active"], false);
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unmanaged_account_out_of_scope_stays_active_until_the_termination() {
    let mut harness = Harness::start(
        SandboxProfile::Generic,
        "generic",
        "when = 'worker.type == \"contractor\"'",
    )
    .await;
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": ADA,
        "active": true,
    });
    let create = reqwest::Client::new()
        .post(format!("{}/Users", harness.base_url))
        .bearer_auth(TOKEN)
        .json(&user);
    assert_eq!(create.send().await.expect("an answer").status(), 201);
    harness
        .post("hired", "E-1", NOW, &hired("Ada", "Lovelace"))
        .await;
    harness.wait_for_outcome("E-1", "unmanaged").await;
    assert_eq!(harness.find_user(ADA).expect("the user")["active"], true);

    // A termination deactivates the account, in scope or not.
    harness.post("terminated", "E-1", NOW, &json!({})).await;
    harness.wait_for_outcome("E-1", "deactivated").await;
    assert_eq!(harness.find_user(ADA).expect("the user")["active"], false);
    harness.stop().await;
}

#[tokio::test]
async fn a_failed_search_does_not_delay_a_deactivation() {
    let mut installation = Installation::start("apply", "").await;
    installation
        .post("1", "hired", "E-1", &hired("Ada", "Lovelace"))
        .await;
    installation.wait_for_outcome("E-1", "created").await;

    // The read of the account by its id succeeds; the search for a second account fails.
    installation
        .set_faults("500=1:method=GET:path=/Users:after=1")
        .await;
    installation
        .post("2", "terminated", "E-1", &json!({}))
        .await;
    installation.wait_for_outcome("E-1", "deactivated").await;
    let state = installation.sandbox_state().await;
    assert_eq!(state["active"], 0);

    let requests = state["requests"]["last"].as_array().expect("requests");
    let search = requests
        .iter()
        .position(|request| request["status"] == 500)
        .expect("the failed search");
    let deactivation = requests
        .iter()
        .position(|request| request["method"] == "PATCH")
        .expect("the deactivation");
    assert_eq!(
        search.abs_diff(deactivation),
        1,
        "the deactivation does not follow the failed search: {requests:#?}"
    );
    installation.stop_service().await;
}
