//! Hirewire.
pub mod cli;
pub mod config;
pub mod event;
pub mod fold;
pub mod http;
pub mod intake;
pub mod mapping;
pub mod ops;
pub mod plan;
pub mod queue;
pub mod sandbox;
pub mod scim;
pub mod source;
pub mod store;
pub mod target;
pub mod telemetry;
pub mod worker;
