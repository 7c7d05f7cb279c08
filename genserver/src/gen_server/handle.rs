//! What clients hold of a server: who it is, with its type, so that a wrong request does not compile. Its functions
//! are those of [`runtime::request`], and keep nothing of the process: a [`Server`] may be of one that has ended.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use runtime::request::{self, CallError, NodeName, RequestId, ServerRef, call, cast, send_request};
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
    ///
    /// ```
    #[doc = include_str!("../../doc/counter.txt")]
    /// # runtime::run(|| {
    /// Options::<Counter>::new().name("counter").start(40).unwrap();
    /// assert_eq!(Server::<Counter>::of("counter").call(2), Ok(42));
    /// # });
    /// ```
    pub fn of(server: impl Into<ServerRef>) -> Server<S> {
        Server {
            server: server.into(),
            kind: PhantomData,
        }
    }

    /// How it is named.
    ///
    /// ```
    #[doc = include_str!("../../doc/counter.txt")]
    /// # runtime::run(|| {
    /// let counter = gen_server::start_link::<Counter>(40).unwrap();
    /// let pid = counter.whereis().unwrap();
    /// assert_eq!(*counter.server_ref(), pid.into());
    /// # });
    /// ```
    pub fn server_ref(&self) -> &ServerRef {
        &self.server
    }

    /// The process that it is now.
    ///
    /// ```
    #[doc = include_str!("../../doc/counter.txt")]
    /// # runtime::run(|| {
    /// let counter = Server::<Counter>::of("counter");
    /// assert_eq!(counter.whereis(), None);
    /// Options::<Counter>::new().name("counter").start(40).unwrap();
    /// assert!(counter.whereis().is_some());
    /// # });
    /// ```
    pub fn whereis(&self) -> Option<Pid> {
        self.server.whereis()
    }

    /// Calls it, and waits for the answer, for five seconds at most. A switch point. Mirrors
    /// `gen_server:call/2`.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    ///
    /// ```
    #[doc = include_str!("../../doc/counter.txt")]
    /// # runtime::run(|| {
    /// let counter = gen_server::start_link::<Counter>(40).unwrap();
    /// assert_eq!(counter.call(2), Ok(42));
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn call(&self, request: S::Call) -> Result<S::Reply, CallError> {
        call(&self.server, request, CALL_TIMEOUT)
    }

    /// As [`call`](Server::call), with a deadline. Mirrors `gen_server:call/3`.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    ///
    /// ```
    #[doc = include_str!("../../doc/counter.txt")]
    /// # runtime::run(|| {
    /// use genserver::Failure;
    ///
    /// let counter = gen_server::start_link::<Counter>(40).unwrap();
    /// assert_eq!(counter.call_timeout(2, None), Ok(42)); // waits for ever
    /// sys::suspend(&counter).unwrap();
    /// let time = Duration::from_millis(1);
    /// let error = counter.call_timeout(2, time).unwrap_err();
    /// assert_eq!(error.failure, Failure::Timeout(time));
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn call_timeout(
        &self,
        request: S::Call,
        deadline: impl IntoDeadline,
    ) -> Result<S::Reply, CallError> {
        call(&self.server, request, deadline)
    }

    /// Sends it what is to be done. Mirrors `gen_server:cast/2`.
    ///
    /// ```
    #[doc = include_str!("../../doc/counter.txt")]
    /// # runtime::run(|| {
    /// let counter = gen_server::start_link::<Counter>(40).unwrap();
    /// counter.cast(1);
    /// assert_eq!(counter.call(1), Ok(42));
    /// counter.stop().unwrap();
    /// counter.cast(1); // nobody is there: no error
    /// # });
    /// ```
    pub fn cast(&self, request: S::Cast) {
        cast(&self.server, request);
    }

    /// Calls it, and waits for the answer later. Mirrors `gen_server:send_request/2`.
    ///
    /// ```
    #[doc = include_str!("../../doc/counter.txt")]
    /// # runtime::run(|| {
    /// use genserver::request::receive_response;
    ///
    /// let counter = gen_server::start_link::<Counter>(40).unwrap();
    /// let request = counter.send_request(2);
    /// // Whatever else there is to do.
    /// assert_eq!(receive_response(request, None), Some(Ok(42)));
    /// # });
    /// ```
    pub fn send_request(&self, request: S::Call) -> RequestId<S::Reply> {
        send_request(&self.server, request)
    }

    /// Ends it normally, and waits until it is dead. Mirrors `gen_server:stop/1`.
    ///
    /// # Errors
    ///
    /// See [`StopError`].
    ///
    /// ```
    #[doc = include_str!("../../doc/counter.txt")]
    /// # runtime::run(|| {
    /// use genserver::gen_server::StopError;
    ///
    /// let counter = gen_server::start_link::<Counter>(40).unwrap();
    /// assert_eq!(counter.stop(), Ok(()));
    /// assert_eq!(counter.stop(), Err(StopError::NoProc));
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn stop(&self) -> Result<(), StopError> {
        stop(&self.server, ExitReason::Normal, None)
    }
}

/// Calls the servers of a name on all nodes given, and gives their answers, and the nodes without one, each in the
/// order of the nodes. Mirrors `gen_server:multi_call/4`.
///
/// # Panics
///
/// Outside a process.
///
/// ```
#[doc = include_str!("../../doc/counter.txt")]
/// # runtime::run(|| {
/// use genserver::gen_server::{NodeName, multi_call};
///
/// Options::<Counter>::new().name("counter").start(40).unwrap();
/// let elsewhere = NodeName::Named("other@host".into());
/// let nodes = [NodeName::Local, elsewhere.clone()];
/// let (replies, bad) = multi_call::<Counter>(&nodes, "counter", 2, None);
/// assert_eq!(replies, [(NodeName::Local, 42)]);
/// assert_eq!(bad, [elsewhere]);
/// # });
/// ```
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
    let ask =
        |node: &NodeName| send_request::<S::Call, S::Reply>(node.server(name), request.clone());
    let requests: Vec<_> = nodes.iter().map(ask).collect();
    let until = timeout.and_then(|timeout| runtime::now().checked_add(timeout));
    let (mut replies, mut bad) = (Vec::new(), Vec::new());
    for (node, id) in nodes.iter().cloned().zip(requests) {
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

/// Casts to the servers of a name on all nodes given; one that does not exist is no error. Mirrors
/// `gen_server:abcast/3`.
///
/// ```
#[doc = include_str!("../../doc/counter.txt")]
/// # runtime::run(|| {
/// use genserver::gen_server::{NodeName, abcast};
///
/// let counter = Options::<Counter>::new().name("counter").start(40).unwrap();
/// abcast::<Counter>(&[NodeName::Local], "counter", 1);
/// assert_eq!(counter.call(1), Ok(42));
/// # });
/// ```
pub fn abcast<S: GenServer>(nodes: &[NodeName], name: &str, request: S::Cast)
where
    S::Cast: Clone,
{
    for node in nodes {
        cast(node.server(name), request.clone());
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
