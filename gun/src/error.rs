//! Why a connection, a request or a call of a function fails.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use h2::Reason as Http2Code;
use runtime::request::CallError;
use runtime::{ExitReason, Pid, SpawnError};
use tokio_rustls::rustls::{self, AlertDescription};

use crate::content::ContentError;
use crate::socks5::Socks5Error;
use crate::tls;
use crate::websocket::{CodecError, HandshakeError};

/// Why a request or a connection has ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// We have closed the connection, as its protocol has it.
    Normal,
    /// The peer has closed the connection.
    Closed,
    /// The connection is about to close and takes no more requests: it is shutting down, its owner has
    /// ended, or either side has said that this was the last.
    Closing,
    /// The host's name was not resolved: Gun's `nxdomain`.
    DomainLookup,
    /// The system refused to connect, to read or to write.
    Io(io::ErrorKind),
    /// A name was not resolved, nobody answered, or the like, in the time that the options allow.
    Timeout,
    /// The peer does not speak the protocol.
    Protocol,
    /// An HTTP/2 stream was reset, with this code.
    Reset(Http2Code),
    /// The HTTP/2 connection was ended, with this code: by the peer, or by us for the peer's mistake.
    GoAway(Http2Code),
    /// The server allows no more HTTP/2 streams at a time.
    TooManyStreams,
    /// There is no TLS with the peer.
    Tls(TlsReason),
    /// The peer has broken the Websocket's protocol, and was told so.
    Websocket(CodecError),
    /// What was to become a Websocket did not.
    Handshake(HandshakeError),
    /// There is no way through the SOCKS proxy.
    Socks5(Socks5Error),
    /// A handler cannot go on with the response's body.
    Content(ContentError),
    /// A [`ping`](crate::ping) was asked for, which the protocol does not have.
    PingUnsupported,
    /// What was asked does not fit with what is.
    BadState(BadState),
}

/// Why there is no TLS with a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsReason {
    /// The peer says so: Gun's `{tls_alert, _}`.
    Alert(AlertDescription),
    /// The peer's certificate is not to be trusted: expired, of another name, of an authority that is not
    /// trusted.
    Certificate,
    /// The peer does not speak TLS, or none that we speak; or our own certificate does not fit its key.
    Protocol,
    /// The host's name, or the one given for it, is none that a certificate can have.
    ServerName,
    /// Nobody is trusted: no authority was given, or the system has none.
    NoAuthority,
}

impl fmt::Display for TlsReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TlsReason::Alert(alert) => write!(f, "the peer's TLS alert {alert:?}"),
            TlsReason::Certificate => f.write_str("the peer's certificate is not to be trusted"),
            TlsReason::Protocol => f.write_str("no TLS that both sides speak"),
            TlsReason::ServerName => f.write_str("a name that no certificate can have"),
            TlsReason::NoAuthority => f.write_str("no authority to trust"),
        }
    }
}

impl StdError for TlsReason {}

/// What does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadState {
    /// There is no such stream, or not any more.
    NoStream,
    /// The request's body has ended.
    BodyEnded,
    /// More bytes than the request's `content-length` says.
    BodyTooLong,
    /// The last piece leaves fewer bytes than the request's `content-length` says.
    BodyTooShort,
    /// The length of a body must be told in HTTP/1.0, and was not.
    NoLength,
    /// The path, or the `host` header, cannot stand in a request.
    BadTarget,
    /// Only the owner may name another.
    NotOwner,
    /// The connection is a Websocket, and nothing else.
    Websocket,
    /// A frame that may not be sent: a control frame that is too long, a code that is never sent.
    Frame,
    /// The stream is no Websocket, or there can be none: over HTTP/1.0, or over HTTP/2 if the server has no
    /// extended CONNECT.
    NoWebsocket,
    /// There is no such tunnel, or it is not up.
    NoTunnel,
    /// The connection is raw and takes no requests.
    Raw,
    /// HTTP/1.1 has other requests under way, and a tunnel would take the connection from them.
    Busy,
    /// Too much waits for the connection to come up: 16 MiB.
    Postponed,
    /// This option is wrong.
    Option(&'static str),
}

impl Reason {
    /// What hyper says of a connection that has failed.
    pub(crate) fn of(error: &hyper::Error) -> Reason {
        if let Some(error) = error
            .source()
            .and_then(|source| source.downcast_ref::<io::Error>())
        {
            return Reason::of_io(error);
        }
        if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
            return Reason::Closed;
        }
        Reason::Protocol
    }

    /// What h2 says of a stream or a connection that has failed.
    pub(crate) fn of_h2(error: &h2::Error) -> Reason {
        if let Some(error) = error.get_io() {
            return Reason::of_io(error);
        }
        match error.reason() {
            Some(code) if error.is_reset() => Reason::Reset(code),
            Some(code) => Reason::GoAway(code),
            None => Reason::Protocol,
        }
    }

    /// What the system, or TLS, says.
    pub(crate) fn of_io(error: &io::Error) -> Reason {
        let inside = error
            .get_ref()
            .and_then(|inside| inside.downcast_ref::<rustls::Error>());
        match (inside, error.kind()) {
            (Some(error), _) => tls::reason(error.clone()),
            // h2 says it so when the stream ends under a request.
            (None, io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe) => Reason::Closed,
            (None, kind) => Reason::Io(kind),
        }
    }
}

impl From<io::Error> for Reason {
    fn from(error: io::Error) -> Reason {
        Reason::of_io(&error)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Normal => f.write_str("closed on our side"),
            Reason::Closed => f.write_str("closed by the peer"),
            Reason::Closing => f.write_str("the connection is closing"),
            Reason::DomainLookup => f.write_str("the host's name was not resolved"),
            Reason::Io(kind) => kind.fmt(f),
            Reason::Timeout => f.write_str("timed out"),
            Reason::Protocol => f.write_str("the peer does not speak the protocol"),
            Reason::Reset(code) => write!(f, "the stream was reset: {code}"),
            Reason::GoAway(code) => write!(f, "the connection was ended: {code}"),
            Reason::TooManyStreams => f.write_str("the server allows no more streams"),
            Reason::Tls(why) => why.fmt(f),
            Reason::Websocket(error) => error.fmt(f),
            Reason::Handshake(error) => error.fmt(f),
            Reason::Socks5(error) => error.fmt(f),
            Reason::Content(error) => error.fmt(f),
            Reason::PingUnsupported => f.write_str("the protocol has no pings"),
            Reason::BadState(what) => what.fmt(f),
        }
    }
}

impl fmt::Display for BadState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BadState::NoStream => "no such stream",
            BadState::BodyEnded => "the request's body has ended",
            BadState::BodyTooLong => "more bytes than the request's content-length says",
            BadState::BodyTooShort => "fewer bytes than the request's content-length says",
            BadState::NoLength => "HTTP/1.0 must be told the length of a body",
            BadState::BadTarget => "the path or the host cannot stand in a request",
            BadState::Websocket => "the connection is a Websocket, and nothing else",
            BadState::Frame => "a frame that may not be sent",
            BadState::NoWebsocket => "the stream is no Websocket",
            BadState::NotOwner => "only the owner may name another",
            BadState::NoTunnel => "no such tunnel",
            BadState::Raw => "the connection is raw and takes no requests",
            BadState::Busy => "a tunnel would take the connection from other requests",
            BadState::Postponed => "too much waits for the connection",
            BadState::Option(key) => return write!(f, "the option {key} is wrong"),
        })
    }
}

impl StdError for Reason {}
impl StdError for BadState {}

/// Why [`open`](fn@crate::open) has opened nothing.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// The host is empty, or no host's name.
    Host(String),
    /// This option has a value that it cannot have.
    Option(&'static str),
    /// HTTP/3 was asked for, or QUIC, which are not spoken here.
    Http3,
    /// The process could not be spawned.
    Spawn(SpawnError),
    /// The supervisor of connections does not start one.
    Supervisor(ExitReason),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Host(host) => write!(f, "{host:?} is not the name of a host"),
            OpenError::Option(key) => write!(
                f,
                "the option {key} has a value that it cannot have: its documentation says which it can"
            ),
            OpenError::Http3 => f.write_str("HTTP/3 is not spoken here"),
            OpenError::Spawn(error) => write!(f, "cannot spawn a connection: {error}"),
            OpenError::Supervisor(reason) => {
                write!(f, "the supervisor starts no connection: {reason}")
            }
        }
    }
}

impl StdError for OpenError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            OpenError::Host(_)
            | OpenError::Option(_)
            | OpenError::Http3
            | OpenError::Supervisor(_) => None,
            OpenError::Spawn(error) => Some(error),
        }
    }
}

/// There was no such connection to [`close`](crate::close).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseError(pub Pid);

impl fmt::Display for CloseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is no connection, or has ended", self.0)
    }
}

impl StdError for CloseError {}

/// Why [`data_sync`](crate::data_sync) has not sent what it was given, or does not know.
#[derive(Debug)]
#[non_exhaustive]
pub enum DataError {
    /// The stream has ended, or takes no more.
    Stream(BadState),
    /// The connection has ended, or has not taken it in time.
    Connection(CallError),
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DataError::Stream(what) => what.fmt(f),
            DataError::Connection(error) => error.fmt(f),
        }
    }
}

impl StdError for DataError {}
