//! The global allocator: glibc's or mimalloc, as the environment says.
//!
//! The driver sets [`VARIABLE`] for each child. It is read once, at the first allocation, and
//! without allocating. What is allocated by one is freed by the same: the choice is made before
//! the first block is handed out and never changes.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU8, Ordering};

use mimalloc::MiMalloc;

/// The environment variable that names the allocator; anything but `mimalloc` is glibc.
pub const VARIABLE: &str = "COMPARE_ALLOCATOR";

/// An allocator to choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Allocator {
    Glibc = 1,
    Mimalloc = 2,
}

impl Allocator {
    /// Its name, as [`VARIABLE`] holds it.
    pub const fn name(self) -> &'static str {
        match self {
            Allocator::Glibc => "glibc",
            Allocator::Mimalloc => "mimalloc",
        }
    }
}

/// 0 until the first allocation, then an [`Allocator`].
static CHOICE: AtomicU8 = AtomicU8::new(0);

/// The allocator that this program runs on.
#[inline]
pub fn chosen() -> Allocator {
    // Relaxed: threads that race read the same environment and store the same value.
    match CHOICE.load(Ordering::Relaxed) {
        1 => Allocator::Glibc,
        2 => Allocator::Mimalloc,
        _ => choose(),
    }
}

#[cold]
fn choose() -> Allocator {
    // SAFETY: the name ends in a null, and nothing in this program changes the environment.
    let value = unsafe { libc::getenv(c"COMPARE_ALLOCATOR".as_ptr()) };
    // SAFETY: `value` was just seen not to be null; both strings end in a null.
    let mimalloc = !value.is_null() && unsafe { libc::strcmp(value, c"mimalloc".as_ptr()) } == 0;
    let choice = if mimalloc {
        Allocator::Mimalloc
    } else {
        Allocator::Glibc
    };
    CHOICE.store(choice as u8, Ordering::Relaxed);
    choice
}

/// Passes every call on to the [`chosen`] allocator.
pub struct Chosen;

// SAFETY: both allocators keep the contract, and a block returns to the one that it came from,
// since the choice never changes after the first call.
unsafe impl GlobalAlloc for Chosen {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is passed on.
        unsafe {
            match chosen() {
                Allocator::Glibc => System.alloc(layout),
                Allocator::Mimalloc => MiMalloc.alloc(layout),
            }
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe {
            match chosen() {
                Allocator::Glibc => System.dealloc(block, layout),
                Allocator::Mimalloc => MiMalloc.dealloc(block, layout),
            }
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is passed on.
        unsafe {
            match chosen() {
                Allocator::Glibc => System.alloc_zeroed(layout),
                Allocator::Mimalloc => MiMalloc.alloc_zeroed(layout),
            }
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise is passed on.
        unsafe {
            match chosen() {
                Allocator::Glibc => System.realloc(block, layout, size),
                Allocator::Mimalloc => MiMalloc.realloc(block, layout, size),
            }
        }
    }
}
