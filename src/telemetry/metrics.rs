//! The metrics of a process (interface.md, "Metrics"): seconds, and no person in a label.
//!
//! Counters are moved by whoever did the thing; gauges of what the store knows are set anew by a sampler.

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

/// The metrics of a process.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    hooks: Family<Labels, Counter>,
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
    reload_ok: Gauge,
    quarantined: Gauge,
}

fn fast() -> Histogram {
    Histogram::new(exponential_buckets(0.0005, 2.0, 15))
}

fn slow() -> Histogram {
    Histogram::new(exponential_buckets(0.005, 2.0, 15))
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("hirewire");
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION").to_owned())]);
        registry.register("build", "What is running", build);
        let metrics = Self {
            registry: Arc::new(Registry::default()),
            hooks: Family::default(),
            hook_duration: fast(),
            last_hook: Family::default(),
            confirm_duration: fast(),
            events: Family::default(),
            requests: Family::default(),
            request_duration: Family::new_with_constructor(slow),
            revoke_duration: Family::new_with_constructor(|| {
                Histogram::new(exponential_buckets(0.05, 3.0, 15))
            }),
            queue_messages: Family::default(),
            pending: Family::default(),
            oldest_pending: Family::default(),
            dead_letters: Family::default(),
            connection_state: Family::default(),
            secret_not_after: Family::default(),
            reload_ok: Gauge::default(),
            quarantined: Gauge::default(),
        };
        metrics.reload_ok.set(1);
        metrics.register(&mut registry);
        Self {
            registry: Arc::new(registry),
            ..metrics
        }
    }
}

impl Metrics {
    fn register(&self, registry: &mut Registry) {
        registry.register(
            "hooks",
            "Hooks answered, by source and status",
            self.hooks.clone(),
        );
        registry.register(
            "hook_duration_seconds",
            "From the first byte to the answer",
            self.hook_duration.clone(),
        );
        registry.register(
            "source_last_hook_timestamp_seconds",
            "When a source was last heard of with a good signature",
            self.last_hook.clone(),
        );
        registry.register(
            "publish_confirm_duration_seconds",
            "From publishing a message to its confirm",
            self.confirm_duration.clone(),
        );
        registry.register(
            "events_stored",
            "Events stored that were not known, by source and kind",
            self.events.clone(),
        );
        registry.register(
            "scim_requests",
            "SCIM requests by connection, method and status",
            self.requests.clone(),
        );
        registry.register(
            "scim_request_duration_seconds",
            "How long SCIM requests took",
            self.request_duration.clone(),
        );
        registry.register(
            "revoke_duration_seconds",
            "From when an ending was known and effective to the account read back inactive",
            self.revoke_duration.clone(),
        );
        registry.register(
            "queue_messages",
            "Messages that wait, by queue",
            self.queue_messages.clone(),
        );
        registry.register(
            "accounts_pending",
            "Accounts that are pending, by connection and class",
            self.pending.clone(),
        );
        registry.register(
            "oldest_pending_timestamp_seconds",
            "Since when the oldest pending account is pending; 0: none is",
            self.oldest_pending.clone(),
        );
        registry.register(
            "dead_letters",
            "Open dead letters, by connection and cause",
            self.dead_letters.clone(),
        );
        registry.register(
            "connection_state",
            "1 for the state a connection is in",
            self.connection_state.clone(),
        );
        registry.register(
            "secret_not_after_timestamp_seconds",
            "When a secret of a source is no longer good",
            self.secret_not_after.clone(),
        );
        registry.register(
            "config_last_reload_successful",
            "Whether the last reload was taken",
            self.reload_ok.clone(),
        );
        registry.register(
            "quarantined_messages",
            "Messages of another version, kept for a newer binary",
            self.quarantined.clone(),
        );
    }

    /// A hook was answered.
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

    /// A message was confirmed.
    pub fn confirmed(&self, took: Duration) {
        self.confirm_duration.observe(took.as_secs_f64());
    }

    /// An event was stored that was not known.
    pub fn event(&self, source: &str, kind: &str) {
        self.events
            .get_or_create(&vec![
                ("source", source.to_owned()),
                ("kind", kind.to_owned()),
            ])
            .inc();
    }

    /// A SCIM request ended; `status` as text, or why there was none.
    pub fn scim_request(&self, connection: &str, method: &str, status: &str, took: Duration) {
        let of = vec![
            ("connection", connection.to_owned()),
            ("method", method.to_owned()),
        ];
        self.request_duration
            .get_or_create(&of)
            .observe(took.as_secs_f64());
        self.requests
            .get_or_create(&[of, vec![("code", status.to_owned())]].concat())
            .inc();
    }

    /// A leaver's account was read back inactive, so long after the ending was known and effective.
    pub fn revoked(&self, connection: &str, after: Duration) {
        self.revoke_duration
            .get_or_create(&vec![("connection", connection.to_owned())])
            .observe(after.as_secs_f64());
    }

    /// How many messages wait.
    pub fn queue(&self, queue: &str, messages: u64) {
        self.queue_messages
            .get_or_create(&vec![("queue", queue.to_owned())])
            .set(count(messages));
    }

    /// What is pending: (connection, class, accounts, since when the oldest).
    pub fn pending(
        &self,
        counts: impl IntoIterator<Item = (String, &'static str, u64, Option<Timestamp>)>,
    ) {
        self.pending.clear();
        self.oldest_pending.clear();
        for (connection, class, accounts, oldest) in counts {
            let of = vec![("connection", connection), ("class", class.to_owned())];
            self.pending.get_or_create(&of).set(count(accounts));
            self.oldest_pending
                .get_or_create(&of)
                .set(oldest.map_or(0, Timestamp::as_second));
        }
    }

    /// Open letters: (connection, cause, how many).
    pub fn dead_letters(&self, counts: impl IntoIterator<Item = (String, String, u64)>) {
        self.dead_letters.clear();
        for (connection, cause, letters) in counts {
            self.dead_letters
                .get_or_create(&vec![("connection", connection), ("cause", cause)])
                .set(count(letters));
        }
    }

    /// In which state each connection is: (connection, state).
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

    /// Until when a source's secret is good.
    pub fn secret_not_after(&self, source: &str, id: &str, until: Timestamp) {
        let of = vec![("source", source.to_owned()), ("id", id.to_owned())];
        self.secret_not_after
            .get_or_create(&of)
            .set(until.as_second());
    }

    /// Whether the last reload was taken.
    pub fn reloaded(&self, ok: bool) {
        self.reload_ok.set(i64::from(ok));
    }

    /// How many messages of another version are kept.
    pub fn quarantined(&self, messages: u64) {
        self.quarantined.set(count(messages));
    }

    /// All of them, in the `OpenMetrics` text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_names_what_the_interface_names() {
        let metrics = Metrics::default();
        metrics.hook(
            "acme",
            200,
            Duration::from_millis(3),
            Timestamp::from_second(7).unwrap(),
        );
        metrics.event("acme", "hired");
        metrics.scim_request("workplace", "POST", "201", Duration::from_millis(20));
        metrics.pending([("workplace".to_owned(), "leaver", 2, None)]);
        let text = metrics.text();
        for line in [
            "hirewire_hooks_total{source=\"acme\",code=\"200\"} 1",
            "hirewire_source_last_hook_timestamp_seconds{source=\"acme\"} 7",
            "hirewire_events_stored_total{source=\"acme\",kind=\"hired\"} 1",
            "hirewire_scim_requests_total{connection=\"workplace\",method=\"POST\",code=\"201\"} 1",
            "hirewire_accounts_pending{connection=\"workplace\",class=\"leaver\"} 2",
            "hirewire_config_last_reload_successful 1",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
