//! Ways in from outside: `run`, `#[runtime::main]`, `#[runtime::test]`.
//!
//! Each spawns a root process on a node and blocks the calling thread, which runs no process,
//! until the root has told its [`Outcome`].
//!
//! Invariants:
//! * A root tells one outcome, whatever ends it. If it is ended before its first run it tells none,
//!   and the closed channel does.
//! * Its result, and a panic's payload, go to the caller's thread; all else is dropped in the
//!   process.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::process::{ExitCode, Termination};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::config::Builder;
use crate::node::{self, Node, SHUTDOWN};
use crate::process::exit::{self, Raise};
use crate::process::exit_reason::{ExitReason, PanicReport};
use crate::process::run::at_end;
use crate::process::spawn::Spawn;
use crate::report::report;
use crate::scheduler;
use crate::shown::Shown;

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

impl Node {
    /// Runs `f` as a process of the node, and waits for its result; a panic of it goes on here.
    ///
    /// # Panics
    ///
    /// If the process panics, exits or is killed, or comes to rest
    /// ([`hibernate`](crate::hibernate), [`enter`](crate::enter)): it goes on then, without a
    /// result. On a worker's thread, that is inside a process (spawn one instead); if the process
    /// cannot be spawned.
    #[track_caller]
    pub fn run<T, F>(&self, f: F) -> T
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        run_on(self, f)
    }
}

/// What became of a root process.
pub(crate) enum Outcome<T> {
    Returned(T),
    Exited(ExitReason),
    Panicked(Box<dyn Any + Send>, PanicReport),
    /// It came to rest, and goes on without a result; the reason is sent when it ends.
    Rests(Receiver<ExitReason>),
}

#[track_caller]
fn run_on<T, F>(node: &Node, f: F) -> T
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
        Outcome::Panicked(payload, _) => panic::resume_unwind(payload),
        Outcome::Rests(_) => panic!("the process of `run` {NO_RESULT}"),
    }
}

pub(crate) const NO_RESULT: &str =
    "has come to rest (`hibernate`, `enter`): it goes on without a result";

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
        // The sender is dropped unused if the process was ended before its first run.
        Err(_) => Outcome::Exited(ExitReason::Killed),
    }
}

/// Runs `f` as the calling process, and tells what became of it. A fatal signal decides, whatever
/// `f` makes of it.
pub(crate) fn root<T>(f: impl FnOnce() -> T, sender: &Sender<Outcome<T>>) -> ExitReason {
    let result = panic::catch_unwind(AssertUnwindSafe(f));
    let slot = crate::process::current("run");
    let fatal = exit::fatal(slot);
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
                raise @ Raise::Enter(_) if fatal.is_none() => {
                    let (end, ends) = bounded(1);
                    // Nobody may wait for it any more.
                    at_end(slot, move |reason| drop(end.send(reason.clone())));
                    let _ = sender.send(Outcome::Rests(ends));
                    panic::resume_unwind(Box::new(raise))
                }
                Raise::Fatal | Raise::Enter(_) => {
                    let reason = fatal.unwrap_or(ExitReason::Killed);
                    (Outcome::Exited(reason.clone()), reason)
                }
            },
            Err(payload) => {
                let report = exit::report_of(Some(slot), &*payload);
                let reason = ExitReason::Panic(report.clone());
                (Outcome::Panicked(payload, report), reason)
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
    let outcome = match outcome(node, move || body().report()) {
        Outcome::Rests(end) => Outcome::Exited(end.recv().unwrap_or(ExitReason::Killed)),
        outcome => outcome,
    };
    node.end_default(SHUTDOWN);
    #[cfg(debug_assertions)]
    crate::soundness::finish();
    match outcome {
        Outcome::Returned(code) => code,
        Outcome::Exited(ExitReason::Normal) => ExitCode::SUCCESS,
        Outcome::Exited(reason) => {
            report(|| {
                let reason = Shown::new(&format_args!("{reason}")).to_string();
                tracing::error!(target: "runtime::process", reason, "main exited");
            });
            ExitCode::FAILURE
        }
        Outcome::Panicked(payload, _) => panic::resume_unwind(payload),
        Outcome::Rests(_) => unreachable!("its end was waited for"),
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
        Outcome::Panicked(payload, _) => panic::resume_unwind(payload),
        Outcome::Rests(_) => panic!("the test's process {NO_RESULT}"),
    }
}
