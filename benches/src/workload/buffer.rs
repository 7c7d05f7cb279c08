//! `buffer`: 40 producers and 40 consumers, between them a process with room for 50 items.
//!
//! Savina's bounded buffer: who produces waits until the buffer has taken its last item, who
//! consumes waits until it is given one. Measured is the time for an item on its way through, with
//! about a microsecond of work at both ends. The buffer is a process, or a task, as the others are;
//! tokio's bounded channel has one consumer.

use std::collections::VecDeque;
use std::hint::black_box;
use std::time::Instant;

use runtime::Node;
use runtime::prelude::*;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};

use super::{Workload, in_task};
use crate::cpu;
use crate::measured::{Measured, Unit};

pub(super) static WORKLOADS: [Workload; 1] = [Workload {
    name: "buffer",
    about: "Savina's bounded buffer: items from 40 producers to 40 consumers",
    n: 400_000,
    unit: Unit::NsPerOp,
    warm_up: true,
    on_runtime,
    on_tokio: Some(on_tokio),
    workers: 1,
}];

const PRODUCERS: u64 = 40;
const CONSUMERS: u64 = 40;
const ROOM: usize = 50;

/// The buffer's state, on both sides: items, those who hold one for which there is no room, and
/// consumers without one.
struct Buffer<P, C> {
    items: VecDeque<u64>,
    full: VecDeque<(P, u64)>,
    hungry: VecDeque<C>,
}

impl<P, C> Buffer<P, C> {
    fn new() -> Buffer<P, C> {
        Buffer {
            items: VecDeque::with_capacity(ROOM),
            full: VecDeque::new(),
            hungry: VecDeque::new(),
        }
    }

    /// Takes an item of `producer`, or keeps both until there is room.
    fn put(&mut self, producer: P, item: u64) -> Option<P> {
        if self.items.len() < ROOM {
            self.items.push_back(item);
            Some(producer)
        } else {
            self.full.push_back((producer, item));
            None
        }
    }

    /// Moves on what can be: an item to a consumer, and the producer who may go on for it.
    fn next(&mut self) -> Option<(C, u64, Option<P>)> {
        let consumer = self.hungry.pop_front()?;
        let Some(item) = self.items.pop_front() else {
            self.hungry.push_front(consumer);
            return None;
        };
        let producer = self.full.pop_front().map(|(producer, item)| {
            self.items.push_back(item);
            producer
        });
        Some((consumer, item, producer))
    }
}

/// The items that `producer` makes of all those below `n`.
fn share(n: u64, producer: u64) -> impl Iterator<Item = u64> {
    (producer..n).step_by(PRODUCERS as usize)
}

fn check(n: u64, sum: u64) {
    assert_eq!(sum, n * (n - 1) / 2, "an item was lost, or came twice");
}

#[derive(Debug)]
enum Asked {
    Put(Pid, u64),
    Get(Pid),
}

#[derive(Debug)]
struct GoOn;

#[derive(Debug)]
enum Given {
    Item(u64),
    Stop,
}

#[derive(Debug)]
struct Sum(u64);

fn on_runtime(node: &Node, n: u64) -> Measured {
    node.run(move || {
        let root = self_pid();
        let start = Instant::now();
        let buffer = spawn!(move || buffer(n));
        for producer in 0..PRODUCERS {
            spawn!(move || {
                for item in share(n, producer) {
                    black_box(cpu::work());
                    send(buffer, Asked::Put(self_pid(), item));
                    receive! { GoOn => {} }
                }
            });
        }
        for _ in 0..CONSUMERS {
            spawn!(move || {
                let mut sum = 0;
                send(buffer, Asked::Get(self_pid()));
                while let Given::Item(item) = receive_type() {
                    black_box(cpu::work());
                    sum += item;
                    send(buffer, Asked::Get(self_pid()));
                }
                send(root, Sum(sum));
            });
        }
        let mut total = 0;
        for _ in 0..CONSUMERS {
            receive! { Sum(sum) => total += sum }
        }
        let time = start.elapsed();
        check(n, total);
        Measured::time(n, time)
    })
}

fn buffer(n: u64) {
    let mut buffer = Buffer::new();
    let mut left = n;
    while left > 0 {
        receive! {
            asked: Asked => match asked {
                Asked::Put(producer, item) => {
                    if let Some(producer) = buffer.put(producer, item) {
                        send(producer, GoOn);
                    }
                }
                Asked::Get(consumer) => buffer.hungry.push_back(consumer),
            }
        }
        while let Some((consumer, item, producer)) = buffer.next() {
            left -= 1;
            send(consumer, Given::Item(item));
            if let Some(producer) = producer {
                send(producer, GoOn);
            }
        }
    }
    for _ in buffer.hungry.len() as u64..CONSUMERS {
        receive! {
            Asked::Get(consumer) => buffer.hungry.push_back(consumer),
        }
    }
    for consumer in buffer.hungry {
        send(consumer, Given::Stop);
    }
}

enum AskedTask {
    Put(oneshot::Sender<()>, u64),
    Get(oneshot::Sender<u64>),
}

fn on_tokio(rt: &Runtime, n: u64) -> Measured {
    in_task(rt, async move {
        let start = Instant::now();
        let (sender, mailbox) = mpsc::unbounded_channel();
        tokio::spawn(buffer_task(n, mailbox));
        for producer in 0..PRODUCERS {
            let buffer = sender.clone();
            tokio::spawn(async move {
                for item in share(n, producer) {
                    black_box(cpu::work());
                    let (go_on, gone) = oneshot::channel();
                    let sent = buffer.send(AskedTask::Put(go_on, item));
                    assert!(sent.is_ok(), "the buffer runs");
                    gone.await.expect("the buffer takes it");
                }
            });
        }
        let consumers: Vec<_> = (0..CONSUMERS)
            .map(|_| {
                let buffer = sender.clone();
                tokio::spawn(async move {
                    let mut sum = 0;
                    loop {
                        // The buffer ends when all are given.
                        let (give, given) = oneshot::channel();
                        if buffer.send(AskedTask::Get(give)).is_err() {
                            break;
                        }
                        let Ok(item) = given.await else { break };
                        black_box(cpu::work());
                        sum += item;
                    }
                    sum
                })
            })
            .collect();
        let mut total = 0;
        for consumer in consumers {
            total += consumer.await.expect("it does not panic");
        }
        let time = start.elapsed();
        check(n, total);
        Measured::time(n, time)
    })
}

async fn buffer_task(n: u64, mut mailbox: mpsc::UnboundedReceiver<AskedTask>) {
    let mut buffer = Buffer::new();
    let mut left = n;
    while left > 0 {
        match mailbox.recv().await.expect("others run") {
            AskedTask::Put(producer, item) => {
                if let Some(producer) = buffer.put(producer, item) {
                    producer.send(()).expect("a producer waits");
                }
            }
            AskedTask::Get(consumer) => buffer.hungry.push_back(consumer),
        }
        while let Some((consumer, item, producer)) = buffer.next() {
            left -= 1;
            consumer.send(item).expect("a consumer waits");
            if let Some(producer) = producer {
                producer.send(()).expect("a producer waits");
            }
        }
    }
}
