//! `monitor_demonitor`: a process monitors another that lives, and takes the monitor back.
//!
//! Measures both signals on their way to a process that waits, and is not woken for them. What
//! comes nearest on tokio's side is to wait for the end of another task's mailbox, and to give up
//! the wait: `closed()` is polled once, which notes it there, and dropped, which takes the note
//! back.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Instant;

use runtime::Node;
use runtime::prelude::*;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::{Workload, in_task};
use crate::measured::{Measured, Unit};

pub(super) static WORKLOADS: [Workload; 1] = [Workload {
    name: "monitor_demonitor",
    about: "monitors of a waiting process, each taken back",
    n: 1_000_000,
    unit: Unit::NsPerOp,
    warm_up: true,
    on_runtime,
    on_tokio: Some(on_tokio),
    workers: 1,
}];

/// So often a task lets others run.
const TURN: u64 = 100;

#[derive(Debug)]
struct Ready;

#[derive(Debug)]
struct Stop;

fn on_runtime(node: &Node, n: u64) -> Measured {
    node.run(move || {
        let root = self_pid();
        let watched = spawn!(move || {
            send(root, Ready);
            receive! { Stop => {} }
        });
        receive! { Ready => {} }
        let start = Instant::now();
        for _ in 0..n {
            let watch = monitor(watched);
            assert!(demonitor(watch), "the watched process lives");
            tick();
        }
        let time = start.elapsed();
        let watch = monitor(watched);
        send(watched, Stop);
        receive! {
            Down { monitor, reason, .. } => {
                assert_eq!(monitor, watch, "a monitor fired that was taken back");
                assert!(matches!(reason, ExitReason::Normal));
            }
        }
        Measured::time(n, time)
    })
}

fn on_tokio(rt: &Runtime, n: u64) -> Measured {
    in_task(rt, async move {
        let (watched, mut mailbox) = mpsc::unbounded_channel::<Stop>();
        let task = tokio::spawn(async move { mailbox.recv().await.is_some() });
        let start = Instant::now();
        for i in 0..n {
            let mut end = pin!(watched.closed());
            let ended = poll_fn(|cx| Poll::Ready(end.as_mut().poll(cx).is_ready())).await;
            assert!(!ended, "the watched task lives");
            if i % TURN == 0 {
                tokio::task::yield_now().await;
            }
        }
        let time = start.elapsed();
        watched.send(Stop).expect("the watched task lives");
        watched.closed().await;
        assert!(task.await.expect("the task does not panic"));
        Measured::time(n, time)
    })
}
