//! The workers: events recorded and reconciled a second against the sandbox, beside the bare loop on the same store.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use hirewire::app::Roles;
use hirewire_sandbox::{LoggedRequest, Sandbox, SandboxProfile, SandboxSettings};
use http::{HeaderMap, HeaderValue};
use serde_json::json;
use sqlx::{AnyConnection, Connection as _, Row as _};

use crate::{
    Dependencies, Effort,
    bare_worker::{Bare, apply},
    clients::{Load, Next},
    figures::{self, Figures},
    harness, hooks, intake,
};

/// Accounts that are reconciled at a time.
const CONCURRENCY: usize = 32;

/// Which worker's requests the bare loop sends with other names: no other name or number is within it.
const MODEL: &str = "77000077";

/// A sandbox on a thread of its own.
struct Target {
    sandbox: Sandbox,
    address: std::net::SocketAddr,
}

impl Target {
    fn start() -> Self {
        let settings = SandboxSettings {
            token: Some(harness::TOKEN.into()),
            profile: SandboxProfile::Generic,
            faults: Vec::new(),
        };
        let sandbox = Sandbox::new(settings);
        let (tell, told) = std::sync::mpsc::channel();
        let serving = sandbox.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
                    .await
                    .expect("a port");
                tell.send(listener.local_addr().expect("an address"))
                    .expect("told");
                hirewire::http::serve(
                    listener,
                    serving.service(),
                    hirewire::http::Limits::default(),
                    tokio_util::sync::CancellationToken::new(),
                )
                .await;
            });
        });
        Self {
            sandbox,
            address: told.recv().expect("an address"),
        }
    }

    fn base(&self) -> String {
        format!("http://{}/scim/v2", self.address)
    }

    /// How many users it creates in a second when nothing is in between.
    async fn raw(&self, most: Duration) -> Figures {
        let mut headers = HeaderMap::new();
        headers.insert(
            "authorization",
            HeaderValue::from_str(&format!("Bearer {}", harness::TOKEN)).expect("a header"),
        );
        headers.insert(
            "content-type",
            HeaderValue::from_static("application/scim+json"),
        );
        let next: Next = Arc::new(move |number| {
            let body = json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": format!("raw.{number}@bench.example"),
                "externalId": format!("raw-{number}"), "name": { "givenName": "Ada", "familyName": "Lovelace" },
                "emails": [{ "type": "work", "value": format!("raw.{number}@bench.example") }], "active": true,
            });
            Some((headers.clone(), Bytes::from(body.to_string())))
        });
        let path = "/scim/v2/Users".to_owned();
        Load {
            address: self.address,
            path,
            connections: CONCURRENCY,
            most,
            next,
        }
        .run()
        .await
    }
}

/// Measures and prints.
pub async fn measure(dependencies: &Dependencies, effort: Effort) {
    sqlx::any::install_default_drivers();
    intake::eprint_step("the sandbox alone");
    let raw = Target::start()
        .raw(Duration::from_secs(effort.seconds.min(3)))
        .await;
    println!(
        "\n### Workers: {CONCURRENCY} accounts at a time, {} hires a round, against the sandbox",
        effort.events
    );
    figures::head("events");
    figures::row(
        "the sandbox alone: POST /Users (writes)",
        std::slice::from_ref(&raw),
    );
    let mut ratios = Vec::new();
    for store in ["PostgreSQL", "SQLite"] {
        let (mut bare, mut product) = (Vec::new(), Vec::new());
        for round in 0..effort.rounds {
            intake::eprint_step(&format!("workers on {store}, round {}", round + 1));
            let folder = tempfile::tempdir().expect("a folder");
            let name = harness::name();
            let url = match store {
                "PostgreSQL" => harness::database(&dependencies.postgres, &name).await,
                _ => format!(
                    "sqlite://{}?mode=rwc",
                    folder.path().join("store.db").display()
                ),
            };
            let (applied, like) = work(folder.path(), &url, effort.events).await;
            product.push(applied);
            bare.push(bare_loop(folder.path(), store, &url, &like, effort.events).await);
            if store == "PostgreSQL" {
                harness::drop_database(&dependencies.postgres, &name).await;
            }
        }
        figures::row(
            &format!("bare loop on {store}: the same requests, two commits"),
            &bare,
        );
        figures::row(&format!("workers on {store}"), &product);
        ratios.push((
            store,
            Figures::median(&product).rate / Figures::median(&bare).rate,
        ));
    }
    figures::verdicts();
    figures::verdict(
        "the sandbox alone, writes/s",
        raw.rate,
        "at least 3,000",
        raw.rate >= 3000.0,
    );
    for (store, ratio) in ratios {
        figures::verdict(
            &format!("workers on {store} / bare loop"),
            ratio,
            "at least 0.5",
            ratio >= 0.5,
        );
    }
}

async fn bare_loop(
    folder: &std::path::Path,
    store: &str,
    url: &str,
    like: &[LoggedRequest],
    events: usize,
) -> Figures {
    let target = Target::start();
    let url = match store {
        "PostgreSQL" => url.to_owned(),
        _ => format!("sqlite://{}?mode=rwc", folder.join("bare.db").display()),
    };
    let bare = Bare::open(&url, CONCURRENCY).await;
    apply(&bare, &target.base(), like, MODEL, events, CONCURRENCY).await
}

/// Has so many hires lie in the queue, starts the workers, and waits until every account is reconciled. Also what was sent
/// for the model's hire, which is applied afterwards.
async fn work(
    folder: &std::path::Path,
    store: &str,
    events: usize,
) -> (Figures, Vec<LoggedRequest>) {
    let target = Target::start();
    let instance = harness::name();
    let more = format!(
        "[store]\nurl = \"{store}\"\n[connections.app]\nprofile = \"generic\"\nbase_url = \"{}\"\ntoken = \"{}\"\n\
         mode = \"apply\"\nlimits = {{ rate = \"100000/s\", concurrency = {CONCURRENCY}, timeout = \"10s\", acker = \"15s\" }}",
        target.base(),
        harness::TOKEN
    );
    fill(folder, &instance, &more, events).await;
    let roles = Roles {
        intake: false,
        worker: true,
        ops: false,
    };
    let service = harness::service(folder, &instance, roles, &more).await;
    let began = Instant::now();
    until_reconciled(store, events).await;
    let figures = Figures::counted(events, began.elapsed());
    service.stop().await;
    (figures, requests_of_a_hire(&target))
}

/// Puts hires into the embedded queue, by the intake.
async fn fill(folder: &std::path::Path, instance: &str, more: &str, events: usize) {
    let roles = Roles {
        intake: true,
        worker: false,
        ops: false,
    };
    let service = harness::service(folder, instance, roles, more).await;
    harness::ready(&service).await;
    let signed = hooks::signed(events);
    let next: Next = Arc::new(move |number| {
        signed
            .get(number)
            .map(|hook| (hook.headers.clone(), hook.body.clone()))
    });
    let address = service.intake.expect("an intake");
    let most = Duration::from_mins(2);
    Load {
        address,
        path: "/hooks/bench".to_owned(),
        connections: 64,
        most,
        next,
    }
    .run()
    .await;
    service.stop().await;
}

/// Asks the store itself: an event is applied once its account's row says so, durably. Seldom while much is left: asking
/// takes of what is measured.
async fn until_reconciled(store: &str, events: usize) {
    let deadline = Instant::now() + Duration::from_mins(5);
    let mut connection = None;
    let mut reconciled = 0;
    while reconciled < events {
        assert!(
            Instant::now() < deadline,
            "only {reconciled} of {events} accounts were reconciled in five minutes"
        );
        let left = u64::try_from(events - reconciled).unwrap_or(u64::MAX);
        tokio::time::sleep(Duration::from_millis((left / 4).clamp(10, 500))).await;
        if connection.is_none() {
            connection = AnyConnection::connect(store).await.ok();
        }
        let Some(open) = connection.as_mut() else {
            continue;
        };
        let counting =
            "SELECT COUNT(*) AS n FROM accounts WHERE scim_id IS NOT NULL AND next_run_at IS NULL";
        // Before the store is opened there is no such table.
        if let Ok(row) = sqlx::query(counting).fetch_one(open).await {
            reconciled = usize::try_from(row.get::<i64, _>("n")).unwrap_or(0);
        }
    }
    if let Some(connection) = connection {
        let _ = connection.close().await;
    }
}

/// The last hire's requests that the sandbox remembers, with the model's number for that person's.
fn requests_of_a_hire(target: &Target) -> Vec<LoggedRequest> {
    let mut requests = target.sandbox.requests();
    let created = requests
        .iter()
        .rposition(|request| request.method == "POST")
        .expect("a create");
    let body = requests
        .get(created)
        .and_then(|request| request.body.clone())
        .expect("a user");
    let number = body
        .pointer("/externalId")
        .and_then(serde_json::Value::as_str)
        .expect("an id")
        .to_owned();
    let number = number
        .trim_start_matches(|letter: char| !letter.is_ascii_digit())
        .to_owned();
    let marks = [
        format!("E-{number}%22"),
        format!(".{number}%40"),
        format!(".{number}@"),
    ];
    requests.truncate(created + 1);
    let mut like: Vec<LoggedRequest> = requests
        .into_iter()
        .filter(|request| {
            request.method == "POST" || marks.iter().any(|mark| request.path.contains(mark))
        })
        .filter(|request| request.body.as_ref().is_none_or(|sent| *sent == body))
        .collect();
    for request in &mut like {
        request.path = request
            .path
            .replace(&format!("E-{number}"), &format!("E-{MODEL}"))
            .replace(&format!(".{number}"), &format!(".{MODEL}"));
        let text = body.to_string();
        let text = text
            .replace(&format!("E-{number}"), &format!("E-{MODEL}"))
            .replace(&format!(".{number}@"), &format!(".{MODEL}@"));
        if request.body.is_some() {
            request.body = serde_json::from_str(&text).ok();
        }
    }
    like
}
