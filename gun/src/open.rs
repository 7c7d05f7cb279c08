//! The functions that open a connection, ask after it, and close it. But for [`info`] and [`close`] they return at once,
//! with what the connection does in its own time.

use std::path::Path;
use std::time::Duration;

use runtime::request::{CallError, call};
use runtime::{Down as ProcessDown, ExitReason, Pid, Spawn, exit_signal, monitor, receive, send};
use sys::in_process;

use crate::command::{Command, Query};
use crate::connect::Target;
use crate::error::{CloseError, OpenError};
use crate::info::Info;
use crate::live;
use crate::message::StreamRef;
use crate::options::{Hop, Opts, ReqOpts, Transport, bare, is_host};
use crate::supervisor::{self, Opening};

/// Opens a connection: a process, whose owner is the caller. It connects in its own time, and tells the
/// owner [`Up`](crate::Up).
///
/// Mirrors `gun:open/3`.
///
/// ```
/// use gun::{Opts, Protocol};
/// use std::time::Duration;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let port = server::http();
/// let conn = gun::open("localhost", port, Opts::new()).unwrap();
/// assert_eq!(gun::await_up(conn, Duration::from_secs(5)), Ok(Protocol::Http));
/// # });
/// ```
///
/// # Errors
///
/// The host is not one, an option has a value that it cannot have, or no process can be spawned. That the host cannot
/// be reached is the process's exit reason.
///
/// # Panics
///
/// Outside a process.
#[track_caller]
pub fn open(host: &str, port: u16, opts: Opts) -> Result<Pid, OpenError> {
    let host = bare(host.to_owned());
    if !is_host(&host) {
        return Err(OpenError::Host(host));
    }
    let owner = in_process("gun::open");
    let hop = opts.hop(&host, port);
    start(owner, Target::Tcp, hop, opts)
}

/// Opens a connection over a Unix socket. The origin's host is `localhost`.
///
/// Mirrors `gun:open_unix/2`.
///
/// ```
/// use gun::{Opts, Protocol};
/// use std::time::Duration;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let path = server::unix();
/// let conn = gun::open_unix(path, Opts::new()).unwrap();
/// assert_eq!(gun::await_up(conn, Duration::from_secs(5)), Ok(Protocol::Http));
/// # });
/// ```
///
/// # Errors
///
/// An option has a value that it cannot have, or no process can be spawned.
///
/// # Panics
///
/// Outside a process.
#[track_caller]
pub fn open_unix(path: impl AsRef<Path>, opts: Opts) -> Result<Pid, OpenError> {
    let owner = in_process("gun::open_unix");
    let is_tls = opts.transport == Some(Transport::Tls);
    let hop = opts.hop("localhost", if is_tls { 443 } else { 80 });
    start(owner, Target::Unix(path.as_ref().to_owned()), hop, opts)
}

#[track_caller]
fn start(owner: Pid, target: Target, hop: Hop, opts: Opts) -> Result<Pid, OpenError> {
    opts.check(&hop)?;
    let opening = Opening {
        owner,
        target,
        hop,
        opts,
    };
    let conn = if opening.opts.supervise {
        supervisor::open(&opening)?
    } else {
        let spawned = opening.spawn(Spawn::new().link());
        spawned.map_err(OpenError::Spawn)?
    };
    // When it answers it watches its owner, so that the owner's reason is never missed. If it has ended
    // already, whoever uses it finds that out.
    let _ = info(conn);
    Ok(conn)
}

/// Closes a connection at once, whatever is under way, and returns when it has ended. Its exit reason is
/// [`ExitReason::Shutdown`]; nobody is told. Any other process is left alone.
///
/// Mirrors `gun:close/1`.
///
/// ```
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let conn = server::conn();
/// gun::close(conn).unwrap();
/// assert!(gun::close(conn).is_err());
/// # });
/// ```
///
/// # Errors
///
/// The process is no connection, or has ended.
///
/// # Panics
///
/// Outside a process.
#[track_caller]
pub fn close(conn: Pid) -> Result<(), CloseError> {
    in_process("gun::close");
    if !live::is_live(conn) {
        return Err(CloseError(conn));
    }
    let watch = monitor(conn);
    runtime::unlink(conn);
    exit_signal(conn, ExitReason::Shutdown);
    receive! {
        ProcessDown { monitor, reason, .. } if monitor == watch => match reason {
            ExitReason::NoProc => Err(CloseError(conn)),
            _ => Ok(()),
        }
    }
}

/// Closes a connection when the response under way has come to its end. Requests that have not begun get an
/// [`Error`](crate::Error).
///
/// Mirrors `gun:shutdown/1`.
///
/// ```
/// use runtime::prelude::*;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let conn = server::conn();
/// let watch = monitor(conn);
/// gun::shutdown(conn);
/// receive! {
///     Down { monitor, reason, .. } if monitor == watch => assert_eq!(reason, ExitReason::Shutdown),
/// }
/// # });
/// ```
pub fn shutdown(conn: Pid) {
    send(conn, Command::Shutdown);
}

/// Gives a connection, of which the caller is the owner, another owner.
///
/// Mirrors `gun:set_owner/2`.
///
/// ```
/// use runtime::prelude::*;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let conn = server::conn();
/// let other = spawn!(|| receive! { gun::Down { reason, .. } => println!("{reason}") });
/// gun::set_owner(conn, other);
/// assert_eq!(gun::info(conn).unwrap().owner, other);
/// # });
/// ```
///
/// # Panics
///
/// Outside a process.
#[track_caller]
pub fn set_owner(conn: Pid, owner: Pid) {
    let from = in_process("gun::set_owner");
    send(conn, Command::SetOwner { from, owner });
}

/// What is known of a connection.
///
/// Mirrors `gun:info/1`.
///
/// ```
/// use gun::{Protocol, State};
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let conn = server::conn();
/// let info = gun::info(conn).unwrap();
/// assert_eq!(info.state, State::Connected);
/// assert_eq!(info.protocol, Some(Protocol::Http));
/// # });
/// ```
///
/// # Errors
///
/// It has ended, or does not answer within 5 s.
///
/// # Panics
///
/// Outside a process.
#[track_caller]
pub fn info(conn: Pid) -> Result<Info, CallError> {
    in_process("gun::info");
    call(conn, Query::Info, Duration::from_secs(5))
}

/// Asks whether the server is still there: [`Notify`](crate::Notify) tells the answer, which names what this returns.
/// HTTP/2 has pings; a connection that speaks HTTP/1.1 is lost by one, with the reason
/// [`Reason::PingUnsupported`](crate::Reason::PingUnsupported). Of the options those matter that say through which
/// tunnel, and to whom.
///
/// Mirrors `gun:ping/2`.
///
/// ```
/// use gun::{Notice, Notify, ReqOpts};
/// use runtime::prelude::*;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let conn = server::conn_http2();
/// let ping = gun::ping(conn, ReqOpts::new());
/// receive! {
///     Notify { notice: Notice::PingAck(of), .. } if of == ping => println!("it is still there"),
/// }
/// # });
/// ```
///
/// # Panics
///
/// Outside a process.
#[track_caller]
pub fn ping(conn: Pid, opts: ReqOpts) -> StreamRef {
    let me = in_process("gun::ping");
    let ping = StreamRef::new();
    let command = Command::Ping {
        ping,
        tunnel: opts.tunnel.unwrap_or(StreamRef::UNDEFINED),
        reply_to: opts.reply_to.unwrap_or_else(|| me.into()),
    };
    send(conn, command);
    ping
}
