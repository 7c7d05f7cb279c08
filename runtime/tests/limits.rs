//! Limits of processes and threads: exact, named by a clear error, and when there is room again
//! everything goes on.

mod expect;

use expect::{Census, end_of, panic_of, reports, until};
use runtime::prelude::*;
use runtime::{SpawnError, StartError};

mod of_processes {
    use super::*;

    fn idle() -> Result<Pid, SpawnError> {
        Spawn::new()
            .spawn(|| drop(receive_any()))
            .map(|spawned| spawned.pid)
    }

    /// Spawns one when there is room. The dead count until their slots are free, a little longer than
    /// they are alive.
    fn one_more() -> Pid {
        let mut pid = None;
        until("room for another", || {
            pid = idle().ok();
            pid.is_some()
        });
        pid.expect("it was spawned")
    }

    /// A node takes exactly as many processes as it may; the next spawn names the limit; when one
    /// has ended, another may come.
    #[test]
    fn exact_and_recoverable() {
        for limit in [1, 2, 10, 1000] {
            let builder = Builder::new().workers(2).max_processes(limit);
            builder.start().unwrap().run(move || {
                let mut pids: Vec<Pid> = (1..limit).map(|_| idle().unwrap()).collect();
                for _ in 0..30 {
                    for _ in 0..3 {
                        match idle() {
                            Err(SpawnError::TooManyProcesses { limit: named }) => {
                                assert_eq!(named, limit);
                            }
                            other => panic!("{other:?} beyond {limit}"),
                        }
                    }
                    let some = pids.len().div_ceil(3);
                    for pid in pids.drain(..some) {
                        send(pid, ());
                    }
                    pids.extend((0..some).map(|_| one_more()));
                }
            });
        }
    }

    /// A node without room for any process is none.
    #[test]
    fn one_at_least() {
        let error = Builder::new().max_processes(0).start().unwrap_err();
        assert!(matches!(error, StartError::Processes), "{error:?}");
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

    /// More spare workers than a node can have are refused, and the limit is named, however many
    /// were asked for.
    #[test]
    fn spares() {
        for spares in [257, usize::MAX] {
            match Builder::new().max_spares(spares).start() {
                Err(error @ StartError::Spares { asked, limit: 256 }) => {
                    assert_eq!(asked, spares);
                    assert!(error.to_string().contains("256"), "{error}");
                }
                other => panic!("{other:?}"),
            }
        }
        let node = Builder::new().workers(1).max_spares(256).start().unwrap();
        node.run(|| ());
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
