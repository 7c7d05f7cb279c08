//! The scheduler: which process runs, where, and for how long.
//!
//! README.md beside this file has the protocols. This file is what the rest of the runtime calls;
//! `worker` picks, `runner` runs, `run_queue` keeps, `idle` and `seat` order who sleeps and who
//! may run, `watchdog` looks after all.

pub(crate) mod arrivals;
mod barrier;
mod counts;
pub(crate) mod idle;
pub(crate) mod offer;
pub(crate) mod park;
pub(crate) mod seat;
pub(crate) mod seats;

#[cfg(not(loom))]
mod cpu_clock;
#[cfg(not(loom))]
pub(crate) mod deliver;
#[cfg(not(loom))]
mod placement;
#[cfg(not(loom))]
pub(crate) mod reductions;
#[cfg(not(loom))]
pub(crate) mod run_queue;
#[cfg(not(loom))]
pub(crate) mod runner;
#[cfg(not(loom))]
pub(crate) mod seated;
#[cfg(not(loom))]
mod spread;
#[cfg(not(loom))]
pub(crate) mod timers;
#[cfg(not(loom))]
pub(crate) mod watchdog;
#[cfg(not(loom))]
pub(crate) mod worker;

#[cfg(test)]
mod tests;

#[cfg(not(loom))]
pub use calls::now;
#[cfg(not(loom))]
pub(crate) use calls::*;
#[cfg(not(loom))]
pub(crate) use deliver::{
    deliver, deliver_on, deliver_signal, is_limited, leave_to, offer, ready, release,
};
#[cfg(not(loom))]
pub(crate) use reductions::{account, is_spent, spend, spent};
#[cfg(not(loom))]
pub use reductions::{tick, yield_now};

#[cfg(not(loom))]
mod calls {
    use std::ptr;
    use std::time::Instant;

    use super::worker::Worker;
    use crate::context::{self, Suspend};
    use crate::process::slot::Slot;
    use crate::thread::{self, Thread};
    use crate::timer::real_time;

    /// The worker that this thread is.
    ///
    /// # Panics
    ///
    /// On a thread that is none; processes run on workers only.
    #[inline]
    pub(crate) fn worker() -> &'static Worker {
        worker_of(thread::this())
    }

    /// As [`worker`], for a caller that has its thread's record at hand.
    #[inline]
    fn worker_of(thread: &Thread) -> &'static Worker {
        match thread.worker() {
            Some(worker) => worker,
            None => unreachable!("a process runs on a worker"),
        }
    }

    /// The worker that this thread is, if it is one.
    ///
    /// The reference is good until the next switch point: then the thread may be another.
    #[inline]
    pub(crate) fn try_worker() -> Option<&'static Worker> {
        thread::this().worker()
    }

    /// Switches away from the running process. Inlined into the caller down to the switch.
    #[inline(always)]
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn suspend(why: Suspend) {
        let context = thread::this().context.get();
        #[cfg(debug_assertions)]
        crate::soundness::look(context);
        // SAFETY: the thread's record knows the context it runs on.
        unsafe { context::suspend(context, why) };
    }

    /// The time by the clock of the calling process's node: the system's, but on virtual time
    /// (`#[runtime::test(paused)]`). Outside a process it is [`Instant::now`].
    ///
    /// Mirrors `erlang:monotonic_time/0`.
    pub fn now() -> Instant {
        match try_worker() {
            Some(worker) => worker.clock().instant(worker.clock().now()),
            None => real_time(),
        }
    }

    /// A process at rest that has had its turn goes to the back of the queue.
    pub(crate) fn again(slot: &'static Slot) {
        worker().requeue(slot);
    }

    /// The running process has ended: its slot is free.
    pub(crate) fn leave(thread: &Thread, slot: &'static Slot) {
        thread.process.set(ptr::null());
        worker_of(thread).bury(slot);
    }
}
