//! One request on a connection: the rules that HTTP has for every request, and the marks that tell
//! whether the connection is at work.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    BoxError,
    body::{Body, HttpBody},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Version, header::HOST};
use hyper::body::{Frame, Incoming, SizeHint};
use tower::{Service, ServiceExt as _};

use super::{
    Problem,
    connections::{Activity, RequestGuard},
    peer::Peer,
};

/// A service that a listener can serve: a router, or a service that may fail. A failure closes the
/// connection without an answer.
pub trait Serve:
    Service<Request<Body>, Response = Response, Error: Into<BoxError>, Future: Send>
    + Clone
    + Send
    + 'static
{
}

impl<S> Serve for S where
    S: Service<Request<Body>, Response = Response, Error: Into<BoxError>, Future: Send>
        + Clone
        + Send
        + 'static
{
}

/// Passes a request on to the service. A request that breaks a rule is answered here.
pub(super) async fn exchange(
    request: Request<Incoming>,
    service: impl Serve,
    peer: Peer,
    activity: Arc<Activity>,
) -> Result<Response, BoxError> {
    let guard = activity.begin(!request.body().is_end_stream());

    let problem = host_problem(request.version(), request.headers());
    let response = if let Some(detail) = problem {
        Problem::new(StatusCode::BAD_REQUEST)
            .detail(detail)
            .into_response()
    } else {
        let mut request = request.map(|body| Body::new(RequestBody { body, activity }));
        request.extensions_mut().insert(peer);
        service.oneshot(request).await.map_err(Into::into)?
    };
    Ok(response.map(|body| {
        Body::new(ResponseBody {
            body,
            _guard: guard,
        })
    }))
}

/// Why the `Host` of a request is not what RFC 9112 section 3.2 demands of it.
fn host_problem(version: Version, headers: &HeaderMap) -> Option<&'static str> {
    let mut hosts = headers.get_all(HOST).into_iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if version == Version::HTTP_11 => Some("the header Host is missing"),
        (Some(_), Some(_)) => Some("the header Host stands twice"),
        (Some(host), None) if !is_host(host.as_bytes()) => Some("the header Host is not valid"),
        (Some(_) | None, None) => None,
        (None, Some(_)) => None,
    }
}

/// Whether the text can be a host with a port. An empty one is allowed where the URL has no host.
fn is_host(text: &[u8]) -> bool {
    text.iter()
        .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'/' | b'@' | b'?' | b'#' | b','))
}

/// The body of a request; it tells when it is complete.
struct RequestBody {
    body: Incoming,
    activity: Arc<Activity>,
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        let is_complete = matches!(polled, Poll::Ready(None)) || self.body.is_end_stream();
        if is_complete {
            self.activity.body_complete();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of a response; the connection is idle again when it is dropped.
struct ResponseBody {
    body: Body,
    _guard: RequestGuard,
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_1_1_needs_exactly_one_valid_host() {
        let problem = |version, hosts: &[&str]| {
            let headers = hosts
                .iter()
                .map(|host| (HOST, host.parse().expect("a value")))
                .collect();
            host_problem(version, &headers)
        };

        for host in ["hooks.acme.example", "127.0.0.1:8080", "[::1]:8080", ""] {
            assert_eq!(problem(Version::HTTP_11, &[host]), None, "{host}");
        }
        assert!(problem(Version::HTTP_11, &[]).is_some());
        assert_eq!(problem(Version::HTTP_10, &[]), None);
        for hosts in [&["a", "b"][..], &["a b"], &["a/b"], &["u@a"], &["a,b"]] {
            assert!(problem(Version::HTTP_11, hosts).is_some(), "{hosts:?}");
        }
    }
}
