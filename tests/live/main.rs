//! Live tests: real processes, and real neighbours (RabbitMQ, PostgreSQL, a foreign SCIM server). A missing neighbour is
//! a failure that says how to get it, never a silent skip: `scripts/with-services cargo test --features failpoints --test live`.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    dead_code,
    reason = "a test fails by panicking; not every test uses all of the harness"
)]

mod child;
mod ports;
mod postgres;
mod process;
mod scim_server;
mod waiting;
//! Tests against real neighbours: RabbitMQ now. A neighbour that is missing fails the test, with what installs it.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod broker;
#[path = "../promises/mod.rs"]
mod promises;
mod queue_promises;
mod queue_trouble;
//! Tests against real services on this machine. One that is missing is a failure that names how to start it.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod store_promises;
#[path = "../store_suite/mod.rs"]
mod store_suite;
