//! Messages: what a process sends to another.
//!
//! A message is any `'static` value that is [`Send`] and [`Debug`]. It travels in one
//! allocation, its [`Envelope`], from the sender to the receiver's mailbox and out again:
//! neither queueing nor forwarding an [`AnyMessage`] allocates or copies the payload.
//!
//! ```text
//!   Envelope<T>   next | key | vtable | generation, kind | payload: T
//!                 '------------- Header ---------------'
//! ```
//!
//! Invariants:
//! * `header.vtable` was made for the payload's type, and `header.key` is that type's key. Both
//!   are written once, by `Envelope::fill`.
//! * An envelope's memory has the layout `Layout::new::<Envelope<T>>()` and comes from the global
//!   allocator (through [`crate::pool`], which caches such blocks by layout), so that a
//!   `Box<Envelope<T>>` may own it.
//! * Whoever holds an `AnyMessage` owns the envelope alone; queues own what they hold.

use std::any::{Any, TypeId};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::mem;
use std::ptr::{self, NonNull};

use crate::loom::cell::UnsafeCell;
use crate::mailbox::trail::Hint;
use crate::pool;

/// What can be sent to a process: implemented for every type that is `'static`, [`Send`] and
/// [`Debug`](fmt::Debug).
///
/// `Debug` is required so that traces, crash reports and process information can show a mailbox.
/// Closures and foreign types that lack it travel in an [`Opaque`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent as a message",
    label = "a message is `Send`, `'static` and `Debug`",
    note = "add `#[derive(Debug)]` to the type, or wrap it: `Opaque(value)`"
)]
pub trait Message: Any + Send + fmt::Debug {}

#[diagnostic::do_not_recommend]
impl<T: Any + Send + fmt::Debug> Message for T {}

/// A message whose payload has no [`Debug`](fmt::Debug) form, or shall not show it: closures,
/// foreign types, secrets.
///
/// ```
/// use runtime::{AnyMessage, Opaque};
///
/// let message = AnyMessage::new(Opaque(|x: u32| x + 1));
/// assert!(format!("{message:?}").starts_with("Opaque"));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Opaque<T>(pub T);

impl<T> fmt::Debug for Opaque<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opaque<{}>", std::any::type_name::<T>())
    }
}

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
}

/// The type-independent part of an envelope.
#[repr(C)]
pub(crate) struct Header {
    /// The older neighbour in an inbox, the younger one in a private queue; null outside both.
    pub(crate) next: UnsafeCell<*mut Header>,
    pub(crate) key: u64,
    pub(crate) vtable: &'static Vtable,
    /// The generation of the slot that the envelope was sent to.
    pub(crate) generation: u32,
    pub(crate) kind: Kind,
    /// Goes before ordinary messages. Heeded only in what is no plain message on its way.
    pub(crate) priority: bool,
    /// Of an answer: its sender, whom the alias's monitor watches, has ended its half of that.
    pub(crate) settled: bool,
    /// Where the next ones of a chain may lie.
    pub(crate) hint: Hint,
}

pub(crate) struct Vtable {
    pub(crate) type_id: TypeId,
    pub(crate) type_name: fn() -> &'static str,
    key: fn() -> u64,
    /// # Safety
    /// The envelope's payload is of the vtable's type.
    debug: unsafe fn(NonNull<Header>, &mut fmt::Formatter<'_>) -> fmt::Result,
    /// # Safety
    /// As `debug`; the envelope is owned by the caller and gone afterwards.
    drop: unsafe fn(NonNull<Header>),
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
    const VTABLE: Vtable = Vtable {
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
    fn fill(block: NonNull<Envelope<T>>, payload: T, kind: Kind, key: u64) -> NonNull<Envelope<T>> {
        // SAFETY: the block is fresh and of this type's layout.
        unsafe {
            block.write(Envelope {
                header: Header {
                    next: UnsafeCell::new(ptr::null_mut()),
                    key,
                    vtable: const { &Self::VTABLE },
                    generation: 0,
                    kind,
                    priority: false,
                    settled: false,
                    hint: Hint::default(),
                },
                payload,
            });
        }
        block
    }
}

/// Frees an envelope's memory, not its payload.
struct Block<T>(NonNull<Envelope<T>>);

impl<T> Drop for Block<T> {
    fn drop(&mut self) {
        // SAFETY: made where the payload has been moved out or dropped, by the envelope's owner;
        // the memory has this type's layout.
        unsafe { pool::free(self.0) };
    }
}

/// Any message, its type erased.
///
/// Sending an `AnyMessage` on forwards the envelope it came in; it is never wrapped in another.
///
/// ```
/// use runtime::AnyMessage;
///
/// let message = AnyMessage::new(7u32);
/// assert!(message.is::<u32>());
/// assert_eq!(message.downcast::<u32>().unwrap(), 7);
/// ```
pub struct AnyMessage(NonNull<Header>);

// SAFETY: every constructor demands `T: Message`, hence `Send`; the envelope has one owner.
unsafe impl Send for AnyMessage {}
impl AnyMessage {
    /// Puts a message in an envelope. An `AnyMessage` is returned as it is.
    #[inline]
    pub fn new<T: Message>(message: T) -> AnyMessage {
        if is_any::<T>() {
            let message = mem::ManuallyDrop::new(message);
            // SAFETY: `T` is `AnyMessage`; the original is not dropped.
            return unsafe { mem::transmute_copy::<T, AnyMessage>(&message) };
        }
        let block = pool::allocate::<Envelope<T>>();
        AnyMessage(Envelope::fill(block, message, Kind::Message, type_key::<T>()).cast())
    }

    /// As [`new`](AnyMessage::new), for a caller that has its thread's record at hand.
    #[cfg(not(loom))]
    #[inline]
    pub(crate) fn new_on<T: Message>(thread: &crate::thread::Thread, message: T) -> AnyMessage {
        if is_any::<T>() {
            return AnyMessage::new(message);
        }
        let block = pool::allocate_on::<Envelope<T>>(thread);
        AnyMessage(Envelope::fill(block, message, Kind::Message, type_key::<T>()).cast())
    }

    /// An envelope that carries a signal to the runtime half of its receiver.
    pub(crate) fn signal<T: Message>(signal: T) -> AnyMessage {
        let block = pool::allocate::<Envelope<T>>();
        AnyMessage(Envelope::fill(block, signal, Kind::Signal, type_key::<T>()).cast())
    }

    /// Addresses the message to the alias of this number.
    pub(crate) fn address_to_alias(&mut self, number: u64, priority: bool) {
        let header = self.header_mut();
        header.kind = Kind::Aliased;
        header.key = number;
        header.priority = priority;
    }

    /// The number of the alias that the message was addressed to, which is an ordinary one from now
    /// on.
    pub(crate) fn take_alias(&mut self) -> u64 {
        let header = self.header_mut();
        header.kind = Kind::Message;
        std::mem::replace(&mut header.key, (header.vtable.key)())
    }

    /// Whether the message is a `T`. Every message is an `AnyMessage`.
    #[inline]
    pub fn is<T: Message>(&self) -> bool {
        is_any::<T>() || self.holds::<T>()
    }

    /// Whether the payload is a `T`; none is an `AnyMessage`.
    #[inline]
    fn holds<T: Message>(&self) -> bool {
        let header = self.header();
        // One type may have several copies of its vtable; but two types never share one.
        ptr::eq(header.vtable, const { &Envelope::<T>::VTABLE })
            // The key sorts out nearly all others without touching the vtable.
            || (header.key == type_key::<T>() && header.vtable.type_id == TypeId::of::<T>())
    }

    /// The message, if it is a `T`.
    #[inline]
    pub fn downcast_ref<T: Message>(&self) -> Option<&T> {
        if is_any::<T>() {
            // SAFETY: `T` is `AnyMessage`.
            return Some(unsafe { &*ptr::from_ref(self).cast::<T>() });
        }
        self.payload()
    }

    /// The payload, if it is a `T`.
    #[inline]
    pub(crate) fn payload<T: Message>(&self) -> Option<&T> {
        if self.holds::<T>() {
            // SAFETY: the payload is a `T` (just checked), owned by `self`.
            Some(unsafe { &(*self.0.cast::<Envelope<T>>().as_ptr()).payload })
        } else {
            None
        }
    }

    /// As [`payload`](AnyMessage::payload), to be changed.
    pub(crate) fn payload_mut<T: Message>(&mut self) -> Option<&mut T> {
        if self.holds::<T>() {
            // SAFETY: as in `payload`, and `self` is borrowed alone.
            Some(unsafe { &mut (*self.0.cast::<Envelope<T>>().as_ptr()).payload })
        } else {
            None
        }
    }

    /// Takes the message out if it is a `T`.
    ///
    /// # Errors
    ///
    /// Gives the message back if it is of another type.
    #[inline]
    pub fn downcast<T: Message>(self) -> Result<T, AnyMessage> {
        if is_any::<T>() {
            let message = mem::ManuallyDrop::new(self);
            // SAFETY: `T` is `AnyMessage`; the original is not dropped.
            return Ok(unsafe { mem::transmute_copy::<AnyMessage, T>(&message) });
        }
        if !self.holds::<T>() {
            return Err(self);
        }
        let envelope = self.into_raw().cast::<Envelope<T>>();
        let _block = Block(envelope);
        // SAFETY: the payload is a `T`; it is moved out once, and `_block` frees only the memory.
        Ok(unsafe { ptr::read(&raw const (*envelope.as_ptr()).payload) })
    }

    /// As [`downcast`](AnyMessage::downcast), for a caller that has its thread's record at hand.
    #[cfg(not(loom))]
    #[inline]
    pub(crate) fn downcast_on<T: Message>(
        self,
        thread: &crate::thread::Thread,
    ) -> Result<T, AnyMessage> {
        if is_any::<T>() || !self.holds::<T>() {
            return self.downcast();
        }
        let envelope = self.into_raw().cast::<Envelope<T>>();
        // SAFETY: the payload is a `T`, and moved out; what is freed is only the memory.
        unsafe {
            let payload = ptr::read(&raw const (*envelope.as_ptr()).payload);
            pool::free_on(thread, envelope);
            Ok(payload)
        }
    }

    /// The name of the message's type, for people.
    pub fn type_name(&self) -> &'static str {
        (self.header().vtable.type_name)()
    }

    /// The envelope itself, if it holds a `T`.
    #[doc(hidden)]
    #[inline]
    pub fn into_envelope<T: Message>(self) -> Result<Box<Envelope<T>>, AnyMessage> {
        if !self.holds::<T>() {
            return Err(self);
        }
        // SAFETY: an envelope's memory comes from the global allocator with the layout of
        // `Envelope<T>` (module invariant), and `self` owned it.
        Ok(unsafe { Box::from_raw(self.into_raw().cast::<Envelope<T>>().as_ptr()) })
    }

    /// The type key: equal for equal types, almost always different for different ones.
    #[doc(hidden)]
    #[inline]
    pub fn key(&self) -> u64 {
        self.header().key
    }

    #[inline]
    pub(crate) fn header(&self) -> &Header {
        // SAFETY: `self` owns the envelope.
        unsafe { self.0.as_ref() }
    }

    #[inline]
    pub(crate) fn header_mut(&mut self) -> &mut Header {
        // SAFETY: `self` owns the envelope.
        unsafe { self.0.as_mut() }
    }

    /// Gives up the ownership of the envelope.
    #[inline]
    pub(crate) fn into_raw(self) -> NonNull<Header> {
        mem::ManuallyDrop::new(self).0
    }

    /// # Safety
    ///
    /// `header` came from [`into_raw`](AnyMessage::into_raw), and its ownership passes to the
    /// result.
    #[inline]
    pub(crate) unsafe fn from_raw(header: NonNull<Header>) -> AnyMessage {
        AnyMessage(header)
    }
}

impl<T: Message> From<Box<Envelope<T>>> for AnyMessage {
    #[inline]
    fn from(envelope: Box<Envelope<T>>) -> AnyMessage {
        AnyMessage(NonNull::from(Box::leak(envelope)).cast())
    }
}

impl Drop for AnyMessage {
    #[inline]
    fn drop(&mut self) {
        let drop = self.header().vtable.drop;
        // SAFETY: `self` owns the envelope and is gone after this.
        unsafe { drop(self.0) };
    }
}

/// Shows the message as its own `Debug` does.
impl fmt::Debug for AnyMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: the vtable belongs to the envelope (module invariant).
        unsafe { (self.header().vtable.debug)(self.0, f) }
    }
}

/// Whether `T` is [`AnyMessage`] itself: known when the program is compiled.
#[inline]
pub(crate) fn is_any<T: 'static>() -> bool {
    TypeId::of::<T>() == TypeId::of::<AnyMessage>()
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

#[cfg(all(test, not(loom)))]
mod tests;
