//! `mem_idle`: what a process costs in memory that waits in `receive!`.
//!
//! A million processes that have run, stand on stacks and wait; and a million tasks, each with an
//! unbounded mailbox, that have been polled and wait. The figure is the growth of the resident
//! set and of the page tables. The spawner's list of them, which every program needs in some form,
//! lies there before the first look.

use runtime::Node;
use runtime::prelude::*;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::herd::{BATCH, Herd};
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

#[derive(Debug)]
struct Number(u64);

fn on_runtime(node: &Node, n: u64) -> Measured {
    node.run(move || {
        let root = self_pid();
        let herd = Herd::new(n, root);
        let mut pids = vec![None; n as usize];
        let before = memory::footprint();
        for batch in pids.chunks_mut(BATCH) {
            let started = Countdown::new(batch.len() as u64, root);
            for pid in batch {
                *pid = Some(spawn!(move || idle(started, herd)));
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

type Root = mpsc::UnboundedSender<AllHere>;

fn on_tokio(rt: &Runtime, n: u64) -> Measured {
    in_task(rt, async move {
        let (root, mut mailbox) = mpsc::unbounded_channel();
        let herd = Herd::new(n, root.clone());
        let mut senders = vec![None; n as usize];
        let before = memory::footprint();
        for batch in senders.chunks_mut(BATCH) {
            let started = Countdown::new(batch.len() as u64, root.clone());
            for entry in batch {
                let (sender, mailbox) = mpsc::unbounded_channel();
                tokio::spawn(idle_task(mailbox, started, herd));
                *entry = Some(sender);
            }
            mailbox.recv().await.expect("the root holds a sender");
        }
        let grown = memory::footprint().saturating_sub(before);
        for (x, sender) in (0..).zip(senders.iter().flatten()) {
            sender.send(Number(x)).expect("every task waits");
        }
        mailbox.recv().await.expect("the root holds a sender");
        herd.check();
        Measured::bytes(n, grown)
    })
}

async fn idle_task(
    mut mailbox: mpsc::UnboundedReceiver<Number>,
    started: &'static Countdown<Root>,
    herd: &'static Herd<Root>,
) {
    if let Some(root) = started.arrive() {
        root.send(AllHere).expect("the root waits");
    }
    let Number(x) = mailbox.recv().await.expect("the root sends a number");
    if let Some(root) = herd.end(x) {
        root.send(AllHere).expect("the root waits");
    }
}
