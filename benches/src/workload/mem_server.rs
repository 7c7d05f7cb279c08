//! `mem_server`: what an idle gen_server costs in memory.
//!
//! A million of them are started, each of which waits for calls: its slot, its state, and what a
//! server keeps beside that. Beside them tokio's actor idiom, a task with an unbounded channel of
//! requests. Each is called once afterwards, which shows that it is one.

use genserver::Server;
use genserver::gen_server::start;
use runtime::Node;
use tokio::runtime::Runtime;

use super::adder::{Adder, add, adder_task};
use super::{Workload, in_task};
use crate::measured::{Measured, Unit};
use crate::memory;

pub(super) static WORKLOADS: [Workload; 1] = [Workload {
    name: "mem_server",
    about: "memory of an idle gen_server",
    n: 1_000_000,
    unit: Unit::Bytes,
    warm_up: false,
    on_runtime,
    on_tokio: Some(on_tokio),
    workers: 1,
}];

fn on_runtime(node: &Node, n: u64) -> Measured {
    node.run(move || {
        let mut servers: Vec<Option<Server<Adder>>> = Vec::new();
        servers.resize_with(n as usize, || None);
        let before = memory::footprint();
        for server in &mut servers {
            *server = Some(start((0, None)).expect("it starts"));
        }
        let grown = memory::footprint().saturating_sub(before);
        for (x, server) in (0..).zip(servers.iter().flatten()) {
            assert_eq!(server.call(x), Ok(x + 1));
        }
        Measured::bytes(n, grown)
    })
}

fn on_tokio(rt: &Runtime, n: u64) -> Measured {
    in_task(rt, async move {
        let mut servers = vec![None; n as usize];
        let before = memory::footprint();
        for server in &mut servers {
            *server = Some(adder_task());
            // So that each is polled before the next.
            tokio::task::yield_now().await;
        }
        let grown = memory::footprint().saturating_sub(before);
        for (x, server) in (0..).zip(servers.iter().flatten()) {
            assert_eq!(add(server, x).await, x + 1);
        }
        Measured::bytes(n, grown)
    })
}
