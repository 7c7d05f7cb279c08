//! The coarse time in one thread, under a clock that moves as the test says.

use std::cell::Cell;

use super::*;

const MILLI: u64 = 1_000_000;
const ERA: u64 = 1 << ERA_SHIFT;
/// More than rounding and slack add to a bound.
const EDGE: u64 = 1000 * (SLACK + 1);

/// A clock that moves by `step` at each reading, as the true one does.
struct Script {
    time: Cell<u64>,
    step: Cell<u64>,
    coarse: Coarse,
}

impl Script {
    fn new() -> Script {
        Script::with_grain(0)
    }

    fn with_grain(grain: u32) -> Script {
        Script {
            time: Cell::new(0),
            step: Cell::new(50),
            coarse: Coarse::new(grain),
        }
    }

    fn read(&self) -> u64 {
        self.time.set(self.time.get() + self.step.get());
        self.time.get()
    }

    fn wait(&self, nanos: u64) {
        self.time.set(self.time.get() + nanos);
    }

    fn get(&self) -> u64 {
        self.coarse.get(|| self.read())
    }

    fn refresh(&self) -> u64 {
        self.coarse.refresh(|| self.read())
    }

    fn stop(&self) {
        self.coarse.stop(|| self.read());
    }

    fn bound(&self, value: u64) -> u64 {
        self.coarse.bound(value, || self.read())
    }

    /// A millisecond's rhythm until `nanos` have passed.
    fn tick_for(&self, nanos: u64) {
        let end = self.time.get() + nanos;
        while self.time.get() < end {
            self.wait(MILLI);
            self.refresh();
        }
    }
}

#[test]
fn a_value_in_force_is_bounded_by_the_present() {
    // As long as a value may be loaded, nobody can be said to have started before now.
    let clock = Script::new();
    let since = clock.refresh();
    clock.wait(50 * MILLI);
    assert!(clock.bound(since) >= 50 * MILLI);
}

#[test]
fn a_replaced_value_is_bounded_by_its_replacement() {
    // A receive entered under a value has waited at least since that was replaced, and no more
    // than a refresh's distance is added to its time-out.
    let clock = Script::new();
    clock.tick_for(20 * MILLI);
    let since = clock.get();
    clock.wait(MILLI / 2);
    let entered = clock.read();
    clock.wait(MILLI / 2);
    clock.refresh();
    clock.tick_for(100 * MILLI);
    let bound = clock.bound(since);
    assert!(entered <= bound);
    assert!(bound <= since + MILLI + EDGE, "{} too late", bound - since);
}

#[test]
fn a_stall_touches_its_own_era_only() {
    // A value that stayed up for long must not make those of other eras vague.
    let clock = Script::new();
    clock.tick_for(2 * ERA);
    let before = clock.get();
    clock.tick_for(2 * ERA);
    let stalled = clock.get();
    clock.wait(700 * MILLI);
    let entered = clock.read();
    clock.tick_for(2 * ERA);
    let after = clock.get();
    clock.tick_for(2 * ERA);
    assert!(clock.bound(stalled) >= entered);
    assert!(clock.bound(stalled) <= stalled + 701 * MILLI + EDGE);
    assert!(clock.bound(before) <= before + MILLI + EDGE);
    assert!(clock.bound(after) <= after + MILLI + EDGE);
}

#[test]
fn an_era_does_not_inherit_its_bucket() {
    // A stall must not make receives vague that start minutes later.
    let clock = Script::new();
    clock.tick_for(ERA);
    clock.wait(50 * MILLI);
    clock.tick_for((BUCKETS as u64 - 1) * ERA);
    for _ in 0..3 {
        clock.tick_for(ERA);
        let since = clock.get();
        clock.tick_for(2 * MILLI);
        assert!(clock.bound(since) <= since + MILLI + EDGE);
    }
}

#[test]
fn a_clock_that_stands_replaces_nothing() {
    // Two readings may be equal; the value is then in force still, and bounded by the present.
    let clock = Script::new();
    clock.wait(MILLI);
    clock.step.set(0);
    let since = clock.refresh();
    assert_eq!(clock.refresh(), since);
    // Longer than any lag so far.
    clock.wait(10 * MILLI);
    assert_eq!(clock.get(), since);
    assert!(clock.bound(since) >= clock.read());
}

#[test]
fn a_bound_never_lies_ahead() {
    // A long lag of another value in the era must not start a fresh receive in the future.
    let clock = Script::new();
    clock.tick_for(MILLI);
    let stalled = clock.get();
    clock.wait(90 * MILLI);
    let since = clock.refresh();
    assert_eq!(era_of(stalled), era_of(since));
    clock.tick_for(2 * MILLI);
    let bound = clock.bound(since);
    assert!(since < bound && bound <= clock.read());
}

#[test]
fn what_the_table_forgot_is_bounded_by_the_longest_lag() {
    // A receive that waits longer than the table remembers must not be early either.
    let clock = Script::new();
    clock.tick_for(ERA);
    let stalled = clock.get();
    clock.wait(30 * MILLI);
    let entered = clock.read();
    clock.tick_for(ERA);
    let other = clock.get();
    clock.wait(3 * BUCKETS as u64 / 2 * ERA);
    clock.stop();
    // Let each bucket be used again.
    for _ in 0..BUCKETS {
        clock.wait(ERA);
        clock.refresh();
        clock.stop();
    }
    for since in [stalled, other] {
        let bound = clock.bound(since);
        assert!(bound >= entered);
        assert_eq!(bound, since + clock.coarse.longest.load(Ordering::Relaxed));
    }
}

#[test]
fn a_lag_too_long_for_the_table_is_kept_all_the_same() {
    // A value that stayed up for days must be bounded after them.
    const DAY: u64 = 24 * 3600 * 1000 * MILLI;
    let clock = Script::new();
    let since = clock.refresh();
    clock.wait(2 * DAY);
    let entered = clock.read();
    clock.refresh();
    clock.wait(DAY);
    clock.refresh();
    let bound = clock.bound(since);
    assert!(entered <= bound && bound <= entered + MILLI);
}

#[test]
fn a_stopped_clock_leaves_no_long_lag() {
    // A receive that waits through a night in which the whole node slept is not started anew.
    const NIGHT: u64 = 10 * 3600 * 1000 * MILLI;
    let clock = Script::new();
    clock.tick_for(10 * MILLI);
    let since = clock.get();
    clock.wait(MILLI / 2);
    let entered = clock.read();
    clock.stop();
    clock.wait(NIGHT / 2);
    clock.stop();
    clock.wait(NIGHT / 2);
    assert!(clock.refresh() >= NIGHT);
    let bound = clock.bound(since);
    assert!(entered <= bound && bound <= since + MILLI + EDGE);
}

#[test]
fn a_stopped_clock_starts_when_it_is_asked() {
    // Whoever asks a stopped clock gets the true time, and all that ask later no less.
    let clock = Script::new();
    let before = clock.refresh();
    clock.stop();
    clock.wait(MILLI);
    let woken = clock.read();
    let since = clock.get();
    assert!(woken <= since && before < since);
    assert_eq!(clock.get(), since);
    clock.wait(MILLI);
    assert_eq!(clock.get(), since);
    assert!(clock.refresh() > since);
}

#[test]
fn a_value_that_comes_back_after_a_stop_is_not_settled() {
    // A clock that is restarted within the grain in which it was stopped tells the same time; a
    // receive entered then must not be given the bound of those before the stop.
    let clock = Script::with_grain(20);
    clock.wait(10 << 20);
    let since = clock.refresh();
    for _ in 0..3 {
        clock.wait(100_000);
        clock.stop();
        clock.wait(100_000);
        let entered = clock.read();
        assert_eq!((clock.get(), clock.get()), (since, since));
        assert!(clock.bound(since) >= entered);
    }
    let entered = clock.read();
    clock.wait(2 * MILLI);
    assert!(clock.refresh() > since);
    assert!(clock.bound(since) >= entered);
}
