//! Sending.

use crate::message::{AnyMessage, Message};
use crate::process::pid::Pid;
use crate::scheduler;
use crate::thread;

/// Where a message can be sent.
pub trait Destination {
    /// What [`send`] returns: nothing where sending cannot fail.
    type Output;

    /// Sends; see [`send`](fn@send).
    fn send(self, message: impl Message) -> Self::Output;
}

impl Destination for Pid {
    type Output = ();

    #[inline]
    fn send(self, message: impl Message) {
        let thread = thread::this();
        scheduler::deliver_on(thread, self, AnyMessage::new_on(thread, message));
    }
}

/// Sends a message to a process. Never blocks, and never fails: a message to a dead process is
/// dropped.
///
/// Messages from one process to another arrive in the order in which they were sent. An
/// [`AnyMessage`] is forwarded in the envelope it came in.
///
/// Mirrors `erlang:send/2`, `Pid ! Message`.
///
/// ```
/// use runtime::prelude::*;
///
/// # runtime::run(|| {
/// send(self_pid(), "hello");
/// assert_eq!(receive_type::<&str>(), "hello");
/// # });
/// ```
#[inline]
pub fn send<D: Destination>(to: D, message: impl Message) -> D::Output {
    to.send(message)
}
