//! `unsafe(migrate)`: suspended stacks move as well.

mod expect;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ThreadId, panicking};
use std::time::Duration;

use expect::{LONG, OnDrop, end_of, message};
use runtime::prelude::*;

fn here() -> ThreadId {
    thread::current().id()
}

/// Suspends beside a process that blocks the thread until it goes on: on another thread then.
fn is_moved() -> bool {
    let me = self_pid();
    let before = here();
    let go = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&go);
    spawn!(move || {
        send(me, here());
        while !told.load(Ordering::Acquire) {
            std::hint::spin_loop();
        }
    });
    let blocked: ThreadId = message();
    let after = here();
    go.store(true, Ordering::Release);
    // If the blocker was stolen, it has blocked another thread, and proves nothing.
    blocked == before && after != before
}

fn moves() {
    let all: HashSet<bool> = (0..50)
        .map(|_| is_moved())
        .take_while(|moved| !moved)
        .collect();
    assert!(all.len() <= 1);
    assert!((0..50).any(|_| is_moved()), "never moved");
}

/// With the node's promise, a process on a stack goes on elsewhere when its thread is held.
#[test]
fn of_a_node() {
    let builder = Builder::new().workers(2);
    // SAFETY: nothing in this test keeps a thread-tied value over a switch point.
    let node = unsafe { builder.assume_migration_safe() }.start().unwrap();
    node.run(moves);
}

/// With the process's own promise, that process does.
#[runtime::test]
fn of_a_process() {
    let root = self_pid();
    let spawn = Spawn::new();
    // SAFETY: as above.
    let spawn = unsafe { spawn.assume_migration_safe() };
    spawn
        .spawn(move || {
            moves();
            send(root, "moved");
        })
        .unwrap();
    assert_eq!(message::<&str>(), "moved");
}

/// The attributes' option is the same promise.
#[runtime::test(workers = 2, unsafe(migrate))]
fn of_a_test() {
    moves();
}

/// Without a promise a process on a stack never moves.
#[runtime::test]
fn not_without() {
    let root = self_pid();
    for _ in 0..50 {
        spawn!(move || {
            let before = here();
            for n in 0..50 {
                match n % 3 {
                    0 => sleep(Duration::from_micros(100)),
                    1 => yield_now(),
                    _ => drop(receive_timeout(Duration::from_micros(50))),
                }
                assert_eq!(here(), before);
            }
            send(root, ());
        });
    }
    for _ in 0..50 {
        message::<()>();
    }
}

/// A process that unwinds stays where it is, and is the only one that unwinds there.
#[runtime::test(workers = 2, unsafe(migrate))]
fn not_while_unwinding() {
    expect::reports::collect();
    let root = self_pid();
    for _ in 0..50 {
        spawn!(move || {
            let _last = OnDrop(move || {
                let before = here();
                for _ in 0..20 {
                    sleep(Duration::from_micros(100));
                    assert_eq!(here(), before);
                    assert!(panicking());
                }
                send(root, ());
            });
            panic!("to unwind");
        });
        spawn!(move || {
            for _ in 0..20 {
                sleep(Duration::from_micros(100));
                assert!(!panicking());
            }
            send(root, ());
        });
    }
    for _ in 0..100 {
        message::<()>();
    }
}

/// Sleepers beside hogs come back, whichever worker they stand on.
#[runtime::test(workers = 2, unsafe(migrate))]
fn sleepers_beside_hogs() {
    let root = self_pid();
    let stop = Arc::new(AtomicBool::new(false));
    let sleepers: Vec<Pid> = (0..20)
        .map(|_| {
            spawn!(move || {
                for _ in 0..50 {
                    sleep(Duration::from_millis(1));
                }
                send(root, ());
            })
        })
        .collect();
    for _ in 0..4 {
        let told = Arc::clone(&stop);
        spawn!(move || {
            while !told.load(Ordering::Acquire) {
                std::hint::spin_loop();
            }
        });
    }
    for _ in 0..20 {
        assert!(receive_timeout(LONG).is_some_and(|mail| mail.is::<()>()));
    }
    stop.store(true, Ordering::Release);
    sleepers.into_iter().for_each(end_of);
}

/// Thousands of processes that talk, sleep and move arrive whole.
#[runtime::test(workers = 2, unsafe(migrate))]
fn a_crowd_on_the_move() {
    let root = self_pid();
    for n in 0..1000u64 {
        spawn!(move || {
            let kept: Vec<u64> = (0..50).map(|k| n * k).collect();
            let partner = {
                let me = self_pid();
                spawn!(move || {
                    for _ in 0..20 {
                        let n: u64 = receive_type();
                        tick();
                        send(me, n + 1);
                    }
                })
            };
            for k in 0..20u64 {
                send(partner, k);
                assert_eq!(receive_type::<u64>(), k + 1);
                if k % 5 == 0 {
                    sleep(Duration::from_micros(200));
                }
            }
            assert!(kept.iter().enumerate().all(|(k, &v)| v == n * k as u64));
            send(root, n);
        });
    }
    let sum: u64 = (0..1000).map(|_| message::<u64>()).sum();
    assert_eq!(sum, 999 * 1000 / 2);
}
