//! `call_..`: a client calls a server and waits for the answer, a number and one.
//!
//! Measures a gen_server's call, with its monitor, alias and time-out, beside the actor idiom of tokio: an
//! unbounded channel of requests, each with a oneshot channel for its answer. `1_1`: one of each. `100_1`: a
//! hundred clients of one server. `100_100`: as many pairs.
//!
//! `cast_8_1`: eight clients cast to one server as fast as they can. A client ticks after each, as a process
//! shall that loops without a switch point: so the server keeps up.

use std::time::Instant;

use genserver::Server;
use genserver::gen_server::start;
use runtime::Node;
use runtime::prelude::*;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::adder::{Adder, Adds, AllCame, add, adder_task};
use super::{Workload, in_task};
use crate::measured::{Measured, Unit};

const CALL: Workload = Workload {
    name: "",
    about: "",
    n: 1_000_000,
    unit: Unit::NsPerOp,
    warm_up: true,
    on_runtime: |_, _| unreachable!(),
    on_tokio: None,
    workers: 1,
};

pub(super) static WORKLOADS: [Workload; 4] = [
    Workload {
        name: "call_1_1",
        about: "calls of one client to one server",
        on_runtime: |node, n| on_runtime(node, n, 1, 1),
        on_tokio: Some(|rt, n| on_tokio(rt, n, 1, 1)),
        ..CALL
    },
    Workload {
        name: "call_100_1",
        about: "calls of a hundred clients to one server",
        on_runtime: |node, n| on_runtime(node, n, 100, 1),
        on_tokio: Some(|rt, n| on_tokio(rt, n, 100, 1)),
        ..CALL
    },
    Workload {
        name: "call_100_100",
        about: "calls of a hundred clients to a server each",
        on_runtime: |node, n| on_runtime(node, n, 100, 100),
        on_tokio: Some(|rt, n| on_tokio(rt, n, 100, 100)),
        ..CALL
    },
    Workload {
        name: "cast_8_1",
        about: "casts of eight clients to one server",
        on_runtime: cast_on_runtime,
        on_tokio: Some(cast_on_tokio),
        ..CALL
    },
];

#[derive(Debug)]
struct Ready;

fn on_runtime(node: &Node, n: u64, clients: u64, servers: u64) -> Measured {
    let each = (n / clients).max(1);
    node.run(move || {
        let root = self_pid();
        let servers: Vec<Server<Adder>> = (0..servers)
            .map(|_| start((0, None)).expect("it starts"))
            .collect();
        let begin = Instant::now();
        for client in 0..clients {
            let server = servers[client as usize % servers.len()].clone();
            spawn!(move || {
                for n in 0..each {
                    assert_eq!(server.call(n), Ok(n + 1));
                }
                send(root, Ready);
            });
        }
        for _ in 0..clients {
            receive! { Ready => {} }
        }
        let time = begin.elapsed();
        for server in servers {
            server.stop().expect("it stops");
        }
        Measured::time(each * clients, time)
    })
}

fn on_tokio(rt: &Runtime, n: u64, clients: u64, servers: u64) -> Measured {
    let each = (n / clients).max(1);
    in_task(rt, async move {
        let servers: Vec<Adds> = (0..servers).map(|_| adder_task()).collect();
        let begin = Instant::now();
        let clients: Vec<_> = (0..clients)
            .map(|client| {
                let server = servers[client as usize % servers.len()].clone();
                tokio::spawn(async move {
                    for n in 0..each {
                        assert_eq!(add(&server, n).await, n + 1);
                    }
                })
            })
            .collect();
        let count = clients.len() as u64;
        for client in clients {
            client.await.expect("it does not panic");
        }
        Measured::time(each * count, begin.elapsed())
    })
}

const CASTERS: u64 = 8;

fn cast_on_runtime(node: &Node, n: u64) -> Measured {
    let each = (n / CASTERS).max(1);
    node.run(move || {
        let root = self_pid();
        let server = start::<Adder>((each * CASTERS, Some(root))).expect("it starts");
        let begin = Instant::now();
        for _ in 0..CASTERS {
            let server = server.clone();
            spawn!(move || {
                for n in 0..each {
                    server.cast(n);
                    tick();
                }
            });
        }
        receive! { AllCame => {} }
        let time = begin.elapsed();
        server.stop().expect("it stops");
        Measured::time(each * CASTERS, time)
    })
}

fn cast_on_tokio(rt: &Runtime, n: u64) -> Measured {
    let each = (n / CASTERS).max(1);
    in_task(rt, async move {
        let (sender, mut requests) = mpsc::unbounded_channel::<u64>();
        let begin = Instant::now();
        let server = tokio::spawn(async move {
            let mut came = 0;
            while requests.recv().await.is_some() {
                came += 1;
            }
            came
        });
        for _ in 0..CASTERS {
            let sender = sender.clone();
            tokio::spawn(async move {
                for n in 0..each {
                    sender.send(n).expect("the server runs");
                }
            });
        }
        drop(sender);
        assert_eq!(server.await.expect("it does not panic"), each * CASTERS);
        Measured::time(each * CASTERS, begin.elapsed())
    })
}
