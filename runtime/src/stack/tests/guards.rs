//! Guards by either mechanism, and what is said when they run out.

use super::*;
use crate::stack::arena::{Guarded, guarded_at};
use crate::stack::{AltStack, ReportBuffer, StackError};
use std::fmt::Write;

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "elsewhere pages go back later")]
fn protected_guards_stand_where_the_kernel_has_no_others() {
    // Requirement: without lightweight guards, stacks are guarded by protection, and survive a trim so.
    let arenas = arenas_with(Guards::protecting(1000));
    let mut cache = Cache::of(arenas);
    let stacks = take(&mut cache, class(64 * KIB), 100);
    stacks.iter().for_each(touch);
    assert!(stacks.iter().all(guarded));
    stacks.into_iter().for_each(|stack| cache.put(stack));
    cache.flush();
    arenas.trim(0);
    let idle = arenas.stats().idle_dirty;
    assert_eq!(arenas.trim(0), idle);
    let again = take(&mut cache, class(64 * KIB), 100);
    assert!(again.iter().all(|stack| resident(stack) == 0));
    assert!(again.iter().all(guarded));
}

#[test]
fn error_names_the_limit_of_mappings() {
    // Requirement: when mappings run out the error says which setting to raise; what exists goes on working.
    let arenas = arenas_with(Guards::protecting(20));
    let mut cache = Cache::of(arenas);
    let class = class(64 * KIB);
    let mut stacks = take(&mut cache, class, 20);
    let error = cache.get(class).unwrap_err();
    assert_eq!(error, StackError::Mappings { stacks: 20 });
    assert_eq!(
        error.to_string(),
        "no memory mapping left to guard another stack (20 stacks exist): raise \
         vm.max_map_count (two mappings a stack), or use Linux 6.13 or later, where guards need none"
    );
    assert_eq!(cache.get(class).unwrap_err(), error, "again and again");
    let returned = stacks.pop().expect("twenty");
    cache.put(returned);
    assert!(cache.get(class).is_ok());
    assert_eq!(arenas.stats().in_use, 20);
}

#[test]
fn address_of_a_guard_is_known() {
    // Requirement: the handler can tell a guard from the rest of a stack, and from all else.
    let stacks = take(&mut Cache::of(arenas()), class(64 * KIB), 3);
    for stack in &stacks {
        let limit = stack.bottom().addr().get();
        let guarded = Some(Guarded {
            limit,
            size: 64 * KIB,
        });
        assert_eq!(guarded_at(limit), guarded);
        assert_eq!(guarded_at(limit + stack.class().guard() - 1), guarded);
        assert_eq!(guarded_at(limit + stack.class().guard()), None);
        assert_eq!(guarded_at(limit + 64 * KIB - 1), None);
    }
    assert_eq!(guarded_at(0), None);
    assert_eq!(guarded_at((&raw const stacks).addr()), None);
    assert_eq!(guarded_at(usize::MAX), None);
}

#[test]
fn alternate_stack_gives_way_to_the_one_before() {
    // Requirement: a worker's signal stack is the thread's while it lives; then the older one is again.
    let current = || {
        let mut current = std::mem::MaybeUninit::<libc::stack_t>::uninit();
        // SAFETY: asks for the setting; it is written on success.
        unsafe {
            assert_eq!(libc::sigaltstack(std::ptr::null(), current.as_mut_ptr()), 0);
            let current = current.assume_init();
            (current.ss_sp.addr(), current.ss_size, current.ss_flags)
        }
    };
    let before = current();
    let outer = AltStack::install().expect("a signal stack");
    let with_outer = current();
    assert_ne!(with_outer.0, before.0);
    assert!(with_outer.1 >= 64 * KIB);
    let inner = AltStack::install().expect("a signal stack");
    assert_ne!(current().0, with_outer.0);
    drop(inner);
    assert_eq!(current(), with_outer);
    drop(outer);
    assert_eq!(current(), before);
}

#[test]
fn report_is_cut_where_the_buffer_ends() {
    // Requirement: a report that is too long loses its end and says so, whatever is written after.
    let mut text = ReportBuffer::new();
    assert!(write!(text, "{}", "x".repeat(2000)).is_ok());
    assert!(write!(text, "{}", "y".repeat(2000)).is_err());
    assert!(write!(text, "z").is_err());
    let bytes = text.as_bytes();
    assert_eq!(bytes.len(), 2048);
    assert!(bytes.ends_with(b"yyy...\n"));
    assert_eq!(bytes.iter().filter(|byte| **byte == b'x').count(), 2000);
}
