//! `connections test`, end to end: it names what fails, and what waits goes on after a success. The
//! dead letter about somebody of whom nothing else is known.

use std::time::{Duration, Instant};

use hirewire::store::{DeadLetter, DeadLetterFilter};
use hirewire_core::event::ContentDigest;
use hirewire_sandbox::{Fault, SandboxProfile};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    harness::{Harness, TIMEOUT},
    odd_answers::OddAnswer,
    waiting::wait_until,
};

const NOW: SignedDuration = SignedDuration::ZERO;

/// Far less than the wait that the target asks for.
const AT_ONCE: Duration = Duration::from_secs(10);

async fn started() -> Harness {
    let hash = ContentDigest::of(b"token-of-kim");
    let token = format!("[[ops.tokens]]\nname = \"kim\"\nrole = \"operator\"\nhash = \"{hash}\"\n");
    let mut harness = Harness::start(SandboxProfile::Generic, "generic", &token).await;
    let hired = json!({ "worker": {
        "name": { "given": "Ada", "family": "Lovelace" },
        "work_email": "ada@acme.example",
    } });
    harness.post("hired", "E-1", NOW, &hired).await;
    harness.wait_for_outcome("E-1", "created").await;
    harness
}

/// The report of `POST /connections/app/test`.
async fn test(harness: &Harness) -> Value {
    let ops = harness.service.ops;
    let request = reqwest::Client::new()
        .post(format!("http://{ops}/api/v1/connections/app/test"))
        .bearer_auth("token-of-kim")
        .json(&json!({}));
    let answer = request.send().await.expect("an answer");
    answer.json().await.expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_names_the_search_that_fails_and_no_other() {
    let harness = started().await;
    let refused = OddAnswer::new("GET", "/Users", 501).query("filter=userName");
    harness.odd.set([refused]);

    let report = test(&harness).await;
    assert_eq!(report["ok"], false, "{report}");
    let checks = report["checks"].as_array().expect("checks");
    let failed: Vec<&str> = checks
        .iter()
        .filter(|check| check["ok"] == false)
        .filter_map(|check| check["name"].as_str())
        .collect();
    assert_eq!(failed, ["search by userName"], "{report}");
    assert!(checks.len() >= 4, "{report}");
    let result = checks.iter().find(|check| check["ok"] == false);
    let result = result.and_then(|check| check["result"].as_str());
    assert!(
        result.is_some_and(|result| result.contains("501")),
        "{report}"
    );

    harness.odd.set([]);
    let report = test(&harness).await;
    assert_eq!(report["ok"], true);
    assert_eq!(
        report["schemas"],
        json!([]),
        "the preset is as the sandbox lists it"
    );

    let misread = OddAnswer {
        body: r#"{"Resources": [{"id": "urn:ietf:params:scim:schemas:core:2.0:User",
                 "attributes": [{"name": "active"}, {"name": "userNames"}]}]}"#,
        ..OddAnswer::new("GET", "/Schemas", 200)
    };
    harness.odd.set([misread]);
    let report = test(&harness).await;
    assert_eq!(report["ok"], true, "the schemas are advice: {report}");
    let found = report["schemas"].to_string();
    assert!(found.contains("did you mean `userNames`?"), "{found}");
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaver_that_waits_goes_at_once_after_a_test_that_succeeds() {
    let mut harness = started().await;
    let busy = Fault::parse_list("429:retry-after=250").expect("a fault");
    harness.sandbox.set_faults(busy);
    harness.post("terminated", "E-1", NOW, &json!({})).await;
    harness.wait_for_outcome("E-1", "waiting").await;

    // A test that fails sends nobody.
    assert_eq!(test(&harness).await["ok"], false);
    harness.sandbox.set_faults(Vec::new());
    let store = harness.store().await;
    let ada = store.find_person("acme/E-1").await.expect("read").remove(0);
    let account = store.accounts(&ada).await.expect("read").remove(0).account;
    let now = store.now().await.expect("a clock");
    let wait = account.not_before.expect("it waits").duration_since(now);
    assert!(wait > SignedDuration::from_secs(100), "{wait:?}");

    let started = Instant::now();
    assert_eq!(test(&harness).await["ok"], true);
    harness.wait_for_outcome("E-1", "deactivated").await;
    assert!(started.elapsed() < AT_ONCE, "{:?}", started.elapsed());
    let user = harness.find_user("ada@acme.example").expect("a user");
    assert_eq!(user["active"], false);
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_somebody_unknown_is_a_dead_letter_until_it_is_closed() {
    let mut harness = started().await;
    let store = harness.store().await;
    harness.take_writes();
    harness.post("terminated", "E-9", NOW, &json!({})).await;

    let open = DeadLetterFilter::default();
    let letter = wait_until("a dead letter", TIMEOUT, async || {
        store.dead_letters(&open).await.expect("read").pop()
    })
    .await;
    assert_eq!(letter.cause, "ended_unknown", "{letter:?}");
    assert_eq!(harness.take_writes(), [], "nothing is sent");

    // A replay asks the facts: as long as they say nothing else, it stays open.
    replay(&harness, &letter).await;
    assert_eq!(store.dead_letters(&open).await.expect("read").len(), 1);

    let hired = json!({ "worker": {
        "name": { "given": "Eve", "family": "Moneypenny" },
        "work_email": "eve@acme.example",
    } });
    harness.post("rehired", "E-9", NOW, &hired).await;
    harness.wait_for_outcome("E-9", "created").await;
    replay(&harness, &letter).await;
    assert_eq!(store.dead_letters(&open).await.expect("read"), []);
    harness.stop().await;
}

async fn replay(harness: &Harness, letter: &DeadLetter) {
    let ops = harness.service.ops;
    let request = reqwest::Client::new()
        .post(format!("http://{ops}/api/v1/dead-letters/replay"))
        .bearer_auth("token-of-kim")
        .json(&json!({ "ids": [letter.id] }));
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_somebody_makes_later_is_found_without_a_replay() {
    let rule = "[[connections.app.groups]]\nname = \"Engineering\"\n";
    let mut harness = Harness::start(SandboxProfile::Generic, "generic", rule).await;
    let hired = json!({ "worker": {
        "name": { "given": "Ada", "family": "Lovelace" },
        "work_email": "ada@acme.example",
    } });
    harness.post("hired", "E-1", NOW, &hired).await;
    harness.wait_for_outcome("E-1", "created").await;
    let store = harness.store().await;
    let open = DeadLetterFilter::default();
    let letter = wait_until("a dead letter", TIMEOUT, async || {
        store.dead_letters(&open).await.expect("read").pop()
    })
    .await;
    assert_eq!(letter.cause, "group_not_found", "{letter:?}");

    let group = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Engineering",
    });
    let made = reqwest::Client::new()
        .post(format!("{}/Groups", harness.base_url))
        .bearer_auth(crate::harness::TOKEN)
        .header("content-type", "application/scim+json")
        .body(group.to_string());
    let made = made.send().await.expect("an answer");
    assert_eq!(made.status(), 201);
    let path = made.headers()["location"]
        .to_str()
        .expect("text")
        .to_owned();

    wait_until("the dead letter is closed", TIMEOUT, async || {
        let letters = store.dead_letters(&open).await.expect("read");
        letters.is_empty().then_some(())
    })
    .await;
    let group = reqwest::Client::new()
        .get(path)
        .bearer_auth(crate::harness::TOKEN);
    let group: Value = group
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    let user = harness.find_user("ada@acme.example").expect("a user");
    assert_eq!(group["members"][0]["value"], user["id"], "{group}");
    harness.stop().await;
}
