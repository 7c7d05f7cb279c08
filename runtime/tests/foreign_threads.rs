//! Threads that are no processes: they spawn and send before there is a node, beside it, while it
//! ends, and after.

mod expect;

use std::cell::RefCell;
use std::io::{Read, Write};
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use expect::{Census, LONG, child, message, panic_of};
use runtime::prelude::*;
use runtime::{Caught, SpawnError, catch, exit_signal};

/// The first spawns of a program, on many threads at once, start one default node.
#[test]
fn before_there_is_a_node() {
    let end = child::run("before_there_is_a_node", || {
        let barrier = Arc::new(std::sync::Barrier::new(16));
        let (answer, answers) = channel();
        for _ in 0..16 {
            let (barrier, answer) = (Arc::clone(&barrier), answer.clone());
            thread::spawn(move || {
                barrier.wait();
                let pid = spawn!(move || {
                    let n: u32 = receive_type();
                    answer
                        .send((self_pid(), n, thread::current().id()))
                        .unwrap();
                });
                send(pid, 1u32);
            });
        }
        let mut pids = std::collections::HashSet::new();
        for _ in 0..16 {
            let (pid, n, _) = answers.recv_timeout(LONG).unwrap();
            assert!(pids.insert(pid));
            assert_eq!(n, 1);
        }
        let watchdogs = || {
            let tasks = std::fs::read_dir("/proc/self/task").unwrap();
            let is_watchdog = |task: &Result<std::fs::DirEntry, _>| {
                let name = task.as_ref().unwrap().path().join("comm");
                std::fs::read_to_string(name).is_ok_and(|name| name.starts_with("watchdog-"))
            };
            tasks.filter(is_watchdog).count()
        };
        // A thread takes its name when it first runs.
        while watchdogs() == 0 {
            thread::yield_now();
        }
        assert_eq!(watchdogs(), 1, "one node has one watchdog");
    });
    end.is_well();
}

/// The first spawn of a program may be a destructor's, on a thread that panics.
#[test]
fn first_in_a_destructor() {
    let end = child::run("first_in_a_destructor", || {
        let (answer, answers) = channel();
        let thread = thread::spawn(move || {
            let _last = expect::OnDrop(move || {
                let answer = answer.clone();
                spawn!(move || answer.send(self_pid()).unwrap());
            });
            panic!("on a foreign thread");
        });
        answers.recv_timeout(LONG).unwrap();
        assert!(thread.join().is_err());
        // The hook is there: a process's panic is located.
        let text = runtime::run(|| panic_of(|| panic!("in a process")));
        assert_eq!(text, "in a process");
    });
    end.is_well();
}

/// Threads spawn, send and end processes beside a busy node; each message arrives once.
#[runtime::test]
fn beside_a_node() {
    let root = self_pid();
    let census = Census::default();
    let threads: Vec<_> = (0..8u32)
        .map(|_| {
            let census = census.clone();
            thread::spawn(move || {
                for n in 0..200u32 {
                    let token = census.token();
                    let pid = spawn!(move || {
                        let token = token;
                        let n: u32 = receive_type();
                        drop(token);
                        send(root, n);
                        receive_any();
                    });
                    send(pid, n);
                    if n % 2 == 0 {
                        send(pid, ());
                    } else {
                        exit_signal(pid, ExitReason::Normal);
                        send(pid, ());
                    }
                }
            })
        })
        .collect();
    let sum: u32 = (0..1600).map(|_| message::<u32>()).sum();
    assert_eq!(sum, 8 * 199 * 200 / 2);
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    census.none_is_left();
}

mod program {
    use super::*;

    pub static STRANGERS: AtomicUsize = AtomicUsize::new(0);
    pub static BEGUN: AtomicBool = AtomicBool::new(false);

    /// Returns as soon as the strangers are under way.
    #[runtime::main]
    pub fn main() {
        BEGUN.store(true, Ordering::Release);
        while STRANGERS.load(Ordering::Acquire) < 4 {
            sleep(Duration::from_micros(100));
        }
        sleep(Duration::from_micros(500));
    }
}

/// While the default node ends, a spawn succeeds or is refused as such; what was accepted runs or
/// is dropped, and what was refused is dropped; afterwards every spawn is refused, and sends reach
/// nobody.
#[test]
fn while_the_node_ends() {
    // No more than a shutdown can end before its deadline, however slow the machine.
    const BACKLOG: usize = 64;
    for _ in 0..10 {
        let end = child::run("while_the_node_ends", || {
            let census = Census::default();
            let ended = Arc::new(AtomicBool::new(false));
            let strangers: Vec<_> = (0..4)
                .map(|_| {
                    let (census, ended) = (census.clone(), Arc::clone(&ended));
                    thread::spawn(move || {
                        while !program::BEGUN.load(Ordering::Acquire) {
                            thread::yield_now();
                        }
                        program::STRANGERS.fetch_add(1, Ordering::AcqRel);
                        let mut pids = Vec::new();
                        loop {
                            let last = ended.load(Ordering::Acquire);
                            if !last && census.count() > BACKLOG {
                                thread::yield_now();
                                continue;
                            }
                            let token = census.token();
                            let job = move || {
                                let _token = token;
                                receive_any();
                            };
                            match Spawn::new().spawn(job) {
                                Ok(spawned) => {
                                    assert!(!last, "accepted after the end");
                                    pids.push(spawned.pid);
                                    send(spawned.pid, census.token());
                                }
                                Err(SpawnError::ShuttingDown) => {}
                                Err(error) => panic!("{error}"),
                            }
                            if last {
                                break;
                            }
                        }
                        pids
                    })
                })
                .collect();
            program::main();
            ended.store(true, Ordering::Release);
            for stranger in strangers {
                for pid in stranger.join().unwrap() {
                    assert!(!is_process_alive(pid), "{pid} lives on after its node");
                    send(pid, census.token());
                }
            }
            assert_eq!(census.count(), 0, "something was lost");
            let text = panic_of(|| spawn!(|| {}));
            assert!(text.contains("shutting down"), "{text}");
            let text = panic_of(|| runtime::run(|| {}));
            assert!(text.contains("shutting down"), "{text}");
        });
        end.is_well();
    }
}

/// A node ends while threads send to its processes and wake them; nothing is lost but what was
/// sent to the dead, and that is dropped.
#[test]
fn sends_while_a_node_ends() {
    for _ in 0..20 {
        let node = Builder::new().workers(2).start().unwrap();
        let census = Census::default();
        let pids: Vec<Pid> = (0..20)
            .map(|n| {
                let spawn = Spawn::new().node(&node);
                let spawned = if n % 2 == 0 {
                    spawn.receive_loop(|_| Flow::Continue)
                } else {
                    spawn.spawn(|| {
                        loop {
                            receive! { _ => {}, after Duration::from_micros(100) => {} }
                        }
                    })
                };
                spawned.unwrap().pid
            })
            .collect();
        let begun = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (pids, census, begun) = (pids.clone(), census.clone(), Arc::clone(&begun));
                thread::spawn(move || {
                    begun.fetch_add(1, Ordering::AcqRel);
                    while pids.iter().any(|&pid| is_process_alive(pid)) {
                        for &pid in &pids {
                            send(pid, census.token());
                        }
                    }
                })
            })
            .collect();
        while begun.load(Ordering::Acquire) < 4 {
            thread::yield_now();
        }
        let report = node.shutdown(LONG);
        assert_eq!(report, runtime::ShutdownReport::default());
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        assert_eq!(census.count(), 0);
    }
}

/// A thread that ends takes nothing with it that it has sent or spawned.
#[runtime::test]
fn threads_that_end() {
    let root = self_pid();
    for n in 0..200u32 {
        thread::spawn(move || {
            send(root, n);
            spawn!(move || send(root, n));
        })
        .join()
        .unwrap();
    }
    let sum: u32 = (0..400).map(|_| message::<u32>()).sum();
    assert_eq!(sum, 199 * 200);
}

/// A destructor of a thread-local may send while its thread ends.
#[runtime::test]
fn a_destructor_of_a_thread() {
    struct Last(Pid);
    impl Drop for Last {
        fn drop(&mut self) {
            send(self.0, "gone");
        }
    }
    thread_local! {
        static LAST: std::cell::RefCell<Option<Last>> = const { std::cell::RefCell::new(None) };
    }
    let root = self_pid();
    for first in [true, false] {
        thread::spawn(move || {
            if first {
                send(root, 0u8);
            }
            LAST.set(Some(Last(root)));
            if !first {
                send(root, 0u8);
            }
        });
        assert_eq!(message::<u8>(), 0);
        assert_eq!(message::<&str>(), "gone");
    }
}

/// What only a process can do names itself on another thread, says what to do, and in debug builds panics at the
/// line that has called it.
#[test]
fn what_needs_a_process() {
    thread_local! {
        static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
    }
    // The runtime's own hook first.
    runtime::run(|| ());
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        PLACE.set(info.location().map(ToString::to_string).unwrap_or_default());
        previous(info);
    }));
    let calls: [(&str, fn()); 8] = [
        ("self_pid", || _ = self_pid()),
        ("monitor", || _ = monitor("nobody")),
        ("make_ref", || _ = make_ref()),
        ("trap_exit", || _ = trap_exit(true)),
        ("exit", || exit(ExitReason::Normal)),
        ("hibernate", || hibernate(|| ())),
        ("receive", || _ = receive_any()),
        ("receive", || receive! { 3u8 => {} }),
    ];
    for (name, call) in calls {
        let Err(Caught::Panic(report)) = catch(call) else {
            panic!("{name} outside a process")
        };
        let told = format!("`{name}` outside a process: call it in a function that was spawned");
        assert!(report.message().starts_with(&told), "{report}");
        let place = PLACE.take();
        assert!(
            !cfg!(debug_assertions) || place.contains("foreign_threads.rs"),
            "{name}: {place}"
        );
    }
}

/// A socket of a thread that is no process is polled, also if it is the node's first and all the node's
/// threads sleep.
#[test]
#[cfg(target_os = "linux")]
fn the_first_socket() {
    let end = child::run("the_first_socket", || {
        runtime::run(|| ());
        // Whether a thread waits in the system until somebody wakes it: the watchdog, which lingers for a while, does
        // when all workers do.
        let sleeps = |thread: &str| {
            let tasks = std::fs::read_dir("/proc/self/task").unwrap();
            let is_it = |task: &std::path::PathBuf| {
                let name = std::fs::read_to_string(task.join("comm"));
                name.is_ok_and(|name| name.starts_with(thread))
            };
            let mut tasks = tasks.map(|task| task.unwrap().path());
            let call = tasks
                .find(is_it)
                .and_then(|task| std::fs::read_to_string(task.join("syscall")).ok());
            call.is_some_and(|call| call.starts_with(&format!("{} ", libc::SYS_futex)))
        };
        let until_asleep = |thread: &str| expect::until("it sleeps", || sleeps(thread));
        until_asleep("watchdog-");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (answer, answers) = channel();
        let reader = thread::Builder::new().name("reader".into());
        let read = move || {
            let mut stream = runtime::net::TcpStream::connect(address).unwrap();
            let mut heard = [0];
            stream.read_exact(&mut heard).unwrap();
            answer.send(heard).unwrap();
        };
        reader.spawn(read).unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        // Late, so that the thread has found nothing and waits.
        until_asleep("reader");
        until_asleep("watchdog-");
        peer.write_all(&[7]).unwrap();
        assert_eq!(answers.recv_timeout(LONG), Ok([7]));
    });
    end.is_well();
}
