//! ws_SUITE over HTTP/2 (RFC 8441): a Websocket is a stream beside the others.

use std::time::Duration;

use gun::ws::{Frame, HandshakeError};
use gun::{AwaitError, Awaited, BadState, Opts, Reason, StreamRef, WsOpts};
use runtime::prelude::*;

use crate::frames::{
    self, DATA, END_HEADERS, END_STREAM, Frames, HEADERS, OK, RST_STREAM, SETTINGS, literal,
    settings,
};
use crate::peer::{Peer, SOON};

/// Asks for a Websocket, which is granted with these headers.
fn open(opts: WsOpts, more: &[u8]) -> (Peer, Pid, StreamRef, Frames) {
    let peer = Peer::new();
    let (conn, mut frames) = frames::open(&peer, Opts::new(), &[(8, 1)]);
    let stream = gun::ws_upgrade(conn, "/", (), opts);
    let head = frames.until(HEADERS);
    assert_eq!((head.stream, head.flags & END_STREAM), (1, 0));
    frames.frame(HEADERS, END_HEADERS, 1, [OK, more].concat());
    (peer, conn, stream, frames)
}

fn upgraded(conn: Pid, stream: StreamRef) {
    let told = gun::await_(conn, stream, SOON);
    assert!(
        matches!(&told, Ok(Awaited::Upgrade { protocols, .. }) if *protocols == ["websocket"]),
        "{told:?}"
    );
}

/// The payloads of the client's frames, as far as they are short.
fn sent(frames: &mut Frames, mut count: usize) -> Vec<(u8, Vec<u8>)> {
    let (mut bytes, mut all) = (Vec::new(), Vec::new());
    while count > 0 {
        while bytes.len() < 6 || bytes.len() < 6 + usize::from(bytes[1] & 0x7f) {
            bytes.extend(frames.until(DATA).payload);
        }
        let length = usize::from(bytes[1] & 0x7f);
        let frame: Vec<u8> = bytes.drain(..6 + length).collect();
        let masked = frame[6..].iter().zip(frame[2..6].iter().cycle());
        all.push((frame[0], masked.map(|(byte, mask)| byte ^ mask).collect()));
        count -= 1;
    }
    all
}

/// What is granted and what is sent can be waited for; requests go on beside it.
#[runtime::test]
fn await_() {
    let (_peer, conn, stream, mut frames) = open(WsOpts::new(), &[]);
    upgraded(conn, stream);
    frames.frame(DATA, 0, 1, b"\x81\x05hello");
    let told = gun::await_(conn, stream, SOON);
    assert_eq!(told, Ok(Awaited::Ws(Frame::text("hello"))));
    let other = gun::get(conn, "/", ());
    frames.until(HEADERS);
    frames.respond(3, "beside");
    assert_eq!(gun::await_body(conn, other, SOON).unwrap().0, "beside");
    gun::ws_send(conn, stream, [Frame::text("back")]);
    assert_eq!(sent(&mut frames, 1), [(0x81, b"back".to_vec())]);
    // A request is no Websocket.
    let other = gun::get(conn, "/", ());
    gun::ws_send(conn, other, [Frame::text("?")]);
    let reason = Reason::BadState(BadState::NoWebsocket);
    assert_eq!(
        gun::await_(conn, other, SOON),
        Err(AwaitError::Stream(reason))
    );
    gun::close(conn).unwrap();
}

/// Many frames go in order; after one that closes none is sent, and the stream alone ends.
#[runtime::test]
fn send_many_close() {
    let (_peer, conn, stream, mut frames) = open(WsOpts::new(), &[]);
    upgraded(conn, stream);
    let many = [
        Frame::text("one"),
        Frame::binary("two"),
        Frame::Close,
        Frame::text("never"),
    ];
    gun::ws_send(conn, stream, many);
    assert_eq!(
        sent(&mut frames, 3),
        [
            (0x81, b"one".to_vec()),
            (0x82, b"two".to_vec()),
            (0x88, vec![])
        ]
    );
    frames.frame(DATA, 0, 1, b"\x88\x00");
    assert_eq!(
        gun::await_(conn, stream, SOON),
        Ok(Awaited::Ws(Frame::Close))
    );
    let other = gun::get(conn, "/", ());
    frames.until(HEADERS);
    frames.respond(3, "beside");
    assert_eq!(gun::await_body(conn, other, SOON).unwrap().0, "beside");
    assert_eq!(gun::stream_info(conn, stream).unwrap(), None);
    gun::close(conn).unwrap();
}

/// A server that does not want to answers as to any request.
#[runtime::test]
fn reject_upgrade() {
    let peer = Peer::new();
    let (conn, mut frames) = frames::open(&peer, Opts::new(), &[(8, 1)]);
    let stream = gun::ws_upgrade(conn, "/", (), WsOpts::new());
    frames.until(HEADERS);
    // 400 is in HPACK's own table.
    frames.frame(HEADERS, END_HEADERS, 1, [0x8c]);
    frames.frame(DATA, END_STREAM, 1, "no");
    assert!(matches!(
        gun::await_(conn, stream, SOON),
        Ok(Awaited::Response { fin: false, status, .. }) if status == 400
    ));
    assert_eq!(gun::await_body(conn, stream, SOON).unwrap().0, "no");
    gun::close(conn).unwrap();
}

/// A subprotocol that was offered may be chosen.
#[runtime::test]
fn subprotocol_match() {
    let opts = WsOpts::new().protocols(["first", "second"]);
    let chosen = literal("sec-websocket-protocol", "second");
    let (_peer, conn, stream, _frames) = open(opts, &chosen);
    assert!(matches!(
        gun::await_(conn, stream, SOON),
        Ok(Awaited::Upgrade { headers, .. }) if headers["sec-websocket-protocol"] == "second"
    ));
    gun::close(conn).unwrap();
}

/// One that was not, or an extension, ends the stream, with CANCEL.
#[runtime::test]
fn wrong_answers() {
    for (header, value, error) in [
        ("sec-websocket-protocol", "third", HandshakeError::Protocol),
        (
            "sec-websocket-extensions",
            "permessage-deflate",
            HandshakeError::Extension,
        ),
    ] {
        let (_peer, conn, stream, mut frames) = open(WsOpts::new(), &literal(header, value));
        assert_eq!(
            gun::await_(conn, stream, SOON),
            Err(AwaitError::Stream(Reason::Handshake(error)))
        );
        let reset = frames.until(RST_STREAM);
        assert_eq!((reset.stream, reset.word(0)), (1, 8));
        gun::close(conn).unwrap();
    }
}

/// A process of its own gets what is told.
#[runtime::test]
fn reply_to() {
    let me = self_pid();
    let other = spawn!(move || {
        receive! { gun::Upgrade { stream, .. } => send(me, stream) }
    });
    let (_peer, conn, stream, _frames) = open(WsOpts::new().reply_to(other), &[]);
    receive! { of: StreamRef => assert_eq!(of, stream), after SOON => panic!("no upgrade") }
    gun::close(conn).unwrap();
}

/// Without flow nothing is read, and the stream's window is not opened again: the server is held back.
#[runtime::test]
fn flow_ws() {
    let (_peer, conn, stream, mut frames) = open(WsOpts::new().flow(1), &[]);
    upgraded(conn, stream);
    frames.frame(DATA, 0, 1, b"\x81\x01a\x81\x01b");
    let a = gun::await_(conn, stream, SOON);
    assert_eq!(a, Ok(Awaited::Ws(Frame::text("a"))));
    gun::info(conn).unwrap();
    receive! {
        gun::Ws { .. } => panic!("more than its flow"),
        after Duration::ZERO => {}
    }
    gun::update_flow(conn, stream, 1);
    let b = gun::await_(conn, stream, SOON);
    assert_eq!(b, Ok(Awaited::Ws(Frame::text("b"))));
    gun::close(conn).unwrap();
}

/// Asked for before the server's settings have come, it is a stream already, whose flow can be added to.
#[runtime::test]
fn update_flow_before_settings() {
    let peer = Peer::new();
    let (conn, mut frames) = frames::begin(&peer, Opts::new());
    let stream = gun::ws_upgrade(conn, "/", (), WsOpts::new().flow(1));
    gun::update_flow(conn, stream, 1);
    assert!(gun::stream_info(conn, stream).unwrap().is_some());
    frames.frame(SETTINGS, 0, 0, settings(&[(8, 1)]));
    frames.until(HEADERS);
    frames.frame(HEADERS, END_HEADERS, 1, OK);
    upgraded(conn, stream);
    frames.frame(DATA, 0, 1, b"\x81\x01a\x81\x01b");
    for text in ["a", "b"] {
        let told = gun::await_(conn, stream, SOON);
        assert_eq!(told, Ok(Awaited::Ws(Frame::text(text))));
    }
    gun::close(conn).unwrap();
}

/// Asked for before the server's settings have come, it takes no frames yet, and no body.
#[runtime::test]
fn sent_before_settings() {
    let peer = Peer::new();
    let (conn, mut frames) = frames::begin(&peer, Opts::new());
    let stream = gun::ws_upgrade(conn, "/", (), WsOpts::new());
    gun::ws_send(conn, stream, [Frame::text("early")]);
    let refused = |what| Err(AwaitError::Stream(Reason::BadState(what)));
    let told = gun::await_(conn, stream, SOON);
    assert_eq!(told, refused(BadState::NoWebsocket));
    gun::data(conn, stream, true, "body");
    let told = gun::await_(conn, stream, SOON);
    assert_eq!(told, refused(BadState::BodyEnded));
    // What was refused does not count.
    frames.frame(SETTINGS, 0, 0, settings(&[(8, 1)]));
    frames.until(HEADERS);
    frames.frame(HEADERS, END_HEADERS, 1, OK);
    upgraded(conn, stream);
    gun::ws_send(conn, stream, [Frame::text("now")]);
    assert_eq!(sent(&mut frames, 1), [(0x81, b"now".to_vec())]);
    gun::close(conn).unwrap();
}

/// Cancelled, it is reset and says no more; reset by the server, it fails.
#[runtime::test]
fn resets() {
    let (_peer, conn, stream, mut frames) = open(WsOpts::new(), &[]);
    upgraded(conn, stream);
    gun::cancel(conn, stream);
    let reset = frames.until(RST_STREAM);
    assert_eq!((reset.stream, reset.word(0)), (1, 8));
    assert_eq!(gun::stream_info(conn, stream).unwrap(), None);
    receive! {
        gun::Error { reason, .. } => panic!("{reason}"),
        after Duration::ZERO => {}
    }
    gun::close(conn).unwrap();

    let (_peer, conn, stream, mut frames) = open(WsOpts::new(), &[]);
    upgraded(conn, stream);
    frames.frame(RST_STREAM, 0, 1, 11u32.to_be_bytes());
    assert!(matches!(
        gun::await_(conn, stream, SOON),
        Err(AwaitError::Stream(_))
    ));
    gun::close(conn).unwrap();
}

/// Told to end, it says 1001, and waits for the answer.
#[runtime::test]
fn shutdown() {
    let (_peer, conn, stream, mut frames) = open(WsOpts::new(), &[]);
    upgraded(conn, stream);
    let watch = monitor(conn);
    gun::shutdown(conn);
    assert_eq!(sent(&mut frames, 1), [(0x88, b"\x03\xe9".to_vec())]);
    frames.frame(DATA, 0, 1, b"\x88\x02\x03\xe9");
    receive! {
        runtime::Down { monitor, reason, .. } if monitor == watch => assert_eq!(reason, ExitReason::Shutdown),
        after SOON => panic!("it goes on"),
    }
}
