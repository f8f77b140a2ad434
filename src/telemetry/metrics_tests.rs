//! The text of the metrics, and the page that lists them.

use std::collections::BTreeSet;

use super::*;

const OPERATIONS: &str = include_str!("../../docs/operations.md");

/// Metrics with a sample of each.
fn filled() -> Metrics {
    let metrics = Metrics::default();
    let (took, at) = (Duration::from_millis(3), Timestamp::from_second(7).unwrap());
    let connection = || "workplace".to_owned();

    metrics.hook("acme", 200, took, at);
    metrics.api_refused(401);
    metrics.confirmed(took);
    metrics.event("acme", "hired");
    metrics.scim_request("workplace", "POST", "201", took);
    metrics.revoked("workplace", took);
    metrics.queue("events", 5);
    metrics.pending([(connection(), "leaver", 2, None)]);
    metrics.dead_letters([(connection(), "conflict".to_owned(), 1)]);
    metrics.connection_states([(connection(), "paused")]);
    metrics.secret_not_after("acme", "2026", at);
    metrics.quarantined(3);
    metrics
}

/// The names as a query uses them: counters end in `_total`, infos in `_info`.
fn exposed_names(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .filter_map(|line| line.split_once(' '))
        .map(|(name, kind)| match kind {
            "counter" => format!("{name}_total"),
            "info" => format!("{name}_info"),
            _ => name.to_owned(),
        })
        .collect()
}

fn names_in(document: &str) -> BTreeSet<String> {
    document
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("hirewire_"))
        .map(ToOwned::to_owned)
        .collect()
}

#[test]
fn the_text_has_each_metric_with_its_labels() {
    let text = filled().text();

    for line in [
        "hirewire_hooks_total{source=\"acme\",code=\"200\"} 1",
        "hirewire_source_last_hook_timestamp_seconds{source=\"acme\"} 7",
        "hirewire_events_stored_total{source=\"acme\",kind=\"hired\"} 1",
        "hirewire_scim_requests_total{connection=\"workplace\",method=\"POST\",code=\"201\"} 1",
        "hirewire_queue_messages{queue=\"events\"} 5",
        "hirewire_accounts_pending{connection=\"workplace\",class=\"leaver\"} 2",
        concat!(
            "hirewire_oldest_pending_timestamp_seconds",
            "{connection=\"workplace\",class=\"leaver\"} 0"
        ),
        "hirewire_dead_letters{connection=\"workplace\",cause=\"conflict\"} 1",
        "hirewire_connection_state{connection=\"workplace\",state=\"paused\"} 1",
        "hirewire_secret_not_after_timestamp_seconds{source=\"acme\",id=\"2026\"} 7",
        "hirewire_config_last_reload_successful 1",
        "hirewire_quarantined_messages 3",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[test]
fn the_operations_page_names_exactly_the_metrics_that_exist() {
    assert_eq!(names_in(OPERATIONS), exposed_names(&filled().text()));
}
