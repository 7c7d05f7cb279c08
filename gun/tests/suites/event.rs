//! event_SUITE: what a handler of events is called with, and in which order.

use bytes::Bytes;
use gun::{
    Awaited, Destination, Event, EventHandler, Opts, Protocol, ReqOpts, StreamRef, TlsOpts,
    Transport, WsOpts,
};
use http::{HeaderMap, Method, Request, StatusCode};
use runtime::prelude::*;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::frames::{self, ACK, END_HEADERS, Frames, HEADERS, OK, RST_STREAM, SETTINGS, promise};
use crate::origin::{Origin, Reply, WAYS, Way, proxy};
use crate::peer::{Line, Nobody, Peer, SOON};

/// An event: its name, and all of it as `Debug` shows it.
#[derive(Debug)]
struct Seen(String, String);

struct Tell(Pid);

impl EventHandler for Tell {
    fn handle(&mut self, event: Event<'_>) {
        let all = format!("{event:?}");
        let end = all.find([' ', '(', '{']).unwrap_or(all.len());
        send(self.0, Seen(all[..end].to_owned(), all));
    }
}

fn told() -> Opts {
    telling(Opts::new())
}

fn telling(opts: Opts) -> Opts {
    forget();
    let me = self_pid();
    opts.retry(0).event_handler(move || Tell(me))
}

/// Forgets what was told so far.
fn forget() {
    while receive! { Seen(..) => true, after std::time::Duration::ZERO => false } {}
}

/// Waits for the next event of this name, over others.
fn event(name: &str) -> String {
    receive! {
        Seen(of, all) if of == name => all,
        after SOON => panic!("no {name}"),
    }
}

/// The names of the events up to this one, which are all taken.
fn up_to(last: &str) -> Vec<String> {
    let mut names = Vec::new();
    while names.last().is_none_or(|name| name != last) {
        receive! {
            Seen(name, _) => names.push(name),
            after SOON => panic!("no {last} after {names:?}"),
        }
    }
    names
}

/// That an event is about this stream.
fn is_of(event: &str, stream: StreamRef) {
    assert!(event.contains(&format!("stream: {stream:?}")), "{event}");
}

/// `/hint` has an early hint, `/trailers` trailers, others a body.
fn handler(request: &Request<()>, body: Bytes) -> Reply {
    let mut headers = HeaderMap::new();
    headers.insert("x-a", "1".parse().unwrap());
    let is = |path| request.uri().path() == path;
    if let Some(key) = request.headers().get("sec-websocket-key") {
        let accept = derive_accept_key(key.as_bytes());
        headers.insert("sec-websocket-accept", accept.parse().unwrap());
        headers.insert("connection", "upgrade".parse().unwrap());
        headers.insert("upgrade", "websocket".parse().unwrap());
        return Reply {
            status: StatusCode::SWITCHING_PROTOCOLS,
            headers,
            ..Reply::default()
        };
    }
    Reply {
        hint: is("/hint").then(|| headers.clone()),
        trailers: is("/trailers").then(|| headers.clone()),
        headers,
        body: if body.is_empty() {
            "hello".into()
        } else {
            body
        },
        ..Reply::default()
    }
}

fn get(conn: Pid, path: &str, opts: ReqOpts) -> StreamRef {
    let stream = gun::request(conn, Method::GET, path, (), "", opts);
    gun::await_body(conn, stream, SOON).unwrap();
    stream
}

/// A life from beginning to end: its events in their order, in each way.
#[runtime::test]
fn a_life() {
    for way in WAYS {
        let origin = Origin::start(way, handler);
        let conn = origin.open(told());
        let mut connects = vec![
            "Init",
            "DomainLookupStart",
            "DomainLookupEnd",
            "ConnectStart",
            "ConnectEnd",
        ];
        if way.transport() == Transport::Tls {
            connects.extend(["TlsHandshakeStart", "TlsHandshakeEnd"]);
        }
        let last = *connects.last().unwrap();
        assert_eq!(up_to(last), connects, "{way:?}");
        let request = ["RequestStart", "RequestHeaders", "RequestEnd"];
        let response = ["ResponseStart", "ResponseHeaders"];
        for (path, between) in [
            ("/", vec![]),
            ("/hint", vec!["ResponseStart", "ResponseInform"]),
            ("/trailers", vec!["ResponseTrailers"]),
        ] {
            get(conn, path, ReqOpts::new());
            let (after, before) = between
                .iter()
                .partition(|name| **name == "ResponseTrailers");
            let before: Vec<&str> = before;
            let after: Vec<&str> = after;
            let all = [&request[..], &before, &response, &after, &["ResponseEnd"]].concat();
            assert_eq!(up_to("ResponseEnd"), all, "{way:?} {path}");
        }
        gun::shutdown(conn);
        assert_eq!(up_to("Terminate"), ["Disconnect", "Terminate"], "{way:?}");
    }
}

/// The process's beginning tells who owns it, and where it goes.
#[runtime::test]
fn init() {
    let peer = Peer::new();
    let (conn, _line) = peer.open(told());
    let init = event("Init");
    assert!(init.contains(&format!("owner: {:?}", self_pid())), "{init}");
    assert!(init.contains("transport: Tcp") && init.contains("origin_host: \"127.0.0.1\""));
    assert!(init.contains(&format!("origin_port: {}", peer.port())));
    gun::close(conn).unwrap();
}

/// A name is looked up.
#[runtime::test]
fn domain_lookup_start() {
    let origin = Origin::start(Way::Http, handler);
    let conn = origin.open(told());
    let start = event("DomainLookupStart");
    assert!(start.contains("host: \"localhost\"") && start.contains(&origin.port.to_string()));
    gun::close(conn).unwrap();
}

/// It has addresses, or an error.
#[runtime::test]
fn domain_lookup_end_ok() {
    let origin = Origin::start(Way::Http, handler);
    let conn = origin.open(told());
    let end = event("DomainLookupEnd");
    assert!(
        end.contains("result: Ok([") && end.contains(&format!("127.0.0.1:{}", origin.port)),
        "{end}"
    );
    gun::close(conn).unwrap();
}

/// What cannot be a name in the DNS has none.
#[runtime::test]
fn domain_lookup_end_error() {
    gun::open(&"x".repeat(300), 80, told()).unwrap();
    let end = event("DomainLookupEnd");
    assert!(end.contains("result: Err(DomainLookup)"), "{end}");
    assert!(!up_to("Terminate").contains(&"ConnectStart".to_owned()));
}

/// It connects to what was found.
#[runtime::test]
fn connect_start() {
    let peer = Peer::new();
    let (conn, _line) = peer.open(told());
    let start = event("ConnectStart");
    assert!(start.contains(&format!("127.0.0.1:{}", peer.port())));
    gun::close(conn).unwrap();
}

/// Nobody is there.
#[runtime::test]
fn connect_end_error() {
    let nobody = Nobody::new();
    gun::open("127.0.0.1", nobody.port(), told()).unwrap();
    let end = event("ConnectEnd");
    assert!(end.contains("Err(Io(ConnectionRefused))"), "{end}");
    assert_eq!(up_to("Terminate").last().unwrap(), "Terminate");
}

/// Somebody is there; what is spoken comes later.
#[runtime::test]
fn connect_end_ok_tcp() {
    let peer = Peer::new();
    let (conn, _line) = peer.open(told());
    let end = event("ConnectEnd");
    let address = format!("Ok(Some(127.0.0.1:{}))", peer.port());
    assert!(end.contains(&address), "{end}");
    gun::close(conn).unwrap();
}

/// So it is where TLS is to be spoken.
#[runtime::test]
fn connect_end_ok_tls() {
    let origin = Origin::start(Way::Https, handler);
    let conn = origin.open(told());
    assert!(event("ConnectEnd").contains("Ok(Some("));
    gun::close(conn).unwrap();
}

/// TLS begins with a host, and ends with what is spoken over it.
#[runtime::test]
fn tls_handshake_end_ok() {
    let origin = Origin::start(Way::H2, handler);
    let conn = origin.open(told());
    let start = event("TlsHandshakeStart");
    is_of(&start, StreamRef::UNDEFINED);
    assert!(start.contains("host: \"localhost\""));
    assert!(event("TlsHandshakeEnd").contains("result: Ok(Http2)"));
    gun::close(conn).unwrap();
}

/// Or with an error.
#[runtime::test]
fn tls_handshake_end_error() {
    let origin = Origin::start(Way::Https, handler);
    let opts = origin.opts(told()).tls(TlsOpts::new().trust([]));
    gun::open("localhost", origin.port, opts).unwrap();
    let end = event("TlsHandshakeEnd");
    assert!(end.contains("result: Err(Tls("), "{end}");
    assert!(event("Terminate").contains("Tls("));
}

/// A tunnel over HTTP/1.1 to an origin, and its reference.
fn tunnel(way: Way, tls: Option<TlsOpts>) -> (Pid, StreamRef, Origin) {
    let origin = Origin::start(way, handler);
    let conn = gun::open("127.0.0.1", proxy(), told()).unwrap();
    let destination = Destination::new("localhost", origin.port)
        .transport(way.transport())
        .protocols([way.protocol()])
        .tls(tls.unwrap_or_else(|| origin.trusted()));
    let tunnel = gun::connect(conn, destination, (), ReqOpts::new());
    (conn, tunnel, origin)
}

fn tunnel_up(way: Way) -> (Pid, StreamRef, Origin) {
    let (conn, stream, origin) = tunnel(way, None);
    while !matches!(gun::await_(conn, stream, SOON).unwrap(), Awaited::Up(_)) {}
    (conn, stream, origin)
}

/// In a tunnel TLS names the tunnel, and the host at its end.
#[runtime::test]
fn tls_handshake_start_tcp_connect_tls() {
    let (conn, tunnel, origin) = tunnel_up(Way::Https);
    let start = event("TlsHandshakeStart");
    is_of(&start, tunnel);
    assert!(start.contains(&format!("port: {}", origin.port)));
    assert!(event("TlsHandshakeEnd").contains("result: Ok(Http)"));
    gun::close(conn).unwrap();
}

/// It may fail there.
#[runtime::test]
fn tls_handshake_end_error_tcp_connect_tls() {
    let (_, stream, _origin) = tunnel(Way::Https, Some(TlsOpts::new().trust([])));
    let end = event("TlsHandshakeEnd");
    is_of(&end, stream);
    assert!(end.contains("result: Err(Tls("), "{end}");
}

/// So it may where TLS is spoken with the proxy too, which has succeeded.
#[runtime::test]
fn tls_handshake_end_error_tls_connect_tls() {
    let proxy = crate::proxy::Kind::Https.start();
    let origin = Origin::start(Way::Https, handler);
    let opts = telling(proxy.opts(Protocol::Http.into()));
    let conn = gun::open("localhost", proxy.port, opts).unwrap();
    let destination = Destination::new("localhost", origin.port)
        .transport(Transport::Tls)
        .tls(TlsOpts::new().trust([]));
    let tunnel = gun::connect(conn, destination, (), ReqOpts::new());
    let first = event("TlsHandshakeEnd");
    is_of(&first, StreamRef::UNDEFINED);
    assert!(first.contains("result: Ok(Http)"), "{first}");
    let second = event("TlsHandshakeEnd");
    is_of(&second, tunnel);
    assert!(second.contains("result: Err(Tls("), "{second}");
}

/// A request begins, with what it is.
#[runtime::test]
fn request_start() {
    for way in WAYS {
        let origin = Origin::start(way, handler);
        let conn = origin.open(told());
        let stream = get(conn, "/path?query", ReqOpts::new());
        for name in ["RequestStart", "RequestHeaders"] {
            let event = event(name);
            is_of(&event, stream);
            assert!(event.contains(&format!("reply_to: Some({:?})", self_pid())));
            assert!(event.contains("method: GET") && event.contains("path: \"/path?query\""));
            assert!(event.contains(&format!("authority: \"localhost:{}\"", origin.port)));
        }
        is_of(&event("RequestEnd"), stream);
        gun::close(conn).unwrap();
    }
}

/// Its head is told with its headers, as they are sent.
#[runtime::test]
fn request_headers() {
    for way in WAYS {
        let conn = Origin::start(way, handler).open(told());
        gun::get(conn, "/", [("x-mine", "yes")]);
        let headers = event("RequestHeaders");
        assert!(headers.contains("\"x-mine\": \"yes\""), "{headers}");
        gun::close(conn).unwrap();
    }
}

/// A body that is sent in pieces ends when its last was given; one of no length has ended when it begins.
#[runtime::test]
fn request_end() {
    for way in WAYS {
        let conn = Origin::start(way, handler).open(told());
        let headers = [("content-length", "4")];
        let stream = gun::headers(conn, Method::POST, "/", headers, ReqOpts::new());
        event("RequestHeaders");
        gun::data(conn, stream, false, "ab");
        gun::info(conn).unwrap();
        receive! {
            Seen(name, _) if name == "RequestEnd" => panic!("half of it"),
            after std::time::Duration::ZERO => {}
        }
        gun::data(conn, stream, true, "cd");
        is_of(&event("RequestEnd"), stream);
        assert_eq!(gun::await_body(conn, stream, SOON).unwrap().0, "abcd");
        let headers = [("content-length", "0")];
        let stream = gun::headers(conn, Method::POST, "/", headers, ReqOpts::new());
        is_of(&event("RequestEnd"), stream);
        let stream = gun::post(conn, "/", (), "whole");
        is_of(&event("RequestEnd"), stream);
        gun::close(conn).unwrap();
    }
}

/// The body of a request that waits for another ends when the request was sent, and ends once.
#[runtime::test]
fn request_end_of_one_that_waits() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(told());
    gun::get(conn, "/", ());
    let length = [("content-length", "5")];
    let waits = gun::headers(conn, Method::POST, "/", length, ReqOpts::new());
    gun::data(conn, waits, true, "hello");
    line.head();
    line.write("HTTP/1.1 204 No Content\r\n\r\n");
    line.head();
    line.write("HTTP/1.1 204 No Content\r\n\r\n");
    gun::await_(conn, waits, SOON).unwrap();
    let first = up_to("ResponseEnd");
    assert_eq!(first.iter().filter(|name| *name == "RequestEnd").count(), 1);
    let all = [
        "RequestStart",
        "RequestHeaders",
        "RequestEnd",
        "ResponseStart",
        "ResponseHeaders",
        "ResponseEnd",
    ];
    assert_eq!(up_to("ResponseEnd"), all);
    gun::close(conn).unwrap();
}

/// Through a tunnel all is as it is without one, in the request's name.
fn through_a_tunnel(name: &str) {
    for way in WAYS {
        let (conn, tunnel, _origin) = tunnel_up(way);
        forget();
        let stream = get(conn, "/hint", ReqOpts::new().tunnel(tunnel));
        is_of(&event(name), stream);
        gun::close(conn).unwrap();
    }
}

macro_rules! through_a_tunnel {
    ($($case:ident $name:literal;)*) => {$(
        #[doc = concat!($name, " is told of a request through a tunnel.")]
        #[runtime::test]
        fn $case() {
            through_a_tunnel($name);
        }
    )*};
}

through_a_tunnel! {
    request_start_connect "RequestStart";
    request_headers_connect "RequestHeaders";
    request_end_connect "RequestEnd";
    response_inform_connect "ResponseInform";
    response_start_connect "ResponseStart";
    response_headers_connect "ResponseHeaders";
    response_end_connect "ResponseEnd";
}

/// The tunnel is a request and has a response, and then requests go elsewhere.
#[runtime::test]
fn origin_changed_connect() {
    for way in WAYS {
        let (conn, tunnel, origin) = tunnel_up(way);
        let asked = event("RequestStart");
        is_of(&asked, tunnel);
        assert!(asked.contains("method: CONNECT"), "{asked}");
        is_of(&event("ResponseHeaders"), tunnel);
        is_of(&event("ResponseEnd"), tunnel);
        let elsewhere = event("OriginChanged");
        is_of(&elsewhere, tunnel);
        assert!(elsewhere.contains(&format!("host: \"localhost\", port: {}", origin.port)));
        let changed = event("ProtocolChanged");
        is_of(&changed, tunnel);
        assert!(changed.contains(&format!("protocol: {:?}", way.protocol())));
        gun::close(conn).unwrap();
    }
}

/// A cancelled request is told, also through a tunnel.
#[runtime::test]
fn cancel_connect() {
    for way in [Way::Http, Way::H2c] {
        let (conn, tunnel, _origin) = tunnel_up(way);
        cancelled(conn, ReqOpts::new().tunnel(tunnel));
    }
}

fn cancelled(conn: Pid, opts: ReqOpts) {
    // The origin waits for a body of which it knows the length.
    let stream = gun::headers(conn, Method::POST, "/", [("content-length", "5")], opts);
    gun::cancel(conn, stream);
    let cancel = event("Cancel");
    is_of(&cancel, stream);
    assert!(cancel.contains("endpoint: Local"), "{cancel}");
    // Over HTTP/1.1 the connection ends with a request that was cut short, and may have by now.
    let _ = gun::close(conn);
}

/// A push is announced by two events, before its response.
#[runtime::test]
fn push_promise_followed_by_response() {
    let peer = Peer::new();
    let (conn, mut frames) = frames::open(&peer, told(), &[]);
    let stream = gun::get(conn, "/", ());
    frames.until(HEADERS);
    frames.write(promise(0x86, &format!("127.0.0.1:{}", peer.port())));
    frames.respond(2, "pushed");
    let Ok(Awaited::Push { promised, .. }) = gun::await_(conn, stream, SOON) else {
        panic!("no push");
    };
    is_of(&event("PushPromiseStart"), stream);
    let end = event("PushPromiseEnd");
    is_of(&end, stream);
    assert!(end.contains(&format!("promised: {promised:?}")) && end.contains("method: GET"));
    for name in ["ResponseStart", "ResponseHeaders", "ResponseEnd"] {
        is_of(&event(name), promised);
    }
    gun::close(conn).unwrap();
}

/// A tunnel to a peer that is scripted, over HTTP/2.
fn tunnel_to_frames() -> (Pid, StreamRef, Peer, Frames) {
    let peer = Peer::new();
    let conn = gun::open("127.0.0.1", proxy(), told()).unwrap();
    let to = Destination::new("127.0.0.1", peer.port()).protocols([Protocol::Http2]);
    let tunnel = gun::connect(conn, to, (), ReqOpts::new());
    let mut frames = Frames::accept(&peer);
    frames.frame(SETTINGS, 0, 0, []);
    frames.frame(SETTINGS, ACK, 0, []);
    while !matches!(gun::await_(conn, tunnel, SOON).unwrap(), Awaited::Up(_)) {}
    (conn, tunnel, peer, frames)
}

/// So it is through a tunnel.
#[runtime::test]
fn push_promise_start_connect() {
    let (conn, tunnel, peer, mut frames) = tunnel_to_frames();
    let through = ReqOpts::new().tunnel(tunnel);
    let stream = gun::request(conn, Method::GET, "/", (), "", through);
    frames.until(HEADERS);
    frames.write(promise(0x86, &format!("127.0.0.1:{}", peer.port())));
    frames.respond(2, "pushed");
    is_of(&event("PushPromiseStart"), stream);
    let Ok(Awaited::Push { promised, .. }) = gun::await_(conn, stream, SOON) else {
        panic!("no push");
    };
    let end = event("PushPromiseEnd");
    is_of(&end, stream);
    assert!(end.contains(&format!("promised: {promised:?}")), "{end}");
    while !event("ResponseEnd").contains(&format!("{promised:?}")) {}
    gun::close(conn).unwrap();
}

/// The status and the headers of a response are told, and of what goes before it and after.
#[runtime::test]
fn response_headers() {
    for way in WAYS {
        let conn = Origin::start(way, handler).open(told());
        for (path, name) in [
            ("/", "ResponseHeaders"),
            ("/hint", "ResponseInform"),
            ("/trailers", "ResponseTrailers"),
        ] {
            let stream = get(conn, path, ReqOpts::new());
            let told = event(name);
            is_of(&told, stream);
            assert!(told.contains("\"x-a\": \"1\""), "{told}");
        }
        gun::close(conn).unwrap();
    }
}

/// A response without a body has an end too.
#[runtime::test]
fn response_end() {
    for way in WAYS {
        let conn = Origin::start(way, handler).open(told());
        let stream = gun::head(conn, "/", ());
        is_of(&event("ResponseEnd"), stream);
        gun::close(conn).unwrap();
    }
}

/// So has one that ends with the connection.
#[runtime::test]
fn http1_response_end_body_close() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(told());
    let stream = gun::get(conn, "/", ());
    line.head();
    line.write("HTTP/1.1 200 OK\r\n\r\nto the end");
    drop(line);
    is_of(&event("ResponseEnd"), stream);
    assert!(event("Disconnect").contains("Closed"));
    assert_eq!(gun::await_body(conn, stream, SOON).unwrap().0, "to the end");
}

fn websocket() -> (Pid, StreamRef) {
    let conn = Origin::start(Way::Http, handler).open(told());
    let stream = gun::ws_upgrade(conn, "/", (), WsOpts::new());
    gun::await_(conn, stream, SOON).unwrap();
    (conn, stream)
}

/// A Websocket is asked for, as a request; and then it is spoken.
#[runtime::test]
fn ws_protocol_changed() {
    let (conn, stream) = websocket();
    event("ConnectEnd");
    let names = up_to("ProtocolChanged");
    let expected = [
        "WsUpgrade",
        "RequestStart",
        "RequestHeaders",
        "RequestEnd",
        "ResponseStart",
        "ResponseInform",
    ];
    let asked: Vec<&String> = names
        .iter()
        .filter(|name| expected.contains(&name.as_str()))
        .collect();
    assert_eq!(asked, expected);
    gun::ws_send(conn, stream, [gun::ws::Frame::text("a")]);
    let start = event("WsSendFrameStart");
    is_of(&start, stream);
    assert!(start.contains("Text("), "{start}");
    is_of(&event("WsSendFrameEnd"), stream);
    gun::close(conn).unwrap();
}

/// Over HTTP/2 a response grants it that ends with its head.
#[runtime::test]
fn ws_protocol_changed_http2() {
    let peer = Peer::new();
    let (conn, mut frames) = frames::open(&peer, told(), &[(8, 1)]);
    let stream = gun::ws_upgrade(conn, "/", (), WsOpts::new());
    frames.until(HEADERS);
    frames.frame(HEADERS, END_HEADERS, 1, OK);
    gun::await_(conn, stream, SOON).unwrap();
    up_to("RequestEnd");
    let names = up_to("ProtocolChanged");
    assert_eq!(
        names[..3],
        ["ResponseStart", "ResponseHeaders", "ResponseEnd"]
    );
    gun::close(conn).unwrap();
}

/// Through a tunnel it is so too.
#[runtime::test]
fn ws_protocol_changed_connect() {
    let (conn, tunnel, _origin) = tunnel_up(Way::Http);
    event("ProtocolChanged");
    let stream = gun::ws_upgrade(conn, "/", (), WsOpts::new().tunnel(tunnel));
    gun::await_(conn, stream, SOON).unwrap();
    is_of(&event("WsUpgrade"), stream);
    let changed = event("ProtocolChanged");
    is_of(&changed, stream);
    assert!(changed.contains("protocol: Ws"), "{changed}");
    gun::ws_send(conn, stream, [gun::ws::Frame::text("a")]);
    is_of(&event("WsSendFrameStart"), stream);
    is_of(&event("WsSendFrameEnd"), stream);
    gun::close(conn).unwrap();
}

/// A frame begins, shows its head, and ends; a fragment is a frame, and so is what is not told.
#[runtime::test]
fn ws_recv_frame_header() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(told());
    let stream = gun::ws_upgrade(conn, "/", (), WsOpts::new());
    crate::ws::grant(&mut line, "", "");
    gun::await_(conn, stream, SOON).unwrap();
    frames_received(stream, &mut line);
    gun::close(conn).unwrap();
}

fn frames_received(stream: StreamRef, line: &mut Line) {
    for (bytes, shown) in [
        (&b"\x01\x02he"[..], "opcode: 1, fin: false, length: 2"),
        (b"\x89\x00", "opcode: 9, fin: true, length: 0"),
        (b"\x80\x03llo", "opcode: 0, fin: true, length: 3"),
    ] {
        line.write(bytes);
        is_of(&event("WsRecvFrameStart"), stream);
        let header = event("WsRecvFrameHeader");
        is_of(&header, stream);
        assert!(header.contains(shown), "{header}");
        is_of(&event("WsRecvFrameEnd"), stream);
    }
}

/// A Websocket through a tunnel to a peer that is scripted.
fn websocket_through_a_tunnel() -> (Pid, StreamRef, Line) {
    let peer = Peer::new();
    let conn = gun::open("127.0.0.1", proxy(), told()).unwrap();
    let to = Destination::new("127.0.0.1", peer.port());
    let tunnel = gun::connect(conn, to, (), ReqOpts::new());
    let mut line = peer.accept();
    while !matches!(gun::await_(conn, tunnel, SOON).unwrap(), Awaited::Up(_)) {}
    let stream = gun::ws_upgrade(conn, "/", (), WsOpts::new().tunnel(tunnel));
    crate::ws::grant(&mut line, "", "");
    gun::await_(conn, stream, SOON).unwrap();
    (conn, stream, line)
}

/// Through a tunnel it is so too.
#[runtime::test]
fn ws_recv_frame_header_connect() {
    let (conn, stream, mut line) = websocket_through_a_tunnel();
    frames_received(stream, &mut line);
    gun::close(conn).unwrap();
}

/// A frame that is told has ended before it is told, through a tunnel as without one.
#[runtime::test]
fn ws_recv_frame_end_connect() {
    let (conn, stream, mut line) = websocket_through_a_tunnel();
    line.write(b"\x81\x05hello");
    let told = gun::await_(conn, stream, SOON);
    assert_eq!(told, Ok(Awaited::Ws(gun::ws::Frame::text("hello"))));
    receive! {
        Seen(name, all) if name == "WsRecvFrameEnd" => is_of(&all, stream),
        after std::time::Duration::ZERO => panic!("it has not ended"),
    }
    gun::close(conn).unwrap();
}

/// A frame that may not be sent does not begin.
#[runtime::test]
fn ws_send_frame_start_of_none() {
    let (conn, stream) = websocket();
    let long = gun::ws::Frame::Ping(vec![0; 126].into());
    gun::ws_send(conn, stream, [long, gun::ws::Frame::text("a")]);
    gun::await_(conn, stream, SOON).unwrap_err();
    gun::ws_send(conn, stream, [gun::ws::Frame::text("b")]);
    let start = event("WsSendFrameStart");
    assert!(start.contains("Text("), "{start}");
    gun::close(conn).unwrap();
}

/// A request that is cancelled, by us.
#[runtime::test]
fn cancel() {
    for way in WAYS {
        let conn = Origin::start(way, handler).open(told());
        cancelled(conn, ReqOpts::new());
    }
}

/// By the server, with its reason.
#[runtime::test]
fn cancel_remote() {
    let peer = Peer::new();
    let (conn, mut frames) = frames::open(&peer, told(), &[]);
    let stream = gun::get(conn, "/", ());
    frames.until(HEADERS);
    frames.frame(RST_STREAM, 0, 1, 11u32.to_be_bytes());
    let cancel = event("Cancel");
    is_of(&cancel, stream);
    assert!(cancel.contains("endpoint: Remote"), "{cancel}");
    assert!(cancel.contains("Reset(ENHANCE_YOUR_CALM)"), "{cancel}");
    // The connection goes on.
    gun::get(conn, "/", ());
    frames.until(HEADERS);
    frames.frame(HEADERS, END_HEADERS | 1, 3, frames::OK);
    event("ResponseEnd");
    gun::close(conn).unwrap();
}

/// So it is through a tunnel.
#[runtime::test]
fn cancel_remote_connect() {
    let (conn, tunnel, _peer, mut frames) = tunnel_to_frames();
    let through = ReqOpts::new().tunnel(tunnel);
    let stream = gun::request(conn, Method::GET, "/", (), "", through);
    frames.until(HEADERS);
    frames.frame(RST_STREAM, 0, 1, 11u32.to_be_bytes());
    let cancel = event("Cancel");
    is_of(&cancel, stream);
    assert!(cancel.contains("endpoint: Remote"), "{cancel}");
    gun::close(conn).unwrap();
}

/// The connection is lost, and why.
#[runtime::test]
fn disconnect() {
    let peer = Peer::new();
    let (_conn, line) = peer.open(told());
    drop(line);
    assert!(event("Disconnect").contains("reason: Closed"));
}

/// The process ends, and why. After that, and of one that was closed, there is nothing.
#[runtime::test]
fn terminate() {
    let peer = Peer::new();
    let (conn, _line) = peer.open(told());
    gun::shutdown(conn);
    assert!(event("Terminate").contains("reason: Shutdown"));
    let (conn, _line) = peer.open(told());
    event("ConnectEnd");
    gun::close(conn).unwrap();
    receive! {
        Seen(name, _) if name == "Terminate" => panic!("it was closed"),
        after std::time::Duration::ZERO => {}
    }
}
