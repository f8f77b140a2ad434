//! What comes late: writes that a target applies long after the client gave up, at one that also searches late and lets a
//! `userName` be taken twice; and events that arrive after those that followed them.

use serde_json::Value;

use crate::{
    chaos_harness::{CHANGED, Harness, LONG, event, letters, rests, stores},
    waiting::until,
};

/// How late a target is, and how long is waited for it. Requests time out after 2 s.
#[derive(Clone, Copy)]
struct Delays {
    /// From the request to the write, in ms.
    write: u32,
    /// From the write until a search shows it, in ms.
    search: u32,
    /// Until what the target shows can be believed.
    propagation_delay: &'static str,
}

const SHORT: Delays = Delays {
    write: 4_000,
    search: 1_500,
    propagation_delay: "7s",
};
/// Looked for after 6 s, read back after 10 s: the first create shows between the two.
const SHORT_UNSETTLED: Delays = Delays {
    write: 6_000,
    search: 2_000,
    propagation_delay: "4s",
};
/// 20 s after the timeout, found 10 s after that.
const REAL: Delays = Delays {
    write: 22_000,
    search: 10_000,
    propagation_delay: "35s",
};
const REAL_UNSETTLED: Delays = Delays {
    write: 22_000,
    search: 10_000,
    propagation_delay: "20s",
};

/// A hire whose create is applied late, and a change while nobody knows. Gives what the target has once all is at rest, and
/// how many letters tell of two accounts.
async fn created_late(delays: Delays) -> (Vec<Value>, usize) {
    let Delays {
        write,
        search,
        propagation_delay,
    } = delays;
    let faults = format!("late=1:ms={write}:method=POST,search-lag:ms={search},no-uniqueness");
    let harness = Harness::shared(&faults, propagation_delay).await;
    let store = harness.store().await;
    let _intake = harness.start("intake", &["intake"], &[]).await;
    let _worker = harness.start("worker", &["worker"], &[]).await;
    harness.send(&[event("hired", "W-1", 3000)]);
    until("the create is on its way", LONG, async || {
        (!harness.target.writes().await.is_empty()).then_some(())
    })
    .await;
    harness.send(&[event("changed", "W-1", 10)]);
    stores(&store, "W-1", 2).await;
    applied_late(&harness).await;
    rests(&store, "W-1").await;
    (
        harness.target.users().await,
        letters(&store, "two_accounts").await,
    )
}

async fn applied_late(harness: &Harness) {
    until("the write is applied late", LONG, async || {
        harness
            .target
            .writes()
            .await
            .iter()
            .any(|write| write.contains("late, applied: 20"))
            .then_some(())
    })
    .await;
}

fn is_one_and_right((users, letters): &(Vec<Value>, usize)) {
    assert_eq!((users.len(), *letters), (1, 0), "{users:#?}");
    assert_eq!(
        (&users[0]["active"], &users[0]["title"]),
        (&Value::Bool(true), &CHANGED.into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_applied_after_its_timeout_is_waited_for_and_stays_the_only_one() {
    is_one_and_right(&created_late(SHORT).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_account_that_shows_after_too_short_a_settle_becomes_a_letter() {
    let (users, letters) = created_late(SHORT_UNSETTLED).await;
    assert_eq!((users.len(), letters), (2, 1), "{users:#?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute and a half: scripts/proof-delays"]
async fn a_create_applied_20_s_after_its_timeout_and_found_10_s_later_stays_the_only_one() {
    is_one_and_right(&created_late(REAL).await);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute: scripts/proof-delays"]
async fn a_second_account_that_shows_half_a_minute_late_becomes_a_letter() {
    let (users, letters) = created_late(REAL_UNSETTLED).await;
    assert_eq!((users.len(), letters), (2, 1), "{users:#?}");
}

/// A reactivation that is applied after its timeout, when the person has left again and was found inactive. Gives who is
/// active once all is at rest.
async fn reactivated_late() -> Vec<String> {
    let harness = Harness::shared("", "8s").await;
    let store = harness.store().await;
    let _intake = harness.start("intake", &["intake"], &[]).await;
    let _worker = harness.start("worker", &["worker"], &[]).await;
    harness.send(&[event("hired", "W-1", 3000)]);
    harness.becomes_active(&["W-1"]).await;
    harness.send(&[event("terminated", "W-1", 2000)]);
    stores(&store, "W-1", 2).await;
    rests(&store, "W-1").await;

    harness
        .target
        .set_faults("late=1:ms=5000:method=PATCH")
        .await;
    harness.send(&[event("rehired", "W-1", 1000)]);
    until("the reactivation is on its way", LONG, async || {
        harness
            .target
            .writes()
            .await
            .iter()
            .any(|write| write.contains("late"))
            .then_some(())
    })
    .await;
    harness.send(&[event("terminated", "W-1", 10)]);
    stores(&store, "W-1", 4).await;
    applied_late(&harness).await;
    assert_eq!(
        harness.target.active().await,
        ["W-1"],
        "the late write revives the leaver"
    );
    rests(&store, "W-1").await;
    harness.target.active().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reactivation_applied_after_its_timeout_leaves_no_leaver_active() {
    assert_eq!(reactivated_late().await, Vec::<String>::new());
}

/// A rehire that arrives after the ending that followed it. Gives who is active.
async fn rehire_arrives_last() -> Vec<String> {
    let harness = Harness::shared("", "2s").await;
    let store = harness.store().await;
    let _intake = harness.start("intake", &["intake"], &[]).await;
    let _worker = harness.start("worker", &["worker"], &[]).await;
    harness.send(&[event("hired", "W-1", 3000)]);
    harness.becomes_active(&["W-1"]).await;
    harness.send(&[event("terminated", "W-1", 1000)]);
    stores(&store, "W-1", 2).await;
    rests(&store, "W-1").await;
    harness.send(&[event("rehired", "W-1", 2000)]);
    stores(&store, "W-1", 3).await;
    rests(&store, "W-1").await;
    harness.target.active().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehire_that_arrives_after_the_ending_that_followed_it_revives_nobody() {
    assert_eq!(rehire_arrives_last().await, Vec::<String>::new());
}
