//! A hint to the processor: a cache line that will soon be written. Used for free blocks and slots, and for the
//! envelopes of a long chain.

/// Fetches the cache line at an address into the cache, to be written. Any address will do.
#[inline]
pub(crate) fn line<T>(address: *const T) {
    // By hand: the compiler knows of `prefetchw` only where the target is told to have it. Where it
    // is missing it does nothing.
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: a prefetch reads and writes nothing, and does not fault.
    unsafe {
        std::arch::asm!(
            "prefetchw [{}]",
            in(reg) address.addr(),
            options(nomem, nostack, preserves_flags)
        );
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = address;
}
