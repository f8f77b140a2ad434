//! The attributes of a worker, as a partial document (RFC 7396).
//!
//! [`WorkerChanges`] is the wire form: nested members, each of them a [`Change`] or a value that is
//! replaced as a whole. `attribute.rs` flattens it for the fold. Doc comments of fields become the
//! descriptions in the JSON Schemas.

use std::collections::BTreeMap;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Change, SourceId, WorkerId};

/// A struct whose members are changes: absent keeps, `null` clears, a value sets.
macro_rules! partial_document {
    (
        $(#[$doc:meta])*
        $name:ident { $($(#[$field_doc:meta])* $field:ident : $type:ty),+ $(,)? }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_doc])*
            #[serde(default, skip_serializing_if = "Change::is_keep")]
            pub $field: Change<$type>,)+
        }
    };
}

partial_document! {
    /// Changes of a worker's attributes: an absent member keeps the value, `null` clears it, an
    /// array replaces all elements.
    WorkerChanges {
        /// The parts of the worker's name.
        name: Name,
        /// The work e-mail address.
        work_email: String,
        /// The private e-mail address; the default mappings do not use it.
        personal_email: String,
        /// Other e-mail addresses; `[]` clears them.
        other_emails: Vec<Contact>,
        /// The user name that HR proposes.
        username_hint: String,
        /// Telephone numbers, in E.164 form where possible; `[]` clears them.
        phones: Vec<Contact>,
        /// Postal addresses; `[]` clears them.
        addresses: Vec<Address>,
        /// The job title.
        title: String,
        /// The job in the job catalogue of the HR system.
        job: Job,
        /// The department; it is replaced as a whole.
        department: Unit,
        /// The division; it is replaced as a whole.
        division: Unit,
        /// The cost centre; it is replaced as a whole.
        cost_center: Unit,
        /// The employing company; it is replaced as a whole.
        company: Unit,
        /// The work location; it is replaced as a whole.
        location: Location,
        /// The manager; it is replaced as a whole.
        manager: Manager,
        /// The personnel number that people see; it is not the worker id.
        employee_number: String,
        /// The HR system's id of the person, the same in all employments.
        person_id: String,
        /// The worker type: `employee`, `contractor`, `intern` ..., as the source writes it.
        r#type: String,
        /// The preferred language, a BCP 47 tag.
        locale: String,
        /// Dates for mappings only; they never change the worker's status.
        dates: Dates,
        /// Other attributes by name, for mappings.
        extensions: BTreeMap<String, Value>,
    }
}

partial_document! {
    /// The parts of the worker's name.
    Name {
        /// The legal given name.
        given: String,
        /// The middle name or its initial.
        middle: String,
        /// The legal family name.
        family: String,
        /// The given name that the worker prefers.
        preferred_given: String,
        /// The family name that the worker prefers.
        preferred_family: String,
        /// The full name as it is displayed.
        formatted: String,
    }
}

partial_document! {
    /// The job in the job catalogue of the HR system.
    Job {
        /// The code of the job.
        code: String,
        /// The level or grade of the job.
        level: String,
    }
}

partial_document! {
    /// Civil dates of the worker, for mappings only.
    Dates {
        /// The date of the first hire.
        original_hire: CivilDate,
        /// The start of the current employment.
        start: CivilDate,
        /// The last day of work.
        last_day: CivilDate,
        /// The end of the current employment.
        end: CivilDate,
    }
}

/// A civil date, `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct CivilDate(#[schemars(with = "String", extend("format" = "date"))] pub Date);

/// A struct that is one value: it is replaced as a whole, and an absent member is unknown.
macro_rules! whole_value {
    (
        $(#[$doc:meta])*
        $name:ident { $($(#[$field_doc:meta])* $field:ident : $type:ty),+ $(,)? }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_doc])*
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub $field: Option<$type>,)+
        }
    };
}

whole_value! {
    /// A unit of the organization: a department, division, cost centre or company.
    Unit {
        /// The HR system's id of the unit.
        id: String,
        /// The name of the unit.
        name: String,
    }
}

whole_value! {
    /// A work location.
    Location {
        /// The HR system's id of the location.
        id: String,
        /// The name of the location.
        name: String,
        /// The country, an ISO 3166-1 alpha-2 code.
        country: String,
        /// The IANA time zone.
        time_zone: String,
    }
}

whole_value! {
    /// The worker's manager; one identifying member is enough.
    Manager {
        /// The manager's worker id.
        id: WorkerId,
        /// The source of that id; the default is the source of the event.
        source: SourceId,
        /// The manager's employee number.
        employee_number: String,
        /// The manager's work e-mail address.
        email: String,
    }
}

whole_value! {
    /// One of several telephone numbers or e-mail addresses.
    Contact {
        /// The type: `work`, `mobile`, `home` ...
        r#type: String,
        /// The telephone number or e-mail address.
        value: String,
        /// Whether it is the preferred one.
        primary: bool,
    }
}

whole_value! {
    /// One of several postal addresses.
    Address {
        /// The type: `work`, `home` ...
        r#type: String,
        /// The full address, as printed on an envelope.
        formatted: String,
        /// The street and the number of the building.
        street: String,
        /// The city or locality.
        locality: String,
        /// The state or province.
        region: String,
        /// The postal code.
        postal_code: String,
        /// The country, an ISO 3166-1 alpha-2 code.
        country: String,
        /// Whether it is the preferred one.
        primary: bool,
    }
}
