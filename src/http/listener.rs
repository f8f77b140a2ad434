//! The accept loop of every listener: a limit on connections, a deadline for the headers of a
//! request, and a bounded drain at the end.
//!
//! `axum::serve` has none of the three; without the deadline, a client that sends half a header
//! would hold its connection for ever. The loop serves HTTP/1.1 over TCP or a Unix socket.

use std::{sync::Arc, time::Duration};

use axum::{
    BoxError,
    body::Body,
    response::Response,
    serve::{Listener, ListenerExt as _},
};
use http::Request;
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt as _};

/// The limits of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many connections may be open. Further ones wait until they are accepted.
    pub connections: usize,
    /// How long the headers of a request may take. An idle connection is closed after this time.
    pub headers: Duration,
    /// How long the requests in flight may take after the shutdown began.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            headers: Duration::from_secs(30),
            drain: Duration::from_secs(20),
        }
    }
}

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

/// Serves TCP connections until `shutdown` is cancelled. Then it accepts no more connections, and
/// waits up to [`Limits::drain`] for the requests in flight.
pub async fn serve(
    listener: TcpListener,
    service: impl Serve,
    limits: Limits,
    shutdown: CancellationToken,
) {
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
    });
    accept(listener, service, limits, shutdown).await;
}

/// Serves connections to a Unix socket, as [`serve`] does.
pub(crate) async fn serve_unix(
    listener: UnixListener,
    service: impl Serve,
    limits: Limits,
    shutdown: CancellationToken,
) {
    accept(listener, service, limits, shutdown).await;
}

async fn accept<L: Listener>(
    mut listener: L,
    service: impl Serve,
    limits: Limits,
    shutdown: CancellationToken,
) {
    let graceful = GracefulShutdown::new();
    let permits = Arc::new(Semaphore::new(limits.connections));

    loop {
        let accepted = async {
            let permit = Arc::clone(&permits).acquire_owned().await.ok();
            (permit, listener.accept().await.0)
        };
        tokio::select! {
            (permit, stream) = accepted => {
                spawn_connection(stream, permit, service.clone(), limits, &graceful);
            }
            () = shutdown.cancelled() => break,
        }
    }

    drop(listener);
    if tokio::time::timeout(limits.drain, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("some requests did not end within the drain time; they are cut off");
    }
}

fn spawn_connection<S>(
    stream: S,
    permit: Option<OwnedSemaphorePermit>,
    service: impl Serve,
    limits: Limits,
    graceful: &GracefulShutdown,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service.map_request(|request: Request<Incoming>| request.map(Body::new));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.headers)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let connection = graceful.watch(connection);

    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended with an error");
        }
        drop(permit);
    });
}

#[cfg(test)]
mod tests {
    use axum::{Router, routing::get};
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpStream, UnixStream},
        sync::Notify,
    };

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

    struct Harness {
        address: std::net::SocketAddr,
        shutdown: CancellationToken,
        served: tokio::task::JoinHandle<()>,
    }

    async fn harness(router: Router, limits: Limits) -> Harness {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let shutdown = CancellationToken::new();
        let served = tokio::spawn(serve(listener, router, limits, shutdown.clone()));
        Harness {
            address,
            shutdown,
            served,
        }
    }

    async fn answer(mut stream: impl AsyncRead + Unpin) -> String {
        let mut text = String::new();
        stream.read_to_string(&mut text).await.expect("an answer");
        text
    }

    #[tokio::test]
    async fn a_connection_with_an_incomplete_header_is_closed_after_the_deadline() {
        let limits = Limits {
            headers: Duration::from_millis(50),
            ..Limits::default()
        };

        let harness = harness(Router::new(), limits).await;

        let mut stream = TcpStream::connect(harness.address)
            .await
            .expect("a connection");
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost:")
            .await
            .expect("sent");

        // This reads until the server closes the connection, which it does only for the deadline.
        answer(stream).await;
    }

    #[tokio::test]
    async fn a_connection_over_the_limit_waits_until_another_ends() {
        let limits = Limits {
            connections: 1,
            ..Limits::default()
        };

        let harness = harness(Router::new().route("/", get(|| async { "hello" })), limits).await;
        let first = TcpStream::connect(harness.address)
            .await
            .expect("a connection");
        let mut second = TcpStream::connect(harness.address)
            .await
            .expect("a connection");
        second.write_all(REQUEST).await.expect("sent");

        let mut byte = [0];
        let early = tokio::time::timeout(Duration::from_millis(100), second.read(&mut byte)).await;
        assert!(
            early.is_err(),
            "the second connection was served while the first was open"
        );

        drop(first);
        assert!(answer(second).await.ends_with("hello"));
    }

    #[tokio::test]
    async fn a_request_in_flight_is_answered_before_the_listener_ends() {
        let (started, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (begun, release) = (Arc::clone(&started), Arc::clone(&go));
        let slow = get(move || async move {
            begun.notify_one();
            release.notified().await;
            "done"
        });

        let harness = harness(Router::new().route("/", slow), Limits::default()).await;
        let mut stream = TcpStream::connect(harness.address)
            .await
            .expect("a connection");
        stream.write_all(REQUEST).await.expect("sent");
        started.notified().await;

        harness.shutdown.cancel();
        go.notify_one();
        assert!(answer(stream).await.ends_with("done"));
        harness.served.await.expect("it ends");
    }

    #[tokio::test]
    async fn the_drain_ends_after_its_limit() {
        let started = Arc::new(Notify::new());
        let begun = Arc::clone(&started);
        let never = get(move || async move {
            begun.notify_one();
            std::future::pending::<()>().await;
        });
        let limits = Limits {
            drain: Duration::from_millis(20),
            ..Limits::default()
        };

        let harness = harness(Router::new().route("/", never), limits).await;
        let mut stream = TcpStream::connect(harness.address)
            .await
            .expect("a connection");
        stream.write_all(REQUEST).await.expect("sent");
        started.notified().await;

        harness.shutdown.cancel();
        harness.served.await.expect("it ends");
    }

    #[tokio::test]
    async fn a_unix_socket_is_served() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ops.sock");
        let listener = UnixListener::bind(&path).expect("a socket");
        let router = Router::new().route("/", get(|| async { "hello" }));

        tokio::spawn(serve_unix(
            listener,
            router,
            Limits::default(),
            CancellationToken::new(),
        ));

        let mut stream = UnixStream::connect(&path).await.expect("a connection");
        stream.write_all(REQUEST).await.expect("sent");
        assert!(answer(stream).await.ends_with("hello"));
    }
}
