//! Prints generated histories in words, for the message of a test that fails.
//!
//! Times are days from day 0 (`day -20`, `day -20, 9:00`); the first time of a fact is the one at
//! which HR knew it.

use std::fmt;

use super::{
    fact::{ALIASES, EffectiveSpec, FactRef, FactSpec, RowSpec, SOURCES, ZONES, employment_id},
    history::History,
};

fn day_and_hour(hours: i32) -> String {
    let (day, rest) = (hours.div_euclid(24), hours.rem_euclid(24));
    if rest == 0 {
        format!("day {day}")
    } else {
        format!("day {day}, {rest}:00")
    }
}

impl fmt::Display for EffectiveSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hour(hours) => write!(f, "{}", day_and_hour(*hours)),
            Self::Day(day) => write!(f, "the start of day {day}"),
            Self::EndOf(day) => write!(f, "the end of day {day}"),
            Self::DayIn(day, zone) => {
                write!(f, "the start of day {day} in {}", ZONES[usize::from(*zone)])
            }
            Self::EndOfIn(day, zone) => {
                write!(f, "the end of day {day} in {}", ZONES[usize::from(*zone)])
            }
        }
    }
}

impl fmt::Display for FactRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "f{} of {}", self.1, SOURCES[usize::from(self.0)])
    }
}

impl fmt::Display for RowSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self
            .employment
            .map_or("no id".to_owned(), |id| employment_id(id).to_string());
        let [start, end] = [self.start, self.end]
            .map(|date| date.map_or("not stated".to_owned(), |date| date.to_string()));
        write!(f, "[{id}, from {start}, until {end}]")
    }
}

impl fmt::Display for FactSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let worker = ALIASES[usize::from(self.worker)].1;
        let operator = if self.by_operator {
            ", by an operator"
        } else {
            ""
        };
        write!(f, "f{}: {worker} {}{operator}", self.id, self.kind)?;
        match self.time {
            Some(time) => write!(f, ", known on {}", day_and_hour(time))?,
            None => write!(f, ", without a time")?,
        }

        if let Some(effective) = self.effective {
            write!(f, ", effective {effective}")?;
        }
        if let Some(id) = self.employment {
            write!(f, ", employment {}", employment_id(id))?;
        }
        if let Some(other) = self.other {
            write!(f, ", other worker {}", ALIASES[usize::from(other)].1)?;
        }
        if let Some(superseded) = self.supersedes {
            write!(f, ", supersedes {superseded}")?;
        }
        for reference in &self.refers_to {
            write!(f, ", refers to {reference}")?;
        }

        if let Some(rows) = &self.rows {
            write!(f, ", lists {} employments", rows.len())?;
            rows.iter().try_for_each(|row| write!(f, " {row}"))?;
        }
        if let Some(hook) = self.hook {
            write!(f, ", in hook {hook}")?;
        }
        if self.time != Some(self.received) {
            write!(f, ", received on {}", day_and_hour(self.received))?;
        }
        Ok(())
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The present is {}.", day_and_hour(self.now))?;
        if self.pre_hire {
            write!(f, " The second source is an applicant system.")?;
        }
        if self.scoped {
            write!(f, " Only the HR system is in scope.")?;
        }
        writeln!(f)?;
        self.facts
            .iter()
            .try_for_each(|fact| writeln!(f, "  {fact}"))
    }
}
