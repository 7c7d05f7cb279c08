//! `mem_rest`: what a behaviour costs in memory that waits at rest.
//!
//! As `mem_idle`, but each process is a behaviour that was woken once, at its start, and has
//! returned to wait for ever: it has a slot and its state, and no stack.

use std::sync::atomic::Ordering;

use runtime::Node;
use runtime::prelude::*;

use super::Workload;
use super::mem_idle::{Herd, batches, resident_list, sum_below};
use crate::countdown::{AllHere, Countdown};
use crate::measured::{Measured, Unit};
use crate::memory;

pub(super) static WORKLOADS: [Workload; 1] = [Workload {
    name: "mem_rest",
    about: "memory of a behaviour at rest",
    n: 1_000_000,
    unit: Unit::Bytes,
    warm_up: false,
    on_runtime,
    on_tokio: None,
    workers: 1,
}];

#[derive(Debug)]
struct Number(u64);

/// Waits for its number.
struct Resting {
    started: &'static Countdown<Pid>,
    herd: &'static Herd<Pid>,
}

impl Behaviour for Resting {
    fn wake(&mut self, cx: &mut Cx<'_>) -> Next {
        if cx.cause().start
            && let Some(root) = self.started.arrive()
        {
            send(*root, AllHere);
        }
        let Some(message) = cx.mail() else {
            return Next::Wait(Until::Forever);
        };
        let Number(x) = *message.downcast_ref().expect("only numbers are sent");
        if let Some(root) = self.herd.end(x) {
            send(*root, AllHere);
        }
        Next::Exit(ExitReason::Normal)
    }
}

fn on_runtime(node: &Node, n: u64) -> Measured {
    node.run(move || {
        let root = self_pid();
        let herd = Herd::new(n, root);
        let mut pids = resident_list(n);
        let before = memory::footprint();
        for size in batches(n) {
            let started = Countdown::new(size, root);
            pids.extend((0..size).map(|_| {
                let spawned = Spawn::new().behaviour(Resting { started, herd });
                spawned.expect("there is room for the process").pid
            }));
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
