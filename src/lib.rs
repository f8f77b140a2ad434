//! Hirewire: signed HR webhooks become SCIM 2.0 accounts, with the speed of events and the safety of state.
//!
//! The way of one webhook, and the rooms it passes: `intake` verifies the raw bytes and reads them with what `source`
//! knows of the HR system, as `event`s; the `queue` holds them durably; a `worker` records them in the `store`, and then
//! settles each account that is pending: `fold` makes the person of all facts, `mapping` the user that a connection should
//! have, `plan` the smallest set of requests in the words of `scim`, `target` sends them. `ops` shows and replays,
//! `sandbox` is an application to try it against. `config` reads the settings, `app` puts the service together, `cli`
//! is what people type. ARCHITECTURE.md says why; `tests/architecture.rs` holds who may use whom.

pub mod app;
pub mod cli;
pub mod config;
pub mod failpoint;
pub mod http;
pub mod intake;
pub mod observer;
pub mod ops;
pub mod queue;
pub mod scim_client;
pub mod store;
pub mod telemetry;
pub mod worker;
