//! Sending: to a pid, an alias, a registered name; and the answer to a call.
//!
//! Called by users, and by `request` for answers. A message is put into its envelope here; `scheduler::deliver`
//! brings it to its process.
//!
//! Invariants: no send is a switch point; what a process sends after its fatal exit has no effect.

use crate::error::SendError;
use crate::mailbox::reference::Ref;
use crate::message::{AnyMessage, Message};
use crate::process::pid::Pid;
use crate::registry::{self, Name};
use crate::scheduler;
use crate::signal::relations::Watcher;
use crate::signal::{self, monitor};
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

/// To an alias: see [`alias`](crate::alias).
impl Destination for Ref {
    type Output = ();

    fn send(self, message: impl Message) {
        to_alias(self, message, false);
    }
}

/// Answers the request of the process `to` with this number, over its alias. If it is the caller that the request's
/// monitor watches, it forgets that first, and the client need not tell it to.
pub(crate) fn answer(to: Pid, number: u64, message: impl Message) {
    let thread = thread::this();
    let mut message = AnyMessage::new_on(thread, message);
    message.make_reply(to.into(), number);
    let watcher = Watcher::new(to, number);
    match thread.process() {
        Some(slot) if signal::has_effect(slot) && monitor::settle(slot, watcher) => {
            message.header_mut().set_settled();
            // Whatever becomes of the caller now: no `Down` comes in the answer's place.
            scheduler::deliver_signal(to, message);
        }
        _ => scheduler::deliver_on(thread, to, message),
    }
}

fn to_alias(alias: Ref, message: impl Message, priority: bool) {
    let mut message = AnyMessage::new(message);
    message.address_to_alias(alias.number(), priority);
    scheduler::deliver(alias.creator(), message);
}

/// To a registered name; an error if nobody has it.
impl Destination for &str {
    type Output = Result<(), SendError>;

    fn send(self, message: impl Message) -> Result<(), SendError> {
        match registry::whereis(self) {
            Some(pid) => {
                pid.send(message);
                Ok(())
            }
            None => Err(SendError {
                name: self.into(),
                message: AnyMessage::new(message),
            }),
        }
    }
}

/// To a registered name; an error if nobody has it.
impl Destination for &Name {
    type Output = Result<(), SendError>;

    fn send(self, message: impl Message) -> Result<(), SendError> {
        self.as_str().send(message)
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

/// Sends a message to an alias, to go before the ordinary messages in the mailbox, and behind
/// earlier ones of its kind: if the alias was made for that, by
/// [`alias_priority`](crate::alias_priority). To another alias it is an ordinary message.
///
/// Only its place in the mailbox differs: a receive cannot tell it from others.
///
/// Mirrors `erlang:send/3` with the option `priority`.
///
/// ```
/// use runtime::prelude::*;
/// use runtime::{AliasMode, alias_priority, send_priority};
///
/// # runtime::run(|| {
/// let alias = alias_priority(AliasMode::ExplicitUnalias);
/// send(self_pid(), "first sent");
/// send_priority(alias, "urgent");
/// assert_eq!(receive_type::<&str>(), "urgent");
/// # });
/// ```
pub fn send_priority(alias: Ref, message: impl Message) {
    to_alias(alias, message, true);
}
