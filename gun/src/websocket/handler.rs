//! Who gets a Websocket's frames, where that is not whoever asked for it. Mirrors `gun_ws_protocol`.

use std::fmt::Debug;

use http::HeaderMap;
use runtime::Pid;

use super::frame::{Fragment, Frame};
use crate::message::StreamRef;
use crate::options::ReplyTo;

/// A kind of handler, as [`WsOpts`](crate::WsOpts) have it for a subprotocol.
///
/// ```
/// use gun::ws::{Received, WsFrames, WsHandler};
/// use gun::{ReplyTo, StreamRef};
/// use gun::http::HeaderMap;
/// use runtime::Pid;
///
/// /// Tells the length of each message, and nothing else.
/// #[derive(Debug)]
/// struct Lengths;
/// struct To(ReplyTo);
///
/// impl WsHandler for Lengths {
///     fn init(&self, _: Pid, _: StreamRef, to: &ReplyTo, _: &HeaderMap) -> Box<dyn WsFrames> {
///         Box::new(To(to.clone()))
///     }
/// }
///
/// impl WsFrames for To {
///     fn handle(&mut self, received: Received) -> u32 {
///         match received {
///             Received::Frame(gun::ws::Frame::Text(text)) => self.0.tell(text.len()),
///             _ => return 0,
///         }
///         1
///     }
/// }
///
/// let opts = gun::WsOpts::new().protocol("lengths.example", Lengths);
/// ```
pub trait WsHandler: Debug + Send + Sync {
    /// A Websocket was opened: `reply_to` has asked for it, `headers` have granted it.
    fn init(
        &self,
        conn: Pid,
        stream: StreamRef,
        reply_to: &ReplyTo,
        headers: &HeaderMap,
    ) -> Box<dyn WsFrames>;
}

/// A handler at work on one Websocket, in the connection's process.
pub trait WsFrames: Send {
    /// A frame has come. How many messages were sent for it: so many of the flow it costs.
    fn handle(&mut self, received: Received) -> u32;
}

/// What a handler gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A message in one frame, or a control frame.
    Frame(Frame),
    /// A part of a message in several frames.
    Fragment(Fragment),
}
