//! A connection's dialect, as data (`presets/connections/*.toml`).

use serde::{Deserialize, Serialize};

/// A dialect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name.
    pub name: String,
}
