//! The store: every fact, and one row per (connection, person), the *account*. `SQLite` or `PostgreSQL`.
//!
//! Queues are the speed, rows are the truth. Only this folder (and `queue/embedded`) names sqlx.
//! Every verb is one transaction, run in a task of its own: a caller that goes away never cancels it half-way.

mod account;
mod aliases;
mod binding;
mod claim;
mod commit;
mod connections;
mod counts;
mod dead_letter;
mod dead_letters;
mod history;
mod mappings;
mod open;
mod pending;
mod people;
mod quarantine;
mod record;
mod replay;
mod rows;
mod sql;
mod sweep;
mod types;

pub use account::{
    Account, Claim, ClaimLost, Commit, Intent, IntentKind, MatchKeyValue, Outcome, OutcomeKind,
    OutcomeReason, PersonKey, Priority,
};
pub use dead_letter::{DeadLetter, DeadLetterId, DeadLetterSubject, NewDeadLetter};
pub use hirewire_core::plan::DeadLetterCause;
pub use hirewire_core::plan::LastApplied;
pub use open::Store;
pub use quarantine::QuarantinedMessage;
pub use sql::schema::MigrationStatus;
pub use types::{
    AccountView, ChangedSinceClaim, ClaimError, ClaimRequest, ClaimStatus, CommitResult, Committed,
    ConnectionState, DeadLetterFilter, Facts, HistoryLine, Offered, Paused, PendingCount,
    PublishedMapping, RawHook, Recorded, RecordedEvent, RecordedHook, Replayed, StoreSettings,
    Swept, Wiring,
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

impl From<sqlx::Error> for StoreError {
    #[allow(clippy::wildcard_enum_match_arm, reason = "sqlx's enum may grow")]
    fn from(error: sqlx::Error) -> Self {
        // A constraint or a value that does not fit will not do better next time; everything else may.
        let wrong = match &error {
            sqlx::Error::Database(database) => {
                !passes(database.code().as_deref().unwrap_or_default())
            }
            sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::Encode(_)
            | sqlx::Error::Decode(_)
            | sqlx::Error::Configuration(_)
            | sqlx::Error::AnyDriverError(_) => true,
            _ => false,
        };
        if wrong {
            Self::Refused(error.to_string())
        } else {
            Self::Unreachable(error)
        }
    }
}

impl From<sqlx::Error> for ClaimError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl StoreError {
    /// Whether it lost against another transaction (`PostgreSQL`: serialisation failure, deadlock) and may be run again.
    pub(crate) fn lost_a_race(&self) -> bool {
        match self {
            Self::Unreachable(sqlx::Error::Database(error)) => {
                matches!(error.code().as_deref(), Some("40001" | "40P01"))
            }
            Self::Unreachable(_) | Self::Refused(_) | Self::NotOurs(_) => false,
        }
    }
}

/// Whether a database's error code speaks of a state that passes: `PostgreSQL`'s classes 08, 40, 53, 55, 57, 58;
/// `SQLite`'s busy, locked, read-only, I/O error, full, cannot open.
fn passes(code: &str) -> bool {
    if code.len() == 5 {
        return ["08", "40", "53", "55", "57", "58"]
            .iter()
            .any(|class| code.starts_with(class));
    }
    code.parse::<u32>()
        .is_ok_and(|code| matches!(code & 0xff, 5 | 6 | 8 | 10 | 13 | 14))
}
