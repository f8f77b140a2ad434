//! HTTP/1.1 clients that keep their connection open and send one request after the other, on a
//! thread of their own.
//!
//! They do as little work as possible, because they share the cores of the machine with the service
//! under measurement.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::HeaderMap;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

use crate::figures::Figures;

/// The headers and the body of the request with this number; `None` after the last one.
pub type NextRequest = Arc<dyn Fn(usize) -> Option<(HeaderMap, Bytes)> + Send + Sync>;

/// A load of POST requests.
#[derive(Clone)]
pub struct Load {
    pub address: SocketAddr,
    pub path: String,
    /// The number of connections, each with one request at a time.
    pub connections: usize,
    /// The load ends after this time, or after the last request.
    pub max_duration: Duration,
    pub next_request: NextRequest,
}

impl Load {
    /// Runs the load on a thread of its own, so that the clients do not occupy the runtime of the
    /// service.
    pub async fn run(self) -> Figures {
        let (sender, receiver) = tokio::sync::oneshot::channel();

        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            let _ = sender.send(runtime.block_on(self.run_clients()));
        });

        receiver.await.expect("the clients end")
    }

    async fn run_clients(self) -> Figures {
        let next_number = Arc::new(AtomicUsize::new(0));
        let start = Instant::now();

        let mut clients = JoinSet::new();
        for _ in 0..self.connections {
            let deadline = start + self.max_duration;
            clients.spawn(self.clone().run_client(Arc::clone(&next_number), deadline));
        }
        let mut durations = Vec::new();
        while let Some(client) = clients.join_next().await {
            durations.extend(client.expect("a client ends"));
        }

        Figures::of(durations, start.elapsed())
    }

    async fn run_client(self, next_number: Arc<AtomicUsize>, deadline: Instant) -> Vec<Duration> {
        let mut stream = TcpStream::connect(self.address)
            .await
            .expect("a connection");
        stream.set_nodelay(true).expect("nodelay");

        let (mut durations, mut request, mut response) = (Vec::new(), Vec::new(), Vec::new());
        while Instant::now() < deadline {
            let number = next_number.fetch_add(1, Ordering::Relaxed);
            let Some((headers, body)) = (self.next_request)(number) else {
                break;
            };
            write_request(&mut request, &self.path, &headers, &body);

            let begin = Instant::now();
            stream
                .write_all(&request)
                .await
                .expect("the connection stays open");
            let status = read_response(&mut stream, &mut response).await;
            durations.push(begin.elapsed());

            assert!(
                (200..300).contains(&status),
                "{status}: {}",
                String::from_utf8_lossy(&response)
            );
        }

        durations
    }
}

/// Writes the bytes of a request into the buffer.
fn write_request(buffer: &mut Vec<u8>, path: &str, headers: &HeaderMap, body: &[u8]) {
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-length: {length}\r\n");

    buffer.clear();
    buffer.extend_from_slice(head.as_bytes());
    for (name, value) in headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            buffer.extend_from_slice(part);
        }
    }
    buffer.extend_from_slice(b"\r\n");
    buffer.extend_from_slice(body);
}

/// Reads a whole response with a `Content-Length`; returns its status.
async fn read_response(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> u16 {
    buffer.clear();

    loop {
        let read = stream.read_buf(buffer).await.expect("a response");
        assert!(
            read > 0,
            "the connection was closed: {}",
            String::from_utf8_lossy(buffer)
        );

        let Some(head_end) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
            continue;
        };
        let head = std::str::from_utf8(buffer.get(..head_end).unwrap_or_default())
            .expect("a head")
            .to_ascii_lowercase();
        let length: usize = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"))
            .map_or("0", str::trim)
            .parse()
            .expect("a length");

        if buffer.len() >= head_end + 4 + length {
            return head
                .split(' ')
                .nth(1)
                .and_then(|status| status.parse().ok())
                .expect("a status");
        }
    }
}
