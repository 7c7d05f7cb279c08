//! One descriptor's readiness, and who waits for it.
//!
//! Written by whoever polls; read by the process that uses the descriptor. Registrations are
//! type-stable: the poller looks at them while others register and deregister.
//!
//! ```text
//!   readiness   generation (32) | edges seen, modulo 2^24 | what is ready (8)
//! ```
//!
//! An operation looks at the readiness, makes its system call, and if that would block clears what
//! it saw, unless an edge has come since the look: then it tries again. What it then finds not
//! ready it waits for: it stores itself, and looks again. The poller raises the readiness, then takes
//! who is stored. Storing and taking are under one lock, so either the poller finds the waiter, or
//! the waiter's second look finds the edge.
//!
//! A read that fills less than it could has emptied the socket, and clears that it is ready too; but
//! not that it has ended: both may have come by one edge. Only the system says that there is
//! nothing left of an end or an error (`Clear::All`).

use std::mem;
use std::task::Waker;

use super::Direction;
use crate::loom::sync::atomic::{AtomicU64, Ordering};

/// What is ready, as bits of the readiness.
pub(crate) mod ready {
    pub(crate) const READ: u64 = 1;
    pub(crate) const WRITE: u64 = 1 << 1;
    /// Nothing more will come; a read returns at once.
    pub(crate) const READ_CLOSED: u64 = 1 << 2;
    /// A write fails at once.
    pub(crate) const WRITE_CLOSED: u64 = 1 << 3;
    /// The reactor has ended: nobody would be woken.
    pub(crate) const ENDED: u64 = 1 << 4;
}

const BITS: u64 = 0xff;
const EDGE: u64 = 1 << 8;
const EDGES: u64 = 0xff_ffff << 8;
const GENERATION_SHIFT: u32 = 32;

/// See the module's head.
pub(crate) struct Registration {
    readiness: AtomicU64,
    /// For each direction.
    waiters: lock::Lock<[Waiter; 2]>,
}

/// Who waits for a direction.
#[derive(Default)]
pub(crate) enum Waiter {
    /// Nobody.
    #[default]
    None,
    /// A future, which may be polled elsewhere next time, or have been dropped.
    Future(Waker),
    /// A call that blocks its process or thread, and takes itself out when it ends.
    Call(Waker),
}

/// The readiness at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen(u64);

/// What came of the wish to wait.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Stored {
    /// The waiter will be woken.
    Waits,
    /// There is something already; nobody is stored.
    Ready,
    /// Another call waits for the same.
    Occupied,
}

impl Direction {
    fn bits(self) -> u64 {
        match self {
            Direction::Read => ready::READ | ready::READ_CLOSED | ready::ENDED,
            Direction::Write => ready::WRITE | ready::WRITE_CLOSED | ready::ENDED,
        }
    }

    fn cleared(self, what: Clear) -> u64 {
        match (self, what) {
            (Direction::Read, Clear::Ready) => ready::READ,
            (Direction::Write, Clear::Ready) => ready::WRITE,
            (Direction::Read, Clear::All) => ready::READ | ready::READ_CLOSED,
            (Direction::Write, Clear::All) => ready::WRITE | ready::WRITE_CLOSED,
        }
    }
}

/// How much an operation has found not to be there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Clear {
    /// More than it got. What has ended stays ended.
    Ready,
    /// Anything: the system says that it would block.
    All,
}

impl Seen {
    /// Whether an operation of this direction may have something to do.
    #[inline]
    pub(crate) fn is_ready(self, direction: Direction) -> bool {
        self.0 & direction.bits() != 0
    }

    /// Whether the reactor has ended.
    #[inline]
    pub(crate) fn has_ended(self) -> bool {
        self.0 & ready::ENDED != 0
    }

    pub(crate) fn generation(self) -> u32 {
        (self.0 >> GENERATION_SHIFT) as u32
    }
}

impl Registration {
    pub(crate) fn new() -> Registration {
        Registration {
            readiness: AtomicU64::new(0),
            waiters: lock::Lock::new([Waiter::None, Waiter::None]),
        }
    }

    /// Begins a descriptor's life: all is taken to be ready. The caller has the registration alone.
    pub(crate) fn begin(&self) -> Seen {
        let word = self.readiness.load(Ordering::Relaxed) & !BITS | ready::READ | ready::WRITE;
        self.readiness.swap(word, Ordering::AcqRel);
        Seen(word)
    }

    /// Ends a descriptor's life: events that are still on their way are dropped. Returns who waited: their
    /// destructors are anybody's code.
    pub(crate) fn end(&self) -> [Waiter; 2] {
        let generation = self.look().generation().wrapping_add(1);
        let word = u64::from(generation) << GENERATION_SHIFT;
        self.readiness.swap(word, Ordering::AcqRel);
        [Direction::Read, Direction::Write].map(|direction| self.take(direction))
    }

    #[inline]
    pub(crate) fn look(&self) -> Seen {
        Seen(self.readiness.load(Ordering::Acquire))
    }

    /// After an operation that began at `seen`: that direction is no longer ready, unless an edge has
    /// come since.
    pub(crate) fn clear(&self, seen: Seen, direction: Direction, what: Clear) {
        let mut word = self.readiness.load(Ordering::Relaxed);
        // The other direction may be cleared meanwhile.
        while word & EDGES == seen.0 & EDGES {
            match self.readiness.compare_exchange_weak(
                word,
                word & !direction.cleared(what),
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
    }

    /// Poller: an edge has come for the descriptor of this generation; true if it is still that
    /// one's. None: whosever it is.
    pub(crate) fn raise(&self, generation: Option<u32>, bits: u64) -> bool {
        let mut word = self.readiness.load(Ordering::Relaxed);
        loop {
            if generation.is_some_and(|of| of != Seen(word).generation()) {
                return false;
            }
            let edges = word.wrapping_add(EDGE) & EDGES;
            let new = word & !EDGES | edges | bits;
            match self.readiness.compare_exchange_weak(
                word,
                new,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
    }

    /// Stores who waits for a direction, unless that is ready.
    ///
    /// A future replaces the future before it; it takes no call's place, and no call another's.
    pub(crate) fn store(&self, direction: Direction, waiter: Waiter) -> Stored {
        let mut waiters = self.waiters.lock();
        let place = &mut waiters[direction as usize];
        if matches!(place, Waiter::Call(_)) {
            // The lock goes before the waker that is not stored.
            drop(waiters);
            return Stored::Occupied;
        }
        let before = mem::replace(place, waiter);
        let ready = self.look().is_ready(direction);
        let unused = ready.then(|| mem::take(place));
        drop(waiters);
        // A waker's destructor is anybody's code.
        drop((before, unused));
        if ready { Stored::Ready } else { Stored::Waits }
    }

    /// Takes who waits for a direction.
    pub(crate) fn take(&self, direction: Direction) -> Waiter {
        mem::take(&mut self.waiters.lock()[direction as usize])
    }

    /// A call ends: it takes itself out, if nobody has.
    pub(crate) fn remove(&self, direction: Direction, waker: &Waker) {
        let place = &mut self.waiters.lock()[direction as usize];
        if matches!(place, Waiter::Call(stored) if stored.will_wake(waker)) {
            *place = Waiter::None;
        }
    }

    /// Whether this waker is stored already.
    pub(crate) fn is_stored(&self, direction: Direction, waker: &Waker) -> bool {
        let waiters = self.waiters.lock();
        matches!(&waiters[direction as usize], Waiter::Future(stored) if stored.will_wake(waker))
    }
}

impl Waiter {
    /// Wakes whoever it is.
    pub(crate) fn wake(self) {
        match self {
            Waiter::None => {}
            Waiter::Future(waker) | Waiter::Call(waker) => waker.wake(),
        }
    }
}

#[cfg(not(loom))]
const _: () = assert!(size_of::<Registration>() == 64);

#[cfg(not(loom))]
mod lock {
    pub(super) type Lock<T> = parking_lot::Mutex<T>;
}

#[cfg(loom)]
mod lock {
    pub(super) struct Lock<T>(loom::sync::Mutex<T>);

    impl<T> Lock<T> {
        pub(super) fn new(value: T) -> Lock<T> {
            Lock(loom::sync::Mutex::new(value))
        }

        pub(super) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(|poison| poison.into_inner())
        }
    }
}
