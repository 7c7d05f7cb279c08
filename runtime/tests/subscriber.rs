//! The program's `tracing` subscriber is its own code: whatever it does in the middle of the
//! runtime's work, nobody comes to harm.

mod expect;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use expect::{alone, child, message, panic_of, until};
use runtime::prelude::*;
use runtime::try_self_pid;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// The targets of the events so far, and the processes in whose name they came.
static EVENTS: Mutex<Vec<(String, Option<Pid>)>> = Mutex::new(Vec::new());

/// While it is locked the subscriber blocks, in events that come in nobody's name.
static GATE: Mutex<()> = Mutex::new(());

/// Waits and yields, which it must not, blocks, and panics.
struct Wild;

impl Subscriber for Wild {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("runtime::")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let thread = std::thread::current().id();
        yield_now();
        if try_self_pid().is_some() {
            assert!(panic_of(receive_any).contains("inside a guard"));
        }
        assert_eq!(std::thread::current().id(), thread);
        let target = event.metadata().target().to_owned();
        EVENTS.lock().unwrap().push((target, try_self_pid()));
        if try_self_pid().is_none() {
            drop(GATE.lock());
        }
        panic!("a subscriber that panics");
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn subscribe() {
    let _ = tracing::subscriber::set_global_default(Wild);
}

/// Whether an event of the target has come, in a name that fits.
fn has_come(target: &str, fits: impl Fn(Option<Pid>) -> bool) -> bool {
    let events = EVENTS.lock().unwrap();
    events.iter().any(|(of, by)| of == target && fits(*by))
}

/// A report of a process's panic that panics itself ends nobody but that process.
#[test]
fn at_the_end_of_a_process() {
    subscribe();
    alone(|| {
        for _ in 0..10 {
            let pid = spawn!(|| panic!("one"));
            expect::end_of(pid);
            assert!(has_come("runtime::process", |by| by == Some(pid)));
        }
    });
}

/// A report made while a process's mailbox is being worked on changes nothing in it, and does not
/// let the process move.
#[runtime::test(workers = 2, unsafe(migrate))]
fn of_a_long_mailbox() {
    const COUNT: u32 = 1 << 15;
    subscribe();
    let root = self_pid();
    let movers: Vec<Pid> = (0..20)
        .map(|_| {
            spawn!(|| loop {
                yield_now();
            })
        })
        .collect();
    let pid = spawn!(move || {
        let last: String = receive_type();
        for n in 0..COUNT {
            assert_eq!(receive_type::<u32>(), n);
        }
        send(root, last);
    });
    for n in 0..COUNT {
        send(pid, n);
    }
    send(pid, "last".to_owned());
    assert_eq!(message::<String>(), "last");
    assert!(has_come("runtime::mailbox", |_| true));
    for pid in movers {
        runtime::exit_signal(pid, ExitReason::Kill);
    }
}

/// A report of a process that runs on and on leaves the watchdog as it was: what is at rest is
/// served by a spare meanwhile.
#[test]
fn of_a_worker_that_is_blocked() {
    subscribe();
    let node = Builder::new().workers(1).start().unwrap();
    node.run(|| {
        let served = Arc::new(AtomicBool::new(false));
        let serve = Arc::clone(&served);
        let at_rest = Spawn::new().receive_loop(move |_| {
            serve.store(true, Ordering::Release);
            Flow::Continue
        });
        // Reaches no switch point from here on.
        spin_until(|| has_come("runtime::scheduler", |by| by.is_none()));
        send(at_rest.unwrap().pid, ());
        spin_until(|| served.load(Ordering::Acquire));
    });
}

/// A report that blocks its thread does not hold up the watchdog.
#[test]
fn that_blocks() {
    let end = child::run("that_blocks", || {
        let held = GATE.lock().unwrap();
        subscribe();
        let node = Builder::new().workers(1).start().unwrap();
        node.run(|| {
            let served = Arc::new(AtomicBool::new(false));
            let serve = Arc::clone(&served);
            let at_rest = Spawn::new().receive_loop(move |_| {
                serve.store(true, Ordering::Release);
                Flow::Continue
            });
            spin_until(|| has_come("runtime::scheduler", |by| by.is_none()));
            // The spare that has come meanwhile gets stuck as well: another one is needed.
            let begun = Arc::new(AtomicBool::new(false));
            let (begin, end) = (Arc::clone(&begun), Arc::clone(&served));
            spawn!(move || {
                begin.store(true, Ordering::Release);
                spin_until(|| end.load(Ordering::Acquire));
            });
            spin_until(|| begun.load(Ordering::Acquire));
            send(at_rest.unwrap().pid, ());
            spin_until(|| served.load(Ordering::Acquire));
        });
        drop(held);
    });
    end.is_well();
}

fn spin_until(so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < expect::LONG, "it has waited in vain");
        std::hint::spin_loop();
    }
}

/// A report that is made between two turns is in nobody's name.
#[test]
fn between_two_turns() {
    let end = child::run("between_two_turns", || {
        // There is no memory to print panics with.
        std::panic::set_hook(Box::new(|_| {}));
        subscribe();
        let builder = Builder::new().workers(1).max_spares(0);
        let node = builder.stack_size(1 << 20).start().unwrap();
        node.run(|| ());
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: u64 = statm.split(' ').next().unwrap().parse().unwrap();
        let limit = libc::rlimit {
            rlim_cur: pages * 4096 + (256 << 20),
            rlim_max: libc::RLIM_INFINITY,
        };
        // SAFETY: setrlimit reads a structure.
        unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) };
        let wait = || _ = receive_any();
        let pids: Vec<Pid> = (0..2000)
            .map_while(|_| Some(Spawn::new().node(&node).spawn(wait).ok()?.pid))
            .collect();
        until("the report", || has_come("runtime::scheduler", |_| true));
        let events = EVENTS.lock().unwrap().clone();
        assert!(events.iter().all(|(_, by)| by.is_none()), "{events:?}");
        for pid in pids {
            send(pid, ());
        }
    });
    end.is_well();
}

/// A report of a mailbox that a timer has made long is in nobody's name, also if its worker is busy.
#[test]
fn of_a_mailbox_that_a_timer_fills() {
    const LONG: u32 = 1 << 14;
    let end = child::run("of_a_mailbox_that_a_timer_fills", || {
        subscribe();
        let of_mailboxes = || {
            let events = EVENTS.lock().unwrap();
            let of_mailboxes = events.iter().filter(|(of, _)| of == "runtime::mailbox");
            of_mailboxes.map(|(_, by)| *by).collect::<Vec<_>>()
        };
        let node = Builder::new().workers(1).start().unwrap();
        // The watchdog may come first, so more than once.
        for round in 0..8 {
            node.run(move || {
                let ended = Arc::new(AtomicBool::new(false));
                let (end, rest) = (Arc::clone(&ended), Arc::clone(&ended));
                // Reaches no switch point, so that nothing is taken from its mailbox.
                let begun = Arc::new(AtomicBool::new(false));
                let begin = Arc::clone(&begun);
                let hog = Spawn::new().own_thread().spawn(move || {
                    begin.store(true, Ordering::Release);
                    spin_until(|| end.load(Ordering::Acquire));
                });
                let pid = hog.unwrap().pid;
                until("it runs", || begun.load(Ordering::Acquire));
                for n in 1..LONG {
                    send(pid, n);
                    // Who runs for long loses its worker's seat, and with it what is busy about it.
                    yield_now();
                }
                // Whenever it rises the clock is refreshed, for the worker to see.
                let restless = Spawn::new().own_thread().spawn(move || {
                    while !rest.load(Ordering::Acquire) {
                        sleep(std::time::Duration::from_micros(200));
                    }
                });
                assert!(restless.is_ok());
                send_after(std::time::Duration::from_millis(2), pid, LONG);
                while of_mailboxes().len() == round {
                    yield_now();
                }
                ended.store(true, Ordering::Release);
            });
        }
        let events = of_mailboxes();
        assert!(events.iter().all(Option::is_none), "{events:?}");
    });
    end.is_well();
}
