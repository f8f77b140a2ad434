//! Late effects: writes that the target applies long after the timeout of the client, and events
//! that arrive after later ones.
//!
//! The target of the late writes also has a late search and accepts a `userName` twice.

use serde_json::Value;

use crate::{
    chaos_harness::{
        CHANGED_TITLE, Harness, RECONCILE_TIMEOUT, count_dead_letters, event,
        wait_until_reconciled, wait_until_stored,
    },
    waiting::wait_until,
};

/// The delays of the target, and the propagation delay of the connection. Requests time out after 2
/// s.
#[derive(Clone, Copy)]
struct Delays {
    /// From a request to its write, in milliseconds.
    write_ms: u32,
    /// From a write until a search shows it, in milliseconds.
    search_ms: u32,
    propagation_delay: &'static str,
}

const SHORT: Delays = Delays {
    write_ms: 4_000,
    search_ms: 1_500,
    propagation_delay: "7s",
};
/// The second create follows 6 s after the first; the first user appears before the read-back after
/// 10 s.
const SHORT_TOO_EARLY: Delays = Delays {
    write_ms: 6_000,
    search_ms: 2_000,
    propagation_delay: "4s",
};
/// The write is applied 20 s after the timeout, and found 10 s later.
const LONG: Delays = Delays {
    write_ms: 22_000,
    search_ms: 10_000,
    propagation_delay: "35s",
};
const LONG_TOO_EARLY: Delays = Delays {
    write_ms: 22_000,
    search_ms: 10_000,
    propagation_delay: "20s",
};

/// Hires a worker, whose create is applied late, and changes the title before. Returns the users
/// once the account is reconciled, and the number of dead letters about two accounts.
async fn create_late(delays: Delays) -> (Vec<Value>, usize) {
    let faults = format!(
        "late=1:ms={}:method=POST,search-lag:ms={},no-uniqueness",
        delays.write_ms, delays.search_ms
    );
    let harness = Harness::shared(&faults, delays.propagation_delay).await;
    let store = harness.store().await;
    let _intake = harness.start("intake", &["intake"], &[]).await;
    let _worker = harness.start("worker", &["worker"], &[]).await;

    harness.send(&[event("hired", "W-1", 3000)]);
    wait_until("the create is sent", RECONCILE_TIMEOUT, async || {
        (!harness.target.writes().await.is_empty()).then_some(())
    })
    .await;
    harness.send(&[event("changed", "W-1", 10)]);
    wait_until_stored(&store, "W-1", 2).await;

    wait_until_late_write_is_applied(&harness).await;
    wait_until_reconciled(&store, "W-1").await;
    (
        harness.target.users().await,
        count_dead_letters(&store, "two_accounts").await,
    )
}

async fn wait_until_late_write_is_applied(harness: &Harness) {
    wait_for_write(harness, "late, applied: 20").await;
}

/// Waits for a logged write request that contains this text.
async fn wait_for_write(harness: &Harness, text: &str) {
    let condition = format!("a write request with `{text}`");
    wait_until(&condition, RECONCILE_TIMEOUT, async || {
        let writes = harness.target.writes().await;
        writes
            .iter()
            .any(|write| write.contains(text))
            .then_some(())
    })
    .await;
}

fn assert_one_current_account((users, letters): &(Vec<Value>, usize)) {
    assert_eq!((users.len(), *letters), (1, 0), "{users:#?}");
    assert_eq!(
        (&users[0]["active"], &users[0]["title"]),
        (&Value::Bool(true), &CHANGED_TITLE.into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_applied_after_its_timeout_within_the_propagation_delay_makes_one_account() {
    assert_one_current_account(&create_late(SHORT).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_account_after_too_short_a_propagation_delay_becomes_a_dead_letter() {
    let (users, letters) = create_late(SHORT_TOO_EARLY).await;
    assert_eq!((users.len(), letters), (2, 1), "{users:#?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute and a half: scripts/proof-delays"]
async fn a_create_applied_20_s_after_its_timeout_and_found_10_s_later_makes_one_account() {
    assert_one_current_account(&create_late(LONG).await);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute: scripts/proof-delays"]
async fn a_second_account_that_appears_half_a_minute_late_becomes_a_dead_letter() {
    let (users, letters) = create_late(LONG_TOO_EARLY).await;
    assert_eq!((users.len(), letters), (2, 1), "{users:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reactivation_applied_after_its_timeout_leaves_no_leaver_active() {
    let harness = Harness::shared("", "8s").await;
    let store = harness.store().await;
    let _intake = harness.start("intake", &["intake"], &[]).await;
    let _worker = harness.start("worker", &["worker"], &[]).await;
    harness.send(&[event("hired", "W-1", 3000)]);
    harness.wait_until_active(&["W-1"]).await;
    harness.send(&[event("terminated", "W-1", 2000)]);
    wait_until_stored(&store, "W-1", 2).await;
    wait_until_reconciled(&store, "W-1").await;

    // The reactivation is applied after the person has left again and the account was read as
    // inactive.
    harness
        .target
        .set_faults("late=1:ms=5000:method=PATCH")
        .await;
    harness.send(&[event("rehired", "W-1", 1000)]);
    wait_for_write(&harness, "late").await;
    harness.send(&[event("terminated", "W-1", 10)]);
    wait_until_stored(&store, "W-1", 4).await;

    wait_until_late_write_is_applied(&harness).await;
    assert_eq!(
        harness.target.active_external_ids().await,
        ["W-1"],
        "the late write activates the leaver"
    );
    wait_until_reconciled(&store, "W-1").await;
    assert_eq!(
        harness.target.active_external_ids().await,
        Vec::<String>::new()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehire_that_arrives_after_a_later_termination_reactivates_nobody() {
    let harness = Harness::shared("", "2s").await;
    let store = harness.store().await;
    let _intake = harness.start("intake", &["intake"], &[]).await;
    let _worker = harness.start("worker", &["worker"], &[]).await;
    harness.send(&[event("hired", "W-1", 3000)]);
    harness.wait_until_active(&["W-1"]).await;
    harness.send(&[event("terminated", "W-1", 1000)]);
    wait_until_stored(&store, "W-1", 2).await;
    wait_until_reconciled(&store, "W-1").await;

    harness.send(&[event("rehired", "W-1", 2000)]);
    wait_until_stored(&store, "W-1", 3).await;
    wait_until_reconciled(&store, "W-1").await;

    assert_eq!(
        harness.target.active_external_ids().await,
        Vec::<String>::new()
    );
}
