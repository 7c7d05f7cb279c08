//! Many requests under way, answered in whatever order.

use std::collections::HashMap;
use std::fmt;

use super::call::{self, Checked, Receipt, RequestId};
use crate::mailbox::deadline::IntoDeadline;
use crate::mailbox::receive::receive_where;
use crate::mailbox::reference::Ref;
use crate::message::{AnyMessage, Message};
use crate::signal::monitor::Down;

/// Requests under way, each with a label. Mirrors `gen_server:request_id_collection/0`.
pub struct RequestIds<R, L> {
    requests: HashMap<Ref, (RequestId<R>, L)>,
}

/// What came for a collection.
#[derive(Debug)]
pub enum Collected<R, L> {
    /// The answer to the request of this label, which has left the collection.
    Response(Receipt<R>, L),
    /// Nothing in time.
    Timeout,
    /// The collection is empty.
    NoRequest,
}

impl<R: Message, L> RequestIds<R, L> {
    /// An empty collection. Mirrors `gen_server:reqids_new/0`.
    pub fn new() -> RequestIds<R, L> {
        RequestIds {
            requests: HashMap::new(),
        }
    }

    /// How many requests it has. Mirrors `gen_server:reqids_size/1`.
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// Adds a request. Mirrors `gen_server:reqids_add/3`; that the same is added twice is ruled out by
    /// ownership.
    pub fn add(&mut self, request: RequestId<R>, label: L) {
        self.requests.insert(request.tag, (request, label));
    }

    /// The requests and their labels. Mirrors `gen_server:reqids_to_list/1`.
    pub fn iter(&self) -> impl Iterator<Item = (&RequestId<R>, &L)> {
        self.requests
            .values()
            .map(|(request, label)| (request, label))
    }

    fn tag_of(&self, message: &AnyMessage) -> Option<Ref> {
        let reply = message.downcast_ref::<super::Reply>();
        let down = message.downcast_ref::<Down>();
        let tag = reply
            .map(|reply| reply.tag)
            .or(down.map(|down| down.monitor))?;
        self.requests.contains_key(&tag).then_some(tag)
    }

    fn take(&mut self, message: AnyMessage, tag: Ref) -> Collected<R, L> {
        match self.requests.remove(&tag) {
            Some((request, label)) => match call::check_response(message, &request) {
                Checked::Response(receipt) => Collected::Response(receipt, label),
                Checked::NoReply(_) => unreachable!("it has the request's tag"),
            },
            None => unreachable!("it was looked for"),
        }
    }

    /// Waits for the next answer to any of them, until the deadline. A switch point.
    ///
    /// Mirrors `gen_server:wait_response/3`, with `Delete` true.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn wait_response(&mut self, deadline: impl IntoDeadline) -> Collected<R, L> {
        if self.requests.is_empty() {
            return Collected::NoRequest;
        }
        let message = receive_where(deadline, |message| self.tag_of(message).is_some());
        let Some(message) = message else {
            return Collected::Timeout;
        };
        match self.tag_of(&message) {
            Some(tag) => self.take(message, tag),
            None => unreachable!("it was looked for"),
        }
    }

    /// As [`wait_response`](RequestIds::wait_response), and gives all of them up at the deadline.
    ///
    /// Mirrors `gen_server:receive_response/3`.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn receive_response(&mut self, deadline: impl IntoDeadline) -> Collected<R, L> {
        let collected = self.wait_response(deadline);
        if matches!(collected, Collected::Timeout) {
            for (_, (request, _)) in self.requests.drain() {
                request.abandon();
            }
        }
        collected
    }

    /// Whether a message that was received is the answer to one of them; else it is given back.
    ///
    /// Mirrors `gen_server:check_response/3`, with `Delete` true.
    ///
    /// # Errors
    ///
    /// It is none: the message.
    pub fn check_response(&mut self, message: AnyMessage) -> Result<Collected<R, L>, AnyMessage> {
        match self.tag_of(&message) {
            Some(tag) => Ok(self.take(message, tag)),
            None => Err(message),
        }
    }
}

impl<R: Message, L> Default for RequestIds<R, L> {
    fn default() -> RequestIds<R, L> {
        RequestIds::new()
    }
}

impl<R, L: fmt::Debug> fmt::Debug for RequestIds<R, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(
                self.requests
                    .values()
                    .map(|(request, label)| (request, label)),
            )
            .finish()
    }
}
