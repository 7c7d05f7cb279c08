//! Waiting for what a connection sends, by the stream; all else stays in the mailbox.

use std::error::Error as StdError;
use std::fmt;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode, Uri};
use runtime::{
    Down as ProcessDown, ExitReason, IntoDeadline, Pid, demonitor_flush, monitor, receive,
};

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
    Inform(StatusCode, HeaderMap),
    /// See [`Response`]: whether it is all, its status, its headers.
    Response(bool, StatusCode, HeaderMap),
    /// See [`Data`]: whether it is the last, the bytes.
    Data(bool, Bytes),
    /// See [`Trailers`].
    Trailers(HeaderMap),
    /// See [`Upgrade`]: what is spoken now, the headers.
    Upgrade(Vec<String>, HeaderMap),
    /// See [`Push`]: the response to come, its request's method, URI, headers.
    Push(StreamRef, Method, Uri, HeaderMap),
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
    /// The connection's process has ended. [`ExitReason::NoProc`]: it had already when the wait began, so the reason is
    /// lost. Who has to know it even then opens the connection with
    /// [`Opts::supervise`](crate::Opts::supervise)`(false)` and traps exits, or monitors it at once.
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

/// Waits for the next message of a stream.
///
/// Mirrors `gun:await/3`.
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
    let watch = monitor(conn);
    let found = receive! {
        Inform { stream: of, status, headers, .. } if of == stream => Ok(Awaited::Inform(status, headers)),
        Response { stream: of, fin, status, headers, .. } if of == stream => {
            Ok(Awaited::Response(fin, status, headers))
        }
        Data { stream: of, fin, data, .. } if of == stream => Ok(Awaited::Data(fin, data)),
        Trailers { stream: of, headers, .. } if of == stream => Ok(Awaited::Trailers(headers)),
        Upgrade { stream: of, protocols, headers, .. } if of == stream => {
            Ok(Awaited::Upgrade(protocols, headers))
        }
        Ws { stream: of, frame, .. } if of == stream => Ok(Awaited::Ws(frame)),
        Push { stream: of, promised, method, uri, headers, .. } if of == stream => {
            Ok(Awaited::Push(promised, method, uri, headers))
        }
        Sse { stream: of, event, .. } if of == stream => Ok(Awaited::Sse(event)),
        TunnelUp { conn: at, stream: of, protocol } if at == conn && of == stream => {
            Ok(Awaited::Up(protocol))
        }
        Notify { conn: of, notice } if of == conn => Ok(Awaited::Notify(notice)),
        Error { stream: Some(of), reason, .. } if of == stream => Err(AwaitError::Stream(reason)),
        Error { conn: of, stream: None, reason } if of == conn => Err(AwaitError::Connection(reason)),
        ProcessDown { monitor, reason, .. } if monitor == watch => Err(AwaitError::Down(reason)),
        after timeout => Err(AwaitError::Timeout),
    };
    demonitor_flush(watch);
    found
}

/// Gathers a response's body, and the trailers if there are any. The time-out is for each message; after one,
/// what was gathered is lost. The response itself, and what goes before it, is passed over if it was not received
/// yet; all else stays in the mailbox.
///
/// Mirrors `gun:await_body/3`.
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
    let watch = monitor(conn);
    let mut body = BytesMut::new();
    let gathered = loop {
        let (fin, data) = receive! {
            Data { stream: of, fin, data, .. } if of == stream => (fin, data),
            Response { stream: of, fin, .. } if of == stream => (fin, Bytes::new()),
            Inform { stream: of, .. } if of == stream => (false, Bytes::new()),
            Trailers { stream: of, headers, .. } if of == stream => {
                break Ok((body.freeze(), Some(headers)));
            }
            Error { stream: Some(of), reason, .. } if of == stream => {
                break Err(AwaitError::Stream(reason));
            }
            Error { conn: of, stream: None, reason } if of == conn => {
                break Err(AwaitError::Connection(reason));
            }
            ProcessDown { monitor, reason, .. } if monitor == watch => {
                break Err(AwaitError::Down(reason));
            }
            after timeout.clone() => break Err(AwaitError::Timeout),
        };
        // A body in one piece is not copied.
        if fin && body.is_empty() {
            break Ok((data, None));
        }
        body.extend_from_slice(&data);
        if fin {
            break Ok((body.freeze(), None));
        }
    };
    demonitor_flush(watch);
    gathered
}

/// Waits for a connection to be up.
///
/// Mirrors `gun:await_up/2`.
///
/// # Errors
///
/// It has ended, or is not up in time.
///
/// # Panics
///
/// Outside a process.
pub fn await_up(conn: Pid, timeout: impl IntoDeadline) -> Result<Protocol, AwaitError> {
    let watch = monitor(conn);
    let found = receive! {
        Up { conn: of, protocol } if of == conn => Ok(protocol),
        ProcessDown { monitor, reason, .. } if monitor == watch => Err(AwaitError::Down(reason)),
        after timeout => Err(AwaitError::Timeout),
    };
    demonitor_flush(watch);
    found
}
