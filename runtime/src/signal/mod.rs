//! Signals: what travels between processes beside messages, in the same order.
//!
//! A signal is an envelope of [`Kind::Signal`](crate::message::Kind). Whoever takes it from the
//! inbox of its receiver (the process itself, or a sender that has claimed it while it waits)
//! applies it there, to what belongs to the holder of the process; no user code runs meanwhile.
//! A signal that finds its receiver dead is answered where it falls, if it wants an answer.
//!
//! ```text
//!   link, unlink, acknowledgement   link.rs      both ends keep the link; see there
//!   monitor, demonitor, down        monitor.rs   kept by the watcher and by the watched
//!   exit                            process/exit.rs
//! ```
//!
//! Invariants:
//! * signals and messages from one process to another stand in one queue, so they take effect in
//!   the order in which they were sent;
//! * an answer begets no answer, so applying a signal sends at most one other, and ends.

pub(crate) mod alias;
pub(crate) mod link;
pub(crate) mod monitor;
pub(crate) mod relations;
pub(crate) mod table;

use crate::message::AnyMessage;
use crate::process::exit;
use crate::process::exit_reason::ExitReason;
use crate::process::pid::Pid;
use crate::process::slot::{Slot, bit};
use crate::scheduler;
use relations::Watch;

/// A signal to a process.
#[derive(Debug)]
pub(crate) enum Signal {
    /// The order to exit: Erlang's `exit/2`.
    Exit {
        from: Option<Pid>,
        reason: ExitReason,
    },
    /// The mailbox is full, and the process was spawned to end then; cannot be trapped.
    Full {
        limit: u32,
    },
    Link {
        from: Pid,
    },
    Unlink {
        from: Pid,
        id: u64,
    },
    Unlinked {
        from: Pid,
        id: u64,
    },
    /// The other end of a link has ended.
    LinkExit {
        from: Pid,
        reason: ExitReason,
    },
    Monitor(Watch),
    Demonitor(Watch),
    /// What the monitor of this number watched has ended.
    Down {
        monitor: u64,
        reason: ExitReason,
    },
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

/// Sends a signal, whatever becomes of the sender.
pub(crate) fn send(to: Pid, signal: Signal) {
    scheduler::deliver_signal(to, AnyMessage::signal(signal));
}

/// Applies a signal to the process that the caller holds. Returns the message that it becomes, if
/// any.
pub(crate) fn apply(slot: &Slot, signal: Signal) -> Option<AnyMessage> {
    match signal {
        Signal::Exit { from, reason } => exit::apply(slot, from, reason),
        Signal::Full { limit } => {
            exit::apply_full(slot, limit);
            None
        }
        Signal::Link { from } => {
            link::accept(slot, from);
            None
        }
        Signal::Unlink { from, id } => {
            link::remove(slot, from, id);
            None
        }
        Signal::Unlinked { from, id } => {
            link::acknowledged(slot, from, id);
            None
        }
        Signal::LinkExit { from, reason } => link::broken(slot, from, reason),
        Signal::Monitor(watch) => {
            monitor::accept(slot, watch);
            None
        }
        Signal::Demonitor(watch) => {
            monitor::remove(slot, watch);
            None
        }
        Signal::Down { monitor, reason } => monitor::fired(slot, monitor, reason),
    }
}

/// A signal reached nobody: `to` is dead. Who wants an answer gets it. Returns the reason that the
/// signal carried, which may hold a user's value: the caller drops it where user code may run.
#[must_use]
pub(crate) fn answer_for_the_dead(to: Pid, signal: Signal) -> Option<ExitReason> {
    match signal {
        Signal::Link { from } => send(
            from,
            Signal::LinkExit {
                from: to,
                reason: ExitReason::NoProc,
            },
        ),
        Signal::Unlink { from, id } => send(from, Signal::Unlinked { from: to, id }),
        Signal::Monitor(watch) => monitor::tell(watch, ExitReason::NoProc),
        Signal::Exit { reason, .. }
        | Signal::LinkExit { reason, .. }
        | Signal::Down { reason, .. } => return Some(reason),
        Signal::Full { .. } | Signal::Unlinked { .. } | Signal::Demonitor(_) => {}
    }
    None
}

/// The process ends, its inbox is closed: whoever is linked to it or monitors it is told, whomever
/// it monitored forgets it. Takes time in proportion to their number, in turns.
pub(crate) fn tell_all(slot: &Slot, reason: &ExitReason) {
    let Some(mut relations) = relations::take(slot) else {
        return;
    };
    let me = slot.pid();
    let turn = || {
        if scheduler::spent() {
            scheduler::suspend(crate::context::Suspend::Yield);
        }
    };
    for (to, link) in relations.links.drain() {
        if link.is_active() {
            let reason = reason.clone();
            send(to, Signal::LinkExit { from: me, reason });
            turn();
        }
    }
    for (watch, ()) in relations.monitored_by.drain() {
        monitor::tell(watch, reason.clone());
        turn();
    }
    for (number, monitor) in relations.monitors.drain() {
        if let Some(target) = monitor.target() {
            let watch = Watch {
                watcher: me,
                number,
            };
            send(target, Signal::Demonitor(watch));
            turn();
        }
    }
}

/// Whether the calling process may still link and monitor: not after its fatal exit, nor in a
/// destructor that runs when its inbox is closed, and its end being told.
pub(crate) fn has_effect(slot: &Slot) -> bool {
    !slot.has(bit::FATAL) && !slot.inbox.is_closed()
}
