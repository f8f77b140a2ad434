//! The store's door: every verb, each one transaction.
//!
//! CONTRACT: the bodies here are not built yet; signatures and their meaning are what other rooms are written against.

use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::queue::{Hook, UnreadableEnvelope};

/// The store.
#[derive(Clone, Debug)]
pub struct Store {}

fn not_built<T>() -> Result<T, StoreError> {
    Err(StoreError::Refused("not built".to_owned()))
}

#[allow(clippy::unused_async, unused_variables, missing_docs, reason = "contract only")]
impl Store {
    /// Connects, brings the schema up to date, and checks that it is this instance's and not newer than this binary.
    pub async fn open(settings: StoreSettings) -> Result<Self, StoreError> {
        not_built()
    }
    /// The store's clock: what `now`, `due` and leases are read from.
    pub async fn now(&self) -> Result<Timestamp, StoreError> {
        not_built()
    }
    /// Stores the hooks' events and marks the accounts of every connection they feed owed, files letters for hooks
    /// that could not be read; one transaction. Again is harmless: only what is new moves a person's version.
    /// A hook that cannot be stored fails the whole call with `Refused`; the caller then records hook by hook.
    pub async fn record(&self, hooks: &[Hook], wiring: &Wiring) -> Result<Recorded, StoreError> {
        not_built()
    }
    /// Keeps bytes that this version cannot read; told in `/readyz` and metrics.
    pub async fn park(&self, envelope: &UnreadableEnvelope) -> Result<(), StoreError> {
        not_built()
    }
    pub async fn parked(&self) -> Result<u64, StoreError> {
        not_built()
    }
    /// Leases accounts that are owed now, oldest first.
    pub async fn claim(&self, wish: &ClaimWish<'_>) -> Result<Vec<Claim>, StoreError> {
        not_built()
    }
    /// Everything known of the person, forwarders followed; `None`: no such person.
    pub async fn facts(&self, person: &PersonKey) -> Result<Option<Facts>, StoreError> {
        not_built()
    }
    /// What may have changed under the claim. `extend` moves the end of the lease to that long from now.
    pub async fn standing(&self, claim: &Claim, extend: Option<Duration>) -> Result<Standing, ClaimError> {
        not_built()?
    }
    /// Writes the intent down, before the write it announces.
    pub async fn begin(&self, claim: &Claim, intent: &Intent) -> Result<(), ClaimError> {
        not_built()?
    }
    /// Writes back everything a settle came to, and releases the claim; one transaction.
    pub async fn commit(&self, claim: &Claim, commit: &Commit) -> CommitResult {
        not_built()?
    }
    /// Releases the claim without any change; the account stays owed, now or after that long.
    pub async fn release(&self, claim: &Claim, again_in: Option<Duration>) -> Result<(), ClaimError> {
        not_built()?
    }
    /// Gives the binding of the claimed account (whose person was merged into another) to that person's account on
    /// the same connection, if that one is unbound and not leased; whether it did. The claimed row is left unbound.
    pub async fn move_binding(&self, claim: &Claim, to: &PersonKey) -> Result<bool, ClaimError> {
        not_built()?
    }
    /// Finds what is owed and not marked: rows missing for a connection, versions behind, due times passed.
    pub async fn sweep(&self, wiring: &Wiring) -> Result<Swept, StoreError> {
        not_built()
    }
    /// The earliest time at which anything of these connections is to be looked at, leases and pauses left aside.
    pub async fn next_owed(&self, connections: &[String]) -> Result<Option<Timestamp>, StoreError> {
        not_built()
    }
    /// Offers the config's mapping: the first is published, one that differs is staged.
    pub async fn offer_mapping(&self, connection: &str, text: &str, fold_version: u32) -> Result<Offered, StoreError> {
        not_built()
    }
    /// Publishes what is staged; the new version, or `None` if nothing is. Makes every account of it owed.
    pub async fn apply_mapping(&self, connection: &str, by: &str) -> Result<Option<i64>, StoreError> {
        not_built()
    }
    pub async fn mappings(&self) -> Result<Vec<PublishedMapping>, StoreError> {
        not_built()
    }
    /// Pauses a connection; whether it was not paused before (the first reason stays).
    pub async fn pause(&self, connection: &str, reason: &str, by: &str) -> Result<bool, StoreError> {
        not_built()
    }
    pub async fn resume(&self, connection: &str, by: &str) -> Result<bool, StoreError> {
        not_built()
    }
    /// Every connection that the store knows of (mapping published, accounts, or paused).
    pub async fn connection_states(&self) -> Result<Vec<ConnectionState>, StoreError> {
        not_built()
    }
    /// Files a letter that does not come with a commit (poison, findings); at most one open letter per (about, cause).
    pub async fn file(&self, letter: &NewLetter) -> Result<LetterId, StoreError> {
        not_built()
    }
    pub async fn letters(&self, filter: &LetterFilter) -> Result<Vec<DeadLetter>, StoreError> {
        not_built()
    }
    pub async fn raw(&self, letter: &LetterId) -> Result<Option<RawHook>, StoreError> {
        not_built()
    }
    /// Makes the accounts of these letters owed now, attempts forgotten; history says who and why.
    pub async fn replay(&self, filter: &LetterFilter, by: &str, reason: &str) -> Result<Replayed, StoreError> {
        not_built()
    }
    /// The person of that key, alias (`source/worker`, or the worker id alone where it is unique).
    pub async fn find_person(&self, text: &str) -> Result<Vec<PersonKey>, StoreError> {
        not_built()
    }
    pub async fn accounts(&self, person: &PersonKey) -> Result<Vec<AccountView>, StoreError> {
        not_built()
    }
    /// Newest first.
    pub async fn history(&self, person: Option<&PersonKey>, most: usize) -> Result<Vec<HistoryLine>, StoreError> {
        not_built()
    }
    pub async fn owed(&self) -> Result<Vec<OwedCount>, StoreError> {
        not_built()
    }
    /// Open letters by (connection or "", cause).
    pub async fn letter_counts(&self) -> Result<Vec<(String, String, u64)>, StoreError> {
        not_built()
    }
    /// Accounts by (connection, outcome).
    pub async fn outcome_counts(&self) -> Result<Vec<(String, String, u64)>, StoreError> {
        not_built()
    }
}
