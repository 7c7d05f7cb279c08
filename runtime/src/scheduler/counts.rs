//! How many sleep and how many search, in one word.
//!
//! One word, so that the hot path sees both at one moment with one load, that a worker goes from one
//! to the other in one step, and that all changes form one sequence, on which the proof in README.md
//! rests. Only this file knows the bits.
//!
//! ```text
//!   63      48 47        32 31        16 15         0
//!   [  unused ][   awake   ][ searchers ][ sleepers  ]
//! ```
//!
//! Called by `idle` alone.

use crate::loom::sync::atomic::{AtomicU64, Ordering};

/// One worker asleep with its seat: registered, not yet unregistered, perhaps woken already.
const SLEEPER: u64 = 1;
/// One worker that looks for work, or a notifier that is about to wake one.
const SEARCHER: u64 = 1 << 16;
/// One worker of any kind that does not sleep.
const AWAKE: u64 = 1 << 32;

/// The counts.
#[derive(Debug)]
pub(super) struct Counts(AtomicU64);

/// The counts at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen(u64);

impl Seen {
    pub(super) fn sleepers(self) -> usize {
        (self.0 & 0xffff) as usize
    }

    pub(super) fn searchers(self) -> usize {
        (self.0 >> 16 & 0xffff) as usize
    }

    pub(super) fn awake(self) -> usize {
        (self.0 >> 32 & 0xffff) as usize
    }

    /// Whether new work should wake somebody: one sleeps, and nobody looks already.
    #[inline]
    pub(super) fn wants_a_searcher(self) -> bool {
        self.sleepers() > 0 && self.searchers() == 0
    }

    fn has_last_searcher(self) -> bool {
        self.searchers() == 1
    }
}

/// What the lowering of the searcher count left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Lowered {
    /// Others still search: what was not notified is theirs to find.
    OthersSearch,
    /// It was the last: whatever was pushed meanwhile was not notified, and it answers for that.
    Last,
}

impl Counts {
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Relaxed: a hint; what makes it dependable is the barrier before it.
    #[inline]
    pub(super) fn load(&self) -> Seen {
        Seen(self.0.load(Ordering::Relaxed))
    }

    pub(super) fn enlist(&self) {
        self.0.fetch_add(AWAKE, Ordering::Relaxed);
    }

    pub(super) fn resign(&self) {
        self.0.fetch_sub(AWAKE, Ordering::Relaxed);
    }

    /// Relaxed: to be counted is a promise about what comes later; only the lowering is an event.
    pub(super) fn raise_search(&self) {
        self.0.fetch_add(SEARCHER, Ordering::Relaxed);
    }

    /// Becomes the one searcher in the name of a sleeper. False: `seen` is out of date.
    ///
    /// Acquire: the registrations counted here are seen in the idle set and in the states. (Were it
    /// not so the look after [`lower_search`](Self::lower_search) would find them.)
    #[must_use]
    pub(super) fn claim_search(&self, seen: Seen) -> bool {
        debug_assert!(seen.wants_a_searcher());
        self.0
            .compare_exchange(
                seen.0,
                seen.0 + SEARCHER,
                Ordering::Acquire,
                Ordering::Relaxed,
            )
            .is_ok()
    }

    /// Acquire: the registrations counted so far are seen by the look that follows.
    pub(super) fn lower_search(&self) -> Lowered {
        if Seen(self.0.fetch_sub(SEARCHER, Ordering::Acquire)).has_last_searcher() {
            Lowered::Last
        } else {
            Lowered::OthersSearch
        }
    }

    /// A worker with a seat lies down; a searcher stops searching in the same step.
    ///
    /// Release: the state and the place in the idle set, for those two.
    pub(super) fn fall_asleep(&self, searching: bool) {
        let change = AWAKE - SLEEPER + if searching { SEARCHER } else { 0 };
        self.0.fetch_sub(change, Ordering::Release);
    }

    /// A worker with a seat is up again, as a searcher or not. Returns what was before.
    ///
    /// Relaxed: whoever acts on it stands behind a barrier, and nothing is read by way of it.
    pub(super) fn wake_up(&self, becomes_searcher: bool) -> Seen {
        let change = AWAKE - SLEEPER + if becomes_searcher { SEARCHER } else { 0 };
        Seen(self.0.fetch_add(change, Ordering::Relaxed))
    }

    /// A worker without a seat lies down.
    ///
    /// Release: what it did, for [`all_asleep`](Self::all_asleep).
    pub(super) fn fall_asleep_aside(&self) {
        self.0.fetch_sub(AWAKE, Ordering::Release);
    }

    /// Whether everybody sleeps. Acquire: what they did before, for all changes are
    /// read-modify-writes.
    pub(super) fn all_asleep(&self) -> bool {
        Seen(self.0.load(Ordering::Acquire)).awake() == 0
    }

    /// A worker without a seat is up again, relaxed as above. Returns what was before.
    pub(super) fn wake_up_aside(&self) -> Seen {
        Seen(self.0.fetch_add(AWAKE, Ordering::Relaxed))
    }
}
