//! Calls that block a thread: the process waits, its worker does not.

mod expect;

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use expect::{Census, alone, child, message, until};
use runtime::net::{TcpStream, UdpSocket, lookup_host, lookup_host_timeout};
use runtime::prelude::*;
use runtime::{Status, blocking};

/// A call that ends when it is told to.
fn gate() -> (Sender<u32>, impl FnOnce() -> u32 + Send + 'static) {
    let (open, opened): (_, Receiver<u32>) = channel();
    (open, move || opened.recv().expect("it is told"))
}

fn until_waiting(pid: Pid) {
    until("it waits", || {
        runtime::process_info(pid).is_some_and(|info| info.status == Status::Waiting)
    });
}

/// While a process waits for its call, others run on its worker; the result is the call's.
#[test]
fn others_run_meanwhile() {
    alone(|| {
        let (open, gate) = gate();
        let parent = self_pid();
        spawn!(move || send(parent, blocking(gate)));
        let worker = thread::current().id();
        let ran = blocking(move || thread::current().id());
        assert_ne!(ran, worker);
        open.send(7).expect("it waits");
        assert_eq!(message::<u32>(), 7);
    });
}

/// A panic of the call is the process's.
#[runtime::test]
fn a_panic_is_the_callers() {
    let caught = std::panic::catch_unwind(|| blocking(|| -> u32 { panic!("in the call") }));
    let payload = caught.expect_err("it panics");
    assert_eq!(expect::text_of(&*payload), "in the call");
}

/// A panic of the call that ends the process says where it happened.
#[runtime::test]
fn a_panic_has_its_place() {
    let (_, monitor) = spawn_monitor!(|| blocking(|| -> () { panic!("in the call") }));
    receive! { Down { monitor: of, reason: ExitReason::Panic(panic), .. } if of == monitor => {
        let place = panic.location().expect("a place");
        assert!(place.starts_with(file!()), "{place}");
    } }
}

/// A process that is killed while its call runs ends at once; what the call returns is dropped, on the
/// pool's thread.
#[runtime::test]
fn killed_while_it_runs() {
    struct Told(Sender<thread::ThreadId>);
    impl Drop for Told {
        fn drop(&mut self) {
            let _ = self.0.send(thread::current().id());
        }
    }
    let (open, opened) = channel::<()>();
    let (tell, told) = channel();
    let pool = Arc::new(Mutex::new(None));
    let (pid, monitor) = {
        let pool = Arc::clone(&pool);
        spawn_monitor!(move || drop(blocking(move || {
            *pool.lock().unwrap() = Some(thread::current().id());
            let _ = opened.recv();
            Told(tell)
        })))
    };
    until("the call runs", || pool.lock().unwrap().is_some());
    exit_signal(pid, ExitReason::Kill);
    receive! { Down { monitor: of, reason, .. } if of == monitor => {
        assert_eq!(reason, ExitReason::Killed);
    } }
    open.send(()).expect("it runs still");
    let dropped_on = blocking(move || told.recv().expect("it is dropped"));
    assert_eq!(Some(dropped_on), *pool.lock().unwrap());
}

/// More calls than there are threads wait their turn, and can be killed meanwhile; their closures are
/// dropped all the same.
#[runtime::test]
fn more_than_there_are_threads() {
    const CALLS: usize = 600;
    let census = Census::default();
    let gates: Vec<_> = (0..CALLS)
        .map(|_| {
            let (open, gate) = gate();
            let token = census.token();
            let (pid, monitor) = spawn_monitor!(move || {
                blocking(move || {
                    let _token = token;
                    gate()
                });
            });
            (open, pid, monitor)
        })
        .collect();
    gates.iter().for_each(|(_, pid, _)| until_waiting(*pid));
    for (_, pid, _) in gates.iter().skip(1).step_by(2) {
        exit_signal(*pid, ExitReason::Kill);
    }
    for (open, ..) in &gates {
        // The killed may have dropped their closures by now.
        let _ = open.send(1);
    }
    for (n, (_, _, monitor)) in gates.into_iter().enumerate() {
        receive! { Down { monitor: of, reason, .. } if of == monitor => {
            let expected = if n % 2 == 0 { ExitReason::Normal } else { ExitReason::Killed };
            assert_eq!(reason, expected);
        } }
    }
    census.none_is_left();
}

/// A call whose process is killed before its turn comes is not made; its closure is dropped.
#[runtime::test]
fn killed_before_its_turn() {
    // All threads of the pool are at work.
    let busy: Vec<_> = (0..512)
        .map(|_| {
            let (open, gate) = gate();
            let pid = spawn!(move || _ = blocking(gate));
            (open, pid)
        })
        .collect();
    busy.iter().for_each(|(_, pid)| until_waiting(*pid));
    let census = Census::default();
    let token = census.token();
    let ran = Arc::new(Mutex::new(false));
    let (pid, monitor) = {
        let ran = Arc::clone(&ran);
        spawn_monitor!(move || blocking(move || {
            let _token = token;
            *ran.lock().unwrap() = true;
        }))
    };
    until_waiting(pid);
    exit_signal(pid, ExitReason::Kill);
    receive! { Down { monitor: of, .. } if of == monitor => {} }
    for (open, _) in &busy {
        open.send(0).expect("it waits");
    }
    census.none_is_left();
    assert!(!*ran.lock().unwrap());
}

/// Messages wait while a call is under way.
#[runtime::test]
fn messages_wait() {
    let (open, gate) = gate();
    let parent = self_pid();
    let pid = spawn!(move || {
        let n = blocking(gate);
        receive! { m: u32 => send(parent, (n, m)) }
    });
    until_waiting(pid);
    send(pid, 2u32);
    open.send(1).expect("it waits");
    assert_eq!(message::<(u32, u32)>(), (1, 2));
}

/// Virtual time stands while a call is under way.
#[runtime::test(paused)]
fn virtual_time_stands() {
    let start = runtime::now();
    let hour = Duration::from_secs(3600);
    let parent = self_pid();
    send_after(hour, parent, "late");
    // Real time, which the clock must not count.
    blocking(|| thread::sleep(Duration::from_millis(20)));
    assert_eq!(runtime::now(), start);
    assert_eq!(receive_type::<&str>(), "late");
    assert_eq!(runtime::now() - start, hour);
}

/// A node that ends leaves a call that runs on, and says so.
#[test]
fn a_shutdown_leaves_calls() {
    let node = Builder::new().workers(1).start().expect("a node");
    let (open, opened) = channel::<()>();
    let (tell, told) = channel();
    node.run(move || {
        spawn!(move || blocking(move || {
            tell.send(()).expect("somebody waits");
            let _ = opened.recv();
        }));
    });
    told.recv().expect("it runs");
    let report = node.shutdown(Duration::from_secs(5));
    assert_eq!(report.blocking, 1);
    assert!(report.stuck.is_empty(), "{report:?}");
    drop(open);
}

/// On a thread that is no process the call is made there.
#[test]
fn on_a_plain_thread() {
    let here = thread::current().id();
    assert_eq!(blocking(move || thread::current().id()), here);
}

/// What is dropped on the pool's thread may panic; the thread goes on.
#[runtime::test]
fn a_late_result_that_panics() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("in a destructor");
        }
    }
    let calls: Vec<_> = (0..10)
        .map(|_| {
            let (open, gate) = gate();
            let (pid, monitor) = spawn_monitor!(move || drop(blocking(move || {
                gate();
                Panics
            })));
            until_waiting(pid);
            exit_signal(pid, ExitReason::Kill);
            receive! { Down { monitor: of, reason, .. } if of == monitor => {
                assert_eq!(reason, ExitReason::Killed);
            } }
            open
        })
        .collect();
    for open in &calls {
        // One that was killed before its call began has none.
        let _ = open.send(1);
    }
    assert_eq!(blocking(|| 7), 7);
}

/// How many threads have a name that begins so.
fn threads(name: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("procfs");
    let names =
        tasks.map(|task| std::fs::read_to_string(task.expect("a task").path().join("comm")));
    let own = names.filter(|it| it.as_ref().is_ok_and(|it| it.starts_with(name)));
    own.count()
}

/// Names are looked up away from the workers, also when all other threads that may block are at work; one that does not
/// resolve is an error, also of what connects.
#[test]
fn names() {
    let end = child::run("names", || {
        runtime::run(|| {
            let busy: Vec<_> = (0..512)
                .map(|_| {
                    let (open, gate) = gate();
                    (open, spawn!(move || _ = blocking(gate)))
                })
                .collect();
            busy.iter().for_each(|(_, pid)| until_waiting(*pid));
            assert_eq!(threads("look-up"), 0);
            let found = lookup_host("localhost:80").expect("every machine has it");
            assert!(
                found
                    .iter()
                    .all(|address| address.ip().is_loopback() && address.port() == 80)
            );
            assert_eq!(threads("look-up"), 1);
            assert!(lookup_host("no-such-host.invalid:80").is_err());
            assert!(TcpStream::connect("no-such-host.invalid:80").is_err());
            assert!(UdpSocket::bind("no-such-host.invalid:80").is_err());
            for wrong in ["localhost", "localhost:http", ""] {
                let error = lookup_host(wrong).unwrap_err();
                assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{wrong}");
            }
            drop(busy);
        });
    });
    end.is_well();
}

/// A look-up ends with its time, alone or in a connect.
#[test]
fn a_look_up_times_out() {
    let second = Duration::from_secs(1);
    alone(move || {
        for time in [second, Duration::MAX] {
            let found = lookup_host_timeout("localhost:80", time).expect("every machine has it");
            assert!(found.iter().all(|address| address.ip().is_loopback()));
        }
        let zero = lookup_host_timeout("localhost:80", Duration::ZERO).unwrap_err();
        assert_eq!(zero.kind(), std::io::ErrorKind::InvalidInput);
        // There is no time for it.
        let nanosecond = Duration::from_nanos(1);
        let late = lookup_host_timeout("no-such-host.invalid:80", nanosecond).unwrap_err();
        assert_eq!(late.kind(), std::io::ErrorKind::TimedOut);
        let late = TcpStream::connect_timeout("no-such-host.invalid:80", nanosecond).unwrap_err();
        assert_eq!(late.kind(), std::io::ErrorKind::TimedOut);
    });
}
