//! `selective_..`: receiving the one that matters from behind 100,000 that do not.
//!
//! * `selective_other`: those before it are of four other types. A process sends itself the one
//!   it waits for and receives it, again and again; the figure is the time per message skipped.
//! * `selective_same`: they are of its own type, an enum, and another variant: each is looked
//!   into.
//! * `selective_guard`: they are of its own type, and a guard refuses each.
//! * `selective_reply`: a request with a fresh ref to another process and the reply to it. The
//!   figure is the time per round trip; behind any number it should be that of
//!   `selective_reply_none`, where the mailbox is empty.
//!
//! A channel of tokio's gives its messages in order, so there is no other side.

use std::time::Instant;

use runtime::Node;
use runtime::prelude::*;

use super::Workload;
use crate::measured::{Measured, Unit};

/// So many messages lie in the mailbox.
const BEHIND: u64 = 100_000;

const SELECTIVE: Workload = Workload {
    name: "",
    about: "",
    n: 200 * BEHIND,
    unit: Unit::NsPerOp,
    warm_up: false,
    on_runtime: |_, _| unreachable!(),
    on_tokio: None,
    workers: 1,
};

pub(super) static WORKLOADS: [Workload; 5] = [
    Workload {
        name: "selective_other",
        about: "messages of other types, skipped",
        on_runtime: other,
        ..SELECTIVE
    },
    Workload {
        name: "selective_same",
        about: "messages of another variant, skipped",
        on_runtime: same,
        ..SELECTIVE
    },
    Workload {
        name: "selective_guard",
        about: "messages that a guard refuses, skipped",
        on_runtime: guard,
        ..SELECTIVE
    },
    Workload {
        name: "selective_reply",
        about: "requests, the replies received from behind 100,000 messages",
        n: 200_000,
        on_runtime: |node, n| reply(node, n, BEHIND),
        ..SELECTIVE
    },
    Workload {
        name: "selective_reply_none",
        about: "the same with nothing else in the mailbox",
        n: 200_000,
        on_runtime: |node, n| reply(node, n, 0),
        ..SELECTIVE
    },
];

#[derive(Debug)]
struct Wanted(u64);

#[derive(Debug)]
struct Other<const TYPE: usize>(#[expect(dead_code, reason = "is never received")] u64);

#[derive(Debug)]
enum Same {
    Wanted(u64),
    Other(#[expect(dead_code, reason = "is never received")] u64),
}

/// Runs `step` so often that `n` messages are skipped, and once before.
fn skip(n: u64, mut step: impl FnMut(u64)) -> Measured {
    step(0);
    let steps = (n / BEHIND).max(1);
    let start = Instant::now();
    for i in 1..=steps {
        step(i);
    }
    Measured::time(steps * BEHIND, start.elapsed())
}

/// Fills the caller's own mailbox with `n` messages of four types.
fn fill(n: u64) {
    let me = self_pid();
    for i in 0..n {
        match i % 4 {
            0 => send(me, Other::<0>(i)),
            1 => send(me, Other::<1>(i)),
            2 => send(me, Other::<2>(i)),
            _ => send(me, Other::<3>(i)),
        }
    }
}

fn other(node: &Node, n: u64) -> Measured {
    node.run(move || {
        fill(BEHIND);
        let me = self_pid();
        skip(n, |i| {
            send(me, Wanted(i));
            receive! { Wanted(x) => assert_eq!(x, i) }
        })
    })
}

fn same(node: &Node, n: u64) -> Measured {
    node.run(move || {
        let me = self_pid();
        for i in 0..BEHIND {
            send(me, Same::Other(i));
        }
        skip(n, |i| {
            send(me, Same::Wanted(i));
            receive! { Same::Wanted(x) => assert_eq!(x, i) }
        })
    })
}

fn guard(node: &Node, n: u64) -> Measured {
    node.run(move || {
        let me = self_pid();
        for i in 0..BEHIND {
            send(me, Wanted(u64::MAX - i));
        }
        skip(n, |i| {
            send(me, Wanted(i));
            receive! { Wanted(x) if x == i => assert_eq!(x, i) }
        })
    })
}

#[derive(Debug)]
struct Request {
    from: Pid,
    id: Ref,
    x: u64,
}

#[derive(Debug)]
struct Reply {
    id: Ref,
    x: u64,
}

#[derive(Debug)]
struct Stop;

pub(super) fn reply(node: &Node, n: u64, behind: u64) -> Measured {
    node.run(move || {
        fill(behind);
        // Takes the inbox in and lets others run, before there is a server: else that would be
        // given to another worker meanwhile, and the split would be what is measured.
        let me = self_pid();
        send(me, Wanted(0));
        receive! { Wanted(x) => assert_eq!(x, 0) }
        yield_now();
        let server = spawn!(serve);
        for x in 0..n / 10 {
            assert_eq!(ask(server, x), x + 1);
        }
        let start = Instant::now();
        for x in 0..n {
            assert_eq!(ask(server, x), x + 1);
        }
        let time = start.elapsed();
        send(server, Stop);
        Measured::time(n, time)
    })
}

fn serve() {
    loop {
        receive! {
            Request { from, id, x } => send(from, Reply { id, x: x + 1 }),
            Stop => return,
        }
    }
}

/// Sends a request and waits for the reply to it.
fn ask(server: Pid, x: u64) -> u64 {
    let id = make_ref();
    send(
        server,
        Request {
            from: self_pid(),
            id,
            x,
        },
    );
    let reply = receive_ref(id, None, |reply: &Reply| reply.id == id);
    reply.expect("there is no deadline").x
}
