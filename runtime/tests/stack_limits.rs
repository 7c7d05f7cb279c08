//! Limits of stacks and of memory: named where they are met, and nothing crashes.

mod expect;

use std::time::Duration;

use expect::{Census, child, message, reports, until};
use runtime::prelude::*;
use runtime::{SpawnError, StackError, StartError};

mod of_stacks {
    use super::*;

    /// A stack size that cannot be had is refused, and named.
    #[runtime::test]
    fn a_size_that_cannot_be_had() {
        let spawn = |bytes| Spawn::new().stack_size(bytes).spawn(|| {});
        match spawn(usize::MAX) {
            Err(SpawnError::Stack(StackError::TooLarge { asked, .. })) => {
                assert_eq!(asked, usize::MAX);
            }
            other => panic!("{other:?}"),
        }
        let error = spawn(0).unwrap_err();
        assert!(matches!(
            error,
            SpawnError::Stack(StackError::TooSmall { .. })
        ));
        assert!(error.to_string().contains("0 bytes"), "{error}");
        match Builder::new().stack_size(usize::MAX).start() {
            Err(StartError::Stack(StackError::TooLarge { .. })) => {}
            other => panic!("{other:?}"),
        }
    }

    #[inline(never)]
    fn depth(bytes: usize) -> usize {
        let page = [1u8; 4096];
        let below = if bytes > page.len() {
            depth(bytes - page.len())
        } else {
            0
        };
        std::hint::black_box(&page).len() + below
    }

    /// A process has the room that it asks for.
    #[runtime::test]
    fn room_as_asked_for() {
        let root = self_pid();
        for megabytes in [2usize, 8, 32] {
            let spawned = Spawn::new()
                .stack_size(megabytes << 20)
                .spawn(move || send(root, depth((megabytes << 20) * 3 / 4)));
            spawned.unwrap();
            assert!(message::<usize>() >= (megabytes << 20) * 3 / 4);
        }
    }

    /// It has it for all its life: when it was hibernated, and at each wake of a behaviour.
    #[test]
    fn room_after_rest() {
        let end = child::run("of_stacks::room_after_rest", || {
            let node = Builder::new()
                .workers(1)
                .stack_size(1 << 18)
                .start()
                .unwrap();
            node.run(|| {
                let root = self_pid();
                let pid = Spawn::new()
                    .stack_size(16 << 20)
                    .receive_loop(move |_| {
                        send(root, depth(8 << 20));
                        Flow::Continue
                    })
                    .unwrap()
                    .pid;
                for _ in 0..3 {
                    send(pid, ());
                    message::<usize>();
                    // At rest in between.
                    sleep(Duration::from_millis(2));
                }
                let pid = Spawn::new()
                    .stack_size(16 << 20)
                    .spawn(move || {
                        hibernate(move || {
                            send(root, depth(8 << 20));
                        })
                    })
                    .unwrap()
                    .pid;
                send(pid, ());
                message::<usize>();
            });
        });
        end.is_well();
    }
}

mod of_memory {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    fn limit_address_space(more: u64) {
        let status = std::fs::read_to_string("/proc/self/statm").expect("Linux");
        let pages: u64 = status
            .split(' ')
            .next()
            .and_then(|n| n.parse().ok())
            .expect("a number");
        let bytes = pages * 4096 + more;
        let limit = libc::rlimit {
            rlim_cur: bytes,
            rlim_max: bytes,
        };
        // SAFETY: the limit is ours to lower.
        let result = unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) };
        assert_eq!(result, 0);
    }

    /// With less address space than the process table takes elsewhere, a node runs all the same.
    #[test]
    #[cfg(target_os = "linux")]
    fn little_address_space() {
        let end = child::run("of_memory::little_address_space", || {
            limit_address_space(512 << 20);
            let node = Builder::new().workers(2).start().unwrap();
            let census = Census::default();
            for _ in 0..50 {
                let token = census.token();
                let spawned = Spawn::new().node(&node).spawn(move || {
                    sleep(Duration::from_micros(100));
                    drop(token);
                });
                if let Err(error) = spawned {
                    assert!(error.to_string().contains("memory"), "{error}");
                }
            }
            census.none_is_left();
        });
        end.is_well();
    }

    /// Once a stack has been refused, a spawn says so, and names the limit; when processes have
    /// ended there are stacks again, what was spawned before runs, and so does what is spawned
    /// then.
    #[test]
    #[cfg(target_os = "linux")]
    fn no_stack_for_another() {
        let end = child::run("of_memory::no_stack_for_another", || {
            refusal_and_recovery(1);
        });
        end.is_well();
    }

    /// The same with workers that have stacks to give to each other.
    #[test]
    #[cfg(target_os = "linux")]
    fn no_stack_for_another_on_two_workers() {
        let end = child::run("of_memory::no_stack_for_another_on_two_workers", || {
            refusal_and_recovery(2);
        });
        end.is_well();
    }

    fn refusal_and_recovery(workers: usize) {
        let builder = Builder::new().workers(workers).stack_size(1 << 20);
        let node = builder.start().unwrap();
        let census = Census::default();
        let everyone = census.clone();
        let root = node.run(move || {
            limit_address_space(256 << 20);
            // A process spawns until it is refused, then lets all end.
            let root = spawn!(move || {
                let mut pids = Vec::new();
                let refusal = loop {
                    let token = everyone.token();
                    let spawned = Spawn::new().spawn(move || {
                        let _token = token;
                        receive_any();
                    });
                    match spawned {
                        Ok(spawned) => pids.push(spawned.pid),
                        Err(error) => break error,
                    }
                    // It runs, and takes a stack.
                    yield_now();
                };
                match &refusal {
                    SpawnError::Stack(error) => {
                        assert!(error.to_string().contains("RLIMIT_AS"), "{error}");
                    }
                    other => panic!("{other:?}"),
                }
                for pid in pids {
                    send(pid, ());
                }
            });
            sleep(Duration::from_millis(1));
            root
        });
        expect::end_of(root);
        census.none_is_left();
        until("room for another", || {
            let token = census.token();
            Spawn::new()
                .node(&node)
                .spawn(move || {
                    let _token = token;
                    sleep(Duration::from_millis(1));
                })
                .is_ok()
        });
        census.none_is_left();
    }

    /// When no address space is left for another stack, processes that have none wait until one is
    /// free, or a spawn says why not; nothing crashes, and in the end all have run.
    #[test]
    #[cfg(target_os = "linux")]
    fn no_address_space_for_stacks() {
        let end = child::run("of_memory::no_address_space_for_stacks", || {
            reports::collect();
            let node = Builder::new()
                .workers(2)
                .stack_size(1 << 20)
                .start()
                .unwrap();
            node.run(|| limit_address_space(256 << 20));
            let (go, ran) = (
                Arc::new(AtomicBool::new(false)),
                Arc::new(AtomicUsize::new(0)),
            );
            let mut spawned = 0;
            for _ in 0..2000 {
                let (go, ran) = (Arc::clone(&go), Arc::clone(&ran));
                let result = Spawn::new().node(&node).spawn(move || {
                    while !go.load(Ordering::Acquire) {
                        sleep(Duration::from_millis(20));
                    }
                    ran.fetch_add(1, Ordering::AcqRel);
                });
                match result {
                    Ok(_) => spawned += 1,
                    Err(error) => assert!(error.to_string().contains("address space"), "{error}"),
                }
            }
            assert!(spawned > 100);
            reports::expect("runtime::scheduler", &["RLIMIT_AS"]);
            go.store(true, Ordering::Release);
            until("all to run", || ran.load(Ordering::Acquire) == spawned);
        });
        end.is_well();
    }

    /// A process that asks for a stack of its own size when none can be had ends, with a reason
    /// that names the limit; its node goes on.
    #[test]
    #[cfg(target_os = "linux")]
    fn no_stack_of_its_own() {
        let end = child::run("of_memory::no_stack_of_its_own", || {
            let node = Builder::new().workers(1).start().unwrap();
            node.run(|| {
                // The node's own stacks are there.
                for _ in 0..10 {
                    spawn!(|| sleep(Duration::from_millis(1)));
                }
                sleep(Duration::from_millis(5));
                limit_address_space(16 << 20);
                let census = Census::default();
                let mut refused = 0;
                for _ in 0..10 {
                    let token = census.token();
                    let spawned = Spawn::new().stack_size(64 << 20).spawn(move || {
                        sleep(Duration::from_millis(1));
                        drop(token);
                    });
                    refused += usize::from(spawned.is_err());
                }
                census.none_is_left();
                assert!(refused < 10);
                let root = self_pid();
                spawn!(move || send(root, "on"));
                assert_eq!(message::<&str>(), "on");
            });
        });
        end.is_well();
    }
}
