//! The store: every event, and one row for each (connection, person), the *account*.
//!
//! It is SQLite or PostgreSQL, with one schema (docs/schema.md). `sql` runs statements; the other
//! modules are repositories, one for each noun, which add their methods to [`Store`]. Each method
//! is one transaction. A method that writes runs in a task of its own, so a caller that is dropped
//! never cancels it half-way. Only this folder and `queue/embedded` name sqlx.

mod accounts;
mod claims;
mod commits;
mod connections;
mod created_groups;
mod dead_letters;
mod error;
mod events;
mod history;
mod hooks;
mod identity;
mod leavers;
mod mappings;
mod open;
mod owners;
mod pending;
mod people;
mod quarantine;
mod retry;
#[cfg(test)]
mod schema_doc_tests;
mod sql;
mod sweep;

pub use accounts::{
    Account, AccountView, Intent, IntentKind, MatchKeyValue, Outcome, OutcomeKind, OutcomeReason,
    Priority,
};
pub use claims::{ChangedSinceClaim, Claim, ClaimRequest, ClaimStatus, NewBinding};
pub use commits::{Commit, CommitResult, Committed};
pub use connections::{ConnectionState, Pause, Unreachable};
pub use created_groups::GroupCreate;
pub use dead_letters::{
    DeadLetter, DeadLetterFilter, DeadLetterId, DeadLetterSubject, NewDeadLetter, RawHook,
    ReplayResult,
};
pub use error::{ClaimError, ClaimLost, StoreError};
pub use hirewire_core::plan::{DeadLetterCause, LastApplied};
pub use history::HistoryEntry;
pub use hooks::{StoredBatch, StoredEvent, StoredHook};
pub use leavers::OverdueLeaver;
pub use mappings::{MappingSubmission, PublishedMapping};
pub use open::{Store, StoreSettings};
pub use owners::Owner;
pub use pending::{PendingCount, SourceRouting};
pub use people::{Facts, PersonKey};
pub use quarantine::QuarantinedMessage;
pub use sql::schema::MigrationStatus;
pub use sweep::SweepResult;
