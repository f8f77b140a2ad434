//! HTTP/1.1 clients that keep their connection and send one request after the other, on a thread of their own.
//!
//! They write and read as little as will do: what they take of the machine is taken from what is measured.

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
};

use crate::figures::Figures;

/// What is sent, by its number; `None`: no more.
pub type Next = Arc<dyn Fn(usize) -> Option<(HeaderMap, Bytes)> + Send + Sync>;

/// What is done for how long.
#[derive(Clone)]
pub struct Load {
    /// Whom.
    pub address: SocketAddr,
    /// Which path.
    pub path: String,
    /// How many connections.
    pub connections: usize,
    /// No longer than that.
    pub most: Duration,
    /// What.
    pub next: Next,
}

impl Load {
    /// Runs it on a thread of its own: the clients' work is not the service's, and the machine shares out the cores.
    pub async fn run(self) -> Figures {
        let (tell, told) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            let _ = tell.send(runtime.block_on(self.everyone()));
        });
        told.await.expect("the clients end")
    }

    async fn everyone(self) -> Figures {
        let number = Arc::new(AtomicUsize::new(0));
        let (began, mut clients) = (Instant::now(), tokio::task::JoinSet::new());
        for _ in 0..self.connections {
            clients.spawn(self.clone().one(Arc::clone(&number), began + self.most));
        }
        let mut took = Vec::new();
        while let Some(client) = clients.join_next().await {
            took.extend(client.expect("a client ends"));
        }
        Figures::of(took, began.elapsed())
    }

    async fn one(self, number: Arc<AtomicUsize>, until: Instant) -> Vec<Duration> {
        let mut stream = TcpStream::connect(self.address)
            .await
            .expect("a connection");
        stream.set_nodelay(true).expect("nodelay");
        let (mut took, mut request, mut answer) = (Vec::new(), Vec::new(), Vec::new());
        while Instant::now() < until {
            let Some((headers, body)) = (self.next)(number.fetch_add(1, Ordering::Relaxed)) else {
                break;
            };
            write(&mut request, &self.path, &headers, &body);
            let began = Instant::now();
            stream
                .write_all(&request)
                .await
                .expect("the connection stays");
            let status = read(&mut stream, &mut answer).await;
            assert!(
                (200..300).contains(&status),
                "{status}: {}",
                String::from_utf8_lossy(&answer)
            );
            took.push(began.elapsed());
        }
        took
    }
}

/// The request's bytes.
fn write(request: &mut Vec<u8>, path: &str, headers: &HeaderMap, body: &[u8]) {
    request.clear();
    request.extend_from_slice(
        format!(
            "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-length: {}\r\n",
            body.len()
        )
        .as_bytes(),
    );
    for (name, value) in headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            request.extend_from_slice(part);
        }
    }
    request.extend_from_slice(b"\r\n");
    request.extend_from_slice(body);
}

/// Reads an answer that tells its length, whole; its status.
async fn read(stream: &mut TcpStream, answer: &mut Vec<u8>) -> u16 {
    answer.clear();
    loop {
        let more = stream.read_buf(answer).await.expect("an answer");
        assert!(
            more > 0,
            "the connection ended: {}",
            String::from_utf8_lossy(answer)
        );
        let Some(head) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let text = std::str::from_utf8(answer.get(..head).unwrap_or_default())
            .expect("a head")
            .to_ascii_lowercase();
        let length = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"))
            .map_or("0", str::trim);
        let length: usize = length.parse().expect("a length");
        if answer.len() >= head + 4 + length {
            return text
                .split(' ')
                .nth(1)
                .and_then(|status| status.parse().ok())
                .expect("a status");
        }
    }
}
