//! The operating system's signals, as messages or awaited: SIGTERM and its like.
//!
//! A signal's handler writes to a socket pair, which the reactor watches; no thread waits for it. Not to be
//! confused with the signals between processes.
//!
//! Once a signal has been asked for, its default action no longer happens in this program, also when
//! nobody asks any more.

use std::fmt;
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use signal_hook::SigId;
use signal_hook::consts::FORBIDDEN;
use signal_hook::low_level::{pipe, unregister};

use crate::io::Direction;
use crate::io::source::{Done, Source};
use crate::process::behaviour::{Behaviour, Cx, Next, Until};
use crate::process::pid::Pid;
use crate::process::spawn::Spawn;
use crate::signal::monitor::{Down, monitor};
use crate::{ExitReason, send};

/// A signal of the operating system's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OsSignal {
    /// SIGTERM: the program is asked to end.
    Terminate,
    /// SIGINT: Ctrl-C.
    Interrupt,
    /// SIGHUP: the terminal has gone; for servers: read the configuration anew.
    Hangup,
    /// SIGQUIT.
    Quit,
    /// SIGUSR1.
    User1,
    /// SIGUSR2.
    User2,
    /// SIGWINCH: the terminal's size has changed.
    WindowChange,
    /// SIGCHLD: a child process has ended or stopped.
    Child,
    /// One by its number.
    Number(i32),
}

impl OsSignal {
    /// The signal's number.
    pub fn number(self) -> i32 {
        match self {
            OsSignal::Terminate => libc::SIGTERM,
            OsSignal::Interrupt => libc::SIGINT,
            OsSignal::Hangup => libc::SIGHUP,
            OsSignal::Quit => libc::SIGQUIT,
            OsSignal::User1 => libc::SIGUSR1,
            OsSignal::User2 => libc::SIGUSR2,
            OsSignal::WindowChange => libc::SIGWINCH,
            OsSignal::Child => libc::SIGCHLD,
            OsSignal::Number(number) => number,
        }
    }
}

/// Asks for a signal, from now on.
///
/// ```
/// use runtime::OsSignal;
///
/// # runtime::run(|| {
/// let mut terminate = runtime::os_signal(OsSignal::Terminate)?;
/// # let raise = || std::process::Command::new("kill").args([&std::process::id().to_string()]).status();
/// # raise()?;
/// terminate.wait()?;
/// println!("asked to end");
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
///
/// # Errors
///
/// `InvalidInput` for what cannot be handled (SIGKILL, SIGSTOP, SIGILL, SIGFPE, SIGSEGV) and for what is
/// no signal; the system's refusal of a descriptor.
pub fn os_signal(signal: OsSignal) -> io::Result<OsSignals> {
    let number = signal.number();
    if FORBIDDEN.contains(&number) || number <= 0 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("the signal {number} cannot be handled"),
        ));
    }
    let (read, write) = UnixStream::pair()?;
    read.set_nonblocking(true)?;
    let read = Source::new(read)?;
    let id = pipe::register(number, write)?;
    Ok(OsSignals { signal, id, read })
}

/// As [`os_signal`], as messages: each time the signal comes, the caller is sent it, an [`OsSignal`], by a
/// process at rest that ends with the caller. Those that come in quick succession may be one.
///
/// # Errors
///
/// As [`os_signal`]; and if the process cannot be spawned.
///
/// # Panics
///
/// Outside a process.
pub fn os_signal_messages(signal: OsSignal) -> io::Result<Pid> {
    let messenger = Messenger {
        signals: os_signal(signal)?,
        to: crate::self_pid(),
    };
    let spawned = Spawn::new().link().behaviour(messenger);
    spawned.map(|spawned| spawned.pid).map_err(io::Error::other)
}

/// A signal that was asked for, as often as it comes: see [`os_signal`]. Those that come in quick
/// succession may be one.
pub struct OsSignals {
    signal: OsSignal,
    id: SigId,
    read: Source<UnixStream>,
}

impl OsSignals {
    /// Waits for the signal; at once, if it has come since it was asked for, or last waited for. A
    /// switch point.
    ///
    /// # Errors
    ///
    /// Those of a socket, as [`NodeEnded`](crate::net::NodeEnded).
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn wait(&mut self) -> io::Result<()> {
        self.read.block(Direction::Read, None, take)
    }

    /// As [`wait`](OsSignals::wait), for a future.
    pub fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.read.poll(cx, Direction::Read, take)
    }
}

/// Takes all that was written: it is one signal.
fn take(mut read: &UnixStream) -> io::Result<Done<()>> {
    let mut room = [0; 64];
    let bytes = read.read(&mut room)?;
    if bytes < room.len() {
        Ok(Done::Short(()))
    } else {
        take(read).or(Ok(Done::Short(())))
    }
}

/// It has no end.
impl Stream for OsSignals {
    type Item = io::Result<OsSignal>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<OsSignal>>> {
        let signal = self.signal;
        self.poll_wait(cx)
            .map(|waited| Some(waited.map(|()| signal)))
    }
}

impl Drop for OsSignals {
    fn drop(&mut self) {
        unregister(self.id);
    }
}

impl fmt::Debug for OsSignals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OsSignals").field(&self.signal).finish()
    }
}

struct Messenger {
    signals: OsSignals,
    to: Pid,
}

impl Behaviour for Messenger {
    fn wake(&mut self, cx: &mut Cx<'_>) -> Next {
        if cx.cause().start {
            monitor(self.to);
        }
        while let Some(mail) = cx.mail() {
            if mail.is::<Down>() {
                return Next::Exit(ExitReason::Normal);
            }
        }
        loop {
            match self.signals.poll_wait(&mut cx.context()) {
                Poll::Pending => return Next::Wait(Until::Forever),
                Poll::Ready(Ok(())) => send(self.to, self.signals.signal),
                Poll::Ready(Err(error)) => {
                    return Next::Exit(ExitReason::other(error.to_string()));
                }
            }
        }
    }
}
