//! From a name to a stream of bytes.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_channel::oneshot;
use hyper::rt::{Read, ReadBufCursor, Write};
use runtime::Spawn;
use runtime::future::sleep;
use runtime::net::{TcpStream, UnixStream, lookup_host};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::error::Reason;
use crate::message::Protocol;
use crate::options::Opts;
use crate::tls::{self, TlsStream};

/// Where a connection goes.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

/// What it goes over.
pub(crate) enum Transport {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<TlsStream>),
}

impl Transport {
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match self {
            Transport::Tcp(stream) => stream.peer_addr().ok(),
            Transport::Tls(stream) => stream.tcp().peer_addr().ok(),
            Transport::Unix(_) => None,
        }
    }
}

/// Looks the host up and connects. May be dropped at any point.
pub(crate) async fn connect(target: Target, opts: Opts) -> Result<(Transport, Protocol), Reason> {
    match target {
        Target::Tcp { host, port } => {
            let found = look_up(host.clone(), port);
            let addresses = within(opts.domain_lookup_timeout, found).await??;
            let stream = within(opts.connect_timeout, TcpStream::connecting(&addresses)).await??;
            // Small requests are not to wait for more.
            stream.set_nodelay(true)?;
            let protocols = opts.spoken(port);
            if !opts.is_tls(port) {
                return Ok((Transport::Tcp(stream), protocols[0]));
            }
            let shaking = tls::handshake(&opts.tls, &protocols, host, stream);
            let stream = within(opts.tls_handshake_timeout, shaking).await??;
            let protocol = stream.protocol(&protocols);
            Ok((Transport::Tls(Box::new(stream)), protocol))
        }
        // The system answers at once.
        Target::Unix(path) => {
            let stream = UnixStream::connect(path)?;
            Ok((Transport::Unix(stream), opts.spoken(80)[0]))
        }
    }
}

/// In a process of its own, so that the connection can be told to end meanwhile.
async fn look_up(host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let (tell, told) = oneshot::channel();
    let looking = Spawn::new().label("gun: look-up").spawn(move || {
        // Nobody may wait for it any more.
        let _ = tell.send(lookup_host((host.as_str(), port)));
    });
    looking.map_err(io::Error::other)?;
    told.await.map_err(io::Error::other)?
}

async fn within<F: Future>(time: Option<Duration>, future: F) -> Result<F::Output, Reason> {
    let mut future = pin!(future);
    let mut deadline = time.map(sleep);
    std::future::poll_fn(|cx| {
        if let Poll::Ready(done) = future.as_mut().poll(cx) {
            return Poll::Ready(Ok(done));
        }
        match &mut deadline {
            Some(deadline) => Pin::new(deadline).poll(cx).map(|_| Err(Reason::Timeout)),
            None => Poll::Pending,
        }
    })
    .await
}

impl Read for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Transport::Tcp(stream) => Read::poll_read(Pin::new(stream), cx, buf),
            Transport::Unix(stream) => Read::poll_read(Pin::new(stream), cx, buf),
            Transport::Tls(stream) => Read::poll_read(Pin::new(stream), cx, buf),
        }
    }
}

impl Write for Transport {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Transport::Tcp(stream) => Write::poll_write(Pin::new(stream), cx, bytes),
            Transport::Unix(stream) => Write::poll_write(Pin::new(stream), cx, bytes),
            Transport::Tls(stream) => Write::poll_write(Pin::new(stream), cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Transport::Tcp(stream) => Write::poll_write_vectored(Pin::new(stream), cx, slices),
            Transport::Unix(stream) => Write::poll_write_vectored(Pin::new(stream), cx, slices),
            Transport::Tls(stream) => Write::poll_write_vectored(Pin::new(stream), cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        !matches!(self, Transport::Tls(_))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Transport::Tcp(stream) => Write::poll_flush(Pin::new(stream), cx),
            Transport::Unix(stream) => Write::poll_flush(Pin::new(stream), cx),
            Transport::Tls(stream) => Write::poll_flush(Pin::new(stream), cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Transport::Tcp(stream) => Write::poll_shutdown(Pin::new(stream), cx),
            Transport::Unix(stream) => Write::poll_shutdown(Pin::new(stream), cx),
            Transport::Tls(stream) => Write::poll_shutdown(Pin::new(stream), cx),
        }
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Transport::Tcp(stream) => AsyncRead::poll_read(Pin::new(stream), cx, buf),
            Transport::Unix(stream) => AsyncRead::poll_read(Pin::new(stream), cx, buf),
            Transport::Tls(stream) => stream.inner().poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Write::poll_write(self, cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Write::poll_write_vectored(self, cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        Write::is_write_vectored(self)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Write::poll_flush(self, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Write::poll_shutdown(self, cx)
    }
}
