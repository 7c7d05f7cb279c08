//! Keeps the workers on processors of their own.
//!
//! New threads begin on their parent's processor, and a thread that is woken just after it fell
//! asleep is often placed on its waker's: then two workers take turns on one processor beside an
//! idle one, for as long as both are short of work. So a worker notes where it runs whenever it
//! falls idle or wakes up, and one that finds another awake on its processor moves to a free one.
//! It is not pinned: the system may move it at any time.

use std::sync::atomic::{AtomicU32, Ordering};

/// The processor that a worker ran on when it last looked.
#[derive(Debug)]
pub(crate) struct Processor(AtomicU32);

const UNKNOWN: u32 = u32::MAX;

impl Processor {
    pub(crate) fn new() -> Processor {
        Processor(AtomicU32::new(UNKNOWN))
    }

    /// The calling thread falls asleep, and leaves its processor to others.
    pub(crate) fn leave(&self) {
        self.0.store(UNKNOWN, Ordering::Relaxed);
    }

    /// Notes where the calling thread runs. If one of the `others` does so too, the thread moves to
    /// a processor where none of them is; false if there is none.
    pub(crate) fn settle<'p>(&self, others: impl Iterator<Item = &'p Processor> + Clone) -> bool {
        let Some(here) = current() else { return true };
        self.0.store(here, Ordering::Relaxed);
        let taken = |processor: u32| {
            others
                .clone()
                .any(|other| other.0.load(Ordering::Relaxed) == processor)
        };
        if !taken(here) {
            return true;
        }
        match move_to_first(|processor| !taken(processor)) {
            Some(processor) => {
                self.0.store(processor, Ordering::Relaxed);
                true
            }
            None => false,
        }
    }
}

#[cfg(target_os = "linux")]
fn current() -> Option<u32> {
    // SAFETY: it takes nothing.
    u32::try_from(unsafe { libc::sched_getcpu() }).ok()
}

/// Moves the calling thread to the first processor, among those that it may use, that is `free`.
#[cfg(target_os = "linux")]
#[cold]
fn move_to_first(free: impl Fn(u32) -> bool) -> Option<u32> {
    use std::mem;

    // SAFETY: a set is plain bits, for which zero is the empty set; the calls are given its size,
    // and change nothing but the calling thread's own affinity. What fails is left as it is.
    unsafe {
        let mut allowed: libc::cpu_set_t = mem::zeroed();
        let size = mem::size_of::<libc::cpu_set_t>();
        if libc::sched_getaffinity(0, size, &raw mut allowed) != 0 {
            return None;
        }
        let processor = (0..libc::CPU_SETSIZE as usize)
            .find(|&processor| libc::CPU_ISSET(processor, &allowed) && free(processor as u32))?;
        let mut one: libc::cpu_set_t = mem::zeroed();
        libc::CPU_SET(processor, &mut one);
        if libc::sched_setaffinity(0, size, &raw const one) != 0 {
            return None;
        }
        libc::sched_setaffinity(0, size, &raw const allowed);
        Some(processor as u32)
    }
}

#[cfg(not(target_os = "linux"))]
fn current() -> Option<u32> {
    None
}

#[cfg(not(target_os = "linux"))]
fn move_to_first(_free: impl Fn(u32) -> bool) -> Option<u32> {
    None
}
