//! `mem_rest`: what a behaviour costs in memory that waits at rest.
//!
//! As `mem_idle`, but each process is a behaviour that was woken once, at its start, and has
//! returned to wait for ever: it has a slot and its state, and no stack.

use runtime::Node;
use runtime::prelude::*;

use super::Workload;
use super::herd::{BATCH, Herd};
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
        let mut pids = vec![None; n as usize];
        let before = memory::footprint();
        for batch in pids.chunks_mut(BATCH) {
            let started = Countdown::new(batch.len() as u64, root);
            for pid in batch {
                let spawned = Spawn::new().behaviour(Resting { started, herd });
                *pid = Some(spawned.expect("there is room for the process").pid);
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
