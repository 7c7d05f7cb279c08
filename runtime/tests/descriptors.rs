//! Descriptors: none is lost, and a listener goes on when there are none left. Each in a child, as
//! they are the whole program's.

mod expect;

use std::future::poll_fn;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use expect::{child, reports};
use runtime::Status;
use runtime::net::{Active, TcpListener, TcpStream, UdpSocket, UnixListener, UnixStream};
use runtime::prelude::*;
use socket2::{Domain, SockAddr, Socket, Type};

/// How many descriptors the program has open.
fn open() -> usize {
    let entries = std::fs::read_dir("/proc/self/fd").expect("procfs");
    entries.count()
}

/// Lets the program open no descriptor beyond those that it has.
fn allow_no_more() {
    let next = std::fs::File::open("/proc/self/status").expect("procfs");
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the call fills the struct.
    let got = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) };
    assert_eq!(got, 0);
    // The lowest that is free is given out first.
    limit.rlim_cur = next.as_raw_fd() as libc::rlim_t;
    // SAFETY: the call reads the struct.
    let set = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) };
    assert_eq!(set, 0);
}

fn streams() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let one = TcpStream::connect(listener.local_addr().expect("its address")).expect("connects");
    let (other, _) = listener.accept().expect("accepts");
    (one, other)
}

fn read() {
    let (mut one, _other) = streams();
    let _ = one.read(&mut [0; 8]);
}

fn write() {
    let (mut one, _other) = streams();
    let _ = one.write_all(&vec![0; 64 << 20]);
}

fn accept() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let _ = listener.accept();
}

/// A socket that listens, with room for one connection that nobody accepts.
fn deaf(domain: Domain, address: &SockAddr) -> Socket {
    let socket = Socket::new(domain, Type::STREAM, None).expect("a socket");
    socket.bind(address).expect("binds");
    socket.listen(0).expect("listens");
    socket
}

fn connect() {
    let any: std::net::SocketAddr = "127.0.0.1:0".parse().expect("an address");
    let deaf = deaf(Domain::IPV4, &any.into());
    let address = deaf.local_addr().expect("bound").as_socket().expect("TCP");
    let mut streams = Vec::new();
    while let Ok(stream) = TcpStream::connect(&[address, address][..]) {
        streams.push(stream);
    }
}

fn receive() {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let _ = socket.recv(&mut [0]);
}

fn unix_read() {
    let (mut one, _other) = UnixStream::pair().expect("a pair");
    let _ = one.read(&mut [0]);
}

/// An address without a path, of the calling process's own.
fn unix_address() -> SocketAddr {
    SocketAddr::from_abstract_name(format!("{} {}", std::process::id(), self_pid()))
        .expect("a name")
}

fn unix_accept() {
    let listener = UnixListener::bind_addr(&unix_address()).expect("a listener");
    let _ = listener.accept();
}

fn unix_connect() {
    let address = unix_address();
    let name = address.as_abstract_name().expect("it has one");
    let name = [b"\0", name].concat();
    let own = SockAddr::unix(std::ffi::OsStr::from_bytes(&name)).expect("an address");
    let _deaf = deaf(Domain::UNIX, &own);
    let mut streams = Vec::new();
    while let Ok(stream) = UnixStream::connect_addr(&address) {
        streams.push(stream);
    }
}

fn poll() {
    let (one, _other) = streams();
    let _ = runtime::block_on(poll_fn(|cx| one.poll_read(cx, &mut [0])));
}

fn activate() {
    let (one, _other) = streams();
    let _one = one.activate(Active::Once).expect("a process");
    drop(receive_any());
}

fn call() {
    let (mut one, _other) = streams();
    // It ends when the other end is closed, with the process: then what it holds is closed.
    runtime::blocking(move || drop(one.read(&mut [0])));
}

/// What a process waits in, and what it is called.
const OPERATIONS: [(&str, fn()); 11] = [
    ("read", read),
    ("write", write),
    ("accept", accept),
    ("connect", connect),
    ("receive", receive),
    ("read, Unix", unix_read),
    ("accept, Unix", unix_accept),
    ("connect, Unix", unix_connect),
    ("poll", poll),
    ("active", activate),
    ("call", call),
];

/// Processes that are killed in the middle of each operation leave no descriptor behind, nor a registration; nor does the
/// node.
#[test]
fn all_are_given_back() {
    let end = child::run("all_are_given_back", || {
        let before = open();
        let node = Builder::new().workers(2).start().expect("a node");
        node.run(|| {
            for (name, operation) in OPERATIONS {
                let all: Vec<(Pid, Ref)> = (0..10).map(|_| spawn_monitor!(operation)).collect();
                for (pid, monitor) in all {
                    expect::until(name, || {
                        let info = runtime::process_info(pid).expect("it lives");
                        info.status == Status::Waiting
                    });
                    exit_signal(pid, ExitReason::Kill);
                    receive! { Down { monitor: of, reason, .. } if of == monitor => {
                        assert_eq!(reason, ExitReason::Killed, "{name}");
                    } }
                }
                expect::until(name, || runtime::info().expect("a node").descriptors == 0);
            }
        });
        drop(node);
        assert_eq!(open(), before);
    });
    end.is_well();
}

/// A process that rests as a future, or panics, leaves none behind either.
#[test]
fn given_back_at_rest() {
    let end = child::run("given_back_at_rest", || {
        let before = open();
        let node = Builder::new().workers(2).start().expect("a node");
        node.run(|| {
            for n in 0..20 {
                let (one, other) = streams();
                let pid = runtime::spawn_future(async move {
                    let _other = other;
                    let _ = poll_fn(|cx| one.poll_read(cx, &mut [0])).await;
                });
                if n % 2 == 0 {
                    expect::until("it rests", || {
                        runtime::process_info(pid).is_some_and(|it| it.status == Status::AtRest)
                    });
                }
                exit_signal(pid, ExitReason::Kill);
                expect::end_of(pid);
                let (_, monitor) = spawn_monitor!(|| {
                    let _streams = streams();
                    panic!("by itself");
                });
                receive! { Down { monitor: of, .. } if of == monitor => {} }
            }
            expect::until("all are closed", || {
                runtime::info().expect("a node").descriptors == 0
            });
        });
        drop(node);
        assert_eq!(open(), before);
    });
    end.is_well();
}

/// A listener for whose connections there is no descriptor waits, on the clock that stands while
/// anybody spins; says so once; and accepts again when there is one.
#[runtime::test(paused)]
fn accept_outlasts_a_shortage() {
    let end = child::run("accept_outlasts_a_shortage", || {
        reports::collect();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let address = listener.local_addr().expect("its address");
        let mut first = TcpStream::connect(address).expect("connects");
        let spare = std::fs::File::open("/proc/self/status").expect("procfs");
        allow_no_more();
        let minute = Duration::from_secs(60);
        listener.set_timeout(Some(minute)).expect("a time-out");
        let start = runtime::now();
        let error = listener.accept().unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
        assert_eq!(runtime::now() - start, minute);
        drop(spare);
        let (mut accepted, _) = listener.accept().expect("there is a descriptor");
        accepted.write_all(b"welcome").expect("writes");
        drop(accepted);
        let mut text = String::new();
        first.read_to_string(&mut text).expect("reads");
        assert_eq!(text, "welcome");
        let told = reports::count("runtime::net", &["a listener cannot accept"]);
        assert_eq!(told, 1);
    });
    end.is_well();
}

/// A future that accepts waits for a descriptor as a blocking `accept` does: it is polled a few
/// times in a minute, says so once, and has the connection when there is a descriptor.
#[runtime::test(paused)]
fn poll_accept_outlasts_a_shortage() {
    let end = child::run("poll_accept_outlasts_a_shortage", || {
        reports::collect();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let address = listener.local_addr().expect("its address");
        let mut first = TcpStream::connect(address).expect("connects");
        let mut spare = std::fs::File::open("/proc/self/status").ok();
        allow_no_more();
        let minute = runtime::now() + Duration::from_secs(60);
        let mut over = pin!(runtime::future::sleep_until(minute));
        let mut polls = 0;
        let accepted = runtime::block_on(poll_fn(|cx| {
            if spare.is_some() && over.as_mut().poll(cx).is_ready() {
                spare = None;
            }
            polls += 1;
            listener.poll_accept(cx)
        }));
        let (mut accepted, _) = accepted.expect("there is a descriptor");
        // 10 ms and twice as long each time, up to a second; and the minute's end.
        assert!((60..80).contains(&polls), "{polls} polls");
        accepted.write_all(b"welcome").expect("writes");
        drop(accepted);
        let mut text = String::new();
        first.read_to_string(&mut text).expect("reads");
        assert_eq!(text, "welcome");
        let told = reports::count("runtime::net", &["a listener cannot accept"]);
        assert_eq!(told, 1);
    });
    end.is_well();
}

/// Without a descriptor a socket is refused with the system's error, and nothing is lost.
#[test]
fn a_socket_is_refused() {
    let end = child::run("a_socket_is_refused", || {
        runtime::run(|| {
            let kept = UdpSocket::bind("127.0.0.1:0").expect("a socket");
            allow_no_more();
            let errors: [io::Error; 3] = [
                UdpSocket::bind("127.0.0.1:0").map(drop).unwrap_err(),
                TcpListener::bind("127.0.0.1:0").map(drop).unwrap_err(),
                kept.try_clone().map(drop).unwrap_err(),
            ];
            for error in errors {
                assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{error}");
            }
            kept.send_to(b"still", kept.local_addr().expect("its address"))
                .expect("sends");
            assert_eq!(kept.recv(&mut [0; 8]).expect("receives"), 5);
        });
    });
    end.is_well();
}

/// Without a descriptor for the reactor itself the first socket is refused; the next is not.
#[test]
fn a_reactor_is_refused() {
    let end = child::run("a_reactor_is_refused", || {
        runtime::run(|| {
            let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
            let spares = [(); 4].map(|()| std::fs::File::open("/proc/self/status"));
            let copy = socket.try_clone().expect("a descriptor");
            allow_no_more();
            let error = UdpSocket::from_std(copy).map(drop).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{error}");
            drop(spares);
            let socket = UdpSocket::from_std(socket).expect("there are descriptors");
            socket
                .set_read_timeout(Some(Duration::from_millis(1)))
                .expect("a time-out");
            assert_eq!(
                socket.recv(&mut [0]).unwrap_err().kind(),
                ErrorKind::TimedOut
            );
        });
    });
    end.is_well();
}
