//! Processes that are ended in their absence: a fatal exit has come, and they run on.

mod expect;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use expect::{Census, behaviour::By, message, nothing, reports, until};
use runtime::prelude::*;
use runtime::request::{Failure, call, send_request, wait_response};
use runtime::{
    AliasMode, Monitor, alias, exit_signal, exit_signal_priority, registered, unregister,
};

/// A process that the test lets run, and stop running, in code without switch points.
#[derive(Clone, Default)]
struct Hog(Arc<AtomicU32>);

impl Hog {
    const RUNS: u32 = 1;
    const FREE: u32 = 2;

    /// Runs on without a switch point until it is let go.
    fn run(&self) {
        self.0.store(Self::RUNS, Ordering::Release);
        while self.0.load(Ordering::Acquire) != Self::FREE {
            std::thread::sleep(Duration::from_micros(100));
        }
    }

    /// Waits until it runs.
    fn runs(&self) {
        until("the hog's start", || {
            self.0.load(Ordering::Acquire) == Self::RUNS
        });
    }

    fn let_go(&self) {
        self.0.store(Self::FREE, Ordering::Release);
    }
}

const GRACE: Duration = Duration::from_millis(5);

fn node() -> Node {
    Builder::new().workers(2).exit_grace(GRACE).start().unwrap()
}

/// A monitored process with a thread of its own, as the test itself stands on a worker's stack.
fn spawn_hog(f: impl FnOnce() + Send + 'static) -> (Pid, Ref) {
    let spawned = Spawn::new().own_thread().monitor().spawn(f).unwrap();
    (spawned.pid, spawned.monitor.unwrap())
}

fn down_of(watched: Ref) -> ExitReason {
    receive! { Down { monitor, reason, .. } if monitor == watched => reason }
}

fn exit_of(pid: Pid) -> ExitReason {
    receive! { Exit { from, reason, .. } if from == Some(pid) => reason }
}

/// A process that reaches no switch point after a kill is ended in its absence: dead to all, its
/// name free, links and monitors told, what was queued before answered; once.
#[test]
fn a_killed_hog() {
    reports::collect();
    let node = Arc::new(node());
    let hog = Hog::default();
    let (theirs, counted) = (hog.clone(), Arc::clone(&node));
    node.run(move || {
        let hog = theirs;
        trap_exit(true);
        let run = hog.clone();
        let (pid, first) = spawn_hog(move || {
            run.run();
            yield_now();
            unreachable!("it has been killed");
        });
        register("hog", pid).unwrap();
        hog.runs();
        // It runs: these are queued.
        link(pid);
        let second = monitor(pid);
        let named = monitor("hog");
        let ended = monitor(pid);
        assert!(demonitor(ended));
        send(pid, "mail");
        let before = send_request::<_, ()>(pid, "before");
        exit_signal(pid, ExitReason::Kill);
        let third = monitor(pid);
        let after = send_request::<_, ()>(pid, "after");
        for watched in [first, second, named, third] {
            assert_eq!(down_of(watched), ExitReason::Killed);
        }
        for request in [before, after] {
            let answer = wait_response(&request, expect::LONG).expect("it has ended");
            let failure = answer.expect_err("nobody answers").failure;
            assert_eq!(failure, Failure::Ended(ExitReason::Killed));
        }
        assert_eq!(exit_of(pid), ExitReason::Killed);
        assert_eq!(counted.zombies(), 1);
        assert!(!is_process_alive(pid));
        assert_eq!(runtime::mailbox_len(pid), None);
        assert_eq!(whereis("hog"), None);
        assert!(registered().is_empty());
        reports::expect("runtime::process", &[&format!("pid={pid} "), "zombie: "]);
        // To all others it is dead.
        send(pid, "more");
        let late = call::<_, ()>(pid, "late", expect::LONG);
        assert_eq!(late.expect_err("nobody answers").failure, Failure::NoProc);
        assert_eq!(down_of(monitor(pid)), ExitReason::NoProc);
        link(pid);
        assert_eq!(exit_of(pid), ExitReason::NoProc);
        assert!(register("again", pid).is_err());
        register("hog", self_pid()).unwrap();
        hog.let_go();
        until("the end of the zombie", || counted.zombies() == 0);
        reports::expect(
            "runtime::process",
            &[&format!("pid={pid} "), "a zombie has come"],
        );
        assert_eq!(whereis("hog"), Some(self_pid()));
        nothing();
    });
}

/// The reason that is told is the signal's, of an exit signal and of a broken link too.
#[test]
fn the_reason_of_a_signal() {
    node().run(|| {
        for by_link in [false, true] {
            let (hog, other) = (Hog::default(), self_pid());
            let run = hog.clone();
            let (pid, watched) = spawn_hog(move || {
                let ends = spawn_link!(|| {
                    let reason: ExitReason = receive_type();
                    exit(reason)
                });
                send(other, ends);
                run.run();
                receive_any();
            });
            let ends: Pid = receive_type();
            hog.runs();
            if by_link {
                send(ends, ExitReason::other("enough"));
            } else {
                exit_signal(pid, ExitReason::other("enough"));
            }
            assert_eq!(down_of(watched), ExitReason::other("enough"));
            hog.let_go();
        }
    });
}

/// Who traps exits, or has unlinked, or is told `Normal`, is no zombie however long it runs.
#[test]
fn a_signal_that_is_not_fatal() {
    let node = Arc::new(node());
    let counted = Arc::clone(&node);
    node.run(move || {
        let (hog, me) = (Hog::default(), self_pid());
        let run = hog.clone();
        let (pid, _) = spawn_hog(move || {
            let ends = spawn_link!(|| {
                receive_any();
                exit(ExitReason::other("unheard"))
            });
            send(me, ends);
            trap_exit(true);
            run.run();
            // What has come is trapped, and no longer fatal when it traps no more.
            let first: Exit = receive_type();
            assert_eq!(first.reason, ExitReason::Normal);
            let second: Exit = receive_type();
            assert_eq!(second.reason, ExitReason::Shutdown);
            unlink(ends);
            trap_exit(false);
            run.0.store(0, Ordering::Release);
            run.run();
            send(me, "alive");
            receive_any();
        });
        let ends: Pid = receive_type();
        hog.runs();
        exit_signal(pid, ExitReason::Normal);
        exit_signal(pid, ExitReason::Shutdown);
        outlast();
        until("no zombie", || counted.zombies() == 0);
        assert!(is_process_alive(pid));
        hog.let_go();
        until("the second run", || {
            hog.0.load(Ordering::Acquire) == Hog::RUNS
        });
        exit_signal(pid, ExitReason::Normal);
        let watched = monitor(ends);
        send(ends, "end");
        assert_eq!(down_of(watched), ExitReason::other("unheard"));
        outlast();
        until("no zombie", || counted.zombies() == 0);
        assert!(is_process_alive(pid));
        hog.let_go();
        assert_eq!(message::<&str>(), "alive");
    });
}

/// Waits until another hog, whose signal came later, has become a zombie, and come to its end.
fn outlast() {
    let hog = Hog::default();
    let run = hog.clone();
    let (pid, watched) = spawn_hog(move || {
        run.run();
        receive_any();
    });
    hog.runs();
    exit_signal(pid, ExitReason::Kill);
    assert_eq!(down_of(watched), ExitReason::Killed);
    hog.let_go();
}

/// What a zombie does before it finds its exit has no effect: sends, links, monitors, names, signals;
/// what it spawns never lives.
#[test]
fn no_effects() {
    let node = Arc::new(node());
    let counted = Arc::clone(&node);
    node.run(move || {
        let (hog, me) = (Hog::default(), self_pid());
        let census = Census::default();
        let (run, token) = (hog.clone(), census.token());
        let bystander = expect::echo();
        let alias = alias(AliasMode::ExplicitUnalias);
        let (pid, watched) = spawn_hog(move || {
            let held = register("held", self_pid());
            assert_eq!(held, Ok(()));
            run.run();
            send(me, "a message");
            // Before anything that looks at its own mailbox, and so learns of its exit.
            exit_signal_priority(alias, ExitReason::Kill);
            send(runtime::make_ref(), "to an alias");
            exit_signal(bystander, ExitReason::Kill);
            link(bystander);
            link(me);
            let _ = monitor(bystander);
            let _ = Monitor::new().tag(7).monitor("nobody");
            assert!(register("zombie", me).is_err());
            assert!(unregister("main").is_err());
            let tokens = Arc::new(token);
            let child = Arc::clone(&tokens);
            let born = spawn!(move || {
                drop(child);
                send(me, "a child's")
            });
            assert!(!is_process_alive(born));
            let child = Arc::clone(&tokens);
            let (linked, _) = spawn_monitor!(move || {
                drop(child);
                send(me, "a child's")
            });
            assert!(!is_process_alive(linked));
            let child = Arc::clone(&tokens);
            let linked = spawn_link!(move || {
                drop(child);
                send(me, "a child's")
            });
            assert!(!is_process_alive(linked));
            let behaviour = Spawn::new().link().behaviour(By(move |_: &mut Cx<'_>| {
                send(me, "a child's");
                Next::Exit(ExitReason::Normal)
            }));
            assert!(!is_process_alive(behaviour.unwrap().pid));
            receive_any();
            unreachable!("it has ended");
        });
        register("main", me).unwrap();
        hog.runs();
        exit_signal(pid, ExitReason::Kill);
        assert_eq!(down_of(watched), ExitReason::Killed);
        hog.let_go();
        until("the end of the zombie", || counted.zombies() == 0);
        census.none_is_left();
        assert_eq!(whereis("main"), Some(me));
        assert_eq!(whereis("zombie"), None);
        assert!(runtime::links().is_empty());
        expect::is_well(bystander);
        nothing();
    });
}

/// A zombie that catches its exit each time is raised it again, and its destructors may still wait.
#[test]
fn a_zombie_unwinds_at_leisure() {
    let node = Arc::new(node());
    let counted = Arc::clone(&node);
    node.run(move || {
        let hog = Hog::default();
        let census = Census::default();
        let (run, token) = (hog.clone(), census.token());
        let (pid, watched) = spawn_hog(move || {
            let _waits = expect::OnDrop(|| {
                sleep(Duration::from_millis(3));
                assert!(runtime::receive_timeout(Duration::from_millis(3)).is_none());
            });
            let _token = token;
            run.run();
            for _ in 0..3 {
                let caught = std::panic::catch_unwind(yield_now);
                assert!(caught.is_err());
            }
            yield_now();
        });
        hog.runs();
        exit_signal(pid, ExitReason::Shutdown);
        assert_eq!(down_of(watched), ExitReason::Shutdown);
        assert_eq!(census.count(), 1);
        hog.let_go();
        census.none_is_left();
        until("the end of the zombie", || counted.zombies() == 0);
    });
}

/// A behaviour whose callback runs on is ended in its absence too, whatever it then returns.
#[test]
fn a_callback_that_runs_on() {
    let node = Arc::new(node());
    let counted = Arc::clone(&node);
    node.run(move || {
        for next in [
            || Next::Wait(Until::Forever),
            || Next::Hibernate(Until::Forever),
            || Next::Again,
            || Next::Exit(ExitReason::Normal),
        ] {
            let (hog, census) = (Hog::default(), Census::default());
            let (run, token) = (hog.clone(), census.token());
            let calls = By(move |_: &mut Cx<'_>| {
                let _held = &token;
                run.run();
                next()
            });
            let spawned = Spawn::new().own_thread().monitor().behaviour(calls);
            let Spawned { pid, monitor, .. } = spawned.unwrap();
            hog.runs();
            exit_signal(pid, ExitReason::Shutdown);
            assert_eq!(down_of(monitor.unwrap()), ExitReason::Shutdown);
            hog.let_go();
            census.none_is_left();
            until("the end of the zombie", || counted.zombies() == 0);
        }
    });
}

/// Messages that were left to a zombie are dropped in its own context.
#[test]
fn what_was_left_is_dropped_at_home() {
    #[derive(Debug)]
    struct Loud(Pid);
    impl Drop for Loud {
        fn drop(&mut self) {
            // Not `send`: the dead have no effect.
            *DROPPED.lock().unwrap() = Some((self.0, runtime::try_self_pid()));
        }
    }
    static DROPPED: std::sync::Mutex<Option<(Pid, Option<Pid>)>> = std::sync::Mutex::new(None);
    node().run(move || {
        let hog = Hog::default();
        let run = hog.clone();
        let (pid, watched) = spawn_hog(move || {
            run.run();
            yield_now();
        });
        hog.runs();
        send(pid, Loud(pid));
        exit_signal(pid, ExitReason::Kill);
        assert_eq!(down_of(watched), ExitReason::Killed);
        assert!(DROPPED.lock().unwrap().is_none());
        hog.let_go();
        until("the drop", || DROPPED.lock().unwrap().is_some());
        assert_eq!(*DROPPED.lock().unwrap(), Some((pid, Some(pid))));
    });
}

/// At a shutdown a zombie is stuck: its thread runs on.
#[test]
fn a_shutdown_with_a_zombie() {
    let node = node();
    let hog = Hog::default();
    let run = hog.clone();
    let pid = node.run(move || spawn!(move || run.run()));
    hog.runs();
    exit_signal(pid, ExitReason::Kill);
    until("the zombie", || node.zombies() == 1);
    let report = node.shutdown(Duration::from_millis(50));
    assert_eq!(report.stuck.len(), 1);
    assert_eq!(report.stuck[0].pid, pid);
    hog.let_go();
}

/// A value whose destructor must not run on the watchdog's thread, which it might hold up.
#[derive(Debug, PartialEq)]
struct Heavy(u32);

static HELD_UP: AtomicBool = AtomicBool::new(false);

impl Drop for Heavy {
    fn drop(&mut self) {
        let thread = std::thread::current();
        if thread
            .name()
            .is_some_and(|name| name.starts_with("watchdog"))
        {
            HELD_UP.store(true, Ordering::Relaxed);
        }
    }
}

/// Processes that come back at random moments around the grace: each end is told once, whoever
/// tells it, no link is left by half, nothing that was held is left, and nothing is dropped by the watchdog.
#[test]
fn they_come_back_at_any_moment() {
    const ROUNDS: u32 = 300;
    let node = Arc::new(
        Builder::new()
            .workers(2)
            .exit_grace(Duration::from_millis(1))
            .start()
            .unwrap(),
    );
    let counted = Arc::clone(&node);
    node.run(move || {
        trap_exit(true);
        let me = self_pid();
        let census = Census::default();
        let mut seed = 7u32;
        let mut random = move |below: u32| {
            seed = seed.wrapping_mul(1664525).wrapping_add(1013904223);
            (seed >> 16) % below
        };
        for round in 0..ROUNDS {
            let time = Duration::from_micros(u64::from(random(4000)));
            let (started, token) = (Arc::new(AtomicU32::new(0)), census.token());
            let runs = Arc::clone(&started);
            let (pid, first) = spawn_hog(move || {
                let _token = token;
                runs.store(1, Ordering::Release);
                let start = Instant::now();
                while start.elapsed() < time {
                    std::hint::spin_loop();
                }
                link(me);
                let _ = monitor(me);
                send(me, round);
                yield_now();
                loop {
                    receive_any();
                }
            });
            register("one", pid).unwrap();
            until("its start", || started.load(Ordering::Acquire) == 1);
            link(pid);
            let reason = match random(3) {
                0 => ExitReason::Kill,
                1 => ExitReason::Shutdown,
                _ => ExitReason::other(Heavy(round)),
            };
            send(pid, Heavy(round));
            exit_signal(pid, reason.clone());
            let second = monitor(pid);
            let told = if reason == ExitReason::Kill {
                ExitReason::Killed
            } else {
                reason
            };
            assert_eq!(down_of(first), told);
            assert_eq!(exit_of(pid), told);
            let last = down_of(second);
            assert!(last == told || last == ExitReason::NoProc, "{last:?}");
            assert_eq!(whereis("one"), None);
            // Its last message, or an earlier one's: a send that was under way at the end comes after it.
            receive! { n: u32 => assert!(n <= round), after Duration::ZERO => {} }
        }
        until("the end of all zombies", || counted.zombies() == 0);
        census.none_is_left();
        while let Some(left) = receive_timeout(Duration::ZERO) {
            // Of a link that one made in its last moment, or its last message.
            assert!(left.is::<Exit>() || left.is::<u32>(), "{left:?}");
        }
        assert!(runtime::links().is_empty());
        assert!(!HELD_UP.load(Ordering::Relaxed), "by the watchdog");
    });
}
