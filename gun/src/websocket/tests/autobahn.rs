//! Sections 1 to 7 and 10.

use super::*;

/// 1: messages of every length format arrive as they were sent.
#[test]
fn framing() {
    for len in [0, 1, 125, 126, 127, 128, 65535, 65536, 65537, 200_000] {
        let data = vec![b'*'; len];
        let sent_text = String::from_utf8(data.clone()).unwrap();
        let steps = [1, 997, usize::MAX];
        for step in &steps[usize::from(len > 70_000)..] {
            let mut codec = Codec::new(LIMIT, None);
            let bytes = [frame(0x81, &data), frame(0x82, &data)].concat();
            let (events, end) = read_in(&mut codec, &bytes, *step);
            assert_eq!(events, [text(&sent_text), binary(&data)]);
            assert_eq!(end, Ok(()));
            assert!(!codec.amid_frame());
        }
    }
}

/// 2: pings and pongs, with and without payload, unsolicited too; 126 bytes are too many.
#[test]
fn pings_and_pongs() {
    for len in [0, 5, 125] {
        let data = Bytes::from(vec![0xfe; len]);
        let bytes = [frame(0x89, &data), frame(0x8a, &data)].concat();
        let expected = [
            Event::Frame(Frame::Ping(data.clone())),
            Event::Frame(Frame::Pong(data)),
        ];
        assert_eq!(read(&bytes), (expected.to_vec(), Ok(())));
    }
    assert_eq!(read(&frame(0x89, &[0; 126])).1, bad(Violation::LongControl));
    assert_eq!(read(&frame(0x8a, &[0; 126])).1, bad(Violation::LongControl));
}

/// 3: reserved bits without an extension are refused, what came before is kept.
#[test]
fn reserved_bits() {
    for bits in 1..8u8 {
        for opcode in [1, 2, 8, 9, 10] {
            let bytes = [frame(0x81, b"a"), frame(0x80 | bits << 4 | opcode, b"")].concat();
            assert_eq!(read(&bytes), (vec![text("a")], bad(Violation::ReservedBit)));
        }
    }
}

/// 4: reserved opcodes are refused.
#[test]
fn opcodes() {
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        assert_eq!(
            read(&[0x80 | opcode, 0]),
            (vec![], bad(Violation::Opcode)),
            "{opcode}"
        );
    }
}

/// 5: fragments arrive in order with control frames between them, and join to a message.
#[test]
fn fragmentation() {
    let bytes = [
        frame(0x01, b"ab"),
        frame(0x89, b"p"),
        frame(0x00, b""),
        frame(0x80, b"c"),
        frame(0x02, b"\xff"),
        frame(0x80, b"\xfe"),
    ]
    .concat();
    let (events, end) = read(&bytes);
    assert_eq!(end, Ok(()));
    assert_eq!(
        events,
        [
            part(false, Kind::Text, b"ab"),
            Event::Frame(Frame::Ping(Bytes::from_static(b"p"))),
            part(false, Kind::Text, b""),
            part(true, Kind::Text, b"c"),
            part(false, Kind::Binary, b"\xff"),
            part(true, Kind::Binary, b"\xfe"),
        ]
    );
    let mut join = Join::default();
    let joined: Vec<Frame> = events
        .into_iter()
        .filter_map(|event| match event {
            Event::Fragment(fragment) => join.push(fragment),
            _ => None,
        })
        .collect();
    assert_eq!(
        joined,
        [Frame::text("abc"), Frame::binary(&b"\xff\xfe"[..])]
    );
}

/// 5: control frames in parts, continuations of nothing and messages within messages are refused.
#[test]
fn bad_fragmentation() {
    assert_eq!(read(&frame(0x09, b"")).1, bad(Violation::FragmentedControl));
    assert_eq!(read(&frame(0x0a, b"")).1, bad(Violation::FragmentedControl));
    assert_eq!(read(&frame(0x08, b"")).1, bad(Violation::FragmentedControl));
    assert_eq!(read(&frame(0x80, b"")).1, bad(Violation::Continuation));
    assert_eq!(read(&frame(0x00, b"")).1, bad(Violation::Continuation));
    for first in [0x01, 0x02, 0x81, 0x82] {
        let bytes = [frame(0x01, b"a"), frame(first, b"b")].concat();
        let expected = vec![part(false, Kind::Text, b"a")];
        assert_eq!(read(&bytes), (expected, bad(Violation::Interleaved)));
    }
    let done = [frame(0x01, b"a"), frame(0x80, b"b"), frame(0x80, b"c")].concat();
    assert_eq!(read(&done).1, bad(Violation::Continuation));
}

/// 6: UTF-8 passes, cut anywhere, between frames and within them.
#[test]
fn utf8() {
    let samples = [
        "κόσμε",
        "\u{0}",
        "\u{7f}\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}",
        "\u{d7ff}\u{e000}\u{fffd}\u{feff}",
        "Hello-µ@ßöäüàá-UTF-8!!",
    ];
    for sample in samples {
        let bytes = sample.as_bytes();
        assert_eq!(read(&frame(0x81, bytes)), (vec![text(sample)], Ok(())));
        for cut in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(cut);
            let both = [frame(0x01, head), frame(0x80, tail)].concat();
            assert_eq!(read(&both).1, Ok(()));
        }
    }
}

/// 6: what is not UTF-8 is refused with 1007, whole, cut and unfinished.
#[test]
fn bad_utf8() {
    let samples: [&[u8]; 14] = [
        b"\xed\xa0\x80",
        b"\xed\xbf\xbf",
        b"\xf4\x90\x80\x80",
        b"\xc0\x80",
        b"\xc1\xbf",
        b"\xe0\x80\x80",
        b"\xf0\x80\x80\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\xfe",
        b"\xff",
        b"\x80",
        b"ok\xe2\x82",
        b"\xf0\x9f\x98",
        b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
    ];
    for sample in samples {
        let (events, end) = read(&frame(0x81, sample));
        assert_eq!((events, end), (vec![], Err(CodecError::BadEncoding)));
        for cut in 0..=sample.len() {
            let (head, tail) = sample.split_at(cut);
            let both = [frame(0x01, head), frame(0x80, tail)].concat();
            assert_eq!(read(&both).1, Err(CodecError::BadEncoding));
        }
    }
    assert_eq!(CodecError::BadEncoding.close_code(), 1007);
}

/// 6.4: wrong text is refused at the byte that shows it, before the frame is whole.
#[test]
fn bad_utf8_fails_fast() {
    let mut codec = Codec::new(LIMIT, None);
    let bytes = frame(0x81, b"\xce\xba\xf4\x90\x80\x80 and more");
    assert_eq!(read_in(&mut codec, &bytes[..5], 1).1, Ok(()));
    codec.feed(&bytes[5..6]);
    assert_eq!(codec.next(), Err(CodecError::BadEncoding));
    codec.feed(&frame(0x81, b"a"));
    assert_eq!(codec.next(), Err(CodecError::BadEncoding));
}

/// 7: after a close frame nothing more is read; codes and reasons are checked.
#[test]
fn close() {
    let after = [frame(0x88, b""), frame(0x81, b"late"), vec![0xff; 9]].concat();
    assert_eq!(read(&after), (vec![Event::Frame(Frame::Close)], Ok(())));
    let longest = "*".repeat(123);
    for code in [
        1000, 1001, 1002, 1003, 1007, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999u16,
    ] {
        for reason in ["", "bye", &longest] {
            let payload = [&code.to_be_bytes()[..], reason.as_bytes()].concat();
            let expected = Event::Frame(Frame::CloseWith(code, reason.into()));
            assert_eq!(read(&frame(0x88, &payload)), (vec![expected], Ok(())));
        }
    }
    for code in [
        0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535u16,
    ] {
        let end = read(&frame(0x88, &code.to_be_bytes())).1;
        assert_eq!(end, bad(Violation::CloseCode(code)));
    }
    assert_eq!(read(&frame(0x88, b"\x03")).1, bad(Violation::CloseLength));
    assert_eq!(read(&frame(0x88, &[3; 126])).1, bad(Violation::LongControl));
    let reason = frame(0x88, b"\x03\xe8\xce\xba\xff");
    assert_eq!(read(&reason).1, Err(CodecError::BadEncoding));
    // Amid a message too.
    let amid = [frame(0x01, b"a"), frame(0x88, b"")].concat();
    assert_eq!(read(&amid).0.last(), Some(&Event::Frame(Frame::Close)));
}

/// 10: many small fragments are one message.
#[test]
fn many_fragments() {
    let mut bytes = frame(0x02, b"*");
    for _ in 0..2000 {
        bytes.extend(frame(0x00, b"+"));
    }
    bytes.extend(frame(0x80, b"!"));
    let (events, end) = read(&bytes);
    assert_eq!((events.len(), end), (2002, Ok(())));
}

/// A server's frames are not masked, and lengths are as short as they can be.
#[test]
fn masks_and_lengths() {
    assert_eq!(
        read(&[0x81, 0x81, 0, 0, 0, 0, b'a']).1,
        bad(Violation::Masked)
    );
    assert_eq!(read(&[0x82, 126, 0, 125]).1, bad(Violation::Length));
    assert_eq!(
        read(&[0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff]).1,
        bad(Violation::Length)
    );
    assert_eq!(
        read(&[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0]).1,
        bad(Violation::Length)
    );
}

/// A message over the limit is refused by its header, over all its fragments.
#[test]
fn limit() {
    let too_big = Err(CodecError::TooBig(10));
    let read = |bytes: &[u8]| read_in(&mut Codec::new(10, None), bytes, 3);
    assert_eq!(read(&frame(0x82, &[1; 10])).1, Ok(()));
    assert_eq!(read(&frame(0x82, &[1; 11])).1, too_big);
    assert_eq!(read(&[0x82, 127, 0, 0, 0, 0xff, 0, 0, 0, 0]).1, too_big);
    let parts = [
        frame(0x02, &[1; 6]),
        frame(0x00, &[1; 4]),
        frame(0x80, &[1]),
    ]
    .concat();
    let (events, end) = read(&parts);
    assert_eq!((events.len(), end), (2, too_big));
    assert_eq!(CodecError::TooBig(10).close_code(), 1009);
    // The next message counts anew, and pings do not count.
    let again = [
        frame(0x82, &[1; 9]),
        frame(0x89, &[1; 9]),
        frame(0x82, &[1; 9]),
    ]
    .concat();
    assert_eq!(read(&again).1, Ok(()));
}

/// What is sent is masked, and read by a server as what it was.
#[test]
fn encode() {
    let mut codec = Codec::new(LIMIT, None);
    for len in [0, 1, 7, 125, 126, 65535, 65536] {
        let data = Bytes::from((0..len).map(|n| n as u8).collect::<Vec<u8>>());
        assert_eq!(
            sent(&mut codec, &Frame::Binary(data.clone())),
            (0x82, data.to_vec())
        );
    }
    assert_eq!(sent(&mut codec, &Frame::text("é")), (0x81, "é".into()));
    assert_eq!(
        sent(&mut codec, &Frame::Ping("p".into())),
        (0x89, b"p".to_vec())
    );
    assert_eq!(
        sent(&mut codec, &Frame::Pong("q".into())),
        (0x8a, b"q".to_vec())
    );
    assert_eq!(sent(&mut codec, &Frame::Close), (0x88, vec![]));
    let bye = Frame::CloseWith(1001, "bye".into());
    assert_eq!(sent(&mut codec, &bye), (0x88, b"\x03\xe9bye".to_vec()));
}

/// What must not be sent is refused, and nothing is written.
#[test]
fn encode_refuses() {
    let mut codec = Codec::new(LIMIT, None);
    let mut out = BytesMut::new();
    let mut refused = |frame: Frame| codec.encode(&frame, &mut out).unwrap_err();
    let long = Bytes::from(vec![0; 126]);
    assert_eq!(
        refused(Frame::Ping(long.clone())),
        EncodeError::LongControl(126)
    );
    assert_eq!(refused(Frame::Pong(long)), EncodeError::LongControl(126));
    let reason = "*".repeat(124);
    assert_eq!(
        refused(Frame::CloseWith(1000, reason.into())),
        EncodeError::LongControl(126)
    );
    assert_eq!(
        refused(Frame::CloseWith(1005, "".into())),
        EncodeError::CloseCode(1005)
    );
    assert!(out.is_empty());
}

/// A header is told before its payload has come.
#[test]
fn headers_come_first() {
    let mut codec = Codec::new(LIMIT, None);
    codec.feed(&frame(0x01, b"abc")[..3]);
    let header = Header {
        opcode: 1,
        fin: false,
        compressed: false,
        len: 3,
    };
    assert_eq!(codec.next(), Ok(Some(Event::Header(header))));
    assert_eq!(codec.next(), Ok(None));
    assert!(codec.amid_frame());
}
