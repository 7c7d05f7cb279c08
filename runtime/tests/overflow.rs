//! Stack overflows: the program ends, with a report that names the process. Each in a child.

mod expect;

use expect::child::{self, End};
use expect::{LONG, message};
use runtime::prelude::*;

#[inline(never)]
#[expect(unconditional_recursion, reason = "it shall overflow")]
fn endless(n: u64) -> u64 {
    let page = [n; 64];
    std::hint::black_box(&page);
    endless(n + 1) + page[n as usize % 64]
}

/// A report, and no second one.
#[track_caller]
fn the_report(end: &End) -> &str {
    assert_eq!(end.signal, Some(libc::SIGABRT), "{}", end.errors);
    let (_, report) = end
        .errors
        .split_once("stack overflow in ")
        .expect("a report");
    assert!(!report.contains("stack overflow in "), "{}", end.errors);
    report
}

/// The report names the process by pid, label and place, and its stack's size, and says what to
/// do.
#[test]
fn names_the_process() {
    let end = child::run("names_the_process", || {
        runtime::run(|| {
            let spawn = Spawn::new().label("deep one").stack_size(1 << 17);
            let pid = spawn.spawn(|| _ = endless(0)).unwrap().pid;
            eprintln!("it was {pid}.");
            receive_timeout(LONG);
        });
    });
    let report = the_report(&end);
    let (_, pid) = end.errors.split_once("it was ").expect("its pid");
    let (pid, _) = pid
        .split_once('.')
        .and_then(|_| pid.split_once(".\n"))
        .expect("a line");
    assert!(
        report.starts_with(&format!("process {pid} (deep one), spawned at ")),
        "{report}"
    );
    assert!(report.contains("tests/overflow.rs:"), "{report}");
    assert!(report.contains("its stack has 128 KiB"), "{report}");
    assert!(report.contains("Spawn::stack_size"), "{report}");
}

/// Of ten overflows at once on different threads, one is reported, whole, and the program ends.
#[test]
fn ten_at_once() {
    for _ in 0..5 {
        let end = child::run("ten_at_once", || {
            let node = Builder::new().workers(2).max_spares(20).start().unwrap();
            let barrier = std::sync::Arc::new(std::sync::Barrier::new(10));
            for n in 0..10 {
                let barrier = std::sync::Arc::clone(&barrier);
                let spawn = Spawn::new()
                    .node(&node)
                    .own_thread()
                    .label(format!("number {n}"));
                let deep = move || {
                    barrier.wait();
                    endless(0);
                };
                spawn.spawn(deep).unwrap();
            }
            // The program ends meanwhile.
            std::thread::sleep(LONG);
        });
        let report = the_report(&end);
        assert!(report.starts_with("process <0."), "{report}");
        assert!(report.contains("(number "), "{report}");
        assert!(report.contains("its stack has "), "{report}");
    }
}

/// A behaviour that overflows the stack it is called on is named as well, and so is a process
/// that overflows while it unwinds, in a destructor.
#[test]
fn in_every_state() {
    let end = child::run("in_every_state", || {
        runtime::run(|| {
            let spawn = Spawn::new().label("at rest");
            let spawned = spawn.receive_loop(|_| {
                endless(0);
                Flow::Continue
            });
            send(spawned.unwrap().pid, ());
            receive_timeout(LONG);
        });
    });
    assert!(the_report(&end).contains("(at rest)"), "{}", end.errors);
}

/// A process that overflows in a destructor while it unwinds is named.
#[test]
fn while_unwinding() {
    let end = child::run("while_unwinding", || {
        runtime::run(|| {
            let spawn = Spawn::new().label("last words");
            let spawned = spawn.spawn(|| {
                let _last = expect::OnDrop(|| _ = endless(0));
                receive_any();
                panic!("on the way out");
            });
            send(spawned.unwrap().pid, ());
            receive_timeout(LONG);
        });
    });
    assert!(the_report(&end).contains("(last words)"), "{}", end.errors);
}

/// An overflow in one process is reported as that one's, however many others are suspended.
#[test]
fn among_thousands() {
    let end = child::run("among_thousands", || {
        runtime::run(|| {
            let root = self_pid();
            for _ in 0..3000 {
                spawn!(move || {
                    send(root, ());
                    receive_any();
                });
            }
            for _ in 0..3000 {
                message::<()>();
            }
            let spawn = Spawn::new().label("the one");
            spawn.spawn(|| _ = endless(0)).unwrap();
            receive_timeout(LONG);
        });
    });
    assert!(the_report(&end).contains("(the one)"), "{}", end.errors);
}

/// Any other fault is no stack overflow: the program ends by its signal.
#[test]
fn another_fault() {
    let end = child::run("another_fault", || {
        runtime::run(|| {
            // SAFETY: none; the fault is the purpose.
            unsafe { std::ptr::without_provenance_mut::<u8>(64).write_volatile(1) };
        });
    });
    assert_eq!(end.signal, Some(libc::SIGSEGV), "{}", end.errors);
    assert!(
        !end.errors.contains("stack overflow in process"),
        "{}",
        end.errors
    );
}
