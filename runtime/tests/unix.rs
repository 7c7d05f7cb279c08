//! Unix sockets, as far as they are not as TCP's.

mod expect;

use std::io::{ErrorKind, Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use runtime::Status;
use runtime::net::{UnixListener, UnixStream};
use runtime::prelude::*;

/// A path of its own for each test; removed when it is dropped.
struct Path(PathBuf);

impl Path {
    fn of(test: &str) -> Path {
        let name = format!("runtime-{}-{test}", std::process::id());
        Path(std::env::temp_dir().join(name))
    }
}

impl Drop for Path {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn until_waiting(pid: Pid) {
    expect::until("it waits", || {
        runtime::process_info(pid).is_some_and(|info| info.status == Status::Waiting)
    });
}

/// A Unix pair connects two processes.
#[runtime::test]
fn a_unix_pair() {
    let (mut one, mut other) = UnixStream::pair().expect("a pair");
    spawn!(move || {
        let mut word = [0; 4];
        other.read_exact(&mut word).expect("reads");
        other.write_all(&word).expect("writes");
    });
    one.write_all(b"word").expect("writes");
    let mut word = [0; 4];
    one.read_exact(&mut word).expect("reads");
    assert_eq!(&word, b"word");
}

/// A listener at a path has a process for each connection; where nobody listens the error is the system's.
#[runtime::test]
fn a_listener_at_a_path() {
    let path = Path::of("a_listener_at_a_path");
    let nobody = UnixStream::connect(&path.0).unwrap_err();
    assert_eq!(nobody.kind(), ErrorKind::NotFound);
    let listener = UnixListener::bind(&path.0).expect("a listener");
    let taken = UnixListener::bind(&path.0).unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AddrInUse);
    let (server, watch) = spawn_monitor!(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("accepts");
            spawn!(move || {
                let mut word = [0; 4];
                stream.read_exact(&mut word).expect("reads");
                stream.write_all(&word).expect("writes");
            });
        }
    });
    let mut streams: Vec<UnixStream> = (0..20)
        .map(|_| UnixStream::connect(&path.0).expect("connects"))
        .collect();
    for (stream, said) in streams.iter_mut().zip(0u32..) {
        stream.write_all(&said.to_be_bytes()).expect("writes");
        let mut word = [0; 4];
        stream.read_exact(&mut word).expect("an answer");
        assert_eq!(word, said.to_be_bytes());
        assert_eq!(stream.read(&mut word).expect("the end"), 0);
    }
    exit_signal(server, ExitReason::Kill);
    receive! { Down { monitor, .. } if monitor == watch => {} }
    let gone = UnixStream::connect(&path.0).unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::ConnectionRefused);
}

/// An address may have no path; an accept ends with `TimedOut`, or with its process.
#[runtime::test(paused)]
fn an_accept_times_out() {
    let name = format!("runtime-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(name).expect("a name");
    let listener = UnixListener::bind_addr(&address).expect("a listener");
    let hour = Duration::from_secs(3600);
    listener.set_timeout(Some(hour)).expect("a time-out");
    let start = runtime::now();
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(runtime::now() - start, hour);
    let _stream = UnixStream::connect_addr(&address).expect("connects");
    listener.accept().expect("accepts");
    listener.set_timeout(None).expect("no time-out");
    let (server, watch) = spawn_monitor!(move || drop(listener.accept()));
    until_waiting(server);
    exit_signal(server, ExitReason::Kill);
    receive! { Down { monitor, .. } if monitor == watch => {} }
    let gone = UnixStream::connect_addr(&address).unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::ConnectionRefused);
}

/// A connect to a listener whose backlog is full waits until there is room, for its time at most, and ends with its
/// process.
#[runtime::test(paused)]
fn a_full_backlog_is_waited_for() {
    let path = Path::of("a_full_backlog_is_waited_for");
    let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None);
    let socket = socket.expect("a socket");
    let address = socket2::SockAddr::unix(&path.0).expect("an address");
    socket.bind(&address).expect("binds");
    socket.listen(0).expect("listens");
    let listener = UnixListener::from_std(socket.into()).expect("a listener");
    let _first = UnixStream::connect(&path.0).expect("room for one");
    let time = Duration::from_millis(10);
    let start = runtime::now();
    let full = UnixStream::connect_timeout(&path.0, time).unwrap_err();
    assert_eq!(full.kind(), ErrorKind::TimedOut);
    assert_eq!(runtime::now() - start, time);
    let zero = UnixStream::connect_timeout(&path.0, Duration::ZERO).unwrap_err();
    assert_eq!(zero.kind(), ErrorKind::InvalidInput);
    let connect = |path: &PathBuf| {
        let path = path.clone();
        spawn_monitor!(move || UnixStream::connect(path).map(drop))
    };
    let (killed, killing) = connect(&path.0);
    sleep(time);
    exit_signal(killed, ExitReason::Kill);
    receive! { Down { monitor, reason, .. } if monitor == killing => {
        assert_eq!(reason, ExitReason::Killed);
    } }
    let (_, connected) = connect(&path.0);
    sleep(time);
    listener.accept().expect("accepts");
    receive! { Down { monitor, reason, .. } if monitor == connected => {
        assert_eq!(reason, ExitReason::Normal);
    } }
}
