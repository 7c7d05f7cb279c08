//! What a connection tells: its owner of itself, and whoever made a request of that.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use runtime::{Pid, Ref};

use crate::error::Reason;
use crate::websocket::Frame;

/// A request, and what comes of it: Gun's `StreamRef`. Unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StreamRef(pub(crate) Ref);

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
}

/// The connection is there. To its owner. Gun's `gun_up`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Up {
    /// The connection.
    pub conn: Pid,
    /// What is spoken on it.
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

/// A request for a Websocket was granted. Gun's `gun_upgrade`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// The connection.
    pub conn: Pid,
    /// The request, which names the Websocket from now on.
    pub stream: StreamRef,
    /// What is spoken now: `websocket`.
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
