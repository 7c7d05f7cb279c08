//! ping_SUITE, directly; and the pings that keep a connection alive.

use std::time::Duration;

use gun::{
    AwaitError, Awaited, BadState, Down, Http2Code, Http2Opts, Notice, Notify, Opts, Reason,
    ReplyTo, ReqOpts,
};
use runtime::prelude::*;

use crate::frames::{self, ACK, GOAWAY, PING, down};
use crate::peer::{Peer, SOON};

/// HTTP/1.1 has no pings: the connection is lost by one.
#[runtime::test]
fn h1_user_ping() {
    let peer = Peer::new();
    let (conn, _line) = peer.open(Opts::new().retry(0));
    gun::ping(conn, ReqOpts::new());
    receive! {
        down: Down => assert_eq!((down.reason, down.killed), (Reason::PingUnsupported, vec![])),
        after SOON => panic!("no Down"),
    }
}

/// Each ping has a payload of its own, and is told when it is answered, in whatever order that is.
#[runtime::test]
fn h2_user_ping() {
    let peer = Peer::new();
    let (conn, mut frames) = frames::open(&peer, Opts::new(), &[]);
    let pings = [
        gun::ping(conn, ReqOpts::new()),
        gun::ping(conn, ReqOpts::new()),
    ];
    let payloads = [(); 2].map(|()| frames.until(PING).payload);
    assert_eq!(payloads[0], 10_000u64.to_be_bytes());
    assert_eq!(payloads[1], 10_001u64.to_be_bytes());
    for at in [1, 0] {
        frames.frame(PING, ACK, 0, &payloads[at]);
        receive! {
            Notify { notice, .. } => assert_eq!(notice, Notice::PingAck(pings[at])),
            after SOON => panic!("no answer"),
        }
    }
    // An answer that was not asked for is overlooked.
    frames.frame(PING, ACK, 0, 77u64.to_be_bytes());
    let last = gun::ping(conn, ReqOpts::new());
    let payload = frames.until(PING).payload;
    frames.frame(PING, ACK, 0, payload);
    let told = gun::await_(conn, last, SOON);
    assert_eq!(told, Ok(Awaited::Notify(Notice::PingAck(last))));
    gun::close(conn).unwrap();
}

/// Whoever is named is told the answer, or that there is none; a function too.
#[runtime::test]
fn reply_to() {
    let peer = Peer::new();
    let (conn, mut frames) = frames::open(&peer, Opts::new(), &[]);
    let me = self_pid();
    let to = ReplyTo::function(move |message| send(me, message));
    let ping = gun::ping(conn, ReqOpts::new().reply_to(to.clone()));
    let payload = frames.until(PING).payload;
    frames.frame(PING, ACK, 0, payload);
    receive! {
        Notify { notice, .. } => assert_eq!(notice, Notice::PingAck(ping)),
        after SOON => panic!("no answer"),
    }
    let nowhere = ReqOpts::new().reply_to(to).tunnel(ping);
    let ping = gun::ping(conn, nowhere);
    let told = gun::await_(conn, ping, SOON);
    let error = AwaitError::Stream(Reason::BadState(BadState::NoTunnel));
    assert_eq!(told, Err(error));
    gun::close(conn).unwrap();
}

/// A server that leaves as many pings unanswered as are tolerated is told NO_ERROR, and the connection is lost.
#[runtime::test]
fn keepalive_tolerance_ping_ack_timeout() {
    let peer = Peer::new();
    let http2 = Http2Opts::new()
        .keepalive(Duration::from_millis(5))
        .keepalive_tolerance(2);
    let opts = Opts::new().http2(http2).retry(0);
    let (conn, mut frames) = frames::open(&peer, opts, &[]);
    // An answer makes good for one.
    let first = frames.until(PING);
    assert_eq!(first.payload, [0; 8]);
    frames.frame(PING, ACK, 0, [0; 8]);
    let mut pings = 0;
    let end = loop {
        match frames.next() {
            frame if frame.kind == PING => pings += 1,
            frame => break frame,
        }
    };
    assert!(pings >= 2, "{pings} of 2");
    assert_eq!((end.kind, end.word(4)), (GOAWAY, 0));
    assert_eq!(down(conn).reason, Reason::GoAway(Http2Code::NO_ERROR));
}

/// Without a tolerance a server may leave all pings unanswered.
#[runtime::test]
fn keepalive_without_tolerance() {
    let peer = Peer::new();
    let http2 = Http2Opts::new().keepalive(Duration::from_millis(1));
    let (conn, mut frames) = frames::open(&peer, Opts::new().http2(http2), &[]);
    for _ in 0..20 {
        assert_eq!(frames.until(PING).payload, [0; 8]);
    }
    let stream = gun::get(conn, "/", ());
    frames.until(frames::HEADERS);
    frames.respond(1, "there");
    assert_eq!(gun::await_body(conn, stream, SOON).unwrap().0, "there");
    gun::close(conn).unwrap();
}
