//! sse_SUITE, and the flow of events of flow_SUITE: a body that is a stream of events.

use std::sync::Arc;
use std::time::Duration;

use gun::content::{ContentError, ContentHandler, DataHandler, Sse};
use gun::{
    AwaitError, Awaited, Http2Opts, HttpOpts, Opts, Reason, ReqOpts, SseEvent, SseTooBig, StreamRef,
};
use runtime::prelude::*;

use crate::frames::{
    self, DATA, END_HEADERS, END_STREAM, Frames, HEADERS, OK, RST_STREAM, literal,
};
use crate::peer::{Line, Peer, SOON};

fn handlers(limit: usize) -> [Arc<dyn ContentHandler>; 2] {
    [Arc::new(Sse::new().limit(limit)), Arc::new(DataHandler)]
}

fn opts() -> Opts {
    let http = HttpOpts::new().content_handlers(handlers(1000));
    let http2 = Http2Opts::new().content_handlers(handlers(1000));
    Opts::new().http(http).http2(http2).retry(0)
}

fn data(text: &str) -> Awaited {
    Awaited::Sse(Some(SseEvent {
        last_event_id: String::new(),
        event_type: "message".into(),
        data: Some(text.into()),
    }))
}

fn next(conn: Pid, stream: StreamRef) -> Awaited {
    gun::await_(conn, stream, SOON).unwrap()
}

fn begin(line: &mut Line, kind: &str) {
    line.head();
    line.write(format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n"
    ));
}

fn chunk(line: &mut Line, text: &str) {
    line.write(format!("{:x}\r\n{text}\r\n", text.len()));
}

fn begin_http2(frames: &mut Frames) {
    frames.until(HEADERS);
    let head = [OK, &literal("content-type", "text/event-stream")].concat();
    frames.frame(HEADERS, END_HEADERS, 1, head);
}

/// Events come as they do, whatever the pieces; with the body's end there are no more.
#[runtime::test]
fn http_clock() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(opts());
    let stream = gun::get(conn, "/", ());
    begin(&mut line, "text/event-stream");
    assert!(matches!(
        next(conn, stream),
        Awaited::Response { fin: false, .. }
    ));
    chunk(&mut line, "data: 12:00\n\nda");
    assert_eq!(next(conn, stream), data("12:00"));
    chunk(&mut line, "ta: 12:01\n\ndata: 12:02\n\n");
    assert_eq!(next(conn, stream), data("12:01"));
    assert_eq!(next(conn, stream), data("12:02"));
    line.write("0\r\n\r\n");
    assert_eq!(next(conn, stream), Awaited::Sse(None));
    gun::close(conn).unwrap();
}

/// So they do over HTTP/2.
#[runtime::test]
fn http2_clock() {
    let peer = Peer::new();
    let (conn, mut frames) = frames::open(&peer, opts(), &[]);
    let stream = gun::get(conn, "/", ());
    begin_http2(&mut frames);
    next(conn, stream);
    for time in ["12:00", "12:01"] {
        frames.frame(DATA, 0, 1, format!("data: {time}\n\n"));
        assert_eq!(next(conn, stream), data(time));
    }
    frames.frame(DATA, END_STREAM, 1, "data: 12:02\n\n");
    assert_eq!(next(conn, stream), data("12:02"));
    assert_eq!(next(conn, stream), Awaited::Sse(None));
    gun::close(conn).unwrap();
}

/// An id alone is told, and stays for the events that follow.
#[runtime::test]
fn lone_id() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(opts());
    let stream = gun::get(conn, "/", ());
    begin(&mut line, "text/event-stream");
    next(conn, stream);
    chunk(&mut line, "id: hello\n\nevent: tick\ndata: a\n\n");
    let event = |kind: &str, data: Option<&str>| {
        Awaited::Sse(Some(SseEvent {
            last_event_id: "hello".into(),
            event_type: kind.into(),
            data: data.map(str::to_owned),
        }))
    };
    assert_eq!(next(conn, stream), event("message", None));
    assert_eq!(next(conn, stream), event("tick", Some("a")));
    gun::close(conn).unwrap();
}

/// The media type's parameters do not matter; another type goes to the next handler.
#[runtime::test]
fn with_mime_param() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(opts());
    let stream = gun::get(conn, "/", ());
    begin(&mut line, "text/event-stream;charset=utf-8");
    next(conn, stream);
    chunk(&mut line, "data: a\n\n");
    line.write("0\r\n\r\n");
    assert_eq!(next(conn, stream), data("a"));
    assert_eq!(next(conn, stream), Awaited::Sse(None));
    let stream = gun::get(conn, "/", ());
    begin(&mut line, "text/plain");
    chunk(&mut line, "data: a\n\n");
    line.write("0\r\n\r\n");
    assert_eq!(
        gun::await_body(conn, stream, SOON).unwrap().0,
        "data: a\n\n"
    );
    gun::close(conn).unwrap();
}

fn nothing() {
    receive! {
        gun::Sse { .. } => panic!("more than its flow"),
        after Duration::ZERO => {}
    }
}

/// Flow counts events, not pieces; a piece that began within it is told whole.
#[runtime::test]
fn sse_flow_http() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(opts());
    let one = ReqOpts::new().flow(1);
    let stream = gun::request(conn, http::Method::GET, "/", (), "", one);
    begin(&mut line, "text/event-stream");
    next(conn, stream);
    chunk(&mut line, "da");
    chunk(&mut line, "ta: a\n");
    chunk(&mut line, "\n");
    assert_eq!(next(conn, stream), data("a"));
    chunk(&mut line, "data: b\n\n");
    gun::info(conn).unwrap();
    nothing();
    gun::update_flow(conn, stream, 1);
    assert_eq!(next(conn, stream), data("b"));
    gun::close(conn).unwrap();
}

/// So it does over HTTP/2.
#[runtime::test]
fn sse_flow_http2() {
    let peer = Peer::new();
    let (conn, mut frames) = frames::open(&peer, opts(), &[]);
    let one = ReqOpts::new().flow(1);
    let stream = gun::request(conn, http::Method::GET, "/", (), "", one);
    begin_http2(&mut frames);
    next(conn, stream);
    frames.frame(DATA, 0, 1, "data: ");
    frames.frame(DATA, 0, 1, "a\n\n");
    frames.frame(DATA, 0, 1, "data: b\n\n");
    assert_eq!(next(conn, stream), data("a"));
    // What the server has sent is here when it is answered.
    gun::ping(conn, ReqOpts::new());
    let ping = frames.until(frames::PING);
    frames.frame(frames::PING, frames::ACK, 0, ping.payload);
    receive! { gun::Notify { .. } => {} }
    nothing();
    gun::update_flow(conn, stream, 1);
    assert_eq!(next(conn, stream), data("b"));
    gun::close(conn).unwrap();
}

/// An event beyond the limit fails its request: over HTTP/2 that alone, over HTTP/1.1 the connection with it.
#[runtime::test]
fn an_event_too_big() {
    let reason = Reason::Content(ContentError::Sse(SseTooBig(1000)));
    let long = format!("data: {}", "x".repeat(1000));
    let peer = Peer::new();
    let (conn, mut frames) = frames::open(&peer, opts(), &[]);
    let stream = gun::get(conn, "/", ());
    begin_http2(&mut frames);
    next(conn, stream);
    frames.frame(DATA, 0, 1, &long);
    let told = gun::await_(conn, stream, SOON);
    assert_eq!(told, Err(AwaitError::Stream(reason)));
    let reset = frames.until(RST_STREAM);
    assert_eq!((reset.stream, reset.word(0)), (1, 8));
    gun::close(conn).unwrap();

    let peer = Peer::new();
    let (conn, mut line) = peer.open(opts());
    let stream = gun::get(conn, "/", ());
    begin(&mut line, "text/event-stream");
    next(conn, stream);
    chunk(&mut line, &long);
    let told = gun::await_(conn, stream, SOON);
    assert_eq!(told, Err(AwaitError::Stream(reason)));
    let told = frames::down(conn);
    assert_eq!((told.reason, told.killed), (reason, vec![stream]));
}

/// A stream that is cancelled tells no more events.
#[runtime::test]
fn cancelled() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(opts());
    let stream = gun::get(conn, "/", ());
    begin(&mut line, "text/event-stream");
    next(conn, stream);
    gun::cancel(conn, stream);
    chunk(&mut line, "data: a\n\n");
    line.write("0\r\n\r\n");
    let after = gun::get(conn, "/", ());
    line.head();
    line.write("HTTP/1.1 204 No Content\r\n\r\n");
    next(conn, after);
    nothing();
    gun::close(conn).unwrap();
}
