//! Keeps the workers on processors of their own.
//!
//! New threads begin on their parent's processor. And the system often wakes a thread on its
//! waker's processor beside an idle one: always in virtual machines whose idle processors look
//! taken (`vcpu_is_preempted`), elsewhere if the thread fell asleep just before. Then two workers
//! take turns on one processor, the woken one after milliseconds. So a worker notes where it runs
//! whenever it falls idle or wakes up; one that finds another awake there moves to a free
//! processor, and from then on sleeps bound to its own, so that it is woken there. Awake it is not
//! bound: the system may move it at any time.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};

use system::Set;

/// Where a worker runs; the cells are its own.
pub(crate) struct Processor {
    /// The processor that it ran on when it last looked, if it is awake.
    awake_on: AtomicU32,
    /// It was found on another's processor, and sleeps bound since then.
    binds: Cell<bool>,
    /// While it is bound: where it may run otherwise.
    allowed: Cell<Option<Set>>,
}

const NOWHERE: u32 = u32::MAX;

impl Processor {
    pub(crate) fn new() -> Processor {
        Processor {
            awake_on: AtomicU32::new(NOWHERE),
            binds: Cell::new(false),
            allowed: Cell::new(None),
        }
    }

    /// Owner: the calling thread is about to sleep.
    pub(crate) fn lie_down(&self) {
        let here = self.awake_on.swap(NOWHERE, Ordering::Relaxed);
        if self.binds.get()
            && here != NOWHERE
            && let Some(allowed) = Set::allowed()
            && Set::only(here).apply()
        {
            self.allowed.set(Some(allowed));
        }
    }

    /// Owner: the calling thread is awake. See [`settle`](Processor::settle).
    pub(crate) fn rise<'p>(&self, others: impl Iterator<Item = &'p Processor> + Clone) {
        if let Some(allowed) = self.allowed.take() {
            // If it is refused the thread stays bound until it next sleeps.
            allowed.apply();
        }
        self.settle(others);
    }

    /// Owner: the calling thread is awake after [`lie_down_polling`](Processor::lie_down_polling).
    pub(crate) fn rise_polling(&self) {
        let here = system::current().unwrap_or(NOWHERE);
        self.awake_on.store(here, Ordering::Relaxed);
    }

    /// Owner: the calling thread is about to sleep where input and output wake it, on the processor
    /// where that came; it sleeps too often, and too shortly, to be moved.
    pub(crate) fn lie_down_polling(&self) {
        self.awake_on.store(NOWHERE, Ordering::Relaxed);
    }

    /// Owner: notes where the calling thread runs. If one of the `others` does so too, the thread
    /// moves to a processor where none of them is; false if there is none.
    pub(crate) fn settle<'p>(&self, others: impl Iterator<Item = &'p Processor> + Clone) -> bool {
        let Some(here) = system::current() else {
            return true;
        };
        self.awake_on.store(here, Ordering::Relaxed);
        let taken = |processor: u32| {
            others
                .clone()
                .any(|other| other.awake_on.load(Ordering::Relaxed) == processor)
        };
        if !taken(here) {
            return true;
        }
        self.binds.set(true);
        let Some(allowed) = Set::allowed() else {
            return false;
        };
        let free = allowed.iter().find(|&processor| !taken(processor));
        match free {
            Some(processor) if Set::only(processor).apply() => {
                allowed.apply();
                self.awake_on.store(processor, Ordering::Relaxed);
                true
            }
            _ => false,
        }
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::mem;

    /// A set of processors.
    #[derive(Clone, Copy)]
    pub(super) struct Set(libc::cpu_set_t);

    /// The processor on which the calling thread runs.
    pub(super) fn current() -> Option<u32> {
        // SAFETY: it takes nothing.
        u32::try_from(unsafe { libc::sched_getcpu() }).ok()
    }

    impl Set {
        fn empty() -> Set {
            // SAFETY: a set is plain bits, for which zero is the empty set.
            Set(unsafe { mem::zeroed() })
        }

        pub(super) fn only(processor: u32) -> Set {
            let mut set = Set::empty();
            if processor < libc::CPU_SETSIZE as u32 {
                // SAFETY: within the set.
                unsafe { libc::CPU_SET(processor as usize, &mut set.0) };
            }
            set
        }

        /// Where the calling thread may run.
        pub(super) fn allowed() -> Option<Set> {
            let mut set = Set::empty();
            // SAFETY: the call fills the set, of which it is given the size.
            let result =
                unsafe { libc::sched_getaffinity(0, mem::size_of_val(&set.0), &raw mut set.0) };
            (result == 0).then_some(set)
        }

        /// Lets the calling thread run there and nowhere else. False: it is refused.
        pub(super) fn apply(&self) -> bool {
            // SAFETY: the call reads the set, of which it is given the size; it changes nothing
            // but the calling thread's own affinity.
            unsafe { libc::sched_setaffinity(0, mem::size_of_val(&self.0), &raw const self.0) == 0 }
        }

        pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
            (0..libc::CPU_SETSIZE as usize)
                // SAFETY: within the set.
                .filter(|&processor| unsafe { libc::CPU_ISSET(processor, &self.0) })
                .map(|processor| processor as u32)
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    /// Elsewhere threads are left where the system puts them.
    #[derive(Clone, Copy)]
    pub(super) struct Set;

    pub(super) fn current() -> Option<u32> {
        None
    }

    impl Set {
        pub(super) fn only(_: u32) -> Set {
            Set
        }

        pub(super) fn allowed() -> Option<Set> {
            None
        }

        pub(super) fn apply(&self) -> bool {
            false
        }

        pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
            std::iter::empty()
        }
    }
}
