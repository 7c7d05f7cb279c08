//! Blocks for envelopes and closures: per-thread magazines over the global allocator.
//!
//! Called by [`crate::message`] and `process::body`. A block of the class *n* has the layout
//! (64 * *n* bytes, aligned to 64) and comes from the global allocator with just that layout, so
//! `Box<T>` may own the memory of a `T` of that layout, and freeing it elsewhere is sound.
//!
//! Messages are mostly allocated by one thread and freed by another: full magazines travel
//! through a depot (Bonwick and Adams, "Magazines and Vmem", 2001). The depot is bounded; what
//! does not fit goes back to the allocator.
//!
//! Invariant: a block in a magazine is owned by it alone; its second word links the next.
//! Debug builds fill freed blocks with a pattern and check it when they are handed out, so that
//! a write after free is found. The first word is among what is checked: that is where an
//! envelope has its link, which a stale queue would write.

use std::alloc::{self, Layout};
use std::mem;
use std::ptr::{self, NonNull};

use parking_lot::Mutex;

#[cfg(not(loom))]
use crate::thread::{self, Thread};

/// The alignment of all blocks, and the step between their sizes.
const LINE: usize = 64;
const CLASSES: usize = 4;
/// Blocks in a full magazine.
const MAGAZINE: u32 = 64;
/// Full magazines that the depot keeps, per class.
const DEPOT: usize = 4096;
const POISON: u8 = 0xDD;
/// Where a free block has its link.
const LINK: usize = size_of::<*mut u8>();

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

/// A list of free blocks.
struct Magazine {
    head: *mut u8,
    count: u32,
}

impl Magazine {
    const EMPTY: Magazine = Magazine {
        head: ptr::null_mut(),
        count: 0,
    };

    #[inline]
    fn push(&mut self, block: NonNull<u8>) {
        // SAFETY: the block is free, owned by the caller, and at least one line long.
        unsafe { block.byte_add(LINK).cast::<*mut u8>().write(self.head) };
        self.head = block.as_ptr();
        self.count += 1;
    }

    #[inline]
    fn pop(&mut self) -> Option<NonNull<u8>> {
        let block = NonNull::new(self.head)?;
        // SAFETY: blocks in a magazine are owned by it, their second word is the link.
        self.head = unsafe { block.byte_add(LINK).cast::<*mut u8>().read() };
        self.count -= 1;
        Some(block)
    }
}

// SAFETY: the blocks are owned by the magazine alone.
unsafe impl Send for Magazine {}

static DEPOTS: [Mutex<Vec<Magazine>>; CLASSES] = [const { Mutex::new(Vec::new()) }; CLASSES];

/// One thread's magazines: of each class one in use, and one that is full or empty.
pub(crate) struct Cache([Pair; CLASSES]);

struct Pair {
    hot: Magazine,
    spare: Magazine,
}

impl Cache {
    pub(crate) const fn new() -> Cache {
        Cache(
            [const {
                Pair {
                    hot: Magazine::EMPTY,
                    spare: Magazine::EMPTY,
                }
            }; CLASSES],
        )
    }

    #[inline]
    fn get(&mut self, class: usize) -> NonNull<u8> {
        match self.0[class].hot.pop() {
            Some(block) => block,
            None => self.refill(class),
        }
    }

    #[cold]
    #[inline(never)]
    fn refill(&mut self, class: usize) -> NonNull<u8> {
        let pair = &mut self.0[class];
        if pair.spare.count > 0 {
            mem::swap(&mut pair.hot, &mut pair.spare);
        } else if let Some(full) = DEPOTS[class].lock().pop() {
            pair.hot = full;
        }
        match pair.hot.pop() {
            Some(block) => block,
            None => from_allocator(layout_of(class)),
        }
    }

    #[inline]
    fn put(&mut self, class: usize, block: NonNull<u8>) {
        let hot = &mut self.0[class].hot;
        hot.push(block);
        if hot.count >= MAGAZINE {
            self.spill(class);
        }
    }

    #[cold]
    #[inline(never)]
    fn spill(&mut self, class: usize) {
        let pair = &mut self.0[class];
        mem::swap(&mut pair.hot, &mut pair.spare);
        let full = mem::replace(&mut pair.hot, Magazine::EMPTY);
        if full.count > 0 {
            give_back(class, full);
        }
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        for (class, pair) in self.0.iter_mut().enumerate() {
            for magazine in [&mut pair.hot, &mut pair.spare] {
                let magazine = mem::replace(magazine, Magazine::EMPTY);
                if magazine.count > 0 {
                    give_back(class, magazine);
                }
            }
        }
    }
}

fn give_back(class: usize, mut magazine: Magazine) {
    {
        let mut depot = DEPOTS[class].lock();
        if depot.len() < DEPOT {
            depot.push(magazine);
            return;
        }
    }
    while let Some(block) = magazine.pop() {
        // SAFETY: the block came from the allocator with its class's layout.
        unsafe { alloc::dealloc(block.as_ptr(), layout_of(class)) };
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
    let (before, rest) = bytes.split_at(LINK);
    let behind = &rest[size_of::<*mut u8>()..];
    assert!(
        before.iter().chain(behind).all(|&byte| byte == POISON),
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
            // SAFETY: the thread's own cache; `get` calls no user code that could come back here.
            let block = unsafe { (*thread.pool.get()).get(class) };
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
    let layout = Layout::new::<T>();
    match const { class_of(Layout::new::<T>()) } {
        Some(class) => {
            if cfg!(debug_assertions) {
                poison(block.cast(), layout);
            }
            // SAFETY: as in `allocate_on`.
            unsafe { (*thread::this().pool.get()).put(class, block.cast()) };
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
