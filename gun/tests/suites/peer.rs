//! A scripted peer: a listener in the test's own process, which reads and writes what the test says.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::OwnedFd;
use std::time::Duration;

use gun::Opts;
use runtime::net::{TcpListener, TcpStream};
use runtime::prelude::*;
use rustix::net;

/// Long enough for anything that is to come.
pub const SOON: Duration = Duration::from_secs(10);

pub struct Peer(TcpListener);

/// A port where nobody listens, and nobody else will.
pub struct Nobody(OwnedFd);

impl Nobody {
    pub fn new() -> Nobody {
        let socket = net::socket(net::AddressFamily::INET, net::SocketType::STREAM, None).unwrap();
        net::bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).unwrap();
        Nobody(socket)
    }

    pub fn port(&self) -> u16 {
        let address = net::getsockname(&self.0).unwrap();
        SocketAddrV4::try_from(address).unwrap().port()
    }

    /// Somebody listens after all, and takes one connection at a time.
    pub fn listen(&self) {
        net::listen(&self.0, 0).unwrap();
    }
}

pub struct Line(TcpStream);

impl Peer {
    pub fn new() -> Peer {
        Peer(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    pub fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    pub fn accept(&self) -> Line {
        Line(self.0.accept().unwrap().0)
    }

    /// A connection that is up, and the peer's end of it.
    pub fn open(&self, opts: Opts) -> (Pid, Line) {
        let conn = gun::open("127.0.0.1", self.port(), opts).unwrap();
        let line = self.accept();
        assert_eq!(gun::await_up(conn, SOON), Ok(gun::Protocol::Http));
        (conn, line)
    }
}

impl Line {
    pub fn into_inner(self) -> TcpStream {
        self.0
    }

    /// Reads a request's head.
    pub fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        String::from_utf8(head).unwrap()
    }

    /// Reads so many bytes.
    pub fn read(&mut self, bytes: usize) -> String {
        let mut body = vec![0; bytes];
        self.0.read_exact(&mut body).unwrap();
        String::from_utf8(body).unwrap()
    }

    /// Reads so many bytes, and drops them.
    pub fn read_all(&mut self, bytes: usize) {
        let mut from = (&mut self.0).take(bytes as u64);
        let read = std::io::copy(&mut from, &mut std::io::sink()).unwrap();
        assert_eq!(read as usize, bytes);
    }

    pub fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).unwrap();
    }

    /// Reads so many bytes, of whatever kind.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// As many as are said.
    pub fn take(&mut self, bytes: usize) -> Vec<u8> {
        let mut taken = vec![0; bytes];
        self.0.read_exact(&mut taken).unwrap();
        taken
    }

    /// Writes, however the other end takes it.
    pub fn try_write(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.0.write_all(bytes.as_ref())
    }

    /// Reads until the other end closes.
    pub fn end(mut self) -> String {
        let mut rest = String::new();
        self.0.read_to_string(&mut rest).unwrap();
        rest
    }
}
