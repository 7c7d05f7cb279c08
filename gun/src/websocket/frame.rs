//! What a Websocket carries, as its users see it.

use bytes::Bytes;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// A whole message or a control frame. Mirrors `gun:ws_frame()`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A message of text.
    Text(Utf8Bytes),
    /// A message of bytes.
    Binary(Bytes),
    /// A ping, with at most 125 bytes.
    Ping(Bytes),
    /// A pong, with at most 125 bytes.
    Pong(Bytes),
    /// The end, without a code.
    Close,
    /// The end, with a code and at most 123 bytes of reason.
    CloseWith(u16, Utf8Bytes),
}

impl Frame {
    /// A message of text.
    pub fn text(text: impl Into<Utf8Bytes>) -> Self {
        Frame::Text(text.into())
    }

    /// A message of bytes.
    pub fn binary(data: impl Into<Bytes>) -> Self {
        Frame::Binary(data.into())
    }

    /// Whether this ends the Websocket.
    pub fn is_close(&self) -> bool {
        matches!(self, Frame::Close | Frame::CloseWith(..))
    }

    /// Its payload's bytes.
    pub(crate) fn size(&self) -> usize {
        match self {
            Frame::Text(text) | Frame::CloseWith(_, text) => text.len(),
            Frame::Binary(data) | Frame::Ping(data) | Frame::Pong(data) => data.len(),
            Frame::Close => 0,
        }
    }
}

/// What a message consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8.
    Text,
    /// Bytes.
    Binary,
}

/// A part of a message that its sender cut into frames. Of text, a part may end within a character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    /// Whether the message ends with this part.
    pub fin: bool,
    /// The kind of the whole message.
    pub kind: Kind,
    /// The part, inflated.
    pub data: Bytes,
}

/// The codes that may stand in a close frame.
pub(super) fn is_close_code(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}
