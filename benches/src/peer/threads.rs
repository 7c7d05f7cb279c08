//! Threads of the operating system, and crossbeam's unbounded channels.
//!
//! Where a thread for each process makes sense: with two of them, with some hundred, not with a
//! million.

use std::thread;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::Sides;
use crate::measured::Measured;

pub(super) static SIDES: &Sides<fn(u64) -> Measured> =
    &[("pingpong", pingpong), ("ring", ring), ("fan_in", fan_in)];

/// The share of the hops, and of the round trips, that is made: each of them costs a thread's
/// wake-up, a hundred times what others need.
const SHARE: u64 = 20;

fn pingpong(n: u64) -> Measured {
    let n = (n / SHARE).max(1);
    let (ping, pings) = unbounded::<u64>();
    let (pong, pongs) = unbounded();
    let ponger = thread::spawn(move || {
        for x in pings {
            pong.send(x + 1).expect("the pinger waits");
        }
    });
    let start = Instant::now();
    for sent in 0..n {
        ping.send(sent).expect("the ponger lives");
        assert_eq!(pongs.recv(), Ok(sent + 1));
    }
    let time = start.elapsed();
    drop(ping);
    ponger.join().expect("it ends");
    Measured::time(n, time)
}

fn ring(n: u64) -> Measured {
    const THREADS: usize = 503;
    let n = (n / SHARE).max(1);
    let (root, done) = unbounded();
    let (senders, mailboxes): (Vec<_>, Vec<_>) = (0..THREADS).map(|_| unbounded()).unzip();
    let mut relays = Vec::new();
    for (i, mailbox) in mailboxes.into_iter().enumerate() {
        let next = senders[(i + 1) % THREADS].clone();
        let root = root.clone();
        relays.push(thread::spawn(move || relay(mailbox, next, root)));
    }
    let start = Instant::now();
    senders[0].send(Some(n)).expect("a relay lives");
    done.recv().expect("the token ends");
    let time = start.elapsed();
    for sender in senders {
        sender.send(None).expect("a relay lives");
    }
    let hops = relays
        .into_iter()
        .map(|relay| relay.join().expect("it ends"));
    assert_eq!(hops.sum::<u64>(), n, "the token was lost");
    Measured::time(n, time)
}

/// Passes the token on; returns how often.
fn relay(mailbox: Receiver<Option<u64>>, next: Sender<Option<u64>>, root: Sender<()>) -> u64 {
    let mut hops = 0;
    while let Ok(Some(left)) = mailbox.recv() {
        if left == 0 {
            root.send(()).expect("the root waits");
        } else {
            hops += 1;
            next.send(Some(left - 1)).expect("a relay lives");
        }
    }
    hops
}

fn fan_in(n: u64) -> Measured {
    const SENDERS: u64 = 8;
    let start = Instant::now();
    let (sender, mailbox) = unbounded();
    let receiver = thread::spawn(move || mailbox.iter().sum::<u64>());
    for first in 0..SENDERS {
        let sender = sender.clone();
        thread::spawn(move || {
            for x in (first..n).step_by(SENDERS as usize) {
                sender.send(x).expect("the receiver lives");
            }
        });
    }
    drop(sender);
    let sum = receiver.join().expect("it ends");
    assert_eq!(sum, n * (n - 1) / 2);
    Measured::time(n, start.elapsed())
}
