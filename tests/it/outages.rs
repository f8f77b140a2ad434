//! Targets that do not answer, or answer oddly: what waits, what goes on, and what operators see.

use std::time::{Duration, Instant};

use hirewire::store::{
    AccountView, ConnectionState, DeadLetter, DeadLetterFilter, Priority, Store,
};
use hirewire_sandbox::{Fault, SandboxProfile};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    harness::{Harness, TIMEOUT},
    odd_answers::OddAnswer,
    waiting::wait_until,
};

const NOW: SignedDuration = SignedDuration::ZERO;
const ADA: &str = "ada@acme.example";
const BOB: &str = "bob@acme.example";

/// A leaver is done in so many seconds, once nothing but the pace of Hirewire is in the way.
const SECONDS: Duration = Duration::from_secs(8);

fn hired(given: &str) -> Value {
    json!({ "worker": {
        "name": { "given": given, "family": "Lovelace" },
        "work_email": format!("{}@acme.example", given.to_lowercase()),
        "title": "Engineer", "type": "employee",
    } })
}

/// A service where Ada (E-1) and Bob (E-2) have accounts.
async fn started() -> Harness {
    let mut harness = Harness::start(SandboxProfile::Generic, "generic", "").await;
    for (worker, given) in [("E-1", "Ada"), ("E-2", "Bob")] {
        harness.post("hired", worker, NOW, &hired(given)).await;
        harness.wait_for_outcome(worker, "created").await;
    }
    harness
}

async fn state(store: &Store) -> ConnectionState {
    let states = store.connection_states().await.expect("states");
    states.into_iter().next().expect("the connection `app`")
}

async fn account(store: &Store, worker: &str) -> AccountView {
    let people = store.find_person(&format!("acme/{worker}")).await;
    let person = people.expect("read").remove(0);
    store.accounts(&person).await.expect("read").remove(0)
}

async fn open_letters(store: &Store) -> Vec<DeadLetter> {
    let filter = DeadLetterFilter::default();
    store.dead_letters(&filter).await.expect("read")
}

/// Since when the first leaver should be inactive, and how many there are.
async fn leavers(store: &Store) -> (u64, Option<jiff::Timestamp>) {
    let counts = store.pending_counts().await.expect("counts");
    let leavers = counts
        .iter()
        .find(|count| count.priority == Priority::Leaver);
    leavers.map_or((0, None), |count| (count.accounts, count.oldest))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaver_in_an_outage_counts_at_once_becomes_a_dead_letter_and_goes_after_it() {
    let mut harness = started().await;
    let store = harness.store().await;
    harness.odd.set([OddAnswer::new("*", "*", 503)]);

    let before = store.now().await.expect("a clock");
    harness.post("terminated", "E-1", NOW, &json!({})).await;
    let unreachable = wait_until("the target is unreachable", TIMEOUT, async || {
        state(&store).await.unreachable
    })
    .await;
    assert!(unreachable.since >= before, "{unreachable:?}");

    let (count, oldest) = leavers(&store).await;
    assert_eq!(count, 1, "it counts although it waits");
    assert!(oldest.is_some_and(|oldest| oldest <= store_now(before)));

    let letter = wait_until("the leaver is a dead letter", TIMEOUT, async || {
        let letters = open_letters(&store).await;
        letters
            .into_iter()
            .find(|letter| letter.cause == "leaver_overdue")
    })
    .await;
    assert!(letter.summary.contains("not proven"), "{}", letter.summary);
    let attempts = account(&store, "E-1").await.account.attempts;
    assert!(attempts <= 1, "an outage uses up {attempts} attempts");

    harness.odd.set([]);
    harness.wait_for_outcome("E-1", "deactivated").await;
    assert_eq!(harness.find_user(ADA).expect("a user")["active"], false);
    wait_until("everything is closed", TIMEOUT, async || {
        let is_quiet = open_letters(&store).await.is_empty()
            && leavers(&store).await == (0, None)
            && state(&store).await.unreachable.is_none();
        is_quiet.then_some(())
    })
    .await;
    harness.stop().await;
}

/// The leaver was known within a minute after `before`.
fn store_now(before: jiff::Timestamp) -> jiff::Timestamp {
    before + SignedDuration::from_mins(1)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaver_goes_in_seconds_where_only_the_probe_fails() {
    let mut harness = started().await;
    let store = harness.store().await;
    harness.odd.set([OddAnswer::new("*", "*", 503)]);
    harness.post("terminated", "E-1", NOW, &json!({})).await;
    wait_until("the target is unreachable", TIMEOUT, async || {
        state(&store).await.unreachable
    })
    .await;

    let probe = OddAnswer::new("GET", "/Users", 503).query("startIndex=1&count=1");
    harness.odd.set([probe]);
    let started = Instant::now();
    harness.wait_for_outcome("E-1", "deactivated").await;
    assert!(started.elapsed() < SECONDS, "{:?}", started.elapsed());
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_for_credentials_ends_by_itself_and_the_leaver_goes() {
    let mut harness = started().await;
    let store = harness.store().await;
    harness.odd.set([OddAnswer::new("*", "*", 401)]);
    harness.post("terminated", "E-1", NOW, &json!({})).await;
    let paused = wait_until("the connection is paused", TIMEOUT, async || {
        state(&store).await.paused
    })
    .await;
    assert_eq!(paused.reason, "credentials");
    assert_eq!(leavers(&store).await.0, 1);

    harness.odd.set([]);
    harness.wait_for_outcome("E-1", "deactivated").await;
    assert_eq!(state(&store).await.paused, None);
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_403_for_one_person_pauses_nothing_even_if_users_cannot_be_listed() {
    let mut harness = started().await;
    let store = harness.store().await;
    let id = harness.find_user(ADA).expect("a user")["id"].clone();
    let own: &'static str = format!("/Users/{}", id.as_str().expect("an id")).leak();
    harness.odd.set([
        OddAnswer::new("PATCH", own, 403),
        OddAnswer::new("GET", "/Users", 403),
    ]);

    let changed = json!({ "worker": { "title": "Fellow" } });
    harness.post("changed", "E-1", NOW, &changed).await;
    harness.wait_for_outcome("E-1", "dead_letter").await;
    harness.post("terminated", "E-2", NOW, &json!({})).await;
    harness.wait_for_outcome("E-2", "deactivated").await;
    assert_eq!(state(&store).await.paused, None);
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivation_without_an_answer_is_lifted_by_a_rehire() {
    let mut harness = started().await;
    harness
        .odd
        .set([OddAnswer::new("PATCH", "/Users/*", 502).applied()]);
    harness.post("terminated", "E-1", NOW, &json!({})).await;
    harness.wait_for_outcome("E-1", "waiting").await;
    assert_eq!(harness.find_user(ADA).expect("a user")["active"], false);

    harness.odd.set([]);
    harness.post("rehired", "E-1", NOW, &json!({})).await;
    harness.wait_for_outcome("E-1", "reactivated").await;
    assert_eq!(harness.find_user(ADA).expect("a user")["active"], true);
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_tries_one_person_and_a_connection_at_once() {
    let mut harness = started().await;
    let store = harness.store().await;
    harness.sandbox.set_faults(faults("ignored-deactivation"));
    harness.post("terminated", "E-1", NOW, &json!({})).await;
    harness.post("terminated", "E-2", NOW, &json!({})).await;
    for _ in 0..3 {
        harness.wait_for_outcome("E-1", "waiting").await;
    }
    harness.wait_for_outcome("E-2", "waiting").await;
    let summary = &open_letters(&store).await[0].summary;
    assert!(summary.contains("still active"), "{summary}");

    harness.sandbox.set_faults(Vec::new());
    let ada = store.find_person("acme/E-1").await.expect("read").remove(0);
    let connections = store.retry_person(&ada, "kim", "now").await;
    assert_eq!(connections.expect("retried"), ["app"]);
    harness.wait_for_outcome("E-1", "deactivated").await;

    store
        .retry_connection("app", "kim", "now")
        .await
        .expect("retried");
    wait_until("Bob's account is inactive", SECONDS, async || {
        (harness.find_user(BOB)?["active"] == false).then_some(())
    })
    .await;
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaver_whose_user_alone_cannot_be_read_is_deactivated_all_the_same() {
    let harness = started().await;
    let store = harness.store().await;
    let id = harness.find_user(ADA).expect("a user")["id"].clone();
    let own: &'static str = format!("/Users/{}", id.as_str().expect("an id")).leak();
    harness.odd.set([OddAnswer::new("GET", own, 500)]);

    harness.post("terminated", "E-1", NOW, &json!({})).await;
    wait_until("Ada's account is inactive", TIMEOUT, async || {
        (harness.find_user(ADA)?["active"] == false).then_some(())
    })
    .await;
    assert_eq!(leavers(&store).await.0, 1, "it is not proven");
    assert_eq!(state(&store).await.unreachable, None);

    harness.odd.set([]);
    wait_until("it is proven", TIMEOUT, async || {
        (leavers(&store).await.0 == 0).then_some(())
    })
    .await;
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_failing_person_makes_no_target_unreachable_where_users_cannot_be_listed() {
    let mut harness = started().await;
    let store = harness.store().await;
    let id = harness.find_user(ADA).expect("a user")["id"].clone();
    let own: &'static str = format!("/Users/{}", id.as_str().expect("an id")).leak();
    harness.odd.set([
        OddAnswer::new("PATCH", own, 500),
        OddAnswer::new("GET", "/Users", 503).query("startIndex=1&count=1"),
    ]);

    let changed = json!({ "worker": { "title": "Fellow" } });
    harness.post("changed", "E-1", NOW, &changed).await;
    harness.wait_for_outcome("E-1", "waiting").await;
    harness.post("terminated", "E-2", NOW, &json!({})).await;
    harness.wait_for_outcome("E-2", "deactivated").await;
    assert_eq!(state(&store).await.unreachable, None);

    wait_until("the failure is a dead letter", TIMEOUT, async || {
        let letters = open_letters(&store).await;
        letters.into_iter().find(|letter| letter.cause == "refused")
    })
    .await;
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_with_groups_makes_no_target_unreachable() {
    let everybody = "[[connections.app.groups]]\nname = \"Everybody\"\n";
    let mut harness = Harness::start(SandboxProfile::Generic, "generic", everybody).await;
    for (worker, given) in [("E-1", "Ada"), ("E-2", "Bob")] {
        harness.post("hired", worker, NOW, &hired(given)).await;
        harness.wait_for_outcome(worker, "created").await;
    }

    // The service has created the store by now.
    let store = harness.store().await;
    harness.odd.set([OddAnswer::new("*", "/Groups*", 503)]);
    for number in 3..12 {
        let worker = format!("E-{number}");
        let given = format!("Given{number}");
        harness.post("hired", &worker, NOW, &hired(&given)).await;
    }
    let started = Instant::now();
    harness.post("terminated", "E-1", NOW, &json!({})).await;
    harness.wait_for_outcome("E-1", "deactivated").await;
    assert!(started.elapsed() < SECONDS, "{:?}", started.elapsed());
    assert_eq!(state(&store).await.unreachable, None);
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_is_answered_with_the_old_user_is_read_before_it_is_a_refusal() {
    let mut harness = started().await;
    let store = harness.store().await;
    let answer = |harness: &Harness| OddAnswer {
        body: harness.find_user(ADA).expect("a user").to_string().leak(),
        ..OddAnswer::new("PATCH", "/Users/*", 200)
    };

    harness.odd.set([answer(&harness).applied()]);
    let fellow = json!({ "worker": { "title": "Fellow" } });
    harness.post("changed", "E-1", NOW, &fellow).await;
    harness.wait_for_outcome("E-1", "updated").await;
    assert_eq!(harness.find_user(ADA).expect("a user")["title"], "Fellow");
    assert!(open_letters(&store).await.is_empty());

    harness.odd.set([answer(&harness)]);
    let chief = json!({ "worker": { "title": "Chief" } });
    harness.post("changed", "E-1", NOW, &chief).await;
    harness.wait_for_outcome("E-1", "dead_letter").await;
    let summary = &open_letters(&store).await[0].summary;
    assert!(summary.contains("title"), "{summary}");
    harness.stop().await;
}

fn faults(text: &str) -> Vec<Fault> {
    Fault::parse_list(text).expect("faults")
}
