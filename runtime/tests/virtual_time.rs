//! Virtual time: `#[runtime::test(paused)]`, and `after_SUITE` on it.

mod expect;

use std::time::{Duration, Instant};

use expect::{NOW, nothing};
use runtime::prelude::*;
use runtime::{now, read_timer};

const MS: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

/// An hour passes when everything waits, and takes no time.
#[runtime::test(paused)]
fn a_sleep_of_an_hour() {
    let (start, real) = (now(), Instant::now());
    sleep(HOUR);
    assert_eq!(now() - start, HOUR);
    assert!(real.elapsed() < HOUR);
}

/// Time stands while a process runs: no timer is due that it could wait for.
#[runtime::test(paused)]
fn time_stands_while_somebody_runs() {
    let start = now();
    let timer = send_after(MS, self_pid(), 1u32);
    for _ in 0..1000 {
        yield_now();
    }
    let real = Instant::now();
    while real.elapsed() < 3 * MS {
        std::hint::spin_loop();
    }
    assert_eq!(now(), start);
    assert_eq!(read_timer(timer), Some(MS));
    assert_eq!(receive_type::<u32>(), 1);
    assert_eq!(now() - start, MS);
}

/// `receive_after`: a receive with only `after` returns, at its time.
#[runtime::test(paused)]
fn receive_after() {
    let start = now();
    receive! { after 10 * MS => {} }
    assert_eq!(now() - start, 10 * MS);
    let deadline = now() + HOUR;
    receive! { n: u32 => panic!("{n}"), after deadline => {} }
    assert_eq!(now(), deadline);
    receive! { after NOW => {} }
    assert_eq!(now(), deadline);
}

/// What an earlier wait has left in the wheel makes a later one neither longer, nor late among its
/// equals.
#[runtime::test(paused)]
fn after_an_earlier_wait() {
    let us = Duration::from_micros(1);
    send_after(MS, self_pid(), 1u32);
    receive! { 1u32 => {}, after 10_900 * us => panic!("too early") }
    let start = now();
    sleep(9_600 * us);
    assert_eq!(now() - start, 9_600 * us);

    let root = self_pid();
    let end = now() + 20 * MS;
    let first = spawn!(move || {
        receive! { 1u32 => {}, after 10 * MS => panic!("too early") }
        receive! { after end => send(root, self_pid()) }
    });
    send_after(MS, first, 1u32);
    sleep(2 * MS);
    let second = spawn!(move || receive! { after end => send(root, self_pid()) });
    assert_eq!([receive_type::<Pid>(), receive_type()], [first, second]);
    assert_eq!(now(), end);
}

/// `t_after`: `after` is exact while a neighbour is busy.
#[runtime::test(paused)]
fn t_after() {
    let busy = spawn!(|| loop {
        assert!((0..1000).all(|n| std::hint::black_box(n) >= 0));
        sleep(MS);
    });
    let start = now();
    receive! { after Duration::from_secs(10) => {} }
    assert_eq!(now() - start, Duration::from_secs(10));
    runtime::exit_signal(busy, ExitReason::Kill);
}

/// `multi_timeout`: several times and messages, in turns.
#[runtime::test(paused)]
fn multi_timeout() {
    let root = self_pid();
    let start = now();
    spawn!(move || {
        for n in 1..=3u32 {
            sleep(10 * MS);
            send(root, n);
        }
    });
    let mut log = Vec::new();
    for wait in [5u32, 20, 2, 100, 3, 100] {
        let got = receive! { n: u32 => n, after wait * MS => 0 };
        log.push((got, (now() - start).as_millis()));
    }
    let expected = [(0, 5), (1, 10), (0, 12), (2, 20), (0, 23), (3, 30)];
    assert_eq!(log, expected);
    nothing();
}

/// `receive_after_blast`: ten thousand processes whose time comes at one instant all wake.
#[runtime::test(paused)]
fn receive_after_blast() {
    let root = self_pid();
    let start = now();
    for _ in 0..10_000 {
        spawn!(move || {
            receive! { after HOUR => {} }
            send(root, now());
        });
    }
    for _ in 0..10_000 {
        assert_eq!(receive_type::<Instant>() - start, HOUR);
    }
    assert_eq!(now() - start, HOUR);
}

/// A process that waits longer than an entry of the wheel is armed for wakes at its time.
#[runtime::test(paused)]
fn a_century() {
    let century = 100 * 365 * 24 * HOUR;
    let start = now();
    sleep(century);
    receive! { after century => {} }
    assert_eq!(now() - start, 2 * century);
}

/// Who waits for ever does not let time pass: it stops at the last timer, and goes on with the
/// next that is set.
#[runtime::test(paused)]
fn time_stops_without_timers() {
    let waiter = spawn!(|| receive! { (): () => {}, after Duration::MAX => {} });
    let start = now();
    let cancelled = send_after(HOUR, self_pid(), 1u32);
    assert_eq!(cancel_timer(cancelled), Some(HOUR));
    let root = self_pid();
    let outside = std::thread::spawn(move || {
        // Whenever it comes: the node waits for it, and no timer is there.
        send_after(MS, root, 2u32);
    });
    assert_eq!(receive_type::<u32>(), 2);
    assert_eq!(now() - start, MS);
    outside.join().expect("a thread");
    send(waiter, ());
}

/// Each step of a chain of timers takes its time, and no more.
#[runtime::test(paused)]
fn a_chain_of_timers() {
    let start = now();
    send_after(MS, self_pid(), 1u32);
    for n in 1..=10_000u32 {
        assert_eq!(receive_type::<u32>(), n);
        assert_eq!(now() - start, n * MS);
        send_after(MS, self_pid(), n + 1);
    }
}

/// Processes with times of their own wake in the order of their times, on several workers, and
/// each at its own.
#[runtime::test(paused)]
fn many_processes() {
    let root = self_pid();
    let start = now();
    for n in (1..=1000u32).rev() {
        spawn!(move || {
            sleep(n * MS);
            assert_eq!(now() - start, n * MS);
            send(root, n);
        });
    }
    for n in 1..=1000 {
        assert_eq!(receive_type::<u32>(), n);
    }
}

/// What is caused at one instant is done before the next, on whatever workers: a message goes
/// round between two timers.
#[runtime::test(paused, workers = 4)]
fn all_that_can_happen_happens_between_two_timers() {
    let relays = 200u32;
    let root = self_pid();
    let ring: Vec<Pid> = (0..relays)
        .map(|_| {
            spawn!(|| loop {
                receive! { (path, n): (Vec<Pid>, u32) => pass(path, n) }
            })
        })
        .collect();
    for round in 1..=20 {
        let start = now();
        let mut path = ring.clone();
        path.insert(0, root);
        send_after(MS, ring[0], (path, round));
        // Due right behind, if time passed too soon.
        let late = send_after(MS + Duration::from_nanos(1), root, "late");
        let n: u32 = receive! { n: u32 => n, _: &str => panic!("time has passed too soon") };
        assert_eq!((n, now() - start), (round, MS));
        cancel_timer(late);
    }
}

fn pass(mut path: Vec<Pid>, n: u32) {
    match path.pop() {
        Some(last) if path.is_empty() => send(last, n),
        Some(next) => send(next, (path, n)),
        None => {}
    }
}

/// On one worker, processes whose time comes at one instant wake in the order in which they began
/// to wait; messages of timers that are due at one instant come in the order in which they were set.
#[runtime::test(paused, workers = 1)]
fn equal_times() {
    let root = self_pid();
    for n in 0..1000u32 {
        spawn!(move || {
            send(root, n);
            sleep(HOUR);
            send(root, n);
        });
    }
    let began: Vec<u32> = (0..1000).map(|_| receive_type()).collect();
    let woke: Vec<u32> = (0..1000).map(|_| receive_type()).collect();
    assert_eq!(began, woke);
    for n in 0..1000u32 {
        send_after(HOUR, root, n);
    }
    for n in 0..1000 {
        assert_eq!(receive_type::<u32>(), n);
    }
}

/// A process on a thread of its own has part in virtual time.
#[runtime::test(paused)]
fn a_thread_of_its_own() {
    let root = self_pid();
    let start = now();
    Spawn::new()
        .own_thread()
        .spawn(move || {
            for _ in 0..10 {
                sleep(HOUR);
            }
            send(root, now());
        })
        .expect("a process");
    assert_eq!(receive_type::<Instant>() - start, 10 * HOUR);
}
