//! A hierarchical timing wheel: the timers of one worker.
//!
//! Called by the worker that owns it, or by the one that took it over; it is plain data and knows
//! no clock. After G. Varghese and T. Lauck, "Hashed and Hierarchical Timing Wheels" (SOSP 1987),
//! scheme 7, with three changes: the lowest level counts single nanoseconds, each slot knows its
//! earliest deadline, and a slot is sorted into the finer levels no sooner than something in it is
//! due.
//!
//! ```text
//!  level 10   one slot = 2^60 ns   [ ][ ][#][ ] ...      a deadline is read as eleven digits of
//!    ...                                                 six bits; an entry's level is the highest
//!  level 1    one slot = 64 ns     [ ][#][#][ ] ...      digit in which it differs from `cursor`,
//!  level 0    one slot = 1 ns      [#][ ][ ][ ] ...      its slot is that digit
//! ```
//!
//! # Invariants
//!
//! * An entry's key is its deadline, or the cursor of the time when it was placed if that is later
//!   (it was due already). The key lies in its slot's range, and the slot lies ahead of the cursor,
//!   or on it at level 0. So a lower level is earlier than a higher one as a whole, within a level
//!   a lower slot is earlier, and the earliest slot is found by two bit scans.
//! * The one exception is `sorting`: a slot which the cursor has been moved into, whose entries are
//!   being moved to lower levels. It is emptied before anything else is done.
//! * A slot's `earliest` is at most each of its deadlines. It is exact unless an entry was removed
//!   or moved.
//! * The cursor is a time that has been reached, so an entry whose deadline it has passed is due.
//!
//! Entries live in a slab and are linked, within a slot first in first out, by index.

use std::mem;

const DIGIT_BITS: u32 = 6;
const DIGITS: u32 = 1 << DIGIT_BITS;
/// Eleven digits hold every `u64`: no deadline is too far.
const LEVELS: usize = u64::BITS.div_ceil(DIGIT_BITS) as usize;
const SLOTS: usize = LEVELS * DIGITS as usize;

/// No entry; also the end of a list.
const NONE: u32 = u32::MAX;
/// In the place of an entry's slot: the entry is free.
const FREE: u16 = u16::MAX;

/// Names a timer as long as it is in its wheel, and nothing afterwards.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct TimerId {
    index: u32,
    generation: u32,
}

impl TimerId {
    /// For names of timers that never were in a wheel.
    pub(crate) fn numbered(number: u64) -> TimerId {
        TimerId {
            index: (number >> 32) as u32,
            generation: number as u32,
        }
    }

    /// Which of the timers at its index it is.
    pub(crate) fn generation(self) -> u32 {
        self.generation
    }

    /// For owners who have four bytes to spare; see [`Wheel::find`].
    pub(crate) fn index(self) -> u32 {
        self.index
    }
}

/// A timer that is due and has left its wheel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Expired<T> {
    /// What named it until now.
    pub(crate) id: TimerId,
    /// When it was due.
    pub(crate) deadline: u64,
    /// What it was inserted with.
    pub(crate) payload: T,
}

/// Timers, each with an exact deadline in nanoseconds and a payload.
pub(crate) struct Wheel<T> {
    /// The time from which levels and slots are told.
    cursor: u64,
    /// The levels that have an occupied slot, a bit each.
    levels: u32,
    /// The occupied slots of each level, a bit each.
    occupied: [u64; LEVELS],
    slots: Box<[Slot; SLOTS]>,
    /// A slot that is being emptied into lower levels.
    sorting: Option<u16>,
    entries: Vec<Entry<T>>,
    /// Free entries, linked by `next`.
    free: u32,
    len: usize,
}

/// A list of entries. Unless its bit in `occupied` is set, the content means nothing.
#[derive(Clone, Copy)]
struct Slot {
    head: u32,
    tail: u32,
    earliest: u64,
}

/// 48 bytes with a payload of 24.
struct Entry<T> {
    deadline: u64,
    payload: T,
    next: u32,
    prev: u32,
    generation: u32,
    slot: u16,
}

impl<T: Copy> Wheel<T> {
    /// An empty wheel. It allocates for entries when the first one comes.
    pub(crate) fn new() -> Wheel<T> {
        let empty = Slot {
            head: NONE,
            tail: NONE,
            earliest: 0,
        };
        Wheel {
            cursor: 0,
            levels: 0,
            occupied: [0; LEVELS],
            slots: Box::new([empty; SLOTS]),
            sorting: None,
            entries: Vec::new(),
            free: NONE,
            len: 0,
        }
    }

    /// The number of timers.
    #[allow(dead_code, reason = "for whoever observes a program")]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Adds a timer. One whose deadline has passed is due at once.
    ///
    /// # Panics
    ///
    /// At 2^32 - 1 timers.
    #[inline]
    pub(crate) fn insert(&mut self, deadline: u64, payload: T) -> TimerId {
        let index = self.free;
        let index = if index == NONE {
            self.grow(deadline, payload)
        } else {
            let entry = &mut self.entries[index as usize];
            self.free = entry.next;
            entry.deadline = deadline;
            entry.payload = payload;
            index
        };
        self.len += 1;
        self.link(index, self.slot_of(deadline));
        TimerId {
            index,
            generation: self.entries[index as usize].generation,
        }
    }

    /// The id of the timer that is inserted next.
    pub(crate) fn next_id(&self) -> TimerId {
        match self.entries.get(self.free as usize) {
            Some(entry) => TimerId {
                index: self.free,
                generation: entry.generation,
            },
            None => TimerId {
                index: self.entries.len() as u32,
                generation: 0,
            },
        }
    }

    /// Takes a timer out, unless it has expired or been removed.
    pub(crate) fn remove(&mut self, id: TimerId) -> Option<T> {
        let payload = self.live(id)?.payload;
        self.unlink(id.index);
        self.release(id.index);
        Some(payload)
    }

    /// Takes out the timer that has this index, if there is one and `owned` knows its payload.
    pub(crate) fn remove_if(&mut self, index: u32, owned: impl FnOnce(&T) -> bool) -> Option<T> {
        let id = self.find(index, owned)?;
        self.remove(id)
    }

    /// The timer that has this index, if there is one and `owned` knows its payload. Indices are
    /// reused: who keeps an index only tells by the payload whether the timer is still its own.
    pub(crate) fn find(&self, index: u32, owned: impl FnOnce(&T) -> bool) -> Option<TimerId> {
        let entry = self.entries.get(index as usize)?;
        (entry.slot != FREE && owned(&entry.payload)).then_some(TimerId {
            index,
            generation: entry.generation,
        })
    }

    /// The deadline of a timer, unless it has expired or been removed.
    pub(crate) fn deadline(&self, id: TimerId) -> Option<u64> {
        self.live(id).map(|entry| entry.deadline)
    }

    /// The payload at an index: that of a timer which is in the wheel, or which left it since
    /// when nothing was inserted.
    pub(crate) fn payload_mut(&mut self, index: u32) -> Option<&mut T> {
        let entry = self.entries.get_mut(index as usize)?;
        Some(&mut entry.payload)
    }

    /// Moves a timer, unless it has expired or been removed. Returns whether it was there.
    pub(crate) fn set_deadline(&mut self, id: TimerId, deadline: u64) -> bool {
        if self.live(id).is_none() {
            return false;
        }
        self.unlink(id.index);
        self.entries[id.index as usize].deadline = deadline;
        self.link(id.index, self.slot_of(deadline));
        true
    }

    /// Takes the timers whose deadline is at most `now`, or at most an earlier call's `now`, and
    /// appends them to `out`. Returns whether it stopped because it had touched `max` timers, taken
    /// or moved to a finer level: then there may be more, and those taken may be fewer than `max`.
    ///
    /// Timers of the same deadline come in the order in which they were inserted or moved, unless
    /// calls stop in between.
    pub(crate) fn expire(&mut self, now: u64, max: usize, out: &mut Vec<Expired<T>>) -> bool {
        let now = now.max(self.cursor);
        let mut budget = max;
        loop {
            let slot = match self.sorting {
                Some(slot) => slot,
                None => {
                    let Some(slot) = self.first() else {
                        self.cursor = now;
                        return false;
                    };
                    let (first, last) = self.range_of(slot);
                    if self.slots[slot as usize].earliest > now {
                        // Outside of the slot the cursor moves on, so that new timers get fine
                        // slots; inside, the slot would have to be sorted.
                        if first > now {
                            self.cursor = now;
                        }
                        return false;
                    }
                    if last > now {
                        self.cursor = now;
                        self.sorting = Some(slot);
                    }
                    slot
                }
            };
            while self.is_occupied(slot) {
                if budget == 0 {
                    return true;
                }
                budget -= 1;
                let index = self.slots[slot as usize].head;
                self.unlink(index);
                let entry = &self.entries[index as usize];
                if entry.deadline <= now {
                    out.push(Expired {
                        id: TimerId {
                            index,
                            generation: entry.generation,
                        },
                        deadline: entry.deadline,
                        payload: entry.payload,
                    });
                    self.release(index);
                } else {
                    self.link(index, self.slot_of(entry.deadline));
                }
            }
            self.sorting = None;
        }
    }

    /// The earliest deadline, or an earlier time if timers were removed or moved: then an
    /// [`expire`](Wheel::expire) at that time takes nothing, and makes it exact for the timers
    /// near it.
    pub(crate) fn next_expiry(&self) -> Option<u64> {
        let earliest = |slot: u16| self.slots[slot as usize].earliest;
        let first = earliest(self.first()?);
        Some(match self.sorting {
            Some(slot) if self.is_occupied(slot) => first.min(earliest(slot)),
            _ => first,
        })
    }

    /// The earliest deadline, exactly: the time of a walk through the timers near it.
    pub(crate) fn earliest(&self) -> Option<u64> {
        let sorting = self.sorting.filter(|&slot| self.is_occupied(slot));
        let slots = self.first().into_iter().chain(sorting);
        slots.flat_map(|slot| self.deadlines(slot)).min()
    }

    fn deadlines(&self, slot: u16) -> impl Iterator<Item = u64> {
        let entry = |index: u32| self.entries.get(index as usize);
        let first = entry(self.slots[slot as usize].head);
        std::iter::successors(first, move |last| entry(last.next)).map(|entry| entry.deadline)
    }

    /// The earliest occupied slot, but for the one that is being sorted.
    fn first(&self) -> Option<u16> {
        if self.levels == 0 {
            return None;
        }
        let level = self.levels.trailing_zeros();
        let digit = self.occupied[level as usize].trailing_zeros();
        Some((level * DIGITS + digit) as u16)
    }

    /// Where a timer with this deadline belongs.
    #[inline]
    fn slot_of(&self, deadline: u64) -> u16 {
        let key = deadline.max(self.cursor);
        let level = ((key ^ self.cursor) | 1).ilog2() / DIGIT_BITS;
        let digit = (key >> (level * DIGIT_BITS)) as u32 % DIGITS;
        (level * DIGITS + digit) as u16
    }

    /// The first and the last nanosecond of a slot that does not lie behind the cursor.
    fn range_of(&self, slot: u16) -> (u64, u64) {
        let (level, digit) = split(slot);
        let shift = level * DIGIT_BITS;
        // All ones below the digit, and below the one above it: the highest has nothing above.
        let below = (1 << shift) - 1;
        let upto = u64::MAX
            .checked_shl(shift + DIGIT_BITS)
            .map_or(u64::MAX, |above| !above);
        let first = (self.cursor & !upto) | u64::from(digit) << shift;
        (first, first | below)
    }

    fn is_occupied(&self, slot: u16) -> bool {
        let (level, digit) = split(slot);
        self.occupied[level as usize] >> digit & 1 != 0
    }

    /// Appends an entry to a slot's list.
    #[inline]
    fn link(&mut self, index: u32, slot: u16) {
        let (level, digit) = split(slot);
        let occupied = &mut self.occupied[level as usize];
        let list = &mut self.slots[slot as usize];
        let entry = &mut self.entries[index as usize];
        entry.slot = slot;
        entry.next = NONE;
        if *occupied >> digit & 1 == 0 {
            *occupied |= 1 << digit;
            self.levels |= 1 << level;
            entry.prev = NONE;
            *list = Slot {
                head: index,
                tail: index,
                earliest: entry.deadline,
            };
        } else {
            let tail = mem::replace(&mut list.tail, index);
            list.earliest = list.earliest.min(entry.deadline);
            entry.prev = tail;
            self.entries[tail as usize].next = index;
        }
    }

    /// Takes an entry out of its slot's list.
    #[inline]
    fn unlink(&mut self, index: u32) {
        let Entry {
            next, prev, slot, ..
        } = self.entries[index as usize];
        let list = &mut self.slots[slot as usize];
        match prev {
            NONE => list.head = next,
            _ => self.entries[prev as usize].next = next,
        }
        match next {
            NONE => list.tail = prev,
            _ => self.entries[next as usize].prev = prev,
        }
        if list.head == NONE {
            let (level, digit) = split(slot);
            let occupied = &mut self.occupied[level as usize];
            *occupied &= !(1 << digit);
            if *occupied == 0 {
                self.levels &= !(1 << level);
            }
        }
    }

    #[cold]
    fn grow(&mut self, deadline: u64, payload: T) -> u32 {
        let index = u32::try_from(self.entries.len()).unwrap_or(NONE);
        assert!(index != NONE, "a wheel holds at most 2^32 - 1 timers");
        self.entries.push(Entry {
            deadline,
            payload,
            next: NONE,
            prev: NONE,
            generation: 0,
            slot: FREE,
        });
        index
    }

    /// Makes an unlinked entry free. One whose generations are used up is not used again.
    fn release(&mut self, index: u32) {
        let entry = &mut self.entries[index as usize];
        entry.slot = FREE;
        if let Some(next) = entry.generation.checked_add(1) {
            entry.generation = next;
            entry.next = mem::replace(&mut self.free, index);
        }
        self.len -= 1;
    }

    fn live(&self, id: TimerId) -> Option<&Entry<T>> {
        self.entries
            .get(id.index as usize)
            .filter(|entry| entry.slot != FREE && entry.generation == id.generation)
    }
}

/// A slot's level and digit.
#[inline]
fn split(slot: u16) -> (u32, u32) {
    (u32::from(slot) / DIGITS, u32::from(slot) % DIGITS)
}

#[cfg(all(test, not(loom)))]
mod tests;
