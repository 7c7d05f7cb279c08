//! Accepting connections: what TCP and Unix listeners have in common.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use super::stream::Timeout;
use crate::io::Direction;
use crate::io::source::{Done, Source};
use crate::process::wait::sleep;
use crate::report::report;

/// The first pause of a listener for which there is no descriptor.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// The longest.
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// A listening socket.
pub(super) struct Listener<S> {
    source: Source<S>,
    timeout: Timeout,
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
            let left = until.map(|until| until.saturating_duration_since(crate::now()));
            let accepted = self.source.block(Direction::Read, left, |socket| {
                accept(socket).map(Done::Whole)
            });
            match accepted {
                Err(error) if is_of_the_connection(&error) => {}
                Err(error) if is_shortage(&error) => {
                    if pause == FIRST_PAUSE {
                        self.report(&error);
                    }
                    let left = until.map(|until| until.saturating_duration_since(crate::now()));
                    if left.is_some_and(|left| left.is_zero()) {
                        return Err(error);
                    }
                    sleep(left.map_or(pause, |left| left.min(pause)));
                    pause = (2 * pause).min(LAST_PAUSE);
                }
                other => return other,
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
