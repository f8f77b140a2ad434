//! HTTP, as every listener here needs it: an accept loop with limits, problem documents, health, bodies read with limits.
//!
//! What is served is an axum router of the caller's; this room knows nothing of hooks, events or accounts.

mod body;
mod health;
mod listener;
mod problem;

pub use body::{BodyError, read_body};
pub use health::{Detail, Health, ProcessRole};
pub use listener::{Limits, Serve, serve, serve_unix};
pub use problem::Problem;
