//! supervisor_SUITE.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use genserver::gen_server::StopError;
use genserver::supervisor::{
    AutoShutdown, ChildError, ChildSpec, ChildState, DynamicSupervisor, FailedToStartChild, Flags,
    Kind, Restart, Shutdown, SpecError, Strategy, Supervisor, SupervisorOptions, Template,
    check_childspecs, start_link,
};
use genserver::{Failure, StartError, Task, async_stream};
use runtime::prelude::*;

use crate::expect::{LONG, end_of, message, nothing, until};

/// A process that ends with the reason that it is sent; its number is told to the test at each start.
fn worker(id: &str) -> ChildSpec {
    let parent = self_pid();
    let name = id.to_owned();
    ChildSpec::process(id, move || {
        send(parent, Began(name.clone(), self_pid()));
        receive! { reason: ExitReason => exit(reason) }
    })
}

#[derive(Debug)]
struct Began(String, Pid);

/// Waits until this worker begins.
#[track_caller]
fn began(id: &str) -> Pid {
    receive! {
        Began(name, pid) if name == id => pid,
        after LONG => panic!("{id} does not begin"),
    }
}

/// The children by their ids, the newest first.
fn ids(supervisor: &Supervisor) -> Vec<String> {
    let children = supervisor.which_children().expect("it answers");
    children.into_iter().map(|child| child.id).collect()
}

fn pid_of(supervisor: &Supervisor, id: &str) -> Pid {
    let child = supervisor.which_child(id).expect("it is there");
    child.pid().expect("it runs")
}

fn many() -> Flags {
    Flags::default().intensity(100, Duration::from_secs(3600))
}

fn of(strategy: Strategy) -> Flags {
    Flags { strategy, ..many() }
}

/// Mirrors `sup_start_link` and `sup_stop_*`: the children start in order, and end in reverse; the supervisor ends
/// with the reason that it was told, or its parent's.
#[runtime::test]
fn start_and_stop() {
    trap_exit(true);
    let supervisor = start_link(many(), vec![worker("1"), worker("2"), worker("3")]);
    let supervisor = supervisor.expect("starts");
    let pids = ["1", "2", "3"].map(began);
    assert_eq!(ids(&supervisor), ["3", "2", "1"]);
    let count = supervisor.count_children().expect("it answers");
    assert_eq!(
        (count.specs, count.active, count.workers, count.supervisors),
        (3, 3, 3, 0)
    );
    let watches = pids.map(runtime::monitor);
    supervisor.stop().expect("stops");
    for watch in watches.iter().rev() {
        // In reverse: each has ended before the next was told.
        receive! { Down { monitor, reason, .. } => {
            assert_eq!(monitor, *watch);
            assert_eq!(reason, ExitReason::Shutdown);
        } }
    }
    receive! { Exit { from, reason, .. } => {
        assert!(from.is_some());
        assert_eq!(reason, ExitReason::Normal);
    } }
    assert_eq!(supervisor.stop(), Err(StopError::NoProc));
    nothing();
}

/// Mirrors `sup_start_fail` and `sup_start_map_faulty_specs`: a child that does not start ends those before it, and
/// the start fails with its id and reason.
#[runtime::test]
fn a_child_that_does_not_start() {
    trap_exit(true);
    let bad = ChildSpec::new("bad", || Err(StartError::Failed(ExitReason::other("no"))));
    let before = runtime::processes().len();
    let specs = vec![worker("1"), bad.clone(), worker("3")];
    let error = start_link(many(), specs).expect_err("it fails");
    assert_eq!(runtime::processes().len(), before);
    let StartError::Failed(ExitReason::ShutdownWith(term)) = error else {
        panic!("{error}");
    };
    let expected = FailedToStartChild {
        id: "bad".to_owned(),
        reason: ExitReason::other("no"),
    };
    assert_eq!(term.downcast_ref(), Some(&expected));
    // The first may have begun.
    while receive_timeout(Duration::ZERO).is_some_and(|message| message.is::<Began>()) {}
    nothing();
    // One that is not wanted is kept, unless it is temporary.
    let ignored = || ChildSpec::new("ignored", || Err(StartError::Ignore));
    let supervisor = start_link(many(), vec![ignored()]).expect("starts");
    let child = supervisor.which_child("ignored").expect("it is kept");
    assert_eq!(child.state, ChildState::Undefined);
    supervisor.delete_child("ignored").expect("it does not run");
    assert_eq!(
        supervisor.start_child(ignored().restart(Restart::Temporary)),
        Ok(None)
    );
    assert_eq!(supervisor.which_child("ignored"), Err(ChildError::NotFound));
    let failed = supervisor.start_child(bad);
    assert_eq!(failed, Err(ChildError::Failed(ExitReason::other("no"))));
    assert!(ids(&supervisor).is_empty());
    supervisor.stop().expect("stops");
}

/// Mirrors `child_specs`.
#[runtime::test]
fn child_specs() {
    let twice = [worker("1"), worker("1")];
    assert_eq!(
        check_childspecs(&many(), &twice),
        Err(SpecError::DuplicateId("1".to_owned()))
    );
    let significant = worker("1").significant(true).restart(Restart::Transient);
    let never = check_childspecs(&many(), std::slice::from_ref(&significant));
    assert_eq!(never, Err(SpecError::BadCombination("1".to_owned())));
    let auto = many().auto_shutdown(AutoShutdown::AnySignificant);
    assert_eq!(check_childspecs(&auto, &[significant]), Ok(()));
    let permanent = worker("1").significant(true);
    assert!(check_childspecs(&auto, &[permanent]).is_err());
    let no_time = many().intensity(1, Duration::ZERO);
    assert_eq!(
        check_childspecs(&no_time, &[]),
        Err(SpecError::Period(Duration::ZERO))
    );
}

/// Mirrors `child_adm`: starting, ending, restarting, deleting, each with its errors.
#[runtime::test]
fn child_adm() {
    let supervisor = start_link(many(), vec![worker("1")]).expect("starts");
    let first = began("1");
    assert_eq!(
        supervisor.start_child(worker("1")),
        Err(ChildError::AlreadyStarted(first))
    );
    assert_eq!(
        supervisor.restart_child("1"),
        Err(ChildError::Running(first))
    );
    assert_eq!(
        supervisor.delete_child("1"),
        Err(ChildError::Running(first))
    );
    supervisor.terminate_child("1").expect("it ends");
    supervisor.terminate_child("1").expect("it has ended");
    assert!(!is_process_alive(first));
    assert_eq!(
        supervisor.start_child(worker("1")),
        Err(ChildError::AlreadyPresent)
    );
    let again = supervisor
        .restart_child("1")
        .expect("it starts")
        .expect("a child");
    assert_eq!(again.pid, began("1"));
    supervisor.terminate_child("1").expect("it ends");
    supervisor.delete_child("1").expect("it does not run");
    for gone in [
        supervisor.delete_child("1"),
        supervisor.terminate_child("1"),
        supervisor.restart_child("1").map(drop),
        supervisor.get_childspec("1").map(drop),
    ] {
        assert_eq!(gone, Err(ChildError::NotFound));
    }
    let child = supervisor
        .start_child(worker("2"))
        .expect("it starts")
        .expect("a child");
    assert_eq!(child.pid, began("2"));
    assert_eq!(
        supervisor.get_childspec("2").expect("it is there").id(),
        "2"
    );
    supervisor.stop().expect("stops");
}

/// Mirrors `permanent_normal` to `temporary_abnormal`: which ends restart which child.
#[runtime::test]
fn restart_types() {
    let orderly = [
        ExitReason::Normal,
        ExitReason::Shutdown,
        ExitReason::ShutdownWith(runtime::Term::new(1)),
    ];
    let abnormal = [ExitReason::other("bad"), ExitReason::Kill];
    for restart in [Restart::Permanent, Restart::Transient, Restart::Temporary] {
        for (reasons, is_orderly) in [(&orderly[..], true), (&abnormal[..], false)] {
            for reason in reasons {
                let supervisor = start_link(many(), vec![worker("1").restart(restart)]);
                let supervisor = supervisor.expect("starts");
                let first = began("1");
                match reason {
                    ExitReason::Kill => exit_signal(first, ExitReason::Kill),
                    reason => send(first, reason.clone()),
                }
                let restarted = match restart {
                    Restart::Permanent => true,
                    Restart::Transient => !is_orderly,
                    Restart::Temporary => false,
                };
                if restarted {
                    let second = began("1");
                    until("it is known", || pid_is(&supervisor, "1", second));
                } else if restart == Restart::Temporary {
                    until("it is forgotten", || {
                        supervisor.which_child("1") == Err(ChildError::NotFound)
                    });
                } else {
                    until("it is known", || {
                        supervisor
                            .which_child("1")
                            .is_ok_and(|child| child.pid().is_none())
                    });
                }
                supervisor.stop().expect("stops");
                nothing();
            }
        }
    }
}

fn pid_is(supervisor: &Supervisor, id: &str, pid: Pid) -> bool {
    supervisor
        .which_child(id)
        .is_ok_and(|child| child.pid() == Some(pid))
}

/// Mirrors `one_for_one`, `one_for_all` and `rest_for_one`: who is ended, in which order, and starts again.
#[runtime::test]
fn strategies() {
    for (strategy, concerned) in [
        (Strategy::OneForOne, 1..2),
        (Strategy::OneForAll, 0..4),
        (Strategy::RestForOne, 1..4),
    ] {
        let all = ["0", "1", "2", "3"];
        let specs = all.map(worker).to_vec();
        let supervisor = start_link(of(strategy), specs).expect("starts");
        let pids = all.map(began);
        let watches = pids.map(runtime::monitor);
        send(pids[1], ExitReason::other("bad"));
        let ended = concerned.clone().rev().filter(|at| *at != 1);
        for at in [1].into_iter().chain(ended) {
            receive! { Down { monitor, .. } => assert_eq!(monitor, watches[at], "{strategy:?}") }
        }
        for at in concerned.clone() {
            began(all[at]);
        }
        assert_eq!(ids(&supervisor), ["3", "2", "1", "0"], "{strategy:?}");
        for (at, pid) in pids.into_iter().enumerate() {
            assert_eq!(
                is_process_alive(pid),
                !concerned.contains(&at),
                "{strategy:?}"
            );
        }
        supervisor.stop().expect("stops");
        while receive_timeout(Duration::ZERO).is_some() {}
    }
}

/// Mirrors `one_for_one_escalation` and its kin: one restart more than is borne ends the supervisor with
/// `shutdown`, and all children; with the intensity 0 the first. Restarts that are long past do not count.
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
        for _ in 0..intensity {
            send(first, ExitReason::other("bad"));
            first = began("1");
        }
        sleep(11 * second);
        for _ in 0..intensity {
            send(first, ExitReason::other("bad"));
            first = began("1");
        }
        send(first, ExitReason::other("bad"));
        receive! { Exit { from, reason, .. } if from == Some(pid) => {
            assert_eq!(reason, ExitReason::Shutdown);
        } }
        end_of(other);
        nothing();
    }
}

/// Mirrors `restarting_sup` and `temporary_bystander`: a child that does not start again is tried until it does, or
/// the limit is reached; meanwhile others are served.
#[runtime::test]
fn a_restart_that_fails() {
    let tries = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&tries);
    let parent = self_pid();
    let stubborn = ChildSpec::new("stubborn", move || {
        let turn = counted.fetch_add(1, Ordering::SeqCst);
        if (1..5).contains(&turn) {
            return Err(StartError::Failed(ExitReason::other("not yet")));
        }
        let spawned = runtime::Spawn::new().link().spawn(move || {
            send(parent, Began("stubborn".to_owned(), self_pid()));
            receive! { reason: ExitReason => exit(reason) }
        });
        spawned
            .map(|spawned| spawned.pid.into())
            .map_err(StartError::Spawn)
    });
    let supervisor = start_link(many(), vec![stubborn]).expect("starts");
    send(began("stubborn"), ExitReason::other("bad"));
    let again = began("stubborn");
    assert_eq!(tries.load(Ordering::SeqCst), 6);
    assert_eq!(pid_of(&supervisor, "stubborn"), again);
    supervisor.stop().expect("stops");
    // One that never starts again ends the supervisor.
    trap_exit(true);
    let first = AtomicU32::new(0);
    let once = ChildSpec::new("once", move || match first.fetch_add(1, Ordering::SeqCst) {
        0 => {
            let spawned = runtime::Spawn::new()
                .link()
                .spawn(|| receive! { (): () => exit(ExitReason::other("bad")) });
            spawned
                .map(|spawned| spawned.pid.into())
                .map_err(StartError::Spawn)
        }
        _ => Err(StartError::Failed(ExitReason::other("never"))),
    });
    let flags = Flags::default().intensity(5, Duration::from_secs(3600));
    let supervisor = start_link(flags, vec![once]).expect("starts");
    send(pid_of(&supervisor, "once"), ());
    receive! { Exit { reason, .. } if reason != ExitReason::Normal => {
        assert_eq!(reason, ExitReason::Shutdown);
    } }
}

/// Mirrors `normal_shutdown` and `killed`: a child that does not end when it is told is killed after its time; one
/// for brutal_kill at once; and calls wait meanwhile.
#[runtime::test(paused)]
fn shutdown() {
    let second = Duration::from_secs(1);
    let deaf = |id: &str, shutdown| {
        let parent = self_pid();
        let name = id.to_owned();
        ChildSpec::process(id, move || {
            trap_exit(true);
            send(parent, Began(name.clone(), self_pid()));
            loop {
                drop(receive_any());
            }
        })
        .shutdown(shutdown)
    };
    let supervisor = start_link(
        many(),
        vec![
            deaf("1", Shutdown::BrutalKill),
            deaf("2", Shutdown::Within(7 * second)),
        ],
    );
    let supervisor = supervisor.expect("starts");
    let (first, other) = (began("1"), began("2"));
    let start = runtime::now();
    supervisor.terminate_child("1").expect("it is killed");
    assert!(!is_process_alive(first));
    assert_eq!(runtime::now(), start);
    let asked = supervisor.clone();
    let parent = self_pid();
    let slow = supervisor.clone();
    spawn!(move || send(parent, ("ended", slow.terminate_child("2").is_ok())));
    sleep(second);
    spawn!(move || send(parent, ("counted", asked.count_children().is_ok())));
    let mut both = [message::<(&str, bool)>(), message()];
    both.sort_unstable();
    assert_eq!(both, [("counted", true), ("ended", true)]);
    assert_eq!(runtime::now() - start, 7 * second);
    assert!(!is_process_alive(other));
    supervisor.stop().expect("stops");
}

/// Mirrors `auto_shutdown` cases: any, or the last significant child that ends and is not restarted ends the
/// supervisor; one that is ended by the supervisor does not.
#[runtime::test]
fn auto_shutdown() {
    trap_exit(true);
    let significant = |id| worker(id).significant(true).restart(Restart::Transient);
    let any = many().auto_shutdown(AutoShutdown::AnySignificant);
    let supervisor = start_link(any, vec![significant("1"), significant("2"), worker("3")]);
    let supervisor = supervisor.expect("starts");
    let pids = ["1", "2", "3"].map(began);
    supervisor.terminate_child("1").expect("it ends");
    send(pids[2], ExitReason::Normal);
    began("3");
    send(pids[1], ExitReason::other("bad"));
    let second = began("2");
    send(second, ExitReason::Normal);
    receive! { Exit { reason, .. } => assert_eq!(reason, ExitReason::Shutdown) }
    let all = many().auto_shutdown(AutoShutdown::AllSignificant);
    let supervisor = start_link(all, vec![significant("1"), significant("2")]).expect("starts");
    let pids = ["1", "2"].map(began);
    send(pids[0], ExitReason::Normal);
    until("it is known", || {
        supervisor
            .which_child("1")
            .is_ok_and(|child| child.pid().is_none())
    });
    send(pids[1], ExitReason::Shutdown);
    receive! { Exit { reason, .. } => assert_eq!(reason, ExitReason::Shutdown) }
    nothing();
}

/// Mirrors `supervisor_three_level`: supervisors under a supervisor, each with servers; the whole tree ends with its
/// root, and a branch that gives up is restarted.
#[runtime::test]
fn a_tree() {
    let parent = self_pid();
    let branch = move |id: &'static str| {
        ChildSpec::new(id, move || {
            let worker = ChildSpec::process("leaf", move || {
                send(parent, Began(id.to_owned(), self_pid()));
                receive! { reason: ExitReason => exit(reason) }
            });
            let options = SupervisorOptions::new().name(id);
            let branch = options.start_link(
                Flags::default().intensity(0, Duration::from_secs(1)),
                vec![worker],
            )?;
            Ok(branch.whereis().expect("it lives").into())
        })
        .kind(Kind::Supervisor)
    };
    let root = start_link(many(), vec![branch("left"), branch("right")]).expect("starts");
    let (left, right) = (began("left"), began("right"));
    let count = root.count_children().expect("it answers");
    assert_eq!((count.supervisors, count.workers), (2, 0));
    send(left, ExitReason::other("bad"));
    let again = began("left");
    assert!(is_process_alive(right));
    assert_eq!(pid_of(&Supervisor::of("left"), "leaf"), again);
    root.stop().expect("stops");
    for gone in [again, right] {
        end_of(gone);
    }
    assert_eq!(whereis("left"), None);
    nothing();
}

/// A restart storm: a thousand children that are killed again and again; none is lost, none is there twice.
#[runtime::test]
fn a_storm() {
    const CHILDREN: usize = 200;
    const KILLS: u32 = 2000;
    let flags = Flags::default().intensity(u32::MAX, Duration::from_secs(3600));
    let specs = (0..CHILDREN)
        .map(|n| {
            ChildSpec::process(n.to_string(), || {
                loop {
                    drop(receive_any())
                }
            })
        })
        .collect();
    let supervisor = start_link(flags, specs).expect("starts");
    let before = runtime::processes().len();
    for n in 0..KILLS {
        let id = (n as usize * 7 % CHILDREN).to_string();
        if let Some(pid) = supervisor.which_child(&id).expect("it is there").pid() {
            exit_signal(pid, ExitReason::Kill);
        }
    }
    until("all run", || {
        supervisor
            .count_children()
            .is_ok_and(|count| count.active == CHILDREN)
            && runtime::processes().len() == before
    });
    supervisor.stop().expect("stops");
    until("all are gone", || {
        runtime::processes().len() == before - CHILDREN - 1
    });
}

/// An unknown call ends a supervisor, and its children, as OTP's; an unknown message does not.
#[runtime::test]
fn what_it_does_not_know() {
    trap_exit(true);
    let supervisor = start_link(many(), vec![worker("1")]).expect("starts");
    let child = began("1");
    send(supervisor.whereis().expect("it lives"), "what?");
    assert_eq!(ids(&supervisor), ["1"]);
    let answer = genserver::request::call::<_, u32>(supervisor.server_ref(), "what?", None);
    assert!(matches!(answer.unwrap_err().failure, Failure::Ended(_)));
    end_of(child);
}

/// Mirrors `simple_one_for_one`, its `_extra`, `_escalation` and `_shutdown`: children with arguments of their own,
/// restarted with them; all end at once.
#[runtime::test]
fn simple_one_for_one() {
    trap_exit(true);
    let parent = self_pid();
    let template = || {
        Template::process(move |id: &String| {
            let id = id.clone();
            move || {
                send(parent, Began(id, self_pid()));
                receive! { reason: ExitReason => exit(reason) }
            }
        })
    };
    let supervisor = DynamicSupervisor::start_link(many(), template()).expect("starts");
    let children = ["a", "b", "c"].map(|id| {
        let child = supervisor
            .start_child(id.to_owned())
            .expect("starts")
            .expect("a child");
        assert_eq!(child.pid, began(id));
        child.pid
    });
    send(children[1], ExitReason::other("bad"));
    let again = began("b");
    until("it is known", || {
        supervisor
            .which_children()
            .is_ok_and(|all| all.len() == 3 && all.contains(&again))
    });
    supervisor.terminate_child(children[0]).expect("it ends");
    supervisor
        .terminate_child(children[0])
        .expect("it has ended");
    assert!(!is_process_alive(children[0]));
    assert_eq!(
        supervisor.terminate_child(parent),
        Err(ChildError::NotFound)
    );
    let count = supervisor.count_children().expect("it answers");
    assert_eq!((count.specs, count.active, count.workers), (1, 2, 2));
    let pid = supervisor.whereis().expect("it lives");
    supervisor.stop().expect("stops");
    assert!(!is_process_alive(again) && !is_process_alive(children[2]));
    receive! { Exit { from, reason, .. } if from == Some(pid) => {
        assert_eq!(reason, ExitReason::Normal);
    } }
    // One restart more than is borne.
    let flags = Flags::default().intensity(1, Duration::from_secs(3600));
    let supervisor = DynamicSupervisor::start_link(flags, template()).expect("starts");
    supervisor.start_child("a".to_owned()).expect("starts");
    for _ in 0..2 {
        send(began("a"), ExitReason::other("bad"));
    }
    receive! { Exit { reason, .. } => assert_eq!(reason, ExitReason::Shutdown) }
    nothing();
}

/// Mirrors `sup_stop_timeout_dynamic` and `sup_stop_brutal_kill_dynamic`: one time for all that do not listen.
#[runtime::test(paused)]
fn dynamic_shutdown() {
    let parent = self_pid();
    let second = Duration::from_secs(1);
    for (shutdown, takes) in [
        (Shutdown::Within(3 * second), 3 * second),
        (Shutdown::BrutalKill, Duration::ZERO),
    ] {
        let deaf = Template::process(move |_: &u32| {
            move || {
                trap_exit(true);
                send(parent, Began("deaf".to_owned(), self_pid()));
                loop {
                    drop(receive_any());
                }
            }
        });
        let supervisor = DynamicSupervisor::start_link(many(), deaf.shutdown(shutdown));
        let supervisor = supervisor.expect("starts");
        for n in 0..10 {
            supervisor.start_child(n).expect("starts");
            began("deaf");
        }
        let start = runtime::now();
        supervisor.stop().expect("stops");
        assert_eq!(runtime::now() - start, takes);
    }
}

/// Mirrors `scale_start_stop_many_children`, with as many as a test has time for.
#[runtime::test]
fn scale_start_stop_many_children() {
    const CHILDREN: u32 = 20_000;
    let quiet = Template::new(|_: &u32| {
        let spawned = runtime::Spawn::new()
            .link()
            .receive_loop(|_| Flow::Continue);
        spawned
            .map(|spawned| spawned.pid.into())
            .map_err(StartError::Spawn)
    });
    let before = runtime::processes().len();
    let supervisor = DynamicSupervisor::start_link(many(), quiet.restart(Restart::Temporary));
    let supervisor = supervisor.expect("starts");
    for n in 0..CHILDREN {
        supervisor.start_child(n).expect("starts");
    }
    let count = supervisor.count_children().expect("it answers");
    assert_eq!(count.active, CHILDREN as usize);
    supervisor.stop().expect("stops");
    until("all are gone", || runtime::processes().len() == before);
}

/// Tasks: a result, an end without one, one that is not waited for, and many with a bound.
#[runtime::test]
fn tasks() {
    let task = Task::spawn(|| 6 * 7);
    assert_eq!(task.join(), Ok(42));
    let task = Task::unlinked(|| -> u32 { exit(ExitReason::other("no result")) });
    assert_eq!(task.join(), Err(ExitReason::other("no result")));
    let task = Task::spawn(|| receive! { n: u32 => n });
    let pid = task.pid();
    let task = task
        .join_until(Duration::from_millis(1))
        .expect_err("it waits");
    send(pid, 7u32);
    assert_eq!(task.join(), Ok(7));
    let task = Task::spawn(|| -> u32 {
        receive! { n: u32 => n }
    });
    assert_eq!(
        task.shutdown(ExitReason::Shutdown),
        Err(ExitReason::Shutdown)
    );
    drop(Task::spawn(|| 1u32));
    nothing();
    let running = Arc::new(AtomicU32::new(0));
    let three = NonZeroUsize::new(3).expect("it is not zero");
    let results = async_stream(0..50u32, three, move |n| {
        assert!(running.fetch_add(1, Ordering::SeqCst) < 3);
        yield_now();
        running.fetch_sub(1, Ordering::SeqCst);
        2 * n
    });
    let results: Result<Vec<u32>, ExitReason> = results.collect();
    assert!(
        results
            .expect("all do")
            .into_iter()
            .eq((0..50).map(|n| 2 * n))
    );
    // The end of an owner ends its tasks.
    let (owner, monitor) = spawn_monitor!(|| {
        let task = Task::spawn(|| -> u32 {
            receive! { n: u32 => n }
        });
        receive! { to: Pid => send(to, task.pid()) }
        exit(ExitReason::other("the owner's"));
    });
    send(owner, self_pid());
    let task: Pid = message();
    receive! { Down { monitor: of, .. } if of == monitor => {} }
    end_of(task);
    nothing();
}
