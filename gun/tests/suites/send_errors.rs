//! send_errors_SUITE: a peer that takes nothing of what it is sent.

use std::io::ErrorKind;
use std::time::Duration;

use gun::{AwaitError, Http2Opts, Opts, Reason};
use runtime::prelude::*;

use crate::frames::{self, Frames, PING, WINDOW_UPDATE, down, frame};
use crate::peer::{Peer, SOON};

const LARGEST: u32 = (1 << 31) - 1;

fn opts() -> Opts {
    Opts::new().send_timeout(Duration::from_millis(20)).retry(0)
}

/// A request that the peer does not take fails, and takes the connection down.
#[runtime::test]
fn http_send_request_fail() {
    let peer = Peer::new();
    let (conn, _line) = peer.open(opts());
    request_fails(conn);
}

fn request_fails(conn: Pid) {
    let stream = gun::post(conn, "/", (), vec![0; 50_000_000]);
    let late = Reason::Io(ErrorKind::TimedOut);
    assert_eq!(
        gun::await_(conn, stream, SOON),
        Err(AwaitError::Stream(late))
    );
    let told = down(conn);
    assert_eq!((told.reason, told.killed), (late, vec![stream]));
}

/// An HTTP/2 connection to a peer that takes as much as there may be, it says.
fn willing(peer: &Peer, opts: Opts) -> (Pid, Frames) {
    let (conn, mut frames) = frames::open(peer, opts, &[(4, LARGEST)]);
    frames.frame(WINDOW_UPDATE, 0, 0, (LARGEST - 65_535).to_be_bytes());
    (conn, frames)
}

/// So it is over HTTP/2, where the peer has said that it would.
#[runtime::test]
fn http2_send_request_fail() {
    let peer = Peer::new();
    let (conn, _frames) = willing(&peer, opts());
    request_fails(conn);
}

/// Pings that the peer does not take do so too, after what fills its buffers.
#[runtime::test]
fn http2_send_ping_fail() {
    let peer = Peer::new();
    let http2 = Http2Opts::new().keepalive(Duration::from_millis(1));
    let (conn, _frames) = willing(&peer, opts().http2(http2));
    gun::post(conn, "/", (), vec![0; 50_000_000]);
    assert_eq!(down(conn).reason, Reason::Io(ErrorKind::TimedOut));
}

/// So do answers to pings, of which there are never many in memory.
#[runtime::test]
fn http2_send_ping_ack_fail() {
    let peer = Peer::new();
    let (conn, mut frames) = frames::open(&peer, opts(), &[]);
    let flood = frame(PING, 0, 0, [1; 8]).repeat(10_000);
    // The answers fill all buffers, and then nothing is taken any more.
    while frames.try_write(&flood).is_ok() {
        receive! {
            told: gun::Down => {
                assert_eq!((told.conn, told.reason), (conn, Reason::Io(ErrorKind::TimedOut)));
                return;
            }
            after Duration::ZERO => {}
        }
    }
    assert_eq!(down(conn).reason, Reason::Io(ErrorKind::TimedOut));
}

/// Without a time the peer may take as long as it will.
#[runtime::test]
fn no_send_timeout() {
    let peer = Peer::new();
    let opts = Opts::new().send_timeout(None);
    let (conn, mut line) = peer.open(opts);
    let stream = gun::post(conn, "/", (), vec![b'a'; 10_000_000]);
    line.head();
    assert_eq!(line.take(10_000_000), vec![b'a'; 10_000_000]);
    line.write("HTTP/1.1 204 No Content\r\n\r\n");
    gun::await_(conn, stream, SOON).unwrap();
    gun::close(conn).unwrap();
}
