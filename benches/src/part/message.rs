//! A message: sent; sent and received; there and back again.

use runtime::prelude::*;

#[derive(Debug)]
struct Item(u64);

#[derive(Debug)]
struct Stop(Pid);

#[derive(Debug)]
struct Stopped;

/// Sends to a process that receives something else, and drops them all when it ends.
pub(super) fn send_only(n: u64) {
    let receiver = spawn!(|| {
        receive! { Stop(root) => send(root, Stopped) }
    });
    for x in 0..n {
        send(receiver, Item(x));
    }
    send(receiver, Stop(self_pid()));
    receive! { Stopped => {} }
}

/// Sends to itself and receives it.
pub(super) fn send_and_receive(n: u64) {
    let me = self_pid();
    for sent in 0..n {
        send(me, Item(sent));
        receive! { Item(x) => assert_eq!(x, sent) }
    }
}

#[derive(Debug)]
struct Ping(Pid, u64);

#[derive(Debug)]
struct Pong(u64);

/// Sends a number to another process, which sends it back, one more.
pub(super) fn round_trips(n: u64) {
    let ponger = spawn!(ponger);
    ping(ponger, n);
    stop(ponger);
}

/// Makes `n` round trips to a [`ponger`].
pub(super) fn ping(ponger: Pid, n: u64) {
    let me = self_pid();
    for sent in 0..n {
        send(ponger, Ping(me, sent));
        receive! { Pong(x) => assert_eq!(x, sent + 1) }
    }
}

/// Answers until it is stopped.
pub(super) fn ponger() {
    loop {
        receive! {
            Ping(from, x) => send(from, Pong(x + 1)),
            Stop(root) => break send(root, Stopped),
        }
    }
}

/// Stops a [`ponger`].
pub(super) fn stop(ponger: Pid) {
    send(ponger, Stop(self_pid()));
    receive! { Stopped => {} }
}
