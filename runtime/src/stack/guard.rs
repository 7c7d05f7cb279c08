//! Guards: the lowest pages of each stack, which no one may touch.
//!
//! Called by the pool for stacks that are handed out for the first time. Linux 6.13 and later mark
//! pages in the page table (`MADV_GUARD_INSTALL`): no mapping is split, so there may be millions.
//! Elsewhere they are protected (`mprotect`), which takes two mappings for each stack and ends
//! before `vm.max_map_count` does: the rest of the program needs mappings too, and an allocator that
//! gets none aborts. Which of the two works is found out by trying, once.

use std::io;
#[cfg(target_os = "linux")]
use std::ptr::{self, NonNull};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

#[cfg(target_os = "linux")]
use super::page_size;
use super::{Stack, StackError};

/// How guards are made. Relaxed everywhere: a stale value costs a system call, nothing else.
pub(super) struct Guards {
    kind: AtomicU8,
    /// Stacks guarded by protection.
    protected: AtomicUsize,
    /// The most of them; read when the first is made.
    most: OnceLock<usize>,
}

/// Marked in the page table, several in one call (Linux 6.14 and later).
const VECTOR: u8 = 0;
/// Marked in the page table, one by one (Linux 6.13).
#[cfg(target_os = "linux")]
const MARK: u8 = 1;
/// Protected, one by one.
const PROTECT: u8 = 2;

#[cfg(target_os = "linux")]
const MADV_GUARD_INSTALL: libc::c_int = 102;

impl Guards {
    pub(super) const fn new() -> Guards {
        Guards::starting_with(if cfg!(target_os = "linux") {
            VECTOR
        } else {
            PROTECT
        })
    }

    /// Guards as a kernel without lightweight guards makes them, at most so many.
    #[cfg(test)]
    pub(super) fn protecting(most: usize) -> Guards {
        let guards = Guards::starting_with(PROTECT);
        guards.most.get_or_init(|| most);
        guards
    }

    const fn starting_with(kind: u8) -> Guards {
        Guards {
            kind: AtomicU8::new(kind),
            protected: AtomicUsize::new(0),
            most: OnceLock::new(),
        }
    }

    /// Guards one stack after the other; gives back how many have their guard, and what stopped it.
    pub(super) fn install(&self, stacks: &[Stack]) -> (usize, Result<(), i32>) {
        let mut done = 0;
        #[cfg(target_os = "linux")]
        if self.kind.load(Ordering::Relaxed) == VECTOR {
            // SAFETY: the lowest pages of a stack without a guard were never written.
            done = unsafe {
                advise_all(stacks, MADV_GUARD_INSTALL, |stack| {
                    (stack.bottom(), stack.class().guard())
                })
            };
            // Refused from the start: an older kernel, or a filter of system calls. (A signal cuts
            // a call short, but lets it do something.)
            if done == 0 {
                self.kind.store(MARK, Ordering::Relaxed);
            }
        }
        for stack in &stacks[done..] {
            if let Err(code) = self.install_one(stack) {
                return (done, Err(code));
            }
            done += 1;
        }
        (done, Ok(()))
    }

    fn install_one(&self, stack: &Stack) -> Result<(), i32> {
        let (start, bytes) = (stack.bottom().as_ptr(), stack.class().guard());
        #[cfg(target_os = "linux")]
        if self.kind.load(Ordering::Relaxed) != PROTECT {
            // SAFETY: the range is the stack's own and page-aligned; nothing was ever stored there,
            // since only stacks without a guard come here.
            match call(|| unsafe { libc::madvise(start.cast(), bytes, MADV_GUARD_INSTALL) }) {
                // An older kernel, or memory locked by mlockall.
                Err(libc::EINVAL) => self.kind.store(PROTECT, Ordering::Relaxed),
                result => return result,
            }
        }
        if self.protected.fetch_add(1, Ordering::Relaxed) >= *self.most.get_or_init(most_protected)
        {
            self.protected.fetch_sub(1, Ordering::Relaxed);
            return Err(libc::ENOMEM);
        }
        // SAFETY: as above; the range is inside a mapping made by the arena.
        call(|| unsafe { libc::mprotect(start.cast(), bytes, libc::PROT_NONE) }).inspect_err(|_| {
            self.protected.fetch_sub(1, Ordering::Relaxed);
        })
    }

    /// Makes the uppermost page of each stack resident, where one call does it for several.
    ///
    /// A page fault each is what makes a fresh stack dear, a third of it the exception itself. A
    /// refusal does no harm: the pages come when they are touched.
    pub(super) fn warm(&self, stacks: &[Stack]) {
        #[cfg(target_os = "linux")]
        if self.kind.load(Ordering::Relaxed) == VECTOR {
            let page = page_size();
            // SAFETY: the uppermost page lies within its stack, and faulting it in changes nothing
            // that is stored there.
            unsafe {
                advise_all(stacks, libc::MADV_POPULATE_WRITE, |stack| {
                    (stack.bottom().add(stack.size() - page), page)
                });
            }
        }
        #[cfg(not(target_os = "linux"))]
        let _ = stacks;
    }

    /// What a refusal of `install` means.
    pub(super) fn error(&self, code: i32) -> StackError {
        match code {
            libc::ENOMEM if self.kind.load(Ordering::Relaxed) == PROTECT => StackError::Mappings {
                stacks: self.protected.load(Ordering::Relaxed),
            },
            libc::ENOMEM => StackError::Memory,
            code => StackError::System { code },
        }
    }
}

/// How many stacks may take two mappings each: an eighth of the system's limit is left to others.
fn most_protected() -> usize {
    let limit = std::fs::read_to_string("/proc/sys/vm/max_map_count");
    match limit
        .ok()
        .and_then(|limit| limit.trim().parse::<usize>().ok())
    {
        Some(limit) => (limit - limit / 8) / 2,
        // No such limit is known: the system says when it is reached.
        None => usize::MAX,
    }
}

/// Gives one piece of advice about some pages of each stack, in as few calls as possible. Returns for
/// how many stacks the kernel took it; the rest it refused, or it knows no such call.
///
/// # Safety
///
/// `pages_of` gives pages of the stack it is asked about, as start and bytes; the advice may change
/// what is stored there.
#[cfg(target_os = "linux")]
unsafe fn advise_all(
    stacks: &[Stack],
    advice: libc::c_int,
    pages_of: impl Fn(&Stack) -> (NonNull<u8>, usize),
) -> usize {
    /// The calling thread's own process, in the place of a descriptor.
    const PIDFD_SELF: libc::c_int = -10_000;
    const AT_ONCE: usize = 16;

    let mut done = 0;
    for chunk in stacks.chunks(AT_ONCE) {
        let mut ranges = [libc::iovec {
            iov_base: ptr::null_mut(),
            iov_len: 0,
        }; AT_ONCE];
        for (range, stack) in ranges.iter_mut().zip(chunk) {
            let (start, bytes) = pages_of(stack);
            range.iov_base = start.as_ptr().cast();
            range.iov_len = bytes;
        }
        // SAFETY: the first `chunk.len()` ranges are filled in; by contract they are pages of the
        // given stacks, which the caller owns.
        let bytes = unsafe {
            libc::syscall(
                libc::SYS_process_madvise,
                PIDFD_SELF,
                ranges.as_ptr(),
                chunk.len(),
                advice,
                0,
            )
        };
        // All stacks here are of one class, so all ranges are equally long.
        let taken = usize::try_from(bytes).unwrap_or(0) / ranges[0].iov_len;
        done += taken;
        if taken < chunk.len() {
            break;
        }
    }
    done
}

/// Repeats a system call that a signal interrupted.
fn call(f: impl Fn() -> libc::c_int) -> Result<(), i32> {
    loop {
        if f() == 0 {
            return Ok(());
        }
        match io::Error::last_os_error().raw_os_error().unwrap_or(0) {
            libc::EINTR => {}
            code => return Err(code),
        }
    }
}
