//! What bytes go over: a socket, a stream of HTTP/2's, TLS over either.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use h2::{RecvStream, SendStream};
use hyper::rt::{Read, ReadBufCursor, Write};
use runtime::future::{Sleep, sleep};
use runtime::net::{TcpStream, UnixStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::error::Reason;
use crate::tls::TlsStream;

pub(crate) enum Wire {
    Tcp(TcpStream, Patience),
    Unix(UnixStream, Patience),
    Tls(Box<TlsStream>),
    /// A stream of HTTP/2's that has become a tunnel, or a Websocket.
    Pipe(Box<Pipe>),
    /// What was read already goes before what is to be read.
    Ahead(Bytes, Box<Wire>),
}

impl Wire {
    pub(crate) fn tcp(stream: TcpStream, patience: Option<Duration>) -> Wire {
        Wire::Tcp(stream, Patience::new(patience))
    }

    pub(crate) fn unix(stream: UnixStream, patience: Option<Duration>) -> Wire {
        Wire::Unix(stream, Patience::new(patience))
    }

    pub(crate) fn pipe(sender: SendStream<Bytes>, receiver: RecvStream) -> Wire {
        Wire::Pipe(Box::new(Pipe {
            sender,
            receiver,
            rest: Bytes::new(),
        }))
    }

    /// With what was read from it already.
    pub(crate) fn ahead(self, read: Bytes) -> Wire {
        if read.is_empty() {
            self
        } else {
            Wire::Ahead(read, Box::new(self))
        }
    }

    /// Writes what it takes of these bytes now. True: it took some.
    pub(crate) fn take(
        &mut self,
        bytes: &mut impl Buf,
        cx: &mut Context<'_>,
    ) -> Result<bool, Reason> {
        let mut progress = false;
        while bytes.has_remaining() {
            match AsyncWrite::poll_write(Pin::new(self), cx, bytes.chunk()) {
                Poll::Pending => break,
                Poll::Ready(Ok(0)) => return Err(Reason::Closed),
                Poll::Ready(Ok(written)) => bytes.advance(written),
                Poll::Ready(Err(error)) => return Err(error.into()),
            }
            progress = true;
        }
        Ok(progress)
    }

    /// Has what it took sent on, as far as that can be done now.
    pub(crate) fn flush_some(&mut self, cx: &mut Context<'_>) -> Result<(), Reason> {
        match AsyncWrite::poll_flush(Pin::new(self), cx) {
            Poll::Ready(Err(error)) => Err(error.into()),
            Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
        }
    }

    /// The address at the other end of the socket below.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match self {
            Wire::Tcp(stream, _) => stream.peer_addr().ok(),
            Wire::Tls(stream) => stream.below().address(),
            Wire::Ahead(_, below) => below.address(),
            Wire::Unix(..) | Wire::Pipe(_) => None,
        }
    }
}

/// How long a peer may take nothing.
pub(crate) struct Patience {
    time: Option<Duration>,
    /// Runs while something waits to be taken.
    left: Option<Sleep>,
}

impl Patience {
    fn new(time: Option<Duration>) -> Patience {
        Patience { time, left: None }
    }

    /// Passes on what a write says, unless it was said for too long that it has to wait.
    fn with<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.left = None;
            return written;
        }
        let Some(time) = self.time else {
            return written;
        };
        let left = self.left.get_or_insert_with(|| sleep(time));
        match Pin::new(left).poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// A stream of HTTP/2's, as bytes both ways. What is read is given back to the stream's window when it was taken.
pub(crate) struct Pipe {
    sender: SendStream<Bytes>,
    receiver: RecvStream,
    rest: Bytes,
}

/// The most bytes that are put into a frame at once.
const FRAME: usize = 16 * 1024;

impl Pipe {
    fn poll_read(&mut self, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.rest.is_empty() {
            match ready!(self.receiver.poll_data(cx)) {
                None => return Poll::Ready(Ok(())),
                Some(Err(error)) => return Poll::Ready(Err(of_h2(error))),
                Some(Ok(data)) => self.rest = data,
            }
        }
        let taken = self.rest.split_to(self.rest.len().min(to.remaining()));
        to.put_slice(&taken);
        // The stream may have ended since: then nobody needs its window.
        let _ = self.receiver.flow_control().release_capacity(taken.len());
        Poll::Ready(Ok(()))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.sender.reserve_capacity(bytes.len().min(FRAME));
        match ready!(self.sender.poll_capacity(cx)) {
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            Some(Err(error)) => Poll::Ready(Err(of_h2(error))),
            Some(Ok(room)) => {
                let piece = &bytes[..room.min(bytes.len())];
                let sent = self.sender.send_data(Bytes::copy_from_slice(piece), false);
                sent.map_err(of_h2)?;
                Poll::Ready(Ok(piece.len()))
            }
        }
    }

    fn shutdown(&mut self) -> io::Result<()> {
        // It may have ended already, with what the reader is told.
        let _ = self.sender.send_data(Bytes::new(), true);
        Ok(())
    }
}

/// What h2 says, so that what it is can be found again.
fn of_h2(error: h2::Error) -> io::Error {
    if error.is_io() {
        error
            .into_io()
            .unwrap_or_else(|| io::ErrorKind::BrokenPipe.into())
    } else {
        io::Error::other(error)
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Tcp(stream, _) => AsyncRead::poll_read(Pin::new(stream), cx, to),
            Wire::Unix(stream, _) => AsyncRead::poll_read(Pin::new(stream), cx, to),
            Wire::Tls(stream) => stream.inner().poll_read(cx, to),
            Wire::Pipe(pipe) => pipe.poll_read(cx, to),
            Wire::Ahead(read, below) => {
                if read.is_empty() {
                    return AsyncRead::poll_read(Pin::new(below.as_mut()), cx, to);
                }
                let taken = read.len().min(to.remaining());
                to.put_slice(&read[..taken]);
                read.advance(taken);
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Wire::Tcp(stream, patience) => {
                let written = AsyncWrite::poll_write(Pin::new(stream), cx, bytes);
                patience.with(cx, written)
            }
            Wire::Unix(stream, patience) => {
                let written = AsyncWrite::poll_write(Pin::new(stream), cx, bytes);
                patience.with(cx, written)
            }
            Wire::Tls(stream) => stream.inner().poll_write(cx, bytes),
            Wire::Pipe(pipe) => pipe.poll_write(cx, bytes),
            Wire::Ahead(_, below) => AsyncWrite::poll_write(Pin::new(below.as_mut()), cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Wire::Tcp(stream, patience) => {
                let written = AsyncWrite::poll_write_vectored(Pin::new(stream), cx, slices);
                patience.with(cx, written)
            }
            Wire::Unix(stream, patience) => {
                let written = AsyncWrite::poll_write_vectored(Pin::new(stream), cx, slices);
                patience.with(cx, written)
            }
            Wire::Ahead(_, below) => {
                AsyncWrite::poll_write_vectored(Pin::new(below.as_mut()), cx, slices)
            }
            other @ (Wire::Tls(_) | Wire::Pipe(_)) => {
                let first = slices.iter().find(|slice| !slice.is_empty());
                let bytes = first.map_or(&[][..], |slice| slice);
                AsyncWrite::poll_write(Pin::new(other), cx, bytes)
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Wire::Tcp(..) | Wire::Unix(..) => true,
            Wire::Tls(_) | Wire::Pipe(_) => false,
            Wire::Ahead(_, below) => AsyncWrite::is_write_vectored(below.as_ref()),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Tcp(stream, _) => AsyncWrite::poll_flush(Pin::new(stream), cx),
            Wire::Unix(stream, _) => AsyncWrite::poll_flush(Pin::new(stream), cx),
            Wire::Tls(stream) => stream.inner().poll_flush(cx),
            // h2 sends by itself.
            Wire::Pipe(_) => Poll::Ready(Ok(())),
            Wire::Ahead(_, below) => AsyncWrite::poll_flush(Pin::new(below.as_mut()), cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Tcp(stream, _) => AsyncWrite::poll_shutdown(Pin::new(stream), cx),
            Wire::Unix(stream, _) => AsyncWrite::poll_shutdown(Pin::new(stream), cx),
            Wire::Tls(stream) => stream.inner().poll_shutdown(cx),
            Wire::Pipe(pipe) => Poll::Ready(pipe.shutdown()),
            Wire::Ahead(_, below) => AsyncWrite::poll_shutdown(Pin::new(below.as_mut()), cx),
        }
    }
}

/// A wire with hyper's traits. Who is woken for it is not whoever polls hyper: so they are told apart.
pub(crate) struct ForHyper {
    wire: Wire,
    waker: Waker,
    /// Where bytes are read to that do not come from a socket: hyper's own room may not be initialised, tokio's must
    /// be, here.
    room: Box<[u8]>,
}

impl ForHyper {
    pub(crate) fn new(wire: Wire, waker: Waker) -> ForHyper {
        ForHyper {
            wire,
            waker,
            room: Box::default(),
        }
    }

    pub(crate) fn into_inner(self) -> Wire {
        self.wire
    }

    /// The wire, and what it is polled with.
    fn polled(&mut self) -> (Pin<&mut Wire>, Context<'_>) {
        let cx = Context::from_waker(&self.waker);
        (Pin::new(&mut self.wire), cx)
    }
}

impl Read for ForHyper {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut to: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let cx = &mut Context::from_waker(&this.waker);
        match &mut this.wire {
            Wire::Tcp(stream, _) => Read::poll_read(Pin::new(stream), cx, to),
            Wire::Unix(stream, _) => Read::poll_read(Pin::new(stream), cx, to),
            other => {
                if this.room.is_empty() {
                    this.room = vec![0; FRAME].into_boxed_slice();
                }
                let wanted = this.room.len().min(to.remaining());
                let mut read = ReadBuf::new(&mut this.room[..wanted]);
                ready!(AsyncRead::poll_read(Pin::new(other), cx, &mut read))?;
                to.put_slice(read.filled());
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl Write for ForHyper {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let (wire, cx) = &mut self.get_mut().polled();
        AsyncWrite::poll_write(wire.as_mut(), cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let (wire, cx) = &mut self.get_mut().polled();
        AsyncWrite::poll_write_vectored(wire.as_mut(), cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.wire.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (wire, cx) = &mut self.get_mut().polled();
        AsyncWrite::poll_flush(wire.as_mut(), cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (wire, cx) = &mut self.get_mut().polled();
        AsyncWrite::poll_shutdown(wire.as_mut(), cx)
    }
}
