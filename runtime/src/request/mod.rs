//! The client half of every behaviour: calls, requests and their answers.
//!
//! A call monitors the server with an alias for the answer, sends a [`Call`], and waits for the
//! answer that comes over the alias, or for the monitor's [`Down`](crate::Down). The alias lives until the first
//! answer, or until the client gives up; so a late answer never arrives. The wait looks behind the
//! place where the mailbox ended when the call began: it costs the same behind any number of
//! messages.
//!
//! When a call times out, the caller looks at the server, and at whom that waits for ([`Snapshot`]). Until then
//! that costs nothing: the call that a process waits for has a place of its own in its relations.
//!
//! A server takes [`Call`]s and [`Cast`]s of its types from its mailbox, and answers with
//! [`From::reply`]. `sys`, `genserver` and `gun` stand on this.

mod call;
mod collection;
mod error;
mod global;
mod server;
mod snapshot;

pub use call::{
    Checked, Receipt, RequestId, call, call_as, cast, check_response, receive_response,
    send_request, wait_response,
};
pub use collection::{Collected, RequestIds};
pub use error::{CallError, Failure};
pub use global::Global;
pub use server::{NameRegistry, NodeName, ServerRef};
pub use snapshot::{Activity, Seen, Snapshot};

use std::fmt;
use std::marker::PhantomData;

use crate::mailbox::reference::Ref;
use crate::message::{AnyMessage, Creator, Message};
use crate::process::pid::Pid;
use crate::process::{activity, current};

/// A request that waits for an answer, as a server finds it in its mailbox: Erlang's
/// `{'$gen_call', From, Request}`.
#[derive(Debug)]
pub struct Call<Q> {
    /// Whom to answer. Its type says nothing of the answer's: see [`Client::of`].
    pub client: Client,
    /// What is asked.
    pub request: Q,
}

/// A request without an answer, as a server finds it in its mailbox: Erlang's
/// `{'$gen_cast', Request}`.
#[derive(Debug)]
pub struct Cast<Q> {
    /// What is to be done.
    pub request: Q,
}

/// Who made a request: Erlang's `From`, whose tag is opaque.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Client {
    creator: Creator,
    /// Of the request's tag, its monitor and its alias.
    number: u64,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tag = Ref::unmarked(self.pid(), self.number);
        f.debug_struct("Client")
            .field("pid", &self.pid())
            .field("tag", &tag)
            .finish()
    }
}

impl Client {
    /// The one who waits under this reference.
    fn of_tag(tag: Ref) -> Client {
        Client {
            creator: tag.creator().into(),
            number: tag.number(),
        }
    }

    /// The process that waits.
    pub fn pid(self) -> Pid {
        match self.creator.pid() {
            Some(pid) => pid,
            None => unreachable!("it is made of a process's reference"),
        }
    }

    /// To be answered by an `R`.
    pub fn of<R>(self) -> From<R> {
        From {
            client: self,
            answer: PhantomData,
        }
    }
}

/// Who made a request, and is to be answered by an `R`: by the server, or by whoever was given this.
///
/// Mirrors the `From` of `gen_server:reply/2`.
pub struct From<R> {
    client: Client,
    answer: PhantomData<fn(R)>,
}

impl<R: Message> From<R> {
    /// Answers. The second answer to a request has no effect, nor has one to a client that has given up, or is
    /// dead.
    ///
    /// Mirrors `gen_server:reply/2`.
    pub fn reply(self, answer: R) {
        crate::send::answer(self.client.pid(), self.client.number, answer);
    }
}

impl<R> From<R> {
    /// The process that waits.
    pub fn pid(&self) -> Pid {
        self.client.pid()
    }

    /// The client, whatever its answer's type.
    pub fn client(&self) -> Client {
        self.client
    }
}

impl<R> Clone for From<R> {
    fn clone(&self) -> From<R> {
        *self
    }
}

impl<R> Copy for From<R> {}

impl<R> fmt::Debug for From<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "From<{}>", self.client.pid())
    }
}

/// The calling process takes system messages only from now on, or others again. For `sys`: a client whose call
/// times out is told so.
///
/// # Panics
///
/// Outside a process.
#[doc(hidden)]
pub fn note_suspended(suspended: bool) {
    activity::suspended(current("note_suspended"), suspended);
}

/// The request's type, if the message is a call or a cast of whatever type: what a server finds that was
/// asked by one who took it for another.
#[doc(hidden)]
pub fn foreign_request(message: &AnyMessage) -> Option<&'static str> {
    if message.answered().is_some() {
        return None;
    }
    // The type is not known here, and has no key that all `Call`s share: but its name has.
    let name = message.type_name();
    let kind = name.strip_prefix(module_path!())?;
    (kind.starts_with("::Call<") || kind.starts_with("::Cast<")).then_some(name)
}
