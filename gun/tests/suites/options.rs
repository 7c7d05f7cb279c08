//! Options: which are refused, and by which name.

use std::time::Duration;

use gun::{AwaitError, Opts, Protocol, Reason};

use crate::peer::{Peer, SOON};

/// A time of none, a flow of none, and all else that has no sense is refused, by its name.
#[runtime::test]
fn wrong_options() {
    use gun::{Destination, Http2Opts, HttpOpts, OpenError, RawOpts, ReqOpts, Transport, WsOpts};
    use gun::{Socks5Auth, SocksOpts};
    let none = Duration::ZERO;
    let http = |http: HttpOpts| Opts::new().http(http);
    let http2 = |http2: Http2Opts| Opts::new().http2(http2);
    let ws = |ws: WsOpts| Opts::new().ws(ws);
    let proxy = || SocksOpts::new("example.org", 80);
    let socks = |socks: SocksOpts| Opts::new().protocols([socks]);
    let nameless = Socks5Auth::UsernamePassword(String::new(), "password".to_owned());
    for (opts, key) in [
        (Opts::new().connect_timeout(none), "connect_timeout"),
        (
            Opts::new().domain_lookup_timeout(none),
            "domain_lookup_timeout",
        ),
        (
            Opts::new().tls_handshake_timeout(none),
            "tls_handshake_timeout",
        ),
        (Opts::new().send_timeout(none), "send_timeout"),
        (Opts::new().protocols([Protocol::Ws]), "protocols"),
        (Opts::new().protocols([Protocol::Http; 0]), "protocols"),
        (
            Opts::new()
                .transport(Transport::Tls)
                .protocols([Protocol::Http; 0]),
            "protocols",
        ),
        (Opts::new().protocols([Protocol::Socks]), "protocols"),
        (
            Opts::new().protocols([Protocol::Http, Protocol::Http2]),
            "protocols",
        ),
        (
            Opts::new()
                .transport(Transport::Tls)
                .protocols([Protocol::Http, Protocol::Http]),
            "protocols",
        ),
        (
            http(HttpOpts::new().closing_timeout(none)),
            "http.closing_timeout",
        ),
        (
            http(HttpOpts::new().content_handlers([])),
            "http.content_handlers",
        ),
        (http(HttpOpts::new().flow(0)), "http.flow"),
        (
            http(HttpOpts::new().max_header_block_size(8191)),
            "http.max_header_block_size",
        ),
        (
            http2(Http2Opts::new().closing_timeout(none)),
            "http2.closing_timeout",
        ),
        (
            http2(Http2Opts::new().content_handlers([])),
            "http2.content_handlers",
        ),
        (http2(Http2Opts::new().flow(0)), "http2.flow"),
        (http2(Http2Opts::new().keepalive(none)), "http2.keepalive"),
        (
            http2(Http2Opts::new().preface_timeout(none)),
            "http2.preface_timeout",
        ),
        (
            http2(Http2Opts::new().settings_timeout(none)),
            "http2.settings_timeout",
        ),
        (
            http2(Http2Opts::new().initial_connection_window_size(65_534)),
            "http2.initial_connection_window_size",
        ),
        (
            http2(Http2Opts::new().initial_stream_window_size(1 << 31)),
            "http2.initial_stream_window_size",
        ),
        (
            http2(Http2Opts::new().max_frame_size_received(16_383)),
            "http2.max_frame_size_received",
        ),
        (
            http2(Http2Opts::new().max_frame_size_received(1 << 24)),
            "http2.max_frame_size_received",
        ),
        (Opts::new().raw(RawOpts::new().flow(0)), "raw.flow"),
        (
            ws(WsOpts::new().closing_timeout(none)),
            "ws.closing_timeout",
        ),
        (ws(WsOpts::new().flow(0)), "ws.flow"),
        (ws(WsOpts::new().keepalive(none)), "ws.keepalive"),
        (ws(WsOpts::new().protocols(["a", "a"])), "ws.protocols"),
        (ws(WsOpts::new().protocols(["a b"])), "ws.protocols"),
        (socks(proxy().auth([])), "socks.auth"),
        (socks(proxy().auth([nameless])), "socks.auth"),
        (socks(SocksOpts::new("", 80)), "host"),
        (socks(SocksOpts::new("a".repeat(256), 80)), "socks.host"),
        (socks(proxy().protocols([Protocol::Http3])), "protocols"),
        (socks(proxy().transport(Transport::Quic)), "transport"),
        (
            socks(proxy().tls_handshake_timeout(none)),
            "tls_handshake_timeout",
        ),
    ] {
        let told = gun::open("127.0.0.1", 1, opts);
        assert!(
            matches!(told, Err(OpenError::Option(of)) if of == key),
            "{key}: {told:?}"
        );
    }
    // So they are where a protocol has options of its own.
    let own = Opts::new().protocols([HttpOpts::new().flow(0)]);
    let told = gun::open("127.0.0.1", 1, own);
    assert!(matches!(told, Err(OpenError::Option("http.flow"))));
    for opts in [
        Opts::new().transport(Transport::Quic),
        Opts::new().protocols([Protocol::Http3]),
    ] {
        let told = gun::open("127.0.0.1", 1, opts);
        assert!(matches!(told, Err(OpenError::Http3)), "{told:?}");
    }
    // What is wrong with a request is told as what comes of it would be.
    let peer = Peer::new();
    let (conn, _line) = peer.open(Opts::new());
    let flow = ReqOpts::new().flow(0);
    let to = || Destination::new("localhost", 1);
    let connect = |to: Destination| gun::connect(conn, to, (), ReqOpts::new());
    let streams = [
        (
            gun::request(conn, http::Method::GET, "/", (), "", flow.clone()),
            "flow",
        ),
        (
            gun::request(conn, http::Method::CONNECT, "/", (), "", ReqOpts::new()),
            "method",
        ),
        (connect(Destination::new("", 1)), "host"),
        (connect(to().protocols([Protocol::Http; 0])), "protocols"),
        (connect(to().protocols([Protocol::Http3])), "protocols"),
        (connect(to().transport(Transport::Quic)), "transport"),
        (
            connect(to().tls_handshake_timeout(none)),
            "tls_handshake_timeout",
        ),
        (
            gun::ws_upgrade(conn, "/", (), WsOpts::new().flow(0)),
            "ws.flow",
        ),
    ];
    for (stream, key) in streams {
        let reason = Reason::BadState(gun::BadState::Option(key));
        assert_eq!(
            gun::await_(conn, stream, SOON),
            Err(AwaitError::Stream(reason))
        );
    }
    gun::close(conn).unwrap();
}

/// Times may be as long as they will, and pings none.
#[runtime::test]
fn keepalive_infinity() {
    let peer = Peer::new();
    let opts = Opts::new()
        .connect_timeout(Duration::MAX)
        .domain_lookup_timeout(Duration::MAX)
        .tls_handshake_timeout(Duration::MAX)
        .send_timeout(None)
        .http(gun::HttpOpts::new().closing_timeout(None))
        .http2(gun::Http2Opts::new().keepalive(None).preface_timeout(None))
        .ws(gun::WsOpts::new().keepalive(None).closing_timeout(None));
    let (conn, _line) = peer.open(opts);
    gun::close(conn).unwrap();
    // As long as a time can be is as good as for ever.
    let opts = Opts::new()
        .send_timeout(Duration::MAX)
        .retry_timeout(Duration::MAX)
        .http(gun::HttpOpts::new().closing_timeout(Duration::MAX));
    let (conn, mut line) = peer.open(opts);
    let stream = gun::get(conn, "/", ());
    line.head();
    gun::shutdown(conn);
    line.write("HTTP/1.1 204 No Content\r\n\r\n");
    gun::await_(conn, stream, SOON).unwrap();
    let http2 = gun::Http2Opts::new()
        .closing_timeout(Duration::MAX)
        .keepalive(Duration::MAX)
        .preface_timeout(Duration::MAX)
        .settings_timeout(Duration::MAX);
    let (conn, _frames) = crate::frames::open(&peer, Opts::new().http2(http2), &[]);
    gun::shutdown(conn);
    let ws = gun::WsOpts::new()
        .keepalive(Duration::MAX)
        .closing_timeout(Duration::MAX);
    let (conn, mut line) = peer.open(Opts::new());
    let stream = gun::ws_upgrade(conn, "/", (), ws);
    crate::ws::grant(&mut line, "", "");
    gun::await_(conn, stream, SOON).unwrap();
    gun::ws_send(conn, stream, [gun::ws::Frame::Close]);
    line.write(b"\x88\x00");
    let told = gun::await_(conn, stream, SOON);
    assert_eq!(told, Ok(gun::Awaited::Ws(gun::ws::Frame::Close)));
}
