//! Pools: several connections to one host, and requests that go to one that has a place for them. Mirrors `gun_pool`.
//!
//! A pool is known by the host that its requests name, with the port where that is not the scheme's own
//! (`localhost:8080`), and by its scope. It has a manager, which owns the
//! connections, opens another when one ends for good, and picks one for each request: any that is up and has a place.
//! Over HTTP/1.1 a connection has one place, over HTTP/2 as many as the server allows streams.
//!
//! ```
//! use std::time::Duration;
//! use gun::pool::{self, PoolOpts};
//!
//! # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
//! # runtime::run(|| {
//! # let port = server::http();
//! # let host = format!("localhost:{port}");
//! let pool = pool::start_pool("localhost", port, PoolOpts::new().size(2)).unwrap();
//! pool::await_up(pool, Duration::from_secs(5)).unwrap();
//! let (conn, stream) = pool::get("/", [("host", &*host)], ()).unwrap();
//! let (body, _) = gun::await_body(conn, stream, Duration::from_secs(5)).unwrap();
//! pool::stop_pool("localhost", port, &PoolOpts::new()).unwrap();
//! # });
//! ```

pub(crate) mod load;
mod manager;
mod options;
mod request;

use std::error::Error as StdError;
use std::fmt;

use genserver::supervisor::{Restart, Template};
use genserver::{Server, StartError};
use runtime::request::{CallError, ServerRef};
use runtime::{ExitReason, IntoDeadline, Pid, exit_signal, monitor, receive, sleep};

use crate::error::OpenError;
use crate::message::{Protocol, StreamRef};
use crate::options::{Opts, bare, is_host};
use crate::supervisor;
use manager::{Answer, Checkout, Manager, Question, Starting};
pub use options::{PoolOpts, PoolReqOpts, Setup, SetupEvent, Step};
pub use request::{delete, get, head, headers, options, patch, post, put, request, ws_send};

/// What is known of a pool: see [`info`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolInfo {
    /// Its manager.
    pub manager: Pid,
    /// Its scope.
    pub scope: String,
    /// The host that its requests name, with the port if it is not the scheme's.
    pub authority: String,
    /// Whether all its connections are up.
    pub state: PoolState,
    /// Its connections, in no order.
    pub conns: Vec<ConnInfo>,
}

/// Whether all connections of a pool are up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolState {
    /// They are.
    Operational,
    /// Some are not.
    Degraded,
}

/// What is known of a connection of a pool's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnInfo {
    /// The connection.
    pub conn: Pid,
    /// What it speaks; none while it is not up, or not set up.
    pub protocol: Option<Protocol>,
    /// Streams that have not come to their end.
    pub streams: usize,
    /// How many it may have at a time; `usize::MAX` where there is no limit.
    pub limit: usize,
}

/// Why a request to a pool was not made.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum PoolError {
    /// There is no pool for this host in this scope.
    PoolNotFound,
    /// None of its connections is up and has a place, and there are no retries left.
    NoConnectionAvailable,
    /// The request names no host.
    NoHost,
    /// The manager has not answered.
    Call(CallError),
}

impl fmt::Display for PoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PoolError::PoolNotFound => f.write_str(
                "no pool of this scope for this host; a port that is not the scheme's own is part of it",
            ),
            PoolError::NoConnectionAvailable => {
                f.write_str("no connection of the pool has a place")
            }
            PoolError::NoHost => f.write_str("the request has no header `host`, which names the pool"),
            PoolError::Call(error) => error.fmt(f),
        }
    }
}

impl StdError for PoolError {}

/// Why there is no pool.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartPoolError {
    /// The host or an option is wrong, as [`open`](fn@crate::open) would say.
    Open(OpenError),
    /// The pool has a size of zero.
    Size,
    /// There is one: its manager.
    AlreadyStarted(Pid),
    /// The manager did not start.
    Failed(ExitReason),
}

impl fmt::Display for StartPoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartPoolError::Open(error) => error.fmt(f),
            StartPoolError::Size => f.write_str("a pool of no connections"),
            StartPoolError::AlreadyStarted(pid) => write!(f, "there is such a pool: {pid}"),
            StartPoolError::Failed(reason) => write!(f, "the pool did not start: {reason}"),
        }
    }
}

impl StdError for StartPoolError {}

const SUPERVISOR: &str = "gun_pools_sup";

/// What the name of each manager begins with.
const PREFIX: &str = "gun_pool ";

fn name(scope: &str, authority: &str) -> String {
    format!("{PREFIX}{scope} {authority}")
}

fn authority(host: &str, port: u16, opts: &Opts) -> String {
    opts.hop(&bare(host.to_owned()), port).authority()
}

/// Starts a pool, and returns its manager, whose connections may not be up yet.
///
/// Mirrors `gun_pool:start_pool/3`.
///
/// ```
/// use gun::pool::{self, PoolOpts};
/// use std::time::Duration;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let port = server::http();
/// let pool = pool::start_pool("localhost", port, PoolOpts::new().size(2)).unwrap();
/// pool::await_up(pool, Duration::from_secs(5)).unwrap();
/// # });
/// ```
///
/// # Errors
///
/// The host or an option is wrong, there is such a pool, or it does not start.
///
/// # Panics
///
/// Outside a process.
pub fn start_pool(host: &str, port: u16, opts: PoolOpts) -> Result<Pid, StartPoolError> {
    let host = bare(host.to_owned());
    if !is_host(&host) {
        return Err(StartPoolError::Open(OpenError::Host(host)));
    }
    let hop = opts.conn_opts.hop(&host, port);
    opts.conn_opts.check(&hop).map_err(StartPoolError::Open)?;
    if opts.size == 0 {
        return Err(StartPoolError::Size);
    }
    let authority = hop.authority();
    let name = name(&opts.scope, &authority);
    if let Some(pid) = runtime::whereis(name.as_str()) {
        return Err(StartPoolError::AlreadyStarted(pid));
    }
    let starting = Starting {
        name,
        host,
        port,
        authority,
        opts,
    };
    let start = |starting: &Starting| {
        let options = genserver::Options::<Manager>::new().name(starting.name.as_str());
        let server = options.start_link(starting.clone())?;
        Ok(server
            .whereis()
            .ok_or(StartError::Failed(ExitReason::NoProc))?
            .into())
    };
    let template = || Template::new(start).restart(Restart::Transient);
    supervisor::start_child(SUPERVISOR, template, &starting).map_err(|refused| match refused {
        supervisor::Refused::AlreadyStarted(pid) => StartPoolError::AlreadyStarted(pid),
        supervisor::Refused::Spawn(error) => StartPoolError::Open(OpenError::Spawn(error)),
        supervisor::Refused::Failed(reason) => StartPoolError::Failed(reason),
    })
}

/// Ends a pool of this scope, and its connections when their streams have ended.
///
/// Mirrors `gun_pool:stop_pool/3`.
///
/// ```
/// use gun::pool::{self, PoolError, PoolOpts};
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let port = server::http();
/// let opts = PoolOpts::new();
/// pool::start_pool("localhost", port, opts.clone()).unwrap();
/// pool::stop_pool("localhost", port, &opts).unwrap();
/// assert!(matches!(pool::stop_pool("localhost", port, &opts), Err(PoolError::PoolNotFound)));
/// # });
/// ```
///
/// # Errors
///
/// There is no such pool.
///
/// # Panics
///
/// Outside a process.
pub fn stop_pool(host: &str, port: u16, opts: &PoolOpts) -> Result<(), PoolError> {
    let name = name(&opts.scope, &authority(host, port, &opts.conn_opts));
    let pid = runtime::whereis(name.as_str()).ok_or(PoolError::PoolNotFound)?;
    let watch = monitor(pid);
    exit_signal(pid, ExitReason::Shutdown);
    receive! {
        runtime::Down { monitor, .. } if monitor == watch => {}
    }
    Ok(())
}

/// What is known of all pools, in the order of their names.
///
/// Mirrors `gun_pool:info/0`.
///
/// ```
/// use gun::pool::{self, PoolOpts};
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let port = server::http();
/// # let host = format!("localhost:{port}");
/// let manager = pool::start_pool("localhost", port, PoolOpts::new()).unwrap();
/// assert!(pool::info().iter().any(|pool| pool.manager == manager && pool.authority == host));
/// # });
/// ```
///
/// # Panics
///
/// Outside a process.
pub fn info() -> Vec<PoolInfo> {
    let names = runtime::registered().into_iter();
    let mut names: Vec<String> = names
        .map(|name| name.to_string())
        .filter(|name| name.starts_with(PREFIX))
        .collect();
    names.sort();
    let known = names
        .iter()
        .filter_map(|name| runtime::whereis(name.as_str()));
    known.filter_map(|manager| info_of(manager).ok()).collect()
}

/// What is known of a pool.
///
/// Mirrors `gun_pool:info/1`.
///
/// ```
/// use gun::pool::{self, PoolOpts};
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let port = server::http();
/// # let host = format!("localhost:{port}");
/// let manager = pool::start_pool("localhost", port, PoolOpts::new()).unwrap();
/// assert_eq!(pool::info_of(manager).unwrap().authority, host);
/// # });
/// ```
///
/// # Errors
///
/// It is no pool's manager, or does not answer.
///
/// # Panics
///
/// Outside a process.
pub fn info_of(manager: Pid) -> Result<PoolInfo, CallError> {
    match Server::<Manager>::of(manager).call(Question::Info)? {
        Answer::Info(info) => Ok(info),
        other => unreachable!("{other:?}"),
    }
}

/// Waits until all connections of a pool are up, and set up.
///
/// Mirrors `gun_pool:await_up/2`.
///
/// ```
/// use gun::pool::{self, PoolOpts};
/// use std::time::Duration;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let port = server::http();
/// let pool = pool::start_pool("localhost", port, PoolOpts::new().size(2)).unwrap();
/// pool::await_up(pool, Duration::from_secs(5)).unwrap();
/// # });
/// ```
///
/// # Errors
///
/// They are not in time, or the pool has ended.
///
/// # Panics
///
/// Outside a process.
pub fn await_up(manager: Pid, timeout: impl IntoDeadline) -> Result<(), CallError> {
    let server = Server::<Manager>::of(manager);
    server.call_timeout(Question::AwaitUp, timeout).map(drop)
}

/// A connection of a pool's that is up and had a place just now, and the Websocket that it is, if it is one.
///
/// Mirrors `gun_pool:checkout/2`.
///
/// ```
/// use gun::pool::{self, PoolOpts};
/// use std::time::Duration;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let port = server::http();
/// # let host = format!("localhost:{port}");
/// # let pool = pool::start_pool("localhost", port, PoolOpts::new().size(2)).unwrap();
/// # pool::await_up(pool, Duration::from_secs(5)).unwrap();
/// let (conn, websocket) = pool::checkout(pool, ()).unwrap();
/// assert_eq!(websocket, None);
/// let stream = gun::get(conn, "/", ());
/// assert_eq!(gun::await_body(conn, stream, Duration::from_secs(5)).unwrap().0, "hello");
/// # });
/// ```
///
/// # Errors
///
/// There is none, after all [retries](PoolReqOpts::checkout_retry).
///
/// # Panics
///
/// Outside a process.
pub fn checkout(
    manager: Pid,
    opts: impl Into<PoolReqOpts>,
) -> Result<(Pid, Option<StreamRef>), PoolError> {
    let Checkout { conn, ws, .. } = take(&manager.into(), &opts.into())?;
    Ok((conn, ws))
}

/// A connection with a place, for which it may be asked several times.
fn take(manager: &ServerRef, opts: &PoolReqOpts) -> Result<Checkout, PoolError> {
    let server = Server::<Manager>::of(manager.clone());
    let mut waits = opts.checkout_retry.iter();
    loop {
        let answer = server.call_timeout(Question::Checkout, opts.checkout_call_timeout);
        match answer.map_err(PoolError::Call)? {
            Answer::Checkout(Some(checkout)) => return Ok(checkout),
            Answer::Checkout(None) => {}
            other => unreachable!("{other:?}"),
        }
        match waits.next() {
            Some(wait) => sleep(*wait),
            None => return Err(PoolError::NoConnectionAvailable),
        }
    }
}

fn manager(scope: &str, authority: &str) -> Result<ServerRef, PoolError> {
    let pid = runtime::whereis(name(scope, authority).as_str());
    Ok(pid.ok_or(PoolError::PoolNotFound)?.into())
}
