//! `sort`: processes sort numbers by halves and merge them.
//!
//! Real work: each spawns one for either half, down to [`LEAF`] numbers, and merges what both send
//! back. Measured is the time for a number. Most of it is sorting, so the figure is how well both
//! cores are kept at work that has its own, with messages of some size. tokio's side returns the
//! halves through join handles.

use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

use runtime::Node;
use runtime::prelude::*;
use tokio::runtime::Runtime;

use super::{Workload, in_task};
use crate::measured::{Measured, Unit};
use crate::random::Random;

pub(super) static WORKLOADS: [Workload; 1] = [Workload {
    name: "sort",
    about: "numbers sorted by processes, one for each half",
    n: 4_000_000,
    unit: Unit::NsPerOp,
    warm_up: true,
    on_runtime,
    on_tokio: Some(on_tokio),
    workers: 1,
}];

/// So many are sorted at once.
const LEAF: usize = 4096;

fn numbers(n: u64) -> Vec<u64> {
    let mut random = Random::new(7);
    (0..n).map(|_| random.next()).collect()
}

/// Of `n` numbers, as they came and as they went.
fn check(n: u64, sorted: &[u64]) {
    let sum = |numbers: &[u64]| numbers.iter().fold(0, |sum: u64, x| sum.wrapping_add(*x));
    assert!(sorted.is_sorted(), "they are sorted");
    assert_eq!(sorted.len() as u64, n, "none is lost");
    assert_eq!(sum(sorted), sum(&numbers(n)), "they are the same");
}

fn merge(a: Vec<u64>, b: Vec<u64>) -> Vec<u64> {
    let mut merged = Vec::with_capacity(a.len() + b.len());
    let (mut a, mut b) = (a.into_iter().peekable(), b.into_iter().peekable());
    while let (Some(x), Some(y)) = (a.peek(), b.peek()) {
        merged.extend(if x <= y { a.next() } else { b.next() });
    }
    merged.extend(a);
    merged.extend(b);
    merged
}

#[derive(Debug)]
struct Sorted(Vec<u64>);

fn on_runtime(node: &Node, n: u64) -> Measured {
    let numbers = numbers(n);
    node.run(move || {
        let root = self_pid();
        let start = Instant::now();
        spawn!(move || sort(root, numbers));
        let Sorted(sorted) = receive_type();
        let time = start.elapsed();
        check(n, &sorted);
        Measured::time(n, time)
    })
}

fn sort(parent: Pid, mut numbers: Vec<u64>) {
    if numbers.len() <= LEAF {
        numbers.sort_unstable();
        return send(parent, Sorted(numbers));
    }
    let me = self_pid();
    let half = numbers.split_off(numbers.len() / 2);
    spawn!(move || sort(me, numbers));
    spawn!(move || sort(me, half));
    let Sorted(a) = receive_type();
    let Sorted(b) = receive_type();
    send(parent, Sorted(merge(a, b)));
}

fn on_tokio(rt: &Runtime, n: u64) -> Measured {
    let numbers = numbers(n);
    in_task(rt, async move {
        let start = Instant::now();
        let sorted = tokio::spawn(sort_task(numbers)).await;
        let time = start.elapsed();
        check(n, &sorted.expect("no task panics"));
        Measured::time(n, time)
    })
}

/// Boxed, since it is made of itself.
fn sort_task(mut numbers: Vec<u64>) -> Pin<Box<dyn Future<Output = Vec<u64>> + Send>> {
    Box::pin(async move {
        if numbers.len() <= LEAF {
            numbers.sort_unstable();
            return numbers;
        }
        let half = numbers.split_off(numbers.len() / 2);
        let (a, b) = (
            tokio::spawn(sort_task(numbers)),
            tokio::spawn(sort_task(half)),
        );
        merge(
            a.await.expect("no task panics"),
            b.await.expect("no task panics"),
        )
    })
}
