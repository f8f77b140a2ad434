//! Hirewire turns signed HR webhooks into SCIM 2.0 accounts.
//!
//! An event never commands an account: it is a fact about a person, and the account follows from
//! all the facts. So any order, duplication, delay or replay of the same events ends in the same
//! account.
//!
//! # The path of one hook
//!
//! 1. [`intake`] receives `POST /hooks/{source}`, verifies the signature over the raw bytes, parses
//!    the body into events, and answers 200 once the queue has confirmed the message.
//! 2. [`queue`] keeps the message: RabbitMQ, or an embedded queue on SQLite. A verified hook that
//!    cannot be parsed goes to the dead queue.
//! 3. [`worker`]`::ingest` takes messages, stores their events and marks accounts as pending, in
//!    one transaction of the [`store`]. Then it acks.
//! 4. [`worker`]`::dispatcher` claims pending accounts of a connection, leavers first.
//! 5. [`worker`]`::reconcile` brings one claimed account to its desired state: the pure core
//!    computes person, desired user and plan; [`scim_client`] reads the current user and sends the
//!    requests of the plan; the [`store`] commits the outcome.
//! 6. An account that needs an operator gets a dead letter. [`ops`] is the operators' API: people,
//!    connections, dead letters, previews, live lines.
//!
//! # Modules beside the path
//!
//! [`config`] reads `hirewire.toml`. [`app`] builds the service from it, starts it, reloads it and
//! stops it. [`cli`] has one file per command. [`http`] has listeners, limits, problem documents
//! and health. [`observer`] passes reports to metrics and live lines. [`telemetry`] has logs and
//! metrics, and is the only module that reads the clock or draws random numbers. [`failpoint`]
//! stops the process at a named point, in tests only.
//!
//! The pure core is the crate `hirewire_core` (`crates/core`): events, signatures, fold, mapping,
//! plan; no I/O and no clock. The SCIM application for tests is the crate `hirewire_sandbox`
//! (`crates/sandbox`). `ARCHITECTURE.md` gives the reasons, and `tests/architecture.rs` checks
//! which module may use which.

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
