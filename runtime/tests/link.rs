//! Links: what their end does, and to how many. OTP's own cases are in the crate `tests`.

mod expect;

use std::sync::Arc;

use runtime::mailbox_len;
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

/// A process with very many links, or monitors on it, or monitors of its own, tells its end in turns: its
/// neighbours run meanwhile.
#[test]
fn its_end_gives_turns() {
    const MANY: usize = 50_000;
    // On one thread nobody runs unless the dying process lets him.
    expect::alone(|| {
        trap_exit(true);
        let me = self_pid();
        let rests = || {
            let child = Spawn::new().receive_loop(|_| Flow::Continue);
            child.expect("room").pid
        };
        // Its links are told before those who monitor it.
        let hub = spawn!(move || {
            for child in (0..MANY).map(|_| rests()) {
                link(child);
            }
            send(me, "linked");
            ends_on_demand()
        });
        assert_eq!(expect::message::<&str>(), "linked");
        let watched = monitor(hub);
        send(hub, ExitReason::Shutdown);
        let mut turns = 0;
        while !receive! { Down { monitor, .. } if monitor == watched => true, after expect::NOW => false }
        {
            turns += usize::from(!is_process_alive(hub));
            yield_now();
        }
        assert!(turns > 2, "{turns} turns while its links were told");

        let hub = spawn!(ends_on_demand);
        for _ in 0..MANY {
            monitor(hub);
        }
        send(hub, ExitReason::Normal);
        receive! { Down { .. } => {} }
        let told = mailbox_len(me).expect("this process");
        assert!(told < MANY / 2, "{told} were told in one turn");
        for _ in 1..MANY {
            receive! { Down { .. } => {} }
        }

        // What it watches is told last; then its reason is dropped.
        let held = Arc::new(());
        let reason = Arc::downgrade(&held);
        let hub = spawn!(move || {
            for child in (0..MANY).map(|_| rests()) {
                monitor(child);
            }
            send(me, "watching");
            exit(ExitReason::other(held))
        });
        assert_eq!(expect::message::<&str>(), "watching");
        let mut turns = 0;
        while reason.strong_count() > 0 {
            turns += usize::from(!is_process_alive(hub));
            yield_now();
        }
        assert!(turns > 2, "{turns} turns while those it watched were told");
    });
}
