//! Where a connection or a tunnel goes, and what is spoken there.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::PROXY_AUTHORIZATION;
use http::{HeaderMap, HeaderValue};

use super::{Http2Opts, HttpOpts, Opts, RawOpts, Transport};
use crate::message::Protocol;
use crate::socks5::{Socks5Auth, is_sayable};
use crate::tls::TlsOpts;

/// A protocol to be spoken: by its name, as the connection's options say; or with options of its own.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Spoken {
    /// As the connection's options say. [`Protocol::Socks`] has options that must be given, [`Protocol::Ws`] begins
    /// as HTTP: neither can be named so.
    Named(Protocol),
    /// HTTP/1.1.
    Http(HttpOpts),
    /// HTTP/2.
    Http2(Http2Opts),
    /// Bytes as they are.
    Raw(RawOpts),
    /// A SOCKS5 proxy, and what is beyond.
    Socks(Box<SocksOpts>),
}

impl Spoken {
    pub(crate) fn name(&self) -> Protocol {
        match self {
            Spoken::Named(name) => *name,
            Spoken::Http(_) => Protocol::Http,
            Spoken::Http2(_) => Protocol::Http2,
            Spoken::Raw(_) => Protocol::Raw,
            Spoken::Socks(_) => Protocol::Socks,
        }
    }

    fn check(&self) -> Result<(), &'static str> {
        match self {
            Spoken::Named(Protocol::Http | Protocol::Http2 | Protocol::Raw) => Ok(()),
            Spoken::Named(_) => Err("protocols"),
            Spoken::Http(opts) => opts.check(),
            Spoken::Http2(opts) => opts.check(),
            Spoken::Raw(opts) => opts.check(),
            Spoken::Socks(opts) => opts.check(),
        }
    }
}

impl From<Protocol> for Spoken {
    fn from(name: Protocol) -> Spoken {
        Spoken::Named(name)
    }
}

impl From<HttpOpts> for Spoken {
    fn from(opts: HttpOpts) -> Spoken {
        Spoken::Http(opts)
    }
}

impl From<Http2Opts> for Spoken {
    fn from(opts: Http2Opts) -> Spoken {
        Spoken::Http2(opts)
    }
}

impl From<RawOpts> for Spoken {
    fn from(opts: RawOpts) -> Spoken {
        Spoken::Raw(opts)
    }
}

impl From<SocksOpts> for Spoken {
    fn from(opts: SocksOpts) -> Spoken {
        Spoken::Socks(Box::new(opts))
    }
}

/// The end of a connection's first way, or of a tunnel: whom to speak with, and how.
#[derive(Clone, Debug)]
pub(crate) struct Hop {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) transport: Transport,
    pub(crate) tls: TlsOpts,
    pub(crate) tls_handshake_timeout: Option<Duration>,
    /// The best first; none: the usual ones.
    pub(crate) protocols: Option<Vec<Spoken>>,
}

impl Hop {
    fn new(host: String, port: u16) -> Hop {
        Hop {
            host,
            port,
            transport: Transport::Tcp,
            tls: TlsOpts::new(),
            tls_handshake_timeout: None,
            protocols: None,
        }
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.transport == Transport::Tls
    }

    /// As a URI has it: without the port where it is the scheme's own.
    pub(crate) fn authority(&self) -> String {
        let host = self.shown_host();
        if self.port == if self.is_secure() { 443 } else { 80 } {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }

    /// As CONNECT has it: with the port always.
    pub(crate) fn address(&self) -> String {
        format!("{}:{}", self.shown_host(), self.port)
    }

    fn shown_host(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        }
    }

    /// What is spoken, the best first, with its options.
    pub(crate) fn spoken(&self, opts: &Opts) -> Vec<Spoken> {
        let usual: &[Protocol] = if self.is_secure() {
            &[Protocol::Http2, Protocol::Http]
        } else {
            &[Protocol::Http]
        };
        let named = |spoken: Spoken| match spoken {
            Spoken::Named(Protocol::Http) => Spoken::Http(opts.http.clone()),
            Spoken::Named(Protocol::Http2) => Spoken::Http2(opts.http2.clone()),
            Spoken::Named(Protocol::Raw) => Spoken::Raw(opts.raw),
            spoken => spoken,
        };
        match &self.protocols {
            None => usual.iter().map(|name| named((*name).into())).collect(),
            Some(protocols) => protocols.iter().cloned().map(named).collect(),
        }
    }

    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if !is_host(&self.host) {
            return Err("host");
        }
        if self.transport == Transport::Quic {
            return Err("transport");
        }
        if self.tls_handshake_timeout == Some(Duration::ZERO) {
            return Err("tls_handshake_timeout");
        }
        let Some(protocols) = &self.protocols else {
            return Ok(());
        };
        for spoken in protocols {
            spoken.check()?;
            let same = |other: &&Spoken| other.name() == spoken.name();
            if protocols.iter().filter(same).count() > 1 {
                return Err("protocols");
            }
        }
        // Over TCP there is nobody to choose.
        match protocols.len() {
            0 => Err("protocols"),
            1 => Ok(()),
            _ if self.is_secure() => Ok(()),
            _ => Err("protocols"),
        }
    }
}

/// Whether it can be a host: a name, or an address without brackets.
pub(crate) fn is_host(host: &str) -> bool {
    let in_name = |c: char| c.is_ascii_graphic() && !"/?#@\\[]<>\"".contains(c);
    !host.is_empty() && host.chars().all(in_name)
}

/// A host without the brackets of an IPv6 address.
pub(crate) fn bare(host: String) -> String {
    let inside = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    inside.map(str::to_owned).unwrap_or(host)
}

macro_rules! hop_options {
    () => {
        /// What is spoken there, at least one, the best first: over TLS what the peer chooses of these, over TCP there is
        /// but one. Unless said: HTTP/2 or HTTP/1.1 over TLS, HTTP/1.1 over TCP.
        pub fn protocols(mut self, protocols: impl IntoIterator<Item = impl Into<Spoken>>) -> Self {
            self.hop.protocols = Some(protocols.into_iter().map(Into::into).collect());
            self
        }

        /// What is spoken over; TCP unless said. QUIC is refused.
        pub fn transport(mut self, transport: Transport) -> Self {
            self.hop.transport = transport;
            self
        }

        /// How TLS is spoken.
        pub fn tls(mut self, tls: TlsOpts) -> Self {
            self.hop.tls = tls;
            self
        }

        /// How long TLS's handshake may take, above zero. As long as it will unless said.
        pub fn tls_handshake_timeout(mut self, time: Duration) -> Self {
            self.hop.tls_handshake_timeout = Some(time);
            self
        }
    };
}

/// Where a tunnel goes: Gun's `connect_destination()`.
///
/// ```
/// use gun::{Destination, Protocol, TlsOpts, Transport};
/// use std::time::Duration;
///
/// let destination = Destination::new("example.org", 443)
///     .credentials("name", "password")
///     .transport(Transport::Tls)
///     .tls(TlsOpts::new().server_name("www.example.org"))
///     .tls_handshake_timeout(Duration::from_secs(2))
///     .protocols([Protocol::Http2, Protocol::Http]);
/// ```
#[derive(Clone, Debug)]
pub struct Destination {
    pub(crate) hop: Hop,
    pub(crate) credentials: Option<Credentials>,
}

/// A name and a password. Shows no password.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) name: String,
    pub(crate) password: String,
}

impl Credentials {
    /// As a header of the scheme Basic says them.
    pub(crate) fn basic(&self) -> HeaderValue {
        let encoded = STANDARD.encode(format!("{}:{}", self.name, self.password));
        let value = HeaderValue::try_from(format!("Basic {encoded}"));
        let mut value = value.expect("base64 is ASCII");
        value.set_sensitive(true);
        value
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({:?}, ..)", self.name)
    }
}

impl Destination {
    /// This host and port; over TCP, with HTTP/1.1.
    pub fn new(host: impl Into<String>, port: u16) -> Destination {
        Destination {
            hop: Hop::new(bare(host.into()), port),
            credentials: None,
        }
    }

    hop_options!();

    /// Who we are, told to the proxy (Basic), unless the request has a header `proxy-authorization`.
    pub fn credentials(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.credentials = Some(Credentials {
            name: name.into(),
            password: password.into(),
        });
        self
    }

    /// Tells the proxy who we are, unless the headers do.
    pub(crate) fn authorize(&self, headers: &mut HeaderMap) {
        if let Some(credentials) = &self.credentials
            && !headers.contains_key(PROXY_AUTHORIZATION)
        {
            headers.insert(PROXY_AUTHORIZATION, credentials.basic());
        }
    }

    pub(crate) fn check(&self) -> Result<(), &'static str> {
        self.hop.check()
    }
}

/// Where a SOCKS5 proxy leads: Gun's `socks_opts()`. A [`Spoken`].
///
/// ```
/// use gun::{Opts, Protocol, Socks5Auth, SocksOpts, TlsOpts, Transport};
/// use std::time::Duration;
///
/// let password = Socks5Auth::UsernamePassword("name".to_owned(), "password".to_owned());
/// let proxy = SocksOpts::new("example.org", 443)
///     .auth([Socks5Auth::None, password])
///     .transport(Transport::Tls)
///     .tls(TlsOpts::new().server_name("www.example.org"))
///     .tls_handshake_timeout(Duration::from_secs(2))
///     .protocols([Protocol::Http2, Protocol::Http]);
/// let opts = Opts::new().protocols([proxy]);
/// ```
#[derive(Clone, Debug)]
pub struct SocksOpts {
    pub(crate) hop: Hop,
    pub(crate) auth: Vec<Socks5Auth>,
}

impl SocksOpts {
    /// To this host and port; over TCP, with HTTP/1.1; without a password.
    pub fn new(host: impl Into<String>, port: u16) -> SocksOpts {
        SocksOpts {
            hop: Hop::new(bare(host.into()), port),
            auth: vec![Socks5Auth::None],
        }
    }

    hop_options!();

    /// The ways to prove who we are, of which the proxy chooses.
    pub fn auth(mut self, auth: impl IntoIterator<Item = Socks5Auth>) -> Self {
        self.auth = auth.into_iter().collect();
        self
    }

    fn check(&self) -> Result<(), &'static str> {
        let fits = |auth: &Socks5Auth| match auth {
            Socks5Auth::None => true,
            Socks5Auth::UsernamePassword(name, password) => {
                is_sayable(name) && is_sayable(password)
            }
        };
        if self.auth.is_empty() || !self.auth.iter().all(fits) {
            return Err("socks.auth");
        }
        self.hop.check()?;
        if !is_sayable(&self.hop.host) {
            return Err("socks.host");
        }
        Ok(())
    }
}
