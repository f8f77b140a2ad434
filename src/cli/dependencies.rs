//! Whether the dependencies of a config are there and let us in: queue, store, every connection. Nothing is written.

use std::{error::Error as _, fmt, sync::Arc, time::Duration};

use futures_util::future::join_all;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};
use url::Url;

use crate::{
    config::{Config, ConnectionConfig, QueueConfig},
    observer::NoObserver,
    scim_client::Client,
    store::{Store, StoreError},
};
use hirewire_core::{
    plan::{Failure, FailureKind},
    scim::UpdateMethod,
};

/// How long a broker may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// What came of trying one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// Which: `connection workplace`.
    pub dependency: String,
    /// How it is.
    pub state: State,
    /// What it says, in one line.
    pub says: String,
}

/// How a dependency is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// It works.
    Good,
    /// It is there and does not do what we need.
    Refused,
    /// It is not there.
    Unreachable,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Good => "ok",
            State::Refused => "refused",
            State::Unreachable => "unreachable",
        };
        write!(f, "{state:<12} {:<28} {}", self.dependency, self.says)
    }
}

/// Tries all of them, at once.
pub(super) async fn dependencies(config: &Config) -> Vec<Finding> {
    let connections = join_all(config.connections.values().map(connection));
    let (queue, store, connections) = tokio::join!(queue(config), store(config), connections);
    queue
        .into_iter()
        .chain([store])
        .chain(connections)
        .collect()
}

/// Whether somebody listens at the broker's address; the embedded queue is no dependency.
async fn queue(config: &Config) -> Option<Finding> {
    let QueueConfig::Rabbit(address) = &config.queue else {
        return None;
    };
    let finding = |state, says: String| {
        Some(Finding {
            dependency: "queue".to_owned(),
            state,
            says,
        })
    };
    let url = match address.url().map(|url| Url::parse(url.expose_secret())) {
        Ok(Ok(url)) => url,
        Ok(Err(error)) => {
            return finding(State::Refused, format!("its URL cannot be read: {error}"));
        }
        Err(error) => return finding(State::Refused, error.to_string()),
    };
    let port = url
        .port()
        .unwrap_or(if url.scheme() == "amqps" { 5671 } else { 5672 });
    let place = format!("{}:{port}", url.host_str().unwrap_or_default());
    match timeout(PATIENCE, TcpStream::connect(&place)).await {
        Ok(Ok(_)) => finding(
            State::Good,
            format!("{place} accepts connections; the login is not tried"),
        ),
        Ok(Err(error)) => finding(State::Unreachable, format!("{place}: {error}")),
        Err(_) => finding(
            State::Unreachable,
            format!("{place} does not answer within {PATIENCE:?}"),
        ),
    }
}

/// Reads how far the schema is.
async fn store(config: &Config) -> Finding {
    let finding = |state, says: String| Finding {
        dependency: "store".to_owned(),
        state,
        says,
    };
    let settings = match config.store_settings() {
        Ok(settings) => settings,
        Err(error) => return finding(State::Refused, error.to_string()),
    };
    match Store::migration_status(&settings).await {
        Ok(status) if status.current > status.latest => finding(
            State::Refused,
            "a newer hirewire has migrated it".to_owned(),
        ),
        Ok(status) if status.pending.is_empty() => {
            finding(State::Good, "its schema is up to date".to_owned())
        }
        Ok(status) => finding(
            State::Good,
            format!(
                "its schema will be migrated at the start: {}",
                status.pending.join(", ")
            ),
        ),
        Err(error @ StoreError::Unreachable(_)) => {
            let why = error.source().map(ToString::to_string).unwrap_or_default();
            finding(State::Unreachable, format!("{error}: {why}"))
        }
        Err(error @ (StoreError::Refused(_) | StoreError::Incompatible(_))) => {
            finding(State::Refused, error.to_string())
        }
    }
}

/// Reads only: one user, and what the target says it can do.
async fn connection(connection: &ConnectionConfig) -> Finding {
    let dependency = format!("connection {}", connection.name);
    let client = match connection
        .client_settings(Arc::new(NoObserver))
        .map_err(|error| error.to_string())
    {
        Ok(settings) => Client::new(settings).map_err(|error| error.to_string()),
        Err(error) => Err(error),
    };
    let client = match client {
        Ok(client) => client,
        Err(says) => {
            return Finding {
                dependency,
                state: State::Refused,
                says,
            };
        }
    };
    if let Err(failure) = client.probe().await {
        let (state, says) = failed(&failure, connection);
        return Finding {
            dependency,
            state,
            says,
        };
    }
    let says = match client.service_provider_config().await {
        Ok(Some(document)) => {
            let sends_patch = connection.document().profile.update != UpdateMethod::PutPartial;
            format!("lets us in; {}", advertised(&document, sends_patch))
        }
        Ok(None) => "lets us in; says nothing of what it can do".to_owned(),
        Err(failure) => format!(
            "lets us in; does not tell what it can do ({})",
            failure.kind
        ),
    };
    Finding {
        dependency,
        state: State::Good,
        says,
    }
}

fn failed(failure: &Failure, connection: &ConnectionConfig) -> (State, String) {
    let url = &connection.base_url;
    match &failure.kind {
        FailureKind::Unreachable => (State::Unreachable, format!("{url} cannot be connected to")),
        FailureKind::NoAnswer | FailureKind::NotSent => (
            State::Unreachable,
            format!(
                "{url} does not answer within {:?}",
                connection.limits.timeout
            ),
        ),
        FailureKind::Answered { error, .. } => match error.status {
            401 | 403 => (
                State::Refused,
                format!("the credentials are refused ({})", error.status),
            ),
            404 => (
                State::Refused,
                "no users there (404): is `base_url` the SCIM base, version and all?".to_owned(),
            ),
            status @ 500.. => (State::Unreachable, format!("answers {status}")),
            status => (
                State::Refused,
                format!("answers {status} to a request for one user"),
            ),
        },
        FailureKind::Redirected => (
            State::Refused,
            "redirects elsewhere: give the final URL as `base_url`".to_owned(),
        ),
        FailureKind::Unusable(why) => (
            State::Refused,
            format!("is no SCIM service there: {why}; is `base_url` the SCIM base?"),
        ),
    }
}

/// Discovery is advice: servers advertise what does not work and hide what does.
fn advertised(document: &Value, sends_patch: bool) -> String {
    let patch = document
        .pointer("/patch/supported")
        .and_then(Value::as_bool);
    match (patch, sends_patch) {
        (Some(false), true) => {
            "says it takes no PATCH, which this profile sends: try it, or choose another profile"
                .to_owned()
        }
        (Some(true), _) => "takes PATCH".to_owned(),
        (Some(false) | None, _) => "no word on PATCH".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;
    use tokio::net::TcpListener;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::{
        config::Environment,
        http::{self, Limits},
    };
    use hirewire_sandbox::{Sandbox, SandboxProfile, SandboxSettings};

    async fn found(base_url: &str, token: &str) -> Finding {
        let text = format!(
            "[connections.app]\nbase_url = \"{base_url}\"\ntoken = \"{token}\"\nlimits = {{ timeout = \"5s\" }}\n"
        );
        let config =
            Config::parse(&text, "f", &Environment::default().with_literal_secrets()).unwrap();
        dependencies(&config).await.pop().unwrap()
    }

    #[tokio::test]
    async fn a_connection_is_good_refused_or_not_there() {
        let token = Some(SecretString::from("right"));
        let sandbox = Sandbox::new(SandboxSettings {
            token,
            profile: SandboxProfile::Generic,
            faults: Vec::new(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let serving = tokio::spawn({
            let stop = stop.clone();
            async move { http::serve(listener, sandbox.service(), Limits::default(), stop).await }
        });

        let base = format!("http://{address}/scim/v2");
        let good = found(&base, "right").await;
        assert_eq!(
            (good.state, good.says.as_str()),
            (State::Good, "lets us in; takes PATCH"),
            "{good}"
        );
        let refused = found(&base, "wrong").await;
        assert_eq!(
            (refused.state, refused.says.contains("(401)")),
            (State::Refused, true),
            "{refused}"
        );
        let elsewhere = found(&format!("http://{address}"), "right").await;
        assert_eq!(
            (elsewhere.state, elsewhere.says.contains("base_url")),
            (State::Refused, true),
            "{elsewhere}"
        );

        stop.cancel();
        serving.await.unwrap();
        let gone = found(&base, "right").await;
        assert_eq!(gone.state, State::Unreachable, "{gone}");
    }
}
