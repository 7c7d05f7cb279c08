//! Models of timers that send messages: against their cancellation, and against the end of their
//! destination. As `send_after` and `scheduler::timers`, with a list for the wheel.

use super::super::inbox::Inbox;
use crate::loom::sync::atomic::{AtomicUsize, Ordering};
use crate::loom::sync::{Arc, Mutex};
use crate::loom::thread;

const TIMED: u32 = 1 << 9;

/// A process, and a wheel with timers that send to it.
struct Place {
    inbox: Inbox,
    wheel: Mutex<Vec<u32>>,
    /// How often each timer came to its end: sent, cancelled, dropped or refused.
    ends: [AtomicUsize; 2],
}

impl Place {
    fn new() -> Arc<Place> {
        let place = Place {
            inbox: Inbox::new(),
            wheel: Mutex::new(Vec::new()),
            ends: [AtomicUsize::new(0), AtomicUsize::new(0)],
        };
        place.inbox.open();
        Arc::new(place)
    }

    fn end_of(&self, timer: u32) {
        self.ends[timer as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// As `send_after::set_for` and `mark`.
    fn set(&self, timer: u32) {
        let mut wheel = self.wheel.lock().unwrap();
        wheel.push(timer);
        let is_marked = |flags| flags & TIMED != 0;
        let marked =
            self.inbox.flags_of(1).is_some_and(is_marked) || self.inbox.set(TIMED, 1).is_some();
        if !marked || self.inbox.is_closed() || self.inbox.generation() != 1 {
            wheel.pop();
            drop(wheel);
            self.end_of(timer);
        }
    }

    fn take(&self) -> Option<u32> {
        self.wheel.lock().unwrap().pop()
    }

    /// As `process::run::end` and `recycle`.
    fn end(&self) {
        self.inbox.close();
        if self.inbox.flags_at_end() & TIMED != 0 {
            while let Some(timer) = self.take() {
                self.end_of(timer);
            }
        }
        assert!(self.inbox.retire());
    }

    /// Nothing is left in the wheel, and each timer has come to one end.
    fn is_done(&self, timers: usize) {
        assert_eq!(self.take(), None, "a timer outlives its destination");
        for ends in &self.ends[..timers] {
            assert_eq!(ends.load(Ordering::Relaxed), 1);
        }
    }
}

/// A timer that is set for a process which ends leaves the wheel: the process takes it out, or
/// whoever sets it.
#[test]
fn a_timer_ends_with_its_destination() {
    loom::model(|| {
        let place = Place::new();
        let setter = {
            let place = Arc::clone(&place);
            thread::spawn(move || place.set(0))
        };
        place.end();
        setter.join().unwrap();
        place.is_done(1);
    });
}

/// So does one whose setter finds that another has told the process.
#[test]
fn the_second_timer_ends_with_its_destination() {
    loom::model(|| {
        let place = Place::new();
        let setter = |timer| {
            let place = Arc::clone(&place);
            thread::spawn(move || place.set(timer))
        };
        let setters = [setter(0), setter(1)];
        place.end();
        for setter in setters {
            setter.join().unwrap();
        }
        place.is_done(2);
    });
}

/// A timer that is due, is cancelled and loses its destination in one instant comes to one end.
#[test]
fn a_timer_comes_to_one_end() {
    loom::model(|| {
        let place = Place::new();
        place.set(0);
        let takes = || {
            let place = Arc::clone(&place);
            thread::spawn(move || {
                if let Some(timer) = place.take() {
                    place.end_of(timer);
                }
            })
        };
        let (fires, cancels) = (takes(), takes());
        place.end();
        fires.join().unwrap();
        cancels.join().unwrap();
        place.is_done(1);
    });
}
