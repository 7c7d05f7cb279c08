//! Several nodes in one program, and the default one.

mod expect;

use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use expect::{LONG, message, panic_of};
use runtime::prelude::*;
use runtime::{StartError, exit_signal};

fn node() -> Node {
    Builder::new().workers(1).start().unwrap()
}

/// Processes of two nodes talk to each other as those of one.
#[test]
fn talk_to_each_other() {
    let (first, second) = (node(), node());
    let echo = |node: &Node| {
        let echo = || loop {
            receive! { (to, n): (Pid, u32) => send(to, n) }
        };
        Spawn::new().node(node).spawn(echo).unwrap().pid
    };
    let echoes = [echo(&first), echo(&second)];
    for node in [&first, &second] {
        node.run(move || {
            for n in 0..2000u32 {
                for echo in echoes {
                    send(echo, (self_pid(), n));
                    assert_eq!(message::<u32>(), n);
                }
            }
        });
    }
    first.run(move || {
        for echo in echoes {
            exit_signal(echo, ExitReason::Kill);
            assert!(!is_process_alive(echo));
            expect::end_of(echo);
        }
    });
}

/// A process's children belong to its node, unless they are told otherwise.
#[test]
fn children_inherit() {
    let (first, second) = (node(), node());
    let thread_of = |node: &Node| node.run(|| thread::current().id());
    let (here, there) = (thread_of(&first), thread_of(&second));
    assert_ne!(here, there);
    let (answer, answers) = channel();
    let own = answer.clone();
    first.run(move || {
        let root = self_pid();
        for _ in 0..10 {
            spawn!(move || {
                spawn!(move || send(root, thread::current().id()));
            });
            // A spare may have stood in; the other node's worker never.
            assert_ne!(message::<thread::ThreadId>(), there);
        }
        let job = move || own.send(thread::current().id()).unwrap();
        Spawn::new().node(&second).spawn(job).unwrap();
        // Not ended here: its shutdown would block the worker.
        answer.send(here).unwrap();
        std::mem::forget(second);
    });
    let both = [
        answers.recv_timeout(LONG).unwrap(),
        answers.recv_timeout(LONG).unwrap(),
    ];
    assert!(both.contains(&here) && !both.iter().all(|&thread| thread == here));
}

/// What needs no node's own resources goes on when another node ends in the middle.
#[test]
fn one_ends_while_another_talks_to_it() {
    let first = node();
    for _ in 0..20 {
        let second = node();
        let sink = Spawn::new()
            .node(&second)
            .receive_loop(|_| Flow::Continue)
            .unwrap()
            .pid;
        let sleeper = Spawn::new()
            .node(&second)
            .spawn(|| drop(receive_any()))
            .unwrap()
            .pid;
        let (begun, has_begun) = channel();
        let talker = Spawn::new()
            .node(&first)
            .spawn(move || {
                begun.send(()).unwrap();
                while is_process_alive(sink) || is_process_alive(sleeper) {
                    send(sink, 1u32);
                    send(sink, Box::new(2u64));
                    exit_signal(sleeper, ExitReason::Normal);
                    tick();
                }
            })
            .unwrap()
            .pid;
        has_begun.recv_timeout(LONG).unwrap();
        assert_eq!(second.shutdown(LONG), runtime::ShutdownReport::default());
        expect::end_of(talker);
    }
}

/// Nodes come and go on many threads at a time.
#[test]
fn come_and_go() {
    let threads: Vec<_> = (0..4)
        .map(|n| {
            thread::spawn(move || {
                for round in 0..25 {
                    let node = Builder::new().workers(1 + round % 3).start().unwrap();
                    let sum = node.run(move || {
                        let root = self_pid();
                        for k in 0..20u32 {
                            spawn!(move || send(root, k));
                        }
                        (0..20).map(|_| message::<u32>()).sum::<u32>() + n
                    });
                    assert_eq!(sum, 190 + n);
                }
            })
        })
        .collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
}

/// There may be thousands of nodes; one too many is refused, and the limit is named.
#[test]
fn too_many() {
    let end = expect::child::run("too_many", || {
        let mut nodes = Vec::new();
        let error = loop {
            assert!(nodes.len() <= 5000);
            match Builder::new().workers(1).max_spares(0).start() {
                Ok(node) => nodes.push(node),
                Err(error) => break error,
            }
        };
        match error {
            StartError::TooManyNodes { limit } => assert!(nodes.len() <= limit),
            // A machine that has no threads for so many.
            StartError::Thread(_) => {}
            other => panic!("{other}"),
        }
        // One that ends makes room for another, which works.
        nodes.pop();
        assert_eq!(node().run(|| 5), 5);
        std::process::exit(0);
    });
    end.is_well();
}

/// `run` on the default node starts it, from any thread; all are the same.
#[test]
fn the_default() {
    let pids: Vec<Pid> = (0..8)
        .map(|_| thread::spawn(|| runtime::run(|| spawn!(|| drop(receive_any())))))
        .map(|thread| thread.join().unwrap())
        .collect();
    runtime::run(move || {
        for pid in pids {
            assert!(is_process_alive(pid));
            send(pid, ());
            expect::end_of(pid);
        }
    });
}

/// `run` inside a process is refused, on this node and on another.
#[test]
fn run_inside() {
    let (first, second) = (node(), node());
    let text = first.run(move || panic_of(move || second.run(|| ())));
    assert!(text.contains("spawn a process"), "{text}");
}

/// A process may move a node about and wait for its processes; the thread that shuts it down is
/// not one of its own.
#[test]
fn ended_by_a_process_of_another() {
    let first = node();
    let report = first.run(|| {
        let second = node();
        let pid = Spawn::new()
            .node(&second)
            .spawn(|| drop(receive_any()))
            .unwrap()
            .pid;
        assert!(is_process_alive(pid));
        let report = second.shutdown(Duration::from_secs(5));
        assert!(!is_process_alive(pid));
        report
    });
    assert_eq!(report, runtime::ShutdownReport::default());
}
