//! Leavers whose users are not proven inactive, unreachable targets, and retries of operators.

use std::time::Duration;

use hirewire::store::{
    Commit, DeadLetterCause, DeadLetterFilter, DeadLetterSubject, NewDeadLetter, Outcome,
    OutcomeKind, Priority, Store, Unreachable,
};
use hirewire_core::mapping::Access;
use jiff::{SignedDuration, Timestamp};

use super::{commits::round, harness::*};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// The number of leavers and since when the first one should be inactive.
async fn leavers(store: &Store) -> (u64, Option<Timestamp>) {
    let counts = store.pending_counts().await.expect("counted");
    let leavers = counts
        .iter()
        .find(|count| count.priority == Priority::Leaver);
    leavers.map_or((0, None), |count| (count.accounts, count.oldest))
}

fn overdue(claim: &hirewire::store::Claim) -> NewDeadLetter {
    NewDeadLetter {
        subject: DeadLetterSubject::Account {
            connection: "app".to_owned(),
            person: claim.account.person.clone(),
        },
        cause: DeadLetterCause::LeaverOverdue,
        summary: "not proven inactive".to_owned(),
        detail: serde_json::Value::Null,
        raw: None,
    }
}

/// A leaver that waits for an hour, and should be inactive since `since`.
fn waiting(claim: &hirewire::store::Claim, since: Timestamp) -> Commit {
    Commit {
        leaver_since: Some(since),
        priority: Priority::Leaver,
        ..failed(claim, claim.now + HOUR)
    }
}

pub async fn a_leaver_counts_until_it_is_proven_inactive(harness: &StoreHarness) {
    let store = harness.ready().await;
    person(&store, "E-1").await;
    let claim = claim_one(&store).await;
    let since = claim.now - HOUR;
    let wait = waiting(&claim, since);
    store.commit(&claim, &wait).await.expect("committed");
    assert_eq!(leavers(&store).await, (1, Some(since)));

    // Another event does not make it an `other` account.
    store_events(&store, vec![event("changed", "E-1", "c")]).await;
    assert_eq!(leavers(&store).await, (1, Some(since)));
    let claim = claim_one(&store).await;
    assert_eq!(claim.account.priority, Priority::Leaver);
    assert_eq!(claim.account.leaver_since, Some(since));

    let proof = Commit {
        leaver_since: None,
        reconciled_access: Some(Access::Inactive),
        ..reconciled(&claim, None)
    };
    store.commit(&claim, &proof).await.expect("committed");
    assert_eq!(leavers(&store).await, (0, None));
}

pub async fn an_overdue_leaver_is_filed_once_and_closed_by_the_proof(harness: &StoreHarness) {
    let store = harness.ready().await;
    person(&store, "E-1").await;
    let claim = claim_one(&store).await;
    let wait = waiting(&claim, claim.now - HOUR);
    store.commit(&claim, &wait).await.expect("committed");

    let minutes = Duration::from_mins(5);
    let found = store.overdue_leavers(minutes).await.expect("read");
    assert_eq!((found.len(), found[0].is_known), (1, true));
    assert_eq!(found[0].since, claim.now - HOUR);
    let day = Duration::from_hours(24);
    assert!(store.overdue_leavers(day).await.expect("read").is_empty());

    let letter = overdue(&claim);
    let filing = store.file_overdue_leaver(&letter, found[0].since).await;
    assert!(filing.expect("filed"));
    assert!(
        store
            .overdue_leavers(minutes)
            .await
            .expect("read")
            .is_empty()
    );

    // A failed attempt leaves it open; what proves the end of access closes it, without a binding
    // too.
    store.retry_connection("app", "kim", "").await.expect("now");
    let claim = claim_one(&store).await;
    let wait = waiting(&claim, found[0].since);
    store.commit(&claim, &wait).await.expect("committed");
    assert_eq!(open_dead_letters(&store).await.len(), 1);

    store.retry_connection("app", "kim", "").await.expect("now");
    let claim = claim_one(&store).await;
    let proof = Commit {
        leaver_since: None,
        reconciled_access: Some(Access::Inactive),
        ..reconciled(&claim, None)
    };
    store.commit(&claim, &proof).await.expect("committed");
    assert!(open_dead_letters(&store).await.is_empty());
    let late = store.file_overdue_leaver(&letter, found[0].since).await;
    assert!(!late.expect("answered"), "it is proven meanwhile");
}

pub async fn a_refusal_that_still_holds_stays_open(harness: &StoreHarness) {
    let store = harness.ready().await;
    person(&store, "E-1").await;
    let claim = claim_one(&store).await;
    let refused = Commit {
        dead_letters: vec![NewDeadLetter {
            cause: DeadLetterCause::Refused,
            ..overdue(&claim)
        }],
        ..reconciled(&claim, Some("u-1"))
    };
    store.commit(&claim, &refused).await.expect("committed");

    for (keeps_refused, open) in [(true, 1), (false, 0)] {
        let id = format!("c-{open}");
        store_events(&store, vec![event("changed", "E-1", &id)]).await;
        let claim = claim_one(&store).await;
        let commit = Commit {
            closes_dead_letters: true,
            keeps_refused,
            ..reconciled(&claim, Some("u-1"))
        };
        store.commit(&claim, &commit).await.expect("committed");
        assert_eq!(open_dead_letters(&store).await.len(), open);
    }
}

pub async fn a_retry_makes_waiting_accounts_pending(harness: &StoreHarness) {
    let store = harness.ready().await;
    let (leaver, other) = (person(&store, "E-1").await, person(&store, "E-2").await);
    let done = person(&store, "E-3").await;
    for claim in claim(&store, 10).await {
        let person = &claim.account.person;
        let commit = if *person == leaver {
            waiting(&claim, claim.now)
        } else if *person == other {
            failed(&claim, claim.now + HOUR)
        } else {
            reconciled(&claim, None)
        };
        store.commit(&claim, &commit).await.expect("committed");
    }

    assert!(claim(&store, 10).await.is_empty());
    assert_eq!(store.retry_leavers("app").await.expect("now"), 1);
    let claims = claim(&store, 10).await;
    assert_eq!(claims.len(), 1);
    let wait = waiting(&claims[0], claims[0].now);
    store.commit(&claims[0], &wait).await.expect("committed");

    assert_eq!(
        store.retry_connection("app", "kim", "").await.expect("now"),
        2
    );
    assert_eq!(claim(&store, 10).await.len(), 2);

    let connections = store.retry_person(&done, "kim", "a try").await;
    assert_eq!(connections.expect("now"), ["app"]);
    let claim = claim_one(&store).await;
    assert!(claim.account.verify_at.is_some(), "it is read first");
    let line = store.history(Some(&done), 1).await.expect("read").remove(0);
    assert_eq!(line.outcome, "retried");
}

pub async fn an_outage_is_known_to_every_process_and_an_operator_ends_its_pause(
    harness: &StoreHarness,
) {
    let store = harness.ready().await;
    let now = round(store.now().await.expect("a clock"));
    let unreachable = Unreachable {
        since: now - HOUR,
        next_try: now + HOUR,
    };
    store
        .set_unreachable("app", Some(unreachable))
        .await
        .expect("noted");

    let state = async || {
        let states = harness.open().await.connection_states().await;
        states.expect("read")[0].unreachable
    };
    assert_eq!(state().await, Some(unreachable));
    assert!(!store.is_try_due("app").await.expect("read"));

    store.retry_unreachable("app").await.expect("now");
    assert!(store.is_try_due("app").await.expect("read"));
    store.set_unreachable("app", None).await.expect("noted");
    assert_eq!(state().await, None);
    assert!(!store.is_try_due("app").await.expect("read"));
}

pub async fn a_poison_dead_letter_is_closed_by_a_replay(harness: &StoreHarness) {
    let store = harness.ready().await;
    let letter = NewDeadLetter {
        subject: DeadLetterSubject::Hook {
            source: source("hr"),
            hook: hirewire_core::event::HookId::parse("h-1").expect("an id"),
        },
        cause: DeadLetterCause::Poison,
        summary: "poison".to_owned(),
        detail: serde_json::Value::Null,
        raw: None,
    };
    store.file_dead_letter(&letter).await.expect("filed");

    let replayed = store
        .replay(&DeadLetterFilter::default(), &[], "kim", "")
        .await;
    assert_eq!(replayed.expect("replayed").closed.len(), 1);
    assert!(open_dead_letters(&store).await.is_empty());
}

pub async fn an_overdue_leaver_has_its_last_outcome(harness: &StoreHarness) {
    let store = harness.ready().await;
    person(&store, "E-1").await;
    let claim = claim_one(&store).await;
    let wait = Commit {
        outcome: Outcome::new(OutcomeKind::Waiting, "read: status 503"),
        ..waiting(&claim, claim.now - HOUR)
    };
    store.commit(&claim, &wait).await.expect("committed");

    let found = store.overdue_leavers(Duration::ZERO).await.expect("read");
    let outcome = found[0].outcome.as_ref().expect("an outcome");
    assert_eq!(outcome.detail, "read: status 503");
}
