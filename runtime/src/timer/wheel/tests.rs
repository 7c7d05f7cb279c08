//! The wheel against a sorted map, and the cases that a random run meets too rarely.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};

use super::*;

const SECOND: u64 = 1_000_000_000;
const HOUR: u64 = 3600 * SECOND;
const YEAR: u64 = 365 * 24 * HOUR;

/// Splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// Any magnitude up to `bits` bits is as likely as any other.
    fn magnitude(&mut self, bits: u32) -> u64 {
        self.next() >> (64 - 1 - self.below(u64::from(bits)) as u32)
    }
}

/// Takes all that is due.
fn expire<T: Copy>(wheel: &mut Wheel<T>, now: u64) -> Vec<Expired<T>> {
    let mut out = Vec::new();
    assert!(!wheel.expire(now, usize::MAX, &mut out));
    out
}

fn payloads<T: Copy>(wheel: &mut Wheel<T>, now: u64) -> Vec<T> {
    expire(wheel, now).iter().map(|e| e.payload).collect()
}

/// The invariants of the module's text.
fn check<T: Copy>(wheel: &Wheel<T>) {
    let mut seen = 0;
    for slot in 0..SLOTS as u16 {
        let (level, digit) = split(slot);
        let summary = wheel.levels >> level & 1 != 0;
        assert_eq!(summary, wheel.occupied[level as usize] != 0);
        if !wheel.is_occupied(slot) {
            continue;
        }
        let cursor_digit = (wheel.cursor >> (level * DIGIT_BITS)) as u32 % DIGITS;
        let on_cursor = level == 0 || wheel.sorting == Some(slot);
        assert!(digit > cursor_digit || digit == cursor_digit && on_cursor);
        let (first, last) = wheel.range_of(slot);
        let list = &wheel.slots[slot as usize];
        let (mut index, mut prev) = (list.head, NONE);
        while index != NONE {
            let entry = &wheel.entries[index as usize];
            assert_eq!((entry.slot, entry.prev), (slot, prev));
            assert!(list.earliest <= entry.deadline);
            let overdue = entry.deadline < first && first <= wheel.cursor;
            assert!(overdue || (first..=last).contains(&entry.deadline));
            seen += 1;
            (prev, index) = (index, entry.next);
        }
        assert_eq!(list.tail, prev);
    }
    assert_eq!(seen, wheel.len());
}

/// One run of random operations and jumps beside a sorted map of (deadline, number of placing).
fn run_against_model(seed: u64, steps: u32) {
    let mut random = Random(seed);
    let mut wheel = Wheel::new();
    let mut model: BTreeMap<(u64, u64), TimerId> = BTreeMap::new();
    // By payload: the key in the model. Dead timers stay, to be asked for in vain.
    let mut known: Vec<(TimerId, (u64, u64))> = Vec::new();
    let mut placings = 0;
    let mut now: u64 = 0;
    // Order is promised only where no call was cut short.
    let portions = seed.is_multiple_of(2);
    let mut out = Vec::new();
    for step in 0..steps {
        match random.below(10) {
            0..=3 => {
                // A quarter falls on few moments, past ones among them.
                let deadline = match random.below(4) {
                    0 => now.saturating_sub(10) / 16 * 16 + 16 * random.below(3),
                    _ => now.saturating_add(random.magnitude(50)),
                };
                let key = (deadline, placings);
                placings += 1;
                let next = wheel.next_id();
                let id = wheel.insert(deadline, known.len());
                assert_eq!(id, next);
                known.push((id, key));
                assert!(model.insert(key, id).is_none());
            }
            4..=5 if !known.is_empty() => {
                let payload = random.below(known.len() as u64) as usize;
                let (id, key) = known[payload];
                let lives = model.contains_key(&key);
                assert_eq!(wheel.deadline(id), lives.then_some(key.0));
                match random.below(3) {
                    0 => {
                        assert_eq!(wheel.remove(id), lives.then_some(payload));
                        model.remove(&key);
                    }
                    1 => {
                        let removed = wheel.remove_if(id.index(), |&p| p == payload);
                        assert_eq!(removed, lives.then_some(payload));
                        model.remove(&key);
                    }
                    _ => {
                        let moved = (now.saturating_add(random.magnitude(50)), placings);
                        placings += 1;
                        assert_eq!(wheel.set_deadline(id, moved.0), lives);
                        if lives {
                            model.remove(&key);
                            model.insert(moved, id);
                            known[payload].1 = moved;
                        }
                    }
                }
            }
            _ => {
                now = match random.below(4) {
                    0 => wheel.next_expiry().unwrap_or(now).max(now),
                    1 => now,
                    _ => now + random.magnitude(44),
                };
                let max = match random.below(3) {
                    0 if portions => random.below(8) as usize,
                    _ => usize::MAX,
                };
                out.clear();
                let more = wheel.expire(now, max, &mut out);
                assert!(out.len() <= max);
                let mut last_of_moment: BTreeMap<u64, u64> = BTreeMap::new();
                for expired in &out {
                    let (id, key) = known[expired.payload];
                    assert_eq!((expired.id, expired.deadline), (id, key.0));
                    assert!(expired.deadline <= now, "early");
                    assert!(model.remove(&key).is_some(), "twice");
                    let before = last_of_moment.insert(key.0, key.1);
                    assert!(portions || before < Some(key.1), "out of order");
                }
                if !more {
                    let first = model.first_key_value().map(|(key, _)| key.0);
                    assert!(first.is_none_or(|deadline| deadline > now), "late");
                }
            }
        }
        assert_eq!(wheel.len(), model.len());
        let first = model.first_key_value().map(|(key, _)| key.0);
        assert_eq!(wheel.earliest(), first);
        let next = wheel.next_expiry();
        assert!(next <= first && next.is_some() == first.is_some());
        if step % 16 == 0 {
            check(&wheel);
        }
    }
    let rest = payloads(&mut wheel, u64::MAX);
    assert_eq!(rest.len(), model.len());
    check(&wheel);
}

#[test]
fn does_what_a_sorted_map_does() {
    // Whatever is inserted, moved and removed, and however time jumps: nothing expires early,
    // late, twice or never, and removed timers stay removed.
    let seed = match std::env::var("WHEEL_SEED") {
        Ok(seed) => seed.parse().expect("WHEEL_SEED is a number"),
        Err(_) => RandomState::new().hash_one(0),
    };
    for seed in (0..20).chain([seed]) {
        println!("WHEEL_SEED={seed}");
        run_against_model(seed, if cfg!(miri) { 300 } else { 20_000 });
    }
}

#[test]
fn expires_at_the_very_nanosecond() {
    // A timer expires at its deadline, not a nanosecond sooner, whatever the cursor's digits are.
    for start in [
        0,
        1,
        63,
        64,
        4095,
        0xFFFF,
        0x1_0000,
        HOUR,
        YEAR - 1,
        u64::MAX / 2,
    ] {
        for bits in 0..63 {
            for ahead in [(1 << bits) - 1, 1 << bits, (1 << bits) + 1] {
                let mut wheel = Wheel::new();
                expire(&mut wheel, start);
                let deadline = start + ahead;
                wheel.insert(deadline, ());
                assert_eq!(wheel.next_expiry(), Some(deadline));
                if ahead > 0 {
                    assert_eq!(expire(&mut wheel, deadline - 1), []);
                }
                assert_eq!(expire(&mut wheel, deadline).len(), 1);
            }
        }
    }
}

#[test]
fn a_far_timer_wakes_nobody_before_it_is_due() {
    // A worker that sleeps until `next_expiry` is woken once for each timer, however far it is.
    let mut wheel = Wheel::new();
    let deadlines = [
        3,
        70_000,
        SECOND,
        7 * HOUR,
        8 * HOUR,
        YEAR,
        300 * YEAR,
        u64::MAX,
    ];
    for deadline in deadlines {
        wheel.insert(deadline, deadline);
    }
    for deadline in deadlines {
        assert_eq!(wheel.next_expiry(), Some(deadline));
        assert_eq!(payloads(&mut wheel, deadline), [deadline]);
        check(&wheel);
    }
    assert_eq!(wheel.next_expiry(), None);
}

#[test]
fn a_removed_timer_wakes_at_most_once() {
    // `next_expiry` may be too early after a removal, but an `expire` at that time puts it right.
    let mut wheel = Wheel::new();
    let removed = wheel.insert(SECOND, 'r');
    wheel.insert(SECOND + 1000, 'k');
    assert_eq!(wheel.remove(removed), Some('r'));
    let next = wheel.next_expiry().unwrap();
    assert!((SECOND..=SECOND + 1000).contains(&next));
    assert_eq!(expire(&mut wheel, next), []);
    assert_eq!(wheel.next_expiry(), Some(SECOND + 1000));
}

#[test]
fn a_gap_is_crossed_at_once() {
    // After a long gap everything due comes in one call, and what is ahead stays.
    let mut wheel = Wheel::new();
    for second in 0..100 {
        wheel.insert(second * SECOND, second);
    }
    wheel.insert(YEAR + HOUR, 100);
    assert_eq!(payloads(&mut wheel, YEAR), (0..100).collect::<Vec<_>>());
    assert_eq!(wheel.next_expiry(), Some(YEAR + HOUR));
    assert_eq!(payloads(&mut wheel, YEAR + HOUR), [100]);
}

#[test]
fn a_million_at_one_instant_come_in_portions_and_in_order() {
    // However many are due at once, a call takes no more than asked for, and no timer is touched
    // twice.
    let n: u32 = if cfg!(miri) { 1000 } else { 1_000_000 };
    let portion = 1000;
    let mut wheel = Wheel::new();
    for i in 0..n {
        wheel.insert(HOUR, i);
    }
    let (mut out, mut calls) = (Vec::new(), 0);
    while wheel.expire(HOUR, portion, &mut out) {
        calls += 1;
        assert_eq!(out.len(), calls * portion);
    }
    assert!(out.iter().map(|expired| expired.payload).eq(0..n));
    assert_eq!(wheel.len(), 0);
}

#[test]
fn sorting_a_slot_comes_in_portions_too() {
    // A slot full of timers that are not due yet must not hold up its worker when it is sorted.
    let n: u64 = if cfg!(miri) { 100 } else { 10_000 };
    let mut wheel = Wheel::new();
    for i in 0..n {
        wheel.insert(YEAR + i, i);
    }
    let mut out = Vec::new();
    let mut calls = 0;
    while wheel.expire(YEAR, 10, &mut out) {
        calls += 1;
        check(&wheel);
        // One is due; nothing is due twice, and what comes meanwhile is not lost.
        assert_eq!(out.len(), 1);
        if calls == 5 {
            wheel.insert(YEAR + 1, n);
            assert_eq!(wheel.next_expiry(), Some(YEAR));
        }
    }
    assert!(calls >= n / 10 - 1, "{calls} calls");
    let mut due = payloads(&mut wheel, YEAR + 1);
    due.sort_unstable();
    assert_eq!(due, [1, n]);
    assert_eq!(wheel.len() as u64, n - 2);
}

#[test]
fn the_slot_being_sorted_may_be_emptied_meanwhile() {
    // Timers that wait to be sorted can be removed and moved as any other.
    let mut wheel = Wheel::new();
    let ids: Vec<_> = (0..10).map(|i| wheel.insert(YEAR + i, i)).collect();
    let mut out = Vec::new();
    assert!(wheel.expire(YEAR, 3, &mut out));
    assert!(wheel.set_deadline(ids[9], YEAR + 1));
    for &id in &ids[3..9] {
        assert!(wheel.remove(id).is_some());
    }
    check(&wheel);
    assert_eq!(wheel.next_expiry(), Some(YEAR + 1));
    assert_eq!(payloads(&mut wheel, YEAR + 1), [1, 9]);
    assert_eq!(payloads(&mut wheel, YEAR + 2), [2]);
}

#[test]
fn time_does_not_go_back() {
    // A coarse time after a precise one must neither lose timers nor bring them early.
    let mut wheel = Wheel::new();
    wheel.insert(HOUR, 'a');
    assert_eq!(expire(&mut wheel, HOUR / 2), []);
    assert_eq!(wheel.cursor, HOUR / 2);
    assert_eq!(expire(&mut wheel, SECOND), []);
    wheel.insert(SECOND, 'b');
    wheel.insert(HOUR / 2, 'c');
    assert_eq!(payloads(&mut wheel, 2 * SECOND), ['b', 'c']);
    assert_eq!(payloads(&mut wheel, HOUR), ['a']);
    check(&wheel);
}

#[test]
fn an_id_names_one_timer_only() {
    // An id that was kept too long must not reach the timer that got its place.
    let mut wheel = Wheel::new();
    let old = wheel.insert(SECOND, 1);
    assert_eq!(expire(&mut wheel, SECOND)[0].id, old);
    assert_eq!(wheel.remove(old), None);
    let new = wheel.insert(HOUR, 2);
    assert_eq!(old.index(), new.index());
    assert_eq!(wheel.remove(old), None);
    assert!(!wheel.set_deadline(old, 5));
    assert_eq!(wheel.deadline(old), None);
    assert_eq!(wheel.remove_if(old.index(), |&p| p == 1), None);
    assert_eq!(wheel.find(old.index(), |&p| p == 2), Some(new));
    assert_eq!(wheel.remove_if(77, |_| true), None);
    assert_eq!(wheel.remove_if(old.index(), |&p| p == 2), Some(2));
    assert_eq!(wheel.remove_if(old.index(), |_| true), None);
}

#[test]
fn generations_never_come_again() {
    // An entry whose generations are used up is given to no other timer, whom its old ids would
    // name.
    let mut wheel = Wheel::new();
    let first = wheel.insert(SECOND, 1);
    wheel.entries[first.index() as usize].generation = u32::MAX;
    let last = wheel.find(first.index(), |_| true).unwrap();
    assert_eq!(wheel.remove(last), Some(1));
    let next = wheel.insert(SECOND, 2);
    assert_ne!(next.index(), last.index());
    assert_eq!(wheel.remove(last), None);
    assert_eq!(expire(&mut wheel, SECOND).len(), 1);
    assert_eq!(wheel.len(), 0);
}

#[test]
fn an_entry_takes_at_most_48_bytes() {
    // A million processes that wait with a time-out cost a million of these.
    assert!(size_of::<Entry<[u64; 3]>>() <= 48);
}
