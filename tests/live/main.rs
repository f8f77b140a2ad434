//! Live tests: real processes, and real dependencies (RabbitMQ, PostgreSQL, a foreign SCIM server). A missing dependency is
//! a failure that says how to get it, never a silent skip: `scripts/with-services cargo test --features failpoints --test live`.
//! Tests against real dependencies: `RabbitMQ` now. A dependency that is missing fails the test, with what installs it.

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
mod chaos_harness;
mod chaos_intake;
mod chaos_kill;
mod chaos_late;
mod chaos_stop;
mod chaos_sweep;
mod child;
mod cluster;
mod load;
mod population;
mod ports;
mod postgres;
mod process;
#[path = "../conformance/queue/mod.rs"]
mod queue_conformance;
mod queue_promises;
mod queue_trouble;
mod sandbox;
mod scim_server;
#[path = "../conformance/store/mod.rs"]
mod store_conformance;
mod store_promises;
mod waiting;
