//! The errors of the store. After an error nothing of the call is written.

use super::PersonKey;

/// An error of the store. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, or is too busy: the same call may succeed later.
    #[error(
        "the store cannot be reached; check that the database runs and that [store] url names it"
    )]
    Unreachable(#[source] sqlx::Error),
    /// The same call fails again: a value that the database rejects, a row that cannot be read.
    #[error("the store refused: {0}")]
    Refused(String),
    /// The store belongs to another instance, or a newer version has migrated it.
    #[error("{0}")]
    Incompatible(String),
}

/// Why a write under a claim failed.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// The lease ended and another worker may hold the account.
    #[error(transparent)]
    Lost(#[from] ClaimLost),
    /// Another person's account on this connection is bound to the user. The key is empty if that
    /// binding ended meanwhile.
    #[error("the user is already bound to the account of person {0}")]
    BoundElsewhere(PersonKey),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The fencing token of the claim is no longer the account's. Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the lease was lost: another worker may have claimed the account")]
pub struct ClaimLost;

impl From<sqlx::Error> for StoreError {
    #[allow(clippy::wildcard_enum_match_arm, reason = "sqlx's enum may grow")]
    fn from(error: sqlx::Error) -> Self {
        // A broken constraint or a value of the wrong type fails again; any other error may pass.
        let is_permanent = match &error {
            sqlx::Error::Database(database) => {
                !is_transient(database.code().as_deref().unwrap_or_default())
            }
            sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::Encode(_)
            | sqlx::Error::Decode(_)
            | sqlx::Error::Configuration(_)
            | sqlx::Error::AnyDriverError(_) => true,
            _ => false,
        };

        if is_permanent {
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
    /// Whether PostgreSQL aborted the transaction in favour of another one (serialization failure,
    /// deadlock), so that it may run again.
    pub(super) fn is_serialization_failure(&self) -> bool {
        match self {
            Self::Unreachable(sqlx::Error::Database(error)) => {
                matches!(error.code().as_deref(), Some("40001" | "40P01"))
            }
            Self::Unreachable(_) | Self::Refused(_) | Self::Incompatible(_) => false,
        }
    }
}

/// Whether a database's error code names a state that passes. PostgreSQL: the classes 08, 40, 53,
/// 55, 57 and 58. SQLite: busy, locked, read-only, I/O error, full, cannot open.
fn is_transient(code: &str) -> bool {
    if code.len() == 5 {
        return ["08", "40", "53", "55", "57", "58"]
            .iter()
            .any(|class| code.starts_with(class));
    }
    code.parse::<u32>()
        .is_ok_and(|code| matches!(code & 0xff, 5 | 6 | 8 | 10 | 13 | 14))
}
