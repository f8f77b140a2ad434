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
mod harness;
mod installation;
mod named_commands;
mod observing;
mod operate;
#[path = "../conformance/queue/mod.rs"]
mod queue_conformance;
mod quiet;
mod service_life;
mod sqlite_store_conformance;
#[path = "../conformance/store/mod.rs"]
mod store_conformance;
#[path = "../live/waiting.rs"]
mod waiting;
mod workplace_knobs;
mod workplace_life;
