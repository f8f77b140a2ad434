//! Tests against real neighbours: `RabbitMQ` now. A neighbour that is missing fails the test, with what installs it.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod broker;
#[path = "../promises/mod.rs"]
mod promises;
mod queue_promises;
mod queue_trouble;
