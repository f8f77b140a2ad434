//! Commits that run at the same time: each account gets its own result.

use std::time::Duration;

use futures_util::future::join_all;
use hirewire::store::{Claim, ClaimError, Commit, Intent, IntentKind, LastApplied, NewBinding};
use serde_json::json;

use super::harness::*;

pub async fn a_user_is_bound_to_one_account_of_a_connection(harness: &StoreHarness) {
    let store = harness.ready().await;
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

    // The refused commit wrote nothing, and the claim still holds.
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
        begun_at: claim.now,
        gives_access: false,
    }
}

pub async fn an_account_is_bound_before_the_first_write(harness: &StoreHarness) {
    let store = harness.ready().await;
    let first = person(&store, "E-1").await;
    let second = person(&store, "E-2").await;
    let found = LastApplied {
        made_active: true,
        ..LastApplied::default()
    };
    let binding = NewBinding {
        scim_id: "u-1",
        last_applied: &found,
    };

    let claim = claim_of(&store, &first).await.expect("pending");
    store
        .record_intent(&claim, &intent(&claim), Some(&binding))
        .await
        .expect("bound");
    let row = read_account(&store, &first).await;
    assert_eq!(row.scim_id.as_deref(), Some("u-1"));
    assert_eq!(row.last_applied, found);

    // A further intent keeps the binding, and another account does not get it.
    store
        .record_intent(&claim, &intent(&claim), None)
        .await
        .expect("recorded");
    let row = read_account(&store, &first).await;
    assert_eq!(row.scim_id.as_deref(), Some("u-1"));

    let other = claim_of(&store, &second).await.expect("pending");
    match store
        .record_intent(&other, &intent(&other), Some(&binding))
        .await
    {
        Err(ClaimError::BoundElsewhere(holder)) => assert_eq!(holder, first),
        unexpected => panic!("{unexpected:?}"),
    }
    let row = read_account(&store, &second).await;
    assert_eq!((row.scim_id, row.intent), (None, None));
}

pub async fn the_other_owners_of_users_are_named(harness: &StoreHarness) {
    let store = harness.ready().await;
    let first = person(&store, "E-1").await;
    let second = person(&store, "E-2").await;
    let claim = claim_of(&store, &first).await.expect("pending");
    store
        .commit(&claim, &reconciled(&claim, Some("u-1")))
        .await
        .expect("committed");

    let ids = ["u-1", "u-2"];
    let owners = store
        .other_owners("app", &ids, &second)
        .await
        .expect("owners");
    let named: Vec<_> = owners
        .iter()
        .map(|owner| {
            (
                owner.scim_id.as_str(),
                &owner.person,
                owner.alias.to_string(),
            )
        })
        .collect();
    assert_eq!(named, [("u-1", &first, claim.account.alias.to_string())]);
    assert_eq!(owners[0].merged_into, None);

    let own = store.other_owners("app", &ids, &first).await;
    assert_eq!(own.expect("owners"), []);
    let elsewhere = store.other_owners("other", &ids, &second).await;
    assert_eq!(elsewhere.expect("owners"), []);
    let none = store.other_owners("app", &[], &second).await;
    assert_eq!(none.expect("owners"), []);
}

pub async fn concurrent_commits_do_not_affect_each_other(harness: &StoreHarness) {
    let store = harness.ready().await;
    for worker in 0..40 {
        person(&store, &format!("E-{worker}")).await;
    }
    let claims = claim(&store, 40).await;
    let (lost, [one, other]) = (3, [4, 5]);
    store
        .release(&claims[lost], Duration::ZERO)
        .await
        .expect("released");
    let intents: Vec<Intent> = claims.iter().map(intent).collect();

    let begun_at = join_all(
        claims
            .iter()
            .zip(&intents)
            .map(|(claim, intent)| store.record_intent(claim, intent, None)),
    )
    .await;

    for (harness, begun_at) in begun_at.iter().enumerate() {
        let is_expected = if harness == lost {
            matches!(begun_at, Err(ClaimError::Lost(_)))
        } else {
            begun_at.is_ok()
        };
        assert!(is_expected, "{harness}: {begun_at:?}");
    }

    // Two of them bind the same user.
    let user = |harness: usize| format!("u-{}", if harness == other { one } else { harness });

    let commits: Vec<Commit> = claims
        .iter()
        .enumerate()
        .map(|(harness, claim)| Commit {
            history: Some(json!({ "of": claim.account.person })),
            intent: None,
            ..reconciled(claim, Some(&user(harness)))
        })
        .collect();

    let written = join_all(
        claims
            .iter()
            .zip(&commits)
            .map(|(claim, commit)| store.commit(claim, commit)),
    )
    .await;

    let bound = |harness: usize| matches!(written[harness], Err(ClaimError::BoundElsewhere(_)));
    assert!(
        bound(one) != bound(other),
        "{:?} {:?}",
        written[one],
        written[other]
    );

    for (harness, written) in written
        .iter()
        .enumerate()
        .filter(|(harness, _)| ![one, other].contains(harness))
    {
        let is_expected = if harness == lost {
            matches!(written, Err(ClaimError::Lost(_)))
        } else {
            written.is_ok()
        };
        assert!(is_expected, "{harness}: {written:?}");
    }

    for (harness, claim) in claims.iter().enumerate() {
        let person = &claim.account.person;
        let is_written = harness != lost && !bound(harness);
        let account = read_account(&store, person).await;
        assert_eq!(
            account.scim_id,
            is_written.then(|| user(harness)),
            "{harness}"
        );
        let lines = store.history(Some(person), 10).await.expect("read");
        let details: Vec<_> = lines.into_iter().map(|line| line.detail).collect();
        assert_eq!(
            details,
            if is_written {
                vec![json!({ "of": person })]
            } else {
                Vec::new()
            },
            "{harness}"
        );
    }
}
