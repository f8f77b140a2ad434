//! Property tests of the fold: `docs/fold.md` 8 states the properties.
//!
//! Each property runs over at least 10,000 generated histories. `fact`, `history` and `display`
//! hold and print a history; `generator` and `life` make them; `oracle*` implements the rules a
//! second time, independently of the fold; `runner` and `shrink` run a property, and shrink and
//! save a history that fails. `worked` and `regression_tests` are fixed histories.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "a property names only the kinds that it is about"
)]
// With the feature `histories` these modules are no tests to the compiler.
#![cfg_attr(
    feature = "histories",
    allow(
        dead_code,
        missing_docs,
        clippy::disallowed_methods,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::missing_panics_doc,
        clippy::panic,
        clippy::print_stdout,
        clippy::unwrap_used,
        clippy::return_self_not_must_use,
        clippy::should_implement_trait,
        unreachable_pub,
        reason = "generated histories are for tests only"
    )
)]

#[cfg(test)]
mod coverage;
#[cfg(test)]
mod differential;
mod display;
#[cfg(test)]
mod endings;
pub mod fact;
pub mod generator;
pub mod history;
#[cfg(test)]
mod life;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod oracle_aliases;
#[cfg(test)]
mod oracle_edits;
#[cfg(test)]
mod oracle_endings;
#[cfg(test)]
mod oracle_list;
#[cfg(test)]
mod oracle_rarer;
#[cfg(test)]
mod oracle_read;
#[cfg(test)]
mod oracle_replay;
#[cfg(test)]
mod oracle_set;
#[cfg(test)]
mod oracle_start;
#[cfg(test)]
mod oracle_state;
#[cfg(test)]
mod order;
#[cfg(test)]
mod quiet;
#[cfg(test)]
mod regression_tests;
#[cfg(test)]
mod returns;
pub mod runner;
mod shrink;
#[cfg(test)]
mod view;
#[cfg(test)]
mod worked;
