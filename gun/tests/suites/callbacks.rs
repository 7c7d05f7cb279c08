//! What users hand over to run in the connection's process: that it panics, blocks, or receives.

use std::time::Duration;

use gun::ws::{Frame, Received, WsFrames, WsHandler};
use gun::{Event, EventHandler, Opts, ReplyTo, ReqOpts, StreamRef, WsOpts};
use http::{HeaderMap, Method};
use runtime::prelude::*;

use crate::peer::{Peer, SOON};
use crate::ws::grant;

/// That the connection ends with a panic, and its owner, who is not linked, goes on.
fn panicked(conn: Pid) {
    let watch = monitor(conn);
    receive! {
        runtime::Down { monitor, reason, .. } if monitor == watch => {
            assert!(matches!(reason, ExitReason::Panic { .. } | ExitReason::NoProc), "{reason}");
        }
        after SOON => panic!("it goes on"),
    }
}

/// A handler of events that panics ends its connection, and nothing else.
#[runtime::test]
fn events_panic() {
    struct Panics;
    impl EventHandler for Panics {
        fn handle(&mut self, event: Event<'_>) {
            assert!(!matches!(event, Event::RequestStart(_)), "meant");
        }
    }
    let peer = Peer::new();
    let (conn, _line) = peer.open(Opts::new().event_handler(|| Panics));
    gun::get(conn, "/", ());
    panicked(conn);
}

/// So does a function that gets a request's messages.
#[runtime::test]
fn reply_to_panics() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let to = ReplyTo::function(|_| panic!("meant"));
    gun::request(conn, Method::GET, "/", (), "", ReqOpts::new().reply_to(to));
    line.head();
    line.write("HTTP/1.1 204 No Content\r\n\r\n");
    panicked(conn);
}

/// So does one that is asked when to try again.
#[runtime::test]
fn retry_fun_panics() {
    let peer = Peer::new();
    let (conn, line) = peer.open(Opts::new().retry_fun(|_| panic!("meant")));
    drop(line);
    panicked(conn);
    receive! {
        gun::Down { reason, .. } => assert_eq!(reason, gun::Reason::Closed),
        after Duration::ZERO => panic!("not told"),
    }
}

/// What a handler of events does: it asks another process, by a call that receives here.
struct Asks(Pid);

#[derive(Debug)]
struct Question(Pid);
#[derive(Debug)]
struct Answer;

impl EventHandler for Asks {
    fn handle(&mut self, event: Event<'_>) {
        if let Event::RequestStart(_) = event {
            send(self.0, Question(self_pid()));
            receive! { Answer => {} }
        }
    }
}

/// A handler of events may block: what comes meanwhile is done afterwards, in its order.
#[runtime::test]
fn events_block() {
    let peer = Peer::new();
    let me = self_pid();
    let (conn, mut line) = peer.open(Opts::new().event_handler(move || Asks(me)));
    let streams = [1, 2, 3].map(|n| gun::get(conn, &format!("/{n}"), ()));
    for (n, stream) in streams.into_iter().enumerate() {
        receive! { Question(of) => assert_eq!(of, conn), after SOON => panic!("no event") }
        if n == 0 {
            gun::cancel(conn, streams[1]);
        }
        send(conn, Answer);
        assert!(line.head().starts_with(&format!("GET /{} ", n + 1)));
        line.write("HTTP/1.1 204 No Content\r\n\r\n");
        if n != 1 {
            gun::await_(conn, stream, SOON).unwrap();
        }
    }
    assert_eq!(
        gun::await_(conn, streams[1], Duration::ZERO),
        Err(gun::AwaitError::Timeout)
    );
    gun::close(conn).unwrap();
}

/// While it blocks the connection can be closed, and killed.
#[runtime::test]
fn closed_while_events_block() {
    for end in [
        |conn| gun::close(conn).unwrap(),
        |conn| exit_signal(conn, ExitReason::Kill),
    ] {
        let peer = Peer::new();
        let me = self_pid();
        let (conn, line) = peer.open(Opts::new().event_handler(move || Asks(me)));
        gun::get(conn, "/", ());
        receive! { Question(_) => {}, after SOON => panic!("no event") }
        end(conn);
        assert_eq!(line.end(), "");
    }
}

/// A handler of a Websocket's that does what a text says.
#[derive(Clone, Debug)]
struct Obeys(Pid);

impl WsHandler for Obeys {
    fn init(&self, _: Pid, _: StreamRef, _: &ReplyTo, _: &HeaderMap) -> Box<dyn WsFrames> {
        Box::new(self.clone())
    }
}

impl WsFrames for Obeys {
    fn handle(&mut self, received: Received) -> u32 {
        match received {
            Received::Frame(Frame::Text(text)) if text.as_str() == "panic" => panic!("meant"),
            Received::Frame(Frame::Text(text)) if text.as_str() == "ask" => {
                send(self.0, Question(self_pid()));
                receive! { Answer => {} }
            }
            other => send(self.0, other),
        }
        1
    }
}

/// A Websocket's handler may block and receive; one that panics ends its connection.
#[runtime::test]
fn websocket_handler() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new().retry(0));
    let opts = WsOpts::new().default_handler(Obeys(self_pid()));
    let stream = gun::ws_upgrade(conn, "/", (), opts);
    grant(&mut line, "", "");
    gun::await_(conn, stream, SOON).unwrap();
    line.write(b"\x81\x03ask\x81\x04next");
    receive! { Question(of) => assert_eq!(of, conn), after SOON => panic!("not called") }
    // It is done when the handler lets it.
    gun::ws_send(conn, stream, [Frame::text("sent")]);
    send(conn, Answer);
    receive! {
        received: Received => assert_eq!(received, Received::Frame(Frame::text("next"))),
        after SOON => panic!("not called"),
    }
    let [first, length, ..]: [u8; 6] = line.bytes();
    assert_eq!((first, length & 0x7f), (0x81, 4));
    line.take(4);
    line.write(b"\x81\x05panic");
    panicked(conn);
}

/// A content handler that panics ends its connection.
#[runtime::test]
fn content_handler_panics() {
    use gun::content::{Content, ContentError, ContentHandler, Handled, Out};
    #[derive(Debug)]
    struct Panics;
    impl ContentHandler for Panics {
        fn init(&self, _: http::StatusCode, _: &HeaderMap) -> Option<Box<dyn Content>> {
            Some(Box::new(Panics))
        }
    }
    impl Content for Panics {
        fn handle(
            &mut self,
            _: bool,
            _: bytes::Bytes,
            _: &mut dyn Out,
        ) -> Result<Handled, ContentError> {
            panic!("meant")
        }
    }
    let peer = Peer::new();
    let handlers: [std::sync::Arc<dyn ContentHandler>; 1] = [std::sync::Arc::new(Panics)];
    let http = gun::HttpOpts::new().content_handlers(handlers);
    let (conn, mut line) = peer.open(Opts::new().http(http));
    gun::get(conn, "/", ());
    line.head();
    line.write("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n1");
    panicked(conn);
}
