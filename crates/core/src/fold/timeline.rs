//! The state of the replay: per alias its employments, its leaves and the endings known so far.
//!
//! Here are the nouns and the questions that every rule asks of them. What each fact does to them is in `start`, `ending`,
//! `cancel`, `leave` and `snapshot`.

use std::{cmp::Ordering, collections::BTreeSet};

use jiff::Timestamp;

use super::zones::Stated;
use crate::event::{EmploymentId, EventKey, Moment};

/// What opened an employment, as a bar sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opener {
    /// A `hired` or `rehired`, known then.
    Hire(Timestamp),
    /// A snapshot's row, until a `hired` or `rehired` states it.
    Snapshot,
    /// Nothing that we know: hired before we were here.
    Nothing,
}

impl Opener {
    /// When a `hired` or `rehired` opened or stated it, as far as a bar cares.
    pub fn hired_at(self) -> Option<Timestamp> {
        match self {
            Self::Hire(known) => Some(known),
            Self::Snapshot | Self::Nothing => None,
        }
    }
}

/// When what opened an employment occurred (`None`: before everything), and what it was.
pub(super) type Origin = (Option<Timestamp>, Opener);

/// One employment while it is replayed.
#[derive(Clone, Debug)]
pub(super) struct EmploymentPeriod {
    /// Names it within its timeline.
    pub serial: usize,
    /// The source's id of it.
    pub id: Option<EmploymentId>,
    /// When what opened it occurred; `None`: before everything.
    pub opened: Option<Timestamp>,
    /// What opened it.
    pub opener: Opener,
    /// Whether a conversion opened it: it goes on with what was.
    pub converted: bool,
    /// When it starts; `None`: unknown.
    pub start: Option<Moment>,
    /// When it ends; `None`: open.
    pub end: Option<Moment>,
    /// Every start ever stated for it, the last one last.
    pub starts: Vec<Moment>,
    /// Starts that were refused because of it, by the id that they named: it may have another since.
    pub refused: Vec<(EmploymentId, Moment)>,
    /// Starts that were stated for it under another id, which an edit replaced.
    pub renamed: Vec<(EmploymentId, Moment)>,
    /// The start of a `hired` without a date that was not believed after it.
    pub undated: Option<Moment>,
    /// Every end ever stated for it.
    pub ends: Vec<Moment>,
    /// The endings that stated its present end.
    pub ended_by: Vec<EventKey>,
    /// Its end is for good.
    pub is_final: bool,
    /// Its end came from `record_deleted`.
    pub record_deleted: bool,
    /// Whether HR called it the main one.
    pub primary: bool,
}

impl EmploymentPeriod {
    /// Has no end.
    pub fn is_open(&self) -> bool {
        self.end.is_none()
    }

    /// Has an end, be it a future one.
    pub fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// Ends before it begins.
    pub fn is_no_show(&self) -> bool {
        match (&self.start, &self.end) {
            (Some(start), Some(end)) => end.compare(start) != Ordering::Greater,
            (None, _) | (_, None) => false,
        }
    }

    /// Has begun by then. An unknown start is before everything.
    pub fn begun_at(&self, then: Timestamp) -> bool {
        self.start.is_none_or(|start| start.instant <= then)
    }

    /// Is over by then.
    pub fn over_at(&self, then: Timestamp) -> bool {
        self.end.is_some_and(|end| end.instant <= then)
    }

    /// Whether this start was ever stated for it.
    pub fn was_stated(&self, start: &Moment) -> bool {
        contains(&self.starts, start)
    }

    /// Notes a start that was refused because of it.
    pub fn refuse(&mut self, id: Option<&EmploymentId>, start: &Moment) {
        note(&mut self.starts, [start]);
        self.refused.extend(id.map(|id| (id.clone(), *start)));
    }

    /// Whether that start was refused because of it under that id.
    pub fn has_refused(&self, id: Option<&EmploymentId>, start: &Moment) -> bool {
        self.refused
            .iter()
            .any(|(known, refused)| Some(known) == id && refused.is(start))
    }

    /// Whether that start was stated for it under that id before an edit gave it another.
    pub fn was_renamed(&self, id: Option<&EmploymentId>, start: &Moment) -> bool {
        self.renamed
            .iter()
            .any(|(known, stated)| Some(known) == id && stated.is(start))
    }

    /// Whether it was opened before then.
    pub fn opened_before(&self, then: Timestamp) -> bool {
        self.opened.is_none_or(|opened| opened < then)
    }

    /// Ends it there. `by`: the ending that a cancel can name; `None`: what no cancel lifts.
    pub fn end_at(&mut self, end: Moment, by: Option<&EventKey>) {
        if self.end.is_none_or(|known| !known.is(&end)) {
            self.ended_by.clear();
            self.record_deleted = false;
        }
        self.end = Some(end);
        if let Some(key) = by.filter(|key| !self.ended_by.contains(key)) {
            self.ended_by.push(key.clone());
        }
    }
}

/// Equality as civil days where both have them.
pub(super) trait SameMoment {
    /// Whether both are the same moment.
    fn is(&self, other: &Self) -> bool;
    /// Whether this one comes first.
    fn before(&self, other: &Self) -> bool;
}

impl SameMoment for Moment {
    fn is(&self, other: &Self) -> bool {
        self.compare(other) == Ordering::Equal
    }

    fn before(&self, other: &Self) -> bool {
        self.compare(other) == Ordering::Less
    }
}

/// Whether the moment is among them.
pub(super) fn contains(moments: &[Moment], moment: &Moment) -> bool {
    moments.iter().any(|known| known.is(moment))
}

/// Adds moments, moving a known one to the end. The same day in another zone is another instant, and stands beside it.
pub(super) fn note<'m>(moments: &mut Vec<Moment>, more: impl IntoIterator<Item = &'m Moment>) {
    for moment in more {
        moments.retain(|known| known != moment);
        moments.push(*moment);
    }
}

/// An ending that was known.
#[derive(Clone, Debug)]
pub(super) struct KnownEnding {
    /// The slot it named.
    pub slot: Option<EmploymentId>,
    /// When it took effect.
    pub effective: Moment,
    /// When it was known.
    pub occurred: Timestamp,
    /// Its key.
    pub key: EventKey,
}

/// A leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leave {
    /// When it starts.
    pub start: Moment,
    /// When it ends, if known.
    pub end: Option<Moment>,
}

/// What is known of one alias.
#[derive(Clone, Debug, Default)]
pub(super) struct Timeline {
    /// Its employments, in the order in which they were opened.
    pub periods: Vec<EmploymentPeriod>,
    /// Its endings, in the order in which they were known.
    pub endings: Vec<KnownEnding>,
    /// The starts that a `hired` or `rehired` stated, each under the id that it named.
    pub hires: Vec<Stated>,
    /// Its leaves.
    pub leaves: Vec<Leave>,
    opened_so_far: usize,
}

/// Those employments of a timeline that a fact is about, by serial.
pub(super) type Slot = BTreeSet<usize>;

impl Timeline {
    /// The slot of a fact: without an id every employment; else those with that id, or, if none has it, the id-less.
    pub fn slot(&self, id: Option<&EmploymentId>) -> Slot {
        let Some(id) = id else {
            return self.serials(|_| true);
        };
        let own = self.serials(|period| period.id.as_ref() == Some(id));
        if own.is_empty() {
            self.serials(|period| period.id.is_none())
        } else {
            own
        }
    }

    /// The slot of a fact whose id the id-less ones take.
    pub fn claim(&mut self, id: Option<&EmploymentId>) -> Slot {
        let slot = self.slot(id);
        if let Some(id) = id {
            self.each(&slot, |period| period.id = Some(id.clone()));
        }
        slot
    }

    /// The serials of those that fit.
    pub fn serials(&self, fits: impl Fn(&EmploymentPeriod) -> bool) -> Slot {
        self.periods
            .iter()
            .filter(|period| fits(period))
            .map(|period| period.serial)
            .collect()
    }

    /// Those of the slot.
    pub fn of<'t>(&'t self, slot: &'t Slot) -> impl Iterator<Item = &'t EmploymentPeriod> {
        self.periods
            .iter()
            .filter(|period| slot.contains(&period.serial))
    }

    /// Does something to each of the slot.
    pub fn each(&mut self, slot: &Slot, mut act: impl FnMut(&mut EmploymentPeriod)) {
        self.periods
            .iter_mut()
            .filter(|period| slot.contains(&period.serial))
            .for_each(&mut act);
    }

    /// Opens an employment.
    pub fn open(
        &mut self,
        id: Option<&EmploymentId>,
        origin: Origin,
        start: Option<Moment>,
    ) -> usize {
        self.opened_so_far += 1;
        self.periods.push(EmploymentPeriod {
            serial: self.opened_so_far,
            id: id.cloned(),
            opened: origin.0,
            opener: origin.1,
            converted: false,
            start,
            end: None,
            starts: start.into_iter().collect(),
            refused: Vec::new(),
            renamed: Vec::new(),
            undated: None,
            ends: Vec::new(),
            ended_by: Vec::new(),
            is_final: false,
            record_deleted: false,
            primary: false,
        });
        self.opened_so_far
    }
}
