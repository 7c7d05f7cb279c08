//! Gun's raw_SUITE: bytes as they are, directly, through proxies, and after an HTTP Upgrade.

use std::time::Duration;

use gun::{
    AwaitError, Awaited, BadState, Down as Lost, Opts, Protocol, RawOpts, Reason, ReplyTo, ReqOpts,
    StreamRef, Transport,
};
use http::Method;
use runtime::prelude::*;

use crate::echo::{self, heard};
use crate::peer::{Line, Peer, SOON};
use crate::proxy::{Kind, beyond, destination};
use crate::wire;

const HERE: StreamRef = StreamRef::UNDEFINED;

fn direct(kind: echo::Kind) {
    let origin = kind.start();
    let opts = Opts::new()
        .transport(kind.transport())
        .tls(wire::trusted())
        .protocols([Protocol::Raw]);
    let conn = gun::open("localhost", origin.port, opts).unwrap();
    assert_eq!(gun::await_up(conn, SOON), Ok(Protocol::Raw));
    origin.exchange(conn, HERE);
    let info = gun::info(conn).unwrap();
    assert_eq!(
        (info.origin_scheme, info.transport),
        (None, kind.transport())
    );
    gun::close(conn).unwrap();
}

/// Bytes over TCP.
#[runtime::test]
fn direct_raw_tcp() {
    direct(echo::Kind::Raw);
}

/// Bytes over TLS.
#[runtime::test]
fn direct_raw_tls() {
    direct(echo::Kind::RawTls);
}

/// A raw connection by hand, and the peer's end.
fn open(peer: &Peer, raw: RawOpts) -> (Pid, Line) {
    let opts = Opts::new().retry(0).protocols([raw]);
    let conn = gun::open("127.0.0.1", peer.port(), opts).unwrap();
    assert_eq!(gun::await_up(conn, SOON), Ok(Protocol::Raw));
    (conn, peer.accept())
}

/// Without flow nothing more is told; with more of it, what has come is.
#[runtime::test]
fn direct_raw_tcp_with_flow_control() {
    let peer = Peer::new();
    let (conn, mut line) = open(&peer, RawOpts::new().flow(1));
    line.write("one");
    assert_eq!(heard(conn, HERE, 3), "one");
    line.write("two");
    gun::data(conn, HERE, false, "ping");
    // What was sent since has been sent: it had its turn, and has read nothing.
    assert_eq!(line.read(4), "ping");
    gun::info(conn).unwrap();
    receive! {
        gun::Data { .. } => panic!("more than its flow"),
        after Duration::ZERO => {}
    }
    gun::update_flow(conn, HERE, 1);
    assert_eq!(heard(conn, HERE, 3), "two");
    gun::close(conn).unwrap();
}

/// A peer that closes is a loss with nothing killed.
#[runtime::test]
fn direct_raw_tcp_with_server_side_close() {
    let peer = Peer::new();
    let (conn, mut line) = open(&peer, RawOpts::new());
    line.write("bye");
    drop(line);
    assert_eq!(heard(conn, HERE, 3), "bye");
    let down = receive! { down: Lost => down };
    let expected = (Protocol::Raw, Reason::Closed, vec![]);
    assert_eq!((down.protocol, down.reason, down.killed), expected);
}

/// So over TLS, whether it says so or not.
#[runtime::test]
fn direct_raw_tls_with_server_side_close() {
    use tokio::io::AsyncWriteExt;
    for says_so in [true, false] {
        let port = wire::listen(Some(wire::acceptor(&[])), move |mut wire| async move {
            wire.write_all(b"bye").await?;
            wire.flush().await?;
            if says_so {
                wire.shutdown().await?;
            }
            Ok(())
        });
        let opts = Opts::new()
            .retry(0)
            .transport(Transport::Tls)
            .tls(wire::trusted())
            .protocols([Protocol::Raw]);
        let conn = gun::open("localhost", port, opts).unwrap();
        assert_eq!(gun::await_up(conn, SOON), Ok(Protocol::Raw));
        assert_eq!(heard(conn, HERE, 3), "bye");
        let down = receive! { down: Lost => down };
        assert_eq!((down.reason, down.killed), (Reason::Closed, vec![]));
    }
}

fn by_socks(proxy: Kind, origin: echo::Kind) {
    let (proxy, origin) = (proxy.start(), origin.start());
    let conn = proxy.open(beyond(origin.port, origin.kind.transport(), Protocol::Raw));
    let told = gun::await_(conn, HERE, SOON);
    assert_eq!(told, Ok(Awaited::Up(Protocol::Raw)));
    origin.exchange(conn, HERE);
    gun::close(conn).unwrap();
}

fn by_connect(proxy: Kind, origin: echo::Kind) {
    let (proxy, origin) = (proxy.start(), origin.start());
    let conn = proxy.open(proxy.kind.protocol());
    let to = destination(origin.port, origin.kind.transport(), Protocol::Raw);
    let tunnel = gun::connect(conn, to, (), ReqOpts::new());
    assert!(matches!(
        gun::await_(conn, tunnel, SOON),
        Ok(Awaited::Response { fin: true, .. })
    ));
    let told = gun::await_(conn, tunnel, SOON);
    assert_eq!(told, Ok(Awaited::Up(Protocol::Raw)));
    origin.exchange(conn, tunnel);
    gun::close(conn).unwrap();
}

macro_rules! cases {
    ($by:ident: $($(#[$doc:meta])* $name:ident: $proxy:ident, $origin:ident;)*) => {$(
        $(#[$doc])*
        #[runtime::test]
        fn $name() {
            $by(Kind::$proxy, echo::Kind::$origin);
        }
    )*};
}

cases! { by_socks:
    /// Through SOCKS5.
    socks5_tcp_raw_tcp: Socks5, Raw;
    /// Over TLS through SOCKS5.
    socks5_tcp_raw_tls: Socks5, RawTls;
    /// Through SOCKS5 over TLS.
    socks5_tls_raw_tcp: Socks5Tls, Raw;
    /// TLS in TLS, by SOCKS5.
    socks5_tls_raw_tls: Socks5Tls, RawTls;
}

cases! { by_connect:
    /// Through CONNECT.
    connect_tcp_raw_tcp: Http, Raw;
    /// Over TLS through CONNECT.
    connect_tcp_raw_tls: Http, RawTls;
    /// Through CONNECT over TLS.
    connect_tls_raw_tcp: Https, Raw;
    /// TLS in TLS, by CONNECT.
    connect_tls_raw_tls: Https, RawTls;
    /// Through a stream of HTTP/2's.
    http2_connect_tcp_raw_tcp: H2c, Raw;
    /// Through a stream of HTTP/2's over TLS.
    http2_connect_tls_raw_tcp: H2, Raw;
    /// Over TLS through a stream of HTTP/2's.
    http2_connect_tcp_raw_tls: H2c, RawTls;
    /// TLS in a stream of HTTP/2's in TLS.
    http2_connect_tls_raw_tls: H2, RawTls;
}

const UPGRADE: [(&str, &str); 2] = [("connection", "upgrade"), ("upgrade", "custom/1.0")];

/// A connection that has asked to speak something else, and the peer's end.
fn upgrade(peer: &Peer, opts: ReqOpts) -> (Pid, StreamRef, Line) {
    let (conn, mut line) = peer.open(Opts::new().retry(0));
    let stream = gun::request(conn, Method::GET, "/", UPGRADE, "", opts);
    let head = line.head();
    assert!(head.contains("upgrade: custom/1.0\r\n"), "{head}");
    (conn, stream, line)
}

const SWITCH: &str =
    "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: custom/1.0\r\n\r\n";

fn upgraded(conn: Pid, stream: StreamRef) {
    match gun::await_(conn, stream, SOON) {
        Ok(Awaited::Upgrade { protocols, headers }) => {
            assert_eq!(protocols, ["custom/1.0"]);
            assert_eq!(headers["upgrade"], "custom/1.0");
        }
        other => panic!("{other:?}"),
    }
}

/// After a 101 bytes go both ways, under the request's name.
#[runtime::test]
fn http11_upgrade_raw_tcp() {
    let peer = Peer::new();
    let (conn, stream, mut line) = upgrade(&peer, ReqOpts::new());
    line.write(SWITCH);
    upgraded(conn, stream);
    gun::data(conn, stream, false, "hello");
    assert_eq!(line.read(5), "hello");
    line.write("world");
    assert_eq!(heard(conn, stream, 5), "world");
    assert_eq!(gun::info(conn).unwrap().protocol, Some(Protocol::Raw));
    // No requests any more.
    let late = gun::get(conn, "/", ());
    let told = gun::await_(conn, late, SOON);
    assert_eq!(
        told,
        Err(AwaitError::Stream(Reason::BadState(BadState::Raw)))
    );
    drop(line);
    receive! {
        down: Lost => assert_eq!((down.reason, down.killed), (Reason::Closed, vec![])),
        after SOON => panic!("no Down"),
    }
}

/// What comes with the 101 comes first.
#[runtime::test]
fn http11_upgrade_raw_tcp_with_data() {
    let peer = Peer::new();
    let (conn, stream, mut line) = upgrade(&peer, ReqOpts::new());
    line.write(format!("{SWITCH}early"));
    upgraded(conn, stream);
    assert_eq!(heard(conn, stream, 5), "early");
    line.write("later");
    assert_eq!(heard(conn, stream, 5), "later");
    gun::close(conn).unwrap();
}

/// So over TLS.
#[runtime::test]
fn http11_upgrade_raw_tls_with_data() {
    use tokio::io::AsyncWriteExt;
    let tls = wire::acceptor(&["http/1.1"]);
    let port = wire::listen(Some(tls), |mut wire| async move {
        wire::head(&mut wire).await?;
        wire.write_all(format!("{SWITCH}early").as_bytes()).await?;
        wire.flush().await?;
        std::future::pending().await
    });
    let opts = Opts::new()
        .transport(Transport::Tls)
        .tls(wire::trusted())
        .protocols([Protocol::Http]);
    let conn = gun::open("localhost", port, opts).unwrap();
    let stream = gun::get(conn, "/", UPGRADE);
    upgraded(conn, stream);
    assert_eq!(heard(conn, stream, 5), "early");
    gun::close(conn).unwrap();
}

/// It does not matter how the headers are given, nor how they are written.
#[runtime::test]
fn http11_upgrade_raw_headers_as_list() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let headers = [
        ("Connection", "keep-alive, Upgrade"),
        ("Upgrade", "a, Custom/1.0"),
    ];
    let stream = gun::get(conn, "/", &headers[..]);
    line.head();
    line.write(SWITCH);
    upgraded(conn, stream);
    gun::close(conn).unwrap();
}

/// A 101 that was not asked for, or names what was not, or is no upgrade, is against the protocol.
fn unrequested(headers: &[(&str, &str)], answer: &str) {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new().retry(0));
    let stream = gun::get(conn, "/", headers);
    line.head();
    line.write(answer);
    let told = gun::await_(conn, stream, SOON);
    assert_eq!(told, Err(AwaitError::Stream(Reason::Protocol)));
    let down = receive! { down: Lost => down };
    let expected = (Reason::Protocol, vec![stream]);
    assert_eq!((down.reason, down.killed), expected);
}

/// Nobody has asked for it.
#[runtime::test]
fn http11_upgrade_raw_unrequested() {
    unrequested(&[], SWITCH);
}

/// What was asked for is something else.
#[runtime::test]
fn http11_upgrade_raw_unrequested_protocol() {
    unrequested(&UPGRADE, &SWITCH.replace("custom/1.0", "other"));
}

/// The response does not say that it is an upgrade.
#[runtime::test]
fn http11_upgrade_raw_missing_connection_header() {
    unrequested(&UPGRADE, &SWITCH.replace("connection: upgrade\r\n", ""));
}

/// The response does not say to what.
#[runtime::test]
fn http11_upgrade_raw_missing_upgrade_header() {
    unrequested(&UPGRADE, &SWITCH.replace("upgrade: custom/1.0\r\n", ""));
}

/// Another response is one like others, and the connection goes on.
#[runtime::test]
fn http11_upgrade_raw_refused() {
    let peer = Peer::new();
    let (conn, stream, mut line) = upgrade(&peer, ReqOpts::new());
    line.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno");
    assert_eq!(gun::await_body(conn, stream, SOON).unwrap().0, "no");
    let next = gun::get(conn, "/next", ());
    line.head();
    line.write("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nyes");
    assert_eq!(gun::await_body(conn, next, SOON).unwrap().0, "yes");
    gun::close(conn).unwrap();
}

/// All of it goes to the one who was named.
#[runtime::test]
fn http11_upgrade_raw_reply_to() {
    let peer = Peer::new();
    let test = self_pid();
    let reply_to = ReplyTo::function(move |message| {
        let what = match_message!(message {
            upgrade: gun::Upgrade => upgrade.protocols.join(""),
            data: gun::Data => String::from_utf8(data.data.to_vec()).unwrap(),
            other: AnyMessage => format!("{other:?}"),
        });
        send(test, what);
    });
    let (conn, stream, mut line) = upgrade(&peer, ReqOpts::new().reply_to(reply_to));
    line.write(format!("{SWITCH}early"));
    assert_eq!(receive! { said: String => said }, "custom/1.0");
    assert_eq!(receive! { said: String => said }, "early");
    gun::data(conn, stream, false, "hello");
    assert_eq!(line.read(5), "hello");
    gun::close(conn).unwrap();
}

/// A flow holds raw bytes back after an upgrade too.
#[runtime::test]
fn http11_upgrade_raw_flow() {
    let peer = Peer::new();
    let (conn, stream, mut line) = upgrade(&peer, ReqOpts::new().flow(1));
    line.write(format!("{SWITCH}one"));
    upgraded(conn, stream);
    assert_eq!(heard(conn, stream, 3), "one");
    line.write("two");
    gun::data(conn, stream, false, "ping");
    assert_eq!(line.read(4), "ping");
    gun::info(conn).unwrap();
    receive! {
        gun::Data { .. } => panic!("more than its flow"),
        after Duration::ZERO => {}
    }
    gun::update_flow(conn, stream, 1);
    assert_eq!(heard(conn, stream, 3), "two");
    gun::close(conn).unwrap();
}

/// An upgrade amid a tunnel.
#[runtime::test]
fn upgrade_in_a_tunnel() {
    for kind in [Kind::Http, Kind::H2c] {
        let (proxy, peer) = (kind.start(), Peer::new());
        let conn = proxy.open(kind.protocol());
        let to = destination(peer.port(), Transport::Tcp, Protocol::Http);
        let tunnel = gun::connect(conn, to, (), ReqOpts::new());
        let through = ReqOpts::new().tunnel(tunnel);
        assert!(matches!(
            gun::await_(conn, tunnel, SOON),
            Ok(Awaited::Response { fin: true, .. })
        ));
        let told = gun::await_(conn, tunnel, SOON);
        assert_eq!(told, Ok(Awaited::Up(Protocol::Http)));
        let mut line = peer.accept();
        let stream = gun::request(conn, Method::GET, "/", UPGRADE, "", through.clone());
        line.head();
        line.write(format!("{SWITCH}early"));
        upgraded(conn, stream);
        assert_eq!(heard(conn, stream, 5), "early");
        gun::data(conn, stream, false, "hello");
        assert_eq!(line.read(5), "hello");
        let late = gun::request(conn, Method::GET, "/", (), "", through);
        let told = gun::await_(conn, late, SOON);
        assert_eq!(
            told,
            Err(AwaitError::Stream(Reason::BadState(BadState::Raw)))
        );
        gun::close(conn).unwrap();
    }
}

/// Shut down, it sends what it was given, and then closes.
#[runtime::test]
fn shutdown_sends_the_rest() {
    let peer = Peer::new();
    let (conn, line) = open(&peer, RawOpts::new());
    let watch = monitor(conn);
    gun::data(conn, HERE, false, vec![b'x'; 100_000]);
    gun::shutdown(conn);
    assert_eq!(line.end().len(), 100_000);
    receive! {
        Down { monitor, reason, .. } if monitor == watch => assert_eq!(reason, ExitReason::Shutdown),
        Lost { .. } => panic!("told of what was asked for"),
        after SOON => panic!("it goes on"),
    }
}

/// What is no data is refused; an end of data means nothing.
#[runtime::test]
fn what_raw_is_not() {
    let peer = Peer::new();
    let (conn, mut line) = open(&peer, RawOpts::new());
    let request = gun::get(conn, "/", ());
    let raw = Reason::BadState(BadState::Raw);
    let told = gun::await_(conn, request, SOON);
    assert_eq!(told, Err(AwaitError::Stream(raw)));
    let to = destination(1, Transport::Tcp, Protocol::Http);
    let tunnel = gun::connect(conn, to, (), ReqOpts::new());
    let told = gun::await_(conn, tunnel, SOON);
    assert_eq!(told, Err(AwaitError::Stream(raw)));
    let ping = gun::ping(conn, ReqOpts::new());
    let told = gun::await_(conn, ping, SOON);
    assert_eq!(told, Err(AwaitError::Stream(Reason::PingUnsupported)));
    let ws = gun::ws_upgrade(conn, "/", (), None);
    let told = gun::await_(conn, ws, SOON);
    assert_eq!(told, Err(AwaitError::Stream(raw)));
    gun::data(conn, HERE, true, "");
    gun::data(conn, HERE, false, "on");
    assert_eq!(line.read(2), "on");
    gun::close(conn).unwrap();
}

/// Whoever waits for it to be sent is told that it was.
#[runtime::test]
fn data_sync() {
    let peer = Peer::new();
    let (conn, mut line) = open(&peer, RawOpts::new());
    gun::data_sync(conn, HERE, false, "hello", SOON).unwrap();
    assert_eq!(line.read(5), "hello");
    gun::close(conn).unwrap();
}
