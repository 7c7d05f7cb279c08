//! `ws_echo`: over each of 64 Websockets a message of 64 bytes that is sent back, again and again.
//!
//! Measures a Websocket client and what stands under it. The server is tokio-tungstenite's, in a program and on a core
//! of its own. Ours is plain code: a process for each Websocket, which sends through Gun and waits. tokio's is a task
//! for each, with a Websocket of tokio-tungstenite's.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use gun::ws::Frame;
use gun::{Awaited, Opts, StreamRef};
use hyper::body::Bytes;
use runtime::{Node, Pid};
use tokio::runtime::Runtime;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::http_get::{Gun, LIMIT};
use super::{Workload, in_task};
use crate::exchange::{self, Async, Blocking};
use crate::measured::{Measured, Unit};
use crate::server;

pub(super) static WORKLOADS: [Workload; 1] = [Workload {
    name: "ws_echo",
    about: "exchanges of 64 bytes over 64 Websockets",
    n: 300_000,
    unit: Unit::OpsPerSecond,
    warm_up: false,
    on_runtime,
    on_tokio: Some(on_tokio),
    workers: 1,
}];

const SOCKETS: usize = 64;
const MESSAGE: Bytes = Bytes::from_static(&[7; 64]);

fn on_runtime(node: &Node, n: u64) -> Measured {
    let server = server::start_echo();
    node.run(move || exchange::by_processes(SOCKETS, n, move || Ours::open(server)))
}

fn on_tokio(rt: &Runtime, n: u64) -> Measured {
    let server = server::start_echo();
    in_task(rt, async move {
        let mut clients = Vec::new();
        for _ in 0..SOCKETS {
            clients.push(Bare::connect(server).await);
        }
        exchange::by_tasks(clients, n).await
    })
}

/// A Websocket of Gun's.
struct Ours {
    conn: Pid,
    stream: StreamRef,
}

impl Ours {
    fn open(server: SocketAddr) -> Ours {
        let Gun(conn) = Gun::open_with(server, Opts::new());
        let stream = gun::ws_upgrade(conn, "/", (), None);
        match gun::await_(conn, stream, LIMIT) {
            Ok(Awaited::Upgrade { .. }) => Ours { conn, stream },
            other => panic!("{other:?}"),
        }
    }
}

impl Blocking for Ours {
    fn exchange(&mut self) {
        gun::ws_send(self.conn, self.stream, [Frame::Binary(MESSAGE)]);
        match gun::await_(self.conn, self.stream, LIMIT) {
            Ok(Awaited::Ws(Frame::Binary(echo))) => assert_eq!(echo, MESSAGE),
            other => panic!("{other:?}"),
        }
    }
}

/// A Websocket of tokio-tungstenite's.
struct Bare(WebSocketStream<tokio::net::TcpStream>);

impl Bare {
    async fn connect(server: SocketAddr) -> Bare {
        let stream = tokio::net::TcpStream::connect(server).await;
        let stream = stream.expect("the server listens");
        stream.set_nodelay(true).expect("a TCP stream");
        let socket = tokio_tungstenite::client_async(format!("ws://{server}/"), stream).await;
        Bare(socket.expect("a Websocket").0)
    }
}

impl Async for Bare {
    async fn exchange(&mut self) {
        let sent = self.0.send(Message::Binary(MESSAGE)).await;
        sent.expect("a Websocket");
        match self.0.next().await {
            Some(Ok(Message::Binary(echo))) => assert_eq!(echo, MESSAGE),
            other => panic!("{other:?}"),
        }
    }
}
