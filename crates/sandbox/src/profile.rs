//! The SCIM dialects that the sandbox can imitate.
//!
//! A dialect is more than this enum: [`super::catalogue`] has its attributes, [`super::scim_error`]
//! its error bodies, [`super::write`] its PUT, [`super::discovery`] its discovery paths, and
//! [`super::workplace`] the restrictions that Workplace adds to the RFCs.

use serde::Serialize;

/// The SCIM dialect of a sandbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SandboxProfile {
    /// RFC 7643 and RFC 7644, applied strictly.
    #[default]
    Generic,
    /// Workplace from Meta, as its published samples show it: `manager.managerId`, partial PUT,
    /// plural discovery paths and Graph errors.
    Workplace,
}
