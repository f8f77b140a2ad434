//! Storing hooks: a set of events, versions that grow, accounts that become pending.

use std::{collections::BTreeSet, time::Duration};

use hirewire::{
    queue::{Payload, UnreadableEnvelope},
    store::{Commit, Priority},
};
use hirewire_core::mapping::Access;
use serde_json::json;

use super::harness::*;

pub async fn a_repeated_event_changes_nothing(harness: &StoreHarness) {
    let store = harness.ready().await;
    let person = person(&store, "E-1").await;
    reconcile_all(&store).await;
    let before = read_facts(&store, &person).await;

    let again = store
        .store_hooks(
            &[
                hook(5, vec![event("hired", "E-1", "hired-E-1")]),
                hook(6, vec![event("hired", "E-1", "hired-E-1")]),
            ],
            &routing(),
        )
        .await
        .expect("stored");
    assert!(again.changed_people.is_empty());
    assert!(
        again
            .hooks
            .iter()
            .all(|hook| !hook.events[0].is_new && hook.events[0].person == person)
    );
    assert_eq!(read_facts(&store, &person).await, before);
    assert_eq!(pending_count(&store).await, 0);
}

pub async fn the_store_keeps_the_earliest_receipt_of_an_event(harness: &StoreHarness) {
    let store = harness.ready().await;
    let changed = || vec![event("changed", "E-1", "c")];
    let first = store
        .store_hooks(&[hook(60, changed())], &routing())
        .await
        .expect("stored");
    let person = first.hooks[0].events[0].person.clone();
    reconcile_all(&store).await;
    let earlier = store
        .store_hooks(&[hook(10, changed())], &routing())
        .await
        .expect("stored");

    assert!(!earlier.hooks[0].events[0].is_new);
    assert_eq!(earlier.changed_people, BTreeSet::from([person.clone()]));

    let facts = read_facts(&store, &person).await;
    assert_eq!(
        (facts.version, facts.events.len(), facts.events[0].received),
        (2, 1, second(10))
    );
    assert_eq!(facts.events[0].hook, earlier.hooks[0].hook);
    assert_eq!(pending_count(&store).await, 1);

    // The same in one batch, with the earlier hook last.
    let both = [hook(9, changed()), hook(8, changed())];
    store.store_hooks(&both, &routing()).await.expect("stored");
    let facts = read_facts(&store, &person).await;

    assert_eq!((facts.version, facts.events[0].received), (3, second(8)));
}

pub async fn two_contents_under_one_id_are_two_events(harness: &StoreHarness) {
    let store = harness.ready().await;
    let person = person(&store, "E-1").await;
    let other = event_with(
        "hired",
        "E-1",
        "hired-E-1",
        json!({"effective": {"date": "2026-12-01"}}),
    );
    let stored = store_events(&store, vec![other.clone()]).await;

    assert!(stored.hooks[0].events[0].is_new);

    let facts = read_facts(&store, &person).await;
    assert_eq!(by_id(&facts.events)["hired-E-1"].len(), 2);
    assert!(
        facts
            .events
            .iter()
            .any(|event| event.content == other.content)
    );
}

pub async fn a_batch_increments_a_persons_version_by_one(harness: &StoreHarness) {
    let store = harness.ready().await;

    let batch = [
        hook(
            0,
            vec![event("hired", "E-1", "a"), event("changed", "E-1", "b")],
        ),
        hook(
            1,
            vec![event("changed", "E-1", "c"), event("hired", "E-2", "a2")],
        ),
    ];

    let stored = store.store_hooks(&batch, &routing()).await.expect("stored");
    assert_eq!(stored.changed_people.len(), 2);

    let events: Vec<_> = stored.hooks.iter().flat_map(|hook| &hook.events).collect();
    assert!(events.iter().all(|event| event.is_new));
    assert_eq!(
        events
            .iter()
            .map(|event| event.id.as_str())
            .collect::<Vec<_>>(),
        ["a", "b", "c", "a2"]
    );
    assert_eq!(events[0].person, events[2].person);
    assert_ne!(events[0].person, events[3].person);

    let facts = read_facts(&store, &events[0].person).await;
    assert_eq!((facts.version, facts.events.len()), (1, 3));

    store_events(&store, vec![event("changed", "E-1", "d")]).await;
    assert_eq!(read_facts(&store, &events[0].person).await.version, 2);
    assert_eq!(read_facts(&store, &events[3].person).await.version, 1);
}

pub async fn an_event_makes_accounts_pending_on_each_connection_of_its_source(
    harness: &StoreHarness,
) {
    let store = harness.ready().await;
    let routing = routing_of(&[
        ("app", &["hr"]),
        ("wiki", &["hr", "ats"]),
        ("crm", &["ats"]),
    ]);
    let stored = store
        .store_hooks(&[hook(0, vec![event("hired", "E-1", "a")])], &routing)
        .await
        .expect("stored");
    let person = &stored.hooks[0].events[0].person;
    let accounts = store.accounts(person).await.expect("read");
    let rows: Vec<_> = accounts
        .iter()
        .map(|view| (view.account.connection.as_str(), view.account.priority))
        .collect();

    assert_eq!(rows, [("app", Priority::Other), ("wiki", Priority::Other)]);
    assert!(
        accounts
            .iter()
            .all(|view| view.account.pending_since.is_some()
                && view.account.alias.worker.as_str() == "E-1")
    );

    // A ping is a hook without events.
    let ping = store
        .store_hooks(&[hook(1, Vec::new())], &routing)
        .await
        .expect("stored");
    assert!(ping.hooks[0].events.is_empty() && ping.changed_people.is_empty());
}

pub async fn an_operators_event_changes_the_person_of_its_alias(harness: &StoreHarness) {
    let store = harness.ready().await;
    let person = person(&store, "E-1").await;
    reconcile_all(&store).await;
    let revoked = event_with(
        "access_revoked",
        "E-1",
        "r",
        json!({"on_behalf_of": "hr", "actor": "kim", "reason": "lost badge"}),
    );

    let stored = store
        .store_hooks(
            &[hook_of("ops", 9, Payload::Events(vec![revoked]))],
            &routing(),
        )
        .await
        .expect("stored");
    assert_eq!(stored.changed_people, BTreeSet::from([person]));
    assert_eq!(claim_one(&store).await.account.priority, Priority::Leaver);
}

pub async fn a_start_that_moves_ahead_is_claimed_as_a_leaver_is(harness: &StoreHarness) {
    let store = harness.ready().await;
    let first = person(&store, "E-1").await;
    let claim = claim_of(&store, &first).await.expect("pending");
    let active = Commit {
        reconciled_access: Some(Access::Active),
        ..reconciled(&claim, Some("u-1"))
    };
    store.commit(&claim, &active).await.expect("committed");
    let second = person(&store, "E-2").await;

    // The second one has no account yet that gives access.
    let later = json!({"effective": {"instant": "2050-01-01T00:00:00Z"}});
    for worker in ["E-1", "E-2"] {
        let moved = event_with("hired", worker, &format!("m-{worker}"), later.clone());
        let hook = hook_of("hr", 9, Payload::Events(vec![moved]));
        store
            .store_hooks(&[hook], &routing())
            .await
            .expect("stored");
    }
    let moved = claim_of(&store, &first).await.expect("pending");
    assert_eq!(moved.account.priority, Priority::Leaver);
    let joiner = claim_of(&store, &second).await.expect("pending");
    assert_eq!(joiner.account.priority, Priority::Other);
}

/// A sender that corrects or repeats thousands of facts must not hold up those who leave.
pub async fn a_leaver_overtakes_corrections_and_repeats(harness: &StoreHarness) {
    let store = harness.ready().await;
    for number in 0..40 {
        let worker = person(&store, &format!("E-{number}")).await;
        let claim = claim_of(&store, &worker).await.expect("pending");
        let active = Commit {
            reconciled_access: Some(Access::Active),
            ..reconciled(&claim, Some(&format!("u-{number}")))
        };
        store.commit(&claim, &active).await.expect("committed");
    }

    let begun = json!({"effective": {"instant": "2020-01-01T00:00:00Z"}});
    let correction = json!({"supersedes": "c-0", "worker": {"title": "Lead"}});
    let facts = (0..39).flat_map(|number| {
        let worker = format!("E-{number}");
        [
            event_with("hired", &worker, &format!("r-{number}"), begun.clone()),
            event_with(
                "changed",
                &worker,
                &format!("c-{number}"),
                correction.clone(),
            ),
        ]
    });
    let hook = hook_of("hr", 9, Payload::Events(facts.collect()));
    store
        .store_hooks(&[hook], &routing())
        .await
        .expect("stored");
    let leaving = event_with("terminated", "E-39", "t", json!({}));
    let hook = hook_of("hr", 10, Payload::Events(vec![leaving]));
    store
        .store_hooks(&[hook], &routing())
        .await
        .expect("stored");

    let first = claim(&store, 1).await.remove(0).account;
    assert_eq!(first.scim_id.as_deref(), Some("u-39"));
    assert_eq!(first.priority, Priority::Leaver);
}

pub async fn concurrent_batches_create_one_person_for_one_alias(harness: &StoreHarness) {
    let (one, two) = (harness.ready().await, harness.open().await);
    let mut storing = tokio::task::JoinSet::new();

    for number in 0..32 {
        let store = if number % 2 == 0 {
            one.clone()
        } else {
            two.clone()
        };
        storing.spawn(async move {
            let events = vec![
                event("changed", "E-1", &format!("c{number}")),
                event(
                    "changed",
                    &format!("E-{}", 2 + number % 3),
                    &format!("x{number}"),
                ),
            ];
            store
                .store_hooks(&[hook(number, events)], &routing())
                .await
                .expect("stored")
                .hooks[0]
                .events[0]
                .person
                .clone()
        });
    }

    let people: BTreeSet<_> = storing.join_all().await.into_iter().collect();
    assert_eq!(people.len(), 1);

    let person = people.first().expect("one");
    let facts = read_facts(&one, person).await;
    assert_eq!((facts.version, facts.events.len()), (32, 32));
    assert_eq!(reconcile_all(&one).await, 4);
    assert_eq!(
        one.accounts(person).await.expect("read")[0]
            .account
            .reconciled_version,
        32
    );
}

pub async fn concurrent_merges_and_batches_lose_no_event(harness: &StoreHarness) {
    let (one, two) = (harness.ready().await, harness.open().await);
    let mut storing = tokio::task::JoinSet::new();

    for number in 0..24_i64 {
        let store = if number % 2 == 0 {
            one.clone()
        } else {
            two.clone()
        };
        storing.spawn(async move {
            let worker = format!("E-{}", number % 6);
            let event = if number % 4 == 3 {
                let previous = format!("E-{}", (number + 1) % 6);
                event_with(
                    "converted",
                    &worker,
                    &format!("v{number}"),
                    json!({"previous_worker_id": previous}),
                )
            } else {
                event("changed", &worker, &format!("c{number}"))
            };
            store
                .store_hooks(&[hook(number, vec![event])], &routing())
                .await
                .expect("stored")
                .hooks[0]
                .events[0]
                .person
                .clone()
        });
    }

    let people = storing.join_all().await;

    // The pairs 3-4, 1-2 and 5-0 are merged. Each cluster has every event of its two workers.
    for (workers, of) in [
        (["E-3", "E-4"], 3),
        (["E-1", "E-2"], 1),
        (["E-5", "E-0"], 5),
    ] {
        let facts = read_facts(&one, &people[of]).await;
        let named: BTreeSet<_> = facts
            .events
            .iter()
            .map(|event| event.content.subject.as_str().to_owned())
            .collect();
        assert_eq!(named.len(), 2, "{workers:?}");
        assert_eq!(facts.events.len(), 8);
    }

    reconcile_all(&one).await;
    let swept = one.sweep(&routing()).await.expect("swept");
    assert_eq!(
        (swept.added, swept.marked),
        (0, 0),
        "no account was left out"
    );
}

pub async fn a_dropped_caller_cancels_no_write(harness: &StoreHarness) {
    let store = harness.ready().await;

    for number in 0..60_i64 {
        let events = vec![event("changed", "E-1", &format!("c{number}"))];
        let hooks = [hook(number, events)];
        let routing = routing();
        let (timeout, storing) = (
            Duration::from_micros(40 * u64::try_from(number).expect("small")),
            store.store_hooks(&hooks, &routing),
        );
        let _dropped = tokio::time::timeout(timeout, storing).await;
        let _dropped = tokio::time::timeout(timeout, store.claim(&request(1))).await;
    }

    // Each write that began has finished or failed; an event that is stored now is there for every
    // process.
    let stored = store_events(&store, vec![event("changed", "E-1", "last")]).await;
    let person = stored.hooks[0].events[0].person.clone();
    let other = harness.open().await;
    let facts = read_facts(&other, &person).await;

    assert!(by_id(&facts.events).contains_key("last"));

    let all: Vec<_> = (0..60)
        .map(|number| hook(number, vec![event("changed", "E-1", &format!("c{number}"))]))
        .collect();
    store.store_hooks(&all, &routing()).await.expect("stored");
    assert_eq!(read_facts(&other, &person).await.events.len(), 61);
}

pub async fn a_message_is_quarantined_once(harness: &StoreHarness) {
    let store = harness.open().await;
    let envelope = UnreadableEnvelope {
        bytes: b"\x00\xffwhat".to_vec(),
        version: Some(9),
        instance: None,
        problem: "version 9".to_owned(),
    };
    assert_eq!(store.quarantined_count().await.expect("counted"), 0);

    store.quarantine(&envelope).await.expect("quarantined");
    store.quarantine(&envelope).await.expect("quarantined");
    assert_eq!(store.quarantined_count().await.expect("counted"), 1);
}
