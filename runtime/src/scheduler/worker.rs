//! A worker: an operating-system thread that runs processes, and how it finds the next.
//!
//! The queues are the owner's; what others may touch is said field by field. A worker without a
//! seat runs only the processes that stand on its stacks. README.md has the whole picture.

use std::cell::{Cell, UnsafeCell};
use std::hint;
use std::iter;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use super::arrivals::{Arrivals, Linked};
use super::cpu_clock::CpuClock;
use super::idle::{Look, Searcher, Woken};
use super::placement::{self, Placement};
use super::reductions::{SPAWN, TURN};
use super::run_queue::{RunQueue, Shared};
use super::seat::{Asked, Inside, NoSeat, Seat, Withdrawn};
use super::spread::Processor;
use super::timers::{Due, Letter, Timer, Timers};
use super::{deliver_signal, offer};
use crate::context::Context;
use crate::node::Instance;
use crate::process::run;
use crate::process::slot::{ANYONE, Slot, bit};
use crate::process::table;
use crate::process::{exit, wait};
use crate::stack::Cache;
use crate::thread::{self, Thread};
use crate::timer::{Clock, Expired};

/// Turns in a row that `next` may give while others wait. Odd: each time another queue is first.
const STREAK: u32 = 61;
/// How often a worker without work looks at its inbox before it sleeps: at least, and at most.
const PATIENCE: std::ops::RangeInclusive<u32> = 40..=2560;
/// A sleep that work ends sooner, in nanoseconds, should have been waited through.
const NAP: u64 = 40_000;
/// It looks at the others' queues first after so many looks, then each time after twice as many,
/// and at last after so many.
const FIRST_GAP: u32 = 4;
const LAST_GAP: u32 = 64;
/// How much of a stuck worker's queues others are given at once.
const RESCUED: usize = 256;
/// Timers taken from the wheel at once.
const TIMERS: usize = 256;
/// Processes that a worker may spawn before it looks at the node's limit again.
pub(crate) const CREDIT: u32 = 64;

/// What the worker alone uses while it has its seat.
pub(crate) struct Seated {
    /// The process that was made runnable last.
    next: *const Slot,
}

// SAFETY: a process in `next` is held by whoever has the seat; it is only moved on.
unsafe impl Send for Seated {}

impl Seated {
    pub(crate) fn new() -> Seated {
        Seated { next: ptr::null() }
    }

    /// Takes the process out of `next`.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<&'static Slot> {
        let next = std::mem::replace(&mut self.next, ptr::null());
        // SAFETY: slots live for ever.
        unsafe { next.as_ref() }
    }
}

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

impl Linked for Slot {
    fn link(&self) -> *const Slot {
        self.link.get()
    }

    fn set_link(&self, next: *const Slot) {
        self.link.set(next);
    }
}

/// One worker of a node.
#[repr(align(128))]
pub(crate) struct Worker {
    id: u16,
    node_id: u16,
    node: *const Instance,
    /// The worker's seat, which is its node's.
    seat: *const Seat<Seated>,

    // Touched by others.
    /// Processes on this worker's stacks that were woken elsewhere, newest first.
    inbox: Arrivals<Slot>,
    /// Newborns that other workers have given it.
    newborn: Shared,
    /// How many those are.
    given: AtomicU32,
    pub(crate) processor: Processor,
    timers: Mutex<Timers>,
    /// No timer of its is due before; 0: there is something only its own thread may do.
    next_expiry: AtomicU64,
    /// Counts the turns: how the watchdog sees that a process runs on and on.
    pub(crate) turns: AtomicU32,
    /// The process that runs.
    pub(crate) running: AtomicPtr<Slot>,
    pub(crate) cpu_clock: CpuClock,
    /// Processes that stand on its stacks, without those that may move.
    standing: AtomicU32,
    /// Processes spawned here so far, and processes ended here.
    spawned: AtomicU64,
    ended: AtomicU64,

    // The owner's.
    queue: RunQueue,
    turn: Cell<u32>,
    choice: Cell<u32>,
    streak: Cell<u32>,
    /// How often it will look at its inbox before it sleeps.
    patience: Cell<u32>,
    placement: Placement,
    /// The context that picks and runs; the others belong to processes.
    pub(crate) active: Cell<*mut Context>,
    pub(crate) stacks: UnsafeCell<Cache>,
    free: table::List,
    credit: Cell<u32>,
    expired: UnsafeCell<Vec<Expired<Timer>>>,
}

// SAFETY: the fields named the owner's are touched by the worker's thread alone: every method that
// does is called through `scheduler::worker()`, which returns the calling thread's own. The rest
// are atomics and locks.
unsafe impl Sync for Worker {}
// SAFETY: made by one thread and then run by another, which takes everything over.
unsafe impl Send for Worker {}

impl Worker {
    pub(crate) fn new(id: u16, node_id: u16, node: *const Instance, seat: &Seat<Seated>) -> Worker {
        Worker {
            id,
            node_id,
            node,
            seat,
            inbox: Arrivals::new(),
            newborn: Shared::new(),
            given: AtomicU32::new(0),
            processor: Processor::new(),
            timers: Mutex::new(Timers::new()),
            next_expiry: AtomicU64::new(u64::MAX),
            turns: AtomicU32::new(0),
            running: AtomicPtr::new(ptr::null_mut()),
            standing: AtomicU32::new(0),
            spawned: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            queue: RunQueue::new(),
            turn: Cell::new(0),
            choice: Cell::new(0),
            streak: Cell::new(0),
            patience: Cell::new(*PATIENCE.start()),
            placement: Placement::new(),
            cpu_clock: CpuClock::new(),
            active: Cell::new(ptr::null_mut()),
            stacks: UnsafeCell::new(Cache::new()),
            free: table::List::new(0),
            credit: Cell::new(0),
            expired: UnsafeCell::new(Vec::new()),
        }
    }

    #[inline]
    pub(crate) fn id(&self) -> u16 {
        self.id
    }

    #[inline]
    pub(crate) fn node(&self) -> &Instance {
        // SAFETY: a worker is part of its node, which lives as long as the worker's thread.
        unsafe { &*self.node }
    }

    #[inline]
    pub(crate) fn node_id(&self) -> u16 {
        self.node_id
    }

    #[inline]
    pub(crate) fn clock(&self) -> &Clock {
        self.node().clock()
    }

    #[inline]
    fn seat(&self) -> &Seat<Seated> {
        // SAFETY: the seats are the node's, and stay where they are as long as it lives.
        unsafe { &*self.seat }
    }

    pub(crate) fn is_seated(&self) -> bool {
        self.seat().is_seated()
    }

    // What others see.

    pub(crate) fn standing(&self) -> u32 {
        self.standing.load(Ordering::Relaxed)
    }

    pub(crate) fn spawned(&self) -> u64 {
        self.spawned.load(Ordering::Acquire)
    }

    pub(crate) fn ended(&self) -> u64 {
        self.ended.load(Ordering::Acquire)
    }

    pub(crate) fn stealers(&self) -> &super::run_queue::Stealers {
        self.queue.stealers()
    }

    /// Processes on its stacks, and newborns that it was given.
    pub(crate) fn crowd(&self) -> u32 {
        self.standing() + self.given.load(Ordering::Relaxed)
    }

    /// Whether it has queued what others may run, or could if it is stuck.
    pub(crate) fn has_work_for_others(&self) -> bool {
        self.stealers().any() || !self.newborn.is_empty()
    }

    /// Whether something has come that is for this worker alone.
    pub(crate) fn has_mail(&self) -> bool {
        !self.inbox.is_empty() || !self.newborn.is_empty()
    }

    /// Hands a claimed process that stands on this worker's stacks over to it.
    pub(crate) fn hand_over(&self, slot: &'static Slot) {
        if self.inbox.push(slot) {
            self.node().idle.poke(self.id.into());
        }
    }

    /// Gives a newborn, which the caller holds, to this worker.
    pub(crate) fn give(&self, slot: &'static Slot) {
        self.given.fetch_add(1, Ordering::Relaxed);
        self.newborn.push(slot);
        self.node().idle.poke(self.id.into());
    }

    /// Takes out what others may run as well, while this worker is stuck: all newborns that it was
    /// given, and some of what it queued.
    pub(crate) fn rescue(&self, give: impl FnMut(&'static Slot)) {
        iter::from_fn(|| self.take_newborn())
            .chain(self.stealers().oldest(RESCUED))
            .for_each(give);
    }

    /// Takes the oldest newborn that it was given.
    fn take_newborn(&self) -> Option<&'static Slot> {
        let slot = self.newborn.take()?;
        self.given.fetch_sub(1, Ordering::Relaxed);
        Some(slot)
    }

    pub(crate) fn timers(&self) -> MutexGuard<'_, Timers> {
        self.timers.lock()
    }

    /// The worker that keeps the timers set here: on virtual time one keeps all, so that those due
    /// at one time come in the order in which they were set.
    #[inline]
    pub(crate) fn timekeeper(&self) -> &Worker {
        if self.clock().is_paused() {
            self.node().timekeeper()
        } else {
            self
        }
    }

    /// A timer was set, under the lock of `timers`. True if it is the next: on another thread than
    /// the worker's, which may sleep longer, poke it.
    pub(crate) fn expires(&self, due: u64) -> bool {
        let is_next = due < self.next_expiry.load(Ordering::Relaxed);
        if is_next {
            self.next_expiry.store(due, Ordering::Relaxed);
        }
        is_next
    }

    pub(crate) fn next_expiry(&self) -> u64 {
        self.next_expiry.load(Ordering::Relaxed)
    }

    /// Fires the timers that are due, and returns the messages that could not be delivered without
    /// running user code: to the dead, to names that nobody has, to mailboxes that are full.
    fn expire(&self, now: u64, due: &mut Vec<Expired<Timer>>) -> Vec<Letter> {
        // Portions would bring those of one time out of their order, and a test may wait.
        let most = if self.clock().is_paused() {
            usize::MAX
        } else {
            TIMERS
        };
        {
            let mut timers = self.timers();
            let more = timers.expire(now, most, due);
            let next = timers.next_expiry();
            let next = if more { next.min(now) } else { next };
            self.next_expiry.store(next, Ordering::Relaxed);
        }
        let mut left = Vec::new();
        for expired in due.drain(..) {
            match Timers::due(expired) {
                Due::Wake(slot, generation) => wait::fire(slot, generation, self),
                Due::Send(letter) => left.extend(self.post(letter)),
            }
        }
        left
    }

    /// Delivers the message of a timer, or returns it.
    fn post(&self, letter: Letter) -> Option<Letter> {
        match letter {
            Letter::To(pid, message) => {
                let message = offer(pid, message).err()?;
                Some(Letter::To(pid, message))
            }
            Letter::Named(named) => match self.node().names().whereis(&named.name) {
                Some(pid) => self.post(Letter::To(pid, named.message)),
                None => Some(Letter::Named(named)),
            },
        }
    }

    /// Fires the timers of a worker that does not come to it, for the watchdog: what runs user
    /// code waits for the worker.
    pub(crate) fn expire_for(&self, now: u64, due: &mut Vec<Expired<Timer>>) {
        let left = self.expire(now, due);
        if !left.is_empty() {
            self.timers().keep(left);
            self.expires(0);
        }
    }

    // Owner: processes come and go.

    /// A process that will stay here has taken a stack, or given it back.
    pub(crate) fn count_standing(&self, more: bool) {
        let count = self.standing.load(Ordering::Relaxed);
        let count = if more { count + 1 } else { count - 1 };
        self.standing.store(count, Ordering::Relaxed);
    }

    /// A place in the table for a newborn.
    #[inline]
    pub(crate) fn acquire(&self) -> Result<&'static Slot, crate::SpawnError> {
        self.node().has_stacks()?;
        let credit = self.credit.get();
        if credit == 0 {
            self.credit.set(self.node().take_credit()?);
        }
        match table::acquire(&self.free) {
            Ok(slot) => {
                self.credit.set(self.credit.get() - 1);
                let spawned = self.spawned.load(Ordering::Relaxed);
                self.spawned.store(spawned + 1, Ordering::Release);
                Ok(slot)
            }
            Err(full) => Err(full.into()),
        }
    }

    /// Starts a newborn.
    #[inline]
    pub(crate) fn launch(&self, slot: &'static Slot) {
        super::spend(SPAWN);
        self.ready(slot);
    }

    /// The worker that a newborn shall start on, if not on this one.
    #[inline]
    pub(crate) fn elsewhere(&self, slot: &Slot) -> Option<&Worker> {
        let bound = slot.has(bit::STARTED | bit::MIGRATES) || slot.holder() != ANYONE;
        if bound {
            None
        } else {
            placement::elsewhere(&self.placement, self)
        }
    }

    /// The process has ended: its place may be taken.
    pub(crate) fn bury(&self, slot: &'static Slot) {
        if slot.has(bit::OWN_THREAD) {
            self.seat().discharge();
        }
        run::recycle(&self.free, slot);
        let credit = self.credit.get() + 1;
        self.credit.set(credit);
        // A node that counts exactly, one by one, leaves nothing with its workers.
        let size = self.node().credit_size();
        if credit > 2 * (size - 1) {
            self.credit.set(credit - size);
            self.node().return_credit(size);
        }
        let ended = self.ended.load(Ordering::Relaxed);
        self.ended.store(ended + 1, Ordering::Release);
    }

    // Owner: processes become runnable.

    /// A process that this thread has claimed may run.
    #[inline(always)]
    pub(crate) fn ready(&self, slot: &'static Slot) {
        let holder = slot.holder();
        if holder != ANYONE && holder != self.id {
            return self.node().hand_over(holder, slot);
        }
        if slot.bits.get() & bit::PRIORITY != 0 {
            return self.requeue(slot);
        }
        // SAFETY: this is the worker's own thread, and no `Inside` is kept over a call.
        match unsafe { self.seat().enter() } {
            Ok(mut inside) => {
                let displaced = inside.with(|seated| {
                    let displaced = seated.take();
                    seated.next = slot;
                    displaced
                });
                drop(inside);
                if let Some(displaced) = displaced {
                    self.requeue(displaced);
                }
            }
            Err(NoSeat) => self.requeue(slot),
        }
    }

    /// A process that has had its turn, or was displaced from `next`, queues up.
    #[inline(never)]
    pub(crate) fn requeue(&self, slot: &'static Slot) {
        if self.queue.push(slot) {
            self.node().idle.notify_one();
        }
    }

    // Owner: finding the next.

    /// The next process to run; none when the node has ended. Sleeps meanwhile.
    pub(crate) fn pick(&self) -> Option<&'static Slot> {
        loop {
            if self.clock().coarse() >= self.next_expiry.load(Ordering::Relaxed) {
                self.expire_own();
            }
            if !self.inbox.is_empty() {
                self.take_inbox();
            }
            // SAFETY: as in `ready`.
            let found = match unsafe { self.seat().enter() } {
                Ok(mut inside) => {
                    let next = inside.with(Seated::take);
                    drop(inside);
                    match self.choose(next) {
                        Some(slot) => Some(slot),
                        None => self.search(),
                    }
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
    fn choose(&self, next: Option<&'static Slot>) -> Option<&'static Slot> {
        let turn = self.turn.get().wrapping_add(1);
        self.turn.set(turn);
        if let Some(urgent) = self.queue.pop_urgent() {
            if let Some(next) = next {
                self.requeue(next);
            }
            return Some(urgent);
        }
        if turn & 7 == 0
            && let Some(low) = self.queue.pop_low()
        {
            if let Some(next) = next {
                self.requeue(next);
            }
            return Some(low);
        }
        if let Some(next) = next {
            let streak = self.streak.get() + 1;
            if streak < STREAK || !self.others_wait() {
                self.streak.set(streak % STREAK);
                return Some(next);
            }
            self.requeue(next);
        }
        self.streak.set(0);
        // Counted apart: a streak's length must not decide which queue has its turn behind it.
        let choice = self.choice.get().wrapping_add(1);
        self.choice.set(choice);
        self.choose_queued(choice)
    }

    #[cold]
    fn others_wait(&self) -> bool {
        self.queue.any_normal() || !self.node().injector.is_empty()
    }

    #[inline]
    fn choose_queued(&self, choice: u32) -> Option<&'static Slot> {
        if choice & 1 == 0
            && let Some(slot) = self.node().injector.take().or_else(|| self.take_newborn())
        {
            return Some(slot);
        }
        if choice & 7 == 3
            && let Some(slot) = self.queue.pop_aged(self.clock().coarse())
        {
            return Some(slot);
        }
        self.queue
            .pop(choice)
            .or_else(|| self.take_newborn())
            .or_else(|| self.node().injector.take())
            .or_else(|| self.queue.pop_low())
    }

    /// Nothing of its own: looks at the others, then sleeps. None: look again.
    #[cold]
    #[inline(never)]
    fn search(&self) -> Option<&'static Slot> {
        self.no_turn();
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
            let Ok(inside) = (unsafe { self.seat().enter() }) else {
                return None;
            };
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
                    self.expire_own();
                    return None;
                }
                timeout => timeout,
            };
            let me = self.id.into();
            let asleep = self.clock().now();
            self.processor.lie_down();
            let woken = idle.sleep(me, &inside, searcher.take(), timeout, || {
                self.last_look(due)
            });
            drop(inside);
            self.processor.rise(self.other_processors());
            self.clock().refresh();
            if !matches!(woken, Woken::TimedOut) && self.clock().now() - asleep < NAP {
                self.patience
                    .set((self.patience.get() * 2).min(*PATIENCE.end()));
            } else {
                self.patience
                    .set((self.patience.get() / 2).max(*PATIENCE.start()));
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
        let patience = if self.settle() {
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

    /// Moves to a processor where no other worker of the node is, if there is one.
    pub(crate) fn settle(&self) -> bool {
        self.processor.settle(self.other_processors())
    }

    fn other_processors(&self) -> impl Iterator<Item = &Processor> + Clone {
        let others = self.node().started_workers();
        others
            .filter(|other| other.id != self.id)
            .map(|other| &other.processor)
    }

    /// Takes from the injector, or from another worker.
    fn steal(&self) -> Option<&'static Slot> {
        let node = self.node();
        if let Some(slot) = node.injector.take() {
            return Some(slot);
        }
        let count = node.started();
        let start = usize::from(self.id) + 1;
        (0..count)
            .map(|step| (start + step) % count)
            .find_map(|worker| self.queue.steal_from(node.workers[worker].stealers()))
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
    fn without_seat(&self) -> Option<&'static Slot> {
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
        if let Ok(mut inside) = unsafe { self.seat().enter() }
            && let Some(next) = inside.with(Seated::take)
        {
            drop(inside);
            self.requeue(next);
        }
        self.queue.pop_held()
    }

    fn take_inbox(&self) {
        self.inbox.take(|slot| {
            self.queue.push(slot);
        });
    }

    #[cold]
    fn expire_own(&self) {
        let now = self.clock().now();
        let mut left = if self.next_expiry.load(Ordering::Relaxed) == 0 {
            self.timers().kept()
        } else {
            Vec::new()
        };
        // So that who looks for stillness sees that something was done here.
        let turns = self.turns.load(Ordering::Relaxed);
        self.turns.store(turns.wrapping_add(1), Ordering::Relaxed);
        // SAFETY: the owner's; `expire` calls no user code, so it does not come back here.
        let due = unsafe { &mut *self.expired.get() };
        left.extend(self.expire(now, due));
        if self.clock().is_paused() {
            // The last that was woken has its turn last.
            // SAFETY: as in `ready`.
            let next = match unsafe { self.seat().enter() } {
                Ok(mut inside) => inside.with(Seated::take),
                Err(NoSeat) => None,
            };
            if let Some(next) = next {
                self.requeue(next);
            }
        }
        if !left.is_empty() {
            self.finish(left);
        }
    }

    /// Delivers or drops messages of timers, which may call user code: between two turns, in
    /// nobody's name.
    #[cold]
    fn finish(&self, letters: Vec<Letter>) {
        self.no_turn();
        for letter in letters {
            match letter {
                Letter::To(pid, message) => deliver_signal(pid, message),
                Letter::Named(named) => exit::drop_quietly(named),
            }
        }
    }

    /// Begins the turn of a process.
    #[inline]
    pub(crate) fn begin_turn(&self, thread: &Thread, slot: &'static Slot) {
        let turns = self.turns.load(Ordering::Relaxed);
        self.turns.store(turns.wrapping_add(1), Ordering::Relaxed);
        self.running
            .store(ptr::from_ref(slot).cast_mut(), Ordering::Relaxed);
        thread.process.set(slot);
        thread.reductions.set(TURN);
        thread.turn.set(TURN);
    }

    /// Nobody runs here for the moment. Between two turns that follow each other the last
    /// process's name may stay: no user code runs then.
    fn no_turn(&self) {
        thread::this().process.set(ptr::null());
        self.running.store(ptr::null_mut(), Ordering::Relaxed);
        if self.node().lacks_stacks() {
            self.share_stacks();
        }
    }

    /// Gives the stacks at hand to a worker that has none for its processes.
    #[cold]
    pub(crate) fn share_stacks(&self) {
        // SAFETY: the owner's.
        unsafe { (*self.stacks.get()).flush() };
    }

    /// Gives back what the worker has cached, when its thread ends.
    pub(crate) fn retire(&self) {
        table::release_all(&self.free);
        // SAFETY: the owner's.
        unsafe { (*self.stacks.get()).flush() };
    }
}
