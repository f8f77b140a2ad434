//! The replay: what each fact does, in the order of knowledge.
//!
//! In: the facts. Out: a timeline for each alias, the bars that stand, and findings. It moves state only: where a person
//! stands at some instant is asked afterwards (`status`).

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, civil::Date};

use super::{
    FindingKind, Rules,
    cancel::Cancelled,
    ending::{Ended, Ending},
    set::Findings,
    snapshot::List,
    start::{Start, StartKind, Started},
    timeline::{EmploymentPeriod, Opener, Origin, SameMoment, Slot, Timeline},
    zones::Fact,
};
use crate::event::{Alias, Boundary, Change, EmploymentId, EventKey, Kind, Moment};

/// A revocation that nothing has lifted.
#[derive(Clone, Debug)]
pub(super) struct AccessRevocation {
    /// Whose it is; it bars the whole person.
    pub alias: Alias,
    /// Its key.
    pub key: EventKey,
    /// From when on.
    pub effective: Moment,
    /// When it was known.
    pub occurred: Timestamp,
}

/// The state of the replay.
#[derive(Debug, Default)]
pub(super) struct Replay<'f> {
    /// By alias.
    pub timelines: BTreeMap<Alias, Timeline>,
    /// Those that stand.
    pub bars: Vec<AccessRevocation>,
    /// Whom an alias was converted to.
    heirs: BTreeMap<Alias, BTreeSet<Alias>>,
    /// Under which key a fact counts that can also be named by another.
    named: BTreeMap<&'f EventKey, &'f EventKey>,
    /// The last end that `changed` stated in its `dates`, for each slot.
    end_dates: BTreeMap<(&'f Alias, Option<&'f EmploymentId>), EndDate<'f>>,
}

/// An end date, and which fact stated it.
type EndDate<'f> = (&'f Fact<'f>, Option<Date>);

/// Replays the facts.
pub(super) fn replay<'f>(
    facts: &'f [Fact<'f>],
    rules: &Rules,
    findings: &mut Findings,
) -> Replay<'f> {
    let mut replay = Replay::default();
    for fact in facts {
        replay
            .named
            .extend(fact.keys.iter().map(|key| (key, &fact.place.key)));
        replay.timelines.entry(fact.alias.clone()).or_default();
    }
    for fact in facts {
        for finding in replay.apply(fact) {
            findings.add(finding, &fact.place, fact.event);
        }
    }
    for ((alias, employment), (fact, date)) in &replay.end_dates {
        let zone = rules.of(&alias.source).time_zone;
        let contradicts = |timeline: &Timeline| {
            date.is_some_and(|date| timeline.contradicts(*employment, date, &zone))
        };
        if replay.timelines.get(*alias).is_some_and(contradicts) {
            findings.add(FindingKind::EndDateWithoutEnding, &fact.place, fact.event);
        }
    }
    replay
}

impl<'f> Replay<'f> {
    fn apply(&mut self, fact: &'f Fact<'f>) -> Vec<FindingKind> {
        match fact.event.kind() {
            Kind::Hired => self.start(
                fact,
                StartKind::Hired,
                (Some(fact.occurred()), Opener::Hire(fact.occurred())),
            ),
            Kind::Rehired => self.start(
                fact,
                StartKind::Rehired,
                (Some(fact.occurred()), Opener::Hire(fact.occurred())),
            ),
            Kind::Converted => self.convert(fact),
            Kind::Terminated => self.end(fact, fact.effective),
            Kind::HireRescinded => self.rescind(fact),
            Kind::RecordDeleted => self.delete(fact),
            Kind::TerminationCancelled => self.cancel(fact),
            Kind::AccessRevoked => {
                self.bars.push(AccessRevocation {
                    alias: fact.alias.clone(),
                    key: fact.place.key.clone(),
                    effective: fact.effective,
                    occurred: fact.occurred(),
                });
                Vec::new()
            }
            Kind::AccessRestored => {
                let named = self.named_by(fact);
                let stood = self.bars.len();
                self.bars.retain(|bar| !named.contains(&bar.key));
                if self.bars.len() == stood {
                    vec![FindingKind::NothingToCancel]
                } else {
                    Vec::new()
                }
            }
            Kind::LeaveStarted => {
                self.with_heirs(&fact.alias, |timeline| timeline.begin_leave(fact.effective));
                Vec::new()
            }
            Kind::LeaveEnded => {
                self.with_heirs(&fact.alias, |timeline| timeline.end_leave(fact.effective));
                Vec::new()
            }
            Kind::Snapshot => self.list(fact),
            Kind::Changed => {
                self.note_end_date(fact);
                Vec::new()
            }
            // Links were read before the replay; voids are no longer in the set.
            Kind::IdentifierChanged | Kind::Linked | Kind::Unlinked | Kind::Voided => Vec::new(),
        }
    }

    fn timeline(&mut self, alias: &Alias) -> &mut Timeline {
        self.timelines.entry(alias.clone()).or_default()
    }

    /// The keys under which what it refers to counts.
    fn named_by(&self, fact: &Fact<'_>) -> Vec<EventKey> {
        fact.refers_to
            .iter()
            .map(|key| (*self.named.get(key).unwrap_or(&key)).clone())
            .collect()
    }

    fn start(&mut self, fact: &Fact<'_>, kind: StartKind, opens_as: Origin) -> Vec<FindingKind> {
        let start = Start {
            kind,
            id: fact.employment(),
            effective: fact.effective,
            is_dated: fact.states_effective,
            occurred: fact.occurred(),
            superseded: &fact.superseded,
            opens_as,
        };
        let timeline = self.timeline(&fact.alias);
        let slot = timeline.claim(start.id);
        let outcome = timeline.start(&slot, &start);
        let (touched, finding) = match outcome {
            Started::Refused(_) => (Slot::new(), Some(FindingKind::StartInsideEnded)),
            Started::Undated => (Slot::new(), Some(FindingKind::StartWithoutDate)),
            Started::Repeated(slot) => (slot, None),
            Started::Moved(serial) | Started::Opened(serial) => (Slot::from([serial]), None),
        };
        if kind == StartKind::Converted {
            timeline.each(&touched, |period| period.converted = true);
        }
        finding.into_iter().collect()
    }

    fn convert(&mut self, fact: &Fact<'_>) -> Vec<FindingKind> {
        let mut findings = Vec::new();
        let mut opens_as = (None, Opener::Nothing);
        if let Some(previous) = &fact.previous {
            let ending = fact.ending(None, fact.effective);
            let timeline = self.timeline(previous);
            let slot = timeline.slot(None);
            let (ended, noticed) = timeline.end_noticing(&slot, &ending);
            findings.extend(noticed);
            // Of several the one that was there first: a bar then sees the oldest.
            let first = timeline
                .of(&ended)
                .min_by_key(|period| (period.opened, period.opener.hired_at()));
            opens_as = first.map_or(opens_as, |period| (period.opened, period.opener));
            let leaves = timeline.leaves_after(&fact.effective);
            let heir = self.timeline(&fact.alias);
            for leave in leaves {
                heir.continue_leave(leave);
            }
            self.heirs
                .entry(previous.clone())
                .or_default()
                .insert(fact.alias.clone());
        }
        findings.extend(self.start(fact, StartKind::Converted, opens_as));
        findings
    }

    fn end(&mut self, fact: &Fact<'_>, effective: Moment) -> Vec<FindingKind> {
        let ending = fact.ending(fact.employment(), effective);
        let timeline = self.timeline(&fact.alias);
        let slot = timeline.claim(ending.id);
        timeline
            .end_noticing(&slot, &ending)
            .1
            .into_iter()
            .collect()
    }

    fn rescind(&mut self, fact: &Fact<'_>) -> Vec<FindingKind> {
        let ending = fact.ending(fact.employment(), fact.effective);
        let timeline = self.timeline(&fact.alias);
        let slot = timeline.claim(ending.id);
        match timeline.rescind(&slot, &ending) {
            Some(_) => Vec::new(),
            None => self.end(fact, Moment::at(fact.occurred())),
        }
    }

    fn delete(&mut self, fact: &Fact<'_>) -> Vec<FindingKind> {
        let ending = fact.ending(fact.employment(), fact.effective);
        let timeline = self.timeline(&fact.alias);
        let slot = timeline.claim(ending.id);
        match timeline.delete(&slot, &ending) {
            Ended::Unseen {
                beside_others: true,
                ..
            } => vec![FindingKind::WhichEmployment],
            Ended::Unseen {
                beside_others: false,
                ..
            }
            | Ended::These(_)
            | Ended::Postponed(_)
            | Ended::Repeat => Vec::new(),
        }
    }

    fn cancel(&mut self, fact: &Fact<'_>) -> Vec<FindingKind> {
        let named = self.named_by(fact);
        let names_none = fact.event.content.data.refers_to.is_empty();
        let cancelled = if names_none {
            Cancelled::Last(fact.occurred())
        } else {
            Cancelled::Named(&named)
        };
        let timeline = self.timeline(&fact.alias);
        let slot = timeline.claim(fact.employment());
        if timeline.cancel(&slot, fact.employment(), cancelled) {
            Vec::new()
        } else {
            vec![FindingKind::NothingToCancel]
        }
    }

    fn list(&mut self, fact: &Fact<'_>) -> Vec<FindingKind> {
        let Some(rows) = &fact.rows else {
            return Vec::new();
        };
        let (occurred, key) = (fact.occurred(), &fact.place.key);
        let list = List {
            rows,
            occurred,
            key,
            superseded: &fact.superseded_rows,
        };
        self.timeline(&fact.alias).list(&list).into_iter().collect()
    }

    /// Does something to the alias and to all it was converted to, whenever that became known.
    fn with_heirs(&mut self, alias: &Alias, act: impl Fn(&mut Timeline)) {
        let mut seen = BTreeSet::new();
        let mut next = vec![alias.clone()];
        while let Some(alias) = next.pop() {
            if seen.insert(alias.clone()) {
                act(self.timeline(&alias));
                next.extend(self.heirs.get(&alias).into_iter().flatten().cloned());
            }
        }
    }

    fn note_end_date(&mut self, fact: &'f Fact<'f>) {
        let Change::Set(dates) = &fact.event.content.data.worker.dates else {
            return;
        };
        let date = match &dates.end {
            Change::Keep => return,
            Change::Clear => None,
            Change::Set(date) => Some(date.0),
        };
        self.end_dates
            .insert((&fact.alias, fact.employment()), (fact, date));
    }
}

impl Fact<'_> {
    fn ending<'a>(&'a self, id: Option<&'a EmploymentId>, effective: Moment) -> Ending<'a> {
        Ending {
            id,
            effective,
            occurred: self.occurred(),
            key: &self.place.key,
            superseded: &self.superseded,
        }
    }
}

impl Timeline {
    /// Replays an ending. What it ended, and what is worth a finding.
    fn end_noticing(&mut self, slot: &Slot, ending: &Ending<'_>) -> (Slot, Option<FindingKind>) {
        let never_began = self.serials(EmploymentPeriod::is_no_show);
        match self.end(slot, ending) {
            Ended::These(ended) => {
                let is_several = ending.id.is_none() && ended.difference(&never_began).count() > 1;
                (ended, is_several.then_some(FindingKind::EndedSeveral))
            }
            Ended::Postponed(serial) => (Slot::from([serial]), None),
            Ended::Repeat => {
                let ends_then = |period: &&EmploymentPeriod| {
                    period.end.is_some_and(|end| end.is(&ending.effective))
                };
                (
                    self.of(slot)
                        .filter(ends_then)
                        .map(|period| period.serial)
                        .collect(),
                    None,
                )
            }
            Ended::Unseen {
                serial,
                beside_others,
            } => (
                Slot::from([serial]),
                beside_others.then_some(FindingKind::WhichEmployment),
            ),
        }
    }

    /// Whether an employment goes on past that date while none ends on it.
    fn contradicts(
        &self,
        id: Option<&EmploymentId>,
        date: Date,
        zone: &jiff::tz::TimeZone,
    ) -> bool {
        let (first, last) = (
            Moment::of_day(date, Boundary::StartOfDay, zone),
            Moment::of_day(date, Boundary::EndOfDay, zone),
        );
        let slot = self.slot(id);
        let ends_then = |period: &EmploymentPeriod| {
            period
                .end
                .is_some_and(|end| !end.before(&first) && !last.before(&end))
        };
        let goes_on = |period: &EmploymentPeriod| {
            let begins = period.start.is_none_or(|start| !last.before(&start));
            begins && !period.is_no_show() && period.end.is_none_or(|end| last.before(&end))
        };
        !self.of(&slot).any(ends_then) && self.of(&slot).any(goes_on)
    }
}
