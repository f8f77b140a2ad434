//! Sweeping: whatever is pending is found, whoever forgot to say so; what rests is left to rest.

use hirewire::store::{Commit, Outcome, OutcomeKind, Priority, Swept};
use jiff::SignedDuration;

use super::harness::*;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

pub async fn a_new_connection_is_filled(place: &Place) {
    let store = place.ready().await;
    let hooks: Vec<_> = (0..1201)
        .map(|number| {
            hook(
                number,
                vec![event(
                    "hired",
                    &format!("E-{number}"),
                    &format!("h{number}"),
                )],
            )
        })
        .collect();
    store.record(&hooks, &wiring()).await.expect("recorded");
    store
        .record(
            &[hook_of(
                "ats",
                0,
                hirewire::queue::Payload::Events(vec![event("hired", "A-1", "a")]),
            )],
            &wiring(),
        )
        .await
        .expect("recorded");
    store
        .offer_mapping("wiki", "first", 1)
        .await
        .expect("offered");
    let wired = wired(&[("app", &["hr"]), ("wiki", &["hr"])]);
    assert_eq!(
        store.sweep(&wired).await.expect("swept"),
        Swept {
            added: 1201,
            marked: 0
        }
    );
    assert_eq!(store.sweep(&wired).await.expect("swept"), Swept::default());
    let pending = store.pending().await.expect("counted");
    assert_eq!(
        pending
            .iter()
            .map(|count| (count.connection.as_str(), count.accounts))
            .collect::<Vec<_>>(),
        [("app", 1201), ("wiki", 1201)]
    );
    let request = hirewire::store::ClaimRequest {
        connection: "wiki",
        ..request(1)
    };
    let claim = store.claim(&request).await.expect("claimed").remove(0);
    assert_eq!(
        (
            claim.person_version,
            claim.mapping_version,
            claim.account.reconciled_version
        ),
        (1, 1, 0)
    );
}

pub async fn a_mark_that_was_lost_is_made_again(place: &Place) {
    let store = place.ready().await;
    let person = person(&store, "E-1").await;
    reconcile_all(&store).await;
    for accident in [
        "UPDATE accounts SET reconciled_version = 0, next_run_at = NULL",
        "UPDATE clusters SET version = version + 1",
        "UPDATE accounts SET mapping_version = 0",
        "UPDATE accounts SET reconciled_version = 0, next_run_at = 9000000000000000",
    ] {
        place.break_with(accident).await;
        assert_eq!(pending(&store).await, 0, "{accident}");
        assert_eq!(
            store.sweep(&wiring()).await.expect("swept"),
            Swept {
                added: 0,
                marked: 1
            },
            "{accident}"
        );
        assert_eq!(reconcile_all(&store).await, 1, "{accident}");
        assert_eq!(
            store.sweep(&wiring()).await.expect("swept"),
            Swept::default(),
            "{accident}"
        );
    }
    let account = store
        .accounts(&person)
        .await
        .expect("read")
        .remove(0)
        .account;
    assert_eq!(
        account.reconciled_version,
        store
            .facts(&person)
            .await
            .expect("read")
            .expect("known")
            .version
    );
    place.break_with("DELETE FROM accounts").await;
    assert_eq!(
        store.sweep(&wiring()).await.expect("swept"),
        Swept {
            added: 1,
            marked: 0
        }
    );
}

pub async fn a_mapping_that_the_row_was_not_told_of_is_found(place: &Place) {
    let store = place.ready().await;
    person(&store, "E-1").await;
    reconcile_all(&store).await;
    place.break_with("UPDATE mappings SET version = 5").await;
    assert_eq!(store.sweep(&wiring()).await.expect("swept").marked, 1);
    let claim = claim_one(&store).await;
    assert_eq!(claim.mapping_version, 5);
    store
        .commit(&claim, &reconciled(&claim, None))
        .await
        .expect("committed");
    assert_eq!(store.sweep(&wiring()).await.expect("swept").marked, 0);
}

pub async fn a_due_time_is_found_and_a_backoff_is_left_alone(place: &Place) {
    let store = place.ready().await;
    person(&store, "E-1").await;
    let claim = claim_one(&store).await;
    let commit = Commit {
        due: Some(claim.now - HOUR),
        ..failed(&claim, claim.now + HOUR)
    };
    store.commit(&claim, &commit).await.expect("committed");
    assert_eq!(store.sweep(&wiring()).await.expect("swept").marked, 0);
    place
        .break_with(
            "UPDATE accounts SET reconciled_version = 1, mapping_version = 1, not_before = NULL",
        )
        .await;
    assert_eq!(store.sweep(&wiring()).await.expect("swept").marked, 1);
    let claim = claim_one(&store).await;
    store
        .commit(
            &claim,
            &Commit {
                due: Some(claim.now + HOUR),
                ..reconciled(&claim, None)
            },
        )
        .await
        .expect("committed");
    place.break_with("UPDATE accounts SET verify_at = 5").await;
    assert_eq!(store.sweep(&wiring()).await.expect("swept").marked, 1);
}

pub async fn nothing_is_swept_where_all_is_well(place: &Place) {
    let store = place.ready().await;
    for worker in ["E-1", "E-2", "E-3"] {
        person(&store, worker).await;
    }
    assert_eq!(
        store.sweep(&wiring()).await.expect("swept"),
        Swept::default(),
        "pending already"
    );
    let held = claim_one_of(&store).await;
    assert_eq!(
        store.sweep(&wiring()).await.expect("swept"),
        Swept::default(),
        "held"
    );
    reconcile_all(&store).await;
    assert_eq!(
        store.sweep(&wiring()).await.expect("swept"),
        Swept::default(),
        "reconciled"
    );
    store
        .commit(&held, &reconciled(&held, None))
        .await
        .expect("committed");
    assert_eq!(
        store
            .sweep(&wired(&[("app", &["hr"]), ("none", &["other"])]))
            .await
            .expect("swept"),
        Swept::default()
    );
}

async fn claim_one_of(store: &hirewire::store::Store) -> hirewire::store::Claim {
    claim(store, 1).await.remove(0)
}

pub async fn the_next_time_leaves_out_what_cannot_be_claimed(place: &Place) {
    let store = place.open().await;
    let apps = ["app".to_owned(), "other".to_owned()];
    person(&store, "E-1").await;
    assert_eq!(
        store.next_pending(&apps).await.expect("read"),
        None,
        "no mapping"
    );
    assert_eq!(store.next_pending(&[]).await.expect("read"), None);
    store
        .offer_mapping("app", "first", 1)
        .await
        .expect("offered");
    let next = store
        .next_pending(&apps)
        .await
        .expect("read")
        .expect("pending");
    assert!(next <= store.now().await.expect("a clock"));
    let claim = claim_one(&store).await;
    assert_eq!(
        store.next_pending(&apps).await.expect("read"),
        Some(claim.lease_until)
    );
    store.release(&claim, None).await.expect("released");
    store
        .pause("app", "maintenance", "kim")
        .await
        .expect("paused");
    assert_eq!(
        store.next_pending(&apps).await.expect("read"),
        None,
        "paused"
    );
}

pub async fn what_was_observed_is_pending_once_it_is_applied(place: &Place) {
    let store = place.ready().await;
    person(&store, "E-1").await;
    person(&store, "E-2").await;
    let mut claims = super::harness::claim(&store, 2).await;
    let (done, observed) = (claims.remove(0), claims.remove(0));
    store
        .commit(&done, &reconciled(&done, Some("u-1")))
        .await
        .expect("committed");
    let commit = Commit {
        outcome: Outcome::new(OutcomeKind::Observed, ""),
        priority: Priority::Leaver,
        ..reconciled(&observed, None)
    };
    store.commit(&observed, &commit).await.expect("committed");
    assert_eq!(
        store.sweep(&wiring()).await.expect("swept"),
        Swept::default(),
        "observing is an end in itself"
    );
    assert_eq!(store.mark_observed_pending("wiki").await.expect("asked"), 0);
    assert_eq!(store.mark_observed_pending("app").await.expect("asked"), 1);
    assert_eq!(
        store.mark_observed_pending("app").await.expect("asked"),
        0,
        "pending already"
    );
    let claim = claim_one(&store).await;
    assert_eq!(
        (&claim.account.person, claim.account.priority),
        (&observed.account.person, Priority::Leaver)
    );
    assert_eq!(
        store.mark_observed_pending("app").await.expect("asked"),
        0,
        "in somebody's hands"
    );
    store
        .commit(&claim, &reconciled(&claim, Some("u-2")))
        .await
        .expect("committed");
    assert_eq!(
        store.mark_observed_pending("app").await.expect("asked"),
        0,
        "done"
    );
}
