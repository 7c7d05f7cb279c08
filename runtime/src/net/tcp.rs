//! TCP: listeners and streams.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::iter;
use std::mem::MaybeUninit;
use std::net::{self, Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::task::{Context, Poll};
use std::time::Duration;

use super::accept::Listener;
use super::active::{self, Active, ActiveStream};
use super::address::{self, ToSocketAddrs};
use super::connect::{self, Connecting};
use super::half::{self, ReadHalf, WriteHalf};
use super::stream::Stream;
use super::timeout;
use crate::SpawnError;
use crate::io::Direction;
use crate::io::source::{Done, Source, moved};

/// A TCP socket that listens, as [`std::net::TcpListener`].
///
/// ```
/// use runtime::net::{TcpListener, TcpStream};
/// use runtime::prelude::*;
/// use std::io::{Read, Write};
///
/// # runtime::run(|| {
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let address = listener.local_addr()?;
/// spawn!(move || -> std::io::Result<()> {
///     let (mut stream, _) = listener.accept()?;
///     stream.write_all(b"welcome")
/// });
/// let mut text = String::new();
/// TcpStream::connect(address)?.read_to_string(&mut text)?;
/// assert_eq!(text, "welcome");
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct TcpListener(Listener<mio::net::TcpListener>);

/// A TCP connection, as [`std::net::TcpStream`]. `&TcpStream` reads and writes as well.
#[derive(Debug)]
pub struct TcpStream(Stream<net::TcpStream>);

impl TcpListener {
    /// Listens at the first of the addresses that can be had, with a backlog of 1024.
    ///
    /// # Errors
    ///
    /// As [`std::net::TcpListener::bind`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn bind(address: impl ToSocketAddrs) -> io::Result<TcpListener> {
        let addresses = address::resolve(address::target(&address)?)?;
        let socket = connect::first(&addresses, mio::net::TcpListener::bind)?;
        TcpListener::registered(socket)
    }

    /// A listener of `std`'s, whichever way it was made.
    ///
    /// # Errors
    ///
    /// The system refuses to make it non-blocking, or to watch it.
    pub fn from_std(listener: net::TcpListener) -> io::Result<TcpListener> {
        listener.set_nonblocking(true)?;
        TcpListener::registered(mio::net::TcpListener::from_std(listener))
    }

    /// The listener as `std`'s, non-blocking.
    pub fn into_std(self) -> net::TcpListener {
        self.0.into_source().into_inner().into()
    }

    fn registered(listener: mio::net::TcpListener) -> io::Result<TcpListener> {
        Ok(TcpListener(Listener::new(Source::new(listener)?)))
    }

    /// Waits for a connection. A switch point.
    ///
    /// While the system is short of descriptors or memory, it tries again after 10 ms, then after
    /// twice as long each time, up to a second, and reports so once. A connection that was lost before
    /// it was accepted is passed over.
    ///
    /// # Errors
    ///
    /// `TimedOut`, or what the system was short of, at the [time-out](TcpListener::set_timeout); and
    /// those of [`std::net::TcpListener::accept`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = self.0.accept(mio::net::TcpListener::accept)?;
        Ok((TcpStream::registered(stream.into())?, peer))
    }

    /// The connections as they come, for ever.
    pub fn incoming(&self) -> impl Iterator<Item = io::Result<TcpStream>> {
        iter::repeat_with(|| self.accept().map(|(stream, _)| stream))
    }

    /// Sets how long [`accept`](TcpListener::accept) waits; `None`: for ever.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is zero.
    pub fn set_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.0.timeout().set(timeout)
    }

    /// How long [`accept`](TcpListener::accept) waits.
    pub fn timeout(&self) -> Option<Duration> {
        self.0.timeout().get()
    }

    /// As [`accept`](TcpListener::accept), for a future: pending, too, while the system is short of
    /// descriptors or memory. No time-out ends it.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let accepted = self.0.poll_accept(cx, mio::net::TcpListener::accept);
        accepted.map(|accepted| {
            let (stream, peer) = accepted?;
            Ok((TcpStream::registered(stream.into())?, peer))
        })
    }

    /// The address that it listens at.
    ///
    /// # Errors
    ///
    /// As [`std::net::TcpListener::local_addr`].
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.source().inner().local_addr()
    }

    /// Another descriptor of the same socket: each connection comes to one of the listeners.
    ///
    /// # Errors
    ///
    /// As [`std::net::TcpListener::try_clone`].
    pub fn try_clone(&self) -> io::Result<TcpListener> {
        let descriptor = self.as_fd().try_clone_to_owned()?;
        TcpListener::from_std(descriptor.into())
    }

    /// Takes the socket's pending error.
    ///
    /// # Errors
    ///
    /// As [`std::net::TcpListener::take_error`].
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.source().inner().take_error()
    }
}

impl TcpStream {
    /// Connects to a host: to its addresses in turn, as RFC 8305 says (the families alternate, and a
    /// quarter of a second after one attempt the next begins beside it), until one connects. Names
    /// are looked up away from the workers. A switch point.
    ///
    /// # Errors
    ///
    /// Those of the last attempt; of the look-up; `InvalidInput` if there is no address.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn connect(address: impl ToSocketAddrs) -> io::Result<TcpStream> {
        let addresses = address::resolve(address::target(&address)?)?;
        connect::connect(&addresses, None)
    }

    /// As [`connect`](TcpStream::connect), to addresses, for a future.
    pub fn connecting(addresses: &[SocketAddr]) -> Connecting {
        Connecting::to(addresses)
    }

    /// As [`connect`](TcpStream::connect), for `timeout` at most: the look-up of a name and the attempts at its
    /// addresses together. On a thread that is no process the look-up has its time.
    ///
    /// # Errors
    ///
    /// `TimedOut`; `InvalidInput` if `timeout` is zero; those of [`connect`](TcpStream::connect).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// # let listener = runtime::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let port = listener.local_addr()?.port();
    /// let second = Duration::from_secs(1);
    /// let stream = runtime::net::TcpStream::connect_timeout(("127.0.0.1", port), second)?;
    /// # assert_eq!(stream.peer_addr()?.port(), port);
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn connect_timeout(
        address: impl ToSocketAddrs,
        timeout: Duration,
    ) -> io::Result<TcpStream> {
        let until = timeout::until(timeout)?;
        let addresses = address::resolve_until(address::target(&address)?, until)?;
        connect::connect(&addresses, until)
    }

    /// A connection of `std`'s, whichever way it was made.
    ///
    /// # Errors
    ///
    /// The system refuses to make it non-blocking, or to watch it.
    pub fn from_std(stream: net::TcpStream) -> io::Result<TcpStream> {
        stream.set_nonblocking(true)?;
        TcpStream::registered(stream)
    }

    /// The connection as `std`'s, non-blocking.
    pub fn into_std(self) -> net::TcpStream {
        self.0.into_source().into_inner()
    }

    fn registered(stream: net::TcpStream) -> io::Result<TcpStream> {
        Ok(TcpStream::of(Source::new(stream)?))
    }

    pub(super) fn of(source: Source<net::TcpStream>) -> TcpStream {
        TcpStream(Stream::new(source))
    }

    fn socket(&self) -> &net::TcpStream {
        self.0.source().inner()
    }

    #[cfg(any(feature = "hyper", feature = "tokio-io"))]
    pub(super) fn shared(&self) -> &Stream<net::TcpStream> {
        &self.0
    }

    /// The two halves, which may go to two processes. When the half that is written is dropped, the
    /// peer reads the end.
    pub fn into_split(self) -> (ReadHalf<TcpStream>, WriteHalf<TcpStream>) {
        half::split(self)
    }

    /// Sets the stream active: a process of its own, linked to the caller, reads it and sends what it
    /// read as [`Data`](super::Data).
    ///
    /// # Errors
    ///
    /// The process cannot be spawned. The stream is closed then.
    ///
    /// # Panics
    ///
    /// Outside a process.
    ///
    /// ```
    /// use runtime::net::{Active, Data, TcpListener, TcpStream};
    /// use runtime::prelude::*;
    /// use std::io::Write;
    ///
    /// # runtime::run(|| {
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let stream = TcpStream::connect(listener.local_addr()?)?;
    /// let stream = stream.activate(Active::Once).expect("room for a process");
    /// listener.accept()?.0.write_all(b"a piece")?;
    /// receive! {
    ///     Data { stream: of, bytes, .. } if of == stream.pid() => assert_eq!(bytes, b"a piece"),
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn activate(self, mode: Active) -> Result<ActiveStream<TcpStream>, SpawnError> {
        active::activate(self, mode)
    }

    /// Another descriptor of the same connection.
    ///
    /// # Errors
    ///
    /// As [`std::net::TcpStream::try_clone`].
    pub fn try_clone(&self) -> io::Result<TcpStream> {
        TcpStream::registered(self.socket().try_clone()?)
    }

    /// As `read`, and leaves what it read to be read again. A switch point.
    ///
    /// # Errors
    ///
    /// As [`std::net::TcpStream::peek`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn peek(&self, room: &mut [u8]) -> io::Result<usize> {
        let timeout = self.read_timeout();
        self.0.source().block(Direction::Read, timeout, |socket| {
            socket.peek(room).map(Done::Whole)
        })
    }

    /// Ends one direction, or both.
    ///
    /// # Errors
    ///
    /// As [`std::net::TcpStream::shutdown`].
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket().shutdown(how)
    }

    /// The peer's address.
    ///
    /// # Errors
    ///
    /// As [`std::net::TcpStream::peer_addr`].
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket().peer_addr()
    }

    /// The connection's own address.
    ///
    /// # Errors
    ///
    /// As [`std::net::TcpStream::local_addr`].
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket().local_addr()
    }

    /// Sets how long a read waits; `None`: for ever.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is zero.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.0.read_timeout().set(timeout)
    }

    /// Sets how long a write waits; `None`: for ever.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is zero.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.0.write_timeout().set(timeout)
    }

    /// How long a read waits.
    pub fn read_timeout(&self) -> Option<Duration> {
        self.0.read_timeout().get()
    }

    /// How long a write waits.
    pub fn write_timeout(&self) -> Option<Duration> {
        self.0.write_timeout().get()
    }

    /// Whether small writes are sent at once (`TCP_NODELAY`) rather than gathered.
    ///
    /// # Errors
    ///
    /// As [`std::net::TcpStream::set_nodelay`].
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.socket().set_nodelay(nodelay)
    }

    /// See [`set_nodelay`](TcpStream::set_nodelay).
    ///
    /// # Errors
    ///
    /// As [`std::net::TcpStream::nodelay`].
    pub fn nodelay(&self) -> io::Result<bool> {
        self.socket().nodelay()
    }

    /// Sets the time-to-live of the packets.
    ///
    /// # Errors
    ///
    /// As [`std::net::TcpStream::set_ttl`].
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.socket().set_ttl(ttl)
    }

    /// The time-to-live of the packets.
    ///
    /// # Errors
    ///
    /// As [`std::net::TcpStream::ttl`].
    pub fn ttl(&self) -> io::Result<u32> {
        self.socket().ttl()
    }

    /// Takes the socket's pending error.
    ///
    /// # Errors
    ///
    /// As [`std::net::TcpStream::take_error`].
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket().take_error()
    }

    /// As `read`, for a future.
    pub fn poll_read(&self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        self.0.source().poll(cx, Direction::Read, |mut socket| {
            Ok(moved(socket.read(room)?, room.len()))
        })
    }

    /// As `write`, for a future.
    pub fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.poll_write(cx, bytes)
    }
}

impl active::Receive for TcpStream {
    fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        room: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_receive(cx, room)
    }
}

impl half::EndWriting for TcpStream {
    fn end_writing(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

super::stream::reads_and_writes!(TcpStream);

impl From<TcpListener> for OwnedFd {
    fn from(listener: TcpListener) -> OwnedFd {
        listener.into_std().into()
    }
}

impl From<TcpStream> for OwnedFd {
    fn from(stream: TcpStream) -> OwnedFd {
        stream.into_std().into()
    }
}

impl AsFd for TcpListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.source().as_fd()
    }
}

impl AsRawFd for TcpListener {
    fn as_raw_fd(&self) -> RawFd {
        self.0.source().as_raw_fd()
    }
}
