//! `http_get`: GET with a small answer from nginx, over 64 connections that are kept.
//!
//! Measures an HTTP/1.1 client and what stands under it. nginx has a core of its own. Ours is plain code: a process for
//! each connection, which asks Gun and waits. tokio's `bare` is a task for each, with a connection of hyper's to
//! itself, `pooled` and reqwest 64 tasks that share a pool.

use std::net::SocketAddr;
use std::time::Duration;

use gun::{Awaited, Opts};
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use runtime::{Node, Pid};
use tokio::runtime::Runtime;

use super::{Workload, in_task};
use crate::exchange::{self, Async, Blocking};
use crate::measured::{Measured, Unit};
use crate::server::{BODY, Nginx};

pub(super) static WORKLOADS: [Workload; 1] = [Workload {
    name: "http_get",
    about: "requests to nginx over 64 connections",
    n: 300_000,
    unit: Unit::OpsPerSecond,
    warm_up: false,
    on_runtime,
    on_tokio: Some(on_tokio),
    workers: 1,
}];

pub const CONNECTIONS: usize = 64;

/// After which an answer is missed.
pub const LIMIT: Duration = Duration::from_secs(60);

fn on_runtime(node: &Node, n: u64) -> Measured {
    let server = Nginx::start().http;
    node.run(move || exchange::by_processes(CONNECTIONS, n, move || Gun::open(server)))
}

fn on_tokio(rt: &Runtime, n: u64) -> Measured {
    let server = Nginx::start().http;
    in_task(rt, async move {
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            clients.push(Bare::connect(server).await);
        }
        exchange::by_tasks(clients, n).await
    })
}

/// A connection of Gun's.
#[derive(Clone, Copy)]
pub struct Gun(pub Pid);

impl Gun {
    /// Connects.
    pub fn open(server: SocketAddr) -> Gun {
        Gun::open_with(server, Opts::new())
    }

    /// Connects as `opts` say.
    pub fn open_with(server: SocketAddr, opts: Opts) -> Gun {
        let opts = opts.retry(0);
        let conn = gun::open(&server.ip().to_string(), server.port(), opts).expect("right options");
        gun::await_up(conn, LIMIT).expect("nginx listens");
        Gun(conn)
    }
}

impl Blocking for Gun {
    fn exchange(&mut self) {
        let Gun(conn) = *self;
        let stream = gun::get(conn, "/", ());
        match gun::await_(conn, stream, LIMIT) {
            Ok(Awaited::Response { status, .. }) => assert_eq!(status, 200),
            other => panic!("{other:?}"),
        }
        let (body, _) = gun::await_body(conn, stream, LIMIT).expect("a body");
        assert_eq!(body, BODY);
    }
}

/// A connection of hyper's.
pub struct Bare {
    sender: SendRequest<Empty<Bytes>>,
    host: String,
}

impl Bare {
    /// Connects; a task drives the connection.
    pub async fn connect(server: SocketAddr) -> Bare {
        let stream = tokio::net::TcpStream::connect(server).await;
        let stream = stream.expect("nginx listens");
        stream.set_nodelay(true).expect("a TCP stream");
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .expect("a connection");
        tokio::spawn(connection);
        Bare {
            sender,
            host: server.to_string(),
        }
    }
}

impl Async for Bare {
    async fn exchange(&mut self) {
        self.sender.ready().await.expect("a connection");
        let request = Request::get("/")
            .header("host", self.host.as_str())
            .body(Empty::new())
            .expect("a request");
        let response = self.sender.send_request(request).await;
        let response = response.expect("an answer");
        assert_eq!(response.status(), 200);
        let body = response.into_body().collect().await.expect("a body");
        assert_eq!(body.to_bytes(), BODY);
    }
}
