//! Descriptors: none is lost, and a listener goes on when there are none left. Each in a child, as
//! they are the whole program's.

mod expect;

use std::future::poll_fn;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::pin::pin;
use std::time::Duration;

use expect::{child, reports};
use runtime::net::{TcpListener, TcpStream, UdpSocket, UnixStream};
use runtime::prelude::*;

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

/// Processes that are killed in reads, writes, accepts, connects and receives, and those that end by
/// themselves, leave no descriptor behind; nor does the node.
#[test]
fn all_are_given_back() {
    let end = child::run("all_are_given_back", || {
        let before = open();
        let node = Builder::new().workers(2).start().expect("a node");
        node.run(|| {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
            let address = listener.local_addr().expect("its address");
            let server = spawn!(move || {
                for stream in listener.incoming() {
                    let mut stream = stream.expect("accepts");
                    spawn!(move || {
                        let mut room = [0; 64];
                        while let Ok(bytes @ 1..) = stream.read(&mut room) {
                            if stream.write_all(&room[..bytes]).is_err() {
                                break;
                            }
                        }
                    });
                }
            });
            let clients: Vec<_> = (0..200)
                .map(|n| {
                    spawn_monitor!(move || {
                        let mut stream = TcpStream::connect(address).expect("connects");
                        match n % 5 {
                            0 => drop(stream.read(&mut [0; 8])),
                            1 => while stream.write_all(&[0; 4096]).is_ok() {},
                            2 => drop(UdpSocket::bind("127.0.0.1:0").map(|udp| udp.recv(&mut [0]))),
                            3 => {
                                drop(UnixStream::pair().map(|(mut one, _other)| one.read(&mut [0])))
                            }
                            _ => panic!("by itself"),
                        }
                    })
                })
                .collect();
            for (n, (client, monitor)) in clients.into_iter().enumerate() {
                if n % 5 != 4 {
                    exit_signal(client, ExitReason::Kill);
                }
                receive! { Down { monitor: of, .. } if of == monitor => {} }
            }
            exit_signal(server, ExitReason::Kill);
            expect::end_of(server);
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
