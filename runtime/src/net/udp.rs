//! UDP sockets.

use std::io;
use std::net::{self, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::task::{Context, Poll};
use std::time::Duration;

use super::address::{self, ToSocketAddrs};
use super::connect;
use super::timeout::Timeout;
use crate::io::Direction;
use crate::io::source::{Done, Source};

/// A UDP socket, as [`std::net::UdpSocket`].
///
/// ```
/// use runtime::net::UdpSocket;
///
/// # runtime::run(|| {
/// let one = UdpSocket::bind("127.0.0.1:0")?;
/// let other = UdpSocket::bind("127.0.0.1:0")?;
/// one.send_to(b"hello", other.local_addr()?)?;
/// let mut room = [0; 16];
/// let (bytes, from) = other.recv_from(&mut room)?;
/// assert_eq!((&room[..bytes], from), (&b"hello"[..], one.local_addr()?));
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
pub struct UdpSocket {
    source: Source<net::UdpSocket>,
    read_timeout: Timeout,
    write_timeout: Timeout,
}

impl UdpSocket {
    /// Binds the first of the addresses that can be had.
    ///
    /// # Errors
    ///
    /// As [`std::net::UdpSocket::bind`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn bind(address: impl ToSocketAddrs) -> io::Result<UdpSocket> {
        let addresses = address::resolve(address::target(&address)?)?;
        UdpSocket::from_std(connect::first(&addresses, net::UdpSocket::bind)?)
    }

    /// A socket of `std`'s.
    ///
    /// # Errors
    ///
    /// The system refuses to make it non-blocking, or to watch it.
    pub fn from_std(socket: net::UdpSocket) -> io::Result<UdpSocket> {
        socket.set_nonblocking(true)?;
        Ok(UdpSocket {
            source: Source::new(socket)?,
            read_timeout: Timeout::none(),
            write_timeout: Timeout::none(),
        })
    }

    /// The socket as `std`'s, non-blocking.
    pub fn into_std(self) -> net::UdpSocket {
        self.source.into_inner()
    }

    /// The socket itself, for its options.
    fn socket(&self) -> &net::UdpSocket {
        self.source.inner()
    }

    #[cfg_attr(debug_assertions, track_caller)]
    fn read<R>(&self, mut read: impl FnMut(&net::UdpSocket) -> io::Result<R>) -> io::Result<R> {
        self.source
            .block(Direction::Read, self.read_timeout.get(), |socket| {
                read(socket).map(Done::Whole)
            })
    }

    #[cfg_attr(debug_assertions, track_caller)]
    fn write<R>(&self, mut write: impl FnMut(&net::UdpSocket) -> io::Result<R>) -> io::Result<R> {
        self.source
            .block(Direction::Write, self.write_timeout.get(), |socket| {
                write(socket).map(Done::Whole)
            })
    }

    /// Sends a datagram. A switch point.
    ///
    /// # Errors
    ///
    /// As [`std::net::UdpSocket::send_to`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn send_to(&self, bytes: &[u8], address: impl ToSocketAddrs) -> io::Result<usize> {
        let addresses = address::resolve(address::target(&address)?)?;
        let to = connect::first(&addresses, Ok)?;
        self.write(|socket| socket.send_to(bytes, to))
    }

    /// Waits for a datagram; what does not fit is lost. A switch point.
    ///
    /// # Errors
    ///
    /// `TimedOut`; as [`std::net::UdpSocket::recv_from`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn recv_from(&self, room: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.read(|socket| socket.recv_from(room))
    }

    /// As [`recv_from`](UdpSocket::recv_from), and leaves the datagram there.
    ///
    /// # Errors
    ///
    /// As there.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn peek_from(&self, room: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.read(|socket| socket.peek_from(room))
    }

    /// Sets the peer: others' datagrams are not received from now on.
    ///
    /// # Errors
    ///
    /// As [`std::net::UdpSocket::connect`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn connect(&self, address: impl ToSocketAddrs) -> io::Result<()> {
        let addresses = address::resolve(address::target(&address)?)?;
        connect::first(&addresses, |address| self.socket().connect(address))
    }

    /// Sends a datagram to the peer. A switch point.
    ///
    /// # Errors
    ///
    /// As [`std::net::UdpSocket::send`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.write(|socket| socket.send(bytes))
    }

    /// Waits for a datagram of the peer's. A switch point.
    ///
    /// # Errors
    ///
    /// `TimedOut`; as [`std::net::UdpSocket::recv`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn recv(&self, room: &mut [u8]) -> io::Result<usize> {
        self.read(|socket| socket.recv(room))
    }

    /// As [`recv`](UdpSocket::recv), and leaves the datagram there.
    ///
    /// # Errors
    ///
    /// As there.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn peek(&self, room: &mut [u8]) -> io::Result<usize> {
        self.read(|socket| socket.peek(room))
    }

    /// As [`recv_from`](UdpSocket::recv_from), for a future.
    pub fn poll_recv_from(
        &self,
        cx: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        self.source.poll(cx, Direction::Read, |socket| {
            socket.recv_from(room).map(Done::Whole)
        })
    }

    /// As [`send_to`](UdpSocket::send_to), to one address, for a future.
    pub fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        to: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        self.source.poll(cx, Direction::Write, |socket| {
            socket.send_to(bytes, to).map(Done::Whole)
        })
    }

    /// The socket's own address.
    ///
    /// # Errors
    ///
    /// As [`std::net::UdpSocket::local_addr`].
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket().local_addr()
    }

    /// The peer's address.
    ///
    /// # Errors
    ///
    /// As [`std::net::UdpSocket::peer_addr`].
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket().peer_addr()
    }

    /// Another descriptor of the same socket.
    ///
    /// # Errors
    ///
    /// As [`std::net::UdpSocket::try_clone`].
    pub fn try_clone(&self) -> io::Result<UdpSocket> {
        UdpSocket::from_std(self.socket().try_clone()?)
    }

    /// Whether it may send to broadcast addresses.
    ///
    /// # Errors
    ///
    /// As [`std::net::UdpSocket::set_broadcast`].
    pub fn set_broadcast(&self, broadcast: bool) -> io::Result<()> {
        self.socket().set_broadcast(broadcast)
    }

    /// Takes the socket's pending error.
    ///
    /// # Errors
    ///
    /// As [`std::net::UdpSocket::take_error`].
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket().take_error()
    }

    /// Sets how long a datagram is waited for; `None`: for ever.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is zero.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.read_timeout.set(timeout)
    }

    /// Sets how long a send waits; `None`: for ever.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is zero.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.write_timeout.set(timeout)
    }

    /// How long a datagram is waited for.
    pub fn read_timeout(&self) -> Option<Duration> {
        self.read_timeout.get()
    }

    /// How long a send waits.
    pub fn write_timeout(&self) -> Option<Duration> {
        self.write_timeout.get()
    }
}

impl std::fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.source.fmt(f)
    }
}

impl AsFd for UdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.source.as_fd()
    }
}

impl AsRawFd for UdpSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.source.as_raw_fd()
    }
}
