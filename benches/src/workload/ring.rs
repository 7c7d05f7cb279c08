//! `ring`: 503 processes in a ring pass one token. `ring_many`: 1000 processes, 500 tokens.
//! `ring_wide`: `n` processes, one token.
//!
//! With one token at most one process is runnable at a time: a hop is a send, a wake-up and a
//! switch to a process that was not run for 502 hops, so its stack has left the first cache.
//! With many tokens both workers always have work, and what is measured is throughput of queues,
//! and whether the cores get into each other's way.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use runtime::Node;
use runtime::prelude::*;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::{Workload, in_task};
use crate::countdown::{AllHere, Countdown};
use crate::measured::{Measured, Unit};

pub(super) static WORKLOADS: [Workload; 2] = [
    Workload {
        name: "ring",
        about: "hops of one token round 503 processes",
        n: 5_000_000,
        unit: Unit::NsPerOp,
        warm_up: true,
        on_runtime: |node, n| on_runtime(node, n, &ONE),
        on_tokio: Some(|rt, n| on_tokio(rt, n, &ONE)),
        workers: 1,
    },
    Workload {
        name: "ring_many",
        about: "hops of 500 tokens round 1000 processes",
        n: 5_000_000,
        unit: Unit::NsPerOp,
        warm_up: true,
        on_runtime: |node, n| on_runtime(node, n, &MANY),
        on_tokio: Some(|rt, n| on_tokio(rt, n, &MANY)),
        workers: 1,
    },
];

/// For curves: its size is that of the ring.
pub(super) static WIDE: [Workload; 1] = [Workload {
    name: "ring_wide",
    about: "hops of one token round so many processes",
    n: 100_000,
    unit: Unit::NsPerOp,
    warm_up: true,
    on_runtime: |node, n| on_runtime(node, hops(n), wide(n)),
    on_tokio: Some(|rt, n| on_tokio(rt, hops(n), wide(n))),
    workers: 1,
}];

/// The hops that are made in a ring of so many processes.
fn hops(processes: u64) -> u64 {
    (2 * processes).max(500_000)
}

fn wide(processes: u64) -> &'static Shape {
    Box::leak(Box::new(Shape {
        processes,
        tokens: 1,
    }))
}

static ONE: Shape = Shape {
    processes: 503,
    tokens: 1,
};

static MANY: Shape = Shape {
    processes: 1000,
    tokens: 500,
};

struct Shape {
    processes: u64,
    tokens: u64,
}

impl Shape {
    /// How many hops each token has left when it is put in, so that all make `n`.
    fn lives(&self, n: u64) -> impl Iterator<Item = u64> {
        let (tokens, even, rest) = (self.tokens, n / self.tokens, n % self.tokens);
        (0..tokens).map(move |token| even + u64::from(token < rest))
    }

    /// The process into which a token is put.
    fn entry(&self, token: usize) -> usize {
        token * (self.processes / self.tokens) as usize
    }
}

/// What goes round, on both sides.
#[derive(Debug)]
enum Hop {
    /// A token that makes so many hops yet.
    Token(u64),
    /// The ring is done.
    Stop,
}

/// Whom a process of the ring sends to.
#[derive(Debug)]
struct Next(Pid);

/// What the processes of a ring share.
struct Ring<W: 'static> {
    /// Tokens on their way.
    tokens: &'static Countdown<W>,
    /// Processes that have not ended.
    processes: &'static Countdown<W>,
    hops: AtomicU64,
}

impl<W: Clone> Ring<W> {
    fn new(shape: &Shape, root: &W) -> &'static Ring<W> {
        Box::leak(Box::new(Ring {
            tokens: Countdown::new(shape.tokens, root.clone()),
            processes: Countdown::new(shape.processes, root.clone()),
            hops: AtomicU64::new(0),
        }))
    }

    /// A process ends, having passed tokens on so often.
    fn leave(&'static self, hops: u64) -> Option<&'static W> {
        self.hops.fetch_add(hops, Ordering::Relaxed);
        self.processes.arrive()
    }
}

fn on_runtime(node: &Node, n: u64, shape: &'static Shape) -> Measured {
    node.run(move || {
        let ring = Ring::new(shape, &self_pid());
        let pids: Vec<Pid> = (0..shape.processes)
            .map(|_| {
                spawn!(move || {
                    receive! { Next(next) => relay(next, ring) }
                })
            })
            .collect();
        for (i, pid) in pids.iter().enumerate() {
            send(*pid, Next(pids[(i + 1) % pids.len()]));
        }
        let start = Instant::now();
        for (token, left) in shape.lives(n).enumerate() {
            send(pids[shape.entry(token)], Hop::Token(left));
        }
        receive! { AllHere => {} }
        let time = start.elapsed();
        for pid in pids {
            send(pid, Hop::Stop);
        }
        receive! { AllHere => {} }
        assert_eq!(ring.hops.load(Ordering::Relaxed), n, "a token was lost");
        Measured::time(n, time)
    })
}

fn relay(next: Pid, ring: &'static Ring<Pid>) {
    let mut hops = 0;
    loop {
        receive! {
            hop: Hop => match hop {
                Hop::Token(0) => {
                    if let Some(root) = ring.tokens.arrive() {
                        send(*root, AllHere);
                    }
                }
                Hop::Token(left) => {
                    hops += 1;
                    send(next, Hop::Token(left - 1));
                }
                Hop::Stop => break,
            }
        }
    }
    if let Some(root) = ring.leave(hops) {
        send(*root, AllHere);
    }
}

type Root = mpsc::UnboundedSender<AllHere>;

fn on_tokio(rt: &Runtime, n: u64, shape: &'static Shape) -> Measured {
    in_task(rt, async move {
        let (root, mut mailbox) = mpsc::unbounded_channel();
        let ring = Ring::new(shape, &root);
        let (senders, mailboxes): (Vec<_>, Vec<_>) = (0..shape.processes)
            .map(|_| mpsc::unbounded_channel())
            .unzip();
        for (i, mailbox) in mailboxes.into_iter().enumerate() {
            let next = senders[(i + 1) % senders.len()].clone();
            tokio::spawn(relay_task(mailbox, next, ring));
        }
        let start = Instant::now();
        for (token, left) in shape.lives(n).enumerate() {
            let entry = &senders[shape.entry(token)];
            entry.send(Hop::Token(left)).expect("a relay lives");
        }
        mailbox.recv().await.expect("the root holds a sender");
        let time = start.elapsed();
        for sender in senders {
            sender.send(Hop::Stop).expect("a relay lives");
        }
        mailbox.recv().await.expect("the root holds a sender");
        assert_eq!(ring.hops.load(Ordering::Relaxed), n, "a token was lost");
        Measured::time(n, time)
    })
}

async fn relay_task(
    mut mailbox: mpsc::UnboundedReceiver<Hop>,
    next: mpsc::UnboundedSender<Hop>,
    ring: &'static Ring<Root>,
) {
    let mut hops = 0;
    while let Some(hop) = mailbox.recv().await {
        match hop {
            Hop::Token(0) => {
                if let Some(root) = ring.tokens.arrive() {
                    root.send(AllHere).expect("the root waits");
                }
            }
            Hop::Token(left) => {
                hops += 1;
                next.send(Hop::Token(left - 1)).expect("a relay lives");
            }
            Hop::Stop => break,
        }
    }
    if let Some(root) = ring.leave(hops) {
        root.send(AllHere).expect("the root waits");
    }
}
