//! `mem_connection`: what a connection costs in memory that waits for its peer.
//!
//! Ten thousand connections less a hundred, so that both ends fit under a usual limit of
//! descriptors, each held by a process at rest, or a task, that waits to read. The figure
//! is the growth of the resident set and of the page tables: what the kernel keeps for its sockets is
//! the same for both, and not in it. The peers are bare descriptors. At the end each says something, whereupon its
//! connection ends: so each was waited on, and not before.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::mpsc::{Receiver, channel};

use runtime::Node;
use runtime::net::TcpListener;
use runtime::prelude::*;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::runtime::Runtime;

use super::Workload;
use crate::measured::{Measured, Unit};
use crate::memory;

pub(super) static WORKLOADS: [Workload; 1] = [Workload {
    name: "mem_connection",
    about: "memory of a connection that waits for its peer",
    n: 9_900,
    unit: Unit::Bytes,
    warm_up: false,
    on_runtime,
    on_tokio: Some(on_tokio),
    workers: 1,
}];

fn on_runtime(node: &Node, n: u64) -> Measured {
    let (tell, waiting) = channel();
    let address = node.run(|| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let address = listener.local_addr().expect("it is bound");
        spawn!(move || {
            for stream in listener.incoming() {
                let stream = stream.expect("a connection");
                let tell = tell.clone();
                runtime::spawn_future(async move {
                    let mut tell = Some(tell);
                    std::future::poll_fn(move |cx| {
                        let read = stream.poll_read(cx, &mut [0]);
                        if let Some(tell) = tell.take() {
                            tell.send(()).expect("somebody waits");
                        }
                        read.map(drop)
                    })
                    .await;
                });
            }
        });
        address
    });
    connect(address, n, &waiting)
}

fn on_tokio(rt: &Runtime, n: u64) -> Measured {
    let (tell_address, address) = channel();
    let (tell, waiting) = channel();
    rt.spawn(async move {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a listener");
        tell_address
            .send(listener.local_addr().expect("it is bound"))
            .expect("somebody waits");
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let tell = tell.clone();
            tokio::spawn(async move {
                let mut tell = Some(tell);
                std::future::poll_fn(move |cx| {
                    let mut room = [0];
                    let read = Pin::new(&mut stream).poll_read(cx, &mut ReadBuf::new(&mut room));
                    if let Some(tell) = tell.take() {
                        tell.send(()).expect("somebody waits");
                    }
                    read.map(drop)
                })
                .await;
            });
        }
    });
    connect(address.recv().expect("the server runs"), n, &waiting)
}

/// Connects so many peers, and sees how much memory that takes.
fn connect(server: SocketAddr, n: u64, waiting: &Receiver<()>) -> Measured {
    allow_descriptors(2 * n + 50);
    let mut peers = Vec::with_capacity(n as usize);
    let before = memory::footprint();
    for _ in 0..n {
        peers.push(TcpStream::connect(server).expect("the server listens"));
        waiting.recv().expect("the server runs");
    }
    let grown = memory::footprint().saturating_sub(before);
    peers.iter().for_each(check);
    Measured::bytes(n, grown)
}

/// The connection is open until its peer says something.
fn check(mut peer: &TcpStream) {
    peer.set_nonblocking(true).expect("a TCP stream");
    let early = peer.read(&mut [0]).map_err(|error| error.kind());
    assert_eq!(early, Err(ErrorKind::WouldBlock), "nobody waits");
    peer.set_nonblocking(false).expect("a TCP stream");
    peer.write_all(&[7]).expect("somebody reads");
    assert_eq!(peer.read(&mut [0]).expect("the end"), 0);
}

/// Lets the program open so many descriptors.
pub(super) fn allow_descriptors(count: u64) {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the call fills the struct.
    let got = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) };
    assert_eq!(got, 0);
    limit.rlim_cur = limit.rlim_cur.max(count).min(limit.rlim_max);
    // SAFETY: the call reads the struct.
    let set = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) };
    assert!(
        set == 0 && limit.rlim_cur >= count,
        "{count} descriptors are needed (ulimit -n)"
    );
}
