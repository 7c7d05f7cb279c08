//! A magazine: what one owner keeps at hand of a thing that all share.
//!
//! A bounded stack, last in first out, so that what was used last, and is in the cache, is used
//! next. It is filled from a common depot, and its cold end goes there, in [`BATCH`]es: so the
//! depot's lock is rarely taken. Used for free blocks (`pool`) and free slots (`process::table`).
//!
//! After J. Bonwick and J. Adams, "Magazines and Vmem" (USENIX 2001).

use std::cell::Cell;

/// What is moved to or from a depot at once.
pub(crate) const BATCH: usize = 64;
/// Room for two batches: at the edge of one, giving and taking in turn does not reach the depot.
const ROOM: usize = 2 * BATCH;
/// How far ahead of its use an item is announced; see [`Magazine::pop`].
const AHEAD: usize = 8;

/// A bounded stack of one owner.
pub(crate) struct Magazine<T> {
    items: Cell<[T; ROOM]>,
    count: Cell<usize>,
}

impl<T: Copy> Magazine<T> {
    /// An empty one; `filler` stands in places that hold nothing.
    pub(crate) const fn new(filler: T) -> Magazine<T> {
        Magazine {
            items: Cell::new([filler; ROOM]),
            count: Cell::new(0),
        }
    }

    #[inline]
    fn places(&self) -> &[Cell<T>; ROOM] {
        self.items.as_array_of_cells()
    }

    /// Takes the hottest. One that will soon be taken is `announced`, to be fetched into the
    /// cache: after a burst it lies cold, or in another core's cache.
    #[inline]
    pub(crate) fn pop(&self, announced: impl FnOnce(T)) -> Option<T> {
        let count = self.count.get().checked_sub(1)?;
        self.count.set(count);
        if let Some(ahead) = self.places().get(count.wrapping_sub(AHEAD)) {
            announced(ahead.get());
        }
        self.places().get(count).map(Cell::get)
    }

    /// Puts one on top. False: there is no room.
    #[inline]
    #[must_use]
    pub(crate) fn push(&self, item: T) -> bool {
        let count = self.count.get();
        let Some(place) = self.places().get(count) else {
            return false;
        };
        place.set(item);
        self.count.set(count + 1);
        true
    }

    /// Takes the coldest out, at most `most`, the coldest first.
    pub(crate) fn spill(&self, most: usize, mut give: impl FnMut(T)) {
        let count = self.count.get();
        let (cold, hot) = self.places()[..count].split_at(most.min(count));
        cold.iter().for_each(|item| give(item.get()));
        for (place, item) in self.places().iter().zip(hot) {
            place.set(item.get());
        }
        self.count.set(hot.len());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count.get() == 0
    }

    #[cfg(all(test, not(loom)))]
    pub(crate) fn len(&self) -> usize {
        self.count.get()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// The last in is the first out, and the first in the first that is spilt.
    #[test]
    fn both_ends() {
        let magazine = Magazine::new(0);
        for n in 1..=5 {
            assert!(magazine.push(n));
        }
        let mut spilt = Vec::new();
        magazine.spill(2, |n| spilt.push(n));
        assert_eq!(spilt, [1, 2]);
        let mut announced = Vec::new();
        let rest: Vec<_> = std::iter::from_fn(|| magazine.pop(|n| announced.push(n))).collect();
        assert_eq!(rest, [5, 4, 3]);
        assert_eq!(magazine.len(), 0);
    }

    /// What is announced is taken so much later.
    #[test]
    fn announcements() {
        let magazine = Magazine::new(0);
        (0..2 * AHEAD).for_each(|n| assert!(magazine.push(n)));
        let mut announced = Vec::new();
        let taken: Vec<_> = std::iter::from_fn(|| magazine.pop(|n| announced.push(n))).collect();
        assert_eq!(announced, taken[AHEAD..]);
    }

    /// A full magazine takes nothing more, and loses nothing.
    #[test]
    fn full() {
        let magazine = Magazine::new(0);
        let put = (1..).take_while(|&n| magazine.push(n)).count();
        assert_eq!(put, ROOM);
        let mut spilt = 0;
        magazine.spill(usize::MAX, |_| spilt += 1);
        assert_eq!(spilt, ROOM);
        assert_eq!(magazine.pop(|_| ()), None);
    }
}
