//! HTTP/1.1, message by message.

use gun::{Awaited, BadState, Opts, Reason, ReqOpts};
use http::Method;
use runtime::prelude::*;

use crate::peer::{Peer, SOON};

/// Requests are sent and answered in order, also those made while another is under way.
#[runtime::test]
fn in_order() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let streams = ["/0", "/1", "/2"].map(|path| gun::get(conn, path, ()));
    for (index, stream) in streams.into_iter().enumerate() {
        assert!(
            line.head()
                .starts_with(&format!("GET /{index} HTTP/1.1\r\n"))
        );
        line.write(format!(
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{index}"
        ));
        let (body, trailers) = gun::await_body(conn, stream, SOON).unwrap();
        assert_eq!((body, trailers), (index.to_string().into(), None));
    }
    gun::close(conn).unwrap();
}

/// A body in chunks, with trailers that end it.
#[runtime::test]
fn trailers() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let stream = gun::get(conn, "/", [("te", "trailers")]);
    line.head();
    line.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n");
    line.write("5\r\nhello\r\n0\r\nx-sum: 5\r\n\r\n");
    let (body, trailers) = gun::await_body(conn, stream, SOON).unwrap();
    assert_eq!(body, "hello");
    assert_eq!(trailers.unwrap()["x-sum"], "5");
    gun::close(conn).unwrap();
}

/// Informational responses come before the response.
#[runtime::test]
fn inform() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let stream = gun::get(conn, "/", ());
    line.head();
    line.write("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
    let first = gun::await_(conn, stream, SOON).unwrap();
    assert!(
        matches!(first, Awaited::Inform { status, headers } if status == 103 && headers["link"] == "</a>")
    );
    let second = gun::await_(conn, stream, SOON).unwrap();
    assert!(matches!(second, Awaited::Response { fin: true, status, .. } if status == 204));
    gun::close(conn).unwrap();
}

/// A request without a body says that it has none; one with a body how long it is.
#[runtime::test]
fn content_length() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    gun::get(conn, "/", ());
    assert!(line.head().contains("content-length: 0\r\n"));
    line.write("HTTP/1.1 204 No Content\r\n\r\n");
    // A length that is wrong is put right.
    gun::post(conn, "/", [("content-length", "99")], "hello");
    assert!(line.head().contains("content-length: 5\r\n"));
    assert_eq!(line.read(5), "hello");
    gun::close(conn).unwrap();
}

/// A body that is sent in pieces: in chunks, or of the length that was said. What does not fit is refused,
/// and the connection goes on.
#[runtime::test]
fn streamed_body() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let stream = gun::headers(conn, Method::POST, "/", (), ReqOpts::new());
    assert!(line.head().contains("transfer-encoding: chunked\r\n"));
    gun::data(conn, stream, false, "hello");
    assert_eq!(line.read(10), "5\r\nhello\r\n");
    gun::data(conn, stream, false, "");
    gun::data(conn, stream, true, "");
    assert_eq!(line.read(5), "0\r\n\r\n");
    gun::data(conn, stream, true, "late");
    let ended = Reason::BadState(BadState::BodyEnded);
    assert_eq!(
        gun::await_(conn, stream, SOON),
        Err(gun::AwaitError::Stream(ended))
    );
    line.write("HTTP/1.1 204 No Content\r\n\r\n");
    gun::await_(conn, stream, SOON).unwrap();

    let stream = gun::headers(
        conn,
        Method::PUT,
        "/",
        [("content-length", "4")],
        ReqOpts::new(),
    );
    assert!(line.head().contains("content-length: 4\r\n"));
    gun::data(conn, stream, false, "too long");
    let long = Reason::BadState(BadState::BodyTooLong);
    assert_eq!(
        gun::await_(conn, stream, SOON),
        Err(gun::AwaitError::Stream(long))
    );
    gun::data(conn, stream, true, "fits");
    assert_eq!(line.read(4), "fits");
    line.write("HTTP/1.1 204 No Content\r\n\r\n");
    gun::await_(conn, stream, SOON).unwrap();
    gun::data(conn, stream, true, "gone");
    let gone = Reason::BadState(BadState::NoStream);
    assert_eq!(
        gun::await_(conn, stream, SOON),
        Err(gun::AwaitError::Stream(gone))
    );
    gun::close(conn).unwrap();
}

/// A cancelled stream says nothing more, and its response does not disturb the next one.
#[runtime::test]
fn cancel() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let cancelled = gun::get(conn, "/", ());
    gun::cancel(conn, cancelled);
    let next = gun::get(conn, "/", ());
    let state = gun::stream_info(conn, cancelled).unwrap().unwrap().state;
    assert_eq!(state, gun::StreamState::Stopping);
    line.head();
    line.write("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlong");
    line.head();
    line.write("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nnext");
    assert_eq!(gun::await_body(conn, next, SOON).unwrap().0, "next");
    receive! {
        gun::Response { stream, .. } if stream == cancelled => panic!("not silent"),
        gun::Data { stream, .. } if stream == cancelled => panic!("not silent"),
        after std::time::Duration::ZERO => {}
    }
    assert_eq!(gun::stream_info(conn, cancelled).unwrap(), None);
    gun::close(conn).unwrap();
}

/// What is no HTTP takes the connection down, and the stream with it.
#[runtime::test]
fn garbage() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new().retry(0));
    let stream = gun::get(conn, "/", ());
    line.head();
    line.write("this is no answer\r\n\r\n");
    let told = gun::await_(conn, stream, SOON);
    assert_eq!(told, Err(gun::AwaitError::Stream(Reason::Protocol)));
    receive! {
        down: gun::Down => assert_eq!((down.reason, down.killed), (Reason::Protocol, vec![stream])),
        after SOON => panic!("no Down"),
    }
}

/// Of a large body no message is longer than 16 KiB, and nothing is lost.
#[runtime::test]
fn pieces() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let stream = gun::get(conn, "/", ());
    line.head();
    let size = 1 << 20;
    let writer = spawn!(move || {
        line.write(format!("HTTP/1.1 200 OK\r\ncontent-length: {size}\r\n\r\n"));
        for _ in 0..size / 1024 {
            line.write("x".repeat(1024));
        }
        receive! { (): () => {} }
    });
    let (mut got, mut fin) = (0, false);
    while !fin {
        receive! {
            gun::Data { stream: of, fin: last, data, .. } if of == stream => {
                assert!(data.len() <= 16 * 1024);
                got += data.len();
                fin = last;
            }
            after SOON => panic!("{got} of {size}"),
        }
    }
    assert_eq!(got, size);
    send(writer, ());
    gun::close(conn).unwrap();
}

/// A body can be sent in pieces with any method, also where there is seldom one.
#[runtime::test]
fn streamed_body_of_a_get() {
    for method in [Method::GET, Method::DELETE] {
        let peer = Peer::new();
        let (conn, mut line) = peer.open(Opts::new());
        let stream = gun::headers(conn, method, "/", (), ReqOpts::new());
        let head = line.head();
        assert!(head.contains("transfer-encoding: chunked\r\n"), "{head}");
        gun::data(conn, stream, true, "hello");
        assert_eq!(line.read(15), "5\r\nhello\r\n0\r\n\r\n");
        gun::close(conn).unwrap();
    }
}

/// A last piece that leaves the body shorter than was said is refused; with what is missing it is taken.
#[runtime::test]
fn body_too_short() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let length = [("content-length", "5")];
    let stream = gun::headers(conn, Method::PUT, "/", length, ReqOpts::new());
    line.head();
    let short = Reason::BadState(BadState::BodyTooShort);
    for piece in ["hell", ""] {
        gun::data(conn, stream, true, piece);
        assert_eq!(
            gun::await_(conn, stream, SOON),
            Err(gun::AwaitError::Stream(short))
        );
    }
    gun::data(conn, stream, true, "hello");
    assert_eq!(line.read(5), "hello");
    line.write("HTTP/1.1 204 No Content\r\n\r\n");
    gun::await_(conn, stream, SOON).unwrap();
    gun::close(conn).unwrap();
}

/// A server that answers before it has all of a body: what was given goes on, and the connection with it; what was
/// not given never will be, so that the connection is lost, normally.
#[runtime::test]
fn answered_before_the_body_has_ended() {
    const SIZE: usize = 10 << 20;
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let given = gun::post(conn, "/", (), vec![0; SIZE]);
    line.head();
    line.write("HTTP/1.1 204 No Content\r\n\r\n");
    gun::await_(conn, given, SOON).unwrap();
    let next = gun::get(conn, "/next", ());
    line.read_all(SIZE);
    assert!(line.head().starts_with("GET /next "));
    line.write("HTTP/1.1 204 No Content\r\n\r\n");
    gun::await_(conn, next, SOON).unwrap();

    let length = [("content-length", "5")];
    let early = gun::headers(conn, Method::PUT, "/", length, ReqOpts::new());
    line.head();
    line.write("HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n");
    gun::await_(conn, early, SOON).unwrap();
    receive! {
        down: gun::Down => assert_eq!((down.reason, down.killed), (Reason::Normal, vec![])),
        after SOON => panic!("no Down"),
    }
    let next = gun::get(conn, "/next", ());
    let mut line = peer.accept();
    assert!(line.head().starts_with("GET /next "));
    line.write("HTTP/1.1 204 No Content\r\n\r\n");
    gun::await_(conn, next, SOON).unwrap();
    gun::close(conn).unwrap();
}

/// A body that is coded otherwise than in chunks cannot be read, and HTTP/1.0 has no codings: the connection is lost.
/// Where there is no body there is nothing to read.
#[runtime::test]
fn unknown_transfer_encoding() {
    for head in [
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\ntransfer-encoding: chunked",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: \u{e9}",
        "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked",
    ] {
        let peer = Peer::new();
        let (conn, mut line) = peer.open(Opts::new().retry(0));
        let stream = gun::get(conn, "/", ());
        line.head();
        line.write(format!("{head}\r\n\r\n5\r\nhello\r\n0\r\n\r\n"));
        let told = gun::await_(conn, stream, SOON);
        let error = Err(gun::AwaitError::Stream(Reason::Protocol));
        assert_eq!(told, error, "{head}");
        receive! {
            down: gun::Down => assert_eq!((down.reason, down.killed), (Reason::Protocol, vec![stream])),
            after SOON => panic!("no Down"),
        }
    }
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let stream = gun::head(conn, "/", ());
    line.head();
    line.write("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n");
    let told = gun::await_(conn, stream, SOON);
    assert!(matches!(told, Ok(Awaited::Response { fin: true, .. })));
    gun::close(conn).unwrap();
}

/// The response to HEAD, a 204 and a 304 have no body, whatever length they say.
#[runtime::test]
fn responses_without_a_body() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    for (method, status) in [
        (Method::HEAD, "200 OK"),
        (Method::GET, "204 No Content"),
        (Method::GET, "304 Not Modified"),
    ] {
        let stream = gun::request(conn, method, "/", (), "", ReqOpts::new());
        line.head();
        line.write(format!("HTTP/1.1 {status}\r\ncontent-length: 5\r\n\r\n"));
        let told = gun::await_(conn, stream, SOON);
        assert!(
            matches!(told, Ok(Awaited::Response { fin: true, .. })),
            "{status}: {told:?}"
        );
    }
    gun::close(conn).unwrap();
}

/// Each function asks with the method that it is named after.
#[runtime::test]
fn methods() {
    type Ask = fn(Pid) -> gun::StreamRef;
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let asks: [(&str, Ask, &str); 7] = [
        ("GET", |conn| gun::get(conn, "/", ()), ""),
        ("HEAD", |conn| gun::head(conn, "/", ()), ""),
        ("OPTIONS", |conn| gun::options(conn, "/", ()), ""),
        ("DELETE", |conn| gun::delete(conn, "/", ()), ""),
        ("PATCH", |conn| gun::patch(conn, "/", (), "a"), "a"),
        ("POST", |conn| gun::post(conn, "/", (), "bb"), "bb"),
        ("PUT", |conn| gun::put(conn, "/", (), "ccc"), "ccc"),
    ];
    for (method, ask, body) in asks {
        let stream = ask(conn);
        let head = line.head();
        assert!(
            head.starts_with(&format!("{method} / HTTP/1.1\r\n")),
            "{head}"
        );
        let length = format!("content-length: {}\r\n", body.len());
        assert!(head.contains(&length), "{head}");
        assert_eq!(line.read(body.len()), body);
        line.write("HTTP/1.1 204 No Content\r\n\r\n");
        gun::await_(conn, stream, SOON).unwrap();
    }
    gun::close(conn).unwrap();
}

/// A stream that is no Websocket takes no frames, and goes on.
#[runtime::test]
fn ws_send_on_http() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let stream = gun::get(conn, "/", ());
    line.head();
    gun::ws_send(conn, stream, [gun::ws::Frame::text("hello")]);
    let none = Reason::BadState(BadState::NoWebsocket);
    assert_eq!(
        gun::await_(conn, stream, SOON),
        Err(gun::AwaitError::Stream(none))
    );
    line.write("HTTP/1.1 204 No Content\r\n\r\n");
    gun::await_(conn, stream, SOON).unwrap();
    gun::close(conn).unwrap();
}
