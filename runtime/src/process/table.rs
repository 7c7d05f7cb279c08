//! The process table: one for the whole program.
//!
//! Slots lie in one reserved range of addresses that is made usable in steps and never given
//! back, so a lookup is an addition, and a stale pid is always safe to look up.
//!
//! Behind the range lies another, with what does not fit into a slot's two cache lines: the
//! [`parent_of`] each process.
//!
//! Free slots are kept by index: a [`Magazine`] for each worker, and a global store, through which
//! the workers balance.

use std::num::NonZeroU32;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

use parking_lot::Mutex;

use super::pid::Pid;
use super::slot::Slot;
use crate::magazine::{BATCH, Magazine};

/// The most slots there can be, where the address space suffices: 16 GiB of them.
pub(crate) const MAX: u32 = 1 << 27;
/// Slots made usable at once: 2 MiB.
const STEP: u32 = 1 << 14;
const STEP_BYTES: usize = STEP as usize * size_of::<Slot>();
/// What each slot takes of the second range.
const BESIDE: usize = size_of::<Parent>();

static BASE: AtomicPtr<Slot> = AtomicPtr::new(ptr::null_mut());
/// Where the second range begins.
static PARENTS: AtomicPtr<Parent> = AtomicPtr::new(ptr::null_mut());
/// Slots below this index were handed out at least once.
static USED: AtomicU32 = AtomicU32::new(0);
static STORE: Mutex<Store> = Mutex::new(Store {
    free: Vec::new(),
    usable: 0,
    limit: 0,
});

struct Store {
    /// Free slots, the hottest last.
    free: Vec<u32>,
    /// Slots below this index are usable memory.
    usable: u32,
    /// Slots below this index have addresses. 0: none are reserved yet.
    limit: u32,
}

/// The pid of who has spawned the process of a slot: generation and index; 0 is nobody's. Written by who
/// makes the process, read by who holds it.
type Parent = AtomicU64;

/// Why there is no slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// All of so many are in use.
    Table { limit: u32 },
    /// The system has refused so many bytes.
    Memory { bytes: usize },
}

/// The slot that a pid names, whatever process lives there now.
#[inline]
pub(crate) fn slot_of(pid: Pid) -> &'static Slot {
    // SAFETY: a pid is only made of the index of a slot that was handed out.
    unsafe { &*place_of(pid.index()) }
}

/// Whether the process lives: it has not ended, though it may be about to.
#[inline]
pub(crate) fn is_live(pid: Pid) -> bool {
    let slot = slot_of(pid);
    // In this order: an inbox that is open for the next process shows its generation as well.
    !slot.inbox.is_closed() && slot.inbox.takes(pid.generation())
}

/// The slot at an index below [`used`].
pub(crate) fn slot_at(index: u32) -> &'static Slot {
    assert!(index < used());
    // SAFETY: slots below `used` are usable memory.
    unsafe { &*place_of(index) }
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

/// Notes who spawns the process that is made in the slot, which is the caller's.
#[inline]
pub(crate) fn set_parent(slot: &Slot, parent: Option<Pid>) {
    let parent = parent.map_or(0, |pid| {
        u64::from(pid.generation()) << 32 | u64::from(pid.index())
    });
    parent_place(index_of(slot)).store(parent, Ordering::Relaxed);
}

/// Who has spawned the process of the slot, which the caller holds.
pub(crate) fn parent_of(slot: &Slot) -> Option<Pid> {
    let parent = parent_place(index_of(slot)).load(Ordering::Relaxed);
    let serial = NonZeroU32::new((parent >> 32) as u32)?;
    Some(Pid::new(parent as u32, serial))
}

#[inline]
fn parent_place(index: u32) -> &'static Parent {
    let place = PARENTS.load(Ordering::Relaxed).wrapping_add(index as usize);
    // SAFETY: the index is that of a slot that was handed out, so both ranges are usable there.
    unsafe { &*place }
}

/// Free slots of one owner, by index.
pub(crate) type List = Magazine<u32>;

/// A slot from the list, which is filled from the store if it is empty.
///
/// # Errors
///
/// There is none, and why.
#[inline]
pub(crate) fn acquire(free: &List) -> Result<&'static Slot, Full> {
    match free.pop(|ahead| prefetch(place_of(ahead))) {
        // SAFETY: the slots of a list were handed out.
        Some(index) => Ok(unsafe { &*place_of(index) }),
        None => refill(free),
    }
}

/// Returns a slot to the list; what is too much for it goes to the store.
#[inline]
pub(crate) fn release(free: &List, slot: &'static Slot) {
    let index = index_of(slot);
    if !free.push(index) {
        spill(free, BATCH);
        let pushed = free.push(index);
        debug_assert!(pushed);
    }
}

/// Returns all of a list to the store.
pub(crate) fn release_all(free: &List) {
    spill(free, usize::MAX);
}

#[cold]
fn spill(free: &List, most: usize) {
    let mut store = STORE.lock();
    free.spill(most, |index| store.free.push(index));
}

#[cold]
fn refill(free: &List) -> Result<&'static Slot, Full> {
    let mut store = STORE.lock();
    if store.free.is_empty() {
        let first = USED.load(Ordering::Relaxed);
        if store.limit == 0 {
            let (base, limit) = reserve(map)?;
            BASE.store(base, Ordering::Release);
            // Steps lie at multiples of their size, and so does this.
            PARENTS.store(base.wrapping_add(limit as usize).cast(), Ordering::Release);
            store.limit = limit;
        }
        if first == store.limit {
            return Err(Full::Table { limit: first });
        }
        if first == store.usable {
            make_usable(first)?;
            store.usable += STEP;
        }
        let fresh = first..first + BATCH as u32;
        for index in fresh.clone() {
            // SAFETY: below `usable`.
            unsafe { &*place_of(index) }.inbox.initialise(1);
        }
        // The lowest is to be used first.
        store.free.extend(fresh.rev());
        USED.store(first + BATCH as u32, Ordering::Release);
    }
    let keep = store.free.len().saturating_sub(BATCH);
    for index in store.free.drain(keep..) {
        let pushed = free.push(index);
        debug_assert!(pushed, "the list was empty");
    }
    drop(store);
    acquire(free)
}

/// Where the slot of an index lies.
#[inline]
fn place_of(index: u32) -> *const Slot {
    BASE.load(Ordering::Relaxed)
        .wrapping_add(index as usize)
        .cast_const()
}

/// Fetches a slot into the cache, to be written.
#[inline]
pub(crate) fn prefetch(slot: *const Slot) {
    crate::prefetch::line(slot);
    crate::prefetch::line(slot.wrapping_byte_add(64));
}

/// Reserves the table's addresses: where it begins, and how many slots it has room for.
///
/// Where the address space is limited (`RLIMIT_AS`) it takes less, and leaves at least as much to
/// the rest of the program.
fn reserve(map: impl Fn(u32, u32) -> Option<*mut Slot>) -> Result<(*mut Slot, u32), Full> {
    if let Some(base) = map(MAX, 0) {
        return Ok((base, MAX));
    }
    let mut slots = MAX / 2;
    while slots >= STEP {
        if let Some(base) = map(slots, slots) {
            return Ok((base, slots));
        }
        slots /= 2;
    }
    let bytes = 2 * STEP_BYTES;
    Err(Full::Memory { bytes })
}

/// Reserves addresses for so many slots, if there are some to `spare` for so many more.
fn map(slots: u32, spare: u32) -> Option<*mut Slot> {
    // Steps start at multiples of their size, so that each may be one huge page.
    let kept = STEP_BYTES + slots as usize * (size_of::<Slot>() + BESIDE);
    let spare = spare as usize * size_of::<Slot>();
    // SAFETY: a fresh mapping, that nothing else refers to.
    let base = unsafe {
        libc::mmap(
            ptr::null_mut(),
            kept + spare,
            libc::PROT_NONE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        )
    };
    if base == libc::MAP_FAILED {
        return None;
    }
    if spare > 0 {
        // SAFETY: the end of the mapping just made.
        unsafe { libc::munmap(base.wrapping_byte_add(kept), spare) };
    }
    let start = base.expose_provenance().next_multiple_of(STEP_BYTES);
    Some(ptr::with_exposed_provenance_mut(start))
}

fn make_usable(first: u32) -> Result<(), Full> {
    let step = place_of(first).cast_mut().cast::<libc::c_void>();
    let parents = PARENTS.load(Ordering::Relaxed).wrapping_add(first as usize);
    for (range, bytes) in [(parents.cast(), STEP as usize * BESIDE), (step, STEP_BYTES)] {
        // SAFETY: a range of our own reservation that is not in use yet.
        let result = unsafe { libc::mprotect(range, bytes, libc::PROT_READ | libc::PROT_WRITE) };
        if result != 0 {
            return Err(Full::Memory { bytes });
        }
    }
    #[cfg(target_os = "linux")]
    // SAFETY: as above; the advice changes no content. Where it is refused, pages stay small.
    unsafe {
        libc::madvise(step, STEP_BYTES, libc::MADV_HUGEPAGE)
    };
    Ok(())
}

#[cfg(test)]
mod tests;
