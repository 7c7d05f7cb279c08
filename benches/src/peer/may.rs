//! may: coroutines on stacks, and its unbounded channels.
//!
//! A coroutine has its stack from the start, and a stack is two mappings, of which the kernel gives
//! a program 65,530 unless told otherwise. So no more than [`AT_A_TIME`] are under way at once:
//! what spawns more does so in turns, and waits after each.
//!
//! Its `spawn` is unsafe: a coroutine moves between threads, so it must not keep what belongs to
//! one, nor overflow its stack. Nothing here does.

use std::time::Instant;

use may::coroutine::{self, JoinHandle};
use may::sync::SyncFlag;
use may::sync::mpsc::{self, Receiver, Sender};

use super::Sides;
use crate::countdown::Countdown;
use crate::measured::Measured;

pub(super) static SIDES: &Sides<fn(u64) -> Measured> = &[
    ("spawn_exit", spawn_exit),
    ("pingpong", pingpong),
    ("ring", |n| ring(n, 503, 1)),
    ("ring_many", |n| ring(n, 1000, 500)),
    ("fan_in", fan_in),
    ("skynet", skynet),
];

/// The coroutines that are under way at once, about.
const AT_A_TIME: u64 = 10_000;

/// Sets the number of workers, and has as many stacks kept for reuse as are under way; before the
/// first coroutine.
pub fn configure(workers: usize) {
    may::config()
        .set_workers(workers)
        .set_pool_capacity(AT_A_TIME as usize);
}

fn spawn<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    // SAFETY: no workload of this file keeps a thread-tied value over a point where it may be
    // suspended, and none uses much of its stack.
    unsafe { coroutine::spawn(f) }
}

/// Runs `root` as a coroutine.
fn run<T: Send + 'static>(root: impl FnOnce() -> T + Send + 'static) -> T {
    spawn(root).join().expect("the root does not panic")
}

/// The sum of the numbers below `n`.
fn sum_below(n: u64) -> u64 {
    n * (n - 1) / 2
}

fn spawn_exit(n: u64) -> Measured {
    run(move || {
        let start = Instant::now();
        for first in (0..n).step_by(AT_A_TIME as usize) {
            let size = AT_A_TIME.min(n - first);
            let turn = Countdown::new(size, SyncFlag::new());
            for _ in 0..size {
                spawn(|| {
                    if let Some(all_here) = turn.arrive() {
                        all_here.fire();
                    }
                });
            }
            turn.whom().wait();
        }
        Measured::time(n, start.elapsed())
    })
}

fn pingpong(n: u64) -> Measured {
    run(move || {
        let (ping, pings) = mpsc::channel::<u64>();
        let (pong, pongs) = mpsc::channel();
        spawn(move || {
            while let Ok(x) = pings.recv() {
                pong.send(x + 1).expect("the pinger waits");
            }
        });
        let start = Instant::now();
        for sent in 0..n {
            ping.send(sent).expect("the ponger lives");
            assert_eq!(pongs.recv(), Ok(sent + 1));
        }
        Measured::time(n, start.elapsed())
    })
}

fn ring(n: u64, processes: u64, tokens: u64) -> Measured {
    run(move || {
        let (root, done) = mpsc::channel();
        let (senders, mailboxes): (Vec<_>, Vec<_>) = (0..processes)
            .map(|_| mpsc::channel::<Option<u64>>())
            .unzip();
        let mut relays = Vec::new();
        for (i, mailbox) in mailboxes.into_iter().enumerate() {
            let next = senders[(i + 1) % senders.len()].clone();
            let root = root.clone();
            relays.push(spawn(move || relay(mailbox, next, root)));
        }
        let start = Instant::now();
        for token in 0..tokens {
            let lives = n / tokens + u64::from(token < n % tokens);
            let entry = &senders[(token * (processes / tokens)) as usize];
            entry.send(Some(lives)).expect("a relay lives");
        }
        for _ in 0..tokens {
            done.recv().expect("every token ends");
        }
        let time = start.elapsed();
        for sender in senders {
            sender.send(None).expect("a relay lives");
        }
        let hops = relays
            .into_iter()
            .map(|relay| relay.join().expect("it ends"));
        assert_eq!(hops.sum::<u64>(), n, "a token was lost");
        Measured::time(n, time)
    })
}

/// Passes tokens on; returns how often.
fn relay(mailbox: Receiver<Option<u64>>, next: Sender<Option<u64>>, root: Sender<()>) -> u64 {
    let mut hops = 0;
    while let Ok(Some(left)) = mailbox.recv() {
        if left == 0 {
            root.send(()).expect("the root waits");
        } else {
            hops += 1;
            next.send(Some(left - 1)).expect("a relay lives");
        }
    }
    hops
}

fn fan_in(n: u64) -> Measured {
    const SENDERS: u64 = 8;
    run(move || {
        let start = Instant::now();
        let (sender, mailbox) = mpsc::channel();
        let receiver = spawn(move || mailbox.iter().sum::<u64>());
        for first in 0..SENDERS {
            let sender = sender.clone();
            spawn(move || {
                for x in (first..n).step_by(SENDERS as usize) {
                    sender.send(x).expect("the receiver lives");
                }
            });
        }
        drop(sender);
        assert_eq!(receiver.join().expect("it ends"), sum_below(n));
        Measured::time(n, start.elapsed())
    })
}

fn skynet(n: u64) -> Measured {
    const CHILDREN: u64 = 10;
    fn subtree(first: u64, leaves: u64) -> u64 {
        if leaves == 1 {
            return first;
        }
        let each = leaves / CHILDREN;
        let children: Vec<_> = (0..CHILDREN)
            .map(|child| spawn(move || subtree(first + child * each, each)))
            .collect();
        let sums = children
            .into_iter()
            .map(|child| child.join().expect("it ends"));
        sums.sum()
    }
    let leaves = CHILDREN.pow(n.clamp(CHILDREN, AT_A_TIME).ilog10());
    let trees = n.div_ceil(leaves);
    run(move || {
        let start = Instant::now();
        for _ in 0..trees {
            assert_eq!(subtree(0, leaves), sum_below(leaves));
        }
        Measured::time(leaves * trees, start.elapsed())
    })
}
