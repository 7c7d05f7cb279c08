//! Time as a future.
//!
//! Each [`Sleep`] has an entry in a worker's wheel once it has been polled, and an [`Alarm`] that the
//! two share; dropped, it takes the entry out.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::scheduler;
use crate::send_after::{self, TimerRef};
use crate::timer::Alarm;

/// Waits for `time` to pass by the clock of the caller's node. Never early.
///
/// ```
/// use std::time::Duration;
///
/// # runtime::run(|| {
/// let start = runtime::now();
/// runtime::block_on(runtime::future::sleep(Duration::from_millis(2)));
/// assert!(runtime::now() - start >= Duration::from_millis(2));
/// # });
/// ```
pub fn sleep(time: Duration) -> Sleep {
    Sleep::at(scheduler::now().checked_add(time))
}

/// Waits until `deadline` by the clock of the caller's node.
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep::at(Some(deadline))
}

/// A moment to come: see [`sleep`](fn@sleep).
#[must_use = "a future does nothing unless it is polled"]
pub struct Sleep {
    /// None: it never comes.
    deadline: Option<Instant>,
    set: Option<(TimerRef, Arc<Alarm>)>,
}

impl Sleep {
    fn at(deadline: Option<Instant>) -> Sleep {
        Sleep {
            deadline,
            set: None,
        }
    }

    /// When it is due; none: never.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Makes it due at another time.
    pub fn reset(&mut self, deadline: Instant) {
        self.cancel();
        self.deadline = Some(deadline);
    }

    fn cancel(&mut self) {
        if let Some((timer, _)) = self.set.take() {
            send_after::take_alarm(timer);
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if scheduler::is_spent(cx) {
            return Poll::Pending;
        }
        let Some(deadline) = self.deadline else {
            return Poll::Pending;
        };
        match &self.set {
            Some((_, alarm)) if !alarm.hears(cx.waker()) => return Poll::Pending,
            None if scheduler::now() < deadline => {
                let alarm = Arc::new(Alarm::default());
                let _ = alarm.hears(cx.waker());
                if let Some(timer) = send_after::set_alarm(deadline, Arc::clone(&alarm)) {
                    self.set = Some((timer, alarm));
                    return Poll::Pending;
                }
            }
            // It is time.
            _ => {}
        }
        self.set = None;
        scheduler::spend(1);
        Poll::Ready(())
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep")
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
