//! Spreads the workers over the processors when they start.
//!
//! New threads begin on their parent's processor and, where the system sees no cache that two
//! processors share (as in many virtual machines), are woken there again and again: two workers
//! would take turns on one processor beside an idle one. So each worker visits a processor of its
//! own first. It is not pinned: from then on the system moves it as it likes.

/// Moves the calling thread to the processor with this number among those it may use.
#[cfg(target_os = "linux")]
pub(crate) fn visit(number: usize) {
    use std::mem;

    // SAFETY: a set is plain bits, for which zero is the empty set; the calls are given its size,
    // and change nothing but the calling thread's own affinity. What fails is left as it is.
    unsafe {
        let mut allowed: libc::cpu_set_t = mem::zeroed();
        let size = mem::size_of::<libc::cpu_set_t>();
        if libc::sched_getaffinity(0, size, &raw mut allowed) != 0 {
            return;
        }
        let count = libc::CPU_COUNT(&allowed) as usize;
        if count < 2 {
            return;
        }
        let mut processors =
            (0..libc::CPU_SETSIZE as usize).filter(|&cpu| libc::CPU_ISSET(cpu, &allowed));
        let Some(own) = processors.nth(number % count) else {
            return;
        };
        let mut one: libc::cpu_set_t = mem::zeroed();
        libc::CPU_SET(own, &mut one);
        if libc::sched_setaffinity(0, size, &raw const one) == 0 {
            libc::sched_setaffinity(0, size, &raw const allowed);
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn visit(_number: usize) {}
