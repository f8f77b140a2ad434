//! A SCIM 2.0 service provider in memory, to try out and test a SCIM client, with faults on
//! request.
//!
//! SCIM is at `/scim/v2` (with [`SandboxProfile::Workplace`] also at the root); `/` is a page that
//! shows the users and the last requests. A request passes `router`, `handler`, `endpoints`,
//! `write` and `resource_store`.
//!
//! This crate shares no code with the SCIM client of Hirewire, so that the two cannot share a
//! misinterpretation of SCIM. It is not for real personal data: the page needs no token (only the
//! switches of the faults do), and a stop deletes all.

mod access;
mod active_faults;
mod attribute;
mod catalogue;
mod clock;
mod collection;
mod control;
mod discovery;
mod endpoints;
mod fault;
mod fault_spec;
mod filter;
mod handler;
mod http_response;
mod lexer;
mod location;
mod matching;
mod message;
mod patch;
mod patch_operation;
#[cfg(test)]
mod patch_tests;
mod patch_values;
mod profile;
mod projection;
mod request_log;
mod resource_parser;
mod resource_store;
mod router;
mod sandbox;
mod schema;
mod scim_error;
mod search_request;
mod service_provider;
#[cfg(test)]
mod tests;
mod workplace;
mod write;

pub use fault::{Effect, Fault, InvalidFault, RetryAfter};
pub use fault_spec::FAULTS_HELP;
pub use profile::SandboxProfile;
pub use request_log::LoggedRequest;
pub use sandbox::{BASE_PATH, Sandbox, SandboxSettings};
