//! Dead letters: one for each problem, closed by success, replayed with a reason.

use hirewire::{
    queue::Payload,
    store::{
        Claim, Commit, DeadLetterCause, DeadLetterFilter, DeadLetterSubject, NewDeadLetter,
        OutcomeKind, RawHook,
    },
};
use hirewire_core::fold::FindingKind;
use jiff::SignedDuration;
use serde_json::json;

use super::harness::*;

fn dead_letter(claim: &Claim, cause: DeadLetterCause, summary: &str) -> NewDeadLetter {
    let account = &claim.account;

    NewDeadLetter {
        subject: DeadLetterSubject::Account {
            connection: account.connection.clone(),
            person: account.person.clone(),
        },
        cause,
        summary: summary.to_owned(),
        detail: json!({"status": 400}),
        raw: None,
    }
}

fn commit_with(claim: &Claim, dead_letters: Vec<NewDeadLetter>) -> Commit {
    Commit {
        dead_letters,
        reconciled: true,
        ..Commit::keeping(&claim.account, outcome(OutcomeKind::DeadLetter))
    }
}

pub async fn the_same_problem_is_one_open_dead_letter(harness: &StoreHarness) {
    let store = harness.ready().await;
    let person = person(&store, "E-1").await;

    for (round, summary) in ["first", "second", "third"].into_iter().enumerate() {
        store_events(&store, vec![event("changed", "E-1", &format!("c{round}"))]).await;
        let claim = claim_one(&store).await;
        let letters = vec![
            dead_letter(&claim, DeadLetterCause::Refused, summary),
            dead_letter(&claim, DeadLetterCause::Conflict, summary),
        ];
        store
            .commit(&claim, &commit_with(&claim, letters))
            .await
            .expect("committed");
    }

    let letters = open_dead_letters(&store).await;
    let causes: std::collections::BTreeSet<_> =
        letters.iter().map(|letter| letter.cause.as_str()).collect();
    assert_eq!((letters.len(), causes), (2, ["conflict", "refused"].into()));

    for letter in &letters {
        assert_eq!(
            (
                letter.occurrences,
                letter.summary.as_str(),
                letter.closed_at
            ),
            (3, "third", None)
        );
        assert!(
            letter.last_filed_at > letter.filed_at && !letter.has_raw && letter.id.0.len() == 8
        );
        assert_eq!(
            letter.subject,
            DeadLetterSubject::Account {
                connection: "app".to_owned(),
                person: person.clone()
            }
        );
    }
    assert_eq!(
        store.dead_letter_counts().await.expect("counted"),
        [
            ("app".to_owned(), "conflict".to_owned(), 1),
            ("app".to_owned(), "refused".to_owned(), 1)
        ]
    );
}

pub async fn a_successful_commit_closes_the_accounts_dead_letters(harness: &StoreHarness) {
    let store = harness.ready().await;
    let person = person(&store, "E-1").await;
    let claim = claim_one(&store).await;
    let letters = vec![
        dead_letter(&claim, DeadLetterCause::Refused, "no"),
        dead_letter(&claim, DeadLetterCause::Protected, "kept"),
    ];
    store
        .commit(&claim, &commit_with(&claim, letters))
        .await
        .expect("committed");

    let finding = NewDeadLetter {
        subject: DeadLetterSubject::Person {
            person: person.clone(),
        },
        cause: DeadLetterCause::Finding(FindingKind::HrSaysActive),
        ..dead_letter(&claim, DeadLetterCause::Refused, "HR lists a leaver")
    };

    store.file_dead_letter(&finding).await.expect("filed");
    store_events(&store, vec![event("changed", "E-1", "c")]).await;
    let claim = claim_one(&store).await;
    let commit = Commit {
        dead_letters: vec![dead_letter(&claim, DeadLetterCause::Protected, "still")],
        closes_dead_letters: true,
        ..reconciled(&claim, Some("u-1"))
    };
    store.commit(&claim, &commit).await.expect("committed");
    let open = open_dead_letters(&store).await;
    let open: std::collections::BTreeSet<_> = open
        .iter()
        .map(|letter| (letter.cause.as_str(), letter.occurrences))
        .collect();

    assert_eq!(
        open,
        [("hr_says_active", 1), ("protected", 2)].into(),
        "the dead letter about the person stays open"
    );

    let all = DeadLetterFilter {
        include_closed: true,
        cause: Some("refused".to_owned()),
        ..DeadLetterFilter::default()
    };
    assert!(
        store.dead_letters(&all).await.expect("read")[0]
            .closed_at
            .is_some()
    );

    // The same problem later is another dead letter.
    store_events(&store, vec![event("changed", "E-1", "d")]).await;
    let claim = claim_one(&store).await;

    store
        .commit(
            &claim,
            &commit_with(
                &claim,
                vec![dead_letter(&claim, DeadLetterCause::Refused, "again")],
            ),
        )
        .await
        .expect("committed");
    assert_eq!(store.dead_letters(&all).await.expect("read").len(), 2);

    store_events(&store, vec![event("changed", "E-1", "e")]).await;
    let claim = claim_one(&store).await;

    store
        .commit(
            &claim,
            &Commit {
                closes_dead_letters: true,
                ..reconciled(&claim, Some("u-1"))
            },
        )
        .await
        .expect("committed");

    let open = open_dead_letters(&store).await;
    assert_eq!(
        open.iter()
            .map(|letter| letter.cause.as_str())
            .collect::<Vec<_>>(),
        ["hr_says_active"]
    );
}

pub async fn an_unreadable_hook_is_kept_until_it_is_readable(harness: &StoreHarness) {
    let store = harness.ready().await;

    let unreadable = hook_of(
        "hr",
        0,
        Payload::Unreadable {
            reason: "no `type`".to_owned(),
            body: vec![0, 159, 146, 150],
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        },
    );

    let hooks = [
        unreadable.clone(),
        hook(1, vec![event("hired", "E-1", "h")]),
    ];
    let first = store.store_hooks(&hooks, &routing()).await.expect("stored");
    let letter = first.hooks[0].dead_letter.clone().expect("a letter");

    assert!(first.hooks[0].events.is_empty() && first.hooks[1].dead_letter.is_none());

    // A second delivery files no other dead letter.
    let again = store.store_hooks(&hooks, &routing()).await.expect("stored");
    assert_eq!(again.hooks[0].dead_letter.as_ref(), Some(&letter));

    let letters = open_dead_letters(&store).await;
    assert_eq!(
        (letters.len(), letters[0].occurrences, letters[0].has_raw),
        (1, 1, true)
    );
    assert_eq!(
        letters[0].subject,
        DeadLetterSubject::Hook {
            source: source("hr"),
            hook: unreadable.hook.clone()
        }
    );
    assert_eq!(
        store.dead_letter_counts().await.expect("counted"),
        [(String::new(), "unreadable".to_owned(), 1)]
    );

    let replayed = store
        .replay(&DeadLetterFilter::default(), &[], "kim", "preset fixed")
        .await
        .expect("replayed");
    let kept = RawHook {
        dead_letter: letter,
        hook: unreadable.clone(),
    };
    assert_eq!(replayed.hooks, [kept]);

    let read = hirewire::queue::Hook {
        payload: Payload::Events(vec![event("hired", "E-2", "h2")]),
        ..unreadable.clone()
    };
    store
        .store_hooks(&[read], &routing())
        .await
        .expect("stored");
    assert!(open_dead_letters(&store).await.is_empty());

    // A late copy of the unreadable hook opens no dead letter.
    store
        .store_hooks(&[unreadable], &routing())
        .await
        .expect("stored");
    assert!(open_dead_letters(&store).await.is_empty());
}

pub async fn a_replay_makes_accounts_pending_now(harness: &StoreHarness) {
    let store = harness.ready().await;
    let person = person(&store, "E-1").await;
    let claim = claim_one(&store).await;
    let later = claim.now + SignedDuration::from_hours(1);
    let commit = Commit {
        dead_letters: vec![dead_letter(&claim, DeadLetterCause::Exhausted, "gave up")],
        ..failed(&claim, later)
    };
    store.commit(&claim, &commit).await.expect("committed");

    let finding = NewDeadLetter {
        subject: DeadLetterSubject::Person {
            person: person.clone(),
        },
        cause: DeadLetterCause::Finding(FindingKind::WhichEmployment),
        ..dead_letter(&claim, DeadLetterCause::Refused, "which")
    };

    let finding = store.file_dead_letter(&finding).await.expect("filed");
    assert_eq!(pending_count(&store).await, 0);

    let replayed = store
        .replay(&DeadLetterFilter::default(), &[], "kim", "target fixed")
        .await
        .expect("replayed");
    assert_eq!(replayed.accounts, [("app".to_owned(), person.clone())]);
    assert_eq!(
        (replayed.closed, replayed.unchanged),
        (Vec::new(), vec![finding.clone()]),
        "nothing changed the finding"
    );
    let filter = DeadLetterFilter {
        ids: vec![finding.clone()],
        ..DeadLetterFilter::default()
    };
    let gone = [finding.clone()];
    let replayed = store.replay(&filter, &gone, "kim", "fixed").await;
    assert_eq!(replayed.expect("replayed").closed, gone);

    let claim = claim_one(&store).await;
    assert_eq!(
        (claim.account.attempts, claim.account.not_before),
        (0, None)
    );
    assert_eq!(
        open_dead_letters(&store).await.len(),
        1,
        "a successful commit closes it, a replay does not"
    );

    let line = store
        .history(Some(&person), 1)
        .await
        .expect("read")
        .remove(0);
    assert_eq!(
        (line.outcome.as_str(), line.detail),
        ("replayed", json!({"by": "kim", "reason": "target fixed"}))
    );

    // A replay during a reconcile leaves the account pending.
    store
        .replay(&DeadLetterFilter::default(), &[], "kim", "again")
        .await
        .expect("replayed");
    assert!(
        store
            .commit(&claim, &reconciled(&claim, None))
            .await
            .expect("committed")
            .pending_again
    );
}

pub async fn dead_letters_are_selected_by_filter(harness: &StoreHarness) {
    let store = harness.ready().await;
    let (first, second) = (person(&store, "E-1").await, person(&store, "E-2").await);
    let mut filed = Vec::new();

    for claim in claim(&store, 2).await {
        let letter = dead_letter(
            &claim,
            if claim.account.person == first {
                DeadLetterCause::Vanished
            } else {
                DeadLetterCause::Ambiguous
            },
            "x",
        );
        filed.push(store.file_dead_letter(&letter).await.expect("filed"));
    }

    let found = async |filter: DeadLetterFilter| {
        let letters = store.dead_letters(&filter).await.expect("read");
        letters
            .into_iter()
            .map(|letter| letter.id)
            .collect::<Vec<_>>()
    };

    let any = DeadLetterFilter::default;
    assert_eq!(
        found(any()).await,
        [filed[1].clone(), filed[0].clone()],
        "newest first"
    );
    assert_eq!(
        found(DeadLetterFilter { limit: 1, ..any() }).await,
        filed[1..]
    );
    assert_eq!(
        found(DeadLetterFilter {
            person: Some(second),
            ..any()
        })
        .await,
        filed[1..]
    );
    assert_eq!(
        found(DeadLetterFilter {
            cause: Some("vanished".to_owned()),
            ..any()
        })
        .await,
        filed[..1]
    );
    assert_eq!(
        found(DeadLetterFilter {
            connection: Some("wiki".to_owned()),
            ..any()
        })
        .await,
        []
    );
    assert_eq!(
        found(DeadLetterFilter {
            ids: filed.clone(),
            person: Some(first),
            limit: 5,
            ..any()
        })
        .await,
        filed[..1]
    );
}
