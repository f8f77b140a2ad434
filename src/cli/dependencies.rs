//! Tries each dependency of a config: queue, store, connections. Writes nothing.

use std::{error::Error as _, fmt, fs::OpenOptions, path::Path, sync::Arc};

use futures_util::future::join_all;
use serde::Serialize;
use serde_json::Value;

use crate::{
    config::{Config, ConnectionConfig, QueueConfig},
    observer::NoObserver,
    queue::{self, BrokerProblem},
    scim_client::Client,
    store::{Store, StoreError},
    telemetry,
};
use hirewire_core::{
    plan::{Failure, FailureKind},
    scim::Profile,
};

/// The result for one dependency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct DependencyReport {
    /// `queue`, `store` or `connection NAME`.
    pub(super) dependency: String,
    pub(super) state: DependencyState,
    /// One line of text.
    pub(super) detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DependencyState {
    Good,
    /// It answers, but cannot be used.
    Refused,
    /// It does not answer.
    Unreachable,
}

impl DependencyReport {
    fn new(dependency: impl Into<String>, (state, detail): (DependencyState, String)) -> Self {
        Self {
            dependency: dependency.into(),
            state,
            detail,
        }
    }
}

impl fmt::Display for DependencyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            DependencyState::Good => "ok",
            DependencyState::Refused => "refused",
            DependencyState::Unreachable => "unreachable",
        };
        write!(f, "{state:<12} {:<28} {}", self.dependency, self.detail)
    }
}

/// Tries all dependencies at the same time.
pub(super) async fn check(config: &Config) -> Vec<DependencyReport> {
    let connections = join_all(config.connections.values().map(check_connection));
    let (queue, store, connections) =
        tokio::join!(check_queue(config), check_store(config), connections);
    check_data_dir(config)
        .into_iter()
        .chain(queue)
        .chain([store])
        .chain(connections)
        .collect()
}

/// Whether the service could write to `data_dir`; `None`: it can. Writes nothing that stays.
fn check_data_dir(config: &Config) -> Option<DependencyReport> {
    let folder = &config.data_dir;
    // The service creates a folder that is missing: then the nearest one above must be writable.
    let existing = folder.ancestors().find(|folder| folder.exists());
    let existing = existing
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));

    let probe = existing.join(format!(".hirewire-check-{}", telemetry::new_id()));
    let written = OpenOptions::new().write(true).create_new(true).open(&probe);
    if written.is_ok() {
        // The file is empty, and nothing depends on it.
        let _ = std::fs::remove_file(&probe);
        return None;
    }

    let error = written.err()?;
    let detail = format!(
        "{} cannot be written to: {error}. The queue, the store and the operators' socket are there",
        folder.display()
    );
    Some(DependencyReport::new(
        "data_dir",
        (DependencyState::Refused, detail),
    ))
}

/// Logs in to the broker and tries its permissions. The embedded queue is not a dependency.
async fn check_queue(config: &Config) -> Option<DependencyReport> {
    let QueueConfig::Rabbit(address) = &config.queue else {
        return None;
    };

    let result = match config.broker_settings(address) {
        Ok(settings) => match queue::check_broker(&settings).await {
            Ok(detail) => (DependencyState::Good, detail),
            Err(BrokerProblem::Refused(problem)) => (DependencyState::Refused, problem),
            Err(BrokerProblem::Unreachable(problem)) => (DependencyState::Unreachable, problem),
        },
        Err(error) => (DependencyState::Refused, format!("[queue] {error}")),
    };
    Some(DependencyReport::new("queue", result))
}

/// Reads the version of the store's schema.
async fn check_store(config: &Config) -> DependencyReport {
    let settings = match config.store_settings() {
        Ok(settings) => settings,
        Err(error) => {
            return DependencyReport::new("store", (DependencyState::Refused, error.to_string()));
        }
    };

    let result = match Store::migration_status(&settings).await {
        Ok(status) if status.current > status.latest => (
            DependencyState::Refused,
            "a newer hirewire has updated its schema: run that version".to_owned(),
        ),
        Ok(status) => {
            let schema = if status.pending.is_empty() {
                "its schema is up to date".to_owned()
            } else {
                format!(
                    "`hirewire run` will update its schema: {}",
                    status.pending.join(", ")
                )
            };
            let encryption = status.encryption.map(|used| format!("; {used}"));
            let detail = format!("{schema}{}", encryption.unwrap_or_default());
            (DependencyState::Good, detail)
        }
        Err(error @ StoreError::Unreachable(_)) => {
            let reason = error.source().map(ToString::to_string).unwrap_or_default();
            (DependencyState::Unreachable, format!("{error}: {reason}"))
        }
        Err(error @ (StoreError::Refused(_) | StoreError::Incompatible(_))) => {
            (DependencyState::Refused, error.to_string())
        }
    };
    DependencyReport::new("store", result)
}

/// Reads one user and the discovery document (`/ServiceProviderConfig`, RFC 7644 section 4).
async fn check_connection(connection: &ConnectionConfig) -> DependencyReport {
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
        Err(reason) => {
            return DependencyReport::new(dependency, (DependencyState::Refused, reason));
        }
    };

    if let Err(failure) = client.probe().await {
        return DependencyReport::new(dependency, explained(&failure, connection));
    }
    let detail = match client.service_provider_config().await {
        Ok(Some(document)) => {
            let sends_patch = sends_patch(&connection.document().profile);
            format!(
                "accepts the credentials; {}",
                advertised(&document, sends_patch)
            )
        }
        Ok(None) => "accepts the credentials; has no discovery document".to_owned(),
        Err(failure) => format!(
            "accepts the credentials; its discovery document cannot be read ({})",
            failure.kind
        ),
    };
    DependencyReport::new(dependency, (DependencyState::Good, detail))
}

/// Whether a change of attributes or of access is a PATCH in this dialect.
fn sends_patch(profile: &Profile) -> bool {
    profile.update.is_patch() || profile.deactivate.is_patch()
}

fn explained(failure: &Failure, connection: &ConnectionConfig) -> (DependencyState, String) {
    let url = &connection.base_url;
    match &failure.kind {
        FailureKind::Unreachable if url.scheme() == "https" => (
            DependencyState::Unreachable,
            format!(
                "{url} cannot be connected to, or its certificate is not trusted: set `ca_file` for \
                 a private authority"
            ),
        ),
        FailureKind::Unreachable => (
            DependencyState::Unreachable,
            format!("{url} cannot be connected to"),
        ),
        FailureKind::NoAnswer | FailureKind::NotSent => (
            DependencyState::Unreachable,
            format!(
                "{url} does not answer within {} s",
                connection.limits.timeout.as_secs_f32()
            ),
        ),
        FailureKind::Answered { error, .. } => match error.status {
            401 | 403 => (
                DependencyState::Refused,
                format!(
                    "refuses the credentials ({}): check the token",
                    error.status
                ),
            ),
            404 => (
                DependencyState::Refused,
                "has no /Users (404): is `base_url` the full SCIM base, with its version?"
                    .to_owned(),
            ),
            status @ 500.. => (DependencyState::Unreachable, format!("answers {status}")),
            status => (
                DependencyState::Refused,
                format!("answers {status} to a request for one user"),
            ),
        },
        FailureKind::Redirected => (
            DependencyState::Refused,
            "redirects: set `base_url` to the final URL".to_owned(),
        ),
        FailureKind::WithoutEffect(shown) => (DependencyState::Refused, shown.to_string()),
        FailureKind::Unusable(reason) | FailureKind::Unfit(reason) => (
            DependencyState::Refused,
            format!("does not answer as a SCIM service: {reason}; is `base_url` the SCIM base?"),
        ),
    }
}

/// Discovery is advice only: some servers advertise what fails, or hide what works.
fn advertised(document: &Value, sends_patch: bool) -> String {
    let patch = document
        .pointer("/patch/supported")
        .and_then(Value::as_bool);
    match (patch, sends_patch) {
        (Some(false), true) => "advertises no PATCH, which this dialect sends: set \
                                `update = \"put\"` in its [dialect]"
            .to_owned(),
        (Some(true), _) => "advertises PATCH".to_owned(),
        (Some(false) | None, _) => "does not advertise PATCH".to_owned(),
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

    async fn report_of(base_url: &str, token: &str) -> DependencyReport {
        let text = format!(
            "[connections.app]\nbase_url = \"{base_url}\"\ntoken = \"{token}\"\n\
             limits = {{ timeout = \"5s\" }}\n"
        );
        let config =
            Config::parse(&text, "f", &Environment::default().with_literal_secrets()).unwrap();
        check(&config).await.pop().unwrap()
    }

    #[tokio::test]
    async fn a_connection_is_good_refused_or_unreachable() {
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
        let good = report_of(&base, "right").await;
        assert_eq!(
            (good.state, good.detail.as_str()),
            (
                DependencyState::Good,
                "accepts the credentials; advertises PATCH"
            ),
            "{good}"
        );
        let refused = report_of(&base, "wrong").await;
        assert_eq!(
            (refused.state, refused.detail.contains("(401)")),
            (DependencyState::Refused, true),
            "{refused}"
        );
        let elsewhere = report_of(&format!("http://{address}"), "right").await;
        assert_eq!(
            (elsewhere.state, elsewhere.detail.contains("base_url")),
            (DependencyState::Refused, true),
            "{elsewhere}"
        );

        stop.cancel();
        serving.await.unwrap();
        let gone = report_of(&base, "right").await;
        assert_eq!(gone.state, DependencyState::Unreachable, "{gone}");
    }
}
