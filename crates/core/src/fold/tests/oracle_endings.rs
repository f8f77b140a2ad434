//! The oracle's reading of fold.md 3, "Ending": which employments an ending reaches.

use jiff::Timestamp;

use super::{
    oracle_replay::{Job, Replayed, eq, lt},
    oracle_set::Counted,
};
use crate::{
    event::{Alias, EmploymentId, Kind, Moment},
    fold::FindingKind,
};

impl Job {
    /// The ending `e` reaches what had begun before it (fold.md 3, a).
    fn fits_a(&self, e: Moment) -> bool {
        !self.no_show()
            && self.start.is_none_or(|start| lt(start, e))
            && self.end.is_none_or(|end| !lt(end, e))
    }
}

impl Replayed {
    /// Whether the same ending had been known before `than`.
    fn same_known(
        &self,
        worker: &Alias,
        slot: Option<&EmploymentId>,
        e: Moment,
        than: Option<Timestamp>,
    ) -> bool {
        self.endings.iter().any(|ending| {
            ending.worker == *worker
                && ending.slot.as_ref() == slot
                && eq(ending.e, e)
                && than.is_none_or(|than| ending.occurred < than)
        })
    }

    fn fits_b(
        &self,
        at: usize,
        slot: Option<&EmploymentId>,
        e: Moment,
        occurred: Timestamp,
        any_a: bool,
    ) -> bool {
        let job = &self.jobs[at];
        let Some(start) = job.start else { return false };
        !lt(start, e)
            && (start.instant > occurred || eq(start, e))
            && (job.opened < Some(occurred) || !any_a)
            && !(job.opened.is_some() && self.same_known(&job.worker, slot, e, job.opened))
    }

    /// Rules a to c on those; what they ended.
    pub fn end_among(
        &mut self,
        fact: &Counted,
        among: &[usize],
        slot: Option<&EmploymentId>,
        e: Moment,
    ) -> Vec<usize> {
        let occurred = fact.occurred;
        let a: Vec<usize> = among
            .iter()
            .copied()
            .filter(|at| self.jobs[*at].fits_a(e))
            .collect();
        let b: Vec<usize> = among
            .iter()
            .copied()
            .filter(|at| self.fits_b(*at, slot, e, occurred, !a.is_empty()))
            .collect();
        for at in &a {
            self.fire("ending a");
            let job = &mut self.jobs[*at];
            let said = job.ends.iter().any(|end| end.instant == e.instant);
            let stays = job.end.filter(|known| {
                eq(*known, e) && known.instant < e.instant && (said || job.over(occurred))
            });
            job.end_at(stays.unwrap_or(e), Some(&fact.key));
            job.ends.push(e);
        }
        for at in &b {
            self.fire("ending b");
            let start = self.jobs[*at].start.expect("fits b");
            self.jobs[*at].end_at(start, Some(&fact.key));
            self.jobs[*at].ends.push(e);
        }
        let ended: Vec<usize> = a.into_iter().chain(b).collect();
        let superseded: Vec<Moment> = match fact.kind {
            Kind::Snapshot => Vec::new(),
            _ => fact.earlier.iter().map(|(_, end)| *end).collect(),
        };
        if !ended.is_empty() {
            for at in &ended {
                self.jobs[*at].ends.extend(&superseded);
            }
            return ended;
        }
        let last = among
            .iter()
            .copied()
            .filter(|at| self.jobs[*at].end.is_some() && !self.jobs[*at].no_show())
            .max_by_key(|at| {
                [self.jobs[*at].end, self.jobs[*at].start]
                    .map(|moment| moment.map(|moment| moment.instant))
            });
        if let Some(at) = last
            && !self.jobs[at].over(occurred)
            && !self.same_known(&self.jobs[at].worker, slot, e, None)
            && !self.jobs[at].ends.iter().any(|known| eq(*known, e))
        {
            self.fire("ending c");
            self.jobs[at].set_end(e, Some(&fact.key));
            self.jobs[at].ends.extend(superseded);
            return vec![at];
        }
        Vec::new()
    }

    pub fn ending(
        &mut self,
        fact: &Counted,
        worker: &Alias,
        id: Option<EmploymentId>,
        e: Moment,
    ) -> Vec<usize> {
        let slot = self.slot(worker, id.as_ref());
        let never: Vec<usize> = slot
            .iter()
            .copied()
            .filter(|at| self.jobs[*at].no_show())
            .collect();
        let mut ended = self.end_among(fact, &slot, id.as_ref(), e);
        if id.is_none() && ended.iter().filter(|at| !never.contains(at)).count() > 1 {
            self.find(FindingKind::EndedSeveral, fact);
        }
        if ended.is_empty() {
            ended = self.put_unknown(fact, worker, &slot, id.clone(), e);
        }
        self.note(fact, worker, id, e);
        ended
    }
}
