//! `timers`: 100,000 messages to be sent in 1 to 1000 ms, and `timer_cancel`: set and cancelled.
//!
//! * `timers`: one process sets them all with `send_after`, another receives. The figure is the
//!   time to set one; the percentiles are of how late the messages were received. None may be
//!   early, or lost, or come twice. A time is read for [`TURN`] timers at once, and makes these
//!   seem later than they are by what setting them takes.
//! * `timer_cancel`: one is set and cancelled at once, again and again. Nobody asks how long it had to go;
//!   the last is looked for afterwards, and must be gone.
//!
//! On tokio a message is sent later by a task that sleeps until then. It is set when the task has
//! been polled, which is awaited. What is set and cancelled there is a `Sleep` alone, polled once
//! and dropped: no task is needed to change one's mind.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use runtime::prelude::*;
use runtime::{Node, drop_timer, read_timer};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::unconstrained;
use tokio::time::sleep_until;

use super::{Workload, in_task};
use crate::countdown::{AllHere, Countdown};
use crate::measured::{Measured, Unit};

pub(super) static WORKLOADS: [Workload; 2] = [
    Workload {
        name: "timers",
        about: "timers of 1 to 1000 ms: time to set one, and how late they are",
        n: 100_000,
        unit: Unit::NsPerOp,
        warm_up: false,
        on_runtime: timers,
        on_tokio: Some(timers_on_tokio),
        workers: 1,
    },
    Workload {
        name: "timer_cancel",
        about: "timers set and cancelled",
        n: 1_000_000,
        unit: Unit::NsPerOp,
        warm_up: true,
        on_runtime: cancel,
        on_tokio: Some(cancel_on_tokio),
        workers: 1,
    },
];

/// So many timers are set from one look at the clock, then others may run.
const TURN: u64 = 100;

/// Further away than anything here takes.
const FAR: Duration = Duration::from_secs(60);

/// The timer `number`.
#[derive(Clone, Copy, Debug)]
struct Due {
    number: usize,
    at: Instant,
}

impl Due {
    fn new(number: u64, now: Instant) -> Due {
        // The stride is a prime: each of the times comes equally often, in no order.
        let after = Duration::from_millis(1 + number * 7919 % 1000);
        Due {
            number: number as usize,
            at: now + after,
        }
    }
}

/// The turns in which `n` timers are set.
fn turns(n: u64) -> impl Iterator<Item = std::ops::Range<u64>> {
    (0..n)
        .step_by(TURN as usize)
        .map(move |first| first..n.min(first + TURN))
}

/// How late each timer was, in nanoseconds.
#[derive(Debug)]
struct Log(Vec<Option<u64>>);

impl Log {
    fn new(n: u64) -> Log {
        Log(vec![None; n as usize])
    }

    /// A timer's message was received.
    fn note(&mut self, due: Due) {
        let late = Instant::now().checked_duration_since(due.at);
        let late = late.expect("no timer is early").as_nanos() as u64;
        let before = self.0[due.number].replace(late);
        assert_eq!(before, None, "timer {} fired twice", due.number);
    }

    /// All were received; it took `time` to set them.
    fn measured(self, time: Duration) -> Measured {
        let late = self.0.into_iter().map(|late| late.expect("none is lost"));
        Measured::time_and_lateness(time, late.collect())
    }
}

fn timers(node: &Node, n: u64) -> Measured {
    node.run(move || {
        let root = self_pid();
        let receiver = spawn!(move || {
            let mut log = Log::new(n);
            send(root, AllHere);
            for _ in 0..n {
                log.note(receive_type::<Due>());
            }
            send(root, log);
        });
        receive! { AllHere => {} }
        let start = Instant::now();
        for turn in turns(n) {
            let now = Instant::now();
            for number in turn {
                let due = Due::new(number, now);
                send_after(due.at, receiver, due);
                tick();
            }
        }
        let time = start.elapsed();
        receive_type::<Log>().measured(time)
    })
}

fn timers_on_tokio(rt: &Runtime, n: u64) -> Measured {
    in_task(rt, async move {
        let (sender, mut mailbox) = mpsc::unbounded_channel::<Due>();
        let receiver = tokio::spawn(async move {
            let mut log = Log::new(n);
            for _ in 0..n {
                log.note(mailbox.recv().await.expect("every timer fires"));
            }
            log
        });
        let (root, mut armed) = mpsc::unbounded_channel();
        let left = Countdown::new(n, root);
        let start = Instant::now();
        for turn in turns(n) {
            let now = Instant::now();
            for number in turn {
                let due = Due::new(number, now);
                let sender = sender.clone();
                tokio::spawn(async move {
                    let mut sleep = pin!(sleep_until(due.at.into()));
                    let mut set = false;
                    poll_fn(|cx| {
                        let polled = sleep.as_mut().poll(cx);
                        if !std::mem::replace(&mut set, true)
                            && let Some(root) = left.arrive()
                        {
                            root.send(AllHere).expect("the root waits");
                        }
                        polled
                    })
                    .await;
                    sender.send(due).expect("the receiver waits for all");
                });
            }
            tokio::task::yield_now().await;
        }
        armed.recv().await.expect("the root holds a sender");
        let time = start.elapsed();
        let log = receiver.await.expect("the receiver does not panic");
        log.measured(time)
    })
}

#[derive(Debug)]
struct Never;

fn cancel(node: &Node, n: u64) -> Measured {
    node.run(move || {
        let me = self_pid();
        let mut last = None;
        let start = Instant::now();
        for _ in 0..n {
            let timer = send_after(FAR, me, Never);
            drop_timer(timer);
            last = Some(timer);
            tick();
        }
        let time = start.elapsed();
        let left = last.and_then(read_timer);
        assert!(left.is_none(), "it was taken back");
        Measured::time(n, time)
    })
}

fn cancel_on_tokio(rt: &Runtime, n: u64) -> Measured {
    // Unconstrained: else every 128th poll would not come as far as the timer.
    in_task(
        rt,
        unconstrained(async move {
            let start = Instant::now();
            for i in 0..n {
                let mut sleep = pin!(tokio::time::sleep(FAR));
                let over = poll_fn(|cx| Poll::Ready(sleep.as_mut().poll(cx).is_ready())).await;
                assert!(!over, "it is not due yet");
                if i % TURN == 0 {
                    tokio::task::yield_now().await;
                }
            }
            Measured::time(n, start.elapsed())
        }),
    )
}
