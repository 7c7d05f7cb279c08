//! Specifications: which are refused, and what is done with single children.

use std::time::Duration;

use genserver::StartError;
use genserver::supervisor::{
    AutoShutdown, ChildError, ChildSpec, DynamicSupervisor, Flags, Restart, SpecError, Strategy,
    Template, check_childspecs, start_link,
};
use runtime::prelude::*;

use super::{began, ends_with, many, of, worker};
use crate::expect::nothing;

/// Each wrong specification has its own error, from `check_childspecs` and `start_child`; right ones pass.
#[runtime::test]
fn child_specs() {
    let duplicate = SpecError::DuplicateId("1".to_owned());
    let combination = SpecError::BadCombination("1".to_owned());
    let period = SpecError::Period(Duration::ZERO);
    let significant = || worker("1").significant(true).restart(Restart::Transient);
    let auto = many().auto_shutdown(AutoShutdown::AnySignificant);
    let no_time = many().intensity(1, Duration::ZERO);
    for (flags, specs, expected) in [
        (many(), vec![worker("1"), worker("1")], Err(duplicate)),
        (many(), vec![significant()], Err(combination.clone())),
        (
            auto.clone(),
            vec![worker("1").significant(true)],
            Err(combination.clone()),
        ),
        (no_time, vec![], Err(period)),
        (auto, vec![significant()], Ok(())),
        (many(), vec![worker("1"), worker("2")], Ok(())),
    ] {
        assert_eq!(check_childspecs(&flags, &specs), expected);
    }
    let supervisor = start_link(many(), vec![]).expect("starts");
    let refused = supervisor.start_child(significant());
    assert_eq!(refused, Err(ChildError::Spec(combination)));
    assert_eq!(
        supervisor.count_children().map(|count| count.specs),
        Ok(0),
        "it is not kept"
    );
    supervisor.stop().expect("stops");
}

/// A supervisor with a wrong specification does not start, its reason is the error, and it leaves nothing behind.
#[runtime::test]
fn sup_start_map_faulty_specs() {
    trap_exit(true);
    let before = runtime::processes().len();
    let refused = start_link(many(), vec![worker("1"), worker("1")]);
    let Err(StartError::Failed(reason)) = refused else {
        panic!("{refused:?}");
    };
    let expected = SpecError::DuplicateId("1".to_owned());
    assert_eq!(reason.downcast_ref(), Some(&expected));
    // The flags of a dynamic one.
    let template = || Template::process(|(): &()| || drop(receive_any()));
    for flags in [
        of(Strategy::OneForAll),
        Flags::default().auto_shutdown(AutoShutdown::AnySignificant),
    ] {
        let refused = DynamicSupervisor::start_link(flags, template());
        let Err(StartError::Failed(reason)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(reason.downcast_ref(), Some(&SpecError::Dynamic));
    }
    assert_eq!(runtime::processes().len(), before);
    nothing();
    // Who does not trap exits ends too, as in OTP.
    let (pid, _) = spawn_monitor!(|| {
        let _ = start_link(many(), vec![worker("1"), worker("1")]);
        exit(ExitReason::other("it lives on"))
    });
    let reason = receive! { Down { reason, .. } => reason };
    assert_eq!(reason.downcast_ref(), Some(&expected), "{pid}");
}

/// Starting, ending, restarting, deleting, each with its errors.
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
    let again = supervisor.restart_child("1").expect("it starts");
    assert_eq!(again.expect("a child").pid, began("1"));
    supervisor.terminate_child("1").expect("it ends");
    supervisor.delete_child("1").expect("it does not run");
    for gone in [
        supervisor.delete_child("1"),
        supervisor.terminate_child("1"),
        supervisor.restart_child("1").map(drop),
        supervisor.get_childspec("1").map(drop),
        supervisor.which_child("1").map(drop),
    ] {
        assert_eq!(gone, Err(ChildError::NotFound));
    }
    let child = supervisor.start_child(worker("2")).expect("it starts");
    assert_eq!(child.expect("a child").pid, began("2"));
    let spec = supervisor.get_childspec("2").expect("it is there");
    assert_eq!(spec.id(), "2");
    supervisor.stop().expect("stops");
}

/// A supervisor as a child, and a dynamic one by its name.
#[runtime::test]
fn supervisors_as_children() {
    trap_exit(true);
    let leaf = worker("leaf");
    let template = Template::process(|n: &u32| {
        let n = *n;
        move || {
            receive! { from: Pid => send(from, n) }
        }
    });
    let root = start_link(
        many(),
        vec![
            ChildSpec::supervisor("branch", many(), vec![leaf]),
            ChildSpec::named_dynamic_supervisor("several", many(), template),
        ],
    );
    let root = root.expect("starts");
    began("leaf");
    let count = root.count_children().expect("it answers");
    assert_eq!((count.supervisors, count.workers), (2, 0));
    let several = DynamicSupervisor::<u32>::of("several");
    let child = several.start_child(7).expect("starts").expect("a child");
    send(child.pid, self_pid());
    receive! { n: u32 => assert_eq!(n, 7) }
    let pid = root.whereis().expect("it lives");
    root.stop().expect("stops");
    ends_with(pid, ExitReason::Normal);
    assert_eq!(whereis("several"), None);
    nothing();
}
