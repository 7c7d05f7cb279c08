//! `deep_..`: what a message costs when there are `n` of them.
//!
//! * `deep_reply`: a request and the reply to it, with `n` other messages in the mailbox. Behind
//!   any number it should cost what it costs behind none.
//! * `deep_drain`: a process sends itself `n` messages and then receives them.

use std::time::{Duration, Instant};

use runtime::Node;
use runtime::prelude::*;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::{Workload, in_task, selective};
use crate::measured::{Measured, Unit};

pub(super) static WORKLOADS: [Workload; 2] = [
    Workload {
        name: "deep_reply",
        about: "a request and its reply, received from behind so many messages",
        n: 100_000,
        unit: Unit::NsPerOp,
        warm_up: false,
        on_runtime: |node, n| selective::reply(node, REQUESTS, n),
        on_tokio: None,
        workers: 1,
    },
    Workload {
        name: "deep_drain",
        about: "a message sent, and received when so many have been sent",
        n: 100_000,
        unit: Unit::NsPerOp,
        warm_up: true,
        on_runtime: drain,
        on_tokio: Some(drain_on_tokio),
        workers: 1,
    },
];

const REQUESTS: u64 = 50_000;

/// The messages that are sent in all, at least, however few there are at a time.
const IN_ALL: u64 = 100_000;

fn turns(n: u64) -> u64 {
    IN_ALL.div_ceil(n)
}

#[derive(Debug)]
struct Item(u64);

fn drain(node: &Node, n: u64) -> Measured {
    node.run(move || {
        let me = self_pid();
        let mut time = Duration::ZERO;
        for _ in 0..turns(n) {
            let start = Instant::now();
            (0..n).for_each(|x| send(me, Item(x)));
            for expected in 0..n {
                receive! { Item(x) => assert_eq!(x, expected) }
            }
            time += start.elapsed();
        }
        Measured::time(n * turns(n), time)
    })
}

fn drain_on_tokio(rt: &Runtime, n: u64) -> Measured {
    in_task(rt, async move {
        let (sender, mut mailbox) = mpsc::unbounded_channel();
        let mut time = Duration::ZERO;
        for _ in 0..turns(n) {
            let start = Instant::now();
            for x in 0..n {
                sender.send(x).expect("the mailbox is here");
            }
            for expected in 0..n {
                assert_eq!(mailbox.recv().await, Some(expected));
            }
            time += start.elapsed();
        }
        Measured::time(n * turns(n), time)
    })
}
