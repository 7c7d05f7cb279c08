//! What a timer rings, and who hears it.
//!
//! Made by a future that waits for a time, and shared with its entry in a wheel. No lock is held when a
//! waker is called, cloned or dropped: that is anybody's code.

use std::task::Waker;

use parking_lot::Mutex;

/// See the module's head.
#[derive(Default)]
pub(crate) struct Alarm(Mutex<Rings>);

#[derive(Default)]
struct Rings {
    rung: bool,
    waker: Option<Waker>,
}

impl Alarm {
    /// Whether it has rung; if not, it will wake the waker.
    pub(crate) fn hears(&self, waker: &Waker) -> bool {
        let rings = self.0.lock();
        let known = rings.waker.as_ref();
        if rings.rung || known.is_some_and(|known| known.will_wake(waker)) {
            return rings.rung;
        }
        drop(rings);
        let waker = waker.clone();
        let (before, rung) = {
            let mut rings = self.0.lock();
            (rings.waker.replace(waker), rings.rung)
        };
        drop(before);
        rung
    }

    /// It is time: whom to wake.
    pub(crate) fn ring(&self) -> Option<Waker> {
        let mut rings = self.0.lock();
        rings.rung = true;
        rings.waker.take()
    }
}
