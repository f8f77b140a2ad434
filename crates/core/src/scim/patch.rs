//! PATCH bodies (RFC 7644 section 3.5.2).
//!
//! `op` is in lower case and each operation changes one attribute at an explicit path, because some
//! servers accept no other form. [`PatchOperation::Merge`] is for those that accept no path.

use serde_json::{Value, json};

use super::{AttributePath, urn::PATCH_OP};

/// One operation in the body of a PATCH.
#[derive(Clone, Debug, PartialEq)]
pub enum PatchOperation {
    /// Adds a value, or elements to a multi-valued attribute.
    Add {
        /// The attribute that gets the value.
        path: AttributePath,
        /// The value, or the array of new elements.
        value: Value,
    },
    /// Replaces a value; the server adds it if there is none.
    Replace {
        /// The attribute to replace.
        path: AttributePath,
        /// The new value.
        value: Value,
    },
    /// Removes a value.
    Remove {
        /// The attribute to remove.
        path: AttributePath,
    },
    /// Removes the listed elements of a multi-valued attribute, for a server that does not parse a
    /// filter in a path.
    RemoveElements {
        /// The multi-valued attribute.
        path: AttributePath,
        /// The array of elements to remove.
        value: Value,
    },
    /// Replaces several attributes in one operation without a path.
    Merge {
        /// An object with the attributes.
        value: Value,
    },
}

impl PatchOperation {
    fn to_json(&self) -> Value {
        match self {
            Self::Add { path, value } => {
                json!({"op": "add", "path": path.as_str(), "value": value})
            }
            Self::Replace { path, value } => {
                json!({"op": "replace", "path": path.as_str(), "value": value})
            }
            Self::Remove { path } => json!({"op": "remove", "path": path.as_str()}),
            Self::RemoveElements { path, value } => {
                json!({"op": "remove", "path": path.as_str(), "value": value})
            }
            Self::Merge { value } => json!({"op": "replace", "value": value}),
        }
    }
}

/// The body of a PATCH with these operations, in their order.
pub(crate) fn patch_body(operations: &[PatchOperation]) -> Value {
    let operations: Vec<Value> = operations.iter().map(PatchOperation::to_json).collect();
    json!({"schemas": [PATCH_OP], "Operations": operations})
}
