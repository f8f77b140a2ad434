//! The parts that every HTTP listener of a process shares: an accept loop with limits, bodies with
//! limits, problem documents (RFC 9457) and the health routes.
//!
//! The caller brings the routes. This module knows nothing of hooks, events or accounts.

mod body;
mod health;
mod listener;
mod problem;

pub(crate) use body::{ReadBodyError, read_body};
pub(crate) use health::{Detail, Health, ProcessRole};
pub(crate) use listener::serve_unix;
pub use listener::{Limits, serve};
pub(crate) use problem::Problem;
