//! pool_SUITE.

use std::time::Duration;

use gun::pool::{
    self, PoolError, PoolOpts, PoolReqOpts, PoolState, SetupEvent, StartPoolError, Step,
};
use gun::ws::Frame;
use gun::{Http2Opts, HttpOpts, OpenError, Opts, Protocol, ReplyTo, StreamRef, WsOpts};
use http::HeaderMap;
use runtime::prelude::*;

use crate::http2;
use crate::peer::{Line, Peer, SOON};
use crate::ws;

/// A pool of this size to the peer, with the peer's ends of its connections.
fn pool(peer: &Peer, size: usize) -> (Pid, Vec<Line>) {
    let opts = PoolOpts::new().size(size);
    let pool = pool::start_pool("127.0.0.1", peer.port(), opts).unwrap();
    let lines = (0..size).map(|_| peer.accept()).collect();
    pool::await_up(pool, SOON).unwrap();
    (pool, lines)
}

fn get(port: u16, opts: PoolReqOpts) -> Result<(Pid, StreamRef), PoolError> {
    let host = format!("127.0.0.1:{port}");
    pool::get("/none", [("host", host.as_str())], opts)
}

fn is_response(conn: Pid, stream: StreamRef) -> bool {
    matches!(
        gun::await_(conn, stream, SOON),
        Ok(gun::Awaited::Response { fin: true, .. })
    )
}

/// Requests to a pool are answered, each by a connection that has a place.
#[runtime::test]
fn hello_pool_h1() {
    let peer = Peer::new();
    let (_, lines) = pool(&peer, 3);
    for mut line in lines {
        spawn!(move || loop {
            line.head();
            line.write("HTTP/1.1 204 No Content\r\n\r\n");
        });
    }
    let streams: Vec<_> = (0..3)
        .map(|_| get(peer.port(), PoolReqOpts::new()).unwrap())
        .collect();
    for &(conn, stream) in &streams {
        assert!(is_response(conn, stream));
    }
    let mut conns: Vec<Pid> = streams.iter().map(|(conn, _)| *conn).collect();
    conns.sort();
    conns.dedup();
    assert_eq!(conns.len(), 3);
}

/// Over HTTP/2 too.
#[runtime::test]
fn hello_pool_h2() {
    let port = http2::server(100);
    let conn_opts = Opts::new().protocols([Http2Opts::new()]);
    let opts = PoolOpts::new().size(2).conn_opts(conn_opts);
    let pool = pool::start_pool("127.0.0.1", port, opts).unwrap();
    pool::await_up(pool, SOON).unwrap();
    for _ in 0..50 {
        let (conn, stream) = get(port, PoolReqOpts::new()).unwrap();
        assert!(is_response(conn, stream));
    }
    let info = pool::info_of(pool).unwrap();
    assert_eq!(info.state, PoolState::Operational);
    assert!(
        info.conns
            .iter()
            .all(|conn| conn.protocol == Some(Protocol::Http2))
    );
}

/// Sends a Websocket's messages on to a process.
#[derive(Clone, Debug)]
struct SendOn(Pid);

impl gun::ws::WsHandler for SendOn {
    fn init(&self, _: Pid, _: StreamRef, _: &ReplyTo, _: &HeaderMap) -> Box<dyn gun::ws::WsFrames> {
        Box::new(self.clone())
    }
}

impl gun::ws::WsFrames for SendOn {
    fn handle(&mut self, received: gun::ws::Received) -> u32 {
        send(self.0, received);
        1
    }
}

/// A pool of Websockets is ready when its setup says so, and messages go to one of them.
#[runtime::test]
fn hello_pool_ws() {
    let port = ws::server();
    let me = self_pid();
    let opts = PoolOpts::new().size(2).setup(move || {
        Box::new(move |conn, event| match event {
            SetupEvent::Upgrade(stream, _) => Step::Up {
                protocol: Protocol::Ws,
                ws: Some(stream),
            },
            _ => {
                gun::ws_upgrade(conn, "/", (), WsOpts::new().default_handler(SendOn(me)));
                Step::Wait
            }
        })
    });
    let pool = pool::start_pool("127.0.0.1", port, opts).unwrap();
    pool::await_up(pool, SOON).unwrap();
    let authority = format!("127.0.0.1:{port}");
    for _ in 0..10 {
        pool::ws_send(&authority, [Frame::text("hello")], ()).unwrap();
        receive! {
            received: gun::ws::Received => {
                assert_eq!(received, gun::ws::Received::Frame(Frame::text("hello")));
            }
            after SOON => panic!("nothing came back"),
        }
    }
}

/// An HTTP/1.1 connection has one place, which is there again when the response has ended; who is told to try again
/// gets it then.
#[runtime::test]
fn max_streams_h1() {
    let peer = Peer::new();
    let (pool, mut lines) = pool(&peer, 1);
    let (conn, stream) = get(peer.port(), PoolReqOpts::new()).unwrap();
    let refused = get(peer.port(), PoolReqOpts::new());
    assert_eq!(refused, Err(PoolError::NoConnectionAvailable));
    let info = pool::info_of(pool).unwrap();
    assert_eq!((info.conns[0].streams, info.conns[0].limit), (1, 1));
    let port = peer.port();
    let me = self_pid();
    spawn!(move || {
        let patient = PoolReqOpts::new().checkout_retry(vec![Duration::from_millis(10); 1000]);
        let (conn, stream) = get(port, patient).unwrap();
        send(me, is_response(conn, stream));
    });
    for _ in 0..2 {
        lines[0].head();
        lines[0].write("HTTP/1.1 204 No Content\r\n\r\n");
    }
    assert!(is_response(conn, stream));
    receive! { answered: bool => assert!(answered) }
}

/// An HTTP/2 connection has as many places as the server allows streams. Streams that are cancelled give theirs back.
#[runtime::test]
fn max_streams_h2_size_1() {
    max_streams_h2(1);
}

/// So has each of several.
#[runtime::test]
fn max_streams_h2_size_2() {
    max_streams_h2(2);
}

fn max_streams_h2(size: usize) {
    const LIMIT: u32 = 5;
    let port = http2::server(LIMIT);
    let conn_opts = Opts::new().protocols([Http2Opts::new()]);
    let opts = PoolOpts::new().size(size).conn_opts(conn_opts);
    let pool = pool::start_pool("127.0.0.1", port, opts).unwrap();
    pool::await_up(pool, SOON).unwrap();
    // Until the server's settings have come, each may have more.
    let limited =
        |info: &pool::PoolInfo| info.conns.iter().all(|conn| conn.limit == LIMIT as usize);
    while !limited(&pool::info_of(pool).unwrap()) {
        runtime::yield_now();
    }
    let host = format!("127.0.0.1:{port}");
    let wait = || pool::get("/wait", [("host", host.as_str())], ());
    let streams: Vec<_> = (0..size * LIMIT as usize)
        .map(|_| wait().unwrap())
        .collect();
    assert_eq!(wait(), Err(PoolError::NoConnectionAvailable));
    for &(conn, stream) in &streams {
        gun::cancel(conn, stream);
        // It has done so when it answers.
        gun::info(conn).unwrap();
    }
    let (conn, stream) = get(port, PoolReqOpts::new()).unwrap();
    assert!(is_response(conn, stream));
}

/// A pool that was stopped is there no more, nor are its connections.
#[runtime::test]
fn stop_pool() {
    let peer = Peer::new();
    let (_, lines) = pool(&peer, 2);
    assert_eq!(pool::info().len(), 1);
    pool::stop_pool("127.0.0.1", peer.port(), &PoolOpts::new()).unwrap();
    for line in lines {
        assert_eq!(line.end(), "");
    }
    assert_eq!(
        get(peer.port(), PoolReqOpts::new()),
        Err(PoolError::PoolNotFound)
    );
    assert!(pool::info().is_empty());
    let again = pool::stop_pool("127.0.0.1", peer.port(), &PoolOpts::new());
    assert_eq!(again, Err(PoolError::PoolNotFound));
}

/// A wrong option is refused, and there is no pool; so is a second pool of the same name, and one of no connections.
#[runtime::test]
fn degraded_configuration_error() {
    let wrong = Opts::new().http(HttpOpts::new().flow(0));
    let started = pool::start_pool("localhost", 80, PoolOpts::new().conn_opts(wrong));
    let Err(StartPoolError::Open(OpenError::Option("http.flow"))) = started else {
        panic!("{started:?}");
    };
    let none = pool::start_pool("localhost", 80, PoolOpts::new().size(0));
    assert!(matches!(none, Err(StartPoolError::Size)));
    let peer = Peer::new();
    let (first, _lines) = pool(&peer, 1);
    let second = pool::start_pool("127.0.0.1", peer.port(), PoolOpts::new());
    let Err(StartPoolError::AlreadyStarted(pid)) = second else {
        panic!("{second:?}");
    };
    assert_eq!(pid, first);
}

/// A connection that dies is replaced by another, and the pool is whole again.
#[runtime::test]
fn killed_connection() {
    let peer = Peer::new();
    let (pool, _lines) = pool(&peer, 2);
    let conn = pool::info_of(pool).unwrap().conns[0].conn;
    exit_signal(conn, ExitReason::Kill);
    let _line = peer.accept();
    pool::await_up(pool, SOON).unwrap();
    let conns = pool::info_of(pool).unwrap().conns;
    assert!(conns.len() == 2 && conns.iter().all(|other| other.conn != conn));
}

/// A connection that is lost is degraded until it is up again.
#[runtime::test]
fn reconnect() {
    let peer = Peer::new();
    let (pool, lines) = pool(&peer, 1);
    drop(lines);
    let mut line = peer.accept();
    pool::await_up(pool, SOON).unwrap();
    let (conn, stream) = get(peer.port(), PoolReqOpts::new()).unwrap();
    line.head();
    line.write("HTTP/1.1 204 No Content\r\n\r\n");
    assert!(is_response(conn, stream));
}

/// Pools of one host in two scopes are two pools.
#[runtime::test]
fn scopes() {
    let peer = Peer::new();
    let opts = PoolOpts::new().size(1).scope("other");
    let other = pool::start_pool("127.0.0.1", peer.port(), opts).unwrap();
    let _line = peer.accept();
    pool::await_up(other, SOON).unwrap();
    assert_eq!(
        get(peer.port(), PoolReqOpts::new()),
        Err(PoolError::PoolNotFound)
    );
    let (conn, _) = get(peer.port(), PoolReqOpts::new().scope("other")).unwrap();
    let info = pool::info_of(other).unwrap();
    assert_eq!((info.scope.as_str(), info.conns[0].conn), ("other", conn));
    assert_eq!(pool::get("/", (), ()), Err(PoolError::NoHost));
}

/// What cannot be asked of a connection cannot be asked of a pool, and is told in the same way.
#[runtime::test]
fn wrong_requests() {
    let peer = Peer::new();
    let (_pool, _lines) = pool(&peer, 1);
    let host = format!("127.0.0.1:{}", peer.port());
    let host = [("host", host.as_str())];
    let flow = gun::ReqOpts::new().flow(0);
    for (asked, key) in [
        (
            pool::request(http::Method::CONNECT, "/", host, "", ()),
            "method",
        ),
        (pool::get("/", host, flow), "flow"),
    ] {
        let (conn, stream) = asked.unwrap();
        let wrong = gun::Reason::BadState(gun::BadState::Option(key));
        assert_eq!(
            gun::await_(conn, stream, SOON),
            Err(gun::AwaitError::Stream(wrong))
        );
    }
    // Neither has taken the place.
    get(peer.port(), PoolReqOpts::new()).unwrap();
}

/// A pool whose connections all fail is degraded and gives out none, and goes on trying.
#[runtime::test]
fn all_connections_fail() {
    let nobody = crate::peer::Nobody::new();
    let opts = PoolOpts::new().size(1).conn_opts(Opts::new().retry(0));
    let pool = pool::start_pool("127.0.0.1", nobody.port(), opts).unwrap();
    let late = pool::await_up(pool, Duration::from_millis(10)).unwrap_err();
    assert!(
        matches!(late.failure, runtime::request::Failure::Timeout(_)),
        "{late}"
    );
    assert_eq!(
        get(nobody.port(), PoolReqOpts::new()),
        Err(PoolError::NoConnectionAvailable)
    );
    assert_eq!(pool::info_of(pool).unwrap().state, PoolState::Degraded);
    nobody.listen();
    pool::await_up(pool, SOON).unwrap();
    assert_eq!(pool::info_of(pool).unwrap().conns.len(), 1);
}

/// A manager that does not answer is waited for as long as was said.
#[runtime::test]
fn checkout_call_timeout() {
    let peer = Peer::new();
    let (pool, _lines) = pool(&peer, 1);
    sys::suspend(pool).unwrap();
    let opts = PoolReqOpts::new().checkout_call_timeout(Duration::from_millis(10));
    let Err(PoolError::Call(error)) = get(peer.port(), opts) else {
        panic!("answered");
    };
    let timeout = matches!(error.failure, runtime::request::Failure::Timeout(_));
    assert!(timeout, "{error}");
    sys::resume(pool).unwrap();
    // What it gives out too late comes back.
    let patient = PoolReqOpts::new().checkout_retry(vec![Duration::from_millis(10); 1000]);
    get(peer.port(), patient).unwrap();
}
