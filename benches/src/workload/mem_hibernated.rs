//! `mem_hibernated`: what a hibernated process costs in memory.
//!
//! As `mem_idle`, but each process receives one message, on a stack, and then hibernates: what is
//! left of it is a slot and a boxed continuation. The next message starts that on a fresh stack.

use runtime::Node;
use runtime::prelude::*;

use super::Workload;
use super::herd::{BATCH, Herd};
use crate::countdown::{AllHere, Countdown};
use crate::measured::{Measured, Unit};
use crate::memory;

pub(super) static WORKLOADS: [Workload; 1] = [Workload {
    name: "mem_hibernated",
    about: "memory of a hibernated process",
    n: 1_000_000,
    unit: Unit::Bytes,
    warm_up: false,
    on_runtime,
    on_tokio: None,
    workers: 1,
}];

#[derive(Debug)]
struct Sleep;

#[derive(Debug)]
struct Number(u64);

fn on_runtime(node: &Node, n: u64) -> Measured {
    node.run(move || {
        let root = self_pid();
        let herd = Herd::new(n, root);
        let mut pids = vec![None; n as usize];
        let before = memory::footprint();
        for batch in pids.chunks_mut(BATCH) {
            let asleep = Countdown::new(batch.len() as u64, root);
            for pid in batch.iter_mut() {
                *pid = Some(spawn!(move || sleeper(asleep, herd)));
            }
            for pid in batch.iter().flatten() {
                send(*pid, Sleep);
            }
            receive! { AllHere => {} }
        }
        let grown = memory::footprint().saturating_sub(before);
        for (x, pid) in (0..).zip(pids.into_iter().flatten()) {
            send(pid, Number(x));
        }
        receive! { AllHere => {} }
        herd.check();
        Measured::bytes(n, grown)
    })
}

fn sleeper(asleep: &'static Countdown<Pid>, herd: &'static Herd<Pid>) {
    receive! { Sleep => {} }
    if let Some(root) = asleep.arrive() {
        send(*root, AllHere);
    }
    hibernate(move || {
        receive! {
            Number(x) => if let Some(root) = herd.end(x) {
                send(*root, AllHere);
            }
        }
    })
}
