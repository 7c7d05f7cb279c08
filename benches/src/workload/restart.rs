//! `restart`: a supervisor's child is killed, and another takes its place.
//!
//! Measures the time from the kill until the new child runs: the signal, the end of the process,
//! the supervisor's turn, the start of the next. The child is a process that waits in `receive!`.
//! tokio has no supervisor; there a task awaits the child's join handle and spawns another, which
//! is what programs write that need one, and the kill is an abort. Each time it is another child that
//! tells that it runs.

use std::time::{Duration, Instant};

use genserver::supervisor::{ChildSpec, Flags, Strategy, start_link};
use runtime::prelude::*;
use runtime::{ExitReason, Node};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::{Workload, in_task};
use crate::measured::{Measured, Unit};

pub(super) static WORKLOADS: [Workload; 1] = [Workload {
    name: "restart",
    about: "a supervisor's child is killed: until the next one runs",
    n: 20_000,
    unit: Unit::Us,
    warm_up: true,
    on_runtime,
    on_tokio: Some(on_tokio),
    workers: 1,
}];

/// A child runs.
#[derive(Debug)]
struct Up(Pid);

fn on_runtime(node: &Node, n: u64) -> Measured {
    node.run(move || {
        let root = self_pid();
        let child = move || {
            send(root, Up(self_pid()));
            drop(receive_any());
        };
        // As many restarts as it takes.
        let flags = Flags::new(Strategy::OneForOne).intensity(u32::MAX, Duration::from_millis(1));
        let supervisor = start_link(flags, vec![ChildSpec::process("child", child)]);
        let supervisor = supervisor.expect("it starts");
        let Up(mut child) = receive_type();
        let mut took = Vec::with_capacity(n as usize);
        for _ in 0..n {
            let start = Instant::now();
            exit_signal(child, ExitReason::Kill);
            let Up(next) = receive_type();
            took.push(start.elapsed().as_nanos() as u64);
            assert_ne!(child, next, "another child");
            child = next;
        }
        supervisor.stop().expect("it stops");
        Measured::lateness(took)
    })
}

fn on_tokio(rt: &Runtime, n: u64) -> Measured {
    in_task(rt, async move {
        let (root, mut ups) = mpsc::unbounded_channel::<AbortHandle>();
        let supervisor = tokio::spawn(async move {
            loop {
                let (root, (given, handle)) = (root.clone(), tokio::sync::oneshot::channel());
                let child = tokio::spawn(async move {
                    let handle = handle.await.expect("the supervisor gives it");
                    root.send(handle).expect("the root waits");
                    std::future::pending::<()>().await;
                });
                given.send(child.abort_handle()).expect("the child waits");
                let end = child.await.expect_err("it is killed");
                assert!(end.is_cancelled(), "it did not panic");
            }
        });
        let mut child = ups.recv().await.expect("a child runs");
        let mut took = Vec::with_capacity(n as usize);
        for _ in 0..n {
            let start = Instant::now();
            child.abort();
            let next = ups.recv().await.expect("the next child runs");
            took.push(start.elapsed().as_nanos() as u64);
            assert_ne!(child.id(), next.id(), "another child");
            child = next;
        }
        supervisor.abort();
        Measured::lateness(took)
    })
}
