//! How a worker keeps what is runnable, and finds the next process.
//!
//! Called by the worker itself. What is queued behind its seat is reached inside the seat only; no
//! `Inside` is kept over a call that enters again.

use std::sync::atomic::Ordering;

use super::Worker;
use crate::process::slot::{ANYONE, Slot};
use crate::scheduler::run_queue;
use crate::scheduler::seat::NoSeat;
use crate::scheduler::seated::Seated;

/// Turns in a row that `next` may give while others wait. Odd: each time another queue is first.
const STREAK: u32 = 61;
/// A busy worker looks for input and output once in so many turns, or when the coarse time has moved.
const POLLED: u32 = 64;
/// How many processes are offered to others, at most.
const OFFERED: usize = 32;

impl Worker {
    /// A process that this thread has claimed may run.
    #[inline(always)]
    pub(crate) fn ready(&self, slot: &'static Slot) {
        let holder = slot.holder();
        if (holder != ANYONE && holder != self.id) || run_queue::is_unusual(slot) {
            return self.ready_elsewhere(slot);
        }
        // SAFETY: this is the worker's own thread, and no `Inside` is kept over a call.
        match unsafe { self.seat().enter() } {
            Ok(mut inside) => {
                let displaced = inside.with(|seated| seated.put_next(slot));
                drop(inside);
                if let Some(displaced) = displaced {
                    self.requeue(displaced);
                }
            }
            Err(NoSeat) => self.requeue(slot),
        }
    }

    /// As [`ready`](Worker::ready), for one that does not go to `next` here.
    #[inline(never)]
    fn ready_elsewhere(&self, slot: &'static Slot) {
        let holder = slot.holder();
        if holder != ANYONE && holder != self.id {
            self.node().hand_over(holder, slot);
        } else {
            self.requeue(slot);
        }
    }

    /// A process that has had its turn queues up.
    #[inline(never)]
    pub(crate) fn requeue(&self, slot: &'static Slot) {
        if run_queue::is_unusual(slot) {
            if self.queue.push_unusual(slot) {
                self.node().idle.notify_one();
            }
            return;
        }
        if slot.holder() != ANYONE {
            return self.queue.push_held(slot);
        }
        // SAFETY: as in `ready`.
        match unsafe { self.seat().enter() } {
            Ok(mut inside) => inside.with(|seated| self.put(seated, slot)),
            Err(NoSeat) => self.offer_at_once(slot),
        }
    }

    /// Without a seat nothing is kept back: all that is at rest is offered.
    #[cold]
    fn offer_at_once(&self, slot: &'static Slot) {
        let offer = &self.stealers().offer;
        let mut block = offer.take().unwrap_or_default();
        block.push(slot);
        offer.put(block);
        self.node().idle.notify_one();
    }

    /// Queues a process of normal priority.
    #[inline]
    pub(super) fn put(&self, seated: &mut Seated, slot: &'static Slot) {
        if slot.holder() != ANYONE {
            self.queue.push_held(slot);
        } else {
            seated.queues.push(slot);
            self.offer_to_hungry(seated);
        }
    }

    #[inline]
    pub(super) fn offer_to_hungry(&self, seated: &mut Seated) {
        if self.node().idle.is_anybody_hungry() {
            self.offer(seated);
        }
    }

    /// Gives others something to take: half of what is queued here, the oldest. What is on offer
    /// already stays there until twice as much has come.
    #[cold]
    #[inline(never)]
    fn offer(&self, seated: &mut Seated) {
        if !self.stealers().offer.is_empty() {
            if seated.has_offered_enough(OFFERED) {
                return;
            }
            self.take_back(seated);
        }
        let block = seated.split(OFFERED);
        self.stealers().offer.put(block);
        self.node().idle.notify_one();
    }

    /// The next process to run; none when the node has ended. Sleeps meanwhile.
    pub(crate) fn pick(&self) -> Option<&'static Slot> {
        loop {
            let now = self.clock().coarse();
            if now >= self.next_expiry.load(Ordering::Relaxed) {
                self.expire_own();
            }
            if !self.inbox.is_empty() {
                self.take_inbox();
            }
            // By the clock as well: turns may be long.
            if self.turns.load(Ordering::Relaxed).is_multiple_of(POLLED) || now != self.looked.get()
            {
                self.looked.set(now);
                self.look_at_reactor();
            }
            // SAFETY: as in `ready`.
            let found = match unsafe { self.seat().enter() } {
                Ok(mut inside) => {
                    let found = inside.with(|seated| {
                        let found = self.choose(seated);
                        if !seated.queues.is_empty() {
                            self.offer_to_hungry(seated);
                        }
                        found
                    });
                    drop(inside);
                    found.or_else(|| self.find())
                }
                Err(NoSeat) => self.without_seat(),
            };
            if found.is_some() {
                return found;
            }
            // A stack that is left holds the thread that its frames rely on.
            if self.node().has_ended() && self.standing() == 0 {
                return None;
            }
        }
    }

    /// Between `next` and the queues.
    #[inline]
    fn choose(&self, seated: &mut Seated) -> Option<&'static Slot> {
        if self.queue.is_unusual()
            && let Some(slot) = self.choose_unusual()
        {
            if let Some(next) = seated.take() {
                self.put(seated, next);
            }
            return Some(slot);
        }
        if let Some(next) = seated.take() {
            let streak = self.streak.get() + 1;
            if streak < STREAK {
                self.streak.set(streak);
                return Some(next);
            }
            if !self.others_wait(seated) {
                self.streak.set(0);
                return Some(next);
            }
            self.put(seated, next);
        }
        self.streak.set(0);
        // Counted apart: a streak's length must not decide which queue has its turn behind it.
        let choice = self.choice.get().wrapping_add(1);
        self.choice.set(choice);
        self.choose_queued(seated, choice)
    }

    /// Between the priorities other than normal, and the rest.
    #[cold]
    fn choose_unusual(&self) -> Option<&'static Slot> {
        let turn = self.turn.get().wrapping_add(1);
        self.turn.set(turn);
        let urgent = self.queue.pop_urgent();
        if urgent.is_none() && turn & 7 == 0 {
            return self.queue.pop_low();
        }
        urgent
    }

    #[cold]
    fn others_wait(&self, seated: &Seated) -> bool {
        self.queue.any_held()
            || !seated.queues.is_empty()
            || self.stealers().any()
            || !self.node().injector.is_empty()
    }

    #[inline]
    fn choose_queued(&self, seated: &mut Seated, choice: u32) -> Option<&'static Slot> {
        if choice & 1 == 0
            && let Some(slot) = self.node().injector.take().or_else(|| self.take_newborn())
        {
            return Some(slot);
        }
        if choice & 7 == 3 {
            // So that nothing stays the last for ever. The hungry come for what is offered.
            if !self.node().idle.is_anybody_hungry() {
                self.take_back(seated);
            }
            self.take_over(seated, choice);
            if let Some(slot) = seated.pop_aged(self.clock().coarse()) {
                return Some(slot);
            }
        }
        if choice & 1 == 0 {
            if let Some(slot) = self.queue.pop_normal() {
                return Some(slot);
            }
            if let Some(slot) = seated.queues.pop_woken() {
                return Some(slot);
            }
        } else {
            if let Some(slot) = seated.queues.pop_woken() {
                return Some(slot);
            }
            if let Some(slot) = self.queue.pop_normal() {
                return Some(slot);
            }
        }
        if let Some(slot) = seated.queues.pop_fresh() {
            return Some(slot);
        }
        self.choose_last(seated)
    }

    /// What comes when nothing is queued here.
    #[inline(never)]
    fn choose_last(&self, seated: &mut Seated) -> Option<&'static Slot> {
        self.take_back(seated);
        seated
            .queues
            .pop_oldest()
            .or_else(|| self.take_newborn())
            .or_else(|| self.node().injector.take())
            .or_else(|| self.queue.pop_low())
    }

    /// Takes what another worker offers that has no seat, and so runs nothing of it itself.
    fn take_over(&self, seated: &mut Seated, choice: u32) {
        let node = self.node();
        let other = &node.workers[choice as usize / 8 % node.started()];
        if !other.stealers().offer.is_empty()
            && !other.is_seated()
            && let Some(block) = other.stealers().offer.take()
        {
            seated.adopt(block);
        }
    }

    /// Takes back what nobody has taken of what was offered.
    #[inline]
    fn take_back(&self, seated: &mut Seated) {
        if let Some(block) = self.stealers().offer.take() {
            seated.adopt(block);
        }
    }

    /// Nothing of its own: searches, and offers on what it does not need at once.
    #[cold]
    #[inline(never)]
    fn find(&self) -> Option<&'static Slot> {
        let found = self.search()?;
        // SAFETY: as in `ready`.
        if let Ok(mut inside) = unsafe { self.seat().enter() } {
            inside.with(|seated| {
                if !seated.queues.is_empty() {
                    self.offer_to_hungry(seated);
                }
            });
        }
        Some(found)
    }
}
