//! Why a connection, a request or a call of a function fails.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use runtime::{Pid, SpawnError};

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
    /// The system refused to connect, to read or to write.
    Io(io::ErrorKind),
    /// A name was not resolved, nobody answered, or the like, in the time that the options allow.
    Timeout,
    /// The peer does not speak HTTP/1.1.
    Protocol,
    /// What was asked does not fit with what is.
    BadState(BadState),
}

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
    /// The path, or the `host` header, cannot stand in a request.
    BadTarget,
    /// Only the owner may name another.
    NotOwner,
}

impl Reason {
    /// What hyper says of a connection that has failed.
    pub(crate) fn of(error: &hyper::Error) -> Reason {
        if let Some(error) = error
            .source()
            .and_then(|source| source.downcast_ref::<io::Error>())
        {
            return match error.kind() {
                io::ErrorKind::UnexpectedEof => Reason::Closed,
                kind => Reason::Io(kind),
            };
        }
        if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
            return Reason::Closed;
        }
        Reason::Protocol
    }
}

impl From<io::Error> for Reason {
    fn from(error: io::Error) -> Reason {
        Reason::Io(error.kind())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Normal => f.write_str("closed on our side"),
            Reason::Closed => f.write_str("closed by the peer"),
            Reason::Closing => f.write_str("the connection is closing"),
            Reason::Io(kind) => kind.fmt(f),
            Reason::Timeout => f.write_str("timed out"),
            Reason::Protocol => f.write_str("the peer does not speak HTTP/1.1"),
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
            BadState::BadTarget => "the path or the host cannot stand in a request",
            BadState::NotOwner => "only the owner may name another",
        })
    }
}

impl StdError for Reason {}
impl StdError for BadState {}

/// Why [`open`](crate::open) has opened nothing.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// The host is empty, or no host's name.
    Host(String),
    /// The process could not be spawned.
    Spawn(SpawnError),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Host(host) => write!(f, "{host:?} is not the name of a host"),
            OpenError::Spawn(error) => write!(f, "cannot spawn a connection: {error}"),
        }
    }
}

impl StdError for OpenError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            OpenError::Host(_) => None,
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
