//! Hirewire: signed HR webhooks become SCIM 2.0 accounts, with the speed of events and the safety of state.

pub mod cli;
pub mod event;
pub mod sandbox;
pub mod telemetry;
