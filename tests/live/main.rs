//! Live tests: real processes, and real neighbours (RabbitMQ, PostgreSQL, a foreign SCIM server). A missing neighbour is
//! a failure that says how to get it, never a silent skip: `scripts/with-services cargo test --features failpoints --test live`.
//! Tests against real neighbours: `RabbitMQ` now. A neighbour that is missing fails the test, with what installs it.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    dead_code,
    reason = "a test fails by panicking; not every test uses all of the harness"
)]

mod broker;
mod chaos_broker;
mod chaos_intake;
mod chaos_kill;
mod chaos_late;
mod chaos_stage;
mod chaos_stop;
mod chaos_sweep;
mod child;
mod cluster;
mod load;
mod population;
mod ports;
mod postgres;
mod process;
#[path = "../promises/mod.rs"]
mod promises;
mod queue_promises;
mod queue_trouble;
mod sandbox;
mod scim_server;
mod store_promises;
#[path = "../store_suite/mod.rs"]
mod store_suite;
mod waiting;
