//! The timers of one worker: its wheel, and whom each timer is for.
//!
//! Called by `process::wait` and `send_after` to set and cancel, by the worker (or the watchdog in
//! its place) when some are due, and by a process that ends, for the messages that were to be sent
//! to it. All under the worker's lock, under which no user code runs: messages are handed out,
//! and dropped by whoever has taken them.
//!
//! Invariants:
//! * An entry with a message owns it.
//! * Each entry with a message to a process stands in one list, which begins in `newest` under the index of the
//!   process's slot, modulo the number of lists. There are as many lists as such entries at least, and slots are
//!   numbered from zero, so a list is of one slot unless more processes live than timers run. When a process has
//!   ended, none of its slot is left but of those who set a timer for the dead and take it back (see
//!   `send_after`).

use std::mem;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use crate::message::{AnyMessage, Header};
use crate::process::exit;
use crate::process::pid::Pid;
use crate::process::slot::Slot;
use crate::process::table;
use crate::registry::Name;
use crate::timer::{Alarm, Expired, TimerId, Wheel};

/// No entry; the end of a list.
const NONE: u32 = u32::MAX;
/// Lists, once there are any.
const FEWEST_LISTS: usize = 64;

/// What a wheel holds for each timer.
#[derive(Clone, Copy)]
pub(crate) enum Timer {
    /// A process waits.
    Wait {
        slot: &'static Slot,
        generation: u32,
    },
    /// A message to a process, whose generation stands in the envelope.
    Message {
        envelope: NonNull<Header>,
        /// The index of its slot.
        to: u32,
        /// The neighbours in its list.
        newer: u32,
        older: u32,
    },
    /// A message to whoever has the name when it is due.
    Named(NonNull<Named>),
    /// A future waits; a counted reference.
    Alarm(NonNull<Alarm>),
}

/// A message to a name.
pub(crate) struct Named {
    pub(crate) name: Name,
    pub(crate) message: AnyMessage,
}

/// What has left the wheel and is to be delivered: a message, and where it was to go.
pub(crate) enum Delivery {
    To(Pid, AnyMessage),
    Named(Box<Named>),
    /// No message, but a waker's code to be run.
    Alarm(Arc<Alarm>),
}

/// What is to be done for a timer that was due.
pub(crate) enum Due {
    Wake(&'static Slot, u32),
    Deliver(Delivery),
}

/// See the module's head.
pub(crate) struct Timers {
    wheel: Wheel<Timer>,
    /// Where each list of messages begins. A power of two of them, or none yet.
    newest: Vec<u32>,
    /// How many entries the lists have.
    messages: usize,
    /// What was due and needs the worker's own thread.
    orphans: Vec<Delivery>,
}

// SAFETY: the pointers in it own messages and names, which are `Send`.
unsafe impl Send for Timers {}

impl Timer {
    /// The wait of the slot's process.
    pub(crate) fn wait_of(slot: &'static Slot) -> Timer {
        Timer::Wait {
            slot,
            generation: slot.inbox.generation(),
        }
    }

    pub(crate) fn is_same_wait(&self, other: &Timer) -> bool {
        match (self, other) {
            (
                Timer::Wait { slot, generation },
                Timer::Wait {
                    slot: other,
                    generation: others,
                },
            ) => ptr::eq(*slot, *other) && generation == others,
            _ => false,
        }
    }

    /// # Safety
    ///
    /// The timer has left its wheel, and this is called once for it.
    unsafe fn into_due(self) -> Due {
        match self {
            Timer::Wait { slot, generation } => Due::Wake(slot, generation),
            Timer::Message { envelope, to, .. } => {
                // SAFETY: the entry owned it (module invariant).
                let message = unsafe { AnyMessage::from_raw(envelope) };
                let pid = table::pid_of(table::slot_at(to), message.header().generation);
                Due::Deliver(Delivery::To(pid, message))
            }
            Timer::Named(named) => {
                // SAFETY: as above; `set_named` has made it of a box.
                let named = unsafe { Box::from_raw(named.as_ptr()) };
                Due::Deliver(Delivery::Named(named))
            }
            Timer::Alarm(alarm) => {
                // SAFETY: as above; `set_alarm` has made it of an `Arc`.
                let alarm = unsafe { Arc::from_raw(alarm.as_ptr()) };
                Due::Deliver(Delivery::Alarm(alarm))
            }
        }
    }
}

impl Delivery {
    pub(crate) fn into_message(self) -> Option<AnyMessage> {
        match self {
            Delivery::To(_, message) => Some(message),
            Delivery::Named(named) => Some(named.message),
            Delivery::Alarm(_) => None,
        }
    }
}

impl Timers {
    pub(crate) fn new() -> Timers {
        Timers {
            wheel: Wheel::new(),
            newest: Vec::new(),
            messages: 0,
            orphans: Vec::new(),
        }
    }

    /// The wheel, for the entries of waits.
    pub(crate) fn wheel(&mut self) -> &mut Wheel<Timer> {
        &mut self.wheel
    }

    /// The id of the timer that is set next.
    pub(crate) fn next_id(&self) -> TimerId {
        self.wheel.next_id()
    }

    /// Sets a timer that sends a message to the process of this pid.
    pub(crate) fn set(&mut self, due: u64, pid: Pid, mut message: AnyMessage) -> TimerId {
        message.header_mut().generation = pid.generation();
        if self.messages == self.newest.len() {
            self.add_lists();
        }
        self.messages += 1;
        let timer = Timer::Message {
            envelope: message.into_raw(),
            to: pid.index(),
            newer: NONE,
            older: NONE,
        };
        let id = self.wheel.insert(due, timer);
        self.link(id.index(), pid.index());
        id
    }

    /// Sets a timer that sends a message to a name.
    pub(crate) fn set_named(&mut self, due: u64, named: Box<Named>) -> TimerId {
        let named = NonNull::from(Box::leak(named));
        self.wheel.insert(due, Timer::Named(named))
    }

    /// Sets a timer that rings.
    pub(crate) fn set_alarm(&mut self, due: u64, alarm: Arc<Alarm>) -> TimerId {
        // SAFETY: an `Arc`'s pointer is not null.
        let alarm = unsafe { NonNull::new_unchecked(Arc::into_raw(alarm).cast_mut()) };
        self.wheel.insert(due, Timer::Alarm(alarm))
    }

    /// Takes a timer that rings back, if it is still to come.
    pub(crate) fn take_alarm(&mut self, id: TimerId) -> Option<Arc<Alarm>> {
        let timer = self.wheel.remove(id)?;
        // SAFETY: it has just left the wheel.
        match unsafe { timer.into_due() } {
            Due::Deliver(Delivery::Alarm(alarm)) => Some(alarm),
            _ => unreachable!("its id is its alarm's alone"),
        }
    }

    /// When the timer is due, if it is still to come.
    pub(crate) fn deadline(&self, id: TimerId) -> Option<u64> {
        self.wheel.deadline(id)
    }

    /// Takes the message of a timer back, if it is still to come, and says when it was due.
    pub(crate) fn take(&mut self, id: TimerId) -> Option<(u64, AnyMessage)> {
        let due = self.wheel.deadline(id)?;
        self.unlink(id.index());
        let timer = self.wheel.remove(id)?;
        // SAFETY: it has just left the wheel.
        match unsafe { timer.into_due() } {
            Due::Deliver(delivery) => delivery.into_message().map(|message| (due, message)),
            // No id of such a timer is given away.
            Due::Wake(..) => None,
        }
    }

    /// Takes back the messages of timers that were to send to this slot's process, until `out` has
    /// `max`.
    pub(crate) fn take_all_to(&mut self, slot: &Slot, max: usize, out: &mut Vec<AnyMessage>) {
        let mut next = self.list_of(slot.index()).map_or(NONE, |list| *list);
        while out.len() < max
            && let Some(&mut Timer::Message { to, older, .. }) = self.wheel.payload_mut(next)
        {
            if to == slot.index()
                && let Some(id) = self.wheel.find(next, |_| true)
                && let Some((_, message)) = self.take(id)
            {
                out.push(message);
            }
            next = older;
        }
    }

    /// As [`Wheel::expire`].
    pub(crate) fn expire(&mut self, now: u64, max: usize, out: &mut Vec<Expired<Timer>>) -> bool {
        let more = self.wheel.expire(now, max, out);
        for expired in out {
            // Nothing has been inserted since, so the links are still there.
            self.unlink(expired.id.index());
        }
        more
    }

    /// What an expired timer was for.
    pub(crate) fn due(expired: Expired<Timer>) -> Due {
        // SAFETY: it has left the wheel, and `Expired` is not kept.
        unsafe { expired.payload.into_due() }
    }

    /// No timer is due before; `u64::MAX` if there is none.
    pub(crate) fn next_expiry(&self) -> u64 {
        if self.orphans.is_empty() {
            self.wheel.next_expiry().unwrap_or(u64::MAX)
        } else {
            0
        }
    }

    /// When the earliest timer is due.
    pub(crate) fn earliest(&self) -> Option<u64> {
        self.wheel.earliest()
    }

    /// Keeps what only the worker's own thread may do.
    pub(crate) fn keep(&mut self, deliveries: Vec<Delivery>) {
        self.orphans.extend(deliveries);
    }

    /// Takes what [`keep`](Timers::keep) has kept.
    pub(crate) fn kept(&mut self) -> Vec<Delivery> {
        std::mem::take(&mut self.orphans)
    }

    /// The list that those to this slot stand in.
    fn list_of(&mut self, to: u32) -> Option<&mut u32> {
        let mask = self.newest.len().wrapping_sub(1);
        self.newest.get_mut(to as usize & mask)
    }

    /// Twice as many lists.
    #[cold]
    fn add_lists(&mut self) {
        let lists = (2 * self.newest.len()).max(FEWEST_LISTS);
        for first in mem::replace(&mut self.newest, vec![NONE; lists]) {
            let mut next = first;
            while let Some(&mut Timer::Message { to, older, .. }) = self.wheel.payload_mut(next) {
                self.link(next, to);
                next = older;
            }
        }
    }

    /// Puts an entry first in its list.
    fn link(&mut self, index: u32, slot: u32) {
        let Some(list) = self.list_of(slot) else {
            unreachable!("there are lists as soon as there is an entry")
        };
        let next = mem::replace(list, index);
        if let Some(Timer::Message { newer, older, .. }) = self.wheel.payload_mut(index) {
            *newer = NONE;
            *older = next;
        }
        self.set_newer(next, index);
    }

    /// Takes an entry out of its list; one without a message is in none.
    fn unlink(&mut self, index: u32) {
        let Some(&mut Timer::Message {
            to, newer, older, ..
        }) = self.wheel.payload_mut(index)
        else {
            return;
        };
        self.messages -= 1;
        if newer != NONE {
            self.set_older(newer, older);
        } else if let Some(list) = self.list_of(to) {
            *list = older;
        }
        self.set_newer(older, newer);
    }

    fn set_newer(&mut self, index: u32, neighbour: u32) {
        if let Some(Timer::Message { newer, .. }) = self.wheel.payload_mut(index) {
            *newer = neighbour;
        }
    }

    fn set_older(&mut self, index: u32, neighbour: u32) {
        if let Some(Timer::Message { older, .. }) = self.wheel.payload_mut(index) {
            *older = neighbour;
        }
    }
}

/// The node has ended; no process is left, but there may be messages to names.
impl Drop for Timers {
    fn drop(&mut self) {
        let mut rest = Vec::new();
        self.wheel.expire(u64::MAX, usize::MAX, &mut rest);
        for expired in rest {
            if let Due::Deliver(delivery) = Timers::due(expired) {
                exit::drop_quietly(delivery);
            }
        }
        self.kept().into_iter().for_each(exit::drop_quietly);
    }
}
