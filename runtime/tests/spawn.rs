//! Spawning: what runs, with what, where it is named; pids and their slots.

mod expect;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use expect::{Census, LONG, alone, end_of, message, nothing, panic_of, until};
use runtime::exit_signal;
use runtime::prelude::*;

/// A closure runs once, as a process of its own, with what it has captured.
#[runtime::test]
fn a_closure() {
    let root = self_pid();
    let pid = spawn!(move || send(root, (self_pid(), root)));
    assert_ne!(pid, root);
    assert_eq!(message::<(Pid, Pid)>(), (pid, root));
    end_of(pid);
    nothing();
}

/// A function's arguments are evaluated by the parent, in order, and owned by the child.
#[runtime::test]
fn a_function() {
    fn child(root: Pid, text: String, numbers: Vec<u32>) {
        send(root, format!("{text} {numbers:?}"));
    }
    let mut order = Vec::new();
    let mut note = |n| {
        order.push((n, self_pid()));
        n
    };
    spawn!(
        child,
        self_pid(),
        format!("text {}", note(1)),
        vec![note(2), note(3)]
    );
    let root = self_pid();
    assert_eq!(order, [(1, root), (2, root), (3, root)]);
    assert_eq!(message::<String>(), "text 1 [2, 3]");
}

/// What a closure has captured arrives whole and is dropped once, whatever its size and
/// alignment; also if it never runs.
#[runtime::test(workers = 1)]
fn captures_of_every_shape() {
    #[repr(align(256))]
    struct Aligned([u8; 256]);
    let root = self_pid();
    let census = Census::default();
    for run in [true, false] {
        let mut pids = Vec::new();
        pids.push(spawn!(|| {}));
        let token = census.token();
        pids.push(spawn!(move || drop(token)));
        let (one, other) = (census.token(), census.token());
        let words = [1usize, 2];
        pids.push(spawn!(move || {
            drop((one, other));
            send(root, words[0] + words[1]);
        }));
        let (token, large) = (census.token(), [7u8; 1000]);
        pids.push(spawn!(move || {
            assert!(large.iter().all(|&n| n == 7));
            drop(token);
        }));
        let (token, aligned) = (census.token(), Aligned([3; 256]));
        pids.push(spawn!(move || {
            assert!((&raw const aligned).is_aligned());
            assert!(aligned.0.iter().all(|&n| n == 3));
            drop(token);
        }));
        if !run {
            pids.iter()
                .for_each(|&pid| exit_signal(pid, ExitReason::Kill));
        }
        pids.into_iter().for_each(end_of);
        census.none_is_left();
        if run {
            assert_eq!(message::<usize>(), 3);
        }
        nothing();
    }
}

/// A process function returns nothing, never, or a result.
#[runtime::test]
fn what_a_function_returns() {
    fn never() -> ! {
        exit(ExitReason::Normal)
    }
    fn result(well: bool) -> Result<(), std::fmt::Error> {
        if well { Ok(()) } else { Err(std::fmt::Error) }
    }
    fn reason() -> ExitReason {
        ExitReason::Shutdown
    }
    fn nested() -> Result<Result<(), ExitReason>, std::fmt::Error> {
        Ok(Err(ExitReason::Shutdown))
    }
    for pid in [
        spawn!(never),
        spawn!(result, true),
        spawn!(result, false),
        spawn!(reason),
        spawn!(nested),
        spawn!(|| loop {
            yield_now();
            if true {
                exit(ExitReason::Normal)
            }
        }),
    ] {
        end_of(pid);
    }
}

/// A process may spawn others to any depth; all run.
#[runtime::test]
fn a_tree() {
    fn node(root: Pid, depth: u32) {
        match depth {
            0 => send(root, 1u32),
            _ => (0..10).for_each(|_| {
                spawn!(node, root, depth - 1);
            }),
        }
    }
    spawn!(node, self_pid(), 4);
    let leaves: u32 = (0..10_000).map(|_| message::<u32>()).sum();
    assert_eq!(leaves, 10_000);
    nothing();
}

/// A hundred thousand processes live at a time, each with an identity of its own.
#[runtime::test]
fn a_hundred_thousand() {
    const COUNT: usize = 100_000;
    let root = self_pid();
    let born = Arc::new(AtomicUsize::new(0));
    let pids: Vec<Pid> = (0..COUNT)
        .map(|_| {
            let born = Arc::clone(&born);
            spawn!(move || {
                born.fetch_add(1, Ordering::AcqRel);
                receive! { (): () => send(root, self_pid()) }
            })
        })
        .collect();
    until("all to be born", || born.load(Ordering::Acquire) == COUNT);
    assert_eq!(pids.iter().copied().collect::<HashSet<_>>().len(), COUNT);
    for &pid in &pids {
        assert!(is_process_alive(pid));
        send(pid, ());
    }
    let answered: HashSet<Pid> = (0..COUNT).map(|_| message::<Pid>()).collect();
    assert!(pids.iter().all(|pid| answered.contains(pid)));
}

/// The label, the priority and the place do not change what a process does.
#[runtime::test]
fn options() {
    let root = self_pid();
    for priority in [
        Priority::Low,
        Priority::Normal,
        Priority::High,
        Priority::Max,
    ] {
        let spawned = Spawn::new()
            .priority(priority)
            .label(format!("{priority:?}"))
            .stack_size(1 << 18)
            .spawn(move || send(root, self_pid()))
            .unwrap();
        assert_eq!(message::<Pid>(), spawned.pid);
        assert_eq!(spawned.monitor, None);
    }
}

mod pids {
    use super::*;

    /// The slot's index and its generation, as a pid prints them.
    fn parts(pid: Pid) -> (u64, u64) {
        let text = pid.to_string();
        let inner = text
            .strip_prefix("<0.")
            .and_then(|text| text.strip_suffix('>'));
        let (index, serial) = inner
            .and_then(|text| text.split_once('.'))
            .expect("<0.index.serial>");
        (index.parse().unwrap(), serial.parse().unwrap())
    }

    /// A pid prints as `<0.index.serial>`, compares, orders and hashes.
    #[runtime::test]
    fn look() {
        let (a, b) = (spawn!(|| {}), spawn!(|| {}));
        assert_eq!(format!("{a}"), format!("{a:?}"));
        parts(a);
        assert_ne!(a, b);
        assert_ne!(a < b, b < a);
        assert_eq!(size_of::<Pid>(), 12);
    }

    /// The pid of a long-dead process stays the pid of a dead process when its slot was reused a
    /// million times: what is sent to it reaches nobody.
    #[test]
    fn long_dead() {
        alone(|| {
            const REUSES: u64 = 1_000_000;
            let old = spawn!(|| {});
            yield_now();
            end_of(old);
            let (index, serial) = parts(old);
            let mut reuses = 0;
            let mut last = old;
            let start = Instant::now();
            while reuses < REUSES && start.elapsed() < 4 * LONG {
                last = spawn!(|| {});
                while is_process_alive(last) {
                    yield_now();
                }
                let (at, now) = parts(last);
                if at == index {
                    reuses = now - serial;
                }
            }
            assert!(reuses >= REUSES, "reused {reuses} times only");
            until("its end", || !is_process_alive(last));
            // A successor in the very slot.
            let successor = loop {
                let pid = spawn!(|| loop {
                    receive! { (to, n): (Pid, u32) => send(to, n) }
                });
                if parts(pid).0 == index {
                    break pid;
                }
            };
            let census = Census::default();
            for _ in 0..100 {
                send(old, census.token());
                exit_signal(old, ExitReason::Kill);
                exit_signal(old, ExitReason::Shutdown);
                send(old, (self_pid(), 1u32));
            }
            assert_eq!(census.count(), 0);
            assert!(!is_process_alive(old));
            assert_eq!(runtime::mailbox_len(old), None);
            assert_eq!(runtime::mailbox_len(successor), Some(0));
            send(successor, (self_pid(), 2u32));
            assert_eq!(message::<u32>(), 2);
            nothing();
        });
    }

    /// No pid comes twice.
    #[runtime::test]
    fn are_unique() {
        let root = self_pid();
        let mut all = HashSet::new();
        for _ in 0..100 {
            let children: Vec<Pid> = (0..100)
                .map(|_| {
                    spawn!(move || {
                        let grandchild = spawn!(|| {});
                        send(root, grandchild);
                    })
                })
                .collect();
            for pid in children {
                assert!(all.insert(pid));
                assert!(all.insert(message()));
            }
        }
    }
}

mod outside {
    use super::*;

    /// What needs a process says so, by name, on a thread that is none.
    #[test]
    fn a_thread_that_is_no_process() {
        struct Idle;
        impl Behaviour for Idle {
            fn wake(&mut self, _: &mut Cx<'_>) -> Next {
                Next::Wait(Until::Forever)
            }
        }
        runtime::process_local! { static N: u32 = 1; }
        let needs: [(&str, fn()); 12] = [
            ("self_pid", || _ = self_pid()),
            ("receive", || _ = receive_any()),
            ("receive", || _ = receive_type::<u8>()),
            ("receive", || _ = receive_timeout(expect::NOW)),
            ("receive", || receive! { _ => {} }),
            ("make_ref", || _ = make_ref()),
            ("exit", || exit(ExitReason::Normal)),
            ("hibernate", || hibernate(|| {})),
            ("enter", || runtime::enter(Box::new(Idle))),
            ("drive", || _ = runtime::drive(&mut Idle)),
            ("trap_exit", || _ = runtime::trap_exit(true)),
            ("process_local", || N.with(|_| {})),
        ];
        for (name, f) in needs {
            let text = panic_of(f);
            assert!(
                text.contains(name) && text.contains("outside a process"),
                "{text}"
            );
        }
        assert_eq!(runtime::try_self_pid(), None);
        assert!(!std::thread::panicking());
        yield_now();
        tick();
    }

    /// A thread that a process starts is no process.
    #[runtime::test]
    fn a_thread_of_a_process() {
        let text = std::thread::spawn(|| panic_of(receive_any)).join().unwrap();
        assert!(text.contains("outside a process"), "{text}");
    }
}
