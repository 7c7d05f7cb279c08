//! Websocket: the handshake's headers, the codec between bytes and frames, and the connection that has
//! become one.
//!
//! The connection feeds a [`Codec`] what it reads and takes [`Event`]s from it; what it sends it
//! encodes with the same codec, because compression keeps a state for each direction. Headers of
//! single frames are tungstenite's; messages, their rules and permessage-deflate are ours.
//!
//! Invariants: nothing but `connection` reads or writes a socket, and nothing grows beyond the limit on a message
//! plus what was fed and not yet taken. After an error the codec gives that error again, and after a
//! close frame nothing more.

mod codec;
mod connection;
mod deflate;
mod error;
mod frame;
mod handler;
mod handshake;
mod join;
#[cfg(test)]
mod tests;
mod utf8;

#[cfg(test)]
pub use codec::Header;
pub use codec::{Codec, Event};
pub(crate) use connection::Websocket;
#[cfg(test)]
pub use deflate::Deflate;
#[cfg(test)]
pub use error::EncodeError;
pub use error::{CodecError, HandshakeError, Violation};
pub use frame::{Fragment, Frame, Kind};
pub use handler::{Received, WsFrames, WsHandler};
pub(crate) use handshake::{Agreed, ask, check, offer};
#[cfg(test)]
use handshake::{agreed_extensions, agreed_protocol, check_accept, check_upgrade};
pub use join::Join;
pub use tokio_tungstenite::tungstenite::Utf8Bytes;
