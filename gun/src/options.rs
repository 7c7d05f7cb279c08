//! What a connection and a request can be told.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use runtime::{AnyMessage, Message, Pid, send};

use crate::message::Protocol;
use crate::tls::TlsOpts;

/// How a connection is made, kept and lost: Gun's `opts()`.
#[derive(Clone, Debug)]
pub struct Opts {
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) domain_lookup_timeout: Option<Duration>,
    pub(crate) http: HttpOpts,
    pub(crate) http2: Http2Opts,
    pub(crate) protocols: Option<Vec<Protocol>>,
    pub(crate) retry: u32,
    pub(crate) retry_fun: RetryFun,
    pub(crate) supervise: bool,
    pub(crate) transport: Option<Transport>,
    pub(crate) tls: TlsOpts,
    pub(crate) tls_handshake_timeout: Option<Duration>,
}

/// What a protocol is spoken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transport {
    /// TCP as it is.
    Tcp,
    /// TLS over TCP.
    Tls,
}

/// What is done after a failure: see [`Opts::retry_fun`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How many more attempts are made after the one to come.
    pub retries: u32,
    /// How long until then.
    pub timeout: Duration,
}

#[derive(Clone)]
pub(crate) enum RetryFun {
    /// At once, and from then on after so long.
    After(Duration),
    Ask(Arc<dyn Fn(u32) -> Retry + Send + Sync>),
}

impl RetryFun {
    /// `left` is at least 1; `first`: the first since the connection was up, or ever.
    pub(crate) fn next(&self, left: u32, first: bool) -> Retry {
        match self {
            RetryFun::After(time) => Retry {
                retries: left - 1,
                timeout: if first { Duration::ZERO } else { *time },
            },
            RetryFun::Ask(ask) => ask(left),
        }
    }
}

impl fmt::Debug for RetryFun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RetryFun::After(time) => write!(f, "After({time:?})"),
            RetryFun::Ask(_) => f.write_str("Ask(..)"),
        }
    }
}

impl Opts {
    /// Gun's defaults: no time-outs, five retries, the first at once and the others after 5 s.
    pub fn new() -> Opts {
        Opts {
            connect_timeout: None,
            domain_lookup_timeout: None,
            http: HttpOpts::new(),
            http2: Http2Opts::new(),
            protocols: None,
            retry: 5,
            retry_fun: RetryFun::After(Duration::from_secs(5)),
            supervise: true,
            transport: None,
            tls: TlsOpts::new(),
            tls_handshake_timeout: None,
        }
    }

    /// What is spoken over; if this is not said, TLS on port 443 and TCP on all others.
    pub fn transport(mut self, transport: Transport) -> Opts {
        self.transport = Some(transport);
        self
    }

    /// How TLS is spoken.
    pub fn tls(mut self, tls: TlsOpts) -> Opts {
        self.tls = tls;
        self
    }

    /// How long TLS's handshake may take.
    pub fn tls_handshake_timeout(mut self, time: Duration) -> Opts {
        self.tls_handshake_timeout = Some(time);
        self
    }

    pub(crate) fn is_tls(&self, port: u16) -> bool {
        match self.transport {
            Some(transport) => transport == Transport::Tls,
            None => port == 443,
        }
    }

    /// How long an attempt to connect may take, all addresses together.
    pub fn connect_timeout(mut self, time: Duration) -> Opts {
        self.connect_timeout = Some(time);
        self
    }

    /// How long the look-up of the host's name may take.
    pub fn domain_lookup_timeout(mut self, time: Duration) -> Opts {
        self.domain_lookup_timeout = Some(time);
        self
    }

    /// How HTTP/1.1 is spoken.
    pub fn http(mut self, http: HttpOpts) -> Opts {
        self.http = http;
        self
    }

    /// How HTTP/2 is spoken.
    pub fn http2(mut self, http2: Http2Opts) -> Opts {
        self.http2 = http2;
        self
    }

    /// What is spoken, the best first: over TLS what the server chooses of these, over TCP the first. If this is not
    /// said, or nothing is: HTTP/2 or HTTP/1.1 over TLS, HTTP/1.1 over TCP.
    pub fn protocols(mut self, protocols: impl IntoIterator<Item = Protocol>) -> Opts {
        self.protocols = Some(protocols.into_iter().collect());
        self
    }

    pub(crate) fn spoken(&self, port: u16) -> Vec<Protocol> {
        match &self.protocols {
            Some(protocols) if !protocols.is_empty() => protocols.clone(),
            _ if self.is_tls(port) => vec![Protocol::Http2, Protocol::Http],
            _ => vec![Protocol::Http],
        }
    }

    /// How often it is tried again, after a first attempt that failed and after each loss; 0: never.
    pub fn retry(mut self, times: u32) -> Opts {
        self.retry = times;
        self
    }

    /// How long it waits before it tries again, but for the first time, when it does not wait.
    pub fn retry_timeout(mut self, time: Duration) -> Opts {
        self.retry_fun = RetryFun::After(time);
        self
    }

    /// Asked before each retry, with the number of retries left: how many are then, and when the next is.
    /// It may never count down.
    pub fn retry_fun(mut self, ask: impl Fn(u32) -> Retry + Send + Sync + 'static) -> Opts {
        self.retry_fun = RetryFun::Ask(Arc::new(ask));
        self
    }

    /// `false`: the connection is linked to the process that opens it.
    pub fn supervise(mut self, supervise: bool) -> Opts {
        self.supervise = supervise;
        self
    }
}

impl Default for Opts {
    fn default() -> Opts {
        Opts::new()
    }
}

/// How HTTP/1.1 is spoken: Gun's `http_opts()`.
#[derive(Clone, Debug)]
pub struct HttpOpts {
    pub(crate) closing_timeout: Option<Duration>,
    pub(crate) flow: Option<u32>,
}

impl HttpOpts {
    /// Gun's defaults.
    pub fn new() -> HttpOpts {
        HttpOpts {
            closing_timeout: Some(Duration::from_secs(15)),
            flow: None,
        }
    }

    /// How long a response under way is waited for in [`shutdown`](crate::shutdown); `None`: for ever.
    pub fn closing_timeout(mut self, time: impl Into<Option<Duration>>) -> HttpOpts {
        self.closing_timeout = time.into();
        self
    }

    /// How many [`Data`](crate::Data) messages a stream sends before it waits for
    /// [`update_flow`](crate::update_flow).
    pub fn flow(mut self, messages: u32) -> HttpOpts {
        self.flow = Some(messages);
        self
    }
}

impl Default for HttpOpts {
    fn default() -> HttpOpts {
        HttpOpts::new()
    }
}

/// How HTTP/2 is spoken: Gun's `http2_opts()`.
#[derive(Clone, Debug)]
pub struct Http2Opts {
    pub(crate) closing_timeout: Option<Duration>,
    pub(crate) flow: Option<u32>,
}

impl Http2Opts {
    /// Gun's defaults.
    pub fn new() -> Http2Opts {
        Http2Opts {
            closing_timeout: Some(Duration::from_secs(15)),
            flow: None,
        }
    }

    /// As [`HttpOpts::closing_timeout`].
    pub fn closing_timeout(mut self, time: impl Into<Option<Duration>>) -> Http2Opts {
        self.closing_timeout = time.into();
        self
    }

    /// As [`HttpOpts::flow`].
    pub fn flow(mut self, messages: u32) -> Http2Opts {
        self.flow = Some(messages);
        self
    }
}

impl Default for Http2Opts {
    fn default() -> Http2Opts {
        Http2Opts::new()
    }
}

/// How a Websocket is asked for and spoken: Gun's `ws_opts()`.
#[derive(Clone, Debug)]
pub struct WsOpts {
    pub(crate) closing_timeout: Option<Duration>,
    pub(crate) compress: bool,
    pub(crate) flow: Option<u32>,
    pub(crate) max_message_size: usize,
    pub(crate) protocols: Vec<String>,
    pub(crate) reply_to: Option<ReplyTo>,
    pub(crate) silence_pings: bool,
}

impl WsOpts {
    /// Gun's defaults; messages of at most 64 MiB.
    pub fn new() -> WsOpts {
        WsOpts {
            closing_timeout: Some(Duration::from_secs(15)),
            compress: false,
            flow: None,
            max_message_size: 64 << 20,
            protocols: Vec::new(),
            reply_to: None,
            silence_pings: true,
        }
    }

    /// How long the peer's close frame is waited for after ours; `None`: for ever.
    pub fn closing_timeout(mut self, time: impl Into<Option<Duration>>) -> WsOpts {
        self.closing_timeout = time.into();
        self
    }

    /// `true`: compression (RFC 7692) is offered to the server.
    pub fn compress(mut self, compress: bool) -> WsOpts {
        self.compress = compress;
        self
    }

    /// How many [`Ws`](crate::Ws) messages are sent before [`update_flow`](crate::update_flow) is waited for.
    pub fn flow(mut self, messages: u32) -> WsOpts {
        self.flow = Some(messages);
        self
    }

    /// The most bytes of a message, its fragments together; a larger one closes the Websocket with code 1009.
    pub fn max_message_size(mut self, bytes: usize) -> WsOpts {
        self.max_message_size = bytes;
        self
    }

    /// The subprotocols that are offered. The one that the server chooses is in the header
    /// `sec-websocket-protocol` of [`Upgrade`](crate::Upgrade).
    pub fn protocols(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> WsOpts {
        self.protocols = names.into_iter().map(Into::into).collect();
        self
    }

    /// As [`ReqOpts::reply_to`].
    pub fn reply_to(mut self, to: impl Into<ReplyTo>) -> WsOpts {
        self.reply_to = Some(to.into());
        self
    }

    /// `false`: pings and pongs are told too. Pings are answered in any case.
    pub fn silence_pings(mut self, silence: bool) -> WsOpts {
        self.silence_pings = silence;
        self
    }
}

impl Default for WsOpts {
    fn default() -> WsOpts {
        WsOpts::new()
    }
}

/// What is said of one request: Gun's `req_opts()`.
#[derive(Clone, Debug, Default)]
pub struct ReqOpts {
    pub(crate) flow: Option<u32>,
    pub(crate) reply_to: Option<ReplyTo>,
}

impl ReqOpts {
    /// Replies to the caller; the connection's flow.
    pub fn new() -> ReqOpts {
        ReqOpts::default()
    }

    /// As [`HttpOpts::flow`], for this request.
    pub fn flow(mut self, messages: u32) -> ReqOpts {
        self.flow = Some(messages);
        self
    }

    /// Who gets the messages.
    pub fn reply_to(mut self, to: impl Into<ReplyTo>) -> ReqOpts {
        self.reply_to = Some(to.into());
        self
    }
}

/// Who gets a request's messages: a process, or a function that the connection calls with each.
#[derive(Clone)]
pub struct ReplyTo(To);

#[derive(Clone)]
enum To {
    Process(Pid),
    Function(Arc<dyn Fn(AnyMessage) + Send + Sync>),
}

impl ReplyTo {
    /// A function, called in the connection's process.
    pub fn function(f: impl Fn(AnyMessage) + Send + Sync + 'static) -> ReplyTo {
        ReplyTo(To::Function(Arc::new(f)))
    }

    pub(crate) fn tell<M: Message>(&self, message: M) {
        match &self.0 {
            To::Process(pid) => send(*pid, message),
            To::Function(f) => f(AnyMessage::new(message)),
        }
    }

    pub(crate) fn pid(&self) -> Option<Pid> {
        match self.0 {
            To::Process(pid) => Some(pid),
            To::Function(_) => None,
        }
    }
}

impl From<Pid> for ReplyTo {
    fn from(pid: Pid) -> ReplyTo {
        ReplyTo(To::Process(pid))
    }
}

impl fmt::Debug for ReplyTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            To::Process(pid) => pid.fmt(f),
            To::Function(_) => f.write_str("Function(..)"),
        }
    }
}
