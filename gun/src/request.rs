//! The functions that open, use and close connections. But for [`info`], [`stream_info`] and [`close`]
//! they return at once.

use std::path::Path;

use bytes::Bytes;
use http::Method;
use runtime::request::{CallError, call};
use runtime::{
    Down as ProcessDown, ExitReason, IntoDeadline, Monitored, Pid, Spawn, exit_signal, monitor,
    receive, self_pid, send,
};

use crate::command::{Asks, Body, Command, Info, Query, Request, StreamInfo};
use crate::connect::Target;
use crate::error::{BadState, CloseError, DataError, OpenError, Reason};
use crate::headers::IntoHeaders;
use crate::message::{
    Data, Down, Error, Inform, Notify, Push, Response, Sse, StreamRef, Trailers, TunnelUp, Up,
    Upgrade, Ws,
};
use crate::options::{Destination, Hop, Opts, ReqOpts, Transport, WsOpts, bare, is_host};
use crate::supervisor::{self, Opening};
use crate::websocket::Frame;

/// Opens a connection: a process, whose owner is the caller. It connects in its own time, and tells the
/// owner [`Up`].
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
    let hop = opts.hop(&host, port);
    start(Target::Tcp, hop, opts)
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
    let is_tls = opts.transport == Some(Transport::Tls);
    let hop = opts.hop("localhost", if is_tls { 443 } else { 80 });
    start(Target::Unix(path.as_ref().to_owned()), hop, opts)
}

#[track_caller]
fn start(target: Target, hop: Hop, opts: Opts) -> Result<Pid, OpenError> {
    opts.check(&hop)?;
    let opening = Opening {
        owner: self_pid(),
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
/// [`ExitReason::Shutdown`]; nobody is told.
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
/// There is no such process.
///
/// # Panics
///
/// Outside a process.
pub fn close(conn: Pid) -> Result<(), CloseError> {
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
/// [`Error`].
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
pub fn set_owner(conn: Pid, owner: Pid) {
    let from = self_pid();
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
pub fn info(conn: Pid) -> Result<Info, CallError> {
    call(conn, Query::Info, std::time::Duration::from_secs(5))
}

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
pub fn stream_info(conn: Pid, stream: StreamRef) -> Result<Option<StreamInfo>, CallError> {
    let time = std::time::Duration::from_secs(5);
    call(conn, Query::StreamInfo(stream), time)
}

macro_rules! without_body {
    ($($name:ident $method:ident $mirrors:literal;)*) => {$(
        #[doc = concat!("Makes a ", stringify!($method), " request.\n\nMirrors `", $mirrors, "`.")]
        ///
        /// ```
        /// use std::time::Duration;
        ///
        /// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
        /// # runtime::run(|| {
        /// # let conn = server::conn();
        #[doc = concat!("let stream = gun::", stringify!($name), "(conn, \"/\", [(\"accept\", \"text/plain\")]);")]
        /// match gun::await_(conn, stream, Duration::from_secs(5)).unwrap() {
        ///     gun::Awaited::Response { status, .. } => assert_eq!(status, 200),
        ///     other => panic!("{other:?}"),
        /// }
        /// # });
        /// ```
        ///
        /// # Panics
        ///
        /// Outside a process, or if [a header is none](IntoHeaders).
        #[track_caller]
        pub fn $name(conn: Pid, path: &str, headers: impl IntoHeaders) -> StreamRef {
            let body = Body::Whole(Bytes::new());
            make(conn, Method::$method, path, headers, body, ReqOpts::new())
        }
    )*};
}

without_body! {
    get GET "gun:get/3";
    head HEAD "gun:head/3";
    options OPTIONS "gun:options/3";
    delete DELETE "gun:delete/3";
}

macro_rules! with_body {
    ($($name:ident $method:ident $mirrors:literal;)*) => {$(
        #[doc = concat!("Makes a ", stringify!($method), " request with a body.\n\nMirrors `", $mirrors, "`.")]
        ///
        /// ```
        /// use std::time::Duration;
        ///
        /// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
        /// # runtime::run(|| {
        /// # let conn = server::conn();
        /// let headers = [("content-type", "text/plain")];
        #[doc = concat!("let stream = gun::", stringify!($name), "(conn, \"/echo\", headers, \"hello\");")]
        /// let (body, _) = gun::await_body(conn, stream, Duration::from_secs(5)).unwrap();
        /// assert_eq!(body, "hello");
        /// # });
        /// ```
        ///
        /// # Panics
        ///
        /// Outside a process, or if [a header is none](IntoHeaders).
        #[track_caller]
        pub fn $name(
            conn: Pid,
            path: &str,
            headers: impl IntoHeaders,
            body: impl Into<Bytes>,
        ) -> StreamRef {
            let body = Body::Whole(body.into());
            make(conn, Method::$method, path, headers, body, ReqOpts::new())
        }
    )*};
}

with_body! {
    patch PATCH "gun:patch/4";
    post POST "gun:post/4";
    put PUT "gun:put/4";
}

/// Makes a request of any method, with a body and options.
///
/// Mirrors `gun:request/6`.
///
/// ```
/// use gun::ReqOpts;
/// use http::Method;
/// use std::time::Duration;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let conn = server::conn();
/// let headers = [("content-type", "text/plain")];
/// let stream = gun::request(conn, Method::POST, "/echo", headers, "hello", ReqOpts::new().flow(10));
/// let (body, _) = gun::await_body(conn, stream, Duration::from_secs(5)).unwrap();
/// assert_eq!(body, "hello");
/// # });
/// ```
///
/// # Panics
///
/// Outside a process, or if [a header is none](IntoHeaders).
#[track_caller]
pub fn request(
    conn: Pid,
    method: Method,
    path: &str,
    headers: impl IntoHeaders,
    body: impl Into<Bytes>,
    opts: ReqOpts,
) -> StreamRef {
    make(conn, method, path, headers, Body::Whole(body.into()), opts)
}

/// Begins a request whose body is sent by [`data`](fn@data): in chunks, or of the length that a header
/// `content-length` says.
///
/// Mirrors `gun:headers/5`.
///
/// ```
/// use gun::ReqOpts;
/// use http::Method;
/// use std::time::Duration;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let conn = server::conn();
/// let headers = [("content-type", "text/plain")];
/// let stream = gun::headers(conn, Method::POST, "/echo", headers, ReqOpts::new());
/// gun::data(conn, stream, false, "hel");
/// gun::data(conn, stream, true, "lo");
/// let (body, _) = gun::await_body(conn, stream, Duration::from_secs(5)).unwrap();
/// assert_eq!(body, "hello");
/// # });
/// ```
///
/// # Panics
///
/// Outside a process, or if [a header is none](IntoHeaders).
#[track_caller]
pub fn headers(
    conn: Pid,
    method: Method,
    path: &str,
    headers: impl IntoHeaders,
    opts: ReqOpts,
) -> StreamRef {
    make(conn, method, path, headers, Body::Streamed, opts)
}

#[track_caller]
fn make(
    conn: Pid,
    method: Method,
    path: &str,
    headers: impl IntoHeaders,
    body: Body,
    opts: ReqOpts,
) -> StreamRef {
    let checked = check(&method, &opts);
    let request = Request {
        stream: StreamRef::new(),
        reply_to: opts.reply_to.unwrap_or_else(|| self_pid().into()),
        tunnel: opts.tunnel.unwrap_or(StreamRef::UNDEFINED),
        flow: opts.flow,
        method,
        path: path.to_owned(),
        headers: headers.into_headers(),
        body,
        asks: Asks::Response,
        cancel_on_down: opts.cancel_on_down,
        place: None,
    };
    ask(conn, request, checked)
}

/// What is wrong with a request.
pub(crate) fn check(method: &Method, opts: &ReqOpts) -> Result<(), &'static str> {
    if method == Method::CONNECT {
        // It makes a tunnel, which `connect` is for.
        return Err("method");
    }
    opts.check()
}

/// Sends a request, unless an option of it is wrong, which is told as the connection would.
pub(crate) fn ask(conn: Pid, request: Request, checked: Result<(), &'static str>) -> StreamRef {
    let stream = request.stream;
    match checked {
        Ok(()) => send(conn, Command::Request(Box::new(request))),
        Err(key) => request.reply_to.tell(Error {
            conn,
            stream: Some(stream),
            reason: Reason::BadState(BadState::Option(key)),
        }),
    }
    stream
}

/// Asks for a tunnel, which is there when [`TunnelUp`] is told, after a [`Response`] with any 2xx. Requests go through it
/// that name it: [`ReqOpts::tunnel`]. Over HTTP/1.1 the whole connection becomes the tunnel; there must be no other
/// request under way. What is answered instead comes as a [`Response`].
///
/// Mirrors `gun:connect/4`.
///
/// ```
/// use gun::{Destination, ReqOpts, TunnelUp};
/// use http::Method;
/// use runtime::prelude::*;
/// use std::time::Duration;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let conn = server::conn();
/// let tunnel = gun::connect(conn, Destination::new("example.org", 80), (), ReqOpts::new());
/// receive! {
///     TunnelUp { stream, protocol, .. } if stream == tunnel => println!("{protocol:?}"),
///     gun::Error { stream, reason, .. } if stream == Some(tunnel) => panic!("{reason}"),
/// }
/// let through = ReqOpts::new().tunnel(tunnel);
/// let stream = gun::request(conn, Method::GET, "/", (), "", through);
/// assert_eq!(gun::await_body(conn, stream, Duration::from_secs(5)).unwrap().0, "hello");
/// # });
/// ```
///
/// # Panics
///
/// Outside a process, or if [a header is none](IntoHeaders).
#[track_caller]
pub fn connect(
    conn: Pid,
    destination: Destination,
    headers: impl IntoHeaders,
    opts: ReqOpts,
) -> StreamRef {
    let checked = opts.check().and(destination.check());
    let request = Request {
        stream: StreamRef::new(),
        reply_to: opts.reply_to.unwrap_or_else(|| self_pid().into()),
        tunnel: opts.tunnel.unwrap_or(StreamRef::UNDEFINED),
        flow: opts.flow,
        method: Method::CONNECT,
        path: String::new(),
        headers: headers.into_headers(),
        body: Body::Whole(Bytes::new()),
        asks: Asks::Tunnel(Box::new(destination)),
        cancel_on_down: opts.cancel_on_down,
        place: None,
    };
    ask(conn, request, checked)
}

/// Asks for a Websocket, as the connection's [options](Opts::ws) or these say. Over HTTP/1.1 it takes the connection
/// over when [`Upgrade`] is told; over HTTP/2 it is a stream beside the others. What is answered instead comes as a
/// [`Response`]. A connection for Websockets is best opened with [`Opts::retry`] 0: what was said is not said again.
///
/// Mirrors `gun:ws_upgrade/4`.
///
/// ```
/// use gun::WsOpts;
/// use runtime::prelude::*;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let conn = server::conn();
/// let ws = gun::ws_upgrade(conn, "/ws", (), WsOpts::new());
/// receive! {
///     gun::Upgrade { stream, .. } if stream == ws => println!("it is a Websocket"),
///     gun::Response { stream, status, .. } if stream == ws => panic!("it is none: {status}"),
///     gun::Error { stream, reason, .. } if stream == Some(ws) => panic!("{reason}"),
/// }
/// # });
/// ```
///
/// # Panics
///
/// Outside a process, or if [a header is none](IntoHeaders).
#[track_caller]
pub fn ws_upgrade(
    conn: Pid,
    path: &str,
    headers: impl IntoHeaders,
    opts: impl Into<Option<WsOpts>>,
) -> StreamRef {
    let opts: Option<WsOpts> = opts.into();
    let checked = opts.as_ref().map_or(Ok(()), WsOpts::check);
    let reply_to = opts.as_ref().and_then(|opts| opts.reply_to.clone());
    let tunnel = opts.as_ref().and_then(|opts| opts.tunnel);
    let request = Request {
        stream: StreamRef::new(),
        reply_to: reply_to.unwrap_or_else(|| self_pid().into()),
        tunnel: tunnel.unwrap_or(StreamRef::UNDEFINED),
        flow: None,
        method: Method::GET,
        path: path.to_owned(),
        headers: headers.into_headers(),
        body: Body::Whole(Bytes::new()),
        asks: Asks::Websocket(opts),
        cancel_on_down: false,
        place: None,
    };
    ask(conn, request, checked)
}

/// Asks whether the server is still there: [`Notify`] tells the answer, which names what this returns. HTTP/2 has
/// pings; a connection that speaks HTTP/1.1 is lost by one, with the reason [`Reason::PingUnsupported`]. Of the options
/// those matter that say through which tunnel, and to whom.
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
pub fn ping(conn: Pid, opts: ReqOpts) -> StreamRef {
    let ping = StreamRef::new();
    let command = Command::Ping {
        ping,
        tunnel: opts.tunnel.unwrap_or(StreamRef::UNDEFINED),
        reply_to: opts.reply_to.unwrap_or_else(|| self_pid().into()),
    };
    send(conn, command);
    ping
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
pub fn ws_send(conn: Pid, stream: StreamRef, frames: impl IntoIterator<Item = Frame>) {
    let from = self_pid();
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
/// use http::Method;
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
pub fn data(conn: Pid, stream: StreamRef, fin: bool, data: impl Into<Bytes>) {
    let data = data.into();
    if data.is_empty() && !fin {
        return;
    }
    let from = self_pid();
    let command = Command::Data {
        stream,
        from,
        fin,
        data,
        sent: None,
    };
    send(conn, command);
}

/// Sends a piece of a request's body, and waits until the protocol has taken it: to be faster than the server is
/// impossible so.
///
/// ```
/// use gun::ReqOpts;
/// use http::Method;
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
pub fn data_sync(
    conn: Pid,
    stream: StreamRef,
    fin: bool,
    data: impl Into<Bytes>,
    timeout: impl IntoDeadline,
) -> Result<(), DataError> {
    let data = data.into();
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
pub fn cancel(conn: Pid, stream: StreamRef) {
    let from = self_pid();
    send(conn, Command::Cancel { stream, from });
}

/// Lets a stream with a flow send so many messages more.
///
/// Mirrors `gun:update_flow/3`.
///
/// ```
/// use gun::{Data, ReqOpts};
/// use http::Method;
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
            after std::time::Duration::ZERO => false,
        };
        if !dropped {
            return;
        }
    }
}
