//! `h2_get`: GET with a small answer from nginx, 100 at a time over one HTTP/2 connection; `h2_get_silent`: beside
//! 1000 that are not answered.
//!
//! Measures an HTTP/2 client and what stands under it, and what a stream costs that waits. nginx has a core of its own.
//! Ours is plain code: 100 processes that ask the same connection of Gun's, each for itself, and wait. tokio's are
//! tasks with the same connection of hyper's: `bare`, out of a pool, or reqwest's.

use std::net::SocketAddr;

use gun::{Opts, Protocol};
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use runtime::Node;
use tokio::runtime::Runtime;

use super::http_get::Gun;
use super::{Workload, in_task};
use crate::exchange::{self, Async};
use crate::measured::{Measured, Unit};
use crate::server::{BODY, Nginx, SILENT};

pub(super) static WORKLOADS: [Workload; 2] = [
    Workload {
        name: "h2_get",
        about: "requests to nginx, 100 at a time over one HTTP/2 connection",
        n: 200_000,
        unit: Unit::OpsPerSecond,
        warm_up: false,
        on_runtime: |node, n| on_runtime(node, n, 0),
        on_tokio: Some(|rt, n| on_tokio(rt, n, 0)),
        workers: 1,
    },
    Workload {
        name: "h2_get_silent",
        about: "the same beside 1000 requests that are not answered",
        n: 200_000,
        unit: Unit::OpsPerSecond,
        warm_up: false,
        on_runtime: |node, n| on_runtime(node, n, SILENT_STREAMS),
        on_tokio: Some(|rt, n| on_tokio(rt, n, SILENT_STREAMS)),
        workers: 1,
    },
];

pub const STREAMS: usize = 100;
pub const SILENT_STREAMS: usize = 1_000;

fn on_runtime(node: &Node, n: u64, silent: usize) -> Measured {
    let server = Nginx::start().h2c;
    node.run(move || {
        let client = Gun::open_with(server, Opts::new().protocols([Protocol::Http2]));
        for _ in 0..silent {
            gun::get(client.0, SILENT, ());
        }
        exchange::by_processes(STREAMS, n, move || client)
    })
}

fn on_tokio(rt: &Runtime, n: u64, silent: usize) -> Measured {
    let server = Nginx::start().h2c;
    in_task(rt, async move {
        let client = Bare::connect(server).await;
        for _ in 0..silent {
            let mut client = client.clone();
            tokio::spawn(async move { drop(client.get(SILENT).await) });
        }
        exchange::by_tasks(vec![client; STREAMS], n).await
    })
}

/// A connection of hyper's.
#[derive(Clone)]
struct Bare {
    sender: SendRequest<Empty<Bytes>>,
    origin: String,
}

impl Bare {
    async fn connect(server: SocketAddr) -> Bare {
        let stream = tokio::net::TcpStream::connect(server).await;
        let stream = stream.expect("nginx listens");
        stream.set_nodelay(true).expect("a TCP stream");
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("a connection");
        tokio::spawn(connection);
        Bare {
            sender,
            origin: format!("http://{server}"),
        }
    }

    async fn get(&mut self, path: &str) -> Bytes {
        self.sender.ready().await.expect("a connection");
        let request = Request::get(format!("{}{path}", self.origin));
        let request = request.body(Empty::new()).expect("a request");
        let response = self.sender.send_request(request).await;
        let response = response.expect("an answer");
        assert_eq!(response.status(), 200);
        let body = response.into_body().collect().await.expect("a body");
        body.to_bytes()
    }
}

impl Async for Bare {
    async fn exchange(&mut self) {
        assert_eq!(self.get("/").await, BODY);
    }
}
