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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Up {
    /// The connection.
    pub conn: Pid,
    /// What is spoken on it.
    pub protocol: Protocol,
}

/// A tunnel is there. To who has asked for it; to the owner if it is a SOCKS proxy's. Gun's `gun_tunnel_up`.
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The connection.
    pub conn: Pid,
    /// The request; none if the error is the connection's.
    pub stream: Option<StreamRef>,
    /// Why.
    pub reason: Reason,
}
