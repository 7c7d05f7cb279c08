//! Priority messages: those that go before all others in a mailbox.
//!
//! A message is one if its sender says so and its receiver has agreed, by an alias, a monitor or a
//! link with priority. It is put here where it is taken from the inbox, behind earlier ones.
//! Receives and behaviours look here first, and only in processes that have ever agreed: those
//! empty their inbox first too, for one that has come goes before all that was taken before.
//!
//! Called by the holder of the process. It lies in `Extra`, so who has none pays nothing.

use smallvec::SmallVec;

use super::queue;
use super::ring::Ring;
use crate::message::AnyMessage;
use crate::process::exit;
use crate::process::slot::Slot;

/// How many references are remembered; see `Urgent::marks`.
const MARKS: usize = 8;

/// See the module's head.
#[derive(Default)]
pub(crate) struct Urgent {
    pub(crate) ring: Ring,
    /// Of the references made last while messages lay here: their numbers, and where the messages
    /// ended. One that is no longer remembered begins at the first message.
    marks: Vec<(u64, u64)>,
}

impl Urgent {
    /// Takes the oldest message.
    pub(crate) fn pop(&mut self, save: &mut u64) -> Option<AnyMessage> {
        let position = self.ring.find(0, None)?;
        let message = self.ring.lift(position);
        self.tidy(&mut [save]);
        Some(message)
    }

    /// As [`Ring::shrink`].
    pub(crate) fn shrink(&mut self, save: &mut u64) {
        self.tidy(&mut [save]);
        self.ring.shrink(&mut 0);
        self.marks.shrink_to_fit();
    }

    /// As [`Ring::tidy`].
    pub(crate) fn tidy(&mut self, marks: &mut [&mut u64]) {
        let own = self.marks.iter_mut().map(|(_, position)| position);
        let mut all: SmallVec<[&mut u64; MARKS + 2]> = own.collect();
        all.extend(marks.iter_mut().map(|mark| &mut **mark));
        self.ring.tidy(&mut all);
    }
}

/// The process, which the caller holds, agrees to priority messages.
pub(crate) fn enable(slot: &Slot) {
    // SAFETY: the holder's, and no other reference to it lives.
    unsafe { (*slot.extra()).urgent() };
}

/// Whether there may be priority messages.
#[inline]
pub(crate) fn is_enabled(slot: &Slot) -> bool {
    let extra = slot.extra.get();
    // SAFETY: as above.
    !extra.is_null() && unsafe { (*extra).is_urgent() }
}

/// Whether there are any from a position on.
#[inline]
pub(crate) fn any_from(slot: &Slot, position: u64) -> bool {
    // SAFETY: as above.
    is_enabled(slot) && unsafe { (*slot.extra()).urgent().ring.find(position, None).is_some() }
}

/// The position behind all there are.
pub(crate) fn end(slot: &Slot) -> u64 {
    if !is_enabled(slot) {
        return 0;
    }
    // SAFETY: as above.
    unsafe { (*slot.extra()).urgent().ring.end() }
}

/// Puts a message behind the earlier ones.
pub(crate) fn push(slot: &Slot, message: AnyMessage) {
    // SAFETY: as above.
    unsafe { (*slot.extra()).urgent().ring.push(message) };
}

/// Takes in what has come, in a process that has agreed. False: a fatal signal has, which goes
/// before the messages.
#[inline(never)]
pub(crate) fn take_in(slot: &Slot) -> bool {
    queue::drain(slot);
    !exit::is_due(slot)
}

/// Remembers where the messages end now, for the reference of this number, just made.
pub(crate) fn mark(slot: &Slot, number: u64) {
    // SAFETY: the running process is its own holder; the reference ends here.
    let urgent = unsafe { (*slot.extra()).urgent() };
    if urgent.ring.is_empty() {
        return;
    }
    if urgent.marks.len() == MARKS {
        urgent.marks.remove(0);
    }
    urgent.marks.push((number, urgent.ring.end()));
}

/// Where a receive begins that waits for the reference of this number.
pub(crate) fn position_of(slot: &Slot, number: u64) -> u64 {
    if !is_enabled(slot) {
        return 0;
    }
    // SAFETY: as in `mark`.
    let marks = unsafe { &(*slot.extra()).urgent().marks };
    let own = marks.iter().find(|(other, _)| *other == number);
    own.map_or(0, |(_, position)| *position)
}
