//! What a worker does that has nothing of its own to run: it waits awake, looks at the others, gives
//! its seat away, and sleeps. The protocol, and why no wake-up is lost: the folder's README.md.

use std::hint;
use std::ptr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Worker;
use crate::io::reactor::Reactor;
use crate::node::Polling;
use crate::process::slot::Slot;
use crate::scheduler::idle::{Look, Searcher, Woken};
use crate::scheduler::park::Poll;
use crate::scheduler::seat::{Asked, Inside, Withdrawn};
use crate::scheduler::seated::Seated;
use crate::scheduler::spread::Processor;

/// How often a worker without work looks at its inbox before it sleeps: at least, and at most.
pub(super) const PATIENCE: std::ops::RangeInclusive<u32> = 40..=2560;
/// A sleep that work ends sooner, in nanoseconds, should have been waited through.
const NAP: u64 = 40_000;
/// It looks at the others' queues first after so many looks, then each time after twice as many,
/// and at last after so many.
const FIRST_GAP: u32 = 4;
const LAST_GAP: u32 = 64;

/// What came of looking out for work.
enum Waited {
    Stole(&'static Slot),
    /// Something has come that is for this worker alone.
    Mail,
    InVain,
}

/// What came of giving the seat away.
enum Stood<'a> {
    /// The worker has no seat now.
    Up,
    /// It has, and perhaps a place among the searchers.
    Stays(Inside<'a, Seated>, Option<Searcher<'a>>),
}

impl Worker {
    /// Looks at the others, then sleeps. None: look again.
    #[cold]
    #[inline(never)]
    pub(super) fn search(&self) -> Option<&'static Slot> {
        self.no_turn();
        if self.node().used_reactor().is_some() && self.wait_for_io() {
            return None;
        }
        let idle = &self.node().idle;
        let mut searcher = idle.begin_search();
        match self.wait_awake(searcher.is_some()) {
            Waited::Stole(slot) => return Some(slot),
            Waited::Mail => return None,
            Waited::InVain => {}
        }
        loop {
            if self.node().has_ended() {
                return None;
            }
            // SAFETY: as in `ready`.
            let Ok(mut inside) = (unsafe { self.seat().enter() }) else {
                return None;
            };
            let nothing = inside.with(|seated| {
                seated.shrink();
                seated.is_empty()
            });
            if !nothing {
                return None;
            }
            let inside = if self.is_needed_elsewhere() {
                match self.stand_up(inside, searcher.take()) {
                    Stood::Up => return None,
                    Stood::Stays(inside, place) => {
                        searcher = place;
                        inside
                    }
                }
            } else {
                inside
            };
            let due = self.next_expiry();
            let timeout = match self.time_left() {
                Some(Duration::ZERO) => {
                    drop(inside);
                    drop(searcher);
                    self.expire_own();
                    return None;
                }
                timeout => timeout,
            };
            let me = self.id.into();
            let asleep = self.clock().now();
            let node = self.node();
            let held = node.used_reactor().and_then(Reactor::try_hold);
            let mut polling = held.map(|held| Polling { node, held });
            let polls = polling.is_some();
            if polls {
                self.processor.lie_down_polling();
            } else {
                self.processor.lie_down();
            }
            let poll = polling.as_mut().map(|polling| polling as &mut dyn Poll);
            let woken = idle.sleep(me, &inside, searcher.take(), timeout, poll, || {
                self.last_look(due)
            });
            drop(inside);
            let now = self.clock().refresh();
            let others = polling.map(|polling| polling.held.deliver(now));
            if polls {
                self.looked.set(now);
                self.processor.rise_polling();
            } else {
                self.processor.rise(self.other_processors());
            }
            if !matches!(woken, Woken::TimedOut) && self.clock().now() - asleep < NAP {
                self.patience
                    .set((self.patience.get() * 2).min(*PATIENCE.end()));
            } else {
                self.patience
                    .set((self.patience.get() / 2).max(*PATIENCE.start()));
            }
            if let Some(others) = others.filter(|others| !others.is_empty()) {
                // A searcher that is held up would keep everybody from being woken.
                drop(woken);
                self.for_anybody(|| others.wake());
                return None;
            }
            match woken {
                Woken::Searching(place) => {
                    if let Some(slot) = self.steal() {
                        return Some(slot);
                    }
                    if self.has_mail() {
                        return None;
                    }
                    searcher = Some(place);
                }
                Woken::Own | Woken::TimedOut => return None,
            }
        }
    }

    /// Looks out for work for a while, before it sleeps: at its inbox all the time, since a process
    /// here may talk to one that is held elsewhere; as a searcher at the others' queues as well,
    /// ever more seldom, since each look takes a cache line from somebody who is busy.
    ///
    /// How long depends on how its last sleeps ended.
    fn wait_awake(&self, searches: bool) -> Waited {
        // Input and output are not seen by waiting awake.
        let patience = if self.node().used_reactor().is_none() && self.settle() {
            self.patience.get()
        } else {
            // The one that it waits for may need this processor.
            *PATIENCE.start()
        };
        let mut next_look = FIRST_GAP;
        for round in 1..=patience {
            if self.has_mail() {
                return Waited::Mail;
            }
            if searches && round == next_look {
                next_look += round.min(LAST_GAP);
                if let Some(slot) = self.steal() {
                    return Waited::Stole(slot);
                }
            }
            hint::spin_loop();
        }
        Waited::InVain
    }

    /// Looks twice for input and output, and in between lets those run whom the system would run here:
    /// peers on this machine, which then have sent more. Falling asleep for each piece of it, and
    /// being woken, costs more than the piece. True: there is something to do.
    fn wait_for_io(&self) -> bool {
        if self.look_at_reactor() {
            return true;
        }
        std::thread::yield_now();
        self.has_mail() || self.look_at_reactor()
    }

    /// Looks whether input or output has come. True: somebody was woken for it.
    #[cold]
    #[inline(never)]
    pub(super) fn look_at_reactor(&self) -> bool {
        let Some(reactor) = self.node().used_reactor() else {
            return false;
        };
        let Some(others) = reactor.look(self.clock().coarse()) else {
            return false;
        };
        if !others.is_empty() {
            self.for_anybody(|| others.wake());
        }
        true
    }

    /// Moves to a processor where no other worker of the node is, if there is one.
    pub(crate) fn settle(&self) -> bool {
        self.processor.settle(self.other_processors())
    }

    fn other_processors(&self) -> impl Iterator<Item = &Processor> + Clone {
        let others = self.node().started_workers();
        others
            .filter(|other| !ptr::eq(*other, self))
            .map(|other| &*other.processor)
    }

    /// Takes from the injector, or from another worker.
    fn steal(&self) -> Option<&'static Slot> {
        let node = self.node();
        if let Some(slot) = node.injector.take() {
            return Some(slot);
        }
        // SAFETY: as in `ready`.
        let mut inside = unsafe { self.seat().enter() }.ok()?;
        let count = node.started();
        let start = usize::from(self.id) + 1;
        inside.with(|seated| {
            (0..count)
                .map(|step| node.workers[(start + step) % count].stealers())
                .find_map(|other| {
                    if let Some(urgent) = other.take_urgent() {
                        return Some(urgent);
                    }
                    if let Some(block) = other.offer.take() {
                        seated.adopt(block);
                        return seated.queues.pop_oldest();
                    }
                    other.take_low()
                })
        })
    }

    fn last_look(&self, due: u64) -> Look {
        let node = self.node();
        if !node.injector.is_empty()
            || self.is_needed_elsewhere()
            || node.started_workers().any(|w| w.stealers().any())
        {
            return Look::Work;
        }
        if self.has_mail() || node.has_ended() || self.is_due_sooner(due) {
            return Look::Own;
        }
        node.let_time_pass();
        Look::Nothing
    }

    /// How long until the next timer; zero if one is due.
    fn time_left(&self) -> Option<Duration> {
        match self.next_expiry.load(Ordering::Relaxed) {
            u64::MAX => None,
            due => {
                let left = due.saturating_sub(self.clock().now());
                // Virtual time does not pass by waiting.
                let comes = left == 0 || !self.clock().is_paused();
                comes.then_some(Duration::from_nanos(left))
            }
        }
    }

    /// Whether another thread has set a timer that is due before `due`.
    fn is_due_sooner(&self, due: u64) -> bool {
        self.next_expiry() < due
    }

    /// Whether a worker that wants a seat needs it more than this one, which has nothing to do:
    /// nobody stands here, or somebody can run there at once.
    fn is_needed_elsewhere(&self) -> bool {
        let node = self.node();
        node.seats.anybody_wants()
            && (self.standing() == 0
                || node
                    .started_workers()
                    .any(|worker| worker.is_busy() && !worker.is_seated()))
    }

    /// Whether a process runs here, or is about to.
    fn is_busy(&self) -> bool {
        self.has_mail() || !self.running.load(Ordering::Relaxed).is_null()
    }

    /// Gives the seat to one that wants it, if there is nothing to do here.
    fn stand_up<'a>(
        &'a self,
        inside: Inside<'a, Seated>,
        searcher: Option<Searcher<'a>>,
    ) -> Stood<'a> {
        let node = self.node();
        // If others search already, they will see who wants a seat.
        let Some(searcher) = searcher.or_else(|| node.idle.begin_search()) else {
            return Stood::Stays(inside, None);
        };
        let work =
            || !node.injector.is_empty() || node.started_workers().any(|w| w.stealers().any());
        match searcher.give_up(work) {
            Ok(proof) => match node
                .seats
                .stand_up(self.id.into(), inside, proof, &node.idle)
            {
                Ok(_) => Stood::Up,
                Err(inside) => Stood::Stays(inside, None),
            },
            Err(again) => Stood::Stays(inside, Some(again)),
        }
    }

    /// Runs what stands on its stacks, and asks for a seat while there is any. None: look again.
    #[cold]
    #[inline(never)]
    pub(super) fn without_seat(&self) -> Option<&'static Slot> {
        self.no_turn();
        let node = self.node();
        let me = usize::from(self.id);
        let mut gave = false;
        self.rescue(|slot| {
            node.injector.push(slot);
            gave = true;
        });
        if gave {
            node.idle.notify_one();
        }
        let drafted = self.seat().is_drafted();
        if let Some(slot) = self.queue.pop_held() {
            if !drafted {
                // Runs meanwhile, whatever the answer.
                let (Asked::Yes | Asked::Seated | Asked::NotYet) = node.seats.want(me, &node.idle);
            }
            return Some(slot);
        }
        // One on whose stacks processes stand keeps asking: it is here that they will be woken.
        let keeps_asking = self.standing() > 0;
        if !drafted {
            let asked = if keeps_asking {
                node.seats.want(me, &node.idle)
            } else {
                node.seats.stand_by(me)
            };
            match asked {
                Asked::Yes => {}
                Asked::Seated => return None,
                Asked::NotYet => {
                    std::thread::yield_now();
                    return None;
                }
            }
        }
        let due = self.next_expiry();
        let timeout = self.time_left();
        if timeout == Some(Duration::ZERO) {
            self.expire_own();
        } else {
            self.processor.lie_down();
            node.idle.sleep_without_seat(me, timeout, || {
                let seen = self.has_mail()
                    || self.is_seated()
                    || node.has_ended()
                    || self.is_due_sooner(due);
                if !seen {
                    node.let_time_pass();
                }
                seen
            });
            self.processor.rise(self.other_processors());
        }
        if !drafted && !keeps_asking {
            let (Withdrawn::Seated | Withdrawn::Unseated) = node.seats.withdraw(me);
        }
        self.clock().refresh();
        None
    }

    /// The next that stands on this worker's stacks, for a worker that can run no other.
    pub(crate) fn pick_held(&self) -> Option<&'static Slot> {
        if !self.inbox.is_empty() {
            self.take_inbox();
        }
        // SAFETY: as in `ready`.
        if let Ok(mut inside) = unsafe { self.seat().enter() } {
            inside.with(|seated| {
                if let Some(next) = seated.take() {
                    self.put(seated, next);
                }
                // No more than that: memory may be short as well.
                if !seated.queues.is_empty() {
                    self.offer_to_hungry(seated);
                }
            });
        }
        self.queue.pop_held()
    }
}
