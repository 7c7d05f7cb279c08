//! Links and exit signals, after `erl_link_SUITE` and the tables of the exit signals.

use std::time::Duration;

use runtime::prelude::*;

/// Ends with the reason that it is sent.
fn ends_on_demand() {
    let reason: ExitReason = receive_type::<ExitReason>();
    exit(reason)
}

fn exit_of(pid: Pid) -> ExitReason {
    receive! { Exit { from, reason, .. } if from == Some(pid) => reason }
}

fn down_of(watched: Ref) -> ExitReason {
    receive! { Down { monitor, reason, .. } if monitor == watched => reason }
}

/// No exit is in the mailbox, and none is on its way from a process that is known to be gone.
fn no_exit() {
    receive! { e @ Exit { .. } => panic!("{e:?}"), after Duration::ZERO => {} }
}

/// A broken link ends who does not trap, with the same reason; who traps receives a message;
/// `Normal` ends nobody, and `Kill` as the reason of a link stays `Kill`.
#[runtime::test]
fn a_broken_link() {
    trap_exit(true);
    for reason in [
        ExitReason::Normal,
        ExitReason::Shutdown,
        ExitReason::Kill,
        ExitReason::other("boom"),
    ] {
        let end = spawn_link!(ends_on_demand);
        send(end, reason.clone());
        assert_eq!(exit_of(end), reason);
    }
    let (middle, watched) = spawn_monitor!(|| {
        let end = spawn_link!(ends_on_demand);
        send(end, ExitReason::Normal);
        let _ = monitor(end);
        receive! { Down { .. } => {} }
        let end = spawn_link!(ends_on_demand);
        send(end, ExitReason::Kill);
        receive_any();
    });
    assert_eq!(down_of(watched), ExitReason::Kill);
    assert!(!is_process_alive(middle));
}

/// Either side may unlink; afterwards neither is told of the other's end.
#[runtime::test]
fn links() {
    trap_exit(true);
    let me = self_pid();
    link(me);
    let child = spawn_link!(ends_on_demand);
    link(child);
    unlink(child);
    let watched = monitor(child);
    send(child, ExitReason::other("unheard"));
    assert_eq!(down_of(watched), ExitReason::other("unheard"));
    no_exit();

    let (child, watched) = spawn_monitor!(move || {
        link(me);
        unlink(me);
        send(me, "unlinked");
        receive_type::<&str>();
        exit(ExitReason::other("unheard"))
    });
    receive! { "unlinked" : &str => {} }
    send(child, "end");
    assert_eq!(down_of(watched), ExitReason::other("unheard"));
    no_exit();
}

/// A link to the dead: who traps is told, who does not exits with `NoProc`.
#[runtime::test]
fn a_link_to_the_dead() {
    let (dead, watched) = spawn_monitor!(|| {});
    assert_eq!(down_of(watched), ExitReason::Normal);
    let (_, watched) = spawn_monitor!(move || link(dead));
    assert_eq!(down_of(watched), ExitReason::NoProc);
    trap_exit(true);
    link(dead);
    assert_eq!(exit_of(dead), ExitReason::NoProc);
}

/// Mirrors `unlink_exit`: who links again to one that has unlinked it and ends is told `NoProc`,
/// never the old reason.
#[runtime::test]
fn unlink_exit() {
    trap_exit(true);
    let me = self_pid();
    for _ in 0..1000 {
        let other = spawn_link!(move || {
            unlink(me);
            send(me, "unlinked");
            exit(ExitReason::other("old"))
        });
        receive! { "unlinked" : &str => {} }
        link(other);
        assert_eq!(exit_of(other), ExitReason::NoProc);
    }
}

/// Mirrors `otp_17127_local_random`: whatever two processes link and unlink at once, both ends
/// agree in the end.
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
        // Unlinked from here and linked from there: the link holds.
        unlink(other);
        send(other, "link");
        while !runtime::links().contains(&other) {
            yield_now();
        }
        send(other, "end");
        assert_eq!(exit_of(other), ExitReason::Normal);
        no_exit();
    }
}

/// A process with very many links and monitors ends, and every one of them is told.
#[runtime::test]
fn a_hundred_thousand() {
    const MANY: usize = 100_000;
    trap_exit(true);
    let me = self_pid();
    let hub = spawn_link!(move || {
        let spawn = || {
            let child = Spawn::new()
                .link()
                .monitor()
                .receive_loop(|_| Flow::Continue);
            child.expect("room").pid
        };
        let children: Vec<Pid> = (0..MANY).map(|_| spawn()).collect();
        send(me, children);
        receive_type::<&str>();
        exit(ExitReason::other("the hub"))
    });
    let children: Vec<Pid> = receive_type();
    for child in &children {
        monitor(*child);
    }
    send(hub, "end");
    assert_eq!(exit_of(hub), ExitReason::other("the hub"));
    for _ in &children {
        receive! { Down { reason, .. } => assert_eq!(reason, ExitReason::other("the hub")) }
    }
}
