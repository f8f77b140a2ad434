//! The accept loop of every listener: limits on connections and on the head of a request, a deadline
//! for that head, and a bounded drain at the end.
//!
//! `axum::serve` has none of them; without the deadline, a client that sends half a header
//! would hold its connection for ever. The loop serves HTTP/1.1 over TCP or a Unix socket.

use std::time::{Duration, Instant};

use axum::serve::{Listener, ListenerExt as _};
use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
};
use tokio_util::sync::CancellationToken;

use super::{
    TrustedProxies,
    connections::{Admission, Connections, OpenConnection},
    exchange::{Serve, exchange},
    peer::Peer,
};
use crate::telemetry::LogLimit;

/// The longest head of a request, in bytes: request line and headers. A longer one is answered 431.
const MAX_HEAD: usize = 16 * 1024;

/// The limits of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many connections may be open. One more closes the one that has been idle the longest; if
    /// none is idle, it waits.
    pub connections: usize,
    /// How many connections one address may have open. One more closes another one of that address.
    pub per_peer: usize,
    /// Proxies: many clients share their addresses, so `per_peer` does not count for them.
    pub trusted_proxies: TrustedProxies,
    /// How long the headers of a request may take. An idle connection is closed after this time.
    pub headers: Duration,
    /// How long the requests in flight may take after the shutdown began.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            per_peer: 2048,
            trusted_proxies: TrustedProxies::default(),
            headers: Duration::from_secs(30),
            drain: Duration::from_secs(20),
        }
    }
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
    let peer = |_: &_, address: &_| Peer::of_tcp(address);
    accept(listener, peer, service, limits, shutdown).await;
}

/// Serves connections to a Unix socket, as [`serve`] does.
pub(crate) async fn serve_unix(
    listener: UnixListener,
    service: impl Serve,
    limits: Limits,
    shutdown: CancellationToken,
) {
    accept(listener, Peer::of_unix, service, limits, shutdown).await;
}

async fn accept<L: Listener>(
    mut listener: L,
    peer_of: impl Fn(&L::Io, &L::Addr) -> Peer,
    service: impl Serve,
    limits: Limits,
    shutdown: CancellationToken,
) {
    let graceful = GracefulShutdown::new();
    let connections = Connections::new(limits.connections, limits.per_peer);
    let refused = LogLimit::new();

    'accepting: loop {
        let (stream, address) = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => break,
        };
        let peer = peer_of(&stream, &address);
        let is_shared = limits.trusted_proxies.trusts(peer);

        let open = loop {
            match connections.admit(peer, is_shared) {
                Admission::Admitted(open) => break Some(open),
                Admission::PeerAtLimit => break None,
                Admission::Full => tokio::select! {
                    () = connections.changed() => {}
                    () = shutdown.cancelled() => break 'accepting,
                },
            }
        };
        match open {
            Some(open) => spawn_connection(stream, peer, open, service.clone(), &limits, &graceful),
            None => log_refused(&refused, peer),
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

fn log_refused(limit: &LogLimit, peer: Peer) {
    if let Some(suppressed) = limit.admit(Instant::now()) {
        tracing::warn!(
            %peer,
            suppressed,
            "a connection is closed at once: its peer has too many at work"
        );
    }
}

fn spawn_connection<S>(
    stream: S,
    peer: Peer,
    open: OpenConnection,
    service: impl Serve,
    limits: &Limits,
    graceful: &GracefulShutdown,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let activity = open.activity.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        exchange(request, service.clone(), peer, activity.clone())
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.headers)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let connection = graceful.watch(connection);

    tokio::spawn(async move {
        tokio::select! {
            ended = connection => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended with an error");
                }
            }
            () = open.close.cancelled() => {
                tracing::debug!(%peer, "a connection is closed for another one");
            }
        }
        drop(open);
    });
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

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
        let (started, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (begun, release) = (Arc::clone(&started), Arc::clone(&go));
        let slow = get(move || async move {
            begun.notify_one();
            release.notified().await;
            "hello"
        });
        let limits = Limits {
            connections: 1,
            ..Limits::default()
        };

        let harness = harness(Router::new().route("/", slow), limits).await;
        let mut first = TcpStream::connect(harness.address)
            .await
            .expect("a connection");
        first.write_all(REQUEST).await.expect("sent");
        started.notified().await;
        let mut second = TcpStream::connect(harness.address)
            .await
            .expect("a connection");
        second.write_all(REQUEST).await.expect("sent");

        let mut byte = [0];
        let early = tokio::time::timeout(Duration::from_millis(100), second.read(&mut byte)).await;
        assert!(
            early.is_err(),
            "the second connection was served while the first was at work"
        );

        go.notify_one();
        assert!(answer(first).await.ends_with("hello"));
        started.notified().await;
        go.notify_one();
        assert!(answer(second).await.ends_with("hello"));
    }

    #[tokio::test]
    async fn an_idle_connection_is_closed_for_a_new_one() {
        let limits = Limits {
            connections: 2,
            ..Limits::default()
        };
        let harness = harness(Router::new().route("/", get(|| async { "hello" })), limits).await;
        let mut idle = Vec::new();
        for _ in 0..20 {
            let mut stream = TcpStream::connect(harness.address)
                .await
                .expect("a connection");
            // Half a request is no request.
            stream.write_all(b"GET / HTTP/1.1\r\n").await.expect("sent");
            idle.push(stream);
        }

        let mut stream = TcpStream::connect(harness.address)
            .await
            .expect("a connection");
        stream.write_all(REQUEST).await.expect("sent");
        assert!(answer(stream).await.ends_with("hello"));
    }

    #[tokio::test]
    async fn a_head_over_16_kib_is_431_and_a_request_without_host_is_400() {
        let harness = harness(
            Router::new().route("/", get(|| async { "hello" })),
            Limits::default(),
        )
        .await;
        let status = async |head: String| {
            let mut stream = TcpStream::connect(harness.address)
                .await
                .expect("a connection");
            let request = format!("GET / HTTP/1.1\r\n{head}connection: close\r\n\r\n");
            // The server may have closed the connection before all is sent.
            let _ = stream.write_all(request.as_bytes()).await;
            let mut answer = vec![0; 12];
            stream.read_exact(&mut answer).await.expect("an answer");
            String::from_utf8_lossy(&answer).into_owned()
        };

        let header = |length| format!("host: x\r\nx: {}\r\n", "v".repeat(length));
        assert_eq!(status(header(15_000)).await, "HTTP/1.1 200");
        assert_eq!(status(header(16_400)).await, "HTTP/1.1 431");
        assert_eq!(status(String::new()).await, "HTTP/1.1 400");
        assert_eq!(
            status("host: a\r\nhost: b\r\n".to_owned()).await,
            "HTTP/1.1 400"
        );
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
