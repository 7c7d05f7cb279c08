//! `timers_beside`: a timer is set and cancelled while `n` others wait.
//!
//! Measures whether what one timer costs depends on how many there are. The others are due in a
//! minute; on tokio each is a task that sleeps.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use runtime::Node;
use runtime::prelude::*;
use tokio::runtime::Runtime;
use tokio::task::{JoinSet, unconstrained};

use super::{Workload, in_task};
use crate::measured::{Measured, Unit};

pub(super) static WORKLOADS: [Workload; 1] = [Workload {
    name: "timers_beside",
    about: "timers set and cancelled while so many others wait",
    n: 100_000,
    unit: Unit::NsPerOp,
    warm_up: false,
    on_runtime,
    on_tokio: Some(on_tokio),
    workers: 1,
}];

const FAR: Duration = Duration::from_secs(60);
const TIMERS: u64 = 100_000;

/// When the timer `number` of those that wait is due.
fn due(number: u64) -> Duration {
    FAR + Duration::from_millis(number * 7919 % 10_000)
}

#[derive(Debug)]
struct Never;

fn on_runtime(node: &Node, n: u64) -> Measured {
    node.run(move || {
        let me = self_pid();
        let others: Vec<_> = (0..n)
            .map(|number| {
                tick();
                send_after(due(number), me, Never)
            })
            .collect();
        let start = Instant::now();
        for _ in 0..TIMERS {
            let timer = send_after(FAR, me, Never);
            assert!(cancel_timer(timer).is_some(), "it is not due yet");
            tick();
        }
        let time = start.elapsed();
        for other in others {
            assert!(cancel_timer(other).is_some(), "it is not due yet");
            tick();
        }
        Measured::time(TIMERS, time)
    })
}

fn on_tokio(rt: &Runtime, n: u64) -> Measured {
    in_task(
        rt,
        unconstrained(async move {
            let mut others = JoinSet::new();
            for number in 0..n {
                others.spawn(tokio::time::sleep(due(number)));
                if number % 100 == 0 {
                    tokio::task::yield_now().await;
                }
            }
            let start = Instant::now();
            for i in 0..TIMERS {
                let mut sleep = pin!(tokio::time::sleep(FAR));
                let over = poll_fn(|cx| Poll::Ready(sleep.as_mut().poll(cx).is_ready())).await;
                assert!(!over, "it is not due yet");
                if i % 100 == 0 {
                    tokio::task::yield_now().await;
                }
            }
            let time = start.elapsed();
            others.shutdown().await;
            Measured::time(TIMERS, time)
        }),
    )
}
