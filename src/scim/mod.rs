//! SCIM 2.0 shapes as a client needs them (RFC 7643, RFC 7644), and dialects as data: pure.

mod path;
mod profile;

pub use path::{AttributePath, InvalidPath};
pub use profile::Profile;
