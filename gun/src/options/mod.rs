//! What a connection and a request can be told. Everything is checked when it is handed over, by the function
//! that takes it, which names the option that is wrong.

mod hop;
mod http;
mod http2;
mod raw;
mod request;
mod ws;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::cookies::CookieStore;
use crate::error::OpenError;
use crate::event::EventHandler;
use crate::message::Protocol;
use crate::pool::load::Load;
use crate::tls::TlsOpts;

pub use hop::{Destination, SocksOpts, Spoken};
pub(crate) use hop::{Hop, bare, is_host};
pub use http::{HttpOpts, HttpVersion};
pub use http2::Http2Opts;
pub use raw::RawOpts;
pub(crate) use request::Owner;
pub use request::{ReplyTo, ReqOpts};
pub use ws::WsOpts;

/// How a connection is made, kept and lost: Gun's `opts()`.
///
/// ```
/// use gun::cookies::List;
/// use gun::{Event, EventHandler, Http2Opts, HttpOpts, Opts, RawOpts, Retry, TlsOpts, Transport, WsOpts};
/// use std::time::Duration;
///
/// struct Print;
/// impl EventHandler for Print {
///     fn handle(&mut self, event: Event<'_>) {
///         println!("{event:?}");
///     }
/// }
///
/// let connect = Opts::new()
///     .domain_lookup_timeout(Duration::from_secs(2))
///     .connect_timeout(Duration::from_secs(2))
///     .tls_handshake_timeout(Duration::from_secs(2))
///     .transport(Transport::Tls)
///     .tls(TlsOpts::new());
/// let keep = connect
///     .retry(10)
///     .retry_timeout(Duration::from_millis(100))
///     .send_timeout(Duration::from_secs(1))
///     .supervise(false)
///     .cookie_store(List::new)
///     .event_handler(|| Print);
/// let speak = keep
///     .http(HttpOpts::new().flow(10))
///     .http2(Http2Opts::new().flow(10))
///     .raw(RawOpts::new().flow(10))
///     .ws(WsOpts::new().compress(true));
/// // For ever, and each time after twice as long.
/// let opts = speak.retry_fun(|left| Retry {
///     retries: left,
///     timeout: Duration::from_secs(1 << (10 - left)),
/// });
/// ```
#[derive(Clone)]
pub struct Opts {
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) cookie_store: Option<Make<dyn CookieStore>>,
    pub(crate) domain_lookup_timeout: Option<Duration>,
    pub(crate) event_handler: Option<Make<dyn EventHandler>>,
    pub(crate) http: HttpOpts,
    pub(crate) http2: Http2Opts,
    /// What a pool knows of the connection.
    pub(crate) load: Option<Arc<Load>>,
    /// None: the usual ones.
    pub(crate) protocols: Option<Vec<Spoken>>,
    pub(crate) raw: RawOpts,
    pub(crate) retry: u32,
    pub(crate) retry_fun: RetryFun,
    pub(crate) send_timeout: Option<Duration>,
    pub(crate) supervise: bool,
    pub(crate) transport: Option<Transport>,
    pub(crate) tls: TlsOpts,
    pub(crate) tls_handshake_timeout: Option<Duration>,
    pub(crate) ws: WsOpts,
}

/// Makes what a connection has to itself.
type Make<T> = Arc<dyn Fn() -> Box<T> + Send + Sync>;

/// What a protocol is spoken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transport {
    /// TCP as it is, or what stands for it: a Unix socket, a tunnel.
    Tcp,
    /// TLS over that.
    Tls,
    /// QUIC, which HTTP/3 is spoken over: [refused](OpenError::Http3).
    Quic,
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
    /// Gun's defaults: no time-outs but 15 s for a peer that takes nothing, five retries, the first at once and the
    /// others after 5 s.
    pub fn new() -> Opts {
        Opts {
            connect_timeout: None,
            cookie_store: None,
            domain_lookup_timeout: None,
            event_handler: None,
            http: HttpOpts::new(),
            http2: Http2Opts::new(),
            load: None,
            protocols: None,
            raw: RawOpts::new(),
            retry: 5,
            retry_fun: RetryFun::After(Duration::from_secs(5)),
            send_timeout: Some(Duration::from_secs(15)),
            supervise: true,
            transport: None,
            tls: TlsOpts::new(),
            tls_handshake_timeout: None,
            ws: WsOpts::new(),
        }
    }

    /// How long an attempt to connect may take, all addresses together, above zero.
    pub fn connect_timeout(mut self, time: Duration) -> Opts {
        self.connect_timeout = Some(time);
        self
    }

    /// Makes the store that the connection keeps its cookies in, from its first response to its end. Without one
    /// it keeps none.
    pub fn cookie_store<S>(mut self, make: impl Fn() -> S + Send + Sync + 'static) -> Opts
    where
        S: CookieStore + 'static,
    {
        self.cookie_store = Some(Arc::new(move || Box::new(make())));
        self
    }

    /// How long the look-up of the host's name may take, above zero.
    pub fn domain_lookup_timeout(mut self, time: Duration) -> Opts {
        self.domain_lookup_timeout = Some(time);
        self
    }

    /// Makes the handler that is called with each [`Event`](crate::Event) of the connection's.
    pub fn event_handler<H>(mut self, make: impl Fn() -> H + Send + Sync + 'static) -> Opts
    where
        H: EventHandler + 'static,
    {
        self.event_handler = Some(Arc::new(move || Box::new(make())));
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

    /// What is spoken, at least one, the best first: over TLS what the server chooses of these, over TCP there is but
    /// one. Unless said: HTTP/2 or HTTP/1.1 over TLS, HTTP/1.1 over TCP.
    ///
    /// ```
    /// use gun::{Http2Opts, Opts, Protocol, SocksOpts, Spoken};
    ///
    /// let prior_knowledge = Opts::new().protocols([Protocol::Http2]);
    /// let own_options: [Spoken; 2] = [Http2Opts::new().push(false).into(), Protocol::Http.into()];
    /// let tls = Opts::new().transport(gun::Transport::Tls).protocols(own_options);
    /// let proxy = Opts::new().protocols([SocksOpts::new("example.org", 80)]);
    /// ```
    pub fn protocols(mut self, protocols: impl IntoIterator<Item = impl Into<Spoken>>) -> Opts {
        self.protocols = Some(protocols.into_iter().map(Into::into).collect());
        self
    }

    /// How raw bytes are spoken.
    pub fn raw(mut self, raw: RawOpts) -> Opts {
        self.raw = raw;
        self
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

    /// How long the peer may take nothing of what it is sent, above zero, before the connection is given up:
    /// `send_timeout` of Gun's `tcp_opts`. `None`: for ever. 15 s unless said.
    pub fn send_timeout(mut self, time: impl Into<Option<Duration>>) -> Opts {
        self.send_timeout = time.into();
        self
    }

    /// `false`: the connection is linked to the process that opens it, and stands under no supervisor.
    pub fn supervise(mut self, supervise: bool) -> Opts {
        self.supervise = supervise;
        self
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

    /// How long TLS's handshake may take, above zero.
    pub fn tls_handshake_timeout(mut self, time: Duration) -> Opts {
        self.tls_handshake_timeout = Some(time);
        self
    }

    /// How Websockets are spoken that [`ws_upgrade`](crate::ws_upgrade) asks for with
    /// no options of its own.
    pub fn ws(mut self, ws: WsOpts) -> Opts {
        self.ws = ws;
        self
    }

    /// The first way of a connection.
    pub(crate) fn hop(&self, host: &str, port: u16) -> Hop {
        let usual = if port == 443 {
            Transport::Tls
        } else {
            Transport::Tcp
        };
        Hop {
            host: host.to_owned(),
            port,
            transport: self.transport.unwrap_or(usual),
            tls: self.tls.clone(),
            tls_handshake_timeout: self.tls_handshake_timeout,
            protocols: self.protocols.clone(),
        }
    }

    pub(crate) fn check(&self, hop: &Hop) -> Result<(), OpenError> {
        let is_http3 = |spoken: &Spoken| spoken.name() == Protocol::Http3;
        let mut named = self.protocols.iter().flatten();
        if self.transport == Some(Transport::Quic) || named.any(is_http3) {
            return Err(OpenError::Http3);
        }
        let none = Some(Duration::ZERO);
        let times = [
            (self.connect_timeout, "connect_timeout"),
            (self.domain_lookup_timeout, "domain_lookup_timeout"),
            (self.send_timeout, "send_timeout"),
        ];
        if let Some((_, key)) = times.iter().find(|(time, _)| *time == none) {
            return Err(OpenError::Option(key));
        }
        let parts = [
            self.http.check(),
            self.http2.check(),
            self.raw.check(),
            self.ws.check(),
            hop.check(),
        ];
        parts
            .into_iter()
            .collect::<Result<(), _>>()
            .map_err(OpenError::Option)
    }
}

impl Default for Opts {
    fn default() -> Opts {
        Opts::new()
    }
}

impl fmt::Debug for Opts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opts")
            .field("connect_timeout", &self.connect_timeout)
            .field("cookie_store", &self.cookie_store.is_some())
            .field("domain_lookup_timeout", &self.domain_lookup_timeout)
            .field("event_handler", &self.event_handler.is_some())
            .field("http", &self.http)
            .field("http2", &self.http2)
            .field("protocols", &self.protocols)
            .field("raw", &self.raw)
            .field("retry", &self.retry)
            .field("retry_fun", &self.retry_fun)
            .field("send_timeout", &self.send_timeout)
            .field("supervise", &self.supervise)
            .field("transport", &self.transport)
            .field("tls", &self.tls)
            .field("tls_handshake_timeout", &self.tls_handshake_timeout)
            .field("ws", &self.ws)
            .finish()
    }
}
