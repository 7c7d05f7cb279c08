//! The process table: one for the whole program.
//!
//! Slots lie in one reserved range of addresses that is made usable in steps and never given
//! back, so a lookup is an addition, and a stale pid is always safe to look up.
//!
//! Free slots are kept in lists through their `link`: one per worker, used last in first out, so
//! that a slot is reused while it is in the cache; and a global store of whole lists, in
//! [`BATCH`]es, through which workers balance.

use std::cell::Cell;
use std::num::NonZeroU32;
use std::ptr::{self, NonNull};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use parking_lot::Mutex;

use super::pid::Pid;
use super::slot::Slot;

/// The most slots there can be: 16 GiB of them.
pub(crate) const MAX: u32 = 1 << 27;
/// Slots that change hands at once.
pub(crate) const BATCH: u32 = 64;
/// Slots made usable at once: 2 MiB.
const STEP: u32 = 1 << 14;

static BASE: AtomicPtr<Slot> = AtomicPtr::new(ptr::null_mut());
/// Slots below this index were handed out at least once.
static USED: AtomicU32 = AtomicU32::new(0);
static STORE: Mutex<Store> = Mutex::new(Store {
    lists: Vec::new(),
    usable: 0,
});

struct Store {
    lists: Vec<List>,
    /// Slots below this index are usable memory.
    usable: u32,
}

/// Why there is no slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// All of [`MAX`] are in use.
    Table,
    /// The system gives no more memory.
    Memory,
}

/// The slot that a pid names, whatever process lives there now.
#[inline]
pub(crate) fn slot_of(pid: Pid) -> &'static Slot {
    // SAFETY: a pid is only made of the index of a slot that was handed out.
    unsafe { &*BASE.load(Ordering::Relaxed).add(pid.index() as usize) }
}

/// The slot at an index below [`used`].
pub(crate) fn slot_at(index: u32) -> &'static Slot {
    assert!(index < used());
    // SAFETY: slots below `used` are usable memory.
    unsafe { &*BASE.load(Ordering::Relaxed).add(index as usize) }
}

/// One past the highest index in use so far.
pub(crate) fn used() -> u32 {
    USED.load(Ordering::Acquire)
}

#[inline]
pub(crate) fn index_of(slot: &Slot) -> u32 {
    let offset = ptr::from_ref(slot).addr() - BASE.load(Ordering::Relaxed).addr();
    (offset / size_of::<Slot>()) as u32
}

#[inline]
pub(crate) fn pid_of(slot: &Slot, generation: u32) -> Pid {
    // Slots start with generation 1.
    let serial = NonZeroU32::new(generation).unwrap_or(NonZeroU32::MIN);
    Pid::new(index_of(slot), serial)
}

/// Free slots, linked through `link`. The slots are the list's alone.
pub(crate) struct List {
    head: Cell<*const Slot>,
    count: Cell<u32>,
}

// SAFETY: the slots of a list are touched by its owner alone.
unsafe impl Send for List {}

impl List {
    pub(crate) const fn new() -> List {
        List {
            head: Cell::new(ptr::null()),
            count: Cell::new(0),
        }
    }

    #[inline]
    pub(crate) fn pop(&self) -> Option<&'static Slot> {
        let slot = NonNull::new(self.head.get().cast_mut())?;
        // SAFETY: slots live for ever, and this one is the list's.
        let slot: &'static Slot = unsafe { slot.as_ref() };
        self.head.set(slot.link.get());
        self.count.set(self.count.get() - 1);
        Some(slot)
    }

    #[inline]
    pub(crate) fn push(&self, slot: &'static Slot) {
        slot.link.set(self.head.get());
        self.head.set(slot);
        self.count.set(self.count.get() + 1);
    }

    #[inline]
    pub(crate) fn len(&self) -> u32 {
        self.count.get()
    }

    /// Takes about a batch off the list.
    fn split(&self) -> List {
        let batch = List::new();
        while batch.len() < BATCH {
            match self.pop() {
                Some(slot) => batch.push(slot),
                None => break,
            }
        }
        batch
    }
}

/// A slot from the list, which is filled from the store if it is empty.
///
/// # Errors
///
/// There is none, and why.
#[inline]
pub(crate) fn acquire(free: &List) -> Result<&'static Slot, Full> {
    match free.pop() {
        Some(slot) => Ok(slot),
        None => refill(free),
    }
}

/// Returns a slot to the list; what is too much for it goes to the store.
#[inline]
pub(crate) fn release(free: &List, slot: &'static Slot) {
    free.push(slot);
    if free.len() >= 4 * BATCH {
        STORE.lock().lists.push(free.split());
    }
}

/// Returns all of a list to the store.
pub(crate) fn release_all(free: &List) {
    while free.len() > 0 {
        STORE.lock().lists.push(free.split());
    }
}

#[cold]
fn refill(free: &List) -> Result<&'static Slot, Full> {
    let mut store = STORE.lock();
    if let Some(list) = store.lists.pop() {
        while let Some(slot) = list.pop() {
            free.push(slot);
        }
    } else {
        let first = USED.load(Ordering::Relaxed);
        if first == MAX {
            return Err(Full::Table);
        }
        if first == store.usable {
            make_usable(first)?;
            store.usable += STEP;
        }
        // The lowest index ends on top of the list.
        for index in (first..first + BATCH).rev() {
            // SAFETY: below `usable`.
            let slot: &'static Slot = unsafe { &*BASE.load(Ordering::Relaxed).add(index as usize) };
            slot.inbox.initialise(1);
            free.push(slot);
        }
        USED.store(first + BATCH, Ordering::Release);
    }
    free.pop().ok_or(Full::Table)
}

fn make_usable(first: u32) -> Result<(), Full> {
    static RESERVED: OnceLock<usize> = OnceLock::new();
    let bytes = STEP as usize * size_of::<Slot>();
    let base = *RESERVED.get_or_init(|| {
        let whole = MAX as usize * size_of::<Slot>();
        // SAFETY: a fresh mapping, that nothing else refers to.
        let base = unsafe {
            libc::mmap(
                ptr::null_mut(),
                whole + bytes,
                libc::PROT_NONE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return 0;
        }
        // Steps start at multiples of their size, so that each may be one huge page.
        base.expose_provenance().next_multiple_of(bytes)
    });
    if base == 0 {
        return Err(Full::Memory);
    }
    let step: *mut libc::c_void =
        ptr::with_exposed_provenance_mut(base + first as usize * size_of::<Slot>());
    // SAFETY: a range of our own reservation that is not in use yet.
    let result = unsafe { libc::mprotect(step, bytes, libc::PROT_READ | libc::PROT_WRITE) };
    if result != 0 {
        return Err(Full::Memory);
    }
    #[cfg(target_os = "linux")]
    // SAFETY: as above; the advice changes no content. Where it is refused, pages stay small.
    unsafe {
        libc::madvise(step, bytes, libc::MADV_HUGEPAGE)
    };
    BASE.store(ptr::with_exposed_provenance_mut(base), Ordering::Release);
    Ok(())
}
