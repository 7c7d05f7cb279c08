//! h2 on one end of a pipe through a tap; on the other, h2's server, or frames written by hand.

use std::future::Future;
use std::pin::{Pin, pin};

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;

/// Polls until the future is done; everything here is in memory, so that polling again is progress.
fn run<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let cx = &mut Context::from_waker(Waker::noop());
    for _ in 0..100_000 {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return output;
        }
    }
    panic!("the future makes no progress");
}

fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    out.extend([kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend(payload);
    out
}

fn events(handle: &Handle) -> Vec<Event> {
    std::iter::from_fn(|| handle.event()).collect()
}

/// Reads `bytes` through a tap, `step` at a time; what comes out, and what the tap says.
fn read(bytes: &[u8], step: usize) -> (io::Result<Vec<u8>>, Vec<Event>) {
    let (mut far, near) = duplex(step);
    let (mut tap, handle) = tap(near);
    let bytes = bytes.to_vec();
    let mut writing = Box::pin(async move { far.write_all(&bytes).await });
    let mut written = false;
    let mut out = Vec::new();
    let mut seen = Vec::new();
    let mut reading = Box::pin(tap.read_to_end(&mut out));
    let end = loop {
        // The pipe ends with its writer.
        written = written || poll(writing.as_mut()).is_ready();
        let end = poll(reading.as_mut());
        seen.extend(events(&handle));
        if let Poll::Ready(end) = end {
            break end;
        }
    };
    drop(reading);
    (end.map(|_| out), seen)
}

/// What comes in passes as it is, and is told, however it is cut.
#[test]
fn inward() {
    let mut bytes = frame(
        SETTINGS,
        0,
        0,
        &[0, 3, 0, 0, 0, 100, 0, 8, 0, 0, 0, 1, 9, 9, 0, 0, 0, 7],
    );
    bytes.extend(frame(SETTINGS, ACK, 0, b""));
    bytes.extend(frame(HEADERS, 0, 1, b"abc"));
    bytes.extend(frame(CONTINUATION, END_HEADERS, 1, b"de"));
    bytes.extend(frame(0, 0, 1, &[1; 300]));
    bytes.extend(frame(PING, ACK, 0, b"12345678"));
    bytes.extend(frame(PING, 0, 0, b"theirs!!"));
    bytes.extend(frame(3, 0, 1, &[0, 0, 0, 8]));
    bytes.extend(frame(GOAWAY, 0, 0, b"\x00\x00\x00\x03\x00\x00\x00\x02bye"));
    let expected = [
        Event::Settings(Settings {
            max_concurrent_streams: Some(100),
            enable_connect_protocol: Some(true),
            ..Settings::default()
        }),
        Event::SettingsAck,
        Event::PingAck(*b"12345678"),
        Event::GoAway { last: 3 },
    ];
    for step in [1, 2, 8, 9, 10, 64, 10_000] {
        let (out, seen) = read(&bytes, step);
        assert_eq!(out.unwrap(), bytes);
        assert_eq!(seen, expected);
    }
}

/// A server begins with its settings; what begins otherwise is told, and not read any further.
#[test]
fn bad_preface() {
    let texts: [&[u8]; 4] = [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x00\x00\x08\x06\x00\x00\x00\x00\x00pingping",
        b"\x00\x00\x00\x04\x01\x00\x00\x00\x00",
        b"SSH-2.0-something\r\n",
    ];
    for text in texts {
        for step in [1, 100] {
            let (out, seen) = read(text, step);
            assert_eq!(out.unwrap_err().kind(), io::ErrorKind::InvalidData);
            assert_eq!(seen, [Event::BadPreface]);
        }
    }
}

/// Frames of a wrong length and a text beyond all measure neither panic nor are kept.
#[test]
fn odd_frames() {
    let mut bytes = frame(SETTINGS, 0, 0, &[0, 3, 0, 0]);
    for kind in [PING, GOAWAY] {
        bytes.extend(frame(kind, ACK, 0, b"ab"));
        bytes.extend(frame(kind, ACK, 0, b""));
    }
    bytes.extend(frame(GOAWAY, 0, 0, &[0; 100_000]));
    let (mut tap, handle) = tap(());
    assert!(tap.look(&bytes));
    let seen = events(&handle);
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[1], Event::GoAway { last: 0 });
    assert_eq!(tap.kept.len(), KEPT);
}

/// When nobody takes events, reading stops, and goes on when they are taken.
#[test]
fn events_are_bounded() {
    let mut bytes = frame(SETTINGS, 0, 0, b"");
    for _ in 0..3000 {
        bytes.extend(frame(PING, ACK, 0, b"12345678"));
    }
    let (mut far, near) = duplex(bytes.len());
    let (mut tap, handle) = tap(near);
    run(far.write_all(&bytes)).unwrap();
    let mut buf = [0; 17];
    let mut read = 0;
    while let Poll::Ready(count) = poll(pin!(tap.read(&mut buf))) {
        read += count.unwrap();
    }
    assert!(read < bytes.len());
    assert!(events(&handle).len() <= WAITING + 1);
    assert!(poll(pin!(tap.read(&mut buf))).is_ready());
}

/// The frames in what was sent, after the preface.
fn frames(bytes: &[u8]) -> Vec<(u8, u8, Vec<u8>)> {
    let mut rest = &bytes[PREFACE..];
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let len = u32::from_be_bytes([0, rest[0], rest[1], rest[2]]) as usize;
        frames.push((rest[3], rest[4], rest[HEAD..HEAD + len].to_vec()));
        rest = &rest[HEAD + len..];
    }
    frames
}

/// Frames are put in between others only: not before our settings, in a frame, or in a run of CONTINUATION.
#[test]
fn outward() {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(SETTINGS, 0, 0, &[0; 6]));
    bytes.extend(frame(HEADERS, 0, 1, b"abc"));
    bytes.extend(frame(CONTINUATION, 0, 1, b""));
    bytes.extend(frame(CONTINUATION, END_HEADERS, 1, b"de"));
    bytes.extend(frame(0, 0, 1, &[7; 100]));
    let own = frames(&bytes);
    for at in 0..=bytes.len() {
        for step in [1, 50, bytes.len()] {
            let (mut far, near) = duplex(10_000);
            let (mut tap, handle) = tap(near);
            run(tap.write_all(&bytes[..at])).unwrap();
            handle.ping(*b"01234567");
            handle.go_away(Reason::NO_ERROR);
            run(tap.flush()).unwrap();
            for piece in bytes[at..].chunks(step) {
                run(tap.write_all(piece)).unwrap();
            }
            run(tap.shutdown()).unwrap();
            let mut out = Vec::new();
            run(far.read_to_end(&mut out)).unwrap();
            let sent = frames(&out);
            assert_eq!(sent[0], own[0]);
            let ping = sent.iter().position(|frame| frame.0 == PING).unwrap();
            assert_eq!(sent[ping].2, b"01234567");
            assert_eq!(sent[ping + 1].0, GOAWAY);
            assert_eq!(sent[ping + 1].2, [0; 8]);
            // It stands at the first place where it may.
            let ends: Vec<usize> = [own[0].2.len() + HEAD + PREFACE, 69 + 2, 180].into();
            let expected = match at {
                at if at <= ends[0] => 1,
                at if at <= ends[1] => 4,
                _ => 5,
            };
            assert_eq!(ping, expected, "written before: {at}");
            let rest: Vec<_> = sent
                .into_iter()
                .filter(|f| f.0 != PING && f.0 != GOAWAY)
                .collect();
            assert_eq!(rest, own);
        }
    }
}

type Client = h2::client::Connection<Tap<DuplexStream>, Bytes>;

/// A server of h2's that answers one request with what it was sent.
async fn serve(pipe: DuplexStream) {
    let mut server = h2::server::handshake(pipe).await.unwrap();
    let mut bodies: Vec<Pin<Box<dyn Future<Output = ()>>>> = Vec::new();
    std::future::poll_fn(|cx| {
        while let Poll::Ready(Some(Ok((request, mut respond)))) = server.poll_accept(cx) {
            let (_, mut body) = request.into_parts();
            bodies.push(Box::pin(async move {
                let mut all = Vec::new();
                while let Some(data) = body.data().await {
                    let data = data.unwrap();
                    body.flow_control().release_capacity(data.len()).unwrap();
                    all.extend_from_slice(&data);
                }
                let mut stream = respond
                    .send_response(http::Response::new(()), false)
                    .unwrap();
                stream.send_data(all.into(), true).unwrap();
            }));
        }
        bodies.retain_mut(|body| body.as_mut().poll(cx).is_pending());
        Poll::<()>::Pending
    })
    .await;
}

/// h2 works undisturbed through a tap while pings go out amid its frames; each is answered.
#[test]
fn pings_amid_a_request() {
    let (near, far) = duplex(1000);
    let (tap, handle) = tap(near);
    let mut server = Box::pin(serve(far));
    let mut handshake = Box::pin(h2::client::handshake(tap));
    let (mut sender, mut driver): (_, Client) = loop {
        let _ = poll(server.as_mut());
        if let Poll::Ready(both) = poll(handshake.as_mut()) {
            break both.unwrap();
        }
    };
    let request = http::Request::post("http://localhost/").body(()).unwrap();
    let (response, mut body) = sender.send_request(request, false).unwrap();
    let sent: Vec<u8> = (0..200_000u32).map(|n| n as u8).collect();
    body.send_data(sent.clone().into(), true).unwrap();
    let mut received = Box::pin(async move {
        let mut body = response.await.unwrap().into_body();
        let mut all = Vec::new();
        while let Some(data) = body.data().await {
            let data = data.unwrap();
            body.flow_control().release_capacity(data.len()).unwrap();
            all.extend_from_slice(&data);
        }
        all
    });
    let mut seen = Vec::new();
    let mut pinged = 0u64;
    let mut turns = 0;
    let all = loop {
        turns += 1;
        assert!(turns < 100_000, "no progress");
        if pinged < 50 {
            handle.ping((10_000 + pinged).to_be_bytes());
            pinged += 1;
        }
        assert!(poll(Pin::new(&mut driver)).is_pending());
        let _ = poll(server.as_mut());
        seen.extend(events(&handle));
        if let Poll::Ready(all) = poll(received.as_mut()) {
            break all;
        }
    };
    assert!(all == sent);
    for _ in 0..100 {
        let _ = poll(Pin::new(&mut driver));
        let _ = poll(server.as_mut());
        seen.extend(events(&handle));
    }
    let acks: Vec<Event> = (10_000..10_050u64)
        .map(|n| Event::PingAck(n.to_be_bytes()))
        .collect();
    let (pings, others): (Vec<_>, Vec<_>) = seen
        .into_iter()
        .partition(|event| matches!(event, Event::PingAck(_)));
    assert_eq!(pings, acks);
    assert!(matches!(others[0], Event::Settings(_)));
    assert!(others.contains(&Event::SettingsAck));
}

/// Whatever comes in passes as it is, however it is cut, and is told the same.
#[test]
fn fuzz() {
    use rand::{RngExt, SeedableRng, rngs::SmallRng};
    let rng = &mut SmallRng::seed_from_u64(1);
    for _ in 0..300 {
        let mut bytes = frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 9]);
        for _ in 0..rng.random_range(0..10) {
            let payload: Vec<u8> = (0..rng.random_range(0..50)).map(|_| rng.random()).collect();
            bytes.extend(frame(
                rng.random_range(0..12),
                rng.random(),
                rng.random(),
                &payload,
            ));
        }
        // Some are cut off, some are wrong.
        bytes.truncate(rng.random_range(0..=bytes.len()));
        if !bytes.is_empty() && rng.random() {
            let at = rng.random_range(0..bytes.len());
            bytes[at] ^= 1 << rng.random_range(0..8);
        }
        let (whole, told) = read(&bytes, bytes.len().max(1));
        let (cut, told_cut) = read(&bytes, rng.random_range(1..=20));
        assert_eq!(told, told_cut, "{bytes:?}");
        match (whole, cut) {
            (Ok(whole), Ok(cut)) => assert_eq!((&whole, &cut), (&bytes, &bytes)),
            (whole, cut) => assert!(whole.is_err() && cut.is_err(), "{bytes:?}"),
        }
    }
}
