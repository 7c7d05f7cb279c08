//! Messages put together from their fragments, for handlers that want them whole.

use bytes::BytesMut;

use super::frame::{Fragment, Frame, Kind};

/// The parts of a message so far. The codec's limit is its limit.
#[derive(Debug, Default)]
pub struct Join(BytesMut);

impl Join {
    /// Adds a part; with the last one, gives the message. The codec has checked that text is UTF-8: a
    /// part that did not come from there and is not, gives nothing.
    pub fn push(&mut self, part: Fragment) -> Option<Frame> {
        self.0.extend_from_slice(&part.data);
        if !part.fin {
            return None;
        }
        let whole = std::mem::take(&mut self.0).freeze();
        match part.kind {
            Kind::Text => whole.try_into().ok().map(Frame::Text),
            Kind::Binary => Some(Frame::Binary(whole)),
        }
    }
}
