//! Monitors, aliases and names, after `monitor_SUITE`.

use std::time::Duration;

use runtime::prelude::*;
use runtime::{
    AliasMode, Monitor, MonitorAlias, Monitored, TaggedDown, alias, demonitor_flush, unalias,
    unregister,
};

fn ends_on_demand() {
    let reason: ExitReason = receive_type::<ExitReason>();
    exit(reason)
}

fn down_of(watched: Ref) -> ExitReason {
    receive! { Down { monitor, reason, .. } if monitor == watched => reason }
}

fn nothing_left() {
    receive! { message => panic!("{message:?}"), after Duration::ZERO => {} }
}

/// Each monitor fires once, by pid or by name, with the reason and the object as it was named.
#[runtime::test]
fn process_monitors() {
    let child = spawn!(ends_on_demand);
    register("watched", child).unwrap();
    let by_pid = monitor(child);
    let by_name = monitor("watched");
    send(child, ExitReason::other(7));
    let mut seen = vec![];
    for _ in 0..2 {
        receive! { Down { monitor, object, reason, .. } => {
            assert_eq!(reason, ExitReason::other(7));
            seen.push((monitor, object));
        } }
    }
    assert!(seen.contains(&(by_pid, Monitored::Pid(child))));
    assert!(seen.contains(&(by_name, Monitored::from("watched"))));
    assert_eq!(whereis("watched"), None);
    // The target is absent.
    assert_eq!(down_of(monitor(child)), ExitReason::NoProc);
    assert_eq!(down_of(monitor("watched")), ExitReason::NoProc);
    // A monitor of oneself never fires, and can be ended.
    let myself = monitor(self_pid());
    assert!(demonitor(myself));
    nothing_left();
}

/// Mirrors `demonitor_flush`: after `demonitor` nothing comes; the result tells whether the monitor
/// stood; with flush a `Down` that has come is taken out, and that one only.
#[runtime::test]
fn demonitor_flush_() {
    let child = spawn!(ends_on_demand);
    let (first, second) = (monitor(child), monitor(child));
    assert!(demonitor(first));
    assert!(!demonitor(first));
    let tagged = Monitor::new().tag("t").monitor(child);
    send(child, ExitReason::Normal);
    let other = monitor(child);
    receive! { Down { monitor, .. } if monitor == second => {} }
    assert_eq!(receive! { Down { monitor, .. } => monitor }, other);
    assert!(!demonitor(tagged));
    assert!(!demonitor_flush(tagged));
    assert!(!demonitor_flush(second));
    nothing_left();
    // Another's reference: no effect.
    let me = self_pid();
    let theirs = spawn!(move || {
        send(me, monitor(me));
        receive_any();
    });
    let reference: Ref = receive_type();
    assert!(!demonitor(reference));
    exit_signal(theirs, ExitReason::Kill);
}

/// Mirrors `monitor_3_noproc_gh6185` and `monitor_tag_storage`: the tag is delivered in place of a
/// plain `Down`, also if there is no target.
#[runtime::test]
fn tags() {
    let dead = spawn!(|| {});
    assert!(matches!(
        down_of(monitor(dead)),
        ExitReason::Normal | ExitReason::NoProc
    ));
    let watched = Monitor::new().tag(vec![1u8; 1000]).monitor(dead);
    let TaggedDown { tag, down, .. } = receive_type();
    assert_eq!(tag.downcast_ref(), Some(&vec![1u8; 1000]));
    assert_eq!((down.monitor, down.reason), (watched, ExitReason::NoProc));
}

/// An alias lets messages in until it ends: by `unalias`, with the first reply, with its monitor.
#[runtime::test]
fn aliases() {
    let plain = alias(AliasMode::ExplicitUnalias);
    send(plain, 1);
    send(plain, 2);
    assert_eq!((receive_type::<i32>(), receive_type::<i32>()), (1, 2));
    assert!(unalias(plain));
    assert!(!unalias(plain));
    send(plain, 3);
    let once = alias(AliasMode::Reply);
    send(once, 4);
    send(once, 5);
    assert_eq!(receive_type::<i32>(), 4);
    send(make_ref(), 6);
    nothing_left();

    let child = spawn!(ends_on_demand);
    let reply = Monitor::new()
        .alias(MonitorAlias::ReplyDemonitor)
        .monitor(child);
    send(reply, 7);
    send(reply, 8);
    assert_eq!(receive_type::<i32>(), 7);
    let ends = Monitor::new().alias(MonitorAlias::Demonitor).monitor(child);
    let stays = Monitor::new()
        .alias(MonitorAlias::ExplicitUnalias)
        .monitor(child);
    send(child, ExitReason::Normal);
    receive! { Down { monitor, .. } => assert!(monitor == ends || monitor == stays) }
    receive! { Down { monitor, .. } => assert!(monitor == ends || monitor == stays) }
    send(ends, 9);
    send(stays, 10);
    assert_eq!(receive_type::<i32>(), 10);
    assert!(!unalias(ends));
    assert!(unalias(stays));
    nothing_left();
}

/// Names: one each, free again at the end of the process, before its monitors are told.
#[runtime::test]
fn names() {
    let me = self_pid();
    register("one", me).unwrap();
    assert!(register("two", me).is_err());
    let child = spawn!(ends_on_demand);
    assert!(register("one", child).is_err());
    unregister("one").unwrap();
    assert!(unregister("one").is_err());
    register("one", child).unwrap();
    assert!(send("one", ExitReason::Normal).is_ok());
    let reason = down_of(monitor(child));
    assert!(matches!(reason, ExitReason::Normal | ExitReason::NoProc));
    register("one", me).unwrap();
    assert!(send("nobody", 1).is_err());
    assert!(register("n".repeat(256), me).is_err());
}

/// Mirrors `local_remove_monitor`: what `demonitor` says of a monitor agrees with whether its
/// `Down` has come, however the end races with it.
#[runtime::test]
fn local_remove_monitor() {
    for round in 0..3000 {
        let (child, watched) = spawn_monitor!(ends_on_demand);
        send(child, ExitReason::Normal);
        for _ in 0..round % 7 {
            yield_now();
        }
        let stood = demonitor(watched);
        let came = receive! {
            Down { monitor, .. } if monitor == watched => true,
            after Duration::ZERO => false,
        };
        assert_ne!(stood, came);
    }
}
