//! What a process is called in reports, as far as the reporter can know.
//!
//! The name is the label given at spawn, or that of the function or behaviour; registered names are another thing
//! (`registry`). Both belong to the holder of the process; others know only the place of its spawn (`Slot::place`).
//!
//! Called by whoever reports of a process, and by the handler of stack overflows.

use std::fmt::Write as _;
use std::ptr;

use super::slot::Slot;
use crate::scheduler;
use crate::stack::ReportBuffer;

/// The label, for the holder.
pub(crate) fn label(slot: &Slot) -> Option<String> {
    // SAFETY: the caller is the holder, and no other reference to it lives.
    let extra = unsafe { slot.extra.get().as_ref() };
    extra?.rare.as_ref()?.label.clone()
}

/// The name, for anybody: known if the process waits, so that it can be held for a moment; of the
/// caller itself the label.
pub(crate) fn asked(slot: &'static Slot, generation: u32) -> Option<String> {
    if slot.inbox.generation() != generation {
        return None;
    }
    if super::try_current().is_some_and(|me| ptr::eq(me, slot)) {
        return label(slot);
    }
    if !slot.inbox.claim() {
        return None;
    }
    let name = if slot.inbox.generation() == generation {
        // SAFETY: the process is ours until it is released.
        label(slot).or_else(|| unsafe { (*slot.body.get()).name() }.map(str::to_owned))
    } else {
        None
    };
    scheduler::release(slot);
    name
}

/// Describes the process that overflowed its stack. Called by a signal handler on the thread that
/// runs it: allocates nothing.
pub(crate) fn report_overflow(report: &mut ReportBuffer) {
    let Some(slot) = super::try_current() else {
        return;
    };
    let _ = write!(report, "process {}", slot.pid());
    let extra = slot.extra.get();
    // SAFETY: the process runs on this thread, which is its holder. Should the overflow have
    // happened inside a change of the label, the report is wrong, and the program ends anyway.
    let rare = unsafe { extra.as_ref() }.and_then(|extra| extra.rare.as_ref());
    if let Some(label) = rare.and_then(|rare| rare.label.as_ref()) {
        let _ = write!(report, " ({label})");
    }
    if let Some(place) = slot.place() {
        let _ = write!(report, ", spawned at {place}");
    }
}
