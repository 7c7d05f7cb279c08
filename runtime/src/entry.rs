//! Ways in from outside: `run`, `#[runtime::main]`, `#[runtime::test]`.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::process::{ExitCode, Termination};
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};

use crate::config::Builder;
use crate::node::{self, Node, SHUTDOWN};
use crate::process::exit::{self, Raise};
use crate::process::exit_reason::ExitReason;
use crate::process::spawn::Spawn;
use crate::scheduler;

/// Runs `f` as a process of the default node, and waits for its result; a panic of it goes on
/// here. The node is started if need be, and runs on.
///
/// # Panics
///
/// As [`Node::run`]; and if the default node does not start.
///
/// ```
/// use runtime::prelude::*;
///
/// let answer = runtime::run(|| {
///     let me = self_pid();
///     spawn!(move || send(me, 42u32));
///     receive_type::<u32>()
/// });
/// assert_eq!(answer, 42);
/// ```
#[track_caller]
pub fn run<T, F>(f: F) -> T
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    match node::default_node() {
        Ok(node) => run_on(node, f),
        Err(error) => panic!("the default node did not start: {error}"),
    }
}

/// How a root process ended.
enum Outcome<T> {
    Returned(T),
    Exited(ExitReason),
    Panicked(Box<dyn Any + Send>),
}

#[track_caller]
pub(crate) fn run_on<T, F>(node: &Node, f: F) -> T
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    assert!(
        scheduler::try_worker().is_none(),
        "`run` inside a process would block its worker: spawn a process, and receive from it"
    );
    match outcome(node, f) {
        Outcome::Returned(value) => value,
        Outcome::Exited(reason) => panic!("the process of `run` ended: {reason}"),
        Outcome::Panicked(payload) => panic::resume_unwind(payload),
    }
}

#[track_caller]
fn outcome<T, F>(node: &Node, f: F) -> Outcome<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let (sender, receiver) = bounded(1);
    let spawned = Spawn::new().node(node).spawn(move || root(f, &sender));
    if let Err(error) = spawned {
        panic!("cannot spawn the process of `run`: {error}");
    }
    match receiver.recv() {
        Ok(outcome) => outcome,
        // The sender is dropped unused if the process was ended before, or has become another.
        Err(_) => Outcome::Exited(ExitReason::Killed),
    }
}

/// Runs `f` as the calling process, and tells how it ended. A fatal signal decides, whatever `f`
/// makes of it.
fn root<T>(f: impl FnOnce() -> T, sender: &Sender<Outcome<T>>) -> ExitReason {
    let result = panic::catch_unwind(AssertUnwindSafe(f));
    let fatal = exit::fatal(crate::process::current("run"));
    let (outcome, reason) = match result {
        Ok(value) => match fatal {
            Some(reason) => (Outcome::Exited(reason.clone()), reason),
            None => (Outcome::Returned(value), ExitReason::Normal),
        },
        Err(payload) => match payload.downcast::<Raise>() {
            Ok(raise) => match *raise {
                Raise::Exit(reason) => {
                    let reason = fatal.unwrap_or(reason);
                    (Outcome::Exited(reason.clone()), reason)
                }
                Raise::Fatal => {
                    let reason = fatal.unwrap_or(ExitReason::Killed);
                    (Outcome::Exited(reason.clone()), reason)
                }
                // The process goes on, without a result.
                raise @ Raise::Enter(_) => panic::resume_unwind(Box::new(raise)),
            },
            Err(payload) => {
                let report = exit::report_of(crate::process::current("run"), &*payload);
                (Outcome::Panicked(payload), ExitReason::Panic(report))
            }
        },
    };
    // The receiver waits for it.
    let _ = sender.send(outcome);
    reason
}

/// What `#[runtime::main]` expands to: the body as the root process of the default node, which is
/// shut down when it returns.
#[doc(hidden)]
#[track_caller]
pub fn main<T, F>(builder: Builder, body: F) -> ExitCode
where
    F: FnOnce() -> T + Send + 'static,
    T: Termination,
{
    let node = match builder.start() {
        Ok(node) => node,
        Err(error) => panic!("the node did not start: {error}"),
    };
    let node = match node::set_default(node) {
        Ok(node) => node,
        Err(_) => panic!("the default node runs already: `#[runtime::main]` comes first"),
    };
    // `report` runs in the process: it may print, and what it drops belongs there.
    let outcome = outcome(node, move || body().report());
    node.end_default(SHUTDOWN);
    match outcome {
        Outcome::Returned(code) => code,
        Outcome::Exited(ExitReason::Normal) => ExitCode::SUCCESS,
        Outcome::Exited(reason) => {
            tracing::error!(target: "runtime::process", reason = %reason, "main exited");
            ExitCode::FAILURE
        }
        Outcome::Panicked(payload) => panic::resume_unwind(payload),
    }
}

/// What `#[runtime::test]` expands to: the body as the root process of a node of its own.
#[doc(hidden)]
#[track_caller]
pub fn test<T, F>(builder: Builder, body: F) -> T
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let builder = match builder.workers {
        Some(_) => builder,
        None => builder.workers(2),
    };
    let node = match builder.start() {
        Ok(node) => node,
        Err(error) => panic!("the node did not start: {error}"),
    };
    let outcome = outcome(&node, body);
    node.shutdown(Duration::from_secs(5));
    match outcome {
        Outcome::Returned(value) => value,
        Outcome::Exited(reason) => panic!("the test's process ended: {reason}"),
        Outcome::Panicked(payload) => panic::resume_unwind(payload),
    }
}
