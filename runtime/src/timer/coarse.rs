//! The coarse time: a precise reading published for all to load, and how stale it may have been.
//!
//! Called by [`Clock`](super::Clock) only. A receive with a time-out loads the published value and
//! takes it for its start: one load where a reading costs 25 ns. The value is at most the true
//! time, by how much the reader cannot know; so a timer that counts from it may be due early. When
//! the timer fires, [`bound`](Coarse::bound) tells by when at the latest the value was loaded.
//!
//! # States
//!
//! `value` is *running* (the newest published reading) or [`STOPPED`]. Nobody refreshes it while a
//! node sleeps; a value that stayed up for hours would make its bound worthless, so whoever lets
//! the node sleep stops the clock first. The next load then restarts it. Stopping at a wrong
//! moment costs a reading, and never makes a bound wrong. A clock that restarts within the grain in
//! which it was stopped publishes the same value again.
//!
//! # Why a bound holds
//!
//! All publications are made under the lock. One that replaces `c` by a later `c'`
//!
//! 1. stores `c'`; 2. passes a SeqCst fence; 3. reads the precise time `q`; 4. writes the lag
//!    `q - c` into the table; 5. raises `settled` above `c`.
//!
//! * A load that returns `c` was done before the store of `c'` was visible, by coherence. The
//!   fence puts 2 after that on every machine Rust runs on: the store has left the store buffer.
//!   So the load was done before `q` was read, and `q` bounds it. A processor may execute the load
//!   some nanoseconds before a reading of the clock that precedes it in the program;
//!   [`SLACK`] covers that.
//! * A `c` not below `settled` may be loaded still: its bound is the present. That is why stopping
//!   does 1 to 3 and only keeps the lag: 4 and 5 wait for the restart, and are left out if that
//!   brings `c` back. So no value is published after it was settled.
//! * `settled` is stored with release and loaded with acquire, so a reader that finds `c` below it
//!   finds the lag of `c` as well: in its bucket, where the lag only grows as long as the bucket
//!   serves the same era; or, when the bucket serves a later era by now, in `longest`, which only
//!   grows. Lag and era are one word, so that they are never mixed up, and the words need no order
//!   among themselves: relaxed is enough.
//! * Values never go back: they are published under one lock, none earlier than the one before, and
//!   the loads of one variable by one thread never go back.

use std::sync::{PoisonError, TryLockError};

use crate::loom::sync::atomic::{AtomicU64, Ordering, fence};
use crate::loom::sync::{Mutex, MutexGuard};

/// Published while nobody refreshes the value.
const STOPPED: u64 = u64::MAX;

/// Values with the same `value >> ERA_SHIFT` are of one era and share a bucket: 134 ms.
const ERA_SHIFT: u32 = if cfg!(loom) { 14 } else { 27 };
/// Eras that the table remembers: 275 s in 16 KiB.
const BUCKETS: usize = if cfg!(loom) { 2 } else { 2048 };

/// Added to every lag, in microseconds: what out-of-order execution may hide, and what rounding
/// to microseconds cuts off.
const SLACK: u64 = 2;
/// A lag too long for its 32 bits (71 minutes).
const TOO_LONG: u32 = u32::MAX;

/// Sixty-four bytes of its own, so that those who compete for it do not disturb the readers.
#[repr(align(64))]
struct Line<T>(T);

/// The published time and the lags of the values that were published before it.
///
/// `read` is in each method the precise clock. Its readings must not go back.
#[repr(align(64))]
pub(super) struct Coarse {
    value: AtomicU64,
    /// The lag of each value below this is known.
    settled: AtomicU64,
    /// The longest lag ever, in nanoseconds.
    longest: AtomicU64,
    /// By era: the era (upper half) and its longest lag in microseconds (lower half).
    lags: Box<[AtomicU64]>,
    /// Values are multiples of two to this power, in nanoseconds.
    grain: u32,
    /// What was published last. Its lock is the right to publish.
    newest: Line<Mutex<Newest>>,
}

struct Newest {
    time: u64,
    /// Set while the clock is stopped: the lag of `time` if it does not come back.
    stopped: Option<u64>,
}

impl Coarse {
    /// The time 0, running; values are multiples of 2^`grain` nanoseconds.
    pub(super) fn new(grain: u32) -> Coarse {
        Coarse {
            grain,
            value: AtomicU64::new(0),
            settled: AtomicU64::new(0),
            longest: AtomicU64::new(0),
            lags: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(),
            newest: Line(Mutex::new(Newest {
                time: 0,
                stopped: None,
            })),
        }
    }

    /// The published value: at most the true time, and never less than an earlier answer.
    #[inline]
    pub(super) fn get(&self, read: impl Fn() -> u64) -> u64 {
        let value = self.value.load(Ordering::Relaxed);
        if value == STOPPED {
            return self.restart(read);
        }
        value
    }

    /// Publishes the present, unless another thread is doing so. Returns the newest value.
    pub(super) fn refresh(&self, read: impl Fn() -> u64) -> u64 {
        match self.newest.0.try_lock() {
            Ok(newest) => self.publish(newest, read),
            Err(TryLockError::Poisoned(newest)) => self.publish(newest.into_inner(), read),
            Err(TryLockError::WouldBlock) => self.get(read),
        }
    }

    /// Stops the clock until the next [`refresh`](Coarse::refresh) or [`get`](Coarse::get), so
    /// that no value stays up while the node sleeps.
    pub(super) fn stop(&self, read: impl Fn() -> u64) {
        let mut newest = self.lock();
        if newest.stopped.is_none() {
            newest.stopped = Some(self.replace(newest.time, STOPPED, read));
        }
    }

    /// A time at or after which no [`get`](Coarse::get) has returned `value` to a caller that
    /// happens before this call.
    pub(super) fn bound(&self, value: u64, read: impl Fn() -> u64) -> u64 {
        // Acquire: the lag of a settled value was written before.
        if value >= self.settled.load(Ordering::Acquire) {
            return read();
        }
        let word = self.bucket(value).load(Ordering::Relaxed);
        let lag = match unpack(word) {
            (era, micros) if era == era_of(value) && micros != TOO_LONG => u64::from(micros) * 1000,
            _ => self.longest.load(Ordering::Relaxed),
        };
        let bound = value.saturating_add(lag);
        // The lag may be that of another value of the era, and reach into the future.
        if bound <= self.get(&read) {
            bound
        } else {
            bound.min(read())
        }
    }

    /// Sets the value to `to` if that is later: virtual time, which has no lags.
    pub(super) fn raise(&self, to: u64) -> u64 {
        // STOPPED is no time.
        let to = to.min(STOPPED - 1);
        self.value.fetch_max(to, Ordering::Relaxed).max(to)
    }

    /// Waits for whoever publishes at this moment: to answer before it has would let the value go
    /// back.
    #[cold]
    fn restart(&self, read: impl Fn() -> u64) -> u64 {
        let newest = self.lock();
        if newest.stopped.is_some() {
            self.publish(newest, read)
        } else {
            newest.time
        }
    }

    fn publish(&self, mut newest: MutexGuard<'_, Newest>, read: impl Fn() -> u64) -> u64 {
        let now = read() >> self.grain << self.grain;
        let old = newest.time;
        newest.time = old.max(now);
        match newest.stopped.take() {
            Some(lag) => {
                if now > old {
                    self.settle(old, lag);
                }
                self.value.store(newest.time, Ordering::Relaxed);
            }
            None if now > old => {
                let lag = self.replace(old, now, read);
                self.settle(old, lag);
            }
            None => {}
        }
        newest.time
    }

    /// Steps 1 to 3 of the module's text. Returns the lag of `old`.
    fn replace(&self, old: u64, next: u64, read: impl Fn() -> u64) -> u64 {
        self.value.store(next, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        read().saturating_sub(old)
    }

    /// Steps 4 and 5: `value` was loaded for no longer than `lag` nanoseconds. Under the lock.
    fn settle(&self, value: u64, lag: u64) {
        let micros = lag / 1000 + SLACK;
        // There is one writer at a time, so a load and a store do for a maximum.
        if micros * 1000 > self.longest.load(Ordering::Relaxed) {
            self.longest.store(micros * 1000, Ordering::Relaxed);
        }
        let bucket = self.bucket(value);
        let era = era_of(value);
        let mut micros = u32::try_from(micros).unwrap_or(TOO_LONG);
        let (old_era, old_micros) = unpack(bucket.load(Ordering::Relaxed));
        if old_era == era {
            micros = micros.max(old_micros);
        }
        bucket.store(pack(era, micros), Ordering::Relaxed);
        // Release: with the lag of `value`.
        self.settled.store(value + 1, Ordering::Release);
    }

    fn bucket(&self, value: u64) -> &AtomicU64 {
        &self.lags[era_of(value) as usize % BUCKETS]
    }

    fn lock(&self) -> MutexGuard<'_, Newest> {
        // Nothing under the lock leaves its state half done.
        self.newest.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wraps after 18 years, when the table has long forgotten the era's last namesake.
fn era_of(value: u64) -> u32 {
    (value >> ERA_SHIFT) as u32
}

fn pack(era: u32, micros: u32) -> u64 {
    u64::from(era) << 32 | u64::from(micros)
}

fn unpack(word: u64) -> (u32, u32) {
    ((word >> 32) as u32, word as u32)
}

#[cfg(all(test, loom))]
mod model;
#[cfg(all(test, not(loom)))]
mod tests;
