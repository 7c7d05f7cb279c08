//! `code_change`: new flags and specifications for a supervisor that runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use genserver::ServerRef;
use genserver::supervisor::{
    AutoShutdown, ChildError, ChildSpec, ChildState, DynamicSupervisor, Flags, InitFunction,
    Restart, Shutdown, SpecError, Supervised, Supervisor, Template, UnknownChange, start_link,
    start_link_with,
};
use runtime::prelude::*;
use sys::ChangeCodeError;

use super::{Began, bad, becomes, began, ends_with, ids, many, pid_of, worker};
use crate::expect::nothing;

/// Changes the code of a supervisor, which is suspended meanwhile. Err: why it refuses.
#[track_caller]
fn change(supervisor: impl Into<ServerRef>, extra: impl Send + 'static) -> Result<(), ExitReason> {
    let supervisor = supervisor.into();
    sys::suspend(&supervisor).expect("it answers");
    let changed = sys::change_code(&supervisor, extra);
    sys::resume(&supervisor).expect("it answers");
    changed.map_err(|error| match error {
        ChangeCodeError::Refused(reason) => reason,
        other => panic!("{other}"),
    })
}

#[track_caller]
fn upgrade(supervisor: &Supervisor, flags: Flags, specs: Vec<ChildSpec>) {
    assert_eq!(change(supervisor, (flags, specs)), Ok(()));
}

/// New specifications are not started, changed ones replace the old and keep the process, what is no longer named
/// stays; the new come before the kept. Wrong ones are refused, and change nothing.
#[runtime::test]
fn code_change() {
    let specs = ["a", "b", "c"].map(worker);
    let supervisor = start_link(Flags::default(), specs.to_vec()).expect("starts");
    let pids = ["a", "b", "c"].map(began);
    let changed = worker("b").shutdown(Shutdown::BrutalKill);
    upgrade(&supervisor, many(), vec![worker("d"), changed, worker("e")]);
    assert_eq!(ids(&supervisor), ["c", "a", "e", "b", "d"]);
    assert_eq!(["a", "b", "c"].map(|id| pid_of(&supervisor, id)), pids);
    for id in ["d", "e"] {
        becomes(&supervisor, id, Some(ChildState::Undefined));
    }
    let spec = format!("{:?}", supervisor.get_childspec("b"));
    assert!(spec.contains("BrutalKill"), "{spec}");
    // The flags are new: more restarts than the old ones bear.
    for _ in 0..5 {
        send(pid_of(&supervisor, "a"), bad());
        becomes(&supervisor, "a", Some(ChildState::Running(began("a"))));
    }
    let before = ids(&supervisor);
    let twice = (many(), vec![worker("x"), worker("x")]);
    let refused = change(&supervisor, twice);
    let expected = SpecError::DuplicateId("x".to_owned());
    assert_eq!(refused.unwrap_err().downcast_ref(), Some(&expected));
    let no_time = many().intensity(1, Duration::ZERO);
    let wrong: Supervised = (no_time, vec![]);
    let refused = change(&supervisor, wrong);
    let expected = SpecError::Period(Duration::ZERO);
    assert_eq!(refused.unwrap_err().downcast_ref(), Some(&expected));
    assert_eq!(ids(&supervisor), before);
    supervisor.stop().expect("stops");
    nothing();
}

/// Without a new one, the old init function is asked again.
#[runtime::test]
fn code_change_asks_init() {
    let turn = Arc::new(AtomicU32::new(0));
    let turns = Arc::clone(&turn);
    let supervisor = start_link_with(move || match turn.fetch_add(1, Ordering::SeqCst) {
        0 => Ok(Some((many(), vec![]))),
        1 => {
            let late = ChildSpec::process("late", || drop(receive_any()));
            Ok(Some((many(), vec![late])))
        }
        2 => Ok(None),
        _ => Err(bad()),
    });
    let supervisor = supervisor.expect("starts");
    assert_eq!(change(&supervisor, ()), Ok(()));
    assert_eq!(ids(&supervisor), ["late"]);
    assert_eq!(change(&supervisor, ()), Ok(()), "it ignores");
    assert_eq!(change(&supervisor, ()), Err(bad()));
    assert_eq!(ids(&supervisor), ["late"]);
    assert_eq!(turns.load(Ordering::SeqCst), 4);
    supervisor.stop().expect("stops");
}

/// What the code was changed to is what is asked from then on, values and init functions alike; what is refused, or of
/// a type that says nothing to a supervisor, leaves the old.
#[runtime::test]
fn code_change_replaces_init() {
    let sleeper = |id: &'static str| ChildSpec::process(id, || drop(receive_any()));
    let supervisor = start_link(many(), vec![sleeper("a")]).expect("starts");
    upgrade(&supervisor, many(), vec![sleeper("b")]);
    supervisor.delete_child("b").expect("it does not run");
    assert_eq!(change(&supervisor, ()), Ok(()));
    assert_eq!(ids(&supervisor), ["a", "b"]);

    let turn = AtomicU32::new(0);
    let init: InitFunction = Box::new(move || match turn.fetch_add(1, Ordering::SeqCst) {
        0 => Ok(None),
        n => Ok(Some((many(), vec![sleeper(["c", "d"][n as usize % 2])]))),
    });
    assert_eq!(change(&supervisor, init), Ok(()), "it ignores");
    assert_eq!(ids(&supervisor), ["a", "b"]);
    assert_eq!(change(&supervisor, ()), Ok(()));
    assert_eq!(ids(&supervisor), ["a", "b", "d"]);

    let fails: InitFunction = Box::new(|| Err(bad()));
    assert_eq!(change(&supervisor, fails), Err(bad()));
    let panics: InitFunction = Box::new(|| panic!("in init"));
    let refused = change(&supervisor, panics).unwrap_err();
    assert!(matches!(refused, ExitReason::Panic { .. }), "{refused}");
    let no_vec = (many(), [sleeper("x")]);
    let refused = change(&supervisor, no_vec).unwrap_err();
    assert_eq!(refused.downcast_ref(), Some(&UnknownChange));
    assert_eq!(ids(&supervisor), ["a", "b", "d"]);
    assert_eq!(change(&supervisor, ()), Ok(()));
    assert_eq!(ids(&supervisor), ["a", "b", "d", "c"]);
    supervisor.stop().expect("stops");

    let template = Template::process(|(): &()| || drop(receive_any()));
    let dynamic = DynamicSupervisor::start_link(many(), template.clone()).expect("starts");
    assert_eq!(change(&dynamic, ()), Ok(()));
    let of_others = Template::process(|_: &u32| || drop(receive_any()));
    let refused = change(&dynamic, (many(), of_others)).unwrap_err();
    assert_eq!(refused.downcast_ref(), Some(&UnknownChange));
    assert_eq!(change(&dynamic, (many(), template)), Ok(()));
    dynamic.stop().expect("stops");
}

/// A child whose restart fails when the code changes is tried on.
#[runtime::test]
fn code_change_while_restarting() {
    let (spec, fails) = super::fragile("1");
    let supervisor = start_link(many(), vec![spec.clone(), worker("2")]).expect("starts");
    began("2");
    fails.store(true, Ordering::SeqCst);
    send(began("1"), bad());
    becomes(&supervisor, "1", Some(ChildState::Restarting));
    upgrade(&supervisor, many(), vec![spec]);
    fails.store(false, Ordering::SeqCst);
    becomes(&supervisor, "1", Some(ChildState::Running(began("1"))));
    supervisor.stop().expect("stops");
    nothing();
}

/// Of a dynamic supervisor flags and template are replaced; children that run stay, and restart by the new one.
#[runtime::test]
fn code_change_simple() {
    let test = self_pid();
    let template = move |version: &'static str| {
        Template::process(move |id: &String| {
            let name = format!("{version} {id}");
            move || {
                send(test, Began(name, self_pid()));
                receive! { reason: ExitReason => exit(reason) }
            }
        })
    };
    let supervisor = DynamicSupervisor::start_link(Flags::default(), template("old"));
    let supervisor = supervisor.expect("starts");
    let child = supervisor.start_child("a".to_owned()).expect("starts");
    let child = child.expect("a child");
    assert_eq!(began("old a"), child.pid);
    assert_eq!(change(&supervisor, (many(), template("new"))), Ok(()));
    assert!(is_process_alive(child.pid));
    send(child.pid, bad());
    for _ in 0..5 {
        send(began("new a"), bad());
    }
    began("new a");
    let wrong = many().auto_shutdown(AutoShutdown::AnySignificant);
    let refused = change(&supervisor, (wrong, template("wrong")));
    let expected = SpecError::Dynamic;
    assert_eq!(refused.unwrap_err().downcast_ref(), Some(&expected));
    supervisor.stop().expect("stops");
    nothing();
}

fn significant(id: &str) -> ChildSpec {
    worker(id).significant(true).restart(Restart::Transient)
}

fn auto(mode: AutoShutdown) -> Flags {
    many().auto_shutdown(mode)
}

/// From never to a mode: significant children are accepted, and count.
#[track_caller]
fn upgrade_from_never(mode: AutoShutdown) {
    trap_exit(true);
    let plain = worker("1").restart(Restart::Transient);
    let supervisor = start_link(auto(AutoShutdown::Never), vec![plain.clone()]).expect("starts");
    let pid = supervisor.whereis().expect("it lives");
    let first = began("1");
    upgrade(&supervisor, auto(mode), vec![plain]);
    supervisor.start_child(significant("2")).expect("starts");
    let second = began("2");
    send(first, ExitReason::Normal);
    becomes(&supervisor, "1", Some(ChildState::Undefined));
    send(second, ExitReason::Normal);
    ends_with(pid, ExitReason::Shutdown);
    nothing();
}

/// From a mode to never: children that are significant count no more, and new ones are refused.
#[track_caller]
fn upgrade_to_never(mode: AutoShutdown) {
    let supervisor = start_link(auto(mode), vec![significant("1")]).expect("starts");
    let first = began("1");
    upgrade(&supervisor, auto(AutoShutdown::Never), vec![]);
    let refused = SpecError::BadCombination("2".to_owned());
    assert_eq!(
        supervisor.start_child(significant("2")),
        Err(ChildError::Spec(refused))
    );
    send(first, ExitReason::Normal);
    becomes(&supervisor, "1", Some(ChildState::Undefined));
    supervisor.stop().expect("stops");
    nothing();
}

/// See [`upgrade_from_never`].
#[runtime::test]
fn significant_upgrade_never_any() {
    upgrade_from_never(AutoShutdown::AnySignificant);
}

/// See [`upgrade_from_never`].
#[runtime::test]
fn significant_upgrade_never_all() {
    upgrade_from_never(AutoShutdown::AllSignificant);
}

/// See [`upgrade_to_never`].
#[runtime::test]
fn significant_upgrade_any_never() {
    upgrade_to_never(AutoShutdown::AnySignificant);
}

/// See [`upgrade_to_never`].
#[runtime::test]
fn significant_upgrade_all_never() {
    upgrade_to_never(AutoShutdown::AllSignificant);
}

/// Whether a child is significant can change, if the mode allows it.
#[runtime::test]
fn significant_upgrade_child() {
    trap_exit(true);
    let plain = || worker("1").restart(Restart::Transient);
    let supervisor = start_link(auto(AutoShutdown::Never), vec![plain()]).expect("starts");
    let pid = supervisor.whereis().expect("it lives");
    let first = began("1");
    let never = (auto(AutoShutdown::Never), vec![significant("1")]);
    let refused = change(&supervisor, never);
    let expected = SpecError::BadCombination("1".to_owned());
    assert_eq!(refused.unwrap_err().downcast_ref(), Some(&expected));
    let any = || auto(AutoShutdown::AnySignificant);
    upgrade(&supervisor, any(), vec![significant("1")]);
    upgrade(&supervisor, any(), vec![plain()]);
    upgrade(&supervisor, any(), vec![significant("1")]);
    send(first, ExitReason::Normal);
    ends_with(pid, ExitReason::Shutdown);
    nothing();
}
