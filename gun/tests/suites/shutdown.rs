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
        Ok(gun::Awaited::Response(false, ..))
    ));
    gun::info(conn).unwrap();
    line.write("he");
    assert!(matches!(
        gun::await_(conn, stream, SOON),
        Ok(gun::Awaited::Data(false, _))
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
