//! Timers that send a message: what programs call.
//!
//! Set, cancelled and read by anybody. A timer belongs to the node of its destination and lies in
//! the wheel of one of its workers. Its [`TimerRef`] says in which, and where there, so no table is
//! searched. `setting` has the protocol.
//!
//! **Where messages are dropped.** Never under a lock. That of a cancelled timer by whoever cancels
//! it; one to the dead by the dying process, or by whoever sets it if it is dead already; one to a
//! name that nobody has, or that meets the end of its process, on the worker's thread between two
//! turns.

mod setting;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::message::{AnyMessage, Message};
use crate::process::behaviour::Until;
use crate::process::pid::Pid;
use crate::process::{current, exit};
use crate::registry::Name;
use crate::scheduler::worker::Worker;
use crate::timer::TimerId;

pub(crate) use setting::{cancel_all_to, may_be_to, set_alarm, take_alarm};
use setting::{read, set, take, time_left};

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
/// [`Instant`](std::time::Instant) (Erlang's `{abs, true}`; see [`now`](crate::now)). Never early. A time that has
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
    let (left, message) = take(timer, time_left)?;
    exit::drop_quietly(message);
    Some(left)
}

/// As [`cancel_timer`], and asks for no result: it costs less, for no clock is read.
///
/// Mirrors `erlang:cancel_timer(TimerRef, [{info, false}])`.
pub fn drop_timer(timer: TimerRef) {
    if let Some(((), message)) = take(timer, |_, _| ()) {
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
#[track_caller]
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
    read(timer)
}

/// As [`read_timer`], with the result as a message: [`ReadTimer`].
///
/// Mirrors `erlang:read_timer(TimerRef, [{async, true}])`.
///
/// # Panics
///
/// Outside a process.
#[track_caller]
pub fn read_timer_async(timer: TimerRef) {
    let me = current("read_timer_async").pid();
    let left = read_timer(timer);
    crate::send(me, ReadTimer { timer, left });
}
