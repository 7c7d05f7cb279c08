//! Models of the sleep protocol.
//!
//! A lost wake-up shows as a deadlock: each worker takes what it is owed, then ends, as if it were
//! busy for ever after; so an item that nobody is woken for leaves a worker asleep and its pusher's
//! work undone, and loom reports that no thread can go on. README.md says what each model stands
//! for, and which change to the protocol it refuses.

use std::time::Duration;

use super::super::idle::{Idle, Look, Searcher, Woken};
use super::super::offer::Offer;
use super::super::park::Poll;
use super::super::seat::{Inside, Seat};
use crate::loom::sync::atomic::{AtomicUsize, Ordering};
use crate::loom::sync::{Arc, Condvar, Mutex};
use crate::loom::thread;

/// What the protocol serves: shared queues and inboxes, with no more ordering than the real ones.
pub(super) struct World {
    pub(super) idle: Idle,
    /// What each pusher offers.
    offers: [Offer<()>; 2],
    /// One inbox for each worker: how much is in it.
    inboxes: [AtomicUsize; 3],
    /// Seats that nobody revokes.
    seats: [Seat<()>; 3],
}

impl World {
    /// `workers` workers, awake, each with a seat if there are enough.
    pub(super) fn new(workers: usize, seats: usize) -> World {
        let idle = Idle::new(workers, seats);
        (0..workers).for_each(|_| idle.enlist());
        World {
            idle,
            offers: std::array::from_fn(|_| Offer::new()),
            inboxes: std::array::from_fn(|_| AtomicUsize::new(0)),
            seats: std::array::from_fn(|_| Seat::new(true, ())),
        }
    }

    /// Each pusher makes an offer of its own.
    pub(super) fn push(&self, pusher: usize) {
        self.offers[pusher].put(Box::new(()));
        self.idle.notify_one();
    }

    pub(super) fn send(&self, worker: usize) {
        // The inbox's first entry pokes, the others do not.
        if self.inboxes[worker].fetch_add(1, Ordering::AcqRel) == 0 {
            self.idle.poke(worker);
        }
    }

    pub(super) fn steal(&self) -> bool {
        self.offers.iter().any(|offer| offer.take().is_some())
    }

    pub(super) fn read(&self, worker: usize) -> usize {
        if self.has_mail(worker) {
            self.inboxes[worker].swap(0, Ordering::AcqRel)
        } else {
            0
        }
    }

    pub(super) fn has_work(&self) -> bool {
        self.offers.iter().any(|offer| !offer.is_empty())
    }

    pub(super) fn has_mail(&self, worker: usize) -> bool {
        self.inboxes[worker].load(Ordering::Relaxed) != 0
    }

    pub(super) fn look(&self, me: usize) -> Look {
        if self.has_work() {
            Look::Work
        } else if self.has_mail(me) {
            Look::Own
        } else {
            Look::Nothing
        }
    }

    /// Called by worker `me`'s thread alone.
    fn sleep<'a>(
        &'a self,
        me: usize,
        searcher: Option<Searcher<'a>>,
        timeout: Option<Duration>,
    ) -> Woken<'a> {
        // SAFETY: each model gives each worker one thread; nobody revokes here.
        let inside = unsafe { Inside::since_long(&self.seats[me]) };
        self.idle
            .sleep(me, &inside, searcher, timeout, None, || self.look(me))
    }

    /// Worker `me` runs until it has done one thing. Returns which.
    pub(super) fn work_once(&self, me: usize) -> Look {
        let mut searcher = None;
        loop {
            if self.read(me) > 0 {
                return Look::Own;
            }
            if self.steal() {
                return Look::Work;
            }
            if searcher.is_none() {
                searcher = self.idle.begin_search();
                if searcher.is_some() {
                    continue;
                }
            }
            searcher = match self.sleep(me, searcher.take(), None) {
                Woken::Searching(searcher) => Some(searcher),
                Woken::Own | Woken::TimedOut => None,
            };
        }
    }

    /// Worker `me` runs until it has done so many things.
    pub(super) fn work(&self, me: usize, times: usize) {
        (0..times).for_each(|_| {
            self.work_once(me);
        });
    }
}

/// Runs `body` as a thread of the model.
pub(super) fn start<F: FnOnce(&World) + 'static>(
    world: &Arc<World>,
    body: F,
) -> thread::JoinHandle<()> {
    let world = Arc::clone(world);
    thread::spawn(move || body(&world))
}

/// Work pushed while a worker falls asleep is done.
#[test]
fn notify_meets_a_sleeper() {
    loom::model(|| {
        let world = Arc::new(World::new(1, 1));
        let worker = start(&world, |world| world.work(0, 1));
        world.push(0);
        worker.join().unwrap();
    });
}

/// Two pieces of work from one pusher occupy two workers.
#[test]
fn two_notifications_wake_two() {
    loom::model(|| {
        let world = Arc::new(World::new(2, 2));
        let first = start(&world, |world| world.work(0, 1));
        let second = start(&world, |world| world.work(1, 1));
        world.push(0);
        world.push(1);
        first.join().unwrap();
        second.join().unwrap();
    });
}

/// Two pieces of work from two pushers, one of whom may see the other's searcher, occupy two workers. With one
/// forced switch: with two it takes minutes, and the models beside it have its parts.
#[test]
fn two_pushers_wake_two() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(1);
    model.check(|| {
        let world = Arc::new(World::new(2, 2));
        let first = start(&world, |world| world.work(0, 1));
        let second = start(&world, |world| world.work(1, 1));
        let pusher = start(&world, |world| world.push(1));
        world.push(0);
        first.join().unwrap();
        second.join().unwrap();
        pusher.join().unwrap();
    });
}

/// A worker that is poked and notified at once does both: its own work and the shared.
#[test]
fn poke_meets_notify() {
    loom::model(|| {
        let world = Arc::new(World::new(1, 1));
        let worker = start(&world, |world| world.work(0, 2));
        let sender = start(&world, |world| world.send(0));
        world.push(0);
        worker.join().unwrap();
        sender.join().unwrap();
    });
}

/// The poll of a model: a lock and a condition in the place of the eventfd.
#[derive(Clone)]
struct Bell(Arc<(Mutex<bool>, Condvar)>);

impl Bell {
    fn hang(world: &World) -> Bell {
        let bell = Bell(Arc::new((Mutex::new(false), Condvar::new())));
        let rings = bell.clone();
        world.idle.set_alarm(Box::new(move || {
            *rings.0.0.lock().unwrap() = true;
            rings.0.1.notify_one();
        }));
        bell
    }
}

// SAFETY: loom's lock and condition are for all threads of the model; its types do not say so.
unsafe impl Send for Bell {}
// SAFETY: as above.
unsafe impl Sync for Bell {}

impl Poll for Bell {
    fn wait(&mut self, _: Option<Duration>) -> bool {
        let mut rung = self.0.0.lock().unwrap();
        while !*rung {
            rung = self.0.1.wait(rung).unwrap();
        }
        *rung = false;
        false
    }
}

/// A worker that falls asleep in the poll is woken for work, and for what is its own; an alarm that
/// comes late ends no later sleep.
#[test]
fn notify_and_poke_meet_a_poller() {
    loom::model(|| {
        let world = Arc::new(World::new(1, 1));
        let mut bell = Bell::hang(&world);
        let worker = start(&world, move |world| {
            let mut done = [false; 2];
            let mut searcher = None;
            while done != [true; 2] {
                if world.read(0) > 0 {
                    done[0] = true;
                }
                if world.steal() {
                    done[1] = true;
                }
                if done == [true; 2] {
                    break;
                }
                // SAFETY: the worker has one thread; nobody revokes here.
                let inside = unsafe { Inside::since_long(&world.seats[0]) };
                let poll: Option<&mut dyn Poll> = Some(&mut bell);
                let place = searcher.take();
                searcher = match world
                    .idle
                    .sleep(0, &inside, place, None, poll, || world.look(0))
                {
                    Woken::Searching(searcher) => Some(searcher),
                    Woken::Own | Woken::TimedOut => None,
                };
            }
        });
        let sender = start(&world, |world| world.send(0));
        world.push(0);
        worker.join().unwrap();
        sender.join().unwrap();
    });
}

/// A notifier finds only a worker that is getting up for something of its own. Meanwhile another lies down,
/// and its work is pushed by one who sees the notifier's place among the searchers: it is woken.
#[test]
fn notify_beside_one_who_gets_up() {
    loom::model(|| {
        let world = Arc::new(World::new(2, 2));
        // SAFETY: this is the worker's only thread; nobody revokes here.
        let inside = unsafe { Inside::since_long(&world.seats[0]) };
        let woken = world.idle.sleep(0, &inside, None, None, None, || {
            // Registered, poked, and slow to rise: all the rest happens meanwhile.
            world.idle.poke(0);
            let other = start(&world, |world| world.work(1, 1));
            let notifier = start(&world, |world| world.idle.notify_one());
            world.push(0);
            other.join().unwrap();
            notifier.join().unwrap();
            Look::Own
        });
        drop(woken);
    });
}

/// A sleep that the worker ended itself, while a notifier was on its way, costs no later wake-up.
#[test]
fn late_notify_spares_the_next_sleep() {
    loom::model(|| {
        let world = Arc::new(World::new(1, 1));
        let worker = start(&world, |world| {
            let timeout = Some(Duration::from_millis(1));
            // The second item may come only after whatever the first notification did.
            let mut done = 0;
            if let Woken::Searching(searcher) = world.sleep(0, None, timeout) {
                done += usize::from(world.steal());
                drop(searcher);
            }
            world.work(0, 2 - done);
        });
        world.push(0);
        world.push(1);
        worker.join().unwrap();
    });
}

/// A worker that has lain down without its seat is not taken for one with a seat: the notification goes
/// to the one who may do the work.
#[test]
fn stale_bit_hits_nobody() {
    loom::model(|| {
        let world = Arc::new(World::new(2, 2));
        let without = start(&world, |world| {
            let timeout = Some(Duration::from_millis(1));
            drop(world.sleep(0, None, timeout));
            while world.read(0) == 0 {
                world.idle.sleep_without_seat(0, None, || world.has_mail(0));
            }
        });
        let seated = start(&world, |world| {
            world.work(1, 1);
            world.send(0);
        });
        world.push(0);
        without.join().unwrap();
        seated.join().unwrap();
    });
}

/// Each of two entries wakes a worker that sleeps without a seat, however they meet its sleep.
#[test]
fn poke_meets_a_sleeper_without_seat() {
    loom::model(|| {
        let world = Arc::new(World::new(1, 0));
        let worker = start(&world, |world| {
            let mut mail = 2;
            while mail > 0 {
                world.idle.sleep_without_seat(0, None, || world.has_mail(0));
                mail -= world.read(0);
            }
        });
        let sender = start(&world, |world| world.send(0));
        world.send(0);
        worker.join().unwrap();
        sender.join().unwrap();
    });
}

/// When all sleep and one wakes, the watchdog wakes too; and when the node ends.
#[test]
fn watchdog_wakes_with_the_first() {
    loom::model(|| {
        let world = Arc::new(World::new(1, 1));
        let worker = start(&world, |world| {
            world.work(0, 1);
        });
        let watchdog = start(&world, |world| world.idle.watchdog_sleep(None, || false));
        world.push(0);
        // The worker is up for good now, so the watchdog has no reason to sleep.
        worker.join().unwrap();
        watchdog.join().unwrap();
    });
}

/// The end of the node wakes all: those who sleep with a seat, without one, and the watchdog.
#[test]
fn end_wakes_all() {
    loom::model(|| {
        let world = Arc::new(World::new(2, 1));
        let ended = Arc::new(AtomicUsize::new(0));
        let seated = {
            let ended = Arc::clone(&ended);
            start(&world, move |world| {
                // SAFETY: this thread is the worker's; nobody revokes here.
                let inside = unsafe { Inside::since_long(&world.seats[0]) };
                let look = || match ended.load(Ordering::Relaxed) {
                    0 => Look::Nothing,
                    _ => Look::Own,
                };
                let woken = world.idle.sleep(0, &inside, None, None, None, look);
                assert!(matches!(woken, Woken::Own));
                world.idle.resign();
            })
        };
        let without = {
            let ended = Arc::clone(&ended);
            start(&world, move |world| {
                let look = || ended.load(Ordering::Relaxed) != 0;
                world.idle.sleep_without_seat(1, None, look);
                world.idle.resign();
            })
        };
        let watchdog = {
            let ended = Arc::clone(&ended);
            start(&world, move |world| {
                while ended.load(Ordering::Acquire) == 0 {
                    let look = || ended.load(Ordering::Relaxed) != 0;
                    world.idle.watchdog_sleep(None, look);
                    thread::yield_now();
                }
            })
        };
        ended.store(1, Ordering::Release);
        world.idle.poke_all();
        for thread in [seated, without, watchdog] {
            thread.join().unwrap();
        }
    });
}
