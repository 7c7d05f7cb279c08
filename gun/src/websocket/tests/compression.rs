//! Sections 12 and 13: permessage-deflate.

use flate2::{Compress, Compression, FlushCompress};

use super::*;

fn agreed(forget: bool, client_bits: u8, server_bits: u8) -> Deflate {
    Deflate {
        client_no_context_takeover: forget,
        server_no_context_takeover: forget,
        client_max_window_bits: client_bits,
        server_max_window_bits: server_bits,
    }
}

/// A server that compresses, as zlib does it.
struct Server(Compress, bool);

impl Server {
    fn new(agreed: &Deflate) -> Self {
        let bits = agreed.server_max_window_bits.max(9);
        let zlib = Compress::new_with_window_bits(Compression::default(), false, bits);
        Server(zlib, agreed.server_no_context_takeover)
    }

    fn payload(&mut self, data: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(data.len() * 2 + 100);
        self.0
            .compress_vec(data, &mut out, FlushCompress::Sync)
            .unwrap();
        if self.1 {
            self.0.reset();
        }
        assert!(out.ends_with(&[0, 0, 0xff, 0xff]));
        out.truncate(out.len() - 4);
        out
    }
}

fn samples() -> Vec<Vec<u8>> {
    let noise = (0..40_000u64).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8);
    vec![
        b"x".to_vec(),
        b"Hello Hello Hello".to_vec(),
        noise.collect(),
        vec![b'*'; 100_000],
        b"Hello again".to_vec(),
    ]
}

/// Compressed messages arrive as they were, with every window and with context kept or not.
#[test]
fn inflate() {
    for forget in [false, true] {
        for bits in 9..=15 {
            let agreed = agreed(forget, 15, bits);
            let mut codec = Codec::new(LIMIT, Some(agreed));
            let mut server = Server::new(&agreed);
            for data in samples() {
                let bytes = frame(0xc2, &server.payload(&data));
                assert_eq!(
                    read_in(&mut codec, &bytes, 1000),
                    (vec![binary(&data)], Ok(()))
                );
            }
            // What is not compressed still passes.
            assert_eq!(read_in(&mut codec, &frame(0x81, b"a"), 1).0, [text("a")]);
        }
    }
}

/// What we compress, inflates to what it was; in a window of 8 bits nothing is compressed.
#[test]
fn deflate() {
    for forget in [false, true] {
        for bits in 8..=15 {
            let ours = agreed(forget, bits, 15);
            let mut codec = Codec::new(LIMIT, Some(ours));
            // Read by a codec: the other direction's rules are the same.
            let mut peer = Codec::new(LIMIT, Some(agreed(forget, 15, bits)));
            let mut all = samples();
            all.insert(2, vec![]);
            all.push(vec![]);
            for data in all {
                let (first, payload) = sent(&mut codec, &Frame::binary(data.clone()));
                assert_eq!(first, if bits == 8 { 0x82 } else { 0xc2 });
                let bytes = frame(first, &payload);
                assert_eq!(
                    read_in(&mut peer, &bytes, 999),
                    (vec![binary(&data)], Ok(()))
                );
            }
        }
    }
}

/// Control frames are never compressed.
#[test]
fn control_frames_stay() {
    let mut codec = Codec::new(LIMIT, Some(Deflate::default()));
    assert_eq!(
        sent(&mut codec, &Frame::Ping("p".into())),
        (0x89, b"p".to_vec())
    );
    for first in [0xc8, 0xc9, 0xca] {
        let mut codec = Codec::new(LIMIT, Some(Deflate::default()));
        let end = read_in(&mut codec, &frame(first, b""), 1).1;
        assert_eq!(end, bad(Violation::ReservedBit));
    }
}

/// A compressed message may be cut into fragments; only the first carries the bit.
#[test]
fn fragments() {
    let agreed = Deflate::default();
    let payload = Server::new(&agreed).payload("Hellö Hellö Hellö".as_bytes());
    for cut in 0..=payload.len() {
        let (head, tail) = payload.split_at(cut);
        let bytes = [frame(0x41, head), frame(0x89, b""), frame(0x80, tail)].concat();
        let (events, end) = read_in(&mut Codec::new(LIMIT, Some(agreed)), &bytes, 2);
        assert_eq!(end, Ok(()));
        let mut join = Join::default();
        let joined: Vec<Frame> = events
            .into_iter()
            .filter_map(|event| match event {
                Event::Fragment(part) => join.push(part),
                _ => None,
            })
            .collect();
        assert_eq!(joined, [Frame::text("Hellö Hellö Hellö")]);
        let twice = [frame(0x41, head), frame(0xc0, tail)].concat();
        let end = read_in(&mut Codec::new(LIMIT, Some(agreed)), &twice, 2).1;
        assert_eq!(end, bad(Violation::ReservedBit));
    }
}

/// A message that inflates beyond the limit is refused before it has been stored.
#[test]
fn limit_when_inflated() {
    let agreed = Deflate::default();
    let mut server = Server::new(&agreed);
    let bomb = server.payload(&vec![0; 50_000_000]);
    assert!(bomb.len() < 100_000);
    let mut codec = Codec::new(100_000, Some(agreed));
    let end = read_in(&mut codec, &frame(0xc2, &bomb), 4096).1;
    assert_eq!(end, Err(CodecError::TooBig(100_000)));
    // Exactly at the limit it passes, over fragments too.
    let mut server = Server::new(&agreed);
    let payload = server.payload(&[7; 1000]);
    let (head, tail) = payload.split_at(3);
    let bytes = [frame(0x42, head), frame(0x80, tail)].concat();
    for (limit, fits) in [(1000, true), (999, false)] {
        let end = read_in(&mut Codec::new(limit, Some(agreed)), &bytes, 1).1;
        assert_eq!(end.is_ok(), fits, "{limit}");
    }
}

/// What does not inflate, or inflates to no text, is refused with 1007.
#[test]
fn bad_data() {
    let agreed = Deflate::default();
    let read = |bytes: &[u8]| read_in(&mut Codec::new(LIMIT, Some(agreed)), bytes, 3).1;
    assert_eq!(
        read(&frame(0xc2, &[0xff; 20])),
        Err(CodecError::BadEncoding)
    );
    let latin = Server::new(&agreed).payload(b"caf\xe9");
    assert_eq!(read(&frame(0xc1, &latin)), Err(CodecError::BadEncoding));
}

/// A message may end with a final block, with or without the empty block after it.
#[test]
fn final_block() {
    let mut zlib = Compress::new(Compression::default(), false);
    let mut payload = Vec::with_capacity(100);
    zlib.compress_vec(b"Hello", &mut payload, FlushCompress::Finish)
        .unwrap();
    let bare = frame(0xc1, &payload);
    payload.push(0);
    let padded = frame(0xc1, &payload);
    let bytes = [bare.clone(), padded, bare].concat();
    for step in [1, 100] {
        let (events, end) = read_in(
            &mut Codec::new(LIMIT, Some(Deflate::default())),
            &bytes,
            step,
        );
        assert_eq!((events, end), (vec![text("Hello"); 3], Ok(())));
    }
}
