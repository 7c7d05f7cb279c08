//! The envelope: one message, and what the runtime needs to know of it on its way.
//!
//! ```text
//!   Envelope<T>   next | key | vtable | creator, generation, kind | payload: T
//!                 '------------------ Header -------------------'
//! ```
//!
//! Invariants:
//! * `header.vtable` was made for the payload's type, and is written once, by `Envelope::fill`.
//! * `header.key` is that type's key in a [`Kind::Message`] and in signals. In the other kinds a number stands in
//!   its place, so that a message on its way, and an answer, is of no type.
//! * An envelope's memory has the layout `Layout::new::<Envelope<T>>()` and comes from the global
//!   allocator (through [`crate::pool`], which caches such blocks by layout), so that a
//!   `Box<Envelope<T>>` may own it.
//! * Whoever holds an `AnyMessage` owns the envelope alone; queues own what they hold.

use std::any::TypeId;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::num::NonZeroU32;
use std::ptr::{self, NonNull};

use super::Message;
use crate::loom::cell::UnsafeCell;
use crate::mailbox::trail::Hint;
use crate::pool;
use crate::process::pid::Pid;

/// What an envelope carries: a message, or a signal that the receiver's runtime half handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Message,
    /// The payload is a [`crate::signal::Signal`]; it never enters the scanned queue.
    Signal,
    /// As `Signal`; it ends a receiver that does not trap exits, whatever else is so.
    Exit,
    /// A message on its way to an alias, whose number stands in the header for the key.
    Aliased,
    /// A message on its way whose sender monitors the receiver from then on: the monitor's number and watcher stand
    /// in the header.
    Request,
    /// An answer on its way to an alias, as `Aliased`; there it becomes an `Answer`.
    Reply,
    /// An answer in the mailbox of its client, or of whomever it was sent on to: of no type until it is taken for its
    /// request, whose tag stands in the header. That has room for one number, so over an alias, or as a request or a
    /// reply, it is the message that it says.
    Answer,
}

impl Kind {
    /// Whether the payload is a signal, and nothing for the mailbox.
    #[inline]
    pub(crate) fn is_signal(self) -> bool {
        matches!(self, Kind::Signal | Kind::Exit)
    }

    /// Whether it lies in a mailbox as it is.
    #[inline]
    pub(crate) fn is_at_its_end(self) -> bool {
        matches!(self, Kind::Message | Kind::Answer)
    }
}

/// The process that made a reference, in what fits in a header: one of this node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Creator {
    index: u32,
    /// Zero: nobody.
    serial: u32,
}

impl Creator {
    #[inline]
    pub(crate) fn pid(self) -> Option<Pid> {
        NonZeroU32::new(self.serial).map(|serial| Pid::new(self.index, serial))
    }
}

impl From<Pid> for Creator {
    #[inline]
    fn from(pid: Pid) -> Creator {
        Creator {
            index: pid.index(),
            serial: pid.generation(),
        }
    }
}

/// The type-independent part of an envelope.
#[repr(C)]
pub(crate) struct Header {
    /// The older neighbour in an inbox, the younger one in a private queue; null outside both.
    pub(crate) next: UnsafeCell<*mut Header>,
    pub(crate) key: u64,
    pub(crate) vtable: &'static Vtable,
    /// Of a request or an answer: who made the request.
    pub(super) creator: Creator,
    /// The generation of the slot that the envelope was sent to.
    pub(crate) generation: u32,
    pub(crate) kind: Kind,
    /// [`PRIORITY`] and [`SETTLED`].
    pub(super) marks: u8,
    /// Where the next ones of a chain may lie.
    pub(crate) hint: Hint,
}

/// Goes before ordinary messages. Heeded only in what is no plain message on its way.
pub(super) const PRIORITY: u8 = 1;
/// Of an answer: its sender, whom the alias's monitor watches, has ended its half of that.
const SETTLED: u8 = 1 << 1;

// With one more word a message of 24 bytes would take two cache lines.
#[cfg(not(loom))]
const _: () = assert!(size_of::<Header>() == 40);

impl Header {
    pub(crate) fn has_priority(&self) -> bool {
        self.marks & PRIORITY != 0
    }

    pub(crate) fn set_priority(&mut self, priority: bool) {
        self.mark(PRIORITY, priority);
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.marks & SETTLED != 0
    }

    pub(crate) fn set_settled(&mut self) {
        self.mark(SETTLED, true);
    }

    fn mark(&mut self, mark: u8, on: bool) {
        self.marks = self.marks & !mark | if on { mark } else { 0 };
    }
}

/// What stands for the key in an answer to the request of this number: no type has an even key, and no request the
/// number zero.
#[inline]
pub(crate) fn answer_key(number: u64) -> u64 {
    number << 1
}

pub(crate) struct Vtable {
    pub(crate) type_id: TypeId,
    pub(crate) type_name: fn() -> &'static str,
    pub(super) key: fn() -> u64,
    /// # Safety
    /// The envelope's payload is of the vtable's type.
    pub(super) debug: unsafe fn(NonNull<Header>, &mut fmt::Formatter<'_>) -> fmt::Result,
    /// # Safety
    /// As `debug`; the envelope is owned by the caller and gone afterwards.
    pub(super) drop: unsafe fn(NonNull<Header>),
}

/// One message and its place in a queue.
///
/// The type is public for the macros alone; only they see its payload.
#[doc(hidden)]
#[repr(C, align(64))]
pub struct Envelope<T> {
    header: Header,
    /// The message.
    pub payload: T,
}

impl<T: Message> Envelope<T> {
    pub(super) const VTABLE: Vtable = Vtable {
        type_id: TypeId::of::<T>(),
        type_name: std::any::type_name::<T>,
        key: type_key::<T>,
        debug: |header, f| {
            // SAFETY: the vtable belongs to envelopes of `T` (module invariant).
            let envelope = unsafe { header.cast::<Envelope<T>>().as_ref() };
            fmt::Debug::fmt(&envelope.payload, f)
        },
        drop: |header| {
            let envelope = header.cast::<Envelope<T>>();
            // Frees the block even if the payload's destructor unwinds.
            let _block = Block(envelope);
            // SAFETY: the caller owns the envelope and gives it up.
            unsafe { ptr::drop_in_place(&raw mut (*envelope.as_ptr()).payload) };
        },
    };

    /// Fills a fresh block.
    #[inline]
    pub(super) fn fill(
        block: NonNull<Envelope<T>>,
        payload: T,
        kind: Kind,
        key: u64,
    ) -> NonNull<Envelope<T>> {
        // SAFETY: the block is fresh and of this type's layout.
        unsafe {
            block.write(Envelope {
                header: Header {
                    next: UnsafeCell::new(ptr::null_mut()),
                    key,
                    vtable: const { &Self::VTABLE },
                    creator: Creator::default(),
                    generation: 0,
                    kind,
                    marks: 0,
                    hint: Hint::default(),
                },
                payload,
            });
        }
        block
    }
}

/// Frees an envelope's memory, not its payload.
pub(super) struct Block<T>(pub(super) NonNull<Envelope<T>>);

impl<T> Drop for Block<T> {
    fn drop(&mut self) {
        // SAFETY: made where the payload has been moved out or dropped, by the envelope's owner;
        // the memory has this type's layout.
        unsafe { pool::free(self.0) };
    }
}

/// The first word of a type's `TypeId`: a filter before the exact comparison.
#[doc(hidden)]
#[inline]
pub fn type_key<T: 'static>() -> u64 {
    struct First(u64);
    impl Hasher for First {
        #[inline]
        fn finish(&self) -> u64 {
            self.0
        }
        #[inline]
        fn write(&mut self, bytes: &[u8]) {
            for &byte in bytes {
                self.0 = self.0.rotate_left(8) ^ u64::from(byte);
            }
        }
        #[inline]
        fn write_u64(&mut self, value: u64) {
            self.0 ^= value;
        }
    }
    let mut first = First(0);
    TypeId::of::<T>().hash(&mut first);
    // Zero marks an empty place in the queue.
    first.0 | 1
}
