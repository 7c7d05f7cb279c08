//! rfc7540_SUITE, but for its tunnels: what the server is told, and what of it is believed.

use std::time::Duration;

use gun::{
    AwaitError, Awaited, BadState, Down, Http2Code, Http2Opts, Notice, Notify, Opts, Protocol,
    Push, Reason, WsOpts,
};
use runtime::prelude::*;

use crate::frames::{
    self, ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, GOAWAY, HEADERS, OK, PRIORITY,
    RST_STREAM, SETTINGS, WINDOW_UPDATE, down, frame, literal, promise, settings,
};
use crate::peer::{Peer, SOON};

/// What the server's first bytes bring: why the connection is lost.
fn preface(bytes: &[u8]) -> Reason {
    let peer = Peer::new();
    let (conn, mut frames) = frames::begin(&peer, Opts::new().retry(0));
    frames.write(bytes);
    down(conn).reason
}

/// What is no frame ends the connection.
#[runtime::test]
fn prior_knowledge_preface_garbage() {
    let reason = preface(&[0; 1000]);
    assert_eq!(reason, Reason::GoAway(Http2Code::PROTOCOL_ERROR));
}

/// So does a first frame other than SETTINGS.
#[runtime::test]
fn prior_knowledge_preface_other_frame() {
    let reason = preface(&frame(WINDOW_UPDATE, 0, 0, 1u32.to_be_bytes()));
    assert_eq!(reason, Reason::GoAway(Http2Code::PROTOCOL_ERROR));
    let reason = preface(&frame(SETTINGS, ACK, 0, []));
    assert_eq!(reason, Reason::GoAway(Http2Code::PROTOCOL_ERROR));
}

/// A server that says nothing is waited for as long as was said, and told so.
#[runtime::test]
fn preface_timeout() {
    let peer = Peer::new();
    let http2 = Http2Opts::new().preface_timeout(Duration::from_millis(10));
    let (conn, mut frames) = frames::begin(&peer, Opts::new().http2(http2).retry(0));
    let end = frames.until(GOAWAY);
    assert_eq!(end.word(4), u32::from(Http2Code::PROTOCOL_ERROR));
    assert_eq!(down(conn).reason, Reason::GoAway(Http2Code::PROTOCOL_ERROR));
}

/// So is one that does not acknowledge our settings.
#[runtime::test]
fn settings_ack_timeout() {
    let peer = Peer::new();
    let http2 = Http2Opts::new().settings_timeout(Duration::from_millis(10));
    let (conn, mut frames) = frames::begin(&peer, Opts::new().http2(http2).retry(0));
    frames.frame(SETTINGS, 0, 0, []);
    let end = frames.until(GOAWAY);
    assert_eq!(end.word(4), u32::from(Http2Code::SETTINGS_TIMEOUT));
    assert_eq!(
        down(conn).reason,
        Reason::GoAway(Http2Code::SETTINGS_TIMEOUT)
    );
}

/// What the options say is what the server is told.
#[runtime::test]
fn settings_sent() {
    let peer = Peer::new();
    let http2 = Http2Opts::new()
        .push(false)
        .max_concurrent_streams(7)
        .initial_stream_window_size(70_000)
        .initial_connection_window_size(100_000)
        .max_frame_size_received(20_000)
        .max_decode_table_size(1000)
        .max_fragmented_header_block_size(9000);
    let (conn, mut frames) = frames::begin(&peer, Opts::new().http2(http2));
    let told: Vec<(u16, u32)> = frames
        .settings
        .chunks(6)
        .map(|one| {
            let id = u16::from_be_bytes([one[0], one[1]]);
            (id, u32::from_be_bytes(one[2..].try_into().unwrap()))
        })
        .collect();
    for setting in [
        (1, 1000),
        (2, 0),
        (3, 7),
        (4, 70_000),
        (5, 20_000),
        (6, 9000),
    ] {
        assert!(told.contains(&setting), "{setting:?} in {told:?}");
    }
    let update = frames.until(WINDOW_UPDATE);
    assert_eq!((update.stream, update.word(0)), (0, 100_000 - 65_535));
    gun::close(conn).unwrap();
}

/// The owner is told the server's settings if it asks for that, each time with all that are known.
#[runtime::test]
fn notify_settings_changed() {
    let peer = Peer::new();
    let http2 = Http2Opts::new().notify_settings_changed(true);
    let (conn, mut frames) = frames::begin(&peer, Opts::new().http2(http2));
    let mut next = |own: &[(u16, u32)]| {
        frames.frame(SETTINGS, 0, 0, settings(own));
        receive! {
            Notify { notice: Notice::SettingsChanged(settings), .. } => settings,
            after SOON => panic!("not told"),
        }
    };
    let first = next(&[(3, 10), (8, 1)]);
    assert_eq!(first.max_concurrent_streams, Some(10));
    assert_eq!(first.enable_connect_protocol, Some(true));
    assert_eq!(first.initial_window_size, None);
    let second = next(&[(3, 20), (4, 1000)]);
    assert_eq!(second.max_concurrent_streams, Some(20));
    assert_eq!(second.enable_connect_protocol, Some(true));
    assert_eq!(second.initial_window_size, Some(1000));
    gun::close(conn).unwrap();
}

/// Data of a stream that was cancelled is given back to the connection's window.
#[runtime::test]
fn lingering_data_counts_toward_connection_window() {
    let peer = Peer::new();
    let http2 = Http2Opts::new().initial_connection_window_size(65_535);
    let (conn, mut frames) = frames::open(&peer, Opts::new().http2(http2), &[]);
    let stream = gun::get(conn, "/", ());
    frames.until(HEADERS);
    frames.frame(HEADERS, END_HEADERS, 1, OK);
    gun::await_(conn, stream, SOON).unwrap();
    gun::cancel(conn, stream);
    let reset = frames.until(RST_STREAM);
    assert_eq!((reset.stream, reset.word(0)), (1, 8));
    let (mut window, mut sent) = (65_535, 0);
    while sent < 1 << 20 {
        while window < 16_384 {
            let update = frames.until(WINDOW_UPDATE);
            assert_eq!(update.stream, 0);
            window += update.word(0);
        }
        frames.frame(DATA, 0, 1, [0; 16_384]);
        window -= 16_384;
        sent += 16_384;
    }
    gun::close(conn).unwrap();
}

/// A stream without flow holds back itself, and no other.
#[runtime::test]
fn a_stream_without_flow_holds_back_itself() {
    let peer = Peer::new();
    let http2 = Http2Opts::new().initial_stream_window_size(16_384);
    let (conn, mut frames) = frames::open(&peer, Opts::new().http2(http2), &[]);
    let opts = gun::ReqOpts::new().flow(1);
    let slow = gun::request(conn, http::Method::GET, "/", (), "", opts);
    frames.until(HEADERS);
    frames.frame(HEADERS, END_HEADERS, 1, OK);
    frames.frame(DATA, 0, 1, vec![1; 8192]);
    frames.frame(DATA, 0, 1, vec![2; 8192]);
    let other = gun::get(conn, "/", ());
    frames.until(HEADERS);
    frames.respond(3, "other");
    assert_eq!(gun::await_body(conn, other, SOON).unwrap().0, "other");
    gun::await_(conn, slow, SOON).unwrap();
    let first = gun::await_(conn, slow, SOON).unwrap();
    assert!(matches!(first, Awaited::Data { fin: false, data } if data[..] == [1; 8192]));
    receive! {
        gun::Data { .. } => panic!("more than its flow"),
        after Duration::ZERO => {}
    }
    gun::update_flow(conn, slow, 10);
    let second = gun::await_(conn, slow, SOON).unwrap();
    assert!(matches!(second, Awaited::Data { fin: false, data } if data[..] == [2; 8192]));
    assert_eq!(frames.until(WINDOW_UPDATE).stream, 1);
    gun::close(conn).unwrap();
}

/// One stream at a time: what is asked for beyond that.
fn refused(ask: impl FnOnce(Pid) -> gun::StreamRef) {
    let peer = Peer::new();
    let (conn, mut frames) = frames::open(&peer, Opts::new(), &[(3, 1), (8, 1)]);
    let first = gun::get(conn, "/", ());
    frames.until(HEADERS);
    let second = ask(conn);
    assert_eq!(
        gun::await_(conn, second, SOON),
        Err(AwaitError::Stream(Reason::TooManyStreams))
    );
    frames.respond(1, "first");
    assert_eq!(gun::await_body(conn, first, SOON).unwrap().0, "first");
    gun::close(conn).unwrap();
}

/// A request with a body is refused beyond the server's limit, at once.
#[runtime::test]
fn max_concurrent_streams_request() {
    refused(|conn| gun::post(conn, "/", (), "hello"));
}

/// So is a tunnel.
#[runtime::test]
fn max_concurrent_streams_connect() {
    refused(|conn| {
        let to = gun::Destination::new("example.org", 80);
        gun::connect(conn, to, (), gun::ReqOpts::new())
    });
}

/// So is a Websocket.
#[runtime::test]
fn max_concurrent_streams_ws_upgrade() {
    refused(|conn| gun::ws_upgrade(conn, "/", (), WsOpts::new()));
}

/// A head may carry a priority, of which nothing is made.
#[runtime::test]
fn headers_priority_flag() {
    let peer = Peer::new();
    let (conn, mut frames) = frames::open(&peer, Opts::new(), &[]);
    let stream = gun::get(conn, "/", ());
    frames.until(HEADERS);
    let head = [&[0, 0, 0, 0, 16], OK].concat();
    let flags = PRIORITY | END_HEADERS | END_STREAM;
    frames.frame(HEADERS, flags, 1, head);
    assert!(matches!(
        gun::await_(conn, stream, SOON),
        Ok(Awaited::Response { fin: true, .. })
    ));
    gun::close(conn).unwrap();
}

/// A push is announced before the response that it belongs to, and comes as a stream of its own.
#[runtime::test]
fn push_promise() {
    let peer = Peer::new();
    let (conn, mut frames) = frames::open(&peer, Opts::new(), &[]);
    let stream = gun::get(conn, "/", ());
    frames.until(HEADERS);
    let authority = format!("127.0.0.1:{}", peer.port());
    // All at once: the order is kept.
    let all = [
        promise(0x86, &authority),
        frame(HEADERS, END_HEADERS, 1, OK),
        frame(DATA, END_STREAM, 1, "asked"),
        frame(HEADERS, END_HEADERS, 2, OK),
        frame(DATA, END_STREAM, 2, "pushed"),
    ];
    frames.write(all.concat());
    let Ok(Awaited::Push {
        promised,
        method,
        uri,
        ..
    }) = gun::await_(conn, stream, SOON)
    else {
        panic!("no push");
    };
    assert_eq!(method, http::Method::GET);
    assert_eq!(uri, *format!("http://{authority}/"));
    assert_eq!(gun::await_body(conn, stream, SOON).unwrap().0, "asked");
    assert_eq!(gun::await_body(conn, promised, SOON).unwrap().0, "pushed");
    // A pushed stream can be cancelled.
    let stream = gun::get(conn, "/", ());
    frames.until(HEADERS);
    let mut second = promise(0x86, &authority);
    second[8] = 3;
    second[12] = 4;
    frames.write(&second);
    let Ok(Awaited::Push { promised, .. }) = gun::await_(conn, stream, SOON) else {
        panic!("no push");
    };
    gun::cancel(conn, promised);
    let reset = frames.until(RST_STREAM);
    assert_eq!((reset.stream, reset.word(0)), (4, 8));
    gun::close(conn).unwrap();
}

/// A push in another's name is refused, and not told: of another authority, or of another scheme.
#[runtime::test]
fn push_promise_invalid_authority() {
    for (scheme, authority) in [(0x86, "example.org"), (0x87, "127.0.0.1")] {
        let peer = Peer::new();
        let (conn, mut frames) = frames::open(&peer, Opts::new(), &[]);
        let stream = gun::get(conn, "/", ());
        frames.until(HEADERS);
        let port = peer.port();
        frames.write(promise(scheme, &format!("{authority}:{port}")));
        let reset = frames.until(RST_STREAM);
        assert_eq!((reset.stream, reset.word(0)), (2, 8));
        frames.respond(1, "asked");
        assert_eq!(gun::await_body(conn, stream, SOON).unwrap().0, "asked");
        receive! {
            Push { .. } => panic!("told"),
            after Duration::ZERO => {}
        }
        gun::close(conn).unwrap();
    }
}

/// A push that was not to be is the connection's end.
#[runtime::test]
fn push_refused_by_settings() {
    let peer = Peer::new();
    let opts = Opts::new().http2(Http2Opts::new().push(false)).retry(0);
    let (conn, mut frames) = frames::open(&peer, opts, &[]);
    let stream = gun::get(conn, "/", ());
    frames.until(HEADERS);
    frames.write(promise(0x86, &format!("127.0.0.1:{}", peer.port())));
    let told = down(conn);
    assert_eq!(
        (told.reason, told.killed),
        (Reason::GoAway(Http2Code::PROTOCOL_ERROR), vec![stream])
    );
}

/// While it closes, a push is refused.
#[runtime::test]
fn http2_gun_shutdown_ignore_push_promise() {
    let peer = Peer::new();
    let (conn, mut frames) = frames::open(&peer, Opts::new(), &[]);
    let stream = gun::get(conn, "/", ());
    frames.until(HEADERS);
    gun::shutdown(conn);
    assert_eq!(frames.until(GOAWAY).word(4), 0);
    frames.write(promise(0x86, &format!("127.0.0.1:{}", peer.port())));
    let reset = frames.until(RST_STREAM);
    assert_eq!((reset.stream, reset.word(0)), (2, 8));
    frames.respond(1, "asked");
    assert_eq!(gun::await_body(conn, stream, SOON).unwrap().0, "asked");
    receive! {
        Push { .. } => panic!("told"),
        Down { .. } => panic!("told of what was asked for"),
        after Duration::ZERO => {}
    }
}

fn goaway(last: u32, code: u32) -> Vec<u8> {
    frame(
        GOAWAY,
        0,
        0,
        [last.to_be_bytes(), code.to_be_bytes()].concat(),
    )
}

/// A server that goes away with nothing open loses the connection, normally.
#[runtime::test]
fn http2_server_goaway_no_streams() {
    let peer = Peer::new();
    let (conn, mut frames) = frames::open(&peer, Opts::new().retry(0), &[]);
    frames.write(goaway(0, 0));
    let told = down(conn);
    assert_eq!((told.reason, told.killed), (Reason::Normal, vec![]));
}

/// Streams that the server has not taken are told its code at once, and are not listed; the others end as they would.
#[runtime::test]
fn http2_server_goaway_many_streams() {
    let peer = Peer::new();
    let (conn, mut frames) = frames::open(&peer, Opts::new().retry(0), &[]);
    let streams = ["/1", "/3", "/5"].map(|path| gun::get(conn, path, ()));
    for _ in streams {
        frames.until(HEADERS);
    }
    frames.write(goaway(3, 0));
    assert_eq!(
        gun::await_(conn, streams[2], SOON),
        Err(AwaitError::Stream(Reason::GoAway(Http2Code::NO_ERROR)))
    );
    for (stream, number) in [(streams[0], 1), (streams[1], 3)] {
        frames.respond(number, "taken");
        assert_eq!(gun::await_body(conn, stream, SOON).unwrap().0, "taken");
    }
    let told = down(conn);
    assert_eq!((told.reason, told.killed), (Reason::Normal, vec![]));
}

/// A second GOAWAY may take fewer.
#[runtime::test]
fn goaway_twice() {
    let peer = Peer::new();
    let (conn, mut frames) = frames::open(&peer, Opts::new().retry(0), &[]);
    let streams = ["/1", "/3"].map(|path| gun::get(conn, path, ()));
    for _ in streams {
        frames.until(HEADERS);
    }
    frames.write(goaway(u32::MAX >> 1, 0));
    frames.write(goaway(1, 0));
    assert_eq!(
        gun::await_(conn, streams[1], SOON),
        Err(AwaitError::Stream(Reason::GoAway(Http2Code::NO_ERROR)))
    );
    frames.respond(1, "taken");
    assert_eq!(gun::await_body(conn, streams[0], SOON).unwrap().0, "taken");
    assert_eq!(down(conn).reason, Reason::Normal);
}

/// A GOAWAY with an error ends all.
#[runtime::test]
fn goaway_with_an_error() {
    let peer = Peer::new();
    let (conn, mut frames) = frames::open(&peer, Opts::new().retry(0), &[]);
    let stream = gun::get(conn, "/", ());
    frames.until(HEADERS);
    frames.write(goaway(0, 11));
    let calm = Reason::GoAway(Http2Code::ENHANCE_YOUR_CALM);
    assert_eq!(
        gun::await_(conn, stream, SOON),
        Err(AwaitError::Stream(calm))
    );
    let reason = down(conn).reason;
    assert!(
        matches!(reason, Reason::Normal | Reason::GoAway(_)),
        "{reason}"
    );
}

fn ends(watch: Ref, expected: ExitReason) {
    receive! {
        runtime::Down { monitor, reason, .. } if monitor == watch => assert_eq!(reason, expected),
        after SOON => panic!("it goes on"),
    }
}

/// Told to end, it waits for its streams as long as was said.
#[runtime::test]
fn http2_gun_shutdown_timeout() {
    let peer = Peer::new();
    let http2 = Http2Opts::new().closing_timeout(Duration::from_millis(10));
    let (conn, mut frames) = frames::open(&peer, Opts::new().http2(http2), &[]);
    let watch = monitor(conn);
    let stream = gun::get(conn, "/", ());
    frames.until(HEADERS);
    gun::shutdown(conn);
    assert_eq!(
        gun::await_(conn, stream, SOON),
        Err(AwaitError::Stream(Reason::Closing))
    );
    ends(watch, ExitReason::Shutdown);
}

/// Told to end, it lets many streams end, in whatever order.
#[runtime::test]
fn http2_gun_shutdown_many_streams() {
    let peer = Peer::new();
    let (conn, mut frames) = frames::open(&peer, Opts::new(), &[]);
    let watch = monitor(conn);
    let streams = ["/1", "/3", "/5"].map(|path| gun::get(conn, path, ()));
    for _ in streams {
        frames.until(HEADERS);
    }
    gun::shutdown(conn);
    assert_eq!(frames.until(GOAWAY).word(4), 0);
    for (at, number) in [(2, 5), (0, 1), (1, 3)] {
        frames.respond(number, "late");
        assert_eq!(gun::await_body(conn, streams[at], SOON).unwrap().0, "late");
    }
    ends(watch, ExitReason::Shutdown);
}

/// The owner's end ends it so too.
#[runtime::test]
fn http2_owner_down() {
    let peer = Peer::new();
    let port = peer.port();
    let me = self_pid();
    let owner = spawn!(move || {
        let opts = Opts::new().protocols([Protocol::Http2]);
        let conn = gun::open("127.0.0.1", port, opts).unwrap();
        send(me, conn);
        receive! { (): () => exit(ExitReason::other("failed")) }
    });
    let conn = receive! { conn: Pid => conn };
    let watch = monitor(conn);
    let mut frames = Frames::accept(&peer);
    frames.frame(SETTINGS, 0, 0, []);
    send(owner, ());
    assert_eq!(frames.until(GOAWAY).word(4), 0);
    let failed = gun::OwnerDown(ExitReason::other("failed"));
    ends(watch, ExitReason::shutdown_with(failed));
}

/// A Websocket is refused where the server's settings do not allow it, once they are known.
#[runtime::test]
fn ws_without_extended_connect() {
    let peer = Peer::new();
    let (conn, mut frames) = frames::begin(&peer, Opts::new());
    let stream = gun::ws_upgrade(conn, "/", (), WsOpts::new());
    // It is parked, and known.
    assert_eq!(gun::info(conn).unwrap().streams, 1);
    frames.frame(SETTINGS, 0, 0, []);
    assert_eq!(
        gun::await_(conn, stream, SOON),
        Err(AwaitError::Stream(Reason::BadState(BadState::NoWebsocket)))
    );
    gun::close(conn).unwrap();
}

/// What was parked can be cancelled; what is not is told when the connection is lost.
#[runtime::test]
fn parked_websockets() {
    let peer = Peer::new();
    let (conn, frames) = frames::begin(&peer, Opts::new().retry(0));
    let first = gun::ws_upgrade(conn, "/", (), WsOpts::new());
    let second = gun::ws_upgrade(conn, "/", (), WsOpts::new());
    gun::cancel(conn, first);
    assert_eq!(gun::info(conn).unwrap().streams, 1);
    drop(frames);
    assert!(matches!(
        gun::await_(conn, second, SOON),
        Err(AwaitError::Stream(Reason::Closed | Reason::Io(_)))
    ));
    assert_eq!(down(conn).killed, [second]);
    receive! {
        gun::Error { .. } => panic!("told of what was cancelled"),
        after Duration::ZERO => {}
    }
}

/// A head in several frames is one head.
#[runtime::test]
fn continuation() {
    let peer = Peer::new();
    let (conn, mut frames) = frames::open(&peer, Opts::new(), &[]);
    let stream = gun::get(conn, "/", ());
    frames.until(HEADERS);
    frames.frame(HEADERS, END_STREAM, 1, OK);
    frames.frame(CONTINUATION, 0, 1, literal("x-one", "1"));
    frames.frame(CONTINUATION, END_HEADERS, 1, literal("x-two", "2"));
    let head = gun::await_(conn, stream, SOON);
    assert!(
        matches!(head, Ok(Awaited::Response { fin: true, headers, .. }) if headers["x-one"] == "1" && headers["x-two"] == "2")
    );
    gun::close(conn).unwrap();
}
