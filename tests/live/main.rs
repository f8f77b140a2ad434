//! Tests against real services on this machine. One that is missing is a failure that names how to start it.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod store_promises;
#[path = "../store_suite/mod.rs"]
mod store_suite;
