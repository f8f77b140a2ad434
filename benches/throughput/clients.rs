//! HTTP/1.1 clients that keep their connection and send one request after the other, on a thread of their own.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

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
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
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
        let stream = TcpStream::connect(self.address).await.expect("a connection");
        stream.set_nodelay(true).expect("nodelay");
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("a handshake");
        tokio::spawn(connection);
        let mut took = Vec::new();
        while Instant::now() < until {
            let Some((headers, body)) = (self.next)(number.fetch_add(1, Ordering::Relaxed)) else { break };
            let mut request =
                Request::post(self.path.as_str()).header("host", "bench").body(Full::new(body)).expect("a request");
            request.headers_mut().extend(headers);
            let began = Instant::now();
            sender.ready().await.expect("the connection stays");
            let answer = sender.send_request(request).await.expect("an answer");
            let status = answer.status();
            let body = answer.into_body().collect().await.expect("a body").to_bytes();
            assert!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&body));
            took.push(began.elapsed());
        }
        took
    }
}
