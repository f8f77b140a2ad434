//! People for the tests of the mapping, as the fold returns them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::{Value, json};

use crate::{
    event::{Alias, Attribute, Boundary, EmploymentId, Moment, SourceId, WorkerId},
    fold::{Employment, Person, Status},
};

pub(super) fn alias(source: &str, worker: &str) -> Alias {
    Alias {
        source: SourceId::parse(source).unwrap(),
        worker: WorkerId::parse(worker).unwrap(),
    }
}

/// The start of the day in UTC, or the end of the day for a last day.
pub(super) fn day(date: &str, boundary: Boundary) -> Moment {
    Moment::of_day(date.parse::<Date>().unwrap(), boundary, &TimeZone::UTC)
}

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn attributes(pairs: &[(&str, Value)]) -> BTreeMap<Attribute, Value> {
    pairs
        .iter()
        .map(|(name, value)| (Attribute::named(*name), value.clone()))
        .collect()
}

pub(super) fn employment(start: Option<Moment>, end: Option<Moment>) -> Employment {
    Employment {
        id: None,
        alias: alias("acme", "E-1001"),
        opened: None,
        start,
        end,
        is_final: false,
        access_revoked_from: None,
        lapses: None,
        counts: true,
        record_deleted: false,
        leaves: Vec::new(),
        primary: false,
        attributes: BTreeMap::new(),
    }
}

/// A person with a status and employments, without attributes.
pub(super) fn bare(status: Status, employments: Vec<Employment>) -> Person {
    Person {
        aliases: BTreeSet::from([alias("acme", "E-1001")]),
        status,
        employments,
        access_revoked_from: None,
        attributes: BTreeMap::new(),
        next_change: None,
        findings: Vec::new(),
    }
}

/// Ada, a person with nearly all attributes.
pub(super) fn ada() -> Person {
    let work = [
        ("title", json!("Engineer")),
        ("department", json!({ "id": "d1", "name": "Engineering" })),
        ("type", json!("employee")),
    ];

    let main = Employment {
        id: Some(EmploymentId::parse("main").unwrap()),
        primary: true,
        attributes: attributes(&work),
        ..employment(
            Some(day("2026-12-01", Boundary::StartOfDay)),
            Some(day("2027-11-30", Boundary::EndOfDay)),
        )
    };

    let person = [
        ("name.given", json!("Zoë")),
        ("name.family", json!("Müller-Ångström")),
        ("name.preferred_given", json!("Ada")),
        ("name.middle", json!("  ")),
        ("work_email", json!("ada@acme.example")),
        ("employee_number", json!("1001")),
        ("division", json!({ "id": "v1" })),
        ("company", json!({ "id": "c1", "name": "Acme GmbH" })),
        (
            "location",
            json!({ "id": "L1", "name": "Berlin", "country": "DE", "time_zone": "Europe/Berlin" }),
        ),
        (
            "phones",
            json!([
                { "type": "work", "value": "+49301", "primary": true },
                { "type": "mobile", "value": "+49151" },
            ]),
        ),
        ("locale", json!("de-DE")),
        ("dates.start", json!("2026-12-01")),
        ("extensions.badge", json!(42)),
        ("extensions.skills", json!(["rust", "sql"])),
        ("extensions.garage.lot", json!("P3")),
    ];

    let mut all = attributes(&person);
    all.extend(attributes(&work));
    Person {
        attributes: all,
        ..bare(Status::Active, vec![main])
    }
}
