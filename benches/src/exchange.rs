//! Clients at work: many processes, or tasks, that each ask and wait for the answer, again and again.
//!
//! Each has its connection, or its share in one, and has had one answer over it, before the time runs. They take
//! exchanges from one stock until it is used up, so that none is waited for at the end. Measures each exchange, and
//! the CPU time of this program, in which there is nothing but the clients.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use runtime::prelude::*;
use tokio::sync::{Barrier, mpsc};

use crate::cpu;
use crate::measured::Measured;

/// What asks in a process, and waits as plain code does.
pub trait Blocking {
    /// Asks, waits for the answer and checks it.
    fn exchange(&mut self);
}

/// What asks in a task.
pub trait Async: Send + 'static {
    /// Asks, waits for the answer and checks it.
    fn exchange(&mut self) -> impl Future<Output = ()> + Send;
}

/// Exchanges that are still to be made.
struct Stock(AtomicU64);

impl Stock {
    fn new(n: u64) -> Arc<Stock> {
        Arc::new(Stock(AtomicU64::new(n)))
    }

    fn take(&self) -> bool {
        // Relaxed: nothing else is told by it.
        let less = |left: u64| left.checked_sub(1);
        let taken = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        taken.is_ok()
    }
}

#[derive(Debug)]
struct Ready;

#[derive(Debug)]
struct Go;

/// How long each exchange took, in nanoseconds.
#[derive(Debug)]
struct Took(Opaque<Vec<u64>>);

/// So many clients, each made by `open` in a process of its own, make `n` exchanges. Called in a process.
pub fn by_processes<C: Blocking>(
    clients: usize,
    n: u64,
    open: impl Fn() -> C + Clone + Send + 'static,
) -> Measured {
    let (stock, room) = (Stock::new(n), room(clients, n));
    let root = self_pid();
    let pids: Vec<Pid> = (0..clients)
        .map(|_| {
            let (stock, open) = (stock.clone(), open.clone());
            spawn_link!(move || {
                let mut client = open();
                client.exchange();
                send(root, Ready);
                receive! { Go => {} }
                let mut took = Vec::with_capacity(room);
                while stock.take() {
                    let asked = Instant::now();
                    client.exchange();
                    took.push(asked.elapsed().as_nanos() as u64);
                }
                send(root, Took(Opaque(took)));
            })
        })
        .collect();
    for _ in &pids {
        receive! { Ready => {} }
    }
    let (start, used) = (Instant::now(), cpu::process_time());
    for pid in &pids {
        send(*pid, Go);
    }
    let all: Vec<Vec<u64>> = (0..clients)
        .map(|_| receive! { Took(Opaque(took)) => took })
        .collect();
    measured(start.elapsed(), cpu::process_time() - used, n, all)
}

/// The `clients`, each in a task of its own, make `n` exchanges. Called in a task.
pub async fn by_tasks(clients: Vec<impl Async>, n: u64) -> Measured {
    let (stock, room) = (Stock::new(n), room(clients.len(), n));
    let barrier = Arc::new(Barrier::new(clients.len() + 1));
    let (tell, mut took) = mpsc::unbounded_channel();
    for mut client in clients {
        let (stock, barrier, tell) = (stock.clone(), barrier.clone(), tell.clone());
        tokio::spawn(async move {
            client.exchange().await;
            barrier.wait().await;
            let mut took = Vec::with_capacity(room);
            while stock.take() {
                let asked = Instant::now();
                client.exchange().await;
                took.push(asked.elapsed().as_nanos() as u64);
            }
            tell.send(took).expect("somebody waits");
        });
    }
    drop(tell);
    barrier.wait().await;
    let (start, used) = (Instant::now(), cpu::process_time());
    let mut all = Vec::new();
    while let Some(took) = took.recv().await {
        all.push(took);
    }
    measured(start.elapsed(), cpu::process_time() - used, n, all)
}

/// More than most clients make, so that none grows its list amid the measurement.
fn room(clients: usize, n: u64) -> usize {
    2 * n as usize / clients
}

fn measured(time: Duration, cpu: Duration, n: u64, all: Vec<Vec<u64>>) -> Measured {
    let all = all.concat();
    assert_eq!(all.len() as u64, n, "a client has failed");
    Measured::rate(time, all).with_cpu(cpu)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counts(Arc<AtomicU64>);

    impl Blocking for Counts {
        fn exchange(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Async for Counts {
        async fn exchange(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn so_many_exchanges_are_made_and_no_more() {
        // Ten measured, and one of each client before; by processes as by tasks.
        let made = Arc::new(AtomicU64::new(0));
        let clients = made.clone();
        let measured = runtime::run(move || by_processes(3, 10, move || Counts(clients.clone())));
        assert_eq!((measured.n, made.load(Ordering::Relaxed)), (10, 13));
        let clients = (0..3).map(|_| Counts(made.clone())).collect();
        let rt = tokio::runtime::Builder::new_current_thread().build();
        let measured = rt.expect("tokio starts").block_on(by_tasks(clients, 10));
        assert_eq!((measured.n, made.load(Ordering::Relaxed)), (10, 26));
    }
}
