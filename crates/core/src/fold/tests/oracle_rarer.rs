//! The oracle's reading of the rarer facts of fold.md 3: converted, rescinded, deleted, cancelled, leaves.

use std::collections::BTreeMap;

use super::{
    oracle_replay::{Asked, Ending, Job, Leave, Replayed, eq, lt},
    oracle_set::{Counted, Known, refers},
};
use crate::{
    event::{Alias, EmploymentId, Moment},
    fold::FindingKind,
};

impl Replayed {
    /// Rule d of an ending.
    pub fn put_unknown(
        &mut self,
        fact: &Counted,
        worker: &Alias,
        slot: &[usize],
        id: Option<EmploymentId>,
        e: Moment,
    ) -> Vec<usize> {
        let ends_then = |at: &usize| self.jobs[*at].end.is_some_and(|end| eq(end, e));
        let repeats: Vec<usize> = slot.iter().copied().filter(ends_then).collect();
        if !repeats.is_empty() {
            self.fire("ending d, a repeat");
            for at in &repeats {
                self.jobs[*at].ended_by.push(fact.key.clone());
            }
            return repeats;
        }
        self.fire("ending d");
        if !self.of(worker).is_empty() {
            self.find(FindingKind::WhichEmployment, fact);
        }
        self.jobs.push(Job {
            worker: worker.clone(),
            id,
            opened: None,
            hired: None,
            by_list: false,
            converted: false,
            start: None,
            end: Some(e),
            starts: Vec::new(),
            refused: Vec::new(),
            renamed: Vec::new(),
            undated: None,
            ends: fact
                .earlier
                .iter()
                .map(|(_, earlier)| *earlier)
                .chain([e])
                .collect(),
            is_final: false,
            ended_by: vec![fact.key.clone()],
            gone: false,
        });
        vec![self.jobs.len() - 1]
    }

    /// An ending is known from now on.
    pub fn note(&mut self, fact: &Counted, worker: &Alias, slot: Option<EmploymentId>, e: Moment) {
        let (occurred, key) = (fact.occurred, fact.key.clone());
        self.endings.push(Ending {
            worker: worker.clone(),
            slot,
            e,
            occurred,
            key,
        });
    }

    pub fn convert(&mut self, fact: &Counted, worker: &Alias, same: &BTreeMap<Alias, Alias>) {
        let data = &fact.event.content.data;
        let previous = Alias {
            source: fact.alias.source.clone(),
            worker: data
                .previous_worker_id
                .clone()
                .expect("a conversion names it"),
        };
        let (id, s) = (data.employment_id.clone(), fact.effective);
        let previous = &same[&previous];
        // The whole worker leaves under the old number, whichever employment goes on.
        let ended = self.ending(fact, previous, None, s);
        let carried = ended
            .iter()
            .map(|at| &self.jobs[*at])
            .min_by_key(|job| (job.opened, job.hired));
        let carried = Some(carried.map_or((None, None, false), |job| {
            (job.opened, job.hired, job.by_list)
        }));
        let touched = self.start(&Asked {
            fact,
            worker,
            id,
            s,
            stated: fact.stated,
            earlier: fact.earlier.clone(),
            carried,
        });
        touched
            .iter()
            .filter(|_| !self.refused)
            .for_each(|at| self.jobs[*at].converted = true);
        let goes_on =
            |leave: &&Leave| leave.worker == *previous && leave.end.is_none_or(|end| lt(s, end));
        let follow: Vec<Leave> = self.leaves.iter().filter(goes_on).cloned().collect();
        for leave in follow {
            if !self
                .leaves
                .iter()
                .any(|known| known.worker == *worker && eq(known.start, leave.start))
            {
                self.leaves.push(Leave {
                    worker: worker.clone(),
                    ..leave
                });
            }
        }
        self.heirs.push((previous.clone(), worker.clone()));
    }

    pub fn rescind(&mut self, fact: &Counted, worker: &Alias, id: Option<EmploymentId>) {
        let slot = self.slot(worker, id.as_ref());
        let waiting: Vec<usize> = slot
            .into_iter()
            .filter(|at| !self.jobs[*at].begun(fact.occurred))
            .collect();
        if waiting.is_empty() {
            self.fire("rescinded, begun");
            self.ending(fact, worker, id, Moment::at(fact.occurred));
            return;
        }
        for at in waiting {
            self.fire("rescinded");
            self.never_began(at, fact);
        }
        self.note(fact, worker, id, Moment::at(fact.occurred));
    }

    fn never_began(&mut self, at: usize, fact: &Counted) {
        let start = self.jobs[at].start.expect("one not begun has a start");
        self.jobs[at].end_at(start, Some(&fact.key));
        self.jobs[at].is_final = true;
    }

    pub fn delete(&mut self, fact: &Counted, worker: &Alias, id: Option<EmploymentId>) {
        let e = fact.effective;
        let slot = self.slot(worker, id.as_ref());
        if slot.is_empty() {
            self.put_unknown(fact, worker, &slot, id.clone(), e);
        }
        for at in slot {
            let job = &mut self.jobs[at];
            if job.end.is_some_and(|end| !lt(e, end)) {
                continue;
            }
            if job.start.is_none_or(|start| !lt(e, start)) {
                job.set_end(e, Some(&fact.key));
                self.fire("deleted");
            } else {
                self.never_began(at, fact);
                self.fire("deleted before it began");
            }
        }
        self.note(fact, worker, id, e);
    }

    pub fn cancel(
        &mut self,
        fact: &Counted,
        worker: &Alias,
        id: Option<&EmploymentId>,
        known: &Known,
    ) {
        let slot = self.slot(worker, id);
        let named = !fact.event.content.data.refers_to.is_empty();
        let in_slot =
            |ending: &&Ending| id.is_none() || ending.slot.is_none() || ending.slot.as_ref() == id;
        let last = self
            .endings
            .iter()
            .filter(in_slot)
            .rfind(|ending| ending.worker == *worker);
        let last = last.map(|ending| ending.key.clone());
        let meant = |job: &Job| {
            !job.is_final
                && job.end.is_some()
                && if named {
                    job.ended_by
                        .iter()
                        .any(|key| refers(&fact.event, key, known))
                } else {
                    job.ended_by.iter().any(|key| Some(key) == last.as_ref())
                        && !job.over(fact.occurred)
                }
        };
        let lifted: Vec<usize> = slot
            .into_iter()
            .filter(|at| meant(&self.jobs[*at]))
            .collect();
        if lifted.is_empty() {
            self.fire("cancelled nothing");
            self.find(FindingKind::NothingToCancel, fact);
        }
        for at in lifted {
            self.fire(if named {
                "cancelled by name"
            } else {
                "cancelled the last"
            });
            let job = &mut self.jobs[at];
            job.end = None;
            job.ended_by.clear();
            job.start = job.start.or(job.starts.last().copied()).or(job.undated);
            job.starts
                .extend(job.undated.filter(|undated| job.start == Some(*undated)));
            job.gone = job.start.is_none();
        }
    }

    /// The worker, and whoever they were converted to.
    pub fn with_heirs(&self, worker: &Alias) -> Vec<Alias> {
        let mut all = vec![worker.clone()];
        for at in 0..=self.heirs.len() {
            let Some(one) = all.get(at).cloned() else {
                break;
            };
            let heirs = self
                .heirs
                .iter()
                .filter(|(from, _)| *from == one)
                .map(|(_, to)| to);
            let more: Vec<Alias> = heirs.filter(|to| !all.contains(to)).cloned().collect();
            all.extend(more);
        }
        all
    }

    pub fn leave_started(&mut self, worker: &Alias, e: Moment) {
        let known = self
            .leaves
            .iter()
            .any(|leave| leave.worker == *worker && eq(leave.start, e));
        self.fire(if known { "leave again" } else { "leave" });
        if !known {
            self.leaves.push(Leave {
                worker: worker.clone(),
                start: e,
                end: None,
            });
        }
    }

    pub fn leave_ended(&mut self, worker: &Alias, e: Moment) {
        let begun = |leave: &Leave| leave.worker == *worker && lt(leave.start, e);
        let last = self
            .leaves
            .iter()
            .filter(|leave| begun(leave))
            .map(|leave| leave.start.instant)
            .max();
        for at in 0..self.leaves.len() {
            let leave = &mut self.leaves[at];
            if begun(leave) && (leave.end.is_none() || Some(leave.start.instant) == last) {
                let moved = leave.end.is_some();
                leave.end = Some(e);
                self.fire(if moved { "return moved" } else { "returned" });
            }
        }
    }
}
