//! Processes that are suspended in the middle of unwinding, and their neighbours.

mod expect;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, panicking};

use expect::unrest::Unrest;
use expect::{Census, OnDrop, end_of, message, reports};
use runtime::exit_signal;
use runtime::prelude::*;

/// Starts a process that blocks in a destructor while it unwinds; a `()` lets it go on, and
/// then it sends "gone".
fn suspended(root: Pid) -> Pid {
    spawn!(move || {
        let _last = OnDrop(move || {
            assert!(panicking());
            send(root, "unwinding");
            receive! { (): () => {} }
            assert!(panicking());
            send(root, "gone");
        });
        panic!("suspended");
    })
}

/// While a process is suspended in the middle of unwinding, its neighbours on the worker are
/// not unwinding: they run, wait, exit, are killed, panic and catch panics as ever.
#[runtime::test(workers = 1)]
fn neighbours_are_as_ever() {
    reports::collect();
    let root = self_pid();
    let suspended = suspended(root);
    assert_eq!(message::<&str>(), "unwinding");
    assert!(!panicking());
    for round in 0..20u32 {
        let census = Census::default();
        let token = || census.token();
        // Runs and waits.
        let echo = spawn!(move || loop {
            assert!(!panicking());
            receive! { n: u32 => send(root, n) }
        });
        send(echo, round);
        assert_eq!(message::<u32>(), round);
        exit_signal(echo, ExitReason::Shutdown);
        end_of(echo);
        // Panics, and knows it.
        let (mine, seen) = (token(), Arc::new(AtomicBool::new(false)));
        let flag = Arc::clone(&seen);
        let pid = spawn!(move || {
            let _mine = mine;
            let _last = OnDrop(move || flag.store(panicking(), Ordering::Release));
            panic!("round {round}");
        });
        end_of(pid);
        census.none_is_left();
        assert!(seen.load(Ordering::Acquire));
        reports::expect(
            "runtime::process",
            &[&format!("round {round}"), &format!("pid={pid} ")],
        );
        // Exits; is killed while it waits.
        let mine = token();
        end_of(spawn!(move || {
            let _mine = mine;
            exit(ExitReason::Shutdown)
        }));
        let mine = token();
        let pid = spawn!(move || {
            let _mine = mine;
            receive_any();
        });
        yield_now();
        exit_signal(pid, ExitReason::Kill);
        census.none_is_left();
    }
    assert!(!panicking());
    send(suspended, ());
    assert_eq!(message::<&str>(), "gone");
    end_of(suspended);
}

/// A neighbour that catches a panic or an exit of its own is not unwinding afterwards, and a
/// fatal signal reaches it.
#[runtime::test(workers = 1)]
fn a_neighbour_that_catches() {
    reports::collect();
    let root = self_pid();
    let suspended = suspended(root);
    assert_eq!(message::<&str>(), "unwinding");
    for by_exit in [true, false] {
        let census = Census::default();
        let token = census.token();
        let pid = spawn!(move || {
            let _token = token;
            let caught = catch_unwind(AssertUnwindSafe(|| match by_exit {
                true => exit(ExitReason::Shutdown),
                false => panic!("caught"),
            }));
            assert!(caught.is_err());
            send(root, panicking());
            receive_any();
        });
        assert!(!message::<bool>(), "it says that it unwinds: {by_exit}");
        exit_signal(pid, ExitReason::Shutdown);
        census.none_is_left();
    }
    send(suspended, ());
    assert_eq!(message::<&str>(), "gone");
}

/// A process that goes on with a panic it has caught unwinds, and says so, whoever is suspended
/// in the middle of unwinding beside it; a kill waits until it is through.
#[runtime::test(workers = 1)]
fn a_panic_that_goes_on() {
    reports::collect();
    let root = self_pid();
    let suspended = suspended(root);
    assert_eq!(message::<&str>(), "unwinding");
    let census = Census::default();
    let token = census.token();
    let pid = spawn!(move || {
        let _last = OnDrop(move || {
            let _token = &token;
            send(root, panicking());
            receive! { (): () => {} }
        });
        let caught = catch_unwind(|| panic!("caught, and goes on")).unwrap_err();
        std::panic::resume_unwind(caught);
    });
    assert!(message::<bool>());
    exit_signal(pid, ExitReason::Kill);
    yield_now();
    assert_eq!(census.count(), 1);
    send(pid, ());
    census.none_is_left();
    send(suspended, ());
    assert_eq!(message::<&str>(), "gone");
}

/// A panic that was never announced, as one brought over from a thread, is one all the same.
#[runtime::test(workers = 1)]
fn a_panic_from_elsewhere() {
    reports::collect();
    let root = self_pid();
    let suspended = suspended(root);
    assert_eq!(message::<&str>(), "unwinding");
    let elsewhere = std::thread::spawn(|| panic!("elsewhere"))
        .join()
        .unwrap_err();
    let pid = spawn!(move || {
        let _last = OnDrop(move || send(root, panicking()));
        std::panic::resume_unwind(elsewhere);
    });
    assert!(message::<bool>());
    end_of(pid);
    send(suspended, ());
    assert_eq!(message::<&str>(), "gone");
}

/// As many unwindings as a process is in, one in a destructor of the other, it is in when it goes
/// on, and its neighbours in none: a lock that they hold is not poisoned.
fn one_in_the_other(rounds: usize) {
    reports::collect();
    let root = self_pid();
    let nested = || {
        spawn!(move || {
            let _last = OnDrop(move || {
                let inner = catch_unwind(AssertUnwindSafe(|| {
                    let _inner = OnDrop(|| {
                        send(root, "unwinding");
                        receive! { (): () => {} }
                        assert!(panicking());
                    });
                    std::panic::resume_unwind(Box::new(()));
                }));
                assert!(inner.is_err());
                assert!(panicking());
                send(root, "gone");
            });
            panic!("the outer one");
        })
    };
    for _ in 0..rounds {
        let pids: Vec<Pid> = (0..20).map(|_| nested()).collect();
        for _ in 0..20 {
            assert_eq!(message::<&str>(), "unwinding");
            assert!(!panicking());
        }
        let lock = Mutex::new(());
        let guard = lock.lock().unwrap();
        yield_now();
        drop(guard);
        assert!(!lock.is_poisoned());
        for &pid in pids.iter().rev() {
            send(pid, ());
        }
        for _ in 0..20 {
            assert_eq!(message::<&str>(), "gone");
        }
        pids.into_iter().for_each(end_of);
        assert!(!panicking());
    }
}

/// Where all share one thread.
#[runtime::test(workers = 1)]
fn one_in_the_other_on_one_worker() {
    one_in_the_other(10);
}

/// On several threads.
#[runtime::test]
fn one_in_the_other_on_several() {
    let unrest = Unrest::new();
    one_in_the_other(10);
    drop(unrest);
}

/// Beside processes that move from thread to thread.
#[runtime::test(workers = 2, unsafe(migrate))]
fn one_in_the_other_among_those_that_move() {
    let movers: Vec<Pid> = (0..50)
        .map(|_| {
            spawn!(|| loop {
                yield_now();
            })
        })
        .collect();
    one_in_the_other(10);
    for pid in movers {
        exit_signal(pid, ExitReason::Kill);
    }
}

/// A destructor that waits is not cut short by a kill, even if the panic that it runs for came
/// from elsewhere and a neighbour is suspended in its own.
#[runtime::test(workers = 1)]
fn a_kill_in_a_destructor() {
    reports::collect();
    let root = self_pid();
    let suspended = suspended(root);
    assert_eq!(message::<&str>(), "unwinding");
    let elsewhere = thread::spawn(|| panic!("elsewhere")).join().unwrap_err();
    let census = Census::default();
    let token = census.token();
    let pid = spawn!(move || {
        let _last = OnDrop(move || {
            let _token = &token;
            send(root, ());
            receive! { (): () => {} }
        });
        std::panic::resume_unwind(elsewhere)
    });
    message::<()>();
    exit_signal(pid, ExitReason::Kill);
    yield_now();
    assert_eq!(census.count(), 1);
    send(pid, ());
    census.none_is_left();
    send(suspended, ());
    assert_eq!(message::<&str>(), "gone");
}

/// A panic hook may wait: its process goes on panicking afterwards, and neighbours may panic and
/// catch it meanwhile.
#[test]
fn in_the_hook() {
    let end = expect::child::run("in_the_hook", || {
        std::panic::set_hook(Box::new(|info| {
            if info.payload().is::<Pid>() {
                receive! { (): () => {} }
                assert!(panicking());
            }
        }));
        runtime::run(|| {
            let root = self_pid();
            let pids: Vec<Pid> = (0..10)
                .map(|_| {
                    spawn!(move || {
                        let caught = catch_unwind(|| std::panic::panic_any(self_pid()));
                        assert!(caught.is_err() && !panicking());
                        send(root, ());
                    })
                })
                .collect();
            yield_now();
            for _ in 0..10 {
                assert!(catch_unwind(|| panic!("meanwhile")).is_err());
                assert!(!panicking());
            }
            for pid in pids {
                send(pid, ());
                message::<()>();
            }
        });
    });
    end.is_well();
}

/// Several processes may be suspended in the middle of unwinding, on each worker, and go on in
/// any order.
#[runtime::test]
fn many_at_a_time() {
    reports::collect();
    let root = self_pid();
    let mut pids: Vec<Pid> = (0..40).map(|_| suspended(root)).collect();
    for _ in 0..40 {
        assert_eq!(message::<&str>(), "unwinding");
    }
    let unrest = Unrest::new();
    let mut random = 7usize;
    while !pids.is_empty() {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let pid = pids.swap_remove((random >> 33) % pids.len());
        send(pid, ());
        assert_eq!(message::<&str>(), "gone");
        end_of(pid);
    }
    drop(unrest);
}

/// A process that unwinds does not lose its turn by reductions, but waits where it asks to.
#[runtime::test(workers = 1)]
fn its_turn() {
    let root = self_pid();
    let pid = spawn!(move || {
        let _last = OnDrop(move || {
            for n in 0..10_000u32 {
                send(self_pid(), n);
                tick();
            }
            for n in 0..10_000u32 {
                assert_eq!(receive_type::<u32>(), n);
            }
            send(root, "done");
        });
        std::panic::resume_unwind(Box::new(()));
    });
    assert_eq!(message::<&str>(), "done");
    end_of(pid);
}
