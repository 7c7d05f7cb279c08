//! What a request is told, and who gets what comes of it.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use runtime::{AnyMessage, Message, Pid, send};

use crate::message::StreamRef;

/// What is said of one request: Gun's `req_opts()`.
///
/// ```
/// use gun::{ReplyTo, ReqOpts};
/// use gun::http::Method;
/// use runtime::prelude::*;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let conn = server::conn();
/// # let tunnel = gun::connect(conn, gun::Destination::new("example.org", 80), (), ReqOpts::new());
/// # receive! { gun::TunnelUp { .. } => {} }
/// let me = self_pid();
/// let by_function = ReplyTo::function(move |message| send(me, format!("{message:?}")));
/// let opts = ReqOpts::new().tunnel(tunnel).flow(10).reply_to(by_function);
/// gun::request(conn, Method::HEAD, "/", (), "", opts);
/// assert!(receive_type::<String>().starts_with("Response"));
///
/// let opts = ReqOpts::new().tunnel(tunnel).reply_to(me).cancel_on_down(true);
/// gun::request(conn, Method::HEAD, "/", (), "", opts);
/// receive! { gun::Response { status, .. } => assert_eq!(status, 200) }
/// # });
/// ```
#[derive(Clone, Debug, Default)]
pub struct ReqOpts {
    pub(crate) cancel_on_down: bool,
    pub(crate) flow: Option<u32>,
    pub(crate) reply_to: Option<ReplyTo>,
    pub(crate) tunnel: Option<StreamRef>,
}

impl ReqOpts {
    /// Replies to the caller; the connection's flow; no tunnel.
    pub fn new() -> ReqOpts {
        ReqOpts::default()
    }

    /// `true`: the request is cancelled when the process that gets its messages ends.
    pub fn cancel_on_down(mut self, cancel: bool) -> ReqOpts {
        self.cancel_on_down = cancel;
        self
    }

    /// As [`HttpOpts::flow`](super::HttpOpts::flow), for this request.
    pub fn flow(mut self, messages: u32) -> ReqOpts {
        self.flow = Some(messages);
        self
    }

    /// Who gets the messages.
    pub fn reply_to(mut self, to: impl Into<ReplyTo>) -> ReqOpts {
        self.reply_to = Some(to.into());
        self
    }

    /// The tunnel that it goes through: what [`connect`](crate::connect()) has returned.
    pub fn tunnel(mut self, tunnel: StreamRef) -> ReqOpts {
        self.tunnel = Some(tunnel);
        self
    }

    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if self.flow == Some(0) {
            return Err("flow");
        }
        Ok(())
    }
}

/// Who gets a request's messages: a process, or a function that the connection calls with each.
#[derive(Clone)]
pub struct ReplyTo(To);

#[derive(Clone)]
enum To {
    Process(Pid),
    Owner(Owner),
    Function(Arc<dyn Fn(AnyMessage) + Send + Sync>),
}

/// A connection's owner, which may become another.
#[derive(Clone)]
pub(crate) struct Owner(Arc<Mutex<Pid>>);

impl Owner {
    pub(crate) fn new(owner: Pid) -> Owner {
        Owner(Arc::new(Mutex::new(owner)))
    }

    pub(crate) fn get(&self) -> Pid {
        *self.0.lock()
    }

    pub(crate) fn set(&self, owner: Pid) {
        *self.0.lock() = owner;
    }
}

impl ReplyTo {
    /// The owner, whoever it is when there is something to tell.
    pub(crate) fn owner(owner: Owner) -> ReplyTo {
        ReplyTo(To::Owner(owner))
    }

    /// A function, called in the connection's process.
    pub fn function(f: impl Fn(AnyMessage) + Send + Sync + 'static) -> ReplyTo {
        ReplyTo(To::Function(Arc::new(f)))
    }

    /// Sends it a message, or calls it with one.
    pub fn tell<M: Message>(&self, message: M) {
        match &self.0 {
            To::Process(pid) => send(*pid, message),
            To::Owner(owner) => send(owner.get(), message),
            To::Function(f) => f(AnyMessage::new(message)),
        }
    }

    /// Tells what was made as a message already.
    pub(crate) fn tell_any(&self, message: AnyMessage) {
        match &self.0 {
            To::Process(pid) => send(*pid, message),
            To::Owner(owner) => send(owner.get(), message),
            To::Function(f) => f(message),
        }
    }

    pub(crate) fn pid(&self) -> Option<Pid> {
        match &self.0 {
            To::Process(pid) => Some(*pid),
            To::Owner(owner) => Some(owner.get()),
            To::Function(_) => None,
        }
    }
}

impl From<Pid> for ReplyTo {
    fn from(pid: Pid) -> ReplyTo {
        ReplyTo(To::Process(pid))
    }
}

impl fmt::Debug for ReplyTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            To::Process(pid) => pid.fmt(f),
            To::Owner(owner) => owner.get().fmt(f),
            To::Function(_) => f.write_str("Function(..)"),
        }
    }
}
