//! How a vendor's body is read, as data: where its items are, what each states, which of its fields are taken.
//!
//! Only what a preset names is taken, so pay, birth dates and the like never leave the raw body.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::field_path::{FieldPath, FieldPaths};
use crate::event::{Boundary, Kind};

/// How a vendor's body is read.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ItemRules {
    /// The events' `CloudEvents` `source`.
    pub(super) origin: String,
    /// JSON pointer to the list of items; left out: the body is the one item.
    pub(super) items: Option<String>,
    /// Where the list is an object: its keys are this member of each item.
    pub(super) key: Option<String>,
    /// JSON pointer, within an item, to its fields (`field:Name`); where it is absent, the item's own members.
    pub(super) fields: Option<String>,
    /// The worker's id.
    pub(super) worker: FieldPaths,
    /// The employment's id.
    #[serde(default)]
    pub(super) employment: FieldPaths,
    /// The vendor's id of the event.
    #[serde(default)]
    pub(super) id: FieldPaths,
    /// When it became known to HR: seconds since 1970 or ISO 8601.
    #[serde(default)]
    pub(super) time: FieldPaths,
    /// What an item states: the first that fits.
    pub(super) facts: Vec<Fact>,
    /// Which attributes are taken, by their canonical path.
    #[serde(default)]
    pub(super) attributes: BTreeMap<String, Take>,
    /// Where telephone numbers are.
    #[serde(default)]
    pub(super) phones: Vec<Phone>,
}

/// One thing that an item may state.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fact {
    /// All of these hold.
    pub(super) when: BTreeMap<FieldPath, Condition>,
    /// What it then states.
    pub(super) says: Says,
    /// When that takes effect.
    pub(super) effective: Option<When>,
    /// The worker's id, if it is elsewhere than usual.
    pub(super) worker: Option<FieldPaths>,
    /// The id that the worker had before.
    pub(super) previous_worker: Option<FieldPaths>,
    /// `snapshot`: the one employment that the item lists.
    pub(super) employment_row: Option<Row>,
}

/// What an item states.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) enum Says {
    /// A fact of that kind.
    Fact(Kind),
    /// Nothing about a worker: a ping, an applicant's progress.
    Nothing,
    /// Something that cannot be read, and why.
    Unreadable(String),
}

impl TryFrom<String> for Says {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "nothing" {
            return Ok(Self::Nothing);
        }
        if let Some(reason) = text.strip_prefix("unreadable: ") {
            return Ok(Self::Unreadable(reason.to_owned()));
        }
        Kind::parse(&text)
            .filter(|kind| !kind.is_operators_only())
            .map(Self::Fact)
            .ok_or_else(|| {
                format!("`{text}` is no kind of event (or `nothing`, or `unreadable: why`)")
            })
    }
}

/// What must hold at a place.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum Condition {
    /// This text, whatever its case.
    Is(String),
    /// One of these.
    IsOneOf(Vec<String>),
    /// Something is there, or nothing.
    Present {
        /// Which of the two.
        present: bool,
    },
}

/// When something takes effect.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct When {
    /// Where it is stated: a date or an instant.
    pub(super) at: FieldPaths,
    /// Which end of a date is meant.
    pub(super) boundary: Boundary,
    /// Whether an item that does not state it is unreadable; otherwise it takes effect when it became known.
    #[serde(default)]
    pub(super) required: bool,
}

/// The employment that a snapshot lists.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    /// Its first day.
    pub(super) start: FieldPaths,
    /// Its last day. One before the start is an earlier employment's, and is not taken.
    #[serde(default)]
    pub(super) end: FieldPaths,
}

/// How an attribute is taken: from places, but for some texts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "TakeText")]
pub(super) struct Take {
    /// The places.
    pub(super) from: FieldPaths,
    /// Texts that say something else than the attribute: it is kept.
    pub(super) except: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum TakeText {
    From(FieldPaths),
    But {
        from: FieldPaths,
        except: Vec<String>,
    },
}

impl From<TakeText> for Take {
    fn from(text: TakeText) -> Self {
        match text {
            TakeText::From(from) => Self {
                from,
                except: Vec::new(),
            },
            TakeText::But { from, except } => Self { from, except },
        }
    }
}

/// Where telephone numbers are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum Phone {
    /// One, of that type.
    One {
        /// `work`, `mobile`, `home` ...
        r#type: String,
        /// Where it is.
        at: FieldPath,
    },
    /// A list of objects.
    Each {
        /// JSON pointer to the list.
        each: String,
        /// JSON pointer, within an element, to the number.
        value: String,
        /// JSON pointer, within an element, to its type.
        type_at: String,
    },
}

impl ItemRules {
    /// What would never work, in words.
    pub(super) fn problem(&self) -> Option<String> {
        if self.items.is_some() && self.id.headers().next().is_some() {
            return Some("an id in a header cannot tell the items of a batch apart".to_owned());
        }
        self.facts.iter().find_map(|fact| match &fact.says {
            Says::Fact(kind) if kind.names_previous_worker() != fact.previous_worker.is_some() => {
                Some(format!("`previous_worker` goes with converted and identifier_changed only, here it is {kind}"))
            }
            Says::Fact(kind) if (*kind != Kind::Snapshot) && fact.employment_row.is_some() => {
                Some(format!("only a snapshot lists employments, here it is {kind}"))
            }
            Says::Fact(_) | Says::Nothing | Says::Unreadable(_) => None,
        })
    }

    /// Every header that reading looks at.
    pub(super) fn headers(&self) -> impl Iterator<Item = &str> {
        [&self.worker, &self.employment, &self.id, &self.time]
            .into_iter()
            .flat_map(FieldPaths::headers)
    }
}
