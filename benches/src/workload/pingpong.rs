//! `pingpong`: two processes send a number to and fro.
//!
//! Measures a round trip: two sends, two wake-ups, two switches. One of the two spawns the
//! other, as programs do, and where they run is the scheduler's affair: a good one keeps a pair
//! that talks on one core. Ours answers the pid in the message; a tokio task answers through a
//! channel it was given, so it is spared the look-up and a word of message.
//!
//! * `pingpong_after`: the same with a time limit on each receive, which never passes: `after`, and
//!   `timeout()` around the receive on tokio's side. What the limit adds is the difference.

use std::future::Future;
use std::time::{Duration, Instant};

use runtime::Node;
use runtime::prelude::*;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::{Workload, in_task};
use crate::measured::{Measured, Unit};

const PINGPONG: Workload = Workload {
    name: "",
    about: "",
    n: 1_000_000,
    unit: Unit::NsPerOp,
    warm_up: true,
    on_runtime: |_, _| unreachable!(),
    on_tokio: None,
    workers: 1,
};

pub(super) static WORKLOADS: [Workload; 2] = [
    Workload {
        name: "pingpong",
        about: "round trips between two processes",
        on_runtime: |node, n| on_runtime(node, n, pinger),
        on_tokio: Some(|rt, n| on_tokio(rt, n, pinger_task)),
        ..PINGPONG
    },
    Workload {
        name: "pingpong_after",
        about: "round trips with a time limit on every receive",
        on_runtime: |node, n| on_runtime(node, n, pinger_after),
        on_tokio: Some(|rt, n| on_tokio(rt, n, pinger_task_after)),
        ..PINGPONG
    },
];

/// Longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(60);

#[derive(Debug)]
struct Ping {
    from: Pid,
    x: u64,
}

#[derive(Debug)]
struct Pong {
    x: u64,
}

#[derive(Debug)]
struct Stop;

#[derive(Debug)]
struct Took(Duration);

fn on_runtime(node: &Node, n: u64, pinger: fn(u64) -> Duration) -> Measured {
    node.run(move || {
        let root = self_pid();
        spawn!(move || send(root, Took(pinger(n))));
        receive! { Took(time) => Measured::time(n, time) }
    })
}

fn pinger(n: u64) -> Duration {
    let ponger = spawn!(ponger);
    let me = self_pid();
    let start = Instant::now();
    for sent in 0..n {
        send(ponger, Ping { from: me, x: sent });
        receive! { Pong { x } => assert_eq!(x, sent + 1) }
    }
    let time = start.elapsed();
    send(ponger, Stop);
    time
}

fn ponger() {
    loop {
        receive! {
            Ping { from, x } => send(from, Pong { x: x + 1 }),
            Stop => return,
        }
    }
}

fn pinger_after(n: u64) -> Duration {
    let ponger = spawn!(ponger_after);
    let me = self_pid();
    let start = Instant::now();
    for sent in 0..n {
        send(ponger, Ping { from: me, x: sent });
        receive! {
            Pong { x } => assert_eq!(x, sent + 1),
            after LIMIT => panic!("no pong"),
        }
    }
    let time = start.elapsed();
    send(ponger, Stop);
    time
}

fn ponger_after() {
    loop {
        receive! {
            Ping { from, x } => send(from, Pong { x: x + 1 }),
            Stop => return,
            after LIMIT => panic!("no ping"),
        }
    }
}

fn on_tokio<P>(rt: &Runtime, n: u64, pinger: fn(u64) -> P) -> Measured
where
    P: Future<Output = Duration> + Send + 'static,
{
    in_task(rt, async move {
        let (done, took) = oneshot::channel();
        tokio::spawn(async move {
            let time = pinger(n).await;
            done.send(time).expect("the root waits");
        });
        Measured::time(n, took.await.expect("the pinger ends"))
    })
}

async fn pinger_task(n: u64) -> Duration {
    let (ping, pings) = mpsc::unbounded_channel();
    let (pong, mut pongs) = mpsc::unbounded_channel();
    tokio::spawn(ponger_task(pings, pong));
    let start = Instant::now();
    for sent in 0..n {
        ping.send(sent).expect("the ponger lives");
        assert_eq!(pongs.recv().await, Some(sent + 1));
    }
    start.elapsed()
}

async fn ponger_task(mut pings: mpsc::UnboundedReceiver<u64>, pong: mpsc::UnboundedSender<u64>) {
    while let Some(x) = pings.recv().await {
        pong.send(x + 1).expect("the pinger waits");
    }
}

async fn pinger_task_after(n: u64) -> Duration {
    let (ping, pings) = mpsc::unbounded_channel();
    let (pong, mut pongs) = mpsc::unbounded_channel();
    tokio::spawn(ponger_task_after(pings, pong));
    let start = Instant::now();
    for sent in 0..n {
        ping.send(sent).expect("the ponger lives");
        assert_eq!(timeout(LIMIT, pongs.recv()).await, Ok(Some(sent + 1)));
    }
    start.elapsed()
}

async fn ponger_task_after(
    mut pings: mpsc::UnboundedReceiver<u64>,
    pong: mpsc::UnboundedSender<u64>,
) {
    while let Some(x) = timeout(LIMIT, pings.recv()).await.expect("a ping comes") {
        pong.send(x + 1).expect("the pinger waits");
    }
}
