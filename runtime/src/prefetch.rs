//! A hint to the processor: a cache line that will soon be written. Used for free blocks and slots, and for the
//! envelopes of a long chain.

/// Fetches the cache line at an address into the cache, to be written. Any address will do.
#[inline]
pub(crate) fn line<T>(address: *const T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: a prefetch reads and writes nothing, and does not fault.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_ET0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_ET0>(address.cast());
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = address;
}
