//! The codec against frames written by hand; the sections are Autobahn's.

mod autobahn;
mod compression;
mod fuzz;
mod handshake;

use bytes::{Bytes, BytesMut};
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::OpCode;

use super::*;

const LIMIT: usize = 1 << 20;

/// A frame as a server sends it. `first` is the first byte: fin, reserved bits, opcode.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let header = FrameHeader {
        is_final: first & 0x80 != 0,
        rsv1: first & 0x40 != 0,
        rsv2: first & 0x20 != 0,
        rsv3: first & 0x10 != 0,
        opcode: OpCode::from(first & 0x0f),
        mask: None,
    };
    let mut out = Vec::new();
    header.format(payload.len() as u64, &mut out).unwrap();
    out.extend_from_slice(payload);
    out
}

/// Everything that the codec says of `bytes`, fed `step` at a time; headers are left out.
fn read_in(codec: &mut Codec, bytes: &[u8], step: usize) -> (Vec<Event>, Result<(), CodecError>) {
    let mut events = Vec::new();
    for piece in bytes.chunks(step) {
        codec.feed(piece);
        loop {
            match codec.next() {
                Ok(Some(Event::Header(_))) => {}
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(error) => return (events, Err(error)),
            }
        }
    }
    (events, Ok(()))
}

/// The same whole, and byte by byte, which must not differ.
fn read(bytes: &[u8]) -> (Vec<Event>, Result<(), CodecError>) {
    let whole = read_in(&mut Codec::new(LIMIT, None), bytes, bytes.len().max(1));
    let pieces = read_in(&mut Codec::new(LIMIT, None), bytes, 1);
    assert_eq!(whole, pieces);
    whole
}

/// A client's frame: first byte and payload, unmasked.
fn unmask(bytes: &[u8]) -> (u8, Vec<u8>, usize) {
    let mut cursor = std::io::Cursor::new(bytes);
    let (header, len) = FrameHeader::parse(&mut cursor).unwrap().unwrap();
    let start = cursor.position() as usize;
    let end = start + len as usize;
    let mask = header.mask.expect("a client masks");
    let payload = bytes[start..end]
        .iter()
        .zip(mask.iter().cycle())
        .map(|(byte, mask)| byte ^ mask)
        .collect();
    (bytes[0], payload, end)
}

fn sent(codec: &mut Codec, frame: &Frame) -> (u8, Vec<u8>) {
    let mut out = BytesMut::new();
    codec.encode(frame, &mut out).unwrap();
    let (first, payload, end) = unmask(&out);
    assert_eq!(end, out.len());
    (first, payload)
}

fn text(text: &str) -> Event {
    Event::Frame(Frame::text(text))
}

fn binary(data: &[u8]) -> Event {
    Event::Frame(Frame::Binary(Bytes::copy_from_slice(data)))
}

fn part(fin: bool, kind: Kind, data: &[u8]) -> Event {
    Event::Fragment(Fragment {
        fin,
        kind,
        data: Bytes::copy_from_slice(data),
    })
}

fn bad(violation: Violation) -> Result<(), CodecError> {
    Err(CodecError::BadFrame(violation))
}
