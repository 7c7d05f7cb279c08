//! Signals: what travels between processes beside messages, in the same order.
//!
//! A signal is an envelope of [`Kind::Signal`](crate::message::Kind); whoever takes it from the
//! inbox of its receiver applies it there, so the receiver's private state needs no lock.

use crate::process::exit_reason::ExitReason;
use crate::process::pid::Pid;

/// A signal to a process.
#[derive(Debug)]
pub(crate) enum Signal {
    /// The order to exit: Erlang's `exit/2`.
    Exit {
        from: Option<Pid>,
        reason: ExitReason,
    },
    /// The mailbox is full, and the process was spawned to end then; cannot be trapped.
    Full { limit: u32 },
}

/// The message that an exit signal becomes in a process that traps exits: Erlang's
/// `{'EXIT', Pid, Reason}`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Exit {
    /// Who sent the signal; `None` if the node itself did, when it shuts down.
    pub from: Option<Pid>,
    /// Why.
    pub reason: ExitReason,
}
