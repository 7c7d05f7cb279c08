//! A fence paid for by the side that can afford it.
//!
//! Two threads that each store one thing and then load the other's need a full fence between the
//! two on *both* sides, or both may miss the other's store. Here one side is the hot path (every
//! wake-up, every entry into the scheduler) and the other is a worker that falls asleep or a
//! watchdog that takes a seat. So the hot side calls [`light`], which only holds the compiler
//! back, and the rare side calls [`heavy`], which has the kernel run a full fence on every thread
//! of the program that runs at that moment (`membarrier(2)`, PRIVATE_EXPEDITED).
//!
//! **What is promised.** For a call of `light` on one thread and a call of `heavy` on another:
//! either what came before `light` is seen by what comes after `heavy`, or what came before
//! `heavy` is seen by what comes after `light`. **Two calls of `light` promise nothing to each
//! other**: no argument may rest on them.
//!
//! Where the system has no membarrier both are sequentially consistent fences. The choice is made
//! once, in [`register`], before the first node exists, and never changed: a thread that took the
//! light way could not be called back.
//!
//! Under loom the promise above is modelled and nothing more (see `model`): a sequentially
//! consistent fence on both sides would order two light sides too, and hide a mistake.
//!
//! Reference: P1202R5, "Asymmetric fences"; `membarrier(2)`.

#[cfg(not(loom))]
pub(crate) use real::{heavy, light, register};

#[cfg(loom)]
pub(crate) use model::{heavy, light, register};

#[cfg(not(loom))]
mod real {
    use std::sync::Once;
    use std::sync::atomic::{AtomicBool, Ordering, compiler_fence, fence};

    /// Whether [`heavy`] is a membarrier. Written once, before anything that uses it is made.
    static ASYMMETRIC: AtomicBool = AtomicBool::new(false);

    /// Chooses the kind of fence for the whole program. Everything that calls [`light`] or
    /// [`heavy`] calls this first, when it is made.
    pub(crate) fn register() {
        static ONCE: Once = Once::new();
        // Relaxed is enough: whoever is handed an object made after this call sees the store.
        ONCE.call_once(|| ASYMMETRIC.store(membarrier::register(), Ordering::Relaxed));
    }

    /// The hot side's fence: between its store and its load.
    #[inline(always)]
    pub(crate) fn light() {
        if ASYMMETRIC.load(Ordering::Relaxed) {
            compiler_fence(Ordering::SeqCst);
        } else {
            fence(Ordering::SeqCst);
        }
    }

    /// The rare side's fence: 0.15 us when the program's other threads sleep, about 2 us when they run.
    pub(crate) fn heavy() {
        if ASYMMETRIC.load(Ordering::Relaxed) {
            membarrier::run();
        } else {
            fence(Ordering::SeqCst);
        }
    }

    #[cfg(all(target_os = "linux", not(miri)))]
    mod membarrier {
        /// Registers the program; false if the kernel has no membarrier or a filter forbids it.
        pub(super) fn register() -> bool {
            call(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) && call(EXPEDITED)
        }

        /// # Panics
        ///
        /// If the kernel takes back what it granted (a system call filter installed after the
        /// start): threads that rely on it cannot be told, so there is no way on.
        pub(super) fn run() {
            assert!(
                call(EXPEDITED),
                "membarrier was granted at the start and is refused now"
            );
        }

        const EXPEDITED: libc::c_int = libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED;

        fn call(command: libc::c_int) -> bool {
            // The call is opaque to the compiler, so it holds it back as well.
            // SAFETY: membarrier takes two integers and touches no memory of ours.
            unsafe { libc::syscall(libc::SYS_membarrier, command, 0) == 0 }
        }
    }

    #[cfg(not(all(target_os = "linux", not(miri))))]
    mod membarrier {
        pub(super) fn register() -> bool {
            false
        }

        pub(super) fn run() {}
    }
}

#[cfg(loom)]
mod model {
    use crate::loom::sync::atomic::{AtomicU32, Ordering};

    // Each side leaves its view at its own place and then collects the other's. Whichever comes
    // second at either place has seen the first; two light sides exchange nothing, since they
    // only leave at one and only collect at the other.
    loom::lazy_static! {
        static ref LIGHT: AtomicU32 = AtomicU32::new(0);
        static ref HEAVY: AtomicU32 = AtomicU32::new(0);
    }

    pub(crate) fn register() {}

    pub(crate) fn light() {
        LIGHT.fetch_add(1, Ordering::Release);
        HEAVY.fetch_add(0, Ordering::Acquire);
    }

    pub(crate) fn heavy() {
        HEAVY.fetch_add(1, Ordering::AcqRel);
        LIGHT.fetch_add(0, Ordering::AcqRel);
    }
}
