//! Significant children: whose end is the supervisor's.

use genserver::supervisor::{
    AutoShutdown, ChildSpec, ChildState, Flags, Restart, Strategy, Supervisor, start_link,
};
use runtime::Term;
use runtime::prelude::*;

use super::{bad, becomes, began, ends_with, many, worker};
use crate::expect::{end_of, nothing};

const MODES: [AutoShutdown; 3] = [
    AutoShutdown::Never,
    AutoShutdown::AnySignificant,
    AutoShutdown::AllSignificant,
];

fn auto(mode: AutoShutdown) -> Flags {
    many().auto_shutdown(mode)
}

fn significant(id: &str, restart: Restart) -> ChildSpec {
    worker(id).significant(true).restart(restart)
}

fn orderly() -> [ExitReason; 3] {
    [
        ExitReason::Normal,
        ExitReason::Shutdown,
        ExitReason::ShutdownWith(Term::new(1)),
    ]
}

fn start(flags: Flags, specs: Vec<ChildSpec>) -> (Supervisor, Pid) {
    let supervisor = start_link(flags, specs).expect("starts");
    let pid = supervisor.whereis().expect("it lives");
    (supervisor, pid)
}

/// A temporary child that is not significant ends nobody, however it ends.
#[runtime::test]
fn nonsignificant_temporary() {
    for mode in MODES {
        let (supervisor, _) = start(auto(mode), vec![]);
        for reason in orderly().into_iter().chain([bad()]) {
            let spec = worker("1").restart(Restart::Temporary);
            supervisor.start_child(spec).expect("starts");
            send(began("1"), reason);
            becomes(&supervisor, "1", None);
        }
        supervisor.stop().expect("stops");
    }
}

/// Nor does a transient one; an abnormal end restarts it.
#[runtime::test]
fn nonsignificant_transient() {
    for mode in MODES {
        let spec = worker("1").restart(Restart::Transient);
        let (supervisor, _) = start(auto(mode), vec![spec]);
        for reason in orderly() {
            send(began("1"), bad());
            send(began("1"), reason);
            becomes(&supervisor, "1", Some(ChildState::Undefined));
            supervisor.restart_child("1").expect("starts");
        }
        began("1");
        supervisor.stop().expect("stops");
    }
}

/// Any end of a significant temporary child ends the supervisor, or that of the last.
#[runtime::test]
fn significant_temporary() {
    trap_exit(true);
    for reason in orderly().into_iter().chain([bad()]) {
        let specs = || ["1", "2"].map(|id| significant(id, Restart::Temporary));
        let (_, pid) = start(auto(AutoShutdown::AnySignificant), specs().to_vec());
        let [first, other] = ["1", "2"].map(began);
        send(first, reason.clone());
        ends_with(pid, ExitReason::Shutdown);
        end_of(other);
        let (supervisor, pid) = start(auto(AutoShutdown::AllSignificant), specs().to_vec());
        let [first, other] = ["1", "2"].map(began);
        send(first, reason.clone());
        becomes(&supervisor, "1", None);
        send(other, reason);
        ends_with(pid, ExitReason::Shutdown);
    }
    nothing();
}

/// Of a significant transient child an orderly end counts; another restarts it. Neither does it count if the
/// supervisor was told to end the child.
#[runtime::test]
fn significant_transient() {
    trap_exit(true);
    for reason in orderly() {
        let specs = || {
            let two = ["1", "2"].map(|id| significant(id, Restart::Transient));
            two.into_iter().chain([worker("3")]).collect()
        };
        let (supervisor, pid) = start(auto(AutoShutdown::AnySignificant), specs());
        let [first, second, third] = ["1", "2", "3"].map(began);
        supervisor.terminate_child("1").expect("it ends");
        assert!(!is_process_alive(first));
        send(third, reason.clone());
        began("3");
        send(second, bad());
        send(began("2"), reason.clone());
        ends_with(pid, ExitReason::Shutdown);
        let (supervisor, pid) = start(auto(AutoShutdown::AllSignificant), specs());
        let [first, second, _] = ["1", "2", "3"].map(began);
        send(first, reason.clone());
        becomes(&supervisor, "1", Some(ChildState::Undefined));
        send(second, reason);
        ends_with(pid, ExitReason::Shutdown);
    }
    nothing();
}

/// A significant child that the restart of a sibling ends does not count.
#[runtime::test]
fn significant_bystander() {
    trap_exit(true);
    for strategy in [Strategy::OneForAll, Strategy::RestForOne] {
        for restart in [Restart::Transient, Restart::Temporary] {
            for mode in [AutoShutdown::AnySignificant, AutoShutdown::AllSignificant] {
                let flags = Flags {
                    strategy,
                    ..auto(mode)
                };
                let specs = vec![worker("1"), significant("2", restart)];
                let (supervisor, pid) = start(flags, specs);
                let (first, bystander) = (began("1"), began("2"));
                send(first, bad());
                end_of(bystander);
                let first = began("1");
                becomes(&supervisor, "1", Some(ChildState::Running(first)));
                if restart == Restart::Transient {
                    began("2");
                }
                supervisor.stop().expect("stops");
                ends_with(pid, ExitReason::Normal);
            }
        }
    }
    nothing();
}
