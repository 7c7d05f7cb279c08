//! `fan_in`: eight processes send to one as fast as they can.
//!
//! Measures the many-senders side of a mailbox: the cost of a message where it contends with
//! others, and how it comes over to the receiver, which takes part on another core or in turns.
//! Nothing holds the senders back, so messages pile up: allocation is a part of it. A sending process
//! ticks after each message, as one shall that loops without a switch point; a task sends its share
//! in one poll. The task that receives takes them in batches (`recv_many`), which is faster there
//! than one by one; a process receives each. The numbers sent are summed up, and the sum is checked.

use std::time::Instant;

use runtime::Node;
use runtime::prelude::*;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};

use super::{Workload, in_task};
use crate::measured::{Measured, Unit};

pub(super) static WORKLOADS: [Workload; 1] = [Workload {
    name: "fan_in",
    about: "messages from eight processes to one",
    n: 4_000_000,
    unit: Unit::NsPerOp,
    warm_up: true,
    on_runtime,
    on_tokio: Some(on_tokio),
    workers: 1,
}];

const SENDERS: u64 = 8;

/// What the task takes at a time.
const BATCH: usize = 100;

/// The numbers that a sender sends, so that all send those below `n`.
fn share(n: u64, sender: u64) -> impl Iterator<Item = u64> {
    (sender..n).step_by(SENDERS as usize)
}

/// The sum of the numbers below `n`.
fn sum_below(n: u64) -> u64 {
    n * (n - 1) / 2
}

#[derive(Debug)]
struct Item(u64);

#[derive(Debug)]
struct Sum(u64);

fn on_runtime(node: &Node, n: u64) -> Measured {
    node.run(move || {
        let root = self_pid();
        let start = Instant::now();
        let receiver = spawn!(move || {
            let mut sum = 0;
            for _ in 0..n {
                receive! { Item(x) => sum += x }
            }
            send(root, Sum(sum));
        });
        for sender in 0..SENDERS {
            spawn!(move || {
                for x in share(n, sender) {
                    send(receiver, Item(x));
                    tick();
                }
            });
        }
        receive! { Sum(sum) => assert_eq!(sum, sum_below(n)) }
        Measured::time(n, start.elapsed())
    })
}

fn on_tokio(rt: &Runtime, n: u64) -> Measured {
    in_task(rt, async move {
        let (done, sum) = oneshot::channel();
        let start = Instant::now();
        let (sender, mut mailbox) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut sum = 0;
            let mut batch = Vec::with_capacity(BATCH);
            while mailbox.recv_many(&mut batch, BATCH).await > 0 {
                sum += batch.drain(..).sum::<u64>();
            }
            done.send(sum).expect("the root waits");
        });
        for number in 0..SENDERS {
            let receiver = sender.clone();
            tokio::spawn(async move {
                for x in share(n, number) {
                    receiver.send(x).expect("the receiver lives");
                }
            });
        }
        drop(sender);
        assert_eq!(sum.await, Ok(sum_below(n)));
        Measured::time(n, start.elapsed())
    })
}
