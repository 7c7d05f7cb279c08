//! permessage-deflate (RFC 7692), both directions.

use std::fmt;

use bytes::BytesMut;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::error::CodecError;

/// What every compressed message ends with, and what is left out on the wire.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// What was agreed on, as the client sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deflate {
    /// We forget what we have sent after each message.
    pub client_no_context_takeover: bool,
    /// The server forgets what it has sent after each message.
    pub server_no_context_takeover: bool,
    /// Base-2 logarithm of our window, 8 to 15.
    pub client_max_window_bits: u8,
    /// Base-2 logarithm of the server's window, 8 to 15.
    pub server_max_window_bits: u8,
}

impl Default for Deflate {
    fn default() -> Self {
        Deflate {
            client_no_context_takeover: false,
            server_no_context_takeover: false,
            client_max_window_bits: 15,
            server_max_window_bits: 15,
        }
    }
}

/// Makes messages smaller.
pub(super) struct Deflater {
    zlib: Compress,
    forget: bool,
}

impl Deflater {
    /// None: zlib has no window of 8 bits, so messages go out as they are, which the server has to take.
    pub(super) fn new(agreed: &Deflate) -> Option<Self> {
        let bits = agreed.client_max_window_bits;
        (bits > 8).then(|| Deflater {
            zlib: Compress::new_with_window_bits(Compression::default(), false, bits),
            forget: agreed.client_no_context_takeover,
        })
    }

    pub(super) fn deflate(&mut self, mut data: &[u8]) -> Vec<u8> {
        // An empty stored block; zlib writes nothing when it is flushed twice in a row.
        if data.is_empty() {
            return vec![0];
        }
        let mut out = Vec::with_capacity(data.len() / 2 + 64);
        loop {
            let before = self.zlib.total_in();
            self.zlib
                .compress_vec(data, &mut out, FlushCompress::Sync)
                .expect("zlib compresses whatever it is given");
            data = &data[(self.zlib.total_in() - before) as usize..];
            // Room left over means that the flush is done too.
            if data.is_empty() && out.len() < out.capacity() {
                break;
            }
            out.reserve(data.len() / 2 + 64);
        }
        out.truncate(out.len() - TAIL.len());
        if self.forget {
            self.zlib.reset();
        }
        out
    }
}

impl fmt::Debug for Deflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deflater").finish_non_exhaustive()
    }
}

/// Gives messages back their length.
pub(super) struct Inflater {
    zlib: Decompress,
    forget: bool,
    /// The stream ended with a final block, and nothing has come since.
    ended: bool,
}

impl Inflater {
    pub(super) fn new(agreed: &Deflate) -> Self {
        // A window of 15 bits reads what any smaller one has written.
        Inflater {
            zlib: Decompress::new_with_window_bits(false, 15),
            forget: agreed.server_no_context_takeover,
            ended: false,
        }
    }

    /// Inflates a part of a message onto `out`, at most `room` bytes; `None` = there is more than that.
    pub(super) fn inflate(
        &mut self,
        data: &[u8],
        out: &mut BytesMut,
        room: usize,
    ) -> Result<Option<()>, CodecError> {
        let limit = out.len().saturating_add(room);
        let mut data = data;
        loop {
            let start = out.len();
            // One byte more than allowed shows that there is more.
            let step = data.len().saturating_mul(2).clamp(256, 16 * 1024);
            out.resize(start + step.min((limit - start).saturating_add(1)), 0);
            let (read, written) = (self.zlib.total_in(), self.zlib.total_out());
            let status = self
                .zlib
                .decompress(data, &mut out[start..], FlushDecompress::Sync)
                .map_err(|_| CodecError::BadEncoding)?;
            let read = (self.zlib.total_in() - read) as usize;
            let written = (self.zlib.total_out() - written) as usize;
            let full = start + written == out.len();
            out.truncate(start + written);
            if out.len() > limit {
                return Ok(None);
            }
            self.ended = (self.ended && read == 0) || status == Status::StreamEnd;
            if status == Status::StreamEnd {
                self.zlib.reset(false);
            }
            data = &data[read..];
            // Without room left over there may be output left inside.
            if (data.is_empty() && (!full || self.ended)) || (read == 0 && written == 0) {
                return Ok(Some(()));
            }
        }
    }

    /// Ends the message.
    pub(super) fn finish(
        &mut self,
        out: &mut BytesMut,
        room: usize,
    ) -> Result<Option<()>, CodecError> {
        // A message that ended with a final block needs no tail.
        let done = match self.ended {
            true => Some(()),
            false => self.inflate(&TAIL, out, room)?,
        };
        self.ended = false;
        if self.forget {
            self.zlib.reset(false);
        }
        Ok(done)
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater").finish_non_exhaustive()
    }
}
