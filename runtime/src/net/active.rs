//! Active mode: a stream whose data come as messages.
//!
//! A stream set active is a process at rest, a behaviour, which reads for its controlling process and
//! sends it what it read. It reads only as much as it was told to: the next piece, or so many. So a
//! mailbox is never flooded, and the peer feels it when nobody asks for more. It is linked to its
//! controlling process, and watches it: it ends with it, whatever the reason.

use std::fmt;
use std::io::{self, IoSlice, Write};
use std::mem::{self, MaybeUninit};
use std::task::{Context, Poll};

use super::half::{self, EndWriting, ReadHalf, WriteHalf};
use crate::process::behaviour::{Behaviour, Cx, Next, Until};
use crate::signal::monitor::{Down, demonitor_flush, monitor};
use crate::{AnyMessage, ExitReason, Opaque, Pid, Ref, Spawn, SpawnError};

/// The most bytes of one message.
const PIECE: usize = 16 << 10;

/// How much an active stream reads before it must be told again. Mirrors `{active, once | N | false}`
/// of `inet:setopts/2`; an unbounded mode there is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Active {
    /// Nothing.
    Passive,
    /// One piece.
    Once,
    /// So many pieces, added to those that are left; then, of none at once, it says [`Passive`].
    Pieces(u16),
}

/// What an active stream has read: Erlang's `{tcp, Socket, Data}`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Data {
    /// The stream's process.
    pub stream: Pid,
    /// From 1 to 16384 bytes.
    pub bytes: Vec<u8>,
}

/// The peer has ended what it writes: Erlang's `{tcp_closed, Socket}`. The stream's process has ended;
/// what is written goes out still.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closed {
    /// The stream's process.
    pub stream: Pid,
}

/// The stream has failed: Erlang's `{tcp_error, Socket, Reason}`. Its process has ended.
#[derive(Debug)]
#[non_exhaustive]
pub struct Failed {
    /// The stream's process.
    pub stream: Pid,
    /// Why.
    pub error: io::Error,
}

/// The pieces of [`Active::Pieces`] are used up: Erlang's `{tcp_passive, Socket}`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Passive {
    /// The stream's process.
    pub stream: Pid,
}

/// A stream that is read by a process of its own: see [`TcpStream::activate`](super::TcpStream::activate).
/// Written to as any stream. Dropped, it is closed.
pub struct ActiveStream<S: Receive> {
    pid: Pid,
    write: Option<WriteHalf<S>>,
}

/// A stream that can be set active.
#[doc(hidden)]
pub trait Receive: EndWriting + fmt::Debug + Send + Sync + 'static {
    fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        room: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>>;
}

/// What the stream's process is told.
#[derive(Debug)]
enum Order {
    Set(Active),
    Control(Pid),
    Return { to: Pid, reference: Ref },
    Close,
}

/// Why a stream could not be taken back.
#[derive(Debug)]
#[non_exhaustive]
pub enum DeactivateError {
    /// It has ended: its [`Closed`] or [`Failed`] is in the mailbox.
    Ended,
}

struct Reader<S: Receive> {
    /// None once it was given back.
    read: Option<ReadHalf<S>>,
    owner: Pid,
    watch: Option<Ref>,
    /// Pieces to read; none after `Once`.
    left: u32,
    says_passive: bool,
}

pub(super) fn activate<S: Receive>(stream: S, mode: Active) -> Result<ActiveStream<S>, SpawnError> {
    let (read, write) = half::split(stream);
    let mut reader = Reader {
        read: Some(read),
        owner: crate::self_pid(),
        watch: None,
        left: 0,
        says_passive: false,
    };
    reader.set(mode);
    let spawned = Spawn::new().link().behaviour(reader)?;
    Ok(ActiveStream {
        pid: spawned.pid,
        write: Some(write),
    })
}

impl<S: Receive> ActiveStream<S> {
    /// The stream's process, as its messages name it.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Lets it read so much. Mirrors `inet:setopts(Socket, [{active, Mode}])`.
    pub fn set_active(&self, mode: Active) {
        crate::send(self.pid, Order::Set(mode));
    }

    /// Makes another process the one that is sent what is read, and with which the stream ends. What
    /// has been sent stays where it is. Mirrors `gen_tcp:controlling_process/2`.
    pub fn controlling_process(&self, pid: Pid) {
        crate::send(self.pid, Order::Control(pid));
    }

    /// The stream as it was, to be read by the caller. What was read before is in the controlling
    /// process's mailbox. A switch point.
    ///
    /// # Errors
    ///
    /// The stream has ended.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn deactivate(mut self) -> Result<S, DeactivateError> {
        let watch = monitor(self.pid);
        let order = Order::Return {
            to: crate::self_pid(),
            reference: watch,
        };
        crate::send(self.pid, order);
        let answer: Option<AnyMessage> = crate::receive_ref(watch, None, |message: &AnyMessage| {
            let returned = message.downcast_ref::<Returned<S>>();
            let down = message.downcast_ref::<Down>();
            returned.is_some_and(|returned| returned.reference == watch)
                || down.is_some_and(|down| down.monitor == watch)
        });
        let read = answer.and_then(|answer| answer.downcast::<Returned<S>>().ok());
        demonitor_flush(watch);
        match (read, self.write.take()) {
            (Some(returned), Some(write)) => match returned.read.0.reunite(write) {
                Ok(stream) => Ok(stream),
                Err(_) => unreachable!("both are halves of this stream"),
            },
            _ => Err(DeactivateError::Ended),
        }
    }

    fn writer(&mut self) -> &mut WriteHalf<S> {
        match &mut self.write {
            Some(write) => write,
            None => unreachable!("taken only by what consumes the stream"),
        }
    }
}

/// The half that was read, on its way back.
#[derive(Debug)]
struct Returned<S> {
    reference: Ref,
    read: Opaque<ReadHalf<S>>,
}

impl<S: Receive> Reader<S> {
    fn set(&mut self, mode: Active) {
        match mode {
            Active::Passive => self.left = 0,
            Active::Once => self.left = 1,
            Active::Pieces(more) => self.left = self.left.saturating_add(more.into()),
        }
        self.says_passive = matches!(mode, Active::Pieces(_));
    }

    /// The caller is linked to its owner, and watches it.
    fn serve(&mut self, owner: Pid) {
        if owner != self.owner {
            crate::unlink(self.owner);
            crate::link(owner);
            self.owner = owner;
            if let Some(watch) = self.watch.take() {
                demonitor_flush(watch);
            }
        }
        self.watch = Some(monitor(owner));
    }

    /// Does what it was told. Some: it ends.
    fn obey(&mut self, mail: AnyMessage) -> Option<Next> {
        match mail.downcast::<Order>() {
            Ok(Order::Set(mode)) => self.set(mode),
            Ok(Order::Control(pid)) => self.serve(pid),
            Ok(Order::Close) => return Some(Next::Exit(ExitReason::Normal)),
            Ok(Order::Return { to, reference }) => {
                if let Some(read) = self.read.take() {
                    let read = Opaque(read);
                    crate::send(to, Returned { reference, read });
                }
                return Some(Next::Exit(ExitReason::Normal));
            }
            Err(mail) => {
                let gone = mail
                    .downcast_ref::<Down>()
                    .is_some_and(|down| Some(down.monitor) == self.watch);
                return gone.then_some(Next::Exit(ExitReason::Normal));
            }
        }
        None
    }

    /// Sends its owner what there is. Some: it ends.
    fn read(&mut self, cx: &mut Cx<'_>) -> Option<Next> {
        let stream = crate::self_pid();
        let mut room = [const { MaybeUninit::<u8>::uninit() }; PIECE];
        while self.left > 0
            && let Some(read) = &self.read
        {
            let received = read.stream().poll_receive(&mut cx.context(), &mut room);
            match received {
                Poll::Pending => return None,
                Poll::Ready(Ok(0)) => crate::send(self.owner, Closed { stream }),
                Poll::Ready(Err(error)) => crate::send(self.owner, Failed { stream, error }),
                Poll::Ready(Ok(bytes)) => {
                    let bytes = super::stream::received(&room, bytes);
                    crate::send(self.owner, Data { stream, bytes });
                    self.left -= 1;
                    continue;
                }
            }
            return Some(Next::Exit(ExitReason::Normal));
        }
        if mem::take(&mut self.says_passive) {
            crate::send(self.owner, Passive { stream });
        }
        None
    }
}

impl<S: Receive> Behaviour for Reader<S> {
    fn wake(&mut self, cx: &mut Cx<'_>) -> Next {
        if cx.cause().start {
            self.serve(self.owner);
        }
        while let Some(mail) = cx.mail() {
            if let Some(end) = self.obey(mail) {
                return end;
            }
        }
        self.read(cx).unwrap_or(Next::Wait(Until::Forever))
    }
}

impl<S: Receive> Write for ActiveStream<S>
where
    for<'a> &'a S: Write,
{
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer().write(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.writer().write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer().flush()
    }
}

impl<S: Receive> Drop for ActiveStream<S> {
    fn drop(&mut self) {
        if self.write.is_some() {
            crate::send(self.pid, Order::Close);
        }
    }
}

impl<S: Receive> fmt::Debug for ActiveStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ActiveStream").field(&self.pid).finish()
    }
}

impl fmt::Display for DeactivateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the stream has ended")
    }
}

impl std::error::Error for DeactivateError {}
