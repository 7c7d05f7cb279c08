//! What a process asks about itself and about others, and sets for itself: priority and label.
//!
//! Called by users, and by nearly all of the runtime for [`current`] and [`guarded`]. No question stops the process
//! that it is about; only [`is_process_alive`] and [`label`] are switch points. More is told by `info`.
//!
//! Invariants:
//! * The thread's record says which process runs on it; the answer holds until the next switch.
//! * Of another process only atomics are read, then its generation is compared: a stale pid gets
//!   the answer for the dead.

use super::pid::Pid;
use super::slot::{Slot, bit, flag};
use super::spawn::Priority;
use super::{info, table};
use crate::scheduler;
use crate::signal::question::{Answer, What, ask};
use crate::thread::{self, Thread};

/// The process that runs on this thread, if any.
#[inline]
pub(crate) fn try_current() -> Option<&'static Slot> {
    thread::this().process()
}

/// The process that runs on this thread.
///
/// # Panics
///
/// If there is none; `what` was asked for.
#[inline]
#[track_caller]
pub(crate) fn current(what: &str) -> &'static Slot {
    current_on(thread::this(), what)
}

/// As [`current`], for a caller that has its thread's record at hand.
#[inline]
#[track_caller]
pub(crate) fn current_on(thread: &Thread, what: &str) -> &'static Slot {
    match thread.process() {
        Some(slot) => slot,
        None => no_process(what),
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn no_process(what: &str) -> ! {
    panic!(
        "`{what}` outside a process: call it in a function that was spawned, or inside \
         `runtime::run`"
    )
}

/// Runs user code during which the process must not receive: a guard.
#[inline]
pub(crate) fn guarded<R>(f: impl FnOnce() -> R) -> R {
    match try_current() {
        Some(slot) => guarded_on(slot, f),
        None => f(),
    }
}

/// As [`guarded`], for a caller that has the running process at hand.
#[inline]
pub(crate) fn guarded_on<R>(slot: &Slot, f: impl FnOnce() -> R) -> R {
    struct Guarded<'s>(&'s Slot);
    impl Drop for Guarded<'_> {
        fn drop(&mut self) {
            self.0.clear(bit::GUARD);
        }
    }
    if slot.has(bit::GUARD) {
        return f();
    }
    slot.set(bit::GUARD);
    let _guarded = Guarded(slot);
    f()
}

/// The pid of the calling process.
///
/// Mirrors `self/0`.
///
/// # Panics
///
/// Outside a process.
#[inline]
#[track_caller]
pub fn self_pid() -> Pid {
    current("self_pid").pid()
}

/// The pid of the calling process; `None` on a thread that is no process.
#[inline]
pub fn try_self_pid() -> Option<Pid> {
    try_current().map(Slot::pid)
}

/// Whether a process is alive: it has not ended, and was not told to end by a signal that cannot be
/// or was not trapped.
///
/// It sees the effect of every signal that the caller has sent to the process before. If the process
/// waits, or has ended, or a kill is on its way to it, the answer comes at once; else the process
/// gives it at its next switch point. If it comes to none within 100 ms it counts as alive. A switch
/// point. Outside a process, and inside a guard, nothing is waited for.
///
/// Mirrors `is_process_alive/1`.
#[cfg_attr(debug_assertions, track_caller)]
pub fn is_process_alive(pid: Pid) -> bool {
    if !seems_alive(pid) {
        return false;
    }
    let slot = table::slot_of(pid);
    let me = try_current();
    if me.is_some_and(|me| std::ptr::eq(me, slot)) {
        return true;
    }
    if slot.inbox.claim() {
        let alive = slot.inbox.generation() == pid.generation() && !slot.has(bit::FATAL);
        scheduler::release(slot);
        return alive;
    }
    let answer = match me {
        Some(me) if !me.has(bit::GUARD) => ask(me, pid, What::Alive),
        _ => None,
    };
    match answer {
        Some(answer) => matches!(answer, Answer::Alive),
        None => seems_alive(pid),
    }
}

/// Whether a process is alive, as far as a few loads tell: it has not ended, and no kill is on its
/// way to it.
pub(crate) fn seems_alive(pid: Pid) -> bool {
    let slot = table::slot_of(pid);
    let flags = slot.inbox.flags_of(pid.generation());
    flags.is_some_and(|flags| flags & (flag::KILLED | flag::ZOMBIE) == 0) && !slot.inbox.is_closed()
}

/// The number of messages in a process's mailbox, in O(1) and without stopping it: what it has
/// taken in and not received, and what was sent since (up to 65,535; signals count too). `None` if
/// the process is not alive.
///
/// Mirrors `process_info(Pid, message_queue_len)`, without its order against signals.
pub fn mailbox_len(pid: Pid) -> Option<usize> {
    let length = length(table::slot_of(pid));
    seems_alive(pid).then_some(length)
}

pub(crate) fn length(slot: &Slot) -> usize {
    let taken = slot.length() as usize;
    let limited = slot.inbox.flags() & flag::LIMITED != 0;
    let sent = if limited { 0 } else { slot.inbox.len() };
    taken + sent
}

/// Sets the calling process's priority. Returns the old one.
///
/// Mirrors `process_flag(priority, Level)`.
///
/// # Panics
///
/// Outside a process.
#[track_caller]
pub fn set_priority(priority: Priority) -> Priority {
    let slot = current("set_priority");
    let old = Priority::of(slot);
    slot.clear(bit::PRIORITY);
    slot.set(priority as u16);
    old
}

/// Gives the calling process a label: a name for people, shown in reports. It need not be unique.
///
/// Mirrors `proc_lib:set_label/1`.
///
/// # Panics
///
/// Outside a process.
#[track_caller]
pub fn set_label(label: impl Into<String>) {
    let slot = current("set_label");
    let label = Some(label.into());
    // SAFETY: the running process is its own holder.
    unsafe { (*slot.extra()).rare().label = label };
}

/// The label of a process, if it has one; a look like [`process_info`](crate::process_info).
///
/// Mirrors `proc_lib:get_label/1`.
#[cfg_attr(debug_assertions, track_caller)]
pub fn label(pid: Pid) -> Option<String> {
    info::process_info(pid)?.label
}
