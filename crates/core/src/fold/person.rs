//! What the fold gives: a person, their employments, and what was noticed on the way.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::{Alias, Attribute, EmploymentId, EventKey, Moment};

/// A person at one instant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Person {
    /// The worker ids they are known by.
    pub aliases: BTreeSet<Alias>,
    /// Where they stand now (fold.md 3, "Status").
    pub status: Status,
    /// Their employments in scope, by start.
    pub employments: Vec<Employment>,
    /// From when on a bar holds that nothing has lifted, if one stands.
    pub barred_from: Option<Timestamp>,
    /// Their attributes as shown now (fold.md 6).
    pub attributes: BTreeMap<Attribute, Value>,
    /// The first instant after now at which anything above or below differs.
    pub next_change: Option<Timestamp>,
    /// What the fold noticed, in the order of the replay.
    pub findings: Vec<Finding>,
}

/// Where a person stands (fold.md 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Only changes are known, or an unknown start whose end has not come.
    Unknown,
    /// An employment will begin and none is over.
    Upcoming,
    /// An employment is live.
    Active,
    /// An employment is live and the worker is on leave from all that are.
    OnLeave,
    /// Something is over, barred, rescinded or voided, and nothing lives.
    Ended,
}

/// One employment as replayed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Employment {
    /// The source's id of it, if it tells employments apart.
    pub id: Option<EmploymentId>,
    /// Whose it is.
    pub alias: Alias,
    /// When it became known; `None`: before everything (hired before we were here).
    pub opened: Option<Timestamp>,
    /// When it starts; `None`: unknown.
    pub start: Option<Moment>,
    /// When it ends; `None`: open.
    pub end: Option<Moment>,
    /// Rescinded or deleted before it began: nothing lifts that end.
    pub is_final: bool,
    /// From when on a bar keeps it from counting.
    pub barred_from: Option<Timestamp>,
    /// `pre_hire`: when it stops counting by itself.
    pub lapses: Option<Timestamp>,
    /// Whether it counts at all (a `pre_hire` employment does not once HR was heard).
    pub counts: bool,
    /// Ended by `record_deleted` rather than by a leaving.
    pub record_deleted: bool,
    /// Leaves from it, each from its start to its end if known.
    pub leaves: Vec<(Timestamp, Option<Timestamp>)>,
    /// Whether the source calls it the main one.
    pub primary: bool,
    /// Its attributes of work now.
    pub attributes: BTreeMap<Attribute, Value>,
}

/// Something the fold noticed; an operator reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What.
    pub kind: FindingKind,
    /// Which event brought it up.
    pub event: EventKey,
    /// Whose event it is.
    pub alias: Alias,
}

/// The findings of fold.md, by their names there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(
    missing_docs,
    reason = "each is described where it arises, in docs/fold.md"
)]
pub enum FindingKind {
    IdReused,
    ImplausibleTime,
    ImplausibleEffective,
    SupersedingMismatch,
    StartInsideEnded,
    StartWithoutDate,
    EndedSeveral,
    WhichEmployment,
    NothingToCancel,
    HrSaysActive,
    MissingFromList,
    EndDateWithoutEnding,
    TwoAccounts,
}
