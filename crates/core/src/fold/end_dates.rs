//! The end dates that `changed` states in `worker.dates` (`docs/fold.md` 3, "Change").
//!
//! In: the facts of the replay, then the timelines after it. Out: the facts whose end date lies
//! within an employment while no employment ends on that day. A `changed` moves no status, so such
//! a contradiction becomes a finding.

use std::collections::BTreeMap;

use jiff::{civil::Date, tz::TimeZone};

use super::{
    rules::Rules,
    timeline::{CivilOrder, EmploymentPeriod, Timeline},
    zones::DatedFact,
};
use crate::event::{Alias, Boundary, Change, EmploymentId, Moment};

/// The fact that states an end date. `None`: it clears the date.
type StatedEndDate<'f> = (&'f DatedFact<'f>, Option<Date>);

/// The last end date that was stated, for each alias and employment id.
#[derive(Debug, Default)]
pub(super) struct StatedEndDates<'f>(
    BTreeMap<(&'f Alias, Option<&'f EmploymentId>), StatedEndDate<'f>>,
);

impl<'f> StatedEndDates<'f> {
    /// Reads a `changed`. One that does not mention the end date leaves the known one.
    pub fn record(&mut self, fact: &'f DatedFact<'f>) {
        let Change::Set(dates) = &fact.event.content.data.worker.dates else {
            return;
        };
        let date = match &dates.end {
            Change::Keep => return,
            Change::Clear => None,
            Change::Set(date) => Some(date.0),
        };
        self.0
            .insert((&fact.alias, fact.employment()), (fact, date));
    }

    /// The facts that contradict the timelines.
    pub fn contradicting(
        &self,
        timelines: &BTreeMap<Alias, Timeline>,
        rules: &Rules,
    ) -> Vec<&'f DatedFact<'f>> {
        let mut facts = Vec::new();

        for ((alias, employment), (fact, date)) in &self.0 {
            let zone = rules.of(&alias.source).time_zone;
            if let (Some(date), Some(timeline)) = (date, timelines.get(*alias))
                && timeline.contradicts(*employment, *date, &zone)
            {
                facts.push(*fact);
            }
        }
        facts
    }
}

impl Timeline {
    /// Whether an employment continues after that date, and none ends on it.
    fn contradicts(&self, id: Option<&EmploymentId>, date: Date, zone: &TimeZone) -> bool {
        let day_start = Moment::of_day(date, Boundary::StartOfDay, zone);
        let day_end = Moment::of_day(date, Boundary::EndOfDay, zone);
        let ends_on_day = |period: &EmploymentPeriod| {
            period
                .end
                .is_some_and(|end| !end.is_before(&day_start) && !day_end.is_before(&end))
        };
        let continues = |period: &EmploymentPeriod| {
            period.start.is_none_or(|start| !day_end.is_before(&start))
                && !period.is_no_show()
                && period.end.is_none_or(|end| day_end.is_before(&end))
        };

        let selection = self.select(id);
        !self.periods_in(&selection).any(ends_on_day) && self.periods_in(&selection).any(continues)
    }
}
