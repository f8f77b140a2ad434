//! SIGKILL under load: of the broker, of the intake, and of the only process of a small deployment.
//!
//! Each hire with a 200 has exactly one account once all processes run again.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    broker::Broker,
    chaos_harness::{Harness, RECONCILE_TIMEOUT},
    deployment::Dependencies,
    load::LoadGenerator,
    sandbox::Sandbox,
    waiting::wait_until,
};

/// The number of accepted hires before, between and after the kills.
const HIRES: usize = 40;
/// A restart and the requests that follow, on a busy machine.
const RESTART_TIMEOUT: Duration = Duration::from_mins(2);

pub async fn wait_until_each_has_one_account(target: &Sandbox, accepted: &[String]) {
    let accepted: BTreeSet<&String> = accepted.iter().collect();
    let condition = format!("all {} accepted workers have an account", accepted.len());
    wait_until(&condition, RECONCILE_TIMEOUT, async || {
        let users: BTreeSet<String> = target.list_external_ids().await.into_iter().collect();
        accepted
            .iter()
            .all(|worker| users.contains(*worker))
            .then_some(())
    })
    .await;

    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for user in target.list_external_ids().await {
        *counts.entry(user).or_default() += 1;
    }
    counts.retain(|_, count| *count > 1);
    assert!(counts.is_empty(), "several accounts: {counts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_accepted_hook_is_lost_when_the_broker_and_the_intake_are_killed_under_load() {
    let mut broker = tokio::task::block_in_place(Broker::start);
    let dependencies = Dependencies::with_broker(broker.url()).await;
    let harness = Harness::new(dependencies, "", "4s").await;
    let mut intake = harness.start("intake", &["intake"], &[]).await;
    let _worker = harness.start("worker", &["worker"], &[]).await;
    // RabbitMQ writes the names of its queues to disk some seconds after their declaration. A node
    // killed before starts them empty and without a leader (3.10.8). The tested deployment is older
    // than that.
    tokio::task::block_in_place(|| broker.ctl(&["eval", "ok = dets:sync(ra_directory_reverse)."]));

    let load = LoadGenerator::start(&harness.deployment.intake);
    load.wait_for_accepted(HIRES, RECONCILE_TIMEOUT).await;
    broker.kill();
    load.wait_for_failed(HIRES, RECONCILE_TIMEOUT).await;
    tokio::task::block_in_place(|| broker.restart());
    load.wait_for_accepted(HIRES, RESTART_TIMEOUT).await;

    intake.kill();
    load.wait_for_failed(1, RECONCILE_TIMEOUT).await;
    let _intake = harness.start("intake", &["intake"], &[]).await;
    load.wait_for_accepted(HIRES, RESTART_TIMEOUT).await;

    wait_until_each_has_one_account(&harness.target, &load.stop().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_accepted_hook_is_lost_when_the_only_process_is_killed_twice_under_load() {
    let harness = Harness::new(Dependencies::Embedded, "", "4s").await;
    let mut process = harness.start("all", &[], &[]).await;
    let load = LoadGenerator::start(&harness.deployment.intake);

    for _ in 0..2 {
        load.wait_for_accepted(HIRES, RECONCILE_TIMEOUT).await;
        process.kill();
        load.wait_for_failed(1, RECONCILE_TIMEOUT).await;
        process = harness.start("all", &[], &[]).await;
    }
    load.wait_for_accepted(HIRES, RESTART_TIMEOUT).await;

    wait_until_each_has_one_account(&harness.target, &load.stop().await).await;
}
