//! Accepting connections: what TCP and Unix listeners have in common.
//!
//! A listener for which the system has no descriptor waits, blocking or as a future: no edge will
//! come, and who tries again at once spins.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use parking_lot::Mutex;

use super::timeout::{self, Timeout};
use crate::future::sleep::{Sleep, sleep};
use crate::io::Direction;
use crate::io::source::{Done, Source};
use crate::process::wait;
use crate::report::report;

/// The first pause of a listener for which there is no descriptor.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// The longest.
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// A listening socket.
pub(super) struct Listener<S> {
    source: Source<S>,
    timeout: Timeout,
    /// Of a future that accepts; boxed, as few ever have one.
    pause: Mutex<Option<Box<Pause>>>,
}

/// A future waits for the system to have a descriptor again.
struct Pause {
    length: Duration,
    /// None: it is over, and what comes next has not been seen.
    sleep: Option<Sleep>,
}

/// What the system can be short of, and have again without an edge that says so.
fn is_shortage(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)
    )
}

/// The connection was lost before it was accepted: not the listener's trouble.
fn is_of_the_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

impl<S: AsFd> Listener<S> {
    pub(super) fn new(source: Source<S>) -> Listener<S> {
        Listener {
            source,
            timeout: Timeout::none(),
            pause: Mutex::new(None),
        }
    }

    pub(super) fn source(&self) -> &Source<S> {
        &self.source
    }

    pub(super) fn into_source(self) -> Source<S> {
        self.source
    }

    pub(super) fn timeout(&self) -> &Timeout {
        &self.timeout
    }

    /// Accepts a connection. While the system has no descriptor for it, it tries again after pauses.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(super) fn accept<R>(&self, accept: impl Fn(&S) -> io::Result<R>) -> io::Result<R> {
        let timeout = self.timeout.get();
        let until = timeout.and_then(|timeout| crate::now().checked_add(timeout));
        let mut pause = FIRST_PAUSE;
        loop {
            let left = until.map(timeout::left);
            let accepted = self.source.block(Direction::Read, left, |socket| {
                accept(socket).map(Done::Whole)
            });
            match accepted {
                Err(error) if is_of_the_connection(&error) => {}
                Err(error) if is_shortage(&error) => {
                    if pause == FIRST_PAUSE {
                        self.report(&error);
                    }
                    let left = until.map(timeout::left);
                    if left.is_some_and(|left| left.is_zero()) {
                        return Err(error);
                    }
                    wait::sleep(left.map_or(pause, |left| left.min(pause)));
                    pause = (2 * pause).min(LAST_PAUSE);
                }
                other => return other,
            }
        }
    }

    /// As [`accept`](Listener::accept), for a future. No time-out ends it.
    pub(super) fn poll_accept<R>(
        &self,
        cx: &mut Context<'_>,
        accept: impl Fn(&S) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        // Taken out: wakers are anybody's code, which runs under no lock.
        let mut pause = self.pause.lock().take();
        loop {
            if let Some(pausing) = &mut pause
                && let Some(sleep) = &mut pausing.sleep
            {
                if Pin::new(sleep).poll(cx).is_pending() {
                    *self.pause.lock() = pause;
                    return Poll::Pending;
                }
                pausing.sleep = None;
            }
            let accepted = self.source.poll(cx, Direction::Read, |socket| {
                accept(socket).map(Done::Whole)
            });
            match ready!(accepted) {
                Err(error) if is_of_the_connection(&error) => {}
                Err(error) if is_shortage(&error) => {
                    let length = match &pause {
                        Some(before) => (2 * before.length).min(LAST_PAUSE),
                        None => {
                            self.report(&error);
                            FIRST_PAUSE
                        }
                    };
                    let sleep = Some(sleep(length));
                    pause = Some(Box::new(Pause { length, sleep }));
                }
                other => return Poll::Ready(other),
            }
        }
    }

    fn report(&self, error: &io::Error) {
        report(|| {
            tracing::warn!(
                target: "runtime::net",
                listener = self.source.as_raw_fd(),
                error = %error,
                "a listener cannot accept: it tries again after pauses"
            )
        });
    }
}

impl<S: fmt::Debug> fmt::Debug for Listener<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}
