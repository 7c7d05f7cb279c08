//! Which ends restart which children, in which order, and how often.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use genserver::StartError;
use genserver::supervisor::{
    ChildError, ChildSpec, ChildState, Flags, Restart, Strategy, Supervisor, start_link,
};
use runtime::Term;
use runtime::prelude::*;

use super::{
    bad, becomes, began, ends_with, fragile, ids, linked, many, obedient, of, pid_of, worker,
};
use crate::expect::{NOW, down_of, end_of, nothing, until};

/// What becomes of a child.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Restarted,
    Kept,
    Forgotten,
}

/// A child of this kind that ends so.
#[track_caller]
fn check(restart: Restart, reasons: &[ExitReason], fate: Fate) {
    for reason in reasons {
        let supervisor = start_link(many(), vec![worker("1").restart(restart)]);
        let supervisor = supervisor.expect("starts");
        let first = began("1");
        match reason {
            ExitReason::Kill => exit_signal(first, ExitReason::Kill),
            reason => send(first, reason.clone()),
        }
        let state = match fate {
            Fate::Restarted => Some(ChildState::Running(began("1"))),
            Fate::Kept => Some(ChildState::Undefined),
            Fate::Forgotten => None,
        };
        becomes(&supervisor, "1", state);
        supervisor.stop().expect("stops");
        nothing();
    }
}

fn shutdowns() -> [ExitReason; 2] {
    [
        ExitReason::Shutdown,
        ExitReason::ShutdownWith(Term::new("why")),
    ]
}

fn abnormal() -> [ExitReason; 2] {
    [bad(), ExitReason::Kill]
}

/// A permanent child is restarted after normal.
#[runtime::test]
fn permanent_normal() {
    check(Restart::Permanent, &[ExitReason::Normal], Fate::Restarted);
}

/// A transient child that ended normally is kept, and not restarted.
#[runtime::test]
fn transient_normal() {
    check(Restart::Transient, &[ExitReason::Normal], Fate::Kept);
}

/// A temporary child that ended normally is forgotten.
#[runtime::test]
fn temporary_normal() {
    check(Restart::Temporary, &[ExitReason::Normal], Fate::Forgotten);
}

/// A permanent child is restarted after a shutdown.
#[runtime::test]
fn permanent_shutdown() {
    check(Restart::Permanent, &shutdowns(), Fate::Restarted);
}

/// A transient one is not.
#[runtime::test]
fn transient_shutdown() {
    check(Restart::Transient, &shutdowns(), Fate::Kept);
}

/// A temporary one is forgotten.
#[runtime::test]
fn temporary_shutdown() {
    check(Restart::Temporary, &shutdowns(), Fate::Forgotten);
}

/// A permanent child is restarted after an abnormal end.
#[runtime::test]
fn permanent_abnormal() {
    check(Restart::Permanent, &abnormal(), Fate::Restarted);
}

/// So is a transient one.
#[runtime::test]
fn transient_abnormal() {
    check(Restart::Transient, &abnormal(), Fate::Restarted);
}

/// A temporary one is forgotten.
#[runtime::test]
fn temporary_abnormal() {
    check(Restart::Temporary, &abnormal(), Fate::Forgotten);
}

/// One of four children ends: those concerned end, the last first, and start in order; then one restart too many
/// ends all.
#[track_caller]
fn strategy(strategy: Strategy, concerned: std::ops::Range<usize>) {
    trap_exit(true);
    let all = ["0", "1", "2", "3"];
    let flags = Flags::new(strategy).intensity(1, Duration::from_secs(3600));
    let supervisor = start_link(flags, all.map(worker).to_vec()).expect("starts");
    let pid = supervisor.whereis().expect("it lives");
    let mut pids = all.map(began);
    let watches = pids.map(monitor);
    send(pids[1], bad());
    let ended = concerned.clone().rev().filter(|at| *at != 1);
    for at in [1].into_iter().chain(ended) {
        receive! { Down { monitor, .. } => assert_eq!(monitor, watches[at]) }
    }
    for at in concerned.clone() {
        let again = began(all[at]);
        assert_ne!(again, pids[at]);
        pids[at] = again;
    }
    assert_eq!(ids(&supervisor), ["3", "2", "1", "0"]);
    for at in 0..4 {
        assert_eq!(pid_of(&supervisor, all[at]), pids[at]);
    }
    for (at, watch) in watches.into_iter().enumerate() {
        // The others live on.
        assert!(concerned.contains(&at) || demonitor(watch));
    }
    send(pids[1], bad());
    ends_with(pid, ExitReason::Shutdown);
    pids.into_iter().for_each(end_of);
    nothing();
}

/// Who ends is restarted, alone.
#[runtime::test]
fn one_for_one() {
    strategy(Strategy::OneForOne, 1..2);
}

/// All are.
#[runtime::test]
fn one_for_all() {
    strategy(Strategy::OneForAll, 0..4);
}

/// Those started later are.
#[runtime::test]
fn rest_for_one() {
    strategy(Strategy::RestForOne, 1..4);
}

/// A child that does not start again is tried until the limit; then all end.
#[track_caller]
fn escalation(strategy: Strategy) {
    trap_exit(true);
    let (spec, fails) = fragile("1");
    let flags = Flags::new(strategy).intensity(4, Duration::from_secs(3600));
    let supervisor = start_link(flags, vec![worker("0"), spec, worker("2")]).expect("starts");
    let pid = supervisor.whereis().expect("it lives");
    let pids = ["0", "1", "2"].map(began);
    fails.store(true, Ordering::SeqCst);
    send(pids[1], bad());
    ends_with(pid, ExitReason::Shutdown);
    pids.into_iter().for_each(end_of);
    while receive_timeout(NOW).is_some() {}
}

/// See [`escalation`].
#[runtime::test]
fn one_for_one_escalation() {
    escalation(Strategy::OneForOne);
}

/// See [`escalation`].
#[runtime::test]
fn one_for_all_escalation() {
    escalation(Strategy::OneForAll);
}

/// See [`escalation`].
#[runtime::test]
fn rest_for_one_escalation() {
    escalation(Strategy::RestForOne);
}

/// A sibling does not start in a group's restart: those started are ended, and the group is started again.
#[track_caller]
fn other_child_fails_restart(strategy: Strategy) {
    let test = self_pid();
    let turn = Arc::new(AtomicU32::new(0));
    let turns = Arc::clone(&turn);
    // Its second start fails, when it is told to.
    let last = ChildSpec::new("2", move || match turn.fetch_add(1, Ordering::SeqCst) {
        1 => {
            let () = runtime::receive_type();
            Err(StartError::Failed(ExitReason::other("no")))
        }
        _ => obedient(test, "2".to_owned()),
    });
    let supervisor = start_link(of(strategy), vec![worker("0"), worker("1"), last]);
    let supervisor = supervisor.expect("starts");
    let [_, first, _] = ["0", "1", "2"].map(began);
    send(first, bad());
    let second = began("1");
    if strategy == Strategy::OneForAll {
        began("0");
    }
    send(supervisor.whereis().expect("it lives"), ());
    let pid = match strategy {
        // The group is started again as a whole.
        Strategy::OneForAll => began("1"),
        // The group of the one that has failed is itself.
        _ => second,
    };
    began("2");
    assert_eq!(pid_of(&supervisor, "1"), pid);
    assert_eq!(is_process_alive(second), second == pid);
    assert_eq!(turns.load(Ordering::SeqCst), 3);
    assert_eq!(supervisor.count_children().map(|count| count.active), Ok(3));
    supervisor.stop().expect("stops");
    while receive_timeout(NOW).is_some() {}
}

/// See [`other_child_fails_restart`].
#[runtime::test]
fn one_for_all_other_child_fails_restart() {
    other_child_fails_restart(Strategy::OneForAll);
}

/// See [`other_child_fails_restart`].
#[runtime::test]
fn rest_for_one_other_child_fails_restart() {
    other_child_fails_restart(Strategy::RestForOne);
}

/// Restarts within the period count, those that are past do not; with the intensity 0 the first ends all.
#[runtime::test(paused)]
fn intensity() {
    trap_exit(true);
    let second = Duration::from_secs(1);
    for intensity in [0, 1, 3] {
        let flags = Flags::default().intensity(intensity, 10 * second);
        let supervisor = start_link(flags, vec![worker("1"), worker("2")]).expect("starts");
        let pid = supervisor.whereis().expect("it lives");
        let mut first = began("1");
        let other = began("2");
        for _ in 0..2 {
            for _ in 0..intensity {
                send(first, bad());
                first = began("1");
            }
            sleep(11 * second);
        }
        for _ in 0..intensity {
            send(first, bad());
            first = began("1");
        }
        send(first, bad());
        ends_with(pid, ExitReason::Shutdown);
        end_of(other);
        nothing();
    }
}

/// A restart that is as old as the period counts, one that is older does not.
#[runtime::test(paused)]
fn intensity_at_the_edge() {
    trap_exit(true);
    let period = Duration::from_secs(10);
    for (pause, lives) in [(period, false), (period + Duration::from_millis(1), true)] {
        let flags = Flags::default().intensity(1, period);
        let supervisor = start_link(flags, vec![worker("1")]).expect("starts");
        let pid = supervisor.whereis().expect("it lives");
        send(began("1"), bad());
        let again = began("1");
        sleep(pause);
        send(again, bad());
        if lives {
            began("1");
            supervisor.stop().expect("stops");
        }
        let reason = if lives {
            ExitReason::Normal
        } else {
            ExitReason::Shutdown
        };
        ends_with(pid, reason);
        nothing();
    }
}

/// A transient supervisor that has reached its limit is not restarted by its own.
#[runtime::test]
fn a_transient_supervisor_that_gives_up() {
    let none = Flags::default().intensity(0, Duration::from_secs(1));
    let branch = ChildSpec::supervisor("branch", none, vec![worker("leaf")]);
    let supervisor = start_link(many(), vec![branch.restart(Restart::Transient)]);
    let supervisor = supervisor.expect("starts");
    send(began("leaf"), bad());
    becomes(&supervisor, "branch", Some(ChildState::Undefined));
    supervisor.stop().expect("stops");
    nothing();
}

/// A temporary sibling that a group's restart has ended is forgotten, whichever of them ends.
#[runtime::test]
fn temporary_bystander() {
    for strategy in [Strategy::OneForAll, Strategy::RestForOne] {
        let temporary = worker("2").restart(Restart::Temporary);
        let supervisor = start_link(of(strategy), vec![worker("1"), temporary]);
        let supervisor = supervisor.expect("starts");
        let (first, bystander) = (began("1"), began("2"));
        let watch = monitor(bystander);
        send(first, bad());
        assert_eq!(down_of(watch), ExitReason::Shutdown);
        began("1");
        assert_eq!(ids(&supervisor), ["1"]);
        supervisor.stop().expect("stops");
        nothing();
    }
}

/// The specification of a temporary child is gone with it, however it ends.
#[runtime::test]
fn do_not_save_child_specs_for_temporary_children() {
    for strategy in [
        Strategy::OneForOne,
        Strategy::OneForAll,
        Strategy::RestForOne,
    ] {
        let supervisor = start_link(of(strategy), vec![]).expect("starts");
        for reason in [ExitReason::Normal, bad(), ExitReason::Kill] {
            let temporary = worker("1").restart(Restart::Temporary);
            supervisor.start_child(temporary).expect("starts");
            exit_signal(began("1"), reason.clone());
            if reason == ExitReason::Normal {
                supervisor.terminate_child("1").expect("it ends");
            }
            becomes(&supervisor, "1", None);
            assert!(ids(&supervisor).is_empty());
        }
        supervisor.stop().expect("stops");
    }
}

/// While a child does not start again the supervisor answers: the child is restarting, cannot be restarted or
/// deleted, and can be ended; then nothing is tried any more.
#[runtime::test]
fn hanging_restart_loop() {
    let (spec, fails) = fragile("1");
    let supervisor = start_link(many(), vec![spec, worker("2")]).expect("starts");
    let (first, other) = (began("1"), began("2"));
    fails.store(true, Ordering::SeqCst);
    send(first, bad());
    becomes(&supervisor, "1", Some(ChildState::Restarting));
    let restarting = Err(ChildError::Restarting);
    assert_eq!(supervisor.restart_child("1").map(drop), restarting);
    assert_eq!(supervisor.delete_child("1"), restarting);
    let count = supervisor.count_children().expect("it answers");
    assert_eq!((count.specs, count.active), (2, 1));
    assert_eq!(pid_of(&supervisor, "2"), other);
    supervisor.terminate_child("1").expect("it is given up");
    assert_eq!(
        supervisor.which_child("1").map(|child| child.state),
        Ok(ChildState::Undefined)
    );
    fails.store(false, Ordering::SeqCst);
    assert_eq!(ids(&supervisor), ["2", "1"]);
    nothing();
    // It can be started again, and a supervisor in the loop can be stopped.
    supervisor.restart_child("1").expect("it starts");
    fails.store(true, Ordering::SeqCst);
    send(began("1"), bad());
    becomes(&supervisor, "1", Some(ChildState::Restarting));
    supervisor.stop().expect("stops");
    end_of(other);
    nothing();
}

/// So for rest_for_one: those before run, those after are down until it has started.
#[runtime::test]
fn hanging_restart_loop_rest_for_one() {
    let (spec, fails) = fragile("1");
    let specs = vec![worker("0"), spec, worker("2")];
    let supervisor = start_link(of(Strategy::RestForOne), specs).expect("starts");
    let [before, first, after] = ["0", "1", "2"].map(began);
    fails.store(true, Ordering::SeqCst);
    send(first, bad());
    becomes(&supervisor, "1", Some(ChildState::Restarting));
    end_of(after);
    let states = |supervisor: &Supervisor| {
        let children = supervisor.which_children().expect("it answers");
        children
            .into_iter()
            .rev()
            .map(|child| child.state)
            .collect::<Vec<_>>()
    };
    let (running, undefined) = (ChildState::Running(before), ChildState::Undefined);
    assert_eq!(
        states(&supervisor),
        [running, ChildState::Restarting, undefined]
    );
    supervisor.terminate_child("1").expect("it is given up");
    assert_eq!(states(&supervisor), [running, undefined, undefined]);
    // The one after can be started by hand.
    supervisor.restart_child("2").expect("it starts");
    began("2");
    fails.store(false, Ordering::SeqCst);
    supervisor.restart_child("1").expect("it starts");
    let again = began("1");
    fails.store(true, Ordering::SeqCst);
    send(again, bad());
    becomes(&supervisor, "1", Some(ChildState::Restarting));
    fails.store(false, Ordering::SeqCst);
    let pids = ["1", "2"].map(began);
    assert_eq!(
        states(&supervisor),
        [
            running,
            ChildState::Running(pids[0]),
            ChildState::Running(pids[1])
        ]
    );
    supervisor.stop().expect("stops");
    nothing();
}

/// A child that does not start again is tried until it does.
#[runtime::test]
fn restarting_sup() {
    let tries = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&tries);
    let test = self_pid();
    let stubborn = ChildSpec::new("stubborn", move || {
        match counted.fetch_add(1, Ordering::SeqCst) {
            1..5 => Err(StartError::Failed(ExitReason::other("not yet"))),
            _ => obedient(test, "stubborn".to_owned()),
        }
    });
    let supervisor = start_link(many(), vec![stubborn]).expect("starts");
    send(began("stubborn"), bad());
    let again = began("stubborn");
    assert_eq!(tries.load(Ordering::SeqCst), 6);
    assert_eq!(pid_of(&supervisor, "stubborn"), again);
    supervisor.stop().expect("stops");
}

/// A restart storm: children that are killed again and again; none is lost, none is there twice.
#[runtime::test]
fn a_storm() {
    const CHILDREN: usize = 200;
    const KILLS: usize = 2000;
    let specs = (0..CHILDREN).map(|n| {
        ChildSpec::new(n.to_string(), || {
            linked(|| {
                loop {
                    drop(receive_any());
                }
            })
        })
    });
    let supervisor = start_link(many(), specs.collect()).expect("starts");
    let before = runtime::processes().len();
    for n in 0..KILLS {
        let id = (n * 7 % CHILDREN).to_string();
        if let Some(pid) = supervisor.which_child(&id).expect("it is there").pid() {
            exit_signal(pid, ExitReason::Kill);
        }
    }
    until("all run", || {
        let count = supervisor.count_children();
        count.is_ok_and(|count| count.active == CHILDREN) && runtime::processes().len() == before
    });
    supervisor.stop().expect("stops");
    until("all are gone", || {
        runtime::processes().len() == before - CHILDREN - 1
    });
}
