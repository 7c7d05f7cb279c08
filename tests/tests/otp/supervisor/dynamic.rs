//! `simple_one_for_one`: dynamic supervisors.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use genserver::StartError;
use genserver::supervisor::{
    Child, ChildError, ChildState, DynamicSupervisor, Flags, Restart, Shutdown, Template,
};
use runtime::Term;
use runtime::prelude::*;

use super::{Began, bad, began, ends_with, linked, many, obedient};
use crate::expect::{LONG, NOW, down_of, message, nothing, until};

const SECOND: Duration = Duration::from_secs(1);

/// Processes that end with the reason that they are sent.
fn workers() -> Template<String> {
    let test = self_pid();
    Template::new(move |id: &String| obedient(test, id.clone()))
}

/// As [`workers`], and their start fails as long as the switch is on.
fn fragile() -> (Template<String>, Arc<AtomicBool>) {
    let test = self_pid();
    let fails = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&fails);
    let template = Template::new(move |id: &String| match fails.load(Ordering::SeqCst) {
        true => Err(StartError::Failed(ExitReason::other("no"))),
        false => obedient(test, id.clone()),
    });
    (template, switch)
}

/// Processes that do not end when they are told to, but do `f` then.
fn deaf(f: fn(ExitReason)) -> Template<u32> {
    let test = self_pid();
    Template::new(move |_: &u32| {
        linked(move || {
            trap_exit(true);
            send(test, Began("deaf".to_owned(), self_pid()));
            loop {
                receive! { Exit { reason, .. } => f(reason) }
            }
        })
    })
}

#[track_caller]
fn start(supervisor: &DynamicSupervisor<String>, id: &str) -> Pid {
    let child = supervisor.start_child(id.to_owned()).expect("starts");
    let child = child.expect("a child");
    assert_eq!(child.pid, began(id));
    child.pid
}

#[track_caller]
fn becomes(supervisor: &DynamicSupervisor<String>, pid: Pid, state: Option<ChildState>) {
    until(&format!("{pid} becomes {state:?}"), || {
        match supervisor.which_child(pid) {
            Ok(is) => Some(is) == state,
            Err(ChildError::NotFound) => state.is_none(),
            Err(error) => panic!("{error}"),
        }
    });
}

/// A child is restarted, alone, with the arguments that it was started with; one restart too many ends all.
#[runtime::test]
fn simple_one_for_one() {
    trap_exit(true);
    let flags = Flags::default().intensity(1, Duration::from_secs(3600));
    let supervisor = DynamicSupervisor::start_link(flags, workers()).expect("starts");
    let pid = supervisor.whereis().expect("it lives");
    let children = ["a", "b", "c"].map(|id| start(&supervisor, id));
    let watches = children.map(monitor);
    send(children[1], bad());
    assert_eq!(down_of(watches[1]), bad());
    let again = began("b");
    becomes(&supervisor, again, Some(ChildState::Running(again)));
    let count = supervisor.count_children().expect("it answers");
    assert_eq!((count.specs, count.active, count.workers), (1, 3, 3));
    send(again, bad());
    ends_with(pid, ExitReason::Shutdown);
    for at in [0, 2] {
        assert_eq!(down_of(watches[at]), ExitReason::Shutdown);
    }
    nothing();
}

/// All children are told at once: they share the time.
#[runtime::test(paused)]
fn simple_one_for_one_shutdown() {
    let slow = deaf(|reason| {
        sleep(SECOND);
        exit(reason)
    });
    let supervisor = DynamicSupervisor::start_link(many(), slow).expect("starts");
    for n in 0..10 {
        supervisor.start_child(n).expect("starts");
        began("deaf");
    }
    let start = runtime::now();
    supervisor.stop().expect("stops");
    assert_eq!(runtime::now() - start, SECOND);
    nothing();
}

/// Start functions with something to say are restarted like others.
#[runtime::test]
fn simple_one_for_one_extra() {
    let test = self_pid();
    let template = Template::new(move |id: &String| {
        let Child { pid, .. } = obedient(test, id.clone())?;
        let info = Some(Term::new(id.clone()));
        Ok(Child { pid, info })
    });
    let supervisor = DynamicSupervisor::start_link(many(), template).expect("starts");
    let child = supervisor.start_child("a".to_owned()).expect("starts");
    let child = child.expect("a child");
    assert_eq!(child.info, Some(Term::new("a".to_owned())));
    send(began("a"), bad());
    let again = began("a");
    becomes(&supervisor, again, Some(ChildState::Running(again)));
    supervisor.stop().expect("stops");
}

/// A child that does not start again is tried until the limit.
#[runtime::test]
fn simple_one_for_one_escalation() {
    trap_exit(true);
    let (template, fails) = fragile();
    let flags = Flags::default().intensity(4, Duration::from_secs(3600));
    let supervisor = DynamicSupervisor::start_link(flags, template).expect("starts");
    let pid = supervisor.whereis().expect("it lives");
    let children = ["a", "b"].map(|id| start(&supervisor, id));
    let watch = monitor(children[1]);
    fails.store(true, Ordering::SeqCst);
    send(children[0], bad());
    ends_with(pid, ExitReason::Shutdown);
    assert_eq!(down_of(watch), ExitReason::Shutdown);
    nothing();
}

/// A value that is shared by the arguments of children.
#[derive(Clone, Debug)]
struct Held(Arc<()>);

/// The arguments of temporary children are not kept, before and after one has died.
#[runtime::test]
fn simple_one_for_one_corruption() {
    let template = Template::process(|_: &Held| || drop(receive_any()));
    let template = template.restart(Restart::Temporary);
    let supervisor = DynamicSupervisor::start_link(many(), template).expect("starts");
    let held = Held(Arc::new(()));
    let start = || {
        let child = supervisor.start_child(held.clone()).expect("starts");
        child.expect("a child").pid
    };
    let first = start();
    assert_eq!(Arc::strong_count(&held.0), 1);
    exit_signal(first, ExitReason::Kill);
    until("it is forgotten", || {
        supervisor.which_child(first) == Err(ChildError::NotFound)
    });
    start();
    assert_eq!(Arc::strong_count(&held.0), 1);
    supervisor.stop().expect("stops");
}

/// While a child does not start again the supervisor answers, and the child can be given up.
#[runtime::test]
fn hanging_restart_loop_simple() {
    let (template, fails) = fragile();
    let supervisor = DynamicSupervisor::start_link(many(), template).expect("starts");
    let children = ["a", "b"].map(|id| start(&supervisor, id));
    fails.store(true, Ordering::SeqCst);
    send(children[0], bad());
    becomes(&supervisor, children[0], Some(ChildState::Restarting));
    let all = supervisor.which_children().expect("it answers");
    assert_eq!(all.len(), 2);
    assert!(all.contains(&ChildState::Restarting));
    assert!(all.contains(&ChildState::Running(children[1])));
    let count = supervisor.count_children().expect("it answers");
    assert_eq!((count.active, count.workers), (1, 2));
    supervisor
        .terminate_child(children[0])
        .expect("it is given up");
    becomes(&supervisor, children[0], None);
    fails.store(false, Ordering::SeqCst);
    assert_eq!(
        supervisor.count_children().map(|count| count.workers),
        Ok(1)
    );
    // A supervisor in the loop can be stopped.
    fails.store(true, Ordering::SeqCst);
    send(children[1], bad());
    becomes(&supervisor, children[1], Some(ChildState::Restarting));
    supervisor.stop().expect("stops");
    nothing();
}

/// One child by its pid: running, ended, a stranger.
#[runtime::test]
fn which_children_simple_one_for_one() {
    let supervisor = DynamicSupervisor::start_link(many(), workers()).expect("starts");
    assert_eq!(supervisor.which_children(), Ok(vec![]));
    let children = ["a", "b"].map(|id| start(&supervisor, id));
    for child in children {
        let running = ChildState::Running(child);
        assert_eq!(supervisor.which_child(child), Ok(running));
        assert!(
            supervisor
                .which_children()
                .expect("it answers")
                .contains(&running)
        );
    }
    supervisor.terminate_child(children[0]).expect("it ends");
    supervisor
        .terminate_child(children[0])
        .expect("it has ended");
    assert!(!is_process_alive(children[0]));
    for stranger in [children[0], self_pid()] {
        let gone = supervisor.which_child(stranger);
        assert_eq!(gone, Err(ChildError::NotFound));
    }
    let stranger = supervisor.terminate_child(self_pid());
    assert_eq!(stranger, Err(ChildError::NotFound));
    assert_eq!(
        supervisor.which_children(),
        Ok(vec![ChildState::Running(children[1])])
    );
    supervisor.stop().expect("stops");
}

/// What all have in common can be asked for by a child's pid, also when that is dead; not by another's. As real `erl` of
/// OTP 25.2.
#[runtime::test]
fn sup_start_map_simple() {
    let template = workers().restart(Restart::Transient);
    let supervisor = DynamicSupervisor::start_link(many(), template).expect("starts");
    let child = start(&supervisor, "a");
    let template = supervisor.get_childspec(child).expect("it is a child");
    assert!(format!("{template:?}").contains("Transient"));
    let stranger = supervisor.get_childspec(self_pid());
    assert!(matches!(stranger, Err(ChildError::NotFound)));
    supervisor.terminate_child(child).expect("it ends");
    assert!(supervisor.get_childspec(child).is_ok());
    supervisor.stop().expect("stops");
}

/// What a start function fails with comes back bare; what it ignores, or has started already, as such.
#[runtime::test]
fn sup_start_child_returns_error_simple() {
    let test = self_pid();
    let template = Template::new(move |how: &u32| match how {
        0 => Err(StartError::Failed(ExitReason::other("no"))),
        1 => Err(StartError::Ignore),
        2 => Err(StartError::AlreadyStarted(test)),
        _ => panic!("a start function that panics"),
    });
    let supervisor = DynamicSupervisor::start_link(many(), template).expect("starts");
    let failed = ChildError::Failed(ExitReason::other("no"));
    assert_eq!(supervisor.start_child(0), Err(failed));
    assert_eq!(supervisor.start_child(1), Ok(None));
    assert_eq!(
        supervisor.start_child(2),
        Err(ChildError::AlreadyStarted(test))
    );
    let panicked = supervisor.start_child(3);
    assert!(matches!(
        panicked,
        Err(ChildError::Failed(ExitReason::Panic(_)))
    ));
    assert_eq!(supervisor.which_children(), Ok(vec![]));
    supervisor.stop().expect("stops");
}

/// Those that do not listen are killed when the time, one for all, is over.
#[runtime::test(paused)]
fn sup_stop_timeout_dynamic() {
    let template = deaf(drop).shutdown(Shutdown::Within(3 * SECOND));
    stop_takes(template, 3 * SECOND, &ExitReason::Killed);
}

/// For brutal_kill at once.
#[runtime::test(paused)]
fn sup_stop_brutal_kill_dynamic() {
    let template = deaf(drop).shutdown(Shutdown::BrutalKill);
    stop_takes(template, Duration::ZERO, &ExitReason::Killed);
}

/// Children that end with reasons of their own when they are told end the supervisor no differently.
#[runtime::test(paused)]
fn sup_stop_non_shutdown_exit_dynamic() {
    let template = deaf(|_| exit(bad()));
    stop_takes(template, Duration::ZERO, &bad());
}

#[track_caller]
fn stop_takes(template: Template<u32>, takes: Duration, reason: &ExitReason) {
    trap_exit(true);
    let supervisor = DynamicSupervisor::start_link(many(), template).expect("starts");
    let pid = supervisor.whereis().expect("it lives");
    let watches: Vec<Ref> = (0..10)
        .map(|n| {
            supervisor.start_child(n).expect("starts");
            monitor(began("deaf"))
        })
        .collect();
    let start = runtime::now();
    supervisor.stop().expect("stops");
    assert_eq!(runtime::now() - start, takes);
    for watch in watches {
        assert_eq!(down_of(watch), *reason);
    }
    ends_with(pid, ExitReason::Normal);
    nothing();
}

/// Thousands of temporary children, started and ended.
#[runtime::test]
fn simple_one_for_one_scale_many_temporary_children() {
    const CHILDREN: usize = 10_000;
    let quiet = Template::new(|_: &usize| {
        let spawn = runtime::Spawn::new().link();
        let spawned = spawn.receive_loop(|_| Flow::Continue);
        spawned
            .map(|spawned| spawned.pid.into())
            .map_err(StartError::Spawn)
    });
    let before = runtime::processes().len();
    let supervisor = DynamicSupervisor::start_link(many(), quiet.restart(Restart::Temporary));
    let supervisor = supervisor.expect("starts");
    let start = |n| supervisor.start_child(n).expect("starts").expect("a child");
    let pids: Vec<Pid> = (0..CHILDREN).map(|n| start(n).pid).collect();
    for pid in &pids[..CHILDREN / 2] {
        supervisor.terminate_child(*pid).expect("it ends");
    }
    let count = supervisor.count_children().expect("it answers");
    assert_eq!(count.active, CHILDREN / 2);
    supervisor.stop().expect("stops");
    until("all are gone", || runtime::processes().len() == before);
}

/// gen_servers as dynamic children.
#[runtime::test]
fn servers() {
    use genserver::gen_server::reply;
    use genserver::{Called, From, GenServer, Init, Never, Server};
    struct Sum(u64);
    impl GenServer for Sum {
        type Args = u64;
        type Call = u64;
        type Reply = u64;
        type Cast = Never;
        type Continue = Never;
        fn init(start: u64) -> Result<Init<Sum>, ExitReason> {
            Ok(Sum(start).into())
        }
        fn handle_call(&mut self, by: u64, _: From<u64>) -> Result<Called<u64>, ExitReason> {
            self.0 += by;
            Ok(reply(self.0))
        }
    }
    let supervisor = DynamicSupervisor::start_link(many(), Template::server::<Sum>());
    let supervisor = supervisor.expect("starts");
    let child = supervisor
        .start_child(40)
        .expect("starts")
        .expect("a child");
    assert_eq!(Server::<Sum>::of(child.pid).call(2), Ok(42));
    supervisor.stop().expect("stops");
}

/// Children that end at the instant in which they are told to: each is gone once, and no restart comes of it.
#[runtime::test]
fn ends_that_cross() {
    let before = runtime::processes().len();
    let starts = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&starts);
    let template = Template::new(move |_: &u32| {
        counted.fetch_add(1, Ordering::SeqCst);
        linked(|| receive! { reason: ExitReason => exit(reason) })
    });
    let supervisor = DynamicSupervisor::start_link(many(), template.restart(Restart::Transient));
    let supervisor = supervisor.expect("starts");
    let test = self_pid();
    for n in 0..500 {
        let pid = supervisor
            .start_child(n)
            .expect("starts")
            .expect("a child")
            .pid;
        spawn!(move || {
            send(pid, ExitReason::Normal);
            send(test, ());
        });
        supervisor.terminate_child(pid).expect("it ends");
        assert!(!is_process_alive(pid));
        message::<()>();
    }
    let count = supervisor.count_children().expect("it answers");
    assert_eq!((count.active, count.workers), (0, 0));
    assert_eq!(starts.load(Ordering::SeqCst), 500);
    supervisor.stop().expect("stops");
    until("all are gone", || runtime::processes().len() == before);
    nothing();
}

/// What an owner of monitors and links has been told of each child.
#[derive(Debug)]
struct Told(HashMap<Pid, Ends>);

#[derive(Debug, Default)]
struct Ends {
    downs: Vec<ExitReason>,
    exits: Vec<ExitReason>,
}

/// Monitors all children and links itself to them; tells the test when it does, when it has heard the end of all, and,
/// when all is over, what it has been told.
fn owner(test: Pid, children: &[Pid]) {
    trap_exit(true);
    let mut told: HashMap<_, _> = children.iter().map(|&pid| (pid, Ends::default())).collect();
    let mut watched = HashMap::new();
    for &pid in children {
        watched.insert(monitor(pid), pid);
        link(pid);
    }
    send(test, "watches");
    let mut count = |message: AnyMessage| {
        match_message!(message {
            Down { monitor, reason, .. } => {
                let ends: &mut Ends = told.get_mut(&watched[&monitor]).expect("a child");
                ends.downs.push(reason);
            }
            Exit { from, reason, .. } => {
                let ends = told.get_mut(&from.expect("a process")).expect("a child");
                ends.exits.push(reason);
            }
            other => panic!("{other:?}"),
        });
    };
    let is_told = |message: &AnyMessage| message.is::<Down>() || message.is::<Exit>();
    for _ in 0..2 * children.len() {
        count(receive_where(LONG, is_told).expect("each end is told"));
    }
    send(test, "has heard");
    receive! { "over" : &str => {} }
    while let Some(more) = receive_timeout(NOW) {
        count(more);
    }
    send(test, Told(told));
}

/// Whoever monitors a child, or is linked to it, is told of its end once, also if it ends by itself at the instant in
/// which its supervisor, that ends too, tells it to; so is whoever watches the supervisor.
#[runtime::test]
fn each_end_is_told_once() {
    const CHILDREN: usize = 10_000;
    const OWNERS: usize = 2;
    trap_exit(true);
    let test = self_pid();
    for restart in [Restart::Temporary, Restart::Permanent] {
        let before = runtime::processes().len();
        let template = Template::process(|(): &()| || assert_eq!(receive_type::<&str>(), "end"));
        let supervisor = DynamicSupervisor::start_link(many(), template.restart(restart));
        let supervisor = supervisor.expect("starts");
        let pid = supervisor.whereis().expect("it lives");
        let watch = monitor(pid);
        let start = |_| {
            supervisor
                .start_child(())
                .expect("starts")
                .expect("a child")
                .pid
        };
        let children: Arc<[Pid]> = (0..CHILDREN).map(start).collect();
        let owners: Vec<Pid> = (0..OWNERS)
            .map(|_| {
                let children = Arc::clone(&children);
                spawn!(move || owner(test, &children))
            })
            .collect();
        for _ in &owners {
            assert_eq!(message::<&str>(), "watches");
        }
        // The one half ends by itself, some before and some while the other is ended.
        let halves = Arc::clone(&children);
        spawn!(move || {
            for &child in halves.iter().step_by(2) {
                send(child, "end");
                yield_now();
            }
        });
        until("some have ended", || {
            !is_process_alive(children[CHILDREN / 4 * 2])
        });
        supervisor.stop().expect("stops");
        for _ in &owners {
            assert_eq!(message::<&str>(), "has heard");
        }
        until("all are gone", || {
            runtime::processes().len() == before + OWNERS
        });
        for &owner in &owners {
            send(owner, "over");
            let Told(told) = message();
            assert_eq!(told.len(), CHILDREN);
            for (child, Ends { downs, exits }) in told {
                assert_eq!((downs.len(), &downs), (1, &exits), "{child}");
                let expected = [ExitReason::Normal, ExitReason::Shutdown];
                assert!(expected.contains(&downs[0]), "{child}: {downs:?}");
            }
        }
        assert_eq!(down_of(watch), ExitReason::Normal);
        ends_with(pid, ExitReason::Normal);
        until("all are gone", || runtime::processes().len() == before);
        nothing();
    }
}
