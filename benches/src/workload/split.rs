//! `split`: two processes that talk, and that began on two workers.
//!
//! Measures what a pair costs that the scheduler did not keep, or cannot bring, together. The
//! split is forced: one of the two spawns [`CANDIDATES`] partners and then keeps its worker busy,
//! without a switch point, until one of them has started. That one runs on another worker, for
//! this worker has not let go of its process. In our safe mode both now stand on stacks, so they
//! stay apart for good; in migrate mode, and on tokio, the scheduler may bring them together,
//! and is welcome to.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use runtime::Node;
use runtime::prelude::*;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::{Workload, in_task};
use crate::cpu;
use crate::measured::{Measured, Unit};

pub(super) static WORKLOADS: [Workload; 1] = [Workload {
    name: "split",
    about: "round trips between two that began on two workers",
    n: 500_000,
    unit: Unit::NsPerOp,
    warm_up: false,
    on_runtime,
    on_tokio: Some(on_tokio),
    workers: 2,
}];

/// More than one, since what was spawned last may be kept for this worker.
const CANDIDATES: usize = 4;

/// Round trips that go before the measured ones, in hundredths of them.
const WARM_UP: u64 = 5;

/// The candidate that has started first.
struct Chosen(AtomicUsize);

impl Chosen {
    const NOBODY: usize = usize::MAX;

    fn new() -> &'static Chosen {
        Box::leak(Box::new(Chosen(AtomicUsize::new(Self::NOBODY))))
    }

    /// The candidate `number` has started.
    fn volunteer(&self, number: usize) {
        let (old, new) = (Self::NOBODY, number);
        // A later one finds the place taken, and is told to stop.
        let _ = self
            .0
            .compare_exchange(old, new, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Keeps this worker until a candidate has started on another.
    fn wait(&self) -> usize {
        let start = Instant::now();
        loop {
            let number = self.0.load(Ordering::Relaxed);
            if number != Self::NOBODY {
                return number;
            }
            assert!(
                start.elapsed() < Duration::from_secs(5),
                "no other worker took a partner"
            );
            cpu::work();
        }
    }
}

#[derive(Debug)]
struct Ping {
    from: Pid,
    x: u64,
}

#[derive(Debug)]
struct Pong {
    x: u64,
}

#[derive(Debug)]
struct Where {
    from: Pid,
}

#[derive(Debug)]
struct Here(ThreadId);

#[derive(Debug)]
struct Stop;

fn on_runtime(node: &Node, n: u64) -> Measured {
    node.run(move || {
        let chosen = Chosen::new();
        let candidates: [Pid; CANDIDATES] =
            std::array::from_fn(|number| spawn!(move || partner(number, chosen)));
        let number = chosen.wait();
        let (here, me) = (thread::current().id(), self_pid());
        for (i, candidate) in candidates.into_iter().enumerate() {
            if i != number {
                send(candidate, Stop);
            }
        }
        let partner = candidates[number];
        send(partner, Where { from: me });
        receive! { Here(there) => assert_ne!(there, here, "the pair is not split") }
        let round_trips = |n: u64| {
            for sent in 0..n {
                send(partner, Ping { from: me, x: sent });
                receive! { Pong { x } => assert_eq!(x, sent + 1) }
            }
        };
        round_trips(n * WARM_UP / 100);
        let start = Instant::now();
        round_trips(n);
        let time = start.elapsed();
        send(partner, Stop);
        Measured::time(n, time)
    })
}

fn partner(number: usize, chosen: &'static Chosen) {
    // Asked for where it started: afterwards it may be elsewhere.
    let here = thread::current().id();
    chosen.volunteer(number);
    loop {
        receive! {
            Ping { from, x } => send(from, Pong { x: x + 1 }),
            Where { from } => send(from, Here(here)),
            Stop => return,
        }
    }
}

fn on_tokio(rt: &Runtime, n: u64) -> Measured {
    in_task(rt, async move {
        let chosen = Chosen::new();
        let mut candidates = Vec::new();
        for number in 0..CANDIDATES {
            let (ping, pings) = mpsc::unbounded_channel();
            let (pong, pongs) = mpsc::unbounded_channel();
            tokio::spawn(partner_task(number, chosen, pings, pong));
            candidates.push((ping, pongs));
        }
        // The others end when their channels are dropped.
        let (ping, mut pongs) = candidates.swap_remove(chosen.wait());
        drop(candidates);
        let here = thread::current().id();
        assert_ne!(pongs.recv().await, Some(Answer::Here(here)), "not split");
        for sent in 0..n * WARM_UP / 100 {
            ping.send(sent).expect("the partner lives");
            assert_eq!(pongs.recv().await, Some(Answer::Pong(sent + 1)));
        }
        let start = Instant::now();
        for sent in 0..n {
            ping.send(sent).expect("the partner lives");
            assert_eq!(pongs.recv().await, Some(Answer::Pong(sent + 1)));
        }
        Measured::time(n, start.elapsed())
    })
}

#[derive(Debug, PartialEq)]
enum Answer {
    Here(ThreadId),
    Pong(u64),
}

async fn partner_task(
    number: usize,
    chosen: &'static Chosen,
    mut pings: mpsc::UnboundedReceiver<u64>,
    pong: mpsc::UnboundedSender<Answer>,
) {
    // One that was not chosen may find its channel closed already.
    let _ = pong.send(Answer::Here(thread::current().id()));
    chosen.volunteer(number);
    while let Some(x) = pings.recv().await {
        pong.send(Answer::Pong(x + 1)).expect("the other waits");
    }
}
