//! Hirewire: signed HR webhooks become SCIM 2.0 accounts, with the speed of events and the safety of state.

pub mod cli;
pub mod config;
pub mod event;
pub mod failpoint;
pub mod fold;
pub mod http;
pub mod intake;
pub mod mapping;
pub mod plan;
pub mod queue;
pub mod sandbox;
pub mod scim;
pub mod source;
pub mod store;
pub mod target;
pub mod telemetry;
