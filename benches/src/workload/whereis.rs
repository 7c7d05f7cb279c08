//! `whereis`: processes look registered names up.
//!
//! Measures a look-up among [`NAMES`] names while others look up as well: [`LOOKERS`] processes,
//! more than there are workers, share the look-ups. Every answer is compared with the pid that
//! belongs to the name.
//!
//! tokio has no registry; programs there keep a map of senders behind a lock. The other side is a
//! map behind a read-write lock, from which a sender is cloned, since it is used outside the lock.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use std::time::Instant;

use runtime::prelude::*;
use runtime::{Node, register};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::{Workload, in_task};
use crate::countdown::{AllHere, Countdown};
use crate::measured::{Measured, Unit};

pub(super) static WORKLOADS: [Workload; 1] = [Workload {
    name: "whereis",
    about: "look-ups of registered names",
    n: 4_000_000,
    unit: Unit::NsPerOp,
    warm_up: true,
    on_runtime,
    on_tokio: Some(on_tokio),
    workers: 1,
}];

const NAMES: usize = 1000;
const LOOKERS: usize = 4;

/// So often a task lets others run.
const TURN: usize = 100;

/// Which names `looker` looks up, so that all look up `n` together: each in an order of its own.
fn share(n: u64, looker: usize) -> impl Iterator<Item = usize> {
    let stride = [7, 11, 13, 17][looker];
    (looker..n as usize)
        .step_by(LOOKERS)
        .map(move |i| i * stride % NAMES)
}

fn name(number: usize) -> String {
    format!("worker number {number}")
}

#[derive(Debug)]
struct Stop;

fn on_runtime(node: &Node, n: u64) -> Measured {
    node.run(move || {
        let root = self_pid();
        let named: Vec<(String, Pid)> = (0..NAMES)
            .map(|number| {
                let pid = spawn!(|| receive! { Stop => {} });
                register(name(number), pid).expect("the name is free");
                (name(number), pid)
            })
            .collect();
        let named = Arc::new(named);
        let done = Countdown::new(LOOKERS as u64, root);
        let start = Instant::now();
        for looker in 0..LOOKERS {
            let named = Arc::clone(&named);
            spawn!(move || {
                for number in share(n, looker) {
                    let (name, pid) = &named[number];
                    assert_eq!(whereis(name), Some(*pid));
                    tick();
                }
                if let Some(root) = done.arrive() {
                    send(*root, AllHere);
                }
            });
        }
        receive! { AllHere => {} }
        let time = start.elapsed();
        for (name, pid) in named.iter() {
            let watch = monitor(*pid);
            send(*pid, Stop);
            receive! { Down { monitor, .. } if monitor == watch => {} }
            assert_eq!(whereis(name), None, "a name is freed with its process");
        }
        Measured::time(n, time)
    })
}

type Sender = mpsc::UnboundedSender<Stop>;

fn on_tokio(rt: &Runtime, n: u64) -> Measured {
    in_task(rt, async move {
        let (root, mut mailbox) = mpsc::unbounded_channel();
        let mut registry: HashMap<String, Sender> = HashMap::with_capacity(NAMES);
        let named: Vec<(String, Sender)> = (0..NAMES)
            .map(|number| {
                let (sender, mut mailbox) = mpsc::unbounded_channel();
                tokio::spawn(async move { mailbox.recv().await });
                registry.insert(name(number), sender.clone());
                (name(number), sender)
            })
            .collect();
        let shared = Arc::new((RwLock::new(registry), named));
        let done = Countdown::new(LOOKERS as u64, root);
        let start = Instant::now();
        for looker in 0..LOOKERS {
            let shared = Arc::clone(&shared);
            tokio::spawn(async move {
                let (registry, named) = &*shared;
                for (i, number) in share(n, looker).enumerate() {
                    let (name, expected) = &named[number];
                    let found = {
                        let names = registry.read().expect("nobody panics under the lock");
                        names.get(name).cloned()
                    };
                    assert!(found.is_some_and(|found| found.same_channel(expected)));
                    if i % TURN == 0 {
                        tokio::task::yield_now().await;
                    }
                }
                if let Some(root) = done.arrive() {
                    root.send(AllHere).expect("the root waits");
                }
            });
        }
        mailbox.recv().await.expect("the root holds a sender");
        Measured::time(n, start.elapsed())
    })
}
