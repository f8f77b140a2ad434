//! Hermetic tests of whole paths, from a signed hook to a SCIM account.
//!
//! They run in this process and in the `hirewire` processes that it starts. They need no other
//! service: the queue is embedded, the store is SQLite, the SCIM application is the sandbox.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::unused_async,
    clippy::format_push_string,
    clippy::unnecessary_literal_bound,
    reason = "a test fails by panicking; the modules of the live tests keep their own style"
)]

mod account_lifecycle;
mod certificates;
#[path = "../live/child.rs"]
#[allow(dead_code, reason = "the live tests use more of it")]
mod child;
mod commands;
mod connection_tests;
mod embedded_queue;
mod field_cases;
mod harness;
mod hostile_clients;
mod installation;
mod named_commands;
mod named_endpoints;
mod observing;
mod odd_answers;
mod operate;
mod outages;
#[path = "../conformance/queue/mod.rs"]
mod queue_conformance;
mod quiet;
mod refused_starts;
mod service_lifecycle;
mod sqlite_store_conformance;
#[path = "../conformance/store/mod.rs"]
mod store_conformance;
#[path = "../conformance/strings.rs"]
mod strings;
mod target_schemas;
mod transport;
#[path = "../live/waiting.rs"]
mod waiting;
mod webhook_senders;
mod workplace_knobs;
mod workplace_lifecycle;
