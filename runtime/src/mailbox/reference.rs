//! References: unique values, and markers in their creator's mailbox.
//!
//! Made and compared by processes; `receive` asks one where to begin its scan.
//!
//! Invariant: no two are equal while the program runs, for no pid repeats and each process counts
//! its own. The position is only where to begin: a message that the reference was sent out to fetch
//! lies behind it, whatever was received meanwhile.

use std::fmt;
use std::hash::{Hash, Hasher};

use super::{scan, urgent};
use crate::process::current;
use crate::process::pid::Pid;
use crate::process::slot::Slot;

/// A reference: equal to no other that was or will be made while the program runs.
///
/// It remembers how far its creator's mailbox reached when it was made: see
/// [`receive_ref`](crate::receive_ref). Prints as `#Ref<0.index.serial.count>`.
///
/// Mirrors Erlang's `reference()`.
#[derive(Clone, Copy)]
pub struct Ref {
    creator: Pid,
    epoch: u32,
    count: u64,
    position: u64,
}

impl Ref {
    pub(crate) fn marker(self) -> (u64, u32) {
        (self.position, self.epoch)
    }

    /// Which of its creator's references it is.
    pub(crate) fn number(self) -> u64 {
        self.count
    }

    /// The reference of this process with this number, without what it remembers of the mailbox.
    pub(crate) fn unmarked(creator: Pid, count: u64) -> Ref {
        Ref {
            creator,
            epoch: 0,
            count,
            position: 0,
        }
    }

    /// The process that made it.
    pub fn creator(self) -> Pid {
        self.creator
    }
}

/// A new reference of the calling process.
///
/// Mirrors `erlang:make_ref/0`.
///
/// # Panics
///
/// Outside a process.
///
/// ```
/// # runtime::run(|| {
/// assert_ne!(runtime::make_ref(), runtime::make_ref());
/// # });
/// ```
#[cfg_attr(debug_assertions, track_caller)]
pub fn make_ref() -> Ref {
    make(current("make_ref"))
}

/// A new reference of the running process.
pub(crate) fn make(slot: &Slot) -> Ref {
    let (position, epoch) = scan::mark(slot);
    // SAFETY: the running process is its own holder; a number.
    let count = unsafe {
        let extra = &mut *slot.extra();
        extra.references += 1;
        extra.references
    };
    if urgent::is_enabled(slot) {
        urgent::mark(slot, count);
    }
    Ref {
        creator: slot.pid(),
        epoch,
        count,
        position,
    }
}

impl PartialEq for Ref {
    fn eq(&self, other: &Ref) -> bool {
        self.count == other.count && self.creator == other.creator
    }
}

impl Eq for Ref {}

impl PartialOrd for Ref {
    fn partial_cmp(&self, other: &Ref) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ref {
    fn cmp(&self, other: &Ref) -> std::cmp::Ordering {
        (self.creator, self.count).cmp(&(other.creator, other.count))
    }
}

impl Hash for Ref {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.creator.hash(state);
        self.count.hash(state);
    }
}

impl fmt::Debug for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (index, serial) = (self.creator.index(), self.creator.generation());
        write!(f, "#Ref<0.{index}.{serial}.{}>", self.count)
    }
}

impl fmt::Display for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
