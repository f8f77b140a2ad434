//! The result of the fold: a person, their employments, and the findings.
//!
//! Mappings read it, the JSON API shows it. It holds no rule: `docs/fold.md` states how each field
//! comes about.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::finding_kind::FindingKind;
use crate::event::{Alias, Attribute, EmploymentId, EventKey, Moment};

/// A person at one instant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Person {
    /// Every worker id of the person, also those that a source no longer uses.
    pub aliases: BTreeSet<Alias>,
    /// The status now (`docs/fold.md` 3, "Status").
    pub status: Status,
    /// The employments in scope, by start.
    pub employments: Vec<Employment>,
    /// The effective time of the earliest access revocation that nothing has lifted.
    pub access_revoked_from: Option<Timestamp>,
    /// The attributes that the person shows now (`docs/fold.md` 6).
    pub attributes: BTreeMap<Attribute, Value>,
    /// The first instant after now at which the status, an employment or an attribute may differ.
    pub next_change: Option<Timestamp>,
    /// The findings of all events of the person, in the order of the replay.
    pub findings: Vec<Finding>,
}

/// The status of a person (`docs/fold.md` 3, "Status").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Only changes are known, or an ending still to come of an employment with unknown start.
    Unknown,
    /// An employment will become live, and none is over.
    Upcoming,
    /// An employment is live and the worker is not on leave from it.
    Active,
    /// Every live employment is on leave.
    OnLeave,
    /// No employment is live or will become live first, and one is over, revoked or voided.
    Ended,
}

/// One employment of a person.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Employment {
    /// The id that the source gives it, if the source tells employments apart.
    pub id: Option<EmploymentId>,
    /// The alias that it belongs to.
    pub alias: Alias,
    /// The time at which it became known. `None`: before the first event.
    pub opened: Option<Timestamp>,
    /// `None`: the start is unknown, because the hire was before the first event.
    pub start: Option<Moment>,
    /// `None`: the employment is open.
    pub end: Option<Moment>,
    /// Rescinded or deleted before it began: no cancellation lifts that end.
    pub is_final: bool,
    /// The time from which an access revocation keeps it from counting.
    pub access_revoked_from: Option<Timestamp>,
    /// `pre_hire`: the time at which it stops counting.
    pub lapses: Option<Timestamp>,
    /// `false`: a `pre_hire` employment of a person who has an employment of an HR source.
    pub counts: bool,
    /// Its end comes from `record_deleted`.
    pub record_deleted: bool,
    /// The leaves of its alias, by start: each from its start to its end, if an end is known.
    pub leaves: Vec<(Timestamp, Option<Timestamp>)>,
    /// Whether the source calls it the primary one.
    pub primary: bool,
    /// Its employment attributes, from its start on or now, whichever is later.
    pub attributes: BTreeMap<Attribute, Value>,
}

/// Something about an event that an operator should read (`docs/fold.md` 7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its name in the table of `docs/fold.md` 7.
    pub kind: FindingKind,
    /// The event that caused it.
    pub event: EventKey,
    /// The alias of that event.
    pub alias: Alias,
}
