//! Many requests under way, answered in whatever order.
//!
//! Called by users, in the process that has made the requests. Invariant: no answer to one of them lies in the
//! mailbox before `from`: a wait begins there.

use std::collections::HashMap;
use std::fmt;

use super::call::{self, Checked, Receipt, RequestId};
use crate::mailbox::deadline::IntoDeadline;
use crate::mailbox::receive::receive_beyond;
use crate::mailbox::reference::Ref;
use crate::message::{AnyMessage, Message};

/// Requests under way, each with a label. Dropped, it gives up those whose answers have not come. Mirrors
/// `gen_server:request_id_collection/0`.
pub struct RequestIds<R, L> {
    requests: HashMap<Ref, (RequestId<R>, L)>,
    /// Where in the mailbox their answers may begin.
    from: (u64, u32),
    /// How many messages were looked at.
    #[cfg(test)]
    examined: std::cell::Cell<usize>,
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
            from: (0, 0),
            #[cfg(test)]
            examined: Default::default(),
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
        let marker = request.tag.marker();
        let ((position, epoch), (its, its_epoch)) = (self.from, marker);
        self.from = match () {
            () if self.requests.is_empty() => marker,
            () if epoch == its_epoch => (position.min(its), epoch),
            // Places have moved between them.
            () => (0, 0),
        };
        self.requests.insert(request.tag, (request, label));
    }

    /// The requests and their labels. Mirrors `gen_server:reqids_to_list/1`.
    pub fn iter(&self) -> impl Iterator<Item = (&RequestId<R>, &L)> {
        self.requests
            .values()
            .map(|(request, label)| (request, label))
    }

    fn tag_of(&self, message: &AnyMessage) -> Option<Ref> {
        #[cfg(test)]
        self.examined.set(self.examined.get() + 1);
        let tag = call::tag_of(message)?;
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
    ///
    /// # Panics
    ///
    /// Outside a process, and inside a guard, unless the collection is empty.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn wait_response(&mut self, deadline: impl IntoDeadline) -> Collected<R, L> {
        if self.requests.is_empty() {
            return Collected::NoRequest;
        }
        let mut from = self.from;
        let message = receive_beyond(&mut from, deadline.into_deadline(), |message| {
            self.tag_of(message).is_some()
        });
        self.from = from;
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
    ///
    /// # Panics
    ///
    /// As [`wait_response`](RequestIds::wait_response).
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn receive_response(&mut self, deadline: impl IntoDeadline) -> Collected<R, L> {
        let collected = self.wait_response(deadline);
        if matches!(collected, Collected::Timeout) {
            self.give_up();
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

impl<R, L> RequestIds<R, L> {
    /// Gives all of them up at once: each by itself would look through the mailbox.
    fn give_up(&mut self) {
        let requests = self.requests.values();
        let tags: Vec<Ref> = requests
            .filter_map(|(request, _)| request.take_outstanding())
            .collect();
        call::give_up(&tags);
        self.requests.clear();
    }
}

impl<R, L> Drop for RequestIds<R, L> {
    fn drop(&mut self) {
        self.give_up();
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

#[cfg(all(test, not(loom)))]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::prelude::*;
    use crate::request::{Call, send_request};

    const LEFT: usize = 100_000;
    const REQUESTS: usize = 50;

    /// Answers in the order opposite to that of the requests, with a stranger's message before each.
    fn server() {
        let mut calls = Vec::new();
        for _ in 0..REQUESTS {
            calls.push(receive_type::<Call<u32>>());
        }
        for Call { client, request } in calls.into_iter().rev() {
            send(client.pid(), "a stranger's");
            client.of::<u32>().reply(request + 1);
        }
    }

    /// However long the mailbox was before the first request, and whatever comes between the answers, each
    /// message that came since is looked at once, and none before.
    #[crate::test]
    fn each_is_looked_at_once() {
        for n in 0..LEFT {
            send(self_pid(), n);
        }
        let pid = spawn!(server);
        let mut requests = RequestIds::new();
        for n in 0..REQUESTS as u32 {
            requests.add(send_request::<u32, u32>(pid, n), n);
        }
        for n in (0..REQUESTS as u32).rev() {
            match requests.wait_response(None) {
                Collected::Response(answer, label) => {
                    assert_eq!((answer, label), (Ok(n + 1), n));
                }
                other => panic!("{other:?}"),
            }
        }
        // The tag is asked for once more of what was taken.
        let examined = requests.examined.get();
        assert!(examined <= 3 * REQUESTS, "{examined}");
        // A request that is added late is found, though the mailbox was looked at beyond its answer.
        let pid = spawn!(|| {
            for _ in 0..2 {
                let Call { client, request } = receive_type::<Call<u32>>();
                client.of::<u32>().reply(request);
            }
        });
        let (early, late) = (
            send_request::<u32, u32>(pid, 1),
            send_request::<u32, u32>(pid, 2),
        );
        let both = monitor(pid);
        receive! { Down { monitor, .. } if monitor == both => {} }
        requests.add(late, 2);
        let found = requests.wait_response(Duration::ZERO);
        assert!(matches!(found, Collected::Response(Ok(2), 2)), "{found:?}");
        requests.add(early, 1);
        let found = requests.wait_response(Duration::ZERO);
        assert!(matches!(found, Collected::Response(Ok(1), 1)), "{found:?}");
    }
}
