//! A run of a process that is at rest: from its wake-up until it rests again, or ends.
//!
//! Called by the scheduler's runner, on the runner's stack or on one of the process's own. If the
//! body blocks meanwhile, the stack becomes the process's, and `run` returns on it later, perhaps
//! on another thread; so nothing of the thread is kept over the body's call.

use std::panic::{self, AssertUnwindSafe};
use std::ptr;
use std::sync::atomic::Ordering;

use super::behaviour::{Behaviour, Cx, Next, Until};
use super::body::Body;
use super::exit::{self, End};
use super::exit_reason::ExitReason;
use super::slot::{ANYONE, Slot, bit};
use super::{table, wait, waker};
use crate::mailbox::queue;
use crate::message::AnyMessage;
use crate::node;
use crate::scheduler;
use crate::thread;

/// Runs the process until it rests or has ended; then it is no longer the caller's.
pub(crate) fn run(slot: &'static Slot) {
    loop {
        queue::drain(slot);
        if slot.has(bit::FATAL) {
            return end(slot, ExitReason::Killed);
        }
        exit::drop_stale(slot);
        let next = match panic::catch_unwind(AssertUnwindSafe(|| call(slot))) {
            Ok(next) => next,
            Err(payload) => match exit::end_of(slot, payload) {
                End::Exit(reason) => Next::Exit(reason),
                End::Enter(behaviour) => Next::Become(behaviour),
            },
        };
        let until = match next {
            Next::Wait(until) => until,
            Next::Hibernate(until) => {
                wait::shed(slot);
                slot.set(bit::HIBERNATED);
                until
            }
            Next::Again => {
                rest(slot);
                return scheduler::again(slot);
            }
            Next::Become(behaviour) => {
                become_behaviour(slot, behaviour);
                continue;
            }
            Next::Exit(reason) => return end(slot, reason),
        };
        if let Rested::Away = try_to_rest(slot, until) {
            return;
        }
    }
}

/// Calls the body once. Never inlined: no address of a thread-local may live across it.
#[inline(never)]
fn call(slot: &'static Slot) -> Next {
    let mut cause = wait::cause(slot);
    cause.start = !slot.has(bit::STARTED);
    slot.set(bit::STARTED);
    slot.clear(bit::HIBERNATED);
    let waker = waker::of(slot);
    let mut cx = Cx::new(slot, &waker, cause);
    // SAFETY: the running process is its own holder, and replaces its body only when it returned.
    unsafe { Body::run(slot.body.get(), &mut cx) }
}

enum Rested {
    /// The process waits, and is nobody's.
    Away,
    /// It has something to do.
    Awake,
}

fn try_to_rest(slot: &'static Slot, until: Until) -> Rested {
    // The callback may have taken in a fatal signal, which will not come again.
    let awake = slot.has(bit::FATAL) || queue::any_beyond_save(slot) || wait::is_woken(slot);
    if awake || !wait::begin(slot, until) {
        if scheduler::spent() {
            rest(slot);
            scheduler::again(slot);
            return Rested::Away;
        }
        return Rested::Awake;
    }
    rest(slot);
    if slot.inbox.wait() {
        Rested::Away
    } else {
        // Mail, or a wake-up. That a time-out was prepared does not matter.
        Rested::Awake
    }
}

/// From here on the process stands on no stack; the caller still holds it.
fn rest(slot: &Slot) {
    scheduler::account(thread::this(), slot);
    slot.context.set(ptr::null_mut());
    if !slot.has(bit::OWN_THREAD) {
        slot.set_holder(ANYONE);
    }
}

fn become_behaviour(slot: &Slot, behaviour: Box<dyn Behaviour + Send>) {
    // SAFETY: the running process is its own holder; its body has returned or was unwound. The
    // old one is taken out before its destructor runs.
    let old = unsafe { (*slot.body.get()).take() };
    exit::drop_quietly(old);
    // SAFETY: as above; there is none now.
    unsafe { *slot.body.get() = Body::behaviour(behaviour) };
    slot.clear(bit::STARTED);
}

/// Ends the process, in its own context: what it holds is dropped, its mailbox closed, its slot
/// given back.
fn end(slot: &'static Slot, reason: ExitReason) {
    slot.set(bit::STARTED | bit::ENDING);
    // SAFETY: the running process is its own holder.
    let body = unsafe { (*slot.body.get()).take() };
    let name = match &reason {
        ExitReason::Panic(_) => name(slot, &body),
        _ => String::new(),
    };
    exit::drop_quietly(body);
    drop_locals(slot);
    // Its destructors may have met a fatal signal.
    let reason = fatal_reason(slot).unwrap_or(reason);

    scheduler::report_exit(slot, &name, &reason);

    let chain = slot.inbox.close();
    // Destructors of messages may send; that they cannot receive is said by a panic, which ends
    // here.
    slot.set(bit::GUARD);
    for envelope in chain.into_oldest_first() {
        // SAFETY: a chain's envelopes belong to the holder who took it.
        exit::drop_quietly(unsafe { AnyMessage::from_raw(envelope) });
    }
    while let Some(message) = queue::pop_unseen(slot) {
        exit::drop_quietly(message);
    }
    drop_extra(slot);
    exit::drop_quietly(reason);
    wait::disarm(slot);

    scheduler::account(thread::this(), slot);
    scheduler::leave(slot);
}

/// What a process that the caller holds is called in reports: its label, or the name of its
/// function or behaviour.
pub(crate) fn name(slot: &Slot, body: &Body) -> String {
    let extra = slot.extra.get();
    // SAFETY: the caller is the holder.
    let label = unsafe { extra.as_ref() }.and_then(|extra| extra.label.clone());
    label
        .or_else(|| body.name().map(str::to_owned))
        .unwrap_or_else(|| node::name_of(slot))
}

/// Frees what is left of a slot whose inbox is closed, and lets the next process have it.
pub(crate) fn recycle(free: &table::List, slot: &'static Slot) {
    if slot.inbox.retire() {
        table::release(free, slot);
    }
}

fn fatal_reason(slot: &Slot) -> Option<ExitReason> {
    if !slot.has(bit::FATAL) {
        return None;
    }
    // SAFETY: the running process is its own holder.
    unsafe { (*slot.extra()).fatal.take() }
}

fn drop_locals(slot: &Slot) {
    loop {
        let extra = slot.extra.get();
        if extra.is_null() {
            return;
        }
        // SAFETY: the running process is its own holder; the value is out before it is dropped.
        match unsafe { (*extra).locals.pop() } {
            Some(local) => exit::drop_quietly(local),
            None => return,
        }
    }
}

fn drop_extra(slot: &Slot) {
    drop_locals(slot);
    loop {
        let extra = slot.extra.get();
        if extra.is_null() {
            return;
        }
        // SAFETY: as in `drop_locals`.
        let message = unsafe {
            let extra = &mut *extra;
            extra
                .ring
                .pop(&mut extra.save)
                .or_else(|| extra.stale.pop())
        };
        match message {
            Some(message) => exit::drop_quietly(message),
            None => break,
        }
    }
    let extra = slot.extra.replace(ptr::null_mut());
    if !extra.is_null() {
        // SAFETY: made by `Slot::extra`, and no longer reachable.
        exit::drop_quietly(unsafe { Box::from_raw(extra) });
    }
    slot.length.store(0, Ordering::Relaxed);
}
