//! Live tests: `hirewire` processes with real dependencies, RabbitMQ, PostgreSQL and a foreign SCIM
//! server.
//!
//! Run them with `scripts/with-services cargo test --features failpoints --test live`. A missing
//! dependency fails the test, and the failure names the command that installs it.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    dead_code,
    reason = "a test fails by panicking; not every test uses the whole harness"
)]

mod broker;
#[path = "../it/certificates.rs"]
mod certificates;
mod chaos_broker;
mod chaos_harness;
mod chaos_intake;
mod chaos_kill;
mod chaos_late;
mod chaos_stop;
mod chaos_sweep;
mod child;
mod deployment;
mod load;
mod population;
mod ports;
mod postgres;
mod postgres_conformance;
mod process;
#[path = "../conformance/queue/mod.rs"]
mod queue_conformance;
mod rabbitmq_conformance;
mod rabbitmq_deleted;
mod rabbitmq_failures;
mod rabbitmq_messages;
mod rabbitmq_publishers;
mod sandbox;
mod scim_server;
#[path = "../conformance/store/mod.rs"]
mod store_conformance;
#[path = "../conformance/strings.rs"]
mod strings;
mod tls;
mod waiting;
