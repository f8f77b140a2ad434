//! One connection's pump: claims pending accounts, leavers first, and has them reconciled, so many at a time.
//!
//! While the breaker is open nothing is claimed but what a probe allows. Every eighth claim asks for the others first, so
//! that no flood of leavers starves a hire. A slow or dead target holds up nothing but its own accounts.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Semaphore, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Connection, Patience, ReconcileError, Reconciler, Worker};
use crate::{
    scim_client::Admission,
    store::{Claim, ClaimRequest, Facts, Priority, StoreError},
};

/// How long it waits for a wake-up before it looks by itself: other processes record too.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// So many claims go leavers first, then one goes others first.
const FLOOR: u32 = 8;

/// While all turns are taken and given back all the time, how long it waits for a fourth of them before it claims for fewer: a
/// claim costs the store the same for one account as for many.
const COMPANY: Duration = Duration::from_millis(5);

/// Whether anything may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Passage {
    /// As much as there are turns for.
    Go,
    /// The target has just come back: one account alone first.
    First,
    /// Not before so long.
    Wait(Duration),
}

/// A connection's pump.
pub(super) struct Pump {
    worker: Worker,
    reconciler: Arc<Reconciler>,
    turns: Arc<Semaphore>,
}

impl Pump {
    pub(super) fn new(worker: Worker, connection: Arc<Connection>) -> Self {
        let turns = Arc::new(Semaphore::new(connection.settings.concurrency.max(1)));
        let reconciler = Arc::new(Reconciler {
            store: worker.shared.store.clone(),
            connection,
        });
        Self {
            worker,
            reconciler,
            turns,
        }
    }

    /// Pumps until it is asked to stop. What was claimed is reconciled all the same, as one of `tasks`.
    pub(super) async fn run(&self, shutdown: CancellationToken, tasks: TaskTracker) {
        let mut patience = Patience::new();
        let mut round = 0_u32;
        while !shutdown.is_cancelled() {
            // Registered before we look, so that no wake-up between look and wait is lost.
            let woken = self.worker.shared.pending.notified();
            let wait = match self.gate().await {
                Passage::Wait(wait) => wait,
                passage @ (Passage::Go | Passage::First) => {
                    match self.claim(round, passage).await {
                        Ok(claims) if claims.is_empty() => LOOK_EVERY,
                        Ok(claims) => {
                            patience.reset();
                            round = round.wrapping_add(1);
                            self.reconcile(claims, passage, &tasks).await;
                            continue;
                        }
                        Err(error) => {
                            tracing::warn!(%error, connection = self.name(), "nothing can be claimed; trying again");
                            if !patience.wait(&shutdown).await {
                                return;
                            }
                            continue;
                        }
                    }
                }
            };
            tokio::select! {
                () = woken => {}
                () = tokio::time::sleep(wait.min(LOOK_EVERY)) => {}
                () = shutdown.cancelled() => return,
            }
        }
    }

    fn name(&self) -> &str {
        &self.reconciler.connection.settings.name
    }

    /// Whether anything may be sent now. A breaker that may be probed is.
    async fn gate(&self) -> Passage {
        let live = self
            .reconciler
            .connection
            .live(&self.reconciler.store, None)
            .await;
        let live = match live {
            Ok(Some(live)) => live,
            Ok(None) => return Passage::Wait(LOOK_EVERY),
            Err(error) => {
                tracing::warn!(%error, connection = self.name(), "the connection cannot be used as published");
                return Passage::Wait(Duration::from_secs(5));
            }
        };
        match live.client.breaker().admit(Instant::now()) {
            Admission::Open => Passage::Go,
            Admission::Closed { wait } => Passage::Wait(wait),
            Admission::Probe => match live.client.probe().await {
                Ok(()) => {
                    tracing::info!(connection = self.name(), "the target answers again");
                    live.client.breaker().succeeded();
                    Passage::First
                }
                Err(failure) => {
                    tracing::debug!(connection = self.name(), %failure, "the probe failed");
                    // A refusal is an answer: what it means is decided with the next account.
                    if failure.is_target_fault() {
                        live.client.breaker().failed("probe", Instant::now());
                        Passage::Wait(LOOK_EVERY)
                    } else {
                        live.client.breaker().succeeded();
                        Passage::First
                    }
                }
            },
        }
    }

    /// Claims as many as there are free turns; waits for the first. Right after an outage one alone: a leaver, if any.
    async fn claim(&self, round: u32, passage: Passage) -> Result<Vec<Claim>, StoreError> {
        let connection = &self.reconciler.connection;
        let several = u32::try_from(connection.settings.concurrency / 4)
            .unwrap_or(1)
            .max(1);
        if tokio::time::timeout(COMPANY, self.turns.acquire_many(several))
            .await
            .is_err()
        {
            let Ok(_turn) = self.turns.acquire().await else {
                return Ok(Vec::new());
            };
        }
        let free = self.turns.available_permits().max(1);
        let lease = connection.lease();
        let request = |priority, most| ClaimRequest {
            connection: &connection.settings.name,
            priority,
            person: None,
            limit: most,
            lease,
        };
        let store = &self.reconciler.store;
        if passage == Passage::First {
            return store.claim(&request(None, 1)).await;
        }
        if round % FLOOR == FLOOR - 1 {
            let others = store.claim(&request(Some(Priority::Other), 1)).await?;
            if !others.is_empty() {
                return Ok(others);
            }
        }
        store.claim(&request(None, free)).await
    }

    async fn reconcile(&self, claims: Vec<Claim>, passage: Passage, tasks: &TaskTracker) {
        // Together, for one round trip; where that fails, each asks for itself: one that cannot be read holds up no other.
        let people: Vec<_> = claims.iter().map(|claim| &claim.account.person).collect();
        let mut known = self
            .reconciler
            .store
            .facts_of(&people)
            .await
            .unwrap_or_default();
        let claims = claims.into_iter().map(|claim| {
            let facts = known.remove(&claim.account.person);
            (claim, facts)
        });
        if passage == Passage::First {
            for (claim, facts) in claims {
                reconcile_one(&self.reconciler, &self.worker, &claim, facts).await;
            }
            return;
        }
        for (claim, facts) in claims {
            let Ok(turn) = Arc::clone(&self.turns).acquire_owned().await else {
                return;
            };
            let (reconciler, worker) = (Arc::clone(&self.reconciler), self.worker.clone());
            tasks.spawn(async move {
                let _turn = turn;
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
                connection, person.key = %person, verdict = ?report.outcome.kind, attempt = claim.account.attempts,
                requests = report.requests.len(), took_ms = u64::try_from(report.took.as_millis()).unwrap_or(u64::MAX),
                "account reconciled"
            );
            worker.shared.settings.observer.account_reconciled(&report);
        }
        Err(ReconcileError::Lost) => {
            tracing::debug!(connection, person.key = %person, "the claim is somebody else's now");
        }
        Err(error) => {
            // It stays pending: the lease runs out, or is given back here.
            tracing::warn!(connection, person.key = %person, %error, "an account could not be reconciled");
            let _ = reconciler
                .store
                .release(claim, Duration::from_secs(2))
                .await;
        }
    }
}
