//! HTTP/2, against a server made of h2 that does what the path says.

use std::time::Duration;

use bytes::Bytes;
use gun::{AwaitError, Awaited, Down, Http2Code, Http2Opts, Opts, Protocol, Reason, ReqOpts};
use h2::server::{self, SendResponse};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Method, Request, Response};
use runtime::future::receive_type;
use runtime::net::{TcpListener, TcpStream};
use runtime::prelude::*;
use runtime::spawn_future;

use crate::peer::SOON;

/// Tells a server's stream to go on.
#[derive(Debug)]
struct Go;

/// The process that answers a request, which it tells the test.
#[derive(Debug)]
struct Asked(Pid, String);

fn response(status: u16) -> Response<()> {
    Response::builder().status(status).body(()).unwrap()
}

async fn write(to: &mut SendStream<Bytes>, mut data: Bytes, fin: bool) -> Result<(), h2::Error> {
    while !data.is_empty() {
        to.reserve_capacity(data.len());
        let Some(room) = std::future::poll_fn(|cx| to.poll_capacity(cx)).await else {
            return Ok(());
        };
        let piece = data.split_to(room?.min(data.len()));
        to.send_data(piece, fin && data.is_empty())?;
    }
    Ok(())
}

async fn answer(
    test: Pid,
    request: Request<RecvStream>,
    mut to: SendResponse<Bytes>,
) -> Result<(), h2::Error> {
    let path = request.uri().path().to_owned();
    let authority = request.uri().authority().unwrap().to_string();
    let mut body = request.into_body();
    match path.as_str() {
        "/echo" => {
            let mut back = to.send_response(response(200), false)?;
            while let Some(data) = body.data().await {
                let data = data?;
                body.flow_control().release_capacity(data.len())?;
                write(&mut back, data, false).await?;
            }
            back.send_data(Bytes::new(), true)
        }
        "/authority" => {
            let mut back = to.send_response(response(200), false)?;
            back.send_data(authority.into(), true)
        }
        "/none" => to.send_response(response(204), true).map(drop),
        "/trailers" => {
            let mut back = to.send_response(response(200), false)?;
            back.send_data("hello".into(), false)?;
            let mut trailers = HeaderMap::new();
            trailers.insert("x-sum", "5".parse().unwrap());
            back.send_trailers(trailers)
        }
        "/inform" => {
            to.send_informational(response(103))?;
            to.send_response(response(204), true).map(drop)
        }
        "/reset" => {
            to.send_reset(Http2Code::ENHANCE_YOUR_CALM);
            Ok(())
        }
        "/wait" => {
            send(test, Asked(self_pid(), path));
            receive_type::<Go>().await;
            let mut back = to.send_response(response(200), false)?;
            back.send_data("waited".into(), true)
        }
        "/pieces" => {
            let mut back = to.send_response(response(200), false)?;
            for piece in ["a", "b", "c"] {
                write(&mut back, piece.into(), false).await?;
            }
            back.send_data(Bytes::new(), true)
        }
        path => panic!("{path}"),
    }
}

async fn serve(test: Pid, stream: TcpStream, limit: u32) {
    let shaken = server::Builder::new()
        .max_concurrent_streams(limit)
        .handshake::<_, Bytes>(stream)
        .await;
    let Ok(mut connection) = shaken else { return };
    send(test, Asked(self_pid(), String::new()));
    let mut told = std::pin::pin!(receive_type::<Go>());
    std::future::poll_fn(|cx| {
        // Goes away when it is told to, and then ends when the streams have.
        if told.as_mut().poll(cx).is_ready() {
            connection.graceful_shutdown();
            told.set(receive_type::<Go>());
        }
        while let std::task::Poll::Ready(next) = connection.poll_accept(cx) {
            let Some(Ok((request, to))) = next else {
                return std::task::Poll::Ready(());
            };
            spawn_future(async move {
                // The test says what is to come of it.
                let _ = answer(test, request, to).await;
            });
        }
        std::task::Poll::Pending
    })
    .await;
}

/// A server for one connection at a time, and the port it listens at.
pub fn server(limit: u32) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let test = self_pid();
    spawn!(move || {
        while let Ok((stream, _)) = listener.accept() {
            spawn_future(serve(test, stream, limit));
        }
    });
    port
}

/// A connection that is up and has the server's settings, and the server's end of it.
fn open_limited(opts: Opts, limit: u32) -> (Pid, Pid) {
    let opts = opts.protocols([Protocol::Http2]);
    let conn = gun::open("127.0.0.1", server(limit), opts).unwrap();
    assert_eq!(gun::await_up(conn, SOON), Ok(Protocol::Http2));
    let stream = gun::get(conn, "/none", ());
    gun::await_(conn, stream, SOON).unwrap();
    let peer = receive! { Asked(peer, path) if path.is_empty() => peer };
    (conn, peer)
}

fn open(opts: Opts) -> (Pid, Pid) {
    open_limited(opts, 100)
}

fn body(conn: Pid, stream: gun::StreamRef) -> Bytes {
    gun::await_body(conn, stream, SOON).unwrap().0
}

/// Requests go side by side; each gets its own response.
#[runtime::test]
fn side_by_side() {
    let (conn, _) = open(Opts::new());
    let waiting = gun::get(conn, "/wait", ());
    let Asked(stream, _) = receive! { asked: Asked => asked };
    let posted = gun::post(conn, "/echo", (), "hello");
    assert_eq!(body(conn, posted), "hello");
    send(stream, Go);
    assert_eq!(body(conn, waiting), "waited");
    gun::close(conn).unwrap();
}

/// A body larger than all windows goes there and back, in messages of 16 KiB at most.
#[runtime::test]
fn large() {
    let (conn, _) = open(Opts::new());
    let sent = Bytes::from(vec![7; 3 << 20]);
    let stream = gun::post(conn, "/echo", (), sent.clone());
    let mut got = 0;
    loop {
        match gun::await_(conn, stream, SOON).unwrap() {
            Awaited::Data { fin, data } => {
                assert!(data.len() <= 16 * 1024);
                got += data.len();
                if fin {
                    break;
                }
            }
            other => assert!(matches!(other, Awaited::Response { fin: false, .. })),
        }
    }
    assert_eq!(got, sent.len());
    gun::close(conn).unwrap();
}

/// A body that is sent in pieces.
#[runtime::test]
fn streamed_body() {
    let (conn, _) = open(Opts::new());
    let stream = gun::headers(conn, Method::POST, "/echo", (), ReqOpts::new());
    gun::data(conn, stream, false, "one ");
    assert!(matches!(
        gun::await_(conn, stream, SOON),
        Ok(Awaited::Response { fin: false, .. })
    ));
    assert!(
        matches!(gun::await_(conn, stream, SOON), Ok(Awaited::Data { fin: false, data }) if data == "one ")
    );
    gun::data(conn, stream, true, "two");
    assert_eq!(body(conn, stream), "two");
    gun::close(conn).unwrap();
}

/// What names the authority: the host that was opened, or the one that is given. Headers that HTTP/2 does not have, for
/// which the server would refuse the request, are not sent.
#[runtime::test]
fn authority_other_port_http() {
    let (conn, _) = open(Opts::new());
    let port = gun::info(conn).unwrap().origin_port;
    let stream = gun::get(conn, "/authority", ());
    assert_eq!(body(conn, stream), format!("127.0.0.1:{port}"));
    let stream = gun::get(
        conn,
        "/authority",
        [
            ("host", "example.org"),
            ("connection", "close"),
            ("keep-alive", "timeout=1"),
            ("proxy-connection", "close"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "other"),
        ],
    );
    assert_eq!(body(conn, stream), "example.org");
    gun::close(conn).unwrap();
}

/// Informational responses and trailers.
#[runtime::test]
fn inform_and_trailers() {
    let (conn, _) = open(Opts::new());
    let stream = gun::get(conn, "/inform", ());
    assert!(
        matches!(gun::await_(conn, stream, SOON), Ok(Awaited::Inform { status, .. }) if status == 103)
    );
    assert!(
        matches!(gun::await_(conn, stream, SOON), Ok(Awaited::Response { fin: true, status, .. }) if status == 204)
    );
    let stream = gun::get(conn, "/trailers", ());
    let (body, trailers) = gun::await_body(conn, stream, SOON).unwrap();
    assert_eq!(
        (&body[..], &trailers.unwrap()["x-sum"]),
        (&b"hello"[..], &"5".parse().unwrap())
    );
    gun::close(conn).unwrap();
}

/// A stream that the server resets fails with its code, and the others go on.
#[runtime::test]
fn reset() {
    let (conn, _) = open(Opts::new());
    let stream = gun::get(conn, "/reset", ());
    let told = gun::await_(conn, stream, SOON);
    assert_eq!(
        told,
        Err(AwaitError::Stream(Reason::Reset(
            Http2Code::ENHANCE_YOUR_CALM
        )))
    );
    let stream = gun::get(conn, "/none", ());
    gun::await_(conn, stream, SOON).unwrap();
    gun::close(conn).unwrap();
}

/// A cancelled stream is forgotten at once.
#[runtime::test]
fn cancel() {
    let (conn, _) = open(Opts::new());
    let stream = gun::get(conn, "/wait", ());
    let Asked(waiting, _) = receive! { asked: Asked => asked };
    assert!(gun::stream_info(conn, stream).unwrap().is_some());
    gun::cancel(conn, stream);
    assert_eq!(gun::stream_info(conn, stream).unwrap(), None);
    send(waiting, Go);
    let next = gun::get(conn, "/none", ());
    gun::await_(conn, next, SOON).unwrap();
    receive! {
        gun::Response { stream: of, .. } if of == stream => panic!("not silent"),
        after Duration::ZERO => {}
    }
    gun::close(conn).unwrap();
}

/// One stream more than the server allows is refused at once.
#[runtime::test]
fn max_concurrent_streams_headers() {
    let (conn, _) = open_limited(Opts::new(), 1);
    let first = gun::get(conn, "/wait", ());
    let Asked(waiting, _) = receive! { asked: Asked => asked };
    let second = gun::get(conn, "/none", ());
    let told = gun::await_(conn, second, SOON);
    assert_eq!(told, Err(AwaitError::Stream(Reason::TooManyStreams)));
    send(waiting, Go);
    assert_eq!(body(conn, first), "waited");
    gun::close(conn).unwrap();
}

/// A stream stops when its flow is used up, and goes on when it is given more.
#[runtime::test]
fn default_flow_http2() {
    let (conn, _) = open(Opts::new().http2(Http2Opts::new().flow(1)));
    let stream = gun::get(conn, "/pieces", ());
    gun::await_(conn, stream, SOON).unwrap();
    let mut got = Vec::new();
    loop {
        let Ok(Awaited::Data { fin, data }) = gun::await_(conn, stream, SOON) else {
            panic!("no data");
        };
        got.extend_from_slice(&data);
        if fin {
            break;
        }
        // Nothing more has come of another stream's whole life.
        let other = gun::get(conn, "/none", ());
        gun::await_(conn, other, SOON).unwrap();
        receive! {
            gun::Data { stream: of, .. } if of == stream => panic!("more than its flow"),
            after Duration::ZERO => {}
        }
        gun::update_flow(conn, stream, 1);
    }
    assert_eq!(got, b"abc");
    gun::close(conn).unwrap();
}

/// Told to end, it lets its streams end, and tells nobody.
#[runtime::test]
fn http2_gun_shutdown_one_stream() {
    let (conn, _) = open(Opts::new());
    let watch = monitor(conn);
    let stream = gun::get(conn, "/wait", ());
    let Asked(waiting, _) = receive! { asked: Asked => asked };
    gun::shutdown(conn);
    let late = gun::get(conn, "/none", ());
    assert_eq!(
        gun::await_(conn, late, SOON),
        Err(AwaitError::Stream(Reason::Closing))
    );
    send(waiting, Go);
    assert_eq!(body(conn, stream), "waited");
    receive! {
        runtime::Down { monitor, reason, .. } if monitor == watch => assert_eq!(reason, ExitReason::Shutdown),
        Down { .. } => panic!("told of what was asked for"),
        after SOON => panic!("it goes on"),
    }
}

/// So it does without one, at once.
#[runtime::test]
fn http2_gun_shutdown_no_streams() {
    let (conn, _) = open(Opts::new());
    let watch = monitor(conn);
    gun::shutdown(conn);
    receive! {
        runtime::Down { monitor, reason, .. } if monitor == watch => assert_eq!(reason, ExitReason::Shutdown),
        after SOON => panic!("it goes on"),
    }
}

/// A server that goes away lets the streams end that it has taken; the connection is then lost, normally.
#[runtime::test]
fn http2_server_goaway_one_stream() {
    let (conn, peer) = open(Opts::new().retry(0));
    let stream = gun::get(conn, "/wait", ());
    let Asked(waiting, _) = receive! { asked: Asked => asked };
    send(peer, Go);
    send(waiting, Go);
    assert_eq!(body(conn, stream), "waited");
    receive! {
        down: Down => assert_eq!((down.reason, down.killed), (Reason::Normal, vec![])),
        after SOON => panic!("no Down"),
    }
}

/// What is open when the server is gone is told so and listed, the oldest first.
#[runtime::test]
fn killed_streams() {
    let (conn, peer) = open(Opts::new().retry(0));
    let streams = [(); 3].map(|()| {
        let stream = gun::get(conn, "/wait", ());
        receive! { Asked(..) => {} }
        stream
    });
    exit_signal(peer, ExitReason::Kill);
    receive! {
        down: Down => assert_eq!((down.protocol, &down.killed[..]), (Protocol::Http2, &streams[..])),
        after SOON => panic!("no Down"),
    }
    for stream in streams {
        let told = gun::await_(conn, stream, Duration::ZERO);
        assert!(matches!(told, Err(AwaitError::Stream(_))), "{told:?}");
    }
}

/// A peer that speaks HTTP/1.1, or nothing that is known, ends the connection, and bounded retries end it for good.
#[runtime::test]
fn prior_knowledge_preface_http1() {
    use std::io::Write;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let opts = Opts::new().protocols([Protocol::Http2]).retry(0);
    let conn = gun::open("127.0.0.1", port, opts).unwrap();
    let watch = monitor(conn);
    let (mut stream, _) = listener.accept().unwrap();
    stream
        .write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        .unwrap();
    receive! {
        down: Down => assert!(matches!(down.reason, Reason::GoAway(_)), "{}", down.reason),
        after SOON => panic!("no Down"),
    }
    receive! {
        runtime::Down { monitor, .. } if monitor == watch => {}
        after SOON => panic!("it goes on"),
    }
}

/// A server that has answered may go on to read: the rest of the body still goes up, and then the stream has ended.
#[runtime::test]
fn answered_before_the_body_has_ended() {
    use crate::frames::{self, DATA, END_HEADERS, END_STREAM, HEADERS, OK, RST_STREAM};
    use crate::peer::Peer;
    let peer = Peer::new();
    let (conn, mut frames) = frames::open(&peer, Opts::new().retry(0), &[(4, 5)]);
    let whole = gun::post(conn, "/", (), "helloworld");
    frames.until(HEADERS);
    assert_eq!(frames.until(DATA).payload, b"hello");
    frames.frame(HEADERS, END_HEADERS | END_STREAM, 1, OK);
    gun::await_(conn, whole, SOON).unwrap();
    frames.frame(frames::WINDOW_UPDATE, 0, 1, 5u32.to_be_bytes());
    let rest = frames.until(DATA);
    assert_eq!((&rest.payload[..], rest.flags), (&b"world"[..], END_STREAM));

    let pieces = gun::headers(conn, Method::POST, "/", (), ReqOpts::new());
    frames.until(HEADERS);
    frames.frame(HEADERS, END_HEADERS | END_STREAM, 3, OK);
    gun::await_(conn, pieces, SOON).unwrap();
    gun::data(conn, pieces, true, "later");
    let rest = frames.until(DATA);
    assert_eq!((&rest.payload[..], rest.flags), (&b"later"[..], END_STREAM));
    while gun::info(conn).unwrap().streams > 0 {}
    // Of one that the server does not go on with, or that is lost with the connection, nothing more is told.
    for number in [5, 7] {
        let stream = gun::headers(conn, Method::POST, "/", (), ReqOpts::new());
        frames.until(HEADERS);
        frames.frame(HEADERS, END_HEADERS | END_STREAM, number, OK);
        gun::await_(conn, stream, SOON).unwrap();
        if number == 5 {
            frames.frame(RST_STREAM, 0, 5, 0u32.to_be_bytes());
            while gun::info(conn).unwrap().streams > 0 {}
        }
    }
    drop(frames);
    let told = frames::down(conn);
    assert_eq!((told.reason, told.killed), (Reason::Closed, vec![]));
    receive! {
        gun::Error { .. } => panic!("it had its response"),
        after Duration::ZERO => {}
    }
}

/// A last piece that leaves the body shorter than was said is refused; with what is missing it is taken.
#[runtime::test]
fn body_too_short() {
    use crate::frames::{self, DATA, END_STREAM, HEADERS};
    let peer = crate::peer::Peer::new();
    let (conn, mut frames) = frames::open(&peer, Opts::new(), &[]);
    let length = [("content-length", "5")];
    let stream = gun::headers(conn, Method::PUT, "/", length, ReqOpts::new());
    frames.until(HEADERS);
    gun::data(conn, stream, true, "hell");
    let short = Reason::BadState(gun::BadState::BodyTooShort);
    assert_eq!(
        gun::await_(conn, stream, SOON),
        Err(AwaitError::Stream(short))
    );
    gun::data(conn, stream, true, "hello");
    let data = frames.until(DATA);
    assert_eq!((&data.payload[..], data.flags), (&b"hello"[..], END_STREAM));
    gun::close(conn).unwrap();
}

/// What belongs to a request that h2 has not taken yet waits with it.
#[runtime::test]
fn a_body_of_a_request_that_waits() {
    use crate::frames::{self, DATA, END_STREAM, HEADERS};
    let peer = crate::peer::Peer::new();
    let (conn, mut frames) = frames::open(&peer, Opts::new(), &[(3, 3)]);
    let streams = ["/1", "/3", "/5"].map(|path| gun::get(conn, path, ()));
    for _ in streams {
        frames.until(HEADERS);
    }
    // All of it is done in one turn: until it has told the server, h2 counts those that were cancelled.
    sys::suspend(conn).unwrap();
    for stream in streams {
        gun::cancel(conn, stream);
    }
    let opts = ReqOpts::new;
    let [first, second] = ["/7", "/9"].map(|path| {
        let stream = gun::headers(conn, Method::POST, path, (), opts());
        gun::data(conn, stream, true, path.to_owned());
        stream
    });
    sys::resume(conn).unwrap();
    for (number, path) in [(7, "/7"), (9, "/9")] {
        let data = frames.until(DATA);
        assert_eq!((data.stream, data.flags), (number, END_STREAM));
        assert_eq!(data.payload, path.as_bytes());
        frames.respond(number, "done");
    }
    for stream in [first, second] {
        assert_eq!(gun::await_body(conn, stream, SOON).unwrap().0, "done");
    }
    gun::close(conn).unwrap();
}

/// Two streams that the server has not taken are each told so, by one GOAWAY; and neither is listed as killed.
#[runtime::test]
fn two_killed_by_one_goaway() {
    use crate::frames::{self, GOAWAY, HEADERS};
    let peer = crate::peer::Peer::new();
    let (conn, mut frames) = frames::open(&peer, Opts::new().retry(0), &[]);
    let streams = ["/1", "/3", "/5"].map(|path| gun::get(conn, path, ()));
    for _ in streams {
        frames.until(HEADERS);
    }
    // All of it is there when the connection looks, the end of the socket too.
    sys::suspend(conn).unwrap();
    frames.frame(GOAWAY, 0, 0, [0, 0, 0, 1, 0, 0, 0, 0]);
    frames.respond(1, "taken");
    drop(frames);
    sys::resume(conn).unwrap();
    for stream in &streams[1..] {
        assert_eq!(
            gun::await_(conn, *stream, SOON),
            Err(AwaitError::Stream(Reason::GoAway(Http2Code::NO_ERROR)))
        );
    }
    assert_eq!(gun::await_body(conn, streams[0], SOON).unwrap().0, "taken");
    let told = frames::down(conn);
    assert_eq!((told.reason, told.killed), (Reason::Normal, vec![]));
}

/// A stream that is no Websocket takes no frames, and goes on.
#[runtime::test]
fn ws_send_on_http2() {
    use crate::frames::{self, HEADERS};
    let peer = crate::peer::Peer::new();
    let (conn, mut frames) = frames::open(&peer, Opts::new(), &[]);
    let stream = gun::get(conn, "/", ());
    frames.until(HEADERS);
    gun::ws_send(conn, stream, [gun::ws::Frame::text("hello")]);
    let none = Reason::BadState(gun::BadState::NoWebsocket);
    assert_eq!(
        gun::await_(conn, stream, SOON),
        Err(AwaitError::Stream(none))
    );
    frames.respond(1, "whole");
    assert_eq!(body(conn, stream), "whole");
    gun::close(conn).unwrap();
}

/// A pushed stream that has not come to its end is killed as others are.
#[runtime::test]
fn killed_pushes() {
    use crate::frames::{self, HEADERS, promise};
    let peer = crate::peer::Peer::new();
    let (conn, mut frames) = frames::open(&peer, Opts::new().retry(0), &[]);
    let stream = gun::get(conn, "/", ());
    frames.until(HEADERS);
    frames.write(promise(0x86, &format!("127.0.0.1:{}", peer.port())));
    let Ok(Awaited::Push { promised, .. }) = gun::await_(conn, stream, SOON) else {
        panic!("no push");
    };
    drop(frames);
    let told = frames::down(conn);
    assert_eq!(
        (told.reason, told.killed),
        (Reason::Closed, vec![stream, promised])
    );
    for stream in [stream, promised] {
        let told = gun::await_(conn, stream, Duration::ZERO);
        assert_eq!(told, Err(AwaitError::Stream(Reason::Closed)));
    }
}

/// While the server goes away no request is taken that no other connection may have; what is under way takes data, flow
/// and a cancel. At the end we say that we go, too.
#[runtime::test]
fn commands_while_closing() {
    use crate::frames::{
        self, ACK, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, OK, PING, RST_STREAM,
    };
    let peer = crate::peer::Peer::new();
    let (conn, mut frames) = frames::open(&peer, Opts::new().retry(0), &[]);
    let up = gun::headers(conn, Method::POST, "/", (), ReqOpts::new());
    assert_eq!(frames.until(HEADERS).flags, END_HEADERS);
    let slow = ReqOpts::new().flow(1);
    let slow = gun::request(conn, Method::GET, "/", (), "", slow);
    // What has no body ends with its head.
    assert_eq!(frames.until(HEADERS).flags, END_HEADERS | END_STREAM);
    let gone = gun::get(conn, "/", ());
    frames.until(HEADERS);
    frames.frame(GOAWAY, 0, 0, [0, 0, 0, 5, 0, 0, 0, 0]);
    // When it answers it has seen what came before.
    frames.frame(PING, 0, 0, [9; 8]);
    loop {
        let frame = frames.next();
        if (frame.kind, frame.flags) == (PING, ACK) {
            break;
        }
    }
    let late = gun::get(conn, "/", ());
    assert_eq!(
        gun::await_(conn, late, SOON),
        Err(AwaitError::Stream(Reason::Closing))
    );
    gun::data(conn, up, true, "going up");
    let data = frames.until(DATA);
    assert_eq!(
        (data.stream, &data.payload[..], data.flags),
        (1, &b"going up"[..], END_STREAM)
    );
    frames.frame(HEADERS, END_HEADERS, 3, OK);
    frames.frame(DATA, 0, 3, "a");
    frames.frame(DATA, END_STREAM, 3, "b");
    gun::await_(conn, slow, SOON).unwrap();
    let first = gun::await_(conn, slow, SOON).unwrap();
    assert!(matches!(first, Awaited::Data { fin: false, data } if data == "a"));
    gun::update_flow(conn, slow, 1);
    assert_eq!(body(conn, slow), "b");
    gun::cancel(conn, gone);
    let reset = frames.until(RST_STREAM);
    assert_eq!((reset.stream, reset.word(0)), (5, 8));
    frames.respond(1, "done");
    assert_eq!(body(conn, up), "done");
    assert_eq!(frames.until(GOAWAY).word(4), 0);
    let told = frames::down(conn);
    assert_eq!((told.reason, told.killed), (Reason::Normal, vec![]));
}
