//! Models of wake-ups that carry no envelope: wakers of futures, and timers.

use super::super::inbox::Woke;
use super::place::Place;
use crate::loom::sync::Arc;
use crate::loom::sync::atomic::{AtomicUsize, Ordering};
use crate::loom::thread;

const WOKEN: u32 = 1;
const TIMER: u32 = 1 << 7;

/// A process that looks for the flag before it waits, and counts how often it was there.
fn look(place: &Place) {
    // As `wait::is_woken` and `take_woken`.
    if place.inbox.flags() & WOKEN != 0 && place.inbox.clear(WOKEN) & WOKEN != 0 {
        place.hold(|private| private.looks += 1);
    }
}

/// A wake-up that meets a process falling asleep is seen: the process does not wait before it has
/// looked.
#[test]
fn a_wake_is_not_lost() {
    loom::model(|| {
        let place = Arc::new(Place::with(look));
        let waker = {
            let place = Arc::clone(&place);
            thread::spawn(move || place.wake(WOKEN, 1))
        };
        place.run();
        waker.join().unwrap();
        place.at_the_end(|private| assert_eq!(private.looks, 1));
    });
}

/// A wake-up that finds mail in the inbox is seen by whoever takes the mail; and both are there
/// before the process waits.
#[test]
fn a_wake_behind_mail_is_seen() {
    loom::model(|| {
        let place = Arc::new(Place::with(look));
        let sender = {
            let place = Arc::clone(&place);
            thread::spawn(move || {
                assert!(place.send(1, 10));
            })
        };
        let waker = {
            let place = Arc::clone(&place);
            thread::spawn(move || place.wake(WOKEN, 1))
        };
        place.run();
        sender.join().unwrap();
        waker.join().unwrap();
        place.at_the_end(|private| {
            assert_eq!(private.looks, 1);
            assert_eq!(private.received[0], [10]);
        });
    });
}

/// Two futures become ready at once: the process polls after both, though one of the wakers found
/// the flag set and left the waking to the other.
#[test]
fn two_wakers_are_one() {
    loom::lazy_static! {
        static ref READY: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];
    }
    fn poll(place: &Place) {
        if place.inbox.flags() & WOKEN != 0 && place.inbox.clear(WOKEN) & WOKEN != 0 {
            let ready = READY.iter().map(|one| one.load(Ordering::Relaxed)).sum();
            place.hold(|private| private.looks = ready);
        }
    }
    loom::model(|| {
        let place = Arc::new(Place::with(poll));
        let first = {
            let place = Arc::clone(&place);
            thread::spawn(move || {
                READY[0].store(1, Ordering::Relaxed);
                place.wake(WOKEN, 1);
            })
        };
        let second = {
            let place = Arc::clone(&place);
            thread::spawn(move || {
                READY[1].store(1, Ordering::Relaxed);
                place.wake(WOKEN, 1);
            })
        };
        place.run();
        first.join().unwrap();
        second.join().unwrap();
        place.at_the_end(|private| assert_eq!(private.looks, 2));
    });
}

/// A waker of a process that has ended wakes nobody, whatever it finds in the place.
#[test]
fn a_waker_of_the_dead_is_mute() {
    loom::model(|| {
        let place = Arc::new(Place::with(look));
        let waker = {
            let place = Arc::clone(&place);
            thread::spawn(move || place.wake(WOKEN, 1))
        };
        assert!(place.end());
        place.spawn();
        place.run();
        waker.join().unwrap();
        place.at_the_end(|private| assert_eq!(private.looks, 0));
    });
}

/// A timer that falls due while its process prepares to wait, with the entry that serves already
/// in the wheel, is not lost: the process waits with an entry in the wheel, or knows that the
/// time has come.
///
/// The first entry falls due too early, as one of an earlier wait does, and is armed anew by
/// whoever holds the process then.
#[test]
fn a_timer_is_not_lost() {
    loom::lazy_static! {
        static ref WHEEL: AtomicUsize = AtomicUsize::new(0);
    }
    /// As `wait::ensure`: sees to it that an entry is in the wheel.
    fn ensure(place: &Place) {
        if place.inbox.flags() & TIMER != 0 {
            place.inbox.clear(TIMER);
            place.hold(|private| private.timer.armed = false);
        }
        place.hold(|private| {
            if private.timer.fired == 0 && !private.timer.armed {
                private.timer.armed = true;
                WHEEL.fetch_add(1, Ordering::AcqRel);
            }
        });
    }
    /// As `Worker::expire` and `wait::fire`.
    fn expire(place: &Place, is_due: bool) {
        if WHEEL.load(Ordering::Acquire) == 0 {
            return;
        }
        WHEEL.fetch_sub(1, Ordering::AcqRel);
        if place.inbox.wake_with(TIMER, 1) != Woke::Claimed {
            return;
        }
        place.inbox.clear(TIMER);
        place.hold(|private| {
            private.timer.armed = false;
            if is_due {
                private.timer.fired += 1;
            } else {
                private.timer.armed = true;
                WHEEL.fetch_add(1, Ordering::AcqRel);
            }
        });
        place.run();
    }
    loom::model(|| {
        let place = Arc::new(Place::with(ensure));
        // Armed by an earlier wait.
        WHEEL.store(1, Ordering::Relaxed);
        place.hold(|private| private.timer.armed = true);
        let wheel = {
            let place = Arc::clone(&place);
            thread::spawn(move || {
                expire(&place, false);
                expire(&place, true);
            })
        };
        place.run();
        wheel.join().unwrap();
        place.at_the_end(|private| {
            let waits_with_an_entry = WHEEL.load(Ordering::Acquire) == 1;
            assert!(waits_with_an_entry || private.timer.fired == 1);
        });
    });
}
