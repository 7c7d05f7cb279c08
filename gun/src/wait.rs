//! Waiting for what a connection sends, by the stream; all else stays in the mailbox.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode, Uri};
use runtime::{
    Deadline, Down as ProcessDown, ExitReason, IntoDeadline, Pid, Ref, demonitor_flush, monitor,
    receive,
};

use crate::ended;
use crate::error::Reason;
use crate::message::{
    Data, Error, Inform, Notice, Notify, Protocol, Push, Response, Sse, StreamRef, Trailers,
    TunnelUp, Up, Upgrade, Ws,
};
use crate::sse::SseEvent;
use crate::websocket::Frame;

/// What [`await_`] has found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Awaited {
    /// See [`Inform`].
    Inform {
        /// Its status, 100 to 199.
        status: StatusCode,
        /// Its headers.
        headers: HeaderMap,
    },
    /// See [`Response`].
    Response {
        /// No body follows.
        fin: bool,
        /// Its status.
        status: StatusCode,
        /// Its headers.
        headers: HeaderMap,
    },
    /// See [`Data`].
    Data {
        /// It is the last piece, which may be empty.
        fin: bool,
        /// The bytes.
        data: Bytes,
    },
    /// See [`Trailers`].
    Trailers(HeaderMap),
    /// See [`Upgrade`].
    Upgrade {
        /// What is spoken now.
        protocols: Vec<String>,
        /// The response's headers.
        headers: HeaderMap,
    },
    /// See [`Push`].
    Push {
        /// The response to come.
        promised: StreamRef,
        /// The method of the request that was not made.
        method: Method,
        /// Its URI.
        uri: Uri,
        /// Its headers.
        headers: HeaderMap,
    },
    /// See [`Sse`].
    Sse(Option<SseEvent>),
    /// See [`TunnelUp`].
    Up(Protocol),
    /// See [`Notify`], which is of no stream's.
    Notify(Notice),
    /// See [`Ws`].
    Ws(Frame),
}

/// Why nothing was found.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum AwaitError {
    /// The stream has failed.
    Stream(Reason),
    /// The connection has.
    Connection(Reason),
    /// The connection's process has ended: why, if it has given up, even if that was before the wait began.
    /// [`ExitReason::NoProc`]: it had ended before, and otherwise, or a thousand others have given up since. Who has to
    /// know it even then opens the connection with [`Opts::supervise`](crate::Opts::supervise)`(false)` and traps exits,
    /// or monitors it at once.
    Down(ExitReason),
    /// Nothing came in time.
    Timeout,
}

impl fmt::Display for AwaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AwaitError::Stream(reason) => write!(f, "the request has failed: {reason}"),
            AwaitError::Connection(reason) => write!(f, "the connection has failed: {reason}"),
            AwaitError::Down(ExitReason::NoProc) => {
                f.write_str("there is no such connection, or it had ended before it was waited for")
            }
            AwaitError::Down(reason) => write!(f, "the connection has ended: {reason}"),
            AwaitError::Timeout => f.write_str("nothing came in time"),
        }
    }
}

impl StdError for AwaitError {}

/// Waits for the next message of a stream of this connection's.
///
/// Mirrors `gun:await/3`.
///
/// ```
/// use gun::Awaited;
/// use std::time::Duration;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let conn = server::conn();
/// let stream = gun::get(conn, "/hints", ());
/// loop {
///     match gun::await_(conn, stream, Duration::from_secs(5)).unwrap() {
///         Awaited::Inform { status, headers } => println!("{status}: {headers:?}"),
///         Awaited::Response { fin, status, .. } => println!("{status}, {fin}"),
///         Awaited::Data { fin: true, data } => break assert_eq!(data, "hello"),
///         other => println!("{other:?}"),
///     }
/// }
/// # });
/// ```
///
/// # Errors
///
/// The stream or the connection has failed, or nothing came in time.
///
/// # Panics
///
/// Outside a process.
pub fn await_(
    conn: Pid,
    stream: StreamRef,
    timeout: impl IntoDeadline,
) -> Result<Awaited, AwaitError> {
    let asked = (conn, stream);
    Watched::new(conn).wait(timeout, |watch, timeout| receive! {
        Inform { conn: at, stream: of, status, headers } if (at, of) == asked => Ok(Awaited::Inform { status, headers }),
        Response { conn: at, stream: of, fin, status, headers } if (at, of) == asked => {
            Ok(Awaited::Response { fin, status, headers })
        }
        Data { conn: at, stream: of, fin, data } if (at, of) == asked => Ok(Awaited::Data { fin, data }),
        Trailers { conn: at, stream: of, headers } if (at, of) == asked => Ok(Awaited::Trailers(headers)),
        Upgrade { conn: at, stream: of, protocols, headers } if (at, of) == asked => {
            Ok(Awaited::Upgrade { protocols, headers })
        }
        Ws { conn: at, stream: of, frame } if (at, of) == asked => Ok(Awaited::Ws(frame)),
        Push { conn: at, stream: of, promised, method, uri, headers } if (at, of) == asked => {
            Ok(Awaited::Push { promised, method, uri, headers })
        }
        Sse { conn: at, stream: of, event } if (at, of) == asked => Ok(Awaited::Sse(event)),
        TunnelUp { conn: at, stream: of, protocol } if (at, of) == asked => {
            Ok(Awaited::Up(protocol))
        }
        Notify { conn: of, notice } if of == conn => Ok(Awaited::Notify(notice)),
        Error { conn: at, stream: Some(of), reason } if (at, of) == asked => Err(AwaitError::Stream(reason)),
        Error { conn: of, stream: None, reason } if of == conn => Err(AwaitError::Connection(reason)),
        ProcessDown { monitor, reason, .. } if Some(monitor) == watch => Err(down(conn, reason)),
        after timeout => Err(AwaitError::Timeout),
    })
}

/// Gathers a response's body, and the trailers if there are any. The time-out is for each message; after one,
/// what was gathered is lost. The response itself, and what goes before it, is passed over if it was not received
/// yet; all else stays in the mailbox.
///
/// Mirrors `gun:await_body/3`.
///
/// ```
/// use std::time::Duration;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let conn = server::conn();
/// let stream = gun::get(conn, "/trailers", ());
/// let (body, trailers) = gun::await_body(conn, stream, Duration::from_secs(5)).unwrap();
/// assert_eq!(body, "hello");
/// assert_eq!(trailers.unwrap()["checksum"], "532");
/// # });
/// ```
///
/// # Errors
///
/// As for [`await_`].
///
/// # Panics
///
/// Outside a process.
pub fn await_body(
    conn: Pid,
    stream: StreamRef,
    timeout: impl IntoDeadline + Clone,
) -> Result<(Bytes, Option<HeaderMap>), AwaitError> {
    let asked = (conn, stream);
    let mut watched = Watched::new(conn);
    let mut body = BytesMut::new();
    loop {
        let (fin, data, trailers) = watched.wait(timeout.clone(), |watch, timeout| {
            receive! {
                Data { conn: at, stream: of, fin, data } if (at, of) == asked => Ok((fin, data, None)),
                Response { conn: at, stream: of, fin, .. } if (at, of) == asked => Ok((fin, Bytes::new(), None)),
                Inform { conn: at, stream: of, .. } if (at, of) == asked => Ok((false, Bytes::new(), None)),
                Trailers { conn: at, stream: of, headers } if (at, of) == asked => {
                    Ok((true, Bytes::new(), Some(headers)))
                }
                Error { conn: at, stream: Some(of), reason } if (at, of) == asked => {
                    Err(AwaitError::Stream(reason))
                }
                Error { conn: of, stream: None, reason } if of == conn => {
                    Err(AwaitError::Connection(reason))
                }
                ProcessDown { monitor, reason, .. } if Some(monitor) == watch => {
                    Err(down(conn, reason))
                }
                after timeout => Err(AwaitError::Timeout),
            }
        })?;
        // A body in one piece is not copied.
        if fin && body.is_empty() {
            return Ok((data, trailers));
        }
        body.extend_from_slice(&data);
        if fin {
            return Ok((body.freeze(), trailers));
        }
    }
}

/// Waits for a connection to be up.
///
/// Mirrors `gun:await_up/2`.
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
/// It has ended, or is not up in time.
///
/// # Panics
///
/// Outside a process.
pub fn await_up(conn: Pid, timeout: impl IntoDeadline) -> Result<Protocol, AwaitError> {
    Watched::new(conn).wait(timeout, |watch, timeout| receive! {
        Up { conn: of, protocol } if of == conn => Ok(protocol),
        ProcessDown { monitor, reason, .. } if Some(monitor) == watch => Err(down(conn, reason)),
        after timeout => Err(AwaitError::Timeout),
    })
}

/// A connection that something is to come from. Often it has come already: only if not is the connection monitored, from
/// then on.
struct Watched {
    conn: Pid,
    watch: Option<Ref>,
}

impl Watched {
    fn new(conn: Pid) -> Watched {
        Watched { conn, watch: None }
    }

    /// Looks for what has come, and if it has not waits for it. `look` receives, with this monitor, until this time.
    fn wait<T>(
        &mut self,
        timeout: impl IntoDeadline,
        look: impl Fn(Option<Ref>, Limit) -> Result<T, AwaitError>,
    ) -> Result<T, AwaitError> {
        if self.watch.is_none() {
            let found = look(None, Limit(Deadline::After(Duration::ZERO)));
            if !matches!(found, Err(AwaitError::Timeout)) {
                return found;
            }
            self.watch = Some(monitor(self.conn));
        }
        look(self.watch, Limit(timeout.into_deadline()))
    }
}

/// A time-out of whichever kind.
struct Limit(Deadline);

impl IntoDeadline for Limit {
    fn into_deadline(self) -> Deadline {
        self.0
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(watch) = self.watch {
            demonitor_flush(watch);
        }
    }
}

fn down(conn: Pid, reason: ExitReason) -> AwaitError {
    let known = match reason {
        ExitReason::NoProc => ended::reason(conn),
        _ => None,
    };
    AwaitError::Down(known.unwrap_or(reason))
}
