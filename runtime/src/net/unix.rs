//! Unix stream sockets.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::iter;
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::accept::Listener;
use super::active::{self, Active, ActiveStream};
use super::half::{self, ReadHalf, WriteHalf};
use super::stream::Stream;
use super::timeout;
use crate::SpawnError;
use crate::io::Direction;
use crate::io::source::{Source, moved};

/// Between two attempts at a listener whose backlog is full.
const BACKLOG_PAUSE: Duration = Duration::from_millis(1);

/// A Unix socket that listens, as [`std::os::unix::net::UnixListener`].
#[derive(Debug)]
pub struct UnixListener(Listener<net::UnixListener>);

/// A Unix stream, as [`std::os::unix::net::UnixStream`]. `&UnixStream` reads and writes as well.
///
/// ```
/// use runtime::net::UnixStream;
/// use runtime::prelude::*;
/// use std::io::{Read, Write};
///
/// # runtime::run(|| {
/// let (mut one, mut other) = UnixStream::pair()?;
/// spawn!(move || other.write_all(b"from one process to another"));
/// let mut text = String::new();
/// one.read_to_string(&mut text)?;
/// assert_eq!(text, "from one process to another");
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct UnixStream(Stream<net::UnixStream>);

impl UnixListener {
    /// Listens at a path, which must not exist.
    ///
    /// # Errors
    ///
    /// As [`std::os::unix::net::UnixListener::bind`].
    pub fn bind(path: impl AsRef<Path>) -> io::Result<UnixListener> {
        UnixListener::from_std(net::UnixListener::bind(path)?)
    }

    /// Listens at an address, which may have no path.
    ///
    /// # Errors
    ///
    /// As [`std::os::unix::net::UnixListener::bind_addr`].
    pub fn bind_addr(address: &SocketAddr) -> io::Result<UnixListener> {
        UnixListener::from_std(net::UnixListener::bind_addr(address)?)
    }

    /// A listener of `std`'s.
    ///
    /// # Errors
    ///
    /// The system refuses to make it non-blocking, or to watch it.
    pub fn from_std(listener: net::UnixListener) -> io::Result<UnixListener> {
        listener.set_nonblocking(true)?;
        Ok(UnixListener(Listener::new(Source::new(listener)?)))
    }

    /// The listener as `std`'s, non-blocking.
    pub fn into_std(self) -> net::UnixListener {
        self.0.into_source().into_inner()
    }

    /// Waits for a connection, as [`TcpListener::accept`](super::TcpListener::accept) does.
    ///
    /// # Errors
    ///
    /// As there.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        let (stream, peer) = self.0.accept(net::UnixListener::accept)?;
        Ok((UnixStream::from_std(stream)?, peer))
    }

    /// The connections as they come, for ever.
    pub fn incoming(&self) -> impl Iterator<Item = io::Result<UnixStream>> {
        iter::repeat_with(|| self.accept().map(|(stream, _)| stream))
    }

    /// As [`accept`](UnixListener::accept), for a future: pending, too, while the system is short of
    /// descriptors or memory. No time-out ends it.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(UnixStream, SocketAddr)>> {
        let accepted = self.0.poll_accept(cx, net::UnixListener::accept);
        accepted.map(|accepted| {
            let (stream, peer) = accepted?;
            Ok((UnixStream::from_std(stream)?, peer))
        })
    }

    /// Sets how long [`accept`](UnixListener::accept) waits; `None`: for ever.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is zero.
    pub fn set_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.0.timeout().set(timeout)
    }

    /// How long [`accept`](UnixListener::accept) waits.
    pub fn timeout(&self) -> Option<Duration> {
        self.0.timeout().get()
    }

    /// The address that it listens at.
    ///
    /// # Errors
    ///
    /// As [`std::os::unix::net::UnixListener::local_addr`].
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.source().inner().local_addr()
    }

    /// Another descriptor of the same socket: each connection comes to one of the listeners.
    ///
    /// # Errors
    ///
    /// As [`std::os::unix::net::UnixListener::try_clone`].
    pub fn try_clone(&self) -> io::Result<UnixListener> {
        UnixListener::from_std(self.0.source().inner().try_clone()?)
    }

    /// Takes the socket's pending error.
    ///
    /// # Errors
    ///
    /// As [`std::os::unix::net::UnixListener::take_error`].
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.source().inner().take_error()
    }
}

impl UnixStream {
    /// Connects to the listener at a path. A switch point: while the listener's backlog is full, it
    /// tries again.
    ///
    /// # Errors
    ///
    /// As [`std::os::unix::net::UnixStream::connect`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn connect(path: impl AsRef<Path>) -> io::Result<UnixStream> {
        UnixStream::connect_addr(&SocketAddr::from_pathname(path)?)
    }

    /// As [`connect`](UnixStream::connect), to an address, which may have no path.
    ///
    /// # Errors
    ///
    /// As [`std::os::unix::net::UnixStream::connect_addr`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn connect_addr(address: &SocketAddr) -> io::Result<UnixStream> {
        UnixStream::connect_until(address, None)
    }

    /// As [`connect`](UnixStream::connect), for `timeout` at most.
    ///
    /// # Errors
    ///
    /// `TimedOut`; `InvalidInput` if `timeout` is zero; as there.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn connect_timeout(path: impl AsRef<Path>, timeout: Duration) -> io::Result<UnixStream> {
        let until = timeout::until(timeout)?;
        UnixStream::connect_until(&SocketAddr::from_pathname(path)?, until)
    }

    #[cfg_attr(debug_assertions, track_caller)]
    fn connect_until(address: &SocketAddr, until: Option<Instant>) -> io::Result<UnixStream> {
        crate::tick();
        loop {
            match mio::net::UnixStream::connect_addr(address) {
                Ok(stream) => return UnixStream::registered(stream.into()),
                // The system has no event for room in the backlog.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let left = until.map(timeout::left);
                    if left.is_some_and(|left| left.is_zero()) {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                    crate::sleep(left.map_or(BACKLOG_PAUSE, |left| left.min(BACKLOG_PAUSE)));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Two that are connected to each other.
    ///
    /// # Errors
    ///
    /// As [`std::os::unix::net::UnixStream::pair`].
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let (one, other) = net::UnixStream::pair()?;
        Ok((UnixStream::from_std(one)?, UnixStream::from_std(other)?))
    }

    /// A stream of `std`'s.
    ///
    /// # Errors
    ///
    /// The system refuses to make it non-blocking, or to watch it.
    pub fn from_std(stream: net::UnixStream) -> io::Result<UnixStream> {
        stream.set_nonblocking(true)?;
        UnixStream::registered(stream)
    }

    fn registered(stream: net::UnixStream) -> io::Result<UnixStream> {
        Ok(UnixStream(Stream::new(Source::new(stream)?)))
    }

    /// The stream as `std`'s, non-blocking.
    pub fn into_std(self) -> net::UnixStream {
        self.0.into_source().into_inner()
    }

    fn socket(&self) -> &net::UnixStream {
        self.0.source().inner()
    }

    #[cfg(any(feature = "hyper", feature = "tokio-io"))]
    pub(super) fn shared(&self) -> &Stream<net::UnixStream> {
        &self.0
    }

    /// The two halves, which may go to two processes. When the half that is written is dropped, the
    /// peer reads the end.
    pub fn into_split(self) -> (ReadHalf<UnixStream>, WriteHalf<UnixStream>) {
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
    pub fn activate(self, mode: Active) -> Result<ActiveStream<UnixStream>, SpawnError> {
        active::activate(self, mode)
    }

    /// Another descriptor of the same stream.
    ///
    /// # Errors
    ///
    /// As [`std::os::unix::net::UnixStream::try_clone`].
    pub fn try_clone(&self) -> io::Result<UnixStream> {
        UnixStream::registered(self.socket().try_clone()?)
    }

    /// Ends one direction, or both.
    ///
    /// # Errors
    ///
    /// As [`std::os::unix::net::UnixStream::shutdown`].
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket().shutdown(how)
    }

    /// The peer's address.
    ///
    /// # Errors
    ///
    /// As [`std::os::unix::net::UnixStream::peer_addr`].
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket().peer_addr()
    }

    /// The stream's own address.
    ///
    /// # Errors
    ///
    /// As [`std::os::unix::net::UnixStream::local_addr`].
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket().local_addr()
    }

    /// Takes the socket's pending error.
    ///
    /// # Errors
    ///
    /// As [`std::os::unix::net::UnixStream::take_error`].
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket().take_error()
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

impl active::Receive for UnixStream {
    fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        room: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_receive(cx, room)
    }
}

impl half::EndWriting for UnixStream {
    fn end_writing(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

super::stream::reads_and_writes!(UnixStream);

impl From<UnixStream> for OwnedFd {
    fn from(stream: UnixStream) -> OwnedFd {
        stream.into_std().into()
    }
}

impl AsFd for UnixListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.source().as_fd()
    }
}

impl AsRawFd for UnixListener {
    fn as_raw_fd(&self) -> RawFd {
        self.0.source().as_raw_fd()
    }
}
