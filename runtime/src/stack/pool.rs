//! The process-wide store of stacks: what no worker holds at the moment.
//!
//! The workers' caches take from it and give to it in batches, under one short lock for each class.
//! The most recently given stacks go out first, since their pages are likely to be warm. [`trim`]
//! gives the pages of those back that nobody wanted for a while.
//!
//! ```text
//!   Arena (never used) --guard--> Cache <--> dirty (pages resident)
//!                                   ^            | trim: cold ones, in ranges
//!                                   +---------- clean (no pages, guard stands)
//! ```

use std::cmp::Reverse;

use parking_lot::Mutex;

use super::arena::Arena;
use super::class::{self, Class};
use super::guard::Guards;
use super::{Stack, StackError};

/// The arenas of the program, one for each class. All nodes and workers share it.
static ARENAS: Arenas = Arenas::new(Guards::new());

/// Fresh or clean stacks handed out at once; each makes a page resident.
const FRESH: usize = 16;

/// Neighbours whose pages are dropped by one call. More would be no cheaper, and whoever maps memory
/// meanwhile waits for the call.
const AT_ONCE: usize = 256;

/// Everything that belongs to one class and lies with no worker.
struct Store {
    arena: Arena,
    /// Cut off, but a guard was refused.
    bare: Vec<Stack>,
    /// Used before, pages resident. The hottest is the last.
    dirty: Vec<Stack>,
    /// The fewest that lay in `dirty` at any time since the last trim: that many at its cold end
    /// were not wanted since.
    unwanted: usize,
    /// Stacks that a trim took from `dirty` and has not yet put into `clean`.
    in_trim: usize,
    /// Used before, pages given back.
    clean: Vec<Stack>,
}

/// Where stacks come from and go back to; see the module.
pub(crate) struct Arenas {
    guards: Guards,
    stores: [Mutex<Store>; class::COUNT],
}

/// How many stacks there are, and what they take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StackStats {
    /// Stacks that something stands on, and those hot in a worker's cache (at most 64 a size).
    pub in_use: usize,
    /// Stacks nobody uses, whose pages are resident.
    pub idle_dirty: usize,
    /// Stacks nobody uses, their pages given back.
    pub idle_clean: usize,
    /// Address space reserved, in bytes. It costs memory only where it is touched.
    pub bytes_mapped: usize,
}

impl Arenas {
    pub(super) const fn new(guards: Guards) -> Arenas {
        Arenas {
            guards,
            stores: [const {
                Mutex::new(Store {
                    arena: Arena::new(),
                    bare: Vec::new(),
                    dirty: Vec::new(),
                    unwanted: 0,
                    in_trim: 0,
                    clean: Vec::new(),
                })
            }; class::COUNT],
        }
    }

    /// The program's own.
    pub(crate) fn global() -> &'static Arenas {
        &ARENAS
    }

    /// Appends at least one stack to `to`, at most `most`; the one to be used first is the last.
    ///
    /// # Errors
    ///
    /// When no stack is idle and the system refuses a fresh one.
    pub(super) fn take(
        &self,
        class: Class,
        most: usize,
        to: &mut Vec<Stack>,
    ) -> Result<(), StackError> {
        let mut store = self.stores[class.position()].lock();
        if !store.dirty.is_empty() {
            let keep = store.dirty.len().saturating_sub(most);
            to.extend(store.dirty.drain(keep..));
            store.unwanted = store.unwanted.min(keep);
            return Ok(());
        }
        let most = most.min(FRESH);
        let old = to.len();
        if !store.clean.is_empty() {
            let keep = store.clean.len().saturating_sub(most);
            to.extend(store.clean.drain(keep..));
            drop(store);
            self.guards.warm(&to[old..]);
            return Ok(());
        }
        let mut fresh = if store.bare.is_empty() {
            store.arena.cut_off(class, most)?
        } else {
            let keep = store.bare.len().saturating_sub(most);
            store.bare.drain(keep..).collect()
        };
        drop(store);
        let (guarded, result) = self.guards.install(&fresh);
        if let Err(code) = result {
            let mut store = self.stores[class.position()].lock();
            store.bare.extend(fresh.drain(guarded..));
            if guarded == 0 {
                return Err(self.guards.error(code));
            }
        }
        self.guards.warm(&fresh);
        // The lowest address is used first.
        to.extend(fresh.into_iter().rev());
        Ok(())
    }

    /// Takes stacks of one class back, the hottest last.
    pub(super) fn give(&self, class: Class, stacks: impl Iterator<Item = Stack>) {
        self.stores[class.position()].lock().dirty.extend(stacks);
    }

    /// Gives back the pages of stacks that nobody wanted since the last call; see [`trim`].
    pub(super) fn trim(&self, keep: usize) -> usize {
        Class::all().map(|class| self.trim_class(class, keep)).sum()
    }

    fn trim_class(&self, class: Class, keep: usize) -> usize {
        let store = &self.stores[class.position()];
        let mut cold: Vec<Stack> = {
            let mut store = store.lock();
            let cold = store.dirty.len().saturating_sub(keep).min(store.unwanted);
            let cold: Vec<Stack> = store.dirty.drain(..cold).collect();
            store.unwanted = store.dirty.len();
            store.in_trim += cold.len();
            cold
        };
        // The highest address first, so that the lowest goes out first, as from an arena.
        cold.sort_unstable_by_key(|stack| Reverse(stack.bottom()));
        cold.chunk_by(|high, low| low.end() == high.bottom().as_ptr())
            .flat_map(|neighbours| neighbours.chunks(AT_ONCE))
            .for_each(drop_pages);
        let mut store = store.lock();
        let count = cold.len();
        store.in_trim -= count;
        store.clean.append(&mut cold);
        count
    }

    pub(super) fn trim_is_due(&self, keep: usize) -> bool {
        self.stores
            .iter()
            .any(|store| store.lock().dirty.len() > keep)
    }

    pub(super) fn stats(&self) -> StackStats {
        let mut stats = StackStats::default();
        for store in &self.stores {
            let store = store.lock();
            let dirty = store.dirty.len() + store.in_trim;
            let clean = store.clean.len() + store.bare.len();
            stats.in_use += store.arena.cut() - dirty - clean;
            stats.idle_dirty += dirty;
            stats.idle_clean += clean;
            stats.bytes_mapped += store.arena.mapped();
        }
        stats
    }
}

/// Drops the pages of stacks that lie side by side, the highest first; guards survive.
fn drop_pages(neighbours: &[Stack]) {
    let (Some(highest), Some(lowest)) = (neighbours.first(), neighbours.last()) else {
        return;
    };
    let start = lowest.bottom();
    let bytes = highest.end().addr() - start.addr().get();
    #[cfg(target_os = "linux")]
    let advice = libc::MADV_DONTNEED;
    // Elsewhere MADV_DONTNEED keeps the pages.
    #[cfg(not(target_os = "linux"))]
    let advice = libc::MADV_FREE;
    // SAFETY: the range consists of the given stacks, which are owned here and which nothing stands
    // on: what they hold is nobody's.
    unsafe {
        // The system refuses for memory locked by mlockall; then the pages stay, as they are meant to.
        libc::madvise(start.as_ptr().cast(), bytes, advice);
    }
}

/// Gives the pages of cold idle stacks back to the system, and returns how many stacks that were.
///
/// Cold is a stack that lay in the global pool during the whole time between two calls, and is not
/// among the `keep` hottest of its size. The watchdog calls it about once a second while
/// [`trim_is_due`]; two calls after a peak have cleaned all that the peak left behind.
pub(crate) fn trim(keep: usize) -> usize {
    ARENAS.trim(keep)
}

/// How many stacks the program has, and what they take.
pub(crate) fn stats() -> StackStats {
    ARENAS.stats()
}

/// Whether there are stacks for [`trim`] to look at: more than `keep` dirty ones of some size.
pub(crate) fn trim_is_due(keep: usize) -> bool {
    ARENAS.trim_is_due(keep)
}
