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

mod coverage;
mod differential;
mod display;
mod endings;
mod fact;
mod generator;
mod history;
mod life;
mod oracle;
mod oracle_aliases;
mod oracle_edits;
mod oracle_endings;
mod oracle_list;
mod oracle_rarer;
mod oracle_read;
mod oracle_replay;
mod oracle_set;
mod oracle_start;
mod oracle_state;
mod order;
mod quiet;
mod regression_tests;
mod returns;
mod runner;
mod shrink;
mod view;
mod worked;
