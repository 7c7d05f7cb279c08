//! The reactor of a node: one poll, whoever holds it, and the registrations.
//!
//! It has no thread of its own. A worker that falls asleep holds the poll and sleeps in it; busy
//! workers look in now and then; the watchdog when nobody has since it came last. What came is
//! handed to the processes by whoever polled, after it has got up.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Waker;
use std::time::Duration;

use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Events, Interest, Token};
use parking_lot::{Mutex, MutexGuard};
use slab::Slab;
use smallvec::SmallVec;

use super::Direction;
use super::registration::{Registration, Waiter, ready};
use crate::process::{exit, waker};
use crate::scheduler::park::Poll;

/// Events taken from the system at once.
const EVENTS: usize = 256;
/// The token of the alarm.
const ALARM: Token = Token(usize::MAX);
/// Registrations in a chunk, chunks in a page, pages: room for eight million descriptors.
const CHUNK: usize = 128;
const PAGE: usize = 256;
const PAGES: usize = 256;
/// A time-out that is shorter is waited for to the nanosecond; the poll itself counts milliseconds.
const FINE: Duration = Duration::from_millis(10);

/// See the module's head.
pub(crate) struct Reactor {
    /// The right to poll.
    poll: Mutex<Polled>,
    registry: mio::Registry,
    /// Which registrations are taken, and whether the reactor has ended.
    taken: Mutex<Taken>,
    registrations: [OnceLock<Page>; PAGES],
    /// How many descriptors are registered.
    count: AtomicUsize,
    /// The coarse time of the last look.
    looked: AtomicU64,
}

type Page = Box<[OnceLock<Box<[Registration]>>]>;

struct Polled {
    poll: mio::Poll,
    events: Events,
}

struct Taken {
    indexes: Slab<()>,
    ended: bool,
}

/// The poll, held by one thread.
pub(crate) struct Held<'r> {
    reactor: &'r Reactor,
    polled: MutexGuard<'r, Polled>,
}

/// A descriptor's place in the reactor. Dropped, it is deregistered.
pub(crate) struct Registered {
    reactor: Arc<Reactor>,
    index: u32,
    descriptor: i32,
}

impl Reactor {
    /// A reactor, and what wakes the one who sleeps in its poll.
    ///
    /// # Errors
    ///
    /// The system gives no descriptors.
    pub(crate) fn new() -> io::Result<(Reactor, mio::Waker)> {
        let poll = mio::Poll::new()?;
        let registry = poll.registry().try_clone()?;
        let waker = mio::Waker::new(&registry, ALARM)?;
        let reactor = Reactor {
            poll: Mutex::new(Polled {
                poll,
                events: Events::with_capacity(EVENTS),
            }),
            registry,
            taken: Mutex::new(Taken {
                indexes: Slab::new(),
                ended: false,
            }),
            registrations: [const { OnceLock::new() }; PAGES],
            count: AtomicUsize::new(0),
            looked: AtomicU64::new(0),
        };
        Ok((reactor, waker))
    }

    /// How many descriptors are registered.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether there is anything to poll for.
    #[inline]
    pub(crate) fn is_used(&self) -> bool {
        self.count() > 0
    }

    /// The poll, if nobody has it.
    pub(crate) fn try_hold(&self) -> Option<Held<'_>> {
        let polled = self.poll.try_lock()?;
        Some(Held {
            reactor: self,
            polled,
        })
    }

    /// When somebody last looked, by the node's clock.
    pub(crate) fn looked(&self) -> u64 {
        self.looked.load(Ordering::Relaxed)
    }

    /// Looks whether anything has come, and wakes the processes that it is for; unless somebody holds the
    /// poll, or nothing has.
    pub(crate) fn look(&self, now: u64) -> Option<Wakers> {
        let mut held = self.try_hold()?;
        let came = held.wait(Some(Duration::ZERO));
        let others = held.deliver(now);
        came.then_some(others)
    }

    /// Registers a descriptor, for both directions.
    ///
    /// # Errors
    ///
    /// The reactor's node has ended, or the system refuses.
    pub(crate) fn register(
        self: &Arc<Reactor>,
        descriptor: BorrowedFd<'_>,
    ) -> io::Result<Registered> {
        let descriptor = descriptor.as_raw_fd();
        let (index, seen) = {
            let mut taken = self.taken.lock();
            if taken.ended {
                return Err(super::NodeEnded.into());
            }
            let index = taken.indexes.vacant_key();
            if index >= CHUNK * PAGE * PAGES {
                return Err(io::Error::from_raw_os_error(libc::ENFILE));
            }
            taken.indexes.insert(());
            (index, self.make(index).begin())
        };
        let registered = Registered {
            reactor: Arc::clone(self),
            index: index as u32,
            descriptor,
        };
        self.count.fetch_add(1, Ordering::Relaxed);
        let token = Token(index | (seen.generation() as usize) << 32);
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.registry
            .register(&mut SourceFd(&descriptor), token, interest)?;
        Ok(registered)
    }

    /// The node has ended: nobody will poll. Whoever waits, or comes to wait, is told.
    pub(crate) fn end(&self) {
        let indexes: Vec<usize> = {
            let mut taken = self.taken.lock();
            taken.ended = true;
            taken.indexes.iter().map(|(index, ())| index).collect()
        };
        for index in indexes {
            if let Some(registration) = self.registration(index) {
                registration.raise(None, ready::ENDED);
                wake(registration, Direction::Read);
                wake(registration, Direction::Write);
            }
        }
    }

    /// Readies the registration of an event, and wakes the processes that wait for it; adds the wakers that are
    /// anybody's.
    fn deliver(&self, event: &Event, others: &mut Wakers) {
        let token = event.token();
        if token == ALARM {
            return;
        }
        let index = token.0 & u32::MAX as usize;
        let generation = (token.0 >> 32) as u32;
        let Some(registration) = self.registration(index) else {
            return;
        };
        let error = event.is_error();
        let bits = [
            (event.is_readable(), ready::READ),
            (event.is_writable(), ready::WRITE),
            (event.is_read_closed() || error, ready::READ_CLOSED),
            (event.is_write_closed() || error, ready::WRITE_CLOSED),
        ];
        let bits = bits
            .iter()
            .filter(|(is, _)| *is)
            .fold(0, |bits, (_, bit)| bits | bit);
        if !registration.raise(Some(generation), bits) {
            return;
        }
        let directions = [
            (ready::READ | ready::READ_CLOSED, Direction::Read),
            (ready::WRITE | ready::WRITE_CLOSED, Direction::Write),
        ];
        for (bit, direction) in directions {
            if bits & bit != 0 {
                match registration.take(direction) {
                    Waiter::Future(waker) if !waker::is_own(&waker) => others.0.push(waker),
                    waiter => waiter.wake(),
                }
            }
        }
    }

    fn registration(&self, index: usize) -> Option<&Registration> {
        let page = self.registrations.get(index / CHUNK / PAGE)?.get()?;
        let chunk = page[index / CHUNK % PAGE].get()?;
        Some(&chunk[index % CHUNK])
    }

    fn make(&self, index: usize) -> &Registration {
        let page = self.registrations[index / CHUNK / PAGE]
            .get_or_init(|| (0..PAGE).map(|_| OnceLock::new()).collect());
        let chunk = page[index / CHUNK % PAGE]
            .get_or_init(|| (0..CHUNK).map(|_| Registration::new()).collect());
        &chunk[index % CHUNK]
    }
}

/// Wakers that are anybody's code, which may block, perhaps for what only the next poll brings, or for what
/// only another worker runs. So they are called when nothing is held.
#[derive(Default)]
#[must_use = "somebody waits"]
pub(crate) struct Wakers(SmallVec<[Waker; 8]>);

impl Wakers {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn wake(self) {
        for waker in self.0 {
            let _ = exit::quietly(|| waker.wake());
        }
    }
}

/// Wakes who waits. A future's waker is anybody's code.
fn wake(registration: &Registration, direction: Direction) {
    let waiter = registration.take(direction);
    let _ = exit::quietly(|| waiter.wake());
}

// The events in hand are those of this holder: none are left to the next.
impl Held<'_> {
    /// Hands what came by `now` to the processes that it is for, and lets go of the poll; returns the other wakers.
    pub(crate) fn deliver(self, now: u64) -> Wakers {
        self.reactor.looked.store(now, Ordering::Relaxed);
        let mut others = Wakers::default();
        for event in &self.polled.events {
            self.reactor.deliver(event, &mut others);
        }
        others
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.polled.events.clear();
    }
}

impl Poll for Held<'_> {
    fn wait(&mut self, timeout: Option<Duration>) -> bool {
        let Polled { poll, events } = &mut *self.polled;
        let coarse = match timeout {
            Some(timeout) if timeout.is_zero() => timeout,
            Some(timeout) if timeout < FINE => {
                wait_precisely(poll, timeout);
                Duration::ZERO
            }
            // It comes again for the rest.
            Some(timeout) => timeout - FINE / 2,
            None => Duration::MAX,
        };
        let coarse = (coarse < Duration::MAX).then_some(coarse);
        // Interrupted, or refused: nothing came. The caller comes again.
        if poll.poll(events, coarse).is_err() {
            events.clear();
        }
        events.iter().any(|event| event.token() != ALARM)
    }
}

/// Waits until the poll has something, or the time is over.
#[cfg(target_os = "linux")]
fn wait_precisely(poll: &mio::Poll, timeout: Duration) {
    let mut descriptor = libc::pollfd {
        fd: poll.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    let timeout = libc::timespec {
        tv_sec: 0,
        tv_nsec: timeout.subsec_nanos().into(),
    };
    // SAFETY: one descriptor, which the poll owns; the time-out is a local, the mask is null.
    unsafe { libc::ppoll(&mut descriptor, 1, &timeout, std::ptr::null()) };
}

#[cfg(not(target_os = "linux"))]
fn wait_precisely(poll: &mio::Poll, timeout: Duration) {
    let mut descriptor = libc::pollfd {
        fd: poll.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    let milliseconds = timeout.as_micros().div_ceil(1000) as libc::c_int;
    // SAFETY: one descriptor, which the poll owns.
    unsafe { libc::poll(&mut descriptor, 1, milliseconds) };
}

impl Registered {
    #[inline]
    pub(crate) fn registration(&self) -> &Registration {
        match self.reactor.registration(self.index as usize) {
            Some(registration) => registration,
            None => unreachable!("made when it was registered"),
        }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        // It may have failed to be registered; and a closed one is deregistered by the system.
        let _ = self
            .reactor
            .registry
            .deregister(&mut SourceFd(&self.descriptor));
        let waiters = self.registration().end();
        self.reactor.count.fetch_sub(1, Ordering::Relaxed);
        self.reactor
            .taken
            .lock()
            .indexes
            .remove(self.index as usize);
        // Last: if one panics, nothing is left half done.
        drop(waiters);
    }
}
