//! The way of an envelope to its process, and of a claimed process to a run queue.

use std::ptr::NonNull;
use std::sync::atomic::Ordering;

use super::calls::try_worker;
use crate::mailbox::inbox::Pushed;
use crate::mailbox::queue;
use crate::message::{AnyMessage, Kind};
use crate::node;
use crate::process::pid::Pid;
use crate::process::slot::{Slot, bit, flag};
use crate::process::table;
use crate::signal::Signal;
use crate::thread;

/// Sends an envelope. To the dead: it is dropped here.
#[inline]
pub(crate) fn deliver(to: Pid, mut message: AnyMessage) {
    let slot = table::slot_of(to);
    // SAFETY: the thread's own record.
    let thread = unsafe { thread::this().as_ref() };
    thread
        .reductions
        .set(thread.reductions.get().wrapping_sub(1));
    // SAFETY: slots live for ever; the running process's bits are its own.
    if let Some(sender) = unsafe { thread.process.get().as_ref() }
        && sender.has(bit::FATAL)
    {
        // What a process does after its fatal exit has no effect.
        return;
    }
    message.header_mut().generation = to.generation();
    let message = if slot.inbox.flags.load(Ordering::Relaxed) & flag::LIMITED != 0 {
        match within_limit(slot, to, message) {
            Some(message) => message,
            None => return,
        }
    } else {
        message
    };
    let envelope = message.into_raw();
    // SAFETY: the envelope was just given up to us.
    match unsafe { slot.inbox.push(envelope, to.generation()) } {
        Pushed::Queued => {}
        Pushed::Claimed => claimed(slot, envelope, to.generation()),
        // SAFETY: it came back.
        Pushed::Dead => drop(unsafe { AnyMessage::from_raw(envelope) }),
    }
}

/// The process waited, and is ours with the envelope.
#[inline]
fn claimed(slot: &'static Slot, envelope: NonNull<crate::message::Header>, generation: u32) {
    if slot.inbox.generation() != generation {
        // The next process of the slot.
        release(slot);
        // SAFETY: the envelope is ours.
        return drop(unsafe { AnyMessage::from_raw(envelope) });
    }
    // SAFETY: we hold the process and the envelope.
    let runs = unsafe {
        let runs = envelope.as_ref().kind == Kind::Message;
        queue::accept_claimed(slot, envelope);
        runs || queue::has_unseen(slot) || slot.has(bit::FATAL)
    };
    if runs {
        ready(slot);
    } else {
        release(slot);
    }
}

/// Makes a claimed process runnable.
#[inline]
pub(crate) fn ready(slot: &'static Slot) {
    match try_worker() {
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
    if message.header().kind == Kind::Signal || slot.inbox.generation() != to.generation() {
        return Some(message);
    }
    let limit = slot.limit.load(Ordering::Relaxed);
    let length = slot.length.fetch_add(1, Ordering::Relaxed);
    if length < limit {
        return Some(message);
    }
    let flags = slot.inbox.flags.load(Ordering::Relaxed);
    if flags & flag::LIMIT_REPORTS != 0 {
        if slot.inbox.flags.fetch_or(flag::REPORTED, Ordering::Relaxed) & flag::REPORTED == 0 {
            tracing::warn!(
                target: "runtime::mailbox",
                pid = %to,
                name = node::name_of(slot).as_str(),
                limit,
                newest = message.type_name(),
                "mailbox is over its limit"
            );
        }
        return Some(message);
    }
    slot.length.fetch_sub(1, Ordering::Relaxed);
    if flags & flag::LIMIT_EXITS != 0
        && slot.inbox.flags.fetch_or(flag::REPORTED, Ordering::Relaxed) & flag::REPORTED == 0
    {
        deliver(to, AnyMessage::signal(Signal::Full { limit }));
    }
    None
}
