//! A service in this process, on the embedded queue and SQLite, with a sandbox as its application.
//!
//! The harness posts signed hooks as the HR system, waits for outcomes on the tail of the service,
//! and reads the sandbox. No wait has a fixed length: each one ends with its condition, or fails
//! after [`TIMEOUT`].

use std::{
    net::SocketAddr,
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use hirewire::{
    app::{Options, Roles, Service},
    config::{Config, Environment},
    ops::TailEvent,
    scim_client::BreakerSettings,
    store::{Store, StoreSettings},
};
use hirewire_core::{
    fold::FOLD_VERSION,
    mapping::MappingDocument,
    source::{Scheme, Secret},
};
use hirewire_sandbox::{LoggedRequest, Sandbox, SandboxProfile, SandboxSettings};
use jiff::SignedDuration;
use serde_json::{Value, json};

use tokio::{net::TcpListener, sync::broadcast::Receiver, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::odd_answers::OddAnswers;

/// The webhook secret of the source `acme`.
pub const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
/// The bearer token of the SCIM application.
pub const TOKEN: &str = "harness-token";

/// The longest time that a test waits for one condition.
pub const TIMEOUT: Duration = Duration::from_secs(30);

pub struct Harness {
    pub sandbox: Sandbox,
    pub service: Service,
    /// The SCIM base URL of the sandbox.
    pub base_url: String,
    /// Odd answers that are given before the sandbox sees a request.
    pub odd: OddAnswers,
    store_settings: StoreSettings,
    _folder: tempfile::TempDir,
    http: reqwest::Client,
    tail: Receiver<TailEvent>,
    posted_events: AtomicU32,
    stop: CancellationToken,
}

impl Harness {
    /// Starts a service whose connection `app` has the profile `profile`, and a sandbox that
    /// accepts `dialect`. `more` continues the connection's table; further tables may follow in it.
    pub async fn start(dialect: SandboxProfile, profile: &str, more: &str) -> Self {
        Self::start_published(dialect, profile, more, None).await
    }

    /// As [`Harness::start`], but publishes the mapping document of `app` with `change` applied.
    pub async fn start_published(
        dialect: SandboxProfile,
        profile: &str,
        more: &str,
        change: Option<fn(&mut MappingDocument)>,
    ) -> Self {
        let stop = CancellationToken::new();
        let odd = OddAnswers::default();
        let (sandbox, address) = start_sandbox(dialect, odd.clone(), stop.clone()).await;
        let base_url = format!("http://{address}/scim/v2");

        let folder = tempfile::tempdir().expect("a folder");
        let config = parse_config(&folder.path().join("data"), &base_url, profile, more);
        if let Some(change) = change {
            publish(&config, change).await;
        }

        let breaker = BreakerSettings {
            people: 50,
            pause: Duration::from_secs(1),
            max_pause: Duration::from_secs(1),
        };
        let options = Options {
            breaker,
            sweep_every: Duration::from_secs(1),
            overdue_after: Duration::from_secs(3),
            groups_again_after: Duration::from_secs(2),
            ..Options::default()
        };
        let store_settings = config.store_settings().expect("settings");
        let service = Service::start(config, Roles::ALL, options)
            .await
            .expect("a service");
        let tail = service.tail().subscribe();

        Self {
            sandbox,
            service,
            base_url,
            odd,
            store_settings,
            _folder: folder,
            http: reqwest::Client::new(),
            tail,
            posted_events: AtomicU32::new(0),
            stop,
        }
    }

    /// The store of the service, read beside it.
    pub async fn store(&self) -> Store {
        Store::open(self.store_settings.clone())
            .await
            .expect("a store")
    }

    /// Posts an event that became known `ago` before now. Returns the status of the answer.
    pub async fn post(&self, kind: &str, worker: &str, ago: SignedDuration, data: &Value) -> u16 {
        let number = self.posted_events.fetch_add(1, Ordering::Relaxed);
        let time = hirewire::telemetry::now().checked_sub(ago).expect("a time");
        let event = json!({
            "specversion": "1.0",
            "id": format!("harness-{number}"),
            "source": "/hr/acme",
            "type": format!("hr.worker.{kind}.v1"),
            "subject": worker,
            "time": time.to_string(),
            "data": data,
        });

        self.post_raw(&event.to_string()).await
    }

    /// Signs a body and posts it unchanged. Returns the status of the answer.
    pub async fn post_raw(&self, body: &str) -> u16 {
        let secret = Secret::new(SECRET.to_owned());
        let headers = Scheme::standard_webhooks()
            .sign(body.as_bytes(), &secret, hirewire::telemetry::now(), "msg")
            .expect("signed");
        let intake = self.service.intake.expect("an intake");

        let answer = self
            .http
            .post(format!("http://{intake}/hooks/acme"))
            .headers(headers)
            .header("content-type", "application/cloudevents+json")
            .body(body.to_owned())
            .send()
            .await
            .expect("an answer");
        answer.status().as_u16()
    }

    /// Waits until a reconcile of that worker ends with `wanted`. Skips all earlier lines of the
    /// tail.
    pub async fn wait_for_outcome(&mut self, worker: &str, wanted: &str) {
        let reached = async { while self.receive_outcome(worker).await != wanted {} };
        timeout(TIMEOUT, reached)
            .await
            .unwrap_or_else(|_| panic!("{worker} never had the outcome {wanted}"));
    }

    /// Waits for the next reconcile of that worker and returns its outcome.
    pub async fn next_outcome(&mut self, worker: &str) -> String {
        timeout(TIMEOUT, self.receive_outcome(worker))
            .await
            .unwrap_or_else(|_| panic!("{worker} was never reconciled"))
    }

    async fn receive_outcome(&mut self, worker: &str) -> String {
        let alias = format!("acme/{worker}");
        loop {
            match self.tail.recv().await.expect("the service runs") {
                TailEvent::Account {
                    worker, outcome, ..
                } if worker == alias => return outcome,
                TailEvent::Account { .. } | TailEvent::Hook { .. } => {}
            }
        }
    }

    /// Returns the requests other than GET since the last call, with the status of each answer.
    pub fn take_writes(&self) -> Vec<LoggedRequest> {
        let requests = self.sandbox.requests();
        self.sandbox.clear_requests();

        requests
            .into_iter()
            .filter(|request| request.method != "GET")
            .collect()
    }

    /// Finds the user whose `userName` or `externalId` is `name`. Two such users fail the test.
    pub fn find_user(&self, name: &str) -> Option<Value> {
        let mut users = self.sandbox.users();
        users.retain(|user| user["userName"] == name || user["externalId"] == name);
        assert!(users.len() < 2, "several users are {name}: {users:#?}");
        users.pop()
    }

    /// Stops the service first, then the sandbox.
    pub async fn stop(self) {
        self.service.stop().await;
        self.stop.cancel();
    }
}

async fn start_sandbox(
    dialect: SandboxProfile,
    odd: OddAnswers,
    stop: CancellationToken,
) -> (Sandbox, SocketAddr) {
    let sandbox = Sandbox::new(SandboxSettings {
        token: Some(TOKEN.into()),
        profile: dialect,
        faults: Vec::new(),
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");

    let target = sandbox.service();
    let router = tower::service_fn(move |request| {
        let (odd, target) = (odd.clone(), target.clone());
        async move { odd.answer(request, target).await }
    });
    tokio::spawn(async move {
        hirewire::http::serve(listener, router, hirewire::http::Limits::default(), stop).await;
    });
    (sandbox, address)
}

fn parse_config(data_dir: &Path, base_url: &str, profile: &str, more: &str) -> Config {
    let text = format!(
        r#"
instance = "harness"
data_dir = "{data_dir}"
[intake]
listen = "127.0.0.1:0"
[ops]
listen = "127.0.0.1:0"
[sources.acme]
preset = "canonical"
secrets = ["{SECRET}"]
time_zone = "Europe/Berlin"
[connections.app]
profile = "{profile}"
base_url = "{base_url}"
token = "{TOKEN}"
mode = "apply"
limits = {{ rate = "1000/s", concurrency = 4, timeout = "2s", propagation_delay = "3s" }}
{more}
"#,
        data_dir = data_dir.display()
    );

    let environment = Environment::of([]).with_literal_secrets();
    Config::parse(&text, "harness.toml", &environment).unwrap_or_else(|mistakes| {
        panic!("{}", mistakes.render(&annotate_snippets::Renderer::plain()))
    })
}

/// Publishes the mapping of `app` with this change, as an earlier run of the service would have.
async fn publish(config: &Config, change: fn(&mut MappingDocument)) {
    let mut document = config.connections["app"].document().clone();
    change(&mut document);

    std::fs::create_dir_all(&config.data_dir).expect("a folder");
    let store = Store::open(config.store_settings().expect("settings"))
        .await
        .expect("a store");
    store
        .submit_mapping("app", &document.canonical(), FOLD_VERSION)
        .await
        .expect("published");
    store.close().await;
}
