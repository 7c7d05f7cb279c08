//! The mailbox as a future, and as a stream: messages beside sockets and timers.
//!
//! A mail future scans the mailbox as a receive does, from its own save position. If nothing is for it,
//! it leaves its waker with the process, and how far it looked: see `mailbox::awaited`.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::mailbox::awaited;
use crate::mailbox::receive::keys;
use crate::mailbox::scan::{Position, mark_of, position_of, scan};
use crate::message::{AnyMessage, Message};
use crate::process::pid::Pid;
use crate::process::slot::bit;
use crate::process::{current, guarded};
use crate::scheduler;

/// Waits for the next message, of whatever type.
///
/// As [`receive_any`](crate::receive_any), for a future.
pub fn receive() -> Receive<AnyMessage> {
    receive_type()
}

/// Waits for the first message that is a `T`; others stay in the mailbox.
///
/// As [`receive_type`](fn@crate::receive_type), for a future.
pub fn receive_type<T: Message>() -> Receive<T> {
    receive_where(|_| true)
}

/// Waits for the first message that is a `T` and that `wanted` accepts; others stay in the mailbox.
///
/// As [`receive_where`](fn@crate::receive_where), for a future.
///
/// ```
/// use runtime::future::receive_where;
/// use runtime::prelude::*;
///
/// # runtime::run(|| {
/// for n in 1..=4u32 {
///     send(self_pid(), n);
/// }
/// let even = runtime::block_on(receive_where(|n: &u32| n % 2 == 0));
/// assert_eq!(even, 2);
/// # });
/// ```
pub fn receive_where<T, W>(wanted: W) -> Receive<T, W>
where
    T: Message,
    W: FnMut(&T) -> bool,
{
    Receive {
        looked: None,
        wanted,
        message: PhantomData,
    }
}

/// A future message: see [`receive`].
///
/// It belongs to the process that polls it, and takes the message out of its mailbox when it is ready,
/// not before: dropped sooner, it has taken nothing.
#[must_use = "a future does nothing unless it is polled"]
pub struct Receive<T, W = fn(&T) -> bool> {
    /// Whose mailbox it has looked at, and how far.
    looked: Option<(Pid, (u64, u32))>,
    wanted: W,
    message: PhantomData<fn() -> T>,
}

impl<T, W: Unpin> Unpin for Receive<T, W> {}

impl<T: Message, W: FnMut(&T) -> bool + Unpin> Future for Receive<T, W> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let slot = current("receive");
        assert!(!slot.has(bit::GUARD), "a receive inside a guard");
        if scheduler::is_spent(cx) {
            return Poll::Pending;
        }
        let me = slot.pid();
        let looked = self.looked.filter(|(pid, _)| *pid == me);
        let mut position = Position {
            urgent: 0,
            ordinary: looked.map_or(0, |(_, marker)| position_of(slot, marker)),
        };
        let keys = keys::<T>();
        let wanted = &mut self.wanted;
        let picked = scan(
            slot,
            &mut position,
            keys.as_ref().map(|keys| &keys[..]),
            &mut |cursor| {
                let message = cursor.message.as_ref().and_then(AnyMessage::downcast_ref);
                u32::from(message.is_some_and(|message| guarded(|| wanted(message))))
            },
        );
        let message = picked
            .and_then(|picked| picked.message)
            .and_then(|message| message.downcast().ok());
        if let Some(message) = message {
            scheduler::spend(1);
            return Poll::Ready(message);
        }
        let marker = mark_of(slot);
        self.looked = Some((me, marker));
        awaited::wait(slot, cx.waker(), marker);
        Poll::Pending
    }
}

/// The messages of the process that polls it, as they come. It has no end.
///
/// ```
/// use futures_util::StreamExt;
/// use runtime::prelude::*;
///
/// # runtime::run(|| {
/// send(self_pid(), "first");
/// send(self_pid(), "second");
/// let mut messages = runtime::future::messages();
/// let both = runtime::block_on(async { [messages.next().await, messages.next().await] });
/// assert!(both.iter().flatten().all(|message| message.is::<&str>()));
/// # });
/// ```
pub fn messages() -> Messages {
    Messages(receive())
}

/// A stream of messages: see [`messages`].
#[must_use = "a stream does nothing unless it is polled"]
#[derive(Debug)]
pub struct Messages(Receive<AnyMessage>);

impl Stream for Messages {
    type Item = AnyMessage;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<AnyMessage>> {
        Pin::new(&mut self.0).poll(cx).map(Some)
    }
}

impl<T, W> fmt::Debug for Receive<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Receive<{}>", std::any::type_name::<T>())
    }
}
