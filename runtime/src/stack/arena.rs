//! Arenas: reserved address space that is cut into stacks of one class.
//!
//! Called by the pool, under the lock of the class. A mapping is large, costs nothing until it is
//! touched and is never given back; stacks are cut from it upwards. All mappings are entered in a
//! list that only grows, so that the overflow handler can walk it without a lock.

use std::io;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering};

use super::{Class, Stack, StackError};

/// The least that is reserved at once, in bytes of address space.
const RESERVE: usize = 1 << 30;
/// The fewest stacks that are reserved at once.
const RESERVE_STACKS: usize = 16;

/// The stacks of one class that were never handed out: the rest of the newest mapping.
pub(super) struct Arena {
    /// Where the next stack starts.
    next: *mut u8,
    /// Stacks that still fit between `next` and the end of the mapping.
    left: usize,
    /// Stacks cut so far.
    cut: usize,
    /// Bytes of address space reserved so far.
    mapped: usize,
}

// SAFETY: `next` points into a mapping that this arena alone cuts up; it is not tied to a thread.
unsafe impl Send for Arena {}

impl Arena {
    pub(super) const fn new() -> Arena {
        Arena {
            next: ptr::null_mut(),
            left: 0,
            cut: 0,
            mapped: 0,
        }
    }

    /// Stacks cut so far.
    pub(super) fn cut(&self) -> usize {
        self.cut
    }

    /// Bytes of address space reserved so far.
    pub(super) fn mapped(&self) -> usize {
        self.mapped
    }

    /// Cuts between 1 and `count` stacks, in address order. They have no guards yet.
    ///
    /// # Errors
    ///
    /// [`StackError::AddressSpace`] when the mapping is used up and the system refuses another.
    pub(super) fn cut_off(&mut self, class: Class, count: usize) -> Result<Vec<Stack>, StackError> {
        if self.left == 0 {
            self.reserve(class)?;
        }
        let count = count.min(self.left);
        let stacks = (0..count).map(|_| {
            // SAFETY: `left` stacks fit behind `next`, which is page-aligned and never null then;
            // moving `next` past the stack makes this its only owner. One past the last stack is
            // one past the end of the mapping.
            let stack = unsafe { Stack::new(NonNull::new_unchecked(self.next), class) };
            // SAFETY: as above.
            self.next = unsafe { self.next.add(class.size()) };
            stack
        });
        let stacks: Vec<Stack> = stacks.collect();
        self.left -= count;
        self.cut += count;
        Ok(stacks)
    }

    /// Takes new address space; asks for less where much is refused (a strict overcommit policy, a
    /// limit of address space).
    fn reserve(&mut self, class: Class) -> Result<(), StackError> {
        let mut bytes = RESERVE.max(RESERVE_STACKS * class.size());
        let start = loop {
            match map(bytes) {
                Ok(start) => break start,
                Err(StackError::AddressSpace { .. }) if bytes > class.size() => bytes /= 2,
                Err(error) => return Err(error),
            }
        };
        enter(start, bytes, class);
        self.next = start.as_ptr();
        self.left = bytes / class.size();
        self.mapped += bytes;
        Ok(())
    }
}

/// Address space that stacks leave to the rest of the program: who meets its limit with a stack
/// gets an error, who meets it with an allocation is aborted.
const LEFT: usize = 16 << 20;

/// Reserves address space, readable and writable, that costs memory only where it is touched.
fn map(bytes: usize) -> Result<NonNull<u8>, StackError> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANON;
    // Systems without the flag do not count what is only reserved.
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    let flags = flags | libc::MAP_NORESERVE;
    // OpenBSD insists on it for anything that a stack pointer may point to.
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "openbsd"))]
    let flags = flags | libc::MAP_STACK;
    // SAFETY: an anonymous mapping at an address of the system's choice touches no other memory.
    let start = unsafe {
        libc::mmap(
            ptr::null_mut(),
            bytes + LEFT,
            libc::PROT_READ | libc::PROT_WRITE,
            flags,
            -1,
            0,
        )
    };
    if start == libc::MAP_FAILED {
        let code = io::Error::last_os_error().raw_os_error().unwrap_or(0);
        return Err(match code {
            libc::ENOMEM => StackError::AddressSpace { bytes },
            code => StackError::System { code },
        });
    }
    // SAFETY: the end of the mapping just made, which nothing refers to.
    unsafe { libc::munmap(start.wrapping_byte_add(bytes), LEFT) };
    // A huge page would make 2 MiB resident for the first touch. A kernel without huge pages
    // refuses, rightly.
    #[cfg(target_os = "linux")]
    // SAFETY: the range is the mapping just made; the advice changes no contents.
    unsafe {
        libc::madvise(start, bytes, libc::MADV_NOHUGEPAGE);
    }
    NonNull::new(start.cast()).ok_or(StackError::AddressSpace { bytes })
}

/// One mapping in the list that the overflow handler walks.
struct Region {
    start: usize,
    bytes: usize,
    class: Class,
    guard: usize,
    older: *const Region,
}

/// The newest region. Regions are added, never changed or freed.
static REGIONS: AtomicPtr<Region> = AtomicPtr::new(ptr::null_mut());

fn enter(start: NonNull<u8>, bytes: usize, class: Class) {
    let region = Box::leak(Box::new(Region {
        start: start.addr().get(),
        bytes,
        class,
        guard: class.guard(),
        older: REGIONS.load(Ordering::Relaxed),
    }));
    loop {
        // Release: who finds the region finds it filled in, and the older ones too, since the
        // exchanges of all of them form one release sequence.
        match REGIONS.compare_exchange_weak(
            region.older.cast_mut(),
            region,
            Ordering::Release,
            Ordering::Relaxed,
        ) {
            Ok(_) => return,
            Err(newest) => region.older = newest,
        }
    }
}

/// The stack whose guard was touched, as far as its neighbourhood tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Guarded {
    /// Lowest address of the stack: that of its guard.
    pub(super) limit: usize,
    /// Spacing in bytes.
    pub(super) size: usize,
}

/// Finds the stack in whose guard `address` lies. Async-signal-safe: no lock, no allocation.
pub(super) fn guarded_at(address: usize) -> Option<Guarded> {
    let mut region = REGIONS.load(Ordering::Acquire).cast_const();
    loop {
        // SAFETY: regions are leaked, never freed, and not written after they were entered.
        let entered: Option<&Region> = unsafe { region.as_ref() };
        let Region {
            start,
            bytes,
            class,
            guard,
            older,
        } = entered?;
        let offset = address.wrapping_sub(*start);
        if offset < *bytes {
            let size = class.size();
            let within = offset % size;
            return (within < *guard).then_some(Guarded {
                limit: address - within,
                size,
            });
        }
        region = *older;
    }
}
