//! A run of a process that is at rest: from its wake-up until it rests again, or ends.
//!
//! Called by the scheduler's runner, on the runner's stack or on one of the process's own. If the
//! body blocks meanwhile, the stack becomes the process's, and `run` returns on it later, perhaps
//! on another thread; so nothing of the thread is kept over the body's call.
//!
//! Invariants of the end ([`end`]):
//! * What the process held at rest and its locals are dropped before its inbox is closed, its messages after.
//! * Its name and its timers are gone before its links and monitors are told.

use std::panic::{self, AssertUnwindSafe};
use std::ptr;
use std::sync::atomic::Ordering;

use super::behaviour::{Behaviour, Cx, Next, Until};
use super::body::Body;
use super::exit::{self, End};
use super::exit_reason::ExitReason;
use super::extra::Owned;
use super::slot::{ANYONE, Slot, bit, flag};
use super::{local, name, table, wait, waker, zombie};
use crate::mailbox::queue;
use crate::report::report;
use crate::scheduler;
use crate::send_after;
use crate::signal::{self, question};
use crate::thread;

/// Runs the process until it rests or has ended; then it is no longer the caller's.
pub(crate) fn run(slot: &'static Slot) {
    loop {
        queue::drain(slot);
        if exit::has_stale(slot) && !slot.has(bit::FATAL) && rests_on(slot) {
            return;
        }
        if slot.has(bit::FATAL) {
            return end(slot, ExitReason::Killed);
        }
        let next = match panic::catch_unwind(AssertUnwindSafe(|| call_body(slot))) {
            Ok(next) => next,
            Err(payload) => match exit::end_of(slot, payload) {
                End::Exit(reason) => Next::Exit(reason),
                End::Enter(behaviour) => Next::Become(behaviour),
            },
        };
        let rested = match next {
            Next::Wait(until) => try_to_rest(slot, until, queue::any_beyond_save),
            Next::Hibernate(until) => {
                wait::shed(slot);
                slot.set(bit::HIBERNATED);
                try_to_rest(slot, until, queue::any)
            }
            Next::Again => {
                wait::end(slot);
                give_way(slot)
            }
            Next::Become(behaviour) => match become_behaviour(slot, behaviour) {
                None => go_on(slot),
                Some(reason) => return end(slot, reason),
            },
            Next::Exit(reason) => return end(slot, reason),
        };
        if let Rested::Away = rested {
            return;
        }
    }
}

/// Drops what is to be dropped, and answers what the process is asked. True if it had been woken for
/// that alone, and waits again: as before, and no more the caller's.
#[cold]
fn rests_on(slot: &'static Slot) -> bool {
    if !question::at_rest(slot) {
        return false;
    }
    loop {
        let mail = if slot.has(bit::HIBERNATED) {
            queue::any(slot)
        } else {
            queue::any_beyond_save(slot)
        };
        if mail || slot.has(bit::FATAL | bit::TIMEOUT) || wait::is_woken(slot) {
            return false;
        }
        if slot.has(bit::DEADLINE) {
            wait::ensure(slot, scheduler::worker());
        }
        rest(slot);
        if slot.inbox.wait() {
            return true;
        }
        queue::drain(slot);
        if exit::has_stale(slot) {
            question::at_rest(slot);
        }
    }
}

/// Calls the body once. Never inlined: no address of a thread-local may live across it. A process's backtrace ends here
/// (`process::backtrace` knows the name).
#[inline(never)]
fn call_body(slot: &'static Slot) -> Next {
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
    /// The process waits or is queued, and is the caller's no more.
    Away,
    /// It has something to do, and its turn is not over.
    Awake,
}

/// Lets the process wait, unless there is `mail` for it or something else to do.
fn try_to_rest(slot: &'static Slot, until: Until, mail: impl Fn(&Slot) -> bool) -> Rested {
    // The callback, or the look for mail, may have taken in a fatal signal, which will not come
    // again.
    if mail(slot) || slot.has(bit::FATAL) || wait::is_woken(slot) {
        wait::forgo(slot, until);
        return go_on(slot);
    }
    if !wait::begin(slot, until) {
        return go_on(slot);
    }
    rest(slot);
    if slot.inbox.wait() {
        Rested::Away
    } else {
        // Mail, or a wake-up. That a time-out was prepared does not matter.
        go_on(slot)
    }
}

/// The process has something to do: now, or when others had their turn if its own is over. That
/// costs a reduction whatever it does, so that none goes on for ever.
fn go_on(slot: &'static Slot) -> Rested {
    scheduler::spend(1);
    if scheduler::spent() {
        give_way(slot)
    } else {
        Rested::Awake
    }
}

/// Lets others have their turn first.
fn give_way(slot: &'static Slot) -> Rested {
    rest(slot);
    scheduler::again(slot);
    Rested::Away
}

/// From here on the process stands on no stack; the caller still holds it.
fn rest(slot: &Slot) {
    scheduler::account(thread::this(), slot);
    slot.context.set(ptr::null_mut());
    if !slot.has(bit::OWN_THREAD) {
        slot.set_holder(ANYONE);
    }
}

/// Puts the behaviour in the old body's place. `Some`: the process ends instead, as the old one's
/// destructor says.
fn become_behaviour(slot: &Slot, behaviour: Box<dyn Behaviour + Send>) -> Option<ExitReason> {
    // SAFETY: the running process is its own holder; its body has returned or was unwound. The
    // old one is taken out before its destructor runs.
    let old = unsafe { (*slot.body.get()).take() };
    // SAFETY: as above; there is none now.
    unsafe { *slot.body.get() = Body::behaviour(behaviour) };
    slot.clear(bit::STARTED);
    drop_body(slot, old)
}

/// Drops what the process was at rest. `Some`: a destructor panicked, or exited, which ends the
/// process as it would on a stack.
fn drop_body(slot: &Slot, body: Body) -> Option<ExitReason> {
    let payload = panic::catch_unwind(AssertUnwindSafe(|| drop(body))).err()?;
    match exit::end_of(slot, payload) {
        End::Exit(reason) => Some(reason),
        End::Enter(behaviour) => {
            exit::drop_quietly(behaviour);
            None
        }
    }
}

/// Ends the process, in its own context: what it holds is dropped, its mailbox closed, its slot
/// given back.
fn end(slot: &'static Slot, reason: ExitReason) {
    slot.set(bit::STARTED | bit::ENDING);
    // SAFETY: the running process is its own holder.
    let body = unsafe { (*slot.body.get()).take() };
    // Most have nothing: a closure that has returned, and nothing beside the slot.
    let reason = if body.is_spent() && has_nothing(slot, &reason) {
        reason
    } else {
        let_go(slot, body, reason)
    };
    // The signals that came before are taken for what they are: who monitors or has linked is
    // told the reason.
    queue::close(slot);
    scheduler::worker().node().names().release_at_end(slot);
    if !has_nothing(slot, &reason) || queue::has_unseen(slot) || may_be_known(slot) {
        leave_behind(slot, reason);
    }
    slot.reset_length();
    wait::disarm(slot);

    let thread = thread::this();
    scheduler::account(thread, slot);
    scheduler::leave(thread, slot);
}

/// Whether nothing but its mail has to be seen to when the process ends so.
fn has_nothing(slot: &Slot, reason: &ExitReason) -> bool {
    matches!(reason, ExitReason::Normal) && slot.extra.get().is_null()
}

/// Whether a timer may be about to send to the process, which has closed its inbox, or it may be a zombie.
fn may_be_known(slot: &Slot) -> bool {
    send_after::may_be_to(slot) || zombie::may_be_one()
}

/// Drops what the process held at rest, and its locals. Returns the reason with which it ends then.
#[inline(never)]
fn let_go(slot: &'static Slot, body: Body, reason: ExitReason) -> ExitReason {
    let body_name = body.name();
    let reason = match drop_body(slot, body) {
        Some(panic) if reason.is_orderly() => instead_of(reason, panic),
        Some(other) => instead_of(other, reason),
        None => reason,
    };
    local::drop_all(slot);
    // Its destructors may have met a fatal signal.
    let reason = match exit::fatal(slot) {
        Some(fatal) => instead_of(reason, fatal),
        None => reason,
    };

    let name = match &reason {
        ExitReason::Panic(_) => name::label(slot).or_else(|| body_name.map(str::to_owned)),
        _ => None,
    };
    report_exit(slot, name.as_deref(), &reason);
    tell_end(slot, &reason);
    reason
}

/// Drops the messages of a process whose inbox is closed, and tells of its end.
#[inline(never)]
fn leave_behind(slot: &'static Slot, reason: ExitReason) {
    // Destructors of messages may send; that they cannot receive is said by a panic, which ends
    // here.
    slot.set(bit::GUARD);
    while let Some(message) = queue::pop_unseen(slot) {
        exit::drop_quietly(message);
    }
    drop_messages(slot);
    send_after::cancel_all_to(slot);
    signal::tell_all(slot, &reason);
    exit::drop_quietly(reason);
    drop_extra(slot);
}

/// Reports the end of a process where OTP would.
fn report_exit(slot: &Slot, name: Option<&str>, reason: &ExitReason) {
    if let ExitReason::Panic(panic) = reason {
        report(|| {
            tracing::error!(
                target: "runtime::process",
                pid = %slot.pid(),
                name,
                place = slot.place().map(tracing::field::display),
                panic = panic.message(),
                location = panic.location(),
                reductions = slot.reductions.load(Ordering::Relaxed),
                "process panicked"
            )
        });
    }
}

/// The reason that takes the place of another, which may hold a user's value.
fn instead_of(other: ExitReason, reason: ExitReason) -> ExitReason {
    exit::drop_quietly(other);
    reason
}

/// Frees what is left of a slot whose inbox is closed, and lets the next process have it.
pub(crate) fn recycle(free: &table::List, slot: &'static Slot) {
    if slot.inbox.retire() {
        table::release(free, slot);
    }
}

/// Lets `tell` know how the running process ends, when it does.
pub(crate) fn at_end(slot: &Slot, tell: impl FnOnce(&ExitReason) + Send + 'static) {
    // SAFETY: the running process is its own holder.
    unsafe { (*slot.extra()).rare().at_end = Some(Box::new(tell)) };
}

fn tell_end(slot: &Slot, reason: &ExitReason) {
    let extra = slot.extra.get();
    // SAFETY: the running process is its own holder; the reference ends at once.
    let rare = unsafe { extra.as_mut() }.and_then(|extra| extra.rare.as_mut());
    let tell = rare.and_then(|rare| rare.at_end.take());
    if let Some(tell) = tell {
        tell(reason);
    }
}

fn drop_messages(slot: &Slot) {
    loop {
        let extra = slot.extra.get();
        if extra.is_null() {
            return;
        }
        // SAFETY: the running process is its own holder; the message is out before it is dropped.
        let message = unsafe {
            let extra = &mut *extra;
            extra.pop().or_else(|| extra.rare.as_mut()?.stale.pop())
        };
        match message {
            Some(message) => exit::drop_quietly(message),
            None => return,
        }
    }
}

fn drop_extra(slot: &Slot) {
    let mut may_be_zombie = zombie::may_be_one();
    loop {
        // Destructors of messages may have made some.
        local::drop_all(slot);
        drop_messages(slot);
        if slot.extra.get().is_null() && !may_be_zombie {
            break;
        }
        let (extra, is_zombie) = {
            // See `signal::relations`. From here on nobody makes it a zombie, as its inbox is closed.
            let _locked = slot.lock.lock();
            let is_zombie = slot.inbox.flags() & flag::ZOMBIE != 0;
            (slot.extra.take(), is_zombie && may_be_zombie)
        };
        may_be_zombie = false;
        if is_zombie {
            zombie::bury(slot);
        }
        // SAFETY: made by `Slot::extra`, and no longer reachable. Its destructors may make another.
        if let Some(extra) = unsafe { Owned::from_raw(extra) } {
            exit::drop_quietly(extra);
        }
    }
}
