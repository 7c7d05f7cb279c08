//! `http_hello`: hyper's HTTP/1.1 server answers "hello", loaded by wrk over 64 connections.
//!
//! Measures a well-known server on our executor and sockets beside the same server on tokio's. Ours has a
//! process at rest for each connection, a future. `n` requests are about so many seconds of load as
//! there are hundred thousands of them. What is answered is looked at before the load, which looks at the status alone.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::mpsc;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use runtime::Node;
use runtime::net::TcpListener;
use runtime::prelude::*;
use tokio::runtime::Runtime;

use super::Workload;
use crate::measured::{Measured, Unit};
use crate::{server, wrk};

pub(super) static WORKLOADS: [Workload; 1] = [Workload {
    name: "http_hello",
    about: "requests to a server of hyper's, by wrk",
    n: 300_000,
    unit: Unit::OpsPerSecond,
    warm_up: false,
    on_runtime,
    on_tokio: Some(on_tokio),
    workers: 1,
}];

const CONNECTIONS: usize = 64;

fn load(server: SocketAddr, n: u64) -> Measured {
    let answer = server::first_answer(server).expect("an answer");
    assert!(answer.starts_with(b"HTTP/1.1 200 OK") && answer.ends_with(b"hello"));
    wrk::load(server, CONNECTIONS, n)
}

async fn hello(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::new(Bytes::from_static(b"hello"))))
}

fn on_runtime(node: &Node, n: u64) -> Measured {
    let address = node.run(|| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let address = listener.local_addr().expect("it is bound");
        spawn!(move || {
            for stream in listener.incoming() {
                let stream = stream.expect("a connection");
                stream.set_nodelay(true).expect("a TCP stream");
                let connection = http1::Builder::new().serve_connection(stream, service_fn(hello));
                // That the load goes away is no error.
                runtime::spawn_future(async { drop(connection.await) });
            }
        });
        address
    });
    load(address, n)
}

fn on_tokio(rt: &Runtime, n: u64) -> Measured {
    let (tell, address) = mpsc::channel();
    rt.spawn(async move {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a listener");
        tell.send(listener.local_addr().expect("it is bound"))
            .expect("somebody waits");
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            stream.set_nodelay(true).expect("a TCP stream");
            let connection =
                http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(hello));
            tokio::spawn(async { drop(connection.await) });
        }
    });
    load(address.recv().expect("the server runs"), n)
}
