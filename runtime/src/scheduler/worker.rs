//! A worker: an operating-system thread that runs processes. Beside this file: `pick`, how it keeps
//! what is runnable and finds the next; `search`, what it does when it has nothing of its own.
//!
//! The queues are the owner's; what others may touch is said field by field. A worker without a
//! seat runs only the processes that stand on its stacks. README.md has the whole picture.

mod pick;
mod search;
#[cfg(test)]
mod tests;

use std::cell::{Cell, UnsafeCell};
use std::iter;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
use std::task::Waker;

use crossbeam_utils::CachePadded;
use parking_lot::{Mutex, MutexGuard};

use super::arrivals::{Arrivals, Linked};
use super::cpu_clock::CpuClock;
use super::placement::{self, Placement};
use super::reductions::{Reductions, SPAWN, TURN};
use super::run_queue::{self, RunQueue, Shared};
use super::seat::{NoSeat, Seat};
use super::seated::Seated;
use super::spread::Processor;
use super::timers::{Delivery, Due, Timer, Timers};
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

/// How much of a stuck worker's queues others are given at once.
pub(super) const RESCUED: usize = 256;
/// Timers taken from the wheel at once.
const TIMERS: usize = 256;
/// Processes that a worker may spawn before it looks at the node's limit again.
pub(crate) const CREDIT: u32 = 64;

/// In place of a process that runs; not to be looked at.
pub(super) const NOBODY: *mut Slot = ptr::without_provenance_mut(align_of::<Slot>());

impl Linked for Slot {
    fn link(&self) -> *const Slot {
        self.link.get()
    }

    fn set_link(&self, next: *const Slot) {
        self.link.set(next);
    }
}

/// One worker of a node. The parts stand on cache lines of their own, so that what others write or
/// look at is not what the owner changes at every turn.
#[repr(C, align(128))]
pub(crate) struct Worker {
    // Fixed.
    id: u16,
    node_id: u16,
    node: *const Instance,
    /// The worker's seat, which is its node's.
    seat: *const Seat<Seated>,

    // Written by others.
    /// Processes on this worker's stacks that were woken elsewhere, newest first.
    inbox: CachePadded<Arrivals<Slot>>,
    /// Newborns that other workers have given it.
    newborn: Shared,
    /// How many those are.
    given: AtomicU32,
    timers: CachePadded<Mutex<Timers>>,

    // Looked at by others that fall idle.
    pub(crate) processor: CachePadded<Processor>,

    // Looked at by others, now and then.
    /// No timer of its is due before; 0: there is something only its own thread may do.
    next_expiry: AtomicU64,
    /// Counts the turns: how the watchdog sees that a process runs on and on.
    pub(crate) turns: AtomicU32,
    /// Processes that stand on its stacks, without those that may move.
    standing: AtomicU32,
    /// The process that runs; [`NOBODY`] while anybody's code runs in nobody's name.
    pub(crate) running: AtomicPtr<Slot>,
    /// Processes spawned here so far, and processes ended here.
    spawned: AtomicU64,
    ended: AtomicU64,
    pub(crate) cpu_clock: CpuClock,
    /// Those of its thread, while that lives.
    reductions: Mutex<Option<NonNull<Reductions>>>,

    // The owner's.
    turn: Cell<u32>,
    choice: Cell<u32>,
    streak: Cell<u32>,
    /// The coarse time at which it last looked for input and output.
    looked: Cell<u64>,
    /// How often it will look at its inbox before it sleeps.
    patience: Cell<u32>,
    /// The context that picks and runs; the others belong to processes.
    pub(crate) active: Cell<*mut Context>,
    placement: Placement,
    credit: Cell<u32>,
    queue: RunQueue,
    pub(crate) stacks: UnsafeCell<Cache>,
    free: table::List,
    expired: UnsafeCell<Vec<Expired<Timer>>>,
}

// SAFETY: the fields named the owner's are touched by the worker's thread alone: every method that
// does is called through `scheduler::worker()`, which returns the calling thread's own. The rest
// are atomics and locks; what the pointer in `reductions` leads to is an atomic.
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
            inbox: CachePadded::new(Arrivals::new()),
            newborn: Shared::new(),
            given: AtomicU32::new(0),
            processor: CachePadded::new(Processor::new()),
            timers: CachePadded::new(Mutex::new(Timers::new())),
            next_expiry: AtomicU64::new(u64::MAX),
            turns: AtomicU32::new(0),
            running: AtomicPtr::new(ptr::null_mut()),
            standing: AtomicU32::new(0),
            spawned: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            reductions: Mutex::new(None),
            queue: RunQueue::new(),
            turn: Cell::new(0),
            choice: Cell::new(0),
            streak: Cell::new(0),
            looked: Cell::new(0),
            patience: Cell::new(*search::PATIENCE.start()),
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

    /// Takes out what others may run as well, while this worker is stuck: newborns that it was
    /// given, and what it offers. (Without a seat it offers much, and others look for that.)
    pub(crate) fn rescue(&self, give: impl FnMut(&'static Slot)) {
        let offer = &self.stealers().offer;
        let mut offered = if self.is_seated() { offer.take() } else { None };
        let stealers = self.stealers();
        iter::from_fn(|| stealers.take_urgent())
            .chain(iter::from_fn(|| self.take_newborn()))
            .chain(iter::from_fn(|| offered.as_mut()?.pop_oldest()))
            .chain(iter::from_fn(|| stealers.take_low()))
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
    fn expire(&self, now: u64, due: &mut Vec<Expired<Timer>>) -> Vec<Delivery> {
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
                Due::Deliver(delivery) => left.extend(self.post(delivery)),
            }
        }
        left
    }

    /// Delivers the message of a timer, or returns it.
    fn post(&self, delivery: Delivery) -> Option<Delivery> {
        match delivery {
            Delivery::To(pid, message) => {
                let message = offer(pid, message).err()?;
                Some(Delivery::To(pid, message))
            }
            Delivery::Named(named) => match self.node().names().whereis(&named.name) {
                Some(pid) => self.post(Delivery::To(pid, named.message)),
                None => Some(Delivery::Named(named)),
            },
            Delivery::Alarm(_) => Some(delivery),
        }
    }

    /// Fires the timers of a worker that does not come to it, for the watchdog: what runs user
    /// code waits for the worker.
    pub(crate) fn expire_for(&self, now: u64, due: &mut Vec<Expired<Timer>>) {
        let left = self.expire(now, due);
        if !left.is_empty() {
            self.leave(left);
        }
    }

    /// Leaves to the worker what only its own thread may do.
    fn leave(&self, deliveries: Vec<Delivery>) {
        {
            let mut timers = self.timers();
            timers.keep(deliveries);
            self.expires(0);
        }
        // It may have come to sleep meanwhile, with no timer left.
        self.node().idle.poke(self.id.into());
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

    fn take_inbox(&self) {
        self.inbox.take(|slot| {
            if run_queue::is_unusual(slot) {
                let _ = self.queue.push_unusual(slot);
            } else {
                self.queue.push_held(slot);
            }
        });
    }

    #[cold]
    fn expire_own(&self) {
        // A mailbox that becomes long is reported.
        self.no_turn();
        let now = self.clock().now();
        let mut left = if self.next_expiry.load(Ordering::Relaxed) == 0 {
            self.timers().kept()
        } else {
            Vec::new()
        };
        // So that who looks for stillness sees that something was done here.
        self.count_turn();
        // SAFETY: the owner's; whatever `expire` calls (a subscriber) is no process's code, so it
        // does not come back here.
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

    /// Delivers or drops messages of timers, which may call user code.
    #[cold]
    fn finish(&self, deliveries: Vec<Delivery>) {
        self.for_anybody(|| {
            for delivery in deliveries {
                match delivery {
                    Delivery::To(pid, message) => _ = deliver_signal(pid, message),
                    Delivery::Named(named) => exit::drop_quietly(named),
                    // The waker is anybody's code, and so is what goes with the alarm.
                    Delivery::Alarm(alarm) => {
                        let _ = exit::quietly(|| alarm.ring().map(Waker::wake));
                        exit::drop_quietly(alarm);
                    }
                }
            }
        });
    }

    /// Calls what calls anybody's code, between two turns, in nobody's name. The watchdog takes it for a turn:
    /// if it blocks, others take over what is queued here. Not inside the seat, nor as a searcher.
    #[cold]
    fn for_anybody(&self, f: impl FnOnce()) {
        self.no_turn();
        self.count_turn();
        self.running.store(NOBODY, Ordering::Relaxed);
        f();
        self.running.store(ptr::null_mut(), Ordering::Relaxed);
    }

    #[inline]
    fn count_turn(&self) {
        let turns = self.turns.load(Ordering::Relaxed);
        self.turns.store(turns.wrapping_add(1), Ordering::Relaxed);
    }

    /// The worker is this thread, until [`retire`](Worker::retire).
    pub(crate) fn begin(&self, thread: &Thread) {
        thread.worker.set(self);
        self.cpu_clock.start();
        *self.reductions.lock() = Some(NonNull::from(&thread.reductions));
    }

    /// Has the turn that runs end at the next switch point; called by the watchdog.
    pub(crate) fn end_turn(&self) {
        if let Some(reductions) = *self.reductions.lock() {
            // SAFETY: the thread's record lives, since it has not retired, and cannot while the lock is held.
            unsafe { reductions.as_ref() }.end();
        }
    }

    /// Begins the turn of a process.
    #[inline]
    pub(crate) fn begin_turn(&self, thread: &Thread, slot: &'static Slot) {
        self.count_turn();
        self.running
            .store(ptr::from_ref(slot).cast_mut(), Ordering::Relaxed);
        thread.process.set(slot);
        thread.reductions.set(TURN);
        thread.turn.set(TURN);
    }

    /// Nobody runs here for the moment. Between two turns that follow each other the last
    /// process's name may stay, though it may run elsewhere by then: so whatever calls anybody's code
    /// there (a subscriber, a waker) calls this first, or does the same (`span::end`).
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
        *self.reductions.lock() = None;
        table::release_all(&self.free);
        // SAFETY: the owner's.
        unsafe { (*self.stacks.get()).flush() };
    }
}
