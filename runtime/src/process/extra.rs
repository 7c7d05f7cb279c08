//! The cold half of a process's data, allocated when first needed.
//!
//! Belongs to the holder of the process; see `slot`. What others may reach as well, its relations, its note and the
//! reason of a fatal exit, lies behind it in the same block and not in it, so that a reference to it never covers
//! that. Every process with a link or a monitor has one, so it is kept small, and comes from the pool.
//!
//! Invariants:
//! * No two references to one live at a time, and none over user code.
//! * Only the holder makes one; it is taken out of the slot under the slot's lock.

use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering};

use smallvec::SmallVec;

use super::activity::Note;
use super::exit::Seen;
use super::exit_reason::ExitReason;
use super::local::Local;
use super::span::Spans;
use crate::mailbox::awaited::Awaited;
use crate::mailbox::ring::Ring;
use crate::mailbox::scan::Position;
use crate::mailbox::urgent::Urgent;
use crate::message::AnyMessage;
use crate::pool;
use crate::signal::question::{Asked, Asking};
use crate::signal::relations::Relations;

/// Called with the reason when the process ends.
pub(crate) type AtEnd = Box<dyn FnOnce(&ExitReason) + Send>;

/// An `Extra` and what lies behind it.
#[derive(Default)]
#[repr(C, align(64))]
struct Whole {
    extra: Extra,
    /// Reached under the slot's lock only; see `signal::relations`.
    relations: Relations,
    /// Read by others under the slot's lock.
    note: Note,
    /// The reason of the fatal exit that is pending (`bit::FATAL`). Written once, under the slot's
    /// lock, under which the watchdog reads it.
    fatal: Option<Box<ExitReason>>,
}

/// What few processes need, or only at times.
#[derive(Default)]
pub(crate) struct Extra {
    /// Messages that were looked at and left, and the behaviour's save position among them.
    pub(crate) ring: Ring,
    pub(crate) save: Position,
    /// References made so far.
    pub(crate) references: u64,
    /// `process_local!` values, in the order in which they were made.
    pub(crate) locals: SmallVec<[Local; 1]>,
    pub(crate) asked: Asked,
    /// The mailbox has a limit, as `flag::LIMITED` tells others.
    pub(crate) limited: bool,
    pub(crate) rare: Option<Box<Rare>>,
}

/// What hardly any process needs.
#[derive(Default)]
pub(crate) struct Rare {
    /// Priority messages, once the process has agreed to some.
    pub(crate) urgent: Option<Box<Urgent>>,
    /// Messages to be dropped when no queue is being worked on.
    pub(crate) stale: Vec<AnyMessage>,
    /// What the panic hook saw.
    pub(crate) panic: Option<Seen>,
    /// The name for people.
    pub(crate) label: Option<String>,
    /// The questions that it asks.
    pub(crate) asking: Asking,
    /// Futures of its that wait for mail.
    pub(crate) awaited: Option<Box<Awaited>>,
    /// The spans that it was inside of when it was parked.
    pub(crate) spans: Option<Box<Spans>>,
    /// Whoever waits for the end, told its reason.
    pub(crate) at_end: Option<AtEnd>,
    /// The stack size asked for, in bytes; 0: the node's.
    pub(crate) stack_size: usize,
}

// Every server has one, and everyone with a link or a monitor; and the pool has them of such sizes.
const _: () = assert!(size_of::<Whole>() <= 256 && size_of::<Whole>() <= pool::LARGEST);

impl Extra {
    /// A fresh one, which [`Owned`] frees.
    pub(crate) fn make() -> *mut Extra {
        let block = pool::allocate::<Whole>();
        // SAFETY: the block is fresh and of this type's layout.
        unsafe { block.write(Whole::default()) };
        // Its first field.
        block.cast().as_ptr()
    }

    /// The relations that lie behind one.
    ///
    /// # Safety
    ///
    /// It comes from [`Extra::make`], and is not freed.
    pub(crate) unsafe fn relations(extra: *mut Extra) -> *mut Relations {
        // SAFETY: the caller's promise; the pointer is that of the whole block.
        unsafe { &raw mut (*extra.cast::<Whole>()).relations }
    }

    /// The note of what the process is at, which lies behind one. Read by others than the holder under the
    /// slot's lock.
    ///
    /// # Safety
    ///
    /// As [`relations`](Extra::relations).
    pub(crate) unsafe fn note(extra: *mut Extra) -> *const Note {
        // SAFETY: as in `relations`.
        unsafe { &raw const (*extra.cast::<Whole>()).note }
    }

    /// The reason of the fatal exit that is pending, which lies behind one. Written, and read by
    /// others than the holder, under the slot's lock.
    ///
    /// # Safety
    ///
    /// As [`relations`](Extra::relations).
    pub(crate) unsafe fn fatal(extra: *mut Extra) -> *mut Option<Box<ExitReason>> {
        // SAFETY: as in `relations`.
        unsafe { &raw mut (*extra.cast::<Whole>()).fatal }
    }

    /// What is rare, made on first use.
    pub(crate) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Whether there are messages to be dropped.
    #[inline]
    pub(crate) fn has_stale(&self) -> bool {
        let rare = self.rare.as_ref();
        rare.is_some_and(|rare| !rare.stale.is_empty())
    }

    /// Whether the process has agreed to priority messages.
    #[inline]
    pub(crate) fn is_urgent(&self) -> bool {
        let rare = self.rare.as_ref();
        rare.is_some_and(|rare| rare.urgent.is_some())
    }

    /// The priority messages, of a process that has agreed to some.
    pub(crate) fn urgent(&mut self) -> &mut Urgent {
        self.rare().urgent.get_or_insert_default()
    }

    /// Takes the oldest of the messages that were left, priority messages first.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<AnyMessage> {
        if self.ring.is_empty() && !self.is_urgent() {
            self.save = Position::default();
            return None;
        }
        self.pop_kept()
    }

    fn pop_kept(&mut self) -> Option<AnyMessage> {
        let rare = self.rare.as_mut();
        let urgent = rare.and_then(|rare| rare.urgent.as_mut());
        let urgent = urgent.and_then(|urgent| urgent.pop(&mut self.save.urgent));
        let oldest = urgent.or_else(|| self.ring.pop(&mut self.save.ordinary));
        if oldest.is_none() {
            self.save = Position::default();
        }
        oldest
    }
}

/// Where a slot has its `Extra`. Only the holder of the process changes it; the watchdog, who may
/// end a zombie, finds none, or a whole one.
#[derive(Default)]
pub(crate) struct Place(AtomicPtr<Extra>);

impl Place {
    #[inline]
    pub(crate) fn get(&self) -> *mut Extra {
        // Acquire: with the store below, for the watchdog.
        self.0.load(Ordering::Acquire)
    }

    #[inline]
    pub(crate) fn set(&self, extra: *mut Extra) {
        self.0.store(extra, Ordering::Release);
    }

    /// Takes it out. Under the slot's lock, since the watchdog may be using it.
    pub(crate) fn take(&self) -> *mut Extra {
        let extra = self.get();
        self.set(ptr::null_mut());
        extra
    }
}

/// One that is no longer reached from its slot.
pub(crate) struct Owned(NonNull<Whole>);

impl Owned {
    /// Takes it over, if there is one.
    ///
    /// # Safety
    ///
    /// Null, or from [`Extra::make`] and the caller's alone.
    pub(crate) unsafe fn from_raw(extra: *mut Extra) -> Option<Owned> {
        NonNull::new(extra.cast()).map(Owned)
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        /// Frees the block even if a destructor of what lay in it unwinds.
        struct Block(NonNull<Whole>);

        impl Drop for Block {
            fn drop(&mut self) {
                // SAFETY: made by `Extra::make`; its content is dropped.
                unsafe { pool::free(self.0) };
            }
        }

        let block = Block(self.0);
        // SAFETY: owned, and dropped once.
        unsafe { ptr::drop_in_place(block.0.as_ptr()) };
    }
}
