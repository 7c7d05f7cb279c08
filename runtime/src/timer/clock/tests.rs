//! The clock against the system's, and on virtual time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::*;

#[test]
fn coarse_time_is_never_ahead_of_precise_time() {
    // What is published is a reading of the past, and a refresh brings it up to now.
    let clock = Clock::new();
    let before = clock.now();
    let refreshed = clock.refresh();
    assert!(before < refreshed + (1 << GRAIN_SHIFT) && refreshed <= clock.now());
    assert_eq!(refreshed % (1 << GRAIN_SHIFT), 0);
    assert!(clock.coarse() >= refreshed);
}

#[test]
fn instants_and_times_are_each_others_inverse() {
    // Deadlines given as instants must mean the same time inside.
    let clock = Clock::new();
    for time in [0, 1, 999_999_999, 1 << 40] {
        assert_eq!(clock.time_of(clock.instant(time)), time);
    }
    assert!(clock.instant(u64::MAX) > Instant::now() + FAR / 2);
    let past = clock.start.checked_sub(Duration::from_nanos(1));
    assert_eq!(past.map_or(0, |past| clock.time_of(past)), 0);
}

#[test]
fn a_paused_clock_moves_when_it_is_told_to() {
    // Under virtual time only `advance` moves time, never back, and a start is exactly known.
    let clock = Clock::paused();
    assert!(clock.is_paused() && !Clock::new().is_paused());
    assert_eq!((clock.now(), clock.coarse(), clock.refresh()), (0, 0, 0));
    assert_eq!(clock.advance(7), 7);
    assert_eq!(clock.advance(5), 7);
    clock.stop();
    assert_eq!((clock.now(), clock.coarse(), clock.refresh()), (7, 7, 7));
    assert_eq!(clock.start_bound(3), 3);
    assert_eq!(clock.start_bound(7), 7);
    assert_eq!(clock.advance(u64::MAX), u64::MAX - 1);
    assert_eq!(clock.coarse(), u64::MAX - 1);
}

#[test]
#[should_panic(expected = "only a paused clock")]
fn the_systems_clock_is_not_advanced() {
    // To advance real time is a mistake in a test, which must not pass unnoticed.
    Clock::new().advance(1);
}

#[test]
fn no_start_is_bounded_too_early_while_many_refresh_and_stop() {
    // Stress: readers on two threads never see time go back, and never a bound before their start.
    let rounds = if cfg!(miri) { 100 } else { 50_000 };
    /// Ends the others, also if a reader panics.
    struct Done<'a>(&'a AtomicBool);
    impl Drop for Done<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let clock = Clock::new();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let _done = Done(&done);
        let refresh_and_stop = || {
            let mut last = 0;
            for i in 0_u32.. {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                if i % 5 == 0 {
                    clock.stop();
                }
                let refreshed = clock.refresh();
                assert!(last <= refreshed, "went back");
                last = refreshed;
            }
        };
        scope.spawn(refresh_and_stop);
        scope.spawn(refresh_and_stop);
        let read = || {
            let mut last = 0;
            let mut kept = (0, 0);
            for i in 0..rounds {
                let entered = clock.now();
                let since = clock.coarse();
                assert!(last <= since, "went back");
                assert!(since <= clock.now(), "ahead");
                assert!(clock.start_bound(since) >= entered, "early");
                assert!(clock.start_bound(kept.0) >= kept.1, "early later");
                last = since;
                if i % 64 == 0 {
                    kept = (since, entered);
                }
            }
        };
        let reader = scope.spawn(read);
        read();
        reader.join().expect("the other reader");
    });
}
