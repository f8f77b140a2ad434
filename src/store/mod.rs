//! The store: every fact, and one row per (connection, person), the *account*. `SQLite` or `PostgreSQL`.
//!
//! Queues are the speed, rows are the truth. Only this folder (and `queue/embedded`) names sqlx.
//! Every verb is one transaction, run in a task of its own: a caller that goes away never cancels it half-way.

mod account;
mod door;
mod letter;
mod verbs;

pub use account::{
    Account, Applied, Claim, ClaimLost, Commit, Intent, IntentKind, MatchKeyValue, Outcome, OutcomeKind, OwedClass,
    PersonKey,
};
pub use door::Store;
pub use letter::{Cause, DeadLetter, LetterAbout, LetterId, NewLetter};
pub use verbs::{
    AccountView, ClaimError, ClaimWish, CommitResult, Committed, ConnectionState, Facts, HistoryLine, LetterFilter,
    Offered, OwedCount, Paused, PublishedMapping, RawHook, Recorded, RecordedEvent, RecordedHook, Replayed, Standing,
    StoreSettings, Swept, Wiring,
};

/// A store that did not do what was asked. Nothing was half done.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, or is busy beyond patience: back off and try again.
    #[error("the store cannot be reached")]
    Unreachable(#[source] sqlx::Error),
    /// What was asked for cannot be stored (a bug, or a row that something else broke).
    #[error("the store refused: {0}")]
    Refused(String),
    /// The store belongs to another instance, or to a newer version.
    #[error("{0}")]
    NotOurs(String),
}
