//! Sockets as a process uses them: blocking it, and only it.

use std::future::poll_fn;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use runtime::Status;
use runtime::net::{AlreadyAwaited, NodeEnded, ReuniteError, TcpListener, TcpStream, UdpSocket};
use runtime::prelude::*;

mod expect;

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let one = TcpStream::connect(listener.local_addr().expect("its address")).expect("connects");
    let (other, _) = listener.accept().expect("accepts");
    (one, other)
}

/// Waits until a process has come to wait.
fn until_waiting(pid: Pid) {
    expect::until("it waits", || {
        runtime::process_info(pid).is_some_and(|info| info.status == Status::Waiting)
    });
}

/// A server that has a process for each connection serves many clients at once, whose processes block
/// in plain reads and writes.
#[runtime::test]
fn many_clients_are_echoed() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = listener.local_addr().expect("its address");
    spawn!(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("accepts");
            spawn!(move || {
                let mut room = [0; 64];
                while let Ok(bytes @ 1..) = stream.read(&mut room) {
                    stream.write_all(&room[..bytes]).expect("the client reads");
                }
            });
        }
    });
    let clients: Vec<_> = (0..50u32)
        .map(|client| {
            spawn_monitor!(move || {
                let mut stream = TcpStream::connect(address).expect("connects");
                for round in 0..100u32 {
                    let said = [client.to_be_bytes(), round.to_be_bytes()].concat();
                    stream.write_all(&said).expect("the server reads");
                    let mut heard = [0; 8];
                    stream.read_exact(&mut heard).expect("the server answers");
                    assert_eq!(heard[..], said);
                }
            })
        })
        .collect();
    for (_, monitor) in clients {
        receive! { Down { monitor: of, reason, .. } if of == monitor => {
            assert_eq!(reason, ExitReason::Normal)
        } }
    }
}

/// What is written is read, however much: a writer that is faster than its reader waits.
#[runtime::test]
fn a_writer_waits_for_its_reader() {
    let (mut one, mut other) = pair();
    const MEGABYTES: usize = 32;
    spawn!(move || {
        let block = vec![7u8; 1 << 20];
        for _ in 0..MEGABYTES {
            one.write_all(&block).expect("the other reads");
        }
    });
    let mut all = Vec::new();
    other.read_to_end(&mut all).expect("reads to the end");
    assert_eq!(all.len(), MEGABYTES << 20);
    assert!(all.iter().all(|&byte| byte == 7));
}

/// A read ends with `TimedOut` when its time is over, and not before; what comes later is there for
/// the next.
#[runtime::test]
fn a_read_times_out() {
    let (mut one, mut other) = pair();
    let time = Duration::from_millis(20);
    one.set_read_timeout(Some(time)).expect("a time-out");
    let start = runtime::now();
    let mut room = [0; 8];
    assert_eq!(one.read(&mut room).unwrap_err().kind(), ErrorKind::TimedOut);
    assert!(runtime::now() - start >= time);
    other.write_all(b"late").expect("writes");
    one.set_read_timeout(None).expect("no time-out");
    assert_eq!(one.read(&mut room).expect("reads"), 4);
    let zero = one.set_read_timeout(Some(Duration::ZERO)).unwrap_err();
    assert_eq!(zero.kind(), ErrorKind::InvalidInput);
}

/// A write that nobody reads ends with `TimedOut`.
#[runtime::test]
fn a_write_times_out() {
    let (mut one, _other) = pair();
    let time = Duration::from_millis(20);
    one.set_write_timeout(Some(time)).expect("a time-out");
    let block = vec![0; 1 << 20];
    let error = loop {
        if let Err(error) = one.write(&block) {
            break error;
        }
    };
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}

/// An accept ends with `TimedOut` when its time is over.
#[runtime::test]
fn an_accept_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let time = Duration::from_millis(20);
    listener.set_timeout(Some(time)).expect("a time-out");
    let start = runtime::now();
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::TimedOut);
    assert!(runtime::now() - start >= time);
}

/// A listener whose backlog is full, so that who connects hears nothing; and those who fill it.
fn deaf() -> (std::net::SocketAddr, Vec<socket2::Socket>) {
    use socket2::{Domain, Socket, Type};
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let any: std::net::SocketAddr = "127.0.0.1:0".parse().expect("an address");
    listener.bind(&any.into()).expect("binds");
    listener.listen(0).expect("listens");
    let address = listener
        .local_addr()
        .expect("bound")
        .as_socket()
        .expect("TCP");
    let mut all = vec![listener];
    for _ in 0..4 {
        let full = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        full.set_nonblocking(true).expect("a socket");
        let _ = full.connect(&address.into());
        all.push(full);
    }
    (address, all)
}

/// An address that does not answer has the next tried beside it; one that refuses, at once; the first
/// that connects wins. If none does, the error is the last one's.
#[runtime::test(paused)]
fn the_best_of_several_addresses() {
    let (deaf, _full) = deaf();
    let gone = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let refused = gone.local_addr().expect("its address");
    drop(gone);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = listener.local_addr().expect("its address");
    let start = runtime::now();
    let stream = TcpStream::connect(&[refused, address][..]).expect("connects");
    assert_eq!(stream.peer_addr().expect("connected"), address);
    assert_eq!(runtime::now(), start);
    let stream = TcpStream::connect(&[deaf, address][..]).expect("connects");
    assert_eq!(stream.peer_addr().expect("connected"), address);
    assert_eq!(runtime::now() - start, Duration::from_millis(250));
    let error = TcpStream::connect(&[refused, refused][..]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    let nowhere: &[std::net::SocketAddr] = &[];
    assert_eq!(
        TcpStream::connect(nowhere).unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
}

/// A connect ends with `TimedOut`, to one address and to several, or with the process that waits for it.
#[runtime::test(paused)]
fn a_connect_times_out() {
    let (deaf, _full) = deaf();
    let start = runtime::now();
    let minute = Duration::from_secs(60);
    let error = TcpStream::connect_timeout(deaf, minute).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(runtime::now() - start, minute);
    let all = &[deaf, deaf, deaf][..];
    let error = TcpStream::connect_timeout(all, minute).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(runtime::now() - start, 2 * minute);
    let error = TcpStream::connect_timeout(deaf, Duration::ZERO).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let (pid, monitor) = spawn_monitor!(move || drop(TcpStream::connect(deaf)));
    until_waiting(pid);
    exit_signal(pid, ExitReason::Kill);
    receive! { Down { monitor: of, reason, .. } if of == monitor => {
        assert_eq!(reason, ExitReason::Killed);
    } }
}

/// Nobody listens: the connection is refused, with the error of the system.
#[runtime::test]
fn a_connection_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = listener.local_addr().expect("its address");
    drop(listener);
    let error = TcpStream::connect(address).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

/// A peer that closes one direction is read to the end, and written to still.
#[runtime::test]
fn half_closed_both_ways() {
    let (mut one, mut other) = pair();
    let served = spawn_monitor!(move || {
        let mut question = String::new();
        other
            .read_to_string(&mut question)
            .expect("reads to the end");
        other.write_all(question.to_uppercase().as_bytes())
    });
    one.write_all(b"question").expect("writes");
    one.shutdown(Shutdown::Write).expect("the end");
    let mut answer = String::new();
    one.read_to_string(&mut answer).expect("reads to the end");
    assert_eq!(answer, "QUESTION");
    receive! { Down { monitor: of, .. } if of == served.1 => {} }
}

/// A connection that the peer resets ends the read that waits for it.
#[runtime::test]
fn a_reset_wakes_the_reader() {
    let (mut one, other) = pair();
    let parent = self_pid();
    let reader = spawn!(move || {
        let error = one.read(&mut [0; 8]).unwrap_err();
        send(parent, Opaque(error));
    });
    until_waiting(reader);
    let other = other.into_std();
    socket2::SockRef::from(&other)
        .set_linger(Some(Duration::ZERO))
        .expect("lingers");
    drop(other);
    receive! { Opaque(error): Opaque<io::Error> => {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    } }
}

/// What is written to a connection that the peer has reset fails, and goes on failing.
#[runtime::test]
fn a_reset_ends_the_writer() {
    let (mut one, other) = pair();
    let other = other.into_std();
    socket2::SockRef::from(&other)
        .set_linger(Some(Duration::ZERO))
        .expect("lingers");
    let block = vec![0; 1 << 20];
    let writer = spawn_monitor!(move || -> io::Result<()> {
        loop {
            if let Err(error) = one.write_all(&block) {
                assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                break;
            }
        }
        let error = one.write_all(&block).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        Ok(())
    });
    until_waiting(writer.0);
    drop(other);
    receive! { Down { monitor: of, reason, .. } if of == writer.1 => {
        assert_eq!(reason, ExitReason::Normal);
    } }
}

/// A time-out and data in the same instant: one of them is what the read says, and no byte is lost, nor read twice, nor is
/// the reader's place still taken.
#[runtime::test(paused)]
fn time_out_and_data_at_once() {
    const ROUNDS: u8 = 200;
    let (mut one, mut other) = pair();
    let time = Duration::from_secs(1);
    one.set_read_timeout(Some(time)).expect("a time-out");
    spawn!(move || {
        for round in 0..ROUNDS {
            sleep(time);
            other.write_all(&[round]).expect("it reads");
        }
    });
    let (mut heard, mut timeouts) = (Vec::<u8>::new(), 0);
    let mut room = [0; 8];
    while heard.len() < ROUNDS.into() {
        match one.read(&mut room) {
            Ok(bytes) => heard.extend(&room[..bytes]),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::TimedOut);
                timeouts += 1;
            }
        }
    }
    assert!(heard.iter().copied().eq(0..ROUNDS));
    assert!(timeouts <= u32::from(ROUNDS), "{timeouts}");
    assert_eq!(one.read(&mut room).expect("the end"), 0);
}

/// A process whose socket never runs dry gives way to its neighbours: one that blocks, one that polls, and one that
/// accepts.
#[test]
fn a_busy_socket_gives_way() {
    expect::alone(|| {
        let parent = self_pid();
        let own = || {
            let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
            let address = socket.local_addr().expect("its address");
            socket.connect(address).expect("connects");
            socket
        };
        let (blocking, polling) = (own(), own());
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let busy = [
            spawn!(move || loop {
                blocking.send(b"to itself").expect("sends");
                blocking.recv(&mut [0; 16]).expect("receives");
            }),
            runtime::spawn_future(async move {
                let to = polling.local_addr().expect("its address");
                loop {
                    poll_fn(|cx| polling.poll_send_to(cx, b"to itself", to))
                        .await
                        .expect("sends");
                    let mut room = [0; 16];
                    poll_fn(|cx| polling.poll_recv_from(cx, &mut room))
                        .await
                        .expect("receives");
                }
            }),
            spawn!(move || loop {
                let address = listener.local_addr().expect("its address");
                let one = std::net::TcpStream::connect(address).expect("connects");
                // Without a wait for the end of the connection the system would run out of ports.
                socket2::SockRef::from(&one)
                    .set_linger(Some(Duration::ZERO))
                    .expect("lingers");
                listener.accept().expect("accepts");
            }),
        ];
        for round in 0..100 {
            spawn!(move || send(parent, round));
            assert_eq!(expect::message::<i32>(), round);
        }
        for pid in busy {
            assert!(is_process_alive(pid));
            exit_signal(pid, ExitReason::Kill);
            expect::end_of(pid);
        }
    });
}

/// A process that is killed while it reads ends, and its socket is closed: the peer sees it.
#[runtime::test]
fn killed_in_a_read() {
    let (mut one, mut other) = pair();
    let (reader, monitor) = spawn_monitor!(move || {
        let _ = one.read(&mut [0; 8]);
        unreachable!("killed in the read");
    });
    until_waiting(reader);
    exit_signal(reader, ExitReason::Kill);
    receive! { Down { monitor: of, reason, .. } if of == monitor => {
        assert_eq!(reason, ExitReason::Killed);
    } }
    assert_eq!(other.read(&mut [0; 8]).expect("the end"), 0);
}

/// A process that is killed while it writes ends, and its socket is closed.
#[runtime::test]
fn killed_in_a_write() {
    let (mut one, mut other) = pair();
    let (writer, monitor) = spawn_monitor!(move || {
        let block = vec![0; 64 << 20];
        let _ = one.write_all(&block);
        unreachable!("killed in the write");
    });
    until_waiting(writer);
    exit_signal(writer, ExitReason::Kill);
    receive! { Down { monitor: of, reason, .. } if of == monitor => {
        assert_eq!(reason, ExitReason::Killed);
    } }
    // To the end, or the reset.
    let _ = io::copy(&mut other, &mut io::sink());
}

/// A process that is killed while it accepts ends, and nobody listens any more.
#[runtime::test]
fn killed_in_an_accept() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = listener.local_addr().expect("its address");
    let (server, monitor) = spawn_monitor!(move || {
        let _ = listener.accept();
        unreachable!("killed in the accept");
    });
    until_waiting(server);
    exit_signal(server, ExitReason::Kill);
    receive! { Down { monitor: of, reason, .. } if of == monitor => {
        assert_eq!(reason, ExitReason::Killed);
    } }
    let error = TcpStream::connect(address).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

/// Two processes cannot wait for one direction: the second is told, the first goes on waiting.
#[runtime::test]
fn a_second_reader_is_told() {
    let (one, mut other) = pair();
    let one = std::sync::Arc::new(one);
    let parent = self_pid();
    let first = {
        let one = std::sync::Arc::clone(&one);
        spawn!(move || {
            let mut room = [0; 8];
            let bytes = (&*one).read(&mut room).expect("reads");
            send(parent, bytes);
        })
    };
    until_waiting(first);
    let error = (&*one).read(&mut [0; 8]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourceBusy);
    assert!(
        error
            .get_ref()
            .is_some_and(|error| error.is::<AlreadyAwaited>())
    );
    other.write_all(b"for the first").expect("writes");
    receive! { bytes: usize => assert_eq!(bytes, 8) }
}

/// Messages that come while a process reads wait in its mailbox.
#[runtime::test]
fn messages_wait_while_it_reads() {
    let (mut one, mut other) = pair();
    let parent = self_pid();
    let reader = spawn!(move || {
        let mut room = [0; 4];
        one.read_exact(&mut room).expect("reads");
        receive! { n: u32 => send(parent, (room, n)) }
    });
    until_waiting(reader);
    send(reader, 7u32);
    other.write_all(b"data").expect("writes");
    receive! { got: ([u8; 4], u32) => assert_eq!(got, (*b"data", 7)) }
}

/// The halves of a stream live in two processes; when the written one goes, the peer reads the end.
#[runtime::test]
fn halves_live_apart() {
    let (one, mut other) = pair();
    let (mut read, mut write) = one.into_split();
    spawn!(move || write.write_all(b"from the writer").expect("writes"));
    let mut text = String::new();
    other.read_to_string(&mut text).expect("to the end");
    assert_eq!(text, "from the writer");
    other.write_all(b"to the reader").expect("writes");
    drop(other);
    text.clear();
    read.read_to_string(&mut text).expect("to the end");
    assert_eq!(text, "to the reader");
}

/// Two halves of one stream make the stream again, without an end for the peer; those of two are given back.
#[runtime::test]
fn halves_are_put_together() {
    let ((one, mut other), (stranger, _peer)) = (pair(), pair());
    let (read, write) = one.into_split();
    let (read_2, write_2) = stranger.into_split();
    let ReuniteError(read, write_2) = read.reunite(write_2).expect_err("two streams");
    drop((read_2, write_2));
    let mut one = read.reunite(write).expect("one stream");
    one.write_all(b"whole").expect("writes");
    let mut room = [0; 5];
    other.read_exact(&mut room).expect("reads");
    assert_eq!(&room, b"whole");
    drop(one);
    assert_eq!(other.read(&mut room).expect("the end"), 0);
}

/// A socket may be used from another node than its own; when its node has ended, the error says so,
/// also to one who waits already.
#[test]
fn a_socket_outlives_its_node() {
    let first = Builder::new().workers(1).start().expect("a node");
    let second = Builder::new().workers(1).start().expect("a node");
    let (mut one, other) = first.run(pair);
    second.run(move || {
        let mut stray = other;
        stray.write_all(b"over nodes").expect("writes");
        let parent = self_pid();
        let reader = spawn!(move || {
            let mut room = [0; 16];
            let bytes = one.read(&mut room).expect("reads");
            let error = one.read(&mut room).unwrap_err();
            send(parent, (bytes, Opaque(error)));
        });
        until_waiting(reader);
        let ended = std::thread::spawn(move || drop(first));
        receive! { (bytes, Opaque(error)): (usize, Opaque<io::Error>) => {
            assert_eq!(bytes, 10);
            assert!(error.get_ref().is_some_and(|error| error.is::<NodeEnded>()), "{error}");
        } }
        ended.join().expect("it ends");
        drop(stray);
    });
}

/// Datagrams come whole; one that nobody sends is waited for in vain.
#[runtime::test]
fn datagrams() {
    let one = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let other = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let time = Duration::from_millis(10);
    other.set_read_timeout(Some(time)).expect("a time-out");
    let mut room = [0; 16];
    assert_eq!(
        other.recv_from(&mut room).unwrap_err().kind(),
        ErrorKind::TimedOut
    );
    one.connect(other.local_addr().expect("its address"))
        .expect("connects");
    one.send(b"one").expect("sends");
    one.send(b"two").expect("sends");
    assert_eq!(other.recv_from(&mut room).expect("receives").0, 3);
    assert_eq!(&room[..3], b"one");
    assert_eq!(other.recv(&mut room).expect("receives"), 3);
    assert_eq!(&room[..3], b"two");
}

/// A datagram to a port where nobody is comes back as an error, once; the socket goes on, and waits on the clock that
/// stands while anybody spins.
#[runtime::test(paused)]
fn a_refused_datagram_does_not_spin() {
    let one = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let gone = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = gone.local_addr().expect("its address");
    drop(gone);
    one.connect(address).expect("connects");
    one.send(b"to nobody").expect("sends");
    let mut room = [0; 16];
    assert_eq!(
        one.recv(&mut room).unwrap_err().kind(),
        ErrorKind::ConnectionRefused
    );
    let hour = Duration::from_secs(3600);
    one.set_read_timeout(Some(hour)).expect("a time-out");
    let start = runtime::now();
    assert_eq!(one.recv(&mut room).unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(runtime::now() - start, hour);
}

/// On a thread that is no process a socket blocks the thread.
#[test]
fn on_a_plain_thread() {
    let (mut one, mut other) = pair();
    let writer = std::thread::spawn(move || {
        let mut word = [0; 4];
        other.read_exact(&mut word).expect("reads");
        other.write_all(&word).expect("writes");
    });
    one.set_read_timeout(Some(Duration::from_millis(5)))
        .expect("a time-out");
    assert_eq!(
        one.read(&mut [0; 4]).unwrap_err().kind(),
        ErrorKind::TimedOut
    );
    one.set_read_timeout(None).expect("no time-out");
    one.write_all(b"word").expect("writes");
    let mut word = [0; 4];
    one.read_exact(&mut word).expect("reads");
    assert_eq!(&word, b"word");
    writer.join().expect("it ends");
}

/// The descriptors that a node watches are counted.
#[runtime::test]
fn descriptors_are_counted() {
    let count = || runtime::info().expect("a node").descriptors;
    assert_eq!(count(), 0);
    let (one, other) = pair();
    assert_eq!(count(), 2);
    let copy = one.try_clone().expect("a descriptor");
    assert_eq!(count(), 3);
    drop((one, other, copy));
    assert_eq!(count(), 0);
}

/// On virtual time, a time-out of a read does not wait for real; and what peers say to each other
/// comes before it.
#[runtime::test(paused)]
fn on_virtual_time() {
    let (mut one, mut other) = pair();
    let hour = Duration::from_secs(3600);
    one.set_read_timeout(Some(hour)).expect("a time-out");
    spawn!(move || {
        let mut word = [0; 4];
        while other.read_exact(&mut word).is_ok() {
            other.write_all(&word).expect("writes");
        }
        sleep(2 * hour);
    });
    let start = runtime::now();
    let mut word = *b"word";
    for _ in 0..100 {
        one.write_all(&word).expect("writes");
        one.read_exact(&mut word).expect("an answer");
    }
    assert_eq!(runtime::now(), start);
    assert_eq!(one.read(&mut word).unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(runtime::now() - start, hour);
}

/// A future's waker that blocks does not keep others from the poll: what it waits for may have to come from
/// there.
#[test]
fn a_waker_that_blocks() {
    struct Asks {
        ask: std::net::TcpStream,
        answers: Mutex<Receiver<()>>,
        root: Pid,
    }
    impl Wake for Asks {
        fn wake(self: Arc<Self>) {
            (&self.ask).write_all(b"?").expect("somebody reads");
            let answer = self.answers.lock().unwrap().recv_timeout(expect::LONG);
            send(self.root, answer.is_ok());
        }
    }
    expect::alone(|| {
        let (mut questions, mut ask) = pair();
        let (answer, answers) = channel();
        let root = self_pid();
        let asked = std::thread::spawn(move || {
            let mut room = [0; 8];
            // It empties the socket, so the next waits for the poll.
            assert_eq!(questions.read(&mut room).expect("a call"), 1);
            send(root, "reads");
            assert_eq!(questions.read(&mut room).expect("a question"), 1);
            answer.send(()).expect("the waker waits");
        });
        ask.write_all(b"!").expect("it reads");
        assert_eq!(expect::message::<&str>(), "reads");
        let (loud, mut other) = pair();
        let waker = Waker::from(Arc::new(Asks {
            ask: ask.into_std(),
            answers: Mutex::new(answers),
            root,
        }));
        let poll = loud.poll_read(&mut Context::from_waker(&waker), &mut [0; 8]);
        assert!(poll.is_pending());
        other.write_all(b"x").expect("it reads");
        assert!(expect::message::<bool>(), "nobody polled");
        asked.join().unwrap();
    });
}

/// A future's waker that blocks does not hold up the watchdog either, which polls while no worker does.
#[test]
fn a_waker_that_blocks_beside_a_hog() {
    struct Waits {
        begins: Mutex<Sender<()>>,
        end: Mutex<Receiver<()>>,
    }
    impl Wake for Waits {
        fn wake(self: Arc<Self>) {
            self.begins.lock().unwrap().send(()).expect("the hog waits");
            let _ = self.end.lock().unwrap().recv_timeout(expect::LONG);
        }
    }
    expect::alone(|| {
        let (loud, mut other) = pair();
        let (begins, has_begun) = channel();
        let (ends, end) = channel();
        let waker = Waker::from(Arc::new(Waits {
            begins: Mutex::new(begins),
            end: Mutex::new(end),
        }));
        let poll = loud.poll_read(&mut Context::from_waker(&waker), &mut [0; 8]);
        assert!(poll.is_pending());
        other.write_all(b"x").expect("it reads");
        // From here on this process runs on and on.
        has_begun
            .recv_timeout(expect::LONG)
            .expect("the watchdog polls");
        runtime::send_after(Duration::from_millis(1), self_pid(), "due");
        let start = std::time::Instant::now();
        while runtime::mailbox_len(self_pid()) == Some(0) {
            assert!(start.elapsed() < expect::LONG, "the watchdog is held up");
            std::thread::yield_now();
        }
        ends.send(()).expect("the waker waits");
    });
}
