//! How long a thread has had a processor: started by a worker's thread, read by the watchdog, which must not take a
//! thread that the system has kept from running for one that hogs.

use std::sync::atomic::{AtomicI32, Ordering};

/// The clock of one thread's processor time; others read it.
#[derive(Debug)]
pub(crate) struct CpuClock(AtomicI32);

/// No thread has started it.
const NONE: i32 = i32::MIN;

impl CpuClock {
    pub(crate) fn new() -> CpuClock {
        CpuClock(AtomicI32::new(NONE))
    }

    /// Makes it the clock of the calling thread.
    #[cfg(target_os = "linux")]
    pub(crate) fn start(&self) {
        let mut clock = 0;
        // SAFETY: the calling thread is alive, and `clock` is a local.
        let result = unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), &raw mut clock) };
        self.0
            .store(if result == 0 { clock } else { NONE }, Ordering::Release);
    }

    /// Nanoseconds; `None` if the system does not tell.
    #[cfg(target_os = "linux")]
    pub(crate) fn read(&self) -> Option<u64> {
        let clock = self.0.load(Ordering::Acquire);
        if clock == NONE {
            return None;
        }
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: `time` is a local; a clock whose thread has ended is refused.
        let result = unsafe { libc::clock_gettime(clock, &raw mut time) };
        (result == 0).then(|| time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn start(&self) {}

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn read(&self) -> Option<u64> {
        let _ = self.0.load(Ordering::Acquire);
        None
    }
}
