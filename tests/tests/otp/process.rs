//! After `process_SUITE`.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use runtime::prelude::*;
use runtime::{
    AliasMode, Monitor, MonitorAlias, RegisterError, TaggedDown, alias, unalias, unregister,
};

use crate::expect::{
    dead, down_of, end_of, ends_on_demand, exit_of, message, nothing, tagged_down_of,
};

/// A reason of any size arrives whole at the linked parent that traps exits.
#[runtime::test]
fn t_exit_1() {
    trap_exit(true);
    for size in [0, 1, 100, 10_000, 1_000_000] {
        let reason = ExitReason::other(vec![size as u8; size]);
        let child = spawn_link!(ends_on_demand);
        send(child, reason.clone());
        assert_eq!(exit_of(child), reason);
    }
    nothing();
}

/// A panic of a linked child arrives as its reason: what it said, and where.
#[runtime::test]
fn trap_exit_badarg() {
    trap_exit(true);
    let child = spawn_link!(|| {
        yield_now();
        let none: Option<u32> = std::hint::black_box(None);
        none.expect("a number");
    });
    let ExitReason::Panic(report) = exit_of(child) else {
        panic!("no panic");
    };
    assert_eq!(report.message(), "a number");
    assert!(report.location().unwrap().contains("process.rs"));
}

/// The same of a panic in the very first thing that the child does, in the library.
#[runtime::test]
fn trap_exit_badarg_in_bif() {
    trap_exit(true);
    let child = spawn_link!(|| _ = std::hint::black_box(Vec::<u8>::new()).remove(0));
    let ExitReason::Panic(report) = exit_of(child) else {
        panic!("no panic");
    };
    assert!(report.message().contains("remov"), "{report}");
}

/// Low priority runs now and then beside normal, and less.
#[test]
fn low_prio() {
    let node = Builder::new().workers(1).max_spares(0).start().unwrap();
    node.run(|| {
        let turns = |priority| {
            let count = Arc::new(AtomicU64::new(0));
            let turns = Arc::clone(&count);
            let spawn = Spawn::new().priority(priority);
            let pid = spawn.spawn(move || {
                loop {
                    turns.fetch_add(1, Ordering::AcqRel);
                    yield_now();
                }
            });
            (pid.unwrap().pid, count)
        };
        let (low, low_turns) = turns(Priority::Low);
        let (normal, normal_turns) = turns(Priority::Normal);
        while low_turns.load(Ordering::Acquire) < 100 {
            yield_now();
        }
        assert!(normal_turns.load(Ordering::Acquire) > 2 * low_turns.load(Ordering::Acquire));
        for pid in [low, normal] {
            exit_signal(pid, ExitReason::Kill);
        }
    });
}

/// A name too long, a dead process, a name that is taken, a second name: each refused, and said
/// why.
#[runtime::test]
fn bad_register() {
    let me = self_pid();
    let long = "n".repeat(256);
    let refused = register(long.as_str(), me).unwrap_err();
    assert!(matches!(
        refused,
        RegisterError::TooLong {
            length: 256,
            limit: 255,
            ..
        }
    ));
    // Characters count, as in Erlang, not bytes.
    register("\u{e9}".repeat(255), me).unwrap();
    unregister(&"\u{e9}".repeat(255)).unwrap();
    let dead = dead();
    let refused = register("bad_register", dead).unwrap_err();
    assert!(matches!(refused, RegisterError::NoProc { pid, .. } if pid == dead));
    register("bad_register", me).unwrap();
    let other = spawn!(ends_on_demand);
    let refused = register("bad_register", other).unwrap_err();
    assert!(matches!(&refused, RegisterError::Taken { name, by, .. }
        if name.as_str() == "bad_register" && *by == me));
    let refused = register("second", me).unwrap_err();
    assert!(matches!(&refused, RegisterError::HasName { pid, name, .. }
        if *pid == me && name.as_str() == "bad_register"));
    let refused = register("bad_register", me);
    assert!(refused.is_err());
    let refused = unregister("nobody").unwrap_err();
    assert!(matches!(&refused, RegisterError::NotRegistered { name, .. }
        if name.as_str() == "nobody"));
    assert_eq!(whereis("second"), None);
    unregister("bad_register").unwrap();
    exit_signal(other, ExitReason::Kill);
}

/// Tags of any size come with reasons of any size, also of monitors made by the spawn.
#[runtime::test]
fn monitor_tag() {
    let sizes = [1, 100_000];
    for (tag, reason) in sizes
        .iter()
        .flat_map(|t| sizes.iter().map(move |r| (*t, *r)))
    {
        let (tag, reason) = (vec![1u8; tag], ExitReason::other(vec![2u8; reason]));
        let monitor = || Monitor::new().tag(tag.clone());
        let spawned = Spawn::new().monitor_with(monitor()).spawn(ends_on_demand);
        let spawned = spawned.unwrap();
        let watched = [spawned.monitor.unwrap(), monitor().monitor(spawned.pid)];
        send(spawned.pid, reason.clone());
        for watched in watched {
            let TaggedDown {
                tag: came, down, ..
            } = tagged_down_of(watched);
            assert_eq!(came.downcast_ref(), Some(&tag));
            assert_eq!(down.reason, reason);
        }
    }
    nothing();
}

/// A pid does not come again.
#[runtime::test]
fn no_pid_wrap() {
    let mut seen = HashSet::new();
    for _ in 0..100_000 {
        assert!(seen.insert(dead_soon()));
    }
    fn dead_soon() -> Pid {
        let pid = spawn!(|| {});
        yield_now();
        pid
    }
}

/// An exit signal to oneself, trapped, is in the mailbox when the call returns.
#[runtime::test]
fn self_exit() {
    trap_exit(true);
    let me = self_pid();
    for reason in [ExitReason::Normal, ExitReason::other(1)] {
        send(me, "before");
        exit_signal(me, reason.clone());
        assert_eq!(message::<&str>(), "before");
        let Some(exit) = receive_timeout(crate::expect::NOW) else {
            panic!("not there yet");
        };
        let exit = exit.downcast::<Exit>().unwrap();
        assert_eq!((exit.from, exit.reason), (Some(me), reason));
    }
}

/// `Normal` to oneself, not trapped, has no effect: as of `exit_signal/2` of OTP 29, not of
/// `exit/2`, which ends its caller.
#[runtime::test]
fn normal_suicide_exit() {
    let (_, watched) = spawn_monitor!(|| {
        exit_signal(self_pid(), ExitReason::Normal);
        yield_now();
        exit(ExitReason::other("lived on"))
    });
    assert_eq!(down_of(watched), ExitReason::other("lived on"));
}

/// A fatal exit signal to oneself ends the process before the call returns, and whoever catches
/// that has caught it for the moment only.
#[runtime::test]
fn t_exit_2_catch() {
    let returned = Arc::new(AtomicBool::new(false));
    let has_returned = Arc::clone(&returned);
    let (_, watched) = spawn_monitor!(move || {
        let _ = catch_unwind(AssertUnwindSafe(|| {
            exit_signal(self_pid(), ExitReason::other("die"));
            has_returned.store(true, Ordering::Release);
        }));
        yield_now();
        has_returned.store(true, Ordering::Release);
    });
    assert_eq!(down_of(watched), ExitReason::other("die"));
    assert!(!returned.load(Ordering::Acquire));
}

/// A second exit signal does not change the reason.
#[runtime::test]
fn exit_twice() {
    for _ in 0..1000 {
        let (child, watched) = spawn_monitor!(|| drop(receive_any()));
        exit_signal(child, ExitReason::other("first"));
        exit_signal(child, ExitReason::other("second"));
        exit_signal(child, ExitReason::Kill);
        assert_eq!(down_of(watched), ExitReason::other("first"));
    }
}

/// A spawn returns the monitor before its `Down` can come, also if the child ends at once.
#[runtime::test]
fn spawn_request_monitor_child_exit() {
    for _ in 0..1000 {
        let (child, watched) = spawn_monitor!(|| exit(ExitReason::other("at once")));
        receive! { Down { monitor, object, reason, .. } => {
            assert_eq!((monitor, object), (watched, child.into()));
            assert_eq!(reason, ExitReason::other("at once"));
        } }
    }
    nothing();
}

/// A spawn returns the pid before the child's `Exit` can come, also if it ends at once.
#[runtime::test]
fn spawn_request_link_child_exit() {
    trap_exit(true);
    for _ in 0..1000 {
        let child = spawn_link!(|| exit(ExitReason::other("at once")));
        assert_eq!(exit_of(child), ExitReason::other("at once"));
    }
    nothing();
}

/// Aliases let messages in until they end, by `unalias` or with the first message; what is in the
/// mailbox by then stays.
#[runtime::test]
fn alias_bif() {
    let me = self_pid();
    let over = |to: Ref, n: u32| {
        let sender = spawn!(move || {
            send(to, n);
            send(me, "sent");
        });
        end_of(sender);
        message::<&str>();
    };
    let explicit = alias(AliasMode::ExplicitUnalias);
    over(explicit, 1);
    over(explicit, 2);
    assert_eq!(message::<u32>(), 1);
    assert!(unalias(explicit));
    assert!(!unalias(explicit));
    over(explicit, 3);
    assert_eq!(message::<u32>(), 2);
    nothing();

    let reply = alias(AliasMode::Reply);
    over(reply, 1);
    over(reply, 2);
    assert_eq!(message::<u32>(), 1);
    assert!(!unalias(reply));
    let reply = alias(AliasMode::Reply);
    assert!(unalias(reply));
    over(reply, 1);
    over(make_ref(), 2);
    nothing();

    // Only its creator ends it.
    let mine = alias(AliasMode::ExplicitUnalias);
    let (_, ended) = spawn_monitor!(move || assert!(!unalias(mine)));
    assert_eq!(down_of(ended), ExitReason::Normal);
    over(mine, 4);
    assert_eq!(message::<u32>(), 4);
}

/// Each mode of a monitor's alias: what comes before and after the `Down`, `demonitor`, `unalias`
/// and a reply.
#[runtime::test]
fn monitor_alias() {
    use MonitorAlias::{Demonitor, ExplicitUnalias, ReplyDemonitor};
    for mode in [ExplicitUnalias, Demonitor, ReplyDemonitor] {
        let watch = || {
            let child = spawn!(ends_on_demand);
            (child, Monitor::new().alias(mode).monitor(child))
        };
        // A reply, and another.
        let (child, watched) = watch();
        send(watched, 1);
        send(watched, 2);
        assert_eq!(message::<i32>(), 1);
        if mode == ReplyDemonitor {
            assert!(!demonitor(watched));
        } else {
            assert_eq!(message::<i32>(), 2);
            assert!(demonitor(watched));
        }
        send(child, ExitReason::Normal);
        end_of(child);
        send(watched, 3);
        if mode == ExplicitUnalias {
            assert_eq!(message::<i32>(), 3);
        }
        assert_eq!(unalias(watched), mode == ExplicitUnalias);
        nothing();

        // The end of what is monitored.
        let (child, watched) = watch();
        send(child, ExitReason::Shutdown);
        assert_eq!(down_of(watched), ExitReason::Shutdown);
        send(watched, 4);
        if mode == ExplicitUnalias {
            assert_eq!(message::<i32>(), 4);
        }
        nothing();

        // `unalias` leaves the monitor.
        let (child, watched) = watch();
        assert!(unalias(watched));
        send(watched, 5);
        send(child, ExitReason::Shutdown);
        assert_eq!(down_of(watched), ExitReason::Shutdown);
        nothing();
    }
}
