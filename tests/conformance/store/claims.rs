//! Claims: one holder at a time, leavers first, and no write with an old fencing token.

use std::{collections::BTreeSet, time::Duration};

use hirewire::store::{
    ChangedSinceClaim, ClaimError, ClaimRequest, Intent, IntentKind, MatchKeyValue, OutcomeKind,
    Priority,
};

use super::harness::*;

pub async fn concurrent_claims_never_share_an_account(harness: &StoreHarness) {
    let (one, two) = (harness.ready().await, harness.open().await);

    let hooks: Vec<_> = (0..200)
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

    one.store_hooks(&hooks, &routing()).await.expect("stored");
    let mut claiming = tokio::task::JoinSet::new();

    for number in 0..16 {
        let store = if number % 2 == 0 {
            one.clone()
        } else {
            two.clone()
        };
        claiming.spawn(async move {
            let mut got = Vec::new();
            loop {
                let claims = claim(&store, 7).await;
                if claims.is_empty() {
                    return got;
                }
                got.extend(
                    claims
                        .into_iter()
                        .map(|claim| (claim.account.person, claim.fencing_token)),
                );
            }
        });
    }

    let mut claims = claiming.join_all().await.concat();

    // `SKIP LOCKED` skips an account that another claim locks at that moment: claim once more.
    claims.extend(
        claim(&one, 200)
            .await
            .into_iter()
            .map(|claim| (claim.account.person, claim.fencing_token)),
    );

    let people: BTreeSet<_> = claims.iter().map(|(person, _)| person).collect();
    assert_eq!((claims.len(), people.len()), (200, 200));
}

pub async fn leavers_are_claimed_first(harness: &StoreHarness) {
    let store = harness.ready().await;
    for worker in ["E-1", "E-2", "E-3"] {
        person(&store, worker).await;
    }
    store_events(&store, vec![event("terminated", "E-3", "t")]).await;

    // Another event does not lower the priority of a leaver.
    store_events(&store, vec![event("changed", "E-3", "c")]).await;
    let claims = claim(&store, 2).await;
    let order: Vec<_> = claims
        .iter()
        .map(|claim| (claim.account.alias.worker.as_str(), claim.account.priority))
        .collect();

    assert_eq!(order, [("E-3", Priority::Leaver), ("E-1", Priority::Other)]);
    assert_eq!(claim(&store, 5).await.len(), 1);

    let counts = store.pending_counts().await.expect("counted");
    assert_eq!(
        counts
            .iter()
            .map(|count| (count.priority, count.accounts))
            .collect::<Vec<_>>(),
        [(Priority::Leaver, 1), (Priority::Other, 2)]
    );
    assert!(counts.iter().all(|count| count.oldest.is_some()));
}

pub async fn a_claim_can_name_a_priority_or_a_person(harness: &StoreHarness) {
    let store = harness.ready().await;
    person(&store, "E-1").await;
    let second = person(&store, "E-2").await;
    store_events(&store, vec![event("terminated", "E-1", "t")]).await;
    let of = |priority| ClaimRequest {
        priority: Some(priority),
        ..request(5)
    };
    let others = store.claim(&of(Priority::Other)).await.expect("claimed");

    assert_eq!(
        others
            .iter()
            .map(|claim| &claim.account.person)
            .collect::<Vec<_>>(),
        [&second]
    );
    assert!(
        claim_of(&store, &second).await.is_none(),
        "the account is claimed"
    );

    store
        .release(&others[0], Duration::ZERO)
        .await
        .expect("released");
    assert!(claim_of(&store, &second).await.is_some());
    assert_eq!(
        store
            .claim(&of(Priority::Leaver))
            .await
            .expect("claimed")
            .len(),
        1
    );
}

pub async fn no_account_is_claimed_without_a_mapping_or_while_paused(harness: &StoreHarness) {
    let store = harness.open().await;
    person(&store, "E-1").await;
    assert!(claim(&store, 1).await.is_empty());

    submit_mapping(&store, "app", "first").await;
    store
        .pause("app", "credentials", "hirewire")
        .await
        .expect("paused");
    assert!(claim(&store, 1).await.is_empty());

    store.resume("app", "kim").await.expect("resumed");
    let claim = claim_one(&store).await;
    assert_eq!(
        (
            claim.mapping_version,
            claim.person_version,
            claim.lease_taken_over
        ),
        (1, 1, false)
    );
}

pub async fn an_expired_lease_is_taken_over_and_its_holder_writes_nothing(harness: &StoreHarness) {
    let store = harness.ready().await;
    person(&store, "E-1").await;
    let short = ClaimRequest {
        lease: Duration::from_millis(1),
        ..request(1)
    };
    let old = store
        .claim(&short)
        .await
        .expect("claimed")
        .pop()
        .expect("one");
    wait_past(&store, old.lease_until).await;
    let new = claim_one(&store).await;

    assert!(new.lease_taken_over && !old.lease_taken_over);

    let intent = intent(&old.fencing_token, old.now);
    assert!(matches!(
        store.claim_status(&old).await,
        Err(ClaimError::Lost(_))
    ));
    assert!(matches!(
        store.extend_lease(&old, LONG_LEASE).await,
        Err(ClaimError::Lost(_))
    ));
    assert!(matches!(
        store.record_intent(&old, &intent, None).await,
        Err(ClaimError::Lost(_))
    ));
    assert!(matches!(
        store.release(&old, Duration::ZERO).await,
        Err(ClaimError::Lost(_))
    ));
    assert!(matches!(
        store.commit(&old, &reconciled(&old, Some("u-1"))).await,
        Err(ClaimError::Lost(_))
    ));

    let row = store
        .accounts(&new.account.person)
        .await
        .expect("read")
        .remove(0);
    assert_eq!(
        (row.account.scim_id, row.account.intent, row.lease_until),
        (None, None, Some(new.lease_until))
    );

    store
        .commit(&new, &reconciled(&new, Some("u-2")))
        .await
        .expect("committed");
    assert!(
        matches!(
            store.commit(&new, &reconciled(&new, None)).await,
            Err(ClaimError::Lost(_))
        ),
        "the claim was released"
    );
    assert_eq!(pending_count(&store).await, 0);
}

pub async fn an_extended_lease_is_not_taken_over(harness: &StoreHarness) {
    let store = harness.ready().await;
    person(&store, "E-1").await;
    let short = ClaimRequest {
        lease: Duration::from_millis(200),
        ..request(1)
    };
    let claim = store
        .claim(&short)
        .await
        .expect("claimed")
        .pop()
        .expect("one");
    let status = store
        .extend_lease(&claim, LONG_LEASE)
        .await
        .expect("the claim is held");

    assert!(
        status.lease_left > LONG_LEASE / 2
            && status.person_version == 1
            && status.changed == ChangedSinceClaim::None
    );

    wait_past(&store, claim.lease_until).await;
    assert!(super::harness::claim(&store, 1).await.is_empty());
    assert!(
        store
            .claim_status(&claim)
            .await
            .expect("the claim is held")
            .lease_left
            > LONG_LEASE / 2
    );
}

pub async fn an_intent_survives_its_lease(harness: &StoreHarness) {
    let store = harness.ready().await;
    person(&store, "E-1").await;
    let short = ClaimRequest {
        lease: Duration::from_millis(200),
        ..request(1)
    };
    let dead = store
        .claim(&short)
        .await
        .expect("claimed")
        .pop()
        .expect("one");
    let intent = intent(&dead.fencing_token, dead.now);
    store
        .record_intent(&dead, &intent, None)
        .await
        .expect("begun_at");
    wait_past(&store, dead.lease_until).await;
    let heir = claim_one(&store).await;

    assert!(heir.lease_taken_over);

    let found = heir.account.intent.expect("an intent");
    assert_eq!(
        (found.fencing_token, found.kind, found.match_keys),
        (intent.fencing_token, intent.kind, intent.match_keys)
    );
}

fn intent(fencing_token: &str, begun_at: jiff::Timestamp) -> Intent {
    let key = MatchKeyValue {
        path: "userName".to_owned(),
        value: "ada@acme.example".to_owned(),
    };
    Intent {
        kind: IntentKind::Create,
        match_keys: vec![key],
        fencing_token: fencing_token.to_owned(),
        begun_at,
        gives_access: true,
    }
}

pub async fn a_released_account_stays_pending(harness: &StoreHarness) {
    let store = harness.ready().await;
    person(&store, "E-1").await;
    let claim = claim_one(&store).await;
    store
        .release(&claim, Duration::ZERO)
        .await
        .expect("released");
    let again = claim_one(&store).await;

    assert!(!again.lease_taken_over, "the claim was released, not lost");

    store.release(&again, LONG_LEASE).await.expect("released");
    assert!(super::harness::claim(&store, 1).await.is_empty());
    assert_eq!(
        sweep(&store).await.marked,
        0,
        "the sweep respects the delay of a release"
    );

    let now = store.now().await.expect("a clock").as_microsecond();
    assert!(harness.next_run_at().await.is_some_and(|next| next > now));

    store_events(&store, vec![event("changed", "E-1", "c")]).await;
    let after = claim_one(&store).await;
    assert_eq!((after.person_version, after.account.outcome), (2, None));
}

pub async fn time_never_goes_back_for_an_account(harness: &StoreHarness) {
    let store = harness.ready().await;
    person(&store, "E-1").await;
    let mut claim = claim_one(&store).await;
    let ahead = claim.now + LONG_LEASE;
    claim.now = ahead;
    store
        .commit(&claim, &reconciled(&claim, None))
        .await
        .expect("committed");
    store_events(&store, vec![event("changed", "E-1", "c")]).await;
    let next = claim_one(&store).await;

    assert_eq!((next.now, next.account.last_run_at), (ahead, Some(ahead)));
    assert!(
        next.lease_until < ahead + LONG_LEASE,
        "a lease is measured by the store's clock"
    );
    assert_eq!(
        next.account.outcome.map(|outcome| outcome.kind),
        Some(OutcomeKind::Updated)
    );
}
