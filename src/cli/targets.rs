//! Tries the target of one connection for `hirewire check`. Reads only.

use std::sync::Arc;

use serde_json::Value;

use super::{
    dependency_report::{DependencyReport, DependencyState},
    output::counted,
};
use crate::{config::ConnectionConfig, observer::NoObserver, scim_client::Client};
use hirewire_core::{
    plan::{Failure, FailureKind},
    scim::{Profile, TargetSchemas},
};

/// Reads one user and what the target publishes about itself (RFC 7644 section 4). Also returns its
/// schemas, if it publishes them.
pub(super) async fn check_connection(
    connection: &ConnectionConfig,
) -> (DependencyReport, Option<TargetSchemas>) {
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
            let refused = (DependencyState::Refused, reason);
            return (DependencyReport::new(dependency, refused), None);
        }
    };

    if let Err(failure) = client.probe().await {
        let report = DependencyReport::new(dependency, explained(&failure, connection));
        return (report, None);
    }
    let methods = match client.service_provider_config().await {
        Ok(Some(document)) => {
            advertised(&document, sends_patch(&connection.document().profile)).to_owned()
        }
        Ok(None) => "has no discovery document".to_owned(),
        Err(failure) => format!("its discovery document cannot be read ({})", failure.kind),
    };
    let (schemas, compared) = schemas(&client, connection).await;

    let detail = format!("accepts the credentials; {methods}; {compared}");
    let report = DependencyReport::new(dependency, (DependencyState::Good, detail));
    (report, schemas)
}

/// The target's schemas, and in words how the mapping agrees with them. A target without schemas
/// works as well as one with them.
async fn schemas(
    client: &Client,
    connection: &ConnectionConfig,
) -> (Option<TargetSchemas>, String) {
    let schemas = match client.schemas().await {
        Ok(Some(schemas)) => schemas,
        Ok(None) => return (None, "publishes no schemas".to_owned()),
        Err(failure) => {
            let note = format!("its schemas cannot be read ({})", failure.kind);
            return (None, note);
        }
    };

    let contradicted = connection.document().contradictions(&schemas).len();
    let compared = if !schemas.describe_users() {
        "its schemas do not describe users".to_owned()
    } else if contradicted == 0 {
        "its schemas agree with the mapping".to_owned()
    } else {
        let differences = counted(contradicted, "difference");
        format!("its schemas have {differences} from the mapping")
    };
    (Some(schemas), compared)
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
fn advertised(document: &Value, sends_patch: bool) -> &'static str {
    let patch = document
        .pointer("/patch/supported")
        .and_then(Value::as_bool);
    match (patch, sends_patch) {
        (Some(false), true) => {
            "advertises no PATCH, which this dialect sends: set `update = \"put\"` in its [dialect]"
        }
        (Some(true), _) => "advertises PATCH",
        (Some(false) | None, _) => "does not advertise PATCH",
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;
    use tokio::net::TcpListener;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::{
        cli::dependencies::check,
        config::{Config, Environment},
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
        let (mut reports, warnings) = check(&config).await;
        assert_eq!(warnings.all(), [], "the preset agrees with the sandbox");
        reports.pop().unwrap()
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
                "accepts the credentials; advertises PATCH; its schemas agree with the mapping"
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
