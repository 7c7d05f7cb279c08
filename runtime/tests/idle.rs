//! A node with nothing to do uses no processor.
#![cfg(target_os = "linux")]

mod expect;

use std::future::poll_fn;
use std::io::{Read, Write};
use std::time::Duration;

use expect::{child, message};
use runtime::net::{Active, TcpListener, TcpStream};
use runtime::prelude::*;

/// Microseconds of processor time that the program has used.
fn cpu_time() -> i64 {
    // SAFETY: a zeroed rusage is valid, and the call fills it.
    let usage = unsafe {
        let mut usage = std::mem::zeroed::<libc::rusage>();
        assert_eq!(libc::getrusage(libc::RUSAGE_SELF, &raw mut usage), 0);
        usage
    };
    let micros = |time: libc::timeval| time.tv_sec * 1_000_000 + time.tv_usec;
    micros(usage.ru_utime) + micros(usage.ru_stime)
}

/// Context switches of all threads that there are.
fn switches() -> u64 {
    let of = |status: String| -> u64 {
        let lines = status.lines().filter(|line| line.contains("ctxt_switches"));
        lines
            .map(|line| {
                line.rsplit('\t')
                    .next()
                    .and_then(|n| n.parse::<u64>().ok())
                    .expect("a count")
            })
            .sum()
    };
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux");
    tasks
        .map(|task| {
            of(std::fs::read_to_string(task.expect("a task").path().join("status")).unwrap())
        })
        .sum()
}

/// How long is looked at, in seconds: `RUNTIME_TEST_LONG` asks for the ten of the promise.
fn seconds() -> u32 {
    if std::env::var_os("RUNTIME_TEST_LONG").is_some() {
        10
    } else {
        3
    }
}

/// Checks that this program uses less than a millisecond of processor time and switches 20 times
/// at most in ten seconds; the begin of the rest, in which caches are cooled, does not count.
fn is_idle() {
    std::thread::sleep(Duration::from_secs(3));
    let before = switches();
    let cpu = cpu_time();
    std::thread::sleep(Duration::from_secs(seconds().into()));
    let cpu = cpu_time() - cpu;
    let count = switches() - before;
    // The measurement itself costs a switch.
    let (most, often) = (100 * seconds(), 2 * u64::from(seconds()) + 1);
    assert!(cpu < i64::from(most), "{cpu} us in {} s", seconds());
    assert!(count <= often, "{count} switches in {} s", seconds());
}

/// A node that has never had anything to do is idle.
#[test]
fn from_the_begin() {
    let end = child::run("from_the_begin", || {
        let _node = Builder::new().workers(2).start().unwrap();
        is_idle();
    });
    end.is_well();
}

/// A node is idle after work, with thousands of processes that wait: on stacks, at rest, with times
/// far ahead.
#[test]
fn after_work() {
    let end = child::run("after_work", || {
        let node = Builder::new().workers(2).start().unwrap();
        node.run(|| {
            let root = self_pid();
            for n in 0..2000u32 {
                spawn!(move || {
                    send(root, ());
                    match n % 3 {
                        0 => drop(receive_any()),
                        1 => drop(receive_timeout(Duration::from_secs(3600))),
                        _ => sleep(Duration::from_secs(3600)),
                    }
                });
                let spawned = Spawn::new().receive_loop(move |mail| {
                    send(root, mail);
                    Flow::Continue
                });
                send(spawned.unwrap().pid, ());
            }
            for _ in 0..4000 {
                message::<()>();
            }
            for n in 0..20_000u32 {
                spawn!(move || send(root, n));
            }
            for _ in 0..20_000 {
                message::<u32>();
            }
        });
        is_idle();
    });
    end.is_well();
}

/// The threads of this program, by the beginning of their names, but for those of the tests.
fn threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux");
    let names =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    let mut names: Vec<String> = names
        .filter_map(|name| name.split_once('-').map(|(kind, _)| kind.to_owned()))
        .filter(|kind| kind != "idle")
        .collect();
    names.sort_unstable();
    names
}

/// A node is idle when all its processes wait for input: a listener, readers on stacks, at rest and in active mode, after
/// they have had some; and the reactor has no thread.
#[test]
fn with_sockets() {
    let end = child::run("with_sockets", || {
        let node = Builder::new().workers(2).max_spares(0).start().unwrap();
        node.run(|| {
            let root = self_pid();
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            spawn!(move || {
                for (n, stream) in (0..).zip(listener.incoming()) {
                    let mut stream = stream.unwrap();
                    if n % 2 == 0 {
                        spawn!(move || {
                            while stream.read(&mut [0; 8]).unwrap() > 0 {
                                send(root, ());
                            }
                        });
                    } else {
                        runtime::spawn_future(async move {
                            while poll_fn(|cx| stream.poll_read(cx, &mut [0; 8]))
                                .await
                                .unwrap()
                                > 0
                            {
                                send(root, ());
                            }
                        });
                    }
                }
            });
            for _ in 0..100 {
                spawn!(move || {
                    let stream = TcpStream::connect(address).unwrap();
                    let mut stream = stream.activate(Active::Once).unwrap();
                    for _ in 0..10 {
                        stream.write_all(b"x").unwrap();
                    }
                    drop(receive_any());
                });
                message::<()>();
            }
        });
        is_idle();
        let kinds = threads();
        // On a busy machine a worker may be reported.
        let own = ["watchdog", "worker", "reports"].map(str::to_owned);
        assert!(kinds.iter().all(|kind| own.contains(kind)), "{kinds:?}");
        assert!(
            kinds.iter().filter(|kind| *kind == "worker").count() <= 2,
            "{kinds:?}"
        );
    });
    end.is_well();
}

/// A node is idle after hogs that needed spare workers, and a process with a thread of its own that
/// waits costs nothing either.
#[test]
fn after_hogs() {
    let end = child::run("after_hogs", || {
        let node = Builder::new().workers(2).start().unwrap();
        node.run(|| {
            let root = self_pid();
            for _ in 0..6 {
                spawn!(move || {
                    let start = std::time::Instant::now();
                    while start.elapsed() < Duration::from_millis(30) {
                        std::hint::spin_loop();
                    }
                    send(root, ());
                });
            }
            for _ in 0..6 {
                message::<()>();
            }
            Spawn::new()
                .own_thread()
                .spawn(|| drop(receive_any()))
                .unwrap();
        });
        is_idle();
    });
    end.is_well();
}
