//! Recording: a set of events, versions that move, accounts that become pending.

use std::{collections::BTreeSet, time::Duration};

use hirewire::{
    queue::{Payload, UnreadableEnvelope},
    store::Priority,
};
use serde_json::json;

use super::harness::*;

pub async fn the_same_event_again_changes_nothing(place: &Place) {
    let store = place.ready().await;
    let person = person(&store, "E-1").await;
    reconcile_all(&store).await;
    let before = store.facts(&person).await.expect("read").expect("known");
    let again = store
        .record(
            &[
                hook(5, vec![event("hired", "E-1", "hired-E-1")]),
                hook(6, vec![event("hired", "E-1", "hired-E-1")]),
            ],
            &wiring(),
        )
        .await
        .expect("recorded");
    assert!(again.moved.is_empty());
    assert!(
        again
            .hooks
            .iter()
            .all(|hook| !hook.events[0].is_new && hook.events[0].person == person)
    );
    assert_eq!(
        store.facts(&person).await.expect("read").expect("known"),
        before
    );
    assert_eq!(pending(&store).await, 0);
}

pub async fn the_earliest_receipt_is_kept(place: &Place) {
    let store = place.ready().await;
    let changed = || vec![event("changed", "E-1", "c")];
    let first = store
        .record(&[hook(60, changed())], &wiring())
        .await
        .expect("recorded");
    let person = first.hooks[0].events[0].person.clone();
    reconcile_all(&store).await;
    let earlier = store
        .record(&[hook(10, changed())], &wiring())
        .await
        .expect("recorded");
    assert!(!earlier.hooks[0].events[0].is_new);
    assert_eq!(earlier.moved, BTreeSet::from([person.clone()]));
    let facts = store.facts(&person).await.expect("read").expect("known");
    assert_eq!(
        (facts.version, facts.events.len(), facts.events[0].received),
        (2, 1, second(10))
    );
    assert_eq!(facts.events[0].hook, earlier.hooks[0].hook);
    assert_eq!(pending(&store).await, 1);
    // In one batch too, whatever the order.
    let both = [hook(9, changed()), hook(8, changed())];
    store.record(&both, &wiring()).await.expect("recorded");
    let facts = store.facts(&person).await.expect("read").expect("known");
    assert_eq!((facts.version, facts.events[0].received), (3, second(8)));
}

pub async fn another_content_under_one_id_is_kept_beside_it(place: &Place) {
    let store = place.ready().await;
    let person = person(&store, "E-1").await;
    let other = with(
        "hired",
        "E-1",
        "hired-E-1",
        json!({"effective": {"date": "2026-12-01"}}),
    );
    let recorded = record(&store, vec![other.clone()]).await;
    assert!(recorded.hooks[0].events[0].is_new);
    let facts = store.facts(&person).await.expect("read").expect("known");
    assert_eq!(by_id(&facts.events)["hired-E-1"].len(), 2);
    assert!(
        facts
            .events
            .iter()
            .any(|event| event.content == other.content)
    );
}

pub async fn a_batch_moves_a_person_by_one(place: &Place) {
    let store = place.ready().await;
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
    let recorded = store.record(&batch, &wiring()).await.expect("recorded");
    assert_eq!(recorded.moved.len(), 2);
    let events: Vec<_> = recorded
        .hooks
        .iter()
        .flat_map(|hook| &hook.events)
        .collect();
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
    let facts = store
        .facts(&events[0].person)
        .await
        .expect("read")
        .expect("known");
    assert_eq!((facts.version, facts.events.len()), (1, 3));
    record(&store, vec![event("changed", "E-1", "d")]).await;
    assert_eq!(
        store
            .facts(&events[0].person)
            .await
            .expect("read")
            .expect("known")
            .version,
        2
    );
    assert_eq!(
        store
            .facts(&events[3].person)
            .await
            .expect("read")
            .expect("known")
            .version,
        1
    );
}

pub async fn an_event_makes_accounts_pending_where_its_source_feeds(place: &Place) {
    let store = place.ready().await;
    let wiring = wired(&[
        ("app", &["hr"]),
        ("wiki", &["hr", "ats"]),
        ("crm", &["ats"]),
    ]);
    let recorded = store
        .record(&[hook(0, vec![event("hired", "E-1", "a")])], &wiring)
        .await
        .expect("recorded");
    let person = &recorded.hooks[0].events[0].person;
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
        .record(&[hook(1, Vec::new())], &wiring)
        .await
        .expect("recorded");
    assert!(ping.hooks[0].events.is_empty() && ping.moved.is_empty());
}

pub async fn an_operators_event_counts_for_the_alias_it_means(place: &Place) {
    let store = place.ready().await;
    let person = person(&store, "E-1").await;
    reconcile_all(&store).await;
    let revoked = with(
        "access_revoked",
        "E-1",
        "r",
        json!({"on_behalf_of": "hr", "actor": "kim", "reason": "lost badge"}),
    );
    let recorded = store
        .record(
            &[hook_of("ops", 9, Payload::Events(vec![revoked]))],
            &wiring(),
        )
        .await
        .expect("recorded");
    assert_eq!(recorded.moved, BTreeSet::from([person]));
    assert_eq!(claim_one(&store).await.account.priority, Priority::Leaver);
}

pub async fn many_recorders_of_one_new_person_agree(place: &Place) {
    let (one, two) = (place.ready().await, place.open().await);
    let mut recording = tokio::task::JoinSet::new();
    for number in 0..32 {
        let store = if number % 2 == 0 {
            one.clone()
        } else {
            two.clone()
        };
        recording.spawn(async move {
            let events = vec![
                event("changed", "E-1", &format!("c{number}")),
                event(
                    "changed",
                    &format!("E-{}", 2 + number % 3),
                    &format!("x{number}"),
                ),
            ];
            store
                .record(&[hook(number, events)], &wiring())
                .await
                .expect("recorded")
                .hooks[0]
                .events[0]
                .person
                .clone()
        });
    }
    let people: BTreeSet<_> = recording.join_all().await.into_iter().collect();
    assert_eq!(people.len(), 1);
    let person = people.first().expect("one");
    let facts = one.facts(person).await.expect("read").expect("known");
    assert_eq!((facts.version, facts.events.len()), (32, 32));
    assert_eq!(reconcile_all(&one).await, 4);
    assert_eq!(
        one.accounts(person).await.expect("read")[0]
            .account
            .reconciled_version,
        32
    );
}

pub async fn joining_and_recording_at_once_loses_nothing(place: &Place) {
    let (one, two) = (place.ready().await, place.open().await);
    let mut recording = tokio::task::JoinSet::new();
    for number in 0..24_i64 {
        let store = if number % 2 == 0 {
            one.clone()
        } else {
            two.clone()
        };
        recording.spawn(async move {
            let worker = format!("E-{}", number % 6);
            let event = if number % 4 == 3 {
                let previous = format!("E-{}", (number + 1) % 6);
                with(
                    "converted",
                    &worker,
                    &format!("v{number}"),
                    json!({"previous_worker_id": previous}),
                )
            } else {
                event("changed", &worker, &format!("c{number}"))
            };
            store
                .record(&[hook(number, vec![event])], &wiring())
                .await
                .expect("recorded")
                .hooks[0]
                .events[0]
                .person
                .clone()
        });
    }
    let people = recording.join_all().await;
    // 3-4, 1-2, 5-0 are joined; each of the three clusters has every event of its two workers.
    for (workers, of) in [
        (["E-3", "E-4"], 3),
        (["E-1", "E-2"], 1),
        (["E-5", "E-0"], 5),
    ] {
        let facts = one.facts(&people[of]).await.expect("read").expect("known");
        let named: BTreeSet<_> = facts
            .events
            .iter()
            .map(|event| event.content.subject.as_str().to_owned())
            .collect();
        assert_eq!(named.len(), 2, "{workers:?}");
        assert_eq!(facts.events.len(), 8);
    }
    reconcile_all(&one).await;
    let swept = one.sweep(&wiring()).await.expect("swept");
    assert_eq!((swept.added, swept.marked), (0, 0), "no mark was lost");
}

pub async fn a_caller_that_goes_away_breaks_nothing(place: &Place) {
    let store = place.ready().await;
    for number in 0..60_i64 {
        let events = vec![event("changed", "E-1", &format!("c{number}"))];
        let hooks = [hook(number, events)];
        let wiring = wiring();
        let (patience, recording) = (
            Duration::from_micros(40 * u64::try_from(number).expect("small")),
            store.record(&hooks, &wiring),
        );
        let _gone = tokio::time::timeout(patience, recording).await;
        let _gone = tokio::time::timeout(patience, store.claim(&request(1))).await;
    }
    // Whatever was begun comes to its end; what is said to be stored afterwards is there for everybody.
    let recorded = record(&store, vec![event("changed", "E-1", "last")]).await;
    let person = recorded.hooks[0].events[0].person.clone();
    let other = place.open().await;
    let facts = other.facts(&person).await.expect("read").expect("known");
    assert!(by_id(&facts.events).contains_key("last"));
    let all: Vec<_> = (0..60)
        .map(|number| hook(number, vec![event("changed", "E-1", &format!("c{number}"))]))
        .collect();
    store.record(&all, &wiring()).await.expect("recorded");
    assert_eq!(
        other
            .facts(&person)
            .await
            .expect("read")
            .expect("known")
            .events
            .len(),
        61
    );
}

pub async fn a_message_that_cannot_be_read_is_parked_once(place: &Place) {
    let store = place.open().await;
    let envelope = UnreadableEnvelope {
        bytes: b"\x00\xffwhat".to_vec(),
        version: Some(9),
        instance: None,
        problem: "version 9".to_owned(),
    };
    assert_eq!(store.quarantined().await.expect("counted"), 0);
    store.quarantine(&envelope).await.expect("quarantined");
    store.quarantine(&envelope).await.expect("quarantined");
    assert_eq!(store.quarantined().await.expect("counted"), 1);
}
