//! The parts of SCIM 2.0 that a client needs (RFC 7643, RFC 7644), and dialects as data.
//!
//! In: attribute paths, JSON values, response bodies, profiles as TOML. Out: filters, PATCH bodies,
//! values of a resource, errors. Resources stay [`serde_json::Value`], so that members beyond the
//! RFC are kept. The module sends no requests (that is `scim_client`) and does not decide what to
//! change (that is `plan`).

mod dialect;
mod error;
mod filter;
mod list;
mod patch;
mod path;
mod path_syntax;
#[cfg(test)]
mod path_tests;
mod profile;
mod resource;
mod target_schemas;
mod text;
mod urn;
mod user_schema;

pub use dialect::{
    AttributeOverride, GroupDialect, MemberCheck, MemberRemoval, NullPolicy, UpdateMethod,
    ValueKind,
};
pub use error::ScimError;
pub use filter::{Filter, percent_encode};
pub use list::ListResponse;
pub use patch::PatchOperation;
pub(crate) use patch::patch_body;
pub use path::{AttributePath, InvalidPath};
pub use path_syntax::Selector;
pub use profile::{InvalidProfile, Profile};
pub use resource::member;
pub(crate) use resource::value_matches;
pub use target_schemas::TargetSchemas;
pub use text::{normalized, same_text, same_text_without_case};
pub use urn::{CORE_GROUP, CORE_USER, ENTERPRISE_USER, ERROR, PATCH_OP};
pub(crate) use user_schema::unknown_attribute;
