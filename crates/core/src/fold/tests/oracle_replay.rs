//! The oracle reads `docs/fold.md` 3: it applies the facts to the employments of their workers.
//!
//! In: an [`OracleSet`]. Out: the [`OracleState`] after the last fact.

use std::collections::BTreeMap;

use super::{
    oracle_set::{OracleFact, OracleSet, refers_to, rules_of},
    oracle_start::StartRequest,
    oracle_state::{OracleRevocation, OracleState},
};
use crate::{
    event::{Alias, Kind},
    fold::{FindingKind, Rules},
};

/// Replays the facts. `same` maps each alias to its worker.
pub fn replay(set: &OracleSet, same: &BTreeMap<Alias, Alias>, rules: &Rules) -> OracleState {
    let mut state = OracleState::default();
    for fact in &set.facts {
        state.apply(fact, set, same, rules);
        state
            .employments
            .retain(|employment| !employment.is_removed);
    }
    state
}

impl OracleState {
    fn apply(
        &mut self,
        fact: &OracleFact,
        set: &OracleSet,
        same: &BTreeMap<Alias, Alias>,
        rules: &Rules,
    ) {
        let worker = &same[&fact.alias];
        let id = fact.event.content.data.employment_id.clone();

        match fact.kind {
            Kind::Hired | Kind::Rehired => {
                self.start(&StartRequest {
                    fact,
                    worker,
                    id,
                    start: fact.effective,
                    is_dated: fact.is_dated,
                    superseded: fact.superseded.clone(),
                    continued: None,
                });
            }
            Kind::Converted => self.convert(fact, worker, same),
            Kind::Terminated => {
                self.end(fact, worker, id, fact.effective);
            }
            Kind::HireRescinded => self.rescind_hire(fact, worker, id),
            Kind::RecordDeleted => self.delete_record(fact, worker, id),
            Kind::TerminationCancelled => self.cancel(fact, worker, id.as_ref(), set),
            Kind::AccessRevoked => self.revocations.push(OracleRevocation {
                key: fact.key.clone(),
                worker: worker.clone(),
                effective: fact.effective,
                occurred: fact.occurred,
            }),
            Kind::AccessRestored => self.restore_access(fact, set),
            Kind::LeaveStarted => {
                for worker in self.with_successors(worker) {
                    self.start_leave(&worker, fact.effective);
                }
            }
            Kind::LeaveEnded => {
                for worker in self.with_successors(worker) {
                    self.end_leave(&worker, fact.effective);
                }
            }
            Kind::Snapshot => {
                let zone = rules_of(rules, &fact.event).time_zone;
                self.apply_list(fact, worker, &zone);
            }
            Kind::Changed
            | Kind::IdentifierChanged
            | Kind::Voided
            | Kind::Linked
            | Kind::Unlinked => {}
        }
    }

    fn restore_access(&mut self, fact: &OracleFact, set: &OracleSet) {
        let before = self.revocations.len();
        self.revocations
            .retain(|revocation| !refers_to(&fact.event, &revocation.key, set));
        if self.revocations.len() < before {
            self.count_rule("access restored");
        } else {
            self.count_rule("access restored, nothing to restore");
            self.add_finding(FindingKind::NothingToCancel, fact);
        }
    }
}
