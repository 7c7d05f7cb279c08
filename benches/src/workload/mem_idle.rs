//! `mem_idle`: what a process costs in memory that waits in `receive!`.
//!
//! A million processes that have run, stand on stacks and wait; and a million tasks, each with an
//! unbounded mailbox, that have been polled and wait. The figure is the growth of the resident
//! set and of the page tables. The spawner's list of them, which every program needs in some form,
//! lies there before the first look. They are spawned in batches, each awaited: how many wait to
//! be started at once is not what is asked. At the end each gets a number and adds it to a sum:
//! all are alive.

use std::sync::atomic::{AtomicU64, Ordering};

use runtime::Node;
use runtime::prelude::*;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::{Workload, in_task};
use crate::countdown::{AllHere, Countdown};
use crate::measured::{Measured, Unit};
use crate::memory;

pub(super) static WORKLOADS: [Workload; 1] = [Workload {
    name: "mem_idle",
    about: "memory of a process that waits on a stack",
    n: 1_000_000,
    unit: Unit::Bytes,
    warm_up: false,
    on_runtime,
    on_tokio: Some(on_tokio),
    workers: 1,
}];

/// So many are spawned before the spawner waits for them to start.
pub(super) const BATCH: u64 = 1000;

/// The sizes of the batches of `n`.
pub(super) fn batches(n: u64) -> impl Iterator<Item = u64> {
    (0..n)
        .step_by(BATCH as usize)
        .map(move |first| BATCH.min(n - first))
}

/// An empty list for `n` entries whose memory is resident already.
pub(super) fn resident_list<T>(n: u64) -> Vec<T> {
    let mut list: Vec<T> = Vec::with_capacity(n as usize);
    for entry in list.spare_capacity_mut() {
        let bytes: *mut u8 = entry.as_mut_ptr().cast();
        // SAFETY: the entry is memory of the list's own, at least a byte of it (checked by the
        // caller's choice of `T`, none is zero-sized), and it is no value yet.
        unsafe { bytes.write_volatile(1) };
    }
    list
}

/// The sum of the numbers that the processes get.
pub(super) fn sum_below(n: u64) -> u64 {
    n * (n - 1) / 2
}

/// What the processes share.
pub(super) struct Herd<W: 'static> {
    pub(super) sum: AtomicU64,
    pub(super) ended: &'static Countdown<W>,
}

impl<W> Herd<W> {
    pub(super) fn new(n: u64, root: W) -> &'static Herd<W> {
        Box::leak(Box::new(Herd {
            sum: AtomicU64::new(0),
            ended: Countdown::new(n, root),
        }))
    }

    /// One got the number `x` and ends.
    pub(super) fn end(&'static self, x: u64) -> Option<&'static W> {
        self.sum.fetch_add(x, Ordering::Relaxed);
        self.ended.arrive()
    }
}

#[derive(Debug)]
struct Number(u64);

fn on_runtime(node: &Node, n: u64) -> Measured {
    node.run(move || {
        let root = self_pid();
        let herd = Herd::new(n, root);
        let mut pids = resident_list(n);
        let before = memory::footprint();
        for size in batches(n) {
            let started = Countdown::new(size, root);
            pids.extend((0..size).map(|_| spawn!(move || idle(started, herd))));
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

fn idle(started: &'static Countdown<Pid>, herd: &'static Herd<Pid>) {
    if let Some(root) = started.arrive() {
        send(*root, AllHere);
    }
    receive! {
        Number(x) => if let Some(root) = herd.end(x) {
            send(*root, AllHere);
        }
    }
}

fn on_tokio(rt: &Runtime, n: u64) -> Measured {
    in_task(rt, async move {
        let (root, mut mailbox) = mpsc::unbounded_channel();
        let herd = Herd::new(n, root.clone());
        let mut senders = resident_list(n);
        let before = memory::footprint();
        for size in batches(n) {
            let started = Countdown::new(size, root.clone());
            senders.extend((0..size).map(|_| {
                let (sender, mailbox) = mpsc::unbounded_channel();
                tokio::spawn(idle_task(mailbox, started, herd));
                sender
            }));
            mailbox.recv().await.expect("the root holds a sender");
        }
        let grown = memory::footprint() - before;
        for (x, sender) in senders.iter().enumerate() {
            sender.send(x as u64).expect("every task waits");
        }
        mailbox.recv().await.expect("the root holds a sender");
        assert_eq!(herd.sum.load(Ordering::Relaxed), sum_below(n));
        Measured::bytes(n, grown)
    })
}

async fn idle_task(
    mut mailbox: mpsc::UnboundedReceiver<u64>,
    started: &'static Countdown<mpsc::UnboundedSender<AllHere>>,
    herd: &'static Herd<mpsc::UnboundedSender<AllHere>>,
) {
    if let Some(root) = started.arrive() {
        root.send(AllHere).expect("the root waits");
    }
    let x = mailbox.recv().await.expect("the root sends a number");
    if let Some(root) = herd.end(x) {
        root.send(AllHere).expect("the root waits");
    }
}
