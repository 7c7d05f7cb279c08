//! How children are ended, and supervisors end.

use std::time::Duration;

use genserver::gen_server::StopError;
use genserver::supervisor::{
    ChildSpec, DynamicSupervisor, Kind, Restart, Shutdown, Strategy, Template, start_link,
};
use runtime::prelude::*;

use super::{Began, bad, began, deaf, ends_with, linked, many, of, worker};
use crate::expect::{NOW, down_of, end_of, message, nothing, reports};

const SECOND: Duration = Duration::from_secs(1);

/// Without a limit workers and supervisors are waited for, however long they take.
#[runtime::test(paused)]
fn sup_stop_infinity() {
    trap_exit(true);
    let slow = |id: &'static str| {
        let test = self_pid();
        ChildSpec::process(id, move || {
            trap_exit(true);
            send(test, Began(id.to_owned(), self_pid()));
            receive! { Exit { reason, .. } => {
                sleep(1000 * SECOND);
                exit(reason)
            } }
        })
        .shutdown(Shutdown::Infinity)
    };
    let specs = vec![slow("1"), slow("2").kind(Kind::Supervisor)];
    let supervisor = start_link(many(), specs).expect("starts");
    let watches = [began("1"), began("2")].map(monitor);
    let pid = supervisor.whereis().expect("it lives");
    let start = runtime::now();
    supervisor.stop().expect("stops");
    assert_eq!(runtime::now() - start, 2000 * SECOND);
    for watch in watches {
        assert_eq!(down_of(watch), ExitReason::Shutdown);
    }
    ends_with(pid, ExitReason::Normal);
    nothing();
}

/// A child that does not stop in time is killed, the others are told; who asks meanwhile waits.
#[runtime::test(paused)]
fn sup_stop_timeout() {
    let specs = vec![
        worker("1"),
        deaf("2").shutdown(Shutdown::Within(7 * SECOND)),
    ];
    let supervisor = start_link(many(), specs).expect("starts");
    let watches = [began("1"), began("2")].map(monitor);
    let start = runtime::now();
    let (asked, test) = (supervisor.clone(), self_pid());
    let slow = supervisor.clone();
    spawn!(move || send(test, ("ended", slow.terminate_child("2").is_ok())));
    sleep(SECOND);
    spawn!(move || send(test, ("counted", asked.count_children().is_ok())));
    let mut both = [message::<(&str, bool)>(), message()];
    both.sort_unstable();
    assert_eq!(both, [("counted", true), ("ended", true)]);
    assert_eq!(runtime::now() - start, 7 * SECOND);
    assert_eq!(down_of(watches[1]), ExitReason::Killed);
    supervisor.stop().expect("stops");
    assert_eq!(down_of(watches[0]), ExitReason::Shutdown);
    nothing();
}

/// One for brutal_kill is killed at once.
#[runtime::test(paused)]
fn sup_stop_brutal_kill() {
    let specs = vec![worker("1"), deaf("2").shutdown(Shutdown::BrutalKill)];
    let supervisor = start_link(many(), specs).expect("starts");
    let watches = [began("1"), began("2")].map(monitor);
    let start = runtime::now();
    supervisor.stop().expect("stops");
    assert_eq!(runtime::now(), start);
    assert_eq!(down_of(watches[0]), ExitReason::Shutdown);
    assert_eq!(down_of(watches[1]), ExitReason::Killed);
    nothing();
}

/// `stop` ends all children, the last first, each as its specification says, and the supervisor with `normal`.
#[runtime::test]
fn sup_stop_manual() {
    trap_exit(true);
    let specs = ["1", "2", "3"].map(worker);
    let supervisor = start_link(many(), specs.to_vec()).expect("starts");
    let watches = ["1", "2", "3"].map(began).map(monitor);
    let pid = supervisor.whereis().expect("it lives");
    supervisor.stop().expect("stops");
    for watch in watches.into_iter().rev() {
        receive! { Down { monitor, reason, .. } => {
            assert_eq!((monitor, reason), (watch, ExitReason::Shutdown));
        } }
    }
    ends_with(pid, ExitReason::Normal);
    assert_eq!(supervisor.stop(), Err(StopError::NoProc));
    nothing();
}

/// A child that has unlinked itself does not hold up its supervisor, alive or dead.
#[runtime::test]
fn a_child_that_unlinks_itself() {
    let test = self_pid();
    let sly = |id: &'static str| {
        ChildSpec::process(id, move || {
            for pid in runtime::links() {
                unlink(pid);
            }
            send(test, Began(id.to_owned(), self_pid()));
            receive! { reason: ExitReason => exit(reason) }
        })
    };
    let supervisor = start_link(many(), vec![sly("1"), sly("2").restart(Restart::Transient)]);
    let supervisor = supervisor.expect("starts");
    let (first, second) = (began("1"), began("2"));
    let watch = monitor(second);
    send(second, bad());
    assert_eq!(down_of(watch), bad());
    supervisor.terminate_child("2").expect("it has ended");
    supervisor.stop().expect("stops");
    assert!(!is_process_alive(first));
    nothing();
}

/// One for brutal_kill that has ended in order by itself when its turn comes is no error, unless it is permanent. As
/// OTP's `supervisor:shutdown/1` of 25.2 has it.
#[runtime::test]
fn brutal_kill_of_one_that_has_ended() {
    reports::collect();
    for (restart, wrong) in [
        (Restart::Permanent, 1),
        (Restart::Transient, 0),
        (Restart::Temporary, 0),
    ] {
        for reason in [
            ExitReason::Normal,
            ExitReason::Shutdown,
            ExitReason::shutdown_with(7),
        ] {
            let id = format!("brutal {restart} {reason:?}");
            let brutal = worker(&id).restart(restart);
            let specs = vec![worker("1"), brutal.shutdown(Shutdown::BrutalKill)];
            let supervisor = start_link(of(Strategy::RestForOne), specs).expect("starts");
            let (first, second) = (began("1"), began(&id));
            sys::suspend(&supervisor).expect("it answers");
            // The first one's end is the second one's too, which has come first.
            for (pid, reason) in [(first, bad()), (second, reason)] {
                let watch = monitor(pid);
                send(pid, reason);
                down_of(watch);
            }
            sys::resume(&supervisor).expect("it answers");
            began("1");
            supervisor.stop().expect("stops");
            let told = reports::count("supervisor::shutdown_error", &[&id]);
            assert_eq!(told, wrong, "{id}");
            while receive_timeout(NOW).is_some_and(|message| message.is::<Began>()) {}
            nothing();
        }
    }
}

/// A child that was told to end is still linked: if its supervisor is killed meanwhile it is told so too.
#[runtime::test]
fn killed_while_its_children_end() {
    trap_exit(true);
    let test = self_pid();
    let slow = move || {
        linked(move || {
            trap_exit(true);
            send(test, Began("slow".to_owned(), self_pid()));
            for _ in 0..2 {
                receive! { Exit { reason, .. } => send(test, reason) }
            }
        })
    };
    let template = Template::new(move |(): &()| slow()).shutdown(Shutdown::Infinity);
    for alone in [true, false] {
        let supervisor = DynamicSupervisor::start_link(many(), template.clone()).expect("starts");
        let pid = supervisor.whereis().expect("it lives");
        supervisor.start_child(()).expect("starts");
        let child = began("slow");
        spawn!(move || match alone {
            true => drop(supervisor.terminate_child(child)),
            false => drop(supervisor.stop()),
        });
        assert_eq!(message::<ExitReason>(), ExitReason::Shutdown);
        exit_signal(pid, ExitReason::Kill);
        assert_eq!(message::<ExitReason>(), ExitReason::Killed);
        ends_with(pid, ExitReason::Killed);
        end_of(child);
    }
    nothing();
}
