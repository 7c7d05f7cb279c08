//! Limits: of processes, mailboxes, stacks, memory. Each is named by a clear error, and when
//! there is room again everything goes on.

mod expect;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use expect::{Census, NOW, child, end_of, message, panic_of, reports, until};
use runtime::prelude::*;
use runtime::{SpawnError, StackError, StartError, mailbox_len, trap_exit};

mod of_processes {
    use super::*;

    fn idle() -> Result<Pid, SpawnError> {
        Spawn::new()
            .spawn(|| drop(receive_any()))
            .map(|spawned| spawned.pid)
    }

    /// A node takes exactly as many processes as it may; the next spawn names the limit; when one
    /// has ended, another may come.
    #[test]
    fn exact_and_recoverable() {
        for limit in [1, 2, 10, 1000] {
            let node = Builder::new()
                .workers(2)
                .max_processes(limit)
                .start()
                .unwrap();
            for _ in 0..3 {
                node.run(move || {
                    let mut pids: Vec<Pid> = (1..limit).map(|_| idle().unwrap()).collect();
                    for _ in 0..10 {
                        match idle() {
                            Err(SpawnError::TooManyProcesses { limit: named }) => {
                                assert_eq!(named, limit);
                            }
                            other => panic!("{other:?} beyond {limit}"),
                        }
                        let Some(pid) = pids.pop() else { continue };
                        send(pid, ());
                        until("room for another", || match idle() {
                            Ok(pid) => {
                                pids.push(pid);
                                true
                            }
                            Err(_) => false,
                        });
                    }
                    for &pid in &pids {
                        send(pid, ());
                    }
                    pids.into_iter().for_each(end_of);
                });
            }
        }
    }

    /// It is exact whichever thread spawns, and whichever worker the dead ran on.
    #[test]
    fn from_everywhere() {
        const LIMIT: u32 = 64;
        let node = Builder::new()
            .workers(2)
            .max_processes(LIMIT)
            .start()
            .unwrap();
        let spawn = || Spawn::new().node(&node).spawn(|| drop(receive_any()));
        for _ in 0..50 {
            let mut pids = Vec::new();
            while pids.len() < LIMIT as usize {
                // The dead of the last round count until their slots are free, a little longer
                // than they are alive.
                until("room for all", || match spawn() {
                    Ok(spawned) => {
                        pids.push(spawned.pid);
                        true
                    }
                    Err(_) => false,
                });
            }
            let beyond = spawn();
            assert!(matches!(
                beyond,
                Err(SpawnError::TooManyProcesses { limit: LIMIT })
            ));
            for &pid in &pids {
                send(pid, ());
            }
            pids.into_iter().for_each(end_of);
        }
    }

    /// `spawn!` panics in its caller, naming the limit; what it should have run is dropped.
    #[test]
    fn the_macro_panics() {
        let node = Builder::new().workers(1).max_processes(1).start().unwrap();
        node.run(|| {
            reports::collect();
            let census = Census::default();
            let token = census.token();
            let text = panic_of(|| spawn!(move || drop(token)));
            assert!(text.contains("limit of 1 processes"), "{text}");
            assert!(text.contains("max_processes"), "{text}");
            assert_eq!(census.count(), 0);
        });
    }

    /// `run` on a full node panics, naming the limit.
    #[test]
    fn run_on_a_full_node() {
        let node = Builder::new().workers(1).max_processes(1).start().unwrap();
        let pid = Spawn::new()
            .node(&node)
            .spawn(|| drop(receive_any()))
            .unwrap()
            .pid;
        let text = panic_of(|| node.run(|| ()));
        assert!(text.contains("limit of 1 processes"), "{text}");
        send(pid, ());
        end_of(pid);
        until("room", || {
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| node.run(|| ()))).is_ok()
        });
    }

    /// Limits of one node are no other's.
    #[test]
    fn of_each_node() {
        let small = Builder::new().workers(1).max_processes(1).start().unwrap();
        let large = Builder::new().workers(1).start().unwrap();
        small.run(move || {
            assert!(idle().is_err());
            large.run_in_a_thread();
        });
    }

    trait Threaded {
        fn run_in_a_thread(self);
    }

    impl Threaded for Node {
        fn run_in_a_thread(self) {
            let thread = std::thread::spawn(move || {
                self.run(|| {
                    let pids: Vec<Pid> = (0..100).map(|_| idle().unwrap()).collect();
                    for pid in pids {
                        send(pid, ());
                    }
                });
            });
            until("its end", || thread.is_finished());
        }
    }
}

mod of_mailboxes {
    use super::*;

    const LIMIT: u32 = 10;

    /// A process with a limit that receives on command.
    fn limited(limit: u32, then: AtLimit) -> Pid {
        let root = self_pid();
        let spawned = Spawn::new()
            .mailbox_limit(limit, then)
            .spawn(move || {
                send(root, "ready");
                // A command passes a full mailbox as a signal would: it is the first message.
                receive_type::<&str>();
                let all: Vec<u32> =
                    std::iter::from_fn(|| receive! { n: u32 => Some(n), after NOW => None })
                        .collect();
                send(root, all);
                receive_type::<&str>();
            })
            .unwrap();
        assert_eq!(message::<&str>(), "ready");
        spawned.pid
    }

    /// `DropNewest` drops what comes to a full mailbox, and takes again when there is room.
    #[runtime::test]
    fn drop_newest() {
        let root = self_pid();
        let spawned = Spawn::new()
            .mailbox_limit(LIMIT, AtLimit::DropNewest)
            .spawn(move || {
                for _ in 0..3 {
                    until("a full mailbox", || mailbox_len(self_pid()) == Some(10));
                    send(root, "full");
                    sleep(Duration::from_millis(5));
                    let all: Vec<u32> =
                        std::iter::from_fn(|| receive! { n: u32 => Some(n), after NOW => None })
                            .collect();
                    send(root, all);
                }
            })
            .unwrap();
        let census = Census::default();
        for _ in 0..3 {
            for n in 0..LIMIT {
                send(spawned.pid, n);
            }
            assert_eq!(message::<&str>(), "full");
            for _ in 0..100 {
                send(spawned.pid, census.token());
            }
            assert_eq!(census.count(), 0, "what is not taken is dropped at once");
            assert!(message::<Vec<u32>>().into_iter().eq(0..LIMIT));
        }
        end_of(spawned.pid);
    }

    /// What a selective receive leaves in the mailbox counts.
    #[runtime::test]
    fn what_is_left_counts() {
        let pid = limited(LIMIT, AtLimit::DropNewest);
        for n in 0..LIMIT - 1 {
            send(pid, n);
        }
        send(pid, "go");
        let all: Vec<u32> = message();
        assert_eq!(all.len(), LIMIT as usize - 1);
        // Empty again: all ten places are there.
        for n in 0..2 * LIMIT {
            send(pid, n);
        }
        assert_eq!(mailbox_len(pid), Some(LIMIT as usize));
    }

    /// Many senders at once never bring more in than the limit.
    #[runtime::test]
    fn many_senders() {
        let pid = limited(1000, AtLimit::DropNewest);
        let threads: Vec<_> = (0..8)
            .map(|_| {
                std::thread::spawn(move || {
                    for n in 0..5000u32 {
                        send(pid, n);
                        assert!(mailbox_len(pid).is_some_and(|length| length <= 1000));
                    }
                })
            })
            .collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        assert_eq!(mailbox_len(pid), Some(1000));
    }

    /// `Exit` ends the receiver, even if it traps exits, and whatever it waits in.
    #[runtime::test]
    fn exit_at_the_limit() {
        let root = self_pid();
        for _ in 0..20 {
            let census = Census::default();
            let token = census.token();
            let spawned = Spawn::new()
                .mailbox_limit(3, AtLimit::Exit)
                .spawn(move || {
                    let _token = token;
                    trap_exit(true);
                    send(root, "ready");
                    receive_type::<&str>();
                })
                .unwrap();
            assert_eq!(message::<&str>(), "ready");
            for n in 0..3u32 {
                send(spawned.pid, n);
            }
            assert!(is_process_alive(spawned.pid));
            send(spawned.pid, 3u32);
            end_of(spawned.pid);
            census.none_is_left();
        }
    }

    /// `Report` takes the message, and reports once.
    #[runtime::test]
    fn report_at_the_limit() {
        reports::collect();
        let pid = limited(LIMIT, AtLimit::Report);
        for n in 0..3 * LIMIT {
            send(pid, n);
        }
        let report = reports::expect("runtime::mailbox", &[&format!("pid={pid} ")]);
        assert!(report.fields.contains("limit=10"), "{report:?}");
        assert!(report.fields.contains("u32"), "{report:?}");
        send(pid, "go");
        assert!(message::<Vec<u32>>().into_iter().eq(0..3 * LIMIT));
    }

    /// Signals pass a full mailbox, trapped ones too.
    #[runtime::test]
    fn signals_pass() {
        let root = self_pid();
        let spawned = Spawn::new()
            .mailbox_limit(1, AtLimit::DropNewest)
            .spawn(move || {
                trap_exit(true);
                send(root, "ready");
                let exit: runtime::Exit = receive_type();
                send(root, exit);
                receive_type::<&str>();
            })
            .unwrap();
        assert_eq!(message::<&str>(), "ready");
        send(spawned.pid, 1u32);
        send(spawned.pid, 2u32);
        runtime::exit_signal(spawned.pid, ExitReason::Shutdown);
        assert_eq!(message::<runtime::Exit>().reason, ExitReason::Shutdown);
        runtime::exit_signal(spawned.pid, ExitReason::Kill);
        end_of(spawned.pid);
    }

    /// A limit of nothing takes nothing.
    #[runtime::test]
    fn none_at_all() {
        let spawned = Spawn::new()
            .mailbox_limit(0, AtLimit::DropNewest)
            .spawn(|| {
                receive_any();
            })
            .unwrap();
        for n in 0..100u32 {
            send(spawned.pid, n);
        }
        assert_eq!(mailbox_len(spawned.pid), Some(0));
        runtime::exit_signal(spawned.pid, ExitReason::Shutdown);
        end_of(spawned.pid);
    }

    /// A behaviour's mailbox may be limited as well.
    #[runtime::test]
    fn of_a_behaviour() {
        let root = self_pid();
        let spawned = Spawn::new()
            .mailbox_limit(5, AtLimit::DropNewest)
            .receive_loop(move |mail| {
                if mail.is::<&str>() {
                    sleep(Duration::from_millis(20));
                }
                send(root, mail);
                Flow::Continue
            })
            .unwrap();
        for round in 0..3 {
            send(spawned.pid, "slow");
            until("it is awake", || mailbox_len(spawned.pid) == Some(0));
            for n in 0..10u32 {
                send(spawned.pid, n);
            }
            assert_eq!(message::<&str>(), "slow", "round {round}");
            for n in 0..5u32 {
                assert_eq!(message::<u32>(), n);
            }
        }
        expect::nothing();
    }
}

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
        assert_eq!(
            unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) },
            0
        );
    }

    /// Where there is too little address space for a node's tables, or just enough, the node runs,
    /// or says what is missing.
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

mod of_threads {
    use super::*;

    /// Threads of their own for more processes than the node may have are refused, and the limit
    /// is named; when one has ended there is room again.
    #[test]
    fn own_threads() {
        let node = Builder::new().workers(1).max_spares(2).start().unwrap();
        node.run(|| {
            let spawn = || Spawn::new().own_thread().spawn(|| drop(receive_any()));
            let pids = [spawn().unwrap().pid, spawn().unwrap().pid];
            match spawn() {
                Err(error @ SpawnError::TooManyThreads { limit: 2 }) => {
                    assert!(error.to_string().contains("max_spares"), "{error}");
                }
                other => panic!("{other:?}"),
            }
            for pid in pids {
                send(pid, ());
            }
            until("room for another", || match spawn() {
                Ok(spawned) => {
                    send(spawned.pid, ());
                    true
                }
                Err(_) => false,
            });
        });
    }

    /// A node has at least one worker, and no more than it can have.
    #[test]
    fn workers() {
        for workers in [0, 1_000_000] {
            match Builder::new().workers(workers).start() {
                Err(StartError::Workers { asked, limit }) => {
                    assert_eq!(asked, workers);
                    assert!(limit >= 64);
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
