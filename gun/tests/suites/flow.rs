//! flow_SUITE.

use gun::{HttpOpts, Opts, ReqOpts};
use runtime::prelude::*;

use crate::peer::{Line, Peer, SOON};

fn piece(stream: gun::StreamRef) -> Option<bytes::Bytes> {
    // Whatever the connection has sent is here when it has answered.
    receive! {
        gun::Data { stream: of, data, .. } if of == stream => Some(data),
        after std::time::Duration::ZERO => None,
    }
}

fn chunked(line: &mut Line) {
    line.head();
    line.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
}

/// A stream stops when its flow is used up, and goes on when it is given more. A request's flow comes before the
/// connection's.
#[runtime::test]
fn flow_http() {
    let peer = Peer::new();
    let opts = Opts::new().http(HttpOpts::new().flow(100));
    let (conn, mut line) = peer.open(opts);
    let opts = ReqOpts::new().flow(1);
    let stream = gun::request(conn, http::Method::GET, "/", (), "", opts);
    chunked(&mut line);
    line.write("1\r\na\r\n");
    gun::await_(conn, stream, SOON).unwrap();
    assert!(
        matches!(gun::await_(conn, stream, SOON), Ok(gun::Awaited::Data { fin: false, data }) if data == "a")
    );
    line.write("1\r\nb\r\n1\r\nc\r\n0\r\n\r\n");
    gun::info(conn).unwrap();
    assert_eq!(piece(stream), None);
    gun::update_flow(conn, stream, 1);
    assert!(
        matches!(gun::await_(conn, stream, SOON), Ok(gun::Awaited::Data { fin: false, data }) if data == "b")
    );
    gun::info(conn).unwrap();
    assert_eq!(piece(stream), None);
    gun::update_flow(conn, stream, 2);
    assert_eq!(gun::await_body(conn, stream, SOON).unwrap().0, "c");
    gun::close(conn).unwrap();
}

/// Without a flow, updates are ignored.
#[runtime::test]
fn no_flow_http() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let stream = gun::get(conn, "/", ());
    gun::update_flow(conn, stream, 0);
    chunked(&mut line);
    line.write("1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
    assert_eq!(gun::await_body(conn, stream, SOON).unwrap().0, "ab");
    gun::close(conn).unwrap();
}

/// What the peer sends at once is no more messages than the flow allows.
fn one_by_one(conn: Pid, stream: gun::StreamRef, size: usize) {
    let told = gun::await_(conn, stream, SOON);
    assert!(matches!(
        told,
        Ok(gun::Awaited::Response { fin: false, .. })
    ));
    let mut got = 0;
    loop {
        let Ok(gun::Awaited::Data { fin, data }) = gun::await_(conn, stream, SOON) else {
            panic!("{got} of {size}");
        };
        got += data.len();
        gun::info(conn).unwrap();
        assert_eq!(piece(stream).map(|piece| piece.len()), None);
        if fin {
            break;
        }
        gun::update_flow(conn, stream, 1);
    }
    assert_eq!(got, size);
}

/// The count is of messages, however much comes at once.
#[runtime::test]
fn flow_counts_messages() {
    use crate::frames::{self, DATA, END_HEADERS, END_STREAM, HEADERS, OK};
    const SIZE: usize = 1 << 20;
    let get = |conn| {
        let opts = ReqOpts::new().flow(1);
        gun::request(conn, http::Method::GET, "/", (), "", opts)
    };
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let stream = get(conn);
    line.head();
    line.write(format!("HTTP/1.1 200 OK\r\ncontent-length: {SIZE}\r\n\r\n"));
    spawn!(move || {
        line.write(vec![0; SIZE]);
        line.end();
    });
    one_by_one(conn, stream, SIZE);
    gun::close(conn).unwrap();

    let http2 = gun::Http2Opts::new().max_frame_size_received(SIZE as u32);
    let (conn, mut frames) = frames::open(&peer, Opts::new().http2(http2), &[]);
    let stream = get(conn);
    frames.until(HEADERS);
    frames.frame(HEADERS, END_HEADERS, 1, OK);
    let writer = spawn!(move || {
        frames.frame(DATA, END_STREAM, 1, vec![0; SIZE]);
        receive! { (): () => {} }
    });
    one_by_one(conn, stream, SIZE);
    send(writer, ());
    gun::close(conn).unwrap();
}

/// In a tunnel over HTTP/2 a stream of HTTP/2 has a flow as it has without one.
#[runtime::test]
fn flow_in_a_tunnel_over_http2() {
    use crate::frames::{ACK, DATA, END_HEADERS, END_STREAM, Frames, HEADERS, OK, SETTINGS};
    use gun::{Destination, Protocol};
    const FRAMES: usize = 10;
    let proxy = crate::proxy::Kind::H2c.start();
    let peer = Peer::new();
    let opts = Opts::new().protocols([Protocol::Http2]);
    let conn = gun::open("127.0.0.1", proxy.port, opts).unwrap();
    let to = Destination::new("127.0.0.1", peer.port()).protocols([Protocol::Http2]);
    let tunnel = gun::connect(conn, to, (), ReqOpts::new());
    let mut frames = Frames::accept(&peer);
    frames.frame(SETTINGS, 0, 0, []);
    frames.frame(SETTINGS, ACK, 0, []);
    while !matches!(gun::await_(conn, tunnel, SOON), Ok(gun::Awaited::Up(_))) {}
    let opts = ReqOpts::new().tunnel(tunnel).flow(1);
    let stream = gun::request(conn, http::Method::GET, "/", (), "", opts);
    frames.until(HEADERS);
    frames.frame(HEADERS, END_HEADERS, 1, OK);
    for left in (0..FRAMES).rev() {
        let flags = if left == 0 { END_STREAM } else { 0 };
        frames.frame(DATA, flags, 1, [0; 16_384]);
    }
    one_by_one(conn, stream, FRAMES * 16_384);
    gun::close(conn).unwrap();
}
