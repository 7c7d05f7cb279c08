//! Selective receive: the first message in queue order that an arm takes; the rest stay in place.
//!
//! Called by the expansion of `receive!`, by the function forms, and by `Cx::mail_where`.
//!
//! Two halves. [`Receive::look`] does all that needs no switch and is one function for all sites:
//! it scans, and prepares the wait. [`receive`] is inlined into its caller down to the switch:
//! each frame that returned after a switch would cost a mispredicted return.
//!
//! No queue is borrowed while an arm looks at a message, so a guard may panic, send, or ask for
//! anything. What it must not do is receive, or wait otherwise: that panics.

use std::time::Duration;

use super::arm::{Cursor, Picked};
use super::deadline::{Deadline, IntoDeadline};
use super::queue;
use super::reference::Ref;
use crate::context::{self, Context, Suspend};
use crate::message::{AnyMessage, Message, type_key};
use crate::process::slot::{Slot, bit};
use crate::process::{current, current_on, exit, wait};
use crate::thread;

/// Waits for a message that `scan` takes: it returns the arm's number, or 0. Only messages with
/// one of the `keys` are shown to it (all, if `None`).
#[inline(always)]
pub fn receive(
    deadline: Deadline,
    keys: Option<&[u64]>,
    scan: &mut dyn FnMut(&mut Cursor) -> u32,
) -> Picked {
    receive_from(0, deadline, keys, scan)
}

#[inline(always)]
fn receive_from(
    position: u64,
    deadline: Deadline,
    keys: Option<&[u64]>,
    scan: &mut dyn FnMut(&mut Cursor) -> u32,
) -> Picked {
    let mut receive = Receive {
        position,
        deadline,
        begun: false,
    };
    loop {
        match receive.look(keys, scan) {
            Look::Done(picked) => return picked,
            // SAFETY: the context is the one that runs: nothing has switched since.
            Look::Suspend(context, why) => unsafe { context::suspend(context, why) },
        }
    }
}

/// One receive under way: the save position, and how long it waits.
struct Receive {
    position: u64,
    deadline: Deadline,
    begun: bool,
}

enum Look {
    Done(Picked),
    Suspend(*mut Context, Suspend),
}

impl Receive {
    #[inline(never)]
    fn look(
        &mut self,
        keys: Option<&[u64]>,
        arms: &mut dyn FnMut(&mut Cursor) -> u32,
    ) -> Look {
        let thread = thread::this();
        let slot = current_on(thread, "receive");
        if !self.begun {
            self.begun = true;
            begin(slot);
            if thread.spend(1) <= 0 && !exit::unwinding(slot) {
                return Look::Suspend(thread.context.get(), Suspend::Yield);
            }
        }
        loop {
            if let Some(picked) = scan(slot, &mut self.position, keys, arms) {
                if slot.has(bit::DEADLINE) {
                    wait::end(slot);
                }
                return Look::Done(picked);
            }
            exit::check(slot);
            if !exit::has_stale(slot) {
                break;
            }
            // A destructor ran: positions may have moved.
            exit::drop_stale(slot);
            self.position = 0;
        }
        let waits = match self.deadline {
            Deadline::Never => true,
            Deadline::After(Duration::ZERO) => false,
            Deadline::After(after) => wait::after(slot, after),
            Deadline::At(instant) => wait::until(slot, instant),
        };
        if waits {
            Look::Suspend(thread.context.get(), Suspend::Wait)
        } else {
            wait::end(slot);
            Look::Done(Picked {
                message: None,
                arm: 0,
            })
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

/// Shows the messages from `position` on to `arms`, and moves `position` behind those that none
/// took.
pub(crate) fn scan(
    slot: &Slot,
    position: &mut u64,
    keys: Option<&[u64]>,
    arms: &mut dyn FnMut(&mut Cursor) -> u32,
) -> Option<Picked> {
    if !slot.extra.get().is_null() {
        let picked = scan_ring(slot, position, keys, arms);
        if picked.is_some() {
            return picked;
        }
    }
    loop {
        let Some(message) = queue::pop_unseen(slot) else {
            // What was sent after a fatal signal is not for this process to see, unless its
            // destructors ask for it.
            if !queue::drain(slot) || slot.has(bit::FATAL) && !exit::unwinding(slot) {
                return None;
            }
            continue;
        };
        let seen = Unseen(slot, Cursor::new(message));
        if let Some(picked) = seen.ask(keys, arms) {
            return Some(picked);
        }
        *position = end(slot);
    }
}

/// A message taken from the unseen; left in the ring unless an arm takes it.
struct Unseen<'s>(&'s Slot, Cursor);

impl Unseen<'_> {
    #[inline]
    fn ask(
        mut self,
        keys: Option<&[u64]>,
        arms: &mut dyn FnMut(&mut Cursor) -> u32,
    ) -> Option<Picked> {
        let key = self.1.message.as_ref().map(AnyMessage::key)?;
        if keys.is_some_and(|keys| !keys.contains(&key)) {
            return None;
        }
        match arms(&mut self.1) {
            0 => None,
            arm => {
                queue::received(self.0);
                Some(Picked {
                    message: self.1.message.take(),
                    arm,
                })
            }
        }
    }
}

impl Drop for Unseen<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(message) = self.1.message.take() {
            queue::leave(self.0, message);
        }
    }
}

#[inline(never)]
fn scan_ring(
    slot: &Slot,
    position: &mut u64,
    keys: Option<&[u64]>,
    arms: &mut dyn FnMut(&mut Cursor) -> u32,
) -> Option<Picked> {
    loop {
        // SAFETY: the running process is its own holder; the reference ends before `arms` runs.
        let lent = unsafe {
            let ring = &(*slot.extra()).ring;
            match ring.find(*position, keys) {
                // SAFETY: the arms do not receive, so the message stays in the ring, and `Lent`
                // sees to it that it is owned once.
                Some(at) => Lent {
                    at,
                    cursor: Cursor::new(ring.lend(at)),
                },
                None => {
                    *position = ring.end();
                    return None;
                }
            }
        };
        *position = lent.at + 1;
        if let Some(picked) = lent.ask(slot, position, arms) {
            return Some(picked);
        }
    }
}

/// A message of the ring that the arms look at, without its leaving the ring: whatever they do
/// with the cursor, they leave the same envelope in it.
struct Lent {
    at: u64,
    cursor: Cursor,
}

impl Lent {
    #[inline]
    fn ask(
        mut self,
        slot: &Slot,
        position: &mut u64,
        arms: &mut dyn FnMut(&mut Cursor) -> u32,
    ) -> Option<Picked> {
        let arm = arms(&mut self.cursor);
        if arm == 0 {
            return None;
        }
        // SAFETY: as in `scan_ring`. The ring gives its ownership up, and the cursor's counts.
        unsafe {
            let extra = &mut *slot.extra();
            extra.ring.forget(self.at);
            // The scan's position becomes the behaviour's save position.
            extra.ring.tidy(&mut [&mut extra.save, position]);
        }
        queue::received(slot);
        Some(Picked {
            message: self.cursor.message.take(),
            arm,
        })
    }
}

impl Drop for Lent {
    #[inline]
    fn drop(&mut self) {
        // The ring has it still.
        std::mem::forget(self.cursor.message.take());
    }
}

/// The position behind all messages that were looked at.
fn end(slot: &Slot) -> u64 {
    let extra = slot.extra.get();
    if extra.is_null() {
        0
    } else {
        // SAFETY: as in `scan_ring`.
        unsafe { (*extra).ring.end() }
    }
}

/// The position behind all that is in the mailbox now, for a [`Ref`]'s marker: what is unseen
/// joins the ring, which each message does at most once.
pub(crate) fn mark(slot: &Slot) -> (u64, u32) {
    if slot.has(bit::GUARD) {
        return (0, 0);
    }
    queue::drain(slot);
    while let Some(message) = queue::pop_unseen(slot) {
        queue::leave(slot, message);
    }
    let extra = slot.extra.get();
    if extra.is_null() {
        return (0, 0);
    }
    // SAFETY: as in `scan_ring`.
    let ring = unsafe { &(*extra).ring };
    (ring.end(), ring.epoch())
}

/// Where to start for a marker made by [`mark`].
fn position_of(slot: &Slot, marker: (u64, u32)) -> u64 {
    let extra = slot.extra.get();
    if extra.is_null() {
        return 0;
    }
    // SAFETY: as in `scan_ring`.
    let ring = unsafe { &(*extra).ring };
    if ring.epoch() == marker.1 { marker.0 } else { 0 }
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
pub fn receive_timeout(deadline: impl IntoDeadline) -> Option<AnyMessage> {
    receive(deadline.into_deadline(), None, &mut |_| 1).message
}

/// Waits for the first message that is a `T`; others stay in the mailbox.
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
pub fn receive_type<T: Message>() -> T {
    let keys = [type_key::<T>()];
    let picked = receive(Deadline::Never, Some(&keys), &mut |cursor| {
        u32::from(cursor.message.as_ref().is_some_and(AnyMessage::is::<T>))
    });
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
pub fn receive_ref<T: Message>(
    reference: Ref,
    deadline: impl IntoDeadline,
    mut wanted: impl FnMut(&T) -> bool,
) -> Option<T> {
    let slot = current("receive_ref");
    let position = if reference.creator() == slot.pid() {
        position_of(slot, reference.marker())
    } else {
        0
    };
    let keys = [type_key::<T>()];
    let picked = receive_from(
        position,
        deadline.into_deadline(),
        Some(&keys),
        &mut |cursor| {
            let message = cursor.message.as_ref().and_then(AnyMessage::downcast_ref);
            u32::from(message.is_some_and(|m| crate::process::guarded(|| wanted(m))))
        },
    );
    picked.message.and_then(|message| message.downcast().ok())
}
