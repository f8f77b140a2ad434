//! Hermetic tests of whole paths: nothing but this process and those of `hirewire` that it starts.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::unused_async,
    clippy::format_push_string,
    clippy::unnecessary_literal_bound,
    reason = "a test fails by panicking; what is shared with the live tests is as they need it"
)]

mod account_life;
#[path = "../live/child.rs"]
#[allow(dead_code, reason = "the live tests use more of it")]
mod child;
mod commands;
mod embedded_queue;
mod installation;
mod observing;
mod operate;
#[path = "../promises/mod.rs"]
mod promises;
mod quiet;
mod rig;
mod service_life;
mod store_promises;
#[path = "../store_suite/mod.rs"]
mod store_suite;
#[path = "../live/waiting.rs"]
mod waiting;
mod workplace_knobs;
mod workplace_life;
