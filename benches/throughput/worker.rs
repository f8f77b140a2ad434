//! The measurement of the workers: events stored and reconciled per second against the sandbox,
//! beside the bare loop on the same kind of store.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use hirewire::app::Roles;
use sqlx::{AnyConnection, Connection as _, Row as _};

use crate::{
    Dependencies, Effort,
    bare_worker::{BareStore, RequestTemplate, apply},
    clients::{Load, NextRequest},
    figures::{self, Figures},
    harness, hooks, print_progress,
    target::Target,
};

/// The number of accounts that are reconciled at a time.
const CONCURRENCY: usize = 32;

/// A row of `accounts` is reconciled once it is bound and nothing is pending.
const COUNT_RECONCILED: &str =
    "SELECT COUNT(*) AS n FROM accounts WHERE scim_id IS NOT NULL AND next_run_at IS NULL";

/// The kind of store of a measurement.
#[derive(Clone, Copy, PartialEq, Eq)]
enum StoreKind {
    Postgres,
    Sqlite,
}

impl StoreKind {
    fn label(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::Sqlite => "SQLite",
        }
    }
}

/// Measures, and prints the tables.
pub async fn measure(dependencies: &Dependencies, effort: Effort) {
    sqlx::any::install_default_drivers();

    print_progress("the sandbox alone");
    let sandbox_duration = Duration::from_secs(effort.seconds.min(3));
    let sandbox = Target::start()
        .measure_creates(CONCURRENCY, sandbox_duration)
        .await;
    println!(
        "\n### Workers: {CONCURRENCY} accounts at a time, {} hires a round, against the sandbox",
        effort.events
    );
    figures::print_rate_header("events");
    figures::print_rates(
        "the sandbox alone: POST /Users (writes)",
        std::slice::from_ref(&sandbox),
    );

    let mut ratios = Vec::new();
    for kind in [StoreKind::Postgres, StoreKind::Sqlite] {
        ratios.push((kind, measure_store(kind, dependencies, effort).await));
    }

    figures::print_objective_header();
    figures::print_objective(
        "the sandbox alone, writes/s",
        sandbox.rate,
        "at least 3,000",
        sandbox.rate >= 3000.0,
    );
    for (kind, ratio) in ratios {
        figures::print_objective(
            &format!("workers on {} / bare loop", kind.label()),
            ratio,
            "at least 0.5",
            ratio >= 0.5,
        );
    }
}

/// Measures all rounds on one kind of store; returns the ratio of the workers to the bare loop.
async fn measure_store(kind: StoreKind, dependencies: &Dependencies, effort: Effort) -> f64 {
    let label = kind.label();
    let (mut bare, mut workers) = (Vec::new(), Vec::new());

    for round in 0..effort.rounds {
        print_progress(&format!("workers on {label}, round {}", round + 1));
        let folder = tempfile::tempdir().expect("a folder");
        let name = harness::unique_name();
        let url = match kind {
            StoreKind::Postgres => harness::create_database(&dependencies.postgres, &name).await,
            StoreKind::Sqlite => sqlite_url(folder.path(), "store.db"),
        };
        let bare_url = match kind {
            StoreKind::Postgres => url.clone(),
            StoreKind::Sqlite => sqlite_url(folder.path(), "bare.db"),
        };

        let (figures, template) = measure_workers(folder.path(), &url, effort.events).await;
        workers.push(figures);
        bare.push(measure_bare_loop(&bare_url, &template, effort.events).await);

        if kind == StoreKind::Postgres {
            harness::drop_database(&dependencies.postgres, &name).await;
        }
    }

    figures::print_rates(
        &format!("bare loop on {label}: the same requests, two commits"),
        &bare,
    );
    figures::print_rates(&format!("workers on {label}"), &workers);
    Figures::median(&workers).rate / Figures::median(&bare).rate
}

fn sqlite_url(folder: &Path, file: &str) -> String {
    format!("sqlite://{}?mode=rwc", folder.join(file).display())
}

async fn measure_bare_loop(url: &str, template: &RequestTemplate, events: usize) -> Figures {
    let target = Target::start();
    let store = BareStore::open(url, CONCURRENCY).await;

    apply(&store, &target.base_url(), template, events, CONCURRENCY).await
}

/// Fills the queue with hires, starts the workers, and waits until every account is reconciled.
/// Also returns the requests of the last hire.
async fn measure_workers(folder: &Path, store: &str, events: usize) -> (Figures, RequestTemplate) {
    let target = Target::start();
    let instance = harness::unique_name();
    let config = config(store, &target.base_url());
    fill_queue(folder, &instance, &config, events).await;

    let roles = Roles {
        intake: false,
        worker: true,
        ops: false,
    };
    let service = harness::start_service(folder, &instance, roles, &config).await;
    let start = Instant::now();
    wait_until_reconciled(store, events).await;
    let figures = Figures::counted(events, start.elapsed());

    service.stop().await;
    (figures, target.last_hire())
}

fn config(store: &str, base_url: &str) -> String {
    let token = harness::TOKEN;
    format!(
        r#"
[store]
url = "{store}"
[connections.app]
profile = "generic"
base_url = "{base_url}"
token = "{token}"
mode = "apply"
[connections.app.limits]
rate = "100000/s"
concurrency = {CONCURRENCY}
timeout = "10s"
propagation_delay = "15s"
"#
    )
}

/// Sends hires to an intake without workers, so that they stay in the embedded queue.
async fn fill_queue(folder: &Path, instance: &str, config: &str, events: usize) {
    let roles = Roles {
        intake: true,
        worker: false,
        ops: false,
    };
    let service = harness::start_service(folder, instance, roles, config).await;
    harness::wait_until_ready(&service).await;

    let hooks = hooks::signed(events);
    let next_request: NextRequest = Arc::new(move |number| {
        hooks
            .get(number)
            .map(|hook| (hook.headers.clone(), hook.body.clone()))
    });
    let load = Load {
        address: service.intake.expect("an intake"),
        path: "/hooks/bench".to_owned(),
        connections: 64,
        max_duration: Duration::from_mins(2),
        next_request,
    };
    load.run().await;

    service.stop().await;
}

/// Counts the reconciled accounts in the store. It polls less often while many are left, because
/// each query takes time from the workers.
async fn wait_until_reconciled(store: &str, events: usize) {
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
        // The table does not exist before the service has opened the store.
        if let Ok(row) = sqlx::query(COUNT_RECONCILED).fetch_one(open).await {
            reconciled = usize::try_from(row.get::<i64, _>("n")).unwrap_or(0);
        }
    }

    if let Some(connection) = connection {
        let _ = connection.close().await;
    }
}
