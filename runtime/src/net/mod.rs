//! Sockets that block the process, not its worker.
//!
//! The names, results and error kinds are those of [`std::net`] and [`std::os::unix::net`]; what
//! waits suspends the calling process, and only it. Every operation that may wait takes a time-out: by
//! a function of its own, or set on the socket as in `std`; when it is over the error is
//! [`TimedOut`](std::io::ErrorKind::TimedOut). A process that is killed while it waits ends at once.
//! Inside a guard, where a process may not wait, what would have to panics.
//!
//! A read or a write is a [switch point](crate#switch-points), and costs reductions by the call and by the byte, so
//! that a connection that never runs dry does not keep its neighbours waiting.
//!
//! One process may wait for each direction of a socket at a time: a second one is told so
//! ([`AlreadyAwaited`]). A reader and a writer may be two processes, each with its half
//! ([`TcpStream::into_split`]).
//!
//! A socket belongs to the node it was made on, and is closed when it is dropped: with the stack of
//! its process, however that ends. On a thread that is no process it belongs to the default node, and
//! blocks the thread.
//!
//! For futures each socket can be polled, and with the features `tokio-io` and `hyper` has those
//! crates' traits.

mod accept;
mod active;
mod address;
#[cfg(feature = "tokio-io")]
mod async_io;
mod connect;
mod half;
#[cfg(feature = "hyper")]
mod hyper_io;
mod stream;
mod tcp;
mod timeout;
mod udp;
mod unix;

pub use active::{Active, ActiveStream, Closed, Data, DeactivateError, Failed, Passive};
pub use address::{ToSocketAddrs, lookup_host, lookup_host_timeout};
pub use connect::Connecting;
pub use half::{ReadHalf, ReuniteError, WriteHalf};
pub use tcp::{TcpListener, TcpStream};
pub use udp::UdpSocket;
pub use unix::{UnixListener, UnixStream};

pub use crate::io::{AlreadyAwaited, NodeEnded};
