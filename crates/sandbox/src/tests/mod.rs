//! Tests of the sandbox over HTTP: real sockets, and expected results written by hand.

mod access;
mod faults;
mod protocol;
mod workplace;

use axum::body::Body;
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::ServiceExt as _;

use super::catalogue::USER;
use super::{Fault, Sandbox, SandboxProfile, SandboxSettings};

/// A sandbox that listens, and a client for it.
struct TestServer {
    sandbox: Sandbox,
    /// The URL of the page.
    root: String,
    /// The SCIM base URL.
    base: String,
    client: Client,
    _stop: DropGuard,
}

async fn start(profile: SandboxProfile, faults: &str) -> TestServer {
    let sandbox = Sandbox::new(SandboxSettings {
        token: Some("secret".into()),
        profile,
        faults: Fault::parse_list(faults).unwrap(),
    });

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let root = format!("http://{}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let server = serve(sandbox.clone(), listener);
    tokio::spawn(stop.clone().run_until_cancelled_owned(server));

    let client = Client::builder()
        .user_agent("test")
        .no_proxy()
        .build()
        .unwrap();
    TestServer {
        sandbox,
        base: format!("{root}/scim/v2"),
        root,
        client,
        _stop: stop.drop_guard(),
    }
}

/// A minimal accept loop: an error of the service closes the connection.
async fn serve(sandbox: Sandbox, listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        let service = sandbox
            .service()
            .map_request(|request: hyper::Request<Incoming>| request.map(Body::new));
        let connection = http1::Builder::new()
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));

        tokio::spawn(async move {
            let _ = connection.await;
        });
    }
}

impl TestServer {
    async fn try_send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> reqwest::Result<Response> {
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.base))
            .bearer_auth("secret");

        if let Some(body) = body {
            let media_type = match self.sandbox.profile() {
                SandboxProfile::Generic => "application/scim+json",
                SandboxProfile::Workplace => "application/json",
            };
            request = request
                .header("content-type", media_type)
                .body(body.to_string());
        }

        request.send().await
    }

    /// The status and the body; `Value::Null` if the body is not JSON.
    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let response = self.try_send(method, path, body).await.unwrap();
        (
            response.status().as_u16(),
            response.json().await.unwrap_or(Value::Null),
        )
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.send(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.send(Method::POST, path, Some(body)).await
    }

    async fn patch(&self, path: &str, operations: Value) -> (u16, Value) {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": operations
        });
        self.send(Method::PATCH, path, Some(body)).await
    }

    fn active_faults(&self) -> usize {
        self.sandbox.lock().provider.faults.active().len()
    }

    /// Creates a user; returns its path below the base URL.
    async fn create_user(&self, name: &str) -> String {
        let (status, body) = self.post("/Users", user(name)).await;
        assert_eq!(status, 201, "{body}");
        format!("/Users/{}", body["id"].as_str().unwrap())
    }
}

fn user(name: &str) -> Value {
    json!({"schemas": [USER], "userName": name, "active": true, "name": {"formatted": name}})
}

async fn generic(faults: &str) -> TestServer {
    start(SandboxProfile::Generic, faults).await
}
