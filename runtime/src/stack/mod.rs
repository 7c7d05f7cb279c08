//! Stacks for processes: where they come from, where they wait, and what catches their overflow.
//!
//! The scheduler takes a stack from its worker's [`Cache`] when a process blocks for the first time
//! and puts it back when the process ends or comes to rest. Behind the caches stand the program-wide
//! [`pool`]; a watchdog calls [`trim`] so that idle stacks give their pages back.
//!
//! ```text
//!   one arena: a reserved mapping, stacks of one class side by side, handed out upwards
//!   +-------+----------------------+-------+----------------------+-------+---
//!   | guard | stack 0              | guard | stack 1              | guard | stack 2 ..
//!   +-------+----------------------+-------+----------------------+-------+---
//!
//!   one stack, `Class::size` bytes from `limit` (low) to its top (high)
//!   limit                                          base              top
//!   | guard |  <------- grows this way ------ frames | header | colour |
//!                                                     128 B    0..1920 B
//! ```
//!
//! Invariants:
//!
//! * A [`Stack`] value is the only owner of its addresses; it is not `Clone`, and it is made in one
//!   place only, where an arena moves its mark past it ([`arena`]).
//! * Arenas are never unmapped: an address that was once a stack stays mapped for the life of the
//!   program, and the overflow handler may look at arenas without a lock.
//! * A stack has its guard before it leaves this module for the first time, and keeps it for ever:
//!   dropping pages ([`trim`]) does not remove guards.
//! * Nothing here runs user code, and no lock is held over a system call, but for the rare one that
//!   reserves another arena.
//!
//! Loom builds leave this module out: their models have no stacks of their own. So its atomics are
//! std's.

#[cfg(not(all(unix, target_pointer_width = "64")))]
compile_error!(
    "the runtime's stacks need a 64-bit Unix: they are reserved with mmap, many gigabytes at once"
);

mod alt_stack;
mod arena;
mod cache;
mod class;
mod error;
mod guard;
mod overflow;
mod pool;
mod report;

#[cfg(test)]
mod tests;

pub(crate) use alt_stack::AltStack;
pub(crate) use cache::Cache;
pub(crate) use class::{Class, class_of};
pub use error::StackError;
pub(crate) use overflow::install;
pub(crate) use pool::{stats, trim, trim_is_due};
pub(crate) use report::ReportBuffer;

use std::ptr::NonNull;

/// Bytes reserved at the (coloured) top of each stack for the context object; aligned to 64.
pub(crate) const HEADER: usize = 128;

/// The spacing of stacks, guard included, when nothing else is asked for, in bytes.
///
/// A debug build's frames are several times as large as a release build's.
pub(crate) const DEFAULT_SIZE: usize = if cfg!(debug_assertions) {
    1024 * 1024
} else {
    256 * 1024
};

/// Tops of neighbouring stacks start this many bytes apart within their pages.
///
/// Without it the hottest lines of all stacks share a few cache sets: 1,024 processes in turn cost
/// twice as much a switch.
const COLOUR: usize = 128;
const COLOURS: usize = 16;

const _: () = assert!(HEADER.is_multiple_of(64) && COLOUR.is_multiple_of(64));
const _: () = assert!(HEADER + COLOUR * COLOURS + corosensei::stack::MIN_STACK_SIZE < class::LEAST);

/// The smallest unit of protection and of residence, in bytes.
fn page_size() -> usize {
    // SAFETY: sysconf has no preconditions (and is async-signal-safe).
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize }
}

/// Owns one stack: its guard, its room for frames and its header.
///
/// One word: the lowest address, which is page-aligned, with the class in its low bits. It has no
/// `Drop`, because only its holder knows when nothing runs on it: give it back with [`Cache::put`].
/// One that is dropped is lost until the program ends.
#[must_use = "a stack that is not put back is lost"]
#[derive(Debug)]
pub(crate) struct Stack {
    tagged: NonNull<u8>,
}

// SAFETY: a stack is owned memory, not tied to the thread that took it; what runs on it is the
// business of the context that stands on it.
unsafe impl Send for Stack {}
// SAFETY: a shared reference gives away addresses only.
unsafe impl Sync for Stack {}

impl Stack {
    /// The stack of `class` that starts at `bottom`.
    ///
    /// # Safety
    ///
    /// `class.size()` bytes from `bottom` lie in one arena's mapping and belong to no other `Stack`.
    /// `bottom` is page-aligned.
    unsafe fn new(bottom: NonNull<u8>, class: Class) -> Stack {
        debug_assert_eq!(bottom.addr().get() & class::TAG_MASK, 0);
        Stack {
            tagged: bottom.map_addr(|addr| addr | class.tag()),
        }
    }

    /// The lowest address: that of the guard.
    #[inline]
    fn bottom(&self) -> NonNull<u8> {
        // SAFETY: the tag was put on top of the lowest address by `new`; both lie within the stack.
        unsafe { self.tagged.byte_sub(self.tag()) }
    }

    #[inline]
    fn tag(&self) -> usize {
        self.tagged.addr().get() & class::TAG_MASK
    }

    /// One past the highest address.
    fn end(&self) -> *mut u8 {
        self.bottom().as_ptr().wrapping_add(self.size())
    }

    /// The size class, which a cache needs to be asked for another like this one.
    #[inline]
    pub(crate) fn class(&self) -> Class {
        Class::from_tag(self.tag())
    }

    /// The spacing in bytes: guard, frames, header and colour together.
    #[inline]
    pub(crate) fn size(&self) -> usize {
        self.class().size()
    }

    /// Numbers the stacks of a class in address order: neighbours differ by one.
    #[inline]
    pub(crate) fn index(&self) -> usize {
        self.bottom().addr().get() >> self.class().shift()
    }

    /// Where the [`HEADER`] bytes for the context object start; frames start right below.
    ///
    /// Aligned to 64. The bytes are writable and belong to the stack's owner; a stack that is taken
    /// anew holds anything there.
    #[inline]
    pub(crate) fn header(&self) -> NonNull<u8> {
        let below_top = (self.index() % COLOURS) * COLOUR + HEADER;
        // SAFETY: colour and header are smaller than the smallest class (asserted above), so the
        // result lies within the stack's own addresses.
        unsafe { self.bottom().add(self.size() - below_top) }
    }
}

// SAFETY: `limit` to `base` is owned by this value and stays mapped for ever (arenas are never
// unmapped); the lowest pages are a guard, installed before the stack leaves this module; more than
// MIN_STACK_SIZE bytes remain in the smallest class (asserted above, and by `class_of` for the
// system's page size). `base` is aligned to 64.
unsafe impl corosensei::stack::Stack for Stack {
    #[inline]
    fn base(&self) -> corosensei::stack::StackPointer {
        self.header().addr()
    }

    #[inline]
    fn limit(&self) -> corosensei::stack::StackPointer {
        self.bottom().addr()
    }
}
