//! The proof of the fold: what must hold of every history (`docs/fold.md` 9), each property over at least 10,000.
//!
//! `fact` says histories in small numbers, `generator` and `life` make them, `oracle*` reads the rules a second
//! time, apart from the fold, and `runner` repeats, shrinks and keeps what failed.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "a property names the kinds that it is about"
)]

mod coverage;
mod differential;
mod endings;
mod fact;
mod found_tests;
mod generator;
mod life;
mod oracle;
mod oracle_endings;
mod oracle_list;
mod oracle_rarer;
mod oracle_replay;
mod oracle_set;
mod order;
mod quiet;
mod returns;
mod runner;
mod view;
mod worked;
