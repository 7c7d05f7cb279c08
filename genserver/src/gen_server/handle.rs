//! What clients hold of a server: who it is, with its type, so that a wrong request does not compile. Its functions
//! are those of [`runtime::request`], and keep nothing of the process: a [`Server`] may be of one that has ended.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use runtime::request::{self, CallError, RequestId, ServerRef, call, cast, send_request};
use runtime::{ExitReason, IntoDeadline, Pid};

use super::{CALL_TIMEOUT, GenServer};
use crate::proc_lib::{StopError, stop};

/// A server of a known type, by pid or name: what it is asked, and answers, is checked by the compiler.
pub struct Server<S> {
    server: ServerRef,
    kind: PhantomData<fn(S)>,
}

impl<S: GenServer> Server<S> {
    /// The server that this means, if it is one of that type: a wrong one ends when it is asked.
    pub fn of(server: impl Into<ServerRef>) -> Server<S> {
        Server {
            server: server.into(),
            kind: PhantomData,
        }
    }

    /// How it is named.
    pub fn server_ref(&self) -> &ServerRef {
        &self.server
    }

    /// The process that it is now.
    pub fn whereis(&self) -> Option<Pid> {
        self.server.whereis()
    }

    /// Calls it, and waits for the answer, for five seconds at most. A switch point. Mirrors
    /// `gen_server:call/2`.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn call(&self, request: S::Call) -> Result<S::Reply, CallError> {
        call(&self.server, request, CALL_TIMEOUT)
    }

    /// As [`call`](Server::call), with a deadline. Mirrors `gen_server:call/3`.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn call_timeout(
        &self,
        request: S::Call,
        deadline: impl IntoDeadline,
    ) -> Result<S::Reply, CallError> {
        call(&self.server, request, deadline)
    }

    /// Sends it what is to be done. Mirrors `gen_server:cast/2`.
    pub fn cast(&self, request: S::Cast) {
        cast(&self.server, request);
    }

    /// Calls it, and waits for the answer later. Mirrors `gen_server:send_request/2`.
    pub fn send_request(&self, request: S::Call) -> RequestId<S::Reply> {
        send_request(&self.server, request)
    }

    /// Ends it normally, and waits until it is dead. Mirrors `gen_server:stop/1`.
    ///
    /// # Errors
    ///
    /// See [`StopError`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn stop(&self) -> Result<(), StopError> {
        stop(&self.server, ExitReason::Normal, None)
    }
}

/// A node, as `multi_call` and `abcast` name it. For now there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NodeName {
    /// The caller's.
    Local,
}

/// Calls the servers of a name on all nodes given, and gives their answers, and the nodes without one. Mirrors
/// `gen_server:multi_call/4`.
///
/// # Panics
///
/// Outside a process.
#[cfg_attr(debug_assertions, track_caller)]
pub fn multi_call<S: GenServer>(
    nodes: &[NodeName],
    name: &str,
    request: S::Call,
    timeout: Option<Duration>,
) -> (Vec<(NodeName, S::Reply)>, Vec<NodeName>)
where
    S::Call: Clone,
{
    let requests: Vec<_> = nodes
        .iter()
        .map(|node| {
            (
                *node,
                send_request::<S::Call, S::Reply>(name, request.clone()),
            )
        })
        .collect();
    let until = timeout.and_then(|timeout| runtime::now().checked_add(timeout));
    let (mut replies, mut bad) = (Vec::new(), Vec::new());
    for (node, id) in requests {
        let answer = match until {
            Some(until) => request::receive_response(id, until),
            None => request::receive_response(id, None),
        };
        match answer {
            Some(Ok(reply)) => replies.push((node, reply)),
            Some(Err(_)) | None => bad.push(node),
        }
    }
    (replies, bad)
}

/// Casts to the servers of a name on all nodes given. Mirrors `gen_server:abcast/3`.
pub fn abcast<S: GenServer>(nodes: &[NodeName], name: &str, request: S::Cast)
where
    S::Cast: Clone,
{
    for _ in nodes {
        cast(name, request.clone());
    }
}

impl<S> Clone for Server<S> {
    fn clone(&self) -> Server<S> {
        Server {
            server: self.server.clone(),
            kind: PhantomData,
        }
    }
}

impl<S> PartialEq for Server<S> {
    fn eq(&self, other: &Server<S>) -> bool {
        self.server == other.server
    }
}

impl<S> fmt::Debug for Server<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server<{}>", self.server)
    }
}

impl<S> std::convert::From<Server<S>> for ServerRef {
    fn from(server: Server<S>) -> ServerRef {
        server.server
    }
}

impl<S> std::convert::From<&Server<S>> for ServerRef {
    fn from(server: &Server<S>) -> ServerRef {
        server.server.clone()
    }
}
