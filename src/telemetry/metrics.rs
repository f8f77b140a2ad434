//! The metrics of one process, in the `OpenMetrics` text format. `docs/operations.md` lists them.
//!
//! Durations are in seconds, instants in seconds since 1970. No label holds a person. Counters and
//! histograms count what this process did; `app::sampler` sets the gauges of queue and store every
//! few seconds. This module does not serve `/metrics`.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use prometheus_client::{
    encoding::text::encode,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
        info::Info,
    },
    registry::Registry,
};

type Labels = Vec<(&'static str, String)>;

/// The metrics of a process. Clones share their values.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    registry: Arc<Registry>,
    hooks: Family<Labels, Counter>,
    api_refused: Family<Labels, Counter>,
    hook_duration: Histogram,
    last_hook: Family<Labels, Gauge>,
    confirm_duration: Histogram,
    events: Family<Labels, Counter>,
    requests: Family<Labels, Counter>,
    request_duration: Family<Labels, Histogram>,
    revoke_duration: Family<Labels, Histogram>,
    queue_messages: Family<Labels, Gauge>,
    pending: Family<Labels, Gauge>,
    oldest_pending: Family<Labels, Gauge>,
    dead_letters: Family<Labels, Gauge>,
    connection_state: Family<Labels, Gauge>,
    secret_not_after: Family<Labels, Gauge>,
    reload_successful: Gauge,
    quarantined: Gauge,
}

/// Buckets from 0.5 ms to 8 s, for our own work.
fn local_durations() -> Histogram {
    Histogram::new(exponential_buckets(0.0005, 2.0, 15))
}

/// Buckets from 5 ms to 82 s, for requests to a target.
fn request_durations() -> Histogram {
    Histogram::new(exponential_buckets(0.005, 2.0, 15))
}

/// Buckets from 50 ms to 66 hours, for a deactivation that may wait for its target.
fn revoke_durations() -> Histogram {
    Histogram::new(exponential_buckets(0.05, 3.0, 15))
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Arc::new(Registry::default()),
            hooks: Family::default(),
            api_refused: Family::default(),
            hook_duration: local_durations(),
            last_hook: Family::default(),
            confirm_duration: local_durations(),
            events: Family::default(),
            requests: Family::default(),
            request_duration: Family::new_with_constructor(request_durations),
            revoke_duration: Family::new_with_constructor(revoke_durations),
            queue_messages: Family::default(),
            pending: Family::default(),
            oldest_pending: Family::default(),
            dead_letters: Family::default(),
            connection_state: Family::default(),
            secret_not_after: Family::default(),
            reload_successful: Gauge::default(),
            quarantined: Gauge::default(),
        };
        metrics.reload_successful.set(1);

        let mut registry = Registry::with_prefix("hirewire");
        metrics.register_own_work(&mut registry);
        metrics.register_state(&mut registry);
        Self {
            registry: Arc::new(registry),
            ..metrics
        }
    }
}

impl Metrics {
    /// Registers the counters and histograms of what this process did.
    fn register_own_work(&self, registry: &mut Registry) {
        registry.register(
            "hooks",
            "Hook requests answered, by source and HTTP status",
            self.hooks.clone(),
        );
        registry.register(
            "api_requests_refused",
            "Requests of operators that were refused for their token or role, by HTTP status",
            self.api_refused.clone(),
        );
        registry.register(
            "hook_duration_seconds",
            "Time from the headers of a hook request to its answer",
            self.hook_duration.clone(),
        );
        registry.register(
            "source_last_hook_timestamp_seconds",
            "When this process last answered a hook of the source with 200",
            self.last_hook.clone(),
        );
        registry.register(
            "publish_confirm_duration_seconds",
            "Time from publishing a message of events to the confirm of the queue",
            self.confirm_duration.clone(),
        );
        registry.register(
            "events_stored",
            "New events stored, by source and kind; repeated events are not counted",
            self.events.clone(),
        );
        registry.register(
            "scim_requests",
            "SCIM requests, by connection, method and HTTP status (none: no answer)",
            self.requests.clone(),
        );
        registry.register(
            "scim_request_duration_seconds",
            "Time of a SCIM request, including the wait for the rate limit",
            self.request_duration.clone(),
        );
        registry.register(
            "revoke_duration_seconds",
            "Time from a termination, received and effective, to the account read back inactive",
            self.revoke_duration.clone(),
        );
    }

    /// Registers the gauges of queue, store and config, and the build.
    fn register_state(&self, registry: &mut Registry) {
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION").to_owned())]);
        registry.register("build", "The version of this process", build);
        registry.register(
            "queue_messages",
            "Messages ready to be delivered, by queue (events, dead)",
            self.queue_messages.clone(),
        );
        registry.register(
            "accounts_pending",
            "Leavers not proven inactive and other pending accounts, by connection and class",
            self.pending.clone(),
        );
        registry.register(
            "oldest_pending_timestamp_seconds",
            "When the oldest pending account became due, the oldest leaver inactive; 0: none",
            self.oldest_pending.clone(),
        );
        registry.register(
            "dead_letters",
            "Open dead letters, by connection and cause",
            self.dead_letters.clone(),
        );
        registry.register(
            "connection_state",
            "1 for the current state of a connection (working, unreachable, paused)",
            self.connection_state.clone(),
        );
        registry.register(
            "secret_not_after_timestamp_seconds",
            "When a webhook secret expires, by source and id; only for secrets with not_after",
            self.secret_not_after.clone(),
        );
        registry.register(
            "config_last_reload_successful",
            "1 if the last reload was applied or none was asked for, 0 if it was refused",
            self.reload_successful.clone(),
        );
        registry.register(
            "quarantined_messages",
            "Messages in the store that this version can neither read nor record",
            self.quarantined.clone(),
        );
    }

    /// Counts an answered hook request. A 200 also moves the source's last hook to `at`.
    pub fn hook(&self, source: &str, status: u16, took: Duration, at: Timestamp) {
        self.hooks
            .get_or_create(&vec![
                ("source", source.to_owned()),
                ("code", status.to_string()),
            ])
            .inc();
        self.hook_duration.observe(took.as_secs_f64());

        if status == 200 {
            self.last_hook
                .get_or_create(&vec![("source", source.to_owned())])
                .set(at.as_second());
        }
    }

    /// Counts a refused request of an operator.
    pub fn api_refused(&self, status: u16) {
        self.api_refused
            .get_or_create(&vec![("code", status.to_string())])
            .inc();
    }

    /// Measures a publish that the queue confirmed.
    pub fn confirmed(&self, took: Duration) {
        self.confirm_duration.observe(took.as_secs_f64());
    }

    /// Counts a new event.
    pub fn event(&self, source: &str, kind: &str) {
        self.events
            .get_or_create(&vec![
                ("source", source.to_owned()),
                ("kind", kind.to_owned()),
            ])
            .inc();
    }

    /// Counts and measures a SCIM request. `status` is the HTTP status; `none`: no answer.
    pub fn scim_request(&self, connection: &str, method: &str, status: &str, took: Duration) {
        let labels = vec![
            ("connection", connection.to_owned()),
            ("method", method.to_owned()),
        ];
        self.request_duration
            .get_or_create(&labels)
            .observe(took.as_secs_f64());
        self.requests
            .get_or_create(&[labels, vec![("code", status.to_owned())]].concat())
            .inc();
    }

    /// Measures a deactivation that was read back: `after` is the time since the termination was
    /// both received and effective.
    pub fn revoked(&self, connection: &str, after: Duration) {
        self.revoke_duration
            .get_or_create(&vec![("connection", connection.to_owned())])
            .observe(after.as_secs_f64());
    }

    /// Sets the number of messages that are ready on a queue.
    pub fn queue(&self, queue: &str, messages: u64) {
        self.queue_messages
            .get_or_create(&vec![("queue", queue.to_owned())])
            .set(count(messages));
    }

    /// Replaces the pending accounts: connection, class, number of accounts, and when the oldest
    /// became due.
    pub fn pending(
        &self,
        counts: impl IntoIterator<Item = (String, &'static str, u64, Option<Timestamp>)>,
    ) {
        self.pending.clear();
        self.oldest_pending.clear();

        for (connection, class, accounts, oldest) in counts {
            let labels = vec![("connection", connection), ("class", class.to_owned())];
            self.pending.get_or_create(&labels).set(count(accounts));
            self.oldest_pending
                .get_or_create(&labels)
                .set(oldest.map_or(0, Timestamp::as_second));
        }
    }

    /// Replaces the open dead letters: connection, cause, number.
    pub fn dead_letters(&self, counts: impl IntoIterator<Item = (String, String, u64)>) {
        self.dead_letters.clear();

        for (connection, cause, letters) in counts {
            self.dead_letters
                .get_or_create(&vec![("connection", connection), ("cause", cause)])
                .set(count(letters));
        }
    }

    /// Replaces the states of the connections: connection, state.
    pub fn connection_states(&self, states: impl IntoIterator<Item = (String, &'static str)>) {
        self.connection_state.clear();

        for (connection, state) in states {
            self.connection_state
                .get_or_create(&vec![
                    ("connection", connection),
                    ("state", state.to_owned()),
                ])
                .set(1);
        }
    }

    /// Sets when a secret of a source expires.
    pub fn secret_not_after(&self, source: &str, id: &str, until: Timestamp) {
        let labels = vec![("source", source.to_owned()), ("id", id.to_owned())];
        self.secret_not_after
            .get_or_create(&labels)
            .set(until.as_second());
    }

    /// Sets whether the last reload of the config was applied.
    pub fn reloaded(&self, successful: bool) {
        self.reload_successful.set(i64::from(successful));
    }

    /// Sets the number of quarantined messages in the store.
    pub fn quarantined(&self, messages: u64) {
        self.quarantined.set(count(messages));
    }

    /// All metrics in the `OpenMetrics` text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
