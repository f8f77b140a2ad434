//! Step 5 of the fold: the replay (`docs/fold.md` 3).
//!
//! In: the facts in the order in which HR knew them. Out: a timeline for each alias, the access
//! revocations that nothing has lifted, and findings. The replay only changes this state: `status`
//! derives the status of an instant from it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    cancel::CancelTarget,
    end_dates::StatedEndDates,
    ending::{EndingOutcome, StatedEnding},
    finding_kind::FindingKind,
    rules::Rules,
    set::Findings,
    snapshot::EmploymentList,
    start::{StartKind, StartOutcome, StatedStart},
    timeline::{CivilOrder, EmploymentPeriod, OpenedBy, Opening, Selection, Timeline},
    zones::DatedFact,
};
use crate::event::{Alias, EmploymentId, EventKey, Kind, Moment};

/// An `access_revoked` that no `access_restored` has lifted.
#[derive(Clone, Debug)]
pub(super) struct AccessRevocation {
    /// The alias that it names. It applies to the whole person.
    pub alias: Alias,
    pub key: EventKey,
    pub effective: Moment,
    pub occurred: Timestamp,
}

/// The state of the replay.
#[derive(Debug, Default)]
pub(super) struct ReplayState<'f> {
    pub timelines: BTreeMap<Alias, Timeline>,
    pub revocations: Vec<AccessRevocation>,
    /// The aliases that each alias was converted to.
    successors: BTreeMap<Alias, BTreeSet<Alias>>,
    /// For every key by which a reference can name a fact, the key at its position.
    position_keys: BTreeMap<&'f EventKey, &'f EventKey>,
    end_dates: StatedEndDates<'f>,
}

/// Replays the facts, which are in the order of the replay.
pub(super) fn replay<'f>(
    facts: &'f [DatedFact<'f>],
    rules: &Rules,
    findings: &mut Findings,
) -> ReplayState<'f> {
    let mut state = ReplayState::default();
    for fact in facts {
        state
            .position_keys
            .extend(fact.keys.iter().map(|key| (key, &fact.position.key)));
        state.timelines.entry(fact.alias.clone()).or_default();
    }

    for fact in facts {
        for finding in state.apply(fact) {
            findings.add(finding, &fact.position, fact.event);
        }
    }

    for fact in state.end_dates.contradicting(&state.timelines, rules) {
        findings.add(
            FindingKind::EndDateWithoutEnding,
            &fact.position,
            fact.event,
        );
    }
    state
}

impl<'f> ReplayState<'f> {
    fn apply(&mut self, fact: &'f DatedFact<'f>) -> Vec<FindingKind> {
        match fact.event.kind() {
            Kind::Hired => self.start(fact, StartKind::Hired, fact.hire_opening()),
            Kind::Rehired => self.start(fact, StartKind::Rehired, fact.hire_opening()),
            Kind::Converted => self.convert(fact),
            Kind::Terminated => self.end(fact, fact.effective),
            Kind::HireRescinded => self.rescind_hire(fact),
            Kind::RecordDeleted => self.delete_record(fact),
            Kind::TerminationCancelled => self.cancel(fact),
            Kind::AccessRevoked => {
                self.revoke_access(fact);
                Vec::new()
            }
            Kind::AccessRestored => self.restore_access(fact),
            Kind::LeaveStarted => {
                self.update_successors(&fact.alias, |timeline| {
                    timeline.start_leave(fact.effective);
                });
                Vec::new()
            }
            Kind::LeaveEnded => {
                self.update_successors(&fact.alias, |timeline| timeline.end_leave(fact.effective));
                Vec::new()
            }
            Kind::Snapshot => self.apply_list(fact),
            Kind::Changed => {
                self.end_dates.record(fact);
                Vec::new()
            }
            // `aliases` has read the links, and `edits` has applied the voids.
            Kind::IdentifierChanged | Kind::Linked | Kind::Unlinked | Kind::Voided => Vec::new(),
        }
    }

    fn timeline(&mut self, alias: &Alias) -> &mut Timeline {
        self.timelines.entry(alias.clone()).or_default()
    }

    /// The position keys of the facts that `refers_to` names.
    fn referenced_keys(&self, fact: &DatedFact<'_>) -> Vec<EventKey> {
        fact.refers_to
            .iter()
            .map(|key| (*self.position_keys.get(key).unwrap_or(&key)).clone())
            .collect()
    }

    fn start(
        &mut self,
        fact: &DatedFact<'_>,
        kind: StartKind,
        opening: Opening,
    ) -> Vec<FindingKind> {
        let start = StatedStart {
            kind,
            id: fact.employment(),
            effective: fact.effective,
            is_dated: fact.states_effective,
            occurred: fact.occurred(),
            superseded: &fact.superseded,
            opening,
        };
        let timeline = self.timeline(&fact.alias);
        let selection = timeline.select_and_assign_id(start.id);

        let (touched, finding) = match timeline.apply_start(&selection, &start) {
            StartOutcome::Refused(_) => (Selection::new(), Some(FindingKind::StartInsideEnded)),
            StartOutcome::RefusedUndated => (Selection::new(), Some(FindingKind::StartWithoutDate)),
            StartOutcome::Repeated(repeated) => (repeated, None),
            StartOutcome::Moved(serial) | StartOutcome::Opened(serial) => {
                (Selection::from([serial]), None)
            }
        };
        if kind == StartKind::Converted {
            timeline.update(&touched, |period| period.is_continuation = true);
        }
        finding.into_iter().collect()
    }

    /// `converted`: ends every employment of the previous worker id, and starts one of the new id
    /// that continues the first of them.
    fn convert(&mut self, fact: &DatedFact<'_>) -> Vec<FindingKind> {
        let mut findings = Vec::new();
        let mut opening = Opening::BEFORE_EVERYTHING;
        if let Some(previous) = &fact.previous {
            let ending = fact.ending(None, fact.effective);
            let timeline = self.timeline(previous);
            let selection = timeline.select(None);
            let (ended, finding) = timeline.apply_ending_with_finding(&selection, &ending);
            findings.extend(finding);

            // Of several employments the one that opened first: an access revocation then compares
            // itself with the oldest.
            let first = timeline
                .periods_in(&ended)
                .min_by_key(|period| (period.opened, period.opened_by.hired_at()));
            opening = first.map_or(opening, |period| Opening {
                occurred: period.opened,
                by: period.opened_by,
            });

            let leaves = timeline.leaves_continuing_after(&fact.effective);
            let successor = self.timeline(&fact.alias);
            for leave in leaves {
                successor.add_leave(leave);
            }
            self.successors
                .entry(previous.clone())
                .or_default()
                .insert(fact.alias.clone());
        }

        findings.extend(self.start(fact, StartKind::Converted, opening));
        findings
    }

    fn end(&mut self, fact: &DatedFact<'_>, effective: Moment) -> Vec<FindingKind> {
        let ending = fact.ending(fact.employment(), effective);
        let timeline = self.timeline(&fact.alias);
        let selection = timeline.select_and_assign_id(ending.id);
        let (_, finding) = timeline.apply_ending_with_finding(&selection, &ending);
        finding.into_iter().collect()
    }

    fn rescind_hire(&mut self, fact: &DatedFact<'_>) -> Vec<FindingKind> {
        let ending = fact.ending(fact.employment(), fact.effective);
        let timeline = self.timeline(&fact.alias);
        let selection = timeline.select_and_assign_id(ending.id);
        if timeline.rescind_hire(&selection, &ending) {
            Vec::new()
        } else {
            self.end(fact, Moment::at(fact.occurred()))
        }
    }

    fn delete_record(&mut self, fact: &DatedFact<'_>) -> Vec<FindingKind> {
        let ending = fact.ending(fact.employment(), fact.effective);
        let timeline = self.timeline(&fact.alias);
        let selection = timeline.select_and_assign_id(ending.id);

        match timeline.delete_record(&selection, &ending) {
            EndingOutcome::UnknownStart {
                beside_others: true,
                ..
            } => vec![FindingKind::WhichEmployment],
            EndingOutcome::UnknownStart {
                beside_others: false,
                ..
            }
            | EndingOutcome::Ended(_)
            | EndingOutcome::Postponed(_)
            | EndingOutcome::Repeated => Vec::new(),
        }
    }

    fn cancel(&mut self, fact: &DatedFact<'_>) -> Vec<FindingKind> {
        let named = self.referenced_keys(fact);
        // `refers_to` as the event states it: a reference that names no event still is a name.
        let names_none = fact.event.content.data.refers_to.is_empty();
        let target = if names_none {
            CancelTarget::Last(fact.occurred())
        } else {
            CancelTarget::Named(&named)
        };

        let timeline = self.timeline(&fact.alias);
        let selection = timeline.select_and_assign_id(fact.employment());
        if timeline.cancel(&selection, fact.employment(), target) {
            Vec::new()
        } else {
            vec![FindingKind::NothingToCancel]
        }
    }

    fn revoke_access(&mut self, fact: &DatedFact<'_>) {
        self.revocations.push(AccessRevocation {
            alias: fact.alias.clone(),
            key: fact.position.key.clone(),
            effective: fact.effective,
            occurred: fact.occurred(),
        });
    }

    fn restore_access(&mut self, fact: &DatedFact<'_>) -> Vec<FindingKind> {
        let named = self.referenced_keys(fact);
        let before = self.revocations.len();
        self.revocations
            .retain(|revocation| !named.contains(&revocation.key));
        if self.revocations.len() == before {
            vec![FindingKind::NothingToCancel]
        } else {
            Vec::new()
        }
    }

    fn apply_list(&mut self, fact: &DatedFact<'_>) -> Vec<FindingKind> {
        let Some(rows) = &fact.rows else {
            return Vec::new();
        };
        let list = EmploymentList {
            rows,
            occurred: fact.occurred(),
            key: &fact.position.key,
            superseded: &fact.superseded_rows,
        };

        self.timeline(&fact.alias)
            .apply_list(&list)
            .into_iter()
            .collect()
    }

    /// Changes the timeline of the alias, and that of every alias that it was converted to so far,
    /// directly or through others.
    fn update_successors(&mut self, alias: &Alias, change: impl Fn(&mut Timeline)) {
        let mut visited = BTreeSet::new();
        let mut next = vec![alias.clone()];
        while let Some(alias) = next.pop() {
            if visited.insert(alias.clone()) {
                change(self.timeline(&alias));
                next.extend(self.successors.get(&alias).into_iter().flatten().cloned());
            }
        }
    }
}

impl DatedFact<'_> {
    fn hire_opening(&self) -> Opening {
        Opening {
            occurred: Some(self.occurred()),
            by: OpenedBy::Hire(self.occurred()),
        }
    }

    fn ending<'a>(&'a self, id: Option<&'a EmploymentId>, effective: Moment) -> StatedEnding<'a> {
        StatedEnding {
            id,
            effective,
            occurred: self.occurred(),
            key: &self.position.key,
            superseded: &self.superseded,
        }
    }
}

impl Timeline {
    /// Applies an ending. Returns the employments that end there, and the finding, if any.
    fn apply_ending_with_finding(
        &mut self,
        selection: &Selection,
        ending: &StatedEnding<'_>,
    ) -> (Selection, Option<FindingKind>) {
        let no_shows = self.select_where(EmploymentPeriod::is_no_show);

        match self.apply_ending(selection, ending) {
            EndingOutcome::Ended(ended) => {
                let is_several = ending.id.is_none() && ended.difference(&no_shows).count() > 1;
                (ended, is_several.then_some(FindingKind::EndedSeveral))
            }
            EndingOutcome::Postponed(serial) => (Selection::from([serial]), None),
            EndingOutcome::Repeated => {
                let repeated = self
                    .periods_in(selection)
                    .filter(|period| period.end.is_some_and(|end| end.is_same(&ending.effective)))
                    .map(|period| period.serial)
                    .collect();
                (repeated, None)
            }
            EndingOutcome::UnknownStart {
                serial,
                beside_others,
            } => (
                Selection::from([serial]),
                beside_others.then_some(FindingKind::WhichEmployment),
            ),
        }
    }
}
