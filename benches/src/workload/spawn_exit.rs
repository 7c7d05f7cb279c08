//! `spawn_exit`: one process spawns a million others, each of which ends at once.
//!
//! Measures the whole life of a process without a message: a slot taken, the closure queued,
//! stolen perhaps, run to its end, the slot given back. The spawner does not wait in between, and
//! `spawn` is no switch point on either side; so what another worker does not take piles up, and
//! the slots are cold when they are used. That all have ended is counted, in groups of
//! [`GROUP`] so that the count is not what is measured.

use std::time::Instant;

use runtime::Node;
use runtime::prelude::*;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::{Workload, in_task};
use crate::countdown::{AllHere, Countdown};
use crate::measured::{Measured, Unit};

pub(super) static WORKLOADS: [Workload; 1] = [Workload {
    name: "spawn_exit",
    about: "one process spawns others that end at once",
    n: 1_000_000,
    unit: Unit::NsPerOp,
    warm_up: true,
    on_runtime,
    on_tokio: Some(on_tokio),
    workers: 1,
}];

/// So many processes share a counter.
const GROUP: u64 = 1000;

/// The sizes of the groups into which `n` are divided.
fn groups(n: u64) -> impl Iterator<Item = u64> {
    (0..n)
        .step_by(GROUP as usize)
        .map(move |first| GROUP.min(n - first))
}

fn on_runtime(node: &Node, n: u64) -> Measured {
    node.run(move || {
        let root = self_pid();
        let start = Instant::now();
        for size in groups(n) {
            let group = Countdown::new(size, root);
            for _ in 0..size {
                spawn!(move || {
                    if let Some(root) = group.arrive() {
                        send(*root, AllHere);
                    }
                });
            }
        }
        for _ in groups(n) {
            receive! { AllHere => {} }
        }
        Measured::time(n, start.elapsed())
    })
}

fn on_tokio(rt: &Runtime, n: u64) -> Measured {
    in_task(rt, async move {
        let (root, mut mailbox) = mpsc::unbounded_channel();
        let start = Instant::now();
        for size in groups(n) {
            let group = Countdown::new(size, root.clone());
            for _ in 0..size {
                tokio::spawn(async move {
                    if let Some(root) = group.arrive() {
                        root.send(AllHere).expect("the root waits");
                    }
                });
            }
        }
        for _ in groups(n) {
            mailbox.recv().await.expect("the root holds a sender");
        }
        Measured::time(n, start.elapsed())
    })
}
