//! Turns the reports of intake, workers and SCIM clients into metrics and lines of `hirewire tail`.

use std::{sync::PoisonError, sync::RwLock, time::Duration};

use crate::{
    config::Config,
    observer::{HookOutcome, HookReport, Observer, ReconcileReport},
    ops::{Tail, TailEvent},
    store::{OutcomeKind, StoredBatch},
    telemetry::{self, Metrics},
};
use hirewire_core::plan::Method;

/// The observer of this process.
#[derive(Debug)]
pub(super) struct ProcessObserver {
    metrics: Metrics,
    tail: Tail,
    instance: RwLock<String>,
}

impl ProcessObserver {
    pub(super) fn new(metrics: Metrics, tail: Tail, config: &Config) -> Self {
        let observer = Self {
            metrics,
            tail,
            instance: RwLock::new(String::new()),
        };
        observer.use_config(config);
        observer
    }

    /// Sets the gauges that come from the config.
    pub(super) fn use_config(&self, config: &Config) {
        config.instance.clone_into(
            &mut self
                .instance
                .write()
                .unwrap_or_else(PoisonError::into_inner),
        );

        for (name, source) in &config.sources {
            for (index, secret) in source.secrets.iter().enumerate() {
                if let Some(until) = secret.not_after {
                    let id = secret.id.clone().unwrap_or_else(|| (index + 1).to_string());
                    self.metrics.secret_not_after(name, &id, until);
                }
            }
        }
    }
}

fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1000.0
}

impl Observer for ProcessObserver {
    fn hook_answered(&self, hook: &HookReport<'_>) {
        let source = hook.source.unwrap_or("unknown");
        let at = telemetry::now();
        self.metrics
            .hook(source, hook.status.as_u16(), hook.took, at);

        self.tail.publish(|| {
            let (verdict, events) = match hook.outcome {
                HookOutcome::Accepted {
                    events,
                    dead_lettered,
                    ..
                } => {
                    let events = events
                        .iter()
                        .map(|(id, kind)| format!("{kind} {id}"))
                        .collect();
                    let verdict = match dead_lettered {
                        Some(reason) => format!("verified, dead-lettered: {reason}"),
                        None => "verified".to_owned(),
                    };
                    (verdict, events)
                }
                HookOutcome::Refused(reason) => (reason.clone(), Vec::new()),
            };
            TailEvent::Hook {
                at,
                hook: hook.hook.as_str().to_owned(),
                source: source.to_owned(),
                status: hook.status.as_u16(),
                verdict,
                events,
                ms: millis(hook.took),
            }
        });
    }

    fn message_confirmed(&self, _: usize, took: Duration, confirmed: bool) {
        if confirmed {
            self.metrics.confirmed(took);
        }
    }

    fn events_stored(&self, recorded: &StoredBatch) {
        for hook in &recorded.hooks {
            for event in hook.events.iter().filter(|event| event.is_new) {
                self.metrics
                    .event(hook.source.as_str(), event.kind.as_str());
            }
        }
    }

    fn account_reconciled(&self, report: &ReconcileReport) {
        let at = telemetry::now();
        if let (OutcomeKind::Deactivated, Some(ended)) = (report.outcome.kind, report.terminated_at)
        {
            let after = Duration::try_from(at.duration_since(ended)).unwrap_or_default();
            self.metrics.revoked(&report.connection, after);
        }

        self.tail.publish(|| TailEvent::Account {
            at,
            connection: report.connection.clone(),
            worker: report.alias.to_string(),
            outcome: report.outcome.kind.as_str().to_owned(),
            detail: report.outcome.detail.clone(),
            requests: report.requests.clone(),
            ms: millis(report.took),
        });
    }

    fn scim_request_finished(
        &self,
        connection: &str,
        method: Method,
        status: Option<u16>,
        took: Duration,
    ) {
        let status = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
        self.metrics
            .scim_request(connection, method.as_str(), &status, took);
    }
}
