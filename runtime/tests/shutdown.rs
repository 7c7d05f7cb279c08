//! The ordered end of a node, and its report.

mod expect;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use expect::{Census, LONG, NOW, OnDrop, end_of, message, panic_of, reports, until};
use runtime::prelude::*;
use runtime::{Exit, ShutdownReport, trap_exit};

fn node() -> Node {
    Builder::new().workers(2).start().unwrap()
}

fn on(node: &Node) -> Spawn<'_> {
    Spawn::new().node(node)
}

/// Processes that end when they are told to are in no report, whatever they wait in; what they
/// held is dropped before the shutdown returns.
#[test]
fn in_order() {
    let node = node();
    let census = Census::default();
    let ready = Arc::new(AtomicUsize::new(0));
    for n in 0..50 {
        let (token, ready) = (census.token(), Arc::clone(&ready));
        on(&node)
            .spawn(move || {
                let token = token;
                ready.fetch_add(1, Ordering::AcqRel);
                match n % 5 {
                    0 => drop(receive_any()),
                    1 => drop(receive_timeout(LONG)),
                    2 => sleep(LONG),
                    3 => loop {
                        tick();
                    },
                    _ => hibernate(move || drop(token)),
                }
            })
            .unwrap();
        let token = census.token();
        on(&node)
            .receive_loop(move |_| {
                let _keep = &token;
                Flow::Continue
            })
            .unwrap();
    }
    until("all to run", || ready.load(Ordering::Acquire) == 50);
    let report = node.shutdown(LONG);
    assert_eq!(report, ShutdownReport::default());
    assert_eq!(census.count(), 0);
}

/// An empty node ends at once, and its threads with it.
#[test]
fn an_empty_node() {
    for _ in 0..20 {
        assert_eq!(node().shutdown(NOW), ShutdownReport::default());
    }
}

/// A process that traps exits is told, by nobody in particular, and may take its time to clean
/// up.
#[test]
fn a_process_that_cleans_up() {
    let node = node();
    let (done, is_done) = channel();
    let (ready, is_ready) = channel();
    on(&node)
        .spawn(move || {
            trap_exit(true);
            ready.send(()).unwrap();
            let Exit { from, reason, .. } = message::<Exit>();
            assert_eq!((from, reason), (None, ExitReason::Shutdown));
            sleep(Duration::from_millis(20));
            // Others are reachable still, and new ones may help.
            let me = self_pid();
            let helper = spawn!(move || send(me, "cleaned"));
            assert_eq!(message::<&str>(), "cleaned");
            assert_ne!(helper, me);
            done.send(()).unwrap();
        })
        .unwrap();
    is_ready.recv_timeout(LONG).unwrap();
    assert_eq!(node.shutdown(LONG), ShutdownReport::default());
    is_done.recv_timeout(LONG).unwrap();
}

/// Processes that do not end in time are killed and named: by pid, label and place.
#[test]
fn the_killed_are_named() {
    reports::collect();
    let node = node();
    let census = Census::default();
    let (ready, is_ready) = channel();
    let mut pids = Vec::new();
    for label in [Some("stubborn"), None] {
        let (token, ready) = (census.token(), ready.clone());
        let stubborn = move || {
            let _token = token;
            trap_exit(true);
            ready.send(()).unwrap();
            loop {
                receive! { _ => {} }
            }
        };
        let spawn = match label {
            Some(label) => on(&node).label(label),
            None => on(&node),
        };
        pids.push(spawn.spawn(stubborn).unwrap().pid);
        is_ready.recv_timeout(LONG).unwrap();
    }
    let limit = Duration::from_secs(3);
    let start = Instant::now();
    let report = node.shutdown(limit);
    // The last second is for those that were killed.
    assert!(start.elapsed() >= Duration::from_secs(2));
    assert_eq!(report.stuck, []);
    assert_eq!(report.killed.len(), 2);
    for (n, pid) in pids.into_iter().enumerate() {
        let remnant = report.killed.iter().find(|killed| killed.pid == pid);
        let remnant = remnant.unwrap_or_else(|| panic!("{pid} is missing: {report:?}"));
        assert!(remnant.place.contains("tests/shutdown.rs:"), "{remnant:?}");
        match n {
            0 => assert_eq!(remnant.name, "stubborn"),
            _ => assert!(remnant.name.contains("the_killed_are_named"), "{remnant:?}"),
        }
        reports::expect("runtime::node", &[&format!("pid={pid} "), "stuck=false"]);
    }
    assert_eq!(census.count(), 0);
}

/// A behaviour that is killed is named by its type.
#[test]
fn a_killed_behaviour() {
    struct Stubborn;
    impl Behaviour for Stubborn {
        fn wake(&mut self, cx: &mut Cx<'_>) -> Next {
            trap_exit(true);
            while cx.mail().is_some() {}
            Next::Wait(Until::Forever)
        }
    }
    let node = node();
    let pid = on(&node).behaviour(Stubborn).unwrap().pid;
    // It traps from its first wake on.
    node.run(move || {
        send(pid, ());
        until("its first wake", || runtime::mailbox_len(pid) == Some(0));
    });
    let report = node.shutdown(Duration::from_secs(2));
    assert_eq!(report.killed.len(), 1, "{report:?}");
    assert_eq!(report.killed[0].pid, pid);
    assert!(report.killed[0].name.contains("Stubborn"), "{report:?}");
}

/// A process that swallows every exit is killed all the same when it blocks, and one that reaches
/// no switch point is named as stuck, its thread left to it.
#[test]
fn the_stuck_are_named() {
    reports::collect();
    let node = node();
    let stop = Arc::new(AtomicBool::new(false));
    let census = Census::default();
    let (told, token) = (Arc::clone(&stop), census.token());
    let (ready, is_ready) = channel();
    let swallower_ready = ready.clone();
    let stuck = on(&node)
        .label("stuck")
        .spawn(move || {
            let _token = token;
            ready.send(()).unwrap();
            while !told.load(Ordering::Acquire) {
                std::hint::spin_loop();
            }
        })
        .unwrap()
        .pid;
    let token = census.token();
    let swallower = on(&node)
        .spawn(move || {
            let _token = token;
            swallower_ready.send(()).unwrap();
            for _ in 0..3 {
                let _ = std::panic::catch_unwind(receive_any);
            }
        })
        .unwrap()
        .pid;
    is_ready.recv_timeout(LONG).unwrap();
    is_ready.recv_timeout(LONG).unwrap();
    let report = node.shutdown(Duration::from_secs(2));
    assert_eq!(report.stuck.len(), 1, "{report:?}");
    assert_eq!(report.stuck[0].pid, stuck);
    assert!(report.killed.iter().any(|killed| killed.pid == stuck));
    assert!(report.killed.iter().all(|killed| killed.pid != swallower));
    assert_eq!(census.count(), 1);
    // When it comes back at last, it ends like any other.
    stop.store(true, Ordering::Release);
    census.none_is_left();
}

/// Newborn processes that never ran are dropped, not run, and not lost.
#[test]
fn the_newborn() {
    let node = Builder::new().workers(1).start().unwrap();
    let census = Census::default();
    let (blocks, is_blocking) = channel();
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    let ran = Arc::new(AtomicUsize::new(0));
    for _ in 0..100 {
        let (token, ran) = (census.token(), Arc::clone(&ran));
        on(&node)
            .spawn(move || {
                let _token = token;
                ran.fetch_add(1, Ordering::AcqRel);
                receive_any();
            })
            .unwrap();
    }
    on(&node)
        .spawn(move || {
            blocks.send(()).unwrap();
            while !told.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
        })
        .unwrap();
    is_blocking.recv_timeout(LONG).unwrap();
    let shutdown = std::thread::spawn(move || node.shutdown(LONG));
    stop.store(true, Ordering::Release);
    until("the shutdown", || shutdown.is_finished());
    assert_eq!(shutdown.join().unwrap(), ShutdownReport::default());
    assert_eq!(census.count(), 0);
}

/// A destructor may block during the shutdown; the shutdown waits for it.
#[test]
fn destructors_that_block() {
    let node = node();
    let census = Census::default();
    let (ready, is_ready) = channel();
    for _ in 0..20 {
        let (token, ready) = (census.token(), ready.clone());
        on(&node)
            .spawn(move || {
                let _last = OnDrop(move || {
                    let _token = &token;
                    sleep(Duration::from_millis(10));
                });
                ready.send(()).unwrap();
                receive_any();
            })
            .unwrap();
    }
    for _ in 0..20 {
        is_ready.recv_timeout(LONG).unwrap();
    }
    assert_eq!(node.shutdown(LONG), ShutdownReport::default());
    assert_eq!(census.count(), 0);
}

/// What destructors spawn during the shutdown ends with the node as well.
#[test]
fn spawned_while_it_ends() {
    let node = node();
    let census = Census::default();
    let (ready, is_ready) = channel();
    let everyone = census.clone();
    on(&node)
        .spawn(move || {
            let _last = OnDrop(move || {
                for _ in 0..10 {
                    let token = everyone.token();
                    spawn!(move || {
                        let _token = token;
                        receive_any();
                    });
                }
            });
            ready.send(()).unwrap();
            receive_any();
        })
        .unwrap();
    is_ready.recv_timeout(LONG).unwrap();
    assert_eq!(node.shutdown(LONG), ShutdownReport::default());
    assert_eq!(census.count(), 0);
}

/// What is spawned after all were told to end is told as well: the shutdown does not wait for it
/// until the limit, and has nobody to kill.
#[test]
fn spawned_by_a_process_that_goes_on() {
    let node = node();
    let census = Census::default();
    let (ready, is_ready) = channel();
    let everyone = census.clone();
    on(&node)
        .spawn(move || {
            trap_exit(true);
            ready.send(()).unwrap();
            message::<Exit>();
            for _ in 0..100 {
                let token = everyone.token();
                spawn!(move || {
                    let _token = token;
                    receive_any();
                });
                sleep(Duration::from_micros(100));
            }
        })
        .unwrap();
    is_ready.recv_timeout(LONG).unwrap();
    assert_eq!(node.shutdown(LONG), ShutdownReport::default());
    assert_eq!(census.count(), 0);
}

/// The limit is the shutdown's one deadline, also for those that were killed and do not react; and
/// it is in real time, also where the node's own clock stands.
#[test]
fn one_deadline() {
    let node = node();
    let (ready, is_ready) = channel();
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    let pid = on(&node)
        .spawn(move || {
            ready.send(()).unwrap();
            while !told.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
        })
        .unwrap()
        .pid;
    is_ready.recv_timeout(LONG).unwrap();
    let limit = Duration::from_millis(100);
    let start = Instant::now();
    let report = node.shutdown(limit);
    assert!(start.elapsed() >= limit);
    assert_eq!(report.stuck.len(), 1);
    assert_eq!(report.stuck[0].pid, pid);
    stop.store(true, Ordering::Release);
}

/// A node that is dropped by a process of its own, in passing or while the process unwinds, runs
/// on, and that is reported: nobody is aborted, and nobody waits for itself.
#[test]
fn dropped_by_itself() {
    reports::collect();
    for unwinds in [false, true] {
        let node = Arc::new(std::sync::Mutex::new(Some(node())));
        let mine = Arc::clone(&node);
        let guard = node.lock().unwrap();
        let (done, is_done) = channel();
        let census = Census::default();
        let token = census.token();
        let pid = on(guard.as_ref().unwrap())
            .spawn(move || {
                let _token = token;
                let node = mine.lock().unwrap().take();
                if unwinds {
                    let _node = node;
                    panic!("with the node in its hands");
                }
                drop(node);
                let helper = spawn!(|| drop(receive_any()));
                done.send(is_process_alive(helper)).unwrap();
            })
            .unwrap()
            .pid;
        drop(guard);
        if !unwinds {
            assert!(is_done.recv_timeout(LONG).unwrap(), "the node runs on");
        }
        reports::expect("runtime::node", &[&format!("pid={pid} "), "dropped"]);
        census.none_is_left();
    }
}

/// A node that is dropped shuts down.
#[test]
fn dropped() {
    let census = Census::default();
    let node = node();
    let token = census.token();
    on(&node)
        .receive_loop(move |_| {
            let _keep = &token;
            Flow::Continue
        })
        .unwrap();
    drop(node);
    assert_eq!(census.count(), 0);
}

/// A node cannot be shut down by a process of its own, which would wait for itself.
#[test]
fn by_itself() {
    reports::collect();
    let node = Arc::new(std::sync::Mutex::new(Some(node())));
    let mine = Arc::clone(&node);
    let (text, said) = channel();
    let guard = node.lock().unwrap();
    on(guard.as_ref().unwrap())
        .spawn(move || {
            let node = mine.lock().unwrap().take().unwrap();
            let node = std::mem::ManuallyDrop::new(node);
            // SAFETY: taken out once, and never dropped.
            let node = unsafe { std::ptr::read(&raw const *node) };
            text.send(panic_of(move || node.shutdown(NOW))).unwrap();
        })
        .unwrap();
    drop(guard);
    let text = said.recv_timeout(LONG).unwrap();
    assert!(text.contains("wait for itself"), "{text}");
}

/// A second node goes on when the first has ended, and reaches none of its dead.
#[test]
fn others_go_on() {
    let (first, second) = (node(), node());
    let dead = first.run(|| spawn!(|| drop(receive_any())));
    assert_eq!(first.shutdown(LONG), ShutdownReport::default());
    let census = Census::default();
    let token = census.token();
    second.run(move || {
        assert!(!is_process_alive(dead));
        send(dead, token);
        runtime::exit_signal(dead, ExitReason::Kill);
        let root = self_pid();
        spawn!(move || send(root, "on"));
        assert_eq!(message::<&str>(), "on");
    });
    assert_eq!(census.count(), 0);
}

/// A hundred nodes one after another leave no thread behind.
#[test]
#[cfg(target_os = "linux")]
fn no_thread_is_left() {
    let end = expect::child::run("no_thread_is_left", || {
        let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
        drop(node());
        let before = threads();
        for _ in 0..100 {
            let node = node();
            node.run(|| {
                Spawn::new()
                    .own_thread()
                    .spawn(|| sleep(Duration::from_millis(1)))
                    .unwrap();
                spawn!(|| drop(receive_any()));
            });
            node.shutdown(LONG);
        }
        until("the end of all threads", || threads() <= before);
    });
    end.is_well();
}

/// A node lives as long as a process of it does that has closed its mailbox, and still drops what
/// was in there.
#[test]
fn one_that_drops_its_mail() {
    #[derive(Debug)]
    struct Slow(std::sync::mpsc::Receiver<()>, std::sync::mpsc::Sender<Pid>);
    impl Drop for Slow {
        fn drop(&mut self) {
            self.0.recv().unwrap();
            self.1.send(spawn!(|| _ = receive_any())).unwrap();
        }
    }
    let node = Builder::new().workers(1).max_spares(0).start().unwrap();
    let pid = node.run(|| spawn!(|| _ = receive_type::<u64>()));
    let (go, goes) = channel();
    let (child, has_child) = channel();
    send(pid, Slow(goes, child));
    let _: ShutdownReport = node.shutdown(Duration::ZERO);
    go.send(()).unwrap();
    let child = has_child.recv_timeout(LONG).unwrap();
    send(child, ());
    end_of(child);
}
