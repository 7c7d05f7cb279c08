//! Bad input and faults: what hangs, panics, dies or is killed at the wrong time. Nothing is left behind: processes,
//! names, links and monitors are as many as before.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use genserver::gen_server::reply;
use genserver::supervisor::{
    ChildError, ChildSpec, ChildState, DynamicSupervisor, FailedToStartChild, Flags, Restart,
    Shutdown, Strategy, Supervisor, SupervisorOptions, Template, start_link,
};
use genserver::{Called, Failure, From, GenServer, Init, Server, StartError};
use runtime::prelude::*;

use super::{Began, bad, becomes, began, ends_with, linked, many, of, pid_of, worker};
use crate::expect::{NOW, down_of, end_of, message, nothing, until};

/// What there is of a kind that may leak.
#[derive(Debug, PartialEq)]
struct Census {
    processes: usize,
    names: usize,
    links: usize,
    monitors: usize,
    monitored_by: usize,
}

fn census() -> Census {
    let me = runtime::process_info(self_pid()).expect("it lives");
    Census {
        processes: runtime::processes().len(),
        names: runtime::registered().len(),
        links: me.links.len(),
        monitors: me.monitors.len(),
        monitored_by: me.monitored_by.len(),
    }
}

/// Runs `f` and waits until what there was before is all there is, and no message is left.
#[track_caller]
fn leaves_nothing(f: impl FnOnce()) {
    let before = census();
    f();
    until("nothing is left", || census() == before);
    nothing();
}

/// A start function of this kind fails a start, a `start_child`, and is tried again in a restart, up to the limit.
#[track_caller]
fn fails(start: fn() -> Result<(), StartError>, is_reason: fn(&ExitReason) -> bool) {
    trap_exit(true);
    leaves_nothing(|| {
        let failing = || ChildSpec::new("failing", move || start().map(|()| unreachable!()));
        let refused = start_link(many(), vec![worker("1"), failing()]);
        let Err(StartError::Failed(reason)) = refused else {
            panic!("{refused:?}");
        };
        let failed = reason.downcast_ref::<FailedToStartChild>();
        let failed = failed.expect("that is the reason");
        assert!(failed.id == "failing" && is_reason(&failed.reason));
        // It may have begun.
        while receive_timeout(NOW).is_some_and(|message| message.is::<Began>()) {}
        let supervisor = start_link(many(), vec![]).expect("starts");
        match supervisor.start_child(failing()) {
            Err(ChildError::Failed(reason)) => assert!(is_reason(&reason)),
            other => panic!("{other:?}"),
        }
        let pid = supervisor.whereis().expect("it lives");
        supervisor.stop().expect("stops");
        ends_with(pid, ExitReason::Normal);
        let turn = AtomicU32::new(0);
        let test = self_pid();
        let later = ChildSpec::new("later", move || match turn.fetch_add(1, Ordering::SeqCst) {
            0 => super::obedient(test, "later".to_owned()),
            _ => start().map(|()| unreachable!()),
        });
        let flags = Flags::default().intensity(10, Duration::from_secs(3600));
        let supervisor = start_link(flags, vec![later, worker("2")]).expect("starts");
        let other = began("2");
        send(began("later"), bad());
        ends_with(supervisor.whereis().unwrap_or(other), ExitReason::Shutdown);
        end_of(other);
    });
}

/// A start function that panics.
#[runtime::test]
fn a_start_that_panics() {
    fails(
        || panic!("a start function that panics"),
        |reason| matches!(reason, ExitReason::Panic(_)),
    );
}

/// One that exits.
#[runtime::test]
fn a_start_that_exits() {
    fails(|| exit(bad()), |reason| *reason == bad());
}

/// One that returns an error.
#[runtime::test]
fn a_start_that_fails() {
    fails(|| Err(StartError::Failed(bad())), |reason| *reason == bad());
}

/// One that has linked a process before it fails: that is the process's own affair, and no child.
#[runtime::test]
fn a_start_that_fails_late() {
    let test = self_pid();
    let late = ChildSpec::new("late", move || {
        super::obedient(test, "late".to_owned())?;
        Err(StartError::Failed(bad()))
    });
    let supervisor = start_link(many(), vec![worker("1")]).expect("starts");
    let first = began("1");
    let failed = supervisor.start_child(late);
    assert_eq!(failed, Err(ChildError::Failed(bad())));
    let stray = began("late");
    send(stray, bad());
    end_of(stray);
    assert_eq!(pid_of(&supervisor, "1"), first);
    supervisor.stop().expect("stops");
    nothing();
}

/// A start function that never returns holds up the supervisor, which can be killed; its children end with it, and
/// who waits is told.
#[runtime::test]
fn a_start_that_never_returns() {
    trap_exit(true);
    leaves_nothing(|| {
        let test = self_pid();
        let hangs = ChildSpec::new("hangs", move || {
            send(test, self_pid());
            loop {
                receive! { Never(()) => {} }
            }
        });
        let first = worker("1");
        let (starter, watch) = spawn_monitor!(move || {
            trap_exit(true);
            let options = SupervisorOptions::new().name("hangs");
            let started = options.start_link(many(), vec![first, hangs]);
            assert!(matches!(
                started,
                Err(StartError::Failed(ExitReason::Killed))
            ));
            nothing();
        });
        let supervisor: Pid = message();
        let child = began("1");
        exit_signal(supervisor, ExitReason::Kill);
        assert_eq!(down_of(watch), ExitReason::Normal, "{starter}");
        end_of(child);
        assert_eq!(whereis("hangs"), None);
    });
}

#[derive(Debug)]
struct Never(());

/// A child whose start function tells the test in which process it runs, and waits for `()`.
fn waits() -> ChildSpec {
    let test = self_pid();
    ChildSpec::new("waits", move || {
        send(test, self_pid());
        let () = runtime::receive_type();
        super::obedient(test, "waits".to_owned())
    })
}

/// So does a `start_child`; meanwhile the supervisor's parent may end, and then it ends too, when it can.
#[runtime::test]
fn a_parent_that_ends_meanwhile() {
    leaves_nothing(|| {
        let waits = waits();
        let (parent, watch) = spawn_monitor!(move || {
            let supervisor = start_link(many(), vec![]).expect("starts");
            drop(supervisor.start_child(waits));
        });
        let supervisor: Pid = message();
        exit_signal(parent, bad());
        assert_eq!(down_of(watch), bad());
        let watch = monitor(supervisor);
        send(supervisor, ());
        assert_eq!(down_of(watch), bad());
        // It may have begun before it was ended.
        while receive_timeout(NOW).is_some_and(|message| message.is::<Began>()) {}
    });
}

/// A supervisor that is killed while it waits for a child to end: the child, still linked, is told.
#[runtime::test]
fn killed_while_it_stops() {
    trap_exit(true);
    leaves_nothing(|| {
        let test = self_pid();
        let slow = ChildSpec::process("slow", move || {
            trap_exit(true);
            send(test, Began("slow".to_owned(), self_pid()));
            for _ in 0..2 {
                receive! { Exit { reason, .. } => send(test, reason) }
            }
        });
        let specs = vec![worker("1"), slow.shutdown(Shutdown::Infinity)];
        let supervisor = start_link(many(), specs).expect("starts");
        let pid = supervisor.whereis().expect("it lives");
        let (first, slow) = (began("1"), began("slow"));
        spawn!(move || drop(supervisor.stop()));
        assert_eq!(message::<ExitReason>(), ExitReason::Shutdown);
        exit_signal(pid, ExitReason::Kill);
        assert_eq!(message::<ExitReason>(), ExitReason::Killed);
        ends_with(pid, ExitReason::Killed);
        end_of(first);
        end_of(slow);
    });
}

/// A start function whose process has ended when it returns: linked, it is restarted; unlinked, it is thought to run,
/// and does not hold up its end.
#[runtime::test]
fn a_child_that_is_dead_already() {
    leaves_nothing(|| {
        let dead = |links: bool| {
            let spawn = Spawn::new().monitor();
            let spawn = if links { spawn.link() } else { spawn };
            let spawned = spawn.spawn(|| {}).map_err(StartError::Spawn)?;
            down_of(spawned.monitor.expect("a monitor"));
            Ok(spawned.pid.into())
        };
        let turn = Arc::new(AtomicU32::new(0));
        let turns = Arc::clone(&turn);
        let once = ChildSpec::new("once", move || match turn.fetch_add(1, Ordering::SeqCst) {
            0 => dead(true),
            _ => linked(|| drop(receive_any())),
        });
        let unlinked = ChildSpec::new("unlinked", move || dead(false));
        let supervisor = start_link(many(), vec![once, unlinked]).expect("starts");
        until("it is restarted", || {
            let child = supervisor.which_child("once").expect("it is there");
            turns.load(Ordering::SeqCst) == 2 && child.pid().is_some_and(is_process_alive)
        });
        let count = supervisor.count_children().expect("it answers");
        assert_eq!((count.specs, count.active), (2, 1));
        supervisor.terminate_child("unlinked").expect("it is dead");
        supervisor.restart_child("unlinked").expect("it starts");
        supervisor.stop().expect("stops");
    });
}

/// Children that end, in all ways, at the instant in which they are told to: each is gone once, and no restart
/// comes of it.
#[runtime::test]
fn ends_that_cross() {
    leaves_nothing(|| {
        let supervisor = start_link(many(), vec![]).expect("starts");
        for n in 0..300 {
            let restart = [Restart::Permanent, Restart::Transient, Restart::Temporary][n % 3];
            supervisor
                .start_child(worker("1").restart(restart))
                .expect("starts");
            let pid = began("1");
            let test = self_pid();
            let reason = [ExitReason::Normal, bad(), ExitReason::Kill][n / 3 % 3].clone();
            spawn!(move || {
                exit_signal(pid, reason);
                send(test, ());
            });
            supervisor.terminate_child("1").expect("it ends");
            message::<()>();
            // It may have been restarted before it was told to end.
            while receive_timeout(NOW).is_some() {}
            match supervisor.which_child("1") {
                Ok(child) => {
                    assert_eq!(child.state, ChildState::Undefined);
                    supervisor.delete_child("1").expect("it does not run");
                }
                Err(error) => assert_eq!(error, ChildError::NotFound),
            }
            assert!(!is_process_alive(pid));
        }
        assert_eq!(supervisor.count_children().map(|count| count.active), Ok(0));
        supervisor.stop().expect("stops");
    });
}

struct Named;

impl GenServer for Named {
    type Args = ();
    type Call = ();
    type Reply = Pid;
    type Cast = Never;
    type Continue = genserver::Never;

    fn init(_: ()) -> Result<Init<Named>, ExitReason> {
        Ok(Init::Ok(Named, genserver::Action::Wait))
    }

    fn handle_call(&mut self, _: (), _: From<Pid>) -> Result<Called<Pid>, ExitReason> {
        Ok(reply(self_pid()))
    }
}

/// A named server is killed again and again: its name is free each time when it is restarted, no start fails.
#[runtime::test]
fn a_name_is_free_before_the_restart() {
    const KILLS: u32 = 500;
    trap_exit(true);
    leaves_nothing(|| {
        // So many restarts are borne, and no retry beside them.
        let flags = Flags::default().intensity(KILLS, Duration::from_secs(3600));
        let name = "a_name_is_free";
        let specs = vec![ChildSpec::named_server::<Named>(name, ())];
        let supervisor = start_link(flags, specs).expect("starts");
        let server = Server::<Named>::of(name);
        for _ in 0..KILLS {
            let pid = pid_of(&supervisor, name);
            exit_signal(pid, ExitReason::Kill);
            until("it is restarted", || {
                server.call(()).is_ok_and(|again| again != pid)
            });
        }
        let pid = supervisor.whereis().expect("it lives");
        supervisor.stop().expect("stops");
        ends_with(pid, ExitReason::Normal);
    });
}

/// All children of a group are killed at once, until the limit: the supervisor ends with `shutdown`, and no child is
/// left.
#[runtime::test]
fn a_storm_up_to_the_limit() {
    trap_exit(true);
    for strategy in [
        Strategy::OneForOne,
        Strategy::OneForAll,
        Strategy::RestForOne,
    ] {
        leaves_nothing(|| {
            let specs = (0..20).map(|n| {
                ChildSpec::new(n.to_string(), || {
                    linked(|| {
                        loop {
                            drop(receive_any());
                        }
                    })
                })
            });
            let flags = Flags::new(strategy).intensity(50, Duration::from_secs(3600));
            let supervisor = start_link(flags, specs.collect()).expect("starts");
            let pid = supervisor.whereis().expect("it lives");
            while let Ok(children) = supervisor.which_children() {
                for child in children.into_iter().filter_map(|child| child.pid()) {
                    exit_signal(child, ExitReason::Kill);
                }
            }
            ends_with(pid, ExitReason::Shutdown);
        });
    }
}

/// Who has asked is killed before the answer: the supervisor does what it was asked.
#[runtime::test]
fn a_client_that_ends_meanwhile() {
    leaves_nothing(|| {
        let waits = waits();
        let supervisor = start_link(many(), vec![]).expect("starts");
        let asked = supervisor.clone();
        let (client, watch) = spawn_monitor!(move || drop(asked.start_child(waits)));
        let pid: Pid = message();
        exit_signal(client, ExitReason::Kill);
        assert_eq!(down_of(watch), ExitReason::Killed);
        send(pid, ());
        let child = began("waits");
        becomes(&supervisor, "waits", Some(ChildState::Running(child)));
        supervisor.stop().expect("stops");
    });
}

/// A suspended supervisor restarts nobody until it is resumed, and ends when it is told to.
#[runtime::test]
fn suspended() {
    leaves_nothing(|| {
        let supervisor = start_link(many(), vec![worker("1"), worker("2")]).expect("starts");
        let (first, second) = (began("1"), began("2"));
        sys::suspend(&supervisor).expect("it answers");
        send(first, bad());
        end_of(first);
        sys::get_status(&supervisor).expect("it answers");
        nothing();
        sys::resume(&supervisor).expect("it answers");
        becomes(&supervisor, "1", Some(ChildState::Running(began("1"))));
        sys::suspend(&supervisor).expect("it answers");
        send(second, bad());
        end_of(second);
        supervisor.stop().expect("stops");
    });
}

/// A request of another kind of supervisor, or of other arguments, is as unknown as any: it ends the one that is
/// asked, and its children.
#[runtime::test]
fn another_kind_of_supervisor() {
    trap_exit(true);
    leaves_nothing(|| {
        let template = || Template::process(|(): &()| || drop(receive_any()));
        for ask in [
            |pid| Supervisor::of(pid).count_children().map(drop),
            |pid| DynamicSupervisor::<u32>::of(pid).count_children().map(drop),
        ] {
            let supervisor = DynamicSupervisor::start_link(many(), template());
            let supervisor = supervisor.expect("starts");
            let child = supervisor.start_child(()).expect("starts");
            let pid = supervisor.whereis().expect("it lives");
            let watch = monitor(child.expect("a child").pid);
            let asked = ask(pid).unwrap_err();
            assert!(matches!(asked.failure, Failure::Ended(_)), "{asked}");
            assert_eq!(down_of(watch), ExitReason::Shutdown);
            receive! { Exit { from, .. } => assert_eq!(from, Some(pid)) }
        }
    });
}

/// A group's restart, again and again, whoever of it ends: all are there afterwards, in order.
#[runtime::test]
fn groups() {
    leaves_nothing(|| {
        for strategy in [Strategy::OneForAll, Strategy::RestForOne] {
            let ids = ["0", "1", "2", "3", "4"];
            let supervisor = start_link(of(strategy), ids.map(worker).to_vec()).expect("starts");
            for n in 0..50 {
                let pids = ids.map(|id| pid_of(&supervisor, id));
                exit_signal(pids[n % 5], ExitReason::Kill);
                exit_signal(pids[n * 7 % 5], ExitReason::Kill);
                until("all run", || {
                    let children = supervisor.which_children().expect("it answers");
                    let mut running = children.iter().filter_map(|child| child.pid());
                    children[0].id == "4" && running.clone().count() == 5 && {
                        running.all(is_process_alive)
                    }
                });
            }
            supervisor.stop().expect("stops");
            while receive_timeout(NOW).is_some() {}
        }
    });
}
