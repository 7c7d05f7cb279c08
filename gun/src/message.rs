//! What a connection tells: its owner of itself, and whoever made a request of that.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};
use runtime::{Pid, Ref, make_ref};

use crate::error::Reason;
use crate::http2::Http2Settings;
use crate::sse::SseEvent;
use crate::websocket::Frame;

/// A request, and what comes of it: Gun's `StreamRef`. Unique, also through tunnels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StreamRef(Option<Ref>);

impl StreamRef {
    /// What no request has asked for: the bytes of a connection that is raw, the tunnel of one that goes through a
    /// SOCKS proxy. Gun's `undefined`.
    pub const UNDEFINED: StreamRef = StreamRef(None);

    pub(crate) fn new() -> StreamRef {
        StreamRef(Some(make_ref()))
    }

    pub(crate) fn is_defined(self) -> bool {
        self.0.is_some()
    }
}

/// What is spoken on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// HTTP/1.1.
    Http,
    /// HTTP/2.
    Http2,
    /// Websocket.
    Ws,
    /// Bytes as they are.
    Raw,
    /// SOCKS5, until its tunnel is up.
    Socks,
    /// HTTP/3, which is [refused](crate::OpenError::Http3).
    Http3,
}

/// The connection is there. To its owner. Gun's `gun_up`.
///
/// ```
/// use gun::{Opts, Up};
/// use runtime::prelude::*;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let port = server::http();
/// let conn = gun::open("localhost", port, Opts::new()).unwrap();
/// receive! {
///     Up { conn: of, protocol } if of == conn => println!("{protocol:?} is spoken"),
/// }
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Up {
    /// The connection.
    pub conn: Pid,
    /// What is spoken on it.
    pub protocol: Protocol,
}

/// A tunnel is there. To who has asked for it; to the owner if it is a SOCKS proxy's. Gun's `gun_tunnel_up`.
///
/// ```
/// use gun::{Destination, ReqOpts, TunnelUp};
/// use runtime::prelude::*;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let conn = server::conn();
/// let tunnel = gun::connect(conn, Destination::new("example.org", 80), (), ReqOpts::new());
/// receive! {
///     TunnelUp { stream, protocol, .. } if stream == tunnel => println!("{protocol:?} is spoken through it"),
/// }
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TunnelUp {
    /// The connection.
    pub conn: Pid,
    /// The tunnel, which requests may name; [`StreamRef::UNDEFINED`] for a SOCKS proxy's, which need not be named.
    pub stream: StreamRef,
    /// What is spoken through it.
    pub protocol: Protocol,
}

/// The connection is lost. To its owner, after the streams' errors. Gun's `gun_down`.
///
/// ```
/// use gun::Down;
/// use runtime::prelude::*;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let conn = server::conn();
/// let stream = gun::get(conn, "/close", ());
/// receive! {
///     Down { conn: of, reason, killed, .. } if of == conn => {
///         println!("{reason}");
///         assert_eq!(killed, [stream]);
///     }
/// }
/// # });
/// ```
///
/// In a gen_server:
///
/// ```
/// use genserver::GenServer;
/// use genserver::gen_server::{self, Done, done};
/// # use genserver::gen_server::reply;
/// # use genserver::{Called, From, Init, Never};
/// use runtime::prelude::*;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// /// Counts the requests that its connection has lost.
/// struct Client {
///     conn: Pid,
///     lost: usize,
/// }
///
/// impl GenServer for Client {
///     // ..
/// #   type Args = u16;
/// #   type Call = ();
/// #   type Reply = usize;
/// #   type Cast = Never;
/// #   type Continue = Never;
/// #   fn init(port: u16) -> Result<Init<Client>, ExitReason> {
/// #       let conn = gun::open("localhost", port, gun::Opts::new())?;
/// #       gun::get(conn, "/close", ());
/// #       Ok(Client { conn, lost: 0 }.into())
/// #   }
/// #   fn handle_call(&mut self, _: (), _: From<usize>) -> Result<Called<usize>, ExitReason> {
/// #       Ok(reply(self.lost))
/// #   }
///
///     fn handle_info(&mut self, message: AnyMessage) -> Result<Done, ExitReason> {
///         match_message!(message {
///             gun::Down { conn, killed, .. } if conn == self.conn => self.lost += killed.len(),
///             _other => {}
///         });
///         Ok(done())
///     }
/// }
/// # runtime::run(|| {
/// # let client = gen_server::start_link::<Client>(server::http()).unwrap();
/// # while client.call(()).unwrap() == 0 {}
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Down {
    /// The connection.
    pub conn: Pid,
    /// What was spoken on it.
    pub protocol: Protocol,
    /// Why.
    pub reason: Reason,
    /// The streams that had not come to their end, the oldest first.
    pub killed: Vec<StreamRef>,
}

/// What a connection has to tell besides. Gun's `gun_notify`.
///
/// ```
/// use gun::{Http2Opts, Notice, Notify, Opts};
/// use runtime::prelude::*;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let port = server::http2();
/// let http2 = Http2Opts::new().notify_settings_changed(true);
/// let conn = gun::open("localhost", port, Opts::new().protocols([http2])).unwrap();
/// receive! {
///     Notify { conn: of, notice: Notice::SettingsChanged(settings) } if of == conn => {
///         println!("{:?} streams at a time", settings.max_concurrent_streams);
///     }
/// }
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify {
    /// The connection.
    pub conn: Pid,
    /// What it is.
    pub notice: Notice,
}

/// What a [`Notify`] tells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// An HTTP/2 server's settings, some of which are new. To the owner, if
    /// [it is to be told](crate::Http2Opts::notify_settings_changed).
    SettingsChanged(Http2Settings),
    /// A [`ping`](crate::ping) was answered. To who has sent it.
    PingAck(StreamRef),
}

/// The server announces a response that nobody has asked for. To who has made the request that it belongs to. Gun's
/// `gun_push`.
///
/// ```
/// use gun::Push;
/// use runtime::prelude::*;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let conn = server::conn_http2();
/// let stream = gun::get(conn, "/", ());
/// receive! {
///     Push { stream: of, promised, uri, .. } if of == stream => {
///         assert_eq!(uri.path(), "/style.css");
///         gun::cancel(conn, promised);
///     }
/// }
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// The connection.
    pub conn: Pid,
    /// The request that it belongs to.
    pub stream: StreamRef,
    /// The response to come: it can be cancelled.
    pub promised: StreamRef,
    /// The method of the request that was not made.
    pub method: Method,
    /// Its URI, with scheme and authority.
    pub uri: Uri,
    /// Its headers.
    pub headers: HeaderMap,
}

/// An informational response (1xx). Gun's `gun_inform`.
///
/// ```
/// use gun::Inform;
/// use runtime::prelude::*;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let conn = server::conn();
/// let stream = gun::get(conn, "/hints", ());
/// receive! {
///     Inform { stream: of, status, headers, .. } if of == stream => {
///         assert_eq!(status, 103);
///         assert_eq!(headers["link"], "</style.css>");
///     }
/// }
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inform {
    /// The connection.
    pub conn: Pid,
    /// The request.
    pub stream: StreamRef,
    /// Its status, 100 to 199.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
}

/// A response's head. Gun's `gun_response`.
///
/// ```
/// use gun::Response;
/// use runtime::prelude::*;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let conn = server::conn();
/// let stream = gun::head(conn, "/", ());
/// receive! {
///     Response { stream: of, fin, status, headers, .. } if of == stream => {
///         assert!(fin, "HEAD has no body");
///         assert_eq!(status, 200);
///         assert_eq!(headers["content-length"], "5");
///     }
/// }
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The connection.
    pub conn: Pid,
    /// The request.
    pub stream: StreamRef,
    /// No body follows.
    pub fin: bool,
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
}

/// A piece of a response's body, of at most 16 KiB. Gun's `gun_data`.
///
/// ```
/// use gun::Data;
/// use runtime::prelude::*;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let conn = server::conn();
/// let stream = gun::get(conn, "/", ());
/// let mut body = Vec::new();
/// loop {
///     receive! {
///         Data { stream: of, fin, data, .. } if of == stream => {
///             body.extend_from_slice(&data);
///             if fin {
///                 break;
///             }
///         }
///     }
/// }
/// assert_eq!(body, b"hello");
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// The connection.
    pub conn: Pid,
    /// The request.
    pub stream: StreamRef,
    /// It is the last piece, which may be empty. If [`Trailers`] follow, none is.
    pub fin: bool,
    /// The bytes.
    pub data: Bytes,
}

/// An event of a response that is a stream of them: see [`Sse`](crate::content::Sse). Gun's `gun_sse`.
///
/// ```
/// use gun::content::{ContentHandler, Sse};
/// use gun::{HttpOpts, Opts};
/// use std::sync::Arc;
/// use runtime::prelude::*;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let port = server::http();
/// let sse: [Arc<dyn ContentHandler>; 1] = [Arc::new(Sse::new())];
/// let http = HttpOpts::new().content_handlers(sse);
/// let conn = gun::open("localhost", port, Opts::new().http(http)).unwrap();
/// let stream = gun::get(conn, "/events", ());
/// loop {
///     receive! {
///         gun::Sse { stream: of, event: Some(event), .. } if of == stream => println!("{event:?}"),
///         gun::Sse { stream: of, event: None, .. } if of == stream => break,
///     }
/// }
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sse {
    /// The connection.
    pub conn: Pid,
    /// The request.
    pub stream: StreamRef,
    /// What has come; none: the response has ended.
    pub event: Option<SseEvent>,
}

/// What follows a response's body, and ends it. Gun's `gun_trailers`.
///
/// ```
/// use gun::Trailers;
/// use runtime::prelude::*;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let conn = server::conn();
/// let stream = gun::get(conn, "/trailers", ());
/// receive! {
///     Trailers { stream: of, headers, .. } if of == stream => assert_eq!(headers["checksum"], "532"),
/// }
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trailers {
    /// The connection.
    pub conn: Pid,
    /// The request.
    pub stream: StreamRef,
    /// The headers.
    pub headers: HeaderMap,
}

/// A request for a Websocket, or for another protocol, was granted. Gun's `gun_upgrade`.
///
/// ```
/// use gun::{Upgrade, WsOpts};
/// use runtime::prelude::*;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let conn = server::conn();
/// let ws = gun::ws_upgrade(conn, "/ws", (), WsOpts::new());
/// receive! {
///     Upgrade { stream, protocols, .. } if stream == ws => assert_eq!(protocols, ["websocket"]),
/// }
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// The connection.
    pub conn: Pid,
    /// The request, which names the Websocket, or the raw bytes, from now on.
    pub stream: StreamRef,
    /// What is spoken now: `websocket`, or what the request has named.
    pub protocols: Vec<String>,
    /// The response's headers.
    pub headers: HeaderMap,
}

/// A message of a Websocket's, or a frame that is none. Gun's `gun_ws`.
///
/// ```
/// use gun::{Ws, WsOpts, ws::Frame};
/// use runtime::prelude::*;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let conn = server::conn();
/// let ws = gun::ws_upgrade(conn, "/ws", (), WsOpts::new());
/// receive! { gun::Upgrade { stream, .. } if stream == ws => {} }
/// gun::ws_send(conn, ws, [Frame::text("hello")]);
/// receive! {
///     Ws { stream, frame: Frame::Text(text), .. } if stream == ws => assert_eq!(text, "hello"),
///     Ws { stream, frame, .. } if stream == ws => println!("{frame:?}"),
/// }
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ws {
    /// The connection.
    pub conn: Pid,
    /// The Websocket.
    pub stream: StreamRef,
    /// What has come.
    pub frame: Frame,
}

/// A request has failed, or a command that names it. Gun's `gun_error`.
///
/// ```
/// use gun::Error;
/// use runtime::prelude::*;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let conn = server::conn();
/// let stream = gun::get(conn, "/close", ());
/// receive! {
///     Error { stream: Some(of), reason, .. } if of == stream => println!("the request has failed: {reason}"),
///     Error { conn: of, stream: None, reason } if of == conn => println!("the connection has: {reason}"),
/// }
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The connection.
    pub conn: Pid,
    /// The request; none if the error is the connection's.
    pub stream: Option<StreamRef>,
    /// Why.
    pub reason: Reason,
}
