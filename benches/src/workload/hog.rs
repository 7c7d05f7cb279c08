//! `hog_..`: how late a sleeper of 1 ms wakes beside four processes that never yield.
//!
//! Measures what a program does to others that computes without a switch point. Four hogs, twice
//! as many as workers, burn CPU until the program ends; a sleeper asks again and again to be
//! woken after 1 ms and notes how late it was, for two seconds. `before`: it ran when the hogs
//! came. `after`: it is spawned from outside when they have run for 100 ms, and how late it
//! starts counts as a wake. `plain`: it is a process on a stack; `rest`: a behaviour. A wake that
//! is overdue at the end counts with what it has waited, so that starving shows. Times are kept
//! by the main thread, which no worker can hold up.
//!
//! On tokio there is one kind of task, so both forms are the same there.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use runtime::Node;
use runtime::prelude::*;
use tokio::runtime::Runtime;

use super::{Workload, in_task};
use crate::cpu;
use crate::measured::{Measured, Unit};

const HOG: Workload = Workload {
    name: "",
    about: "",
    n: 2000,
    unit: Unit::Us,
    warm_up: false,
    on_runtime: |_, _| unreachable!(),
    on_tokio: None,
    workers: 1,
};

pub(super) static WORKLOADS: [Workload; 4] = [
    Workload {
        name: "hog_before_plain",
        about: "lateness of a process that slept before four hogs came",
        on_runtime: |node, n| on_runtime(node, n, Sleeper::spawn_plain, Start::Before),
        on_tokio: Some(|rt, n| on_tokio(rt, n, Start::Before)),
        ..HOG
    },
    Workload {
        name: "hog_before_rest",
        about: "lateness of a behaviour that slept before four hogs came",
        on_runtime: |node, n| on_runtime(node, n, Sleeper::spawn_behaviour, Start::Before),
        on_tokio: Some(|rt, n| on_tokio(rt, n, Start::Before)),
        ..HOG
    },
    Workload {
        name: "hog_after_plain",
        about: "lateness of a process spawned beside four hogs",
        on_runtime: |node, n| on_runtime(node, n, Sleeper::spawn_plain, Start::After),
        on_tokio: Some(|rt, n| on_tokio(rt, n, Start::After)),
        ..HOG
    },
    Workload {
        name: "hog_after_rest",
        about: "lateness of a behaviour spawned beside four hogs",
        on_runtime: |node, n| on_runtime(node, n, Sleeper::spawn_behaviour, Start::After),
        on_tokio: Some(|rt, n| on_tokio(rt, n, Start::After)),
        ..HOG
    },
];

const HOGS: usize = 4;
const NAP: Duration = Duration::from_millis(1);
/// Wakes of a sleeper that runs undisturbed before the hogs come.
const UNDISTURBED: usize = 20;
/// How long the hogs run before a sleeper is spawned beside them.
const HEAD_START: Duration = Duration::from_millis(100);

/// When the sleeper starts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    Before,
    After,
}

/// What the sleeper notes, for the main thread to read at any time.
struct Log {
    epoch: Instant,
    /// When the next wake is due, in nanoseconds since the epoch.
    due: AtomicU64,
    wakes: AtomicUsize,
    /// The lateness of each wake in nanoseconds.
    late: Vec<AtomicU64>,
    early: AtomicBool,
}

impl Log {
    /// For a sleeper that is spawned now and runs for about `n` naps.
    fn new(n: u64) -> &'static Log {
        let room = n as usize + UNDISTURBED + 1000;
        Box::leak(Box::new(Log {
            epoch: Instant::now(),
            due: AtomicU64::new(0),
            wakes: AtomicUsize::new(0),
            late: (0..room).map(|_| AtomicU64::new(0)).collect(),
            early: AtomicBool::new(false),
        }))
    }

    fn now(&self) -> u64 {
        self.epoch.elapsed().as_nanos() as u64
    }

    /// The sleeper runs: notes how late, and that it will sleep from now on.
    fn woke(&self) {
        let (now, due) = (self.now(), self.due.load(Ordering::Relaxed));
        if now < due {
            self.early.store(true, Ordering::Relaxed);
        }
        let wake = self.wakes.load(Ordering::Relaxed);
        if let Some(late) = self.late.get(wake) {
            late.store(now.saturating_sub(due), Ordering::Relaxed);
            // Release: who sees the count sees the entry.
            self.wakes.store(wake + 1, Ordering::Release);
        }
        let due = self.now() + NAP.as_nanos() as u64;
        self.due.store(due, Ordering::Relaxed);
    }

    fn wakes(&self) -> usize {
        self.wakes.load(Ordering::Acquire)
    }

    /// Lets `n` naps' time pass on this thread, then gives the lateness of the wakes since
    /// `first`, with that of one overdue.
    fn close(&self, n: u64, first: usize) -> Measured {
        thread::sleep(NAP * n as u32);
        let (now, wakes) = (self.now(), self.wakes());
        let overdue = now.saturating_sub(self.due.load(Ordering::Relaxed));
        assert!(!self.early.load(Ordering::Relaxed), "a wake came too early");
        let noted = &self.late[first..wakes];
        let mut late: Vec<u64> = noted.iter().map(|ns| ns.load(Ordering::Relaxed)).collect();
        if overdue > 0 || late.is_empty() {
            late.push(overdue);
        }
        Measured::lateness(late)
    }
}

/// Computes until the program ends.
fn hog() {
    loop {
        black_box(cpu::work());
    }
}

/// Our sleeper, in both forms.
struct Sleeper(&'static Log);

impl Sleeper {
    fn spawn_plain(self, spawn: Spawn<'_>) {
        let spawned = spawn.spawn(move || {
            loop {
                self.0.woke();
                sleep(NAP);
            }
        });
        spawned.expect("there is room for the process");
    }

    fn spawn_behaviour(self, spawn: Spawn<'_>) {
        let spawned = spawn.behaviour(self);
        spawned.expect("there is room for the process");
    }
}

impl Behaviour for Sleeper {
    fn wake(&mut self, _: &mut Cx<'_>) -> Next {
        self.0.woke();
        Next::Wait(Until::After(NAP))
    }
}

fn on_runtime(
    node: &Node,
    n: u64,
    spawn_sleeper: fn(Sleeper, Spawn<'_>),
    start: Start,
) -> Measured {
    let spawn_hogs = || {
        for _ in 0..HOGS {
            spawn!(hog);
        }
    };
    match start {
        Start::Before => {
            let log = Log::new(n);
            node.run(move || {
                spawn_sleeper(Sleeper(log), Spawn::new());
                while log.wakes() < UNDISTURBED {
                    sleep(NAP);
                }
                spawn_hogs();
            });
            log.close(n, log.wakes())
        }
        Start::After => {
            node.run(spawn_hogs);
            thread::sleep(HEAD_START);
            let log = Log::new(n);
            spawn_sleeper(Sleeper(log), Spawn::new().node(node));
            log.close(n, 0)
        }
    }
}

async fn sleeper_task(log: &'static Log) {
    loop {
        log.woke();
        tokio::time::sleep(NAP).await;
    }
}

fn on_tokio(rt: &Runtime, n: u64, start: Start) -> Measured {
    let spawn_hogs = || {
        for _ in 0..HOGS {
            tokio::spawn(async { hog() });
        }
    };
    match start {
        Start::Before => {
            let log = Log::new(n);
            in_task(rt, async move {
                tokio::spawn(sleeper_task(log));
                while log.wakes() < UNDISTURBED {
                    tokio::time::sleep(NAP).await;
                }
                spawn_hogs();
            });
            log.close(n, log.wakes())
        }
        Start::After => {
            in_task(rt, async move { spawn_hogs() });
            thread::sleep(HEAD_START);
            let log = Log::new(n);
            rt.spawn(sleeper_task(log));
            log.close(n, 0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleeper_that_never_wakes_shows_as_overdue() {
        // Starving leaves one figure: the time that has passed.
        let log = Log::new(2);
        let measured = log.close(2, 0);
        assert_eq!(measured.n, 1);
        assert!(measured.value >= 2000.0, "{measured:?}");
    }

    #[test]
    #[should_panic(expected = "too early")]
    fn an_early_wake_is_an_error() {
        // A sleep that is too short measures nothing.
        let log = Log::new(1);
        log.woke();
        log.woke();
        log.close(1, 0);
    }
}
