//! Processes with a thread of their own.

mod expect;

use std::collections::HashSet;
use std::sync::mpsc::channel;
use std::thread::{self, ThreadId};
use std::time::Duration;

use expect::{Census, LONG, message, reports, until};
use runtime::prelude::*;
use runtime::{SpawnError, exit_signal};

fn own_thread(f: impl FnOnce() + Send + 'static) -> Pid {
    Spawn::new().own_thread().spawn(f).unwrap().pid
}

fn here() -> ThreadId {
    thread::current().id()
}

/// It runs on a thread that no other process of the node runs on, and is a process like any
/// other.
#[runtime::test(workers = 1)]
fn is_a_process() {
    let (root, workers) = (self_pid(), here());
    let pid = own_thread(move || {
        let thread = here();
        assert_ne!(thread, workers);
        for n in 0..100u32 {
            assert_eq!(message::<u32>(), n);
            sleep(Duration::from_micros(50));
            yield_now();
            tick();
            assert_eq!(here(), thread);
            send(root, n);
        }
    });
    for n in 0..100u32 {
        send(pid, n);
        assert_eq!(message::<u32>(), n);
        assert_eq!(here(), workers);
    }
}

/// It may block its thread while it waits for what a neighbour does, on a stack or at rest.
#[runtime::test(workers = 1)]
fn may_block_its_thread() {
    let root = self_pid();
    for _ in 0..10 {
        let (release, released) = channel::<u32>();
        let other = release.clone();
        let on_a_stack = spawn!(move || {
            let n: u32 = receive_type();
            sleep(Duration::from_micros(100));
            release.send(n).unwrap();
        });
        let at_rest = Spawn::new().receive_loop(move |mail| {
            other.send(mail.downcast::<u32>().unwrap()).unwrap();
            Flow::Continue
        });
        let at_rest = at_rest.unwrap().pid;
        own_thread(move || {
            for (n, pid) in [at_rest, on_a_stack, at_rest].into_iter().enumerate() {
                send(pid, n as u32);
                assert_eq!(released.recv_timeout(LONG), Ok(n as u32));
            }
            send(root, "through");
        });
        assert_eq!(message::<&str>(), "through");
    }
}

/// What it spawns runs on the node's workers, also while it blocks its thread.
#[runtime::test(workers = 1)]
fn its_children() {
    let root = self_pid();
    own_thread(move || {
        let mine = here();
        for _ in 0..20 {
            let (answer, answers) = channel();
            spawn!(move || {
                yield_now();
                answer.send(here()).unwrap();
            });
            assert_ne!(answers.recv_timeout(LONG).unwrap(), mine);
        }
        send(root, "through");
    });
    assert_eq!(message::<&str>(), "through");
}

/// It may use its processor for ever and is not felt.
#[runtime::test(workers = 1)]
fn may_run_on_and_on() {
    let root = self_pid();
    let hog = own_thread(|| {
        loop {
            for _ in 0..100_000 {
                std::hint::spin_loop();
            }
            tick();
        }
    });
    for _ in 0..50 {
        let pid = spawn!(move || loop {
            receive! { n: u32 => send(root, n) }
        });
        for n in 0..10u32 {
            send(pid, n);
            assert_eq!(message::<u32>(), n);
        }
        exit_signal(pid, ExitReason::Kill);
    }
    exit_signal(hog, ExitReason::Shutdown);
    expect::end_of(hog);
}

/// Others never run on its thread, however busy the workers are.
#[runtime::test(workers = 1)]
fn others_never_run_there() {
    let root = self_pid();
    let (thread, its_thread) = channel();
    let pid = own_thread(move || {
        thread.send(here()).unwrap();
        receive_any();
    });
    let its_thread = its_thread.recv_timeout(LONG).unwrap();
    for _ in 0..40 {
        spawn!(move || {
            let start = std::time::Instant::now();
            while start.elapsed() < Duration::from_millis(3) {
                std::hint::spin_loop();
            }
            send(root, here());
        });
    }
    let threads: HashSet<ThreadId> = (0..40).map(|_| message()).collect();
    assert!(!threads.contains(&its_thread));
    send(pid, ());
}

/// A behaviour with a thread of its own is called there each time, and may block it.
#[runtime::test(workers = 1)]
fn a_behaviour() {
    let (root, workers) = (self_pid(), here());
    let (release, released) = channel::<()>();
    let helper = spawn!(move || loop {
        receive! { (): () => release.send(()).unwrap() }
    });
    let mut thread = None;
    let spawned = Spawn::new().own_thread().receive_loop(move |mail| {
        assert_ne!(here(), workers);
        assert_eq!(*thread.get_or_insert(here()), here());
        // From a neighbour on a stack, who would stand behind this one on any worker.
        send(helper, ());
        released.recv_timeout(LONG).unwrap();
        send(root, mail);
        Flow::Continue
    });
    let pid = spawned.unwrap().pid;
    for n in 0..20u32 {
        send(pid, n);
        assert_eq!(message::<u32>(), n);
        // At rest in between.
        sleep(Duration::from_micros(500));
    }
    exit_signal(pid, ExitReason::Shutdown);
    expect::end_of(pid);
}

/// So is one that hibernates.
#[runtime::test(workers = 1)]
fn hibernated() {
    let root = self_pid();
    let pid = own_thread(move || {
        let thread = here();
        hibernate(move || {
            let n: u32 = receive_type();
            send(root, (n, here() == thread));
        })
    });
    send(pid, 1u32);
    assert_eq!(message::<(u32, bool)>(), (1, true));
}

/// Threads are used again when their processes have ended.
#[test]
fn threads_are_used_again() {
    let node = Builder::new().workers(1).max_spares(3).start().unwrap();
    node.run(|| {
        reports::collect();
        let root = self_pid();
        let mut threads = HashSet::new();
        for n in 0..100 {
            until("a free thread", || {
                let job = move || {
                    let _last = expect::OnDrop(move || send(root, here()));
                    match n % 4 {
                        0 => sleep(Duration::from_micros(100)),
                        1 => panic!("on its own thread"),
                        2 => hibernate(|| {}),
                        _ => {}
                    }
                };
                match Spawn::new().own_thread().spawn(job) {
                    Ok(spawned) => {
                        threads.insert(message::<ThreadId>());
                        exit_signal(spawned.pid, ExitReason::Kill);
                        true
                    }
                    Err(SpawnError::TooManyThreads { limit: 3 }) => false,
                    Err(error) => panic!("{error}"),
                }
            });
        }
        assert!(threads.len() <= 3, "{threads:?}");
    });
}

/// A shutdown ends it like any other.
#[test]
fn at_the_end() {
    let node = Builder::new().workers(1).start().unwrap();
    let census = Census::default();
    for _ in 0..5 {
        let token = census.token();
        let job = move || {
            let _token = token;
            receive_any();
        };
        Spawn::new().node(&node).own_thread().spawn(job).unwrap();
    }
    assert_eq!(node.shutdown(LONG), runtime::ShutdownReport::default());
    assert_eq!(census.count(), 0);
}

/// A process may be spawned so from a thread that is no process.
#[test]
fn from_outside() {
    let (answer, answers) = channel();
    let job = move || answer.send(self_pid()).unwrap();
    let pid = Spawn::new().own_thread().spawn(job).unwrap().pid;
    assert_eq!(answers.recv_timeout(LONG), Ok(pid));
}
