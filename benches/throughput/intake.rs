//! The intake: signed hooks a second over 64 connections, on `RabbitMQ` beside the bare publisher, and on the embedded queue.

use std::{sync::Arc, time::Duration};

use hirewire::app::Roles;

use crate::{
    Dependencies, Effort, bare_publisher,
    clients::{Load, Next},
    figures::{self, Figures},
    harness,
    hooks::{self, SignedHook},
};

/// How many senders there are.
const CONNECTIONS: usize = 64;

/// How many distinct hooks are signed; a longer round sends them again, which the intake cannot tell.
const HOOKS: usize = 40_000;

/// No workers: what is measured is the way to the 200.
const ROLES: Roles = Roles {
    intake: true,
    worker: false,
    ops: false,
};

/// The longest that one hook of a hundred may take.
const P99: Duration = Duration::from_millis(30);

/// Measures and prints.
pub async fn measure(dependencies: &Dependencies, effort: Effort) {
    let most = Duration::from_secs(effort.seconds);
    let (mut bare, mut rabbit, mut embedded) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..effort.rounds {
        eprint_step(&format!("intake, round {}", round + 1));
        let signed = Arc::new(hooks::signed(HOOKS));
        bare.push(bare_publisher::publish(&dependencies.amqp, &harness::name(), most).await);
        let instance = harness::name();
        let queue = format!("[queue]\nurl = \"{}\"", dependencies.amqp);
        rabbit.push(receive(&instance, &queue, most, &signed).await);
        harness::remove_from_broker(&dependencies.amqp, &instance).await;
        embedded.push(receive(&harness::name(), "", most, &signed).await);
    }
    println!(
        "\n### Intake: {CONNECTIONS} connections, signed bodies of 1 KiB, the 200 after the confirm"
    );
    figures::head("hooks");
    figures::row("bare publisher, 64 outstanding, one quorum queue", &bare);
    figures::row("intake on RabbitMQ", &rabbit);
    figures::row("intake on the embedded queue", &embedded);
    let (bare, rabbit, embedded) = (
        Figures::median(&bare),
        Figures::median(&rabbit),
        Figures::median(&embedded),
    );
    figures::verdicts();
    let ratio = rabbit.rate / bare.rate;
    figures::verdict(
        "intake on RabbitMQ / bare publisher",
        ratio,
        "at least 0.8",
        ratio >= 0.8,
    );
    figures::verdict(
        "its p99, ms",
        rabbit.p99.as_secs_f64() * 1000.0,
        "under 30",
        rabbit.p99 < P99,
    );
    let ratio = embedded.rate / rabbit.rate;
    figures::verdict(
        "embedded queue / RabbitMQ",
        ratio,
        "at least 1",
        ratio >= 1.0,
    );
}

async fn receive(
    instance: &str,
    queue: &str,
    most: Duration,
    signed: &Arc<Vec<SignedHook>>,
) -> Figures {
    let folder = tempfile::tempdir().expect("a folder");
    let service = harness::service(folder.path(), instance, ROLES, queue).await;
    harness::ready(&service).await;
    let signed = Arc::clone(signed);
    let next: Next = Arc::new(move |number| {
        signed
            .get(number % signed.len())
            .map(|hook| (hook.headers.clone(), hook.body.clone()))
    });
    let address = service.intake.expect("an intake");
    let load = Load {
        address,
        path: "/hooks/bench".to_owned(),
        connections: CONNECTIONS,
        most,
        next,
    };
    let figures = load.run().await;
    service.stop().await;
    figures
}

/// Says what is being done: a run takes minutes.
#[allow(clippy::print_stderr, reason = "not part of the figures")]
pub fn eprint_step(step: &str) {
    eprintln!("{step}");
}
