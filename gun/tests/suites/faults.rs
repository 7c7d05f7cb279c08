//! Servers that are wrong, or mean harm: each ends in the message that says so, with bounded memory, and the owner goes
//! on.

use std::time::Duration;

use flate2::{Compress, Compression, FlushCompress};
use gun::ws::{CodecError, Frame, Violation};
use gun::{AwaitError, Awaited, Http2Code, HttpOpts, Opts, Reason, StreamRef, WsOpts};
use runtime::prelude::*;

use crate::frames::{
    self, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, OK, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, down, frame, literal, promise,
};
use crate::peer::{Line, Peer, SOON};
use crate::ws::grant;

/// The error that a stream ends with, whatever was told of it before.
fn error(conn: Pid, stream: StreamRef) -> Reason {
    loop {
        match gun::await_(conn, stream, SOON) {
            Ok(_) => {}
            Err(AwaitError::Stream(reason)) => return reason,
            Err(other) => panic!("{other}"),
        }
    }
}

/// What comes of these bytes as an answer, over HTTP/1.1: the stream's error and the connection's; after which it
/// connects again and is as good as new.
fn answer(bytes: &[u8]) -> (Reason, Reason) {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let stream = gun::get(conn, "/", ());
    line.head();
    line.write(bytes);
    drop(line);
    let reason = error(conn, stream);
    let told = down(conn);
    assert_eq!(told.killed, [stream]);
    let mut line = peer.accept();
    let next = gun::get(conn, "/", ());
    line.head();
    line.write("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood");
    assert_eq!(gun::await_body(conn, next, SOON).unwrap().0, "good");
    gun::close(conn).unwrap();
    (reason, told.reason)
}

/// An answer that breaks off is the peer's close.
#[runtime::test]
fn truncated() {
    for bytes in [
        &b""[..],
        b"HTT",
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    ] {
        let (stream, connection) = answer(bytes);
        for reason in [stream, connection] {
            assert!(matches!(reason, Reason::Closed), "{reason} of {bytes:?}");
        }
    }
}

/// An answer that is none is the protocol's fault.
#[runtime::test]
fn garbage() {
    let mut many = b"HTTP/1.1 200 OK\r\n".to_vec();
    many.extend(b"a: b\r\n".repeat(101));
    many.extend(b"\r\n");
    let mut long = b"HTTP/1.1 200 OK\r\na: ".to_vec();
    long.extend(b"x".repeat(200_000));
    for bytes in [
        &[0; 100][..],
        b"\x16\x03\x01\x00\x05hello and more of it, as it were\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\na\x00b: c\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\ncontent-length: five\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhelloXX",
        &many,
        &long,
    ] {
        let (stream, connection) = answer(bytes);
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]);
        for reason in [stream, connection] {
            assert!(
                matches!(reason, Reason::Protocol | Reason::Io(_)),
                "{reason} of {start}"
            );
        }
    }
}

/// A head of the size that is allowed is taken, one above is not.
#[runtime::test]
fn max_header_block_size() {
    let peer = Peer::new();
    let http = HttpOpts::new().max_header_block_size(8192);
    let (conn, mut line) = peer.open(Opts::new().http(http));
    let stream = gun::get(conn, "/", ());
    line.head();
    let value = "x".repeat(8000);
    line.write(format!("HTTP/1.1 204 No Content\r\na: {value}\r\n\r\n"));
    assert!(matches!(
        gun::await_(conn, stream, SOON),
        Ok(Awaited::Response { fin: true, .. })
    ));
    let stream = gun::get(conn, "/", ());
    line.head();
    // However it goes on.
    while line
        .try_write(format!("HTTP/1.1 204 No Content\r\na: {value}{value}"))
        .is_ok()
    {
        if let Err(told) = gun::await_(conn, stream, Duration::ZERO)
            && told != AwaitError::Timeout
        {
            assert!(
                matches!(told, AwaitError::Stream(Reason::Protocol)),
                "{told}"
            );
            break;
        }
    }
    gun::close(conn).unwrap();
}

/// Trailers are bounded too: by 16 KiB, which hyper has fixed.
#[runtime::test]
fn max_trailer_block_size() {
    let value = "x".repeat(20_000);
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n";
    let (stream, _) = answer(format!("{head}a: {value}\r\n\r\n").as_bytes());
    assert!(
        matches!(stream, Reason::Protocol | Reason::Io(_)),
        "{stream}"
    );
}

/// Bytes that nobody has asked for end the connection; the response before them is whole.
#[runtime::test]
fn more_than_was_asked_for() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new().retry(0));
    let stream = gun::get(conn, "/", ());
    line.head();
    line.write("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello, world");
    assert_eq!(gun::await_body(conn, stream, SOON).unwrap().0, "hello");
    let told = down(conn);
    assert_eq!((told.reason, told.killed), (Reason::Protocol, vec![]));
}

/// Of informational responses without end a hundred are told; then the request fails.
#[runtime::test]
fn endless_informational_responses() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new().retry(0));
    let stream = gun::get(conn, "/", ());
    line.head();
    let flood = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(1000);
    let writer = spawn!(move || while line.try_write(&flood).is_ok() {});
    let watch = monitor(writer);
    assert_eq!(endless(conn, stream), (100, Reason::Protocol));
    assert_eq!(down(conn).reason, Reason::Protocol);
    receive! { runtime::Down { monitor, .. } if monitor == watch => {} }

    let peer = Peer::new();
    let (conn, mut frames) = frames::open(&peer, Opts::new(), &[]);
    let stream = gun::get(conn, "/", ());
    frames.until(HEADERS);
    let head = [&[0x08, 3], &b"103"[..], &literal("link", "</a>")].concat();
    frames.write(frame(HEADERS, END_HEADERS, 1, head).repeat(200));
    assert_eq!(endless(conn, stream), (100, Reason::Protocol));
    assert_eq!(frames.until(RST_STREAM).stream, 1);
    // The connection goes on.
    let stream = gun::get(conn, "/", ());
    frames.until(HEADERS);
    frames.respond(3, "good");
    assert_eq!(gun::await_body(conn, stream, SOON).unwrap().0, "good");
    gun::close(conn).unwrap();
}

fn endless(conn: Pid, stream: StreamRef) -> (usize, Reason) {
    let mut told = 0;
    loop {
        match gun::await_(conn, stream, SOON) {
            Ok(Awaited::Inform { .. }) => told += 1,
            Err(AwaitError::Stream(reason)) => return (told, reason),
            other => panic!("{other:?}"),
        }
    }
}

/// What comes of these bytes over HTTP/2, after a request on stream 1: the connection's end.
fn ends(bytes: &[u8]) -> Reason {
    let peer = Peer::new();
    let (conn, mut frames) = frames::open(&peer, Opts::new().retry(0), &[]);
    let stream = gun::get(conn, "/", ());
    frames.until(HEADERS);
    // The client may close before it has read all.
    let _ = frames.try_write(bytes);
    error(conn, stream);
    down(conn).reason
}

/// Frames that break the protocol end the connection, with the code that says how.
#[runtime::test]
fn bad_frames() {
    let window = 0x7fff_ffffu32.to_be_bytes();
    let head = frame(HEADERS, END_HEADERS, 1, OK);
    for (bytes, code) in [
        (frame(DATA, 0, 0, "data"), Http2Code::PROTOCOL_ERROR),
        (frame(DATA, 0, 1, [0; 16_385]), Http2Code::FRAME_SIZE_ERROR),
        (frame(SETTINGS, 0, 0, [0; 5]), Http2Code::PROTOCOL_ERROR),
        (frame(frames::PING, 0, 0, [0; 7]), Http2Code::PROTOCOL_ERROR),
        (
            frame(WINDOW_UPDATE, 0, 0, window),
            Http2Code::FLOW_CONTROL_ERROR,
        ),
        (
            frame(CONTINUATION, END_HEADERS, 1, OK),
            Http2Code::PROTOCOL_ERROR,
        ),
        (
            frame(HEADERS, END_HEADERS, 1, [0xff; 20]),
            Http2Code::PROTOCOL_ERROR,
        ),
        (
            frame(HEADERS, END_HEADERS, 2, OK),
            Http2Code::PROTOCOL_ERROR,
        ),
        (
            [frame(HEADERS, 0, 1, OK), frame(DATA, 0, 1, "data")].concat(),
            Http2Code::PROTOCOL_ERROR,
        ),
        (
            [head, frame(SETTINGS, 0, 0, [0, 2, 0, 0, 0, 2])].concat(),
            Http2Code::PROTOCOL_ERROR,
        ),
    ] {
        let reason = ends(&bytes);
        assert_eq!(
            reason,
            Reason::GoAway(code),
            "{:?}",
            &bytes[..bytes.len().min(20)]
        );
    }
}

/// More than a window allows is a breach of flow control.
#[runtime::test]
fn window_overrun() {
    let peer = Peer::new();
    let http2 = gun::Http2Opts::new().initial_stream_window_size(10_000);
    let (conn, mut frames) = frames::open(&peer, Opts::new().http2(http2).retry(0), &[]);
    let opts = gun::ReqOpts::new().flow(1);
    let stream = gun::request(conn, http::Method::GET, "/", (), "", opts);
    frames.until(HEADERS);
    frames.frame(HEADERS, END_HEADERS, 1, OK);
    frames.frame(DATA, 0, 1, [0; 5000]);
    frames.frame(DATA, 0, 1, [0; 16_000]);
    let reason = error(conn, stream);
    assert!(
        matches!(
            reason,
            Reason::Reset(Http2Code::FLOW_CONTROL_ERROR)
                | Reason::GoAway(Http2Code::FLOW_CONTROL_ERROR)
        ),
        "{reason}"
    );
    gun::close(conn).ok();
}

/// A body that is not as long as its head says fails its stream alone.
#[runtime::test]
fn wrong_content_length() {
    for (length, body) in [("3", "four"), ("10", "four")] {
        let peer = Peer::new();
        let (conn, mut frames) = frames::open(&peer, Opts::new(), &[]);
        let stream = gun::get(conn, "/", ());
        frames.until(HEADERS);
        let head = [OK, &literal("content-length", length)].concat();
        frames.frame(HEADERS, END_HEADERS, 1, head);
        frames.frame(DATA, END_STREAM, 1, body);
        assert_eq!(
            error(conn, stream),
            Reason::Reset(Http2Code::PROTOCOL_ERROR)
        );
        let stream = gun::get(conn, "/", ());
        frames.until(HEADERS);
        frames.respond(3, "good");
        assert_eq!(gun::await_body(conn, stream, SOON).unwrap().0, "good");
        gun::close(conn).unwrap();
    }
}

/// Headers that are small on the wire and large when they are decompressed are not: the request fails.
#[runtime::test]
fn hpack_bomb() {
    let peer = Peer::new();
    let (conn, mut frames) = frames::open(&peer, Opts::new().retry(0), &[]);
    let stream = gun::get(conn, "/", ());
    frames.until(HEADERS);
    frames.write(frames::hpack_bomb(10_000));
    let reason = error(conn, stream);
    assert!(
        matches!(reason, Reason::Reset(_) | Reason::GoAway(_)),
        "{reason}"
    );
    gun::close(conn).ok();
}

/// A head that has no end is cut off.
#[runtime::test]
fn endless_continuation() {
    let mut bytes = frame(HEADERS, 0, 1, OK);
    bytes.extend(frame(CONTINUATION, 0, 1, literal("a", "b")).repeat(100_000));
    let reason = ends(&bytes);
    assert_eq!(reason, Reason::GoAway(Http2Code::ENHANCE_YOUR_CALM));
}

/// So is a body of nothing.
#[runtime::test]
fn endless_empty_data() {
    let mut bytes = frame(HEADERS, END_HEADERS, 1, OK);
    bytes.extend(frame(DATA, 0, 1, []).repeat(1 << 20));
    let peer = Peer::new();
    let (conn, mut frames) = frames::open(&peer, Opts::new().retry(0), &[]);
    gun::get(conn, "/", ());
    frames.until(HEADERS);
    let watch = monitor(conn);
    // The client closes before it has read all.
    let _ = frames.try_write(&bytes);
    receive! {
        told: gun::Down => assert_eq!(told.reason, Reason::GoAway(Http2Code::ENHANCE_YOUR_CALM)),
        after SOON => panic!("it goes on"),
    }
    receive! { runtime::Down { monitor, .. } if monitor == watch => {} }
}

/// Promises that are reset as soon as they are made leave nothing behind.
#[runtime::test]
fn rapid_resets() {
    let peer = Peer::new();
    let (conn, mut frames) = frames::open(&peer, Opts::new().retry(0), &[]);
    gun::get(conn, "/", ());
    frames.until(HEADERS);
    let authority = format!("127.0.0.1:{}", peer.port());
    for stream in (2..20_000u32).step_by(2) {
        let mut bytes = promise(0x86, &authority);
        bytes[9..13].copy_from_slice(&stream.to_be_bytes());
        bytes.extend(frame(RST_STREAM, 0, stream, 8u32.to_be_bytes()));
        if frames.try_write(&bytes).is_err() {
            break;
        }
    }
    receive! {
        told: gun::Down => {
            assert_eq!(told.reason, Reason::GoAway(Http2Code::ENHANCE_YOUR_CALM));
            return;
        }
        after Duration::ZERO => {}
    }
    frames.respond(1, "good");
    receive! {
        gun::Data { data, .. } => assert_eq!(data, "good"),
        after SOON => panic!("no answer"),
    }
    assert_eq!(gun::info(conn).unwrap().streams, 0);
}

/// A flood of settings, whose acknowledgements are not read, ends when nothing more can be sent.
#[runtime::test]
fn flood_of_settings() {
    let peer = Peer::new();
    let opts = Opts::new().retry(0).send_timeout(Duration::from_millis(20));
    let (conn, mut frames) = frames::open(&peer, opts, &[]);
    let flood = frame(SETTINGS, 0, 0, [0, 3, 0, 0, 0, 9]).repeat(10_000);
    while frames.try_write(&flood).is_ok() {}
    let reason = down(conn).reason;
    assert_eq!(reason, Reason::Io(std::io::ErrorKind::TimedOut));
}

fn websocket(peer: &Peer, opts: WsOpts, extensions: &str) -> (Pid, StreamRef, Line) {
    let (conn, mut line) = peer.open(Opts::new().retry(0));
    let stream = gun::ws_upgrade(conn, "/", (), opts);
    grant(&mut line, extensions, "");
    gun::await_(conn, stream, SOON).unwrap();
    (conn, stream, line)
}

/// The close code of a client's frame.
fn close_code(line: &mut Line) -> u16 {
    let [first, length, mask @ ..]: [u8; 6] = line.bytes();
    assert_eq!((first, length), (0x88, 0x82));
    let code: [u8; 2] = line.bytes();
    u16::from_be_bytes([code[0] ^ mask[0], code[1] ^ mask[1]])
}

/// Frames that break the rules, text that is none: the Websocket ends with the code that says so.
#[runtime::test]
fn bad_websocket_frames() {
    let bad = CodecError::BadFrame;
    for (bytes, why, code) in [
        (&b"\x81\x81\0\0\0\0a"[..], bad(Violation::Masked), 1002),
        (b"\x83\x00", bad(Violation::Opcode), 1002),
        (b"\xc1\x00", bad(Violation::ReservedBit), 1002),
        (b"\x80\x00", bad(Violation::Continuation), 1002),
        (b"\x09\x00", bad(Violation::FragmentedControl), 1002),
        (b"\x88\x01a", bad(Violation::CloseLength), 1002),
        (b"\x81\x02\xc3\x28", CodecError::BadEncoding, 1007),
        (b"\x01\x02\xed\xa0", CodecError::BadEncoding, 1007),
        (
            b"\x82\x7f\x00\x00\x01\x00\x00\x00\x00\x00",
            CodecError::TooBig(1000),
            1009,
        ),
    ] {
        let peer = Peer::new();
        let opts = WsOpts::new().max_message_size(1000);
        let (conn, stream, mut line) = websocket(&peer, opts, "");
        line.write(bytes);
        assert_eq!(error(conn, stream), Reason::Websocket(why));
        assert_eq!(close_code(&mut line), code);
        assert_eq!(down(conn).reason, Reason::Normal);
    }
}

/// A message that is small on the wire and large when it is inflated ends with the limit.
#[runtime::test]
fn deflate_bomb() {
    let mut compress = Compress::new(Compression::best(), false);
    let zeroes = vec![0; 50 << 20];
    let mut bomb = Vec::with_capacity(1 << 20);
    compress
        .compress_vec(&zeroes, &mut bomb, FlushCompress::Sync)
        .unwrap();
    let length = u16::try_from(bomb.len()).unwrap();
    let peer = Peer::new();
    let opts = WsOpts::new().compress(true).max_message_size(1 << 20);
    let deflate = "sec-websocket-extensions: permessage-deflate\r\n";
    let (conn, stream, mut line) = websocket(&peer, opts, deflate);
    line.write([&[0xc2, 0x7e], &length.to_be_bytes()[..]].concat());
    let _ = line.try_write(&bomb);
    let reason = Reason::Websocket(CodecError::TooBig(1 << 20));
    assert_eq!(error(conn, stream), reason);
    assert_eq!(close_code(&mut line), 1009);
}

/// Pings whose answers are not read are not all answered: the last one is.
#[runtime::test]
fn flood_of_websocket_pings() {
    let peer = Peer::new();
    let (conn, stream, mut line) = websocket(&peer, WsOpts::new(), "");
    const PINGS: usize = 200_000;
    let flood = [&[0x89, 125], &[b'p'; 125][..]]
        .concat()
        .repeat(PINGS / 100);
    for _ in 0..100 {
        line.write(&flood);
    }
    line.write(b"\x89\x04last\x81\x03all");
    let told = gun::await_(conn, stream, SOON);
    assert_eq!(told, Ok(Awaited::Ws(Frame::text("all"))));
    let mut pongs = 0;
    loop {
        let [first, length, mask @ ..]: [u8; 6] = line.bytes();
        assert_eq!(first, 0x8a);
        let mut payload = line.take(usize::from(length & 0x7f));
        for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
            *byte ^= mask;
        }
        if payload == b"last" {
            break;
        }
        pongs += 1;
    }
    assert!(pongs < PINGS * 3 / 4, "{pongs} of {PINGS}");
    gun::close(conn).unwrap();
}
