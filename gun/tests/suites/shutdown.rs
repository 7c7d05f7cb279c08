//! shutdown_SUITE.

use std::time::Duration;

use gun::{Down, HttpOpts, Opts, OwnerDown, Reason};
use runtime::prelude::*;

use crate::peer::{Nobody, Peer, SOON};

fn ends(watch: Ref) -> ExitReason {
    receive! {
        runtime::Down { monitor, reason, .. } if monitor == watch => reason,
        after SOON => panic!("it goes on"),
    }
}

fn no_down() {
    receive! {
        Down { .. } => panic!("told of what was asked for"),
        after Duration::ZERO => {}
    }
}

/// Where connecting goes on for ever: nobody is there, and the retries wait.
fn nowhere() -> (Nobody, Opts) {
    let opts = Opts::new()
        .retry(1000)
        .retry_timeout(Duration::from_secs(3600));
    (Nobody::new(), opts)
}

/// A connection that waits to try again ends at once.
#[runtime::test]
fn not_connected_gun_shutdown() {
    let (nobody, opts) = nowhere();
    let port = nobody.port();
    let conn = gun::open("127.0.0.1", port, opts).unwrap();
    let watch = monitor(conn);
    gun::shutdown(conn);
    assert_eq!(ends(watch), ExitReason::Shutdown);
}

fn owner_of_nothing(reason: ExitReason) -> ExitReason {
    let (nobody, opts) = nowhere();
    let port = nobody.port();
    let me = self_pid();
    let owner = spawn!(move || {
        send(me, gun::open("127.0.0.1", port, opts).unwrap());
        receive! { reason: ExitReason => exit(reason) }
    });
    let conn = receive! { conn: Pid => conn };
    let watch = monitor(conn);
    send(owner, reason);
    ends(watch)
}

/// It ends with its owner, as that did.
#[runtime::test]
fn not_connected_owner_down() {
    assert_eq!(owner_of_nothing(ExitReason::Normal), ExitReason::Normal);
    assert_eq!(owner_of_nothing(ExitReason::Shutdown), ExitReason::Shutdown);
}

/// The end of an owner that failed is told as such.
#[runtime::test]
fn not_connected_owner_down_error() {
    let failed = ExitReason::other("failed");
    let reason = owner_of_nothing(failed.clone());
    assert_eq!(reason, ExitReason::shutdown_with(OwnerDown(failed)));
}

/// Without a stream it ends at once, and nobody is told.
#[runtime::test]
fn http1_gun_shutdown_no_streams() {
    let peer = Peer::new();
    let (conn, line) = peer.open(Opts::new());
    let watch = monitor(conn);
    gun::shutdown(conn);
    assert_eq!(ends(watch), ExitReason::Shutdown);
    assert_eq!(line.end(), "");
    no_down();
}

/// The response under way comes to its end.
#[runtime::test]
fn http1_gun_shutdown_one_stream() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let watch = monitor(conn);
    let stream = gun::get(conn, "/", ());
    line.head();
    gun::shutdown(conn);
    line.write("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
    assert_eq!(gun::await_body(conn, stream, SOON).unwrap().0, "hello");
    assert_eq!(ends(watch), ExitReason::Shutdown);
    no_down();
}

/// What has not begun is told that it will not.
#[runtime::test]
fn http1_gun_shutdown_pipelined_streams() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let watch = monitor(conn);
    let [first, second, third] = ["/1", "/2", "/3"].map(|path| gun::get(conn, path, ()));
    line.head();
    gun::shutdown(conn);
    let late = gun::get(conn, "/late", ());
    for stream in [second, third, late] {
        let told = gun::await_(conn, stream, SOON);
        assert_eq!(told, Err(gun::AwaitError::Stream(Reason::Closing)));
    }
    line.write("HTTP/1.1 204 No Content\r\n\r\n");
    gun::await_(conn, first, SOON).unwrap();
    assert_eq!(ends(watch), ExitReason::Shutdown);
}

/// A response that does not come is waited for so long and no longer.
#[runtime::test]
fn http1_gun_shutdown_timeout() {
    let peer = Peer::new();
    let http = HttpOpts::new().closing_timeout(Duration::from_millis(10));
    let (conn, mut line) = peer.open(Opts::new().http(http));
    let watch = monitor(conn);
    let stream = gun::get(conn, "/", ());
    line.head();
    gun::shutdown(conn);
    let told = gun::await_(conn, stream, SOON);
    assert_eq!(told, Err(gun::AwaitError::Stream(Reason::Closing)));
    assert_eq!(ends(watch), ExitReason::Shutdown);
}

/// A request that says `close` is the last, and the connection is then lost, normally.
#[runtime::test]
fn http1_request_connection_close() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new().retry(0));
    let watch = monitor(conn);
    let stream = gun::get(conn, "/", [("connection", "close")]);
    line.head();
    line.write("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
    assert_eq!(gun::await_body(conn, stream, SOON).unwrap().0, "hello");
    receive! {
        down: Down => assert_eq!((down.reason, down.killed), (Reason::Normal, vec![])),
        after SOON => panic!("no Down"),
    }
    assert_eq!(ends(watch), ExitReason::Normal);
}

/// So it is with a response that says so; those that had not begun are told.
#[runtime::test]
fn http1_response_connection_close() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new().retry(0));
    let [first, second] = ["/1", "/2"].map(|path| gun::get(conn, path, ()));
    line.head();
    line.write("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\n");
    let told = gun::await_(conn, second, SOON);
    assert_eq!(told, Err(gun::AwaitError::Stream(Reason::Closing)));
    line.write("hello");
    assert_eq!(gun::await_body(conn, first, SOON).unwrap().0, "hello");
    receive! {
        down: Down => assert_eq!((down.reason, down.killed), (Reason::Normal, vec![])),
        after SOON => panic!("no Down"),
    }
}

/// However fast the server then closes; but what it has cut off is lost, and so is the connection.
#[runtime::test]
fn http1_response_connection_close_at_once() {
    for (body, reason) in [("hello", Reason::Normal), ("hell", Reason::Closed)] {
        let peer = Peer::new();
        let (conn, mut line) = peer.open(Opts::new().retry(0));
        let stream = gun::get(conn, "/", ());
        line.head();
        // Both are there when it looks.
        sys::suspend(conn).unwrap();
        let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\n";
        line.write([head, body].concat());
        drop(line);
        sys::resume(conn).unwrap();
        receive! {
            down: Down => {
                assert_eq!((down.reason, down.killed.is_empty()), (reason, body.len() == 5));
            }
            after SOON => panic!("no Down"),
        }
        assert_eq!(gun::await_body(conn, stream, SOON).is_ok(), body.len() == 5);
    }
}

/// HTTP/1.0 closes after each response, which may end with the connection.
#[runtime::test]
fn http10_connection_close() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new().retry(0));
    let stream = gun::get(conn, "/", ());
    line.head();
    line.write("HTTP/1.0 200 OK\r\n\r\nto the end");
    drop(line);
    assert_eq!(gun::await_body(conn, stream, SOON).unwrap().0, "to the end");
    receive! {
        down: Down => assert_eq!((down.reason, down.killed), (Reason::Normal, vec![])),
        after SOON => panic!("no Down"),
    }
}

/// A close that the response says comes after its body, however late that is.
#[runtime::test]
fn http1_response_connection_close_delayed_body() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new().retry(0));
    let stream = gun::get(conn, "/", ());
    line.head();
    line.write("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\n");
    assert!(matches!(
        gun::await_(conn, stream, SOON),
        Ok(gun::Awaited::Response { fin: false, .. })
    ));
    gun::info(conn).unwrap();
    line.write("he");
    assert!(matches!(
        gun::await_(conn, stream, SOON),
        Ok(gun::Awaited::Data { fin: false, .. })
    ));
    line.write("llo");
    assert_eq!(gun::await_body(conn, stream, SOON).unwrap().0, "llo");
    receive! {
        down: Down => assert_eq!((down.reason, down.killed), (Reason::Normal, vec![])),
        after SOON => panic!("no Down"),
    }
}

/// Told to end while it closes, it ends as it would.
#[runtime::test]
fn closing_gun_shutdown() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let watch = monitor(conn);
    let stream = gun::get(conn, "/", [("connection", "close")]);
    line.head();
    gun::shutdown(conn);
    gun::shutdown(conn);
    line.write("HTTP/1.1 204 No Content\r\n\r\n");
    gun::await_(conn, stream, SOON).unwrap();
    assert_eq!(ends(watch), ExitReason::Shutdown);
    no_down();
}

/// What a connection may be amid when it is to end: nothing of it goes on by itself.
#[derive(Clone, Copy, Debug)]
enum Amid {
    Connecting,
    Tls,
    Socks,
    Connect,
    TlsInATunnel,
}

/// Who is to be ended: the owner, the connection, and what must be there meanwhile.
fn amid(state: Amid) -> (Pid, Pid, Box<dyn std::any::Any>) {
    use gun::{Destination, Protocol, ReqOpts, SocksOpts, TlsOpts, Transport};
    let peer = Peer::new();
    let nobody = Nobody::new();
    nobody.listen();
    let first = std::net::TcpStream::connect(("127.0.0.1", nobody.port())).unwrap();
    let tls = TlsOpts::new().verify_none();
    let opts = Opts::new().tls(tls.clone());
    let opts = match state {
        Amid::Tls => opts.transport(Transport::Tls),
        Amid::Socks => opts.protocols([SocksOpts::new("example.org", 80)]),
        _ => opts,
    };
    let port = match state {
        Amid::Connecting => nobody.port(),
        _ => peer.port(),
    };
    let me = self_pid();
    let owner = spawn!(move || {
        let conn = gun::open("127.0.0.1", port, opts).unwrap();
        let to = Destination::new("example.org", 443)
            .transport(Transport::Tls)
            .protocols([Protocol::Http])
            .tls(tls);
        if matches!(state, Amid::Connect | Amid::TlsInATunnel) {
            gun::connect(conn, to, (), ReqOpts::new());
        }
        send(me, conn);
        receive! {
            reason: ExitReason => exit(reason),
            Down { .. } => panic!("told of what was asked for"),
        }
    });
    let conn = receive! { conn: Pid => conn };
    let held: Box<dyn std::any::Any> = match state {
        Amid::Connecting => Box::new((nobody, first)),
        Amid::Tls | Amid::Socks => {
            let mut line = peer.accept();
            let [_]: [u8; 1] = line.bytes();
            Box::new(line)
        }
        Amid::Connect | Amid::TlsInATunnel => {
            let mut line = peer.accept();
            line.head();
            if matches!(state, Amid::TlsInATunnel) {
                line.write("HTTP/1.1 200 OK\r\n\r\n");
                let [_]: [u8; 1] = line.bytes();
            }
            Box::new(line)
        }
    };
    (owner, conn, held)
}

const AMID: [Amid; 5] = [
    Amid::Connecting,
    Amid::Tls,
    Amid::Socks,
    Amid::Connect,
    Amid::TlsInATunnel,
];

/// Closed amid whatever handshake, it has ended when that is said, and its owner goes on.
#[runtime::test]
fn closed_amid() {
    for state in AMID {
        let (owner, conn, _held) = amid(state);
        let watch = monitor(conn);
        gun::close(conn).unwrap();
        assert_eq!(ends(watch), ExitReason::Shutdown, "{state:?}");
        assert!(runtime::is_process_alive(owner));
    }
}

/// Told to end amid a handshake it does so at once; but for a proxy's answer, which is waited for as a response is.
#[runtime::test]
fn shut_down_amid() {
    for state in AMID {
        if matches!(state, Amid::Connect) {
            continue;
        }
        let (owner, conn, _held) = amid(state);
        let watch = monitor(conn);
        gun::shutdown(conn);
        assert_eq!(ends(watch), ExitReason::Shutdown, "{state:?}");
        assert!(runtime::is_process_alive(owner));
    }
}

/// So it does when its owner ends, with its reason.
#[runtime::test]
fn owner_down_amid() {
    let failed = ExitReason::other("failed");
    for state in AMID {
        if matches!(state, Amid::Connect) {
            continue;
        }
        for (reason, expected) in [
            (ExitReason::Normal, ExitReason::Normal),
            (
                failed.clone(),
                ExitReason::shutdown_with(OwnerDown(failed.clone())),
            ),
        ] {
            let (owner, conn, _held) = amid(state);
            let watch = monitor(conn);
            send(owner, reason);
            assert_eq!(ends(watch), expected, "{state:?}");
        }
    }
}
