//! How an operator's command reaches the API: over TCP with a token, over the socket of the service that runs here, or,
//! nothing running, in its own process on the store itself.

use std::{convert::Infallible, path::PathBuf};

use anyhow::{Context as _, anyhow};
use axum::body::Body;
use bytes::Bytes;
use clap::Args;
use futures_util::StreamExt as _;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::net::UnixStream;
use tower::ServiceExt as _;

use super::{Exit, config_file::ConfigFile};
use crate::{app::Reached, ops::ACTOR_HEADER};

/// Where the service is.
#[derive(Debug, Args)]
pub(super) struct Reach {
    /// The service's ops address; left out: the one that runs here, or the store itself.
    #[arg(long, env = "HIREWIRE_SERVER", value_name = "URL", global = true)]
    pub(super) server: Option<String>,
    /// The token for --server.
    #[arg(
        long,
        env = "HIREWIRE_TOKEN",
        hide_env_values = true,
        hide = true,
        global = true
    )]
    pub(super) token: Option<SecretString>,
    #[command(flatten)]
    pub(super) config: ConfigFile,
    /// The actor's name in history, where this process is trusted anyway.
    #[arg(long, env = "USER", default_value = "unknown", hide = true)]
    pub(super) actor: String,
}

/// The API, reached.
pub(super) struct Api {
    way: Way,
    actor: String,
}

enum Way {
    Socket(PathBuf),
    Tcp {
        base: String,
        token: Option<SecretString>,
    },
    Here(Reached),
}

type Answer = Response<futures_util::stream::BoxStream<'static, Result<Bytes, anyhow::Error>>>;

impl Api {
    /// Over the socket of the service that runs here.
    pub(super) fn socket(path: PathBuf, actor: String) -> Self {
        Self {
            way: Way::Socket(path),
            actor,
        }
    }

    /// Over TCP.
    pub(super) fn tcp(base: &str, token: Option<SecretString>, actor: String) -> Self {
        Self {
            way: Way::Tcp {
                base: base.trim_end_matches('/').to_owned(),
                token,
            },
            actor,
        }
    }

    /// In this process.
    pub(super) fn here(reached: Reached, actor: String) -> Self {
        Self {
            way: Way::Here(reached),
            actor,
        }
    }

    /// Asks for JSON.
    pub(super) async fn get(&self, path: &str) -> Result<Value, Exit> {
        self.json(Method::GET, path, Bytes::new()).await
    }

    /// Posts JSON, asks for JSON.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, Exit> {
        self.json(Method::POST, path, Bytes::from(body.to_string()))
            .await
    }

    /// Posts bytes as they are, asks for JSON.
    pub(super) async fn post_bytes(&self, path: &str, body: Vec<u8>) -> Result<Value, Exit> {
        self.json(Method::POST, path, Bytes::from(body)).await
    }

    async fn json(&self, method: Method, path: &str, body: Bytes) -> Result<Value, Exit> {
        let mut answer = self.send(method, path, body).await?;
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.body_mut().next().await {
            bytes.extend_from_slice(&chunk.map_err(Exit::unreachable)?);
        }
        if answer.status().is_success() {
            return serde_json::from_slice(&bytes)
                .context("the answer is no JSON")
                .map_err(Exit::failed);
        }
        Err(refused(answer.status(), &bytes))
    }

    /// Hands each line of an endless answer over; ends when the other side does.
    pub(super) async fn lines(
        &self,
        path: &str,
        mut each: impl FnMut(&str) -> Result<(), Exit>,
    ) -> Result<(), Exit> {
        let mut answer = self.send(Method::GET, path, Bytes::new()).await?;
        let status = answer.status();
        let mut held = Vec::new();
        while let Some(chunk) = answer.body_mut().next().await {
            held.extend_from_slice(&chunk.map_err(Exit::unreachable)?);
            while let (true, Some(end)) = (
                status.is_success(),
                held.iter().position(|byte| *byte == b'\n'),
            ) {
                let line: Vec<u8> = held.drain(..=end).collect();
                let text = String::from_utf8_lossy(&line);
                if !text.trim().is_empty() {
                    each(text.trim())?;
                }
            }
        }
        if status.is_success() {
            Ok(())
        } else {
            Err(refused(status, &held))
        }
    }

    async fn send(&self, method: Method, path: &str, body: Bytes) -> Result<Answer, Exit> {
        match &self.way {
            Way::Tcp { base, token } => over_tcp(base, token.as_ref(), method, path, body).await,
            Way::Socket(socket) => {
                let request = self.request(method, path, Full::new(body))?;
                over_socket(socket, request).await
            }
            Way::Here(reached) => {
                let request = self.request(method, path, Body::from(body))?;
                let answer = reached
                    .router
                    .clone()
                    .oneshot(request)
                    .await
                    .map_err(|never: Infallible| match never {})?;
                Ok(answer.map(|body| {
                    body.into_data_stream()
                        .map(|chunk| chunk.map_err(anyhow::Error::new))
                        .boxed()
                }))
            }
        }
    }

    fn request<B>(&self, method: Method, path: &str, body: B) -> Result<Request<B>, Exit> {
        Request::builder()
            .method(method)
            .uri(path)
            .header("host", "hirewire")
            .header("content-type", "application/json")
            .header(ACTOR_HEADER, &self.actor)
            .body(body)
            .map_err(|error| Exit::usage(error.into()))
    }
}

async fn over_tcp(
    base: &str,
    token: Option<&SecretString>,
    method: Method,
    path: &str,
    body: Bytes,
) -> Result<Answer, Exit> {
    let mut request = reqwest::Client::new()
        .request(method, format!("{base}{path}"))
        .header("content-type", "application/json")
        .body(body);
    if let Some(token) = token {
        request = request.bearer_auth(token.expose_secret());
    }
    let answer = request
        .send()
        .await
        .with_context(|| format!("{base} cannot be reached"))
        .map_err(Exit::unreachable)?;
    let status = answer.status();
    let stream = futures_util::stream::try_unfold(answer, |mut answer| async move {
        Ok(answer.chunk().await?.map(|chunk| (chunk, answer)))
    })
    .boxed();
    let mut answer = Response::new(stream);
    *answer.status_mut() = status;
    Ok(answer)
}

async fn over_socket(socket: &PathBuf, request: Request<Full<Bytes>>) -> Result<Answer, Exit> {
    let stream = UnixStream::connect(socket)
        .await
        .with_context(|| {
            format!(
                "the service's socket {} cannot be reached",
                socket.display()
            )
        })
        .map_err(Exit::unreachable)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| Exit::unreachable(error.into()))?;
    tokio::spawn(connection);
    let answer = sender
        .send_request(request)
        .await
        .map_err(|error| Exit::unreachable(error.into()))?;
    Ok(answer.map(|body| {
        let chunks = body
            .into_data_stream()
            .map(|chunk| chunk.map_err(anyhow::Error::new));
        // The sender lives as long as the answer is read: dropping it would end the connection.
        chunks
            .chain(futures_util::stream::once(async move {
                drop(sender);
                Ok(Bytes::new())
            }))
            .boxed()
    }))
}

fn refused(status: StatusCode, body: &[u8]) -> Exit {
    let problem = serde_json::from_slice::<Value>(body).ok();
    let text = problem
        .as_ref()
        .and_then(|problem| problem.get("detail"))
        .and_then(Value::as_str);
    let error = anyhow!(
        "{}",
        text.map_or_else(|| format!("answered with {status}"), ToOwned::to_owned)
    );
    match status {
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Exit::usage(error)
        }
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE => Exit::unreachable(error),
        _ => Exit::failed(error),
    }
}

/// A value as a part of a path or query.
pub(super) fn quoted(text: &str) -> String {
    hirewire_core::scim::percent_encode(text)
}
