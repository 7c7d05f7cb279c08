//! Why a call has failed. Made by `call`; read by clients, and by whoever is told of one that a client ends with.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::server::{NodeName, ServerRef};
use super::snapshot::Snapshot;
use crate::process::exit_reason::ExitReason;

/// Why a call has no answer. As an exit reason it is Erlang's `{Reason, {Module, call, Args}}`.
///
/// Two are equal if server and failure are: what was seen of the server (see [`CallError::snapshot`]) does not
/// count.
#[derive(Clone)]
#[non_exhaustive]
pub struct CallError {
    /// Who was called.
    pub server: ServerRef,
    /// What went wrong.
    pub failure: Failure,
    snapshot: Option<Arc<Snapshot>>,
}

/// What goes wrong with a call.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Failure {
    /// There is no such process, or nobody has the name: `noproc`.
    NoProc,
    /// There is no connection to the server's node: `{nodedown, Node}`.
    NodeDown(NodeName),
    /// No answer has come in time: `timeout`. None comes later.
    Timeout(Duration),
    /// The server is the caller: `calling_self`.
    CallingSelf,
    /// The server has ended without answering.
    Ended(ExitReason),
    /// The answer is of another type than the call asked for: the request was another server's.
    WrongAnswer {
        /// The type of the answer.
        answer: &'static str,
    },
}

impl CallError {
    pub(super) fn new(server: &ServerRef, failure: Failure) -> CallError {
        CallError {
            server: server.clone(),
            failure,
            snapshot: None,
        }
    }

    pub(super) fn timeout(
        server: &ServerRef,
        time: Duration,
        snapshot: Option<Snapshot>,
    ) -> CallError {
        CallError {
            snapshot: snapshot.map(Arc::new),
            ..CallError::new(server, Failure::Timeout(time))
        }
    }

    /// What the server was doing when the call timed out, and whom it was itself waiting for. None of other
    /// failures.
    pub fn snapshot(&self) -> Option<&Snapshot> {
        self.snapshot.as_deref()
    }

    /// The reason without the call: Erlang's `Reason` of `{Reason, {Module, call, Args}}`.
    pub fn reason(&self) -> ExitReason {
        match &self.failure {
            Failure::NoProc => ExitReason::NoProc,
            Failure::Ended(reason) => reason.clone(),
            failure => ExitReason::other(failure.clone()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::NoProc => f.write_str("there is no such process"),
            Failure::NodeDown(node) => write!(f, "there is no connection to the node {node}"),
            Failure::Timeout(after) => write!(f, "no answer in {after:?}"),
            Failure::CallingSelf => f.write_str("a process cannot call itself"),
            Failure::Ended(reason) => write!(f, "the server has ended: {reason}"),
            Failure::WrongAnswer { answer } => {
                write!(
                    f,
                    "the answer is a {answer}: the request is another server's"
                )
            }
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call to {}: {}", self.server, self.failure)?;
        match &self.snapshot {
            Some(snapshot) => write!(f, "; {snapshot}"),
            None => Ok(()),
        }
    }
}

/// With the flag `-`, only what counts when two are compared.
impl fmt::Debug for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let compared = f.sign_minus();
        let mut parts = f.debug_struct("CallError");
        parts
            .field("server", &self.server)
            .field("failure", &self.failure);
        if let Some(snapshot) = &self.snapshot
            && !compared
        {
            parts.field("snapshot", &format_args!("{snapshot}"));
        }
        parts.finish()
    }
}

impl PartialEq for CallError {
    fn eq(&self, other: &CallError) -> bool {
        self.server == other.server && self.failure == other.failure
    }
}

impl std::error::Error for CallError {}
