//! Collects what came of a case: outcomes, people, dead letters, answers.

use std::collections::BTreeMap;

use hirewire::store::{DeadLetterFilter, DeadLetterSubject};
use hirewire_core::fold::{self, Rules, SourceRules};
use serde_json::json;

use super::{expected::Known, run::Running};

impl Running<'_> {
    pub(super) async fn known(&self) -> Known {
        let mut known = Known {
            paused: self.paused().await,
            dead_letters: Vec::new(),
            outcomes: BTreeMap::new(),
            people: BTreeMap::new(),
            answers: self.answers.clone(),
        };

        let mut names = BTreeMap::new();
        for worker in self.workers() {
            for person in self.find(&worker).await {
                for view in self.store.accounts(&person).await.expect("the store") {
                    let outcome = view.account.outcome.map(|outcome| outcome.kind.as_str());
                    let outcome = outcome.unwrap_or_default().to_owned();
                    known.outcomes.insert(worker.clone(), outcome);
                }
                if let Some(facts) = self.store.facts(&person).await.expect("the store") {
                    let now = self.store.now().await.expect("the store");
                    let folded = fold::fold(&facts.events, &facts.alias, now, &rules());
                    let ends = folded.employments.iter().any(|one| one.end.is_some());
                    let status = json!(folded.status).as_str().unwrap_or_default().to_owned();
                    known.people.insert(worker.clone(), (status, ends));
                }
                names.insert(person, worker.clone());
            }
        }

        let open = DeadLetterFilter::default();
        for filed in self.store.dead_letters(&open).await.expect("the store") {
            let worker = match &filed.subject {
                DeadLetterSubject::Account { person, .. }
                | DeadLetterSubject::Person { person } => {
                    let unknown = || person.to_string();
                    Some(names.get(person).cloned().unwrap_or_else(unknown))
                }
                DeadLetterSubject::Hook { .. } => None,
            };
            known.dead_letters.push((worker, filed));
        }
        known
    }
}

/// The rules of the fold for a source in Berlin.
fn rules() -> Rules {
    let source = SourceRules {
        time_zone: jiff::tz::TimeZone::get("Europe/Berlin").expect("a zone"),
        ..SourceRules::default()
    };
    let name = serde_json::from_value(json!("acme")).expect("a source");
    Rules {
        sources: [(name, source)].into(),
        scope: None,
    }
}
