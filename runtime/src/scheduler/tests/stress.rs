//! Stress of the sleep protocol and of the seats, with threads, futexes and membarriers.
//!
//! A lost wake-up or a lost seat leaves a round waiting for ever. Each test runs for a second, or for
//! `RUNTIME_STRESS_SECONDS`.

use std::hint::spin_loop;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_deque::{Injector, Steal};

use super::super::idle::{Idle, Look, Woken};
use super::super::seat::{Asked, FreeSeat, Revoker, Withdrawn};
use super::super::seats::Seats;

const SEATS: usize = 3;
const WORKERS: usize = 5;

/// Counts rounds until the time is over.
fn rounds() -> impl Iterator<Item = usize> {
    let seconds = std::env::var("RUNTIME_STRESS_SECONDS").ok();
    let seconds = seconds.and_then(|n| n.parse().ok()).unwrap_or(1);
    let end = Instant::now() + Duration::from_secs(seconds);
    (0..).take_while(move |round| round % 64 != 0 || Instant::now() < end)
}

/// A little of different length each time, so that sleeps and wake-ups meet in many ways.
struct Dither(u32);

impl Dither {
    fn pause(&mut self) {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        match self.0 % 8 {
            0 => thread::yield_now(),
            n => (0..n * n * n).for_each(|_| spin_loop()),
        }
    }
}

/// Workers without processes: an item of work waits until as many run as there are seats.
struct Node {
    idle: Idle,
    /// The content counts what was put in and not taken out, and goes with the seat.
    seats: Seats<usize>,
    work: Injector<()>,
    inboxes: [AtomicUsize; WORKERS],
    together: Barrier,
    done: AtomicUsize,
    read: AtomicUsize,
    taken: AtomicUsize,
    put: AtomicUsize,
    ended: AtomicBool,
}

impl Node {
    fn new() -> (Node, Revoker) {
        let (seats, revoker) = Seats::new(WORKERS, SEATS, |_| 0);
        let idle = Idle::new(WORKERS, SEATS);
        (0..WORKERS).for_each(|_| idle.enlist());
        let node = Node {
            idle,
            seats,
            work: Injector::new(),
            inboxes: Default::default(),
            together: Barrier::new(SEATS),
            done: AtomicUsize::new(0),
            read: AtomicUsize::new(0),
            taken: AtomicUsize::new(0),
            put: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
        };
        (node, revoker)
    }

    fn push(&self) {
        self.work.push(());
        self.idle.notify_one();
    }

    fn send(&self, worker: usize) {
        if self.inboxes[worker].fetch_add(1, Ordering::AcqRel) == 0 {
            self.idle.poke(worker);
        }
    }

    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    fn has_mail(&self, me: usize) -> bool {
        self.inboxes[me].load(Ordering::Relaxed) != 0
    }

    fn steal(&self) -> bool {
        loop {
            match self.work.steal() {
                Steal::Success(()) => return true,
                Steal::Empty => return false,
                Steal::Retry => {}
            }
        }
    }

    fn look(&self, me: usize) -> Look {
        if !self.work.is_empty() || self.seats.anybody_wants() {
            Look::Work
        } else if self.has_mail(me) || self.has_ended() {
            Look::Own
        } else {
            Look::Nothing
        }
    }

    /// A worker's life.
    fn run(&self, me: usize) {
        let mut dither = Dither(me as u32 + 1);
        while !self.has_ended() {
            let mail = self.inboxes[me].swap(0, Ordering::AcqRel);
            self.read.fetch_add(mail, Ordering::Relaxed);
            if self.run_seated(me) {
                // An item: it has left the scheduler, and its seat may go while it waits.
                self.together.wait();
                self.done.fetch_add(1, Ordering::Release);
            } else if !self.seats.of(me).is_seated() {
                self.run_without_seat(me, mail);
            }
            dither.pause();
        }
        self.idle.resign();
    }

    /// True: it has an item. False: it was woken for something of its own, or has no seat.
    fn run_seated(&self, me: usize) -> bool {
        // SAFETY: one thread for each worker; dropped before the next call.
        let Ok(mut inside) = (unsafe { self.seats.of(me).enter() }) else {
            return false;
        };
        // What the last visit left here is still here, or was taken by the watchdog: once.
        self.taken
            .fetch_add(inside.with(std::mem::take), Ordering::Relaxed);
        inside.with(|next| *next += 1);
        self.put.fetch_add(1, Ordering::Relaxed);
        let mut searcher = self.idle.begin_search();
        loop {
            if self.steal() {
                return true;
            }
            if self.has_mail(me) || self.has_ended() {
                return false;
            }
            if self.seats.anybody_wants()
                && let Some(some) = searcher.take().or_else(|| self.idle.begin_search())
            {
                match some.give_up(|| !self.work.is_empty()) {
                    Err(again) => searcher = Some(again),
                    Ok(proof) => match self.seats.stand_up(me, inside, proof, &self.idle) {
                        Ok(_) => return false,
                        Err(kept) => inside = kept,
                    },
                }
            }
            let timeout = (me == 0).then_some(Duration::from_micros(50));
            match self
                .idle
                .sleep(me, &inside, searcher.take(), timeout, None, || {
                    self.look(me)
                }) {
                Woken::Searching(place) => searcher = Some(place),
                Woken::Own | Woken::TimedOut => return false,
            }
        }
    }

    fn run_without_seat(&self, me: usize, mail: usize) {
        // With something of its own to do it asks for a seat; else it stands by.
        let asked = match mail {
            0 => self.seats.stand_by(me),
            _ => self.seats.want(me, &self.idle),
        };
        match asked {
            Asked::Yes => {
                let seat = self.seats.of(me);
                self.idle.sleep_without_seat(me, None, || {
                    seat.is_seated() || self.has_mail(me) || self.has_ended()
                });
                let (Withdrawn::Seated | Withdrawn::Unseated) = self.seats.withdraw(me);
            }
            Asked::NotYet => thread::yield_now(),
            Asked::Seated => {}
        }
    }

    /// Takes seats and passes them on, without any sense; now and then only what goes with them.
    fn watch(&self, mut revoker: Revoker) {
        let mut dither = Dither(77);
        let mut hand: Vec<FreeSeat<usize>> = Vec::new();
        for turn in (0..WORKERS).cycle() {
            if self.has_ended() {
                break;
            }
            if let Some(mut revoked) = self.seats.of(turn).try_revoke(&mut revoker) {
                if dither.0.is_multiple_of(4) {
                    self.taken
                        .fetch_add(revoked.with(std::mem::take), Ordering::Relaxed);
                    revoked.give_back();
                } else {
                    hand.push(revoked.finish());
                }
            }
            if let Some(free) = hand.pop() {
                let placed = self
                    .seats
                    .grant_wanting(free, &self.idle)
                    .or_else(|free| self.seats.grant_spare(free, &self.idle));
                hand.extend(placed.err());
            }
            dither.pause();
        }
        let seated = (0..WORKERS)
            .filter(|&worker| self.seats.of(worker).is_seated())
            .count();
        assert!(seated + hand.len() <= SEATS);
        for free in &mut hand {
            self.taken
                .fetch_add(free.with(std::mem::take), Ordering::Relaxed);
        }
    }

    fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.idle.poke_all();
    }
}

/// Pushes rounds of as many items as there are seats, from two threads, with mail between.
fn drive(node: &Node, mail: bool) -> usize {
    let sent = AtomicUsize::new(0);
    let mut dither = Dither(99);
    for round in rounds() {
        thread::scope(|scope| {
            // A thread now and then, since it is dearer than the rest.
            if round % 16 == 0 {
                scope.spawn(|| node.push());
            } else {
                node.push();
            }
            for _ in 1..SEATS {
                if mail {
                    node.send(round % WORKERS);
                    sent.fetch_add(1, Ordering::Relaxed);
                }
                node.push();
            }
        });
        while node.done.load(Ordering::Acquire) < (round + 1) * SEATS {
            thread::yield_now();
        }
        // Sometimes all are asleep by now, sometimes nobody is.
        dither.pause();
    }
    sent.into_inner()
}

/// Each piece of work finds a worker while any sleeps: as many run at once as there are seats.
#[test]
fn all_seats_work_at_once() {
    let (node, _revoker) = Node::new();
    thread::scope(|scope| {
        for me in 0..SEATS {
            scope.spawn({
                let node = &node;
                move || node.run(me)
            });
        }
        drive(&node, false);
        node.end();
    });
}

/// The same while seats are taken, passed on and asked for at random, and mail arrives.
#[test]
fn all_seats_work_at_once_while_they_move() {
    let (node, revoker) = Node::new();
    thread::scope(|scope| {
        for me in 0..WORKERS {
            scope.spawn({
                let node = &node;
                move || node.run(me)
            });
        }
        scope.spawn(|| node.watch(revoker));
        let sent = drive(&node, true);
        while node.read.load(Ordering::Relaxed) < sent {
            thread::yield_now();
        }
        node.end();
    });
    let left: usize = (0..WORKERS)
        .filter_map(|worker| {
            // SAFETY: all threads have ended.
            let mut inside = unsafe { node.seats.of(worker).enter() }.ok()?;
            Some(inside.with(std::mem::take))
        })
        .sum();
    // That of a seat which was lost went with it.
    assert_eq!(node.put.into_inner(), node.taken.into_inner() + left);
}

/// What an owner leaves behind its seat is taken once, by it or by the revoker, in every meeting of the two.
#[test]
fn content_is_taken_once() {
    let (seats, mut revoker) = Seats::new(1, 1, |_| [0_u32; 2]);
    let ended = AtomicBool::new(false);
    let stolen = AtomicU32::new(0);
    let (mut put, mut taken) = (0, 0);
    let take = |content: &mut [u32; 2]| {
        // Two words that are always the same, unless two hold the content at once.
        assert_eq!(content[0], content[1]);
        std::mem::take(content)[0]
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                if let Some(mut revoked) = seats.of(0).try_revoke(&mut revoker) {
                    stolen.fetch_add(revoked.with(take), Ordering::Relaxed);
                    revoked.give_back();
                }
            }
        });
        for round in rounds() {
            // SAFETY: this thread is the owner's; the result is dropped at the end of the statement.
            if let Ok(mut inside) = unsafe { seats.of(0).enter() } {
                taken += inside.with(take);
                inside.with(|content| content.fill(1));
                put += 1;
            }
            if round % 64 == 0 {
                thread::yield_now();
            }
        }
        ended.store(true, Ordering::Relaxed);
    });
    // SAFETY: the only thread left.
    let left = unsafe { seats.of(0).enter() }.map_or(0, |mut inside| inside.with(take));
    assert_eq!(put, taken + stolen.into_inner() + left);
    assert!(put > 0);
}
