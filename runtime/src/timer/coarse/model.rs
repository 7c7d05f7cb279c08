//! A loom model of refreshing, stopping, loading and bounding.
//!
//! The clock is an atomic counter that each reading moves by ten microseconds. Readings are ordered
//! (acquire and release): that is the axiom on which the module's argument stands, namely that a
//! store which was visible before a reading is visible to whoever reads a later time. The eras are
//! 16 us long and the table has two of them, so that buckets change hands within a model.

use loom::model::Builder;
use loom::sync::Arc;
use loom::thread;

use super::*;

const TICK: u64 = 10_000;

struct Model {
    clock: AtomicU64,
    coarse: Coarse,
}

impl Model {
    fn new(grain: u32) -> Arc<Model> {
        Arc::new(Model {
            clock: AtomicU64::new(0),
            coarse: Coarse::new(grain),
        })
    }

    fn read(&self) -> u64 {
        self.clock.fetch_add(TICK, Ordering::AcqRel) + TICK
    }

    fn refresh(&self) -> u64 {
        self.coarse.refresh(|| self.read())
    }

    /// Enters a receive: the value it got, and a time at which it had been entered.
    fn enter(&self) -> (u64, u64) {
        let entered = self.read();
        (self.coarse.get(|| self.read()), entered)
    }

    /// Its timer fires.
    fn fire(&self, (since, entered): (u64, u64)) {
        let bound = self.coarse.bound(since, || self.read());
        assert!(
            bound >= entered,
            "{bound} may be early: entered at {entered}"
        );
    }
}

fn check(grain: u32, model: impl Fn(Arc<Model>) + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(2);
    builder.check(move || model(Model::new(grain)));
}

#[test]
fn a_bound_is_never_early() {
    // Two threads that refresh at once, while a third one enters and fires: never early.
    check(0, |model| {
        let other = model.clone();
        let refresher = thread::spawn(move || {
            other.refresh();
            other.refresh();
        });
        let other = model.clone();
        let reader = thread::spawn(move || {
            let first = other.enter();
            let second = other.enter();
            assert!(first.0 <= second.0, "went back");
            other.fire(first);
            other.fire(second);
        });
        model.refresh();
        refresher.join().unwrap();
        reader.join().unwrap();
    });
}

#[test]
fn a_bucket_that_changes_hands_is_not_mistaken() {
    // The lag of an era that is long gone is never taken for that of the one that got its bucket.
    check(0, |model| {
        let first = model.enter();
        let other = model.clone();
        let refresher = thread::spawn(move || {
            for _ in 0..4 {
                other.refresh();
            }
        });
        let second = model.enter();
        model.fire(first);
        model.fire(second);
        refresher.join().unwrap();
    });
}

/// A clock that is stopped under a running worker answers with true times, and none goes back.
fn stop_under_a_worker(grain: u32) {
    check(grain, |model| {
        let other = model.clone();
        let watchdog = thread::spawn(move || {
            other.refresh();
            other.coarse.stop(|| other.read());
        });
        let other = model.clone();
        let worker = thread::spawn(move || {
            let woken = other.refresh();
            let entered = other.enter();
            assert!(woken <= entered.0, "went back");
            other.fire(entered);
        });
        let first = model.enter();
        let second = model.enter();
        assert!(first.0 <= second.0, "went back");
        model.fire(first);
        model.fire(second);
        watchdog.join().unwrap();
        worker.join().unwrap();
    });
}

#[test]
fn stopping_at_any_moment_is_harmless() {
    // The restarted clock tells a new time.
    stop_under_a_worker(0);
}

#[test]
fn stopping_within_a_grain_is_harmless() {
    // The restarted clock may tell the time at which it was stopped.
    stop_under_a_worker(16);
}
