//! `call_..`: a client calls a server and waits for the answer, a number and one.
//!
//! Measures a gen_server's call, with its monitor, alias and time-out, beside the actor idiom of tokio: an
//! unbounded channel of requests, each with a oneshot channel for its answer. `1_1`: one of each. `100_1`: a
//! hundred clients of one server. `100_100`: as many pairs.

use std::time::Instant;

use genserver::gen_server::{done, reply, start};
use genserver::{Called, Done, From, GenServer, Init, Never, Server};
use runtime::prelude::*;
use runtime::{ExitReason, Node};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};

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

struct Adder {
    to_come: u64,
    root: Option<Pid>,
}

#[derive(Debug)]
struct AllCame;

impl GenServer for Adder {
    type Args = (u64, Option<Pid>);
    type Call = u64;
    type Reply = u64;
    type Cast = u64;
    type Continue = Never;

    fn init((to_come, root): (u64, Option<Pid>)) -> Result<Init<Adder>, ExitReason> {
        Ok(Adder { to_come, root }.into())
    }

    fn handle_call(&mut self, n: u64, _: From<u64>) -> Result<Called<u64>, ExitReason> {
        Ok(reply(n + 1))
    }

    fn handle_cast(&mut self, _: u64) -> Result<Done, ExitReason> {
        self.to_come -= 1;
        if self.to_come == 0
            && let Some(root) = self.root
        {
            send(root, AllCame);
        }
        Ok(done())
    }
}

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

type Request = (u64, oneshot::Sender<u64>);

fn on_tokio(rt: &Runtime, n: u64, clients: u64, servers: u64) -> Measured {
    let each = (n / clients).max(1);
    in_task(rt, async move {
        let servers: Vec<mpsc::UnboundedSender<Request>> = (0..servers)
            .map(|_| {
                let (sender, mut requests) = mpsc::unbounded_channel::<Request>();
                tokio::spawn(async move {
                    while let Some((n, answer)) = requests.recv().await {
                        let _ = answer.send(n + 1);
                    }
                });
                sender
            })
            .collect();
        let begin = Instant::now();
        let clients: Vec<_> = (0..clients)
            .map(|client| {
                let server = servers[client as usize % servers.len()].clone();
                tokio::spawn(async move {
                    for n in 0..each {
                        let (answer, answered) = oneshot::channel();
                        server.send((n, answer)).expect("the server runs");
                        assert_eq!(answered.await, Ok(n + 1));
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
            spawn!(move || (0..each).for_each(|n| server.cast(n)));
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
