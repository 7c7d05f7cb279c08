//! `gen_server(3erl)`: the server of a client-server relation.
//!
//! A server is a process with a state, which answers [calls](Server::call) and takes [casts](Server::cast), one at a
//! time. Its type implements [`GenServer`]: the state is `self`, and each callback says what comes next. Without the
//! callbacks, as plain methods with a typed client, [`#[gen_server]`](macro@crate::gen_server) writes it.
//! [`start_link`] starts one, with a name and more [`Options`] if need be; clients hold a [`Server`], or ask by pid or
//! name with [`call`] and [`cast`].
//!
//! ```
//! use genserver::{Called, From, GenServer, Init, Never, Server};
//! use genserver::gen_server::reply;
//! use runtime::ExitReason;
//!
//! struct Counter(u64);
//!
//! impl GenServer for Counter {
//!     type Args = u64;
//!     type Call = u64;
//!     type Reply = u64;
//!     type Cast = Never;
//!     type Continue = Never;
//!
//!     fn init(start: u64) -> Result<Init<Self>, ExitReason> {
//!         Ok(Counter(start).into())
//!     }
//!
//!     fn handle_call(&mut self, by: u64, _: From<u64>) -> Result<Called<u64>, ExitReason> {
//!         self.0 += by;
//!         Ok(reply(self.0))
//!     }
//! }
//!
//! # runtime::run(|| {
//! let counter: Server<Counter> = genserver::gen_server::start_link(40).unwrap();
//! assert_eq!(counter.call(2), Ok(42));
//! counter.stop().unwrap();
//! # });
//! ```

// This file has the trait and what its callbacks return; `start` starts servers, `process` is a server's life, `handle`
// is what clients hold, `report` what is told of a server.
mod handle;
mod process;
mod report;
mod start;

pub use crate::proc_lib::{StartError, StopError, stop};
pub use handle::{Server, abcast, multi_call};
pub use process::{CodeChange, Timeout, WrongRequest};
pub use report::FormatStatus;
pub(crate) use report::report_no_handle_info;
pub use runtime::request::{
    From, NodeName, RequestId, RequestIds, call, cast, check_response, receive_response,
    send_request, wait_response,
};
pub use start::{EnterLoopError, Options, enter_loop, start, start_link, start_monitor};

use std::any::Any;
use std::fmt;
use std::time::Duration;

use runtime::{AnyMessage, ExitReason, Message, Until};

/// How long a call waits, if nothing else is said. Mirrors the default of `gen_server:call/2`.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// A server's state and callbacks; `Self` is the state.
///
/// Each callback returns a `Result`: an error ends the server with that reason, as does a panic, or
/// [`exit`](runtime::exit). Then, and when a callback says so, [`terminate`](GenServer::terminate) is
/// called. A callback may block, as any process may; others' messages wait meanwhile.
pub trait GenServer: Sized + Send + 'static {
    /// What [`init`](GenServer::init) is given.
    type Args: Send + 'static;
    /// What clients ask.
    type Call: Message;
    /// What they are answered.
    type Reply: Message;
    /// What clients want done. [`Never`], if there is none.
    type Cast: Message;
    /// What [`handle_continue`](GenServer::handle_continue) is given. [`Never`], if there is none.
    type Continue: Send + 'static;

    /// Makes the state, in the new process; whoever starts the server waits for it. Mirrors `init/1`.
    ///
    /// # Errors
    ///
    /// The server does not start, and ends with this reason.
    ///
    /// ```
    /// # use genserver::gen_server::{self, done, reply};
    /// # use genserver::{Action, Called, Done, From, GenServer, Init, Never, Server};
    /// # use runtime::prelude::*;
    /// struct Cache(Vec<u32>);
    ///
    /// impl GenServer for Cache {
    ///     type Args = usize;
    ///     // ..
    /// #   type Call = ();
    /// #   type Reply = usize;
    /// #   type Cast = Never;
    /// #   type Continue = Never;
    /// #   fn handle_call(&mut self, _: (), _: From<usize>) -> Result<Called<usize>, ExitReason> { Ok(reply(self.0.capacity())) }
    ///
    ///     fn init(size: usize) -> Result<Init<Self>, ExitReason> {
    ///         if size == 0 {
    ///             return Ok(Init::Ignore);
    ///         }
    ///         Ok(Cache(Vec::with_capacity(size)).into())
    ///     }
    /// }
    ///
    /// # runtime::run(|| {
    /// assert!(gen_server::start_link::<Cache>(10).is_ok());
    /// assert!(matches!(gen_server::start_link::<Cache>(0), Err(genserver::StartError::Ignore)));
    /// # });
    /// ```
    fn init(args: Self::Args) -> Result<Init<Self, Self::Continue>, ExitReason>;

    /// Answers a call; or not yet: `from` may be answered at any time, by anybody. Mirrors
    /// `handle_call/3`.
    ///
    /// # Errors
    ///
    /// The server ends with this reason.
    ///
    /// ```
    /// # use genserver::gen_server::{self, done, reply};
    /// # use genserver::{Action, Called, Done, From, GenServer, Init, Never, Server};
    /// # use runtime::prelude::*;
    /// struct Sum(u32);
    ///
    /// impl GenServer for Sum {
    ///     type Call = Option<u32>;
    ///     type Reply = u32;
    ///     // ..
    /// #   type Args = ();
    /// #   type Cast = Never;
    /// #   type Continue = Never;
    /// #   fn init(_: ()) -> Result<Init<Self>, ExitReason> { Ok(Sum(0).into()) }
    ///
    ///     /// Answers with the sum; none is the last call.
    ///     fn handle_call(&mut self, by: Option<u32>, _: From<u32>) -> Result<Called<u32>, ExitReason> {
    ///         match by {
    ///             Some(by) => self.0 += by,
    ///             None => return Ok(Called::StopReply(ExitReason::Normal, self.0)),
    ///         }
    ///         Ok(reply(self.0))
    ///     }
    /// }
    ///
    /// # runtime::run(|| {
    /// let sum = gen_server::start_link::<Sum>(()).unwrap();
    /// assert_eq!(sum.call(Some(42)), Ok(42));
    /// assert_eq!(sum.call(None), Ok(42));
    /// # });
    /// ```
    fn handle_call(
        &mut self,
        request: Self::Call,
        from: From<Self::Reply>,
    ) -> Result<Called<Self::Reply, Self::Continue>, ExitReason>;

    /// Does what a cast asks. Mirrors `handle_cast/2`; without it a cast ends the server, with
    /// [`Undefined`].
    ///
    /// # Errors
    ///
    /// The server ends with this reason.
    ///
    /// ```
    /// # use genserver::gen_server::{self, done, reply};
    /// # use genserver::{Action, Called, Done, From, GenServer, Init, Never, Server};
    /// # use runtime::prelude::*;
    /// #[derive(Clone, Debug, Default)]
    /// struct Sum(u32);
    ///
    /// impl GenServer for Sum {
    ///     // ..
    #[doc = include_str!("../../doc/rest.txt")]
    ///     type Cast = u32;
    /// #   type Continue = Never;
    ///
    ///     fn handle_cast(&mut self, by: u32) -> Result<Done, ExitReason> {
    ///         self.0 += by;
    ///         Ok(done())
    ///     }
    /// }
    ///
    /// # runtime::run(|| {
    /// let sum = gen_server::start_link::<Sum>(()).unwrap();
    /// sum.cast(42);
    /// assert_eq!(sum.call(()), Ok(42));
    /// # });
    /// ```
    fn handle_cast(&mut self, request: Self::Cast) -> Result<Done<Self::Continue>, ExitReason> {
        drop(request);
        Err(ExitReason::other(Undefined("handle_cast")))
    }

    /// Takes any other message, and [`Timeout`]. Mirrors `handle_info/2`; without it the message is
    /// reported, and dropped.
    ///
    /// # Errors
    ///
    /// The server ends with this reason.
    ///
    /// ```
    /// # use genserver::gen_server::{self, done, reply};
    /// # use genserver::{Action, Called, Done, From, GenServer, Init, Never, Server};
    /// # use runtime::prelude::*;
    /// #[derive(Clone, Debug, Default)]
    /// struct Sum(u32);
    ///
    /// impl GenServer for Sum {
    ///     // ..
    #[doc = include_str!("../../doc/rest.txt")]
    /// #   type Cast = Never;
    /// #   type Continue = Never;
    ///
    ///     fn handle_info(&mut self, message: AnyMessage) -> Result<Done, ExitReason> {
    ///         match_message!(message {
    ///             by: u32 => self.0 += by,
    ///             other => println!("unexpected: {other:?}"),
    ///         });
    ///         Ok(done())
    ///     }
    /// }
    ///
    /// # runtime::run(|| {
    /// let sum = gen_server::start_link::<Sum>(()).unwrap();
    /// send(sum.whereis().unwrap(), 42u32);
    /// assert_eq!(sum.call(()), Ok(42));
    /// # });
    /// ```
    fn handle_info(&mut self, message: AnyMessage) -> Result<Done<Self::Continue>, ExitReason> {
        report_no_handle_info::<Self>(&message);
        Ok(Done::Go(Action::Wait))
    }

    /// Goes on after a callback that returned [`Action::Continue`], before any message is taken. Mirrors
    /// `handle_continue/2`.
    ///
    /// # Errors
    ///
    /// The server ends with this reason.
    ///
    /// ```
    /// # use genserver::gen_server::{self, done, reply};
    /// # use genserver::{Action, Called, Done, From, GenServer, Init, Never, Server};
    /// # use runtime::prelude::*;
    /// #[derive(Clone, Debug, Default)]
    /// struct Sum(u32);
    ///
    /// impl GenServer for Sum {
    ///     // ..
    #[doc = include_str!("../../doc/rest.txt")]
    ///     type Cast = u32;
    ///     type Continue = u32;
    ///
    ///     fn handle_cast(&mut self, by: u32) -> Result<Done<u32>, ExitReason> {
    ///         Ok(done().continue_with(by)) // before anything else is done
    ///     }
    ///
    ///     fn handle_continue(&mut self, by: u32) -> Result<Done<u32>, ExitReason> {
    ///         self.0 += by;
    ///         Ok(done())
    ///     }
    /// }
    ///
    /// # runtime::run(|| {
    /// let sum = gen_server::start_link::<Sum>(()).unwrap();
    /// sum.cast(42);
    /// assert_eq!(sum.call(()), Ok(42));
    /// # });
    /// ```
    fn handle_continue(
        &mut self,
        with: Self::Continue,
    ) -> Result<Done<Self::Continue>, ExitReason> {
        drop(with);
        Err(ExitReason::other(Undefined("handle_continue")))
    }

    /// Cleans up before the server ends with `reason`: after a callback that stops it or has failed, when
    /// it traps exits and its parent has ended or its node shuts down, and when it is told to stop. Not when it is killed.
    /// Mirrors `terminate/2`.
    ///
    /// ```
    /// # use genserver::gen_server::{self, done, reply};
    /// # use genserver::{Action, Called, Done, From, GenServer, Init, Never, Server};
    /// # use runtime::prelude::*;
    /// #[derive(Clone, Debug, Default)]
    /// struct Sum(u32);
    ///
    /// impl GenServer for Sum {
    ///     // ..
    #[doc = include_str!("../../doc/rest.txt")]
    /// #   type Cast = Never;
    /// #   type Continue = Never;
    ///
    ///     fn terminate(&mut self, reason: &ExitReason) {
    ///         println!("{} at {reason}", self.0);
    ///     }
    /// }
    ///
    /// # runtime::run(|| {
    /// let sum = gen_server::start_link::<Sum>(()).unwrap();
    /// sum.stop().unwrap(); // prints "0 at normal"
    /// # });
    /// ```
    fn terminate(&mut self, reason: &ExitReason) {
        let _ = reason;
    }

    /// Changes the state for new code, with what [`sys::change_code`] was given. Mirrors `code_change/3`.
    ///
    /// # Errors
    ///
    /// The change is refused.
    ///
    /// ```
    /// # use genserver::gen_server::{self, done, reply};
    /// # use genserver::{Action, Called, Done, From, GenServer, Init, Never, Server};
    /// # use runtime::prelude::*;
    /// #[derive(Clone, Debug, Default)]
    /// struct Sum(u32);
    ///
    /// impl GenServer for Sum {
    ///     // ..
    #[doc = include_str!("../../doc/rest.txt")]
    /// #   type Cast = Never;
    /// #   type Continue = Never;
    ///
    ///     fn code_change(&mut self, extra: Box<dyn std::any::Any + Send>) -> Result<(), ExitReason> {
    ///         let new = extra.downcast().map_err(|_| ExitReason::other("no number"))?;
    ///         self.0 = *new;
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # runtime::run(|| {
    /// let sum = gen_server::start_link::<Sum>(()).unwrap();
    /// sys::suspend(&sum).unwrap();
    /// assert_eq!(sys::change_code(&sum, 42u32), Ok(()));
    /// sys::resume(&sum).unwrap();
    /// assert_eq!(sum.call(()), Ok(42));
    /// # });
    /// ```
    fn code_change(&mut self, extra: Box<dyn Any + Send>) -> Result<(), ExitReason> {
        drop(extra);
        Err(ExitReason::other(Undefined("code_change")))
    }

    /// Changes what is told of the server: by [`sys::get_status`], and when it ends abnormally. If this panics, that
    /// is told in place of the state. Mirrors `format_status/1`.
    ///
    /// ```
    /// # use genserver::{Called, From, GenServer, Init, Never};
    /// # use genserver::gen_server::{FormatStatus, done, reply};
    /// # use runtime::ExitReason;
    /// #[derive(Debug)]
    /// struct Login {
    ///     user: String,
    ///     password: String,
    /// }
    ///
    /// impl GenServer for Login {
    ///     // ..
    /// #   type Args = ();
    /// #   type Call = ();
    /// #   type Reply = ();
    /// #   type Cast = Never;
    /// #   type Continue = Never;
    /// #   fn init(_: ()) -> Result<Init<Self>, ExitReason> {
    /// #       Ok(Login { user: "joe".into(), password: "secret".into() }.into())
    /// #   }
    /// #   fn handle_call(&mut self, _: (), _: From<()>) -> Result<Called<()>, ExitReason> { Ok(reply(())) }
    ///     fn format_status(&self, mut status: FormatStatus) -> FormatStatus {
    ///         status.state = format!("the login of {}", self.user);
    ///         status.log.clear();
    ///         status
    ///     }
    /// }
    ///
    /// # runtime::run(|| {
    /// let login = genserver::gen_server::start_link::<Login>(()).unwrap();
    /// assert_eq!(sys::get_status(&login).unwrap().state, "the login of joe");
    /// # });
    /// ```
    fn format_status(&self, status: FormatStatus) -> FormatStatus {
        status
    }

    /// How the state is shown: in reports, by [`sys::get_status`], in the events of debug functions. Without it the
    /// type's name is shown.
    ///
    /// ```
    /// # use genserver::gen_server::{self, done, reply};
    /// # use genserver::{Action, Called, Done, From, GenServer, Init, Never, Server};
    /// # use runtime::prelude::*;
    /// #[derive(Clone, Debug, Default)]
    /// struct Sum(u32);
    ///
    /// impl GenServer for Sum {
    ///     // ..
    #[doc = include_str!("../../doc/rest.txt")]
    /// #   type Cast = Never;
    /// #   type Continue = Never;
    ///
    ///     fn debug(&self) -> &dyn std::fmt::Debug {
    ///         self
    ///     }
    /// }
    ///
    /// # runtime::run(|| {
    /// let sum = gen_server::start_link::<Sum>(()).unwrap();
    /// assert_eq!(sys::get_status(&sum).unwrap().state, "Sum(0)");
    /// # });
    /// ```
    fn debug(&self) -> &dyn fmt::Debug {
        &process::TypeName::<Self>::NAME
    }
}

/// No value: the type of what a server does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Never {}

/// A callback was called that the server does not have: Erlang's `undef`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undefined(pub &'static str);

/// What a server does after a callback: the last element of OTP's tuples.
pub enum Action<C = Never> {
    /// Waits for the next message.
    Wait,
    /// If no message comes for so long, handles a [`Timeout`].
    Timeout(Duration),
    /// Waits hibernated.
    Hibernate,
    /// Calls [`GenServer::handle_continue`] at once.
    Continue(C),
    /// Unless another message comes before, handles this one at that time; system messages do not
    /// matter. Mirrors `{timeout, Time, Message}`.
    TimeoutMsg(Until, AnyMessage),
    /// As `TimeoutMsg`, hibernated.
    HibernateMsg(Until, AnyMessage),
}

/// What a call has come to.
pub enum Called<R, C = Never> {
    /// Here is the answer.
    Reply(R, Action<C>),
    /// The answer comes later, by [`From::reply`].
    NoReply(Action<C>),
    /// Here is the answer, and the server ends; [`GenServer::terminate`] first.
    StopReply(ExitReason, R),
    /// The server ends.
    Stop(ExitReason),
}

/// What another message has come to.
pub enum Done<C = Never> {
    /// The server goes on.
    Go(Action<C>),
    /// The server ends.
    Stop(ExitReason),
}

/// What the start has come to.
pub enum Init<S, C = Never> {
    /// The server runs.
    Ok(S, Action<C>),
    /// It does not start, and the process ends with this reason.
    Stop(ExitReason),
    /// It does not start, for this reason; the process ends normally.
    Error(ExitReason),
    /// It is not wanted; the process ends normally.
    Ignore,
}

/// The answer to a call; the server waits. Can be followed by [`timeout`](Called::timeout) and its like.
///
/// ```
/// use genserver::Called;
/// use genserver::gen_server::reply;
/// use std::time::Duration;
///
/// let answer: Called<u32> = reply(42).timeout(Duration::from_secs(1));
/// assert!(matches!(answer, Called::Reply(42, _)));
/// ```
pub fn reply<R, C>(answer: R) -> Called<R, C> {
    Called::Reply(answer, Action::Wait)
}

/// The server waits. Can be followed by [`timeout`](Done::timeout) and its like.
///
/// ```
/// use genserver::{Action, Done};
/// use genserver::gen_server::done;
///
/// let waits: Done = done();
/// assert!(matches!(waits, Done::Go(Action::Wait)));
/// ```
pub fn done<C>() -> Done<C> {
    Done::Go(Action::Wait)
}

impl<R, C> Called<R, C> {
    fn then(self, action: Action<C>) -> Called<R, C> {
        match self {
            Called::Reply(answer, _) => Called::Reply(answer, action),
            Called::NoReply(_) => Called::NoReply(action),
            stop => stop,
        }
    }

    /// Then handles a [`Timeout`] if no message comes for so long.
    ///
    /// ```
    /// # use genserver::{Action, Called};
    /// # use genserver::gen_server::reply;
    /// # use std::time::Duration;
    /// let answer: Called<u32, &str> = reply(42).timeout(Duration::from_secs(1));
    /// assert!(matches!(answer, Called::Reply(42, Action::Timeout(_))));
    /// ```
    pub fn timeout(self, time: Duration) -> Called<R, C> {
        self.then(Action::Timeout(time))
    }

    /// Then waits hibernated.
    ///
    /// ```
    /// # use genserver::{Action, Called};
    /// # use genserver::gen_server::reply;
    /// # use std::time::Duration;
    /// let answer: Called<u32, &str> = reply(42).hibernate();
    /// assert!(matches!(answer, Called::Reply(42, Action::Hibernate)));
    /// ```
    pub fn hibernate(self) -> Called<R, C> {
        self.then(Action::Hibernate)
    }

    /// Then calls [`GenServer::handle_continue`].
    ///
    /// ```
    /// # use genserver::{Action, Called};
    /// # use genserver::gen_server::reply;
    /// # use std::time::Duration;
    /// let answer: Called<u32, &str> = reply(42).continue_with("the rest");
    /// assert!(matches!(answer, Called::Reply(42, Action::Continue("the rest"))));
    /// ```
    pub fn continue_with(self, with: C) -> Called<R, C> {
        self.then(Action::Continue(with))
    }
}

impl<C> Done<C> {
    fn then(self, action: Action<C>) -> Done<C> {
        match self {
            Done::Go(_) => Done::Go(action),
            stop => stop,
        }
    }

    /// Then handles a [`Timeout`] if no message comes for so long.
    ///
    /// ```
    /// # use genserver::{Action, Done};
    /// # use genserver::gen_server::done;
    /// # use std::time::Duration;
    /// let goes_on: Done<&str> = done().timeout(Duration::from_secs(1));
    /// assert!(matches!(goes_on, Done::Go(Action::Timeout(_))));
    /// ```
    pub fn timeout(self, time: Duration) -> Done<C> {
        self.then(Action::Timeout(time))
    }

    /// Then waits hibernated.
    ///
    /// ```
    /// # use genserver::{Action, Done};
    /// # use genserver::gen_server::done;
    /// # use std::time::Duration;
    /// let goes_on: Done<&str> = done().hibernate();
    /// assert!(matches!(goes_on, Done::Go(Action::Hibernate)));
    /// ```
    pub fn hibernate(self) -> Done<C> {
        self.then(Action::Hibernate)
    }

    /// Then calls [`GenServer::handle_continue`].
    ///
    /// ```
    /// # use genserver::{Action, Done};
    /// # use genserver::gen_server::done;
    /// # use std::time::Duration;
    /// let goes_on: Done<&str> = done().continue_with("the rest");
    /// assert!(matches!(goes_on, Done::Go(Action::Continue("the rest"))));
    /// ```
    pub fn continue_with(self, with: C) -> Done<C> {
        self.then(Action::Continue(with))
    }
}

impl<S, C> std::convert::From<S> for Init<S, C> {
    fn from(state: S) -> Init<S, C> {
        Init::Ok(state, Action::Wait)
    }
}

impl<C: fmt::Debug> fmt::Debug for Action<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Wait => f.write_str("Wait"),
            Action::Timeout(time) => f.debug_tuple("Timeout").field(time).finish(),
            Action::Hibernate => f.write_str("Hibernate"),
            Action::Continue(with) => f.debug_tuple("Continue").field(with).finish(),
            Action::TimeoutMsg(until, message) => f
                .debug_tuple("TimeoutMsg")
                .field(until)
                .field(message)
                .finish(),
            Action::HibernateMsg(until, message) => f
                .debug_tuple("HibernateMsg")
                .field(until)
                .field(message)
                .finish(),
        }
    }
}
