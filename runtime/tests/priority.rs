//! Priorities, with BEAM's meaning on each worker. One thread and no spare make it exact.

mod expect;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use expect::{alone, message};
use runtime::prelude::*;

const ALL: [Priority; 4] = [
    Priority::Low,
    Priority::Normal,
    Priority::High,
    Priority::Max,
];

fn spawn_with(priority: Priority, f: impl FnOnce() + Send + 'static) -> Pid {
    Spawn::new().priority(priority).spawn(f).unwrap().pid
}

/// Of processes that are runnable, those of priority max run first, then high, then normal,
/// then low, in whatever order they were spawned.
#[test]
fn the_order() {
    for seed in 0..24usize {
        alone(move || {
            let root = self_pid();
            let mut all = ALL.to_vec();
            // One of the orders that there are.
            let mut rest = seed;
            for n in (1..4).rev() {
                all.swap(n, rest % (n + 1));
                rest /= n + 1;
            }
            for priority in all {
                spawn_with(priority, move || send(root, priority));
            }
            for expected in [Priority::Max, Priority::High] {
                assert_eq!(message::<Priority>(), expected);
            }
            let mut last = [message::<Priority>(), message()];
            // Low comes before normal in one turn of eight.
            last.sort_unstable();
            assert_eq!(last, [Priority::Normal, Priority::Low]);
        });
    }
}

/// While a process of a higher priority is runnable, one of a lower does not run: high over
/// normal and low, max over all; at rest or on a stack.
#[test]
fn a_higher_one_goes_first() {
    for (higher, lower) in [
        (Priority::High, Priority::Normal),
        (Priority::High, Priority::Low),
        (Priority::Max, Priority::High),
        (Priority::Max, Priority::Normal),
    ] {
        alone(move || {
            let root = self_pid();
            // Goes before both, so that it can begin and end the contest.
            spawn_with(Priority::Max, move || {
                contest(higher, lower);
                send(root, "over");
            });
            assert_eq!(message::<&str>(), "over");
        });
    }
}

fn contest(higher: Priority, lower: Priority) {
    let me = self_pid();
    let steps = Arc::new(AtomicU32::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let (mine, told) = (Arc::clone(&steps), Arc::clone(&stop));
    spawn_with(lower, move || {
        send(me, "lower begins");
        while !told.load(Ordering::Acquire) {
            mine.fetch_add(1, Ordering::AcqRel);
            yield_now();
        }
        send(me, "lower ends");
    });
    assert_eq!(message::<&str>(), "lower begins");
    spawn_with(higher, move || {
        let before = steps.load(Ordering::Acquire);
        for _ in 0..1000 {
            yield_now();
        }
        send(me, steps.load(Ordering::Acquire) - before);
    });
    assert_eq!(
        message::<u32>(),
        0,
        "steps of {lower:?} while {higher:?} was runnable"
    );
    stop.store(true, Ordering::Release);
    assert_eq!(message::<&str>(), "lower ends");
}

/// A message to a process of a higher priority lets it run at the sender's next switch point,
/// before all of the sender's own priority.
#[test]
fn woken_first() {
    alone(|| {
        let root = self_pid();
        for at_rest in [false, true] {
            let pid = if at_rest {
                Spawn::new()
                    .priority(Priority::High)
                    .receive_loop(move |mail| {
                        send(root, mail);
                        Flow::Continue
                    })
                    .unwrap()
                    .pid
            } else {
                spawn_with(Priority::High, move || {
                    loop {
                        send(root, receive_any());
                    }
                })
            };
            yield_now();
            for n in 0..100u32 {
                let others = spawn!(move || send(root, "normal"));
                send(pid, n);
                let first = receive_timeout(expect::LONG).expect("the first");
                assert_eq!(first.downcast::<u32>().unwrap(), n);
                assert_eq!(message::<&str>(), "normal");
                expect::end_of(others);
            }
        }
    });
}

/// A process of a higher priority that is spawned or woken from outside goes before all those of
/// lower ones that came from outside before it.
#[test]
fn from_outside() {
    let node = Builder::new().workers(1).max_spares(0).start().unwrap();
    let (order, ordered) = std::sync::mpsc::channel();
    let (begun, has_begun) = std::sync::mpsc::channel();
    let told = order.clone();
    let woken = Spawn::new()
        .node(&node)
        .priority(Priority::High)
        .receive_loop(move |_| {
            told.send(Priority::High).unwrap();
            Flow::Continue
        });
    let woken = woken.unwrap().pid;
    node.run(yield_now);
    let stop = Arc::new(AtomicBool::new(false));
    let may_end = Arc::clone(&stop);
    // Holds the only thread, so that all that follow queue up.
    let holder = move || {
        begun.send(()).unwrap();
        while !may_end.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
    };
    Spawn::new().node(&node).spawn(holder).unwrap();
    has_begun.recv_timeout(expect::LONG).unwrap();
    for priority in [Priority::Normal; 50]
        .into_iter()
        .chain([Priority::High, Priority::Max])
    {
        let order = order.clone();
        let newborn = move || order.send(priority).unwrap();
        Spawn::new()
            .node(&node)
            .priority(priority)
            .spawn(newborn)
            .unwrap();
    }
    send(woken, ());
    stop.store(true, Ordering::Release);
    let order: Vec<Priority> = (0..53)
        .map(|_| ordered.recv_timeout(expect::LONG).unwrap())
        .collect();
    // One that is taken from outside before the others are seen is nobody's fault.
    let urgent = order
        .iter()
        .filter(|&&priority| priority != Priority::Normal)
        .count();
    let at_once = order[..6]
        .iter()
        .filter(|&&priority| priority != Priority::Normal)
        .count();
    assert_eq!((urgent, at_once), (3, 3), "{order:?}");
}

/// A process of priority low runs too while normal ones are runnable all the time: about one
/// turn for eight of theirs.
#[test]
fn low_runs_too() {
    alone(|| {
        let root = self_pid();
        let normal = Arc::new(AtomicU32::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        for _ in 0..4 {
            let (turns, told) = (Arc::clone(&normal), Arc::clone(&stop));
            spawn!(move || {
                while !told.load(Ordering::Acquire) {
                    turns.fetch_add(1, Ordering::AcqRel);
                    yield_now();
                }
            });
        }
        spawn_with(Priority::Low, move || {
            yield_now();
            let before = normal.load(Ordering::Acquire);
            for _ in 0..100 {
                yield_now();
            }
            send(root, normal.load(Ordering::Acquire) - before);
        });
        let turns = message::<u32>();
        assert!((400..1600).contains(&turns), "{turns} turns for 100 of low");
        stop.store(true, Ordering::Release);
    });
}

/// A pair of normal priority that does nothing but talk does not starve one of priority low,
/// nor one of its own.
#[test]
fn a_pair_that_talks() {
    for priority in [Priority::Low, Priority::Normal] {
        for at_rest in [false, true] {
            alone(move || {
                let root = self_pid();
                let stop = Arc::new(AtomicBool::new(false));
                let told = Arc::clone(&stop);
                let turns = Arc::new(AtomicU32::new(0));
                let count = Arc::clone(&turns);
                let echo = spawn!(|| loop {
                    receive! { to: Pid => send(to, ()) }
                });
                spawn!(move || {
                    while !told.load(Ordering::Acquire) {
                        count.fetch_add(1, Ordering::AcqRel);
                        send(echo, self_pid());
                        message::<()>();
                    }
                });
                // Under way first.
                while turns.load(Ordering::Acquire) < 10 {
                    yield_now();
                }
                if at_rest {
                    let mut left = 20;
                    let pid = Spawn::new()
                        .priority(priority)
                        .receive_loop(move |_| {
                            left -= 1;
                            if left == 0 {
                                send(root, "through");
                                return Flow::Exit(ExitReason::Normal);
                            }
                            send(self_pid(), ());
                            Flow::Continue
                        })
                        .unwrap()
                        .pid;
                    send(pid, ());
                } else {
                    spawn_with(priority, move || {
                        for _ in 0..20 {
                            yield_now();
                        }
                        send(root, "through");
                    });
                }
                assert_eq!(message::<&str>(), "through");
                stop.store(true, Ordering::Release);
                runtime::exit_signal(echo, ExitReason::Kill);
            });
        }
    }
}
