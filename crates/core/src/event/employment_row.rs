//! One row of the list of employments in a snapshot.
//!
//! A row states the dates of one employment and its attributes of work. A bare date is allowed for
//! `start` and `end`: deserialization gives it the boundary that each of them means.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::{
    Boundary, Change, Effective, EmploymentId, Job, Location, Manager, Unit, WorkerChanges,
};

/// One employment in the list of a snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmploymentRow {
    /// The source's id of the employment, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<EmploymentId>,
    /// The start; a bare date means the start of that day.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "start_or_date"
    )]
    #[schemars(with = "Option<EffectiveOrDate>")]
    pub start: Option<Effective>,
    /// The end; a bare date means the end of that day, the last day of the employment.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "end_or_date"
    )]
    #[schemars(with = "Option<EffectiveOrDate>")]
    pub end: Option<Effective>,
    /// Whether it is the worker's primary employment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<bool>,
    /// The worker type in this employment: `employee`, `contractor`, `intern` ...
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub r#type: Change<String>,
    /// The job title in this employment.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub title: Change<String>,
    /// The job in the job catalogue of the HR system.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub job: Change<Job>,
    /// The department; it is replaced as a whole.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub department: Change<Unit>,
    /// The division; it is replaced as a whole.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub division: Change<Unit>,
    /// The cost centre; it is replaced as a whole.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub cost_center: Change<Unit>,
    /// The employing company; it is replaced as a whole.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub company: Change<Unit>,
    /// The work location; it is replaced as a whole.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub location: Change<Location>,
    /// The manager; it is replaced as a whole.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub manager: Change<Manager>,
}

impl EmploymentRow {
    /// The attributes of the row as a partial worker document.
    pub fn worker(&self) -> WorkerChanges {
        WorkerChanges {
            r#type: self.r#type.clone(),
            title: self.title.clone(),
            job: self.job.clone(),
            department: self.department.clone(),
            division: self.division.clone(),
            cost_center: self.cost_center.clone(),
            company: self.company.clone(),
            location: self.location.clone(),
            manager: self.manager.clone(),
            ..WorkerChanges::default()
        }
    }
}

/// The two wire forms of a row's start or end: an `effective` document, or a bare date.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum EffectiveOrDate {
    Date(#[schemars(with = "String", extend("format" = "date"))] Date),
    Effective(Effective),
}

fn start_or_date<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Effective>, D::Error> {
    effective_or_date(deserializer, Boundary::StartOfDay)
}

fn end_or_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Effective>, D::Error> {
    effective_or_date(deserializer, Boundary::EndOfDay)
}

fn effective_or_date<'de, D: Deserializer<'de>>(
    deserializer: D,
    boundary: Boundary,
) -> Result<Option<Effective>, D::Error> {
    let stated = Option::<EffectiveOrDate>::deserialize(deserializer)?;
    Ok(stated.map(|stated| match stated {
        EffectiveOrDate::Date(date) => Effective::Day {
            date,
            boundary: Some(boundary),
            time_zone: None,
        },
        EffectiveOrDate::Effective(effective) => effective,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_end_date_of_a_row_is_its_last_day() {
        let row: EmploymentRow =
            serde_json::from_str(r#"{"start":"2026-01-01","end":"2026-11-30"}"#).expect("a row");
        assert!(matches!(
            row.end,
            Some(Effective::Day {
                boundary: Some(Boundary::EndOfDay),
                ..
            })
        ));
    }
}
