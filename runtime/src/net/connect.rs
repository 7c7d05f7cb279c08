//! Connecting: to one address, or to the best of several.

use std::io;
use std::net::{self, SocketAddr};
use std::time::Duration;

use super::tcp::TcpStream;
use crate::io::Direction;
use crate::io::source::{Done, Source};

/// The first address with which `f` succeeds, or the last error.
pub(super) fn first<R>(
    addresses: &[SocketAddr],
    mut f: impl FnMut(SocketAddr) -> io::Result<R>,
) -> io::Result<R> {
    let mut last = None;
    for &address in addresses {
        match f(address) {
            Ok(done) => return Ok(done),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(no_address))
}

fn no_address() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "no address to go to")
}

/// Begins to connect.
fn begin(address: SocketAddr) -> io::Result<Source<net::TcpStream>> {
    let stream = mio::net::TcpStream::connect(address)?;
    Source::new(stream.into())
}

/// Whether an attempt has come to its end, as an operation on its socket.
fn connected(socket: &net::TcpStream) -> io::Result<Done<()>> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    match socket.peer_addr() {
        Ok(_) => Ok(Done::Whole(())),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => {
            Err(io::ErrorKind::WouldBlock.into())
        }
        Err(error) => Err(error),
    }
}

#[cfg_attr(debug_assertions, track_caller)]
pub(super) fn connect(
    addresses: &[SocketAddr],
    timeout: Option<Duration>,
) -> io::Result<TcpStream> {
    first(addresses, |address| {
        let source = begin(address)?;
        source.block(Direction::Write, timeout, connected)?;
        Ok(TcpStream::of(source))
    })
}
