//! A whole service in this process, on embedded queue and SQLite, with a sandbox as its application and an HR system that
//! signs and posts. Nothing in it waits for a fixed time: every wait is for something that must come.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use hirewire::{
    app::{Options, Roles, Service},
    config::{Config, Environment},
    ops::TailEvent,
    scim_client::BreakerSettings,
    store::Store,
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

const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
/// The application's token.
pub const TOKEN: &str = "harness-token";

/// How long anything may take to come.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Everything, running.
pub struct Harness {
    pub sandbox: Sandbox,
    pub service: Service,
    /// The application's SCIM base URL.
    pub base: String,
    _folder: tempfile::TempDir,
    http: reqwest::Client,
    lines: Receiver<TailEvent>,
    count: AtomicU32,
    stop: CancellationToken,
}

impl Harness {
    /// A service whose connection `app` speaks `profile` to a sandbox that speaks `dialect`; `more` is added to the
    /// connection's table, and after it whatever tables.
    pub async fn start(dialect: SandboxProfile, profile: &str, more: &str) -> Self {
        Self::start_published(dialect, profile, more, None).await
    }

    /// As [`Harness::start`], but what is published for `app` is the config's mapping and dialect after this change.
    pub async fn start_published(
        dialect: SandboxProfile,
        profile: &str,
        more: &str,
        change: Option<fn(&mut MappingDocument)>,
    ) -> Self {
        let stop = CancellationToken::new();
        let settings = SandboxSettings {
            token: Some(TOKEN.into()),
            profile: dialect,
            faults: Vec::new(),
        };
        let sandbox = Sandbox::new(settings);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (serving, until) = (sandbox.clone(), stop.clone());
        tokio::spawn(async move {
            hirewire::http::serve(
                listener,
                serving.service(),
                hirewire::http::Limits::default(),
                until,
            )
            .await
        });
        let folder = tempfile::tempdir().expect("a folder");
        let text = format!(
            r#"
instance = "harness"
data_dir = "{data}"
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
base_url = "http://{address}/scim/v2"
token = "{TOKEN}"
mode = "apply"
limits = {{ rate = "1000/s", concurrency = 4, timeout = "2s", propagation_delay = "3s" }}
{more}
"#,
            data = folder.path().join("data").display()
        );
        let config = Config::parse(
            &text,
            "harness.toml",
            &Environment::of([]).with_literal_secrets(),
        )
        .unwrap_or_else(|mistakes| {
            panic!("{}", mistakes.render(&annotate_snippets::Renderer::plain()))
        });
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
        };
        let service = Service::start(config, Roles::ALL, options)
            .await
            .expect("a service");
        let lines = service.tail().subscribe();
        let base = format!("http://{address}/scim/v2");
        Self {
            sandbox,
            service,
            base,
            _folder: folder,
            http: reqwest::Client::new(),
            lines,
            count: AtomicU32::new(0),
            stop,
        }
    }

    /// Posts a fact that became known so long ago; the status it was answered with.
    pub async fn post(&self, kind: &str, worker: &str, ago: SignedDuration, data: &Value) -> u16 {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let time = hirewire::telemetry::now().checked_sub(ago).expect("a time");
        let event = json!({
            "specversion": "1.0", "id": format!("harness-{number}"), "source": "/hr/acme",
            "type": format!("hr.worker.{kind}.v1"), "subject": worker, "time": time.to_string(), "data": data,
        });
        self.post_raw(&event.to_string()).await
    }

    /// Posts a body as it is, signed.
    pub async fn post_raw(&self, body: &str) -> u16 {
        let secret = Secret::new(SECRET.to_owned());
        let headers = Scheme::standard_webhooks()
            .sign(body.as_bytes(), &secret, hirewire::telemetry::now(), "msg")
            .expect("signed");
        let url = format!(
            "http://{}/hooks/acme",
            self.service.intake.expect("an intake")
        );
        let request = self
            .http
            .post(url)
            .headers(headers)
            .header("content-type", "application/cloudevents+json");
        request
            .body(body.to_owned())
            .send()
            .await
            .expect("an answer")
            .status()
            .as_u16()
    }

    /// Waits until an account of that worker was reconciled with that outcome, and gives the line.
    pub async fn reconciled(&mut self, worker: &str, wanted: &str) -> TailEvent {
        let alias = format!("acme/{worker}");
        let heard = async {
            loop {
                let line = self.lines.recv().await.expect("the service runs");
                if matches!(&line, TailEvent::Account { worker, outcome, .. } if *worker == alias && outcome == wanted)
                {
                    return line;
                }
            }
        };
        timeout(PATIENCE, heard)
            .await
            .unwrap_or_else(|_| panic!("{worker} was never {wanted}"))
    }

    /// Waits until an account of that worker was reconciled in whatever way, and says in which.
    pub async fn next_of(&mut self, worker: &str) -> String {
        let alias = format!("acme/{worker}");
        let heard = async {
            loop {
                match self.lines.recv().await.expect("the service runs") {
                    TailEvent::Account {
                        worker, outcome, ..
                    } if worker == alias => return outcome,
                    TailEvent::Account { .. } | TailEvent::Hook { .. } => {}
                }
            }
        };
        timeout(PATIENCE, heard)
            .await
            .unwrap_or_else(|_| panic!("{worker} was never reconciled"))
    }

    /// The writes since this was last asked, with their answers.
    pub fn writes(&self) -> Vec<LoggedRequest> {
        let requests = self.sandbox.requests();
        self.sandbox.clear_requests();
        requests
            .into_iter()
            .filter(|request| request.method != "GET")
            .collect()
    }

    /// The one user of that name.
    pub fn user(&self, name: &str) -> Option<Value> {
        let mut users = self.sandbox.users();
        users.retain(|user| user["userName"] == name || user["externalId"] == name);
        assert!(users.len() < 2, "several users are {name}: {users:#?}");
        users.pop()
    }

    /// Takes it down in order.
    pub async fn stop(self) {
        self.service.stop().await;
        self.stop.cancel();
    }
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
