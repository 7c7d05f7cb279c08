//! CPU time: to burn it, and to count it.

use std::hint::black_box;
use std::mem;
use std::time::Duration;

/// Burns `amount` of the calling thread's CPU time without a switch point; returns how much it
/// was, by the thread's own clock, so that time for which the thread was not run does not count.
pub fn burn(amount: Duration) -> Duration {
    let start = thread_time();
    loop {
        black_box(work());
        let burnt = thread_time() - start;
        if burnt >= amount {
            return burnt;
        }
    }
}

/// About a microsecond of arithmetic.
#[inline]
pub fn work() -> u64 {
    let mut x = black_box(0x9e37_79b9_7f4a_7c15_u64);
    for _ in 0..300 {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    x
}

/// The CPU time that the calling thread has used.
fn thread_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is valid for writes.
    let done = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(done, 0, "no clock of the thread's CPU time");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The CPU time, of the user and of the system, that this program has used.
pub fn process_time() -> Duration {
    used(libc::RUSAGE_SELF)
}

/// The CPU time that those of this program's children have used that have ended.
pub fn children_time() -> Duration {
    used(libc::RUSAGE_CHILDREN)
}

fn used(who: libc::c_int) -> Duration {
    // SAFETY: a struct of integers, for which zeroes are a value.
    let mut usage: libc::rusage = unsafe { mem::zeroed() };
    // SAFETY: `usage` is valid for writes.
    let done = unsafe { libc::getrusage(who, &mut usage) };
    assert_eq!(done, 0, "no account of the CPU time");
    [usage.ru_utime, usage.ru_stime]
        .map(|t| Duration::new(t.tv_sec as u64, t.tv_usec as u32 * 1000))
        .iter()
        .sum()
}
