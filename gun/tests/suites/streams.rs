//! gun_SUITE: what is told of streams, to whom, and what waits for a connection.

use std::time::Duration;

use gun::{AwaitError, Awaited, Down, Opts, Protocol, Reason};
use runtime::AnyMessage;
use runtime::net::UnixListener;
use runtime::prelude::*;

use crate::peer::{Peer, SOON};

/// Over HTTP/2 messages go to another process, or to a function, too; also those of a tunnel.
#[runtime::test]
fn reply_to_http2() {
    use crate::frames::{self, HEADERS};
    let peer = Peer::new();
    let (conn, mut frames) = frames::open(&peer, Opts::new(), &[]);
    let me = self_pid();
    let function = gun::ReplyTo::function(move |message| {
        if let Ok(data) = message.downcast::<gun::Data>() {
            send(me, data.data);
        }
    });
    let opts = gun::ReqOpts::new().reply_to(function);
    let stream = gun::request(conn, http::Method::GET, "/", (), "", opts);
    assert_eq!(
        gun::stream_info(conn, stream).unwrap().unwrap().reply_to,
        None
    );
    frames.until(HEADERS);
    frames.respond(1, "to the function");
    receive! {
        data: bytes::Bytes => assert_eq!(data, "to the function"),
        after SOON => panic!("not called"),
    }
    let other = spawn!(move || {
        receive! { up: gun::TunnelUp => send(me, ("tunnel", up.stream)) }
    });
    let to = gun::Destination::new("example.org", 80);
    let opts = gun::ReqOpts::new().reply_to(other);
    let tunnel = gun::connect(conn, to, (), opts);
    frames.until(HEADERS);
    frames.frame(HEADERS, frames::END_HEADERS, 3, frames::OK);
    receive! {
        ("tunnel", of): (&'static str, gun::StreamRef) => assert_eq!(of, tunnel),
        gun::TunnelUp { .. } => panic!("told to who has asked"),
        after SOON => panic!("not told"),
    }
    gun::close(conn).unwrap();
}

/// So do errors.
#[runtime::test]
fn reply_to_errors() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new().retry(0));
    let me = self_pid();
    let function = gun::ReplyTo::function(move |message| {
        if let Ok(error) = message.downcast::<gun::Error>() {
            send(me, ("told", error.stream));
        }
    });
    let opts = gun::ReqOpts::new().reply_to(function);
    let stream = gun::request(conn, http::Method::GET, "/", (), "", opts);
    line.head();
    drop(line);
    receive! {
        ("told", of): (&'static str, Option<gun::StreamRef>) => assert_eq!(of, Some(stream)),
        after SOON => panic!("not told"),
    }
}

/// What is known of a stream, from its request to its end; of one that is not, nothing.
#[runtime::test]
fn stream_info_http() {
    use gun::StreamState::{Running, Stopping};
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let [first, second] = ["/1", "/2"].map(|path| gun::get(conn, path, ()));
    let state = |stream| {
        let info = gun::stream_info(conn, stream).unwrap();
        info.map(|info| (info.stream == stream, info.reply_to, info.state))
    };
    let me = Some(self_pid());
    assert_eq!(state(first), Some((true, me, Running)));
    assert_eq!(state(second), Some((true, me, Running)));
    gun::cancel(conn, second);
    assert_eq!(state(second), Some((true, me, Stopping)));
    line.head();
    line.write("HTTP/1.1 204 No Content\r\n\r\n");
    gun::await_(conn, first, SOON).unwrap();
    assert_eq!(state(first), None);
    gun::close(conn).unwrap();
    assert!(gun::stream_info(conn, second).is_err());
}

/// So it is over HTTP/2, where what is cancelled is forgotten.
#[runtime::test]
fn stream_info_http2() {
    use crate::frames::{self, HEADERS};
    let peer = Peer::new();
    let (conn, mut frames) = frames::open(&peer, Opts::new(), &[]);
    let [first, second] = ["/1", "/2"].map(|path| gun::get(conn, path, ()));
    for stream in [first, second] {
        frames.until(HEADERS);
        let info = gun::stream_info(conn, stream).unwrap().unwrap();
        assert_eq!((info.stream, info.reply_to), (stream, Some(self_pid())));
        assert_eq!((info.intermediaries.len(), info.tunnel), (0, None));
    }
    gun::cancel(conn, second);
    assert_eq!(gun::stream_info(conn, second).unwrap(), None);
    frames.respond(1, "whole");
    gun::await_body(conn, first, SOON).unwrap();
    assert_eq!(gun::stream_info(conn, first).unwrap(), None);
    gun::close(conn).unwrap();
}

/// A connection that is told to end ends so.
#[runtime::test]
fn shutdown_reason() {
    let peer = Peer::new();
    let (conn, _line) = peer.open(Opts::new());
    let watch = monitor(conn);
    gun::shutdown(conn);
    receive! {
        runtime::Down { monitor, reason, .. } if monitor == watch => assert_eq!(reason, ExitReason::Shutdown),
        after SOON => panic!("it goes on"),
    }
}

/// Where HTTP/2 cannot begin since TLS breaks off, the retries are used up, and it ends.
#[runtime::test]
fn tls_handshake_error_gun_http2_init_retry_1() {
    let peer = Peer::new();
    let opts = Opts::new()
        .transport(gun::Transport::Tls)
        .protocols([Protocol::Http2])
        .retry(1);
    let conn = gun::open(
        "127.0.0.1",
        peer.port(),
        opts.tls(gun::TlsOpts::new().verify_none()),
    )
    .unwrap();
    let watch = monitor(conn);
    for _ in 0..2 {
        drop(peer.accept());
    }
    receive! {
        runtime::Down { monitor, reason, .. } if monitor == watch => {
            assert!(matches!(reason, ExitReason::ShutdownWith(_)), "{reason}");
        }
        Down { .. } => panic!("it was never up"),
        after SOON => panic!("it goes on"),
    }
}

/// What waits for a connection is bounded: what is too much is refused, and the rest goes out in its order.
#[runtime::test]
fn postponed_is_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let opts = Opts::new()
        .retry(1000)
        .retry_timeout(Duration::from_millis(5));
    let conn = gun::open_unix(&path, opts).unwrap();
    let body = bytes::Bytes::from(vec![0; 6 << 20]);
    let [first, second, third] =
        ["/1", "/2", "/3"].map(|path| gun::post(conn, path, (), body.clone()));
    let small = gun::get(conn, "/4", ());
    let too_much = Reason::BadState(gun::BadState::Postponed);
    assert_eq!(
        gun::await_(conn, third, SOON),
        Err(AwaitError::Stream(too_much))
    );
    let listener = UnixListener::bind(&path).unwrap();
    let (mut line, _) = listener.accept().unwrap();
    use std::io::{Read, Write};
    for (stream, path, length) in [
        (first, "/1", 6 << 20),
        (second, "/2", 6 << 20),
        (small, "/4", 0),
    ] {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            line.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        assert_eq!(
            head[..].split(|byte| *byte == b' ').nth(1).unwrap(),
            path.as_bytes()
        );
        let mut body = vec![1; length];
        line.read_exact(&mut body).unwrap();
        line.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
        gun::await_(conn, stream, SOON).unwrap();
    }
    gun::close(conn).unwrap();
}

/// A request is cancelled when who gets its messages ends, if it was to be.
#[runtime::test]
fn cancel_on_down() {
    use crate::frames::{self, HEADERS, RST_STREAM};
    let peer = Peer::new();
    let (conn, mut frames) = frames::open(&peer, Opts::new(), &[]);
    let other = spawn!(|| receive! { (): () => {} });
    let opts = gun::ReqOpts::new().reply_to(other);
    let stays = gun::request(conn, http::Method::GET, "/", (), "", opts.clone());
    let goes = gun::request(
        conn,
        http::Method::GET,
        "/",
        (),
        "",
        opts.cancel_on_down(true),
    );
    for _ in [stays, goes] {
        frames.until(HEADERS);
    }
    send(other, ());
    let reset = frames.until(RST_STREAM);
    assert_eq!((reset.stream, reset.word(0)), (3, 8));
    assert_eq!(gun::stream_info(conn, goes).unwrap(), None);
    assert!(gun::stream_info(conn, stays).unwrap().is_some());
    gun::close(conn).unwrap();
}

/// What belongs to a request that waits for the next connection waits with it.
#[runtime::test]
fn a_body_of_a_postponed_request() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let last = gun::get(conn, "/", [("connection", "close")]);
    line.head();
    let opts = gun::ReqOpts::new();
    let stream = gun::headers(
        conn,
        http::Method::PUT,
        "/next",
        [("content-length", "5")],
        opts,
    );
    gun::data(conn, stream, true, "hello");
    line.write("HTTP/1.1 204 No Content\r\n\r\n");
    gun::await_(conn, last, SOON).unwrap();
    let mut line = peer.accept();
    assert!(line.head().starts_with("PUT /next "));
    assert_eq!(line.read(5), "hello");
    line.write("HTTP/1.1 204 No Content\r\n\r\n");
    assert!(matches!(
        gun::await_(conn, stream, SOON),
        Ok(gun::Awaited::Response { fin: true, .. })
    ));
    gun::close(conn).unwrap();
}

/// Of what comes meanwhile, a body that is gathered takes what belongs to it, and leaves the rest.
#[runtime::test]
fn await_body_leaves_the_rest() {
    use crate::frames::{self, END_HEADERS, HEADERS, OK, PING, promise};
    let peer = Peer::new();
    let (conn, mut frames) = frames::open(&peer, Opts::new(), &[]);
    let stream = gun::get(conn, "/", ());
    frames.until(HEADERS);
    frames.write(promise(0x86, &format!("127.0.0.1:{}", peer.port())));
    frames.frame(HEADERS, END_HEADERS, 2, OK);
    let ping = gun::ping(conn, gun::ReqOpts::new());
    let sent = frames.until(PING);
    frames.frame(PING, frames::ACK, 0, sent.payload);
    frames.respond(1, "asked");
    assert_eq!(gun::await_body(conn, stream, SOON).unwrap().0, "asked");
    receive! {
        gun::Push { stream: of, .. } => assert_eq!(of, stream),
        after Duration::ZERO => panic!("the push is lost"),
    }
    receive! {
        gun::Notify { notice, .. } => assert_eq!(notice, gun::Notice::PingAck(ping)),
        after Duration::ZERO => panic!("the answer is lost"),
    }
    gun::close(conn).unwrap();
}

/// What goes to the owner goes to the one there is, also if it became that while the connection was made.
#[runtime::test]
fn set_owner_while_connecting() {
    let peer = Peer::new();
    let opts = Opts::new()
        .transport(gun::Transport::Tls)
        .tls(crate::wire::trusted())
        .protocols([Protocol::Raw]);
    let conn = gun::open("localhost", peer.port(), opts).unwrap();
    let socket = peer.accept().into_inner();
    let me = self_pid();
    let owner = |name: &'static str| {
        spawn!(move || loop {
            receive! {
                gun::Up { .. } => send(me, (name, "up")),
                gun::Data { data, .. } if data == "1" => send(me, (name, "1")),
                gun::Data { .. } => send(me, (name, "2")),
            }
        })
    };
    let told = || receive! { told: (&'static str, &'static str) => told, after SOON => panic!("nobody is told") };
    gun::set_owner(conn, owner("second"));
    gun::info(conn).unwrap();
    let server = spawn!(move || {
        let accept = crate::wire::acceptor(&[]).accept(socket);
        let mut stream = runtime::block_on(accept).unwrap();
        for byte in [b'1', b'2'] {
            runtime::block_on(async {
                use tokio::io::AsyncWriteExt;
                stream.write_all(&[byte]).await.unwrap();
                stream.flush().await.unwrap();
            });
            receive! { (): () => {} }
        }
    });
    assert_eq!(told(), ("second", "up"));
    assert_eq!(told(), ("second", "1"));
    send(server, ());
    assert_eq!(told(), ("second", "2"));
    gun::close(conn).unwrap();
}

/// A new owner that has ended already ends the connection, as its end would have.
#[runtime::test]
fn set_owner_to_the_dead() {
    let peer = Peer::new();
    let (conn, _line) = peer.open(Opts::new());
    let (dead, watch) = spawn_monitor!(|| {});
    receive! { runtime::Down { monitor, .. } if monitor == watch => {} }
    let watch = monitor(conn);
    gun::set_owner(conn, dead);
    receive! {
        runtime::Down { monitor, reason, .. } if monitor == watch => {
            let nobody = gun::OwnerDown(ExitReason::NoProc);
            assert_eq!(reason, ExitReason::shutdown_with(nobody));
        }
        after SOON => panic!("it goes on"),
    }
}

/// What a stream has told, or all that a connection has, is dropped, of whatever kind; what others have told is left.
#[runtime::test]
fn flush() {
    use gun::{Awaited, Error, Notice, StreamRef};
    use http::{HeaderMap, Method, StatusCode, Uri};
    let dead = || {
        let (pid, watch) = spawn_monitor!(|| {});
        receive! { runtime::Down { monitor, .. } if monitor == watch => pid }
    };
    let (conn, other) = (dead(), dead());
    let [stream, beside] = [(); 2].map(|()| gun::get(conn, "/", ()));
    let me = self_pid();
    let headers = HeaderMap::new;
    #[rustfmt::skip]
    let of_stream = |conn, stream: StreamRef| {
        let (status, fin, reason, protocol) = (StatusCode::OK, true, Reason::Closed, Protocol::Http);
        let (method, uri) = (Method::GET, Uri::from_static("/"));
        send(me, gun::Inform { conn, stream, status, headers: headers() });
        send(me, gun::Response { conn, stream, fin, status, headers: headers() });
        send(me, gun::Data { conn, stream, fin, data: "".into() });
        send(me, gun::Trailers { conn, stream, headers: headers() });
        send(me, gun::Push { conn, stream, promised: stream, method, uri, headers: headers() });
        send(me, gun::Sse { conn, stream, event: None });
        send(me, gun::TunnelUp { conn, stream, protocol });
        send(me, gun::Upgrade { conn, stream, protocols: vec![], headers: headers() });
        send(me, gun::Ws { conn, stream, frame: gun::ws::Frame::Close });
        send(me, Error { conn, stream: Some(stream), reason });
    };
    #[rustfmt::skip]
    let of_connection = |conn| {
        let (protocol, reason, killed) = (Protocol::Http, Reason::Closed, vec![]);
        send(me, gun::Up { conn, protocol });
        send(me, Down { conn, protocol, reason, killed });
        send(me, gun::Notify { conn, notice: Notice::PingAck(stream) });
        send(me, Error { conn, stream: None, reason });
        monitor(conn);
    };
    let left = || {
        let mut left = 0;
        loop {
            receive! {
                _message: AnyMessage => left += 1,
                after Duration::ZERO => return left,
            }
        }
    };
    for of in [stream, beside] {
        of_stream(conn, of);
    }
    of_connection(conn);
    gun::flush(stream);
    assert_eq!(left(), 10 + 5);
    for conn in [conn, other] {
        of_stream(conn, beside);
        of_connection(conn);
    }
    gun::flush(conn);
    let found = gun::await_(other, beside, Duration::ZERO);
    assert!(matches!(found, Ok(Awaited::Inform { .. })));
    assert_eq!(left(), 9 + 5);
}

/// What comes of a request is waited for with its own connection: with another it is not found, and stays.
#[runtime::test]
fn await_of_anothers_stream() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let (other, _line) = peer.open(Opts::new());
    let stream = gun::get(conn, "/", ());
    line.head();
    line.write("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
    // When it has ended, all of it is here.
    while gun::stream_info(conn, stream).unwrap().is_some() {}
    let none = Duration::from_millis(1);
    assert_eq!(gun::await_(other, stream, none), Err(AwaitError::Timeout));
    assert_eq!(
        gun::await_body(other, stream, none),
        Err(AwaitError::Timeout)
    );
    let told = gun::await_(conn, stream, SOON);
    assert!(matches!(told, Ok(Awaited::Response { .. })), "{told:?}");
    assert_eq!(gun::await_body(conn, stream, SOON).unwrap().0, "hello");
}
