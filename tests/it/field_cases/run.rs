//! Runs one case: a service in this process, its fake server, the steps, and what came of it.
//!
//! After each step the runner waits until nothing more is to be done soon (`rest.rs`); at the end it
//! collects what came of the case (`outcome.rs`). The service runs with
//! short times ([`OPTIONS`], `propagation_delay`); a case in which something is tried for ever goes
//! on after [`STEP_LIMIT`].

use std::time::Duration;

use hirewire::{
    app::{Options, Roles, Service},
    config::{Config, Environment},
    scim_client::BreakerSettings,
    store::Store,
};
use hirewire_core::{
    backoff::{Backoff, Jitter},
    source::{Scheme, Secret},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::SignedDuration;
use serde_json::{Value, json};
use sha2::Sha256;

use super::{
    case::{Case, EventStep, RawHook, ServerStep, Step},
    server::{FakeServer, TOKEN},
};

const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// The longest time that one step may take.
const STEP_LIMIT: Duration = Duration::from_secs(8);

const OPTIONS: Options = Options {
    breaker: BreakerSettings {
        people: 50,
        pause: Duration::from_millis(200),
        max_pause: Duration::from_millis(500),
    },
    sweep_every: Duration::from_millis(100),
    overdue_after: Duration::from_mins(5),
    groups_again_after: Duration::from_hours(1),
    backoff: Backoff {
        base: Duration::from_millis(20),
        cap: Duration::from_millis(200),
        jitter: Jitter::Equal,
    },
};

/// A running case.
pub(super) struct Running<'a> {
    pub(super) case: &'a Case,
    server: FakeServer,
    service: Service,
    pub(super) store: Store,
    http: reqwest::Client,
    events: u32,
    /// The status of each raw hook.
    pub(super) answers: Vec<u16>,
}

/// Runs the case and returns what does not hold.
pub async fn run(case: &Case) -> Result<Vec<String>, String> {
    let server = FakeServer::start(case.quirks.clone(), case.quirks_from_start()).await;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let text = config_text(case, &server, folder.path());
    let environment = Environment::of([("S", SECRET), ("TOKEN", TOKEN)]);
    let config = Config::parse(&text, "hirewire.toml", &environment)
        .map_err(|mistakes| mistakes.render(&annotate_snippets::Renderer::plain()))?;

    let settings = config.store_settings().map_err(|error| error.to_string())?;
    let service = Service::start(config, Roles::ALL, OPTIONS)
        .await
        .map_err(|error| error.to_string())?;
    // The service creates the store.
    while !service.is_ready() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let store = Store::open(settings)
        .await
        .map_err(|error| error.to_string())?;

    let mut running = Running {
        case,
        server,
        service,
        store,
        http: reqwest::Client::new(),
        events: 0,
        answers: Vec::new(),
    };
    running.all_steps().await;
    let known = running.known().await;
    let mut problems = case.expected.problems(&running.server, &known);
    if !problems.is_empty() {
        problems.push(running.server.state().transcript());
    }

    running.service.stop().await;
    Ok(problems)
}

fn config_text(case: &Case, server: &FakeServer, folder: &std::path::Path) -> String {
    let canonical = "[sources.acme]\npreset = \"canonical\"\nsecrets = [{ env = \"S\" }]\n\
                     time_zone = \"Europe/Berlin\"\n";
    let source = case.source.as_deref().unwrap_or(canonical);
    format!(
        r#"instance = "field"
data_dir = "{data_dir}"
[intake]
listen = "127.0.0.1:0"
[ops]
listen = "127.0.0.1:0"
{source}
[connections.target]
profile = "generic"
base_url = "http://{address}/scim/v2"
token = {{ env = "TOKEN" }}
mode = "apply"
limits = {{ rate = "1000/s", concurrency = 4, timeout = "5s", propagation_delay = "300ms" }}
{connection}
"#,
        data_dir = folder.join("data").display(),
        address = server.address,
        connection = case.connection,
    )
}

impl Running<'_> {
    async fn all_steps(&mut self) {
        let case = self.case;
        for step in &case.steps {
            match step {
                Step::Event(event) => self.post_events(std::slice::from_ref(event)).await,
                Step::Events { together } => self.post_events(together).await,
                Step::Server(step) => self.change_server(step),
            }
        }
        for hook in &case.hooks {
            self.post_hook(hook).await;
        }
    }

    fn change_server(&self, step: &ServerStep) {
        let mut state = self.server.state();
        match step {
            ServerStep::On => state.quirks_active = true,
            ServerStep::Off => state.quirks_active = false,
            ServerStep::Quirks { quirks } => state.set_quirks((**quirks).clone()),
            ServerStep::Delete { external_id } => {
                let before = state.users.len();
                state
                    .users
                    .retain(|user| user["externalId"] != external_id.as_str());
                assert!(state.users.len() < before, "no user is {external_id}");
            }
            ServerStep::Change {
                external_id,
                values,
            } => {
                let mut users = state.users.iter_mut();
                let user = users
                    .find(|user| user["externalId"] == external_id.as_str())
                    .unwrap_or_else(|| panic!("no user is {external_id}"));
                let members = user.as_object_mut().expect("an object");
                members.extend(values.clone());
            }
            ServerStep::RemoveMember {
                display_name,
                external_id,
            } => state.remove_member(display_name, external_id),
            ServerStep::DeleteGroup { display_name } => {
                let before = state.groups.len();
                state
                    .groups
                    .retain(|group| group["displayName"] != display_name.as_str());
                assert!(state.groups.len() < before, "no group is {display_name}");
            }
        }
    }

    /// Posts events at the same time, and waits until they are reconciled.
    async fn post_events(&mut self, events: &[EventStep]) {
        let mut bodies = Vec::new();
        let mut ids = Vec::new();
        for event in events {
            self.events += 1;
            let id = format!("event-{}", self.events);
            bodies.push(cloud_event(event, &id));
            ids.push((event.subject.clone(), id));
        }

        let posted = bodies.iter().map(|body| self.post(body.to_string()));
        for status in futures_util::future::join_all(posted).await {
            assert_eq!(status, 200, "the intake refuses {bodies:#?}");
        }
        let at_rest = async {
            for (worker, id) in &ids {
                self.wait_for_event(worker, id).await;
            }
            self.wait_for_rest().await;
        };
        // A case may try something for ever.
        let _ = tokio::time::timeout(STEP_LIMIT, at_rest).await;
    }

    async fn post(&self, body: String) -> u16 {
        let secret = Secret::new(SECRET.to_owned());
        let headers = Scheme::standard_webhooks()
            .sign(body.as_bytes(), &secret, hirewire::telemetry::now(), "msg")
            .expect("signed");
        let request = self
            .http
            .post(self.url())
            .headers(headers)
            .header("content-type", "application/cloudevents+json")
            .body(body);
        request.send().await.expect("an answer").status().as_u16()
    }

    async fn post_hook(&mut self, hook: &RawHook) {
        let time = hirewire::telemetry::now().as_second().to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key");
        mac.update(hook.body.as_bytes());
        mac.update(time.as_bytes());
        let digest = mac.finalize().into_bytes();
        let signature: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();

        let mut request = self.http.post(self.url()).body(hook.body.clone());
        for (name, value) in &hook.headers {
            let value = match name.as_str() {
                "X-BambooHR-Timestamp" => &time,
                "X-BambooHR-Signature" => &signature,
                _ => value,
            };
            request = request.header(name, value);
        }
        let answer = request.send().await.expect("an answer");
        self.answers.push(answer.status().as_u16());

        let body: Value = answer.json().await.unwrap_or_default();
        let at_rest = async {
            self.wait_for_hook(&body).await;
            self.wait_for_rest().await;
        };
        let _ = tokio::time::timeout(STEP_LIMIT, at_rest).await;
    }

    fn url(&self) -> String {
        format!(
            "http://{}/hooks/acme",
            self.service.intake.expect("an intake")
        )
    }
}

fn cloud_event(event: &EventStep, id: &str) -> Value {
    let now = hirewire::telemetry::now();
    let time = now
        .checked_sub(SignedDuration::from_secs(event.seconds_ago))
        .expect("a time");
    let data = match &event.data {
        Value::Null => json!({}),
        data => data.clone(),
    };
    json!({
        "specversion": "1.0",
        "id": id,
        "source": "/hr/acme",
        "type": format!("hr.worker.{}.v1", event.kind),
        "subject": event.subject,
        "time": time.to_string(),
        "data": data,
    })
}
