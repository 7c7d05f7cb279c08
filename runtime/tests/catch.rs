//! `catch`, and what a process's own `catch_unwind` cannot hold.

mod expect;

use std::panic::catch_unwind;

use expect::{Census, behaviour::By, message, panic_of};
use runtime::prelude::*;
use runtime::{Caught, catch, enter, exit_signal};

fn down_of(watched: Ref) -> ExitReason {
    receive! { Down { monitor, reason, .. } if monitor == watched => reason }
}

/// `catch` catches panics and `exit`, tells them apart, and the process goes on.
#[runtime::test]
fn panics_and_exits() {
    expect::reports::collect();
    assert_eq!(catch(|| 5), Ok(5));
    for reason in [ExitReason::Normal, ExitReason::Kill, ExitReason::other(3)] {
        let given = reason.clone();
        assert_eq!(catch(|| exit(given)), Err::<(), _>(Caught::Exit(reason)));
    }
    let Err(Caught::Panic(report)) = catch(|| panic!("of {}", 7)) else {
        panic!("a panic")
    };
    assert_eq!(report.message(), "of 7");
    assert!(report.location().unwrap().contains("catch.rs"), "{report}");
    let reason = ExitReason::from(catch(|| panic!("again")).map(|(): ()| ()).unwrap_err());
    assert!(matches!(reason, ExitReason::Panic(_)));
    // What was caught inside is not told again.
    let nested = catch(|| {
        let _ = catch(|| panic!("inner"));
        std::panic::resume_unwind(Box::new("outer"))
    });
    let Err::<(), _>(Caught::Panic(report)) = nested else {
        panic!("a panic")
    };
    assert_eq!((report.message(), report.location()), ("outer", None));
    assert!(!std::thread::panicking());
    send(self_pid(), 1u8);
    assert_eq!(message::<u8>(), 1);
}

/// On a thread that is no process `catch` catches panics.
#[test]
fn outside() {
    let Err(Caught::Panic(report)) = catch(|| panic!("outside")) else {
        panic!("a panic")
    };
    assert_eq!(report.message(), "outside");
}

/// `catch` passes a fatal exit and a kill on, and what comes after it never runs.
#[runtime::test]
fn fatal_exits_pass() {
    for (reason, told) in [
        (ExitReason::other("enough"), ExitReason::other("enough")),
        (ExitReason::Kill, ExitReason::Killed),
    ] {
        let me = self_pid();
        let (pid, watched) = spawn_monitor!(move || {
            let caught = catch(|| drop(receive_any()));
            send(me, "caught");
            drop(caught);
        });
        exit_signal(pid, reason);
        assert_eq!(down_of(watched), told);
        expect::nothing();
    }
}

/// `catch` passes `enter` on: the process goes on as the behaviour.
#[runtime::test]
fn enter_passes() {
    let pid = spawn!(|| {
        let caught = catch(|| {
            enter(Box::new(By(|cx: &mut Cx<'_>| {
                if let Some(mail) = cx.mail() {
                    send(mail.downcast::<Pid>().unwrap(), "here");
                }
                Next::Wait(Until::Forever)
            })))
        });
        drop(caught);
        unreachable!("it goes on elsewhere");
    });
    send(pid, self_pid());
    assert_eq!(message::<&str>(), "here");
}

/// A fatal exit that the process's own `catch_unwind` swallows is raised again at each switch
/// point; it decides what links and monitors are told, and what is sent after it goes nowhere.
#[runtime::test]
fn a_swallowed_exit() {
    trap_exit(true);
    let me = self_pid();
    let census = Census::default();
    for (reason, told) in [
        (ExitReason::Shutdown, ExitReason::Shutdown),
        (ExitReason::other(1), ExitReason::other(1)),
        (ExitReason::Kill, ExitReason::Killed),
    ] {
        let token = census.token();
        let spawned = Spawn::new().link().monitor().spawn(move || {
            let _token = token;
            for _ in 0..100 {
                assert!(catch_unwind(|| drop(receive_any())).is_err());
                assert!(catch_unwind(yield_now).is_err());
                send(me, "after the end");
            }
            // A second reason does not count.
            exit(ExitReason::other("its own"))
        });
        let pid = spawned.unwrap();
        exit_signal(pid.pid, reason);
        assert_eq!(down_of(pid.monitor.unwrap()), told);
        let exit: Exit = message();
        assert_eq!((exit.from, exit.reason), (Some(pid.pid), told));
        expect::nothing();
    }
    census.none_is_left();
}

/// A kill counts at once, also to one that is about to trap it, and also by links.
#[runtime::test]
fn a_kill_is_seen_at_once() {
    trap_exit(true);
    let pid = spawn_link!(|| {
        trap_exit(true);
        loop {
            receive_any();
        }
    });
    exit_signal(pid, ExitReason::Kill);
    assert!(!is_process_alive(pid));
    let exit: Exit = message();
    assert_eq!(exit.reason, ExitReason::Killed);
}

/// A signal that comes while the process unwinds does not cut its destructors short; a fatal one
/// decides the reason all the same.
#[runtime::test]
fn a_signal_while_unwinding() {
    let me = self_pid();
    let (pid, watched) = spawn_monitor!(move || {
        let _waits = expect::OnDrop(move || {
            send(me, "unwinding");
            receive! { "go on" : &str => {} }
            send(me, "unheard");
        });
        exit(ExitReason::other("its own"))
    });
    assert_eq!(message::<&str>(), "unwinding");
    exit_signal(pid, ExitReason::Shutdown);
    send(pid, "go on");
    assert_eq!(down_of(watched), ExitReason::Shutdown);
    expect::nothing();
}

/// `exit` in a caught callback leaves no trace in the next panic's report.
#[runtime::test]
fn panic_of_is_fresh() {
    let _ = catch(|| exit(ExitReason::Shutdown));
    assert_eq!(panic_of(|| panic!("fresh")), "fresh");
}
