//! Debug builds report a switch point in code that relies on being left in order. Nothing here
//! goes on to what would be undefined behaviour: one process alone does no harm.
#![cfg(debug_assertions)]

mod expect;

use std::cell::{Cell, RefCell};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use expect::reports::{self, Report};
use expect::{child, end_of};
use runtime::prelude::*;

const TARGET: &str = "runtime::soundness";

#[derive(Debug)]
struct Go;

/// Lets `deed` receive one `Go`, for which it waits, and waits for its end. On a node with one
/// thread: so the process has suspended when its parent goes on, and no thread-local was used.
fn alone(deed: impl FnOnce() + Send + 'static) -> Pid {
    reports::collect();
    expect::alone(move || {
        let pid = spawn!(deed);
        yield_now();
        send(pid, Go);
        end_of(pid);
        pid
    })
}

/// The report that must come about the process.
#[track_caller]
fn report_of(pid: Pid) -> Report {
    reports::expect(TARGET, &[&format!("pid={pid} ")])
}

/// Switches are looked at in the order in which they come, so one that must be reported shows
/// that the processes before it were not.
#[track_caller]
fn none_of(pids: &[Pid], violator: Pid) {
    report_of(violator);
    for pid in pids {
        assert_eq!(
            reports::find(TARGET, &[&format!("pid={pid} ")]).map(|r| r.fields),
            None
        );
    }
}

/// The first counter-example of the book: a receive in the initialiser of a thread-local.
#[test]
fn an_initialiser() {
    thread_local! {
        static CONFIG: String = {
            receive! { Go => {} }
            String::from("made by the initialiser")
        };
    }
    let pid = alone(|| CONFIG.with(|_| {}));
    let report = report_of(pid);
    assert!(
        report.fields.contains("__rust_std_internal_init_fn at "),
        "{report:?}"
    );
    let here = format!("location={}:", file!());
    assert!(report.fields.contains(&here), "{report:?}");
}

/// An initialiser is recognised if its value needs no destructor, if it waits in a function that
/// it calls, and however it waits.
#[test]
fn other_initialisers() {
    fn nap() -> u32 {
        sleep(Duration::from_millis(1));
        7
    }
    thread_local! {
        static PLAIN: u32 = nap();
        static CELL: Cell<u32> = Cell::new({ yield_now(); 7 });
        static LIST: RefCell<Vec<u32>> = RefCell::new(vec![{
            receive! { Go => 7, after Duration::from_millis(1) => 7 }
        }]);
    }
    report_of(alone(|| PLAIN.with(|_| {})));
    report_of(alone(|| CELL.set(CELL.get() + 1)));
    report_of(alone(|| LIST.with_borrow_mut(Vec::clear)));
}

/// The second counter-example of the book: a receive inside `ScopedKey::set`.
#[test]
fn a_scoped_key() {
    scoped_tls::scoped_thread_local!(static LEVEL: String);
    let pid = alone(|| LEVEL.set(&String::from("own"), || receive! { Go => {} }));
    let report = report_of(pid);
    // Compilers write the type's name in two ways.
    let [key, function] = ["frame=", "::set"].map(|part| report.fields.find(part));
    let name = &report.fields[key.expect("a frame")..function.expect("its function")];
    assert!(name.contains("ScopedKey<"), "{report:?}");
}

/// What may be kept over a switch is not reported: a borrow inside `LocalKey::with`, the first
/// one too, a guard of a lock, a `RefCell`'s, a value of a `LazyLock`; nor is an ordinary receive.
#[test]
fn what_is_allowed() {
    thread_local! {
        static MADE: RefCell<String> = RefCell::new(String::from("made at the first use"));
        static CONST: Cell<u32> = const { Cell::new(0) };
        static NOT_MADE: u32 = { receive_any(); 7 };
    }
    static LOCK: Mutex<u32> = Mutex::new(0);
    static LAZY: LazyLock<u32> = LazyLock::new(|| {
        receive! { Go => 7 }
    });
    scoped_tls::scoped_thread_local!(static SCOPED: u32);
    let allowed = [
        alone(|| receive! { Go => {} }),
        alone(|| _ = receive_any()),
        alone(|| MADE.with(|_| receive! { Go => {} })),
        alone(|| MADE.with_borrow_mut(|_| receive! { Go => {} })),
        alone(|| CONST.with(|_| receive! { Go => {} })),
        alone(|| {
            let _guard = LOCK.lock();
            receive! { Go => {} }
        }),
        alone(|| _ = *LAZY),
        alone(|| SCOPED.set(&1, || SCOPED.with(|_| send(self_pid(), Go)))),
    ];
    none_of(&allowed, alone(|| NOT_MADE.with(|_| {})));
}

/// One site is reported once, however many processes come by.
#[test]
fn once_per_site() {
    thread_local! {
        static FIRST: u32 = receive! { Go => 7 };
        static LAST: u32 = receive! { Go => 7 };
    }
    let first: Vec<Pid> = (0..10).map(|_| alone(|| FIRST.with(|_| {}))).collect();
    report_of(alone(|| LAST.with(|_| {})));
    let reported = |pid: &&Pid| reports::find(TARGET, &[&format!("pid={pid} ")]).is_some();
    assert_eq!(first.iter().filter(reported).count(), 1);
}

/// What a program owes of reports is out before its `main` returns.
#[test]
fn before_the_end() {
    let end = child::run("before_the_end", || {
        reports::collect();
        thread_local! { static EARLY: u32 = { yield_now(); 7 } }
        runtime::__rt::main(Builder::new(), || EARLY.with(|_| {}));
        assert!(reports::find(TARGET, &["frame="]).is_some());
    });
    end.is_well();
}

/// A stack that is nearly used up is not looked at: the look itself would not fit.
#[test]
fn a_stack_nearly_used_up() {
    /// Of 60 KiB; what is left suffices for a switch.
    const USED: usize = 56 * 1024;
    reports::collect();
    expect::alone(|| {
        let small = Spawn::new().stack_size(1 << 16);
        let deep = || {
            let used = [0u8; USED];
            std::hint::black_box(&used);
            yield_now();
            std::hint::black_box(&used);
        };
        end_of(small.spawn(deep).unwrap().pid);
    });
}
