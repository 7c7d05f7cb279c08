//! `acceptor`: 256 handlers, spawned one by one, then share 512 ms of work.
//!
//! Measures how handlers spread that one process spawns, as an accept loop does. The acceptor
//! waits after each spawn, as for the next connection, until the handler has started and waits
//! for its first bytes: so at every spawn the worker has nothing else to do, and a scheduler that
//! always starts a newborn where it was spawned puts all of them on one worker. Then each gets
//! its bytes and burns 2 ms of CPU. Counted is the CPU time that the work burnt within the wall
//! time from the first byte sent to the last handler done.

use std::time::{Duration, Instant};

use runtime::Node;
use runtime::prelude::*;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};

use super::{Workload, in_task};
use crate::cpu;
use crate::measured::{Measured, Unit};

pub(super) static WORKLOADS: [Workload; 1] = [Workload {
    name: "acceptor",
    about: "256 handlers, spawned one by one, burn 2 ms each",
    n: 256,
    unit: Unit::Cores,
    warm_up: false,
    on_runtime,
    on_tokio: Some(on_tokio),
    workers: 1,
}];

const WORK: Duration = Duration::from_millis(2);

fn cores(n: u64, burnt: Duration, start: Instant) -> Measured {
    let wall = start.elapsed();
    assert!(burnt >= WORK * n as u32, "work was left out");
    Measured::cores(n, burnt, wall)
}

#[derive(Debug)]
struct Ready;

#[derive(Debug)]
struct Bytes;

#[derive(Debug)]
struct Burnt(Duration);

fn on_runtime(node: &Node, n: u64) -> Measured {
    node.run(move || {
        let acceptor = self_pid();
        let mut handlers = Vec::new();
        for _ in 0..n {
            handlers.push(spawn!(move || {
                send(acceptor, Ready);
                receive! { Bytes => send(acceptor, Burnt(cpu::burn(WORK))) }
            }));
            receive! { Ready => {} }
        }
        let start = Instant::now();
        for handler in handlers {
            send(handler, Bytes);
        }
        let mut burnt = Duration::ZERO;
        for _ in 0..n {
            receive! { Burnt(time) => burnt += time }
        }
        cores(n, burnt, start)
    })
}

fn on_tokio(rt: &Runtime, n: u64) -> Measured {
    in_task(rt, async move {
        let (acceptor, mut mailbox) = mpsc::unbounded_channel();
        let mut handlers = Vec::new();
        for _ in 0..n {
            let (ready, is_ready) = oneshot::channel();
            let (handler, mut bytes) = mpsc::unbounded_channel();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                ready.send(Ready).expect("the acceptor waits");
                let Some(Bytes) = bytes.recv().await else {
                    panic!("the acceptor sends bytes");
                };
                let burnt = Burnt(cpu::burn(WORK));
                acceptor.send(burnt).expect("the acceptor waits");
            });
            is_ready.await.expect("the handler starts");
            handlers.push(handler);
        }
        let start = Instant::now();
        for handler in &handlers {
            handler.send(Bytes).expect("a handler waits");
        }
        let mut burnt = Duration::ZERO;
        for _ in 0..n {
            let Burnt(time) = mailbox.recv().await.expect("the acceptor holds a sender");
            burnt += time;
        }
        cores(n, burnt, start)
    })
}
