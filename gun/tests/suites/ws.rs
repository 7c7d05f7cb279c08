//! ws_SUITE, against tungstenite's server, and against a scripted peer where that would not misbehave.

use std::time::Duration;

use gun::ws::{Frame, HandshakeError};
use gun::{AwaitError, Awaited, BadState, Down, Opts, Reason, WsOpts};
use runtime::net::{TcpListener, TcpStream};
use runtime::prelude::*;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use crate::peer::{Line, Peer, SOON};

/// A server that speaks the subprotocol `second`, echoes, and says what it was told at the end.
pub fn server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    spawn!(move || {
        while let Ok((stream, _)) = listener.accept() {
            spawn!(move || {
                // Whoever has enough goes away.
                let _ = echo(stream);
            });
        }
    });
    port
}

#[allow(clippy::result_large_err, reason = "tungstenite has it so")]
fn echo(stream: TcpStream) -> Result<(), tungstenite::Error> {
    let choose = |request: &Request, mut response: Response| {
        if request.headers().contains_key("sec-websocket-protocol") {
            let chosen = "second".parse().unwrap();
            response
                .headers_mut()
                .insert("sec-websocket-protocol", chosen);
        }
        Ok(response)
    };
    let accepted = tungstenite::accept_hdr(stream, choose);
    let mut socket: WebSocket<TcpStream> =
        accepted.map_err(|_| tungstenite::Error::ConnectionClosed)?;
    loop {
        let message = socket.read()?;
        match &message {
            Message::Text(text) if text.as_str() == "ping me" => {
                socket.send(Message::Ping("p".into()))?;
                socket.send(message)?;
            }
            Message::Text(text) if text.as_str() == "close" => socket.close(None)?,
            Message::Text(_) | Message::Binary(_) => socket.send(message)?,
            _ => {}
        }
    }
}

fn open(opts: WsOpts) -> (Pid, gun::StreamRef) {
    let conn = gun::open("127.0.0.1", server(), Opts::new().retry(0)).unwrap();
    let stream = gun::ws_upgrade(conn, "/", (), opts);
    let upgraded = gun::await_(conn, stream, SOON).unwrap();
    assert!(matches!(upgraded, Awaited::Upgrade { protocols, .. } if protocols == ["websocket"]));
    (conn, stream)
}

fn frame(conn: Pid, stream: gun::StreamRef) -> Frame {
    match gun::await_(conn, stream, SOON) {
        Ok(Awaited::Ws(frame)) => frame,
        other => panic!("{other:?}"),
    }
}

fn down() -> Down {
    receive! {
        down: Down => down,
        after SOON => panic!("no Down"),
    }
}

/// Frames go there and come back, in order, many in one call.
#[runtime::test]
fn send_many() {
    let (conn, stream) = open(WsOpts::new());
    let large = Frame::binary(vec![7; 1 << 20]);
    let frames = [
        Frame::text("one"),
        Frame::binary("two"),
        large,
        Frame::text(""),
    ];
    gun::ws_send(conn, stream, frames.clone());
    for sent in frames {
        assert_eq!(frame(conn, stream), sent);
    }
    gun::close(conn).unwrap();
}

/// After a frame that closes no other is sent; the connection is then lost, normally.
#[runtime::test]
fn send_many_close() {
    let (conn, stream) = open(WsOpts::new());
    gun::ws_send(
        conn,
        stream,
        [Frame::text("last"), Frame::Close, Frame::text("never")],
    );
    assert_eq!(frame(conn, stream), Frame::text("last"));
    assert!(frame(conn, stream).is_close());
    let down = down();
    assert_eq!(
        (down.protocol, down.reason),
        (gun::Protocol::Ws, Reason::Normal)
    );
}

/// A close frame of the server's is answered.
#[runtime::test]
fn server_closes() {
    let (conn, stream) = open(WsOpts::new());
    gun::ws_send(conn, stream, [Frame::text("close")]);
    assert!(frame(conn, stream).is_close());
    assert_eq!(down().reason, Reason::Normal);
}

/// Pings are answered in silence, unless they are asked for.
#[runtime::test]
fn silence_pings() {
    let (conn, stream) = open(WsOpts::new());
    gun::ws_send(conn, stream, [Frame::text("ping me")]);
    assert_eq!(frame(conn, stream), Frame::text("ping me"));
    gun::close(conn).unwrap();
    let (conn, stream) = open(WsOpts::new().silence_pings(false));
    gun::ws_send(conn, stream, [Frame::text("ping me")]);
    assert_eq!(frame(conn, stream), Frame::Ping("p".into()));
    assert_eq!(frame(conn, stream), Frame::text("ping me"));
    gun::close(conn).unwrap();
}

/// A subprotocol that was offered may be chosen; one that was not ends the connection.
#[runtime::test]
fn subprotocol_match() {
    let conn = gun::open("127.0.0.1", server(), Opts::new().retry(0)).unwrap();
    let opts = WsOpts::new().protocols(["first", "second"]);
    let stream = gun::ws_upgrade(conn, "/", (), opts);
    let upgraded = gun::await_(conn, stream, SOON).unwrap();
    assert!(
        matches!(upgraded, Awaited::Upgrade { headers, .. } if headers["sec-websocket-protocol"] == "second")
    );
    gun::close(conn).unwrap();

    let conn = gun::open("127.0.0.1", server(), Opts::new().retry(0)).unwrap();
    let stream = gun::ws_upgrade(conn, "/", (), WsOpts::new().protocols(["first"]));
    let told = gun::await_(conn, stream, SOON);
    assert_eq!(
        told,
        Err(AwaitError::Stream(Reason::Handshake(
            HandshakeError::Protocol
        )))
    );
    assert_eq!(down().killed, [stream]);
}

/// A server that does not want to answers as to any request, and the connection goes on.
#[runtime::test]
fn reject_upgrade() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let stream = gun::ws_upgrade(conn, "/", (), WsOpts::new());
    let head = line.head();
    assert!(
        head.contains("upgrade: websocket\r\n") && head.contains("sec-websocket-version: 13\r\n")
    );
    line.write("HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\nno");
    assert_eq!(gun::await_body(conn, stream, SOON).unwrap().0, "no");
    gun::ws_send(conn, stream, [Frame::text("?")]);
    let told = gun::await_(conn, stream, SOON);
    assert_eq!(
        told,
        Err(AwaitError::Stream(Reason::BadState(BadState::NoStream)))
    );
    gun::get(conn, "/", ());
    assert!(line.head().starts_with("GET / "));
    gun::close(conn).unwrap();
}

/// Grants what was asked for, and says this at once behind it.
pub fn grant(line: &mut Line, extensions: &str, more: &str) -> String {
    let head = line.head();
    let key = head
        .split("sec-websocket-key: ")
        .nth(1)
        .unwrap()
        .split("\r\n")
        .next()
        .unwrap();
    let accept = derive_accept_key(key.as_bytes());
    line.write(format!(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-accept: {accept}\r\n{extensions}\r\n{more}"
    ));
    head
}

/// What comes at once behind the server's head is not lost; requests are refused from then on.
#[runtime::test]
fn frames_behind_the_head() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let stream = gun::ws_upgrade(conn, "/", (), WsOpts::new());
    grant(&mut line, "", "\u{1}\u{2}he");
    assert!(matches!(
        gun::await_(conn, stream, SOON),
        Ok(Awaited::Upgrade { .. })
    ));
    let refused = gun::get(conn, "/", ());
    let told = gun::await_(conn, refused, SOON);
    assert_eq!(
        told,
        Err(AwaitError::Stream(Reason::BadState(BadState::Websocket)))
    );
    let pid = gun::info(conn).unwrap().owner;
    assert_eq!(pid, self_pid());
    gun::close(conn).unwrap();
}

/// Compression is offered if it is to be; agreed on, it is in each message, both ways (the bytes are RFC 7692's,
/// 7.2.3.1).
#[runtime::test]
fn compress() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let stream = gun::ws_upgrade(conn, "/", (), WsOpts::new().compress(true));
    let head = grant(
        &mut line,
        "sec-websocket-extensions: permessage-deflate\r\n",
        "",
    );
    assert!(head.contains("sec-websocket-extensions: permessage-deflate;"));
    assert!(matches!(
        gun::await_(conn, stream, SOON),
        Ok(Awaited::Upgrade { .. })
    ));
    line.write(b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00");
    assert_eq!(frame(conn, stream), Frame::text("Hello"));
    gun::ws_send(conn, stream, [Frame::text("Hello")]);
    let [first, length, mask @ ..]: [u8; 6] = line.bytes();
    let mut payload: [u8; 7] = line.bytes();
    for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
    assert_eq!(
        (first, length, payload),
        (0xc1, 0x87, *b"\xf2\x48\xcd\xc9\xc9\x07\x00")
    );
    gun::close(conn).unwrap();
}

/// A key that does not fit ends the connection.
#[runtime::test]
fn wrong_accept() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new().retry(0));
    let stream = gun::ws_upgrade(conn, "/", (), WsOpts::new());
    line.head();
    line.write(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-accept: bm90IHlvdXJz\r\n\r\n",
    );
    let told = gun::await_(conn, stream, SOON);
    assert_eq!(
        told,
        Err(AwaitError::Stream(Reason::Handshake(
            HandshakeError::Accept
        )))
    );
    assert_eq!(down().killed, [stream]);
}

/// A switch that nobody asked for ends the connection.
#[runtime::test]
fn http11_upgrade_raw_unrequested() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new().retry(0));
    let stream = gun::get(conn, "/", ());
    line.head();
    line.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n");
    assert!(matches!(
        gun::await_(conn, stream, SOON),
        Err(AwaitError::Stream(_))
    ));
    assert_eq!(down().killed, [stream]);
}

/// The owner's end says so to the server, and waits for its answer as long as it was said.
#[runtime::test]
fn ws_owner_down() {
    let peer = Peer::new();
    let port = peer.port();
    let me = self_pid();
    let owner = spawn!(move || {
        let conn = gun::open("127.0.0.1", port, Opts::new()).unwrap();
        let opts = WsOpts::new().closing_timeout(Duration::from_millis(10));
        let stream = gun::ws_upgrade(conn, "/", (), opts);
        gun::await_(conn, stream, SOON).unwrap();
        send(me, conn);
        receive! { (): () => {} }
    });
    let mut line = peer.accept();
    grant(&mut line, "", "");
    let conn = receive! { conn: Pid => conn };
    let watch = monitor(conn);
    send(owner, ());
    receive! {
        runtime::Down { monitor, reason, .. } if monitor == watch => assert_eq!(reason, ExitReason::Normal),
        after SOON => panic!("it goes on"),
    }
}

/// A stream stops when its flow is used up, and goes on when it is given more.
#[runtime::test]
fn flow_ws() {
    let (conn, stream) = open(WsOpts::new().flow(1));
    gun::ws_send(conn, stream, [Frame::text("a"), Frame::text("b")]);
    assert_eq!(frame(conn, stream), Frame::text("a"));
    gun::info(conn).unwrap();
    receive! {
        gun::Ws { .. } => panic!("more than its flow"),
        after Duration::ZERO => {}
    }
    gun::update_flow(conn, stream, 1);
    assert_eq!(frame(conn, stream), Frame::text("b"));
    gun::close(conn).unwrap();
}

/// What is not told costs no flow: a ping in silence, and a fragment before the last.
#[runtime::test]
fn flow_of_what_is_told() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let stream = gun::ws_upgrade(conn, "/", (), WsOpts::new().flow(1));
    grant(&mut line, "", "");
    gun::await_(conn, stream, SOON).unwrap();
    line.write(b"\x89\x00\x01\x02he\x89\x00\x80\x03llo\x81\x01x");
    assert_eq!(frame(conn, stream), Frame::text("hello"));
    for _ in 0..2 {
        assert_eq!(sent(&mut line), (0x8a, vec![]));
    }
    gun::info(conn).unwrap();
    receive! {
        gun::Ws { .. } => panic!("more than its flow"),
        after Duration::ZERO => {}
    }
    gun::update_flow(conn, stream, 1);
    assert_eq!(frame(conn, stream), Frame::text("x"));
    gun::close(conn).unwrap();
}

/// A process of its own gets what is told of a Websocket.
#[runtime::test]
fn reply_to() {
    let conn = gun::open("127.0.0.1", server(), Opts::new().retry(0)).unwrap();
    let me = self_pid();
    let other = spawn!(move || {
        receive! { gun::Upgrade { stream, .. } => send(me, stream) }
        receive! { gun::Ws { frame, .. } => send(me, frame) }
    });
    let stream = gun::ws_upgrade(conn, "/", (), WsOpts::new().reply_to(other));
    receive! { of: gun::StreamRef => assert_eq!(of, stream), after SOON => panic!("no upgrade") }
    gun::ws_send(conn, stream, [Frame::text("hello")]);
    receive! { frame: Frame => assert_eq!(frame, Frame::text("hello")), after SOON => panic!("no frame") }
    gun::close(conn).unwrap();
}

/// What is granted and what is sent can be waited for.
#[runtime::test]
fn await_() {
    let (conn, stream) = open(WsOpts::new());
    gun::ws_send(conn, stream, [Frame::text("hello")]);
    let told = gun::await_(conn, stream, SOON);
    assert_eq!(told, Ok(Awaited::Ws(Frame::text("hello"))));
    gun::close(conn).unwrap();
}

/// Names are sent in lower case, however they were written.
#[runtime::test]
fn headers_normalized_upgrade() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    gun::ws_upgrade(conn, "/", [("X-Mine", "1")], None);
    let head = line.head();
    assert!(head.contains("x-mine: 1\r\n"), "{head}");
    gun::close(conn).unwrap();
}

/// A server that wants a subprotocol answers as to any request if none was offered.
#[runtime::test]
fn subprotocol_required_but_missing() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let stream = gun::ws_upgrade(conn, "/", (), WsOpts::new());
    assert!(!line.head().contains("sec-websocket-protocol"));
    line.write("HTTP/1.1 400 Bad Request\r\ncontent-length: 7\r\n\r\nmissing");
    assert_eq!(gun::await_body(conn, stream, SOON).unwrap().0, "missing");
    gun::close(conn).unwrap();
}

/// Over a Unix socket the host is `localhost`.
#[runtime::test]
fn unix_socket_hostname() {
    use std::io::Read;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let listener = runtime::net::UnixListener::bind(&path).unwrap();
    let conn = gun::open_unix(&path, Opts::new()).unwrap();
    gun::ws_upgrade(conn, "/", (), None);
    let (mut line, _) = listener.accept().unwrap();
    let mut head = [0; 1024];
    let read = line.read(&mut head).unwrap();
    let head = String::from_utf8_lossy(&head[..read]);
    assert!(head.contains("host: localhost\r\n"), "{head}");
    gun::close(conn).unwrap();
}

/// Without flow, updates are ignored.
#[runtime::test]
fn no_flow_ws() {
    let (conn, stream) = open(WsOpts::new());
    gun::update_flow(conn, stream, 0);
    gun::ws_send(conn, stream, [Frame::text("a"), Frame::text("b")]);
    assert_eq!(frame(conn, stream), Frame::text("a"));
    assert_eq!(frame(conn, stream), Frame::text("b"));
    gun::close(conn).unwrap();
}

/// One frame that a client has sent: its first byte and its payload.
fn sent(line: &mut Line) -> (u8, Vec<u8>) {
    let [first, length, mask @ ..]: [u8; 6] = line.bytes();
    let mut payload = line.take(usize::from(length & 0x7f));
    for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
    (first, payload)
}

/// The server is pinged as often as was said.
#[runtime::test]
fn keepalive() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let opts = WsOpts::new().keepalive(Duration::from_millis(2));
    let stream = gun::ws_upgrade(conn, "/", (), opts);
    grant(&mut line, "", "");
    for _ in 0..5 {
        assert_eq!(sent(&mut line), (0x89, vec![]));
        line.write(b"\x8a\x00");
    }
    gun::ws_send(conn, stream, [Frame::text("x")]);
    while sent(&mut line).0 != 0x81 {}
    gun::close(conn).unwrap();
}

/// A close frame of ours is waited for to be answered; the connection is then lost, normally.
#[runtime::test]
fn ws_gun_send_close_frame() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new().retry(0));
    let stream = gun::ws_upgrade(conn, "/", (), WsOpts::new());
    grant(&mut line, "", "");
    gun::await_(conn, stream, SOON).unwrap();
    gun::ws_send(conn, stream, [Frame::CloseWith(3333, "bye".into())]);
    assert_eq!(sent(&mut line), (0x88, b"\x0d\x05bye".to_vec()));
    line.write(b"\x88\x05\x0d\x05bye");
    assert_eq!(frame(conn, stream), Frame::CloseWith(3333, "bye".into()));
    let down = down();
    assert_eq!((down.reason, down.killed), (Reason::Normal, vec![stream]));
}

/// The end of an owner that failed is told to the server as 1001, and in the connection's exit reason.
#[runtime::test]
fn ws_owner_down_error() {
    let peer = Peer::new();
    let port = peer.port();
    let me = self_pid();
    let owner = spawn!(move || {
        let conn = gun::open("127.0.0.1", port, Opts::new()).unwrap();
        gun::ws_upgrade(conn, "/", (), WsOpts::new());
        send(me, conn);
        receive! { (): () => exit(ExitReason::other("failed")) }
    });
    let mut line = peer.accept();
    grant(&mut line, "", "");
    let conn = receive! { conn: Pid => conn };
    gun::info(conn).unwrap();
    let watch = monitor(conn);
    send(owner, ());
    assert_eq!(sent(&mut line), (0x88, b"\x03\xe9".to_vec()));
    line.write(b"\x88\x02\x03\xe9");
    receive! {
        runtime::Down { monitor, reason, .. } if monitor == watch => {
            let failed = gun::OwnerDown(ExitReason::other("failed"));
            assert_eq!(reason, ExitReason::shutdown_with(failed));
        }
        after SOON => panic!("it goes on"),
    }
}

/// A frame that may not be sent is refused, and those before it are sent.
#[runtime::test]
fn frames_that_may_not_be_sent() {
    let (conn, stream) = open(WsOpts::new());
    let long = Frame::Ping(vec![0; 126].into());
    gun::ws_send(conn, stream, [Frame::text("a"), long]);
    let told = gun::await_(conn, stream, SOON);
    let reason = Reason::BadState(BadState::Frame);
    assert_eq!(told, Err(AwaitError::Stream(reason)));
    assert_eq!(frame(conn, stream), Frame::text("a"));
    gun::close(conn).unwrap();
}

/// Tells what it gets, as it comes.
#[derive(Debug)]
struct Handler(&'static str);

struct Frames(&'static str, gun::ReplyTo);

impl gun::ws::WsHandler for Handler {
    fn init(
        &self,
        _: Pid,
        _: gun::StreamRef,
        to: &gun::ReplyTo,
        _: &http::HeaderMap,
    ) -> Box<dyn gun::ws::WsFrames> {
        Box::new(Frames(self.0, to.clone()))
    }
}

impl gun::ws::WsFrames for Frames {
    fn handle(&mut self, received: gun::ws::Received) -> u32 {
        self.1.tell((self.0, received));
        1
    }
}

/// The subprotocol that the server chooses has a handler of its own, which gets fragments as they come, and pays for what
/// it sends.
#[runtime::test]
fn subprotocol_with_a_handler() {
    use gun::ws::Received;
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let opts = WsOpts::new()
        .protocol("first", Handler("first"))
        .protocol("second", Handler("second"))
        .default_handler(Handler("none"))
        .flow(1);
    let stream = gun::ws_upgrade(conn, "/", (), opts);
    let head = grant(&mut line, "sec-websocket-protocol: second\r\n", "");
    assert!(head.contains("sec-websocket-protocol: first, second\r\n"));
    gun::await_(conn, stream, SOON).unwrap();
    line.write(b"\x01\x02he\x80\x03llo");
    for expected in ["he", "llo"] {
        receive! {
            (name, received): (&'static str, Received) => {
                assert_eq!(name, "second");
                assert!(matches!(received, Received::Fragment(part) if part.data == expected));
            }
            after SOON => panic!("not handled"),
        }
        gun::info(conn).unwrap();
        receive! {
            (_, _): (&'static str, Received) => panic!("more than its flow"),
            after Duration::ZERO => {}
        }
        gun::update_flow(conn, stream, 1);
    }
    gun::close(conn).unwrap();

    // Where it chooses none there may be another.
    let (conn, mut line) = peer.open(Opts::new());
    let opts = WsOpts::new()
        .protocol("first", Handler("first"))
        .default_handler(Handler("none"));
    gun::ws_upgrade(conn, "/", (), opts);
    grant(&mut line, "", "\u{1}\u{0}");
    receive! {
        (name, _): (&'static str, Received) => assert_eq!(name, "none"),
        after SOON => panic!("not handled"),
    }
    gun::close(conn).unwrap();
}
