//! `skynet`: a tree in which each process spawns ten, down to a million leaves; sums come up.
//!
//! Measures recursive spawning with a reply each: 1,111,111 processes, as many messages. What
//! matters is the order: depth first keeps few processes alive, breadth first nearly all of them,
//! each with a stack. tokio's side returns the sums through join handles, which do better there
//! than a channel for each inner task.

use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

use runtime::Node;
use runtime::prelude::*;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::{Workload, in_task};
use crate::measured::{Measured, Unit};

pub(super) static WORKLOADS: [Workload; 1] = [Workload {
    name: "skynet",
    about: "leaves of a tree of processes, ten to each",
    n: 1_000_000,
    unit: Unit::NsPerOp,
    warm_up: true,
    on_runtime,
    on_tokio: Some(on_tokio),
    workers: 1,
}];

const CHILDREN: u32 = 10;

/// The number of leaves of the largest whole tree with at most `n`; at least ten.
fn leaves(n: u64) -> u32 {
    let mut leaves = CHILDREN;
    while u64::from(leaves) * u64::from(CHILDREN) <= n {
        leaves *= CHILDREN;
    }
    leaves
}

/// The sum of the leaves' numbers.
fn expected(leaves: u32) -> u64 {
    u64::from(leaves) * (u64::from(leaves) - 1) / 2
}

#[derive(Debug)]
struct Sum(u64);

fn on_runtime(node: &Node, n: u64) -> Measured {
    let leaves = leaves(n);
    node.run(move || {
        let root = self_pid();
        let start = Instant::now();
        spawn!(move || subtree(root, 0, leaves));
        receive! { Sum(sum) => assert_eq!(sum, expected(leaves)) }
        Measured::time(leaves.into(), start.elapsed())
    })
}

/// The process above the `leaves` that begin at `first`.
fn subtree(parent: Pid, first: u32, leaves: u32) {
    if leaves == 1 {
        return send(parent, Sum(first.into()));
    }
    let me = self_pid();
    let each = leaves / CHILDREN;
    for child in 0..CHILDREN {
        spawn!(move || subtree(me, first + child * each, each));
    }
    let mut total = 0;
    for _ in 0..CHILDREN {
        receive! { Sum(sum) => total += sum }
    }
    send(parent, Sum(total));
}

fn on_tokio(rt: &Runtime, n: u64) -> Measured {
    let leaves = leaves(n);
    in_task(rt, async move {
        let start = Instant::now();
        let sum = tokio::spawn(subtree_task(0, leaves)).await;
        assert_eq!(sum.expect("no task panics"), expected(leaves));
        Measured::time(leaves.into(), start.elapsed())
    })
}

/// The task above the `leaves`, at least ten, that begin at `first`. Boxed, since it is made of
/// itself; a leaf needs no box.
fn subtree_task(first: u32, leaves: u32) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move {
        let each = leaves / CHILDREN;
        let children: [JoinHandle<u64>; CHILDREN as usize] = std::array::from_fn(|child| {
            let first = first + child as u32 * each;
            if each == 1 {
                tokio::spawn(async move { first.into() })
            } else {
                tokio::spawn(subtree_task(first, each))
            }
        });
        let mut total = 0;
        for child in children {
            total += child.await.expect("no task panics");
        }
        total
    })
}
