//! Bytes that nobody meant.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::*;

const SMALL: usize = 10_000;

/// Takes everything from a codec fed with `bytes` in random pieces; returns the bytes of data seen.
fn feed(rng: &mut SmallRng, codec: &mut Codec, mut bytes: &[u8]) -> usize {
    let mut seen = 0;
    while !bytes.is_empty() {
        let (head, tail) = bytes.split_at(rng.random_range(1..=bytes.len()));
        bytes = tail;
        codec.feed(head);
        while let Ok(Some(event)) = codec.next() {
            match event {
                Event::Frame(Frame::Text(text)) => seen += text.len(),
                Event::Frame(Frame::Binary(data)) => seen += data.len(),
                Event::Fragment(part) => seen += part.data.len(),
                _ => {}
            }
        }
    }
    seen
}

/// Random bytes never panic, and never give a message beyond the limit.
#[test]
fn random_bytes() {
    let rng = &mut SmallRng::seed_from_u64(1);
    for round in 0..5_000 {
        let deflate = (round % 2 == 0).then(Deflate::default);
        let mut codec = Codec::new(SMALL, deflate);
        let mut bytes: Vec<u8> = (0..rng.random_range(1..200))
            .map(|_| rng.random())
            .collect();
        // Most first bytes are refused at once: let half of them begin a frame.
        bytes[0] = [0x01, 0x81, 0x82, 0xc1, 0xc2, 0x89][round % 6];
        if bytes.len() > 1 {
            bytes[1] &= 0x7f;
        }
        feed(rng, &mut codec, &bytes);
    }
}

/// Frames with a few wrong bits never panic, and a message never exceeds the limit.
#[test]
fn mutated_frames() {
    let rng = &mut SmallRng::seed_from_u64(2);
    let mut sender = Codec::new(SMALL, Some(Deflate::default()));
    let (first, compressed) = sent(&mut sender, &Frame::binary(vec![5; 9000]));
    let good = [
        frame(first, &compressed),
        frame(0x01, "käse".as_bytes()),
        frame(0x89, b"ping"),
        frame(0x80, b"brot"),
        frame(0x82, &[1; 300]),
        frame(0x88, b"\x03\xe8bye"),
    ]
    .concat();
    for _ in 0..5_000 {
        let mut bytes = good.clone();
        for _ in 0..rng.random_range(0..4) {
            let at = rng.random_range(0..bytes.len());
            bytes[at] ^= 1 << rng.random_range(0..8);
        }
        let mut codec = Codec::new(SMALL, Some(Deflate::default()));
        let seen = feed(rng, &mut codec, &bytes);
        assert!(seen <= 6 * SMALL);
    }
}

/// Whatever is sent, in whatever pieces it arrives, is read as it was.
#[test]
fn round_trips() {
    let rng = &mut SmallRng::seed_from_u64(3);
    for round in 0..300 {
        let deflate = (round % 2 == 0).then(|| Deflate {
            client_no_context_takeover: round % 3 == 0,
            server_no_context_takeover: round % 3 == 0,
            ..Deflate::default()
        });
        let mut sender = Codec::new(LIMIT, deflate);
        let mut reader = Codec::new(LIMIT, deflate);
        for _ in 0..10 {
            let len = rng.random_range(0..5000);
            let data: Vec<u8> = (0..len).map(|_| rng.random_range(b'a'..=b'e')).collect();
            let (first, payload) = sent(&mut sender, &Frame::binary(data.clone()));
            let step = rng.random_range(1..=payload.len() + 2);
            let (events, end) = read_in(&mut reader, &frame(first, &payload), step);
            assert_eq!((events, end), (vec![binary(&data)], Ok(())));
        }
    }
}
