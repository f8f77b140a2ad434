//! Checks a broker for `hirewire check`: login, virtual host, permissions, TLS.
//!
//! It declares an exchange and a queue of its own, which only its connection sees and which vanish
//! with it, under the names that the service uses: so the permissions that the site grants by name
//! are tried, and nothing of the service is changed.

use lapin::{
    BasicProperties, Channel, Connection, ExchangeKind,
    options::{
        BasicConsumeOptions, BasicPublishOptions, ExchangeDeclareOptions, QueueBindOptions,
        QueueDeclareOptions,
    },
    types::{FieldTable, ShortString},
};
use secrecy::ExposeSecret as _;
use url::Url;

use super::{RabbitSettings, call::call, connect::connect, topology::Topology};
use crate::telemetry;

/// Why a broker cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokerProblem {
    /// It does not answer, or its certificate is not trusted.
    #[error("{0}")]
    Unreachable(String),
    /// It answers, and refuses the login, the virtual host or a permission.
    #[error("{0}")]
    Refused(String),
}

/// Logs in and tries every permission that the service needs. Returns what works, in words.
pub async fn check_broker(settings: &RabbitSettings) -> Result<String, BrokerProblem> {
    let url = Url::parse(settings.url.expose_secret())
        .map_err(|_| BrokerProblem::Refused("the URL of the broker cannot be read".to_owned()))?;
    let name = format!("hirewire {} check", settings.instance);
    let connection = connect(settings, name)
        .await
        .map_err(|problem| explain_login(&url, &problem))?;

    let tried = try_permissions(settings, &connection).await;
    let closing = connection.close(200, "checked".into());
    // The report is complete; a connection that is not closed cleanly ends by itself.
    let _ = call("closing the connection", closing).await;

    tried.map_err(|problem| {
        BrokerProblem::Refused(format!(
            "accepts the login, but a permission is missing ({problem}): the user needs configure, \
             write and read on names that begin with `hirewire.{}`",
            settings.instance
        ))
    })?;
    Ok(format!(
        "accepts the login and every permission on the virtual host {}; {}",
        virtual_host(&url),
        encryption(&url, settings)
    ))
}

/// Configure, write and read: declare, publish and consume.
async fn try_permissions(settings: &RabbitSettings, connection: &Connection) -> Result<(), String> {
    let channel = call("opening a channel", connection.create_channel()).await?;
    let own = Topology::new(&settings.instance).temporary(&telemetry::new_id());
    declare(&channel, &own).await?;

    let published = channel.basic_publish(
        own.clone(),
        "check".into(),
        BasicPublishOptions::default(),
        b"check",
        BasicProperties::default(),
    );
    call("publishing", published).await?;

    let consuming = channel.basic_consume(
        own,
        "check".into(),
        BasicConsumeOptions::default(),
        FieldTable::default(),
    );
    call("consuming", consuming).await?;
    call("closing a channel", channel.close(200, "checked".into())).await
}

async fn declare(channel: &Channel, own: &ShortString) -> Result<(), String> {
    let vanishing = ExchangeDeclareOptions {
        auto_delete: true,
        ..ExchangeDeclareOptions::default()
    };
    let declared = channel.exchange_declare(
        own.clone(),
        ExchangeKind::Fanout,
        vanishing,
        FieldTable::default(),
    );
    call("declaring an exchange", declared).await?;

    let exclusive = QueueDeclareOptions {
        exclusive: true,
        auto_delete: true,
        ..QueueDeclareOptions::default()
    };
    let declared = channel.queue_declare(own.clone(), exclusive, FieldTable::default());
    call("declaring a queue", declared).await?;

    let bound = channel.queue_bind(
        own.clone(),
        own.clone(),
        "check".into(),
        QueueBindOptions::default(),
        FieldTable::default(),
    );
    call("binding a queue", bound).await
}

fn explain_login(url: &Url, problem: &str) -> BrokerProblem {
    let host = url.host_str().unwrap_or_default();
    if problem.contains("ACCESS_REFUSED") || problem.contains("access-refused") {
        let user = if url.username().is_empty() {
            "guest"
        } else {
            url.username()
        };
        return BrokerProblem::Refused(format!(
            "refuses the login of {user} (or the virtual host {}): check user, password and \
             permissions",
            virtual_host(url)
        ));
    }
    if problem.contains("NOT_ALLOWED") || problem.contains("not-allowed") {
        return BrokerProblem::Refused(format!(
            "has no virtual host {} for this user: write the virtual host `/` as %2f",
            virtual_host(url)
        ));
    }
    if problem.contains("certificate") {
        return BrokerProblem::Unreachable(format!(
            "{host} has a certificate that is not trusted ({problem}): set `ca_file` for a private \
             authority"
        ));
    }
    BrokerProblem::Unreachable(format!("{host}: {problem}"))
}

/// The virtual host as the broker shows it: `/` for `%2f`.
fn virtual_host(url: &Url) -> String {
    let path = url.path().strip_prefix('/').unwrap_or_default();
    if path.is_empty() {
        return "/".to_owned();
    }
    path.replace("%2f", "/").replace("%2F", "/")
}

fn encryption(url: &Url, settings: &RabbitSettings) -> String {
    let authority = match &settings.tls.ca_pem {
        Some(_) => "`ca_file` or the operating system",
        None => "the operating system",
    };
    if url.scheme() == "amqps" {
        format!("TLS, and the certificate is verified with {authority}")
    } else {
        "not encrypted".to_owned()
    }
}
