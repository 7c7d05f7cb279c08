//! Messages: what a process sends to another.
//!
//! A message is any `'static` value that is [`Send`] and [`Debug`]. It travels in one
//! allocation, its [`Envelope`], from the sender to the receiver's mailbox and out again:
//! neither queueing nor forwarding an [`AnyMessage`] allocates or copies the payload.
//!
//! [`envelope`] has its parts, and what holds of them.

mod envelope;
#[cfg(all(test, not(loom)))]
mod tests;

use std::any::{Any, TypeId};
use std::fmt;
use std::mem;
use std::ptr::{self, NonNull};

use envelope::{Block, PRIORITY};
pub(crate) use envelope::{Creator, Header, Kind, answer_key};
pub use envelope::{Envelope, type_key};

use crate::pool;
use crate::process::pid::Pid;

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
        header.marks = if priority { PRIORITY } else { 0 };
    }

    /// Makes it a request: the number of its tag, and who made that.
    #[inline]
    pub(crate) fn make_request(&mut self, creator: Creator, number: u64) {
        self.make(Kind::Request, creator, number);
    }

    /// Makes it a reply to the request with this tag.
    #[inline]
    pub(crate) fn make_reply(&mut self, creator: Creator, number: u64) {
        self.make(Kind::Reply, creator, number);
    }

    #[inline]
    fn make(&mut self, kind: Kind, creator: Creator, number: u64) {
        let header = self.header_mut();
        header.kind = kind;
        header.creator = creator;
        header.key = number;
        header.marks = 0;
    }

    /// The number of the alias that it was addressed to, or of its request's monitor. It has arrived: a reply is an
    /// answer from now on, and all else an ordinary message.
    #[inline]
    pub(crate) fn arrive(&mut self) -> u64 {
        let header = self.header_mut();
        let number = header.key;
        match header.kind {
            Kind::Reply => {
                header.kind = Kind::Answer;
                header.key = answer_key(number);
            }
            _ => self.make_message(),
        }
        number
    }

    #[inline]
    fn make_message(&mut self) {
        let header = self.header_mut();
        header.kind = Kind::Message;
        header.key = (header.vtable.key)();
    }

    /// The watcher of a request on its way, and the number of its monitor.
    pub(crate) fn requested(&self) -> Option<(Pid, u64)> {
        let header = self.header();
        match header.kind {
            Kind::Request => Some((header.creator.pid()?, header.key)),
            _ => None,
        }
    }

    /// The request that it answers: who made it, and its number.
    #[inline]
    pub(crate) fn answered(&self) -> Option<(Pid, u64)> {
        let header = self.header();
        match header.kind {
            Kind::Answer => Some((header.creator.pid()?, header.key >> 1)),
            _ => None,
        }
    }

    /// What an answer says, as the message that it was; any other message as it is.
    #[inline]
    pub(crate) fn open(mut self) -> AnyMessage {
        self.make_message();
        self
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
        // The key sorts out nearly all others without touching the vtable, and an answer too.
        header.key == type_key::<T>()
            // One type may have several copies of its vtable; but two types never share one.
            && (ptr::eq(header.vtable, const { &Envelope::<T>::VTABLE })
                || header.vtable.type_id == TypeId::of::<T>())
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

/// Shows the message as its own `Debug` does, and an answer with the number of its request.
impl fmt::Debug for AnyMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Payload<'a>(&'a AnyMessage);

        impl fmt::Debug for Payload<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                // SAFETY: the vtable belongs to the envelope (module invariant).
                unsafe { (self.0.header().vtable.debug)(self.0.0, f) }
            }
        }

        match self.answered() {
            Some((_, number)) => f
                .debug_struct("Answer")
                .field("request", &number)
                .field("answer", &Payload(self))
                .finish(),
            None => fmt::Debug::fmt(&Payload(self), f),
        }
    }
}

/// Whether `T` is [`AnyMessage`] itself: known when the program is compiled.
#[inline]
pub(crate) fn is_any<T: 'static>() -> bool {
    TypeId::of::<T>() == TypeId::of::<AnyMessage>()
}
