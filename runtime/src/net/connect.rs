//! Connecting: to one address, or to the best of several.
//!
//! As RFC 8305 has it: the families alternate, beginning with that of the first address; an attempt
//! that has not come to an end after a quarter of a second has the next beside it; one that fails has
//! the next at once. The first that connects wins, the others are closed.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::{self, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::tcp::TcpStream;
use super::timeout;
use crate::future::block_on::block_on;
use crate::future::sleep::{Sleep, sleep, sleep_until};
use crate::io::Direction;
use crate::io::source::{Done, Source};

/// RFC 8305's "connection attempt delay".
const DELAY: Duration = Duration::from_millis(250);

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

/// A connection to come: see [`TcpStream::connecting`].
#[must_use = "a future does nothing unless it is polled"]
pub struct Connecting {
    left: VecDeque<SocketAddr>,
    attempts: Vec<Source<net::TcpStream>>,
    /// Until the next attempt.
    delay: Option<Sleep>,
    error: Option<io::Error>,
}

impl Connecting {
    pub(super) fn to(addresses: &[SocketAddr]) -> Connecting {
        Connecting {
            left: alternate(addresses),
            attempts: Vec::new(),
            delay: None,
            error: None,
        }
    }

    /// Begins the next attempt. False: none is left.
    fn begin_next(&mut self) -> bool {
        while let Some(address) = self.left.pop_front() {
            match begin(address) {
                Ok(source) => {
                    self.attempts.push(source);
                    self.delay = (!self.left.is_empty()).then(|| sleep(DELAY));
                    return true;
                }
                Err(error) => self.error = Some(error),
            }
        }
        self.delay = None;
        false
    }

    /// Looks at what has been begun. Some: one has connected.
    fn look(&mut self, cx: &mut Context<'_>) -> Option<TcpStream> {
        let mut index = 0;
        while index < self.attempts.len() {
            match self.attempts[index].poll(cx, Direction::Write, connected) {
                Poll::Pending => index += 1,
                Poll::Ready(Ok(())) => return Some(TcpStream::of(self.attempts.remove(index))),
                Poll::Ready(Err(error)) => {
                    self.attempts.remove(index);
                    self.error = Some(error);
                    // The next does not wait.
                    self.begin_next();
                }
            }
        }
        None
    }
}

impl Future for Connecting {
    type Output = io::Result<TcpStream>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<TcpStream>> {
        loop {
            if self.attempts.is_empty() && !self.begin_next() {
                return Poll::Ready(Err(self.error.take().unwrap_or_else(no_address)));
            }
            if let Some(stream) = self.look(cx) {
                return Poll::Ready(Ok(stream));
            }
            if self.attempts.is_empty() {
                continue;
            }
            let time = match &mut self.delay {
                Some(delay) => Pin::new(delay).poll(cx),
                None => Poll::Pending,
            };
            if time.is_pending() {
                return Poll::Pending;
            }
            self.begin_next();
        }
    }
}

/// The addresses with the families alternating, each in its own order.
fn alternate(addresses: &[SocketAddr]) -> VecDeque<SocketAddr> {
    let Some(first) = addresses.first() else {
        return VecDeque::new();
    };
    let (mut same, mut other): (VecDeque<SocketAddr>, VecDeque<SocketAddr>) = addresses
        .iter()
        .copied()
        .partition(|address| address.is_ipv4() == first.is_ipv4());
    let mut all = VecDeque::new();
    while !same.is_empty() || !other.is_empty() {
        all.extend(same.pop_front());
        all.extend(other.pop_front());
    }
    all
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

/// Connects to the best of the addresses, until then at most.
#[cfg_attr(debug_assertions, track_caller)]
pub(super) fn connect(addresses: &[SocketAddr], until: Option<Instant>) -> io::Result<TcpStream> {
    if let [address] = addresses {
        let source = begin(*address)?;
        let left = until.map(timeout::left);
        source.block(Direction::Write, left, connected)?;
        return Ok(TcpStream::of(source));
    }
    let mut connecting = Connecting::to(addresses);
    let mut limit = until.map(sleep_until);
    block_on(poll_fn(|cx| {
        let connected = Pin::new(&mut connecting).poll(cx);
        match &mut limit {
            Some(limit) if connected.is_pending() => {
                let over = Pin::new(limit).poll(cx);
                over.map(|()| Err(io::ErrorKind::TimedOut.into()))
            }
            _ => connected,
        }
    }))
}

impl fmt::Debug for Connecting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connecting")
            .field("attempts", &self.attempts)
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_alternate() {
        // The first address decides which family begins; each keeps its own order.
        let all = ["[::1]:1", "[::1]:2", "[::1]:3", "1.1.1.1:1"].map(|it| it.parse().unwrap());
        let order: Vec<String> = alternate(&all).iter().map(ToString::to_string).collect();
        assert_eq!(order, ["[::1]:1", "1.1.1.1:1", "[::1]:2", "[::1]:3"]);
    }
}
