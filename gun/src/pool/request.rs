//! Requests to a pool: each goes to a connection that has a place for it. They wait for no answer but the manager's.

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderMap, Method};
use runtime::Pid;

use super::manager::Checkout;
use super::{PoolError, PoolReqOpts, manager, take};
use crate::command::{Asks, BodyKind, Request};
use crate::headers::IntoHeaders;
use crate::message::StreamRef;
use crate::request::{ask, check};
use crate::websocket::Frame;

macro_rules! without_body {
    ($($name:ident $method:ident $mirrors:literal;)*) => {$(
        #[doc = concat!("Makes a ", stringify!($method), " request to the pool of the host that the headers name.\n\nMirrors `", $mirrors, "`.")]
        ///
        /// ```
        /// use gun::pool::{self, PoolOpts};
        /// use std::time::Duration;
        ///
        /// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
        /// # runtime::run(|| {
        /// # let port = server::http();
        /// # let host = format!("localhost:{port}");
        /// # let pool = pool::start_pool("localhost", port, PoolOpts::new()).unwrap();
        /// # pool::await_up(pool, Duration::from_secs(5)).unwrap();
        #[doc = concat!("let (conn, stream) = pool::", stringify!($name), "(\"/\", [(\"host\", &*host)], ()).unwrap();")]
        /// match gun::await_(conn, stream, Duration::from_secs(5)).unwrap() {
        ///     gun::Awaited::Response { status, .. } => assert_eq!(status, 200),
        ///     other => panic!("{other:?}"),
        /// }
        /// # });
        /// ```
        ///
        /// # Errors
        ///
        /// There is no such pool, or no connection of it has a place.
        ///
        /// # Panics
        ///
        /// Outside a process, or if [a header is none](IntoHeaders).
        #[track_caller]
        pub fn $name(
            path: &str,
            headers: impl IntoHeaders,
            opts: impl Into<PoolReqOpts>,
        ) -> Result<(Pid, StreamRef), PoolError> {
            make(Method::$method, path, headers.into_headers(), BodyKind::Whole(Bytes::new()), opts.into())
        }
    )*};
}

without_body! {
    get GET "gun_pool:get/3";
    head HEAD "gun_pool:head/3";
    options OPTIONS "gun_pool:options/3";
    delete DELETE "gun_pool:delete/3";
}

macro_rules! with_body {
    ($($name:ident $method:ident $mirrors:literal;)*) => {$(
        #[doc = concat!("Makes a ", stringify!($method), " request with a body, to the pool of the host that the headers name.\n\nMirrors `", $mirrors, "`.")]
        ///
        /// ```
        /// use gun::pool::{self, PoolOpts};
        /// use std::time::Duration;
        ///
        /// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
        /// # runtime::run(|| {
        /// # let port = server::http();
        /// # let host = format!("localhost:{port}");
        /// # let pool = pool::start_pool("localhost", port, PoolOpts::new()).unwrap();
        /// # pool::await_up(pool, Duration::from_secs(5)).unwrap();
        #[doc = concat!("let (conn, stream) = pool::", stringify!($name), "(\"/echo\", [(\"host\", &*host)], \"hello\", ()).unwrap();")]
        /// let (body, _) = gun::await_body(conn, stream, Duration::from_secs(5)).unwrap();
        /// assert_eq!(body, "hello");
        /// # });
        /// ```
        ///
        /// # Errors
        ///
        /// There is no such pool, or no connection of it has a place.
        ///
        /// # Panics
        ///
        /// Outside a process, or if [a header is none](IntoHeaders).
        #[track_caller]
        pub fn $name(
            path: &str,
            headers: impl IntoHeaders,
            body: impl Into<Bytes>,
            opts: impl Into<PoolReqOpts>,
        ) -> Result<(Pid, StreamRef), PoolError> {
            make(Method::$method, path, headers.into_headers(), BodyKind::Whole(body.into()), opts.into())
        }
    )*};
}

with_body! {
    patch PATCH "gun_pool:patch/4";
    post POST "gun_pool:post/4";
    put PUT "gun_pool:put/4";
}

/// Makes a request of any method to the pool of the host that the headers name.
///
/// Mirrors `gun_pool:request/5`.
///
/// ```
/// use gun::pool::{self, PoolOpts};
/// use gun::http::Method;
/// use std::time::Duration;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let port = server::http();
/// # let host = format!("localhost:{port}");
/// # let pool = pool::start_pool("localhost", port, PoolOpts::new().size(2)).unwrap();
/// # pool::await_up(pool, Duration::from_secs(5)).unwrap();
/// let (conn, stream) = pool::request(Method::POST, "/echo", [("host", &*host)], "hello", ()).unwrap();
/// assert_eq!(gun::await_body(conn, stream, Duration::from_secs(5)).unwrap().0, "hello");
/// # });
/// ```
///
/// # Errors
///
/// There is no such pool, or no connection of it has a place.
///
/// # Panics
///
/// Outside a process, or if [a header is none](IntoHeaders).
#[track_caller]
pub fn request(
    method: Method,
    path: &str,
    headers: impl IntoHeaders,
    body: impl Into<Bytes>,
    opts: impl Into<PoolReqOpts>,
) -> Result<(Pid, StreamRef), PoolError> {
    let body = BodyKind::Whole(body.into());
    make(method, path, headers.into_headers(), body, opts.into())
}

/// Begins a request whose body is sent by [`gun::data`](crate::data()), to the pool of the host that the headers name.
///
/// Mirrors `gun_pool:headers/4`.
///
/// ```
/// use gun::pool::{self, PoolOpts};
/// use gun::http::Method;
/// use std::time::Duration;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let port = server::http();
/// # let host = format!("localhost:{port}");
/// # let pool = pool::start_pool("localhost", port, PoolOpts::new().size(2)).unwrap();
/// # pool::await_up(pool, Duration::from_secs(5)).unwrap();
/// let (conn, stream) = pool::headers(Method::POST, "/echo", [("host", &*host)], ()).unwrap();
/// gun::data(conn, stream, true, "hello");
/// assert_eq!(gun::await_body(conn, stream, Duration::from_secs(5)).unwrap().0, "hello");
/// # });
/// ```
///
/// # Errors
///
/// There is no such pool, or no connection of it has a place.
///
/// # Panics
///
/// Outside a process, or if [a header is none](IntoHeaders).
#[track_caller]
pub fn headers(
    method: Method,
    path: &str,
    headers: impl IntoHeaders,
    opts: impl Into<PoolReqOpts>,
) -> Result<(Pid, StreamRef), PoolError> {
    make(
        method,
        path,
        headers.into_headers(),
        BodyKind::Streamed,
        opts.into(),
    )
}

fn make(
    method: Method,
    path: &str,
    headers: HeaderMap,
    body: BodyKind,
    opts: PoolReqOpts,
) -> Result<(Pid, StreamRef), PoolError> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let manager = manager(&opts.scope, host.ok_or(PoolError::NoHost)?)?;
    let Checkout { conn, place, .. } = take(&manager, &opts)?;
    let req = opts.req_opts;
    let checked = check(&method, &req);
    let mut request = Request::new(
        "gun::pool::request",
        method,
        path,
        headers,
        body,
        Asks::Response,
        req,
    );
    request.place = Some(place);
    Ok((conn, ask(conn, request, checked)))
}

/// Sends frames over a Websocket of the pool of this host.
///
/// Mirrors `gun_pool:ws_send/2`.
///
/// ```
/// use gun::pool::{self, PoolOpts, SetupEvent, Step};
/// use gun::ws::Frame;
/// use gun::{Protocol, WsOpts};
/// use std::time::Duration;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let port = server::http();
/// # let host = format!("localhost:{port}");
/// let opts = PoolOpts::new().setup(|| {
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
/// let pool = pool::start_pool("localhost", port, opts).unwrap();
/// pool::await_up(pool, Duration::from_secs(5)).unwrap();
/// pool::ws_send(&host, [Frame::text("hello")], ()).unwrap();
/// # });
/// ```
///
/// # Errors
///
/// There is no such pool, or no Websocket of it is up.
///
/// # Panics
///
/// Outside a process.
pub fn ws_send(
    authority: &str,
    frames: impl IntoIterator<Item = Frame>,
    opts: impl Into<PoolReqOpts>,
) -> Result<(), PoolError> {
    let opts = opts.into();
    let manager = manager(&opts.scope, authority)?;
    let Checkout { conn, ws, .. } = take(&manager, &opts)?;
    let stream = ws.ok_or(PoolError::NoConnectionAvailable)?;
    crate::stream::ws_send(conn, stream, frames);
    Ok(())
}
