//! The parts that every HTTP listener of a process shares: an accept loop with limits, bodies with
//! limits, problem documents (RFC 9457) and the health routes.
//!
//! The caller brings the routes. This module knows nothing of hooks, events or accounts.

mod body;
mod budget;
mod connections;
mod exchange;
mod health;
mod listener;
mod peer;
mod problem;

pub(crate) use body::{BodyLimits, ReadBodyError, read_body};
pub(crate) use budget::BodyBudget;
pub use exchange::Serve;
pub(crate) use health::{Detail, Health, ProcessRole};
pub(crate) use listener::serve_unix;
pub use listener::{Limits, serve};
pub(crate) use peer::Peer;
pub use peer::TrustedProxies;
pub(crate) use problem::Problem;
