//! Selective receive: waits for a message that an arm takes.
//!
//! Called by the expansion of `receive!`; the function forms are here.
//!
//! Two halves. [`Receive::look`] does all that needs no switch and is one function for all sites:
//! it scans, and prepares the wait. It has short ways: [`wait_at_once`] and [`wait_at_once_for`] where there is
//! nothing to scan, and [`Receive::take_at_once`] where the first message is the one. [`receive`] is inlined into its caller
//! down to the switch: each frame that returned after a switch would cost a mispredicted return.

use std::ptr::{self, NonNull};
use std::time::Duration;

use super::arm::{Cursor, Picked};
use super::deadline::{Deadline, IntoDeadline};
use super::reference::Ref;
use super::scan::{Position, end, mark_of, only_unseen_follow, position_of, scan, take_oldest};
use super::{queue, urgent};
use crate::context::{self, Context, Suspend};
use crate::message::{AnyMessage, Message, answer_key, is_any, type_key};
use crate::process::slot::{Slot, bit};
use crate::process::{current, current_on, exit, wait};
use crate::signal::monitor::Down;
use crate::thread::{self, Thread};

/// Waits for a message that `scan` takes: it returns the arm's number, or 0. Only messages with
/// one of the `keys` are shown to it (all, if `None`).
#[inline(always)]
#[cfg_attr(debug_assertions, track_caller)]
pub fn receive(
    deadline: Deadline,
    keys: Option<&[u64]>,
    scan: &mut dyn FnMut(&mut Cursor) -> u32,
) -> Picked {
    receive_from(Position::default(), deadline, keys, scan).0
}

/// As [`receive`], from a position on. Also returns the position behind what was looked at.
#[inline(always)]
#[cfg_attr(debug_assertions, track_caller)]
fn receive_from(
    position: Position,
    deadline: Deadline,
    keys: Option<&[u64]>,
    scan: &mut dyn FnMut(&mut Cursor) -> u32,
) -> (Picked, Position) {
    let (mut context, unseen) = match deadline {
        Deadline::Never => wait_at_once(),
        Deadline::After(time) => wait_at_once_for(position, time),
        Deadline::At(_) => (ptr::null_mut(), false),
    };
    let mut why = Suspend::Wait;
    let mut receive = Receive {
        position,
        deadline,
        begun: !context.is_null(),
    };
    loop {
        if context.is_null() {
            let mut outcome = Outcome::CLOSER;
            if receive.begun || unseen {
                outcome = receive.take_at_once(keys, scan);
            }
            if outcome.tag == CLOSER {
                outcome = receive.look(keys, scan);
            }
            why = match outcome.tag {
                WAIT => Suspend::Wait,
                YIELD => Suspend::Yield,
                arm => {
                    let arm = arm as u32;
                    let message = NonNull::new(outcome.pointer.cast());
                    let picked = Picked {
                        // SAFETY: `Outcome::done` gave the envelope up.
                        message: message.map(|envelope| unsafe { AnyMessage::from_raw(envelope) }),
                        arm,
                    };
                    return (picked, receive.position);
                }
            };
            context = outcome.pointer.cast();
        }
        #[cfg(debug_assertions)]
        crate::soundness::look(context);
        // SAFETY: the context is the one that runs: nothing has switched since.
        unsafe { context::suspend(context, why) };
        context = ptr::null_mut();
    }
}

/// Begins a receive without a deadline. The running context, if the process shall simply wait:
/// nothing is there, and nothing else to consider. Null: there is more to look at, and whether it begins with
/// messages that were taken in and not looked at.
///
/// Most receives begin so. It calls nothing, so it saves no registers.
#[inline(never)]
fn wait_at_once() -> (*mut Context, bool) {
    let thread = thread::here();
    match thread.process() {
        Some(slot)
            if !slot.has(bit::GUARD | bit::FATAL | bit::DEADLINE)
                && queue::is_plainly_empty(slot) =>
        {
            thread.spend(1);
            (thread.context.get(), false)
        }
        Some(slot) => (ptr::null_mut(), queue::has_unseen(slot)),
        None => (ptr::null_mut(), false),
    }
}

/// As [`wait_at_once`], of a receive that waits for `time`.
#[inline(never)]
fn wait_at_once_for(position: Position, time: Duration) -> (*mut Context, bool) {
    let Some((thread, slot)) = thread::running() else {
        return (ptr::null_mut(), false);
    };
    let unseen = queue::has_unseen(slot);
    let more = unseen
        || !slot.inbox.is_empty()
        || slot.has(bit::GUARD | bit::FATAL | bit::DEADLINE)
        || !only_unseen_follow(slot, position)
        || exit::has_stale(slot)
        || time.is_zero()
        || thread.reductions.get() <= 1;
    if more {
        return (ptr::null_mut(), unseen);
    }
    thread.spend(1);
    let waits = wait::after(slot, time);
    debug_assert!(waits, "it has just begun");
    (thread.context.get(), false)
}

/// One receive under way: the save position, and how long it waits.
struct Receive {
    position: Position,
    deadline: Deadline,
    begun: bool,
}

/// What a look found, in two registers: the arm and its message (arm 0 and none after a
/// time-out), or that the process shall suspend, and its context.
#[derive(Clone, Copy)]
struct Outcome {
    pointer: *mut (),
    tag: i64,
}

/// Tags that no arm has.
const WAIT: i64 = -1;
const YIELD: i64 = -2;
/// The short way leads nowhere.
const CLOSER: i64 = -3;

impl Outcome {
    const CLOSER: Outcome = Outcome {
        pointer: ptr::null_mut(),
        tag: CLOSER,
    };

    #[inline]
    fn done(picked: Picked) -> Outcome {
        Outcome {
            pointer: picked.message.map_or(ptr::null_mut(), |message| {
                message.into_raw().as_ptr().cast()
            }),
            tag: picked.arm.into(),
        }
    }

    #[inline]
    fn suspend(thread: &Thread, why: i64) -> Outcome {
        Outcome {
            pointer: thread.context.get().cast(),
            tag: why,
        }
    }
}

impl Receive {
    /// The short way of [`look`](Receive::look), which most messages take: none was left before, and the oldest of
    /// the unseen is wanted. It keeps next to nothing over the call of the arms, so it saves few registers.
    #[inline(never)]
    fn take_at_once(
        &mut self,
        keys: Option<&[u64]>,
        arms: &mut dyn FnMut(&mut Cursor) -> u32,
    ) -> Outcome {
        let Some((thread, slot)) = thread::running() else {
            return Outcome::CLOSER;
        };
        if slot.has(bit::GUARD | bit::FATAL) || !only_unseen_follow(slot, self.position) {
            return Outcome::CLOSER;
        }
        if !self.begun {
            if slot.has(bit::DEADLINE) || !queue::has_unseen(slot) || thread.reductions.get() <= 1 {
                return Outcome::CLOSER;
            }
            self.begun = true;
            thread.spend(1);
        }
        match take_oldest(slot, keys, arms) {
            Some(picked) => {
                if slot.has(bit::DEADLINE) {
                    wait::end(slot);
                }
                Outcome::done(picked)
            }
            None => {
                self.position.ordinary = end(slot);
                Outcome::CLOSER
            }
        }
    }

    /// Does all that needs no switch.
    #[inline(never)]
    #[cfg_attr(debug_assertions, track_caller)]
    fn look(&mut self, keys: Option<&[u64]>, arms: &mut dyn FnMut(&mut Cursor) -> u32) -> Outcome {
        let thread = thread::here();
        let slot = current_on(thread, "receive");
        if !self.begun {
            self.begun = true;
            begin(slot);
            if thread.spend(1) <= 0 && !std::thread::panicking() {
                self.drop_stale(slot);
                return Outcome::suspend(thread, YIELD);
            }
        }
        if let Some(picked) = scan(slot, &mut self.position, keys, arms) {
            if slot.has(bit::DEADLINE) {
                wait::end(slot);
            }
            return Outcome::done(picked);
        }
        if slot.has(bit::FATAL) || exit::has_stale(slot) || self.deadline != Deadline::Never {
            return self.look_closer(thread, slot);
        }
        Outcome::suspend(thread, WAIT)
    }

    #[inline]
    fn drop_stale(&mut self, slot: &Slot) -> bool {
        let any = exit::has_stale(slot);
        if any {
            // Destructors run: positions may move, and messages come.
            exit::drop_stale(slot);
            self.position = Position::default();
        }
        any
    }

    /// There is no message, and more to consider than waiting for ever.
    #[inline(never)]
    fn look_closer(&mut self, thread: &Thread, slot: &'static Slot) -> Outcome {
        exit::check(slot);
        if self.drop_stale(slot) {
            return Outcome::suspend(thread, YIELD);
        }
        let waits = match self.deadline {
            Deadline::Never => true,
            Deadline::After(Duration::ZERO) => false,
            Deadline::After(after) => wait::after(slot, after),
            Deadline::At(instant) => wait::until(slot, instant),
        };
        if waits {
            return Outcome::suspend(thread, WAIT);
        }
        wait::end(slot);
        Outcome {
            pointer: ptr::null_mut(),
            tag: 0,
        }
    }
}

#[inline]
fn begin(slot: &Slot) {
    if slot.has(bit::GUARD | bit::FATAL | bit::DEADLINE) {
        begin_slow(slot);
    }
}

#[cold]
fn begin_slow(slot: &Slot) {
    assert!(
        !slot.has(bit::GUARD),
        "a receive inside a guard, or in the destructor of a message that is thrown away: \
         the mailbox is being worked on"
    );
    exit::check(slot);
    // Left by a receive that was unwound.
    wait::end(slot);
}

/// Waits for the next message, of whatever type.
///
/// # Panics
///
/// Outside a process, and inside a guard.
///
/// ```
/// use runtime::prelude::*;
///
/// # runtime::run(|| {
/// send(self_pid(), 7u32);
/// assert_eq!(receive_any().downcast::<u32>().unwrap(), 7);
/// # });
/// ```
#[inline]
#[cfg_attr(debug_assertions, track_caller)]
pub fn receive_any() -> AnyMessage {
    receive(Deadline::Never, None, &mut |_| 1).message()
}

/// Waits for the next message, of whatever type, until `deadline`: a [`Duration`], an
/// [`Instant`](std::time::Instant), or an `Option<Duration>`. `None` when the time has come.
///
/// # Panics
///
/// As [`receive_any`].
#[inline]
#[cfg_attr(debug_assertions, track_caller)]
pub fn receive_timeout(deadline: impl IntoDeadline) -> Option<AnyMessage> {
    receive(deadline.into_deadline(), None, &mut |_| 1).message
}

/// The keys of the messages that are a `T`; `None`: all are.
#[inline]
pub(crate) fn keys<T: Message>() -> Option<[u64; 1]> {
    (!is_any::<T>()).then(|| [type_key::<T>()])
}

/// Waits for the first message that is a `T`; others stay in the mailbox. Every message is an
/// [`AnyMessage`].
///
/// # Panics
///
/// As [`receive_any`].
///
/// ```
/// use runtime::prelude::*;
///
/// # runtime::run(|| {
/// send(self_pid(), "later");
/// send(self_pid(), 7u32);
/// let n: u32 = receive_type();
/// assert_eq!(n, 7);
/// # });
/// ```
#[inline]
#[cfg_attr(debug_assertions, track_caller)]
pub fn receive_type<T: Message>() -> T {
    let keys = keys::<T>();
    let picked = receive(
        Deadline::Never,
        keys.as_ref().map(|keys| &keys[..]),
        &mut |cursor| u32::from(cursor.message.as_ref().is_some_and(AnyMessage::is::<T>)),
    );
    match picked.message().downcast() {
        Ok(message) => message,
        Err(_) => unreachable!("the scan has tested the type"),
    }
}

/// Waits for the first message that `wanted` accepts, until `deadline`; others stay in the
/// mailbox. `None` when the time has come.
///
/// `wanted` must not receive: that panics.
///
/// # Panics
///
/// As [`receive_any`].
#[inline]
#[cfg_attr(debug_assertions, track_caller)]
pub fn receive_where(
    deadline: impl IntoDeadline,
    mut wanted: impl FnMut(&AnyMessage) -> bool,
) -> Option<AnyMessage> {
    receive(deadline.into_deadline(), None, &mut |cursor| {
        let message = cursor.message.as_ref();
        u32::from(message.is_some_and(|m| crate::process::guarded(|| wanted(m))))
    })
    .message
}

/// As [`receive_where`], for a message that cannot be older than `reference`: the search starts
/// where the mailbox ended when the reference was made, so it costs the same however long the
/// mailbox is. This is how a reply is waited for.
///
/// # Panics
///
/// As [`receive_any`].
///
/// ```
/// use runtime::prelude::*;
/// use runtime::{Ref, make_ref, receive_ref};
/// use std::time::Duration;
///
/// #[derive(Debug)]
/// struct Ask(Pid, Ref);
/// #[derive(Debug)]
/// struct Answer(Ref, u32);
///
/// # runtime::run(|| {
/// let server = spawn!(|| receive! { Ask(from, tag) => send(from, Answer(tag, 42)) });
/// let tag = make_ref();
/// send(server, Ask(self_pid(), tag));
/// let answer = receive_ref(tag, Duration::from_secs(5), |answer: &Answer| answer.0 == tag);
/// assert_eq!(answer.unwrap().1, 42);
/// # });
/// ```
#[inline]
#[cfg_attr(debug_assertions, track_caller)]
pub fn receive_ref<T: Message>(
    reference: Ref,
    deadline: impl IntoDeadline,
    mut wanted: impl FnMut(&T) -> bool,
) -> Option<T> {
    let slot = current("receive_ref");
    let position = if reference.creator() == slot.pid() {
        Position {
            urgent: urgent::position_of(slot, reference.number()),
            ordinary: position_of(slot, reference.marker()),
        }
    } else {
        Position::default()
    };
    let keys = keys::<T>();
    let (picked, _) = receive_from(
        position,
        deadline.into_deadline(),
        keys.as_ref().map(|keys| &keys[..]),
        &mut |cursor| {
            let message = cursor.message.as_ref().and_then(AnyMessage::downcast_ref);
            u32::from(message.is_some_and(|m| crate::process::guarded(|| wanted(m))))
        },
    );
    picked.message.and_then(|message| message.downcast().ok())
}

/// Waits for the answer to the calling process's request, or the end of its monitor; `wanted` calls no user code.
#[inline]
#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn receive_answer(
    tag: Ref,
    deadline: Deadline,
    wanted: impl Fn(&AnyMessage) -> bool,
) -> Option<AnyMessage> {
    let slot = current("receive");
    let position = if tag.creator() == slot.pid() {
        Position {
            urgent: urgent::position_of(slot, tag.number()),
            ordinary: position_of(slot, tag.marker()),
        }
    } else {
        Position::default()
    };
    let keys = [answer_key(tag.number()), type_key::<Down>()];
    let (picked, _) = receive_from(position, deadline, Some(&keys), &mut |cursor| {
        u32::from(cursor.message.as_ref().is_some_and(&wanted))
    });
    picked.message
}

/// As [`receive_where`], for one of many messages that come after a marker, which is moved behind what was
/// looked at: each message is looked at once in the life of the marker, as long as no other receive moves
/// the mailbox's places. What has priority is not looked at.
#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn receive_beyond(
    marker: &mut (u64, u32),
    deadline: Deadline,
    mut wanted: impl FnMut(&AnyMessage) -> bool,
) -> Option<AnyMessage> {
    let slot = current("receive");
    let position = Position {
        urgent: urgent::end(slot),
        ordinary: position_of(slot, *marker),
    };
    let (picked, position) = receive_from(position, deadline, None, &mut |cursor| {
        let message = cursor.message.as_ref();
        u32::from(message.is_some_and(|m| crate::process::guarded(|| wanted(m))))
    });
    *marker = (position.ordinary, mark_of(slot).1);
    picked.message
}
