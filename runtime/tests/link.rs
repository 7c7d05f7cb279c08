//! Links: what their end does, and to how many. OTP's own cases are in the crate `tests`.

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
