//! The target of the workers: a sandbox on a thread of its own.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use hirewire::http::{Limits, serve};
use hirewire_sandbox::{LoggedRequest, Sandbox, SandboxProfile, SandboxSettings};
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    bare_worker::RequestTemplate,
    clients::{Load, NextRequest},
    figures::Figures,
    harness,
};

/// The worker number in a [`RequestTemplate`]: it occurs in no other name or number.
const TEMPLATE_NUMBER: &str = "77000077";

pub struct Target {
    sandbox: Sandbox,
    address: SocketAddr,
}

impl Target {
    pub fn start() -> Self {
        let sandbox = Sandbox::new(SandboxSettings {
            token: Some(harness::TOKEN.into()),
            profile: SandboxProfile::Generic,
            faults: Vec::new(),
        });

        let (sender, receiver) = std::sync::mpsc::channel();
        let service = sandbox.service();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                let address = listener.local_addr().expect("an address");
                sender.send(address).expect("the receiver waits");
                serve(
                    listener,
                    service,
                    Limits::default(),
                    CancellationToken::new(),
                )
                .await;
            });
        });

        Self {
            sandbox,
            address: receiver.recv().expect("an address"),
        }
    }

    pub fn base_url(&self) -> String {
        format!("http://{}/scim/v2", self.address)
    }

    /// Measures the creates of this sandbox without Hirewire.
    pub async fn measure_creates(&self, connections: usize, duration: Duration) -> Figures {
        let bearer = format!("Bearer {}", harness::TOKEN);
        let mut headers = HeaderMap::new();
        headers.insert(
            "authorization",
            HeaderValue::from_str(&bearer).expect("a header"),
        );
        headers.insert(
            "content-type",
            HeaderValue::from_static("application/scim+json"),
        );

        let next_request: NextRequest = Arc::new(move |number| {
            let user_name = format!("raw.{number}@bench.example");
            let body = json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                "userName": user_name,
                "externalId": format!("raw-{number}"),
                "name": { "givenName": "Ada", "familyName": "Lovelace" },
                "emails": [{ "type": "work", "value": user_name }],
                "active": true,
            });
            Some((headers.clone(), Bytes::from(body.to_string())))
        });
        let load = Load {
            address: self.address,
            path: "/scim/v2/Users".to_owned(),
            connections,
            max_duration: duration,
            next_request,
        };
        load.run().await
    }

    /// The requests of the last hire in the log of the sandbox, as a template.
    pub fn last_hire(&self) -> RequestTemplate {
        let mut requests = self.sandbox.requests();
        let created = requests
            .iter()
            .rposition(|request| request.method == "POST")
            .expect("a create");
        let user = requests
            .get(created)
            .and_then(|request| request.body.clone())
            .expect("a user");
        let external_id = user.pointer("/externalId").and_then(Value::as_str);
        let number = external_id
            .and_then(|id| id.strip_prefix("E-"))
            .expect("an external id")
            .to_owned();

        requests.truncate(created + 1);
        let requests = requests
            .into_iter()
            .filter(|request| belongs_to_hire(request, &number, &user))
            .map(|request| with_template_number(request, &number))
            .collect();
        RequestTemplate {
            requests,
            number: TEMPLATE_NUMBER,
        }
    }
}

/// The create of the hire, and the searches before it.
fn belongs_to_hire(request: &LoggedRequest, number: &str, user: &Value) -> bool {
    let names_worker = [
        format!("E-{number}%22"),
        format!(".{number}%40"),
        format!(".{number}@"),
    ]
    .iter()
    .any(|text| request.path.contains(text));

    let has_user = request.body.as_ref().is_none_or(|body| body == user);
    (request.method == "POST" || names_worker) && has_user
}

fn with_template_number(mut request: LoggedRequest, number: &str) -> LoggedRequest {
    let external_id = (format!("E-{number}"), format!("E-{TEMPLATE_NUMBER}"));
    let path = (format!(".{number}"), format!(".{TEMPLATE_NUMBER}"));
    let email = (format!(".{number}@"), format!(".{TEMPLATE_NUMBER}@"));

    request.path = request
        .path
        .replace(&external_id.0, &external_id.1)
        .replace(&path.0, &path.1);
    request.body = request.body.and_then(|body| {
        let body = body
            .to_string()
            .replace(&external_id.0, &external_id.1)
            .replace(&email.0, &email.1);
        serde_json::from_str(&body).ok()
    });
    request
}
