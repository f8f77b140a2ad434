//! Hermetic tests of whole paths: nothing outside this process, nothing that sleeps.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod account_life;
mod commands;
mod store_promises;
#[path = "../store_suite/mod.rs"]
mod store_suite;
