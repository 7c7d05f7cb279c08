//! A load for servers: one thread, one poll, and many connections that each wait for an answer.
//!
//! The same for every system, and none of them: it must not be felt in what is measured but by the
//! processor that it takes, which is the same too.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::measured::Measured;

/// Sends `message` over each of `connections`, again as soon as it has come back, until there were `n`
/// answers in all. Measures each exchange, and checks each answer.
///
/// # Panics
///
/// If an answer is another than the message, or none comes.
pub fn echo(server: SocketAddr, connections: usize, message: &[u8], n: u64) -> Measured {
    let mut poll = Poll::new().expect("a poll");
    let mut events = Events::with_capacity(connections);
    let mut streams: Vec<Connection> = (0..connections)
        .map(|index| {
            let stream = std::net::TcpStream::connect(server).expect("the server listens");
            stream.set_nodelay(true).expect("a TCP stream");
            stream.set_nonblocking(true).expect("a TCP stream");
            let mut stream = TcpStream::from_std(stream);
            poll.registry()
                .register(&mut stream, Token(index), Interest::READABLE)
                .expect("room in the poll");
            Connection {
                stream,
                sent: Instant::now(),
                heard: 0,
            }
        })
        .collect();
    let mut took = Vec::with_capacity(n as usize);
    let start = Instant::now();
    for stream in &mut streams {
        stream.send(message);
    }
    let mut room = vec![0; message.len()];
    while (took.len() as u64) < n {
        poll.poll(&mut events, Some(Duration::from_secs(60)))
            .expect("the poll goes on");
        assert!(!events.is_empty(), "the server answers");
        for event in &events {
            let stream = &mut streams[event.token().0];
            while stream.hears(&mut room) {
                assert_eq!(room, message, "the echo");
                took.push(stream.sent.elapsed().as_nanos() as u64);
                stream.send(message);
            }
        }
    }
    Measured::rate(start.elapsed(), took)
}

struct Connection {
    stream: TcpStream,
    sent: Instant,
    heard: usize,
}

impl Connection {
    fn send(&mut self, message: &[u8]) {
        self.sent = Instant::now();
        self.heard = 0;
        self.stream
            .write_all(message)
            .expect("there is room for it");
    }

    /// True when the whole answer is here.
    fn hears(&mut self, room: &mut [u8]) -> bool {
        loop {
            match self.stream.read(&mut room[self.heard..]) {
                Ok(0) => panic!("the server hung up"),
                Ok(bytes) => self.heard += bytes,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                Err(error) => panic!("{error}"),
            }
            if self.heard == room.len() {
                return true;
            }
        }
    }
}
