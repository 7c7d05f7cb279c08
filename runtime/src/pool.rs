//! Blocks for envelopes, closures and the cold halves of processes: a magazine for each thread over the global allocator.
//!
//! Called by [`crate::message`], `process::body` and `process::extra`. A block of the class *n* has the layout
//! (64 * *n* bytes, aligned to 64) and comes from the global allocator with just that layout, so
//! `Box<T>` may own the memory of a `T` of that layout, and freeing it elsewhere is sound.
//!
//! Messages are mostly allocated by one thread and freed by another: blocks travel through a
//! depot, in batches. The depot is bounded; what does not fit goes back to the allocator.
//!
//! Invariant: a block in a magazine, or in the depot, is owned by it alone. Debug builds fill freed
//! blocks with a pattern and check it when they are handed out, so that a write after free is found.

use std::alloc::{self, Layout};
use std::ptr::{self, NonNull};

use parking_lot::Mutex;

use crate::magazine::{BATCH, Magazine};
use crate::prefetch;
#[cfg(not(loom))]
use crate::thread::{self, Thread};

/// The alignment of all blocks, and the step between their sizes.
const LINE: usize = 64;
const CLASSES: usize = 8;
/// The largest size of a block that is cached.
pub(crate) const LARGEST: usize = LINE * CLASSES;
/// Blocks taken from the allocator at once.
const FRESH: usize = 16;
/// Blocks that the depot keeps, per class.
const DEPOT: usize = 1 << 18;
const POISON: u8 = 0xDD;

/// Caching can be switched off (`--cfg no_pool`), so that a sanitizer sees each block's life.
const CACHED: bool = !cfg!(any(no_pool, loom));

const fn class_of(layout: Layout) -> Option<usize> {
    if CACHED && layout.align() == LINE && layout.size() > 0 && layout.size() <= LINE * CLASSES {
        Some(layout.size() / LINE - 1)
    } else {
        None
    }
}

const fn layout_of(class: usize) -> Layout {
    match Layout::from_size_align((class + 1) * LINE, LINE) {
        Ok(layout) => layout,
        Err(_) => panic!("a class's layout is valid"),
    }
}

/// A free block, owned by the magazine that it lies in.
#[derive(Clone, Copy)]
struct Block(*mut u8);

// SAFETY: a free block is owned memory; whoever takes it owns it.
unsafe impl Send for Block {}

static DEPOTS: [Mutex<Vec<Block>>; CLASSES] = [const { Mutex::new(Vec::new()) }; CLASSES];

/// One thread's magazines, one for each class.
pub(crate) struct Cache([Magazine<Block>; CLASSES]);

impl Cache {
    pub(crate) const fn new() -> Cache {
        Cache([const { Magazine::new(Block(ptr::null_mut())) }; CLASSES])
    }

    #[inline]
    fn get(&self, class: usize) -> NonNull<u8> {
        let block = self.0[class].pop(|Block(ahead)| prefetch::line(ahead));
        match block.and_then(|Block(block)| NonNull::new(block)) {
            Some(block) => block,
            None => self.refill(class),
        }
    }

    #[cold]
    #[inline(never)]
    fn refill(&self, class: usize) -> NonNull<u8> {
        {
            let mut depot = DEPOTS[class].lock();
            let keep = depot.len().saturating_sub(BATCH);
            for block in depot.drain(keep..) {
                let pushed = self.0[class].push(block);
                debug_assert!(pushed, "the magazine was empty");
            }
        }
        while self.0[class].is_empty() {
            for _ in 0..FRESH {
                let block = Block(from_allocator(layout_of(class)).as_ptr());
                let pushed = self.0[class].push(block);
                debug_assert!(pushed, "the magazine was empty");
            }
        }
        self.get(class)
    }

    #[inline]
    fn put(&self, class: usize, block: NonNull<u8>) {
        let block = Block(block.as_ptr());
        if !self.0[class].push(block) {
            self.spill(class, BATCH);
            let pushed = self.0[class].push(block);
            debug_assert!(pushed);
        }
    }

    /// Gives the coldest blocks to the depot, and what that has no room for to the allocator.
    #[cold]
    #[inline(never)]
    fn spill(&self, class: usize, most: usize) {
        let mut surplus = Vec::new();
        {
            let mut depot = DEPOTS[class].lock();
            self.0[class].spill(most, |block| {
                if depot.len() < DEPOT {
                    depot.push(block);
                } else {
                    surplus.push(block);
                }
            });
        }
        for Block(block) in surplus {
            // SAFETY: the block came from the allocator with its class's layout.
            unsafe { alloc::dealloc(block, layout_of(class)) };
        }
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        for class in 0..CLASSES {
            self.spill(class, usize::MAX);
        }
    }
}

fn from_allocator(layout: Layout) -> NonNull<u8> {
    // SAFETY: the layout's size is not zero.
    let block = unsafe { alloc::alloc(layout) };
    match NonNull::new(block) {
        Some(block) => {
            if cfg!(debug_assertions) && class_of(layout).is_some() {
                poison(block, layout);
            }
            block
        }
        None => alloc::handle_alloc_error(layout),
    }
}

fn poison(block: NonNull<u8>, layout: Layout) {
    // SAFETY: the block is free and of this layout.
    unsafe { ptr::write_bytes(block.as_ptr(), POISON, layout.size()) };
}

fn check_poison(block: NonNull<u8>, layout: Layout) {
    // SAFETY: the block is free, of this layout, and was poisoned, hence initialised.
    let bytes = unsafe { std::slice::from_raw_parts(block.as_ptr().cast_const(), layout.size()) };
    assert!(
        bytes.iter().all(|&byte| byte == POISON),
        "a block was written to after it was freed"
    );
}

/// Memory for a `T`, uninitialised.
#[cfg(not(loom))]
#[inline]
pub(crate) fn allocate<T>() -> NonNull<T> {
    match const { class_of(Layout::new::<T>()) } {
        Some(_) => allocate_on(thread::this()),
        None => from_allocator(Layout::new::<T>()).cast(),
    }
}

/// As [`allocate`], for a caller that has its thread's record at hand.
#[cfg(not(loom))]
#[inline]
pub(crate) fn allocate_on<T>(thread: &Thread) -> NonNull<T> {
    let block = match const { class_of(Layout::new::<T>()) } {
        Some(class) => {
            let block = thread.pool.get(class);
            if cfg!(debug_assertions) {
                check_poison(block, layout_of(class));
            }
            block
        }
        None => from_allocator(Layout::new::<T>()),
    };
    block.cast()
}

/// Gives the memory of a `T` back.
///
/// # Safety
///
/// The block is the caller's, came from [`allocate::<T>`] or from the global allocator with the
/// layout of `T`, and its content is dropped or moved out.
#[cfg(not(loom))]
#[inline]
pub(crate) unsafe fn free<T>(block: NonNull<T>) {
    // SAFETY: the caller's promise.
    unsafe { free_on(thread::this(), block) };
}

/// As [`free`], for a caller that has its thread's record at hand.
///
/// # Safety
///
/// As [`free`].
#[cfg(not(loom))]
#[inline]
pub(crate) unsafe fn free_on<T>(thread: &Thread, block: NonNull<T>) {
    let layout = Layout::new::<T>();
    match const { class_of(Layout::new::<T>()) } {
        Some(class) => {
            if cfg!(debug_assertions) {
                poison(block.cast(), layout);
            }
            thread.pool.put(class, block.cast());
        }
        // SAFETY: the caller's promise.
        None => unsafe { alloc::dealloc(block.as_ptr().cast(), layout) },
    }
}

/// A model's blocks come from the allocator: there are no workers to cache them.
#[cfg(loom)]
pub(crate) fn allocate<T>() -> NonNull<T> {
    from_allocator(Layout::new::<T>()).cast()
}

/// As the other `free`.
///
/// # Safety
///
/// As the other `free`.
#[cfg(loom)]
pub(crate) unsafe fn free<T>(block: NonNull<T>) {
    // SAFETY: the caller's promise.
    unsafe { alloc::dealloc(block.as_ptr().cast(), Layout::new::<T>()) };
}

#[cfg(all(test, not(loom)))]
mod tests;
