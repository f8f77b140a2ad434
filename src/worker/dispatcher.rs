//! The dispatcher of one connection: claims pending accounts, leavers first, and reconciles them.
//!
//! The number of in-flight reconciles is bounded by permits. Every eighth claim asks for the other
//! accounts first, so that many leavers cannot starve a joiner. A slow target delays only its own
//! accounts. While the breaker is open, nothing is claimed but one account after each pause, a
//! leaver if one is pending (`outage.rs`).

use std::{sync::Arc, time::Duration};

use tokio::{sync::Semaphore, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Connection, Worker, back_off,
    connection::PublishedConnection,
    outage::OutageWatch,
    reconcile::{ReconcileError, Reconciler},
};
use crate::{
    scim_client::{Admission, BreakerState},
    store::{Claim, ClaimRequest, Facts, Priority, StoreError},
};
use hirewire_core::backoff::{Backoff, Retry};

/// How long the dispatcher waits for a notification before it queries the store: other processes
/// store events too.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// How long it waits after a published mapping turned out to be unusable.
const UNUSABLE_DELAY: Duration = Duration::from_secs(5);

/// The period of claims in which all but the last ask for leavers first.
const LEAVERS_FIRST_ROUNDS: u32 = 8;

/// How long it waits for a quarter of the permits before it claims with fewer: a claim costs the
/// store the same for one account as for many.
const BATCH_DELAY: Duration = Duration::from_millis(5);

/// How long an account waits after a reconcile that neither committed nor lost its claim.
const RELEASE_DELAY: Duration = Duration::from_secs(2);

/// How many accounts may be claimed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClaimLimit {
    /// As many as there are free permits.
    FreePermits,
    /// One, whose requests show whether the target works again. `answered`: it answered a probe.
    Trial { answered: bool },
    /// None before this wait is over.
    None(Duration),
}

pub(super) struct Dispatcher {
    worker: Worker,
    reconciler: Arc<Reconciler>,
    in_flight_permits: Arc<Semaphore>,
    outage: OutageWatch,
}

impl Dispatcher {
    pub(super) fn new(worker: Worker, connection: Arc<Connection>) -> Self {
        let permits = Semaphore::new(connection.settings.concurrency.max(1));
        let reconciler = Reconciler {
            store: worker.shared.store.clone(),
            connection,
        };

        Self {
            worker,
            reconciler: Arc::new(reconciler),
            in_flight_permits: Arc::new(permits),
            outage: OutageWatch::default(),
        }
    }

    /// Dispatches until `shutdown`. Claimed accounts are reconciled to the end, as `tasks`.
    pub(super) async fn run(mut self, shutdown: CancellationToken, tasks: TaskTracker) {
        let mut retry = Retry::new(Backoff::DEPENDENCY);
        let mut round = 0_u32;

        let worker = self.worker.clone();
        while !shutdown.is_cancelled() {
            // Register interest before the query, so that a notification that arrives meanwhile is
            // not missed.
            let notified = worker.shared.pending.notified();

            let wait = match self.claim_limit().await {
                ClaimLimit::None(wait) => wait,
                ClaimLimit::Trial { answered } => {
                    self.try_one(answered).await;
                    continue;
                }
                ClaimLimit::FreePermits => match self.claim(round).await {
                    Ok(claims) if claims.is_empty() => POLL_INTERVAL,
                    Ok(claims) => {
                        retry.reset();
                        round = round.wrapping_add(1);
                        self.start(claims, &tasks).await;
                        continue;
                    }
                    Err(error) => {
                        let connection = self.name();
                        tracing::warn!(
                            connection, %error,
                            "pending accounts cannot be claimed; the worker tries again"
                        );
                        if !back_off(&mut retry, &shutdown).await {
                            return;
                        }
                        continue;
                    }
                },
            };

            tokio::select! {
                () = notified => {}
                () = tokio::time::sleep(wait.min(POLL_INTERVAL)) => {}
                () = shutdown.cancelled() => return,
            }
        }
    }

    fn name(&self) -> &str {
        &self.reconciler.connection.settings.name
    }

    /// Asks the breaker, and sends the probe that a half-open breaker allows.
    async fn claim_limit(&mut self) -> ClaimLimit {
        let Reconciler { store, connection } = &*self.reconciler;
        let published = match connection.published(store, None).await {
            Ok(Some(published)) => published,
            Ok(None) => return ClaimLimit::None(POLL_INTERVAL),
            Err(error) => {
                tracing::warn!(
                    connection = self.name(), %error,
                    "the published mapping of the connection cannot be used"
                );
                return ClaimLimit::None(UNUSABLE_DELAY);
            }
        };

        self.outage.follow(store, connection, &published).await;
        match published.client.breaker().admit(Instant::now()) {
            Admission::Open => ClaimLimit::FreePermits,
            Admission::Closed { wait } => ClaimLimit::None(wait),
            Admission::Probe => ClaimLimit::Trial {
                answered: self.probe(&published).await,
            },
        }
    }

    /// Sends a probe; whether the target answered. A refusal is an answer: the failure of the next
    /// account decides what it means.
    async fn probe(&self, published: &PublishedConnection) -> bool {
        let answer = published.client.probe().await;
        match answer {
            Err(failure) if failure.is_target_fault() => {
                tracing::debug!(connection = self.name(), %failure, "the probe failed");
                false
            }
            Ok(()) | Err(_) => {
                published.client.breaker().answered();
                true
            }
        }
    }

    /// Reconciles one account, a leaver if one is pending, to learn whether the target works again:
    /// its requests close the breaker or open it anew. Without a request of its own the probe
    /// decides.
    async fn try_one(&self, answered: bool) {
        let Reconciler { store, connection } = &*self.reconciler;
        match self.claim_one().await {
            Ok(claims) => {
                for claim in claims {
                    reconcile_one(&self.reconciler, &self.worker, &claim, None).await;
                }
            }
            Err(error) => tracing::warn!(
                connection = self.name(), %error,
                "no account can be claimed for a try after the outage"
            ),
        }

        let published = connection.published(store, None).await.ok().flatten();
        let Some(published) = published else {
            return;
        };
        let breaker = published.client.breaker();
        if breaker.state() == BreakerState::HalfOpen {
            if answered {
                breaker.succeeded();
            } else {
                breaker.failed("probe", Instant::now());
            }
        }
    }

    /// Claims a leaver if there is one, also if it waits for its next attempt.
    async fn claim_one(&self) -> Result<Vec<Claim>, StoreError> {
        let store = &self.reconciler.store;
        store.retry_leavers(self.name()).await?;
        store.claim(&self.claim_request(None, 1)).await
    }

    fn claim_request(&self, priority: Option<Priority>, limit: usize) -> ClaimRequest<'_> {
        let connection = &self.reconciler.connection;
        ClaimRequest {
            connection: &connection.settings.name,
            priority,
            person: None,
            limit,
            lease: connection.lease(),
        }
    }

    /// Waits for a permit, then claims as many accounts as there are free permits.
    async fn claim(&self, round: u32) -> Result<Vec<Claim>, StoreError> {
        if !self.wait_for_permits().await {
            return Ok(Vec::new());
        }

        let store = &self.reconciler.store;
        let free = self.in_flight_permits.available_permits().max(1);
        if round % LEAVERS_FIRST_ROUNDS == LEAVERS_FIRST_ROUNDS - 1 {
            let request = self.claim_request(Some(Priority::Other), 1);
            let others = store.claim(&request).await?;
            if !others.is_empty() {
                return Ok(others);
            }
        }
        store.claim(&self.claim_request(None, free)).await
    }

    /// Waits up to [`BATCH_DELAY`] for a quarter of the permits, then for any one; `false`: there
    /// will be none.
    async fn wait_for_permits(&self) -> bool {
        let quarter = self.reconciler.connection.settings.concurrency / 4;
        let quarter = u32::try_from(quarter).unwrap_or(1).max(1);
        let permits = &self.in_flight_permits;

        let batch = tokio::time::timeout(BATCH_DELAY, permits.acquire_many(quarter)).await;
        match batch {
            Ok(_) => true,
            Err(_) => permits.acquire().await.is_ok(),
        }
    }

    /// Reconciles claimed accounts, each as a task.
    async fn start(&self, claims: Vec<Claim>, tasks: &TaskTracker) {
        // One read for all: one for each takes 1.28 times the CPU (docs/benchmarks.md). If it fails,
        // each reconcile reads for itself, so that one unreadable person delays no other.
        let people: Vec<_> = claims.iter().map(|claim| &claim.account.person).collect();
        let facts = self.reconciler.store.facts_of(&people).await;
        let mut facts = facts.unwrap_or_default();

        for claim in claims {
            let facts = facts.remove(&claim.account.person);
            let permits = Arc::clone(&self.in_flight_permits);
            let Ok(permit) = permits.acquire_owned().await else {
                return;
            };
            let (reconciler, worker) = (Arc::clone(&self.reconciler), self.worker.clone());
            tasks.spawn(async move {
                let _permit = permit;
                reconcile_one(&reconciler, &worker, &claim, facts).await;
            });
        }
    }
}

async fn reconcile_one(
    reconciler: &Reconciler,
    worker: &Worker,
    claim: &Claim,
    facts: Option<Facts>,
) {
    let person = &claim.account.person;
    let connection = &reconciler.connection.settings.name;

    match reconciler.reconcile(claim, facts).await {
        Ok(report) => {
            tracing::info!(
                connection,
                person.key = %person,
                verdict = report.outcome.kind.as_str(),
                attempt = claim.account.attempts,
                requests = report.requests.len(),
                took_ms = u64::try_from(report.took.as_millis()).unwrap_or(u64::MAX),
                "account reconciled"
            );
            worker.shared.settings.observer.account_reconciled(&report);
        }
        Err(ReconcileError::ClaimLost) => {
            tracing::debug!(connection, person.key = %person, "another worker has the claim now");
        }
        Err(error) => {
            tracing::warn!(
                connection, person.key = %person, %error,
                "the account could not be reconciled; it stays pending"
            );
            // If the release fails too, the lease runs out.
            let _ = reconciler.store.release(claim, RELEASE_DELAY).await;
        }
    }
}
