//! Gun's socks_SUITE; what a SOCKS proxy refuses; what waits for its tunnel.

use gun::{
    Awaited, BadState, Down as Lost, Opts, Protocol, Reason, ReqOpts, Retry, Socks5Auth,
    Socks5Error, StreamRef, Transport, Up,
};
use runtime::net::TcpListener;
use runtime::prelude::*;
use std::io::{Read, Write};
use std::time::Duration;

use crate::echo::{self, Origin};
use crate::peer::{Peer, SOON};
use crate::proxy::{Answer, AskedSocks, Kind, beyond, destination, user};

const HERE: StreamRef = StreamRef::UNDEFINED;

fn up(conn: Pid, tunnel: StreamRef, protocol: Protocol) {
    assert_eq!(gun::await_(conn, tunnel, SOON), Ok(Awaited::Up(protocol)));
}

fn wants_user() -> Answer {
    Answer {
        user: Some(("user".into(), "secret".into())),
        ..Answer::default()
    }
}

/// Through one proxy to an origin; the proxy sees who we are if it wants to know, and the host by its name.
fn one(kind: Kind, with_user: bool, origin: echo::Kind) {
    let origin = origin.start();
    let answer = if with_user {
        wants_user()
    } else {
        Answer::default()
    };
    let proxy = kind.start_as(answer);
    let auth = if with_user { user() } else { Socks5Auth::None };
    let way = beyond(origin.port, origin.kind.transport(), origin.kind.protocol());
    let conn = proxy.open(way.auth([auth]));
    up(conn, HERE, origin.kind.protocol());
    receive! {
        AskedSocks { user, host } => {
            assert_eq!(host, "localhost");
            let expected = with_user.then(|| ("user".to_owned(), "secret".to_owned()));
            assert_eq!(user, expected);
        }
    }
    origin.exchange(conn, HERE);
    gun::close(conn).unwrap();
}

macro_rules! cases {
    ($($(#[$doc:meta])* $name:ident: $proxy:ident, $user:expr, $origin:ident;)*) => {$(
        $(#[$doc])*
        #[runtime::test]
        fn $name() {
            one(Kind::$proxy, $user, echo::Kind::$origin);
        }
    )*};
}

cases! {
    /// HTTP/1.1 through SOCKS5.
    socks5_tcp_http_none: Socks5, false, Http;
    /// HTTP/1.1 through SOCKS5 with a password.
    socks5_tcp_http_username_password: Socks5, true, Http;
    /// HTTP/1.1 over TLS through SOCKS5.
    socks5_tcp_https_none: Socks5, false, Https;
    /// HTTP/1.1 over TLS through SOCKS5 with a password.
    socks5_tcp_https_username_password: Socks5, true, Https;
    /// HTTP/1.1 through SOCKS5 over TLS.
    socks5_tls_http_none: Socks5Tls, false, Http;
    /// HTTP/1.1 through SOCKS5 over TLS with a password.
    socks5_tls_http_username_password: Socks5Tls, true, Http;
    /// HTTP/1.1 over TLS through SOCKS5 over TLS.
    socks5_tls_https_none: Socks5Tls, false, Https;
    /// HTTP/1.1 over TLS through SOCKS5 over TLS with a password.
    socks5_tls_https_username_password: Socks5Tls, true, Https;
    /// HTTP/2 through SOCKS5.
    socks5_tcp_h2c_none: Socks5, false, H2c;
    /// HTTP/2 through SOCKS5 with a password.
    socks5_tcp_h2c_username_password: Socks5, true, H2c;
    /// HTTP/2 over TLS through SOCKS5.
    socks5_tcp_h2_none: Socks5, false, H2;
    /// HTTP/2 over TLS through SOCKS5 with a password.
    socks5_tcp_h2_username_password: Socks5, true, H2;
    /// HTTP/2 through SOCKS5 over TLS.
    socks5_tls_h2c_none: Socks5Tls, false, H2c;
    /// HTTP/2 through SOCKS5 over TLS with a password.
    socks5_tls_h2c_username_password: Socks5Tls, true, H2c;
    /// HTTP/2 over TLS through SOCKS5 over TLS.
    socks5_tls_h2_none: Socks5Tls, false, H2;
    /// HTTP/2 over TLS through SOCKS5 over TLS with a password.
    socks5_tls_h2_username_password: Socks5Tls, true, H2;
}

/// Two SOCKS proxies in a row: a tunnel is told for each.
fn two(first: Kind, second: Kind) {
    let origin = echo::Kind::Http.start();
    let (first, second) = (first.start(), second.start());
    let last = beyond(origin.port, Transport::Tcp, Protocol::Http);
    let conn = first.open(beyond(second.port, second.kind.transport(), last));
    up(conn, HERE, Protocol::Socks);
    up(conn, HERE, Protocol::Http);
    origin.exchange(conn, HERE);
    let info = gun::info(conn).unwrap();
    let ports: Vec<u16> = info
        .intermediaries
        .iter()
        .map(|passed| passed.port)
        .collect();
    assert_eq!(ports, [first.port, second.port]);
    assert_eq!(info.origin_port, origin.port);
    gun::close(conn).unwrap();
}

/// Through two SOCKS proxies over TCP.
#[runtime::test]
fn socks5_tcp_through_multiple_tcp_proxies() {
    two(Kind::Socks5, Kind::Socks5);
}

/// Through a SOCKS proxy over TLS to one over TCP.
#[runtime::test]
fn socks5_tcp_through_multiple_tls_proxies() {
    two(Kind::Socks5Tls, Kind::Socks5);
}

/// Through two SOCKS proxies over TLS.
#[runtime::test]
fn socks5_tls_through_multiple_tls_proxies() {
    two(Kind::Socks5Tls, Kind::Socks5Tls);
}

/// A SOCKS proxy behind CONNECT: both tunnels are told under the one name.
fn behind_connect(first: Kind, second: Kind, origin: echo::Kind) {
    let (first, second, origin) = (first.start(), second.start(), origin.start());
    let conn = first.open(first.kind.protocol());
    let last = beyond(origin.port, origin.kind.transport(), origin.kind.protocol());
    let to = destination(second.port, second.kind.transport(), last);
    let tunnel = gun::connect(conn, to, (), ReqOpts::new());
    assert!(matches!(
        gun::await_(conn, tunnel, SOON),
        Ok(Awaited::Response { fin: true, status, .. }) if status == 200
    ));
    up(conn, tunnel, Protocol::Socks);
    up(conn, tunnel, origin.kind.protocol());
    origin.exchange(conn, tunnel);
    gun::close(conn).unwrap();
}

/// CONNECT over TCP, SOCKS5 over TCP, an origin over TCP.
#[runtime::test]
fn socks5_tcp_through_connect_tcp_to_tcp_origin() {
    behind_connect(Kind::Http, Kind::Socks5, echo::Kind::Http);
}

/// CONNECT over TLS, SOCKS5 over TLS, an origin over TCP.
#[runtime::test]
fn socks5_tls_through_connect_tls_to_tcp_origin() {
    behind_connect(Kind::Https, Kind::Socks5Tls, echo::Kind::Http);
}

/// CONNECT over TLS, SOCKS5 over TLS, an origin over TLS.
#[runtime::test]
fn socks5_tls_through_connect_tls_to_tls_origin() {
    behind_connect(Kind::Https, Kind::Socks5Tls, echo::Kind::Https);
}

/// CONNECT over HTTP/2, SOCKS5 over TCP, an origin over TCP.
#[runtime::test]
fn socks5_tcp_through_h2_connect_tcp_to_tcp_origin() {
    behind_connect(Kind::H2c, Kind::Socks5, echo::Kind::Http);
}

/// How a connection ends that tries once more after a first failure: its exit reason, after so many losses, each with
/// nothing killed.
fn losses(conn: Pid, expected: Reason, times: usize) {
    let watch = monitor(conn);
    let mut lost = 0;
    let ended = loop {
        receive! {
            down: Lost if down.conn == conn => {
                assert_eq!((down.protocol, down.reason), (Protocol::Socks, expected));
                assert_eq!(down.killed, []);
                lost += 1;
            }
            Up { conn: of, protocol } if of == conn => assert_eq!(protocol, Protocol::Socks),
            Down { monitor, reason, .. } if monitor == watch => break reason,
            after SOON => panic!("it goes on"),
        }
    };
    assert_eq!(lost, times);
    match ended {
        ExitReason::ShutdownWith(why) => {
            assert_eq!(why.downcast_ref::<Reason>(), Some(&expected));
        }
        // It had ended before it was watched.
        other => assert_eq!(other, ExitReason::NoProc),
    }
}

/// Each reply that refuses has its reason, which is told as a loss; the retries are used up by it, and then the
/// connection ends.
#[runtime::test]
fn refusals() {
    for (reply, why) in [
        (1, Socks5Error::GeneralSocksServerFailure),
        (2, Socks5Error::ConnectionNotAllowedByRuleset),
        (3, Socks5Error::NetworkUnreachable),
        (4, Socks5Error::HostUnreachable),
        (5, Socks5Error::ConnectionRefused),
        (6, Socks5Error::TtlExpired),
        (7, Socks5Error::CommandNotSupported),
        (8, Socks5Error::AddressTypeNotSupported),
        (9, Socks5Error::UnknownError(9)),
        (255, Socks5Error::UnknownError(255)),
    ] {
        let proxy = Kind::Socks5.start_as(Answer {
            reply,
            ..Answer::default()
        });
        let opts = proxy.opts(beyond(1, Transport::Tcp, Protocol::Http).into());
        let opts = opts.retry(2).retry_timeout(Duration::ZERO);
        let conn = gun::open("localhost", proxy.port, opts).unwrap();
        losses(conn, Reason::Socks5(why), 3);
    }
}

/// A password that is refused, and one that is wanted and not given, likewise.
#[runtime::test]
fn password_refused() {
    let wrong = Socks5Auth::UsernamePassword("user".into(), "other".into());
    for (auth, why) in [
        (wrong, Socks5Error::UsernamePasswordAuthFailure),
        (Socks5Auth::None, Socks5Error::NoAcceptableMethod),
    ] {
        let proxy = Kind::Socks5.start_as(wants_user());
        let way = beyond(1, Transport::Tcp, Protocol::Http).auth([auth]);
        let conn = gun::open("localhost", proxy.port, proxy.opts(way.into())).unwrap();
        losses(conn, Reason::Socks5(why), 1);
    }
}

/// What a proxy is to lead to a SOCKS tunnel, by hand.
struct Scripted(TcpListener);

impl Scripted {
    fn new() -> Scripted {
        Scripted(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    /// A connection that is up, and the proxy's end, which was greeted.
    fn open(&self, opts: Opts) -> (Pid, runtime::net::TcpStream) {
        let port = self.0.local_addr().unwrap().port();
        let way = beyond(80, Transport::Tcp, Protocol::Http);
        let conn = gun::open("localhost", port, opts.protocols([way])).unwrap();
        assert_eq!(gun::await_up(conn, SOON), Ok(Protocol::Socks));
        (conn, self.greeted())
    }

    fn greeted(&self) -> runtime::net::TcpStream {
        let (mut line, _) = self.0.accept().unwrap();
        let mut greeting = [0; 3];
        line.read_exact(&mut greeting).unwrap();
        assert_eq!(greeting, [5, 1, 0]);
        line
    }
}

/// What is no SOCKS5, and what ends amid the handshake, is a loss that uses retries up.
#[runtime::test]
fn nonsense() {
    for (said, reason) in [
        (
            &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
            Reason::Socks5(Socks5Error::Protocol),
        ),
        (&[5, 1], Reason::Socks5(Socks5Error::Protocol)),
        (&[5, 0, 5, 0, 0, 9], Reason::Socks5(Socks5Error::Protocol)),
        (&[], Reason::Closed),
        (&[5], Reason::Closed),
        (&[5, 0, 5, 0, 0, 1, 127], Reason::Closed),
    ] {
        let proxy = Scripted::new();
        let (conn, mut line) = proxy.open(Opts::new().retry(0));
        line.write_all(said).unwrap();
        line.shutdown(std::net::Shutdown::Write).unwrap();
        losses(conn, reason, 1);
    }
}

/// A proxy that closes amid every handshake ends the connection when the retries are used up, and not never.
#[runtime::test]
fn closes_amid_each_handshake() {
    let proxy = Scripted::new();
    let opts = Opts::new().retry(3).retry_timeout(Duration::ZERO);
    let (conn, line) = proxy.open(opts);
    let watch = monitor(conn);
    drop(line);
    for _ in 0..3 {
        drop(proxy.greeted());
    }
    receive! {
        Down { monitor, .. } if monitor == watch => {}
        after SOON => panic!("it never gives up"),
    }
}

/// The retries count anew when a tunnel has been up.
#[runtime::test]
fn retries_after_a_tunnel() {
    let proxy = Scripted::new();
    let test = self_pid();
    let opts = Opts::new().retry(3).retry_fun(move |left| {
        send(test, left);
        Retry {
            retries: left - 1,
            timeout: Duration::ZERO,
        }
    });
    let (conn, line) = proxy.open(opts);
    drop(line);
    assert_eq!(receive! { left: u32 => left }, 3);
    let mut line = proxy.greeted();
    line.write_all(&[5, 0, 5, 0, 0, 1, 127, 0, 0, 1, 0, 80])
        .unwrap();
    up(conn, HERE, Protocol::Http);
    drop(line);
    assert_eq!(receive! { left: u32 => left }, 3);
    gun::close(conn).unwrap();
}

/// Requests that are made before the tunnel is up go through it, in order.
#[runtime::test]
fn requests_before_the_tunnel() {
    let proxy = Scripted::new();
    let (conn, mut line) = proxy.open(Opts::new().retry(0));
    let streams = ["/a", "/b", "/c"].map(|path| gun::get(conn, path, ()));
    let posted = gun::headers(
        conn,
        http::Method::POST,
        "/d",
        [("content-length", "5")],
        ReqOpts::new(),
    );
    gun::data(conn, posted, true, "hello");
    // They have come as far as they can.
    assert_eq!(gun::info(conn).unwrap().protocol, Some(Protocol::Socks));
    line.write_all(&[5, 0]).unwrap();
    let mut request = [0; 16];
    line.read_exact(&mut request).unwrap();
    assert_eq!(&request, b"\x05\x01\x00\x03\x09localhost\x00\x50");
    line.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 80]).unwrap();
    for path in ["/a", "/b", "/c", "/d"] {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            line.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        assert_eq!(head.split(' ').nth(1), Some(path));
        if path == "/d" {
            let mut body = [0; 5];
            line.read_exact(&mut body).unwrap();
            assert_eq!(&body, b"hello");
        }
        line.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            .unwrap();
    }
    for stream in streams.into_iter().chain([posted]) {
        assert_eq!(gun::await_body(conn, stream, SOON).unwrap().0, "ok");
    }
    gun::close(conn).unwrap();
}

/// Requests that wait when the proxy refuses go with the next connection; with no more to come they fail.
#[runtime::test]
fn requests_that_wait_for_the_next_proxy() {
    let proxy = Scripted::new();
    let opts = Opts::new().retry(1).retry_timeout(Duration::ZERO);
    let (conn, mut line) = proxy.open(opts);
    let stream = gun::get(conn, "/a", ());
    gun::info(conn).unwrap();
    line.write_all(&[5, 0, 5, 5, 0, 1]).unwrap();
    let mut line = proxy.greeted();
    line.write_all(&[5, 0]).unwrap();
    line.read_exact(&mut [0; 16]).unwrap();
    line.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 80]).unwrap();
    let mut start = [0; 6];
    line.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"GET /a");
    line.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        .unwrap();
    assert_eq!(gun::await_body(conn, stream, SOON).unwrap().0, "ok");
    gun::close(conn).unwrap();

    let (conn, mut line) = proxy.open(Opts::new().retry(0));
    let stream = gun::get(conn, "/a", ());
    gun::info(conn).unwrap();
    line.write_all(&[5, 0, 5, 5, 0, 1]).unwrap();
    let told = receive! { error: gun::Error if error.stream == Some(stream) => error.reason };
    assert_eq!(told, Reason::Closing);
}

/// A proxy that never answers: told to shut down, the connection ends at once; so it does when its owner has ended.
#[runtime::test]
fn never_answers() {
    let proxy = Scripted::new();
    let (conn, line) = proxy.open(Opts::new());
    let watch = monitor(conn);
    gun::shutdown(conn);
    receive! {
        Down { monitor, reason, .. } if monitor == watch => assert_eq!(reason, ExitReason::Shutdown),
        Lost { .. } => panic!("told of what was asked for"),
        after SOON => panic!("it goes on"),
    }
    drop(line);

    let port = proxy.0.local_addr().unwrap().port();
    let test = self_pid();
    let (owner, _) = spawn_monitor!(move || {
        let way = beyond(80, Transport::Tcp, Protocol::Http);
        let conn = gun::open("localhost", port, Opts::new().protocols([way])).unwrap();
        gun::await_up(conn, SOON).unwrap();
        send(test, conn);
    });
    let conn = receive! { conn: Pid => conn };
    let watch = monitor(conn);
    let _line = proxy.greeted();
    receive! {
        Down { monitor, .. } if monitor == watch => {}
        after SOON => panic!("it outlives its owner {owner}"),
    }
}

/// A request that names a tunnel which is none is refused, whatever the connection goes through.
#[runtime::test]
fn no_such_tunnel() {
    let origin: Origin = echo::Kind::Http.start();
    let proxy = Kind::Socks5.start();
    let conn = proxy.open(beyond(origin.port, Transport::Tcp, Protocol::Http));
    up(conn, HERE, Protocol::Http);
    let other = origin.exchange(conn, HERE);
    let through = ReqOpts::new().tunnel(other);
    let stream = gun::request(conn, http::Method::GET, "/", (), "", through);
    let told = receive! { error: gun::Error if error.stream == Some(stream) => error.reason };
    assert_eq!(told, Reason::BadState(BadState::NoTunnel));
    gun::close(conn).unwrap();
}

/// Without a proxy, a peer of SOCKS's that has gone is a connection that has failed: no loss is told.
#[runtime::test]
fn no_proxy() {
    let port = Peer::new().port();
    let way = beyond(80, Transport::Tcp, Protocol::Http);
    let opts = Opts::new().retry(0).protocols([way]);
    let conn = gun::open("127.0.0.1", port, opts).unwrap();
    let watch = monitor(conn);
    receive! {
        Down { monitor, .. } if monitor == watch => {}
        Up { .. } => panic!("there is nobody"),
        Lost { .. } => panic!("it was not up"),
        after SOON => panic!("it goes on"),
    }
}
