//! What a pool and a request to one can be told.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use runtime::Pid;

use crate::message::{Protocol, StreamRef};
use crate::options::{Opts, ReqOpts};

/// How long a manager may take to answer, unless said.
const CALL: Duration = Duration::from_secs(5);

/// What a pool is: Gun's `gun_pool:opts()`.
///
/// ```
/// use gun::Opts;
/// use gun::pool::PoolOpts;
///
/// let opts = PoolOpts::new()
///     .size(4)
///     .scope("reports")
///     .conn_opts(Opts::new().retry(0));
/// ```
#[derive(Clone)]
pub struct PoolOpts {
    pub(super) conn_opts: Opts,
    pub(super) scope: String,
    pub(super) setup: Option<Arc<dyn Fn() -> Setup + Send + Sync>>,
    pub(super) size: usize,
}

/// Makes one connection ready: is called by the manager with what happens on it.
pub type Setup = Box<dyn FnMut(Pid, SetupEvent) -> Step + Send>;

/// What happens on a connection that is made ready.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SetupEvent {
    /// See [`Up`](crate::Up).
    Up(Protocol),
    /// See [`Upgrade`](crate::Upgrade): the request, and its headers.
    Upgrade(StreamRef, HeaderMap),
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Something is still to happen.
    Wait,
    /// It is ready.
    Up {
        /// What it speaks.
        protocol: Protocol,
        /// The Websocket that it is, if it is one, for [`ws_send`](super::ws_send).
        ws: Option<StreamRef>,
    },
}

impl PoolOpts {
    /// Eight connections with Gun's defaults, in the scope `default`, ready when they are up.
    pub fn new() -> PoolOpts {
        PoolOpts {
            conn_opts: Opts::new(),
            scope: "default".to_owned(),
            setup: None,
            size: 8,
        }
    }

    /// How connections are made, kept and lost.
    pub fn conn_opts(mut self, opts: Opts) -> PoolOpts {
        self.conn_opts = opts;
        self
    }

    /// Which of several pools to the same host it is.
    pub fn scope(mut self, scope: impl Into<String>) -> PoolOpts {
        self.scope = scope.into();
        self
    }

    /// Makes, for each connection that comes up, what makes it ready: Gun's `setup_fun`.
    ///
    /// ```
    /// use gun::pool::{PoolOpts, SetupEvent, Step};
    /// use gun::{Protocol, WsOpts};
    ///
    /// let websockets = PoolOpts::new().setup(|| {
    ///     Box::new(|conn, event| match event {
    ///         SetupEvent::Up(_) => {
    ///             gun::ws_upgrade(conn, "/ws", (), WsOpts::new());
    ///             Step::Wait
    ///         }
    ///         SetupEvent::Upgrade(stream, _) => Step::Up {
    ///             protocol: Protocol::Ws,
    ///             ws: Some(stream),
    ///         },
    ///         _ => Step::Wait,
    ///     })
    /// });
    /// ```
    pub fn setup(mut self, make: impl Fn() -> Setup + Send + Sync + 'static) -> PoolOpts {
        self.setup = Some(Arc::new(make));
        self
    }

    /// How many connections it has, above zero.
    pub fn size(mut self, connections: usize) -> PoolOpts {
        self.size = connections;
        self
    }
}

impl Default for PoolOpts {
    fn default() -> PoolOpts {
        PoolOpts::new()
    }
}

impl fmt::Debug for PoolOpts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolOpts")
            .field("conn_opts", &self.conn_opts)
            .field("scope", &self.scope)
            .field("setup", &self.setup.is_some())
            .field("size", &self.size)
            .finish()
    }
}

/// What is said of one request to a pool: Gun's `gun_pool:req_opts()`. `()` says nothing.
///
/// ```
/// use gun::ReqOpts;
/// use gun::pool::PoolReqOpts;
/// use std::time::Duration;
///
/// let opts = PoolReqOpts::new()
///     .scope("reports")
///     .checkout_call_timeout(Duration::from_secs(1))
///     // Tried three times.
///     .checkout_retry([Duration::from_millis(10), Duration::from_millis(100)])
///     .req_opts(ReqOpts::new().flow(10));
/// ```
#[derive(Clone, Debug)]
pub struct PoolReqOpts {
    pub(super) checkout_call_timeout: Duration,
    pub(super) checkout_retry: Vec<Duration>,
    pub(super) req_opts: ReqOpts,
    pub(super) scope: String,
}

impl PoolReqOpts {
    /// No retries, in the scope `default`; 5 s for the manager.
    pub fn new() -> PoolReqOpts {
        PoolReqOpts {
            checkout_call_timeout: CALL,
            checkout_retry: Vec::new(),
            req_opts: ReqOpts::new(),
            scope: "default".to_owned(),
        }
    }

    /// How long the manager may take to answer, each time.
    pub fn checkout_call_timeout(mut self, time: Duration) -> PoolReqOpts {
        self.checkout_call_timeout = time;
        self
    }

    /// How long to wait when no connection has a place, before it is tried again: each time the next of these.
    pub fn checkout_retry(mut self, waits: impl IntoIterator<Item = Duration>) -> PoolReqOpts {
        self.checkout_retry = waits.into_iter().collect();
        self
    }

    /// What is said to the connection.
    pub fn req_opts(mut self, opts: ReqOpts) -> PoolReqOpts {
        self.req_opts = opts;
        self
    }

    /// As [`PoolOpts::scope`].
    pub fn scope(mut self, scope: impl Into<String>) -> PoolReqOpts {
        self.scope = scope.into();
        self
    }
}

impl Default for PoolReqOpts {
    fn default() -> PoolReqOpts {
        PoolReqOpts::new()
    }
}

impl From<()> for PoolReqOpts {
    fn from((): ()) -> PoolReqOpts {
        PoolReqOpts::new()
    }
}

impl From<ReqOpts> for PoolReqOpts {
    fn from(opts: ReqOpts) -> PoolReqOpts {
        PoolReqOpts::new().req_opts(opts)
    }
}
