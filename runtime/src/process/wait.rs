//! How a process waits: deadlines, and what woke it.
//!
//! Called by receives, `sleep` and behaviours, for the running process.
//!
//! A wait with a deadline needs an entry in a worker's timer wheel that is due no later than the
//! deadline. One that was armed for an earlier wait serves: when it falls due, [`fire`] looks at
//! the deadline of the day and arms it anew. So a time-out that does not fire costs two loads and
//! a comparison, and a process has one entry at most.
//!
//! A `receive .. after` that finds such an entry takes the coarse time for its start, unless it is for days. That may
//! be late, so the deadline may be early: when it seems to have passed, [`fire`] asks the clock by how much at most,
//! and adds it. A time-out never comes early.
//!
//! An entry that falls due while its process does not wait leaves the wheel; `flag::TIMER` and a
//! wake-up tell the process before it waits again.

use std::time::{Duration, Instant};

use super::behaviour::{Cause, Until};
use super::exit;
use super::slot::{NO_ENTRY, Slot, bit, flag};
use crate::context::Suspend;
use crate::mailbox::inbox::Woke;
use crate::mailbox::queue;
use crate::scheduler;
use crate::scheduler::timers::Timer;
use crate::scheduler::worker::Worker;
use crate::timer::{self, Clock};

/// The unit of `Slot::armed`: about a millisecond.
const ARMED_SHIFT: u32 = 20;
/// The unit of `Slot::since`: the clock publishes multiples of it.
const SINCE_SHIFT: u32 = timer::GRAIN_SHIFT;
/// An entry is never armed for later than this, so that `armed` can be compared: about 12 days.
const FARTHEST: u64 = 1 << (ARMED_SHIFT + 30);
/// From this time on a wait begins at the precise time: `Slot::since` would wrap before it is over.
const LONG: Duration = Duration::from_nanos(1 << (SINCE_SHIFT + 31));

/// Prepares the wait of a receive for `time` from its first look on. False: the time is over.
#[inline]
pub(crate) fn after(slot: &'static Slot, time: Duration) -> bool {
    let worker = scheduler::worker();
    if !slot.has(bit::DEADLINE) {
        let clock = worker.clock();
        if slot.entry.get() == NO_ENTRY || time >= LONG {
            // The precise time costs nothing beside making an entry, or so long a wait.
            slot.deadline.set(timer::deadline(clock.now(), time));
            slot.set(bit::DEADLINE);
        } else {
            let since = clock.coarse();
            slot.since.set((since >> SINCE_SHIFT) as u32);
            slot.deadline.set(timer::deadline(since, time));
            slot.set(bit::DEADLINE | bit::COARSE);
        }
    } else if slot.has(bit::TIMEOUT) {
        return false;
    }
    ensure(slot, worker);
    true
}

/// As [`after`], with a deadline.
pub(crate) fn until(slot: &'static Slot, instant: Instant) -> bool {
    let worker = scheduler::worker();
    let clock = worker.clock();
    if !slot.has(bit::DEADLINE) {
        slot.deadline.set(clock.time_of(instant));
        slot.set(bit::DEADLINE);
    }
    if slot.has(bit::TIMEOUT) || slot.deadline.get() <= clock.now() {
        return false;
    }
    ensure(slot, worker);
    true
}

/// Ends a wait with a deadline. The wheel's entry stays, for the next.
#[inline]
pub(crate) fn end(slot: &Slot) {
    slot.clear(bit::DEADLINE | bit::COARSE | bit::TIMEOUT);
}

/// Sees to it that an entry is due no later than the deadline, but for less than a unit of `armed`.
/// On virtual time, which jumps from entry to entry, it is due then: those that wait for one moment are
/// woken in the order in which they began.
#[inline]
pub(crate) fn ensure(slot: &'static Slot, worker: &Worker) {
    if slot.inbox.flags() & flag::TIMER != 0 {
        entry_is_gone(slot);
    }
    if slot.entry.get() != NO_ENTRY {
        let due = (slot.deadline.get() >> ARMED_SHIFT) as u32;
        if (slot.armed.get().wrapping_sub(due) as i32) <= 0 && !worker.clock().is_paused() {
            return;
        }
    }
    arm(slot, worker);
}

#[cold]
fn entry_is_gone(slot: &Slot) {
    slot.inbox.clear(flag::TIMER);
    slot.entry.set(NO_ENTRY);
}

/// Puts an entry for the deadline into the worker's wheel.
#[cold]
#[inline(never)]
fn arm(slot: &'static Slot, worker: &Worker) {
    if slot.deadline.get() == u64::MAX {
        // It never comes.
        return;
    }
    let worker = worker.timekeeper();
    let now = worker.clock().now();
    let due = slot.deadline.get().min(now.saturating_add(FARTHEST));
    let timer = Timer::wait_of(slot);
    if slot.entry.get() != NO_ENTRY && u16::from(slot.wheel.get()) != worker.id() {
        disarm(slot);
    }
    let mut timers = worker.timers();
    let wheel = timers.wheel();
    let own = match slot.entry.get() {
        NO_ENTRY => None,
        index => wheel.find(index, |owner| owner.is_same_wait(&timer)),
    };
    match own {
        // It keeps its place among those of one time.
        Some(id) if wheel.deadline(id) == Some(due) => {}
        Some(id) => {
            wheel.set_deadline(id, due);
        }
        None => {
            slot.entry.set(wheel.insert(due, timer).index());
            // There are 256 workers at most.
            slot.wheel.set(worker.id() as u8);
        }
    }
    worker.expires(due);
    drop(timers);
    slot.armed.set((due >> ARMED_SHIFT) as u32);
}

/// The coarse time at which the wait began.
fn coarse_since(slot: &Slot, now: u64) -> u64 {
    let units = now >> SINCE_SHIFT;
    let back = (units as u32).wrapping_sub(slot.since.get());
    units.saturating_sub(u64::from(back)) << SINCE_SHIFT
}

/// Takes the process's entry out of its wheel.
pub(crate) fn disarm(slot: &'static Slot) {
    let index = slot.entry.replace(NO_ENTRY);
    if index == NO_ENTRY {
        return;
    }
    let timer = Timer::wait_of(slot);
    if let Some(worker) = scheduler::worker().node().worker(slot.wheel.get().into()) {
        let mut timers = worker.timers();
        timers
            .wheel()
            .remove_if(index, |owner| owner.is_same_wait(&timer));
    }
}

/// A process's entry was due and has left the wheel of `worker`, whose thread (or one that
/// stands in for it) calls this.
pub(crate) fn fire(slot: &'static Slot, generation: u32, worker: &Worker) {
    if slot.inbox.wake_with(flag::TIMER, generation) != Woke::Claimed {
        return;
    }
    // The process waits no more: it is ours.
    if slot.inbox.generation() == generation {
        entry_is_gone(slot);
        if slot.has(bit::DEADLINE) {
            if is_due(slot, worker.clock()) {
                slot.set(bit::TIMEOUT);
                return scheduler::ready(slot);
            }
            arm(slot, worker);
        }
    }
    scheduler::release(slot);
}

fn is_due(slot: &Slot, clock: &Clock) -> bool {
    let now = clock.now();
    if slot.deadline.get() > now {
        return false;
    }
    make_precise(slot, clock, now);
    slot.deadline.get() <= now
}

/// Adds to a deadline what the coarse time at which the wait began may have been late.
fn make_precise(slot: &Slot, clock: &Clock, now: u64) {
    // A paused clock's coarse time is exact, and no multiple of the grain.
    if slot.has(bit::COARSE) && !clock.is_paused() {
        let since = coarse_since(slot, now);
        let late = clock.start_bound(since).saturating_sub(since);
        slot.deadline.set(slot.deadline.get().saturating_add(late));
        slot.clear(bit::COARSE);
    }
}

/// What woke a behaviour, apart from mail. Ends the wait.
#[inline]
pub(crate) fn cause(slot: &Slot) -> Cause {
    let timeout = slot.has(bit::TIMEOUT);
    let future = take_woken(slot);
    let left = (future && !timeout && slot.has(bit::DEADLINE)).then(|| left(slot));
    end(slot);
    Cause {
        start: false,
        timeout,
        future,
        left,
    }
}

/// How long it is until the deadline of the wait.
#[cold]
fn left(slot: &Slot) -> Duration {
    let clock = scheduler::worker().clock();
    let now = clock.now();
    make_precise(slot, clock, now);
    Duration::from_nanos(slot.deadline.get().saturating_sub(now))
}

/// Whether a waker was called since the process last looked; forgets it.
#[inline]
pub(crate) fn take_woken(slot: &Slot) -> bool {
    let owed = slot.has(bit::OWED);
    slot.clear(bit::OWED);
    let woken = slot.inbox.flags() & flag::WOKEN != 0;
    woken && slot.inbox.clear(flag::WOKEN) & flag::WOKEN != 0 || owed
}

#[inline]
pub(crate) fn is_woken(slot: &Slot) -> bool {
    slot.has(bit::OWED) || slot.inbox.flags() & flag::WOKEN != 0
}

/// Prepares the wait of a behaviour. False: the time is over already, and noted.
#[inline]
pub(crate) fn begin(slot: &'static Slot, until_when: Until) -> bool {
    end(slot);
    let waits = match until_when {
        Until::Forever => true,
        Until::After(Duration::ZERO) => false,
        Until::After(time) => after(slot, time),
        Until::At(instant) => until(slot, instant),
    };
    if !waits {
        slot.set(bit::TIMEOUT);
    }
    waits
}

/// In place of [`begin`], for a behaviour that has something else to do: notes it if the time is
/// over as well, and prepares nothing.
#[inline]
pub(crate) fn forgo(slot: &Slot, until_when: Until) {
    end(slot);
    let over = match until_when {
        Until::Forever => false,
        Until::After(time) => time.is_zero(),
        Until::At(instant) => {
            let clock = scheduler::worker().clock();
            clock.time_of(instant) <= clock.now()
        }
    };
    if over {
        slot.set(bit::TIMEOUT);
    }
}

/// Waits on the calling process's own stack until there is `mail`, a wake-up, or the time has
/// come. A switch point even if it need not wait.
pub(crate) fn on_stack(
    slot: &'static Slot,
    until_when: Until,
    mail: impl Fn(&Slot) -> bool,
) -> Cause {
    let mut begun = false;
    loop {
        queue::drain(slot);
        exit::check(slot);
        exit::drop_stale(slot);
        if mail(slot) || is_woken(slot) {
            if !begun {
                forgo(slot, until_when);
            }
            break;
        }
        if !begun {
            begun = true;
            if !begin(slot, until_when) {
                break;
            }
        } else if slot.has(bit::TIMEOUT) {
            break;
        } else if slot.has(bit::DEADLINE) {
            ensure(slot, scheduler::worker());
        }
        scheduler::suspend(Suspend::Wait);
    }
    scheduler::tick();
    cause(slot)
}

/// Gives back what memory a process that hibernates can do without.
pub(crate) fn shed(slot: &Slot) {
    let extra = slot.extra.get();
    if extra.is_null() {
        return;
    }
    // SAFETY: the running process is its own holder.
    unsafe {
        let extra = &mut *extra;
        extra.ring.shrink(&mut extra.save.ordinary);
        extra.locals.shrink_to_fit();
        if let Some(rare) = &mut extra.rare {
            rare.stale.shrink_to_fit();
            if let Some(urgent) = &mut rare.urgent {
                urgent.shrink(&mut extra.save.urgent);
            }
        }
    }
}

/// Lets `time` pass; messages that come meanwhile wait in the mailbox. A switch point.
///
/// Never ends early; zero does not wait. On a thread that is no process it is [`std::thread::sleep`].
///
/// Mirrors `timer:sleep/1`.
///
/// # Panics
///
/// Inside a guard.
#[cfg_attr(debug_assertions, track_caller)]
pub fn sleep(time: Duration) {
    let Some(slot) = super::try_current() else {
        return std::thread::sleep(time);
    };
    if time.is_zero() {
        return scheduler::yield_now();
    }
    assert!(!slot.has(bit::GUARD), "a sleep inside a guard");
    exit::check(slot);
    pause(slot, time, |_| false);
}

/// Lets `time` pass, or less if something comes by which the wait is `over`.
#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn pause(slot: &'static Slot, time: Duration, over: impl Fn(&Slot) -> bool) {
    let now = scheduler::worker().clock().now();
    let _ = block(slot, Some(timer::deadline(now, time)), over);
}

/// Waits until something has come by which the wait is `over`; that is asked after each wake-up.
/// False: `until` has come first.
#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn until_it(
    slot: &'static Slot,
    until: Option<Instant>,
    over: impl Fn(&Slot) -> bool,
) -> bool {
    let until = until.map(|until| scheduler::worker().clock().time_of(until));
    block(slot, until, over)
}

#[cfg_attr(debug_assertions, track_caller)]
fn block(slot: &'static Slot, until: Option<u64>, over: impl Fn(&Slot) -> bool) -> bool {
    end(slot);
    if let Some(until) = until {
        slot.deadline.set(until);
        slot.set(bit::DEADLINE);
    }
    let is_over = loop {
        if until.is_some() {
            ensure(slot, scheduler::worker());
        }
        scheduler::suspend(Suspend::Wait);
        queue::drain(slot);
        exit::check(slot);
        exit::drop_stale(slot);
        if over(slot) {
            break true;
        }
        if slot.has(bit::TIMEOUT) {
            break false;
        }
    };
    end(slot);
    is_over
}
