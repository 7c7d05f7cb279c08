//! gun_SUITE.

use std::io::{Read, Write};
use std::time::Duration;

use ::gun::{AwaitError, Down, Opts, Protocol, Reason, Retry};
use runtime::net::UnixListener;
use runtime::prelude::*;

use crate::peer::{Nobody, Peer, SOON};

fn ends(conn: Pid) -> ExitReason {
    let watch = monitor(conn);
    receive! {
        runtime::Down { monitor, reason, .. } if monitor == watch => reason,
        after SOON => panic!("it goes on"),
    }
}

fn refused() -> ExitReason {
    ExitReason::shutdown_with(Reason::Io(std::io::ErrorKind::ConnectionRefused))
}

/// Without retries, a connection that cannot be made ends at once, and says why.
#[runtime::test]
fn retry_0() {
    let nobody = Nobody::new();
    let conn = ::gun::open("127.0.0.1", nobody.port(), Opts::new().retry(0)).unwrap();
    assert!(matches!(ends(conn), reason if reason == refused() || reason == ExitReason::NoProc));
}

/// Whoever waits for what has given up learns why, even if that was before. Of what was closed this is not known.
#[runtime::test]
fn await_given_up() {
    let nobody = Nobody::new();
    let conn = ::gun::open("127.0.0.1", nobody.port(), Opts::new().retry(0)).unwrap();
    ends(conn);
    let stream = ::gun::get(conn, "/", ());
    let down = AwaitError::Down(refused());
    assert_eq!(::gun::await_up(conn, SOON), Err(down.clone()));
    assert_eq!(::gun::await_(conn, stream, SOON), Err(down.clone()));
    assert_eq!(::gun::await_body(conn, stream, SOON), Err(down));

    let peer = Peer::new();
    let (conn, _line) = peer.open(Opts::new());
    ::gun::close(conn).unwrap();
    let down = AwaitError::Down(ExitReason::NoProc);
    assert_eq!(::gun::await_up(conn, SOON), Err(down));
}

/// Without retries, a connection that is lost tells its owner, and ends.
#[runtime::test]
fn retry_0_disconnect() {
    let peer = Peer::new();
    let (conn, line) = peer.open(Opts::new().retry(0));
    let watch = monitor(conn);
    drop(line);
    receive! {
        down: Down => assert_eq!((down.conn, down.reason, down.killed), (conn, Reason::Closed, vec![])),
        after SOON => panic!("no Down"),
    }
    receive! {
        runtime::Down { monitor, reason, .. } if monitor == watch => {
            assert_eq!(reason, ExitReason::shutdown_with(Reason::Closed));
        }
        after SOON => panic!("it goes on"),
    }
}

/// The first retry is immediate, each other one waits.
#[runtime::test]
fn retry_timeout() {
    let nobody = Nobody::new();
    let before = runtime::now();
    let opts = Opts::new()
        .retry(3)
        .retry_timeout(Duration::from_millis(20));
    let conn = ::gun::open("127.0.0.1", nobody.port(), opts).unwrap();
    assert_eq!(ends(conn), refused());
    assert!(runtime::now() - before >= Duration::from_millis(40));
}

/// A function says how often and when; it is asked with what is left.
#[runtime::test]
fn retry_fun() {
    let me = self_pid();
    let opts = Opts::new().retry(5).retry_fun(move |left| {
        send(me, left);
        Retry {
            retries: left.saturating_sub(3),
            timeout: Duration::ZERO,
        }
    });
    let nobody = Nobody::new();
    let conn = ::gun::open("127.0.0.1", nobody.port(), opts).unwrap();
    let watch = monitor(conn);
    let mut asked = Vec::new();
    loop {
        receive! {
            left: u32 => asked.push(left),
            runtime::Down { monitor, .. } if monitor == watch => break,
        }
    }
    assert_eq!(asked, [5, 2]);
}

#[derive(Debug)]
struct Attempt;

/// Tells each attempt.
struct Attempts(Pid);

impl ::gun::EventHandler for Attempts {
    fn handle(&mut self, event: ::gun::Event<'_>) {
        if let ::gun::Event::ConnectStart { .. } = event {
            send(self.0, Attempt);
        }
    }
}

/// How often it is tried where nobody is.
fn attempts(opts: Opts) -> usize {
    let me = self_pid();
    let nobody = Nobody::new();
    let opts = opts.event_handler(move || Attempts(me));
    let conn = ::gun::open("127.0.0.1", nobody.port(), opts).unwrap();
    assert_eq!(
        ::gun::await_up(conn, SOON),
        Err(AwaitError::Down(refused()))
    );
    let mut attempts = 0;
    loop {
        receive! {
            Attempt => attempts += 1,
            after Duration::ZERO => return attempts,
        }
    }
}

const HOUR: Duration = Duration::from_secs(3600);

/// The first retry does not wait; five retries, unless another number is said, are six attempts. Where there are none
/// nobody is asked for when they are.
#[runtime::test]
fn retries() {
    assert_eq!(attempts(Opts::new().retry(1).retry_timeout(HOUR)), 2);
    let soon = Duration::from_millis(1);
    assert_eq!(attempts(Opts::new().retry_timeout(soon)), 6);
    let never = |_: u32| -> Retry { panic!("asked") };
    assert_eq!(attempts(Opts::new().retry(0).retry_fun(never)), 1);
}

/// After a loss it is tried again at once, and as often as at first.
#[runtime::test]
fn retries_after_a_loss() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new().retry(1).retry_timeout(HOUR));
    for _ in 0..3 {
        drop(line);
        line = peer.accept();
        receive! {
            down: Down => assert_eq!(down.reason, Reason::Closed),
            after SOON => panic!("no Down"),
        }
        assert_eq!(::gun::await_up(conn, SOON), Ok(Protocol::Http));
    }
    ::gun::close(conn).unwrap();
}

/// A connection that is lost is made again, and its owner told.
#[runtime::test]
fn reconnects() {
    let peer = Peer::new();
    let (conn, line) = peer.open(Opts::new());
    drop(line);
    let _line = peer.accept();
    receive! {
        down: Down => assert_eq!(down.protocol, Protocol::Http),
        after SOON => panic!("no Down"),
    }
    assert_eq!(::gun::await_up(conn, SOON), Ok(Protocol::Http));
    ::gun::close(conn).unwrap();
}

/// What has not come to its end when the connection is lost is listed, the oldest first; what has is not.
#[runtime::test]
fn killed_streams_http() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let done = ::gun::get(conn, "/done", ());
    line.head();
    line.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    ::gun::await_(conn, done, SOON).unwrap();
    let [first, second] = ["/1", "/2"].map(|path| ::gun::get(conn, path, ()));
    line.head();
    line.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nnot all");
    ::gun::await_(conn, first, SOON).unwrap();
    drop(line);
    receive! {
        down: Down => assert_eq!(down.killed, [first, second]),
        after SOON => panic!("no Down"),
    }
    // Each was told before.
    for stream in [first, second] {
        let told = loop {
            match ::gun::await_(conn, stream, Duration::ZERO) {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(told, AwaitError::Stream(Reason::Closed));
    }
    ::gun::close(conn).unwrap();
}

/// So is one that was cancelled, one that asks for a Websocket, and one for a tunnel.
#[runtime::test]
fn killed_streams_of_each_kind() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let cancelled = ::gun::get(conn, "/", ());
    let websocket = ::gun::ws_upgrade(conn, "/", (), None);
    ::gun::cancel(conn, cancelled);
    let killed = || {
        receive! {
            down: Down => down.killed,
            after SOON => panic!("no Down"),
        }
    };
    line.head();
    ::gun::info(conn).unwrap();
    drop(line);
    assert_eq!(killed(), [cancelled, websocket]);
    let mut line = peer.accept();
    let to = ::gun::Destination::new("example.org", 80);
    let tunnel = ::gun::connect(conn, to, (), ::gun::ReqOpts::new());
    line.head();
    drop(line);
    assert_eq!(killed(), [tunnel]);
    ::gun::close(conn).unwrap();
}

/// Requests that are made before there is a connection are sent when there is.
#[runtime::test]
fn postpone_request_while_not_connected() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let opts = Opts::new()
        .retry(1000)
        .retry_timeout(Duration::from_millis(5));
    let conn = ::gun::open_unix(&path, opts).unwrap();
    let stream = ::gun::get(conn, "/postponed", ());
    let listener = UnixListener::bind(&path).unwrap();
    let (mut line, _) = listener.accept().unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        line.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    assert!(head.starts_with(b"GET /postponed "));
    line.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
    let head = ::gun::await_(conn, stream, SOON);
    assert!(
        matches!(head, Ok(::gun::Awaited::Response { fin: true, status, .. }) if status == 204)
    );
    ::gun::close(conn).unwrap();
}

/// The default port is left out of `host`, another is not; a host that is given wins.
#[runtime::test]
fn host() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    ::gun::get(conn, "/", ());
    assert!(
        line.head()
            .contains(&format!("host: 127.0.0.1:{}\r\n", peer.port()))
    );
    line.write("HTTP/1.1 204 No Content\r\n\r\n");
    ::gun::get(conn, "/", [("host", "example.org")]);
    assert!(line.head().contains("host: example.org\r\n"));
    ::gun::close(conn).unwrap();
}

/// The messages go to another process, or to a function.
#[runtime::test]
fn reply_to_http() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let me = self_pid();
    let other = spawn!(move || {
        receive! { response: ::gun::Response => send(me, ("process", response.status.as_u16())) }
    });
    let opts = ::gun::ReqOpts::new().reply_to(other);
    ::gun::request(conn, http::Method::GET, "/", (), "", opts);
    line.head();
    line.write("HTTP/1.1 204 No Content\r\n\r\n");
    receive! { ("process", status): (&'static str, u16) => assert_eq!(status, 204) }
    let function = ::gun::ReplyTo::function(move |message| {
        let response = message.downcast::<::gun::Response>().unwrap();
        send(me, ("function", response.status.as_u16()));
    });
    let opts = ::gun::ReqOpts::new().reply_to(function);
    ::gun::request(conn, http::Method::GET, "/", (), "", opts);
    line.head();
    line.write("HTTP/1.1 205 Reset Content\r\ncontent-length: 0\r\n\r\n");
    receive! { ("function", status): (&'static str, u16) => assert_eq!(status, 205) }
    ::gun::close(conn).unwrap();
}

/// Only the owner may name another, who is watched from then on.
#[runtime::test]
fn set_owner() {
    let peer = Peer::new();
    let (conn, _line) = peer.open(Opts::new());
    let next = spawn!(|| receive! { (): () => {} });
    let thief = spawn_monitor!(move || {
        ::gun::set_owner(conn, self_pid());
        receive! { error: ::gun::Error => assert_eq!(error.stream, None) }
    });
    receive! {
        runtime::Down { monitor, reason, .. } if monitor == thief.1 => assert_eq!(reason, ExitReason::Normal),
    }
    ::gun::set_owner(conn, next);
    assert_eq!(::gun::info(conn).unwrap().owner, next);
    let watch = monitor(conn);
    send(next, ());
    receive! {
        runtime::Down { monitor, reason, .. } if monitor == watch => assert_eq!(reason, ExitReason::Normal),
        after SOON => panic!("it goes on"),
    }
}

/// A connection that is to end takes no other owner.
#[runtime::test]
fn set_owner_while_closing() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    ::gun::get(conn, "/", ());
    line.head();
    ::gun::shutdown(conn);
    ::gun::set_owner(conn, spawn!(|| receive! { (): () => {} }));
    receive! {
        ::gun::Error { stream: None, reason, .. } => {
            assert_eq!(reason, Reason::BadState(::gun::BadState::NotOwner));
        }
        after SOON => panic!("not told"),
    }
    assert_eq!(::gun::info(conn).unwrap().owner, self_pid());
    ::gun::close(conn).unwrap();
}

/// TLS is spoken on port 443 and TCP on others, unless it is said.
#[runtime::test]
fn transport_by_port() {
    use ::gun::Transport::{Tcp, Tls};
    let waits = || Opts::new().retry(1000).retry_timeout(HOUR);
    for (port, opts, transport, scheme) in [
        (443, waits(), Tls, "https"),
        (1, waits(), Tcp, "http"),
        (443, waits().transport(Tcp), Tcp, "http"),
        (1, waits().transport(Tls), Tls, "https"),
    ] {
        let conn = ::gun::open("127.0.0.1", port, opts).unwrap();
        let info = ::gun::info(conn).unwrap();
        assert_eq!(
            (info.transport, info.origin_scheme),
            (transport, Some(scheme))
        );
        ::gun::close(conn).unwrap();
    }
}

/// A connection over a Unix socket; its host is `localhost`.
#[runtime::test]
fn unix_socket_connect() {
    let folder = std::env::temp_dir().join(format!("gun-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let conn = ::gun::open_unix(&path, Opts::new()).unwrap();
    let stream = ::gun::get(conn, "/", ());
    let (mut line, _) = listener.accept().unwrap();
    use std::io::{Read, Write};
    let mut head = [0; 512];
    let read = line.read(&mut head).unwrap();
    assert!(String::from_utf8_lossy(&head[..read]).contains("host: localhost\r\n"));
    line.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")
        .unwrap();
    assert_eq!(::gun::await_body(conn, stream, SOON).unwrap().0, "hi");
    ::gun::close(conn).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
}

/// What is no host is refused; what is no path is the stream's error.
#[runtime::test]
fn wrong_arguments() {
    for host in ["", "two words", "a/b", "user@host"] {
        assert!(::gun::open(host, 80, Opts::new()).is_err(), "{host:?}");
    }
    let peer = Peer::new();
    let (conn, _line) = peer.open(Opts::new());
    let stream = ::gun::get(conn, "/two words", ());
    let told = ::gun::await_(conn, stream, SOON);
    let reason = Reason::BadState(::gun::BadState::BadTarget);
    assert_eq!(told, Err(AwaitError::Stream(reason)));
    ::gun::close(conn).unwrap();
    assert_eq!(::gun::close(conn), Err(::gun::CloseError(conn)));
}

/// A header with a line break is refused in the caller.
#[runtime::test]
fn invalid_request_headers_raise() {
    let peer = Peer::new();
    let (conn, _line) = peer.open(Opts::new());
    let caught = std::panic::catch_unwind(|| ::gun::get(conn, "/", [("x-bad", "a\r\nb: c")]));
    let payload = caught.unwrap_err();
    let text = payload.downcast_ref::<String>().unwrap();
    assert!(text.contains("x-bad"), "{text}");
    ::gun::close(conn).unwrap();
}

/// A connection that is not supervised is linked to who opened it.
#[runtime::test]
fn supervise_false() {
    let peer = Peer::new();
    let port = peer.port();
    let (opener, _) = spawn_monitor!(move || {
        let conn = ::gun::open("127.0.0.1", port, Opts::new().supervise(false)).unwrap();
        assert!(runtime::links().contains(&conn));
        ::gun::close(conn).unwrap();
    });
    receive! {
        runtime::Down { object, reason, .. } => {
            assert_eq!((object, reason), (opener.into(), ExitReason::Normal));
        }
    }
}

/// Connecting is given up after the time that was said.
#[runtime::test]
fn connect_timeout() {
    let nobody = Nobody::new();
    // One connection is all it takes; others wait for ever.
    nobody.listen();
    let _first = std::net::TcpStream::connect(("127.0.0.1", nobody.port())).unwrap();
    let opts = Opts::new()
        .connect_timeout(Duration::from_millis(10))
        .retry(0);
    let conn = ::gun::open("127.0.0.1", nobody.port(), opts).unwrap();
    assert_eq!(ends(conn), ExitReason::shutdown_with(Reason::Timeout));
}

/// That a connection comes up with these options.
fn comes_up(opts: Opts) {
    let peer = Peer::new();
    let conn = ::gun::open("localhost", peer.port(), opts).unwrap();
    let _line = peer.accept();
    assert_eq!(::gun::await_up(conn, SOON), Ok(Protocol::Http));
    ::gun::close(conn).unwrap();
}

/// A connection may take as long as it will, or as long as a time can be.
#[runtime::test]
fn connect_timeout_infinity() {
    comes_up(Opts::new());
    comes_up(Opts::new().connect_timeout(Duration::MAX));
}

/// A look-up in its time is as good as one without; one that takes longer is given up.
#[runtime::test]
fn domain_lookup_timeout() {
    comes_up(Opts::new().domain_lookup_timeout(SOON));
    let opts = Opts::new().domain_lookup_timeout(Duration::from_nanos(1));
    let conn = ::gun::open("localhost", 1, opts.retry(0)).unwrap();
    let late = ExitReason::shutdown_with(Reason::Timeout);
    assert_eq!(::gun::await_up(conn, SOON), Err(AwaitError::Down(late)));
}

/// A look-up may take as long as it will, or as long as a time can be.
#[runtime::test]
fn domain_lookup_timeout_infinity() {
    comes_up(Opts::new());
    comes_up(Opts::new().domain_lookup_timeout(Duration::MAX));
}

/// An empty piece that is not the last is nothing; an empty last one ends the body.
#[runtime::test]
fn ignore_empty_data_http() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let opts = ::gun::ReqOpts::new();
    let stream = ::gun::headers(conn, http::Method::PUT, "/", (), opts);
    ::gun::data(conn, stream, false, "hello ");
    ::gun::data(conn, stream, false, ["", ""].concat());
    ::gun::data(conn, stream, false, "world");
    ::gun::data(conn, stream, true, "");
    assert!(line.head().contains("transfer-encoding: chunked\r\n"));
    let body = "6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n";
    assert_eq!(line.read(body.len()), body);
    ::gun::close(conn).unwrap();
}

/// So it is over HTTP/2: no frame is empty but the last.
#[runtime::test]
fn ignore_empty_data_http2() {
    use crate::frames::{self, DATA, END_STREAM, HEADERS};
    let peer = Peer::new();
    let (conn, mut frames) = frames::open(&peer, Opts::new(), &[]);
    let opts = ::gun::ReqOpts::new();
    let stream = ::gun::headers(conn, http::Method::PUT, "/", (), opts);
    ::gun::data(conn, stream, false, "hello ");
    ::gun::data(conn, stream, false, "");
    frames.until(HEADERS);
    let first = frames.until(DATA);
    assert_eq!((&first.payload[..], first.flags), (&b"hello "[..], 0));
    ::gun::data(conn, stream, true, "");
    let last = frames.until(DATA);
    assert_eq!((&last.payload[..], last.flags), (&b""[..], END_STREAM));
    ::gun::close(conn).unwrap();
}

/// What is known of a connection, before it is up and after.
#[runtime::test]
fn info() {
    use ::gun::{State, Transport, cookies::List};
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new().cookie_store(List::new));
    let info = ::gun::info(conn).unwrap();
    assert_eq!((info.owner, info.state), (self_pid(), State::Connected));
    assert_eq!(info.transport, Transport::Tcp);
    assert_eq!(info.protocol, Some(Protocol::Http));
    assert_eq!(info.address, Some(([127, 0, 0, 1], peer.port()).into()));
    assert_eq!(info.origin_scheme, Some("http"));
    assert_eq!(
        (&*info.origin_host, info.origin_port),
        ("127.0.0.1", peer.port())
    );
    assert_eq!((info.intermediaries.len(), info.streams), (0, 0));
    assert!(info.cookie_store && !info.event_handler);
    ::gun::get(conn, "/", ());
    ::gun::get(conn, "/", ());
    assert_eq!(::gun::info(conn).unwrap().streams, 2);
    line.head();
    ::gun::shutdown(conn);
    let info = ::gun::info(conn).unwrap();
    assert_eq!((info.state, info.streams), (State::Closing, 1));
    ::gun::close(conn).unwrap();

    let nobody = Nobody::new();
    let opts = Opts::new()
        .retry(10)
        .retry_timeout(Duration::from_secs(3600));
    let conn = ::gun::open("127.0.0.1", nobody.port(), opts).unwrap();
    let info = ::gun::info(conn).unwrap();
    assert_eq!((info.state, info.protocol), (State::NotConnected, None));
    ::gun::close(conn).unwrap();
}

/// A name or a value that is none panics in the caller, of all functions that take headers.
#[runtime::test]
fn invalid_request_headers_raise_headers() {
    let peer = Peer::new();
    let (conn, _line) = peer.open(Opts::new());
    let bad = [("bad name", "x")];
    let opts = ::gun::ReqOpts::new;
    let calls: [&dyn Fn(); 4] = [
        &|| {
            ::gun::post(conn, "/", bad, "");
        },
        &|| {
            ::gun::headers(conn, http::Method::POST, "/", bad, opts());
        },
        &|| {
            let to = ::gun::Destination::new("example.org", 80);
            ::gun::connect(conn, to, bad, opts());
        },
        &|| {
            ::gun::ws_upgrade(conn, "/", bad, None);
        },
    ];
    for call in calls {
        let call = std::panic::AssertUnwindSafe(call);
        let payload = std::panic::catch_unwind(call).unwrap_err();
        let text = payload.downcast_ref::<String>().unwrap();
        assert!(text.contains("bad name"), "{text}");
    }
    assert_eq!(::gun::info(conn).unwrap().streams, 0);
    ::gun::close(conn).unwrap();
}

/// Headers may come as a map, where one name may have many values; they are sent in lower case.
#[runtime::test]
fn map_headers() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let mut headers = http::HeaderMap::new();
    headers.append("x-many", "1".parse().unwrap());
    headers.append("x-many", "2".parse().unwrap());
    ::gun::get(conn, "/", headers);
    let head = line.head();
    assert!(head.contains("x-many: 1\r\nx-many: 2\r\n"), "{head}");
    ::gun::close(conn).unwrap();
}

/// Headers are given as whoever makes a request holds them.
#[runtime::test]
fn headers_as_they_are_held() {
    use ::gun::http::{HeaderMap, HeaderName, HeaderValue, header::ACCEPT};
    use ::gun::{IntoHeaders, get};

    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    let (one, two) = (("x-a", "1"), ("x-a", "2"));
    let pair = [one, two];
    let owned = vec![
        ("x-a".to_owned(), "1".to_owned()),
        ("x-a".to_owned(), "2".to_owned()),
    ];
    let map: HeaderMap = vec![one, two].into_headers();
    for stream in [
        get(conn, "/", [one, two]),
        get(conn, "/", pair),
        get(conn, "/", &[one, two][..]),
        get(conn, "/", vec![one, two]),
        get(conn, "/", &owned),
        get(conn, "/", owned),
        get(conn, "/", &map),
        get(conn, "/", map),
    ] {
        let head = line.head();
        assert!(head.contains("x-a: 1\r\nx-a: 2\r\n"), "{head}");
        line.write("HTTP/1.1 204 OK\r\n\r\n");
        ::gun::await_(conn, stream, SOON).unwrap();
    }
    let mut secret = HeaderValue::from_static("2");
    secret.set_sensitive(true);
    let typed = vec![
        (ACCEPT, HeaderValue::from_static("1")),
        (HeaderName::from_static("x-b"), secret),
    ];
    let map = typed.into_headers();
    assert_eq!(
        (&map[ACCEPT], &map["x-b"]),
        (
            &HeaderValue::from_static("1"),
            &HeaderValue::from_static("2")
        )
    );
    assert!(map["x-b"].is_sensitive());
}

/// Names that are written in upper case are sent in lower case.
#[runtime::test]
fn uppercase_header_name() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    ::gun::get(conn, "/", [("X-UPPER", "Kept")]);
    let head = line.head();
    assert!(head.contains("x-upper: Kept\r\n"), "{head}");
    ::gun::close(conn).unwrap();
}

/// But for servers that must have it otherwise.
#[runtime::test]
fn transform_header_name() {
    let peer = Peer::new();
    let http = ::gun::HttpOpts::new().title_case_headers(true);
    let (conn, mut line) = peer.open(Opts::new().http(http));
    ::gun::get(conn, "/", [("x-mine", "1")]);
    let head = line.head();
    assert!(
        head.contains("X-Mine: 1\r\n") && head.contains("Host: "),
        "{head}"
    );
    ::gun::close(conn).unwrap();
}

/// Over HTTP/1.0 there is one request for each connection, a body's length must be known, and there is no Websocket.
#[runtime::test]
fn version_10() {
    let peer = Peer::new();
    let http = ::gun::HttpOpts::new().version(::gun::HttpVersion::Http10);
    let (conn, mut line) = peer.open(Opts::new().http(http).retry(0));
    let opts = ::gun::ReqOpts::new();
    let stream = ::gun::headers(conn, http::Method::PUT, "/", (), opts);
    let no_length = Reason::BadState(::gun::BadState::NoLength);
    assert_eq!(
        ::gun::await_(conn, stream, SOON),
        Err(AwaitError::Stream(no_length))
    );
    let stream = ::gun::ws_upgrade(conn, "/", (), None);
    let no_websocket = Reason::BadState(::gun::BadState::NoWebsocket);
    assert_eq!(
        ::gun::await_(conn, stream, SOON),
        Err(AwaitError::Stream(no_websocket))
    );
    let stream = ::gun::post(conn, "/", (), "hello");
    assert!(line.head().starts_with("POST / HTTP/1.0\r\n"));
    assert_eq!(line.read(5), "hello");
    line.write("HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok");
    assert_eq!(::gun::await_body(conn, stream, SOON).unwrap().0, "ok");
    receive! {
        down: Down => assert_eq!(down.reason, Reason::Normal),
        after SOON => panic!("no Down"),
    }
}

/// Outside a process the panic names the function that was called.
#[test]
fn outside_a_process() {
    static CONN: std::sync::LazyLock<Pid> = std::sync::LazyLock::new(|| runtime::run(self_pid));
    let calls: [(&str, fn()); 7] = [
        ("open", || drop(::gun::open("localhost", 80, Opts::new()))),
        ("get", || _ = ::gun::get(*CONN, "/", ())),
        ("post", || _ = ::gun::post(*CONN, "/", (), "")),
        ("headers", || {
            let method = http::Method::PUT;
            ::gun::headers(*CONN, method, "/", (), ::gun::ReqOpts::new());
        }),
        ("info", || drop(::gun::info(*CONN))),
        ("close", || _ = ::gun::close(*CONN)),
        ("ping", || _ = ::gun::ping(*CONN, ::gun::ReqOpts::new())),
    ];
    for (name, call) in calls {
        let payload = std::panic::catch_unwind(call).unwrap_err();
        let text = payload.downcast_ref::<String>().unwrap();
        assert!(
            text.starts_with(&format!("`gun::{name}` outside a process")),
            "{text}"
        );
    }
}
