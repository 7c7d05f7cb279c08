//! CONNECT: Gun's rfc7231_SUITE, over HTTP/1.1, and the cases of its rfc7540_SUITE, over HTTP/2.

use std::time::Duration;

use gun::{
    AwaitError, Awaited, BadState, HttpOpts, HttpVersion, Opts, Protocol, Reason, ReqOpts,
    StreamRef, Transport,
};
use http::Method;
use runtime::prelude::*;

use crate::echo::{self, Origin};
use crate::peer::{Peer, SOON};
use crate::proxy::{Answer, Asked, Kind, Proxy, destination};

/// The way to an origin.
fn to(origin: Origin) -> gun::Destination {
    destination(origin.port, origin.kind.transport(), origin.kind.protocol())
}

/// Waits for a tunnel to be granted and up.
fn granted(conn: Pid, tunnel: StreamRef, protocol: Protocol) {
    match gun::await_(conn, tunnel, SOON) {
        Ok(Awaited::Response {
            fin: true, status, ..
        }) => assert_eq!(status, 200),
        other => panic!("{other:?}"),
    }
    assert_eq!(gun::await_(conn, tunnel, SOON), Ok(Awaited::Up(protocol)));
}

/// Through a proxy to an origin, which is asked something; what the proxy was asked.
fn through(proxy: Kind, origin: echo::Kind) -> Asked {
    let (proxy, origin) = (proxy.start(), origin.start());
    let conn = proxy.open(proxy.kind.protocol());
    let tunnel = gun::connect(conn, to(origin), (), ReqOpts::new());
    granted(conn, tunnel, origin.kind.protocol());
    let asked = receive! { asked: Asked => asked };
    assert_eq!(asked.port, origin.port);
    assert_eq!(asked.authority, format!("localhost:{}", origin.port));
    origin.exchange(conn, tunnel);
    gun::close(conn).unwrap();
    asked
}

macro_rules! cases {
    ($($(#[$doc:meta])* $name:ident: $proxy:ident, $origin:ident;)*) => {$(
        $(#[$doc])*
        #[runtime::test]
        fn $name() {
            through(Kind::$proxy, echo::Kind::$origin);
        }
    )*};
}

cases! {
    /// HTTP/1.1 through a proxy of HTTP/1.1.
    connect_http: Http, Http;
    /// HTTP/1.1 over TLS through a proxy of HTTP/1.1.
    connect_https: Http, Https;
    /// HTTP/1.1 through a proxy of HTTP/1.1 over TLS.
    connect_http_over_https_proxy: Https, Http;
    /// TLS in TLS, with HTTP/1.1.
    connect_https_over_https_proxy: Https, Https;
    /// HTTP/2 through a proxy of HTTP/1.1.
    connect_h2c: Http, H2c;
    /// HTTP/2 over TLS through a proxy of HTTP/1.1.
    connect_h2: Http, H2;
    /// HTTP/2 through a proxy of HTTP/1.1 over TLS.
    connect_h2c_over_https_proxy: Https, H2c;
    /// TLS in TLS, with HTTP/2 inside.
    connect_h2_over_https_proxy: Https, H2;
    /// HTTP/1.1 through a stream of HTTP/2's.
    connect_http_via_h2c: H2c, Http;
    /// HTTP/1.1 over TLS through a stream of HTTP/2's.
    connect_https_via_h2c: H2c, Https;
    /// HTTP/1.1 through a stream of HTTP/2's over TLS.
    connect_http_via_h2: H2, Http;
    /// HTTP/1.1 over TLS through a stream of HTTP/2's over TLS.
    connect_https_via_h2: H2, Https;
    /// HTTP/2 through a stream of HTTP/2's.
    connect_h2c_via_h2c: H2c, H2c;
    /// HTTP/2 over TLS through a stream of HTTP/2's.
    connect_h2_via_h2c: H2c, H2;
    /// HTTP/2 through a stream of HTTP/2's over TLS.
    connect_h2c_via_h2: H2, H2c;
    /// HTTP/2 over TLS through a stream of HTTP/2's over TLS.
    connect_h2_via_h2: H2, H2;
}

/// Through some proxies in a row to an origin.
fn in_a_row(kinds: &[Kind], origin: echo::Kind) {
    let proxies: Vec<Proxy> = kinds.iter().map(|kind| kind.start()).collect();
    let origin = origin.start();
    let conn = proxies[0].open(proxies[0].kind.protocol());
    let mut here = StreamRef::UNDEFINED;
    for proxy in &proxies[1..] {
        let next = destination(proxy.port, proxy.kind.transport(), proxy.kind.protocol());
        let tunnel = gun::connect(conn, next, (), ReqOpts::new().tunnel(here));
        granted(conn, tunnel, proxy.kind.protocol());
        here = tunnel;
    }
    let tunnel = gun::connect(conn, to(origin), (), ReqOpts::new().tunnel(here));
    granted(conn, tunnel, origin.kind.protocol());
    origin.exchange(conn, tunnel);
    gun::close(conn).unwrap();
}

/// Through two proxies over TCP.
#[runtime::test]
fn connect_tcp_through_multiple_tcp_proxies() {
    in_a_row(&[Kind::Http, Kind::Http], echo::Kind::Http);
}

/// Through two proxies over TLS.
#[runtime::test]
fn connect_tls_through_multiple_tls_proxies() {
    in_a_row(&[Kind::Https, Kind::Https], echo::Kind::Https);
}

/// Through HTTP/1.1 in a stream of HTTP/2's.
#[runtime::test]
fn connect_http_via_http_via_h2c() {
    in_a_row(&[Kind::H2c, Kind::Http], echo::Kind::Http);
}

/// Through five proxies, four times TLS in TLS.
#[runtime::test]
fn many_in_a_row() {
    let kinds = [Kind::H2, Kind::Https, Kind::H2, Kind::Https, Kind::H2];
    in_a_row(&kinds, echo::Kind::H2);
}

fn answered(head: &str) -> (Pid, Origin, StreamRef) {
    let origin = echo::Kind::Http.start();
    let proxy = Kind::Http.start_as(Answer {
        head: Some(head.into()),
        ..Answer::default()
    });
    let conn = proxy.open(Protocol::Http);
    let tunnel = gun::connect(conn, to(origin), (), ReqOpts::new());
    (conn, origin, tunnel)
}

/// Any 2xx grants a tunnel.
#[runtime::test]
fn connect_response_201() {
    let (conn, origin, tunnel) = answered("HTTP/1.1 201 Created\r\n\r\n");
    assert!(matches!(
        gun::await_(conn, tunnel, SOON),
        Ok(Awaited::Response { fin: true, status, .. }) if status == 201
    ));
    let told = gun::await_(conn, tunnel, SOON);
    assert_eq!(told, Ok(Awaited::Up(Protocol::Http)));
    origin.exchange(conn, tunnel);
    gun::close(conn).unwrap();
}

/// What grants no tunnel is a response like others, and the connection goes on.
fn refused(code: u16) {
    let head = format!("HTTP/1.1 {code} No\r\ncontent-length: 0\r\n\r\n");
    let (conn, origin, tunnel) = answered(&head);
    assert!(matches!(
        gun::await_(conn, tunnel, SOON),
        Ok(Awaited::Response { fin: true, status, .. }) if status == code
    ));
    let through = ReqOpts::new().tunnel(tunnel);
    let stream = gun::request(conn, Method::GET, "/", (), "", through);
    let told = gun::await_(conn, stream, SOON);
    let no_tunnel = Reason::BadState(BadState::NoTunnel);
    assert_eq!(told, Err(AwaitError::Stream(no_tunnel)));
    let again = gun::connect(conn, to(origin), (), ReqOpts::new());
    assert!(matches!(
        gun::await_(conn, again, SOON),
        Ok(Awaited::Response { fin: true, status, .. }) if status == code
    ));
    gun::close(conn).unwrap();
}

/// A redirection is a response like others.
#[runtime::test]
fn connect_response_302() {
    refused(302);
}

/// So is a refusal.
#[runtime::test]
fn connect_response_403() {
    refused(403);
}

/// So is a failure.
#[runtime::test]
fn connect_response_500() {
    refused(500);
}

/// A proxy may speak HTTP/1.0.
#[runtime::test]
fn connect_response_http10() {
    let (conn, origin, tunnel) = answered("HTTP/1.0 200 OK\r\n\r\n");
    granted(conn, tunnel, Protocol::Http);
    origin.exchange(conn, tunnel);
    gun::close(conn).unwrap();
}

/// Headers of a body mean nothing in what grants a tunnel.
#[runtime::test]
fn connect_response_ignore_content_length() {
    let (conn, origin, tunnel) = answered("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n");
    granted(conn, tunnel, Protocol::Http);
    origin.exchange(conn, tunnel);
    gun::close(conn).unwrap();
}

/// So with a coding.
#[runtime::test]
fn connect_response_ignore_transfer_encoding() {
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let (conn, origin, tunnel) = answered(head);
    granted(conn, tunnel, Protocol::Http);
    origin.exchange(conn, tunnel);
    gun::close(conn).unwrap();
}

/// The target is the authority, and the host header says the same.
#[runtime::test]
fn connect_authority_form() {
    let asked = through(Kind::Http, echo::Kind::Http);
    assert_eq!(asked.headers["host"], *asked.authority);
}

/// A request for a tunnel says nothing of a body.
#[runtime::test]
fn connect_request_no_transfer_encoding() {
    for kind in [Kind::Http, Kind::H2c] {
        let asked = through(kind, echo::Kind::Http);
        assert!(!asked.headers.contains_key("transfer-encoding"));
        assert!(!asked.headers.contains_key("content-length"));
        assert!(!asked.headers.contains_key("proxy-authorization"));
    }
}

/// A name and a password are told to the proxy; a header that is given wins.
#[runtime::test]
fn connect_proxy_authorization() {
    for kind in [Kind::Http, Kind::H2c] {
        let origin = echo::Kind::Http.start();
        let proxy = kind.start();
        for (given, expected) in [(None, "Basic dXNlcjpzZWNyZXQ="), (Some("Other"), "Other")] {
            let conn = proxy.open(kind.protocol());
            let to = to(origin).credentials("user", "secret");
            let headers: Vec<(&str, &str)> = given
                .map(|value| ("proxy-authorization", value))
                .into_iter()
                .collect();
            let tunnel = gun::connect(conn, to, &*headers, ReqOpts::new());
            granted(conn, tunnel, Protocol::Http);
            let asked = receive! { asked: Asked => asked };
            assert_eq!(asked.headers["proxy-authorization"], expected);
            gun::close(conn).unwrap();
        }
    }
}

/// HTTP/1.0 asks for tunnels too.
#[runtime::test]
fn connect_request_http10() {
    let (proxy, origin) = (Kind::Http.start(), echo::Kind::Http.start());
    let conn = proxy.open(HttpOpts::new().version(HttpVersion::Http10));
    let tunnel = gun::connect(conn, to(origin), (), ReqOpts::new());
    granted(conn, tunnel, Protocol::Http);
    origin.exchange(conn, tunnel);
    gun::close(conn).unwrap();
}

/// An answer may take its time.
#[runtime::test]
fn connect_delay() {
    let proxy = Peer::new();
    let (conn, mut line) = proxy.open(Opts::new().retry(0));
    let to = destination(80, Transport::Tcp, Protocol::Http);
    let tunnel = gun::connect(conn, to, (), ReqOpts::new());
    assert!(line.head().starts_with("CONNECT localhost:80 HTTP/1.1\r\n"));
    let told = gun::await_(conn, tunnel, Duration::from_millis(20));
    assert_eq!(told, Err(AwaitError::Timeout));
    line.write("HTTP/1.1 100 Continue\r\n\r\n");
    assert!(matches!(
        gun::await_(conn, tunnel, SOON),
        Ok(Awaited::Inform { status, .. }) if status == 100
    ));
    line.write("HTTP/1.1 200 OK\r\n\r\n");
    granted(conn, tunnel, Protocol::Http);
    let through = ReqOpts::new().tunnel(tunnel);
    let stream = gun::request(conn, Method::GET, "/", (), "", through);
    assert!(line.head().contains("host: localhost\r\n"));
    line.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    assert_eq!(gun::await_body(conn, stream, SOON).unwrap().0, "ok");
    gun::close(conn).unwrap();
}

/// TLS in a tunnel may take as long as was said; then the tunnel fails, and over HTTP/2 nothing else does.
#[runtime::test]
fn connect_handshake_timeout() {
    let silent = Peer::new();
    for kind in [Kind::Http, Kind::H2c] {
        let (proxy, origin) = (kind.start(), echo::Kind::Http.start());
        let conn = proxy.open(kind.protocol());
        let to_silent = destination(silent.port(), Transport::Tls, Protocol::Http)
            .tls_handshake_timeout(Duration::from_millis(10));
        let tunnel = gun::connect(conn, to_silent, (), ReqOpts::new());
        assert!(matches!(
            gun::await_(conn, tunnel, SOON),
            Ok(Awaited::Response { fin: true, .. })
        ));
        let told = gun::await_(conn, tunnel, SOON);
        assert_eq!(told, Err(AwaitError::Stream(Reason::Timeout)));
        if kind == Kind::Http {
            receive! {
                gun::Down { reason, killed, .. } => {
                    assert_eq!((reason, killed), (Reason::Timeout, vec![tunnel]));
                }
                after SOON => panic!("no Down"),
            }
            continue;
        }
        let tunnel = gun::connect(conn, to(origin), (), ReqOpts::new());
        granted(conn, tunnel, Protocol::Http);
        origin.exchange(conn, tunnel);
        gun::close(conn).unwrap();
    }
}
