//! `spawn_join`: one process spawns others and is told of the end of each.
//!
//! Measures a process's whole life with a monitor: `spawn_monitor!` and its [`Down`], against
//! `tokio::spawn` and its join handle, which is awaited. Both go on in waves of [`WAVE`], as
//! programs do that bound what they have under way: the wave is spawned, then all its ends are
//! taken in. The process takes them as they come, the task in the order of its handles, which is
//! the faster way there.

use std::hash::{Hash, Hasher};
use std::time::Instant;

use runtime::Node;
use runtime::prelude::*;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::{Workload, in_task};
use crate::measured::{Measured, Unit};

pub(super) static WORKLOADS: [Workload; 1] = [Workload {
    name: "spawn_join",
    about: "processes spawned with a monitor, each end received",
    n: 1_000_000,
    unit: Unit::NsPerOp,
    warm_up: true,
    on_runtime,
    on_tokio: Some(on_tokio),
    workers: 1,
}];

/// So many are under way at a time.
const WAVE: u64 = 100;

/// The sizes of the waves in which `n` are spawned.
fn waves(n: u64) -> impl Iterator<Item = u64> {
    (0..n)
        .step_by(WAVE as usize)
        .map(move |first| WAVE.min(n - first))
}

/// A sum over references that shows, as good as surely, whether two sets of them are the same.
#[derive(Default, PartialEq, Debug)]
struct Sum(u64);

impl Sum {
    fn add(&mut self, monitor: Ref) {
        let mut one = Digest(0);
        monitor.hash(&mut one);
        self.0 = self.0.wrapping_add(one.finish());
    }
}

struct Digest(u64);

impl Hasher for Digest {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64((*byte).into());
        }
    }

    fn write_u64(&mut self, x: u64) {
        self.0 = (self.0.rotate_left(5) ^ x).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

fn on_runtime(node: &Node, n: u64) -> Measured {
    node.run(move || {
        let (mut begun, mut ended) = (Sum::default(), Sum::default());
        let start = Instant::now();
        for size in waves(n) {
            for _ in 0..size {
                let (_, monitor) = spawn_monitor!(|| {});
                begun.add(monitor);
            }
            for _ in 0..size {
                receive! {
                    Down { monitor, reason, .. } => {
                        assert!(matches!(reason, ExitReason::Normal));
                        ended.add(monitor);
                    }
                }
            }
        }
        let time = start.elapsed();
        assert_eq!(begun, ended, "each monitor fires once");
        Measured::time(n, time)
    })
}

fn on_tokio(rt: &Runtime, n: u64) -> Measured {
    in_task(rt, async move {
        let (mut sum, mut spawned) = (0, 0);
        let mut wave: Vec<JoinHandle<u64>> = Vec::with_capacity(WAVE as usize);
        let start = Instant::now();
        for size in waves(n) {
            for _ in 0..size {
                let x = spawned;
                wave.push(tokio::spawn(async move { x }));
                spawned += 1;
            }
            for task in wave.drain(..) {
                sum += task.await.expect("no task panics");
            }
        }
        let time = start.elapsed();
        assert_eq!(sum, n * (n - 1) / 2);
        Measured::time(n, time)
    })
}
