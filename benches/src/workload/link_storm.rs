//! `link_storm`: a tree of linked processes falls, from the kill of its root to the last end.
//!
//! Each process spawns up to [`CHILDREN`] others, linked, and waits. When all have started the
//! one at the top is killed; each that ends takes with it those it is linked to. That all have
//! ended is counted by destructors on their stacks, the last of which notes the time: a process
//! that is being killed can tell nobody. The figure is the time per process.
//!
//! The tasks of tokio's side each hold their children in a `JoinSet`, which aborts them when it is
//! dropped, and the top one is aborted. So there the fall goes from parents to children alone.

use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use runtime::Node;
use runtime::prelude::*;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{Workload, in_task};
use crate::countdown::{AllHere, Countdown};
use crate::measured::{Measured, Unit};

pub(super) static WORKLOADS: [Workload; 1] = [Workload {
    name: "link_storm",
    about: "linked processes that fall when the first is killed",
    n: 100_000,
    unit: Unit::NsPerOp,
    warm_up: true,
    on_runtime,
    on_tokio: Some(on_tokio),
    workers: 1,
}];

const CHILDREN: u64 = 10;

/// How often it is looked whether all have ended.
const LOOK: Duration = Duration::from_millis(1);

/// A tree of processes, or tasks, that tell a `W` when all have started.
struct Tree<W: 'static> {
    size: u64,
    started: &'static Countdown<W>,
    ended: &'static Countdown<OnceLock<Instant>>,
}

impl<W> Clone for Tree<W> {
    fn clone(&self) -> Tree<W> {
        *self
    }
}

impl<W> Copy for Tree<W> {}

impl<W> Tree<W> {
    fn new(size: u64, root: W) -> Tree<W> {
        Tree {
            size,
            started: Countdown::new(size, root),
            ended: Countdown::new(size, OnceLock::new()),
        }
    }

    /// The numbers of the children of `number`, as in a heap.
    fn children(&self, number: u64) -> impl Iterator<Item = u64> + use<W> {
        let first = number * CHILDREN + 1;
        first.min(self.size)..(first + CHILDREN).min(self.size)
    }

    /// When the last ended, if it has.
    fn last_end(&self) -> Option<Instant> {
        self.ended.whom().get().copied()
    }

    /// The measure, since the kill at `start`, if all have ended.
    fn fallen(&self, start: Instant) -> Option<Measured> {
        let end = self.last_end()?;
        Some(Measured::time(self.size, end.duration_since(start)))
    }
}

/// Counts the end of one whose stack, or future, it lies in.
struct AtEnd(&'static Countdown<OnceLock<Instant>>);

impl Drop for AtEnd {
    fn drop(&mut self) {
        if let Some(last) = self.0.arrive() {
            last.set(Instant::now()).expect("there is one last end");
        }
    }
}

fn on_runtime(node: &Node, n: u64) -> Measured {
    node.run(move || {
        let tree = Tree::new(n, self_pid());
        let top = spawn!(move || branch(tree, 0));
        receive! { AllHere => {} }
        assert!(is_process_alive(top), "nothing falls before the kill");
        let start = Instant::now();
        exit_signal(top, ExitReason::Kill);
        loop {
            sleep(LOOK);
            if let Some(measured) = tree.fallen(start) {
                return measured;
            }
        }
    })
}

fn branch(tree: Tree<Pid>, number: u64) {
    let _end = AtEnd(tree.ended);
    for child in tree.children(number) {
        spawn_link!(move || branch(tree, child));
    }
    if let Some(root) = tree.started.arrive() {
        send(*root, AllHere);
    }
    let message = receive_any();
    unreachable!("nobody sends {message:?}");
}

fn on_tokio(rt: &Runtime, n: u64) -> Measured {
    in_task(rt, async move {
        let (root, mut mailbox) = mpsc::unbounded_channel();
        let tree = Tree::new(n, root);
        let top = tokio::spawn(branch_task(tree, 0));
        mailbox.recv().await.expect("the root holds a sender");
        assert!(!top.is_finished(), "nothing falls before the kill");
        let start = Instant::now();
        top.abort();
        loop {
            tokio::time::sleep(LOOK).await;
            if let Some(measured) = tree.fallen(start) {
                return measured;
            }
        }
    })
}

type Root = mpsc::UnboundedSender<AllHere>;

/// Boxed, since it is made of itself.
fn branch_task(tree: Tree<Root>, number: u64) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        let _end = AtEnd(tree.ended);
        let mut children = JoinSet::new();
        for child in tree.children(number) {
            children.spawn(branch_task(tree, child));
        }
        if let Some(root) = tree.started.arrive() {
            root.send(AllHere).expect("the root waits");
        }
        std::future::pending().await
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_one_parent() {
        // The tree of any size holds each of its numbers once.
        for size in [1, 2, 11, 12, 1234] {
            let tree = Tree::new(size, ());
            let mut numbers: Vec<u64> = (0..size).flat_map(|n| tree.children(n)).collect();
            numbers.sort_unstable();
            assert_eq!(numbers, (1..size).collect::<Vec<_>>());
        }
    }
}
