//! Hibernation: the stack is thrown away, the mailbox stays, a message wakes.

mod expect;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Waker;
use std::time::Duration;

use expect::behaviour::{By, DONE};
use expect::{Census, NOW, OnDrop, alone, end_of, message, nothing, reports, until};
use runtime::prelude::*;
use runtime::{drive, exit_signal, mailbox_len, trap_exit};

/// A hibernated process wakes when a message comes, and finds the message in its mailbox.
#[runtime::test]
fn wakes_with_the_message_queued() {
    let root = self_pid();
    let pid = spawn!(move || {
        send(root, "asleep");
        hibernate(move || {
            assert_eq!(mailbox_len(self_pid()), Some(1));
            let n: u32 = receive_type();
            send(root, (self_pid(), n));
        })
    });
    assert_eq!(message::<&str>(), "asleep");
    sleep(Duration::from_millis(2));
    nothing();
    send(pid, 5u32);
    assert_eq!(message::<(Pid, u32)>(), (pid, 5));
    end_of(pid);
}

/// A message that is queued already wakes at once: one never looked at, or one that an earlier
/// receive has left.
#[runtime::test]
fn a_queued_message_wakes_at_once() {
    let root = self_pid();
    for look in [false, true] {
        let pid = spawn!(move || {
            if look {
                receive_type::<u64>();
            }
            until("the message", || mailbox_len(self_pid()) == Some(1));
            hibernate(move || {
                let m: &str = receive_type();
                send(root, m);
            })
        });
        send(pid, "queued");
        if look {
            send(pid, 1u64);
        }
        assert_eq!(message::<&str>(), "queued");
    }
}

/// Nothing but a message wakes: not a waker from before, nor a signal that is ignored.
#[test]
fn only_a_message_wakes() {
    alone(|| {
        for early in [false, true] {
            let root = self_pid();
            let pid = spawn!(move || {
                drive(&mut By(move |cx: &mut Cx<'_>| {
                    let waker = cx.context().waker().clone();
                    if early {
                        waker.wake_by_ref();
                    }
                    send(root, Opaque(waker));
                    DONE
                }));
                hibernate(move || send(root, receive_timeout(NOW).is_some()))
            });
            let waker = message::<Opaque<Waker>>().0;
            // With each yield the process does what there is to do for it.
            yield_now();
            waker.wake();
            yield_now();
            exit_signal(pid, ExitReason::Normal);
            yield_now();
            nothing();
            send(pid, ());
            assert!(message::<bool>());
            end_of(pid);
        }
    });
}

/// The stack is unwound before the process sleeps: what it held is dropped.
#[runtime::test]
fn the_stack_is_unwound() {
    let census = Census::default();
    let (local, moved) = (census.token(), census.token());
    let pid = spawn!(move || {
        let _local = local;
        let inner = || {
            let moved = moved;
            hibernate(move || {
                receive_any();
                drop(moved);
            })
        };
        inner()
    });
    until("only the continuation's", || census.count() == 1);
    assert!(is_process_alive(pid));
    send(pid, ());
    census.none_is_left();
}

/// A process may hibernate again and again, with what it carries along.
#[runtime::test]
fn again_and_again() {
    fn counter(root: Pid, sum: u64) -> ! {
        hibernate(move || {
            receive! {
                n: u64 => counter(root, sum + n),
                "sum": &str => send(root, sum),
            }
        })
    }
    let root = self_pid();
    let pid = spawn!(move || counter(root, 0));
    for n in 0..2000u64 {
        send(pid, n);
        if n % 3 == 0 {
            yield_now();
        }
    }
    send(pid, "sum");
    assert_eq!(message::<u64>(), 1999 * 2000 / 2);
    end_of(pid);
}

/// A continuation's result is the process's, a panic of it too.
#[runtime::test]
fn how_the_continuation_ends() {
    reports::collect();
    let pid = spawn!(|| hibernate(|| -> Result<(), std::fmt::Error> {
        receive_any();
        Err(std::fmt::Error)
    }));
    send(pid, ());
    end_of(pid);
    let pid = spawn!(|| hibernate(|| panic!("in a continuation")));
    send(pid, ());
    end_of(pid);
    reports::expect(
        "runtime::process",
        &["in a continuation", &format!("pid={pid}")],
    );
}

/// A signal ends a hibernated process without waking it; what its continuation holds is dropped.
#[runtime::test]
fn a_signal_ends_it() {
    let census = Census::default();
    let woken = Arc::new(AtomicBool::new(false));
    let (token, flag) = (census.token(), Arc::clone(&woken));
    let root = self_pid();
    let pid = spawn!(move || {
        let _last = OnDrop(move || send(root, "unwound"));
        hibernate(move || {
            let _token = token;
            flag.store(true, Ordering::Release);
        })
    });
    assert_eq!(message::<&str>(), "unwound");
    exit_signal(pid, ExitReason::Shutdown);
    end_of(pid);
    census.none_is_left();
    assert!(!woken.load(Ordering::Acquire));
}

/// A trapped signal is a message, and wakes.
#[runtime::test]
fn a_trapped_signal_wakes() {
    let root = self_pid();
    let pid = spawn!(move || {
        trap_exit(true);
        send(root, "trapping");
        hibernate(move || {
            let exit: runtime::Exit = receive_type();
            send(root, exit);
        })
    });
    assert_eq!(message::<&str>(), "trapping");
    exit_signal(pid, ExitReason::Shutdown);
    assert_eq!(message::<runtime::Exit>().reason, ExitReason::Shutdown);
}

/// A hundred thousand processes may hibernate at a time, and all wake.
#[runtime::test]
fn a_hundred_thousand() {
    const COUNT: usize = 100_000;
    let root = self_pid();
    let asleep = Arc::new(AtomicUsize::new(0));
    let pids: Vec<Pid> = (0..COUNT)
        .map(|n| {
            let asleep = Arc::clone(&asleep);
            spawn!(move || {
                asleep.fetch_add(1, Ordering::AcqRel);
                hibernate(move || {
                    let m: usize = receive_type();
                    send(root, m == n);
                })
            })
        })
        .collect();
    until("all to sleep", || asleep.load(Ordering::Acquire) == COUNT);
    for (n, pid) in pids.into_iter().enumerate() {
        send(pid, n);
    }
    for _ in 0..COUNT {
        assert!(message::<bool>());
    }
}
