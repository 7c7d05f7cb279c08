//! After `monitor_SUITE`.

use runtime::prelude::*;
use runtime::{
    AliasMode, Monitor, MonitorAlias, Monitored, TaggedDown, alias, process_info, unalias,
};

use crate::expect::{
    LONG, NOW, dead, down_of, end_of, ends_on_demand, message, nothing, object_of, tagged_down_of,
    until,
};

/// Who monitors a process that ends it, and then ends itself, does no harm.
#[runtime::test]
fn case_1() {
    let me = self_pid();
    for _ in 0..500 {
        let (_, watched) = spawn_monitor!(move || {
            let watcher = self_pid();
            let killer = spawn!(move || {
                receive_type::<&str>();
                exit_signal(watcher, ExitReason::Kill);
                send(me, "done");
            });
            monitor(killer);
            send(killer, "go");
            receive_any();
        });
        assert_eq!(down_of(watched), ExitReason::Killed);
        assert_eq!(message::<&str>(), "done");
    }
}

/// As `case_1`, with a monitor made by the spawn.
#[runtime::test]
fn case_1a() {
    let me = self_pid();
    for _ in 0..500 {
        let (_, watched) = spawn_monitor!(move || {
            let watcher = self_pid();
            spawn_monitor!(move || {
                exit_signal(watcher, ExitReason::Kill);
                send(me, "done");
            });
            receive_any();
        });
        assert_eq!(down_of(watched), ExitReason::Killed);
        assert_eq!(message::<&str>(), "done");
    }
}

/// Two that monitor each other and end at once do no harm, and are both seen to end.
#[runtime::test]
fn case_2a() {
    for _ in 0..500 {
        let (first, watched) = spawn_monitor!(|| {
            let first = self_pid();
            let (second, _) = spawn_monitor!(move || {
                monitor(first);
                receive_any();
            });
            exit_signal(second, ExitReason::Kill);
            receive! { Down { reason, .. } => exit(reason) }
        });
        assert_eq!(down_of(watched), ExitReason::Killed);
        assert!(!is_process_alive(first));
    }
}

/// What cannot be monitored does not compile; a name that nobody can have is that of nobody.
#[runtime::test]
fn mon_e_1() {
    for name in ["", "nobody", &*"n".repeat(1000)] {
        assert_eq!(object_of(monitor(name)), (name.into(), ExitReason::NoProc));
    }
}

/// To end a monitor by a reference that is none, or another's, has no effect.
#[runtime::test]
fn demon_1() {
    assert!(!demonitor(make_ref()));
    assert!(!runtime::demonitor_flush(make_ref()));
    let me = self_pid();
    let (theirs, ended) = spawn_monitor!(move || {
        let watched = monitor(me);
        send(me, watched);
        receive_type::<&str>();
        assert!(demonitor(watched));
    });
    let reference: Ref = message();
    assert!(!demonitor(reference));
    assert!(!runtime::demonitor_flush(reference));
    send(theirs, "go");
    assert_eq!(down_of(ended), ExitReason::Normal);
}

/// A monitor can be ended before its `Down` and after it, twice, and if it watches its own process.
#[runtime::test]
fn demon_2() {
    let child = spawn!(ends_on_demand);
    let before = monitor(child);
    assert!(demonitor(before));
    assert!(!demonitor(before));
    let after = monitor(child);
    send(child, ExitReason::Normal);
    assert_eq!(down_of(after), ExitReason::Normal);
    assert!(!demonitor(after));
    let myself = monitor(self_pid());
    assert!(demonitor(myself));
    assert!(!demonitor(myself));
    nothing();
}

/// With flush the `Down` of that monitor is taken out, and no other; the result says whether the
/// monitor stood.
#[runtime::test]
fn demonitor_flush() {
    let child = spawn!(ends_on_demand);
    let stands = monitor(child);
    assert!(runtime::demonitor_flush(stands));
    let monitors = [(); 3].map(|()| monitor(child));
    let tagged = Monitor::new().tag("tag").monitor(child);
    send(child, ExitReason::Normal);
    end_of(child);
    let [first, second, third] = monitors;
    // One that was ended before its `Down` was taken in stood; the others have fired.
    receive! { Down { monitor, .. } if monitor == third => {}, after LONG => panic!("lost") }
    assert!(!demonitor(first));
    assert_eq!(down_of(first), ExitReason::Normal);
    assert!(!runtime::demonitor_flush(second));
    assert!(!runtime::demonitor_flush(tagged));
    assert!(!runtime::demonitor_flush(third));
    nothing();
}

/// To end the monitor of an alias that is none leaves the alias as it is.
#[runtime::test]
fn gh_5225_demonitor_alias() {
    let alias = alias(AliasMode::ExplicitUnalias);
    assert!(!demonitor(alias));
    assert!(!runtime::demonitor_flush(alias));
    send(alias, 1);
    assert_eq!(message::<i32>(), 1);
    assert!(unalias(alias));
    assert!(!demonitor(alias));
    nothing();
}

/// A large reason arrives whole.
#[runtime::test]
fn large_exit() {
    let reason = ExitReason::other((0..500_000u32).collect::<Vec<_>>());
    let (child, watched) = spawn_monitor!(ends_on_demand);
    send(child, reason.clone());
    assert_eq!(down_of(watched), reason);
}

/// Monitors by pid and by name stand in the lists of both ends; however they end (taken back, fired, their
/// watcher gone), nothing of them is left there.
#[runtime::test]
fn list_cleanup() {
    let me = self_pid();
    let child = spawn!(ends_on_demand);
    register("monitored", child).unwrap();
    let watch_each_other = |monitors: &[Monitored], watchers: &[Pid]| {
        let mut seen = process_info(me).unwrap().monitors;
        seen.sort_by_key(|object| matches!(object, Monitored::Name(_)));
        assert_eq!(seen, monitors);
        let child = process_info(child);
        assert_eq!(child.map_or(vec![], |child| child.monitored_by), watchers);
    };
    let both = [child.into(), Monitored::from("monitored")];
    let (by_pid, by_name) = (monitor(child), monitor("monitored"));
    watch_each_other(&both, &[me, me]);
    assert!(demonitor(by_pid));
    watch_each_other(&both[1..], &[me]);
    assert!(demonitor(by_name));
    watch_each_other(&[], &[]);
    let (watcher, ended) = spawn_monitor!(move || {
        monitor(child);
        monitor("monitored");
        send(me, "watching");
        receive_any();
    });
    message::<&str>();
    watch_each_other(&[watcher.into()], &[watcher, watcher]);
    exit_signal(watcher, ExitReason::Kill);
    assert_eq!(down_of(ended), ExitReason::Killed);
    until("it is forgotten", || {
        process_info(child).is_some_and(|child| child.monitored_by.is_empty())
    });
    let (by_pid, by_name) = (monitor(child), monitor("monitored"));
    watch_each_other(&both, &[me, me]);
    send(child, ExitReason::Shutdown);
    assert_eq!(down_of(by_pid), ExitReason::Shutdown);
    assert_eq!(down_of(by_name), ExitReason::Shutdown);
    watch_each_other(&[], &[]);
    assert!(!demonitor(by_pid));
    assert!(!demonitor(by_name));
    nothing();
}

/// A tag of any size comes with the `Down`.
#[runtime::test]
fn monitor_tag_storage() {
    let child = spawn!(ends_on_demand);
    let small = Monitor::new().tag(1u8).monitor(child);
    let large = Monitor::new().tag(vec![7u64; 100_000]).monitor(child);
    send(child, ExitReason::Shutdown);
    let TaggedDown { tag, down, .. } = tagged_down_of(large);
    assert_eq!(tag.downcast_ref(), Some(&vec![7u64; 100_000]));
    assert_eq!(down.reason, ExitReason::Shutdown);
    assert_eq!(tagged_down_of(small).tag.downcast_ref(), Some(&1u8));
    nothing();
}

/// A monitor that is ended while what it watches ends sends nothing afterwards, also if its alias
/// lives on.
#[runtime::test]
fn down_on_alias_gh5310() {
    for round in 0..2000 {
        let child = spawn!(ends_on_demand);
        let watched = Monitor::new()
            .alias(MonitorAlias::ExplicitUnalias)
            .monitor(child);
        send(child, ExitReason::Normal);
        for _ in 0..round % 5 {
            yield_now();
        }
        let stood = demonitor(watched);
        let came = receive! {
            Down { monitor, .. } if monitor == watched => true,
            after NOW => false,
        };
        assert_ne!(stood, came);
        send(watched, round);
        assert_eq!(message::<i32>(), round);
        assert!(unalias(watched));
        end_of(child);
        nothing();
    }
}

/// Tag and alias are what they are also if there is nothing to monitor.
#[runtime::test]
fn monitor_3_noproc_gh6185() {
    let dead = dead();
    for by_name in [false, true] {
        for mode in [
            MonitorAlias::ExplicitUnalias,
            MonitorAlias::Demonitor,
            MonitorAlias::ReplyDemonitor,
        ] {
            let monitor = Monitor::new().tag("tag").alias(mode);
            let watched = match by_name {
                true => monitor.monitor("nobody"),
                false => monitor.monitor(dead),
            };
            let TaggedDown { tag, down, .. } = tagged_down_of(watched);
            assert_eq!(tag.downcast_ref(), Some(&"tag"));
            assert_eq!(down.reason, ExitReason::NoProc);
            send(watched, "over the alias");
            if mode == MonitorAlias::ExplicitUnalias {
                message::<&str>();
            }
            assert_eq!(unalias(watched), mode == MonitorAlias::ExplicitUnalias);
            nothing();
        }
    }
}

/// What `demonitor` says agrees with whether the `Down` has come, however many ends race with it.
#[runtime::test]
fn local_remove_monitor() {
    for round in 0..200 {
        let children: Vec<(Pid, Ref)> = (0..20).map(|_| spawn_monitor!(ends_on_demand)).collect();
        for (child, _) in &children {
            send(*child, ExitReason::Normal);
        }
        for _ in 0..round % 7 {
            yield_now();
        }
        for (_, watched) in children {
            let stood = demonitor(watched);
            let came = receive! {
                Down { monitor, .. } if monitor == watched => true,
                after NOW => false,
            };
            assert_ne!(stood, came);
        }
    }
}

/// A monitor that a destructor takes back while its process is being killed is gone for the watched too.
#[runtime::test]
fn demonitor_in_a_destructor_of_the_killed() {
    struct Watches(Ref);
    impl Drop for Watches {
        fn drop(&mut self) {
            demonitor(self.0);
        }
    }
    let watched = spawn!(|| drop(receive_any()));
    let me = self_pid();
    let watcher = spawn!(move || {
        let _watches = Watches(monitor(watched));
        send(me, "watches");
        drop(receive_any());
    });
    assert_eq!(message::<&str>(), "watches");
    exit_signal(watcher, ExitReason::Kill);
    assert_eq!(down_of(monitor(watcher)), ExitReason::Killed);
    until("it is forgotten", || {
        process_info(watched).is_some_and(|info| info.monitored_by.is_empty())
    });
    send(watched, "end");
}
