//! A worker's own stacks: the hot ones, ready at once.
//!
//! One for each worker of each node. Taking and putting back is a pop and a push; only when a shelf is
//! empty or full does half of it change places with the global pool, so that a process that ends and
//! one that starts share one warm stack, and the lock is far away.

use super::class::{self, Class};
use super::pool::Arenas;
use super::{Stack, StackError};

/// Most stacks of one size that a cache holds, and most bytes of spacing.
const MOST: usize = 64;
const MOST_BYTES: usize = 16 << 20;
const LEAST: usize = 4;

/// The hot stacks of one worker, last in first out for each size. Dropped, it gives all of them to the
/// global pool.
pub(crate) struct Cache {
    arenas: &'static Arenas,
    hot: [Vec<Stack>; class::COUNT],
}

impl Cache {
    /// An empty cache in front of the program's arenas. Allocates nothing.
    pub(crate) fn new() -> Cache {
        Cache::of(Arenas::global())
    }

    pub(super) fn of(arenas: &'static Arenas) -> Cache {
        Cache {
            arenas,
            hot: [const { Vec::new() }; class::COUNT],
        }
    }

    /// Takes the stack of this class that was put back last, or one from the global pool.
    ///
    /// # Errors
    ///
    /// [`StackError`] when none is idle and the system refuses another; the variant names the limit.
    #[inline]
    pub(crate) fn get(&mut self, class: Class) -> Result<Stack, StackError> {
        match self.hot[class.position()].pop() {
            Some(stack) => Ok(stack),
            None => self.refill(class),
        }
    }

    /// Takes back a stack that nothing stands on any more.
    #[inline]
    pub(crate) fn put(&mut self, stack: Stack) {
        let shelf = &mut self.hot[stack.class().position()];
        if shelf.len() < shelf.capacity() {
            shelf.push(stack);
        } else {
            self.put_full(stack);
        }
    }

    /// Gives everything to the global pool, where idle stacks can be trimmed: for a worker that is
    /// about to sleep for long.
    pub(crate) fn flush(&mut self) {
        for class in Class::all() {
            let shelf = &mut self.hot[class.position()];
            if !shelf.is_empty() {
                self.arenas.give(class, shelf.drain(..));
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn refill(&mut self, class: Class) -> Result<Stack, StackError> {
        let shelf = &mut self.hot[class.position()];
        shelf.reserve_exact(limit(class));
        self.arenas.take(class, limit(class) / 2, shelf)?;
        Ok(shelf.pop().expect("take appends at least one stack"))
    }

    #[cold]
    #[inline(never)]
    fn put_full(&mut self, stack: Stack) {
        let class = stack.class();
        let shelf = &mut self.hot[class.position()];
        // The coldest lie at the front.
        let surplus = shelf.len().min(limit(class) / 2);
        self.arenas.give(class, shelf.drain(..surplus));
        shelf.reserve_exact(limit(class) - shelf.len());
        shelf.push(stack);
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        self.flush();
    }
}

/// Most stacks of a class that a cache holds.
fn limit(class: Class) -> usize {
    (MOST_BYTES / class.size()).clamp(LEAST, MOST)
}
