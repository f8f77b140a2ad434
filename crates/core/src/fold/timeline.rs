//! The state of the replay for one alias: its employments, its leaves and the endings so far.
//!
//! This file holds the types and the questions that several rules ask. The effect of each fact is
//! in `start`, `ending`, `cancel`, `leave` and `snapshot`.

use std::{cmp::Ordering, collections::BTreeSet};

use jiff::Timestamp;

use crate::event::{EmploymentId, EventKey, Moment};

/// A moment that an event states or stated, and the employment id that the event names.
pub(super) type StatedMoment = (Option<EmploymentId>, Moment);

/// The fact that opened an employment. An access revocation asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OpenedBy {
    /// A `hired` or `rehired` that occurred then.
    Hire(Timestamp),
    /// A row of a snapshot, until a `hired` or `rehired` states its start.
    Snapshot,
    /// No known fact: the hire was before the first event.
    Unknown,
}

impl OpenedBy {
    /// The time at which a `hired` or `rehired` opened the employment or stated its start.
    pub fn hired_at(self) -> Option<Timestamp> {
        match self {
            Self::Hire(occurred) => Some(occurred),
            Self::Snapshot | Self::Unknown => None,
        }
    }
}

/// How an employment came to be known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opening {
    /// The time at which the opening fact occurred. `None`: before every event.
    pub occurred: Option<Timestamp>,
    pub by: OpenedBy,
}

impl Opening {
    /// The opening of an employment whose hire was before the first event.
    pub const BEFORE_EVERYTHING: Self = Self {
        occurred: None,
        by: OpenedBy::Unknown,
    };
}

/// One employment during the replay.
#[derive(Clone, Debug)]
pub(super) struct EmploymentPeriod {
    /// Identifies it within its timeline.
    pub serial: usize,
    /// The id that the source gives it.
    pub id: Option<EmploymentId>,
    /// The time at which the opening fact occurred. `None`: before every event.
    pub opened: Option<Timestamp>,
    pub opened_by: OpenedBy,
    /// A conversion opened it: it continues an employment of the previous worker id.
    pub is_continuation: bool,
    /// `None`: unknown.
    pub start: Option<Moment>,
    /// `None`: open.
    pub end: Option<Moment>,
    /// Every start that was ever stated for it, the latest statement last.
    pub stated_starts: Vec<Moment>,
    /// Starts that rule 1 refused because of it, each with the id that the start named. The
    /// employment may have another id since.
    pub refused_starts: Vec<(EmploymentId, Moment)>,
    /// Starts that were stated for it under another id, before an edit changed that id.
    pub starts_under_former_ids: Vec<(EmploymentId, Moment)>,
    /// The effective moment of the last undated `hired` that rule 4 refused because of it.
    pub undated_start: Option<Moment>,
    /// Every end that was ever stated for it.
    pub stated_ends: Vec<Moment>,
    /// The endings that state its present end.
    pub ended_by: Vec<EventKey>,
    /// No cancellation lifts its end.
    pub is_final: bool,
    /// Its end comes from `record_deleted`.
    pub record_deleted: bool,
    /// HR called it the primary one.
    pub primary: bool,
}

impl EmploymentPeriod {
    pub fn is_open(&self) -> bool {
        self.end.is_none()
    }

    /// Whether it has an end, past or future.
    pub fn has_end(&self) -> bool {
        self.end.is_some()
    }

    /// Whether it ends no later than it starts.
    pub fn is_no_show(&self) -> bool {
        match (&self.start, &self.end) {
            (Some(start), Some(end)) => end.compare(start) != Ordering::Greater,
            (None, _) | (_, None) => false,
        }
    }

    /// An unknown start has begun at every instant.
    pub fn has_begun_at(&self, instant: Timestamp) -> bool {
        self.start.is_none_or(|start| start.instant <= instant)
    }

    pub fn is_over_at(&self, instant: Timestamp) -> bool {
        self.end.is_some_and(|end| end.instant <= instant)
    }

    /// Whether a fact ever stated this start for it.
    pub fn has_stated_start(&self, start: &Moment) -> bool {
        contains(&self.stated_starts, start)
    }

    /// Whether a start under that id can be about it: the ids are equal, or one side has none.
    pub fn may_have_id(&self, id: Option<&EmploymentId>) -> bool {
        id.is_none() || self.id.is_none() || self.id.as_ref() == id
    }

    /// Records a start that rule 1 refused because of it.
    pub fn record_refusal(&mut self, id: Option<&EmploymentId>, start: &Moment) {
        record(&mut self.stated_starts, [start]);
        self.refused_starts
            .extend(id.map(|id| (id.clone(), *start)));
    }

    /// Whether rule 1 refused this start under that id because of it.
    pub fn has_refused(&self, id: Option<&EmploymentId>, start: &Moment) -> bool {
        self.refused_starts
            .iter()
            .any(|(known, refused)| Some(known) == id && refused.is_same(start))
    }

    /// Whether this start was stated for it under that id, before an edit changed the id.
    pub fn had_id(&self, id: Option<&EmploymentId>, start: &Moment) -> bool {
        self.starts_under_former_ids
            .iter()
            .any(|(known, stated)| Some(known) == id && stated.is_same(start))
    }

    pub fn was_opened_before(&self, instant: Timestamp) -> bool {
        self.opened.is_none_or(|opened| opened < instant)
    }

    /// Sets its end. `by`: the ending that a cancellation can name. `None`: no cancellation lifts
    /// it.
    pub fn set_end(&mut self, end: Moment, by: Option<&EventKey>) {
        if self.end.is_none_or(|known| !known.is_same(&end)) {
            self.ended_by.clear();
            self.record_deleted = false;
        }
        self.end = Some(end);
        if let Some(key) = by.filter(|key| !self.ended_by.contains(key)) {
            self.ended_by.push(key.clone());
        }
    }
}

/// Equality and order of moments: by civil day where both have one, else by instant.
pub(super) trait CivilOrder {
    fn is_same(&self, other: &Self) -> bool;
    fn is_before(&self, other: &Self) -> bool;
}

impl CivilOrder for Moment {
    fn is_same(&self, other: &Self) -> bool {
        self.compare(other) == Ordering::Equal
    }

    fn is_before(&self, other: &Self) -> bool {
        self.compare(other) == Ordering::Less
    }
}

/// Whether `moments` contains the moment, in the civil order.
pub(super) fn contains(moments: &[Moment], moment: &Moment) -> bool {
    moments.iter().any(|known| known.is_same(moment))
}

/// Adds moments and moves a known one to the end. The same day in another time zone is another
/// instant, so both stay.
pub(super) fn record<'m>(moments: &mut Vec<Moment>, added: impl IntoIterator<Item = &'m Moment>) {
    for moment in added {
        moments.retain(|known| known != moment);
        moments.push(*moment);
    }
}

/// An ending that the replay has seen.
#[derive(Clone, Debug)]
pub(super) struct RecordedEnding {
    /// The employment id that it named.
    pub employment: Option<EmploymentId>,
    pub effective: Moment,
    pub occurred: Timestamp,
    pub key: EventKey,
}

/// A leave of an alias.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leave {
    pub start: Moment,
    /// `None`: no fact states an end.
    pub end: Option<Moment>,
}

/// The state of one alias.
#[derive(Clone, Debug, Default)]
pub(super) struct Timeline {
    /// In the order in which they were opened.
    pub periods: Vec<EmploymentPeriod>,
    /// In the order of the replay.
    pub endings: Vec<RecordedEnding>,
    /// Every start that a `hired` or `rehired` stated, and every start that one of them superseded.
    pub hires: Vec<StatedMoment>,
    pub leaves: Vec<Leave>,
    opened_so_far: usize,
}

/// Some employments of a timeline, by serial.
pub(super) type Selection = BTreeSet<usize>;

impl Timeline {
    /// The employments that a fact with this id is about. Without an id: all. With one: those that
    /// have it, or, if none has it, those without an id.
    pub fn select(&self, id: Option<&EmploymentId>) -> Selection {
        let Some(id) = id else {
            return self.select_where(|_| true);
        };
        let own = self.select_where(|period| period.id.as_ref() == Some(id));
        if own.is_empty() {
            self.select_where(|period| period.id.is_none())
        } else {
            own
        }
    }

    /// Like [`Self::select`]; the selected employments without an id take it.
    pub fn select_and_assign_id(&mut self, id: Option<&EmploymentId>) -> Selection {
        let selection = self.select(id);
        if let Some(id) = id {
            self.update(&selection, |period| period.id = Some(id.clone()));
        }
        selection
    }

    pub fn select_where(&self, is_selected: impl Fn(&EmploymentPeriod) -> bool) -> Selection {
        self.periods
            .iter()
            .filter(|period| is_selected(period))
            .map(|period| period.serial)
            .collect()
    }

    /// The employments of the selection, in the order in which they were opened.
    pub fn periods_in<'t>(
        &'t self,
        selection: &'t Selection,
    ) -> impl Iterator<Item = &'t EmploymentPeriod> {
        self.periods
            .iter()
            .filter(|period| selection.contains(&period.serial))
    }

    /// Changes each employment of the selection.
    pub fn update(&mut self, selection: &Selection, mut change: impl FnMut(&mut EmploymentPeriod)) {
        self.periods
            .iter_mut()
            .filter(|period| selection.contains(&period.serial))
            .for_each(&mut change);
    }

    /// Opens an employment and returns its serial.
    pub fn open(
        &mut self,
        id: Option<&EmploymentId>,
        opening: Opening,
        start: Option<Moment>,
    ) -> usize {
        self.opened_so_far += 1;
        self.periods.push(EmploymentPeriod {
            serial: self.opened_so_far,
            id: id.cloned(),
            opened: opening.occurred,
            opened_by: opening.by,
            is_continuation: false,
            start,
            end: None,
            stated_starts: start.into_iter().collect(),
            refused_starts: Vec::new(),
            starts_under_former_ids: Vec::new(),
            undated_start: None,
            stated_ends: Vec::new(),
            ended_by: Vec::new(),
            is_final: false,
            record_deleted: false,
            primary: false,
        });

        self.opened_so_far
    }
}
