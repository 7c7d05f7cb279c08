//! hyper's executor and timer, over processes at rest and [`Sleep`]. With the feature `hyper`.

use std::pin::Pin;
use std::time::{Duration, Instant};

use super::{Sleep, sleep, sleep_until};
use crate::process::result::ProcessResult;
use crate::process::spawn::Spawn;
use crate::report::report;

/// hyper's executor: each future is a process at rest.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Executor;

impl Executor {
    /// The executor.
    pub const fn new() -> Executor {
        Executor
    }
}

impl<F> hyper::rt::Executor<F> for Executor
where
    F: Future + Send + 'static,
    F::Output: ProcessResult,
{
    fn execute(&self, future: F) {
        if let Err(error) = Spawn::new().future(future) {
            report(|| {
                tracing::error!(
                    target: "runtime::future",
                    error = %error,
                    "no process for a future of hyper's: it is dropped"
                )
            });
        }
    }
}

/// hyper's timer.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Timer;

impl Timer {
    /// The timer.
    pub const fn new() -> Timer {
        Timer
    }
}

impl hyper::rt::Sleep for Sleep {}

impl hyper::rt::Timer for Timer {
    fn sleep(&self, time: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(sleep(time))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(sleep_until(deadline))
    }

    fn now(&self) -> Instant {
        crate::now()
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn hyper::rt::Sleep>>, deadline: Instant) {
        if let Some(sleep) = sleep.as_mut().downcast_mut_pin::<Sleep>() {
            sleep.get_mut().reset(deadline);
        }
    }
}
