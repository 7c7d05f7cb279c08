//! The way of an envelope to its process, and of a claimed process to a run queue.
//!
//! Called by everything that sends, and by whoever has claimed a process.
//!
//! Invariants:
//! * An envelope that is given up reaches the process of its generation, or is dropped here; its
//!   destructor's panic ends here.
//! * A claimed process is made runnable, or released; nobody else's code runs in between.
//! * A message to a limited mailbox is counted before it is pushed, for one generation
//!   (`Slot::length`), so it never takes the room of another's.

use std::ptr::NonNull;
use std::sync::atomic::Ordering;

use super::reductions::SEND;
use crate::mailbox::inbox::Pushed;
use crate::mailbox::queue;
use crate::message::{AnyMessage, Header, Kind};
use crate::node;
use crate::process::exit;
use crate::process::name;
use crate::process::pid::Pid;
use crate::process::slot::{Slot, bit, flag};
use crate::process::table;
use crate::report::report;
use crate::shown::Shown;
use crate::signal::{self, Signal, question};
use crate::thread::{self, Thread};

/// Sends an envelope. To the dead: it is dropped here.
pub(crate) fn deliver(to: Pid, message: AnyMessage) {
    deliver_on(thread::this(), to, message);
}

/// As [`deliver`], for a caller that has its thread's record at hand.
///
/// The short way, where the receiver waits; it calls nothing but at its end, so it saves no
/// registers.
#[inline(never)]
pub(crate) fn deliver_on(thread: &Thread, to: Pid, mut message: AnyMessage) {
    if let Some(sender) = thread.process()
        && !signal::has_effect(sender)
    {
        // What a process does after its fatal exit has no effect.
        return lost(message);
    }
    let slot = table::slot_of(to);
    slot.fetch();
    if !slot
        .inbox
        .is_plain(to.generation(), flag::LIMITED | flag::ZOMBIE)
        || message.header().kind != Kind::Message
    {
        dispatch(thread, to, message);
        return;
    }
    thread.spend(SEND);
    message.header_mut().generation = to.generation();
    let envelope = message.into_raw();
    if !slot.inbox.claim() {
        return queue_up(thread, slot, envelope, to);
    }
    if !slot
        .inbox
        .is_plain(to.generation(), flag::LIMITED | flag::ZOMBIE)
    {
        return claimed(slot, envelope, to.generation());
    }
    // SAFETY: we hold the process and the envelope.
    unsafe { queue::append(slot, envelope) };
    match queue::count(slot, 1) {
        None => ready_on(thread, slot),
        Some(length) => ready_grown(thread, slot, to, length),
    }
}

/// Makes a claimed process runnable whose mailbox has become long.
#[cold]
#[inline(never)]
fn ready_grown(thread: &Thread, slot: &'static Slot, to: Pid, length: usize) {
    ready_on(thread, slot);
    queue::report_growth(to, length);
}

/// Whether the process was spawned with a limit to its mailbox. False of the dead.
pub(crate) fn is_limited(pid: Pid) -> bool {
    let flags = table::slot_of(pid).inbox.flags_of(pid.generation());
    flags.is_some_and(|flags| flags & flag::LIMITED != 0)
}

/// Sends a signal, a request, or an answer, whatever has become of the sender. True if it was left for the receiver,
/// which runs, to apply.
pub(crate) fn deliver_signal(to: Pid, signal: AnyMessage) -> bool {
    dispatch(thread::this(), to, signal)
}

/// Sends a message, in nobody's name, unless that would run user code: if nobody is there to take
/// it, or its mailbox is full, it is given back.
pub(crate) fn offer(to: Pid, mut message: AnyMessage) -> Result<(), AnyMessage> {
    let slot = table::slot_of(to);
    let generation = to.generation();
    if queue::limited(slot) && !slot.count_sent(generation, slot.inbox.flags() >> flag::LIMIT_SHIFT)
    {
        return Err(message);
    }
    message.header_mut().generation = generation;
    let envelope = message.into_raw();
    // SAFETY: the envelope was just given up to us.
    match unsafe { slot.inbox.push(envelope, generation, &thread::this().trail) } {
        Pushed::Queued(count) => {
            queue::note_growth(to, count);
            Ok(())
        }
        pushed => taken_or_back(slot, envelope, generation, pushed),
    }
}

/// Gives an envelope to the process of this generation, which counts as gone, for its holder to see
/// to. If it has come to its end, the envelope is given back.
pub(crate) fn leave_to(
    slot: &'static Slot,
    generation: u32,
    message: AnyMessage,
) -> Result<(), AnyMessage> {
    let envelope = message.into_raw();
    // SAFETY: the envelope was just given up to us.
    match unsafe { slot.inbox.push_on_top(envelope, &thread::this().trail) } {
        Pushed::Queued(_) => Ok(()),
        pushed => taken_or_back(slot, envelope, generation, pushed),
    }
}

/// An envelope was not queued: who has claimed its process makes that run for it, else it is given back.
fn taken_or_back(
    slot: &'static Slot,
    envelope: NonNull<Header>,
    generation: u32,
    pushed: Pushed,
) -> Result<(), AnyMessage> {
    if let Pushed::Claimed = pushed {
        if slot.inbox.generation() == generation {
            claimed(slot, envelope, generation);
            return Ok(());
        }
        // The next process of the slot.
        release(slot);
    }
    // SAFETY: the envelope is ours.
    Err(unsafe { AnyMessage::from_raw(envelope) })
}

/// True if the envelope was left for the receiver.
#[inline(never)]
fn dispatch(thread: &Thread, to: Pid, mut message: AnyMessage) -> bool {
    let slot = table::slot_of(to);
    thread.spend(SEND);
    message.header_mut().generation = to.generation();
    if queue::limited(slot) {
        match within_limit(slot, to, message) {
            Some(within) => message = within,
            None => return false,
        }
    }
    let envelope = message.into_raw();
    // SAFETY: the envelope was just given up to us.
    let pushed = unsafe { slot.inbox.push(envelope, to.generation(), &thread.trail) };
    settle(thread, slot, envelope, to, pushed)
}

/// The receiver does not wait.
#[inline(never)]
fn queue_up(thread: &Thread, slot: &'static Slot, envelope: NonNull<Header>, to: Pid) {
    // SAFETY: the envelope was given up to us.
    let pushed = unsafe { slot.inbox.push_on_top(envelope, &thread.trail) };
    let _ = settle(thread, slot, envelope, to, pushed);
}

/// What follows a push. True if the envelope was left for the receiver.
#[inline(always)]
fn settle(
    thread: &Thread,
    slot: &'static Slot,
    envelope: NonNull<Header>,
    to: Pid,
    pushed: Pushed,
) -> bool {
    match pushed {
        Pushed::Queued(count) => {
            thread.spend(toll(count));
            queue::note_growth(to, count);
            return true;
        }
        Pushed::Claimed => claimed(slot, envelope, to.generation()),
        // SAFETY: it came back.
        Pushed::Dead => to_the_dead(to, unsafe { AnyMessage::from_raw(envelope) }),
    }
    false
}

/// What a send to a mailbox that is not being emptied costs beyond the usual: its senders' turns
/// become shorter, so that the receiver gets more of them.
#[inline]
fn toll(before: usize) -> i32 {
    SEND * (before / 64).min(64) as i32
}

/// The process waited, and is ours with an envelope that needs a closer look.
#[cold]
#[inline(never)]
fn claimed(slot: &'static Slot, envelope: NonNull<Header>, generation: u32) {
    if slot.inbox.generation() != generation {
        // The next process of the slot.
        release(slot);
        let to = table::pid_of(slot, generation);
        // SAFETY: the envelope is ours.
        return to_the_dead(to, unsafe { AnyMessage::from_raw(envelope) });
    }
    // SAFETY: we hold the process and the envelope.
    let runs = unsafe { queue::accept_claimed(slot, envelope) };
    if runs || slot.has(bit::FATAL) || question::wakes(slot) {
        ready(slot);
    } else {
        release(slot);
    }
}

#[cold]
fn to_the_dead(to: Pid, message: AnyMessage) {
    queue::undelivered(to, &message);
    lost(message);
}

/// Drops a message that reaches nobody. A send does not fail, whatever the destructor does. Cold, which
/// [`exit::drop_quietly`] is not.
#[cold]
fn lost(message: AnyMessage) {
    exit::drop_quietly(message);
}

/// Makes a claimed process runnable.
pub(crate) fn ready(slot: &'static Slot) {
    ready_on(thread::this(), slot);
}

#[inline(always)]
fn ready_on(thread: &Thread, slot: &'static Slot) {
    match thread.worker() {
        Some(worker) if worker.node_id() == slot.node.load(Ordering::Relaxed) => worker.ready(slot),
        _ => node::inject(slot),
    }
}

/// Lets a claimed process wait on, unless something came meanwhile.
pub(crate) fn release(slot: &'static Slot) {
    if !slot.inbox.wait() {
        ready(slot);
    }
}

/// Counts a message to a limited mailbox. None: the limit is reached, and the message is not to
/// be sent.
#[cold]
fn within_limit(slot: &'static Slot, to: Pid, message: AnyMessage) -> Option<AnyMessage> {
    if !message.header().kind.is_at_its_end() || slot.inbox.generation() != to.generation() {
        return Some(message);
    }
    let flags = slot.inbox.flags();
    let limit = flags >> flag::LIMIT_SHIFT;
    let reports = flags & flag::LIMIT_REPORTS != 0;
    if slot.count_sent(to.generation(), limit) {
        return Some(message);
    }
    // True for the first who asks.
    let is_first = || {
        let before = slot.inbox.set(flag::REPORTED, to.generation());
        before.is_some_and(|before| before & flag::REPORTED == 0)
    };
    if reports {
        // Taken nevertheless, and counted: no mailbox holds as many as the second limit.
        let _ = slot.count_sent(to.generation(), u32::MAX);
        if is_first() {
            report(|| {
                tracing::warn!(
                    target: "runtime::mailbox",
                    pid = %to,
                    name = name::asked(slot, to.generation()),
                    place = slot.place().map(tracing::field::display),
                    limit,
                    newest = message.type_name(),
                    shown = Shown::message(&message).to_string().as_str(),
                    "mailbox is over its limit"
                )
            });
        }
        return Some(message);
    }
    if flags & flag::LIMIT_EXITS != 0 && is_first() {
        signal::send(to, Signal::Full { limit });
    }
    lost(message);
    None
}
