//! The client of the operators' API, over one of three transports.
//!
//! TCP with a token; the socket of the service that runs here; or, without a service, the router in
//! this process on the store itself. Each command is one HTTP request in all three cases.

use std::{convert::Infallible, path::PathBuf};

use anyhow::{Context as _, anyhow};
use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream::BoxStream};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::net::UnixStream;
use tower::ServiceExt as _;

use super::{Exit, exit::root_cause};
use crate::app::LocalApi;

/// Sends requests to the operators' API.
pub(super) struct ApiClient {
    transport: Transport,
}

enum Transport {
    Socket(PathBuf),
    Tcp {
        base: String,
        token: Option<SecretString>,
    },
    InProcess(LocalApi),
}

type ApiResponse = Response<BoxStream<'static, Result<Bytes, anyhow::Error>>>;

impl ApiClient {
    pub(super) fn socket(path: PathBuf) -> Self {
        let transport = Transport::Socket(path);
        Self { transport }
    }

    pub(super) fn tcp(base: &str, token: Option<SecretString>) -> Self {
        let base = base.trim_end_matches('/').to_owned();
        let transport = Transport::Tcp { base, token };
        Self { transport }
    }

    pub(super) fn in_process(api: LocalApi) -> Self {
        let transport = Transport::InProcess(api);
        Self { transport }
    }

    /// GET; the response is JSON.
    pub(super) async fn get(&self, path: &str) -> Result<Value, Exit> {
        self.json(Method::GET, path, Bytes::new()).await
    }

    /// POST of JSON; the response is JSON.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, Exit> {
        self.json(Method::POST, path, Bytes::from(body.to_string()))
            .await
    }

    /// POST of a body as it is; the response is JSON.
    pub(super) async fn post_bytes(&self, path: &str, body: Vec<u8>) -> Result<Value, Exit> {
        self.json(Method::POST, path, Bytes::from(body)).await
    }

    async fn json(&self, method: Method, path: &str, body: Bytes) -> Result<Value, Exit> {
        let mut response = self.send(method, path, body).await?;
        let mut bytes = Vec::new();
        while let Some(chunk) = response.body_mut().next().await {
            bytes.extend_from_slice(&chunk.map_err(Exit::unreachable)?);
        }

        if response.status().is_success() {
            return serde_json::from_slice(&bytes)
                .context("the response of the API is not JSON")
                .map_err(Exit::failed);
        }
        Err(refusal(response.status(), &bytes))
    }

    /// Calls `each` with every line of an endless response, until the service ends it.
    pub(super) async fn lines(
        &self,
        path: &str,
        mut each: impl FnMut(&str) -> Result<(), Exit>,
    ) -> Result<(), Exit> {
        let mut response = self.send(Method::GET, path, Bytes::new()).await?;
        let status = response.status();

        let mut buffer = Vec::new();
        while let Some(chunk) = response.body_mut().next().await {
            buffer.extend_from_slice(&chunk.map_err(Exit::unreachable)?);
            while let (true, Some(end)) = (
                status.is_success(),
                buffer.iter().position(|byte| *byte == b'\n'),
            ) {
                let line: Vec<u8> = buffer.drain(..=end).collect();
                let text = String::from_utf8_lossy(&line);
                if !text.trim().is_empty() {
                    each(text.trim())?;
                }
            }
        }

        if status.is_success() {
            Ok(())
        } else {
            Err(refusal(status, &buffer))
        }
    }

    async fn send(&self, method: Method, path: &str, body: Bytes) -> Result<ApiResponse, Exit> {
        match &self.transport {
            Transport::Tcp { base, token } => {
                send_over_tcp(base, token.as_ref(), method, path, body).await
            }
            Transport::Socket(socket) => {
                let request = local_request(method, path, Full::new(body))?;
                send_over_socket(socket, request).await
            }
            Transport::InProcess(api) => {
                let request = local_request(method, path, Body::from(body))?;
                let response = api
                    .router
                    .clone()
                    .oneshot(request)
                    .await
                    .map_err(|never: Infallible| match never {})?;
                Ok(response.map(|body| {
                    body.into_data_stream()
                        .map(|chunk| chunk.map_err(anyhow::Error::new))
                        .boxed()
                }))
            }
        }
    }
}

fn local_request<B>(method: Method, path: &str, body: B) -> Result<Request<B>, Exit> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", "hirewire")
        .header("content-type", "application/json")
        .body(body)
        .map_err(|error| Exit::usage(error.into()))
}

async fn send_over_tcp(
    base: &str,
    token: Option<&SecretString>,
    method: Method,
    path: &str,
    body: Bytes,
) -> Result<ApiResponse, Exit> {
    let http = reqwest::Client::builder().no_proxy().build();
    let mut request = http
        .context("the HTTP client cannot be built")
        .map_err(Exit::failed)?
        .request(method, format!("{base}{path}"))
        .header("content-type", "application/json")
        .body(body);
    if let Some(token) = token {
        request = request.bearer_auth(token.expose_secret());
    }

    let response = request.send().await.map_err(|error| {
        let cause = root_cause(&error);
        Exit::unreachable(anyhow!(
            "the service at {base} cannot be reached: {cause}; check --server"
        ))
    })?;
    let status = response.status();

    let chunks = futures_util::stream::try_unfold(response, |mut response| async move {
        Ok(response.chunk().await?.map(|chunk| (chunk, response)))
    });
    let mut response = Response::new(chunks.boxed());
    *response.status_mut() = status;
    Ok(response)
}

async fn send_over_socket(
    socket: &PathBuf,
    request: Request<Full<Bytes>>,
) -> Result<ApiResponse, Exit> {
    let stream = UnixStream::connect(socket)
        .await
        .with_context(|| {
            format!(
                "the operators' socket {} cannot be reached",
                socket.display()
            )
        })
        .map_err(Exit::unreachable)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| Exit::unreachable(error.into()))?;
    tokio::spawn(connection);

    let response = sender
        .send_request(request)
        .await
        .map_err(|error| Exit::unreachable(error.into()))?;
    Ok(response.map(|body| {
        let chunks = body
            .into_data_stream()
            .map(|chunk| chunk.map_err(anyhow::Error::new));
        // Dropping the sender ends the connection: keep it until the body is read.
        chunks
            .chain(futures_util::stream::once(async move {
                drop(sender);
                Ok(Bytes::new())
            }))
            .boxed()
    }))
}

/// The error of a response that is no success. Its text is the `detail` of the problem document.
fn refusal(status: StatusCode, body: &[u8]) -> Exit {
    let problem = serde_json::from_slice::<Value>(body).ok();
    let detail = problem
        .as_ref()
        .and_then(|problem| problem.get("detail"))
        .and_then(Value::as_str);
    let error = match detail {
        Some(detail) => anyhow!("{detail}"),
        None if status == StatusCode::NOT_FOUND => anyhow!(
            "the service answered {status}: over TCP it has no API without [[ops.tokens]] in its \
             config"
        ),
        None => anyhow!("the service answered {status}"),
    };

    match status {
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Exit::usage(error)
        }
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE => Exit::unreachable(error),
        _ => Exit::failed(error),
    }
}

/// Percent-encodes a value for a path or a query.
pub(super) fn encoded(text: &str) -> String {
    hirewire_core::scim::percent_encode(text)
}
