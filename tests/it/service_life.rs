//! Whole lives through the whole service: signed webhook in, SCIM account out.

use hirewire_sandbox::{Effect, Fault, SandboxProfile};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{harness::Harness, installation::Installation};

const NOW: SignedDuration = SignedDuration::ZERO;

fn hire(given: &str, family: &str) -> Value {
    json!({ "worker": {
        "name": { "given": given, "family": family }, "work_email": format!("{}@acme.example", given.to_lowercase()),
        "title": "Engineer", "type": "employee", "department": { "id": "d1", "name": "Engineering" },
    } })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_hired_changed_terminated_and_rehired_as_one_account() {
    let mut harness = Harness::start(SandboxProfile::Generic, "generic", "").await;
    assert_eq!(
        harness
            .post("hired", "E-1", NOW, &hire("Ada", "Lovelace"))
            .await,
        200
    );
    harness.reconciled("E-1", "created").await;
    assert_eq!(
        harness.user("ada@acme.example").expect("a user")["active"],
        true
    );
    harness.writes();

    harness
        .post(
            "changed",
            "E-1",
            NOW,
            &json!({ "worker": { "title": "Fellow" } }),
        )
        .await;
    harness.reconciled("E-1", "updated").await;
    let writes = harness.writes();
    assert_eq!(writes.len(), 1, "{writes:#?}");
    assert_eq!(
        harness.user("ada@acme.example").expect("a user")["title"],
        "Fellow"
    );

    harness.post("terminated", "E-1", NOW, &json!({})).await;
    harness.reconciled("E-1", "deactivated").await;
    assert_eq!(
        harness.user("ada@acme.example").expect("a user")["active"],
        false
    );

    harness.post("rehired", "E-1", NOW, &json!({})).await;
    harness.reconciled("E-1", "reactivated").await;
    assert_eq!(
        harness.user("ada@acme.example").expect("a user")["active"],
        true
    );
    assert_eq!(harness.sandbox.users().len(), 1);
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_known_by_a_termination_alone_is_deactivated_told_or_a_letter() {
    let mut harness = Harness::start(SandboxProfile::Generic, "generic", "").await;
    let leaver = |name: &str| json!({ "worker": { "work_email": format!("{name}@acme.example") } });
    harness
        .post("hired", "E-1", NOW, &hire("Ada", "Lovelace"))
        .await;
    harness.reconciled("E-1", "created").await;
    // Nobody at the application has that address.
    harness
        .post("terminated", "E-2", NOW, &leaver("nobody"))
        .await;
    harness.reconciled("E-2", "leaver_not_found").await;
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_whose_answer_is_lost_makes_one_account() {
    let mut harness = Harness::start(SandboxProfile::Generic, "generic", "").await;
    harness
        .sandbox
        .set_faults(vec![Fault::new(Effect::Reset).times(1).method("POST")]);
    harness
        .post("hired", "E-1", NOW, &hire("Ada", "Lovelace"))
        .await;
    harness.reconciled("E-1", "waiting").await;
    harness.reconciled("E-1", "unchanged").await;
    assert_eq!(harness.sandbox.users().len(), 1);
    harness.post("terminated", "E-1", NOW, &json!({})).await;
    harness.reconciled("E-1", "deactivated").await;
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_attribute_is_a_letter_and_the_rest_is_applied() {
    let mut harness = Harness::start(SandboxProfile::Generic, "generic", "").await;
    harness
        .post("hired", "E-1", NOW, &hire("Ada", "Lovelace"))
        .await;
    harness.reconciled("E-1", "created").await;
    let refuse = Effect::Refuse {
        attribute: "title".to_owned(),
        filter: None,
    };
    harness.sandbox.set_faults(vec![Fault::new(refuse)]);
    let changed = json!({ "worker": { "title": "Fellow", "department": { "id": "d2", "name": "Research" } } });
    harness.post("changed", "E-1", NOW, &changed).await;
    harness.reconciled("E-1", "dead_letter").await;
    let user = harness.user("ada@acme.example").expect("a user");
    assert_eq!(user["title"], "Engineer");
    assert_eq!(
        user["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]["department"],
        "Research"
    );
    // A letter about a title never holds up the leaver.
    harness.post("terminated", "E-1", NOW, &json!({})).await;
    harness.reconciled("E-1", "deactivated").await;
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivation_that_has_no_effect_is_told_and_tried_again() {
    let mut harness = Harness::start(SandboxProfile::Generic, "generic", "").await;
    harness
        .post("hired", "E-1", NOW, &hire("Ada", "Lovelace"))
        .await;
    harness.reconciled("E-1", "created").await;
    harness
        .sandbox
        .set_faults(vec![Fault::new(Effect::IgnoredDeactivation).times(1)]);
    harness.post("terminated", "E-1", NOW, &json!({})).await;
    harness.reconciled("E-1", "waiting").await;
    harness.reconciled("E-1", "deactivated").await;
    assert_eq!(
        harness.user("ada@acme.example").expect("a user")["active"],
        false
    );
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_made_by_hand_for_somebody_out_of_scope_stays() {
    let mut harness = Harness::start(
        SandboxProfile::Generic,
        "generic",
        "when = 'worker.type == \"contractor\"'",
    )
    .await;
    let by_hand = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ada@acme.example", "active": true,
    });
    let made = reqwest::Client::new()
        .post(format!("{}/Users", harness.base))
        .bearer_auth("harness-token")
        .json(&by_hand);
    assert_eq!(made.send().await.expect("an answer").status(), 201);
    harness
        .post("hired", "E-1", NOW, &hire("Ada", "Lovelace"))
        .await;
    harness.reconciled("E-1", "unmanaged").await;
    assert_eq!(
        harness.user("ada@acme.example").expect("the user")["active"],
        true
    );
    // Once they have left, they have left wherever they are found.
    harness.post("terminated", "E-1", NOW, &json!({})).await;
    harness.reconciled("E-1", "deactivated").await;
    assert_eq!(
        harness.user("ada@acme.example").expect("the user")["active"],
        false
    );
    harness.stop().await;
}

#[tokio::test]
async fn a_search_that_fails_holds_up_no_leaver() {
    let mut all = Installation::start("apply", "").await;
    all.post("1", "hired", "E-1", &hire("Ada", "Lovelace"))
        .await;
    all.reconciled("E-1", "created").await;
    // The account is read by its id; looking for a second one is refused.
    all.faults("500=1:method=GET:path=/Users:after=1").await;
    all.post("2", "terminated", "E-1", &json!({})).await;
    all.reconciled("E-1", "deactivated").await;
    let state = all.state().await;
    assert_eq!(state["active"], 0);
    let log = state["requests"]["last"].as_array().expect("requests");
    let at = |wanted: &dyn Fn(&Value) -> bool| log.iter().position(wanted).expect("a request");
    let (search, end) = (
        at(&|request| request["status"] == 500),
        at(&|request| request["method"] == "PATCH"),
    );
    assert_eq!(
        search.abs_diff(end),
        1,
        "the end does not follow the search that failed: {log:#?}"
    );
    all.end_service().await;
}
