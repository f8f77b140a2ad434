//! Waits until nothing more is to be done soon for a case.

use std::time::Duration;

use hirewire::store::{AccountView, DeadLetterFilter, DeadLetterSubject, OutcomeKind, PersonKey};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{case::Step, run::Running};

/// An account that waits longer than this is at rest.
const SOON: SignedDuration = SignedDuration::from_secs(5);

impl Running<'_> {
    /// Waits until a hook is stored: all of its events, and its dead letter if its answer announces
    /// one. A hook without either leaves nothing to wait for.
    pub(super) async fn wait_for_hook(&self, answer: &Value) {
        for id in answer["accepted"].as_array().into_iter().flatten() {
            let id = id.as_str().expect("an id");
            let events = self.workers().into_iter().map(|worker| async move {
                self.wait_for_event(&worker, id).await;
            });
            let events: Vec<_> = events.map(Box::pin).collect();
            if !events.is_empty() {
                futures_util::future::select_all(events).await;
            }
        }

        let hook = answer["hook"].as_str().unwrap_or_default();
        while answer["dead_lettered"] == true && !self.is_dead_lettered(hook).await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn is_dead_lettered(&self, id: &str) -> bool {
        let all = DeadLetterFilter::default();
        let letters = self.store.dead_letters(&all).await.expect("the store");
        letters.iter().any(|letter| match &letter.subject {
            DeadLetterSubject::Hook { hook, .. } => hook.as_str() == id,
            DeadLetterSubject::Account { .. } | DeadLetterSubject::Person { .. } => false,
        })
    }

    /// Waits until the store has the event.
    pub(super) async fn wait_for_event(&self, worker: &str, id: &str) {
        loop {
            for person in self.find(worker).await {
                let facts = self.store.facts(&person).await.expect("the store");
                let mut events = facts.iter().flat_map(|facts| &facts.events);
                if events.any(|event| event.content.id == id) {
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(super) async fn find(&self, worker: &str) -> Vec<PersonKey> {
        let text = format!("acme/{worker}");
        self.store.find_person(&text).await.expect("the store")
    }

    /// Waits until no account of the case is to be reconciled soon.
    pub(super) async fn wait_for_rest(&self) {
        loop {
            let now = self.store.now().await.expect("the store");
            let paused = self.paused().await.is_some();
            let mut at_rest = true;
            for worker in self.workers() {
                for person in self.find(&worker).await {
                    for view in self.store.accounts(&person).await.expect("the store") {
                        at_rest &= self.is_at_rest(&view, now, paused).await;
                    }
                }
            }
            if at_rest {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn is_at_rest(&self, view: &AccountView, now: Timestamp, paused: bool) -> bool {
        let account = &view.account;
        let Some(outcome) = &account.outcome else {
            return false;
        };
        if view.lease_until.is_some() {
            return false;
        }
        if paused {
            return true;
        }

        let later = now.checked_add(SOON).expect("a time");
        let is_soon = |time: Option<Timestamp>| time.is_some_and(|time| time < later);
        let waits = outcome.kind == OutcomeKind::Waiting;
        if account.pending_since.is_some() {
            return false;
        }
        if !(is_soon(account.verify_at)
            || is_soon(account.next_due_at)
            || waits && is_soon(account.not_before))
        {
            return true;
        }

        // It is tried again and again, and an operator knows of it already.
        let open = DeadLetterFilter {
            person: Some(account.person.clone()),
            ..DeadLetterFilter::default()
        };
        let letters = self.store.dead_letters(&open).await.expect("the store");
        waits && account.attempts > 3 && !letters.is_empty()
    }

    /// The workers that the case names.
    pub(super) fn workers(&self) -> Vec<String> {
        let mut workers: Vec<String> = self
            .case
            .steps
            .iter()
            .flat_map(|step| match step {
                Step::Event(event) => vec![event.subject.clone()],
                Step::Events { together } => {
                    together.iter().map(|event| event.subject.clone()).collect()
                }
                Step::Server(_) => Vec::new(),
            })
            .chain(self.case.expected.people.keys().cloned())
            .collect();
        workers.sort();
        workers.dedup();
        workers
    }

    pub(super) async fn paused(&self) -> Option<String> {
        let states = self.store.connection_states().await.expect("the store");
        states
            .into_iter()
            .find_map(|state| state.paused)
            .map(|pause| pause.reason)
    }
}
