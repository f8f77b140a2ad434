//! The services and dependencies of a measurement: a folder, a config, and names on the broker and
//! the database server that are deleted afterwards.

use std::{path::Path, time::Duration};

use hirewire::{
    app::{Options, Roles, Service},
    config::{Config, Environment},
    scim_client::BreakerSettings,
    telemetry,
};
use lapin::{
    Channel, Connection, ConnectionProperties,
    options::{ExchangeDeleteOptions, QueueDeleteOptions},
};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use crate::hooks::SECRET;

/// The bearer token of the sandbox.
pub const TOKEN: &str = "bench-token";

/// A unique name for an instance, a queue or a database.
pub fn unique_name() -> String {
    let id = telemetry::new_id().replace('-', "");
    let suffix: String = id.chars().skip(8).collect();
    format!("bench{suffix}")
}

/// Starts a service with these roles. `more` is appended to its config.
pub async fn start_service(folder: &Path, instance: &str, roles: Roles, more: &str) -> Service {
    let data_dir = folder.display();
    let text = format!(
        r#"
instance = "{instance}"
data_dir = "{data_dir}"
[intake]
listen = "127.0.0.1:0"
[ops]
listen = "127.0.0.1:0"
[sources.bench]
preset = "canonical"
secrets = ["{SECRET}"]
time_zone = "Europe/Berlin"
{more}
"#
    );
    let environment = Environment::of([]).with_literal_secrets();
    let config = Config::parse(&text, "bench.toml", &environment).unwrap_or_else(|mistakes| {
        unreachable!("{}", mistakes.render(&annotate_snippets::Renderer::plain()));
    });

    let breaker = BreakerSettings {
        people: 50,
        pause: Duration::from_secs(1),
        max_pause: Duration::from_secs(1),
    };
    let options = Options {
        breaker,
        ..Options::default()
    };
    Service::start(config, roles, options)
        .await
        .expect("a service")
}

/// Waits until `/readyz` responds with success, for 30 s at most.
pub async fn wait_until_ready(service: &Service) {
    let url = format!("http://{}/readyz", service.ops);

    for _ in 0..600 {
        let response = reqwest::get(&url).await;
        if response.is_ok_and(|response| response.status().is_success()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    unreachable!("the service is not ready after 30 s");
}

/// Opens a channel to the broker; its connection closes when it is dropped.
pub async fn channel(amqp: &str) -> (Connection, Channel) {
    let connection = Connection::connect(amqp, ConnectionProperties::default())
        .await
        .expect("a broker");
    let channel = connection.create_channel().await.expect("a channel");
    (connection, channel)
}

/// Deletes the queues and exchanges of an instance.
pub async fn delete_from_broker(amqp: &str, instance: &str) {
    // A failed deletion closes its channel, so each has a channel of its own.
    for queue in ["events", "dead", "quarantine", "unrouted"] {
        let (_connection, channel) = channel(amqp).await;
        let name = format!("hirewire.{instance}.{queue}");
        let _ = channel
            .queue_delete(name.into(), QueueDeleteOptions::default())
            .await;
    }
    for exchange in [
        format!("hirewire.{instance}"),
        format!("hirewire.{instance}.unrouted"),
    ] {
        let (_connection, channel) = channel(amqp).await;
        let _ = channel
            .exchange_delete(exchange.into(), ExchangeDeleteOptions::default())
            .await;
    }
}

/// Creates a database on this server; returns its URL.
pub async fn create_database(server: &str, name: &str) -> String {
    execute_on_server(server, format!("CREATE DATABASE {name}")).await;

    let mut url = url::Url::parse(server).expect("a URL");
    url.set_path(name);
    url.into()
}

pub async fn drop_database(server: &str, name: &str) {
    execute_on_server(server, format!("DROP DATABASE {name} WITH (FORCE)")).await;
}

async fn execute_on_server(server: &str, statement: String) {
    let mut connection = PgConnection::connect(server).await.expect("PostgreSQL");
    connection
        .execute(sqlx::raw_sql(AssertSqlSafe(statement)))
        .await
        .expect("the statement succeeds");
}
