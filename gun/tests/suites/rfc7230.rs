//! rfc7230_SUITE.

use gun::{Awaited, Opts};
use runtime::net::{TcpListener, UnixListener};

use crate::origin::{Origin, Reply, Way};
use crate::peer::{Peer, SOON};

fn head(stream: &mut impl std::io::Read) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// The port is left out of `host` where it is the scheme's own. (A Unix socket's is: no test may listen at 80.)
#[runtime::test]
fn host_default_port_http() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let conn = gun::open_unix(&path, Opts::new()).unwrap();
    gun::get(conn, "/", ());
    let (mut line, _) = listener.accept().unwrap();
    assert!(head(&mut line).contains("host: localhost\r\n"));
    gun::close(conn).unwrap();
}

/// An IPv6 address stands in brackets.
#[runtime::test]
fn host_ipv6() {
    let listener = TcpListener::bind("[::1]:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    for name in ["::1", "[::1]"] {
        let conn = gun::open(name, port, Opts::new()).unwrap();
        gun::get(conn, "/", ());
        let (mut line, _) = listener.accept().unwrap();
        let head = head(&mut line);
        assert!(head.contains(&format!("host: [::1]:{port}\r\n")), "{head}");
        gun::close(conn).unwrap();
    }
}

/// Where a response has both, the coding says where it ends, and not the length.
#[runtime::test]
fn transfer_encoding_overrides_content_length() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let stream = gun::get(conn, "/", ());
    line.head();
    line.write("HTTP/1.1 200 OK\r\ncontent-length: 12\r\ntransfer-encoding: chunked\r\n\r\n");
    line.write("6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n");
    assert!(matches!(
        gun::await_(conn, stream, SOON),
        Ok(Awaited::Response { fin: false, .. })
    ));
    assert_eq!(
        gun::await_body(conn, stream, SOON).unwrap().0,
        "hello world"
    );
    gun::close(conn).unwrap();
}

/// A transfer-encoding of the user's own is not sent: the body goes in chunks, or is of a known length.
#[runtime::test]
fn transfer_encoding_is_ours() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    gun::post(conn, "/", [("transfer-encoding", "gzip")], "hello");
    let head = line.head();
    assert!(!head.contains("gzip") && head.contains("content-length: 5\r\n"));
    gun::close(conn).unwrap();
}

/// Answers with the authority that was asked for.
fn authority(request: &http::Request<()>, _: bytes::Bytes) -> Reply {
    let host = request.headers().get("host");
    let body = match host {
        Some(host) => host.to_str().unwrap().to_owned(),
        None => request.uri().authority().unwrap().to_string(),
    };
    Reply {
        body: body.into(),
        ..Reply::default()
    }
}

fn other_port(way: Way) {
    let origin = Origin::start(way, authority);
    let conn = origin.open(Opts::new());
    let stream = gun::get(conn, "/", ());
    let (body, _) = gun::await_body(conn, stream, SOON).unwrap();
    assert_eq!(body, format!("localhost:{}", origin.port));
    gun::close(conn).unwrap();
}

/// A port that is not the scheme's own is said, over TLS too.
#[runtime::test]
fn host_other_port_https() {
    other_port(Way::Https);
}

/// So it is in `:authority`.
#[runtime::test]
fn authority_other_port_https() {
    other_port(Way::H2);
}
