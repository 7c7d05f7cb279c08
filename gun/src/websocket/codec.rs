//! From bytes to frames and back, for the client's end.
//!
//! Payloads are taken as they arrive: inflated, checked and counted piece by piece, so that a wrong or
//! too long message is refused at the first byte that shows it, not when it is whole.

use std::io::Cursor;

use bytes::{Buf, Bytes, BytesMut};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::deflate::{Deflate, Deflater, Inflater};
use super::error::{CodecError, EncodeError, Violation};
use super::frame::{Fragment, Frame, Kind, is_close_code};
use super::utf8::Utf8;

/// The longest payload of a control frame, in bytes.
const CONTROL: usize = 125;

/// Payloads shorter than this, in bytes, are copied, so that they do not hold on to a whole read.
const COPIED: usize = 2048;

/// What the server has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A frame has begun.
    Header(Header),
    /// A control frame, or a message in one frame.
    Frame(Frame),
    /// A part of a message in several frames.
    Fragment(Fragment),
}

/// The header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The number that says what the frame is.
    pub opcode: u8,
    /// Whether the message ends with it.
    pub fin: bool,
    /// Whether the message is compressed, on its first frame.
    pub compressed: bool,
    /// Length of the payload on the wire, in bytes.
    pub len: u64,
}

/// One end of a Websocket, the client's.
#[derive(Debug)]
pub struct Codec {
    input: BytesMut,
    /// The frame whose payload is under way, and how much of it has not come yet.
    frame: Option<(OpCode, bool, usize)>,
    /// What has come of its payload, inflated.
    payload: BytesMut,
    message: Option<Message>,
    utf8: Utf8,
    limit: usize,
    inflater: Option<Inflater>,
    deflater: Option<Deflater>,
    end: Option<End>,
}

/// A message under way.
#[derive(Debug)]
struct Message {
    kind: Kind,
    compressed: bool,
    /// In more than one frame.
    fragmented: bool,
    /// Bytes so far, on the wire and inflated.
    wire: u64,
    len: usize,
}

#[derive(Debug, Clone, Copy)]
enum End {
    Closed,
    Failed(CodecError),
}

impl Codec {
    /// A codec for a Websocket that has just been opened; a message may have `limit` bytes.
    pub fn new(limit: usize, deflate: Option<Deflate>) -> Self {
        Codec {
            input: BytesMut::new(),
            frame: None,
            payload: BytesMut::new(),
            message: None,
            utf8: Utf8::default(),
            limit,
            inflater: deflate.as_ref().map(Inflater::new),
            deflater: deflate.as_ref().and_then(Deflater::new),
            end: None,
        }
    }

    /// Takes what the server has sent. What comes after the end is dropped.
    pub fn feed(&mut self, data: &[u8]) {
        if self.end.is_none() {
            self.input.extend_from_slice(data);
        }
    }

    /// Whether a frame has begun and is not whole.
    #[cfg(test)]
    pub fn amid_frame(&self) -> bool {
        self.frame.is_some() || !self.input.is_empty()
    }

    /// The next event. None: more has to be fed, or the server has closed.
    ///
    /// # Errors
    ///
    /// What the server sent is no Websocket; every later call says the same.
    pub fn next(&mut self) -> Result<Option<Event>, CodecError> {
        match self.end {
            Some(End::Closed) => return Ok(None),
            Some(End::Failed(error)) => return Err(error),
            None => {}
        }
        let next = match self.frame {
            None => self.header(),
            Some((opcode, fin, left)) => self.body(opcode, fin, left),
        };
        match &next {
            Ok(Some(Event::Frame(frame))) if frame.is_close() => self.finish(End::Closed),
            Err(error) => self.finish(End::Failed(*error)),
            _ => {}
        }
        next
    }

    fn finish(&mut self, end: End) {
        self.end = Some(end);
        self.input = BytesMut::new();
        self.payload = BytesMut::new();
    }

    fn header(&mut self) -> Result<Option<Event>, CodecError> {
        if let Some(violation) = self.early() {
            return Err(CodecError::BadFrame(violation));
        }
        let mut cursor = Cursor::new(&self.input[..]);
        let (header, len) = match FrameHeader::parse(&mut cursor) {
            Ok(Some(parsed)) => parsed,
            Ok(None) => return Ok(None),
            Err(Error::Protocol(ProtocolError::InvalidOpcode(_)) | _) => {
                return Err(CodecError::BadFrame(Violation::Opcode));
            }
        };
        let size = cursor.position() as usize;
        if header.len(len) != size || len > i64::MAX as u64 {
            return Err(CodecError::BadFrame(Violation::Length));
        }
        let fin = header.is_final;
        if let OpCode::Data(_) = header.opcode {
            self.begin(&header, len)?;
        }
        self.input.advance(size);
        // Within the limit, or 125.
        self.frame = Some((header.opcode, fin, len as usize));
        Ok(Some(Event::Header(Header {
            opcode: header.opcode.into(),
            fin,
            compressed: header.rsv1,
            len,
        })))
    }

    /// What the first two bytes show to be wrong.
    fn early(&self) -> Option<Violation> {
        let (&first, rest) = self.input.split_first()?;
        let opcode = OpCode::from(first & 0x0f);
        let fin = first & 0x80 != 0;
        let rsv1 = first & 0x40 != 0;
        if matches!(
            opcode,
            OpCode::Data(Data::Reserved(_)) | OpCode::Control(Control::Reserved(_))
        ) {
            return Some(Violation::Opcode);
        }
        let compresses =
            self.inflater.is_some() && matches!(opcode, OpCode::Data(Data::Text | Data::Binary));
        if first & 0x30 != 0 || (rsv1 && !compresses) {
            return Some(Violation::ReservedBit);
        }
        match opcode {
            OpCode::Control(_) if !fin => return Some(Violation::FragmentedControl),
            OpCode::Data(Data::Continue) if self.message.is_none() => {
                return Some(Violation::Continuation);
            }
            OpCode::Data(Data::Text | Data::Binary) if self.message.is_some() => {
                return Some(Violation::Interleaved);
            }
            _ => {}
        }
        let &second = rest.first()?;
        if second & 0x80 != 0 {
            return Some(Violation::Masked);
        }
        match opcode {
            OpCode::Control(_) if second > CONTROL as u8 => Some(Violation::LongControl),
            OpCode::Control(Control::Close) if second == 1 => Some(Violation::CloseLength),
            _ => None,
        }
    }

    /// A data frame begins.
    fn begin(&mut self, header: &FrameHeader, len: u64) -> Result<(), CodecError> {
        let kind = match header.opcode {
            OpCode::Data(Data::Text) => Kind::Text,
            _ => Kind::Binary,
        };
        let message = self.message.get_or_insert(Message {
            kind,
            compressed: header.rsv1,
            fragmented: !header.is_final,
            wire: 0,
            len: 0,
        });
        message.wire = message.wire.saturating_add(len);
        if message.wire > self.limit as u64 {
            return Err(CodecError::TooBig(self.limit));
        }
        Ok(())
    }

    fn body(
        &mut self,
        opcode: OpCode,
        fin: bool,
        left: usize,
    ) -> Result<Option<Event>, CodecError> {
        match opcode {
            OpCode::Control(control) => self.control(control, left),
            OpCode::Data(_) => self.data(opcode, fin, left),
        }
    }

    fn control(&mut self, control: Control, len: usize) -> Result<Option<Event>, CodecError> {
        if self.input.len() < len {
            return Ok(None);
        }
        self.frame = None;
        let payload = Bytes::copy_from_slice(&self.input[..len]);
        self.input.advance(len);
        let frame = match control {
            Control::Ping => Frame::Ping(payload),
            Control::Pong => Frame::Pong(payload),
            _ => close(payload)?,
        };
        Ok(Some(Event::Frame(frame)))
    }

    fn data(
        &mut self,
        opcode: OpCode,
        fin: bool,
        left: usize,
    ) -> Result<Option<Event>, CodecError> {
        let message = self.message.as_mut().expect("a data frame has a message");
        let taken = left.min(self.input.len());
        let whole = taken == left;
        let checked = message.kind == Kind::Text;
        if message.compressed {
            let inflater = self.inflater.as_mut().expect("rsv1 needs an extension");
            let start = self.payload.len();
            let room = self.limit - message.len;
            let mut fits = inflater.inflate(&self.input[..taken], &mut self.payload, room)?;
            self.input.advance(taken);
            if fits.is_some() && whole && fin {
                let room = room - (self.payload.len() - start);
                fits = inflater.finish(&mut self.payload, room)?;
            }
            if fits.is_none() {
                return Err(CodecError::TooBig(self.limit));
            }
            message.len += self.payload.len() - start;
            if checked && !self.utf8.feed(&self.payload[start..]) {
                return Err(CodecError::BadEncoding);
            }
        } else {
            message.len += taken;
            if checked && !self.utf8.feed(&self.input[..taken]) {
                return Err(CodecError::BadEncoding);
            }
            if whole && self.payload.is_empty() && taken >= COPIED {
                self.payload = self.input.split_to(taken);
            } else {
                self.payload.extend_from_slice(&self.input[..taken]);
                self.input.advance(taken);
            }
        }
        if !whole {
            self.frame = Some((opcode, fin, left - taken));
            return Ok(None);
        }
        if fin && checked && !self.utf8.finish() {
            return Err(CodecError::BadEncoding);
        }
        self.frame = None;
        let data = std::mem::take(&mut self.payload).freeze();
        let (kind, fragmented) = (message.kind, message.fragmented);
        if fin {
            self.message = None;
        }
        Ok(Some(match (fragmented, kind) {
            (true, _) => Event::Fragment(Fragment { fin, kind, data }),
            (false, Kind::Binary) => Event::Frame(Frame::Binary(data)),
            (false, Kind::Text) => Event::Frame(Frame::Text(text(data)?)),
        }))
    }

    /// Writes a frame to send, masked, onto `out`.
    ///
    /// # Errors
    ///
    /// A control frame that is too long, or a close code that must not be sent; nothing is written.
    pub fn encode(&mut self, frame: &Frame, out: &mut BytesMut) -> Result<(), EncodeError> {
        match frame {
            Frame::Text(text) => self.encode_data(Data::Text, text.as_bytes(), out),
            Frame::Binary(data) => self.encode_data(Data::Binary, data, out),
            Frame::Ping(data) => return encode_control(Control::Ping, data, out),
            Frame::Pong(data) => return encode_control(Control::Pong, data, out),
            Frame::Close => return encode_control(Control::Close, &[], out),
            Frame::CloseWith(code, reason) => {
                if !is_close_code(*code) {
                    return Err(EncodeError::CloseCode(*code));
                }
                let mut payload = code.to_be_bytes().to_vec();
                payload.extend_from_slice(reason.as_bytes());
                return encode_control(Control::Close, &payload, out);
            }
        }
        Ok(())
    }

    fn encode_data(&mut self, kind: Data, data: &[u8], out: &mut BytesMut) {
        let opcode = OpCode::Data(kind);
        match &mut self.deflater {
            Some(deflater) => write(opcode, true, &deflater.deflate(data), out),
            None => write(opcode, false, data, out),
        }
    }
}

fn encode_control(kind: Control, data: &[u8], out: &mut BytesMut) -> Result<(), EncodeError> {
    if data.len() > CONTROL {
        return Err(EncodeError::LongControl(data.len()));
    }
    write(OpCode::Control(kind), false, data, out);
    Ok(())
}

fn write(opcode: OpCode, rsv1: bool, data: &[u8], out: &mut BytesMut) {
    let mask: [u8; 4] = rand::random();
    let header = FrameHeader {
        rsv1,
        opcode,
        mask: Some(mask),
        ..FrameHeader::default()
    };
    let len = data.len() as u64;
    let mut head = [0; 14];
    header
        .format(len, &mut Cursor::new(&mut head[..]))
        .expect("no header is longer than 14 bytes");
    out.reserve(header.len(len) + data.len());
    out.extend_from_slice(&head[..header.len(len)]);
    let start = out.len();
    out.extend_from_slice(data);
    let (words, tail) = out[start..].as_chunks_mut::<4>();
    for word in words {
        *word = (u32::from_ne_bytes(*word) ^ u32::from_ne_bytes(mask)).to_ne_bytes();
    }
    for (byte, mask) in tail.iter_mut().zip(mask) {
        *byte ^= mask;
    }
}

fn close(payload: Bytes) -> Result<Frame, CodecError> {
    let Some((code, _)) = payload.split_first_chunk::<2>() else {
        return Ok(Frame::Close);
    };
    let code = u16::from_be_bytes(*code);
    if !is_close_code(code) {
        return Err(CodecError::BadFrame(Violation::CloseCode(code)));
    }
    Ok(Frame::CloseWith(code, text(payload.slice(2..))?))
}

fn text(data: Bytes) -> Result<Utf8Bytes, CodecError> {
    data.try_into().map_err(|_| CodecError::BadEncoding)
}
