//! What goes wrong with tunnels, and what then becomes of the rest.

use std::time::Duration;

use gun::{
    AlertDescription, AwaitError, Awaited, BadState, Down as Lost, HttpOpts, Notice, Opts,
    Protocol, Reason, ReqOpts, StreamRef, TlsOpts, TlsReason, Transport,
};
use http::Method;
use runtime::prelude::*;

use crate::echo::{self, Origin};
use crate::peer::{Line, Peer, SOON};
use crate::proxy::{Answer, AskedSocks, Kind, Proxy, beyond, destination};
use crate::wire;

fn to(origin: Origin) -> gun::Destination {
    destination(origin.port, origin.kind.transport(), origin.kind.protocol())
}

fn is_up(conn: Pid, tunnel: StreamRef, protocol: Protocol) {
    assert!(matches!(
        gun::await_(conn, tunnel, SOON),
        Ok(Awaited::Response { fin: true, .. })
    ));
    assert_eq!(gun::await_(conn, tunnel, SOON), Ok(Awaited::Up(protocol)));
}

fn failed(conn: Pid, stream: StreamRef, reason: Reason) {
    let told = gun::await_(conn, stream, SOON);
    assert_eq!(told, Err(AwaitError::Stream(reason)));
}

fn down(conn: Pid) -> (Reason, Vec<StreamRef>) {
    receive! {
        lost: Lost if lost.conn == conn => (lost.reason, lost.killed),
        after SOON => panic!("no Down"),
    }
}

/// A connection that has asked for a tunnel, and the proxy's end.
fn asked(peer: &Peer, opts: Opts, to: gun::Destination) -> (Pid, StreamRef, Line) {
    let (conn, mut line) = peer.open(opts);
    let tunnel = gun::connect(conn, to, (), ReqOpts::new());
    assert!(line.head().starts_with("CONNECT "));
    (conn, tunnel, line)
}

fn anywhere() -> gun::Destination {
    destination(80, Transport::Tcp, Protocol::Http)
}

const OK: &str = "HTTP/1.1 200 OK\r\n\r\n";

/// A proxy that answers nonsense, or too much, or nothing before it closes, is lost, with the tunnel.
#[runtime::test]
fn answers_nonsense() {
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(20_000));
    for (answer, reason) in [
        ("\x05\x00nonsense\r\n\r\n", Reason::Protocol),
        ("HTTP/9.9 200 OK\r\n\r\n", Reason::Protocol),
        (long.as_str(), Reason::Protocol),
        ("", Reason::Closed),
        ("HTTP/1.1 200 OK\r\nserver: ", Reason::Closed),
    ] {
        let peer = Peer::new();
        let http = HttpOpts::new().max_header_block_size(10_000);
        let (conn, tunnel, mut line) = asked(&peer, Opts::new().retry(0).http(http), anywhere());
        line.write(answer);
        drop(line);
        failed(conn, tunnel, reason);
        assert_eq!(down(conn), (reason, vec![tunnel]), "{answer:?}");
    }
}

/// One that closes the tunnel, while TLS is to begin in it or later, is lost likewise; requests in it are told.
#[runtime::test]
fn closes_the_tunnel() {
    let peer = Peer::new();
    let secret = destination(443, Transport::Tls, Protocol::Http);
    let (conn, tunnel, mut line) = asked(&peer, Opts::new().retry(0), secret);
    line.write(OK);
    let hello: [u8; 1] = line.bytes();
    assert_eq!(hello, [22]);
    drop(line);
    assert!(matches!(
        gun::await_(conn, tunnel, SOON),
        Ok(Awaited::Response { fin: true, .. })
    ));
    let Err(AwaitError::Stream(reason)) = gun::await_(conn, tunnel, SOON) else {
        panic!("no error");
    };
    assert!(matches!(reason, Reason::Closed | Reason::Io(_)), "{reason}");
    assert_eq!(down(conn), (reason, vec![tunnel]));

    let (conn, tunnel, mut line) = asked(&peer, Opts::new().retry(0), anywhere());
    line.write(OK);
    is_up(conn, tunnel, Protocol::Http);
    let through = ReqOpts::new().tunnel(tunnel);
    let stream = gun::request(conn, Method::GET, "/", (), "", through);
    line.head();
    drop(line);
    failed(conn, stream, Reason::Closed);
    failed(conn, tunnel, Reason::Closed);
    assert_eq!(down(conn), (Reason::Closed, vec![tunnel]));
}

/// A proxy that does not answer: told to shut down, the connection waits for it as long as was said; so it does when
/// its owner has ended.
#[runtime::test]
fn never_answers() {
    let peer = Peer::new();
    let http = HttpOpts::new().closing_timeout(Duration::from_millis(1));
    let opts = Opts::new().http(http);
    let (conn, tunnel, line) = asked(&peer, opts.clone(), anywhere());
    let watch = monitor(conn);
    gun::shutdown(conn);
    failed(conn, tunnel, Reason::Closing);
    receive! {
        Down { monitor, reason, .. } if monitor == watch => assert_eq!(reason, ExitReason::Shutdown),
        after SOON => panic!("it goes on"),
    }
    assert_eq!(line.end(), "");

    let (port, test) = (peer.port(), self_pid());
    spawn!(move || {
        let conn = gun::open("127.0.0.1", port, opts).unwrap();
        gun::connect(conn, anywhere(), (), ReqOpts::new());
        send(test, conn);
    });
    let conn = receive! { conn: Pid => conn };
    let watch = monitor(conn);
    receive! {
        Down { monitor, .. } if monitor == watch => {}
        after SOON => panic!("it outlives its owner"),
    }
}

/// A tunnel in which TLS never begins ends with the connection that is shut down.
#[runtime::test]
fn never_shakes_hands() {
    let silent = Peer::new();
    for kind in [Kind::Http, Kind::H2c] {
        let conn = kind.start().open(kind.protocol());
        let watch = monitor(conn);
        let secret = destination(silent.port(), Transport::Tls, Protocol::Http);
        let tunnel = gun::connect(conn, secret, (), ReqOpts::new());
        assert!(matches!(
            gun::await_(conn, tunnel, SOON),
            Ok(Awaited::Response { fin: true, .. })
        ));
        gun::shutdown(conn);
        failed(conn, tunnel, Reason::Closing);
        receive! {
            Down { monitor, reason, .. } if monitor == watch => assert_eq!(reason, ExitReason::Shutdown),
            after SOON => panic!("it goes on"),
        }
    }
}

/// An origin that is not trusted fails the tunnel: over HTTP/1.1 that is the connection, over HTTP/2 it is not.
#[runtime::test]
fn untrusted() {
    let origin = echo::Kind::Https.start();
    let reason = Reason::Tls(TlsReason::NoAuthority);
    for kind in [Kind::Https, Kind::H2] {
        let conn = kind.start().open(kind.protocol());
        let nobody = to(origin).tls(TlsOpts::new().trust([]));
        let tunnel = gun::connect(conn, nobody, (), ReqOpts::new());
        assert!(matches!(
            gun::await_(conn, tunnel, SOON),
            Ok(Awaited::Response { fin: true, .. })
        ));
        failed(conn, tunnel, reason);
        if kind == Kind::Https {
            assert_eq!(down(conn), (reason, vec![tunnel]));
            continue;
        }
        let tunnel = gun::connect(conn, to(origin), (), ReqOpts::new());
        is_up(conn, tunnel, Protocol::Http);
        origin.exchange(conn, tunnel);
        gun::close(conn).unwrap();
    }
}

/// Over HTTP/2 the loss of a tunnel is that of its stream: requests in it and it are told, the others go on, and
/// nothing is listed as killed when the connection is lost later.
#[runtime::test]
fn loss_of_a_tunnel_over_http2() {
    for kind in [Kind::H2c, Kind::H2] {
        let (proxy, peer, other) = (kind.start(), Peer::new(), echo::Kind::H2.start());
        let conn = proxy.open(kind.protocol());
        let first = destination(peer.port(), Transport::Tcp, Protocol::Http);
        let lost = gun::connect(conn, first, (), ReqOpts::new());
        let kept = gun::connect(conn, to(other), (), ReqOpts::new());
        is_up(conn, lost, Protocol::Http);
        is_up(conn, kept, Protocol::Http2);
        let mut line = peer.accept();
        let streams = ["/a", "/b"].map(|path| {
            let through = ReqOpts::new().tunnel(lost);
            gun::request(conn, Method::GET, path, (), "", through)
        });
        line.head();
        drop(line);
        for stream in streams {
            failed(conn, stream, Reason::Closed);
        }
        failed(conn, lost, Reason::Closed);
        other.exchange(conn, kept);
        let through = ReqOpts::new().tunnel(lost);
        let late = gun::request(conn, Method::GET, "/", (), "", through);
        failed(conn, late, Reason::BadState(BadState::NoTunnel));
        assert_eq!(gun::info(conn).unwrap().streams, 1);
        gun::close(conn).unwrap();
    }
}

/// When the connection is lost, its tunnels are listed, the oldest first, and not what is in them; all are told.
#[runtime::test]
fn killed() {
    for kind in [Kind::Http, Kind::H2c] {
        let (first, second) = (Kind::H2c.start(), kind.start());
        let origin = echo::Kind::Http.start();
        let relay = Relay::to(first);
        let opts = first.opts(Protocol::Http2.into());
        let conn = gun::open("localhost", relay.port, opts).unwrap();
        let way = destination(second.port, Transport::Tcp, kind.protocol());
        let one = gun::connect(conn, way, (), ReqOpts::new());
        is_up(conn, one, kind.protocol());
        let two = gun::connect(conn, to(origin), (), ReqOpts::new().tunnel(one));
        is_up(conn, two, Protocol::Http);
        let other = gun::connect(conn, to(origin), (), ReqOpts::new());
        is_up(conn, other, Protocol::Http);
        let through = ReqOpts::new().tunnel(two);
        let body = [("content-length", "5")];
        let stream = gun::headers(conn, Method::POST, "/path", body, through);
        assert!(gun::stream_info(conn, stream).unwrap().is_some());
        relay.cut();
        for stream in [stream, two, one, other] {
            let told = gun::await_(conn, stream, SOON);
            assert!(matches!(told, Err(AwaitError::Stream(_))), "{told:?}");
        }
        assert_eq!(down(conn).1, [one, other]);
    }
}

/// A relay before a proxy, which can be cut.
struct Relay {
    port: u16,
    cutter: Pid,
}

#[derive(Debug)]
struct Cut;

impl Relay {
    fn to(proxy: Proxy) -> Relay {
        let listener = runtime::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let cutter = spawn!(move || {
            let (mut near, _) = listener.accept().unwrap();
            let mut far = wire::dial(proxy.port).unwrap();
            runtime::block_on(async {
                let mut cut = std::pin::pin!(runtime::future::receive_type::<Cut>());
                let mut both = std::pin::pin!(tokio::io::copy_bidirectional(&mut near, &mut far));
                std::future::poll_fn(|cx| {
                    if both.as_mut().poll(cx).is_ready() {
                        return std::task::Poll::Ready(());
                    }
                    cut.as_mut().poll(cx).map(drop)
                })
                .await;
            });
        });
        Relay { port, cutter }
    }

    fn cut(&self) {
        send(self.cutter, Cut);
    }
}

/// Over HTTP/1.1 a tunnel takes the connection, which it cannot while others use it.
#[runtime::test]
fn busy() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let stream = gun::get(conn, "/", ());
    let tunnel = gun::connect(conn, anywhere(), (), ReqOpts::new());
    failed(conn, tunnel, Reason::BadState(BadState::Busy));
    line.head();
    line.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    assert_eq!(gun::await_body(conn, stream, SOON).unwrap().0, "ok");
    let tunnel = gun::connect(conn, anywhere(), (), ReqOpts::new());
    line.head();
    // Who comes while it is asked for cannot have the connection afterwards.
    let late = gun::get(conn, "/late", ());
    line.write(OK);
    is_up(conn, tunnel, Protocol::Http);
    failed(conn, late, Reason::BadState(BadState::NoTunnel));
    let without = gun::get(conn, "/without", ());
    failed(conn, without, Reason::BadState(BadState::NoTunnel));
    gun::close(conn).unwrap();
}

/// A stream that is no tunnel cannot be gone through.
#[runtime::test]
fn no_tunnel() {
    let origin = echo::Kind::H2c.start();
    let proxy = Kind::H2c.start();
    let conn = proxy.open(Protocol::Http2);
    let tunnel = gun::connect(conn, to(origin), (), ReqOpts::new());
    is_up(conn, tunnel, Protocol::Http2);
    let stream = origin.exchange(conn, tunnel);
    let through = ReqOpts::new().tunnel(stream);
    let late = gun::request(conn, Method::GET, "/", (), "", through.clone());
    failed(conn, late, Reason::BadState(BadState::NoTunnel));
    let late = gun::connect(conn, anywhere(), (), through);
    failed(conn, late, Reason::BadState(BadState::NoTunnel));
    let ping = gun::ping(conn, ReqOpts::new().tunnel(stream));
    failed(conn, ping, Reason::BadState(BadState::NoTunnel));
    gun::close(conn).unwrap();
}

/// A tunnel over HTTP/2 that is cancelled is gone, with what is in it; its proxy is told, the others go on.
#[runtime::test]
fn cancel() {
    let (proxy, peer, other) = (Kind::H2c.start(), Peer::new(), echo::Kind::Http.start());
    let conn = proxy.open(Protocol::Http2);
    let first = destination(peer.port(), Transport::Tcp, Protocol::Http);
    let tunnel = gun::connect(conn, first, (), ReqOpts::new());
    is_up(conn, tunnel, Protocol::Http);
    let mut line = peer.accept();
    let through = ReqOpts::new().tunnel(tunnel);
    let stream = gun::request(conn, Method::GET, "/", (), "", through.clone());
    line.head();
    gun::cancel(conn, tunnel);
    assert_eq!(gun::stream_info(conn, tunnel).unwrap(), None);
    assert_eq!(gun::stream_info(conn, stream).unwrap(), None);
    let late = gun::request(conn, Method::GET, "/", (), "", through);
    failed(conn, late, Reason::BadState(BadState::NoTunnel));
    // The proxy has let go of it.
    assert_eq!(line.end(), "");
    let kept = gun::connect(conn, to(other), (), ReqOpts::new());
    is_up(conn, kept, Protocol::Http);
    other.exchange(conn, kept);
    receive! {
        gun::Error { stream, .. } if stream == Some(tunnel) => panic!("not silent"),
        after Duration::ZERO => {}
    }
    gun::close(conn).unwrap();
}

/// A request in a tunnel can be cancelled, whatever is around it.
#[runtime::test]
fn cancel_in_a_tunnel() {
    for kind in [Kind::Http, Kind::H2c, Kind::Socks5] {
        let (proxy, origin) = (kind.start(), echo::Kind::H2c.start());
        let way = || beyond(origin.port, Transport::Tcp, Protocol::Http2);
        let conn = proxy.open(proxy.spoken(way));
        let here = if kind.is_socks() {
            let told = gun::await_(conn, StreamRef::UNDEFINED, SOON);
            assert_eq!(told, Ok(Awaited::Up(Protocol::Http2)));
            StreamRef::UNDEFINED
        } else {
            let tunnel = gun::connect(conn, to(origin), (), ReqOpts::new());
            is_up(conn, tunnel, Protocol::Http2);
            tunnel
        };
        let through = ReqOpts::new().tunnel(here);
        let stream = gun::headers(conn, Method::POST, "/path", (), through);
        assert!(gun::stream_info(conn, stream).unwrap().is_some());
        gun::cancel(conn, stream);
        assert_eq!(gun::stream_info(conn, stream).unwrap(), None);
        origin.exchange(conn, here);
        gun::close(conn).unwrap();
    }
}

/// Requests that name a tunnel which is still opening wait for it, and go through it in order.
#[runtime::test]
fn requests_before_the_tunnel_over_http2() {
    let (proxy, origin) = (Kind::H2c.start(), echo::Kind::Https.start());
    let conn = proxy.open(Protocol::Http2);
    let tunnel = gun::connect(conn, to(origin), (), ReqOpts::new());
    assert!(matches!(
        gun::await_(conn, tunnel, SOON),
        Ok(Awaited::Response { fin: true, .. })
    ));
    // TLS is still to be spoken.
    let streams = [1, 2, 3].map(|_| {
        let through = ReqOpts::new().tunnel(tunnel);
        gun::request(conn, Method::POST, "/path", (), "hello", through)
    });
    for stream in streams {
        let (body, _) = gun::await_body(conn, stream, SOON).unwrap();
        assert_eq!(body, origin.says());
    }
    gun::close(conn).unwrap();
}

/// A SOCKS proxy behind CONNECT that refuses fails the tunnel.
#[runtime::test]
fn refused_behind_connect() {
    let answer = Answer {
        reply: 2,
        ..Answer::default()
    };
    let rules = gun::Socks5Error::ConnectionNotAllowedByRuleset;
    for kind in [Kind::Http, Kind::H2c] {
        let (first, second) = (kind.start(), Kind::Socks5.start_as(answer.clone()));
        let conn = first.open(kind.protocol());
        let last = beyond(1, Transport::Tcp, Protocol::Http);
        let way = destination(second.port, Transport::Tcp, last);
        let tunnel = gun::connect(conn, way, (), ReqOpts::new());
        is_up(conn, tunnel, Protocol::Socks);
        failed(conn, tunnel, Reason::Socks5(rules));
        receive! { AskedSocks { host, .. } => assert_eq!(host, "localhost") }
        if kind == Kind::Http {
            assert_eq!(down(conn), (Reason::Socks5(rules), vec![tunnel]));
        } else {
            gun::close(conn).unwrap();
        }
    }
}

fn pinged(kind: Kind) {
    let (proxy, origin) = (kind.start(), echo::Kind::H2c.start());
    let conn = proxy.open(kind.protocol());
    let tunnel = gun::connect(conn, to(origin), (), ReqOpts::new());
    is_up(conn, tunnel, Protocol::Http2);
    for _ in 0..2 {
        let ping = gun::ping(conn, ReqOpts::new().tunnel(tunnel));
        let told = receive! { told: gun::Notify => told.notice, after SOON => panic!("no answer") };
        assert_eq!(told, Notice::PingAck(ping));
    }
    gun::close(conn).unwrap();
}

/// HTTP/2 in a tunnel of HTTP/1.1's is pinged there.
#[runtime::test]
fn h2c_user_ping_via_http() {
    pinged(Kind::Http);
}

/// HTTP/2 in a tunnel of HTTP/1.1's over TLS is pinged there.
#[runtime::test]
fn h2c_user_ping_via_https() {
    pinged(Kind::Https);
}

/// HTTP/2 in a stream of HTTP/2's is pinged there.
#[runtime::test]
fn h2c_user_ping_via_h2c() {
    pinged(Kind::H2c);
}

/// HTTP/2 in a stream of HTTP/2's over TLS is pinged there.
#[runtime::test]
fn h2c_user_ping_via_h2() {
    pinged(Kind::H2);
}

/// An origin that asks for a certificate which it does not get says so after the handshake is done on our side, by TLS
/// 1.3: its alert is the reason, through whatever proxy.
fn alerted(proxy: Kind, protocol: Protocol) {
    let origin = wire::listen(Some(wire::demanding()), |_| async { Ok(()) });
    let proxy = proxy.start();
    let conn = proxy.open(proxy.kind.protocol());
    let to = destination(origin, Transport::Tls, protocol);
    let tunnel = gun::connect(conn, to, (), ReqOpts::new());
    is_up(conn, tunnel, protocol);
    let reason = Reason::Tls(TlsReason::Alert(AlertDescription::CertificateRequired));
    failed(conn, tunnel, reason);
    if proxy.kind.protocol() == Protocol::Http {
        assert_eq!(down(conn), (reason, vec![tunnel]));
    } else {
        gun::close(conn).unwrap();
    }
}

/// So it is without a proxy.
fn alerted_directly(protocol: Protocol) {
    let port = wire::listen(Some(wire::demanding()), |_| async { Ok(()) });
    let opts = Opts::new()
        .retry(0)
        .transport(Transport::Tls)
        .tls(wire::trusted())
        .protocols([protocol]);
    let conn = gun::open("localhost", port, opts).unwrap();
    assert_eq!(gun::await_up(conn, SOON), Ok(protocol));
    let reason = Reason::Tls(TlsReason::Alert(AlertDescription::CertificateRequired));
    assert_eq!(down(conn), (reason, vec![]));
}

/// A late alert is the reason.
#[runtime::test]
fn tls13_post_handshake_alert_http1() {
    alerted_directly(Protocol::Http);
}

/// A late alert is the reason.
#[runtime::test]
fn tls13_post_handshake_alert_http2() {
    alerted_directly(Protocol::Http2);
}

macro_rules! alerts {
    ($($name:ident: $proxy:ident, $protocol:ident;)*) => {$(
        /// A late alert is the reason.
        #[runtime::test]
        fn $name() {
            alerted(Kind::$proxy, Protocol::$protocol);
        }
    )*};
}

alerts! {
    tls13_post_handshake_alert_http1_via_http: Http, Http;
    tls13_post_handshake_alert_http2_via_http: Http, Http2;
    tls13_post_handshake_alert_http1_via_https: Https, Http;
    tls13_post_handshake_alert_http2_via_https: Https, Http2;
    tls13_post_handshake_alert_http1_via_h2c: H2c, Http;
    tls13_post_handshake_alert_http2_via_h2c: H2c, Http2;
    tls13_post_handshake_alert_http1_via_h2: H2, Http;
    tls13_post_handshake_alert_http2_via_h2: H2, Http2;
}

/// Connections that have gone through tunnels leave nothing behind: no process, no monitor of the caller's.
#[runtime::test]
fn no_leak() {
    let proxies = [Kind::Http, Kind::H2c, Kind::Socks5].map(Kind::start);
    let origin = echo::Kind::Http.start();
    let watched = || {
        runtime::process_info(self_pid())
            .unwrap()
            .monitored_by
            .len()
    };
    let mut before = None;
    for round in 0..20 {
        for proxy in proxies {
            let way = || beyond(origin.port, Transport::Tcp, Protocol::Http);
            let conn = proxy.open(proxy.spoken(way));
            let watch = monitor(conn);
            let here = if proxy.kind.is_socks() {
                let told = gun::await_(conn, StreamRef::UNDEFINED, SOON);
                assert_eq!(told, Ok(Awaited::Up(Protocol::Http)));
                StreamRef::UNDEFINED
            } else {
                let opts = ReqOpts::new().cancel_on_down(true);
                let tunnel = gun::connect(conn, to(origin), (), opts);
                is_up(conn, tunnel, Protocol::Http);
                tunnel
            };
            origin.exchange(conn, here);
            if round % 2 == 0 {
                gun::shutdown(conn);
            } else {
                exit_signal(conn, ExitReason::Kill);
            }
            receive! { Down { monitor, .. } if monitor == watch => {} }
            gun::flush(conn);
        }
        // Those of the proxies and of the origin end when they see the end of their sockets.
        let most = *before.get_or_insert_with(|| runtime::processes().len() + 30);
        while runtime::processes().len() > most || watched() > 0 {
            sleep(Duration::from_millis(1));
        }
    }
}
