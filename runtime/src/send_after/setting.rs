//! How timers that send are set, taken back, and ended with their destination.
//!
//! Called by the functions beside this, and at the end of a process.
//!
//! A timer lies in the wheel of the caller's worker; if that is none of the destination's node, in
//! that of the node's timekeeper, which is poked if it may sleep too long.
//!
//! **A timer ends with its destination.** Whoever sets one for a process puts it into the wheel,
//! then sets `flag::TIMED` in the slot, then looks whether the inbox is closed. A process that ends
//! closes its inbox, then looks at the flag, and if it is set takes its timers out of every wheel.
//! All four are sequentially consistent, so one of the two sees the other. Who finds the flag set
//! already sets nothing: it is either in the wheel before the dying process takes its lock, or has
//! taken the lock after that and finds the inbox closed.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{TimerDestination, TimerRef};
use crate::context::Suspend;
use crate::message::AnyMessage;
use crate::node;
use crate::process::behaviour::Until;
use crate::process::pid::Pid;
use crate::process::slot::{Slot, flag};
use crate::process::{exit, table};
use crate::registry::Name;
use crate::scheduler;
use crate::scheduler::timers::{Named, Timers};
use crate::scheduler::worker::Worker;
use crate::signal::has_effect;
use crate::thread::{self, Thread};
use crate::timer::{self, Alarm, Clock, TimerId};

/// Messages that a dying process takes out of a wheel at a time.
const PORTION: usize = 256;

/// Tells a message of [`start_timer`](super::start_timer) its timer.
type Stamp = fn(&mut AnyMessage, TimerRef);

/// Sets a timer, or sends the message at once if it is due.
pub(super) fn set(
    until: Until,
    to: TimerDestination,
    message: AnyMessage,
    stamp: Stamp,
) -> TimerRef {
    let thread = thread::this();
    // As a send, which it is later.
    thread.spend(1);
    let set = if let Some(slot) = thread.process()
        && !has_effect(slot)
    {
        Err(message)
    } else {
        match &to {
            TimerDestination::Pid(pid) => set_for(thread, until, *pid, message, stamp),
            TimerDestination::Name(name) => set_for_name(thread, until, name, message, stamp),
        }
    };
    let mut message = match set {
        Ok(timer) => return timer,
        Err(message) => message,
    };
    // It is due, or nobody is there.
    let timer = TimerRef::spent();
    stamp(&mut message, timer);
    match to {
        TimerDestination::Pid(pid) => scheduler::deliver_on(thread, pid, message),
        TimerDestination::Name(name) => match crate::send(&name, message) {
            Ok(()) => {}
            Err(error) => exit::drop_quietly(error),
        },
    }
    timer
}

/// Sets a timer that rings, with the caller's worker; outside a process, with the default node. None:
/// it is due, or there is no node.
pub(crate) fn set_alarm(deadline: Instant, alarm: Arc<Alarm>) -> Option<TimerRef> {
    let set = |worker: &Worker| {
        let clock = worker.clock();
        let due = clock.time_of(deadline);
        if due <= clock.now() {
            return None;
        }
        let mut timers = worker.timers();
        let id = timers.set_alarm(due, alarm);
        Some((TimerRef::new(worker, id), worker.expires(due)))
    };
    match thread::this().worker() {
        Some(worker) => set(worker.timekeeper()).map(|(timer, _)| timer),
        None => {
            let keeper = node::default_node().ok()?.instance().timekeeper();
            let (timer, is_next) = set(keeper)?;
            if is_next {
                keeper.node().idle.poke(keeper.id().into());
            }
            Some(timer)
        }
    }
}

/// Takes a timer that rings out of its wheel, if it has not rung.
pub(crate) fn take_alarm(timer: TimerRef) {
    let taken = at(timer, |worker| worker.timers().take_alarm(timer.id));
    // Its waker's destructor is anybody's code.
    drop(taken);
}

/// Gives the message back if it is to be sent at once: that drops it if the process is dead.
fn set_for(
    thread: &Thread,
    until: Until,
    pid: Pid,
    message: AnyMessage,
    stamp: Stamp,
) -> Result<TimerRef, AnyMessage> {
    if until == Until::After(Duration::ZERO) || !table::is_live(pid) {
        return Err(message);
    }
    let node = table::slot_of(pid).node.load(Ordering::Relaxed);
    let keep = |timers: &mut Timers, due, message| {
        let id = timers.set(due, pid, message);
        if mark(pid) {
            return Ok(id);
        }
        match timers.take(id) {
            Some((_, message)) => Err(message),
            None => unreachable!("it was set under the same lock"),
        }
    };
    match thread.worker() {
        Some(worker) if worker.node_id() == node => {
            schedule(worker.timekeeper(), until, message, stamp, keep).map(|(timer, _)| timer)
        }
        _ => {
            let mut message = Some(message);
            let set = node::visit(node, |node| {
                let message = message.take()?;
                Some(schedule_from_outside(
                    node.timekeeper(),
                    until,
                    message,
                    stamp,
                    keep,
                ))
            });
            match (set.flatten(), message) {
                (Some(set), _) => set,
                (None, Some(message)) => Err(message),
                (None, None) => unreachable!("a message is set or comes back"),
            }
        }
    }
}

fn set_for_name(
    thread: &Thread,
    until: Until,
    name: &Name,
    message: AnyMessage,
    stamp: Stamp,
) -> Result<TimerRef, AnyMessage> {
    if until == Until::After(Duration::ZERO) {
        return Err(message);
    }
    let keep = |timers: &mut Timers, due, message| {
        let name = name.clone();
        Ok(timers.set_named(due, Box::new(Named { name, message })))
    };
    match thread.worker() {
        Some(worker) => {
            schedule(worker.timekeeper(), until, message, stamp, keep).map(|(timer, _)| timer)
        }
        None => match node::default_node() {
            Ok(node) => {
                let keeper = node.instance().timekeeper();
                schedule_from_outside(keeper, until, message, stamp, keep)
            }
            Err(_) => Err(message),
        },
    }
}

/// Sets a timer with a worker, by `keep`, unless it is due already. Says whether it is the
/// worker's next.
#[inline(always)]
fn schedule(
    worker: &Worker,
    until: Until,
    mut message: AnyMessage,
    stamp: Stamp,
    keep: impl FnOnce(&mut Timers, u64, AnyMessage) -> Result<TimerId, AnyMessage>,
) -> Result<(TimerRef, bool), AnyMessage> {
    let clock = worker.clock();
    let now = clock.now();
    let due = match until {
        Until::Forever => u64::MAX,
        Until::After(time) => timer::deadline(now, time),
        Until::At(instant) => clock.time_of(instant),
    };
    if due <= now {
        return Err(message);
    }
    let mut timers = worker.timers();
    let timer = TimerRef::new(worker, timers.next_id());
    stamp(&mut message, timer);
    keep(&mut timers, due, message)?;
    Ok((timer, worker.expires(due)))
}

/// As [`schedule`], from a thread that is not a worker of the node.
#[cold]
fn schedule_from_outside(
    worker: &Worker,
    until: Until,
    message: AnyMessage,
    stamp: Stamp,
    keep: impl FnOnce(&mut Timers, u64, AnyMessage) -> Result<TimerId, AnyMessage>,
) -> Result<TimerRef, AnyMessage> {
    let (timer, is_next) = schedule(worker, until, message, stamp, keep)?;
    if is_next {
        worker.node().idle.poke(worker.id().into());
    }
    Ok(timer)
}

/// There is a timer for the process; see the module's head. False: it has ended.
fn mark(pid: Pid) -> bool {
    let inbox = &table::slot_of(pid).inbox;
    let is_marked = inbox
        .flags_of(pid.generation())
        .is_some_and(|flags| flags & flag::TIMED != 0);
    (is_marked || inbox.set(flag::TIMED, pid.generation()).is_some()) && table::is_live(pid)
}

/// Takes a timer out of its wheel: its message, and what `f` makes of when it was due.
#[inline(always)]
pub(super) fn take<R>(
    timer: TimerRef,
    f: impl FnOnce(u64, &Clock) -> R,
) -> Option<(R, AnyMessage)> {
    if let Some(slot) = crate::process::try_current()
        && !has_effect(slot)
    {
        return None;
    }
    at(timer, |worker| {
        let taken = worker.timers().take(timer.id);
        taken.map(|(due, message)| (f(due, worker.clock()), message))
    })
}

/// How long a timer has to go.
pub(super) fn read(timer: TimerRef) -> Option<Duration> {
    at(timer, |worker| {
        let due = worker.timers().deadline(timer.id)?;
        Some(time_left(due, worker.clock()))
    })
}

/// Calls `f`, which runs no user code, with the worker that a timer was set with, if its node is
/// still there.
fn at<R>(timer: TimerRef, f: impl FnOnce(&Worker) -> Option<R>) -> Option<R> {
    match thread::this().worker() {
        Some(worker)
            if worker.node_id() == timer.node && worker.node().serial() == timer.serial =>
        {
            f(worker.node().worker(timer.worker)?)
        }
        _ => node::visit(timer.node, |node| {
            if node.serial() != timer.serial {
                return None;
            }
            f(node.worker(timer.worker)?)
        })
        .flatten(),
    }
}

pub(super) fn time_left(due: u64, clock: &Clock) -> Duration {
    Duration::from_nanos(due.saturating_sub(clock.now()))
}

/// Whether there may be a timer that is to send to the running process, which has closed its inbox.
#[inline]
pub(crate) fn may_be_to(slot: &Slot) -> bool {
    slot.inbox.flags_at_end() & flag::TIMED != 0
}

/// The process ends, its inbox is closed: timers that were to send to it are cancelled, and their
/// messages dropped.
pub(crate) fn cancel_all_to(slot: &Slot) {
    if !may_be_to(slot) {
        return;
    }
    // One more: a worker that has just been started may not be counted yet.
    for id in 0..=scheduler::worker().node().started() {
        loop {
            let mut messages = Vec::new();
            // Asked anew each time: after a switch it may be another.
            if let Some(worker) = scheduler::worker().node().worker(id as u16) {
                worker.timers().take_all_to(slot, PORTION, &mut messages);
            }
            if messages.is_empty() {
                break;
            }
            scheduler::spend(messages.len() as i32);
            messages.into_iter().for_each(exit::drop_quietly);
            if scheduler::spent() {
                scheduler::suspend(Suspend::Yield);
            }
        }
    }
}
