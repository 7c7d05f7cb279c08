//! Zombies: processes that have been ended in their absence.
//!
//! A process acts on a fatal exit at its next switch point. One that runs on without reaching any
//! (native code, an endless loop) is given a time of grace; then the watchdog ends it, as far as
//! others can tell: nothing is sent to it any more, its name is free, its links and monitors are
//! told. Its stack, its slot and what it holds stay until it comes back, which it may do at any
//! moment; it finds its exit at the next switch point, and nothing that it does meanwhile has an
//! effect. A send or a link that was under way when it was marked may still arrive.
//!
//! **Who is doomed.** Only what is certain counts, for an exit signal may yet be trapped and a link
//! yet be taken back: under the slot's lock, under which alone a process changes what it traps and
//! its links, one of
//! * a fatal signal was taken in (`Extra::fatal`),
//! * a kill is on its way (`flag::KILLED`),
//! * it traps no exits, and a link of its is broken ([`Links::broken`](crate::signal::links)),
//! * it traps no exits, and an exit signal is in its inbox. The owner may come for that in the same
//!   moment; who gets it out has decided.
//!
//! **Who tells.** Under the same lock the watchdog sets `flag::ZOMBIE` and takes the relations out,
//! to tell them. What is in the inbox by then is taken out too: signals are applied or answered
//! here. Whoever pushes one later looks for the flag afterwards (`signal::send`); what the owner
//! had in its hands it enters when it comes back, and tells at its end. What remains (messages,
//! values of a user's own) goes back to the inbox, with the reason ([`Signal::Gone`]); or, if the
//! process has come to its end meanwhile, to a thread of the pool: no destructor runs here.
//!
//! The watchdog calls [`is_doomed`] and [`declare`]; everybody asks [`is_one`].

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::exit;
use super::exit_reason::ExitReason;
use super::pid::Pid;
use super::slot::{Slot, bit, flag};
use super::table;
use crate::blocking;
use crate::error::MailboxFull;
use crate::mailbox::chain::Chain;
use crate::mailbox::queue;
use crate::message::{AnyMessage, Opaque};
use crate::node::Instance;
use crate::process::extra::Extra;
use crate::report::{report, report_aside};
use crate::scheduler;
use crate::signal::links::Link;
use crate::signal::question::Answer;
use crate::signal::relations::Relations;
use crate::signal::{self, Signal};

/// How many zombies the program has, and attempts to make one. Counted before anything is looked at,
/// so that who finds none need not look for the flag ([`is_one`]), nor for an attempt under way
/// ([`may_be_one`]).
static ZOMBIES: AtomicU32 = AtomicU32::new(0);

/// Whether there are any.
#[inline]
pub(crate) fn any() -> bool {
    ZOMBIES.load(Ordering::Relaxed) != 0
}

/// Whether the process, which is the caller's, is a zombie.
#[inline]
pub(crate) fn is_one(slot: &Slot) -> bool {
    any() && slot.inbox.flags() & flag::ZOMBIE != 0
}

/// Whether the running process, which has closed its inbox, has to look under its lock. Whoever
/// counts later finds the inbox closed: both are sequentially consistent.
#[inline]
pub(crate) fn may_be_one() -> bool {
    ZOMBIES.load(Ordering::SeqCst) != 0
}

/// Whether the process of this pid is a zombie, or was one.
pub(crate) fn is_gone(pid: Pid) -> bool {
    any() && !table::slot_of(pid).inbox.takes(pid.generation())
}

/// What a zombie is told when it comes back.
pub(crate) struct Gone {
    reason: ExitReason,
    left: Left,
}

/// What is the zombie's to drop.
#[derive(Default)]
struct Left {
    relations: Relations,
    signals: Vec<Signal>,
    links: Vec<Link>,
}

impl fmt::Debug for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gone")
    }
}

/// A zombie has come back.
pub(crate) fn apply(slot: &Slot, gone: Gone) {
    let Gone { reason, left } = gone;
    exit::end_with(slot, reason);
    exit::drop_later(slot, AnyMessage::new(Opaque(left)));
}

/// Why a process will end for certain.
#[derive(Clone, Copy)]
enum Doom {
    Taken,
    Killed,
    Broken,
    Queued,
}

/// Under the slot's lock.
fn doom(slot: &Slot, of: u32) -> Option<Doom> {
    // In this order: if the process has ended, one of the two says so.
    if slot.inbox.is_closed() {
        return None;
    }
    let flags = slot.inbox.flags_of(of)?;
    if flags & flag::ZOMBIE != 0 {
        return None;
    }
    let extra = slot.extra.get();
    // SAFETY: the process has not freed it, as its inbox is open; both are reached under the lock.
    let (taken, broken) = unsafe {
        if extra.is_null() {
            (false, false)
        } else {
            let broken = (&*Extra::relations(extra)).links.broken().is_some();
            ((&*Extra::fatal(extra)).is_some(), broken)
        }
    };
    if taken {
        Some(Doom::Taken)
    } else if flags & flag::KILLED != 0 {
        Some(Doom::Killed)
    } else if flags & flag::TRAPS != 0 {
        None
    } else if broken {
        Some(Doom::Broken)
    } else {
        slot.inbox.has_exit().then_some(Doom::Queued)
    }
}

/// Whether the process of the generation `of` will end for certain, of a signal that has come.
pub(crate) fn is_doomed(slot: &Slot, of: u32) -> bool {
    let _locked = slot.lock.lock();
    doom(slot, of).is_some()
}

/// Ends the process in its absence, unless it has come back.
pub(crate) fn declare(node: &Arc<Instance>, slot: &'static Slot, of: u32) {
    ZOMBIES.fetch_add(1, Ordering::SeqCst);
    if try_declare(node, slot, of).is_none() {
        ZOMBIES.fetch_sub(1, Ordering::Relaxed);
    }
}

fn try_declare(node: &Arc<Instance>, slot: &'static Slot, of: u32) -> Option<()> {
    let me = table::pid_of(slot, of);
    let mut left = Left::default();
    let mut told = None;
    let (chains, flags) = {
        let _locked = slot.lock.lock();
        let fatal = match doom(slot, of)? {
            Doom::Queued => Some(slot.inbox.seize(true)?),
            Doom::Taken | Doom::Killed | Doom::Broken => None,
        };
        node.zombies.fetch_add(1, Ordering::Relaxed);
        let Some(flags) = slot.inbox.set(flag::ZOMBIE, of) else {
            unreachable!("a process that is not closed under the lock has not ended")
        };
        let extra = slot.extra.get();
        if !extra.is_null() {
            // SAFETY: as in `doom`.
            unsafe {
                left.relations = std::mem::take(&mut *Extra::relations(extra));
                told = (&*Extra::fatal(extra)).as_deref().cloned();
            }
        }
        ([fatal, slot.inbox.seize(false)], flags)
    };
    let broken = left.relations.links.broken().cloned();
    let traps = flags & flag::TRAPS != 0;
    let mut messages = Vec::new();
    for chain in chains.into_iter().flatten() {
        take_over(slot, me, chain, &mut left, &mut messages, |signal| {
            if told.is_none() {
                told = ends(signal, traps);
            }
        });
    }
    let reason = told.or(broken).unwrap_or(ExitReason::Killed);

    let links: Vec<_> = left.relations.links.active().collect();
    let watchers: Vec<_> = left.relations.watchers().collect();
    let watched: Vec<_> = left.relations.watched().collect();
    let place = slot.place();
    let told = reason.clone();
    // First, so that it finds its exit from the moment when anybody is told.
    let mut gone = AnyMessage::signal(Signal::Gone(Box::new(Gone { reason, left })));
    gone.header_mut().generation = of;
    messages.push(gone);
    let leave = |message| scheduler::leave_to(slot, of, message).err();
    let back: Vec<_> = messages.into_iter().filter_map(leave).collect();

    if flags & flag::NAMED != 0 {
        node.names().release(me);
    }
    signal::tell(me, links, watchers, watched, &told, || ());
    if !back.is_empty() || exit::may_be_of_the_user(&told) {
        blocking::run_errand(node, move || {
            exit::drop_quietly(told);
            back.into_iter().for_each(exit::drop_quietly);
        });
    }
    let id = node.id();
    report_aside(move || {
        tracing::warn!(
            target: "runtime::process",
            node = id,
            pid = %me,
            place = place.map(tracing::field::display),
            "zombie: a process was ended that has reached no switch point since its fatal exit"
        )
    });
    Some(())
}

/// Applies the signals of a zombie's inbox, or answers them; `each` that may end it is shown.
fn take_over(
    slot: &'static Slot,
    me: Pid,
    chain: Chain,
    left: &mut Left,
    messages: &mut Vec<AnyMessage>,
    mut each: impl FnMut(&Signal),
) {
    for envelope in chain.reverse(|_| true).oldest {
        // SAFETY: the chain was taken whole, so its envelopes are ours.
        let message = unsafe { AnyMessage::from_raw(envelope) };
        let meant_for = message.header().generation;
        if meant_for != me.generation() {
            queue::undelivered(table::pid_of(slot, meant_for), &message);
            messages.push(message);
            continue;
        }
        if let Some(watcher) = queue::watcher_of(&message) {
            left.relations.monitored_by.insert(watcher, ());
        }
        if !message.header().kind.is_signal() {
            messages.push(message);
            continue;
        }
        let Ok(signal) = message.downcast::<Signal>() else {
            continue;
        };
        let relations = &mut left.relations;
        match signal {
            Signal::Link { from } => {
                if !relations.links.accept(from) {
                    let reason = ExitReason::NoProc;
                    signal::send(from, Signal::LinkExit { from: me, reason });
                }
            }
            Signal::Unlink { from, id } => {
                left.links.extend(relations.links.remove(from));
                signal::send(from, Signal::Unlinked { from: me, id });
            }
            Signal::LinkExit { from, .. } => {
                let link = relations.links.forget(from);
                if link.as_ref().is_some_and(Link::is_active) {
                    each(&signal);
                }
                left.links.extend(link);
                left.signals.push(signal);
            }
            Signal::Monitor(watcher) => _ = relations.monitored_by.insert(watcher, ()),
            Signal::Demonitor(watcher) => _ = relations.monitored_by.remove(&watcher),
            // In its end a process keeps its marks.
            Signal::Unlinked { .. } => {}
            Signal::Exit { .. } | Signal::Full { .. } => {
                each(&signal);
                left.signals.push(signal);
            }
            Signal::Question(question) => question.answer(Answer::Dead),
            Signal::AliasExit { .. }
            | Signal::Answer { .. }
            | Signal::Down { .. }
            | Signal::Gone(_) => left.signals.push(signal),
        }
    }
}

/// The reason with which the signal ends the process, if it does.
fn ends(signal: &Signal, traps: bool) -> Option<ExitReason> {
    match signal {
        Signal::Exit { reason, .. } if *reason == ExitReason::Kill => Some(ExitReason::Killed),
        Signal::Exit { reason, .. } | Signal::LinkExit { reason, .. } => {
            (!traps && !reason.is_normal()).then(|| reason.clone())
        }
        Signal::Full { limit } => Some(ExitReason::other(MailboxFull { limit: *limit })),
        _ => None,
    }
}

/// The process, a zombie, has come to its end.
pub(crate) fn bury(slot: &Slot) {
    debug_assert!(slot.has(bit::ENDING), "only at its end");
    let node = scheduler::worker().node();
    node.zombies.fetch_sub(1, Ordering::Relaxed);
    ZOMBIES.fetch_sub(1, Ordering::Relaxed);
    report(|| {
        tracing::info!(
            target: "runtime::process",
            node = node.id(),
            pid = %slot.pid(),
            place = slot.place().map(tracing::field::display),
            "a zombie has come to its end"
        )
    });
}
