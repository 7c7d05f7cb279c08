//! Input and output: how a process waits for a descriptor.
//!
//! README.md beside this file has the invariants. `net` stands on [`source`]; the scheduler polls the
//! [`reactor`]; [`registration`] is what both meet at.

pub(crate) mod registration;

#[cfg(not(loom))]
mod block;
#[cfg(not(loom))]
pub(crate) mod reactor;
#[cfg(not(loom))]
pub(crate) mod source;

#[cfg(all(test, loom))]
mod models;

use std::fmt;
use std::io;

/// Of a descriptor: what is read from it, or what is written to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Read = 0,
    Write = 1,
}

/// The node on which a socket was made has ended: nobody can wait for it any more.
///
/// It is inside an [`io::Error`] of the kind [`Other`](io::ErrorKind::Other).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeEnded;

/// Another process waits for the same socket, in the same direction.
///
/// It is inside an [`io::Error`] of the kind [`ResourceBusy`](io::ErrorKind::ResourceBusy). A reader and
/// a writer do not meet; two readers take turns, or split what they read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AlreadyAwaited;

impl fmt::Display for NodeEnded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the node on which the socket was made has ended")
    }
}

impl fmt::Display for AlreadyAwaited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("another process waits for the same socket and direction")
    }
}

impl std::error::Error for NodeEnded {}
impl std::error::Error for AlreadyAwaited {}

impl From<NodeEnded> for io::Error {
    fn from(error: NodeEnded) -> io::Error {
        io::Error::other(error)
    }
}

impl From<AlreadyAwaited> for io::Error {
    fn from(error: AlreadyAwaited) -> io::Error {
        io::Error::new(io::ErrorKind::ResourceBusy, error)
    }
}
