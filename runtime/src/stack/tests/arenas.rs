//! Classes, caches, the global pool and its trim.

use std::collections::HashSet;

use corosensei::stack::{MIN_STACK_SIZE, Stack as _};

use super::*;
use crate::stack::{COLOUR, COLOURS, DEFAULT_SIZE, HEADER, StackError};

#[test]
fn size_is_rounded_up_to_a_power_of_two() {
    // Requirement: a class has at least the bytes asked for, and less than twice as many.
    for (asked, size) in [
        (1, 16 * KIB),
        (16 * KIB, 16 * KIB),
        (16 * KIB + 1, 32 * KIB),
        (DEFAULT_SIZE, DEFAULT_SIZE),
        (3 * MIB, 4 * MIB),
        (64 * MIB, 64 * MIB),
    ] {
        assert_eq!(class(asked).size(), size.max(4 * page_size()), "{asked}");
    }
}

#[test]
fn impossible_size_is_refused_with_its_limit() {
    // Requirement: a size that no class has is an error that names the nearest possible one.
    let least = (16 * KIB).max(4 * page_size());
    let small = class_of(0).unwrap_err();
    assert_eq!(small, StackError::TooSmall { asked: 0, least });
    let asked = 64 * MIB + 1;
    let large = class_of(asked).unwrap_err();
    assert_eq!(
        large,
        StackError::TooLarge {
            asked,
            most: 64 * MIB
        }
    );
    assert_eq!(
        large.to_string(),
        "a stack of 67108865 bytes was asked for; the largest has 67108864"
    );
    assert!(class_of(usize::MAX).is_err());
}

#[test]
fn every_class_has_room_header_and_guard() {
    // Requirement: in each class the header lies at the top, aligned, and frames have room below it.
    let mut cache = Cache::of(arenas());
    for shift in 14..=26 {
        let stack = cache.get(class(1 << shift)).expect("a stack");
        touch(&stack);
        assert_eq!(stack.header().addr(), stack.base());
        assert_eq!(stack.base().get() % 128, 0);
        assert!(stack.base().get() + HEADER <= stack.end().addr());
        assert!(stack.end().addr() - stack.base().get() <= HEADER + COLOUR * COLOURS);
        assert!(stack.base().get() - stack.limit().get() - stack.class().guard() >= MIN_STACK_SIZE);
        assert!(guarded(&stack), "{}", stack.size());
        cache.put(stack);
    }
}

#[test]
fn neighbours_have_different_colours() {
    // Requirement: the tops of 16 neighbouring stacks fall on 16 different places in their pages.
    let mut cache = Cache::of(arenas());
    let stacks = take(&mut cache, class(64 * KIB), COLOURS);
    assert!(
        stacks
            .windows(2)
            .all(|pair| pair[0].end() == pair[1].bottom().as_ptr())
    );
    let places: HashSet<_> = stacks
        .iter()
        .map(|stack| stack.base().get() % page_size())
        .collect();
    assert_eq!(places.len(), COLOURS);
}

#[test]
fn last_stack_put_back_is_the_next_one() {
    // Requirement: a process that starts gets the stack that is hottest, from the cache and from the pool.
    let arenas = arenas();
    let mut cache = Cache::of(arenas);
    let class = class(32 * KIB);
    let stacks = take(&mut cache, class, 3);
    let order: Vec<_> = stacks.iter().map(Stack::index).collect();
    stacks.into_iter().for_each(|stack| cache.put(stack));
    let again = take(&mut cache, class, 3);
    assert!(
        again
            .iter()
            .map(Stack::index)
            .eq(order.iter().rev().copied())
    );

    again.into_iter().for_each(|stack| cache.put(stack));
    cache.flush();
    let through_the_pool = take(&mut cache, class, 3);
    assert!(through_the_pool.iter().map(Stack::index).eq(order));
}

#[test]
fn classes_do_not_mix() {
    // Requirement: a stack that was put back serves its own size only.
    let mut cache = Cache::of(arenas());
    let small = cache.get(class(16 * KIB)).expect("a stack");
    let place = small.bottom();
    cache.put(small);
    let large = cache.get(class(128 * KIB)).expect("a stack");
    assert_eq!(large.size(), 128 * KIB);
    assert_ne!(large.bottom(), place);
    assert_eq!(cache.get(class(16 * KIB)).expect("a stack").bottom(), place);
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "elsewhere pages go back later")]
fn hundred_thousand_stacks_live_at_once() {
    // Requirement: many stacks, each its owner's alone, cost their touched pages and no mapping each.
    const COUNT: usize = 100_000;
    let arenas = arenas();
    let mut cache = Cache::of(arenas);
    let class = class(64 * KIB);
    let stacks = take(&mut cache, class, COUNT);
    for (number, stack) in stacks.iter().enumerate() {
        // SAFETY: the header is 128 aligned bytes of a stack that this test owns.
        unsafe { stack.header().cast::<usize>().write(number) };
    }
    for (number, stack) in stacks.iter().enumerate() {
        // SAFETY: as above.
        assert_eq!(unsafe { stack.header().cast::<usize>().read() }, number);
    }
    assert!(stacks.iter().step_by(997).all(guarded));
    // One page is touched; `guarded` reads the lowest one, which maps the shared page of zeroes.
    assert!(
        stacks
            .iter()
            .skip(1)
            .step_by(997)
            .all(|stack| resident(stack) == 1)
    );
    let stats = arenas.stats();
    assert!((COUNT..COUNT + 64).contains(&stats.in_use), "{stats:?}");
    assert!(stats.bytes_mapped >= COUNT * 64 * KIB);

    stacks.into_iter().for_each(|stack| cache.put(stack));
    drop(cache);
    let empty = arenas.stats();
    assert_eq!(empty.in_use, 0);
    assert_eq!(empty.idle_dirty, stats.in_use);
    // Not needed any more: give the memory back to the tests that run beside.
    arenas.trim(0);
    arenas.trim(0);
    assert_eq!(arenas.stats().idle_dirty, 0);
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "elsewhere pages go back later")]
fn trim_gives_memory_back_and_guards_survive() {
    // Requirement: idle stacks lose their pages, keep their guards, and work again when they are taken.
    const COUNT: usize = 1000;
    let arenas = arenas();
    let mut cache = Cache::of(arenas);
    let class = class(64 * KIB);
    let stacks = take(&mut cache, class, COUNT);
    stacks.iter().for_each(touch);
    assert!(stacks.iter().all(|stack| resident(stack) >= 2));
    stacks.into_iter().for_each(|stack| cache.put(stack));
    cache.flush();
    let idle = arenas.stats().idle_dirty;

    assert_eq!(arenas.trim(0), 0, "not yet idle between two calls");
    assert_eq!(arenas.trim(0), idle);
    assert_eq!(arenas.trim(0), 0, "nothing is left to clean");
    let stats = arenas.stats();
    assert_eq!(
        (stats.in_use, stats.idle_dirty, stats.idle_clean),
        (0, 0, idle)
    );

    let again = take(&mut cache, class, COUNT);
    // Taking warms the top page; the lower one is gone. Look before anything is touched.
    assert!(again.iter().all(|stack| resident(stack) <= 1));
    assert!(
        again
            .windows(2)
            .all(|pair| pair[0].bottom() < pair[1].bottom())
    );
    assert!(again.iter().all(guarded));
    again.iter().for_each(touch);
    assert_eq!(
        arenas.stats().bytes_mapped,
        1 << 30,
        "no new arena was needed"
    );
}

#[test]
fn trim_spares_what_is_wanted() {
    // Requirement: stacks used since the last trim stay, and so do the hottest `keep`.
    let arenas = arenas();
    let mut cache = Cache::of(arenas);
    let class = class(16 * KIB);
    let stacks = take(&mut cache, class, 320);
    stacks.into_iter().for_each(|stack| cache.put(stack));
    cache.flush();
    assert_eq!(arenas.trim(0), 0);
    let wanted = take(&mut cache, class, 64);
    wanted.into_iter().for_each(|stack| cache.put(stack));
    cache.flush();
    assert_eq!(arenas.trim(100), 320 - 100, "the hottest hundred stay");
    assert_eq!(arenas.stats().idle_dirty, 100);
    let wanted = take(&mut cache, class, 64);
    wanted.into_iter().for_each(|stack| cache.put(stack));
    cache.flush();
    assert!(arenas.trim_is_due(99) && !arenas.trim_is_due(100));
    assert_eq!(arenas.trim(0), 100 - 64, "those taken meanwhile stay");
    assert_eq!(arenas.trim(0), 64);
    assert!(!arenas.trim_is_due(0));
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "elsewhere pages go back later")]
fn trim_leaves_neighbours_in_use_alone() {
    // Requirement: what a stack in use holds survives the trim of its idle neighbours.
    let arenas = arenas();
    let mut cache = Cache::of(arenas);
    let stacks = take(&mut cache, class(16 * KIB), 64);
    stacks.iter().for_each(touch);
    let (in_use, idle): (Vec<_>, Vec<_>) =
        stacks.into_iter().partition(|stack| stack.index() % 3 == 0);
    idle.into_iter().for_each(|stack| cache.put(stack));
    cache.flush();
    arenas.trim(0);
    assert!(arenas.trim(0) >= 42);
    for stack in &in_use {
        // SAFETY: the header belongs to a stack that this test owns, and was written by `touch`.
        let header = unsafe { std::slice::from_raw_parts(stack.header().as_ptr(), HEADER) };
        assert!(header.iter().all(|byte| *byte == 0xa5));
        assert_eq!(resident(stack), 2);
    }
}

#[test]
fn threads_share_the_pool() {
    // Requirement: however many workers take, give and trim at once, no stack has two owners and none is lost.
    let arenas = arenas();
    let rounds = if cfg!(debug_assertions) {
        2_000
    } else {
        20_000
    };
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                let mut cache = Cache::of(arenas);
                let mut held: Vec<Stack> = Vec::new();
                let mut seed: u64 = 0x9e37_79b9 * (thread + 1);
                for round in 0..rounds {
                    seed ^= seed << 13;
                    seed ^= seed >> 7;
                    seed ^= seed << 17;
                    if held.len() < 300 && seed & 64 != 0 || held.is_empty() {
                        let stack = cache.get(class((16 * KIB) << (seed & 1))).expect("a stack");
                        // SAFETY: the header is this thread's as long as it holds the stack.
                        unsafe { stack.header().cast::<u64>().write(thread) };
                        held.push(stack);
                    } else {
                        let stack = held.swap_remove(seed as usize % held.len());
                        // SAFETY: as above; it was written when the stack was taken.
                        assert_eq!(unsafe { stack.header().cast::<u64>().read() }, thread);
                        cache.put(stack);
                    }
                    if round % 500 == 0 {
                        arenas.trim(16);
                    }
                }
                held.into_iter().for_each(|stack| cache.put(stack));
            });
        }
    });
    let stats = arenas.stats();
    assert_eq!(stats.in_use, 0, "{stats:?}");
}

#[test]
fn dropped_cache_gives_everything_back() {
    // Requirement: a worker that ends leaves its stacks to the others.
    let arenas = arenas();
    let mut cache = Cache::of(arenas);
    let stack = cache.get(class(16 * KIB)).expect("a stack");
    let place = stack.bottom();
    cache.put(stack);
    assert!(arenas.stats().in_use > 0);
    drop(cache);
    assert_eq!(arenas.stats().in_use, 0);
    assert_eq!(
        Cache::of(arenas)
            .get(class(16 * KIB))
            .expect("a stack")
            .bottom(),
        place
    );
}
