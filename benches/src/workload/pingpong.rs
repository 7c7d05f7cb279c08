//! `pingpong`: two processes send a number to and fro.
//!
//! Measures a round trip: two sends, two wake-ups, two switches. One of the two spawns the
//! other, as programs do, and where they run is the scheduler's affair: a good one keeps a pair
//! that talks on one core. Ours answers the pid in the message; a tokio task answers through a
//! channel it was given, so it is spared the look-up and a word of message.

use std::time::{Duration, Instant};

use runtime::Node;
use runtime::prelude::*;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};

use super::{Workload, in_task};
use crate::measured::{Measured, Unit};

pub(super) static WORKLOADS: [Workload; 1] = [Workload {
    name: "pingpong",
    about: "round trips between two processes",
    n: 1_000_000,
    unit: Unit::NsPerOp,
    warm_up: true,
    on_runtime,
    on_tokio: Some(on_tokio),
    workers: 1,
}];

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

fn on_runtime(node: &Node, n: u64) -> Measured {
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

fn on_tokio(rt: &Runtime, n: u64) -> Measured {
    in_task(rt, async move {
        let (done, took) = oneshot::channel();
        tokio::spawn(async move {
            let time = pinger_task(n).await;
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
