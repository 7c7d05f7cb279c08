//! Registered names. OTP's own cases are in the crate `tests`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use runtime::prelude::*;
use runtime::{process_info, registered, registered_name, unregister};

fn ends_on_demand() {
    let reason: ExitReason = receive_type::<ExitReason>();
    exit(reason)
}

fn down_of(watched: Ref) -> ExitReason {
    receive! { Down { monitor, reason, .. } if monitor == watched => reason }
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

/// The empty text is a name like any other, as Erlang's empty atom.
#[runtime::test]
fn the_empty_name() {
    let me = self_pid();
    assert_eq!(whereis(""), None);
    assert!(send("", 1u8).is_err());
    register("", me).unwrap();
    assert_eq!(whereis(""), Some(me));
    assert!(send("", 1u8).is_ok());
    assert_eq!(receive_type::<u8>(), 1);
    unregister("").unwrap();
    assert_eq!(registered(), []);
}

/// Who hears the end of a process by a link can register its name at once.
#[runtime::test(workers = 2)]
fn free_before_links_are_told() {
    trap_exit(true);
    let me = self_pid();
    for _ in 0..2_000 {
        let child = spawn_link!(ends_on_demand);
        register("the child", child).unwrap();
        send(child, ExitReason::Shutdown);
        let Exit { from, .. } = receive_type();
        assert_eq!(from, Some(child));
        register("the child", me).unwrap();
        unregister("the child").unwrap();
    }
}

/// A name that a process is refused is never seen on it, by nobody who looks meanwhile.
#[runtime::test(workers = 2)]
fn a_refused_name_is_not_seen() {
    register("had", self_pid()).unwrap();
    let refused = Spawn::new().own_thread().spawn(ends_on_demand);
    let refused = refused.unwrap().pid;
    let over = Arc::new(AtomicBool::new(false));
    let tried = Arc::clone(&over);
    let tries = Spawn::new().own_thread().monitor().spawn(move || {
        for _ in 0..20_000 {
            assert!(register("had", refused).is_err());
        }
        tried.store(true, Ordering::Relaxed);
    });
    while !over.load(Ordering::Relaxed) {
        assert_eq!(registered_name(refused), None);
        assert_eq!(process_info(refused).unwrap().registered_name, None);
        assert_eq!(whereis("had"), Some(self_pid()));
        yield_now();
    }
    assert_eq!(down_of(tries.unwrap().monitor.unwrap()), ExitReason::Normal);
    send(refused, ExitReason::Normal);
}

/// A name that is taken back is gone by the name, by the pid and in the list, before its process can have
/// another: nobody sees a process with two.
#[runtime::test(workers = 2)]
fn a_process_is_never_seen_with_two_names() {
    let has = spawn!(ends_on_demand);
    let over = Arc::new(AtomicBool::new(false));
    let changes = ["one", "two"].map(|name| {
        let over = Arc::clone(&over);
        let changes = Spawn::new().own_thread().monitor().spawn(move || {
            let mut given = 0;
            while given == 0 || !over.load(Ordering::Relaxed) {
                if register(name, has).is_ok() {
                    given += 1;
                    assert_eq!(whereis(name), Some(has));
                    assert_eq!(registered_name(has).unwrap().as_str(), name);
                    unregister(name).unwrap();
                }
                yield_now();
            }
        });
        changes.unwrap().monitor.unwrap()
    });
    let mut seen = [false; 3];
    for round in 0.. {
        let names = registered();
        assert!(names.len() <= 1, "{names:?}");
        seen[names.len()] = true;
        yield_now();
        if round >= 20_000 && seen[0] && seen[1] {
            break;
        }
    }
    over.store(true, Ordering::Relaxed);
    for watched in changes {
        assert_eq!(down_of(watched), ExitReason::Normal);
    }
    send(has, ExitReason::Normal);
}

/// Nobody finds a name on a process that has ended, whoever gives it one meanwhile.
#[runtime::test(workers = 2)]
fn the_dead_have_no_names() {
    for round in 0..2_000 {
        let (child, watched) = spawn_monitor!(|| {});
        let given = register("child", child);
        if let Some(pid) = whereis("child") {
            assert_eq!((pid, &given), (child, &Ok(())));
        }
        down_of(watched);
        assert_eq!(whereis("child"), None, "round {round}");
        assert_eq!(registered_name(child), None);
        assert!(registered().is_empty());
    }
}
