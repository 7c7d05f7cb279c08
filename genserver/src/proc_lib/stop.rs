//! Ending a process that takes system messages. Called by users, and by the clients of servers and supervisors.

use std::fmt;
use std::time::Duration;

use runtime::request::{Failure, NodeName, ServerRef};
use runtime::{Down, Exit, ExitReason, Pid, demonitor_flush, monitor, receive_ref};

/// Why a server did not stop as it was told.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum StopError {
    /// There is no such process.
    NoProc,
    /// There is no connection to its node: `{nodedown, Node}`.
    NodeDown(NodeName),
    /// It has not ended in time. It will, when it comes to it.
    Timeout(Duration),
    /// It is the caller.
    CallingSelf,
    /// It has ended with another reason.
    Other(ExitReason),
}

/// Ends a process that takes system messages with `reason`, and waits until it is dead, for `timeout` at most. A
/// switch point. Mirrors `proc_lib:stop/3` and `gen_server:stop/3`.
///
/// # Errors
///
/// See [`StopError`].
///
/// # Panics
///
/// Outside a process.
///
/// ```
#[doc = include_str!("../../doc/counter.txt")]
/// # runtime::run(|| {
/// use genserver::gen_server::{StopError, stop};
///
/// Options::<Counter>::new().name("counter").start(40).unwrap();
/// assert_eq!(stop("counter", ExitReason::Shutdown, Some(Duration::from_secs(5))), Ok(()));
/// assert_eq!(stop("counter", ExitReason::Shutdown, None), Err(StopError::NoProc));
/// # });
/// ```
#[cfg_attr(debug_assertions, track_caller)]
pub fn stop(
    server: impl Into<ServerRef>,
    reason: ExitReason,
    timeout: Option<Duration>,
) -> Result<(), StopError> {
    let server = server.into();
    let Some(pid) = server.whereis() else {
        return Err(match server {
            ServerRef::Node(_, node @ NodeName::Named(_)) => StopError::NodeDown(node),
            _ => StopError::NoProc,
        });
    };
    if pid == runtime::self_pid() {
        return Err(StopError::CallingSelf);
    }
    let began = runtime::now();
    let watch = monitor(pid);
    let was_there = match reason {
        // The monitor says the same of one that was gone before. Who answers was there.
        ExitReason::NoProc => sys::within(timeout)
            .terminate(pid, ExitReason::NoProc)
            .is_ok(),
        _ => {
            sys::order_to_terminate(pid, reason.clone());
            true
        }
    };
    let left = timeout.map(|time| time.saturating_sub(runtime::now() - began));
    let down = receive_ref(watch, left, |down: &Down| down.monitor == watch);
    match down {
        Some(down) if was_there && down.reason == reason => Ok(()),
        Some(Down {
            reason: ExitReason::NoProc,
            ..
        }) => Err(StopError::NoProc),
        Some(down) => Err(StopError::Other(down.reason)),
        None => {
            demonitor_flush(watch);
            Err(StopError::Timeout(timeout.unwrap_or(Duration::MAX)))
        }
    }
}

/// Whether an exit that a behaviour has trapped is the order to end: its parent's, or that of the node, which is no
/// process and shuts down.
pub(crate) fn is_order(exit: &Exit, parent: Option<Pid>) -> bool {
    match exit.from {
        Some(_) => exit.from == parent,
        None => exit.reason == ExitReason::Shutdown,
    }
}

impl fmt::Display for StopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StopError::NoProc => Failure::NoProc.fmt(f),
            StopError::NodeDown(node) => Failure::NodeDown(node.clone()).fmt(f),
            StopError::Timeout(after) => write!(f, "the server has not ended in {after:?}"),
            StopError::CallingSelf => {
                f.write_str("a server cannot stop itself so: it returns Stop")
            }
            StopError::Other(reason) => write!(f, "the server has ended otherwise: {reason}"),
        }
    }
}

impl std::error::Error for StopError {}
