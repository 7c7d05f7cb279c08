//! Active mode: a stream whose data come as messages, as many as were asked for.

mod expect;

use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use runtime::net::{
    Active, ActiveStream, Closed, Data, Failed, Passive, TcpListener, TcpStream, UnixStream,
};
use runtime::prelude::*;
use runtime::{Exit, trap_exit};

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let one = TcpStream::connect(listener.local_addr().expect("its address")).expect("connects");
    let (other, _) = listener.accept().expect("accepts");
    (one, other)
}

/// An active stream sends one piece, and waits until it is told to go on; so many pieces, and says that
/// they are used up; and at the end that it is closed.
#[runtime::test(paused)]
fn active_mode() {
    let (one, mut other) = pair();
    let one = one.activate(Active::Once).expect("a process");
    other.write_all(b"first").expect("writes");
    receive! { Data { bytes, .. } => assert_eq!(bytes, b"first") }
    other.write_all(b"second").expect("writes");
    receive! {
        other => panic!("not asked for: {other:?}"),
        after Duration::from_millis(20) => {}
    }
    one.set_active(Active::Pieces(2));
    receive! { Data { bytes, .. } => assert_eq!(bytes, b"second") }
    other.write_all(b"third").expect("writes");
    receive! { Data { bytes, .. } => assert_eq!(bytes, b"third") }
    receive! { Passive { stream, .. } => assert_eq!(stream, one.pid()) }
    drop(other);
    one.set_active(Active::Once);
    receive! { Closed { stream, .. } => assert_eq!(stream, one.pid()) }
    expect::end_of(one.pid());
}

/// An active stream is written to as any other, and ends when its handle is dropped.
#[runtime::test]
fn an_active_stream_is_written_to() {
    let (one, mut other) = pair();
    let mut one = one.activate(Active::Passive).expect("a process");
    one.write_all(b"written").expect("writes");
    let pid = one.pid();
    drop(one);
    let mut text = String::new();
    other.read_to_string(&mut text).expect("reads");
    assert_eq!(text, "written");
    expect::end_of(pid);
}

/// An active stream ends with its controlling process, whatever the reason; with the new one if that
/// has changed.
#[runtime::test]
fn an_active_stream_ends_with_its_owner() {
    let (one, mut other) = pair();
    let parent = self_pid();
    let second = spawn!(move || {
        receive! { Data { bytes, .. } => send(parent, bytes) }
    });
    let first = spawn!(move || {
        let one = one.activate(Active::Once).expect("a process");
        one.controlling_process(second);
        let pid = one.pid();
        // The handle goes where the control goes.
        send(parent, Opaque(one));
        send(parent, pid);
    });
    let kept = receive! { Opaque(one): Opaque<ActiveStream<TcpStream>> => one };
    let stream = receive! { pid: Pid => pid };
    expect::end_of(first);
    other.write_all(b"for the second").expect("writes");
    receive! { bytes: Vec<u8> => assert_eq!(bytes, b"for the second") }
    expect::end_of(second);
    expect::end_of(stream);
    drop(kept);
}

/// An active stream can be had back, and read in plain reads.
#[runtime::test]
fn an_active_stream_is_taken_back() {
    let (one, mut other) = pair();
    let one = one.activate(Active::Passive).expect("a process");
    let mut one = one.deactivate().expect("it lives");
    other.write_all(b"plain").expect("writes");
    let mut room = [0; 5];
    one.read_exact(&mut room).expect("reads");
    assert_eq!(&room, b"plain");
    let one = one.activate(Active::Once).expect("a process");
    let stream = one.pid();
    drop(other);
    receive! { Closed { .. } => {} }
    expect::end_of(stream);
    assert!(one.deactivate().is_err());
}

/// So many pieces are added to those that are left; none at all is an end of them at once; and to be passive is none. As
/// of Erlang's.
#[runtime::test]
fn pieces_add_up() {
    let (one, mut other) = UnixStream::pair().expect("a pair");
    let one = one.activate(Active::Pieces(0)).expect("a process");
    receive! { Passive { stream, .. } => assert_eq!(stream, one.pid()) }
    one.set_active(Active::Pieces(1));
    one.set_active(Active::Pieces(2));
    for _ in 0..3 {
        other.write_all(b"a piece").expect("writes");
        receive! { Data { bytes, .. } => assert_eq!(bytes, b"a piece") }
    }
    receive! { Passive { .. } => {} }
    one.set_active(Active::Pieces(1));
    one.set_active(Active::Passive);
    one.set_active(Active::Once);
    other.write_all(b"the last").expect("writes");
    receive! { Data { bytes, .. } => assert_eq!(bytes, b"the last") }
    drop(other);
    one.set_active(Active::Once);
    receive! { other => {
        let closed = other.downcast::<Closed>().expect("no `Passive` before");
        assert_eq!(closed.stream, one.pid());
    } }
}

/// However much there is to read, a piece has 16 KiB at most, and no more come than were asked for.
#[runtime::test]
fn a_mailbox_is_not_flooded() {
    const LENGTH: usize = 4 << 20;
    let (one, mut other) = pair();
    let writer = spawn!(move || other.write_all(&vec![7; LENGTH]));
    let one = one.activate(Active::Pieces(3)).expect("a process");
    let mut length = 0;
    for _ in 0..3 {
        receive! { Data { bytes, .. } => {
            assert!((1..=16 << 10).contains(&bytes.len()), "{}", bytes.len());
            length += bytes.len();
        } }
    }
    receive! { Passive { .. } => {} }
    // The writer waits, since nobody reads.
    expect::until("it waits", || {
        runtime::process_info(writer).is_some_and(|info| info.status == runtime::Status::Waiting)
    });
    expect::nothing();
    let mut one = one.deactivate().expect("it lives");
    let mut rest = Vec::new();
    one.read_to_end(&mut rest).expect("reads to the end");
    assert_eq!(length + rest.len(), LENGTH);
}

/// A stream that the peer resets has failed, and its process has ended.
#[runtime::test]
fn a_reset_is_told() {
    let (one, other) = pair();
    let one = one.activate(Active::Once).expect("a process");
    let other = other.into_std();
    socket2::SockRef::from(&other)
        .set_linger(Some(Duration::ZERO))
        .expect("lingers");
    drop(other);
    receive! { Failed { stream, error, .. } => {
        assert_eq!(stream, one.pid());
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    } }
    expect::end_of(one.pid());
}

/// It is linked to its controlling process: what ends the one ends the other.
#[runtime::test]
fn linked_both_ways() {
    trap_exit(true);
    let (one, mut other) = pair();
    let one = one.activate(Active::Once).expect("a process");
    let stream = one.pid();
    exit_signal(stream, ExitReason::Kill);
    receive! { Exit { from, reason, .. } => {
        assert_eq!((from, reason), (Some(stream), ExitReason::Killed));
    } }
    drop(one);
    assert_eq!(other.read(&mut [0]).expect("the end"), 0);
    let (one, mut other) = pair();
    let owner = spawn!(move || {
        let _one = one.activate(Active::Once).expect("a process");
        drop(receive_any());
    });
    exit_signal(owner, ExitReason::Kill);
    assert_eq!(other.read(&mut [0]).expect("the end"), 0);
}
