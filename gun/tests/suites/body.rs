//! Bodies as readers, with a peer that is slower or faster than we are.

use std::io::{Cursor, ErrorKind, Read, copy};
use std::time::Duration;

use gun::{Awaited, BadState, Body, DataError, Opts, ReqOpts, SendBodyError};
use http::Method;
use runtime::prelude::*;

use crate::peer::{Peer, SOON};

fn response(conn: Pid, stream: gun::StreamRef) {
    let told = gun::await_(conn, stream, SOON);
    assert!(
        matches!(told, Ok(Awaited::Response { fin: false, .. })),
        "{told:?}"
    );
}

/// A response's body is read whole, and its trailers are there at the end.
#[runtime::test]
fn read_to_end() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let stream = gun::get(conn, "/", ());
    line.head();
    line.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x\r\n\r\n");
    line.write("5\r\nhello\r\n7\r\n, world\r\n0\r\nx: y\r\n\r\n");
    response(conn, stream);
    let mut body = Body::new(conn, stream, SOON);
    let mut text = String::new();
    body.read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello, world");
    assert_eq!(body.trailers().unwrap()["x"], "y");
}

/// A reader that does not read holds the peer back: what is under way is bounded by the sockets, not by the body.
#[runtime::test]
fn slow_reader() {
    const SIZE: usize = 64 << 20;
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let stream = gun::request(conn, Method::GET, "/", (), "", ReqOpts::new().flow(1));
    line.head();
    let me = self_pid();
    spawn!(move || {
        line.write(format!("HTTP/1.1 200 OK\r\ncontent-length: {SIZE}\r\n\r\n"));
        for _ in 0..SIZE >> 20 {
            line.write(vec![7; 1 << 20]);
            send(me, 1u32);
        }
    });
    response(conn, stream);
    let mut body = Body::new(conn, stream, SOON);
    let mut first = [0; 1000];
    body.read_exact(&mut first).unwrap();
    // The sockets' buffers hold a few of its pieces; the peer is never through.
    let ahead = std::iter::from_fn(|| {
        receive! { n: u32 => Some(n), after Duration::from_millis(50) => None }
    });
    assert!(ahead.count() < SIZE >> 21);
    let rest = copy(&mut body, &mut std::io::sink()).unwrap();
    assert_eq!(rest as usize, SIZE - first.len());
}

/// Dropped before its end it cancels the stream, and nothing of it is left in the mailbox.
#[runtime::test]
fn dropped() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let stream = gun::get(conn, "/", ());
    line.head();
    line.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfirst");
    response(conn, stream);
    let mut body = Body::new(conn, stream, SOON);
    assert_eq!(body.piece().unwrap().unwrap(), "first");
    drop(body);
    line.write("third");
    let next = gun::get(conn, "/next", ());
    line.head();
    line.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let told = gun::await_(conn, next, SOON);
    assert!(
        matches!(told, Ok(Awaited::Response { fin: true, .. })),
        "{told:?}"
    );
    let left = gun::await_(conn, stream, Duration::ZERO);
    assert_eq!(left, Err(gun::AwaitError::Timeout));
}

/// What fails is an error of the reader's, of the fitting kind.
#[runtime::test]
fn read_errors() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new().retry(0));
    let stream = gun::get(conn, "/", ());
    line.head();
    line.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfirst");
    response(conn, stream);
    let mut body = Body::new(conn, stream, Duration::from_millis(1));
    let mut first = [0; 5];
    body.read_exact(&mut first).unwrap();
    let late = body.read(&mut first).unwrap_err();
    assert_eq!(late.kind(), ErrorKind::TimedOut);
    drop(line);
    let mut body = Body::new(conn, stream, SOON);
    let lost = body.read(&mut first).unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::ConnectionReset);
    assert_eq!(body.read(&mut first).unwrap(), 0);
}

/// A body is sent as the peer takes it: a sender is never far ahead.
#[runtime::test]
fn send_body() {
    const SIZE: usize = 32 << 20;
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let length = [("content-length", SIZE.to_string())];
    let headers = length
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let stream = gun::headers(conn, Method::PUT, "/", headers, ReqOpts::new());
    let me = self_pid();
    spawn!(move || {
        let sent = gun::send_body(conn, stream, Counted(0, me), SOON);
        send(me, sent.unwrap());
    });
    assert!(line.head().contains("content-length: 33554432\r\n"));
    let read = std::iter::from_fn(|| {
        receive! { Read1(n) => Some(n), after Duration::from_millis(50) => None }
    });
    let ahead: usize = read.sum();
    assert!(
        ahead < SIZE / 2,
        "{ahead} bytes were read before any was taken"
    );
    line.read_all(SIZE);
    receive! { sent: u64 => assert_eq!(sent as usize, SIZE) }
    line.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let told = gun::await_(conn, stream, SOON);
    assert!(
        matches!(told, Ok(Awaited::Response { fin: true, .. })),
        "{told:?}"
    );
}

/// 32 MiB, of which each read is told.
struct Counted(usize, Pid);
#[derive(Debug)]
struct Read1(usize);

impl Read for Counted {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        let size = to.len().min((32 << 20) - self.0);
        to[..size].fill(1);
        self.0 += size;
        send(self.1, Read1(size));
        Ok(size)
    }
}

/// Who waits for what can never be sent is told so.
#[runtime::test]
fn data_sync_errors() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new().retry(0));
    let none = gun::get(conn, "/", ());
    line.head();
    let sent = gun::data_sync(conn, none, false, "x", SOON);
    assert!(
        matches!(sent, Err(DataError::Stream(BadState::BodyEnded))),
        "{sent:?}"
    );
    line.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    gun::await_(conn, none, SOON).unwrap();
    let sent = gun::data_sync(conn, none, false, "x", SOON);
    assert!(
        matches!(sent, Err(DataError::Stream(BadState::NoStream))),
        "{sent:?}"
    );
    // It is dropped on its way.
    let stream = gun::headers(conn, Method::PUT, "/", (), ReqOpts::new());
    line.head();
    let me = self_pid();
    spawn!(move || {
        let endless = std::io::repeat(0);
        send(
            me,
            gun::send_body(conn, stream, endless, SOON).map_err(|error| error.to_string()),
        );
    });
    drop(line);
    receive! {
        sent: Result<u64, String> => assert!(sent.is_err()),
        after SOON => panic!("it waits for ever"),
    }
}

/// A reader that fails cancels the request, and the error is its own.
#[runtime::test]
fn reader_fails() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(ErrorKind::PermissionDenied.into())
        }
    }
    let peer = Peer::new();
    let (conn, _line) = peer.open(Opts::new());
    let stream = gun::headers(conn, Method::PUT, "/", (), ReqOpts::new());
    let body = Cursor::new("a").chain(Broken);
    let sent = gun::send_body(conn, stream, body, SOON);
    let Err(SendBodyError::Read(error)) = sent else {
        panic!("{sent:?}");
    };
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    let info = gun::stream_info(conn, stream).unwrap().unwrap();
    assert_eq!(info.state, gun::StreamState::Stopping);
}

/// A reader that panics cancels the request too.
#[runtime::test]
fn reader_panics() {
    struct Panics;
    impl Read for Panics {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            panic!("meant")
        }
    }
    let peer = Peer::new();
    let (conn, _line) = peer.open(Opts::new());
    let stream = gun::headers(conn, Method::PUT, "/", (), ReqOpts::new());
    let (_, watch) = spawn_monitor!(move || {
        let _ = gun::send_body(conn, stream, Panics, SOON);
    });
    receive! {
        runtime::Down { monitor, reason, .. } if monitor == watch => {
            assert!(matches!(reason, ExitReason::Panic { .. }), "{reason}");
        }
    }
    let info = gun::stream_info(conn, stream).unwrap().unwrap();
    assert_eq!(info.state, gun::StreamState::Stopping);
    gun::close(conn).unwrap();
}

/// Dropped when the connection has done with the stream already, it leaves nothing in the mailbox either.
#[runtime::test]
fn dropped_after_the_end() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let stream = gun::get(conn, "/", ());
    line.head();
    line.write("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n");
    response(conn, stream);
    let body = Body::new(conn, stream, SOON);
    line.write("whole");
    while gun::stream_info(conn, stream).unwrap().is_some() {}
    drop(body);
    // What it is told for that is here when it has answered.
    gun::info(conn).unwrap();
    let left = gun::await_(conn, stream, Duration::ZERO);
    assert_eq!(left, Err(gun::AwaitError::Timeout));
    gun::close(conn).unwrap();
}
