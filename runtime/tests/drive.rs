//! Behaviours on the caller's own stack (`drive`), and in its place (`enter`).

mod expect;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use expect::behaviour::{By, DONE, WAIT};
use expect::{Census, OnDrop, end_of, message, nothing};
use runtime::prelude::*;
use runtime::{drive, enter, exit_signal};

mod driven {
    use super::*;

    /// `drive` runs a behaviour whose state cannot be sent, on the caller's stack, and returns its
    /// reason.
    #[runtime::test]
    fn what_is_not_send() {
        let root = self_pid();
        let pid = spawn!(move || {
            let sum = Rc::new(Cell::new(0u64));
            let mine = Rc::clone(&sum);
            let mut counter = By(move |cx: &mut Cx<'_>| {
                while let Some(mail) = cx.mail() {
                    match mail.downcast::<u64>() {
                        Ok(n) => mine.set(mine.get() + n),
                        Err(_) => return Next::Exit(ExitReason::other("told so")),
                    }
                }
                if cx.cause().timeout {
                    send(root, "a time-out");
                }
                Next::Wait(Until::After(Duration::from_millis(5)))
            });
            let reason = drive(&mut counter);
            assert_eq!(reason, ExitReason::other("told so"));
            send(root, sum.get());
        });
        assert_eq!(message::<&str>(), "a time-out");
        for n in 0..=10u64 {
            send(pid, n);
        }
        send(pid, "end");
        assert_eq!(message::<u64>(), 55);
        end_of(pid);
    }

    /// `drive` follows `Become`, `Again` and `Hibernate`, and after it the process goes on.
    #[runtime::test]
    fn all_nexts() {
        let root = self_pid();
        send(root, 1u8);
        let log = Rc::new(Cell::new(0u32));
        let note = Rc::clone(&log);
        let mut step = 0;
        let reason = drive(&mut By(move |cx: &mut Cx<'_>| {
            step += 1;
            note.set(note.get() * 10 + step);
            match step {
                1 => {
                    assert!(cx.cause().start);
                    Next::Again
                }
                2 => {
                    assert!(!cx.cause().start);
                    // The byte lies before the position, and wakes nobody.
                    assert!(cx.mail_where(|m| m.is::<u64>()).is_none());
                    Next::Wait(Until::After(Duration::from_millis(2)))
                }
                3 => {
                    assert!(cx.cause().timeout);
                    // But it is mail, and ends a hibernation at once.
                    Next::Hibernate(Until::Forever)
                }
                _ => {
                    assert_eq!(cx.cause(), Cause::default());
                    let mut woken = 0;
                    Next::Become(Box::new(By(move |cx: &mut Cx<'_>| {
                        woken += 1;
                        assert_eq!(cx.cause().start, woken == 1);
                        if woken == 1 {
                            return Next::Again;
                        }
                        Next::Exit(ExitReason::Shutdown)
                    })))
                }
            }
        }));
        assert_eq!(reason, ExitReason::Shutdown);
        assert_eq!(log.get(), 1234);
        assert_eq!(message::<u8>(), 1);
        nothing();
    }

    /// A signal ends a driven behaviour like any process that waits.
    #[runtime::test]
    fn ended_by_a_signal() {
        let root = self_pid();
        let pid = spawn!(move || {
            let _last = OnDrop(|| assert!(std::thread::panicking()));
            send(root, ());
            drive(&mut By(|_: &mut Cx<'_>| WAIT));
            unreachable!();
        });
        message::<()>();
        exit_signal(pid, ExitReason::Shutdown);
        end_of(pid);
    }
}

mod entered {
    use super::*;

    /// `enter` unwinds the caller's stack first, then starts the behaviour at rest, with the
    /// mailbox as it was.
    #[runtime::test]
    fn unwinds_first() {
        let root = self_pid();
        let census = Census::default();
        let (token, watch) = (census.token(), census.clone());
        let pid = spawn!(move || {
            let _token = token;
            let kept: u8 = receive_type();
            enter(Box::new(By(move |cx: &mut Cx<'_>| {
                assert_eq!(watch.count(), 0);
                let mail = std::iter::from_fn(|| cx.mail()).count();
                send(root, (cx.cause(), mail, kept));
                WAIT
            })))
        });
        send(pid, "left");
        send(pid, 3u8);
        let (cause, mail, kept) = message::<(Cause, usize, u8)>();
        assert!(cause.start);
        assert_eq!((mail, kept), (1, 3));
        assert!(is_process_alive(pid));
        send(pid, ());
        assert_eq!(message::<(Cause, usize, u8)>().1, 1);
    }

    /// A destructor that runs for `enter` may block and send.
    #[runtime::test(workers = 1)]
    fn a_destructor_that_blocks() {
        let root = self_pid();
        let pid = spawn!(move || {
            let _last = OnDrop(move || {
                send(root, "unwinding");
                let n: u32 = receive_type();
                send(root, n);
            });
            enter(Box::new(By(move |cx: &mut Cx<'_>| {
                send(root, cx.mail().is_some());
                WAIT
            })))
        });
        assert_eq!(message::<&str>(), "unwinding");
        send(pid, 5u32);
        assert_eq!(message::<u32>(), 5);
        assert!(!message::<bool>());
        send(pid, ());
        assert!(message::<bool>());
    }

    /// A process that was told to exit does not enter: the signal decides.
    #[runtime::test]
    fn after_a_signal() {
        let entered = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&entered);
        let pid = spawn!(move || {
            exit_signal(self_pid(), ExitReason::Shutdown);
            enter(Box::new(By(move |_: &mut Cx<'_>| {
                flag.store(true, Ordering::Release);
                WAIT
            })))
        });
        end_of(pid);
        assert!(!entered.load(Ordering::Acquire));
    }

    /// A callback may enter another behaviour, and that one again, without end.
    #[runtime::test]
    fn again_and_again() {
        fn step(root: Pid, left: u32) -> ! {
            enter(Box::new(By(move |_: &mut Cx<'_>| match left {
                0 => {
                    send(root, "there");
                    DONE
                }
                _ => step(root, left - 1),
            })))
        }
        let root = self_pid();
        let pid = spawn!(move || step(root, 2000));
        assert_eq!(message::<&str>(), "there");
        end_of(pid);
    }
}
