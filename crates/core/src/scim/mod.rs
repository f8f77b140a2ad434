//! SCIM 2.0 shapes as a client needs them (RFC 7643, RFC 7644), and dialects as data: pure.
//!
//! Resources stay [`serde_json::Value`]: what a target sends beyond the RFC is kept, not lost in a type.

mod error;
mod filter;
mod list;
mod patch;
mod path;
mod profile;
mod resource;

pub use error::ScimError;
pub use filter::{Filter, percent_encode};
pub use list::ListResponse;
pub use patch::{PatchOperation, patch_body};
pub use path::{AttributePath, InvalidPath, Selector};
pub use profile::{
    AttributeShape, GroupDialect, InvalidProfile, MemberCheck, NullPolicy, Profile, UpdateMethod,
    ValueKind,
};
pub use resource::{member, same_value};

/// Schema of a user.
pub const CORE_USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// Schema of a group.
pub const CORE_GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// Schema of the enterprise extension.
pub const ENTERPRISE_USER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// Schema of a PATCH body.
pub const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// Schema of an error.
pub const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
