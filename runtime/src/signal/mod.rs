//! Signals: what travels between processes beside messages, in the same order.
//!
//! A signal is an envelope of [`Kind::Signal`](crate::message::Kind). Whoever takes it from the
//! inbox of its receiver (the process itself, or a sender that has claimed it while it waits)
//! applies it there, to what belongs to the holder of the process; no user code runs meanwhile.
//! A signal that finds its receiver dead is answered where it falls, if it wants an answer; one
//! that finds it gone but running may be answered twice, and does nothing the second time.
//!
//! ```text
//!   link, unlink, acknowledgement   link.rs      both ends keep the link; see there
//!   monitor, demonitor, down        monitor.rs   kept by the watcher and by the watched
//!   exit                            process/exit.rs
//!   question, answer                question.rs  one process looks at another
//! ```
//!
//! A request, an envelope of [`Kind::Request`](crate::message::Kind), is a monitor and a message in one, and takes
//! effect in this order.
//!
//! Invariants:
//! * signals and messages from one process to another stand in one queue, so they take effect in
//!   the order in which they were sent;
//! * an answer begets no answer, so applying a signal sends at most one other, and ends.

pub(crate) mod alias;
pub(crate) mod link;
pub(crate) mod links;
pub(crate) mod monitor;
pub(crate) mod monitored;
pub(crate) mod question;
pub(crate) mod relations;
pub(crate) mod table;

use crate::message::{AnyMessage, Kind};
use crate::process::exit;
use crate::process::exit_reason::ExitReason;
use crate::process::pid::Pid;
use crate::process::slot::{Slot, bit};
use crate::process::zombie::{self, Gone};
use crate::scheduler;
use question::{Answer, Question};
use relations::Watcher;

/// A signal to a process.
#[derive(Debug)]
pub(crate) enum Signal {
    /// The order to exit: Erlang's `exit/2`.
    Exit {
        from: Option<Pid>,
        reason: ExitReason,
    },
    /// As `Exit`, over an alias with priority.
    AliasExit {
        from: Option<Pid>,
        alias: u64,
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
    Monitor(Watcher),
    Demonitor(Watcher),
    /// What the monitor of this number watched has ended.
    Down {
        monitor: u64,
        reason: ExitReason,
    },
    Question(Question),
    /// To the question of this number.
    Answer {
        number: u64,
        answer: Answer,
    },
    /// The process was ended in its absence.
    Gone(Box<Gone>),
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
    is_queued(to, signal);
}

/// Sends a signal. True if it was left for the receiver, which runs, to apply.
fn is_queued(to: Pid, signal: Signal) -> bool {
    let question = signal.question();
    let ends = signal.ends();
    let mut signal = AnyMessage::signal(signal);
    if ends {
        signal.header_mut().kind = Kind::Exit;
    }
    let queued = scheduler::deliver_signal(to, signal);
    if queued
        && let Some(question) = question
        && zombie::is_gone(to)
    {
        // It may have come too late for whoever ended the receiver in its absence.
        answer_for_the_dead(to, &question);
    }
    queued
}

/// Sends a request, which enters its monitor with the receiver and then is a message to it.
fn request(to: Pid, watcher: Watcher, request: AnyMessage) {
    if scheduler::deliver_signal(to, request) && zombie::is_gone(to) {
        // See `is_queued`.
        answer_for_the_dead(to, &Signal::Monitor(watcher));
    }
}

impl Signal {
    /// A copy of a signal that wants an answer.
    fn question(&self) -> Option<Signal> {
        match *self {
            Signal::Link { from } => Some(Signal::Link { from }),
            Signal::Unlink { from, id } => Some(Signal::Unlink { from, id }),
            Signal::Monitor(watcher) => Some(Signal::Monitor(watcher)),
            Signal::Question(question) => Some(Signal::Question(question)),
            _ => None,
        }
    }

    /// Whether it ends a receiver that does not trap exits, whatever else is so.
    fn ends(&self) -> bool {
        match self {
            Signal::Exit { reason, .. } => !reason.is_normal(),
            Signal::Full { .. } => true,
            _ => false,
        }
    }
}

/// Applies a signal to the process that the caller holds. Returns the message that it becomes, if
/// any.
pub(crate) fn apply(slot: &Slot, signal: Signal) -> Option<AnyMessage> {
    match signal {
        Signal::Exit { from, reason } => exit::apply(slot, from, reason),
        Signal::AliasExit {
            from,
            alias,
            reason,
        } => alias::exited(slot, alias, from, reason),
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
        Signal::Monitor(watcher) => {
            monitor::accept(slot, watcher);
            None
        }
        Signal::Demonitor(watcher) => {
            monitor::remove(slot, watcher);
            None
        }
        Signal::Down { monitor, reason } => monitor::fired(slot, monitor, reason),
        Signal::Question(question) => {
            question::consider(slot, question);
            None
        }
        Signal::Answer { number, answer } => {
            question::note(slot, number, answer);
            None
        }
        Signal::Gone(gone) => {
            zombie::apply(slot, *gone);
            None
        }
    }
}

/// A signal reached nobody: `to` is dead. Who wants an answer gets it.
pub(crate) fn answer_for_the_dead(to: Pid, signal: &Signal) {
    match *signal {
        Signal::Link { from } => send(
            from,
            Signal::LinkExit {
                from: to,
                reason: ExitReason::NoProc,
            },
        ),
        Signal::Unlink { from, id } => send(from, Signal::Unlinked { from: to, id }),
        Signal::Monitor(watcher) => monitor::tell(watcher, ExitReason::NoProc),
        Signal::Question(question) => question.answer(Answer::Dead),
        Signal::Exit { .. }
        | Signal::AliasExit { .. }
        | Signal::Answer { .. }
        | Signal::Full { .. }
        | Signal::Unlinked { .. }
        | Signal::LinkExit { .. }
        | Signal::Demonitor(_)
        | Signal::Down { .. }
        | Signal::Gone(_) => {}
    }
}

/// The process ends, its inbox is closed: whoever is linked to it or monitors it is told, whomever
/// it monitored forgets it. Takes time in proportion to their number, in turns.
pub(crate) fn tell_all(slot: &Slot, reason: &ExitReason) {
    let Some(relations) = relations::take(slot) else {
        return;
    };
    let (links, watchers) = (relations.links.active(), relations.watchers());
    let watched = relations.watched();
    tell(slot.pid(), links, watchers, watched, reason, || {
        if scheduler::spent() {
            scheduler::suspend(crate::context::Suspend::Yield);
        }
    });
    exit::drop_quietly(relations);
}

/// As [`tell_all`], of a process whose relations the caller has taken: `links`, who monitors it, and
/// whom it monitors.
pub(crate) fn tell(
    me: Pid,
    links: impl IntoIterator<Item = Pid>,
    watchers: impl IntoIterator<Item = Watcher>,
    watched: impl IntoIterator<Item = (u64, Pid)>,
    reason: &ExitReason,
    turn: impl Fn(),
) {
    for to in links {
        link::tell(me, to, reason);
        turn();
    }
    for watcher in watchers {
        monitor::tell(watcher, reason.clone());
        turn();
    }
    for (number, target) in watched {
        send(target, Signal::Demonitor(Watcher::new(me, number)));
        turn();
    }
}

/// Whether the calling process may still cause anything: not after its fatal exit.
#[inline]
pub(crate) fn has_effect(slot: &Slot) -> bool {
    !slot.has(bit::FATAL) && !zombie::is_one(slot)
}

/// Whether the calling process may still link and monitor: not in a destructor that runs when its
/// inbox is closed either, for then its end is being told.
fn may_relate(slot: &Slot) -> bool {
    has_effect(slot) && !slot.inbox.is_closed()
}
