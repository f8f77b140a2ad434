//! Commits: which fields they write, and when the account runs next.

use std::collections::BTreeMap;

use hirewire::store::{
    ChangedSinceClaim, Commit, Intent, IntentKind, LastApplied, OutcomeKind, Priority,
};
use hirewire_core::mapping::Access;
use jiff::SignedDuration;
use serde_json::json;

use super::harness::*;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

pub async fn a_reconciled_account_is_not_pending_until_it_is_due(harness: &StoreHarness) {
    let store = harness.ready().await;
    person(&store, "E-1").await;
    let claim = claim_one(&store).await;
    let (due, verify_at) = (claim.now + HOUR, claim.now + HOUR + HOUR);
    let commit = Commit {
        next_due_at: Some(due),
        verify_at: Some(verify_at),
        priority: Priority::Leaver,
        ..reconciled(&claim, None)
    };

    assert!(
        !store
            .commit(&claim, &commit)
            .await
            .expect("committed")
            .pending_again
    );
    assert_eq!(pending_count(&store).await, 0);
    assert!(super::harness::claim(&store, 1).await.is_empty());
    assert_eq!(harness.next_run_at().await, Some(due.as_microsecond()));

    let account = read_account(&store, &claim.account.person).await;
    assert_eq!(
        (
            account.pending_since,
            account.next_due_at,
            account.reconciled_version
        ),
        (None, Some(round(due)), 1)
    );

    store_events(&store, vec![event("changed", "E-1", "c")]).await;
    let claim = claim_one(&store).await;
    assert_eq!(
        claim.account.priority,
        Priority::Other,
        "the new event does not end access"
    );

    // A due time in the past makes the account pending at once, with the priority of the commit.
    let commit = Commit {
        next_due_at: Some(claim.now - HOUR),
        priority: Priority::Leaver,
        ..reconciled(&claim, None)
    };
    assert!(
        !store
            .commit(&claim, &commit)
            .await
            .expect("committed")
            .pending_again
    );
    assert_eq!(claim_one(&store).await.account.priority, Priority::Leaver);
}

pub fn round(time: jiff::Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_microsecond(time.as_microsecond()).expect("a time")
}

pub async fn a_failed_attempt_backs_off_until_a_new_event(harness: &StoreHarness) {
    let store = harness.ready().await;
    person(&store, "E-1").await;
    let claim = claim_one(&store).await;
    store
        .commit(&claim, &failed(&claim, claim.now + HOUR))
        .await
        .expect("committed");

    assert!(super::harness::claim(&store, 1).await.is_empty());
    assert_eq!(
        sweep(&store).await.marked,
        0,
        "the sweep respects a backoff"
    );

    store_events(&store, vec![event("changed", "E-1", "c")]).await;
    let claim = claim_one(&store).await;
    assert_eq!(
        (
            claim.account.attempts,
            claim.account.not_before,
            claim.account.reconciled_version
        ),
        (1, None, 0)
    );

    // A read-back does not wait for the next attempt.
    let commit = Commit {
        verify_at: Some(claim.now),
        ..failed(&claim, claim.now + HOUR)
    };
    store.commit(&claim, &commit).await.expect("committed");
    assert_eq!(claim_one(&store).await.account.attempts, 2);
}

pub async fn a_change_during_a_reconcile_leaves_the_account_pending(harness: &StoreHarness) {
    let store = harness.ready().await;
    let person = person(&store, "E-1").await;
    let claim = claim_one(&store).await;
    store_events(&store, vec![event("changed", "E-1", "c")]).await;

    assert!(
        super::harness::claim(&store, 1).await.is_empty(),
        "the account is claimed"
    );

    let status = store.claim_status(&claim).await.expect("the claim is held");
    assert_eq!(
        (status.person_version, status.changed),
        (2, ChangedSinceClaim::Change)
    );

    let commit = Commit {
        next_due_at: Some(claim.now + HOUR),
        ..reconciled(&claim, Some("u-1"))
    };
    assert!(
        store
            .commit(&claim, &commit)
            .await
            .expect("committed")
            .pending_again
    );

    let account = read_account(&store, &person).await;
    assert_eq!(
        (account.reconciled_version, account.scim_id.as_deref()),
        (1, Some("u-1"))
    );
    assert!(account.pending_since.is_some());

    // A mapping that is published during a reconcile has the same effect.
    let claim = claim_one(&store).await;
    submit_mapping(&store, "app", "second").await;
    store.apply_mapping("app", "kim").await.expect("applied");

    assert!(
        store
            .commit(&claim, &reconciled(&claim, Some("u-1")))
            .await
            .expect("committed")
            .pending_again
    );

    let claim = claim_one(&store).await;
    assert_eq!(
        (
            claim.mapping_version,
            claim.account.reconciled_mapping_version
        ),
        (2, 1)
    );
    assert!(
        !store
            .commit(&claim, &reconciled(&claim, Some("u-1")))
            .await
            .expect("committed")
            .pending_again
    );
    assert_eq!(pending_count(&store).await, 0);
}

pub async fn a_termination_during_a_reconcile_is_detected_and_runs_first(harness: &StoreHarness) {
    let store = harness.ready().await;
    person(&store, "E-1").await;
    let claim = claim_one(&store).await;
    store_events(&store, vec![event("terminated", "E-1", "t")]).await;
    store_events(&store, vec![event("changed", "E-1", "c")]).await;
    let status = store.claim_status(&claim).await.expect("the claim is held");

    assert_eq!(status.changed, ChangedSinceClaim::Termination);
    assert!(
        store
            .commit(&claim, &failed(&claim, claim.now + HOUR))
            .await
            .expect("committed")
            .pending_again
    );

    let claim = claim_one(&store).await;
    assert_eq!(
        (claim.account.priority, claim.account.not_before),
        (Priority::Leaver, None)
    );

    let status = store.claim_status(&claim).await.expect("the claim is held");
    assert_eq!(
        status.changed,
        ChangedSinceClaim::None,
        "the claim includes the termination"
    );
}

pub async fn a_crash_before_the_commit_leaves_the_account_pending(harness: &StoreHarness) {
    let store = harness.ready().await;
    person(&store, "E-1").await;
    drop(store);
    let store = harness.open().await;

    assert_eq!(pending_count(&store).await, 1);

    let short = hirewire::store::ClaimRequest {
        lease: std::time::Duration::from_millis(50),
        ..request(1)
    };
    let claim = store
        .claim(&short)
        .await
        .expect("claimed")
        .pop()
        .expect("one");
    drop(store);
    let store = harness.open().await;
    wait_past(&store, claim.lease_until).await;
    let again = claim_one(&store).await;

    assert_eq!(
        (again.account.person, again.lease_taken_over),
        (claim.account.person, true)
    );
}

pub async fn every_field_of_a_commit_is_read_back(harness: &StoreHarness) {
    let store = harness.ready().await;
    let person = person(&store, "E-1").await;
    let claim = claim_one(&store).await;
    let now = round(claim.now);

    let commit = Commit {
        scim_id: Some("u-1".to_owned()),
        last_applied: LastApplied {
            attributes: [
                ("title".to_owned(), json!("Engineer")),
                ("emails".to_owned(), json!([{"value": "a\u{0}b"}])),
            ]
            .into(),
            groups: BTreeMap::from([("g-1".to_owned(), "Ops".to_owned())]),
            created_by_us: true,
            active: Some(false),
            ended_by_us: true,
            made_active: true,
            found_inactive: Some(now),
            gone: true,
            refused: [("nickName".to_owned(), json!(null))].into(),
        },
        reconciled_access: Some(Access::Prepared),
        reconciled: true,
        next_due_at: Some(now + HOUR),
        priority: Priority::Leaver,
        attempts: 3,
        not_before: Some(now + HOUR),
        intent: Some(Intent {
            kind: IntentKind::Groups,
            match_keys: Vec::new(),
            fencing_token: "f".to_owned(),
            begun_at: now,
            gives_access: true,
        }),
        verify_at: Some(now + HOUR),
        audits: 2,
        history: Some(json!({"sent": ["PATCH /Users/u-1"]})),
        ..Commit::keeping(&claim.account, outcome(OutcomeKind::Created))
    };

    store.commit(&claim, &commit).await.expect("committed");
    let account = read_account(&store, &person).await;
    assert_eq!(account.last_applied, commit.last_applied);
    assert_eq!(
        (
            account.scim_id,
            account.reconciled_access,
            account.next_due_at
        ),
        (commit.scim_id, commit.reconciled_access, commit.next_due_at)
    );
    assert_eq!(
        (account.attempts, account.audits, account.priority),
        (3, 2, Priority::Leaver)
    );
    assert_eq!(
        (account.not_before, account.intent, account.verify_at),
        (commit.not_before, commit.intent, commit.verify_at)
    );
    assert_eq!(
        (
            account.reconciled_version,
            account.reconciled_mapping_version,
            account.last_run_at
        ),
        (1, 1, Some(now))
    );
    assert_eq!(account.outcome, Some(commit.outcome));

    let lines = store.history(Some(&person), 10).await.expect("read");
    assert_eq!(lines.len(), 1);
    assert_eq!(
        (lines[0].outcome.as_str(), lines[0].connection.as_str()),
        ("created", "app")
    );
    assert_eq!(lines[0].detail, json!({"sent": ["PATCH /Users/u-1"]}));
    assert_eq!(
        store.outcome_counts().await.expect("counted"),
        [("app".to_owned(), "created".to_owned(), 1)]
    );

    // A commit that reconciles nothing keeps the reconciled access.
    store_events(&store, vec![event("changed", "E-1", "c")]).await;
    let claim = claim_one(&store).await;
    store
        .commit(&claim, &failed(&claim, claim.now))
        .await
        .expect("committed");
    let account = read_account(&store, &person).await;

    assert_eq!(
        (account.reconciled_access, account.reconciled_version),
        (Some(Access::Prepared), 1)
    );
}
