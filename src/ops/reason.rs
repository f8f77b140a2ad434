//! The reason of a command, in the operator's words.

use serde::Deserialize;

/// The body of a change.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Reason {
    #[serde(default)]
    reason: String,
}

impl Reason {
    /// The reason without control characters and without space around it; empty if none was given.
    pub(super) fn text(&self) -> String {
        let shown: String = self.reason.chars().filter(|c| !c.is_control()).collect();
        shown.trim().to_owned()
    }
}
