//! The stack on which a worker's signal handlers run.
//!
//! A process that overflowed its stack has none left to report on. The alternate stack that Rust's
//! standard library gives to threads is too small for a report, so each worker installs one of these
//! when its thread starts.

use std::io;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

use super::{StackError, page_size};

/// Room for handlers, in bytes: the processor's state (11 KiB with every extension of today) and the
/// report, several times over.
const ROOM: usize = 64 * 1024;

/// An alternate signal stack for the thread that made it, until it is dropped there.
#[must_use = "dropped, it is gone"]
pub(crate) struct AltStack {
    /// The mapping; its lowest page is a guard.
    start: NonNull<u8>,
    bytes: usize,
    previous: libc::stack_t,
    /// It is the thread's, so it may not leave it.
    _thread: PhantomData<*mut ()>,
}

impl AltStack {
    /// Makes an alternate stack and installs it for the calling thread.
    ///
    /// # Errors
    ///
    /// [`StackError::AddressSpace`] or [`StackError::System`] when the system refuses.
    pub(crate) fn install() -> Result<AltStack, StackError> {
        let page = page_size();
        let bytes = ROOM + page;
        // SAFETY: an anonymous mapping at an address of the system's choice touches no other memory.
        let start = unsafe {
            libc::mmap(
                ptr::null_mut(),
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANON,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(last_error(bytes));
        }
        let start: NonNull<u8> =
            NonNull::new(start.cast()).ok_or(StackError::AddressSpace { bytes })?;
        let mut previous = MaybeUninit::uninit();
        // SAFETY: the mapping is fresh and `bytes` long: its first page may be protected and the
        // rest be handed to the kernel, which writes the old setting to `previous` on success.
        let installed = unsafe {
            libc::mprotect(start.as_ptr().cast(), page, libc::PROT_NONE) == 0
                && libc::sigaltstack(
                    &libc::stack_t {
                        ss_sp: start.as_ptr().add(page).cast(),
                        ss_flags: 0,
                        ss_size: ROOM,
                    },
                    previous.as_mut_ptr(),
                ) == 0
        };
        if !installed {
            let error = last_error(bytes);
            // SAFETY: the mapping was made above, and nothing uses it.
            unsafe { libc::munmap(start.as_ptr().cast(), bytes) };
            return Err(error);
        }
        Ok(AltStack {
            start,
            bytes,
            // SAFETY: sigaltstack succeeded, so it has written the old setting.
            previous: unsafe { previous.assume_init() },
            _thread: PhantomData,
        })
    }
}

impl Drop for AltStack {
    fn drop(&mut self) {
        let mut current = MaybeUninit::<libc::stack_t>::uninit();
        // SAFETY: asking for the setting changes nothing. `previous` is what this thread had before
        // (the type is not Send), and whoever installed that one outlives this value, as scopes on a
        // thread nest. Afterwards no handler of this thread starts on the mapping; and this code does
        // not run on it, since handlers never drop this value.
        unsafe {
            if libc::sigaltstack(ptr::null(), current.as_mut_ptr()) == 0
                && current.assume_init().ss_sp.addr() == self.start.addr().get() + page_size()
            {
                libc::sigaltstack(&self.previous, ptr::null_mut());
            }
            libc::munmap(self.start.as_ptr().cast(), self.bytes);
        }
    }
}

fn last_error(bytes: usize) -> StackError {
    match io::Error::last_os_error().raw_os_error().unwrap_or(0) {
        libc::ENOMEM => StackError::AddressSpace { bytes },
        code => StackError::System { code },
    }
}
