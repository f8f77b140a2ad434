//! The change of one attribute of an existing user, without a dialect.

use serde_json::Value;

use crate::scim::AttributePath;

/// An attribute and its desired value; `None`: no value.
pub(super) type PathValue = (AttributePath, Option<Value>);

/// The change of one attribute: one operation of a PATCH.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The attribute; for a new element the whole multi-valued attribute.
    pub path: AttributePath,
    /// The change of that attribute.
    pub edit: Edit,
    /// Paths and values to remember as last applied after success; `null`: cleared.
    pub applied: Vec<(AttributePath, Value)>,
}

/// The kinds of change of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// Sets this value in place of the current one.
    Replace(Value),
    /// Adds these elements. A `replace` whose selector matches nothing is an error on strict servers
    /// (RFC 7644 section 3.5.2.3).
    AddElements(Vec<Value>),
    /// Removes the value, in the way of the profile's `null` policy, or the element that the path
    /// selects.
    Clear,
}
