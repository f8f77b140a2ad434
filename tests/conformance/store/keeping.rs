//! Committing: what is kept, when it is looked at next, and what is never forgotten.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use hirewire::store::{
    ChangedSinceClaim, Claim, ClaimError, Commit, Intent, IntentKind, LastApplied, OutcomeKind,
    Priority,
};
use hirewire_core::mapping::Access;
use jiff::SignedDuration;
use serde_json::json;

use super::harness::*;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

pub async fn a_reconciled_account_rests_until_it_is_due(place: &Place) {
    let store = place.ready().await;
    person(&store, "E-1").await;
    let claim = claim_one(&store).await;
    let (due, verify_at) = (claim.now + HOUR, claim.now + HOUR + HOUR);
    let commit = Commit {
        due: Some(due),
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
    assert_eq!(pending(&store).await, 0);
    assert!(super::harness::claim(&store, 1).await.is_empty());
    let apps = ["app".to_owned()];
    assert_eq!(
        store.next_pending(&apps).await.expect("read"),
        Some(round(due))
    );
    let account = store
        .accounts(&claim.account.person)
        .await
        .expect("read")
        .remove(0)
        .account;
    assert_eq!(
        (
            account.pending_since,
            account.due,
            account.reconciled_version
        ),
        (None, Some(round(due)), 1)
    );
    record(&store, vec![event("changed", "E-1", "c")]).await;
    let claim = claim_one(&store).await;
    assert_eq!(
        claim.account.priority,
        Priority::Other,
        "what is pending now is no ending"
    );
    // Due already: pending by the passing of time, and in the priority that was said.
    let commit = Commit {
        due: Some(claim.now - HOUR),
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

fn round(time: jiff::Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_microsecond(time.as_microsecond()).expect("a time")
}

pub async fn a_failed_attempt_waits_and_a_new_fact_ends_the_wait(place: &Place) {
    let store = place.ready().await;
    person(&store, "E-1").await;
    let claim = claim_one(&store).await;
    store
        .commit(&claim, &failed(&claim, claim.now + HOUR))
        .await
        .expect("committed");
    assert!(super::harness::claim(&store, 1).await.is_empty());
    assert_eq!(
        store.sweep(&wiring()).await.expect("swept").marked,
        0,
        "a backoff is respected"
    );
    record(&store, vec![event("changed", "E-1", "c")]).await;
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

pub async fn what_comes_during_a_reconcile_leaves_the_account_pending(place: &Place) {
    let store = place.ready().await;
    let person = person(&store, "E-1").await;
    let claim = claim_one(&store).await;
    record(&store, vec![event("changed", "E-1", "c")]).await;
    assert!(
        super::harness::claim(&store, 1).await.is_empty(),
        "it is held"
    );
    let status = store.claim_status(&claim, None).await.expect("ours");
    assert_eq!(
        (status.person_version, status.changed),
        (2, ChangedSinceClaim::Change)
    );
    let commit = Commit {
        due: Some(claim.now + HOUR),
        ..reconciled(&claim, Some("u-1"))
    };
    assert!(
        store
            .commit(&claim, &commit)
            .await
            .expect("committed")
            .pending_again
    );
    let account = store
        .accounts(&person)
        .await
        .expect("read")
        .remove(0)
        .account;
    assert_eq!(
        (account.reconciled_version, account.scim_id.as_deref()),
        (1, Some("u-1"))
    );
    assert!(account.pending_since.is_some());
    // A mapping that is published meanwhile, too.
    let claim = claim_one(&store).await;
    store
        .offer_mapping("app", "second", 1)
        .await
        .expect("offered");
    store
        .apply_mapping("app", "kim")
        .await
        .expect("last_applied");
    assert!(
        store
            .commit(&claim, &reconciled(&claim, Some("u-1")))
            .await
            .expect("committed")
            .pending_again
    );
    let claim = claim_one(&store).await;
    assert_eq!(
        (claim.mapping_version, claim.account.mapping_version),
        (2, 1)
    );
    assert!(
        !store
            .commit(&claim, &reconciled(&claim, Some("u-1")))
            .await
            .expect("committed")
            .pending_again
    );
    assert_eq!(pending(&store).await, 0);
}

pub async fn an_ending_during_a_reconcile_is_seen_and_goes_first(place: &Place) {
    let store = place.ready().await;
    person(&store, "E-1").await;
    let claim = claim_one(&store).await;
    record(&store, vec![event("terminated", "E-1", "t")]).await;
    record(&store, vec![event("changed", "E-1", "c")]).await;
    let status = store.claim_status(&claim, None).await.expect("ours");
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
    let status = store.claim_status(&claim, None).await.expect("ours");
    assert_eq!(
        status.changed,
        ChangedSinceClaim::None,
        "it was claimed with it"
    );
}

pub async fn a_crash_before_the_reconcile_leaves_it_pending(place: &Place) {
    let store = place.ready().await;
    person(&store, "E-1").await;
    drop(store);
    let store = place.open().await;
    assert_eq!(pending(&store).await, 1);
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
    let store = place.open().await;
    pass(&store, claim.lease_until).await;
    let again = claim_one(&store).await;
    assert_eq!(
        (again.account.person, again.taken_over),
        (claim.account.person, true)
    );
}

pub async fn everything_of_a_commit_is_read_back(place: &Place) {
    let store = place.ready().await;
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
            groups: BTreeSet::from(["g-1".to_owned()]),
            created_by_us: true,
            active: Some(false),
        },
        reconciled_access: Some(Access::Prepared),
        reconciled: true,
        due: Some(now + HOUR),
        priority: Priority::Leaver,
        attempts: 3,
        not_before: Some(now + HOUR),
        intent: Some(Intent {
            kind: IntentKind::Groups,
            match_keys: Vec::new(),
            fencing_token: "f".to_owned(),
            begun: now,
        }),
        verify_at: Some(now + HOUR),
        audits: 2,
        history: Some(json!({"sent": ["PATCH /Users/u-1"]})),
        ..Commit::keeping(&claim.account, outcome(OutcomeKind::Created))
    };
    store.commit(&claim, &commit).await.expect("committed");
    let account = store
        .accounts(&person)
        .await
        .expect("read")
        .remove(0)
        .account;
    assert_eq!(account.last_applied, commit.last_applied);
    assert_eq!(
        (account.scim_id, account.reconciled_access, account.due),
        (commit.scim_id, commit.reconciled_access, commit.due)
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
            account.mapping_version,
            account.as_of
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
    // Nothing is said of access where nothing was reconciled; what was reconciled stays.
    record(&store, vec![event("changed", "E-1", "c")]).await;
    let claim = claim_one(&store).await;
    store
        .commit(&claim, &failed(&claim, claim.now))
        .await
        .expect("committed");
    let account = store
        .accounts(&person)
        .await
        .expect("read")
        .remove(0)
        .account;
    assert_eq!(
        (account.reconciled_access, account.reconciled_version),
        (Some(Access::Prepared), 1)
    );
}

pub async fn a_user_is_bound_once_on_a_connection(place: &Place) {
    let store = place.ready().await;
    let first = person(&store, "E-1").await;
    let second = person(&store, "E-2").await;
    let claim = claim_of(&store, &first).await.expect("pending");
    store
        .commit(&claim, &reconciled(&claim, Some("u-1")))
        .await
        .expect("committed");
    let claim = claim_of(&store, &second).await.expect("pending");
    match store.commit(&claim, &reconciled(&claim, Some("u-1"))).await {
        Err(ClaimError::BoundElsewhere(holder)) => assert_eq!(holder, first),
        other => panic!("{other:?}"),
    }
    // Nothing was written, and the claim is still held.
    store
        .commit(&claim, &reconciled(&claim, Some("u-2")))
        .await
        .expect("committed");
    assert_eq!(
        store.accounts(&second).await.expect("read")[0]
            .account
            .scim_id
            .as_deref(),
        Some("u-2")
    );
}

fn intent(claim: &Claim) -> Intent {
    Intent {
        kind: IntentKind::Update,
        match_keys: Vec::new(),
        fencing_token: claim.fencing_token.clone(),
        begun: claim.now,
    }
}

pub async fn what_is_written_at_once_is_each_its_own(place: &Place) {
    let store = place.ready().await;
    for worker in 0..40 {
        person(&store, &format!("E-{worker}")).await;
    }
    let claims = claim(&store, 40).await;
    let (lost, [one, other]) = (3, [4, 5]);
    store.release(&claims[lost], None).await.expect("released");
    let intents: Vec<Intent> = claims.iter().map(intent).collect();
    let begun = join_all(
        claims
            .iter()
            .zip(&intents)
            .map(|(claim, intent)| store.begin(claim, intent)),
    )
    .await;
    for (place, begun) in begun.iter().enumerate() {
        let is_as_should_be = if place == lost {
            matches!(begun, Err(ClaimError::Lost(_)))
        } else {
            begun.is_ok()
        };
        assert!(is_as_should_be, "{place}: {begun:?}");
    }
    // Two of them found the same user.
    let user = |place: usize| format!("u-{}", if place == other { one } else { place });
    let commits: Vec<Commit> = claims
        .iter()
        .enumerate()
        .map(|(place, claim)| Commit {
            history: Some(json!({ "of": claim.account.person })),
            intent: None,
            ..reconciled(claim, Some(&user(place)))
        })
        .collect();
    let written = join_all(
        claims
            .iter()
            .zip(&commits)
            .map(|(claim, commit)| store.commit(claim, commit)),
    )
    .await;
    let bound = |place: usize| matches!(written[place], Err(ClaimError::BoundElsewhere(_)));
    assert!(
        bound(one) != bound(other),
        "{:?} {:?}",
        written[one],
        written[other]
    );
    for (place, written) in written
        .iter()
        .enumerate()
        .filter(|(place, _)| ![one, other].contains(place))
    {
        let is_as_should_be = if place == lost {
            matches!(written, Err(ClaimError::Lost(_)))
        } else {
            written.is_ok()
        };
        assert!(is_as_should_be, "{place}: {written:?}");
    }
    for (place, claim) in claims.iter().enumerate() {
        let person = &claim.account.person;
        let is_written = place != lost && !bound(place);
        let account = store
            .accounts(person)
            .await
            .expect("read")
            .remove(0)
            .account;
        assert_eq!(account.scim_id, is_written.then(|| user(place)), "{place}");
        let lines = store.history(Some(person), 10).await.expect("read");
        let details: Vec<_> = lines.into_iter().map(|line| line.detail).collect();
        assert_eq!(
            details,
            if is_written {
                vec![json!({ "of": person })]
            } else {
                Vec::new()
            },
            "{place}"
        );
    }
}
