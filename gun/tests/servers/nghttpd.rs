//! nghttpd: HTTP/2 alone. Pushes, trailers, 100, and a limit of streams.

use gun::Protocol::Http2;
use gun::{AwaitError, Awaited, Reason, ReqOpts};
use http::Method;

use crate::exchange::{SOON, Way, answer, large, send_large, small};
use crate::server::{Server, Setup};

const H2C: Way = Way::tcp(20_001, Http2);
const H2: Way = Way::tls(20_001, Http2);

fn start(tls: bool, more: &[&str]) -> Server {
    let setup = Setup::new();
    setup.write("small", "hello");
    setup.write("pushed", "unasked");
    setup.write("large", large());
    let port = setup.port(0).to_string();
    let host = setup.host.clone();
    let mut args = vec!["-a", &*host, "-d", ".", "--echo-upload"];
    args.extend(more);
    match tls {
        true => args.extend([&*port, "key.pem", "certificate.pem"]),
        false => args.extend(["--no-tls", &*port]),
    }
    setup.start("nghttpd", &args, 1)
}

/// Many requests on a connection, and large bodies both ways, over TCP and TLS.
#[runtime::test]
fn exchanges() {
    for (way, tls) in [(H2C, false), (H2, true)] {
        let server = start(tls, &[]);
        let conn = way.open(&server);
        small(conn, "/small", "hello");
        let body = large();
        assert!(answer(conn, gun::get(conn, "/large", ())).1 == body);
        let (status, echoed) = send_large(conn, Method::POST, "/small", &body);
        assert_eq!(status, 200);
        assert!(echoed == body, "{} of {}", echoed.len(), body.len());
        gun::close(conn).unwrap();
    }
}

/// What it pushes is announced before the response that it belongs to, and comes whole.
#[runtime::test]
fn push() {
    for (way, tls) in [(H2C, false), (H2, true)] {
        let server = start(tls, &["-p/small=/pushed"]);
        let conn = way.open(&server);
        let stream = gun::get(conn, "/small", ());
        let told = gun::await_(conn, stream, SOON).unwrap();
        let Awaited::Push {
            promised,
            method,
            uri,
            ..
        } = told
        else {
            panic!("{told:?}");
        };
        assert_eq!((method, uri.path()), (Method::GET, "/pushed"));
        assert_eq!(answer(conn, stream), (200, "hello".into()));
        assert_eq!(answer(conn, promised), (200, "unasked".into()));
        gun::close(conn).unwrap();
    }
}

/// A body may be followed by trailers.
#[runtime::test]
fn trailers() {
    let server = start(false, &["--trailer", "x-sum: 5"]);
    let conn = H2C.open(&server);
    let stream = gun::get(conn, "/small", ());
    let (body, trailers) = gun::await_body(conn, stream, SOON).unwrap();
    assert_eq!(body, "hello");
    assert_eq!(trailers.unwrap()["x-sum"], "5");
    gun::close(conn).unwrap();
}

/// Whoever expects it is told to go on.
#[runtime::test]
fn expect_100() {
    let server = start(false, &[]);
    let conn = H2C.open(&server);
    let headers = [("expect", "100-continue")];
    let stream = gun::headers(conn, Method::POST, "/small", headers, ReqOpts::new());
    assert!(matches!(
        gun::await_(conn, stream, SOON),
        Ok(Awaited::Inform { status, .. }) if status == 100
    ));
    gun::data(conn, stream, true, "now");
    assert_eq!(answer(conn, stream), (200, "now".into()));
    gun::close(conn).unwrap();
}

/// One stream more than it allows is refused at once; when there is room again it is not.
#[runtime::test]
fn max_concurrent_streams() {
    let server = start(false, &["-m", "2"]);
    let conn = H2C.open(&server);
    // Its settings are known when it has answered.
    assert_eq!(answer(conn, gun::get(conn, "/small", ())).0, 200);
    let open = || gun::headers(conn, Method::POST, "/small", (), ReqOpts::new());
    let two = [open(), open()];
    let third = open();
    assert_eq!(
        gun::await_(conn, third, SOON),
        Err(AwaitError::Stream(Reason::TooManyStreams))
    );
    for stream in two {
        gun::data(conn, stream, true, "echo");
        assert_eq!(answer(conn, stream), (200, "echo".into()));
    }
    assert_eq!(answer(conn, gun::get(conn, "/small", ())).0, 200);
    gun::close(conn).unwrap();
}
