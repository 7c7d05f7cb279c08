//! The functions that begin a stream: requests, tunnels and Websockets. They return at once.

use bytes::Bytes;
use http::Method;
use runtime::{Pid, send};

use crate::command::{Asks, BodyKind, Command, Request};
use crate::error::{BadState, Reason};
use crate::headers::IntoHeaders;
use crate::message::{Error, StreamRef};
use crate::options::{Destination, ReqOpts, WsOpts};

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
            let body = BodyKind::Whole(Bytes::new());
            make(concat!("gun::", stringify!($name)), conn, Method::$method, path, headers, body, ReqOpts::new())
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
            let body = BodyKind::Whole(body.into());
            make(concat!("gun::", stringify!($name)), conn, Method::$method, path, headers, body, ReqOpts::new())
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
/// use gun::http::Method;
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
    let body = BodyKind::Whole(body.into());
    make("gun::request", conn, method, path, headers, body, opts)
}

/// Begins a request whose body is sent by [`data`](fn@crate::data): in chunks, or of the length that a header
/// `content-length` says.
///
/// Mirrors `gun:headers/5`.
///
/// ```
/// use gun::ReqOpts;
/// use gun::http::Method;
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
    make(
        "gun::headers",
        conn,
        method,
        path,
        headers,
        BodyKind::Streamed,
        opts,
    )
}

#[track_caller]
fn make(
    what: &str,
    conn: Pid,
    method: Method,
    path: &str,
    headers: impl IntoHeaders,
    body: BodyKind,
    opts: ReqOpts,
) -> StreamRef {
    let checked = check(&method, &opts);
    let request = Request::new(
        what,
        method,
        path,
        headers.into_headers(),
        body,
        Asks::Response,
        opts,
    );
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

/// Asks for a tunnel, which is there when [`TunnelUp`](crate::TunnelUp) is told, after a [`Response`](crate::Response)
/// with any 2xx. Requests go through it that name it: [`ReqOpts::tunnel`]. Over HTTP/1.1 the whole connection becomes
/// the tunnel; there must be no other request under way. What is answered instead comes as a
/// [`Response`](crate::Response).
///
/// Mirrors `gun:connect/4`.
///
/// ```
/// use gun::{Destination, ReqOpts, TunnelUp};
/// use gun::http::Method;
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
    let body = BodyKind::Whole(Bytes::new());
    let asks = Asks::Tunnel(Box::new(destination));
    let headers = headers.into_headers();
    let request = Request::new(
        "gun::connect",
        Method::CONNECT,
        "",
        headers,
        body,
        asks,
        opts,
    );
    ask(conn, request, checked)
}

/// Asks for a Websocket, as the connection's [options](crate::Opts::ws) or these say. Over HTTP/1.1 it takes the
/// connection over when [`Upgrade`](crate::Upgrade) is told; over HTTP/2 it is a stream beside the others. What is
/// answered instead comes as a [`Response`](crate::Response). A connection for Websockets is best opened with
/// [`Opts::retry`](crate::Opts::retry) 0: what was said is not said again.
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
    let of_request = ReqOpts {
        reply_to: opts.as_ref().and_then(|opts| opts.reply_to.clone()),
        tunnel: opts.as_ref().and_then(|opts| opts.tunnel),
        ..ReqOpts::new()
    };
    let body = BodyKind::Whole(Bytes::new());
    let asks = Asks::Websocket(opts.map(Box::new));
    let headers = headers.into_headers();
    let request = Request::new(
        "gun::ws_upgrade",
        Method::GET,
        path,
        headers,
        body,
        asks,
        of_request,
    );
    ask(conn, request, checked)
}
