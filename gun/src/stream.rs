//! The functions for a stream under way. But for [`stream_info`] and [`data_sync`] they return at once.

use std::time::Duration;

use bytes::Bytes;
use runtime::request::{CallError, call};
use runtime::{Down as ProcessDown, IntoDeadline, Monitored, Pid, receive, send};
use sys::in_process;

use crate::command::{Command, Piece, Query};
use crate::error::{BadState, DataError};
use crate::info::StreamInfo;
use crate::message::{
    Data, Down, Error, Inform, Notify, Push, Response, Sse, StreamRef, Trailers, TunnelUp, Up,
    Upgrade, Ws,
};
use crate::websocket::Frame;

/// What is known of a request; `None` if it has ended, or there is no connection.
///
/// Mirrors `gun:stream_info/2`.
///
/// ```
/// use gun::StreamState;
/// use runtime::prelude::*;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let conn = server::conn();
/// let stream = gun::get(conn, "/never", ());
/// let info = gun::stream_info(conn, stream).unwrap().expect("it is under way");
/// assert_eq!((info.state, info.reply_to), (StreamState::Running, Some(self_pid())));
/// # });
/// ```
///
/// # Errors
///
/// The connection has ended, or does not answer within 5 s.
///
/// # Panics
///
/// Outside a process.
#[track_caller]
pub fn stream_info(conn: Pid, stream: StreamRef) -> Result<Option<StreamInfo>, CallError> {
    in_process("gun::stream_info");
    call(conn, Query::StreamInfo(stream), Duration::from_secs(5))
}

/// Sends frames over a Websocket, in order. After one that closes none is sent.
///
/// Mirrors `gun:ws_send/3`.
///
/// ```
/// use gun::{Upgrade, Ws, WsOpts, ws::Frame};
/// use runtime::prelude::*;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let conn = server::conn();
/// let ws = gun::ws_upgrade(conn, "/ws", (), WsOpts::new());
/// receive! { Upgrade { stream, .. } if stream == ws => {} }
/// gun::ws_send(conn, ws, [Frame::text("hello"), Frame::Close]);
/// receive! { Ws { stream, frame, .. } if stream == ws => assert_eq!(frame, Frame::text("hello")) }
/// receive! { Ws { stream, frame, .. } if stream == ws => assert!(frame.is_close()) }
/// # });
/// ```
///
/// # Panics
///
/// Outside a process.
#[track_caller]
pub fn ws_send(conn: Pid, stream: StreamRef, frames: impl IntoIterator<Item = Frame>) {
    let from = in_process("gun::ws_send");
    let frames = frames.into_iter().collect();
    let command = Command::WsSend {
        stream,
        from,
        frames,
    };
    send(conn, command);
}

/// Sends a piece of a request's body; `fin`: the last.
///
/// Mirrors `gun:data/4`.
///
/// ```
/// use gun::ReqOpts;
/// use gun::http::Method;
/// use std::time::Duration;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let conn = server::conn();
/// let stream = gun::headers(conn, Method::PUT, "/echo", [("content-length", "5")], ReqOpts::new());
/// gun::data(conn, stream, false, "hel");
/// gun::data(conn, stream, true, "lo");
/// let (body, _) = gun::await_body(conn, stream, Duration::from_secs(5)).unwrap();
/// assert_eq!(body, "hello");
/// # });
/// ```
///
/// # Panics
///
/// Outside a process.
#[track_caller]
pub fn data(conn: Pid, stream: StreamRef, fin: bool, data: impl Into<Bytes>) {
    let data = data.into();
    if data.is_empty() && !fin {
        return;
    }
    let from = in_process("gun::data");
    let piece = Piece {
        stream,
        from,
        fin,
        data,
        sent: None,
    };
    send(conn, Command::Data(piece));
}

/// Sends a piece of a request's body, and waits until the protocol has taken it: to be faster than the server is
/// impossible so.
///
/// ```
/// use gun::ReqOpts;
/// use gun::http::Method;
/// use std::time::Duration;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let conn = server::conn();
/// let limit = Duration::from_secs(5);
/// let stream = gun::headers(conn, Method::POST, "/echo", (), ReqOpts::new());
/// for word in ["one ", "two ", "three"] {
///     gun::data_sync(conn, stream, false, word, limit).unwrap();
/// }
/// gun::data_sync(conn, stream, true, "", limit).unwrap();
/// assert_eq!(gun::await_body(conn, stream, limit).unwrap().0, "one two three");
/// # });
/// ```
///
/// # Errors
///
/// The stream has ended, or takes no more; or the connection has ended, or has not taken it in time.
///
/// # Panics
///
/// Outside a process.
#[track_caller]
pub fn data_sync(
    conn: Pid,
    stream: StreamRef,
    fin: bool,
    data: impl Into<Bytes>,
    timeout: impl IntoDeadline,
) -> Result<(), DataError> {
    let data = data.into();
    in_process("gun::data_sync");
    let query = Query::Data { stream, fin, data };
    let sent: Result<Result<(), BadState>, CallError> = call(conn, query, timeout);
    sent.map_err(DataError::Connection)?
        .map_err(DataError::Stream)
}

/// Silences a request: no message of it is sent from now on. Its response is read to the end.
///
/// Mirrors `gun:cancel/2`.
///
/// ```
/// use gun::StreamState;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let conn = server::conn();
/// let stream = gun::get(conn, "/never", ());
/// gun::cancel(conn, stream);
/// let info = gun::stream_info(conn, stream).unwrap();
/// // Over HTTP/1.1 it is still there; over HTTP/2 the server was told, and it is gone.
/// assert_eq!(info.expect("a stream").state, StreamState::Stopping);
/// # });
/// ```
///
/// # Panics
///
/// Outside a process.
#[track_caller]
pub fn cancel(conn: Pid, stream: StreamRef) {
    let from = in_process("gun::cancel");
    send(conn, Command::Cancel { stream, from });
}

/// Lets a stream with a flow send so many messages more.
///
/// Mirrors `gun:update_flow/3`.
///
/// ```
/// use gun::{Data, ReqOpts};
/// use gun::http::Method;
/// use runtime::prelude::*;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let conn = server::conn();
/// // One message at a time: the next comes when this one was seen to.
/// let stream = gun::request(conn, Method::GET, "/", (), "", ReqOpts::new().flow(1));
/// loop {
///     receive! {
///         Data { stream: of, fin, data, .. } if of == stream => {
///             println!("{} bytes", data.len());
///             if fin {
///                 break;
///             }
///             gun::update_flow(conn, stream, 1);
///         }
///     }
/// }
/// # });
/// ```
pub fn update_flow(conn: Pid, stream: StreamRef, messages: u32) {
    send(conn, Command::UpdateFlow { stream, messages });
}

/// What [`flush`] drops the messages of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flushed {
    /// A connection: also what it tells its owner, and its end if it is monitored.
    Connection(Pid),
    /// A request.
    Stream(StreamRef),
}

impl From<Pid> for Flushed {
    fn from(conn: Pid) -> Flushed {
        Flushed::Connection(conn)
    }
}

impl From<StreamRef> for Flushed {
    fn from(stream: StreamRef) -> Flushed {
        Flushed::Stream(stream)
    }
}

/// Drops what a connection, or a request, has sent to the caller and has not been received yet.
///
/// Mirrors `gun:flush/1`.
///
/// ```
/// use runtime::prelude::*;
/// use std::time::Duration;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let conn = server::conn();
/// let stream = gun::get(conn, "/", ());
/// gun::await_(conn, stream, Duration::from_secs(5)).unwrap();
/// gun::cancel(conn, stream);
/// gun::flush(stream);
/// receive! {
///     gun::Data { .. } => panic!("nothing of it is left"),
///     after Duration::ZERO => {}
/// }
/// # });
/// ```
///
/// # Panics
///
/// Outside a process.
pub fn flush(of: impl Into<Flushed>) {
    let of = of.into();
    let conn = |conn: Pid| of == Flushed::Connection(conn);
    let any = |at: Pid, stream: StreamRef| conn(at) || of == Flushed::Stream(stream);
    loop {
        let dropped = receive! {
            Up { conn: at, .. } if conn(at) => true,
            Down { conn: at, .. } if conn(at) => true,
            Notify { conn: at, .. } if conn(at) => true,
            Error { conn: at, stream: None, .. } if conn(at) => true,
            ProcessDown { object: Monitored::Pid(at), .. } if conn(at) => true,
            Error { conn: at, stream: Some(stream), .. } if any(at, stream) => true,
            Inform { conn: at, stream, .. } if any(at, stream) => true,
            Response { conn: at, stream, .. } if any(at, stream) => true,
            Data { conn: at, stream, .. } if any(at, stream) => true,
            Trailers { conn: at, stream, .. } if any(at, stream) => true,
            Push { conn: at, stream, .. } if any(at, stream) => true,
            Sse { conn: at, stream, .. } if any(at, stream) => true,
            TunnelUp { conn: at, stream, .. } if any(at, stream) => true,
            Upgrade { conn: at, stream, .. } if any(at, stream) => true,
            Ws { conn: at, stream, .. } if any(at, stream) => true,
            after Duration::ZERO => false,
        };
        if !dropped {
            return;
        }
    }
}
