//! `mem_gun`: what an HTTP/1.1 connection costs in memory that is kept and idle.
//!
//! Ten thousand connections to nginx, over each of which one request was answered. Ours is one process that has opened
//! all of them with Gun; tokio's are connections of hyper's, each driven by a task. The figure is the growth of the
//! resident set and of the page tables: what the kernel keeps for its sockets is the same for both, and not in it.
//! Afterwards each has another request answered, so that all were kept.

use runtime::Node;
use tokio::runtime::Runtime;

use super::http_get::{Bare, Gun};
use super::mem_connection::allow_descriptors;
use super::{Workload, in_task};
use crate::exchange::{Async, Blocking};
use crate::measured::{Measured, Unit};
use crate::memory;
use crate::server::Nginx;

pub(super) static WORKLOADS: [Workload; 1] = [Workload {
    name: "mem_gun",
    about: "memory of an HTTP/1.1 connection that is idle",
    n: 10_000,
    unit: Unit::Bytes,
    warm_up: false,
    on_runtime,
    on_tokio: Some(on_tokio),
    workers: 1,
}];

/// Descriptors beside those of the connections.
const OTHERS: u64 = 50;

fn on_runtime(node: &Node, n: u64) -> Measured {
    allow_descriptors(n + OTHERS);
    let server = Nginx::start().http;
    node.run(move || {
        // What the first one costs is everybody's.
        Gun::open(server).exchange();
        let mut kept = Vec::with_capacity(n as usize);
        let before = memory::footprint();
        for _ in 0..n {
            let mut client = Gun::open(server);
            client.exchange();
            kept.push(client);
        }
        let grown = memory::footprint().saturating_sub(before);
        kept.iter_mut().for_each(Gun::exchange);
        Measured::bytes(n, grown)
    })
}

fn on_tokio(rt: &Runtime, n: u64) -> Measured {
    allow_descriptors(n + OTHERS);
    let server = Nginx::start().http;
    in_task(rt, async move {
        let mut first = Bare::connect(server).await;
        first.exchange().await;
        let mut kept = Vec::with_capacity(n as usize);
        let before = memory::footprint();
        for _ in 0..n {
            let mut client = Bare::connect(server).await;
            client.exchange().await;
            kept.push(client);
        }
        let grown = memory::footprint().saturating_sub(before);
        for client in &mut kept {
            client.exchange().await;
        }
        Measured::bytes(n, grown)
    })
}
