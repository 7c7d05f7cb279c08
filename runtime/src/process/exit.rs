//! The end of a process: exits raised inside it, exit signals from outside, panics.
//!
//! A process ends in one of four ways: its function returns, it panics, it calls [`exit`], or a
//! fatal exit signal reaches it. The last three unwind its stack. A fatal signal is sticky: once
//! applied (`bit::FATAL`, the reason in `Extra`), every switch point raises it again until the
//! stack is gone, whatever the process's own code catches meanwhile; and it decides the reason.
//!
//! Whether the running process unwinds is what [`std::thread::panicking`] says: the count behind it
//! goes with the process (`context::tokens`).

use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Once;

use super::behaviour::Behaviour;
use super::exit_reason::{ExitReason, PanicParts, PanicReport};
use super::extra::Extra;
use super::pid::Pid;
use super::slot::{Slot, bit, flag};
use super::table;
use crate::context::Suspend;
use crate::error::MailboxFull;
use crate::mailbox::queue;
use crate::mailbox::reference::Ref;
use crate::message::{AnyMessage, Opaque};
use crate::scheduler;
use crate::signal::{self, Exit, Signal};

/// What it costs to raise a fatal exit, in reductions: it takes microseconds.
const RAISE: i32 = 100;

/// What unwinds a process's stack without being a panic.
pub(crate) enum Raise {
    /// The process called `exit`.
    Exit(ExitReason),
    /// A fatal signal; the reason is in `Extra`.
    Fatal,
    /// The process goes on as this, without its stack.
    Enter(Box<dyn Behaviour + Send>),
}

/// How a run of a process's code came to its end.
pub(crate) enum End {
    Exit(ExitReason),
    Enter(Box<dyn Behaviour + Send>),
}

/// Ends the calling process: its stack is unwound, destructors run, and `reason` is what its
/// links and monitors are told.
///
/// No panic hook runs. The unwinding can be caught with [`std::panic::catch_unwind`], as an exit
/// can be caught in Erlang; the process then goes on.
///
/// Mirrors `erlang:exit/1`.
///
/// # Panics
///
/// Outside a process. In a destructor that runs because the process unwinds already it aborts the
/// program, as every panic does there.
///
/// ```
/// use runtime::{ExitReason, exit, spawn};
///
/// # runtime::run(|| {
/// spawn!(|| exit(ExitReason::Shutdown));
/// # });
/// ```
#[track_caller]
pub fn exit(reason: impl Into<ExitReason>) -> ! {
    let reason = reason.into();
    super::current("exit");
    panic::resume_unwind(Box::new(Raise::Exit(reason)))
}

/// Sends an exit signal to a process.
///
/// The receiver ends with `reason`, unless it traps exits: then it receives an [`Exit`] message.
/// `Normal` is ignored by a receiver that does not trap exits; `Kill` cannot be trapped, and its
/// receiver ends with [`Killed`](ExitReason::Killed). A signal to a dead process is lost.
///
/// A signal to the calling process itself acts before the call returns: only then is this a switch point.
///
/// Mirrors `erlang:exit_signal/2`.
///
/// ```
/// use runtime::prelude::*;
///
/// # runtime::run(|| {
/// let (idle, watched) = spawn_monitor!(|| drop(receive_any()));
/// exit_signal(idle, ExitReason::Shutdown);
/// receive! { Down { monitor, reason, .. } if monitor == watched => assert_eq!(reason, ExitReason::Shutdown) }
/// # });
/// ```
pub fn exit_signal(to: Pid, reason: impl Into<ExitReason>) {
    let reason = reason.into();
    let Some(slot) = super::try_current() else {
        return send_exit(None, to, reason);
    };
    if !signal::has_effect(slot) {
        return;
    }
    let me = slot.pid();
    send_exit(Some(me), to, reason);
    if to == me {
        queue::drain(slot);
        check(slot);
    }
}

/// As [`exit_signal`], to the creator of an alias, if that still lives. If the alias was made by
/// [`alias_priority`](crate::alias_priority) and the receiver traps exits, the [`Exit`] goes before
/// the ordinary messages in its mailbox.
///
/// Mirrors `erlang:exit/3` with the option `priority`.
///
/// ```
/// use runtime::prelude::*;
/// use runtime::{AliasMode, alias_priority, exit_signal_priority};
///
/// # runtime::run(|| {
/// trap_exit(true);
/// let alias = alias_priority(AliasMode::ExplicitUnalias);
/// send(self_pid(), 1u32);
/// exit_signal_priority(alias, ExitReason::Shutdown);
/// assert!(receive_any().is::<Exit>());
/// # });
/// ```
pub fn exit_signal_priority(alias: Ref, reason: impl Into<ExitReason>) {
    let reason = reason.into();
    let slot = super::try_current();
    if slot.is_some_and(|slot| !signal::has_effect(slot)) {
        return;
    }
    let from = slot.map(Slot::pid);
    let to = alias.creator();
    let alias = alias.number();
    signal::send(
        to,
        Signal::AliasExit {
            from,
            alias,
            reason,
        },
    );
    if let Some(slot) = slot
        && from == Some(to)
    {
        queue::drain(slot);
        check(slot);
    }
}

pub(crate) fn send_exit(from: Option<Pid>, to: Pid, reason: ExitReason) {
    let slot = table::slot_of(to);
    if reason == ExitReason::Kill {
        // Before the signal, so that nobody who has sent it sees the process alive. If it has
        // ended, there is nobody to mark.
        let _ = slot.inbox.set(flag::KILLED, to.generation());
    }
    signal::send(to, Signal::Exit { from, reason });
}

/// Sets whether exit signals to the calling process become [`Exit`] messages (`true`) or end it
/// (`false`, the default). Returns the old setting.
///
/// Mirrors `process_flag(trap_exit, Bool)`.
///
/// # Panics
///
/// Outside a process.
#[track_caller]
pub fn trap_exit(trap: bool) -> bool {
    let slot = super::current("trap_exit");
    let old = slot.has(bit::TRAP_EXIT);
    // See `process::zombie`.
    let _locked = slot.lock.lock();
    if trap {
        slot.set(bit::TRAP_EXIT);
        let _ = slot.inbox.set(flag::TRAPS, slot.inbox.generation());
    } else {
        slot.clear(bit::TRAP_EXIT);
        slot.inbox.clear(flag::TRAPS);
    }
    old
}

/// Applies the order to exit to the process that the caller holds. Returns the message that it
/// becomes, if any.
pub(crate) fn apply(slot: &Slot, from: Option<Pid>, reason: ExitReason) -> Option<AnyMessage> {
    if reason == ExitReason::Kill {
        return end_with(slot, ExitReason::Killed);
    }
    apply_link(slot, from, reason)
}

/// As [`apply`], for the exit of a linked process: `Kill` is a reason like any other.
pub(crate) fn apply_link(
    slot: &Slot,
    from: impl Into<Option<Pid>>,
    reason: ExitReason,
) -> Option<AnyMessage> {
    if slot.has(bit::TRAP_EXIT) && !slot.has(bit::FATAL) {
        let from = from.into();
        return Some(AnyMessage::new(Exit { from, reason }));
    }
    if reason.is_normal() {
        return None;
    }
    end_with(slot, reason)
}

/// The mailbox is full, and the process was spawned to end then.
pub(crate) fn apply_full(slot: &Slot, limit: u32) {
    end_with(slot, ExitReason::other(MailboxFull { limit }));
}

/// Lets the process that the caller holds end with the reason of a signal.
pub(crate) fn end_with(slot: &Slot, reason: ExitReason) -> Option<AnyMessage> {
    // The first fatal signal wins; nothing of the kind matters to one that is about to end.
    if slot.has(bit::FATAL | bit::ENDING) {
        discard(slot, reason);
    } else {
        make_fatal(slot, reason);
    }
    None
}

/// Keeps a reason that does not matter, to be dropped when no queue is being worked on: it may hold
/// a value of somebody's own.
pub(crate) fn discard(slot: &Slot, reason: ExitReason) {
    if may_be_of_the_user(&reason) {
        drop_later(slot, AnyMessage::new(Opaque(reason)));
    }
}

/// Whether the reason may hold a value of somebody's own.
pub(crate) fn may_be_of_the_user(reason: &ExitReason) -> bool {
    matches!(
        reason,
        ExitReason::ShutdownWith(_) | ExitReason::Other(_) | ExitReason::Panic(_)
    )
}

/// Lets the process that the caller holds end with `reason` at its next switch point, unless it is
/// to end with another already.
pub(crate) fn make_fatal(slot: &Slot, reason: ExitReason) {
    if slot.has(bit::FATAL) {
        return discard(slot, reason);
    }
    let extra = slot.extra();
    // The watchdog may read it.
    let _locked = slot.lock.lock();
    // SAFETY: the holder's, and no other reference to it lives.
    unsafe { *Extra::fatal(extra) = Some(Box::new(reason)) };
    slot.set(bit::FATAL);
}

/// The reason of the fatal exit that the caller's process will end with, if any.
pub(crate) fn fatal(slot: &Slot) -> Option<ExitReason> {
    if !slot.has(bit::FATAL) {
        return None;
    }
    // SAFETY: the holder's, and no other reference to it lives.
    unsafe { (&*Extra::fatal(slot.extra())).as_deref().cloned() }
}

/// Raises the pending fatal exit of the running process, unless it unwinds already.
#[inline]
pub(crate) fn check(slot: &Slot) {
    if is_due(slot) {
        raise_fatal(slot);
    }
}

/// Whether a fatal exit of the running process is to be raised: not while it unwinds, or drops
/// what it held at rest.
#[inline]
pub(crate) fn is_due(slot: &Slot) -> bool {
    slot.has(bit::FATAL) && !slot.has(bit::ENDING) && !std::thread::panicking()
}

#[cold]
fn raise_fatal(slot: &Slot) -> ! {
    // Who catches it again and again does not keep the worker to himself; but a guard, which may run
    // on the runner's stack, is no switch point.
    scheduler::spend(RAISE);
    if scheduler::spent() && !slot.has(bit::GUARD) {
        scheduler::suspend(Suspend::Yield);
    }
    panic::resume_unwind(Box::new(Raise::Fatal))
}

/// What a caught payload means.
pub(crate) fn end_of(slot: &Slot, payload: Box<dyn Any + Send>) -> End {
    let payload = match payload.downcast::<Raise>() {
        Ok(raise) => {
            return match *raise {
                Raise::Exit(reason) => End::Exit(reason),
                // The signal's reason takes its place at the end.
                Raise::Fatal => End::Exit(ExitReason::Killed),
                Raise::Enter(behaviour) => End::Enter(behaviour),
            };
        }
        Err(payload) => payload,
    };
    let report = report_of(Some(slot), &*payload);
    drop_quietly(payload);
    End::Exit(ExitReason::Panic(report))
}

/// What is known of the panic of the running process, if it is one that runs.
pub(crate) fn report_of(slot: Option<&Slot>, payload: &(dyn Any + Send)) -> PanicReport {
    let message = if let Some(message) = payload.downcast_ref::<&'static str>() {
        (*message).to_owned()
    } else if let Some(message) = payload.downcast_ref::<String>() {
        message.clone()
    } else {
        "Box<dyn Any>".to_owned()
    };
    let (location, backtrace) = match slot.and_then(take_seen) {
        Some(seen) => (Some(seen.0), seen.1),
        None => (None, Backtrace::disabled()),
    };
    PanicReport::new(PanicParts {
        message,
        location,
        backtrace,
    })
}

/// What the panic hook notes: where, and the stack.
pub(crate) type Seen = Box<(String, Backtrace)>;

thread_local! {
    /// What the thread, which makes a process's call, has panicked with last; `None`: it makes none.
    static AWAY: Cell<Option<Option<Seen>>> = const { Cell::new(None) };
}

/// What was caught on another thread than its process's.
pub(crate) struct CaughtAway {
    payload: Box<dyn Any + Send>,
    seen: Option<Seen>,
}

/// Makes a process's call on a thread that is no process.
pub(crate) fn catch_away<T>(f: impl FnOnce() -> T) -> Result<T, CaughtAway> {
    AWAY.set(Some(None));
    let result = panic::catch_unwind(AssertUnwindSafe(f));
    let seen = AWAY.take().flatten();
    result.map_err(|payload| CaughtAway { payload, seen })
}

/// Goes on in the process with what its call has panicked with.
pub(crate) fn resume_caught(slot: &Slot, caught: CaughtAway) -> ! {
    // SAFETY: the running process is its own holder, and no other reference to it lives.
    unsafe { (*slot.extra()).rare().panic = caught.seen };
    panic::resume_unwind(caught.payload)
}

/// Takes what the panic hook has noted last.
fn take_seen(slot: &Slot) -> Option<Seen> {
    if slot.extra.get().is_null() {
        return None;
    }
    // SAFETY: the holder's, and no other reference to it lives.
    unsafe { (*slot.extra()).rare.as_mut()?.panic.take() }
}

/// Calls user code that is of no account to its process: `None` if it panics, and then nothing is
/// left of that. It must not switch.
pub(crate) fn quietly<R>(f: impl FnOnce() -> R) -> Option<R> {
    let before = super::try_current().map(|slot| (slot, take_seen(slot)));
    let result = panic::catch_unwind(AssertUnwindSafe(f));
    if let Some((slot, seen)) = before {
        // A panic that is under way is the one to be reported.
        take_seen(slot);
        if seen.is_some() {
            // SAFETY: the holder's, and no other reference to it lives.
            unsafe { (*slot.extra()).rare().panic = seen };
        }
    }
    result.map_err(drop_quietly).ok()
}

/// Drops a value of unknown type; a panic in its destructor ends here.
pub(crate) fn drop_quietly<T>(value: T) {
    if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(|| drop(value))) {
        // A payload whose destructor panics as well is not worth a third try.
        if let Err(again) = panic::catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(again);
        }
    }
}

/// Keeps a message to be dropped when no queue is being worked on; see [`drop_stale`].
pub(crate) fn drop_later(slot: &Slot, message: AnyMessage) {
    // SAFETY: the holder's, and no other reference to it lives.
    unsafe { (*slot.extra()).rare().stale.push(message) };
}

/// Whether [`drop_later`] kept anything.
pub(crate) fn has_stale(slot: &Slot) -> bool {
    let extra = slot.extra.get();
    // SAFETY: the holder's, and no other reference to it lives.
    !extra.is_null() && unsafe { (*extra).has_stale() }
}

/// Drops what [`drop_later`] kept, in the running process's own context.
pub(crate) fn drop_stale(slot: &Slot) {
    if !has_stale(slot) {
        return;
    }
    // SAFETY: the holder's; the reference ends before any destructor runs.
    let stale = unsafe { std::mem::take(&mut (*slot.extra()).rare().stale) };
    for message in stale {
        let guarded = slot.has(bit::GUARD);
        slot.set(bit::GUARD);
        drop_quietly(message);
        if !guarded {
            slot.clear(bit::GUARD);
        }
    }
}

/// Installs the hook that notes where a process panics. Called when a node starts.
///
/// Where the program has a `tracing` subscriber, the panic of a process is reported there when
/// the process has ended; else it goes to the hook that was installed before, as everywhere.
pub(crate) fn install_panic_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let Some(slot) = super::try_current() else {
                // A thread that ends has none any more.
                let _ = AWAY.try_with(|away| {
                    if away.take().is_some() {
                        away.set(Some(Some(see(info))));
                    }
                });
                return previous(info);
            };
            // SAFETY: the running process is its own holder, and no reference to `Extra` is
            // held over user code.
            unsafe { (*slot.extra()).rare().panic = Some(see(info)) };
            if !tracing::dispatcher::has_been_set() {
                previous(info);
            }
        }));
    });
}

fn see(info: &PanicHookInfo<'_>) -> Seen {
    let location = info.location();
    let location = location.map_or_else(String::new, |location| location.to_string());
    Box::new((location, Backtrace::capture()))
}
