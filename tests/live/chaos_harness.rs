//! The harness of the tests that kill, suspend and starve processes.
//!
//! It has a sandbox as target, leases of seconds, processes that can be held at failpoints, and the
//! store to see when an account is reconciled. The expected result is read from the target, not
//! from Hirewire.

use std::{collections::BTreeSet, time::Duration};

use hirewire::store::{AccountView, DeadLetterFilter, PersonKey, Store, StoreSettings};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    child::Child,
    deployment::{Dependencies, Deployment, STEP_TIMEOUT},
    process::HirewireProcess,
    sandbox::{Sandbox, TOKEN},
    waiting::wait_until,
};

/// Longer than a lease, a propagation delay and a sweep together.
pub const RECONCILE_TIMEOUT: Duration = Duration::from_secs(90);

/// The shortest lease, in milliseconds: three times the request timeout of [`limits`].
const LEASE_FLOOR_MS: &str = "6000";

/// The title that an event `changed` sets.
pub const CHANGED_TITLE: &str = "Changed";

/// A deployment and its target.
pub struct Harness {
    pub target: Sandbox,
    pub deployment: Deployment,
}

/// The limits of a connection with a request timeout of 2 s and this propagation delay.
pub fn limits(propagation_delay: &str) -> String {
    let propagation_delay = format!(r#"propagation_delay = "{propagation_delay}""#);
    format!(r#"rate = "500/s", concurrency = 4, timeout = "2s", {propagation_delay}"#)
}

/// An event with a new id that happened so many seconds ago.
pub fn event(kind: &str, worker: &str, seconds_ago: i64) -> Value {
    let time = hirewire::telemetry::now()
        .checked_sub(SignedDuration::from_secs(seconds_ago))
        .expect("a time");
    let data = match kind {
        "hired" => json!({ "worker": {
            "name": { "given": "Given", "family": worker },
            "title": "Title",
            "type": "employee",
            "work_email": format!("{}@acme.example", worker.to_lowercase()),
        } }),
        "changed" => json!({ "worker": { "title": CHANGED_TITLE } }),
        _ => json!({}),
    };

    json!({
        "specversion": "1.0",
        "id": hirewire::telemetry::new_id(),
        "source": "/hr/acme",
        "type": format!("hr.worker.{kind}.v1"),
        "subject": worker,
        "time": time.to_string(),
        "data": data,
    })
}

impl Harness {
    /// A deployment with these dependencies, and a target with these faults.
    pub async fn new(dependencies: Dependencies, faults: &str, propagation_delay: &str) -> Self {
        let target = Sandbox::start(faults).await;
        let deployment = Deployment::new(
            dependencies,
            &target.base_url(),
            TOKEN,
            &limits(propagation_delay),
        );
        Self { target, deployment }
    }

    /// A deployment with the RabbitMQ and the PostgreSQL of the machine.
    pub async fn shared(faults: &str, propagation_delay: &str) -> Self {
        Self::new(Dependencies::shared().await, faults, propagation_delay).await
    }

    /// Starts a process with these roles (none: all roles) that is held at these failpoints.
    pub async fn start(
        &self,
        name: &str,
        roles: &[&str],
        failpoints: &[&'static str],
    ) -> HirewireProcess {
        let process = self
            .deployment
            .start_with(name, roles, |launch| {
                let launch = launch
                    .environment("HIREWIRE_LEASE_FLOOR_MS", LEASE_FLOOR_MS)
                    .argument("--log")
                    .argument("hirewire=debug");
                failpoints
                    .iter()
                    .fold(launch, |launch, failpoint| launch.failpoint(failpoint))
            })
            .await;

        if roles.is_empty() || roles.contains(&"intake") {
            let ready = format!("http://{}/readyz", self.deployment.intake);
            wait_until("the intake is ready", STEP_TIMEOUT, async || {
                reqwest::get(&ready).await.ok()?.error_for_status().ok()
            })
            .await;
        }
        process
    }

    /// Sends events, which the intake must accept.
    pub fn send(&self, events: &[Value]) {
        assert_eq!(self.deployment.send(events), Some(0), "not accepted");
    }

    /// Waits until exactly these workers are active at the target.
    pub async fn wait_until_active(&self, workers: &[&str]) {
        let expected: BTreeSet<String> =
            workers.iter().map(|worker| (*worker).to_owned()).collect();

        wait_until(
            &format!("{workers:?} active"),
            RECONCILE_TIMEOUT,
            async || {
                let active = self.target.active_external_ids().await;
                let active: BTreeSet<String> = active.into_iter().collect();
                (active == expected).then_some(())
            },
        )
        .await;
    }

    /// Starts sending events, without waiting for the response.
    pub fn start_sending(&self, events: &[Value]) -> Child {
        self.deployment.start_sending(events)
    }

    /// Opens the store of the processes.
    pub async fn store(&self) -> Store {
        let database = self.deployment.database().expect("a shared database");

        Store::open(StoreSettings {
            url: database.url.clone().into(),
            instance: self.deployment.instance.clone(),
            connections: 2,
        })
        .await
        .expect("a store")
    }
}

/// The person with this worker id, if the store has one.
pub async fn find_person(store: &Store, worker: &str) -> Option<PersonKey> {
    store
        .find_person(&format!("acme/{worker}"))
        .await
        .expect("the store")
        .pop()
}

/// The number of stored events of a worker.
pub async fn count_stored_events(store: &Store, worker: &str) -> usize {
    let Some(person) = find_person(store, worker).await else {
        return 0;
    };
    store
        .facts(&person)
        .await
        .expect("the store")
        .map_or(0, |facts| facts.events.len())
}

/// Waits until so many events of a worker are stored.
pub async fn wait_until_stored(store: &Store, worker: &str, events: usize) {
    let condition = format!("{events} stored events of {worker}");
    wait_until(&condition, STEP_TIMEOUT, async || {
        (count_stored_events(store, worker).await == events).then_some(())
    })
    .await;
}

/// The account on `app`, if it is reconciled and has no intent, verification, delay or lease left.
async fn reconciled_account(store: &Store, worker: &str) -> Option<AccountView> {
    let person = find_person(store, worker).await?;
    let facts = store.facts(&person).await.expect("the store")?;
    let views = store.accounts(&person).await.expect("the store");
    let view = views
        .into_iter()
        .find(|view| view.account.connection == "app")?;

    let account = &view.account;
    let is_open =
        account.intent.is_some() || account.verify_at.is_some() || account.not_before.is_some();
    let is_reconciled = account.reconciled_version == facts.version;
    (is_reconciled && !is_open && view.lease_until.is_none()).then_some(view)
}

/// Waits until the account is reconciled, and no request of it can still take effect.
pub async fn wait_until_reconciled(store: &Store, worker: &str) -> AccountView {
    let condition = format!("the account of {worker} is reconciled");
    wait_until(&condition, RECONCILE_TIMEOUT, async || {
        reconciled_account(store, worker).await
    })
    .await
}

/// The number of open dead letters of a cause.
pub async fn count_dead_letters(store: &Store, cause: &str) -> usize {
    let filter = DeadLetterFilter {
        cause: Some(cause.to_owned()),
        ..DeadLetterFilter::default()
    };
    store.dead_letters(&filter).await.expect("the store").len()
}
