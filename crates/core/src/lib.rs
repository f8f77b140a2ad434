//! The pure core of Hirewire: from the bytes of a hook to the SCIM requests that follow from it.
//!
//! `source` verifies a hook and parses it into `event`s. `fold` computes the person from all events
//! about it. `mapping` computes the desired user of a connection. `plan` computes the smallest set
//! of requests that changes the current user into the desired one, with the types of `scim`.
//! `backoff` spaces retries, `json` parses within limits, and `suggest` finds the word that a misspelled word stands for. The
//! crate has no I/O, no runtime and no clock: time and randomness are arguments. Its `Cargo.toml`
//! and `clippy.toml` enforce that.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "tests read fixtures, seeds and golden files"
    )
)]

pub mod backoff;
pub mod event;
pub mod fold;
pub mod json;
pub mod mapping;
pub mod plan;
pub mod scim;
pub mod source;
pub mod suggest;
