//! Timers that send a message.
//!
//! Set, cancelled and read by anybody. A timer belongs to the node of its destination and lies in
//! the wheel of one of its workers: the caller's, or the timekeeper's if the caller is none of that
//! node. Its [`TimerRef`] says in which, and where there, so no table is searched.
//!
//! **A timer ends with its destination.** Whoever sets one for a process puts it into the wheel,
//! then sets `flag::TIMED` in the slot, then looks whether the inbox is closed. A process that ends
//! closes its inbox, then looks at the flag, and if it is set takes its timers out of every wheel.
//! All four are sequentially consistent, so one of the two sees the other. Who finds the flag set
//! already sets nothing: it is either in the wheel before the dying process takes its lock, or has
//! taken the lock after that and finds the inbox closed.
//!
//! **Where messages are dropped.** Never under a lock. That of a cancelled timer by whoever cancels
//! it; one to the dead by the dying process, or by whoever sets it if it is dead already; one to a
//! name that nobody has, or that meets the end of its process, on the worker's thread between two
//! turns.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::context::Suspend;
use crate::message::{AnyMessage, Message};
use crate::node;
use crate::process::behaviour::Until;
use crate::process::pid::Pid;
use crate::process::slot::{Slot, flag};
use crate::process::{current, exit, table};
use crate::registry::Name;
use crate::scheduler;
use crate::scheduler::timers::{Named, Timers};
use crate::scheduler::worker::Worker;
use crate::signal::has_effect;
use crate::thread::{self, Thread};
use crate::timer::{self, Clock, TimerId};

/// Messages that a dying process takes out of a wheel at a time.
const PORTION: usize = 256;

/// In place of a node's number: the timer was never in a wheel.
const NOWHERE: u16 = u16::MAX;

/// Names one timer, made by [`send_after`] or [`start_timer`]; equal to no other that was or will
/// be made while the program runs.
///
/// Mirrors the references that Erlang's timers are named by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerRef {
    node: u16,
    worker: u16,
    serial: u32,
    id: TimerId,
}

impl TimerRef {
    /// A new one, whose timer has fired already.
    fn spent() -> TimerRef {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        TimerRef {
            node: NOWHERE,
            worker: 0,
            serial: 0,
            id: TimerId::numbered(COUNT.fetch_add(1, Ordering::Relaxed)),
        }
    }

    fn new(worker: &Worker, id: TimerId) -> TimerRef {
        TimerRef {
            node: worker.node_id(),
            worker: worker.id(),
            serial: worker.node().serial(),
            id,
        }
    }
}

impl fmt::Debug for TimerRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (index, generation) = (self.id.index(), self.id.generation());
        write!(
            f,
            "#Timer<{}.{}.{index}.{generation}>",
            self.serial, self.worker
        )
    }
}

impl fmt::Display for TimerRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What a timer of [`start_timer`] sends: Erlang's `{timeout, TimerRef, Msg}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeout<T> {
    /// The timer.
    pub timer: TimerRef,
    /// What it was started with.
    pub message: T,
}

/// Whom a timer sends to: made of a [`Pid`], or of a name, which is looked up when the timer is
/// due.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimerDestination {
    /// A process. The timer ends with it.
    Pid(Pid),
    /// Whoever has the name then; if nobody has, the message is dropped.
    Name(Name),
}

impl From<Pid> for TimerDestination {
    #[inline]
    fn from(pid: Pid) -> TimerDestination {
        TimerDestination::Pid(pid)
    }
}

impl From<Name> for TimerDestination {
    fn from(name: Name) -> TimerDestination {
        TimerDestination::Name(name)
    }
}

impl From<&Name> for TimerDestination {
    fn from(name: &Name) -> TimerDestination {
        TimerDestination::Name(name.clone())
    }
}

impl From<&str> for TimerDestination {
    fn from(name: &str) -> TimerDestination {
        TimerDestination::Name(name.into())
    }
}

/// The answer to [`cancel_timer_async`]: Erlang's `{cancel_timer, TimerRef, Result}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CancelTimer {
    /// The timer.
    pub timer: TimerRef,
    /// As [`cancel_timer`] returns it.
    pub left: Option<Duration>,
}

/// The answer to [`read_timer_async`]: Erlang's `{read_timer, TimerRef, Result}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadTimer {
    /// The timer.
    pub timer: TimerRef,
    /// As [`read_timer`] returns it.
    pub left: Option<Duration>,
}

/// Sends `message` to a process or a name at a later time: after a [`Duration`], or at an
/// [`Instant`] (Erlang's `{abs, true}`; see [`now`](crate::now)). Never early. A time that has
/// come already is now: then it is sent before the function returns.
///
/// The timer ends when the process that it shall send to ends, not when the one that has set it
/// does. A name is looked up when the time has come: if nobody has it then, the message is
/// dropped.
///
/// Timers go by the clock of the destination's node, a name's by that of the caller, or the
/// default node's. They count real time, which no change of the system's date moves, but for
/// virtual time in tests. A timer that is due beyond 584 years is never due. They can be set,
/// read and cancelled on any thread.
///
/// What a timer sends comes in no order with what the process that set it has sent itself.
///
/// Mirrors `erlang:send_after/3`.
///
/// ```
/// use runtime::prelude::*;
/// use std::time::Duration;
///
/// #[derive(Debug)]
/// struct Tick;
///
/// # runtime::run(|| {
/// send_after(Duration::from_millis(5), self_pid(), Tick);
/// receive! { Tick => {} }
/// # });
/// ```
pub fn send_after(
    time: impl Into<Until>,
    to: impl Into<TimerDestination>,
    message: impl Message,
) -> TimerRef {
    set(time.into(), to.into(), AnyMessage::new(message), |_, _| {})
}

/// As [`send_after`], but what is sent is a [`Timeout`], which names the timer: so a message from a
/// timer that was cancelled too late can be told from that of the next.
///
/// Mirrors `erlang:start_timer/3`.
///
/// ```
/// use runtime::prelude::*;
/// use std::time::Duration;
///
/// #[derive(Debug)]
/// struct Tick;
///
/// # runtime::run(|| {
/// let started = start_timer(Duration::from_millis(5), self_pid(), Tick);
/// receive! { Timeout { timer, message: Tick } if timer == started => {} }
/// # });
/// ```
pub fn start_timer<T: Message>(
    time: impl Into<Until>,
    to: impl Into<TimerDestination>,
    message: T,
) -> TimerRef {
    let timer = TimerRef {
        node: NOWHERE,
        worker: 0,
        serial: 0,
        id: TimerId::numbered(0),
    };
    let message = AnyMessage::new(Timeout { timer, message });
    set(time.into(), to.into(), message, |message, timer| {
        if let Some(timeout) = message.payload_mut::<Timeout<T>>() {
            timeout.timer = timer;
        }
    })
}

/// Cancels a timer, whoever has set it, and says how long it had to go. `None`: it has fired, was
/// cancelled, or ended with its destination.
///
/// If it has fired, its message may still be on its way. The message of a cancelled timer is
/// dropped here.
///
/// Mirrors `erlang:cancel_timer/1`.
///
/// ```
/// use runtime::prelude::*;
/// use std::time::Duration;
///
/// # runtime::run(|| {
/// let timer = send_after(Duration::from_secs(60), self_pid(), "never");
/// assert!(cancel_timer(timer).is_some());
/// assert_eq!(cancel_timer(timer), None);
/// # });
/// ```
pub fn cancel_timer(timer: TimerRef) -> Option<Duration> {
    let (due, message) = take(timer)?;
    exit::drop_quietly(message);
    at(timer, |worker| Some(time_left(due, worker.clock())))
}

/// As [`cancel_timer`], and asks for no result: it costs less, for no clock is read.
///
/// Mirrors `erlang:cancel_timer(TimerRef, [{info, false}])`.
pub fn drop_timer(timer: TimerRef) {
    if let Some((_, message)) = take(timer) {
        exit::drop_quietly(message);
    }
}

/// As [`cancel_timer`], with the result as a message: [`CancelTimer`].
///
/// Mirrors `erlang:cancel_timer(TimerRef, [{async, true}])`. The timer is cancelled when the
/// function returns, which Erlang does not promise.
///
/// # Panics
///
/// Outside a process.
pub fn cancel_timer_async(timer: TimerRef) {
    let me = current("cancel_timer_async").pid();
    let left = cancel_timer(timer);
    crate::send(me, CancelTimer { timer, left });
}

/// How long a timer, whoever has set it, has to go. `None`: it has fired, was cancelled, or ended
/// with its destination.
///
/// Mirrors `erlang:read_timer/1`.
pub fn read_timer(timer: TimerRef) -> Option<Duration> {
    at(timer, |worker| {
        let due = worker.timers().deadline(timer.id)?;
        Some(time_left(due, worker.clock()))
    })
}

/// As [`read_timer`], with the result as a message: [`ReadTimer`].
///
/// Mirrors `erlang:read_timer(TimerRef, [{async, true}])`.
///
/// # Panics
///
/// Outside a process.
pub fn read_timer_async(timer: TimerRef) {
    let me = current("read_timer_async").pid();
    let left = read_timer(timer);
    crate::send(me, ReadTimer { timer, left });
}

/// Tells a message of [`start_timer`] its timer.
type Stamp = fn(&mut AnyMessage, TimerRef);

fn set(until: Until, to: TimerDestination, message: AnyMessage, stamp: Stamp) -> TimerRef {
    let thread = thread::this();
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

/// Takes a timer out of its wheel: when it was due, and its message.
fn take(timer: TimerRef) -> Option<(u64, AnyMessage)> {
    if let Some(slot) = crate::process::try_current()
        && !has_effect(slot)
    {
        return None;
    }
    at(timer, |worker| worker.timers().take(timer.id))
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

fn time_left(due: u64, clock: &Clock) -> Duration {
    Duration::from_nanos(due.saturating_sub(clock.now()))
}

/// The process ends, its inbox is closed: timers that were to send to it are cancelled, and their
/// messages dropped.
pub(crate) fn cancel_all_to(slot: &Slot) {
    if slot.inbox.flags_at_end() & flag::TIMED == 0 {
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
