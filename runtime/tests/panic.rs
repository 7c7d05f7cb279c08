//! Panics: they end their process alone, whatever panics where.

mod expect;

use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::panicking;
use std::time::Duration;

use expect::{Census, OnDrop, child, echo, end_of, is_well, message, panic_of, reports};
use runtime::exit_signal;
use runtime::prelude::*;

#[derive(Debug)]
struct Ready(Pid);

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
    assert!(report.fields.contains("tests/panic.rs:"), "{report:?}");
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

/// A panic payload whose destructor panics ends its process alone, with the first panic.
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
        let (_, watched) = spawn_monitor!(move || panic_any(Payload(depth)));
        let down: Down = message();
        assert_eq!(down.monitor, watched);
        // The panic's own, not its payload's.
        let ExitReason::Panic(report) = down.reason else {
            panic!("{}", down.reason)
        };
        assert!(
            report
                .location()
                .is_some_and(|place| place.contains("panic.rs:"))
        );
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

/// An exit reason whose destructor panics does so in its process, whichever reason takes its place.
#[test]
fn a_reason_that_panics_when_dropped() {
    #[derive(Debug, PartialEq)]
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            if !panicking() {
                panic!("the destructor of a reason");
            }
        }
    }
    reports::collect();
    expect::alone(|| {
        let echo = echo();
        let spawn = |f: fn() -> ExitReason| Spawn::new().spawn(f).unwrap().pid;
        end_of(spawn(|| ExitReason::other(Bomb)));
        end_of(spawn(|| {
            exit_signal(self_pid(), ExitReason::Shutdown);
            assert!(std::panic::catch_unwind(yield_now).is_err());
            ExitReason::other(Bomb)
        }));
        end_of(spawn(|| {
            exit_signal(self_pid(), ExitReason::other(Bomb));
            ExitReason::Normal
        }));
        let captured = OnDrop(|| runtime::exit(ExitReason::other(Bomb)));
        let pid = Spawn::new().receive_loop(move |_| {
            let _captured = &captured;
            Flow::Exit(ExitReason::shutdown_with(Bomb))
        });
        let pid = pid.unwrap().pid;
        send(pid, ());
        end_of(pid);
        is_well(echo);
    });
}

/// A program's panic hook may spawn the first process of the program.
#[test]
fn the_first_spawn_in_a_panic_hook() {
    let end = child::run("the_first_spawn_in_a_panic_hook", || {
        std::panic::set_hook(Box::new(|_| {
            let (tell, ran) = std::sync::mpsc::channel();
            spawn!(move || tell.send(()).expect("somebody waits"));
            ran.recv().expect("it runs");
        }));
        let thread = std::thread::spawn(|| panic!("with a hook"));
        assert!(thread.join().is_err());
    });
    end.is_well();
}
