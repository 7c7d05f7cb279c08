//! After `receive_SUITE`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use runtime::prelude::*;

use crate::expect::{LONG, NOW, message, nothing};

#[derive(Debug)]
struct Reply(Ref, u32);

/// The body of a process that answers each request.
fn answers() {
    loop {
        receive! { (from, reference, n): (Pid, Ref, u32) => send(from, Reply(reference, n)) }
    }
}

fn call(server: Pid, n: u32) -> Ref {
    let reference = make_ref();
    send(server, (self_pid(), reference, n));
    reference
}

/// A wait for a reply to a fresh reference looks at none of the messages that were queued before.
#[runtime::test]
fn call_with_huge_message_queue() {
    const MANY: u32 = 500_000;
    let server = spawn!(answers);
    (0..MANY).for_each(|n| send(self_pid(), Reply(make_ref(), n)));
    for n in 0..10 {
        let reference = call(server, n);
        let mut looks = 0;
        let reply = receive_ref(reference, LONG, |reply: &Reply| {
            looks += 1;
            reply.0 == reference
        });
        assert_eq!(reply.unwrap().1, n);
        assert_eq!(looks, 1);
    }
    (0..MANY).for_each(|n| assert_eq!(message::<Reply>().1, n));
}

/// A receive of something else between the making of a reference and the wait for its reply does
/// not lose the reply.
#[runtime::test]
fn receive_in_between() {
    let server = spawn!(answers);
    for n in 0..1000 {
        let reference = call(server, n);
        if n % 2 == 0 {
            send(self_pid(), "in between");
            assert_eq!(message::<&str>(), "in between");
        }
        assert!(receive_where(NOW, |_| false).is_none());
        let reply = receive_ref(reference, LONG, |reply: &Reply| reply.0 == reference);
        assert_eq!(reply.unwrap().1, n);
    }
    nothing();
}

/// A panic between the making of a reference and its receive, or in that, leaves the mailbox as it
/// is.
#[runtime::test]
fn receive_opt_exception() {
    let server = spawn!(answers);
    let me = self_pid();
    for n in 0..100 {
        send(me, n);
        let caught = catch_unwind(AssertUnwindSafe(|| {
            let reference = call(server, n);
            if n % 2 == 0 {
                exit(ExitReason::Shutdown);
            }
            receive_ref(reference, LONG, |_: &Reply| exit(ExitReason::Shutdown))
        }));
        assert!(caught.is_err());
        assert_eq!(message::<u32>(), n);
        assert_eq!(message::<Reply>().1, n);
        nothing();
    }
}

/// Waits for replies within waits for replies each begin where they should.
#[runtime::test]
fn receive_opt_recursion() {
    fn nested(server: Pid, depth: u32) {
        let reference = call(server, depth);
        if depth > 0 {
            nested(server, depth - 1);
        }
        let reply = receive_ref(reference, LONG, |reply: &Reply| reply.0 == reference);
        assert_eq!(reply.unwrap().1, depth);
        if depth > 0 {
            nested(server, depth / 2);
        }
    }
    let server = spawn!(answers);
    send(self_pid(), "before");
    nested(server, 50);
    assert_eq!(message::<&str>(), "before");
    nothing();
}

/// A receive that is left by a panic in its time-out's value has not moved the next one's start.
#[runtime::test]
fn gh_5235_missing_save_reset() {
    fn fails() -> Duration {
        exit(ExitReason::Shutdown)
    }
    for n in 0..3u32 {
        send(self_pid(), n);
    }
    let failed = catch_unwind(|| {
        receive! {
            "never" : &str => {}
            after fails() => {}
        }
    });
    assert!(failed.is_err());
    // A guard that panics at the last message.
    let failed = catch_unwind(|| {
        receive! { n: u32 if { if n == 2 { exit(ExitReason::Shutdown) } false } => {} }
    });
    assert!(failed.is_err());
    for n in 0..3u32 {
        assert_eq!(message::<u32>(), n);
    }
    nothing();
}
