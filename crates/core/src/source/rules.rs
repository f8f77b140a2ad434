//! The rules that read a vendor's body, as data: the `[read]` table of a preset.
//!
//! They locate the items of a body, decide which event each item becomes, and name the fields to
//! take. A field that no rule names stays in the raw body: pay, birth dates and the like never
//! reach an event. `read_item.rs` and `attributes.rs` apply the rules.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::field_path::{FieldPath, FieldPaths};
use crate::event::{Boundary, Kind};

/// The rules for the bodies of one vendor.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ItemRules {
    /// The `CloudEvents` `source` of the events.
    pub(super) origin: String,
    /// Bodies of another kind that the vendor also sends, and what to choose instead.
    #[serde(default)]
    pub(super) other_bodies: Vec<OtherBody>,
    /// JSON pointer to the list of items; `None`: the body is the only item.
    pub(super) items: Option<String>,
    /// The member of each item that gets its key, where the list is an object.
    pub(super) key: Option<String>,
    /// JSON pointer, within an item, to the object of its fields (`field:Name`). If it is `None` or
    /// the item lacks that object, the fields are the item's own members.
    pub(super) fields: Option<String>,
    /// The worker's id.
    pub(super) worker: FieldPaths,
    /// The employment's id.
    #[serde(default)]
    pub(super) employment: FieldPaths,
    /// The vendor's id of the event.
    #[serde(default)]
    pub(super) id: FieldPaths,
    /// The time at which HR learned the fact: Unix seconds or ISO 8601.
    #[serde(default)]
    pub(super) time: FieldPaths,
    /// The rules that decide which event an item becomes: the first one that matches applies.
    pub(super) rules: Vec<EventRule>,
    /// The attributes to take, by their canonical path.
    #[serde(default)]
    pub(super) attributes: BTreeMap<String, AttributeRule>,
    /// The telephone numbers to take.
    #[serde(default)]
    pub(super) phones: Vec<PhoneRule>,
}

/// A body that is not of the kind that the preset reads.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OtherBody {
    /// The conditions on the body; all of them must hold.
    pub(super) when: BTreeMap<FieldPath, Condition>,
    /// The kind of the body and the setting at the vendor, for the dead letter.
    pub(super) reason: String,
}

/// The event that an item becomes under some conditions.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventRule {
    /// The conditions; all of them must hold.
    pub(super) when: BTreeMap<FieldPath, Condition>,
    /// The result for a matching item.
    pub(super) event: RuleResult,
    /// The effective time of the event.
    pub(super) effective: Option<EffectiveRule>,
    /// The worker's id, if it is not at [`ItemRules::worker`].
    pub(super) worker: Option<FieldPaths>,
    /// The worker's earlier id, for the kinds that need it.
    pub(super) previous_worker: Option<FieldPaths>,
    /// `snapshot`: the only employment that the item lists.
    pub(super) employment_row: Option<EmploymentRule>,
}

/// The result for an item that matches a rule.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) enum RuleResult {
    /// An event of this kind.
    Event(Kind),
    /// No event: the item is not about a worker (a ping, the progress of an applicant).
    NoEvent,
    /// The item cannot be read, for this reason.
    Unreadable(String),
}

impl TryFrom<String> for RuleResult {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self::NoEvent);
        }
        if let Some(reason) = text.strip_prefix("unreadable: ") {
            return Ok(Self::Unreadable(reason.to_owned()));
        }

        Kind::parse(&text)
            .filter(|kind| !kind.is_operator_only())
            .map(Self::Event)
            .ok_or_else(|| {
                format!(
                    "`{text}` is not a kind of event (expected a kind, `none` or \
                     `unreadable: <reason>`)"
                )
            })
    }
}

/// The condition on one field.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum Condition {
    /// The text of the field equals this one, compared without case.
    Is(String),
    /// The text of the field equals one of these, compared without case.
    IsOneOf(Vec<String>),
    /// The field is there and empty: the vendor cleared it.
    Cleared {
        /// `true`: it must be cleared.
        cleared: bool,
    },
    /// The field is a list that has this name, compared as names of fields are.
    Lists {
        /// The name that the list must have.
        lists: String,
        /// A name that the list must not have.
        #[serde(default)]
        without: Option<String>,
    },
    /// The field has a value, or has none.
    Present {
        /// `true`: it must have a value.
        present: bool,
    },
}

/// The effective time of an event.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EffectiveRule {
    /// The field with the date or the instant.
    pub(super) at: FieldPaths,
    /// The end of the day that a date means.
    pub(super) boundary: Boundary,
    /// Whether an item without the field is unreadable. If not, the event takes effect at its time.
    #[serde(default)]
    pub(super) required: bool,
}

/// The employment that a snapshot lists.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EmploymentRule {
    /// The first day.
    pub(super) start: FieldPaths,
    /// The last day. A last day before the first belongs to an earlier employment and is ignored.
    #[serde(default)]
    pub(super) end: FieldPaths,
}

/// The field of an attribute, and the texts in it that are not the attribute.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "AttributeRuleForm")]
pub(super) struct AttributeRule {
    pub(super) from: FieldPaths,
    /// Texts with another meaning: the attribute keeps its value.
    pub(super) except: Vec<String>,
}

/// The two TOML forms of an attribute rule.
#[derive(Deserialize)]
#[serde(untagged)]
enum AttributeRuleForm {
    Paths(FieldPaths),
    PathsExcept {
        from: FieldPaths,
        except: Vec<String>,
    },
}

impl From<AttributeRuleForm> for AttributeRule {
    fn from(form: AttributeRuleForm) -> Self {
        match form {
            AttributeRuleForm::Paths(from) => Self {
                from,
                except: Vec::new(),
            },
            AttributeRuleForm::PathsExcept { from, except } => Self { from, except },
        }
    }
}

/// The telephone numbers to take.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum PhoneRule {
    /// One number of that type.
    One {
        /// The type: `work`, `mobile`, `home` ...
        r#type: String,
        /// The field with the number.
        at: FieldPath,
    },
    /// A list of objects, each with a number.
    Each {
        /// JSON pointer, within the item, to the list.
        each: String,
        /// JSON pointer, within an element, to the number.
        value: String,
        /// JSON pointer, within an element, to its type.
        type_at: String,
    },
}

impl ItemRules {
    /// The first contradiction in the rules, in words.
    pub(super) fn problem(&self) -> Option<String> {
        if self.items.is_some() && self.id.headers().next().is_some() {
            return Some("`id` is a header, so all items of a batch would have one id".to_owned());
        }

        self.rules.iter().find_map(|rule| match &rule.event {
            RuleResult::Event(kind)
                if kind.names_previous_worker() != rule.previous_worker.is_some() =>
            {
                Some(format!(
                    "`previous_worker` is for converted and identifier_changed, and required \
                     there; this rule is for {kind}"
                ))
            }
            RuleResult::Event(kind) if *kind != Kind::Snapshot && rule.employment_row.is_some() => {
                Some(format!(
                    "only a snapshot has an `employment_row`; this rule is for {kind}"
                ))
            }
            RuleResult::Event(_) | RuleResult::NoEvent | RuleResult::Unreadable(_) => None,
        })
    }

    /// The normalized names of all fields that the rules read.
    pub(super) fn field_names(&self) -> impl Iterator<Item = &str> {
        let of_rules = self.rules.iter().flat_map(|rule| {
            let effective = rule.effective.iter().flat_map(|rule| rule.at.fields());
            let row = rule.employment_row.iter();
            let row = row.flat_map(|row| row.start.fields().chain(row.end.fields()));
            rule.when
                .keys()
                .filter_map(FieldPath::field)
                .chain(effective)
                .chain(row)
                .chain(rule.worker.iter().flat_map(FieldPaths::fields))
                .chain(rule.previous_worker.iter().flat_map(FieldPaths::fields))
        });
        let of_attributes = self.attributes.values().flat_map(|rule| rule.from.fields());
        let of_phones = self.phones.iter().filter_map(|phone| match phone {
            PhoneRule::One { at, .. } => at.field(),
            PhoneRule::Each { .. } => None,
        });
        let of_item = [&self.worker, &self.employment, &self.id, &self.time];

        of_rules
            .chain(of_attributes)
            .chain(of_phones)
            .chain(of_item.into_iter().flat_map(FieldPaths::fields))
    }

    /// The headers that the rules use.
    pub(super) fn headers(&self) -> impl Iterator<Item = &str> {
        [&self.worker, &self.employment, &self.id, &self.time]
            .into_iter()
            .flat_map(FieldPaths::headers)
    }
}
