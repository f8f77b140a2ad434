//! How far a source's statements about employment count (docs/fold.md, "Applicant systems").

use serde::Deserialize;

/// How far a source's statements about employment count: the config key `authority`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authority {
    /// An HR system: its employments always count.
    #[default]
    Employment,
    /// An applicant system: its hires count until an HR system states an employment of the
    /// person, and lapse if none does.
    PreHire,
}
