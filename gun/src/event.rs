//! What happens on a connection, as it happens, for those who trace or measure it. Mirrors `gun_event`.
//!
//! The connection's process calls the handler and waits for it. Invariants: a request's events come in the order of
//! [`Event`]'s variants, unless the server answers before it has all of the body, and those of a response's head come
//! for each informational one too; each `..Start` has its `..End` unless the connection is lost in between; there is
//! no event after [`Event::Terminate`], and none at all of a connection that was [closed](crate::close) or killed.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use http::{HeaderMap, Method, StatusCode, Uri};
use parking_lot::Mutex;
use runtime::{ExitReason, Pid};

use crate::error::Reason;
use crate::message::{Protocol, StreamRef};
use crate::options::Transport;
use crate::websocket::Frame;

/// Is called with each event of a connection's: Gun's `event_handler`.
///
/// ```
/// use gun::{Event, EventHandler};
///
/// struct Count(u32);
///
/// impl EventHandler for Count {
///     fn handle(&mut self, event: Event<'_>) {
///         if let Event::ResponseEnd { .. } = event {
///             self.0 += 1;
///         }
///     }
/// }
///
/// let opts = gun::Opts::new().event_handler(|| Count(0));
/// ```
pub trait EventHandler: Send {
    /// Something has happened. It may block, and the connection waits.
    fn handle(&mut self, event: Event<'_>);
}

/// What happens on a connection. `stream` is the request, or the tunnel, that it happens to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The connection's process begins.
    Init {
        /// Its owner.
        owner: Pid,
        /// What it speaks over.
        transport: Transport,
        /// The host it was opened with.
        origin_host: &'a str,
        /// The port.
        origin_port: u16,
    },
    /// A host's name is looked up.
    DomainLookupStart {
        /// The name.
        host: &'a str,
        /// The port.
        port: u16,
    },
    /// It was.
    DomainLookupEnd {
        /// The name.
        host: &'a str,
        /// The port.
        port: u16,
        /// Its addresses.
        result: Result<&'a [SocketAddr], Reason>,
    },
    /// It connects to one of these.
    ConnectStart {
        /// Where to; none for a Unix socket.
        addresses: &'a [SocketAddr],
    },
    /// It has, or has not.
    ConnectEnd {
        /// To this address; none for a Unix socket.
        result: Result<Option<SocketAddr>, Reason>,
    },
    /// TLS begins: on the connection if `stream` is [`StreamRef::UNDEFINED`], or in a tunnel.
    TlsHandshakeStart {
        /// The tunnel.
        stream: StreamRef,
        /// The host.
        host: &'a str,
        /// The port.
        port: u16,
    },
    /// It is there, or is not.
    TlsHandshakeEnd {
        /// The tunnel.
        stream: StreamRef,
        /// The host.
        host: &'a str,
        /// The port.
        port: u16,
        /// What was agreed on to be spoken over it.
        result: Result<Protocol, Reason>,
    },
    /// A request is about to be sent.
    RequestStart(&'a RequestEvent<'a>),
    /// Its head was given to the protocol.
    RequestHeaders(&'a RequestEvent<'a>),
    /// All of it was.
    RequestEnd {
        /// The request.
        stream: StreamRef,
    },
    /// The server begins to announce a push.
    PushPromiseStart {
        /// The request that it belongs to.
        stream: StreamRef,
    },
    /// It has.
    PushPromiseEnd {
        /// The request that it belongs to.
        stream: StreamRef,
        /// The response to come.
        promised: StreamRef,
        /// The method of the request that was not made.
        method: &'a Method,
        /// Its URI.
        uri: &'a Uri,
        /// Its headers.
        headers: &'a HeaderMap,
    },
    /// The head of a response begins, or of an informational one.
    ResponseStart {
        /// The request.
        stream: StreamRef,
    },
    /// An informational response has come.
    ResponseInform {
        /// The request.
        stream: StreamRef,
        /// 100 to 199.
        status: StatusCode,
        /// Its headers.
        headers: &'a HeaderMap,
    },
    /// A response's head has come.
    ResponseHeaders {
        /// The request.
        stream: StreamRef,
        /// Its status.
        status: StatusCode,
        /// Its headers.
        headers: &'a HeaderMap,
    },
    /// A response's trailers have come.
    ResponseTrailers {
        /// The request.
        stream: StreamRef,
        /// The headers.
        headers: &'a HeaderMap,
    },
    /// A response is whole.
    ResponseEnd {
        /// The request.
        stream: StreamRef,
    },
    /// A Websocket is asked for.
    WsUpgrade {
        /// The request.
        stream: StreamRef,
    },
    /// A frame begins to come in.
    WsRecvFrameStart {
        /// The Websocket.
        stream: StreamRef,
    },
    /// Its head has come.
    WsRecvFrameHeader {
        /// The Websocket.
        stream: StreamRef,
        /// What the frame is, as it is on the wire.
        opcode: u8,
        /// Whether a message ends with it.
        fin: bool,
        /// Length of its payload on the wire, in bytes.
        length: u64,
    },
    /// All of it has.
    WsRecvFrameEnd {
        /// The Websocket.
        stream: StreamRef,
    },
    /// A frame is about to be sent.
    WsSendFrameStart {
        /// The Websocket.
        stream: StreamRef,
        /// The frame.
        frame: &'a Frame,
    },
    /// It was given to the transport.
    WsSendFrameEnd {
        /// The Websocket.
        stream: StreamRef,
    },
    /// Something else is spoken now, on the connection or in a tunnel.
    ProtocolChanged {
        /// The tunnel, or the request that has changed it.
        stream: StreamRef,
        /// What.
        protocol: Protocol,
    },
    /// Requests go elsewhere now: through a tunnel, to its end.
    OriginChanged {
        /// The tunnel.
        stream: StreamRef,
        /// The host.
        host: &'a str,
        /// The port.
        port: u16,
        /// What is spoken over.
        transport: Transport,
    },
    /// A request was cancelled.
    Cancel {
        /// The request.
        stream: StreamRef,
        /// By whom.
        endpoint: Endpoint,
        /// Why.
        reason: Reason,
    },
    /// The connection is lost.
    Disconnect {
        /// Why.
        reason: Reason,
    },
    /// The connection's process ends.
    Terminate {
        /// Its exit reason.
        reason: &'a ExitReason,
    },
}

/// A request in an [`Event`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RequestEvent<'a> {
    /// The request.
    pub stream: StreamRef,
    /// Who gets its messages, if that is a process.
    pub reply_to: Option<Pid>,
    /// Its method.
    pub method: &'a Method,
    /// The host, and the port if it is not the scheme's.
    pub authority: &'a str,
    /// Its path.
    pub path: &'a str,
    /// Its headers, as they are sent.
    pub headers: &'a HeaderMap,
}

/// One of the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Ours.
    Local,
    /// The server's.
    Remote,
}

/// A connection's handler, if it has one; also in the hands of what it awaits.
#[derive(Clone, Default)]
pub(crate) struct Events(Option<Arc<Mutex<Box<dyn EventHandler>>>>);

impl Events {
    pub(crate) fn of(handler: Option<Box<dyn EventHandler>>) -> Events {
        Events(handler.map(|handler| Arc::new(Mutex::new(handler))))
    }

    pub(crate) fn tell(&self, event: Event<'_>) {
        if let Some(handler) = &self.0 {
            handler.lock().handle(event);
        }
    }

    /// Whether anybody listens.
    pub(crate) fn heard(&self) -> bool {
        self.0.is_some()
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Events({})", self.heard())
    }
}
