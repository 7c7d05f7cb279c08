//! `mem_hibernated`: what a hibernated process costs in memory.
//!
//! As `mem_idle`, but each process receives one message, on a stack, and then hibernates: what is
//! left of it is a slot and a boxed continuation. The next message starts that on a fresh stack.

use std::sync::atomic::Ordering;

use runtime::Node;
use runtime::prelude::*;

use super::Workload;
use super::mem_idle::{Herd, batches, resident_list, sum_below};
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
        let mut pids: Vec<Pid> = resident_list(n);
        let before = memory::footprint();
        for size in batches(n) {
            let asleep = Countdown::new(size, root);
            let first = pids.len();
            pids.extend((0..size).map(|_| spawn!(move || sleeper(asleep, herd))));
            for pid in &pids[first..] {
                send(*pid, Sleep);
            }
            receive! { AllHere => {} }
        }
        let grown = memory::footprint() - before;
        for (x, pid) in pids.iter().enumerate() {
            send(*pid, Number(x as u64));
        }
        receive! { AllHere => {} }
        assert_eq!(herd.sum.load(Ordering::Relaxed), sum_below(n));
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
