//! `pool`: 100 idle processes get a message each at once, and each burns 1 ms of CPU; again and
//! again.
//!
//! Measures how many cores a burst of work reaches when the processes were all spawned by one,
//! so on one worker, and stand on stacks, waiting. Counted is the CPU time that the work itself
//! burnt, by the threads' own clocks, within the wall time of all rounds: a core that spins for
//! work does not count.

use std::time::{Duration, Instant};

use runtime::Node;
use runtime::prelude::*;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::{Workload, in_task};
use crate::cpu;
use crate::measured::{Measured, Unit};

pub(super) static WORKLOADS: [Workload; 1] = [Workload {
    name: "pool",
    about: "100 waiting processes burn 1 ms each, in rounds",
    n: 2000,
    unit: Unit::Cores,
    warm_up: false,
    on_runtime,
    on_tokio: Some(on_tokio),
    workers: 1,
}];

const PROCESSES: u64 = 100;
const WORK: Duration = Duration::from_millis(1);

/// The rounds in which `n` pieces of work are done.
fn rounds(n: u64) -> u64 {
    (n / PROCESSES).max(1)
}

/// The figure, checked against the account of the whole program.
fn cores(n: u64, burnt: Duration, start: Instant, cpu_before: Duration) -> Measured {
    let wall = start.elapsed();
    let cpu = cpu::process_time() - cpu_before;
    let pieces = rounds(n) * PROCESSES;
    assert!(burnt >= WORK * pieces as u32, "work was left out");
    // The account counts in ticks of a few milliseconds.
    assert!(
        burnt <= cpu + Duration::from_millis(20),
        "{burnt:?} of {cpu:?}"
    );
    Measured::cores(pieces, burnt, wall)
}

#[derive(Debug)]
struct Ready;

#[derive(Debug)]
enum Order {
    Burn,
    Stop,
}

#[derive(Debug)]
struct Burnt(Duration);

fn on_runtime(node: &Node, n: u64) -> Measured {
    node.run(move || {
        let root = self_pid();
        let pool: Vec<Pid> = (0..PROCESSES)
            .map(|_| spawn!(move || member(root)))
            .collect();
        for _ in &pool {
            receive! { Ready => {} }
        }
        let (start, cpu_before) = (Instant::now(), cpu::process_time());
        let mut burnt = Duration::ZERO;
        for _ in 0..rounds(n) {
            for pid in &pool {
                send(*pid, Order::Burn);
            }
            for _ in &pool {
                receive! { Burnt(time) => burnt += time }
            }
        }
        let measured = cores(n, burnt, start, cpu_before);
        for pid in pool {
            send(pid, Order::Stop);
        }
        measured
    })
}

fn member(root: Pid) {
    send(root, Ready);
    loop {
        receive! {
            Order::Burn => send(root, Burnt(cpu::burn(WORK))),
            Order::Stop => return,
        }
    }
}

fn on_tokio(rt: &Runtime, n: u64) -> Measured {
    in_task(rt, async move {
        let (root, mut mailbox) = mpsc::unbounded_channel();
        let (ready, mut all_ready) = mpsc::unbounded_channel();
        let pool: Vec<_> = (0..PROCESSES)
            .map(|_| {
                let (sender, mut orders) = mpsc::unbounded_channel();
                let (root, ready) = (root.clone(), ready.clone());
                tokio::spawn(async move {
                    ready.send(Ready).expect("the root waits");
                    while let Some(()) = orders.recv().await {
                        let burnt = Burnt(cpu::burn(WORK));
                        root.send(burnt).expect("the root waits");
                    }
                });
                sender
            })
            .collect();
        for _ in &pool {
            all_ready.recv().await.expect("the root holds a sender");
        }
        let (start, cpu_before) = (Instant::now(), cpu::process_time());
        let mut burnt = Duration::ZERO;
        for _ in 0..rounds(n) {
            for member in &pool {
                member.send(()).expect("a member lives");
            }
            for _ in &pool {
                let Burnt(time) = mailbox.recv().await.expect("the root holds a sender");
                burnt += time;
            }
        }
        cores(n, burnt, start, cpu_before)
    })
}
