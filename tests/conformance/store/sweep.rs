//! The sweep: it finds each account that should be pending, and changes no other.

use hirewire::store::{Commit, Outcome, OutcomeKind, Priority, SweepResult};
use jiff::SignedDuration;

use super::harness::*;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

pub async fn the_sweep_adds_the_accounts_of_a_new_connection(harness: &StoreHarness) {
    let store = harness.ready().await;

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

    store.store_hooks(&hooks, &routing()).await.expect("stored");

    store
        .store_hooks(
            &[hook_of(
                "ats",
                0,
                hirewire::queue::Payload::Events(vec![event("hired", "A-1", "a")]),
            )],
            &routing(),
        )
        .await
        .expect("stored");

    submit_mapping(&store, "wiki", "first").await;
    let routing_of = routing_of(&[("app", &["hr"]), ("wiki", &["hr"])]);
    assert_eq!(
        store.sweep(&routing_of).await.expect("swept"),
        SweepResult {
            added: 1201,
            marked: 0
        }
    );
    assert_eq!(
        store.sweep(&routing_of).await.expect("swept"),
        SweepResult::default()
    );

    let pending = store.pending_counts().await.expect("counted");
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

pub async fn the_sweep_restores_a_lost_mark(harness: &StoreHarness) {
    let store = harness.ready().await;
    let person = person(&store, "E-1").await;
    reconcile_all(&store).await;

    for damage in [
        "UPDATE accounts SET reconciled_version = 0, next_run_at = NULL",
        "UPDATE clusters SET version = version + 1",
        "UPDATE accounts SET reconciled_mapping_version = 0",
        "UPDATE accounts SET reconciled_version = 0, next_run_at = 9000000000000000",
    ] {
        harness.corrupt(damage).await;
        assert_eq!(pending_count(&store).await, 0, "{damage}");
        assert_eq!(
            sweep(&store).await,
            SweepResult {
                added: 0,
                marked: 1
            },
            "{damage}"
        );
        assert_eq!(reconcile_all(&store).await, 1, "{damage}");
        assert_eq!(sweep(&store).await, SweepResult::default(), "{damage}");
    }

    let account = read_account(&store, &person).await;
    assert_eq!(
        account.reconciled_version,
        read_facts(&store, &person).await.version
    );

    harness.corrupt("DELETE FROM accounts").await;
    assert_eq!(
        sweep(&store).await,
        SweepResult {
            added: 1,
            marked: 0
        }
    );
}

pub async fn the_sweep_finds_an_account_with_an_old_mapping(harness: &StoreHarness) {
    let store = harness.ready().await;
    person(&store, "E-1").await;
    reconcile_all(&store).await;
    harness.corrupt("UPDATE mappings SET version = 5").await;

    assert_eq!(sweep(&store).await.marked, 1);

    let claim = claim_one(&store).await;
    assert_eq!(claim.mapping_version, 5);

    store
        .commit(&claim, &reconciled(&claim, None))
        .await
        .expect("committed");
    assert_eq!(sweep(&store).await.marked, 0);
}

pub async fn the_sweep_finds_a_due_time_and_respects_a_backoff(harness: &StoreHarness) {
    let store = harness.ready().await;
    person(&store, "E-1").await;
    let claim = claim_one(&store).await;
    let commit = Commit {
        next_due_at: Some(claim.now - HOUR),
        ..failed(&claim, claim.now + HOUR)
    };
    store.commit(&claim, &commit).await.expect("committed");

    assert_eq!(sweep(&store).await.marked, 0);

    harness
        .corrupt(
            "UPDATE accounts SET
               reconciled_version = 1, reconciled_mapping_version = 1, not_before = NULL",
        )
        .await;
    assert_eq!(sweep(&store).await.marked, 1);

    let claim = claim_one(&store).await;

    store
        .commit(
            &claim,
            &Commit {
                next_due_at: Some(claim.now + HOUR),
                ..reconciled(&claim, None)
            },
        )
        .await
        .expect("committed");

    harness.corrupt("UPDATE accounts SET verify_at = 5").await;
    assert_eq!(sweep(&store).await.marked, 1);
}

pub async fn the_sweep_changes_no_account_that_is_pending_claimed_or_reconciled(
    harness: &StoreHarness,
) {
    let store = harness.ready().await;
    for worker in ["E-1", "E-2", "E-3"] {
        person(&store, worker).await;
    }
    assert_eq!(
        sweep(&store).await,
        SweepResult::default(),
        "the account is pending"
    );

    let held = claim_one_of(&store).await;
    assert_eq!(
        sweep(&store).await,
        SweepResult::default(),
        "an account is claimed"
    );

    reconcile_all(&store).await;
    assert_eq!(
        sweep(&store).await,
        SweepResult::default(),
        "every account is reconciled"
    );

    store
        .commit(&held, &reconciled(&held, None))
        .await
        .expect("committed");
    assert_eq!(
        store
            .sweep(&routing_of(&[("app", &["hr"]), ("none", &["other"])]))
            .await
            .expect("swept"),
        SweepResult::default()
    );
}

async fn claim_one_of(store: &hirewire::store::Store) -> hirewire::store::Claim {
    claim(store, 1).await.remove(0)
}

pub async fn an_observed_account_is_pending_after_the_mode_becomes_apply(harness: &StoreHarness) {
    let store = harness.ready().await;
    person(&store, "E-1").await;
    person(&store, "E-2").await;
    let mut claims = super::harness::claim(&store, 2).await;
    let (done, observed) = (claims.remove(0), claims.remove(0));
    store
        .commit(&done, &reconciled(&done, Some("u-1")))
        .await
        .expect("committed");

    let commit = Commit {
        outcome: Outcome {
            reason: None,
            kind: OutcomeKind::Observed,
            detail: String::new(),
        },
        priority: Priority::Leaver,
        ..reconciled(&observed, None)
    };

    store.commit(&observed, &commit).await.expect("committed");
    assert_eq!(
        sweep(&store).await,
        SweepResult::default(),
        "an observed account is reconciled"
    );
    assert_eq!(
        store.mark_observed_pending("wiki").await.expect("answered"),
        0
    );
    assert_eq!(
        store.mark_observed_pending("app").await.expect("answered"),
        1
    );
    assert_eq!(
        store.mark_observed_pending("app").await.expect("answered"),
        0,
        "the account is pending"
    );

    let claim = claim_one(&store).await;
    assert_eq!(
        (&claim.account.person, claim.account.priority),
        (&observed.account.person, Priority::Leaver)
    );
    assert_eq!(
        store.mark_observed_pending("app").await.expect("answered"),
        0,
        "the account is claimed"
    );

    store
        .commit(&claim, &reconciled(&claim, Some("u-2")))
        .await
        .expect("committed");
    assert_eq!(
        store.mark_observed_pending("app").await.expect("answered"),
        0,
        "the account is applied"
    );
}
