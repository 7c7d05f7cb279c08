//! How processes end: by a return, a panic, `exit`, a signal, a kill; and who notices.

mod expect;

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use expect::{Census, LONG, NOW, OnDrop, end_of, message, nothing, panic_of, reports, until};
use runtime::prelude::*;
use runtime::{Exit, exit_signal, panicking, trap_exit};

#[derive(Debug)]
struct Ready(Pid);

/// Answers each number with it, until it ends.
fn echo() -> Pid {
    spawn!(|| loop {
        receive! { (to, n): (Pid, u32) => send(to, n) }
    })
}

fn is_well(echo: Pid) {
    send(echo, (self_pid(), 77u32));
    assert_eq!(message::<u32>(), 77);
}

mod panics {
    use super::*;

    /// A panic ends its process alone: it is reported, and nobody else notices.
    #[runtime::test]
    fn a_panic_ends_its_process_alone() {
        reports::collect();
        let neighbour = echo();
        let census = Census::default();
        let token = census.token();
        let pid = spawn!(move || {
            let _token = token;
            panic!("a panic of one's own")
        });
        end_of(pid);
        assert_eq!(census.count(), 0);
        is_well(neighbour);
        let report = reports::expect("runtime::process", &["a panic of one's own"]);
        assert!(report.fields.contains(&format!("pid={pid}")), "{report:?}");
        assert!(report.fields.contains("tests/exit.rs:"), "{report:?}");
    }

    /// Ten thousand panics later everything is as before.
    #[runtime::test]
    fn many_panics() {
        reports::collect();
        let census = Census::default();
        for _ in 0..10_000 {
            let token = census.token();
            spawn!(move || {
                let _token = token;
                std::panic::resume_unwind(Box::new(()))
            });
        }
        census.none_is_left();
        is_well(echo());
    }

    /// A panic in a destructor ends the process like any other, and the other values of the
    /// frame are dropped.
    #[runtime::test]
    fn a_panic_in_a_destructor() {
        reports::collect();
        let census = Census::default();
        let (first, last) = (census.token(), census.token());
        let pid = spawn!(move || {
            let _first = first;
            let _bomb = OnDrop(|| panic!("a destructor's"));
            let _last = last;
        });
        end_of(pid);
        census.none_is_left();
        reports::expect(
            "runtime::process",
            &["a destructor's", &format!("pid={pid}")],
        );
    }

    /// A panic payload whose destructor panics ends its process alone.
    #[runtime::test]
    fn a_payload_that_panics_when_dropped() {
        reports::collect();
        struct Payload(u32);
        impl Drop for Payload {
            fn drop(&mut self) {
                if self.0 > 0 {
                    panic_any(Payload(self.0 - 1));
                }
            }
        }
        let neighbour = echo();
        for depth in [1, 2, 5] {
            let pid = spawn!(move || panic_any(Payload(depth)));
            end_of(pid);
        }
        is_well(neighbour);
    }

    /// A process's body that was never called is dropped with it; if that panics, nobody notices.
    #[runtime::test(workers = 1)]
    fn a_body_that_panics_when_dropped_uncalled() {
        reports::collect();
        let census = Census::default();
        let token = census.token();
        let bomb = OnDrop(move || {
            let _keep = &token;
            panic!("dropped uncalled")
        });
        let called = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&called);
        let pid = spawn!(move || {
            flag.store(true, Ordering::Release);
            drop(bomb);
        });
        exit_signal(pid, ExitReason::Kill);
        end_of(pid);
        census.none_is_left();
        assert!(!called.load(Ordering::Acquire));
    }

    /// A behaviour's state whose destructor panics ends with its process, alone.
    #[runtime::test]
    fn a_state_that_panics_when_dropped() {
        reports::collect();
        let census = Census::default();
        let token = census.token();
        let bomb = OnDrop(move || {
            let _keep = &token;
            panic!("a state's")
        });
        let spawned = Spawn::new()
            .receive_loop(move |_| {
                let _bomb = &bomb;
                Flow::Continue
            })
            .unwrap();
        exit_signal(spawned.pid, ExitReason::Shutdown);
        end_of(spawned.pid);
        census.none_is_left();
        is_well(echo());
    }

    /// A caught panic leaves the process as it was.
    #[runtime::test]
    fn a_caught_panic() {
        reports::collect();
        let text = panic_of(|| panic!("caught"));
        assert_eq!(text, "caught");
        assert!(!panicking());
        send(self_pid(), 1u8);
        assert_eq!(message::<u8>(), 1);
    }

    /// While a process unwinds it may send, spawn and ask who it is.
    #[runtime::test]
    fn a_destructor_may_use_the_runtime() {
        reports::collect();
        let root = self_pid();
        let pid = spawn!(move || {
            let _last = OnDrop(move || {
                assert!(panicking());
                send(root, Ready(self_pid()));
                spawn!(move || send(root, 5u32));
            });
            panic!("with last words");
        });
        assert_eq!(message::<Ready>().0, pid);
        assert_eq!(message::<u32>(), 5);
        end_of(pid);
    }

    /// A destructor may receive and sleep while its process unwinds.
    #[runtime::test(workers = 1)]
    fn a_destructor_may_block() {
        reports::collect();
        let root = self_pid();
        let pid = spawn!(move || {
            let _last = OnDrop(move || {
                send(root, Ready(self_pid()));
                let n: u32 = receive_type();
                sleep(Duration::from_millis(2));
                assert!(panicking());
                send(root, n + 1);
            });
            panic!("with a last receive");
        });
        assert_eq!(message::<Ready>().0, pid);
        send(pid, 8u32);
        assert_eq!(message::<u32>(), 9);
        end_of(pid);
        assert!(!panicking());
    }
}

mod exits {
    use super::*;

    /// `exit` ends the process, runs its destructors, and is no panic.
    #[runtime::test]
    fn exit_unwinds() {
        reports::collect();
        let root = self_pid();
        let pid = spawn!(move || {
            let _last = OnDrop(move || send(root, Ready(self_pid())));
            exit(ExitReason::other("enough"));
        });
        assert_eq!(message::<Ready>().0, pid);
        end_of(pid);
        assert!(reports::find("runtime::process", &[&format!("pid={pid} ")]).is_none());
    }

    /// `exit` may be caught, as in Erlang; then the process goes on as if nothing had been.
    #[runtime::test]
    fn a_caught_exit() {
        for _ in 0..3 {
            let caught = catch_unwind(|| exit(ExitReason::Shutdown));
            assert!(caught.is_err());
            assert!(!panicking());
        }
        sleep(Duration::from_millis(1));
        yield_now();
        send(self_pid(), 1u8);
        assert_eq!(message::<u8>(), 1);
    }

    /// A process function may return an error, which is its exit reason.
    #[runtime::test]
    fn an_error_ends_the_process() {
        fn fails() -> Result<(), std::num::ParseIntError> {
            "x".parse::<u8>()?;
            unreachable!()
        }
        use runtime::ProcessResult;
        let error = "x".parse::<u8>().unwrap_err();
        assert_eq!(fails().into_reason(), ExitReason::from(error));
        assert_eq!(Ok::<(), ExitReason>(()).into_reason(), ExitReason::Normal);
        assert_eq!(
            Err::<(), _>(ExitReason::Shutdown).into_reason(),
            ExitReason::Shutdown
        );
        end_of(spawn!(fails));
    }

    /// Two reasons are equal if they say the same.
    #[test]
    fn reasons_compare() {
        assert_eq!(ExitReason::other(3), ExitReason::other(3));
        assert_ne!(ExitReason::other(3), ExitReason::other(4));
        assert_ne!(ExitReason::other(3u8), ExitReason::other(3u16));
        assert_ne!(ExitReason::other(3), ExitReason::shutdown_with(3));
        assert_ne!(ExitReason::Kill, ExitReason::Killed);
        assert_eq!(ExitReason::other(3).clone(), ExitReason::other(3));
        assert!(ExitReason::shutdown_with(3).is_orderly());
        assert!(!ExitReason::other(3).is_orderly());
    }
}

mod signals {
    use super::*;

    /// A signal with any reason but `Normal` ends a process that does not trap exits, in
    /// whatever it waits.
    #[runtime::test]
    fn wherever_it_waits() {
        struct Idle;
        impl Behaviour for Idle {
            fn wake(&mut self, _: &mut Cx<'_>) -> Next {
                Next::Wait(Until::Forever)
            }
        }
        let waiting = [
            spawn!(|| drop(receive_any())),
            spawn!(|| drop(receive_timeout(Duration::from_secs(3600)))),
            spawn!(|| sleep(Duration::from_secs(3600))),
            spawn!(|| sleep(Duration::MAX)),
            spawn!(|| loop {
                tick();
            }),
            spawn!(|| loop {
                yield_now();
            }),
            spawn!(|| hibernate(|| {})),
            Spawn::new().behaviour(Idle).unwrap().pid,
            Spawn::new().receive_loop(|_| Flow::Continue).unwrap().pid,
            spawn!(|| drop(runtime::drive(&mut Idle))),
        ];
        for pid in waiting {
            exit_signal(pid, ExitReason::Normal);
        }
        for pid in waiting {
            // `Normal` is ignored: it must still be there when the next signal comes.
            assert!(is_process_alive(pid));
            exit_signal(pid, ExitReason::Shutdown);
            end_of(pid);
        }
    }

    /// `Normal` does not end a process that does not trap exits, not even when it sends it to
    /// itself.
    #[runtime::test]
    fn normal_is_ignored() {
        exit_signal(self_pid(), ExitReason::Normal);
        yield_now();
        nothing();
    }

    /// A process that traps exits receives signals as messages, in their order among the
    /// messages of the same sender; `Normal` too.
    #[runtime::test]
    fn trapped_signals_keep_the_order() {
        assert!(!trap_exit(true));
        assert!(trap_exit(true));
        let root = self_pid();
        let sender = spawn!(move || {
            for n in 0..100u32 {
                send(root, n);
                let reason = match n % 3 {
                    0 => ExitReason::Normal,
                    1 => ExitReason::Shutdown,
                    _ => ExitReason::other(n),
                };
                exit_signal(root, reason);
            }
        });
        for n in 0..100u32 {
            let Some(number) = receive_timeout(LONG) else {
                panic!("no message");
            };
            assert_eq!(number.downcast::<u32>().unwrap(), n);
            let Some(signal) = receive_timeout(LONG) else {
                panic!("no signal");
            };
            let signal = signal.downcast::<Exit>().unwrap();
            assert_eq!(signal.from, Some(sender));
            let reason = match n % 3 {
                0 => ExitReason::Normal,
                1 => ExitReason::Shutdown,
                _ => ExitReason::other(n),
            };
            assert_eq!(signal.reason, reason);
        }
    }

    /// A signal from a thread that is no process comes from nobody.
    #[runtime::test]
    fn a_signal_from_outside() {
        trap_exit(true);
        let root = self_pid();
        std::thread::spawn(move || exit_signal(root, ExitReason::Shutdown));
        let signal = message::<Exit>();
        assert_eq!((signal.from, signal.reason), (None, ExitReason::Shutdown));
    }

    /// A kill cannot be trapped, and from the moment it is sent the process counts as dead.
    #[runtime::test]
    fn a_kill() {
        let root = self_pid();
        let census = Census::default();
        for n in 0..1000u32 {
            let token = census.token();
            let pid = spawn!(move || {
                let _token = token;
                trap_exit(true);
                send(root, n);
                loop {
                    receive! { _: Exit => send(root, "trapped") }
                }
            });
            assert_eq!(message::<u32>(), n);
            exit_signal(pid, ExitReason::Kill);
            assert!(!is_process_alive(pid));
        }
        census.none_is_left();
        nothing();
    }

    /// `exit(Kill)` ends the process that calls it, and only a kill signal cannot be caught.
    #[runtime::test]
    fn exit_with_kill_is_an_exit() {
        assert!(catch_unwind(|| exit(ExitReason::Kill)).is_err());
        yield_now();
        assert!(is_process_alive(self_pid()));
    }

    /// A process that is killed before it ever ran does not run.
    #[runtime::test(workers = 1)]
    fn killed_unborn() {
        let ran = Arc::new(AtomicU32::new(0));
        let census = Census::default();
        let pids: Vec<Pid> = (0..100)
            .map(|_| {
                let (ran, token) = (Arc::clone(&ran), census.token());
                spawn!(move || {
                    let _token = token;
                    ran.fetch_add(1, Ordering::AcqRel);
                })
            })
            .collect();
        // The caller has not switched since: the newborn wait behind it.
        for &pid in &pids {
            exit_signal(pid, ExitReason::Kill);
        }
        pids.into_iter().for_each(end_of);
        census.none_is_left();
        assert_eq!(ran.load(Ordering::Acquire), 0);
    }

    /// A signal to the dead is lost, and so is one to the never-born next of its slot.
    #[runtime::test]
    fn a_signal_to_the_dead() {
        let dead = spawn!(|| {});
        end_of(dead);
        let living: Vec<Pid> = (0..64).map(|_| echo()).collect();
        for _ in 0..100 {
            exit_signal(dead, ExitReason::Kill);
            exit_signal(dead, ExitReason::Shutdown);
        }
        living.into_iter().for_each(is_well);
    }

    /// What a destructor does with the reason of a signal happens in the process that ends, not
    /// in its sender.
    #[runtime::test]
    fn a_reason_is_dropped_by_its_receiver() {
        #[derive(Debug)]
        struct Loud(Arc<std::sync::Mutex<Vec<Option<Pid>>>>);
        impl PartialEq for Loud {
            fn eq(&self, _: &Loud) -> bool {
                true
            }
        }
        impl Drop for Loud {
            fn drop(&mut self) {
                self.0.lock().unwrap().push(runtime::try_self_pid());
            }
        }
        let log = Arc::new(std::sync::Mutex::new(Vec::new()));
        let pid = echo();
        is_well(pid);
        exit_signal(pid, ExitReason::other(Loud(Arc::clone(&log))));
        end_of(pid);
        until("the drop of the reason", || !log.lock().unwrap().is_empty());
        assert_eq!(*log.lock().unwrap(), [Some(pid)]);
    }

    /// A fatal signal that is swallowed by a `catch_unwind` is raised again at every later switch
    /// point, until the process is gone.
    #[runtime::test]
    fn a_swallowed_signal_is_raised_again() {
        let root = self_pid();
        let raised = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&raised);
        let pid = spawn!(move || {
            send(root, Ready(self_pid()));
            let swallow = |f: &mut dyn FnMut()| {
                if catch_unwind(AssertUnwindSafe(f)).is_err() {
                    count.fetch_add(1, Ordering::AcqRel);
                }
            };
            swallow(&mut || drop(receive_any()));
            swallow(&mut || drop(receive_any()));
            swallow(&mut || drop(receive_timeout(NOW)));
            swallow(&mut || sleep(Duration::from_millis(1)));
            swallow(&mut || sleep(NOW));
            swallow(&mut yield_now);
            swallow(&mut || {
                for _ in 0..10_000_000 {
                    tick();
                }
            });
            swallow(&mut || hibernate(|| {}));
            // No switch points: these raise nothing.
            swallow(&mut || send(root, "too late"));
            swallow(&mut || _ = spawn!(|| {}));
        });
        assert_eq!(message::<Ready>().0, pid);
        exit_signal(pid, ExitReason::Shutdown);
        end_of(pid);
        assert_eq!(raised.load(Ordering::Acquire), 8);
        nothing();
    }

    /// What a process sends after its fatal signal is dropped, in its destructors too; its
    /// destructors may block nevertheless.
    #[runtime::test]
    fn sends_after_a_fatal_signal_are_dropped() {
        let root = self_pid();
        let census = Census::default();
        let token = census.token();
        let pid = spawn!(move || {
            let _token = token;
            let _last = OnDrop(move || {
                send(root, "from a destructor");
                sleep(Duration::from_millis(1));
                send(root, "from a destructor that slept");
            });
            send(root, Ready(self_pid()));
            let _ = catch_unwind(receive_any);
            send(root, "swallowed");
        });
        assert_eq!(message::<Ready>().0, pid);
        exit_signal(pid, ExitReason::Kill);
        census.none_is_left();
        end_of(pid);
        nothing();
    }

    /// A destructor that runs because of a fatal signal receives what is sent to it, and may give
    /// up waiting.
    #[runtime::test]
    fn a_destructor_receives_while_it_is_ended() {
        let root = self_pid();
        let heard = Arc::new(AtomicU32::new(0));
        let (sum, census) = (Arc::clone(&heard), Census::default());
        let token = census.token();
        let entered = Arc::new(AtomicBool::new(false));
        let is_in = Arc::clone(&entered);
        let pid = spawn!(move || {
            let _token = token;
            let _last = OnDrop(move || {
                is_in.store(true, Ordering::Release);
                for _ in 0..3 {
                    receive! { n: u32 => _ = sum.fetch_add(n, Ordering::AcqRel) }
                }
                receive! { _: u64 => {}, after Duration::from_millis(5) => {} }
            });
            send(root, Ready(self_pid()));
            receive_any();
        });
        assert_eq!(message::<Ready>().0, pid);
        exit_signal(pid, ExitReason::Shutdown);
        until("the destructor's begin", || entered.load(Ordering::Acquire));
        for n in [1u32, 10, 100] {
            sleep(Duration::from_millis(1));
            send(pid, n);
        }
        census.none_is_left();
        assert_eq!(heard.load(Ordering::Acquire), 111);
    }

    /// Of two fatal signals the first counts; the second changes nothing.
    #[runtime::test]
    fn a_second_signal_while_unwinding() {
        let root = self_pid();
        let census = Census::default();
        let token = census.token();
        let (entered, leave) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicBool::new(false)),
        );
        let (is_in, may_leave) = (Arc::clone(&entered), Arc::clone(&leave));
        let pid = spawn!(move || {
            let _token = token;
            let _last = OnDrop(move || {
                is_in.store(true, Ordering::Release);
                until("the word to leave", || may_leave.load(Ordering::Acquire));
            });
            send(root, Ready(self_pid()));
            receive_any();
        });
        assert_eq!(message::<Ready>().0, pid);
        exit_signal(pid, ExitReason::Shutdown);
        until("the destructor's begin", || entered.load(Ordering::Acquire));
        exit_signal(pid, ExitReason::other("again"));
        exit_signal(pid, ExitReason::Kill);
        assert_eq!(census.count(), 1);
        leave.store(true, Ordering::Release);
        census.none_is_left();
    }

    /// The messages that were sent before the fatal signal may be received still, those after
    /// it may not.
    #[runtime::test(workers = 1)]
    fn no_message_overtakes_a_signal() {
        let seen = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&seen);
        let pid = spawn!(move || loop {
            receive! { n: u32 => count.store(n, Ordering::Release) }
        });
        yield_now();
        send(pid, 1u32);
        exit_signal(pid, ExitReason::Shutdown);
        send(pid, 2u32);
        end_of(pid);
        assert!(seen.load(Ordering::Acquire) < 2);
    }
}

mod leftovers {
    use super::*;

    /// Messages left at the end are dropped in the process's own context, each panic caught; what
    /// their destructors send arrives.
    #[runtime::test]
    fn messages_left_at_the_end() {
        reports::collect();
        let root = self_pid();
        let census = Census::default();
        let everyone = census.clone();
        let pid = spawn!(move || {
            let leave = |round: u32| {
                for n in 0..3u32 {
                    let token = everyone.token();
                    let bomb = OnDrop(move || {
                        let _keep = &token;
                        send(root, (runtime::try_self_pid(), round, n));
                        match n {
                            0 => panic!("left behind"),
                            1 => drop(receive_any()),
                            _ => {}
                        }
                    });
                    send(self_pid(), Opaque(bomb));
                }
            };
            // Some are looked at and left, others never looked at.
            leave(0);
            send(self_pid(), "go");
            receive_type::<&str>();
            leave(1);
        });
        let mut dropped: Vec<_> = (0..6)
            .map(|_| message::<(Option<Pid>, u32, u32)>())
            .inspect(|(by, ..)| assert_eq!(*by, Some(pid)))
            .map(|(_, round, n)| (round, n))
            .collect();
        dropped.sort_unstable();
        assert_eq!(dropped, [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]);
        census.none_is_left();
        nothing();
    }

    /// A message's destructor that waits in another way than by a receive is refused as well when
    /// it is dropped at the end of its process; nothing hangs.
    #[runtime::test]
    fn a_destructor_at_the_end_cannot_wait() {
        reports::collect();
        struct Idle;
        impl Behaviour for Idle {
            fn wake(&mut self, _: &mut Cx<'_>) -> Next {
                Next::Wait(Until::Forever)
            }
        }
        let census = Census::default();
        let pid = spawn!(|| {
            let _: &str = receive_type();
        });
        let ways: [fn(); 5] = [
            || sleep(Duration::from_secs(3600)),
            || drop(runtime::drive(&mut Idle)),
            || hibernate(|| {}),
            || exit(ExitReason::Shutdown),
            || drop(receive_timeout(LONG)),
        ];
        for way in ways {
            let token = census.token();
            send(
                pid,
                Opaque(OnDrop(move || {
                    let _keep = &token;
                    way();
                })),
            );
        }
        send(pid, "end");
        census.none_is_left();
        end_of(pid);
        is_well(echo());
    }

    /// A destructor of what a process holds at rest may block when the process is killed, and is
    /// run to its end.
    #[runtime::test(workers = 1)]
    fn a_destructor_at_rest_may_block() {
        let root = self_pid();
        for hibernated in [false, true] {
            let done = Arc::new(AtomicU32::new(0));
            let note = Arc::clone(&done);
            let begun = Arc::new(AtomicBool::new(false));
            let begins = Arc::clone(&begun);
            let last = OnDrop(move || {
                begins.store(true, Ordering::Release);
                sleep(Duration::from_millis(1));
                assert_eq!(receive_type::<u32>(), 5);
                assert!(receive_timeout(Duration::from_millis(1)).is_none());
                yield_now();
                note.fetch_add(1, Ordering::AcqRel);
            });
            let pid = if hibernated {
                spawn!(move || {
                    send(root, "at rest");
                    hibernate(move || drop(last))
                })
            } else {
                let spawned = Spawn::new().receive_loop(move |_| {
                    let _keep = &last;
                    Flow::Continue
                });
                send(root, "at rest");
                spawned.unwrap().pid
            };
            assert_eq!(message::<&str>(), "at rest");
            yield_now();
            exit_signal(pid, ExitReason::Kill);
            until("the destructor's begin", || begun.load(Ordering::Acquire));
            sleep(Duration::from_millis(3));
            send(pid, 5u32);
            until("the destructor's end", || done.load(Ordering::Acquire) == 1);
        }
    }

    /// A message to the dead is dropped, at once, and `send` does not fail: not even if the
    /// message's destructor panics.
    #[runtime::test]
    fn a_message_to_the_dead() {
        reports::collect();
        let dead = spawn!(|| {});
        end_of(dead);
        let dropped = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&dropped);
        send(
            dead,
            Opaque(OnDrop(move || {
                count.fetch_add(1, Ordering::AcqRel);
            })),
        );
        assert_eq!(dropped.load(Ordering::Acquire), 1);
        send(dead, Opaque(OnDrop(|| panic!("nobody to drop me"))));
    }

    /// The state of a process at rest is dropped in its own context, never in a sender's.
    #[runtime::test]
    fn a_state_at_rest_is_dropped_at_home() {
        let root = self_pid();
        let last = OnDrop(move || send(root, Ready(self_pid())));
        let spawned = Spawn::new()
            .receive_loop(move |_| {
                let _keep = &last;
                Flow::Exit(ExitReason::Normal)
            })
            .unwrap();
        send(spawned.pid, ());
        assert_eq!(message::<Ready>().0, spawned.pid);

        let log = Arc::new(std::sync::Mutex::new(None));
        let by = Arc::clone(&log);
        let last = OnDrop(move || *by.lock().unwrap() = Some(runtime::try_self_pid()));
        let spawned = Spawn::new()
            .receive_loop(move |_| {
                let _keep = &last;
                Flow::Continue
            })
            .unwrap();
        exit_signal(spawned.pid, ExitReason::Kill);
        until("the drop of the state", || log.lock().unwrap().is_some());
        assert_eq!(*log.lock().unwrap(), Some(Some(spawned.pid)));
    }
}

mod roots {
    use super::*;

    fn node() -> Node {
        Builder::new().workers(1).start().unwrap()
    }

    /// `run` returns what its process returns.
    #[test]
    fn run_returns_the_result() {
        assert_eq!(runtime::run(|| vec![1, 2, 3]), [1, 2, 3]);
        assert_eq!(node().run(|| Err::<(), _>("no")), Err("no"));
    }

    /// `run` goes on with its process's panic, payload and all.
    #[test]
    fn run_panics_with_the_payload() {
        reports::collect();
        let panic = catch_unwind(|| node().run(|| panic_any(17u64))).unwrap_err();
        assert_eq!(panic.downcast_ref::<u64>(), Some(&17));
        let text = panic_of(|| runtime::run(|| panic!("of a root")));
        assert_eq!(text, "of a root");
    }

    /// `run` names the reason if its process exits.
    #[test]
    fn run_names_the_exit() {
        let text = panic_of(|| node().run(|| exit(ExitReason::other("enough"))));
        assert!(text.contains("\"enough\""), "{text}");
    }

    /// `run` names the reason if its process is ended by a signal.
    #[test]
    fn run_names_the_signal() {
        let text = panic_of(|| {
            node().run(|| {
                exit_signal(self_pid(), ExitReason::other("told so"));
                receive_any();
            })
        });
        assert!(text.contains("told so"), "{text}");
        let text = panic_of(|| {
            node().run(|| {
                exit_signal(self_pid(), ExitReason::Kill);
                receive_any();
            })
        });
        assert!(text.contains("killed"), "{text}");
    }

    /// A fatal signal decides the reason even if the function returns after swallowing it.
    #[test]
    fn a_swallowed_signal_decides() {
        let text = panic_of(|| {
            node().run(|| {
                exit_signal(self_pid(), ExitReason::other("told so"));
                let _ = catch_unwind(|| drop(receive_any()));
                5
            })
        });
        assert!(text.contains("told so"), "{text}");
    }

    /// `run` inside a process is refused: it would block the worker.
    #[runtime::test]
    fn run_inside_a_process() {
        let text = panic_of(|| runtime::run(|| ()));
        assert!(text.contains("spawn a process"), "{text}");
    }
}

/// A value that a process keeps in its frames lives until the process ends, whoever else panics
/// meanwhile on the same worker.
#[runtime::test(workers = 1)]
fn frames_of_others_survive() {
    reports::collect();
    let root = self_pid();
    let keepers: Vec<Pid> = (0..50u32)
        .map(|n| {
            spawn!(move || {
                let kept = vec![n; 100];
                receive! { (): () => {} }
                send(root, kept.iter().sum::<u32>());
            })
        })
        .collect();
    for _ in 0..50 {
        end_of(spawn!(|| panic!("in between")));
    }
    for (n, keeper) in keepers.into_iter().enumerate() {
        send(keeper, ());
        assert_eq!(message::<u32>(), n as u32 * 100);
    }
}
