//! Tests of the stacks: each on arenas of its own, and those that end a program in a child.

mod arenas;
mod children;
mod faults;
mod guards;

use parking_lot::Mutex;

use super::guard::Guards;
use super::pool::Arenas;
use super::{Cache, Class, Stack, class_of, page_size};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Arenas that no other test uses. They stay, as arenas do, where a leak detector finds them.
fn arenas_with(guards: Guards) -> &'static Arenas {
    static KEPT: Mutex<Vec<&'static Arenas>> = Mutex::new(Vec::new());
    let arenas = Box::leak(Box::new(Arenas::new(guards)));
    KEPT.lock().push(arenas);
    arenas
}

fn arenas() -> &'static Arenas {
    arenas_with(Guards::new())
}

fn class(bytes: usize) -> Class {
    class_of(bytes).expect("a size that exists")
}

fn take(cache: &mut Cache, class: Class, count: usize) -> Vec<Stack> {
    (0..count)
        .map(|_| cache.get(class).expect("a stack"))
        .collect()
}

/// Writes to the stack's header and to the lowest byte above its guard.
fn touch(stack: &Stack) {
    // SAFETY: the header is 128 writable bytes of a stack that the caller owns.
    unsafe { stack.header().write_bytes(0xa5, super::HEADER) };
    // SAFETY: the byte above the guard is the stack's as well.
    unsafe { stack.bottom().add(stack.class().guard()).write(1) };
}

/// Whether a byte can be read, asked of the kernel so that a guard does no harm.
fn readable(address: *const u8) -> bool {
    let mut ends = [0; 2];
    // SAFETY: pipe fills in two descriptors; write reports an address it cannot read.
    unsafe {
        assert_eq!(libc::pipe(ends.as_mut_ptr()), 0);
        let wrote = libc::write(ends[1], address.cast(), 1);
        libc::close(ends[0]);
        libc::close(ends[1]);
        wrote == 1
    }
}

/// Whether the stack's lowest pages are guarded, and the next one is not.
fn guarded(stack: &Stack) -> bool {
    let bottom = stack.bottom().as_ptr();
    !readable(bottom)
        && !readable(bottom.wrapping_add(stack.class().guard() - 1))
        && readable(bottom.wrapping_add(stack.class().guard()))
}

/// Pages of the stack that take memory.
fn resident(stack: &Stack) -> usize {
    let mut pages = vec![0u8; stack.size() / page_size()];
    // SAFETY: the stack is mapped, and the vector has a byte for each of its pages.
    let asked = unsafe {
        libc::mincore(
            stack.bottom().as_ptr().cast(),
            stack.size(),
            pages.as_mut_ptr().cast(),
        )
    };
    assert_eq!(asked, 0);
    pages.iter().filter(|page| **page & 1 != 0).count()
}
