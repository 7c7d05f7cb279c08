//! After `erl_link_SUITE`.

use runtime::prelude::*;
use runtime::{Monitored, process_info};

use crate::expect::{down_of, end_of, ends_on_demand, exit_of, message, nothing, object_of};

/// A link has two ends: either side makes and ends it, both show it, the end of one reaches the
/// other; a link to oneself is none.
#[runtime::test]
fn links() {
    trap_exit(true);
    let me = self_pid();
    link(me);
    assert!(runtime::links().is_empty());

    let child = spawn_link!(ends_on_demand);
    link(child);
    assert_eq!(runtime::links(), [child]);
    unlink(child);
    assert!(runtime::links().is_empty());
    let watched = monitor(child);
    send(child, ExitReason::other("unheard"));
    assert_eq!(down_of(watched), ExitReason::other("unheard"));
    nothing();

    let child = spawn!(move || {
        link(me);
        send(me, runtime::links());
        receive_type::<&str>();
        unlink(me);
        send(me, runtime::links());
        ends_on_demand();
    });
    assert_eq!(message::<Vec<Pid>>(), [me]);
    assert_eq!(runtime::links(), [child]);
    send(child, "unlink");
    assert_eq!(message::<Vec<Pid>>(), []);
    assert!(runtime::links().is_empty());
    let watched = monitor(child);
    send(child, ExitReason::other("unheard"));
    assert_eq!(down_of(watched), ExitReason::other("unheard"));
    nothing();

    // Unlinked from the side that has not made it.
    let child = spawn_link!(move || {
        unlink(me);
        send(me, "unlinked");
        ends_on_demand();
    });
    message::<&str>();
    assert!(runtime::links().is_empty());
    send(child, ExitReason::other("unheard"));
    end_of(child);
    nothing();

    for reason in [
        ExitReason::Normal,
        ExitReason::Kill,
        ExitReason::other("boom"),
    ] {
        let child = spawn_link!(ends_on_demand);
        send(child, reason.clone());
        assert_eq!(exit_of(child), reason);
        assert!(runtime::links().is_empty());
    }
}

/// Each monitor is seen at both ends, fires once, by pid and by name, and says whom it watched as that
/// was named; a monitor of oneself never fires.
#[runtime::test]
fn process_monitors() {
    let child = spawn!(ends_on_demand);
    register("watched", child).unwrap();
    let monitors = [monitor(child), monitor(child), monitor("watched")];
    let me = self_pid();
    assert_eq!(process_info(me).unwrap().monitors.len(), 3);
    assert_eq!(process_info(child).unwrap().monitored_by, [me; 3]);
    send(child, ExitReason::other(7));
    let objects = [child.into(), child.into(), Monitored::from("watched")];
    for (watched, object) in monitors.into_iter().zip(objects) {
        assert_eq!(object_of(watched), (object, ExitReason::other(7)));
    }
    nothing();
    let (by_pid, by_name) = (monitor(child), monitor("watched"));
    assert_eq!(object_of(by_pid), (child.into(), ExitReason::NoProc));
    assert_eq!(object_of(by_name), ("watched".into(), ExitReason::NoProc));
    let myself = monitor(self_pid());
    nothing();
    assert!(demonitor(myself));
}

/// After `unlink` no `Exit` of that link comes, however its end raced with it.
#[runtime::test]
fn otp_5772_link() {
    trap_exit(true);
    for round in 0..2000 {
        let child = Spawn::new().link().priority(Priority::Low);
        let child = child.spawn(|| drop(receive_any())).unwrap().pid;
        exit_signal(child, ExitReason::Kill);
        for _ in 0..round % 4 {
            yield_now();
        }
        unlink(child);
        // What was in the mailbox by then stays.
        receive! { Exit { .. } => {}, after crate::expect::NOW => {} }
        end_of(child);
        nothing();
    }
}

/// Whatever two processes link and unlink at once, both ends agree in the end.
#[runtime::test]
fn otp_17127_local_random() {
    trap_exit(true);
    let me = self_pid();
    let mut seed = 7u32;
    let mut random = move || {
        seed = seed.wrapping_mul(1664525).wrapping_add(1013904223);
        seed >> 24
    };
    for round in 0..2000 {
        let steps = random() % 8;
        let other = spawn!(move || {
            for step in 0..steps {
                if (round + step) % 3 == 0 {
                    unlink(me)
                } else {
                    link(me)
                }
                if step % 2 == 0 {
                    yield_now()
                }
            }
            send(me, "storm over");
            receive_type::<&str>();
            send(me, runtime::links());
            receive_type::<&str>();
            link(me);
            receive_type::<&str>();
        });
        for _ in 0..random() % 8 {
            if random() % 2 == 0 {
                link(other)
            } else {
                unlink(other)
            }
        }
        receive! { "storm over" : &str => {} }
        send(other, "look");
        let theirs: Vec<Pid> = message();
        assert_eq!(theirs.contains(&me), runtime::links().contains(&other));
        // Unlinked from here and linked from there: the link holds.
        unlink(other);
        send(other, "link");
        while !runtime::links().contains(&other) {
            yield_now();
        }
        send(other, "end");
        assert_eq!(exit_of(other), ExitReason::Normal);
        nothing();
    }
}
