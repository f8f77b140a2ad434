//! The measurement of the intake: signed hooks per second over 64 connections, on RabbitMQ beside
//! the bare publisher, and on the embedded queue.

use std::{sync::Arc, time::Duration};

use hirewire::app::Roles;

use crate::{
    Dependencies, Effort, bare_publisher,
    clients::{Load, NextRequest},
    figures::{self, Figures},
    harness,
    hooks::{self, SignedHook},
    print_progress,
};

/// The number of senders.
const CONNECTIONS: usize = 64;

/// The number of distinct hooks. A longer round sends them again; the intake does not remember ids.
const HOOKS: usize = 40_000;

/// No workers: the measurement ends with the 200.
const ROLES: Roles = Roles {
    intake: true,
    worker: false,
    ops: false,
};

/// The required 99th percentile.
const MAX_P99: Duration = Duration::from_millis(30);

/// Measures, and prints the tables.
pub async fn measure(dependencies: &Dependencies, effort: Effort) {
    let duration = Duration::from_secs(effort.seconds);
    let amqp = &dependencies.amqp;
    let (mut bare, mut rabbit, mut embedded) = (Vec::new(), Vec::new(), Vec::new());

    for round in 0..effort.rounds {
        print_progress(&format!("intake, round {}", round + 1));
        let hooks = Arc::new(hooks::signed(HOOKS));
        let queue = harness::unique_name();
        bare.push(bare_publisher::publish(amqp, &queue, duration).await);

        let instance = harness::unique_name();
        let config = format!("[queue]\nurl = \"{amqp}\"");
        rabbit.push(measure_intake(&instance, &config, duration, &hooks).await);
        harness::delete_from_broker(amqp, &instance).await;

        let instance = harness::unique_name();
        embedded.push(measure_intake(&instance, "", duration, &hooks).await);
    }

    print_tables(&bare, &rabbit, &embedded);
}

fn print_tables(bare: &[Figures], rabbit: &[Figures], embedded: &[Figures]) {
    println!(
        "\n### Intake: {CONNECTIONS} connections, signed bodies of 1 KiB, the 200 after the confirm"
    );
    figures::print_rate_header("hooks");
    figures::print_rates("bare publisher, 64 outstanding, one quorum queue", bare);
    figures::print_rates("intake on RabbitMQ", rabbit);
    figures::print_rates("intake on the embedded queue", embedded);

    let bare = Figures::median(bare);
    let rabbit = Figures::median(rabbit);
    let embedded = Figures::median(embedded);
    figures::print_objective_header();
    let ratio = rabbit.rate / bare.rate;
    figures::print_objective(
        "intake on RabbitMQ / bare publisher",
        ratio,
        "at least 0.8",
        ratio >= 0.8,
    );
    figures::print_objective(
        "intake on RabbitMQ, p99 ms",
        rabbit.p99.as_secs_f64() * 1000.0,
        "under 30",
        rabbit.p99 < MAX_P99,
    );
    let ratio = embedded.rate / rabbit.rate;
    figures::print_objective(
        "embedded queue / RabbitMQ",
        ratio,
        "at least 1",
        ratio >= 1.0,
    );
}

/// Sends the hooks, again and again, to an intake with this config.
async fn measure_intake(
    instance: &str,
    config: &str,
    duration: Duration,
    hooks: &Arc<Vec<SignedHook>>,
) -> Figures {
    let folder = tempfile::tempdir().expect("a folder");
    let service = harness::start_service(folder.path(), instance, ROLES, config).await;
    harness::wait_until_ready(&service).await;

    let hooks = Arc::clone(hooks);
    let next_request: NextRequest = Arc::new(move |number| {
        hooks
            .get(number % hooks.len())
            .map(|hook| (hook.headers.clone(), hook.body.clone()))
    });
    let load = Load {
        address: service.intake.expect("an intake"),
        path: "/hooks/bench".to_owned(),
        connections: CONNECTIONS,
        max_duration: duration,
        next_request,
    };
    let figures = load.run().await;

    service.stop().await;
    figures
}
