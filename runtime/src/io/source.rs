//! A descriptor that a process can wait for, and the two ways to use it: blocking, and polled.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::reactor::Registered;
use super::registration::{Clear, Stored, Waiter};
use super::{AlreadyAwaited, Direction, NodeEnded, block};
use crate::node;
use crate::scheduler;

/// What one system call costs beyond the usual, in reductions: a turn has 64 of them.
const CALL: i32 = 31;
/// Bytes that cost a reduction: a turn moves half a megabyte.
const BYTES: usize = 256;

/// See the module's head. Dropped, it is deregistered, then closed.
pub(crate) struct Source<S> {
    registered: Registered,
    inner: S,
}

/// How much of what it could an operation has done.
pub(crate) enum Done<R> {
    /// Perhaps there is more to do at once.
    Whole(R),
    /// As many bytes as there were, and fewer than there was room for.
    Short(R),
}

impl<S: AsFd> Source<S> {
    /// Registers a descriptor, which does not block, with the caller's node; outside a process with
    /// the default node. It is taken to be ready until it says that it is not.
    ///
    /// # Errors
    ///
    /// The node cannot be started, or has ended; the system gives no descriptors, or no memory.
    pub(crate) fn new(inner: S) -> io::Result<Source<S>> {
        let registered = node::with_own(|node| {
            let registered = node.reactor()?.register(inner.as_fd())?;
            // All may sleep, and none of them in the poll.
            node.idle.rouse_watchdog();
            Ok(registered)
        })
        .unwrap_or_else(|| Err(io::Error::other("the default node could not be started")))?;
        Ok(Source { registered, inner })
    }

    #[inline]
    pub(crate) fn inner(&self) -> &S {
        &self.inner
    }

    /// Deregisters the descriptor, and gives it back.
    pub(crate) fn into_inner(self) -> S {
        drop(self.registered);
        self.inner
    }

    /// Waits, blocking the process, until the operation can be done, and does it. A switch point.
    ///
    /// # Errors
    ///
    /// The operation's; `TimedOut` when `timeout` is over; [`NodeEnded`], [`AlreadyAwaited`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn block<R>(
        &self,
        direction: Direction,
        timeout: Option<Duration>,
        mut operation: impl FnMut(&S) -> io::Result<Done<R>>,
    ) -> io::Result<R> {
        scheduler::tick();
        let mut until: Option<Instant> = None;
        loop {
            if let Some(done) = self.attempt(direction, &mut operation) {
                return done;
            }
            if until.is_none()
                && let Some(timeout) = timeout
            {
                // One that cannot be told is for ever.
                until = scheduler::now().checked_add(timeout);
            }
            block::until_ready(self.registered.registration(), direction, until)?;
        }
    }

    /// As [`block`](Source::block), for a future.
    pub(crate) fn poll<R>(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        mut operation: impl FnMut(&S) -> io::Result<Done<R>>,
    ) -> Poll<io::Result<R>> {
        if scheduler::is_spent(cx) {
            return Poll::Pending;
        }
        let registration = self.registered.registration();
        loop {
            if let Some(done) = self.attempt(direction, &mut operation) {
                return Poll::Ready(done);
            }
            if registration.is_stored(direction, cx.waker()) {
                if !registration.look().is_ready(direction) {
                    return Poll::Pending;
                }
                continue;
            }
            match registration.store(direction, Waiter::Future(cx.waker().clone())) {
                Stored::Waits => return Poll::Pending,
                Stored::Ready => {}
                Stored::Occupied => return Poll::Ready(Err(AlreadyAwaited.into())),
            }
        }
    }

    /// Does the operation if it can be done. None: it would block.
    fn attempt<R>(
        &self,
        direction: Direction,
        operation: &mut impl FnMut(&S) -> io::Result<Done<R>>,
    ) -> Option<io::Result<R>> {
        let registration = self.registered.registration();
        loop {
            let seen = registration.look();
            if !seen.is_ready(direction) {
                return None;
            }
            scheduler::spend(CALL);
            match operation(&self.inner) {
                Ok(Done::Whole(result)) => return Some(Ok(result)),
                Ok(Done::Short(result)) => {
                    registration.clear(seen, direction, Clear::Ready);
                    return Some(Ok(result));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if seen.has_ended() {
                        return Some(Err(NodeEnded.into()));
                    }
                    registration.clear(seen, direction, Clear::All);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// Spends the reductions of so many bytes, read into room for so many, and says whether that was
/// all there was.
#[inline]
pub(crate) fn moved(bytes: usize, room: usize) -> Done<usize> {
    scheduler::spend((bytes / BYTES).min(i32::MAX as usize) as i32);
    // An end is no short read: the next says so again.
    if bytes < room && bytes > 0 {
        Done::Short(bytes)
    } else {
        Done::Whole(bytes)
    }
}

impl<S: AsFd> AsFd for Source<S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

impl<S: AsFd> AsRawFd for Source<S> {
    fn as_raw_fd(&self) -> RawFd {
        self.inner.as_fd().as_raw_fd()
    }
}

impl<S: fmt::Debug> fmt::Debug for Source<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
