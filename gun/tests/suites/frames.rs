//! A scripted HTTP/2 peer: frames written and read by hand, for what no server's library would say.

use gun::{Opts, Protocol};
use runtime::prelude::*;

use crate::peer::{Line, Peer, SOON};

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PUSH_PROMISE: u8 = 5;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const ACK: u8 = 1;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;
pub const PRIORITY: u8 = 0x20;

/// `:status 200`, as HPACK has it.
pub const OK: &[u8] = &[0x88];

pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    /// A word of its payload.
    pub fn word(&self, at: usize) -> u32 {
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

pub fn frame(kind: u8, flags: u8, stream: u32, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let mut out = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    out.extend([kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend(payload);
    out
}

/// A header that is not kept in a table, name and value shorter than 127 bytes.
pub fn literal(name: &str, value: &str) -> Vec<u8> {
    let mut out = vec![0, name.len() as u8];
    out.extend(name.as_bytes());
    out.push(value.len() as u8);
    out.extend(value.as_bytes());
    out
}

pub fn settings(settings: &[(u16, u32)]) -> Vec<u8> {
    let one = |(id, value): &(u16, u32)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat();
    settings.iter().flat_map(one).collect()
}

/// A promise on stream 1 of stream 2: `GET /` of this scheme's index and authority.
pub fn promise(scheme: u8, authority: &str) -> Vec<u8> {
    let mut block = 2u32.to_be_bytes().to_vec();
    block.extend([0x82, scheme, 0x84, 0x01, authority.len() as u8]);
    block.extend(authority.as_bytes());
    frame(PUSH_PROMISE, END_HEADERS, 1, block)
}

/// A response's head on stream 1 that is large when it is decompressed: a header of 3000 bytes, and so many times its
/// index in the table.
pub fn hpack_bomb(times: usize) -> Vec<u8> {
    let mut block = OK.to_vec();
    block.extend([0x40, 1, b'a', 0x7f]);
    let mut rest = 3000 - 127;
    while rest >= 128 {
        block.push((rest % 128) as u8 | 128);
        rest /= 128;
    }
    block.push(rest as u8);
    block.extend([b'x'; 3000]);
    block.resize(block.len() + times, 0xbe);
    frame(HEADERS, END_HEADERS, 1, block)
}

/// The peer's end of a connection that speaks HTTP/2.
pub struct Frames {
    line: Line,
    /// The client's first frame.
    pub settings: Vec<u8>,
}

impl Frames {
    /// Takes a connection, up to the client's settings, and says nothing.
    pub fn accept(peer: &Peer) -> Frames {
        let mut line = peer.accept();
        assert_eq!(line.bytes(), *b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        let mut frames = Frames {
            line,
            settings: Vec::new(),
        };
        let first = frames.next();
        assert_eq!((first.kind, first.flags), (SETTINGS, 0));
        frames.settings = first.payload;
        frames
    }

    pub fn next(&mut self) -> Frame {
        let [a, b, c, kind, flags, stream @ ..]: [u8; 9] = self.line.bytes();
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        Frame {
            kind,
            flags,
            stream: u32::from_be_bytes(stream),
            payload: self.line.take(length),
        }
    }

    /// The next frame of this kind; acknowledgements are passed over, and all other frames.
    pub fn until(&mut self, kind: u8) -> Frame {
        loop {
            let frame = self.next();
            if frame.kind == kind && !(matches!(kind, SETTINGS | PING) && frame.flags & ACK != 0) {
                return frame;
            }
        }
    }

    pub fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.line.write(bytes);
    }

    /// Writes, however the client takes it.
    pub fn try_write(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.line.try_write(bytes)
    }

    pub fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: impl AsRef<[u8]>) {
        self.write(frame(kind, flags, stream, payload));
    }

    /// A frame's stream's response: its head, and a body.
    pub fn respond(&mut self, stream: u32, body: &str) {
        self.frame(HEADERS, END_HEADERS, stream, OK);
        self.frame(DATA, END_STREAM, stream, body);
    }
}

/// Opens a connection by prior knowledge.
pub fn begin(peer: &Peer, opts: Opts) -> (Pid, Frames) {
    let opts = opts.protocols([Protocol::Http2]);
    let conn = gun::open("127.0.0.1", peer.port(), opts).unwrap();
    let frames = Frames::accept(peer);
    assert_eq!(gun::await_up(conn, SOON), Ok(Protocol::Http2));
    (conn, frames)
}

/// The same, with both sides' settings said and acknowledged.
pub fn open(peer: &Peer, opts: Opts, own: &[(u16, u32)]) -> (Pid, Frames) {
    let (conn, mut frames) = begin(peer, opts);
    frames.frame(SETTINGS, 0, 0, settings(own));
    frames.frame(SETTINGS, ACK, 0, []);
    while frames.next().flags != ACK {}
    (conn, frames)
}

/// Waits until the connection is lost: why.
pub fn down(conn: Pid) -> gun::Down {
    receive! {
        down: gun::Down if down.conn == conn => down,
        after SOON => panic!("no Down"),
    }
}
