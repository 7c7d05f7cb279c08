//! Where one thread sleeps, and the word that says how.
//!
//! The word that the system sleeps on *is* the worker's state: there is no second variable that a
//! late writer could set for the wrong sleep. Only [`Parker`] knows the states; `idle` calls its
//! transitions. README.md beside this file has the protocol.
//!
//! ```text
//!              lie_down(Bed::Seated)                 notify
//!   RUNNING ------------------------> SLEEPING --------------> NOTIFIED
//!    ^  |      or Bed::Polling         |   |                     |
//!    |  |                              |   |                     |
//!    |  | lie_down(Bed::Aside)    rise |   | poke                |
//!    |  +-----------> ASIDE            |   v                     |
//!    |                |  |  poke       |  POKED                  |
//!    |                |  +-------------|--->|                    |
//!    +-------<--------+---------<------+-<--+---------<----------+   rise
//! ```
//!
//! One sleeper of a node may sleep in the poll (POLLING, otherwise as SLEEPING): it waits for input
//! and output as well, and an [`Alarm`] wakes it instead of the futex.
//!
//! Invariants: only the owner leaves or enters RUNNING; anybody may take SLEEPING to NOTIFIED, and
//! SLEEPING or ASIDE to POKED, once each; every change is a read-modify-write. Whoever makes a
//! change from outside owes the wake-up that goes with it; one that comes late hits at worst a
//! later sleep, which looks at the word, finds itself unchanged and goes on.

use std::sync::OnceLock;
use std::time::Duration;

use crate::loom::sync::atomic::{AtomicU32, Ordering};

/// The owner is awake. Everything it looks at before its next sleep is looked at after the word
/// has changed, so nobody needs to tell it anything.
const RUNNING: u32 = 0;
/// Asleep with a seat: woken by any work.
const SLEEPING: u32 = 1;
/// Asleep without a seat: woken by what concerns this worker alone.
const ASIDE: u32 = 2;
/// Woken to look for work; a place among the searchers is already taken in its name.
const NOTIFIED: u32 = 3;
/// Woken for something of its own (inbox, seat, shutdown).
const POKED: u32 = 4;
/// As SLEEPING, in the poll.
const POLLING: u32 = 5;

/// How a worker lies down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Bed {
    /// With its seat: general notifications may wake it.
    Seated = SLEEPING,
    /// Without a seat: only a poke wakes it.
    Aside = ASIDE,
    /// With its seat, and in the poll.
    Polling = POLLING,
}

/// Where one sleeper of a node waits for input and output too.
pub(crate) trait Poll {
    /// Waits until something comes, the [`Alarm`] is raised, or `timeout` is over. True: something
    /// came. It may return early.
    fn wait(&mut self, timeout: Option<Duration>) -> bool;
}

/// Ends the waiting of [`Poll::wait`], or of the next.
pub(crate) type Alarm = Box<dyn Fn() + Send + Sync>;

/// What had become of the word when the owner rose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Rose {
    /// Nobody had woken it: it saw something itself, or its time was up.
    Alone,
    /// It was notified: it is a searcher now.
    Notified,
    /// It was poked.
    Poked,
}

/// The state of one worker (or of the watchdog), and its bed. One cache line: others read it.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Parker {
    state: AtomicU32,
    sleeper: system::Sleeper,
}

impl Parker {
    /// A parker whose owner is awake.
    pub(crate) fn new() -> Self {
        Self {
            state: AtomicU32::new(RUNNING),
            sleeper: system::Sleeper::new(),
        }
    }

    /// Owner: announces a sleep. Until [`rise`](Self::rise) others may change the word.
    ///
    /// A barrier follows before the last look, and the count is released after this.
    pub(crate) fn lie_down(&self, bed: Bed) {
        // Release: who finds it in the poll finds the alarm.
        let was = self.state.swap(bed as u32, Ordering::Release);
        debug_assert_eq!(was, RUNNING, "a worker lies down twice");
    }

    /// Owner: blocks the thread while nobody has woken it. With a time-out it may return early
    /// (a signal, a late wake-up of an earlier sleep): the owner looks at its clock.
    pub(crate) fn wait(&self, bed: Bed, timeout: Option<Duration>) {
        self.sleeper.wait(&self.state, bed as u32, timeout);
    }

    /// As [`wait`](Self::wait), in the poll, and also until something comes there.
    pub(crate) fn wait_polling(&self, poll: &mut dyn Poll, timeout: Option<Duration>) {
        // Relaxed: `rise` acquires. A change after the load raises the alarm, which the poll sees.
        while self.state.load(Ordering::Relaxed) == POLLING {
            if poll.wait(timeout) || timeout.is_some() {
                return;
            }
        }
    }

    /// Owner: ends the sleep, however it went.
    ///
    /// Acquire, with the release of the waker: the owner sees at once what it was woken for. (Were it
    /// not so it would find it in its next last look.)
    pub(crate) fn rise(&self) -> Rose {
        match self.state.swap(RUNNING, Ordering::Acquire) {
            NOTIFIED => Rose::Notified,
            POKED => Rose::Poked,
            was => {
                debug_assert!(
                    matches!(was, SLEEPING | ASIDE | POLLING),
                    "a worker rises twice"
                );
                Rose::Alone
            }
        }
    }

    /// Anybody: whether a notification would find the owner asleep in its seat.
    pub(crate) fn is_notifiable(&self) -> bool {
        matches!(self.state.load(Ordering::Relaxed), SLEEPING | POLLING)
    }

    /// Anybody: whether the owner sleeps in the poll.
    pub(crate) fn is_polling(&self) -> bool {
        self.state.load(Ordering::Relaxed) == POLLING
    }

    /// Anybody: whether the owner has been woken, and is not up yet.
    pub(crate) fn is_woken(&self) -> bool {
        matches!(self.state.load(Ordering::Relaxed), NOTIFIED | POKED)
    }

    /// Anybody: wakes the owner to look for work, if it sleeps in its seat, and in that `bed`. True:
    /// it was this call that did it, and a place among the searchers passes to the owner.
    #[must_use]
    pub(crate) fn notify(&self, bed: Bed, alarm: &OnceLock<Alarm>) -> bool {
        let asleep = bed as u32;
        self.state.load(Ordering::Relaxed) == asleep && self.wake(asleep, NOTIFIED, alarm)
    }

    /// Anybody: wakes the owner if it sleeps, with a seat or without. The caller has made the reason
    /// visible and passed `barrier::light`.
    ///
    /// If the word changes between the load and the exchange, the owner has been up since, and its next
    /// last look sees the reason.
    pub(crate) fn poke(&self, alarm: &OnceLock<Alarm>) {
        let state = self.state.load(Ordering::Relaxed);
        if matches!(state, SLEEPING | ASIDE | POLLING) {
            self.wake(state, POKED, alarm);
        }
    }

    /// Wakes the owner, if it still sleeps as we saw it.
    fn wake(&self, asleep: u32, woken: u32, alarm: &OnceLock<Alarm>) -> bool {
        // Release: see `rise`. Acquire: the alarm, which may have been set since the caller began.
        // Relaxed on failure: it decides nothing.
        let did = self
            .state
            .compare_exchange(asleep, woken, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok();
        if !did {
            return false;
        }
        match alarm.get() {
            Some(alarm) if asleep == POLLING => alarm(),
            _ => self.sleeper.wake(&self.state),
        }
        true
    }
}

// On 32 bits the kernel's idea of a time-out and libc's may differ.
#[cfg(all(target_os = "linux", target_pointer_width = "64", not(loom)))]
mod system {
    use std::ptr;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    /// The futex needs nothing beside the word.
    #[derive(Debug)]
    pub(super) struct Sleeper;

    impl Sleeper {
        pub(super) const fn new() -> Self {
            Self
        }

        /// Sleeps while the word is `expected`; with a time-out, once.
        pub(super) fn wait(&self, word: &AtomicU32, expected: u32, timeout: Option<Duration>) {
            let timeout = timeout.map(timespec);
            let timeout_ptr = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
            // Relaxed: `Parker::rise` acquires.
            while word.load(Ordering::Relaxed) == expected {
                // SAFETY: the word outlives the call, the time-out is a local or null; the kernel
                // compares and sleeps in one step, so a change in between is not missed.
                unsafe {
                    libc::syscall(
                        libc::SYS_futex,
                        word.as_ptr(),
                        libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
                        expected,
                        timeout_ptr,
                    );
                }
                if timeout.is_some() {
                    return;
                }
            }
        }

        pub(super) fn wake(&self, word: &AtomicU32) {
            // SAFETY: the word lives as long as the node; one thread sleeps on it.
            unsafe {
                libc::syscall(
                    libc::SYS_futex,
                    word.as_ptr(),
                    libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG,
                    1,
                );
            }
        }
    }

    /// Saturates at what the kernel takes.
    fn timespec(duration: Duration) -> libc::timespec {
        libc::timespec {
            tv_sec: duration.as_secs().try_into().unwrap_or(libc::time_t::MAX),
            tv_nsec: duration.subsec_nanos().into(),
        }
    }
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64", not(loom))))]
mod system {
    use std::time::Duration;

    use crate::loom::sync::atomic::{AtomicU32, Ordering};
    use crate::loom::sync::{Condvar, Mutex};

    /// A lock that orders the look at the word with the sleep, as the kernel does for a futex.
    #[derive(Debug)]
    pub(super) struct Sleeper {
        lock: Mutex<()>,
        woken: Condvar,
    }

    impl Sleeper {
        pub(super) fn new() -> Self {
            Self {
                lock: Mutex::new(()),
                woken: Condvar::new(),
            }
        }

        /// Sleeps while the word is `expected`; with a time-out, once.
        pub(super) fn wait(&self, word: &AtomicU32, expected: u32, timeout: Option<Duration>) {
            let mut guard = self
                .lock
                .lock()
                .unwrap_or_else(|poison| poison.into_inner());
            while word.load(Ordering::Relaxed) == expected {
                match timeout {
                    None => {
                        guard = self
                            .woken
                            .wait(guard)
                            .unwrap_or_else(|poison| poison.into_inner())
                    }
                    // A model has no clock: a sleep with a time-out ends at once there, and that
                    // a wake-up comes first is another order of the same steps.
                    Some(_) if cfg!(loom) => return,
                    Some(timeout) => {
                        drop(self.woken.wait_timeout(guard, timeout));
                        return;
                    }
                }
            }
        }

        pub(super) fn wake(&self, _word: &AtomicU32) {
            // The word has changed. The sleeper has looked at it and waits, or will look at it.
            drop(self.lock.lock());
            self.woken.notify_one();
        }
    }
}
