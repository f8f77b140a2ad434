//! The harness of the tests that kill, stop and starve: a sandbox as target, processes that may stand at a failpoint or make a
//! planted mistake, leases of seconds, and the store to see when all has come to rest. What is right is asked of the target.

use std::{collections::BTreeSet, time::Duration};

use hirewire::store::{AccountView, DeadLetterFilter, PersonKey, Store, StoreSettings};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    child::Child,
    cluster::{Cluster, Dependencies, SOON},
    process::{Launch, Running},
    sandbox::{Sandbox, TOKEN},
    waiting::until,
};

/// Longer than leases, propagation_delay delays and a sweep together.
pub const LONG: Duration = Duration::from_secs(90);

/// The least lease here, and what follows from [`limits`]: three times the timeout.
const LEASE_FLOOR_MS: &str = "6000";

/// The title that a change gives.
pub const CHANGED: &str = "Changed";

/// A deployment and its target.
pub struct Harness {
    pub target: Sandbox,
    pub cluster: Cluster,
}

/// Limits of a connection whose requests time out after 2 s, with that `propagation_delay`.
pub fn limits(propagation_delay: &str) -> String {
    format!(
        r#"rate = "500/s", concurrency = 4, timeout = "2s", propagation_delay = "{propagation_delay}""#
    )
}

/// An event that HR knew so many seconds ago, its id its own.
pub fn event(kind: &str, worker: &str, ago: i64) -> Value {
    let time = hirewire::telemetry::now()
        .checked_sub(SignedDuration::from_secs(ago))
        .expect("a time");
    let data = match kind {
        "hired" => json!({ "worker": {
            "name": { "given": "Given", "family": worker }, "title": "Title", "type": "employee",
            "work_email": format!("{}@acme.example", worker.to_lowercase()),
        } }),
        "changed" => json!({ "worker": { "title": CHANGED } }),
        _ => json!({}),
    };
    json!({
        "specversion": "1.0", "id": hirewire::telemetry::new_id(), "source": "/hr/acme",
        "type": format!("hr.worker.{kind}.v1"), "subject": worker, "time": time.to_string(), "data": data,
    })
}

impl Harness {
    /// A deployment there, whose target has these faults.
    pub async fn new(dependencies: Dependencies, faults: &str, propagation_delay: &str) -> Self {
        let target = Sandbox::start(faults).await;
        let cluster = Cluster::new(
            dependencies,
            &target.base_url(),
            TOKEN,
            &limits(propagation_delay),
        );
        Self { target, cluster }
    }

    /// On the machine's RabbitMQ and PostgreSQL.
    pub async fn shared(faults: &str, propagation_delay: &str) -> Self {
        Self::new(Dependencies::shared().await, faults, propagation_delay).await
    }

    /// Starts these roles (none: all), to stand at these failpoints.
    pub async fn start(&self, name: &str, roles: &[&str], failpoints: &[&'static str]) -> Running {
        let change = |launch: Launch| {
            let launch = launch.environment("HIREWIRE_LEASE_FLOOR_MS", LEASE_FLOOR_MS);
            let launch = launch.argument("--log").argument("hirewire=debug");
            failpoints
                .iter()
                .fold(launch, |launch, failpoint| launch.failpoint(failpoint))
        };
        let running = self.cluster.start_with(name, roles, change).await;
        if roles.is_empty() || roles.contains(&"intake") {
            let ready = format!("http://{}/readyz", self.cluster.intake);
            until("the intake is ready", SOON, async || {
                reqwest::get(&ready).await.ok()?.error_for_status().ok()
            })
            .await;
        }
        running
    }

    /// Sends events that must be accepted.
    pub fn send(&self, events: &[Value]) {
        assert_eq!(self.cluster.send(events), Some(0), "not accepted");
    }

    /// Sends events, and does not wait for the answer.
    pub fn begin_to_send(&self, events: &[Value]) -> Child {
        self.cluster.begin_to_send(events)
    }

    /// Waits until exactly these are active at the target.
    pub async fn becomes_active(&self, workers: &[&str]) {
        let wanted: BTreeSet<String> = workers.iter().map(|worker| (*worker).to_owned()).collect();
        until(&format!("{workers:?} active"), LONG, async || {
            let active: BTreeSet<String> = self.target.active().await.into_iter().collect();
            (active == wanted).then_some(())
        })
        .await;
    }

    /// The store that the processes share.
    pub async fn store(&self) -> Store {
        let url = self
            .cluster
            .database()
            .expect("a database that is shared")
            .url
            .clone()
            .into();
        Store::open(StoreSettings {
            url,
            instance: self.cluster.instance.clone(),
            connections: 2,
        })
        .await
        .expect("a store")
    }
}

/// The person of a worker id, once known.
pub async fn person(store: &Store, worker: &str) -> Option<PersonKey> {
    store
        .find_person(&format!("acme/{worker}"))
        .await
        .expect("the store")
        .pop()
}

/// How many events are stored of them.
pub async fn stored(store: &Store, worker: &str) -> usize {
    let Some(person) = person(store, worker).await else {
        return 0;
    };
    store
        .facts(&person)
        .await
        .expect("the store")
        .map_or(0, |facts| facts.events.len())
}

/// Waits until so many events are stored of them.
pub async fn stores(store: &Store, worker: &str, events: usize) {
    until(&format!("{events} events of {worker}"), SOON, async || {
        (stored(store, worker).await == events).then_some(())
    })
    .await;
}

/// Their account on `app`, if it is settled and nothing of it is open.
async fn rested(store: &Store, worker: &str) -> Option<AccountView> {
    let person = person(store, worker).await?;
    let facts = store.facts(&person).await.expect("the store")?;
    let views = store.accounts(&person).await.expect("the store");
    let view = views
        .into_iter()
        .find(|view| view.account.connection == "app")?;
    let account = &view.account;
    let open =
        account.intent.is_some() || account.verify_at.is_some() || account.not_before.is_some();
    (account.reconciled_version == facts.version && !open && view.lease_until.is_none())
        .then_some(view)
}

/// Waits until their account is settled, and nothing that was sent may still come.
pub async fn rests(store: &Store, worker: &str) -> AccountView {
    until(&format!("{worker} settled"), LONG, async || {
        rested(store, worker).await
    })
    .await
}

/// Open letters of that cause.
pub async fn letters(store: &Store, cause: &str) -> usize {
    let filter = DeadLetterFilter {
        cause: Some(cause.to_owned()),
        ..DeadLetterFilter::default()
    };
    store.dead_letters(&filter).await.expect("the store").len()
}
