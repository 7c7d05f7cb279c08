//! Tests of the pool: caches, magazines, the depot, and the poison.

use std::collections::HashSet;
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc;
use std::thread;

use super::*;

/// Fills one block of the class *N* - 1.
#[repr(align(64))]
struct Lines<const N: usize>([u8; N]);

type One = Lines<64>;
type Largest = Lines<LARGEST>;

/// A cache of its own, apart from the thread's and from other tests' (which share the depot).
fn cache() -> Cache {
    Cache::new()
}

fn write_everything<T>(block: NonNull<T>) {
    // SAFETY: the block is the caller's, and of `T`'s size.
    unsafe { ptr::write_bytes(block.as_ptr().cast::<u8>(), 0x5A, size_of::<T>()) };
}

/// A block is aligned, of its full size usable, and the one freed last is handed out first.
#[test]
fn a_freed_block_comes_back_first() {
    fn check<T>() {
        let block = allocate::<T>();
        assert_eq!(block.addr().get() % align_of::<T>(), 0);
        write_everything(block);
        // SAFETY: allocated above; `T` has no destructor.
        unsafe { free(block) };
        if CACHED {
            let again = allocate::<T>();
            assert_eq!(again, block);
            // SAFETY: as above.
            unsafe { free(again) };
        }
    }
    check::<One>();
    check::<Lines<128>>();
    check::<Lines<192>>();
    check::<Largest>();
}

/// Classes do not mix: a block of one size is never handed out for another.
#[test]
fn classes_do_not_mix() {
    assert_eq!(class_of(Layout::new::<One>()), CACHED.then_some(0));
    assert_eq!(
        class_of(Layout::new::<Largest>()),
        CACHED.then_some(CLASSES - 1)
    );
    let small = allocate::<One>();
    // SAFETY: allocated above.
    unsafe { free(small) };
    let large = allocate::<Largest>();
    write_everything(large);
    assert_ne!(large.cast(), small);
    // SAFETY: allocated above.
    unsafe { free(large) };
}

/// What is larger than the largest class, or aligned otherwise, goes past the cache.
#[test]
fn the_unusual_goes_to_the_allocator() {
    #[repr(align(4096))]
    struct Page(#[expect(dead_code, reason = "only its size counts")] [u8; 4096]);
    #[repr(align(128))]
    struct Pair(#[expect(dead_code, reason = "only its size counts")] [u8; 128]);

    fn check<T>() {
        assert_eq!(class_of(Layout::new::<T>()), None);
        let block = allocate::<T>();
        assert_eq!(block.addr().get() % align_of::<T>(), 0);
        write_everything(block);
        // SAFETY: allocated above; `T` has no destructor.
        unsafe { free(block) };
    }
    check::<Page>();
    check::<Pair>();
    check::<Lines<{ LARGEST + LINE }>>();
    check::<u64>();
}

/// A box may own a block, and a block may come from a box: the layouts are the same.
#[test]
fn a_box_may_own_a_block() {
    let block = allocate::<One>();
    // SAFETY: the block is ours, and of the box's layout.
    let boxed = unsafe {
        block.write(Lines([7; 64]));
        Box::from_raw(block.as_ptr())
    };
    drop(boxed);
    let block = NonNull::from(Box::leak(Box::new(Lines([7u8; 64]))));
    // SAFETY: the box's memory has the layout of `One`.
    unsafe { free(block) };
}

/// A thread that only frees gives full magazines to the depot, and one that only allocates gets
/// them from there: every block once, none lost.
#[test]
fn magazines_travel_through_the_depot() {
    let magazines = 3;
    let count = magazines * BATCH;
    let giver = cache();
    // More than one magazine is kept by the giver itself.
    let blocks: HashSet<usize> = (0..count)
        .map(|_| {
            let block = from_allocator(layout_of(2));
            giver.put(2, block);
            block.addr().get()
        })
        .collect();
    assert_eq!(blocks.len(), count);
    drop(giver);
    let taker = cache();
    let mut taken = HashSet::new();
    // Others' blocks of the class may lie on top of ours.
    while !blocks.is_subset(&taken) {
        assert!(taken.len() < 1 << 20, "blocks are lost");
        assert!(taken.insert(taker.get(2).addr().get()), "handed out twice");
    }
    for block in taken {
        let block = NonNull::new(ptr::with_exposed_provenance_mut(block)).unwrap();
        // SAFETY: taken above, of the class 2.
        unsafe { alloc::dealloc(block.as_ptr(), layout_of(2)) };
    }
}

/// Around the edge of a batch a thread that frees and allocates one block in turn does not touch
/// the depot: there is room for two.
#[test]
fn the_edge_is_absorbed() {
    let cache = cache();
    for _ in 0..BATCH {
        cache.put(1, from_allocator(layout_of(1)));
    }
    for _ in 0..100 {
        cache.put(1, from_allocator(layout_of(1)));
        assert_eq!(cache.0[1].len(), BATCH + 1);
        let block = cache.get(1);
        assert_eq!(cache.0[1].len(), BATCH);
        // SAFETY: taken just now, of the class 1.
        unsafe { alloc::dealloc(block.as_ptr(), layout_of(1)) };
    }
}

/// Blocks allocated by one thread and freed by another, which has ended since, are whole when
/// they are handed out again.
#[test]
fn a_block_may_be_freed_elsewhere() {
    /// Ours alone until it is freed.
    struct Parcel(NonNull<One>);
    // SAFETY: whoever has the parcel owns the block.
    unsafe impl Send for Parcel {}

    let (sender, receiver) = mpsc::channel::<Parcel>();
    let other = thread::spawn(move || {
        for Parcel(block) in receiver {
            write_everything(block);
            // SAFETY: the block came with the parcel.
            unsafe { free(block) };
        }
    });
    for _ in 0..10 * BATCH {
        // In a debug build `allocate` checks what `free` left.
        let block = allocate::<One>();
        write_everything(block);
        sender.send(Parcel(block)).unwrap();
    }
    drop(sender);
    other.join().unwrap();
}

/// A write to a freed block is found when the block is handed out again, wherever it was.
#[test]
#[cfg(debug_assertions)]
fn a_write_after_free_is_found() {
    let layout = layout_of(0);
    for offset in 0..64 {
        let block = from_allocator(layout);
        // SAFETY: within the block; that nobody owns it is the mistake under test.
        unsafe { block.byte_add(offset).write(0) };
        let found = panic::catch_unwind(AssertUnwindSafe(|| check_poison(block, layout)));
        // SAFETY: popped above, of this layout.
        unsafe { alloc::dealloc(block.as_ptr(), layout) };
        if CACHED {
            assert!(found.is_err(), "a write at {offset}");
        }
    }
}
