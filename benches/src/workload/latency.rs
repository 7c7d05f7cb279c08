//! `latency`: how long a request takes when both cores are at work.
//!
//! 64 clients work for about 5 us and then ask a server, which works for about 2 us and answers;
//! again and again, so that there is always more to run than cores. Each request is measured, from
//! the question to the answer. The sum is the same on every scheduler: what differs is who waits
//! for it, and the percentiles say what the unlucky ones wait, which an average hides.

use std::hint::black_box;
use std::time::Instant;

use runtime::Node;
use runtime::prelude::*;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};

use super::{Workload, in_task};
use crate::cpu;
use crate::measured::{Measured, Unit};

pub(super) static WORKLOADS: [Workload; 1] = [Workload {
    name: "latency",
    about: "requests of 64 clients to one server, all of which work",
    n: 200_000,
    unit: Unit::Us,
    warm_up: true,
    on_runtime,
    on_tokio: Some(on_tokio),
    workers: 1,
}];

const CLIENTS: u64 = 64;

/// Works for about so many microseconds.
fn work(micros: u64) {
    for _ in 0..micros {
        black_box(cpu::work());
    }
}

/// What is between two requests, and what one takes.
const THINKING: u64 = 5;
const SERVING: u64 = 2;

#[derive(Debug)]
struct Request {
    from: Pid,
    id: Ref,
    x: u64,
}

#[derive(Debug)]
struct Answer {
    id: Ref,
    x: u64,
}

#[derive(Debug)]
struct Stop;

#[derive(Debug)]
struct Took(Vec<u64>);

fn on_runtime(node: &Node, n: u64) -> Measured {
    let each = n.div_ceil(CLIENTS);
    node.run(move || {
        let root = self_pid();
        let server = spawn!(serve);
        for _ in 0..CLIENTS {
            spawn!(move || send(root, Took((0..each).map(|x| ask(server, x)).collect())));
        }
        let mut all = Vec::new();
        for _ in 0..CLIENTS {
            receive! { Took(took) => all.extend(took) }
        }
        send(server, Stop);
        Measured::lateness(all)
    })
}

fn serve() {
    loop {
        receive! {
            Request { from, id, x } => {
                work(SERVING);
                send(from, Answer { id, x: x + 1 });
            }
            Stop => return,
        }
    }
}

/// One request; gives how long it took, in nanoseconds.
fn ask(server: Pid, x: u64) -> u64 {
    work(THINKING);
    let (from, id) = (self_pid(), make_ref());
    let start = Instant::now();
    send(server, Request { from, id, x });
    let answer = receive_ref(id, None, |answer: &Answer| answer.id == id);
    let took = start.elapsed();
    assert_eq!(answer.expect("there is no deadline").x, x + 1);
    took.as_nanos() as u64
}

fn on_tokio(rt: &Runtime, n: u64) -> Measured {
    let each = n.div_ceil(CLIENTS);
    in_task(rt, async move {
        let (server, requests) = mpsc::unbounded_channel();
        tokio::spawn(serve_task(requests));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let server = server.clone();
                tokio::spawn(async move {
                    let mut took = Vec::new();
                    for x in 0..each {
                        took.push(ask_task(&server, x).await);
                    }
                    took
                })
            })
            .collect();
        let mut all = Vec::new();
        for client in clients {
            all.extend(client.await.expect("it does not panic"));
        }
        Measured::lateness(all)
    })
}

type Asked = (u64, oneshot::Sender<u64>);

async fn serve_task(mut requests: mpsc::UnboundedReceiver<Asked>) {
    while let Some((x, answer)) = requests.recv().await {
        work(SERVING);
        answer.send(x + 1).expect("who asked waits");
    }
}

async fn ask_task(server: &mpsc::UnboundedSender<Asked>, x: u64) -> u64 {
    work(THINKING);
    let (answer, answered) = oneshot::channel();
    let start = Instant::now();
    server.send((x, answer)).expect("the server runs");
    let answer = answered.await;
    let took = start.elapsed();
    assert_eq!(answer, Ok(x + 1));
    took.as_nanos() as u64
}
