//! Where a service runs for a measurement: a folder, a config, and names on the dependencies that are removed afterwards.

use std::time::Duration;

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
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::hooks::SECRET;

/// The token that the sandbox asks for.
pub const TOKEN: &str = "bench-token";

/// A name that nobody else has.
pub fn name() -> String {
    format!(
        "bench{}",
        telemetry::new_id()
            .replace('-', "")
            .chars()
            .skip(8)
            .collect::<String>()
    )
}

/// Starts a service of these roles. `more` is added to its config.
pub async fn service(
    folder: &std::path::Path,
    instance: &str,
    roles: Roles,
    more: &str,
) -> Service {
    let text = format!(
        "instance = \"{instance}\"\ndata_dir = \"{}\"\n[intake]\nlisten = \"127.0.0.1:0\"\n\
         [ops]\nlisten = \"127.0.0.1:0\"\n\
         [sources.bench]\npreset = \"canonical\"\nsecrets = [\"{SECRET}\"]\ntime_zone = \"Europe/Berlin\"\n{more}\n",
        folder.display()
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

/// Waits until it answers that it is ready.
pub async fn ready(service: &Service) {
    let url = format!("http://{}/readyz", service.ops);
    for _ in 0..600 {
        if reqwest::get(&url)
            .await
            .is_ok_and(|answer| answer.status().is_success())
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    unreachable!("the service is not ready after 30 s");
}

/// A channel to the broker, and its connection.
pub async fn channel(amqp: &str) -> (Connection, Channel) {
    let connection = Connection::connect(amqp, ConnectionProperties::default())
        .await
        .expect("a broker");
    let channel = connection.create_channel().await.expect("a channel");
    (connection, channel)
}

/// Removes everything of that instance from the broker.
pub async fn remove_from_broker(amqp: &str, instance: &str) {
    for kind in ["events", "dead", "quarantine", "unrouted"] {
        let (_connection, channel) = channel(amqp).await;
        let _ = channel
            .queue_delete(
                format!("hirewire.{instance}.{kind}").into(),
                QueueDeleteOptions::default(),
            )
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

/// A database of its own on that server; its URL.
pub async fn database(server: &str, name: &str) -> String {
    let mut connection = PgConnection::connect(server).await.expect("PostgreSQL");
    connection
        .execute(sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
            "CREATE DATABASE {name}"
        ))))
        .await
        .expect("a database");
    let mut url = url::Url::parse(server).expect("a URL");
    url.set_path(name);
    url.into()
}

/// Removes it.
pub async fn drop_database(server: &str, name: &str) {
    let mut connection = PgConnection::connect(server).await.expect("PostgreSQL");
    let dropping = format!("DROP DATABASE {name} WITH (FORCE)");
    connection
        .execute(sqlx::raw_sql(sqlx::AssertSqlSafe(dropping)))
        .await
        .expect("it is dropped");
}
