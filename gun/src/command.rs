//! What the functions of this crate ask of a connection's process.

use bytes::Bytes;
use http::{HeaderMap, Method};
use runtime::Pid;

use crate::message::{Protocol, StreamRef};
use crate::options::{ReplyTo, WsOpts};
use crate::websocket::Frame;

#[derive(Debug)]
pub(crate) enum Command {
    Request(Box<Request>),
    Data {
        stream: StreamRef,
        from: Pid,
        fin: bool,
        data: Bytes,
    },
    Cancel {
        stream: StreamRef,
        from: Pid,
    },
    UpdateFlow {
        stream: StreamRef,
        messages: u32,
    },
    WsSend {
        stream: StreamRef,
        from: Pid,
        frames: Vec<Frame>,
    },
    SetOwner {
        from: Pid,
        owner: Pid,
    },
    Shutdown,
}

#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) stream: StreamRef,
    pub(crate) reply_to: ReplyTo,
    pub(crate) flow: Option<u32>,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    /// It asks for a Websocket.
    pub(crate) websocket: Option<WsOpts>,
}

#[derive(Debug)]
pub(crate) enum Body {
    Whole(Bytes),
    /// Comes as `Command::Data`.
    Streamed,
}

#[derive(Debug)]
pub(crate) enum Query {
    Info,
    StreamInfo(StreamRef),
}

/// What is known of a connection: see [`info`](crate::info).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// Its owner.
    pub owner: Pid,
    /// What is spoken; none while it is not connected.
    pub protocol: Option<Protocol>,
    /// The peer's address; none while it is not connected, or of a Unix socket.
    pub address: Option<std::net::SocketAddr>,
    /// The host that it was opened with.
    pub origin_host: String,
    /// The port that it was opened with; 80 for a Unix socket.
    pub origin_port: u16,
    /// Streams that have not come to their end.
    pub streams: usize,
}

/// What is known of a request: see [`stream_info`](crate::stream_info).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamInfo {
    /// The request.
    pub stream: StreamRef,
    /// Who gets its messages, if that is a process.
    pub reply_to: Option<Pid>,
    /// Whether anybody still waits for it.
    pub state: StreamState,
}

/// Whether anybody still waits for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamState {
    /// It is waited for.
    Running,
    /// It was cancelled, and is read to its end in silence.
    Stopping,
}
