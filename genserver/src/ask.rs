//! How the functions of a client that `#[gen_server]` writes make their requests: the receiver, a [`Server`] or one
//! with a deadline or for later, says how the answer is waited for. Called by that code alone.

use std::fmt;

use runtime::request::{CallError, RequestId, call, cast, send_request};
use runtime::{IntoDeadline, Message};

use crate::gen_server::{CALL_TIMEOUT, GenServer, Server};

/// Whom a server of the type `S` is asked through: it says how a call's answer is waited for.
///
/// The client of a server that has [`#[gen_server]`](macro@crate::gen_server) has its functions on each
/// of them:
///
/// | | a call gives | |
/// |---|---|---|
/// | [`Server`] | `Result<R, CallError>` | waits for five seconds at most |
/// | [`Server::timeout`] | `Result<R, CallError>` | waits until the deadline |
/// | [`Server::later`] | [`RequestId<R>`] | does not wait |
pub trait Ask<S: GenServer> {
    /// What a call gives that is answered by an `R`.
    type Out<R>;

    /// Makes a call.
    #[doc(hidden)]
    fn ask<R: Message>(&self, request: S::Call) -> Self::Out<R>;

    /// Makes a cast.
    #[doc(hidden)]
    fn tell(&self, request: S::Cast);
}

/// A server whose answers are waited for until a deadline: see [`Server::timeout`].
pub struct WithTimeout<'s, S, D> {
    server: &'s Server<S>,
    deadline: D,
}

/// A server whose answers are waited for later: see [`Server::later`].
pub struct Later<'s, S> {
    server: &'s Server<S>,
}

impl<S: GenServer> Server<S> {
    /// The client's functions, with a deadline for the answer: a [`Duration`](std::time::Duration), an
    /// [`Instant`](std::time::Instant), or an `Option<Duration>` (`None`: for ever).
    ///
    /// ```
    /// use genserver::gen_server;
    /// use std::time::Duration;
    ///
    /// struct Lamp(bool);
    ///
    /// #[gen_server]
    /// impl Lamp {
    ///     #[init]
    ///     fn init(on: bool) -> Self { Lamp(on) }
    ///     #[call]
    ///     fn is_on(&self) -> bool { self.0 }
    /// }
    ///
    /// # runtime::run(|| {
    /// let lamp = gen_server::start_link::<Lamp>(true).unwrap();
    /// assert_eq!(lamp.timeout(Duration::from_secs(60)).is_on(), Ok(true));
    /// # });
    /// ```
    pub fn timeout<D: IntoDeadline + Copy>(&self, deadline: D) -> WithTimeout<'_, S, D> {
        WithTimeout {
            server: self,
            deadline,
        }
    }

    /// The client's functions, whose answers are waited for later: they give a [`RequestId`]. Mirrors
    /// `gen_server:send_request/2`.
    ///
    /// ```
    /// use genserver::gen_server;
    /// use genserver::request::receive_response;
    ///
    /// struct Lamp(bool);
    ///
    /// #[gen_server]
    /// impl Lamp {
    ///     #[init]
    ///     fn init(on: bool) -> Self { Lamp(on) }
    ///     #[call]
    ///     fn is_on(&self) -> bool { self.0 }
    /// }
    ///
    /// # runtime::run(|| {
    /// let lamp = gen_server::start_link::<Lamp>(true).unwrap();
    /// let request = lamp.later().is_on();
    /// assert_eq!(receive_response(request, None), Some(Ok(true)));
    /// # });
    /// ```
    pub fn later(&self) -> Later<'_, S> {
        Later { server: self }
    }
}

impl<S: GenServer> Ask<S> for Server<S> {
    type Out<R> = Result<R, CallError>;

    #[cfg_attr(debug_assertions, track_caller)]
    fn ask<R: Message>(&self, request: S::Call) -> Result<R, CallError> {
        call(self.server_ref(), request, CALL_TIMEOUT)
    }

    fn tell(&self, request: S::Cast) {
        cast(self.server_ref(), request);
    }
}

impl<S: GenServer, D: IntoDeadline + Copy> Ask<S> for WithTimeout<'_, S, D> {
    type Out<R> = Result<R, CallError>;

    #[cfg_attr(debug_assertions, track_caller)]
    fn ask<R: Message>(&self, request: S::Call) -> Result<R, CallError> {
        call(self.server.server_ref(), request, self.deadline)
    }

    fn tell(&self, request: S::Cast) {
        self.server.tell(request);
    }
}

impl<S: GenServer> Ask<S> for Later<'_, S> {
    type Out<R> = RequestId<R>;

    fn ask<R: Message>(&self, request: S::Call) -> RequestId<R> {
        send_request(self.server.server_ref(), request)
    }

    fn tell(&self, request: S::Cast) {
        self.server.tell(request);
    }
}

impl<S, D: fmt::Debug> fmt::Debug for WithTimeout<'_, S, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithTimeout")
            .field("server", self.server)
            .field("deadline", &self.deadline)
            .finish()
    }
}

impl<S> fmt::Debug for Later<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Later")
            .field("server", self.server)
            .finish()
    }
}
