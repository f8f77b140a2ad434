//! PATCH bodies (RFC 7644 section 3.5.2): lower-case op, one attribute per operation, an explicit path.

use serde_json::{Value, json};

use super::{AttributePath, PATCH_OP};

/// One operation of a PATCH.
#[derive(Clone, Debug, PartialEq)]
pub enum PatchOperation {
    /// Adds a value, or elements to a list.
    Add {
        /// Where.
        path: AttributePath,
        /// What.
        value: Value,
    },
    /// Replaces the value; where there is none it is added.
    Replace {
        /// Where.
        path: AttributePath,
        /// By what.
        value: Value,
    },
    /// Removes the value.
    Remove {
        /// Where.
        path: AttributePath,
    },
    /// Replaces several attributes at once, for servers that know no paths.
    Merge {
        /// The attributes.
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
            Self::Merge { value } => json!({"op": "replace", "value": value}),
        }
    }
}

/// The body of a PATCH.
pub fn patch_body(operations: &[PatchOperation]) -> Value {
    let operations: Vec<Value> = operations.iter().map(PatchOperation::to_json).collect();
    json!({"schemas": [PATCH_OP], "Operations": operations})
}
