//! `tcp_echo`: 64 connections, on each 64 bytes that are sent back, again and again.
//!
//! Measures what the reactor and a switch cost on top of the system's own part. The load is a thread
//! of its own, the same for both. Ours has a process for each connection, which blocks in plain reads
//! and writes; tokio's a task.

use std::sync::mpsc;

use runtime::Node;
use runtime::net::TcpListener;
use runtime::prelude::*;
use tokio::runtime::Runtime;

use super::Workload;
use crate::load;
use crate::measured::{Measured, Unit};

pub(super) static WORKLOADS: [Workload; 1] = [Workload {
    name: "tcp_echo",
    about: "exchanges of 64 bytes over 64 connections",
    n: 400_000,
    unit: Unit::OpsPerSecond,
    warm_up: true,
    on_runtime,
    on_tokio: Some(on_tokio),
    workers: 1,
}];

const CONNECTIONS: usize = 64;
const MESSAGE: [u8; 64] = [7; 64];
/// Of the servers' buffers.
const ROOM: usize = 1024;

fn on_runtime(node: &Node, n: u64) -> Measured {
    use std::io::{Read, Write};

    let address = node.run(|| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let address = listener.local_addr().expect("it is bound");
        spawn!(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                stream.set_nodelay(true).expect("a TCP stream");
                spawn!(move || {
                    let mut room = [0; ROOM];
                    while let Ok(bytes @ 1..) = stream.read(&mut room) {
                        if stream.write_all(&room[..bytes]).is_err() {
                            break;
                        }
                    }
                });
            }
        });
        address
    });
    load::echo(address, CONNECTIONS, &MESSAGE, n)
}

fn on_tokio(rt: &Runtime, n: u64) -> Measured {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let (tell, address) = mpsc::channel();
    rt.spawn(async move {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a listener");
        tell.send(listener.local_addr().expect("it is bound"))
            .expect("somebody waits");
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            stream.set_nodelay(true).expect("a TCP stream");
            tokio::spawn(async move {
                let mut room = [0; ROOM];
                while let Ok(bytes @ 1..) = stream.read(&mut room).await {
                    if stream.write_all(&room[..bytes]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    let address = address.recv().expect("the server runs");
    load::echo(address, CONNECTIONS, &MESSAGE, n)
}
