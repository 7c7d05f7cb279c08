//! A lock of one byte, for moments: what a process shares with those who act in its absence.
//!
//! Used by `signal::relations` and at the process's end. Nearly always nobody else is there, and
//! then only taking it is an atomic read-modify-write, where a mutex needs one to let go as well.
//!
//! Invariant: whoever has it neither switches, nor runs user code, nor takes another; so it is let
//! go soon.

use std::hint;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Looks at a latch before the thread lets others run.
const SPINS: u32 = 64;

pub(crate) struct Latch(AtomicBool);

impl Latch {
    /// Takes it, when whoever has it has let go.
    #[inline]
    pub(crate) fn lock(&self) -> Latched<'_> {
        // Acquire: what was done under it before is seen.
        while self.0.swap(true, Ordering::Acquire) {
            self.wait();
        }
        Latched(self)
    }

    #[cold]
    fn wait(&self) {
        for _ in 0..SPINS {
            if !self.0.load(Ordering::Relaxed) {
                return;
            }
            hint::spin_loop();
        }
        thread::yield_now();
    }
}

/// A latch that is taken, until this is dropped.
#[must_use]
pub(crate) struct Latched<'a>(&'a Latch);

impl Drop for Latched<'_> {
    #[inline]
    fn drop(&mut self) {
        // Release: with the swap of whoever takes it next.
        self.0.0.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;

    /// One at a time has it, and sees what the others did.
    #[test]
    fn excludes() {
        let latch = Latch(AtomicBool::new(false));
        let count = AtomicU64::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        let _latched = latch.lock();
                        // In two steps, so that two at once would lose one.
                        let seen = count.load(Ordering::Relaxed);
                        count.store(seen + 1, Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(count.into_inner(), 40_000);
    }
}
