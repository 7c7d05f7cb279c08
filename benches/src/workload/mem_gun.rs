//! `mem_gun`: what an HTTP/1.1 connection costs in memory that is kept and idle.
//!
//! Ten thousand connections to nginx, over each of which one request was answered. Ours is one process that has opened
//! all of them with Gun; tokio's are connections of hyper's, each driven by a task. The figure is the growth of the
//! resident set and of the page tables: what the kernel keeps for its sockets is the same for both, and not in it.

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
        let before = memory::footprint();
        for _ in 0..n {
            Gun::open(server).exchange();
        }
        Measured::bytes(n, memory::footprint().saturating_sub(before))
    })
}

fn on_tokio(rt: &Runtime, n: u64) -> Measured {
    allow_descriptors(n + OTHERS);
    let server = Nginx::start().http;
    in_task(rt, async move {
        let mut kept = Vec::with_capacity(n as usize + 1);
        let mut first = Bare::connect(server).await;
        first.exchange().await;
        kept.push(first);
        let before = memory::footprint();
        for _ in 0..n {
            let mut client = Bare::connect(server).await;
            client.exchange().await;
            kept.push(client);
        }
        let grown = memory::footprint().saturating_sub(before);
        drop(kept);
        Measured::bytes(n, grown)
    })
}
