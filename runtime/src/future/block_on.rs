//! Awaiting a future by blocking the process.
//!
//! Called by users, on a process's stack or on a thread that is no process; it may be called in the middle of
//! another `block_on`, or of a behaviour's callback, whose wake-ups it must not swallow (see [`Used`]).

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use crate::context::Suspend;
use crate::mailbox::{awaited, queue};
use crate::process::slot::{Slot, bit};
use crate::process::{exit, try_current, wait, waker};
use crate::scheduler;

/// Polls a future until it is ready; in between the process waits, and only it. A switch point between
/// two polls: a kill drops the future.
///
/// The waker is the process's own: cloning and dropping it is free, it may go to any thread, and be
/// called when the process is gone. On a thread that is no process the thread waits.
///
/// ```
/// use runtime::prelude::*;
/// use std::time::Duration;
///
/// # runtime::run(|| {
/// let (one, other) = runtime::block_on(async {
///     runtime::future::sleep(Duration::from_millis(1)).await;
///     let mut parts = Vec::new();
///     send(self_pid(), 7u32);
///     parts.push(runtime::future::receive_type::<u32>().await);
///     (parts[0], 8)
/// });
/// assert_eq!((one, other), (7, 8));
/// # });
/// ```
///
/// # Panics
///
/// Inside a guard.
#[cfg_attr(debug_assertions, track_caller)]
pub fn block_on<F: Future>(future: F) -> F::Output {
    let future = pin!(future);
    match try_current() {
        Some(slot) => in_process(slot, future),
        None => on_thread(future),
    }
}

/// Wake-ups used up by a `block_on`, which may have been meant for somebody around it.
struct Used {
    slot: &'static Slot,
    any: bool,
}

impl Drop for Used {
    fn drop(&mut self) {
        if self.any {
            self.slot.set(bit::OWED);
        }
    }
}

#[cfg_attr(debug_assertions, track_caller)]
fn in_process<F: Future>(slot: &'static Slot, mut future: Pin<&mut F>) -> F::Output {
    assert!(!slot.has(bit::GUARD), "a `block_on` inside a guard");
    let waker = waker::of(slot);
    let mut cx = Context::from_waker(&waker);
    let mut used = Used { slot, any: false };
    scheduler::tick();
    loop {
        exit::check(slot);
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            scheduler::tick();
            return output;
        }
        scheduler::spend(1);
        loop {
            awaited::wake(slot);
            if wait::take_woken(slot) {
                used.any = true;
                if scheduler::spent() {
                    scheduler::yield_now();
                }
                break;
            }
            scheduler::suspend(Suspend::Wait);
            queue::drain(slot);
            exit::check(slot);
            exit::drop_stale(slot);
        }
    }
}

/// Wakes a thread that is no process.
struct Unpark {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

fn on_thread<F: Future>(mut future: Pin<&mut F>) -> F::Output {
    let unpark = Arc::new(Unpark {
        thread: thread::current(),
        woken: AtomicBool::new(false),
    });
    let waker = Waker::from(Arc::clone(&unpark));
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
        while !unpark.woken.swap(false, Ordering::Acquire) {
            thread::park();
        }
    }
}
