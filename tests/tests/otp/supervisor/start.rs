//! How supervisors and children start, and how they do not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use genserver::supervisor::{
    Child, ChildError, ChildSpec, ChildState, FailedToStartChild, Flags, Kind, Restart, Supervised,
    Supervisor, SupervisorOptions, start_link, start_link_with,
};
use genserver::{Failure, StartError, proc_lib};
use runtime::Term;
use runtime::prelude::*;

use super::{Began, bad, began, fragile, ids, linked, many, obedient, pid_of, worker};
use crate::expect::{end_of, nothing, until};

fn ignored() -> ChildSpec {
    ChildSpec::new("ignored", || Err(StartError::Ignore))
}

/// The children start in order, are shown the newest first, and end in reverse when the parent's exit comes;
/// the supervisor ends with the parent's reason.
#[runtime::test]
fn sup_start_normal() {
    let test = self_pid();
    let (parent, watch) = spawn_monitor!(move || {
        let specs = ["1", "2", "3"].map(|id| ChildSpec::new(id, move || obedient(test, id.into())));
        let supervisor = start_link(many(), specs.to_vec()).expect("starts");
        assert_eq!(ids(&supervisor), ["3", "2", "1"]);
        send(test, supervisor);
        receive! { reason: ExitReason => exit(reason) }
    });
    let pids = ["1", "2", "3"].map(began);
    let supervisor: Supervisor = crate::expect::message();
    let pid = supervisor.whereis().expect("it lives");
    let watches = pids.map(monitor);
    let last = monitor(pid);
    send(parent, ExitReason::Shutdown);
    receive! { Down { monitor, .. } if monitor == watch => {} }
    for watch in watches.into_iter().rev().chain([last]) {
        // Each has ended before the next was told.
        receive! { Down { monitor, reason, .. } => {
            assert_eq!((monitor, reason), (watch, ExitReason::Shutdown));
        } }
    }
    nothing();
}

/// An init function that ignores: so does the start, and no exit is left.
#[runtime::test]
fn sup_start_ignore_init() {
    trap_exit(true);
    let started = start_link_with(|| Ok(None));
    assert!(matches!(started, Err(StartError::Ignore)));
    nothing();
    // One that fails, or panics, is the reason.
    let started = start_link_with(|| Err(ExitReason::other("no")));
    assert!(
        matches!(started, Err(StartError::Failed(reason)) if reason == ExitReason::other("no"))
    );
    let started = start_link_with(|| panic!("an init that panics"));
    assert!(matches!(
        started,
        Err(StartError::Failed(ExitReason::Panic(_)))
    ));
    nothing();
}

/// A child that has nothing to start is kept without a process.
#[runtime::test]
fn sup_start_ignore_child() {
    let supervisor = start_link(many(), vec![]).expect("starts");
    assert_eq!(supervisor.start_child(ignored()), Ok(None));
    let child = supervisor.which_child("ignored").expect("it is kept");
    assert_eq!(child.state, ChildState::Undefined);
    let count = supervisor.count_children().expect("it answers");
    assert_eq!((count.specs, count.active), (1, 0));
    assert_eq!(supervisor.restart_child("ignored"), Ok(None));
    supervisor.delete_child("ignored").expect("it does not run");
    supervisor.stop().expect("stops");
}

/// A temporary one is forgotten.
#[runtime::test]
fn sup_start_ignore_temporary_child() {
    let temporary = || ignored().restart(Restart::Temporary);
    let supervisor = start_link(many(), vec![temporary()]).expect("starts");
    assert!(ids(&supervisor).is_empty());
    assert_eq!(supervisor.start_child(temporary()), Ok(None));
    assert!(ids(&supervisor).is_empty());
    supervisor.stop().expect("stops");
}

/// The first child that does not start ends those before it, in reverse; the start fails with its id and reason.
#[runtime::test]
fn sup_start_fail() {
    trap_exit(true);
    let before = runtime::processes().len();
    let (bad, fails) = fragile("bad");
    fails.store(true, Ordering::SeqCst);
    let specs = vec![worker("1"), bad.clone(), worker("3")];
    let error = SupervisorOptions::new()
        .name("sup_start_fail")
        .start_link(many(), specs)
        .expect_err("it fails");
    assert_eq!(runtime::processes().len(), before);
    assert_eq!(whereis("sup_start_fail"), None);
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
    let supervisor = start_link(many(), vec![]).expect("starts");
    let failed = supervisor.start_child(bad);
    assert_eq!(failed, Err(ChildError::Failed(ExitReason::other("no"))));
    assert!(ids(&supervisor).is_empty(), "it is not kept");
    supervisor.stop().expect("stops");
}

/// An error of `restart_child` is the start function's own, and the specification is kept.
#[runtime::test]
fn sup_start_restart_child_returns_error() {
    let (spec, fails) = fragile("1");
    let supervisor = start_link(many(), vec![spec]).expect("starts");
    began("1");
    supervisor.terminate_child("1").expect("it ends");
    fails.store(true, Ordering::SeqCst);
    let failed = supervisor.restart_child("1");
    assert_eq!(failed, Err(ChildError::Failed(ExitReason::other("no"))));
    let child = supervisor.which_child("1").expect("it is kept");
    assert_eq!(child.state, ChildState::Undefined);
    supervisor.stop().expect("stops");
}

/// What a start function says beside the pid comes back from `start_child` and `restart_child`.
#[runtime::test]
fn extra_return() {
    let turn = AtomicU32::new(0);
    let spec = ChildSpec::new("1", move || {
        let Child { pid, .. } = linked(|| drop(receive_any()))?;
        let info = Some(Term::new(turn.fetch_add(1, Ordering::SeqCst)));
        Ok(Child { pid, info })
    });
    let supervisor = start_link(many(), vec![]).expect("starts");
    let info = |started: Result<Option<Child>, ChildError>| {
        let child = started.expect("it starts").expect("a child");
        assert_eq!(pid_of(&supervisor, "1"), child.pid);
        child.info
    };
    assert_eq!(info(supervisor.start_child(spec)), Some(Term::new(0u32)));
    supervisor.terminate_child("1").expect("it ends");
    assert_eq!(info(supervisor.restart_child("1")), Some(Term::new(1u32)));
    supervisor.stop().expect("stops");
}

/// A start function whose process runs already says so, unwrapped.
#[runtime::test]
fn already_started_outside_supervisor() {
    let (running, _) = spawn_monitor!(|| drop(receive_any()));
    let spec = ChildSpec::new("1", move || Err(StartError::AlreadyStarted(running)));
    let supervisor = start_link(many(), vec![]).expect("starts");
    let refused = supervisor.start_child(spec);
    assert_eq!(refused, Err(ChildError::AlreadyStarted(running)));
    supervisor.stop().expect("stops");
    assert!(is_process_alive(running));
    send(running, ());
}

/// The init function can be read from the supervisor.
#[runtime::test]
fn get_callback_module() {
    fn of_this_test() -> Result<Option<Supervised>, ExitReason> {
        Ok(Some((Flags::default(), vec![])))
    }
    let supervisor = start_link_with(of_this_test).expect("starts");
    let module = supervisor.get_callback_module().expect("it answers");
    assert!(module.ends_with("of_this_test"), "{module}");
    supervisor.stop().expect("stops");
}

/// `which_children` gives the newest first; `which_child` one by its id: running, ended, unknown.
#[runtime::test]
fn which_children() {
    let supervisor = start_link(many(), vec![worker("1"), worker("2")]).expect("starts");
    let pids = ["1", "2"].map(began);
    supervisor.terminate_child("1").expect("it ends");
    let children = supervisor.which_children().expect("it answers");
    let shown: Vec<_> = children
        .iter()
        .map(|child| (child.id.as_str(), child.state, child.kind))
        .collect();
    let expected = [
        ("2", ChildState::Running(pids[1]), Kind::Worker),
        ("1", ChildState::Undefined, Kind::Worker),
    ];
    assert_eq!(shown, expected);
    for child in &children {
        assert_eq!(supervisor.which_child(&child.id).as_ref(), Ok(child));
    }
    assert_eq!(supervisor.which_child("3"), Err(ChildError::NotFound));
    supervisor.stop().expect("stops");
}

/// Thousands of children of one supervisor.
#[runtime::test]
fn scale_start_stop_many_children() {
    const CHILDREN: usize = 10_000;
    let before = runtime::processes().len();
    let quiet = |n: usize| {
        ChildSpec::new(n.to_string(), || {
            let spawn = runtime::Spawn::new().link();
            let spawned = spawn.receive_loop(|_| Flow::Continue);
            spawned
                .map(|spawned| spawned.pid.into())
                .map_err(StartError::Spawn)
        })
    };
    let supervisor = start_link(many(), (0..CHILDREN / 2).map(quiet).collect()).expect("starts");
    for n in CHILDREN / 2..CHILDREN {
        supervisor.start_child(quiet(n)).expect("starts");
    }
    let count = supervisor.count_children().expect("it answers");
    assert_eq!((count.specs, count.active), (CHILDREN, CHILDREN));
    for n in 0..CHILDREN / 2 {
        supervisor.terminate_child(&n.to_string()).expect("it ends");
        supervisor.delete_child(&n.to_string()).expect("it is gone");
    }
    supervisor.stop().expect("stops");
    until("all are gone", || runtime::processes().len() == before);
}

/// Supervisors under a supervisor; a branch that gives up is restarted, and the whole tree ends with its root.
#[runtime::test]
fn supervisor_three_level() {
    let parent = self_pid();
    let branch = move |id: &'static str| {
        ChildSpec::new(id, move || {
            let leaf = ChildSpec::new("leaf", move || obedient(parent, id.to_owned()));
            let once = Flags::default().intensity(0, Duration::from_secs(1));
            let branch = SupervisorOptions::new().name(id);
            let branch = branch.start_link(once, vec![leaf])?;
            Ok(branch.whereis().expect("it lives").into())
        })
        .kind(Kind::Supervisor)
    };
    let root = start_link(many(), vec![branch("left"), branch("right")]).expect("starts");
    let (left, right) = (began("left"), began("right"));
    let count = root.count_children().expect("it answers");
    assert_eq!((count.supervisors, count.workers), (2, 0));
    send(left, bad());
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

/// An unknown call ends a supervisor, and its children, as OTP's; an unknown message, or a stranger's exit, does
/// not.
#[runtime::test]
fn what_it_does_not_know() {
    trap_exit(true);
    let supervisor = start_link(many(), vec![worker("1")]).expect("starts");
    let child = began("1");
    let pid = supervisor.whereis().expect("it lives");
    send(pid, "what?");
    let stranger = spawn!(move || exit_signal(pid, ExitReason::Shutdown));
    end_of(stranger);
    assert_eq!(ids(&supervisor), ["1"]);
    let answer = genserver::request::call::<_, u32>(supervisor.server_ref(), "what?", None);
    assert!(matches!(answer.unwrap_err().failure, Failure::Ended(_)));
    end_of(child);
    receive! { Exit { from, .. } => assert_eq!(from, Some(pid)) }
    nothing();
}

/// The arguments of temporary children are let go once they have started.
#[runtime::test]
fn do_not_save_start_parameters_for_temporary_children() {
    let supervisor = start_link(many(), vec![]).expect("starts");
    for (restart, keeps) in [
        (Restart::Permanent, true),
        (Restart::Transient, true),
        (Restart::Temporary, false),
    ] {
        let parameter = Arc::new(());
        let held = Arc::clone(&parameter);
        let spec = ChildSpec::new(restart.to_string(), move || {
            let _ = &held;
            linked(|| drop(receive_any()))
        });
        supervisor
            .start_child(spec.restart(restart))
            .expect("starts");
        assert_eq!(Arc::strong_count(&parameter) > 1, keeps, "{restart:?}");
    }
    supervisor.stop().expect("stops");
}

/// The name of a supervisor that does not start is its own until the children that had started are gone.
#[runtime::test]
fn the_name_while_a_start_fails() {
    trap_exit(true);
    let test = self_pid();
    let first = ChildSpec::new("1", move || {
        let started = proc_lib::start_link(move |parent: proc_lib::Parent<()>| {
            trap_exit(true);
            parent.init_ack(());
            receive! { Exit { from, .. } => {
                send(test, (from, whereis("does not start")));
            } }
        });
        started.map(|(pid, ())| pid.into())
    });
    let second = ChildSpec::new("2", || Err(StartError::Failed(bad())));
    let options = SupervisorOptions::new().name("does not start");
    let started = options.start_link(many(), vec![first, second]);
    assert!(matches!(started, Err(StartError::Failed(_))));
    let (supervisor, named): (Option<Pid>, Option<Pid>) = receive_type();
    assert!(supervisor.is_some());
    assert_eq!(named, supervisor);
    assert_eq!(whereis("does not start"), None);
    nothing();
}
