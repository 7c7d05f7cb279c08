//! `big`: 120 processes, each of which sends pings to any of them, one after the other.
//!
//! Savina's "big": many to many, so that no two of them can be kept together on one core. Each has
//! one ping under way and answers those of others meanwhile. Measured is the time for a ping and
//! its pong. Whom it pings is drawn, itself included, the same on both sides. Each counts what it
//! has answered: together that is every ping.

use std::time::Instant;

use runtime::Node;
use runtime::prelude::*;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::{Workload, in_task};
use crate::countdown::{AllHere, Countdown};
use crate::measured::{Measured, Unit};
use crate::random::Random;

pub(super) static WORKLOADS: [Workload; 1] = [Workload {
    name: "big",
    about: "Savina's big: pings among 120 processes, each to any of them",
    n: 2_400_000,
    unit: Unit::NsPerOp,
    warm_up: true,
    on_runtime,
    on_tokio: Some(on_tokio),
    workers: 1,
}];

const PROCESSES: u64 = 120;

#[derive(Debug)]
enum Message<W> {
    Ping(W),
    Pong,
    Stop,
}

/// All of them, as one of them draws whom it pings.
struct Others<W: 'static> {
    all: &'static [W],
    random: Random,
    pings: u64,
}

impl<W> Others<W> {
    fn new(all: &'static [W], me: u64, pings: u64) -> Others<W> {
        Others {
            all,
            random: Random::new(me + 1),
            pings,
        }
    }

    /// Whom to ping next; `None` if that was all.
    fn next(&mut self) -> Option<&'static W> {
        self.pings = self.pings.checked_sub(1)?;
        Some(&self.all[self.random.below(self.all.len() as u64) as usize])
    }
}

fn check(answered: u64, pings: u64) {
    assert_eq!(answered, pings, "a ping was lost, or came twice");
}

#[derive(Debug)]
struct All(&'static [Pid]);

#[derive(Debug)]
struct Answered(u64);

fn on_runtime(node: &Node, n: u64) -> Measured {
    let each = (n / PROCESSES).max(1);
    node.run(move || {
        let root = self_pid();
        let done = Countdown::new(PROCESSES, root);
        let pids: Vec<Pid> = (0..PROCESSES)
            .map(|me| {
                spawn!(move || {
                    let All(all) = receive_type();
                    send(root, Answered(member(Others::new(all, me, each), done)));
                })
            })
            .collect();
        let all: &'static [Pid] = pids.leak();
        let start = Instant::now();
        all.iter().for_each(|pid| send(*pid, All(all)));
        receive! { AllHere => {} }
        let time = start.elapsed();
        all.iter().for_each(|pid| send(*pid, Message::<Pid>::Stop));
        let answered = all.iter().map(|_| receive! { Answered(pings) => pings });
        check(answered.sum(), each * PROCESSES);
        Measured::time(each * PROCESSES, time)
    })
}

/// Returns how many pings it has answered.
fn member(mut others: Others<Pid>, done: &'static Countdown<Pid>) -> u64 {
    let (me, mut answered) = (self_pid(), 0);
    let mut ping = || match others.next() {
        Some(other) => send(*other, Message::Ping(me)),
        None => {
            if let Some(root) = done.arrive() {
                send(*root, AllHere);
            }
        }
    };
    ping();
    loop {
        receive! {
            message: Message<Pid> => match message {
                Message::Ping(from) => {
                    answered += 1;
                    send(from, Message::<Pid>::Pong);
                }
                Message::Pong => ping(),
                Message::Stop => return answered,
            }
        }
    }
}

/// To a task: who pings is told by its number.
type Sender = mpsc::UnboundedSender<Message<usize>>;

fn on_tokio(rt: &Runtime, n: u64) -> Measured {
    let each = (n / PROCESSES).max(1);
    in_task(rt, async move {
        let (root, mut mailbox) = mpsc::unbounded_channel();
        let done = Countdown::new(PROCESSES, root);
        let (senders, mailboxes): (Vec<Sender>, Vec<_>) =
            (0..PROCESSES).map(|_| mpsc::unbounded_channel()).unzip();
        let all: &'static [Sender] = senders.leak();
        let start = Instant::now();
        let mut members = Vec::new();
        for (me, mailbox) in mailboxes.into_iter().enumerate() {
            let others = Others::new(all, me as u64, each);
            members.push(tokio::spawn(member_task(me, others, mailbox, done)));
        }
        mailbox.recv().await.expect("the root holds a sender");
        let time = start.elapsed();
        for sender in all {
            sender.send(Message::Stop).expect("a member lives");
        }
        let mut answered = 0;
        for member in members {
            answered += member.await.expect("it does not panic");
        }
        check(answered, each * PROCESSES);
        Measured::time(each * PROCESSES, time)
    })
}

async fn member_task(
    me: usize,
    mut others: Others<Sender>,
    mut mailbox: mpsc::UnboundedReceiver<Message<usize>>,
    done: &'static Countdown<mpsc::UnboundedSender<AllHere>>,
) -> u64 {
    let (all, mut answered) = (others.all, 0);
    let mut ping = || match others.next() {
        Some(other) => other.send(Message::Ping(me)).expect("a member lives"),
        None => {
            if let Some(root) = done.arrive() {
                root.send(AllHere).expect("the root waits");
            }
        }
    };
    ping();
    while let Some(message) = mailbox.recv().await {
        match message {
            Message::Ping(from) => {
                answered += 1;
                all[from].send(Message::Pong).expect("a member lives");
            }
            Message::Pong => ping(),
            Message::Stop => break,
        }
    }
    answered
}
