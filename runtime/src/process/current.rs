//! The running process: which it is, and what it sets for itself, its priority and its label.
//!
//! Called by users, and by nearly all of the runtime for [`current`] and [`guarded`].
//!
//! Invariant: the thread's record says which process runs on it; the answer holds until the next switch.

use super::info;
use super::pid::Pid;
use super::slot::{Slot, bit};
use super::spawn::Priority;
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
