//! How a Websocket is asked for and spoken.

use std::sync::Arc;
use std::time::Duration;

use super::ReplyTo;
use crate::message::StreamRef;
use crate::websocket::WsHandler;

/// How a Websocket is asked for and spoken: Gun's `ws_opts()`.
///
/// ```
/// use gun::ws::{Received, WsFrames, WsHandler};
/// use gun::{ReplyTo, StreamRef, WsOpts};
/// use gun::http::HeaderMap;
/// use runtime::prelude::*;
/// use std::time::Duration;
///
/// /// Drops what comes.
/// #[derive(Debug)]
/// struct Deaf;
/// impl WsHandler for Deaf {
///     fn init(&self, _: Pid, _: StreamRef, _: &ReplyTo, _: &HeaderMap) -> Box<dyn WsFrames> {
///         Box::new(Deaf)
///     }
/// }
/// impl WsFrames for Deaf {
///     fn handle(&mut self, _: Received) -> u32 {
///         0
///     }
/// }
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let conn = server::conn();
/// # let tunnel = gun::connect(conn, gun::Destination::new("example.org", 80), (), gun::ReqOpts::new());
/// # receive! { gun::TunnelUp { .. } => {} }
/// let ask = WsOpts::new()
///     .compress(true)
///     .protocols(["chat", "superchat"])
///     .protocol("silence", Deaf)
///     .default_handler(Deaf)
///     .reply_to(self_pid())
///     .tunnel(tunnel);
/// let opts = ask
///     .flow(10)
///     .keepalive(Duration::from_secs(10))
///     .silence_pings(false)
///     .max_message_size(1 << 16)
///     .closing_timeout(Duration::from_secs(1));
/// let ws = gun::ws_upgrade(conn, "/ws", (), opts);
/// receive! { gun::Upgrade { stream, .. } => assert_eq!(stream, ws) }
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct WsOpts {
    pub(crate) closing_timeout: Option<Duration>,
    pub(crate) compress: bool,
    pub(crate) default_handler: Option<Arc<dyn WsHandler>>,
    pub(crate) flow: Option<u32>,
    pub(crate) keepalive: Option<Duration>,
    pub(crate) max_message_size: usize,
    pub(crate) protocols: Vec<WsProtocol>,
    pub(crate) reply_to: Option<ReplyTo>,
    pub(crate) silence_pings: bool,
    pub(crate) tunnel: Option<StreamRef>,
}

/// A subprotocol that is offered, and who gets its frames: none, whoever asked for the Websocket.
#[derive(Clone, Debug)]
pub(crate) struct WsProtocol {
    pub(crate) name: String,
    pub(crate) handler: Option<Arc<dyn WsHandler>>,
}

impl WsOpts {
    /// Gun's defaults; messages of at most 64 MiB.
    pub fn new() -> WsOpts {
        WsOpts {
            closing_timeout: Some(Duration::from_secs(15)),
            compress: false,
            default_handler: None,
            flow: None,
            keepalive: None,
            max_message_size: 64 << 20,
            protocols: Vec::new(),
            reply_to: None,
            silence_pings: true,
            tunnel: None,
        }
    }

    /// How long the peer's close frame is waited for after ours, above zero; `None`: for ever.
    pub fn closing_timeout(mut self, time: impl Into<Option<Duration>>) -> WsOpts {
        self.closing_timeout = time.into();
        self
    }

    /// `true`: compression (RFC 7692) is offered to the server.
    pub fn compress(mut self, compress: bool) -> WsOpts {
        self.compress = compress;
        self
    }

    /// Who gets the frames if the server chooses no subprotocol: Gun's `default_protocol`. Unless said, they are
    /// sent as [`Ws`](crate::Ws).
    pub fn default_handler(mut self, handler: impl WsHandler + 'static) -> WsOpts {
        self.default_handler = Some(Arc::new(handler));
        self
    }

    /// How many [`Ws`](crate::Ws) messages are sent before [`update_flow`](crate::update_flow) is waited for,
    /// above zero.
    pub fn flow(mut self, messages: u32) -> WsOpts {
        self.flow = Some(messages);
        self
    }

    /// How often the server is pinged, above zero. Not at all unless said.
    pub fn keepalive(mut self, every: impl Into<Option<Duration>>) -> WsOpts {
        self.keepalive = every.into();
        self
    }

    /// The most bytes of a message, its fragments together; a larger one closes the Websocket with code 1009.
    pub fn max_message_size(mut self, bytes: usize) -> WsOpts {
        self.max_message_size = bytes;
        self
    }

    /// A subprotocol that is offered beside the others, and the handler that gets its frames.
    pub fn protocol(
        mut self,
        name: impl Into<String>,
        handler: impl WsHandler + 'static,
    ) -> WsOpts {
        self.protocols.push(WsProtocol {
            name: name.into(),
            handler: Some(Arc::new(handler)),
        });
        self
    }

    /// Subprotocols that are offered beside the others, whose frames are sent as [`Ws`](crate::Ws). The one that the
    /// server chooses is in the header `sec-websocket-protocol` of [`Upgrade`](crate::Upgrade).
    pub fn protocols(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> WsOpts {
        let plain = |name: String| WsProtocol {
            name,
            handler: None,
        };
        self.protocols
            .extend(names.into_iter().map(Into::into).map(plain));
        self
    }

    /// As [`ReqOpts::reply_to`](super::ReqOpts::reply_to).
    pub fn reply_to(mut self, to: impl Into<ReplyTo>) -> WsOpts {
        self.reply_to = Some(to.into());
        self
    }

    /// `false`: pings and pongs are told too. Pings are answered in any case.
    pub fn silence_pings(mut self, silence: bool) -> WsOpts {
        self.silence_pings = silence;
        self
    }

    /// As [`ReqOpts::tunnel`](super::ReqOpts::tunnel).
    pub fn tunnel(mut self, tunnel: StreamRef) -> WsOpts {
        self.tunnel = Some(tunnel);
        self
    }

    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let none = Some(Duration::ZERO);
        let is_token = |name: &str| {
            let in_token = |c: char| c.is_ascii_graphic() && !"()<>@,;:\\\"/[]?={}".contains(c);
            !name.is_empty() && name.chars().all(in_token)
        };
        let repeats = |protocol: &WsProtocol| {
            let same = |other: &&WsProtocol| other.name == protocol.name;
            self.protocols.iter().filter(same).count() > 1
        };
        if self.closing_timeout == none {
            return Err("ws.closing_timeout");
        }
        if self.flow == Some(0) {
            return Err("ws.flow");
        }
        if self.keepalive == none {
            return Err("ws.keepalive");
        }
        let mut protocols = self.protocols.iter();
        if protocols.any(|protocol| !is_token(&protocol.name) || repeats(protocol)) {
            return Err("ws.protocols");
        }
        Ok(())
    }
}

impl Default for WsOpts {
    fn default() -> WsOpts {
        WsOpts::new()
    }
}
