//! Websocket without a socket: the handshake's headers, and the codec between bytes and frames.
//!
//! The connection feeds a [`Codec`] what it reads and takes [`Event`]s from it; what it sends it
//! encodes with the same codec, because compression keeps a state for each direction. Headers of
//! single frames are tungstenite's; messages, their rules and permessage-deflate are ours.
//!
//! Invariants: nothing here reads or writes a socket, and nothing grows beyond the limit on a message
//! plus what was fed and not yet taken. After an error the codec gives that error again, and after a
//! close frame nothing more.

mod codec;
mod deflate;
mod error;
mod frame;
mod handshake;
mod join;
#[cfg(test)]
mod tests;
mod utf8;

pub use codec::{Codec, Event, Header};
pub use deflate::Deflate;
pub use error::{CodecError, EncodeError, HandshakeError, Violation};
pub use frame::{Fragment, Frame, Kind};
pub use handshake::{
    OFFER, agreed_extensions, agreed_protocol, check_accept, check_upgrade, generate_key,
};
pub use join::Join;
pub use tungstenite::Utf8Bytes;
