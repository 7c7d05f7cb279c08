//! After `supervisor_SUITE`, by subject. Where the suite has a case twice, for tuples and for maps, there is one test.

mod dynamic;
mod faults;
mod partition;
mod restart;
mod significant;
mod specs;
mod start;
mod stop;
mod task;
mod upgrade;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use genserver::StartError;
use genserver::supervisor::{
    ChildError, ChildSpec, ChildState, Flags, Started, Strategy, Supervisor,
};
use runtime::prelude::*;

use crate::expect::{LONG, until};

/// A process that ends with the reason that it is sent; each start of it is told to the test.
fn worker(id: &str) -> ChildSpec {
    fragile(id).0
}

/// As [`worker`], and its start function fails as long as the switch is on.
fn fragile(id: &str) -> (ChildSpec, Arc<AtomicBool>) {
    let parent = self_pid();
    let name = id.to_owned();
    let fails = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&fails);
    let spec = ChildSpec::new(id, move || match fails.load(Ordering::SeqCst) {
        true => Err(StartError::Failed(ExitReason::other("no"))),
        false => obedient(parent, name.clone()),
    });
    (spec, switch)
}

/// Starts a process that tells `parent` that it begins, and ends with the reason that it is sent.
fn obedient(parent: Pid, name: String) -> Started {
    linked(move || {
        send(parent, Began(name, self_pid()));
        receive! { reason: ExitReason => exit(reason) }
    })
}

/// A process that does not end when it is told to.
fn deaf(id: &str) -> ChildSpec {
    let parent = self_pid();
    let name = id.to_owned();
    ChildSpec::process(id, move || {
        trap_exit(true);
        send(parent, Began(name.clone(), self_pid()));
        loop {
            drop(receive_any());
        }
    })
}

/// Starts a process that runs `f`, linked to the caller.
fn linked(f: impl FnOnce() + Send + 'static) -> Started {
    let spawned = runtime::Spawn::new().link().spawn(f);
    spawned
        .map(|spawned| spawned.pid.into())
        .map_err(StartError::Spawn)
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
#[track_caller]
fn ids(supervisor: &Supervisor) -> Vec<String> {
    let children = supervisor.which_children().expect("it answers");
    children.into_iter().map(|child| child.id).collect()
}

#[track_caller]
fn pid_of(supervisor: &Supervisor, id: &str) -> Pid {
    let child = supervisor.which_child(id).expect("it is there");
    child.pid().expect("it runs")
}

/// Waits until the child is in this state; none: until it is forgotten.
#[track_caller]
fn becomes(supervisor: &Supervisor, id: &str, state: Option<ChildState>) {
    until(&format!("{id} becomes {state:?}"), || {
        match supervisor.which_child(id) {
            Ok(child) => Some(child.state) == state,
            Err(ChildError::NotFound) => state.is_none(),
            Err(error) => panic!("{error}"),
        }
    });
}

/// Waits for the exit of a process that is linked to the caller.
#[track_caller]
fn ends_with(pid: Pid, expected: ExitReason) {
    receive! {
        Exit { from, reason, .. } if from == Some(pid) => assert_eq!(reason, expected),
        after LONG => panic!("{pid} does not end"),
    }
}

/// More restarts than a test needs.
fn many() -> Flags {
    Flags::default().intensity(u32::MAX, Duration::from_secs(3600))
}

fn of(strategy: Strategy) -> Flags {
    Flags { strategy, ..many() }
}

fn bad() -> ExitReason {
    ExitReason::other("bad")
}
