//! What can be wrong with a Websocket's bytes, with a frame to send, and with a handshake.

use std::error::Error;
use std::fmt;

/// Why bytes from the server are not a Websocket's. The Websocket ends with [`close_code`](Self::close_code).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CodecError {
    /// A frame breaks the protocol: 1002.
    BadFrame(Violation),
    /// Text or a reason is not UTF-8, or compressed data does not inflate: 1007.
    BadEncoding,
    /// A message is longer than the limit, in bytes, before or after it is inflated: 1009.
    TooBig(usize),
}

/// Which rule a frame breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// A reserved bit that no extension has given a meaning here.
    ReservedBit,
    /// An opcode without a meaning.
    Opcode,
    /// A server must not mask.
    Masked,
    /// A length written longer than it has to be, or above 2^63.
    Length,
    /// A control frame in parts.
    FragmentedControl,
    /// A control frame of more than 125 bytes.
    LongControl,
    /// A continuation of nothing.
    Continuation,
    /// A message begins before the last one has ended.
    Interleaved,
    /// A close frame of one byte.
    CloseLength,
    /// A close code that must not be sent.
    CloseCode(u16),
}

impl CodecError {
    /// The code that the close frame has to carry.
    pub fn close_code(&self) -> u16 {
        match self {
            CodecError::BadFrame(_) => 1002,
            CodecError::BadEncoding => 1007,
            CodecError::TooBig(_) => 1009,
        }
    }
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CodecError::BadFrame(violation) => write!(f, "bad frame: {violation}"),
            CodecError::BadEncoding => f.write_str("data that does not decode"),
            CodecError::TooBig(limit) => write!(f, "a message of more than {limit} bytes"),
        }
    }
}

impl Error for CodecError {}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violation::ReservedBit => f.write_str("a reserved bit is set"),
            Violation::Opcode => f.write_str("a reserved opcode"),
            Violation::Masked => f.write_str("the server masks"),
            Violation::Length => f.write_str("a length that is not minimal"),
            Violation::FragmentedControl => f.write_str("a control frame in parts"),
            Violation::LongControl => f.write_str("a control frame of more than 125 bytes"),
            Violation::Continuation => f.write_str("a continuation of nothing"),
            Violation::Interleaved => f.write_str("a message within another"),
            Violation::CloseLength => f.write_str("a close frame of one byte"),
            Violation::CloseCode(code) => write!(f, "close code {code}"),
        }
    }
}

/// Why a frame cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// A ping, a pong or a close frame has more than 125 bytes, a close code included.
    LongControl(usize),
    /// A close code that must not be sent.
    CloseCode(u16),
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EncodeError::LongControl(length) => {
                write!(f, "a control frame of {length} bytes, 125 are allowed")
            }
            EncodeError::CloseCode(code) => write!(f, "close code {code} must not be sent"),
        }
    }
}

impl Error for EncodeError {}

/// Why a server's answer does not open a Websocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandshakeError {
    /// `upgrade` or `connection` does not say that this is a Websocket.
    Upgrade,
    /// `sec-websocket-accept` is missing, repeated, or does not fit the key.
    Accept,
    /// An extension that was not offered, or one answered twice.
    Extension,
    /// A parameter of an extension that is unknown, repeated, or has a wrong value.
    Parameter,
    /// A subprotocol that was not offered, or more than one.
    Protocol,
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HandshakeError::Upgrade => "the server does not upgrade to a Websocket",
            HandshakeError::Accept => "sec-websocket-accept does not fit the key",
            HandshakeError::Extension => "an extension that was not offered",
            HandshakeError::Parameter => "a wrong parameter of an extension",
            HandshakeError::Protocol => "a subprotocol that was not offered",
        })
    }
}

impl Error for HandshakeError {}
