//! `latency`: how long a request takes beside others that work.
//!
//! Eight processes work for 20 us at a time and let others run after each; one asks a server again
//! and again. Each request is measured, from the question to the answer: the percentiles say what
//! the unlucky ones wait, which an average hides. One request is under way at a time, so none
//! waits behind another.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use runtime::Node;
use runtime::prelude::*;
use tokio::runtime::Runtime;

use super::adder::{add, adder_task};
use super::{Workload, in_task};
use crate::cpu;
use crate::measured::{Measured, Unit};

pub(super) static WORKLOADS: [Workload; 1] = [Workload {
    name: "latency",
    about: "a request and its answer beside eight processes that work 20 us at a time",
    n: 10_000,
    unit: Unit::Us,
    warm_up: true,
    on_runtime,
    on_tokio: Some(on_tokio),
    workers: 1,
}];

const BUSY: u64 = 8;
const WORK: Duration = Duration::from_micros(20);

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

fn on_runtime(node: &Node, n: u64) -> Measured {
    node.run(move || {
        let over = Arc::new(AtomicBool::new(false));
        for _ in 0..BUSY {
            let over = Arc::clone(&over);
            spawn!(move || {
                while !over.load(Ordering::Relaxed) {
                    cpu::burn(WORK);
                    yield_now();
                }
            });
        }
        let server = spawn!(|| {
            loop {
                receive! {
                    Request { from, id, x } => send(from, Answer { id, x: x + 1 }),
                    Stop => return,
                }
            }
        });
        let from = self_pid();
        let took = (0..n).map(|x| {
            let start = Instant::now();
            let id = make_ref();
            send(server, Request { from, id, x });
            let answer = receive_ref(id, None, |answer: &Answer| answer.id == id);
            assert_eq!(answer.expect("there is no deadline").x, x + 1);
            start.elapsed().as_nanos() as u64
        });
        let took = took.collect();
        over.store(true, Ordering::Relaxed);
        send(server, Stop);
        Measured::lateness(took)
    })
}

fn on_tokio(rt: &Runtime, n: u64) -> Measured {
    in_task(rt, async move {
        let over = Arc::new(AtomicBool::new(false));
        for _ in 0..BUSY {
            let over = Arc::clone(&over);
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    cpu::burn(WORK);
                    tokio::task::yield_now().await;
                }
            });
        }
        let server = adder_task();
        let mut took = Vec::with_capacity(n as usize);
        for x in 0..n {
            let start = Instant::now();
            assert_eq!(add(&server, x).await, x + 1);
            took.push(start.elapsed().as_nanos() as u64);
        }
        over.store(true, Ordering::Relaxed);
        Measured::lateness(took)
    })
}
