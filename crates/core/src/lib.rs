//! The pure core of Hirewire: from a hook's bytes to the SCIM requests that follow, without I/O.
//!
//! `source` verifies and reads what an HR system sent as `event`s; `fold` makes the person of all
//! events; `mapping` makes the user that a connection should have; `plan` makes the smallest set of
//! requests, in the words of `scim`. The crate has no runtime, no network, no file and no clock:
//! time and chance are arguments. Its `Cargo.toml` and its `clippy.toml` hold that.

pub mod backoff;
pub mod event;
pub mod fold;
pub mod mapping;
pub mod plan;
pub mod scim;
pub mod source;
