//! The owner's half of a mailbox: what was taken from the inbox, in order.
//!
//! ```text
//!   inbox  --drain-->  unseen: linked envelopes  --looked at and left-->  ring
//!                      (tail in the slot)                                 (in `Extra`)
//! ```
//!
//! A message that the first receive wants goes from the list to it: the ring exists only in
//! processes that leave messages lying. Priority messages lie apart, see `urgent`.
//!
//! Called by `receive`, by behaviours and by claiming senders, always as the holder of the process.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ptr::{self, NonNull};

use super::chain::{self, Chain, OldestFirst};
use super::ring::Ring;
use super::scan::{self, Position};
use super::urgent;
use crate::message::{AnyMessage, Header, Kind};
use crate::process::extra::Extra;
use crate::process::pid::Pid;
use crate::process::slot::{Slot, bit, flag};
use crate::process::{exit, name, table};
use crate::report::report;
use crate::signal::relations::Watcher;
use crate::signal::{self, Signal, alias, monitor};

/// Puts an envelope at the end of the unseen.
///
/// # Safety
///
/// The caller holds the process, and the envelope passes to it.
#[inline]
pub(crate) unsafe fn append(slot: &Slot, envelope: NonNull<Header>) {
    let tail = slot.tail.get();
    // SAFETY: the list's envelopes are the holder's; a list that is not empty is a circle.
    unsafe {
        match NonNull::new(tail) {
            None => chain::set_next(envelope, envelope.as_ptr()),
            Some(tail) => {
                chain::set_next(envelope, chain::next(tail));
                chain::set_next(tail, envelope.as_ptr());
            }
        }
    }
    slot.tail.set(envelope.as_ptr());
}

/// Puts linked envelopes, from the oldest to the newest, at the end of the unseen.
///
/// # Safety
///
/// As [`append`], for all of them; neither pointer is null.
#[inline]
unsafe fn append_all(slot: &Slot, oldest: *mut Header, newest: *mut Header) {
    // SAFETY: as in `append`.
    unsafe {
        let last = NonNull::new_unchecked(newest);
        match NonNull::new(slot.tail.get()) {
            None => chain::set_next(last, oldest),
            Some(tail) => {
                chain::set_next(last, chain::next(tail));
                chain::set_next(tail, oldest);
            }
        }
    }
    slot.tail.set(newest);
}

/// Takes the oldest of the unseen.
#[inline]
pub(crate) fn pop_unseen(slot: &Slot) -> Option<AnyMessage> {
    let tail = NonNull::new(slot.tail.get())?;
    // SAFETY: as in `append`; the envelope leaves the list and is owned by the result.
    unsafe {
        let oldest = NonNull::new_unchecked(chain::next(tail));
        if oldest == tail {
            slot.tail.set(ptr::null_mut());
        } else {
            // It was looked at when it was taken in; in a long queue that is long ago.
            oldest.as_ref().hint.follow(oldest.as_ptr());
            chain::set_next(tail, chain::next(oldest));
        }
        Some(AnyMessage::from_raw(oldest))
    }
}

/// Whether anything was taken and not looked at.
#[inline]
pub(crate) fn has_unseen(slot: &Slot) -> bool {
    !slot.tail.get().is_null()
}

/// Takes what came since: messages join the unseen, signals are applied. True if any message
/// came.
#[inline]
pub(crate) fn drain(slot: &Slot) -> bool {
    take_in(slot, slot.inbox.take())
}

/// Closes the inbox at the process's end, and takes in what came last.
pub(crate) fn close(slot: &Slot) {
    take_in(slot, slot.inbox.close());
}

#[inline]
fn take_in(slot: &Slot, chain: Chain) -> bool {
    if chain.is_empty() {
        return false;
    }
    let generation = slot.inbox.generation();
    let reversed = chain.reverse(|header| is_usual(header, generation));
    if !reversed.usual {
        return take_in_each(slot, reversed.oldest, generation);
    }
    let count = reversed.count;
    // SAFETY: a chain's envelopes belong to the holder who took it.
    unsafe { append_all(slot, reversed.oldest.0, reversed.newest) };
    if !limited(slot)
        && let Some(length) = self::count(slot, count)
    {
        report_growth(slot.pid(), length);
    }
    count > 0
}

/// As [`take_in`], one by one: a signal may ask how many messages came before it.
#[inline(never)]
fn take_in_each(slot: &Slot, oldest: OldestFirst, generation: u32) -> bool {
    let limited = limited(slot);
    let (mut any, mut grown) = (false, None);
    for envelope in oldest {
        // SAFETY: as in `take_in`.
        let count = unsafe { accept(slot, envelope, generation) };
        any |= count > 0;
        if !limited {
            grown = grown.or(self::count(slot, count));
        }
    }
    if let Some(length) = grown {
        report_growth(slot.pid(), length);
    }
    any
}

/// Whether the envelope is a message, and for the process of this generation.
#[inline]
fn is_usual(header: &Header, generation: u32) -> bool {
    header.generation == generation && header.kind.is_at_its_end()
}

/// Takes in the envelope that a claiming sender brought. True if the process shall run for it.
///
/// # Safety
///
/// The caller holds the process, and the envelope passes to it.
#[inline]
pub(crate) unsafe fn accept_claimed(slot: &Slot, envelope: NonNull<Header>) -> bool {
    let generation = slot.inbox.generation();
    // SAFETY: the caller's promise.
    let count = unsafe { accept(slot, envelope, generation) };
    if !limited(slot) {
        // One is no growth to speak of; the next that is usual is reported.
        let _ = self::count(slot, count);
    }
    count > 0
}

/// # Safety
///
/// As [`accept_claimed`].
#[inline]
unsafe fn accept(slot: &Slot, envelope: NonNull<Header>, generation: u32) -> u32 {
    // SAFETY: the caller's promise.
    let header = unsafe { envelope.as_ref() };
    if is_usual(header, generation) {
        // SAFETY: the caller's promise.
        unsafe { append(slot, envelope) };
        return 1;
    }
    // SAFETY: the caller's promise.
    let message = unsafe { AnyMessage::from_raw(envelope) };
    unusual(slot, message, generation)
}

#[cold]
#[inline(never)]
fn unusual(slot: &Slot, message: AnyMessage, generation: u32) -> u32 {
    let meant_for = message.header().generation;
    if meant_for != generation {
        // Meant for a process that was here before. A stranger's destructor must not run while
        // the queues are being worked on.
        undelivered(table::pid_of(slot, meant_for), &message);
        exit::drop_later(slot, message);
        return 0;
    }
    let becomes = match message.header().kind {
        Kind::Request => {
            let mut message = message;
            if let Some(watcher) = watcher_of(&message) {
                monitor::accept(slot, watcher);
            }
            message.arrive();
            Some(message)
        }
        Kind::Aliased | Kind::Reply => {
            let mut message = message;
            let settled = message.header().is_settled();
            match alias::admit(slot, message.arrive(), settled) {
                Some(alias) => {
                    let priority = alias.priority && message.header().has_priority();
                    message.header_mut().set_priority(priority);
                    Some(message)
                }
                None => {
                    exit::drop_later(slot, message);
                    None
                }
            }
        }
        _ => message
            .downcast::<Signal>()
            .ok()
            .and_then(|signal| signal::apply(slot, signal)),
    };
    let Some(mut message) = becomes else { return 0 };
    message.header_mut().generation = generation;
    if message.header().has_priority() {
        urgent::push(slot, message);
    } else {
        // SAFETY: the caller of `accept` holds the process.
        unsafe { append(slot, message.into_raw()) };
    }
    if limited(slot) {
        slot.count_one_more();
    }
    1
}

/// An envelope was meant for `to`, who is dead. It is still the caller's, to drop where a destructor
/// may run.
pub(crate) fn undelivered(to: Pid, message: &AnyMessage) {
    match message.header().kind {
        Kind::Signal | Kind::Exit => {
            if let Some(signal) = message.payload::<Signal>() {
                signal::answer_for_the_dead(to, signal);
            }
        }
        Kind::Request => {
            if let Some(watcher) = watcher_of(message) {
                signal::answer_for_the_dead(to, &Signal::Monitor(watcher));
            }
        }
        Kind::Message | Kind::Aliased | Kind::Reply | Kind::Answer => {}
    }
}

/// Who watches by the monitor that a request on its way brings.
pub(crate) fn watcher_of(request: &AnyMessage) -> Option<Watcher> {
    let (pid, number) = request.requested()?;
    Some(Watcher::new(pid, number))
}

/// Takes the first message that `wanted` accepts out of the mailbox of the running process. None in
/// a guard, which may look at that very message, in its place in the ring.
pub(crate) fn take_first(slot: &Slot, wanted: impl Fn(&AnyMessage) -> bool) -> Option<AnyMessage> {
    take_from(slot, &mut Position::default(), wanted)
}

/// As [`take_first`], from a position on, which is moved behind what was looked at.
pub(crate) fn take_from(
    slot: &Slot,
    position: &mut Position,
    wanted: impl Fn(&AnyMessage) -> bool,
) -> Option<AnyMessage> {
    if slot.has(bit::GUARD) {
        return None;
    }
    scan::scan(slot, position, None, &mut |cursor| {
        u32::from(cursor.message.as_ref().is_some_and(&wanted))
    })
    .and_then(|picked| picked.message)
}

/// Shows the messages of the running process to `show`, in order, until it has seen enough. They
/// are out of their queue meanwhile, for `show` calls code of the user's.
pub(crate) fn show(slot: &Slot, mut show: impl FnMut(&AnyMessage) -> bool) {
    while let Some(message) = pop_unseen(slot) {
        leave(slot, message);
    }
    let mut enough = false;
    let mut show = |message: &AnyMessage| {
        enough = enough || !show(message);
        !enough
    };
    if urgent::is_enabled(slot) {
        Out::new(slot, urgent_ring).1.all(&mut show);
    }
    Out::new(slot, ring).1.all(&mut show);
}

fn ring(extra: &mut Extra) -> &mut Ring {
    &mut extra.ring
}

fn urgent_ring(extra: &mut Extra) -> &mut Ring {
    &mut extra.urgent().ring
}

/// A ring that is out of its place until this is dropped.
struct Out<'s>(&'s Slot, Ring, fn(&mut Extra) -> &mut Ring);

impl<'s> Out<'s> {
    fn new(slot: &'s Slot, which: fn(&mut Extra) -> &mut Ring) -> Out<'s> {
        // SAFETY: the running process is its own holder; the reference ends here.
        let ring = unsafe { std::mem::take(which(&mut *slot.extra())) };
        Out(slot, ring, which)
    }
}

impl Drop for Out<'_> {
    fn drop(&mut self) {
        // SAFETY: as above.
        let place = unsafe { (self.2)(&mut *self.0.extra()) };
        let mut newer = std::mem::replace(place, std::mem::take(&mut self.1));
        while let Some(message) = newer.pop(&mut 0) {
            place.push(message);
        }
    }
}

#[inline]
pub(crate) fn limited(slot: &Slot) -> bool {
    slot.inbox.flags() & flag::LIMITED != 0
}

/// Counts messages that joined the unseen of a mailbox without a limit. Returns its length if it
/// has become long: see [`report_growth`].
#[inline]
#[must_use]
pub(crate) fn count(slot: &Slot, count: u32) -> Option<usize> {
    let before = slot.count_taken(count);
    let length = before + count;
    (length as usize >= LONG && (before as usize) < LONG).then_some(length as usize)
}

/// Counts a message as received. Reads nothing that senders write: each time their next push
/// would wait for the cache line.
#[inline]
pub(crate) fn received(slot: &Slot) {
    let extra = slot.extra.get();
    // SAFETY: the holder's, and no other reference to it lives.
    if !extra.is_null() && unsafe { (*extra).limited } {
        slot.count_received();
    } else {
        slot.uncount_taken();
    }
}

/// Puts a message that was looked at behind those that were left before.
#[inline]
pub(crate) fn leave(slot: &Slot, message: AnyMessage) {
    // SAFETY: the holder's, and no other reference to it lives.
    let length = unsafe {
        let ring = &mut (*slot.extra()).ring;
        ring.push(message);
        ring.len()
    };
    if is_milestone(length) {
        report_long(slot, length);
    }
}

/// Messages in a mailbox from which on it is reported as long.
const LONG: usize = 1 << 14;

/// Reports a mailbox as [`report_growth`] does, if this length is to be looked at.
#[inline]
pub(crate) fn note_growth(to: Pid, length: usize) {
    if is_milestone(length) {
        report_growth(to, length);
    }
}

/// Whether a mailbox that has grown to this length is to be looked at.
#[inline]
fn is_milestone(length: usize) -> bool {
    length >= LONG && length.is_power_of_two()
}

/// Reports a mailbox that its owner does not empty, once in the process's life. By anybody, whether
/// the owner ever looks at its messages or not.
#[cold]
pub(crate) fn report_growth(to: Pid, length: usize) {
    let slot = table::slot_of(to);
    let first = slot
        .inbox
        .set(flag::REPORTED, to.generation())
        .is_some_and(|before| before & flag::REPORTED == 0);
    if first {
        report(|| {
            tracing::warn!(
                target: "runtime::mailbox",
                pid = %to,
                name = name::asked(slot, to.generation()),
                place = slot.place().map(tracing::field::display),
                length,
                "long mailbox: messages come faster than they are received"
            )
        });
    }
}

/// Reports a long mailbox with the types of the messages that nobody matches: at each doubling.
#[cold]
fn report_long(slot: &Slot, length: usize) {
    report(|| describe_long(slot, length));
}

fn describe_long(slot: &Slot, length: usize) {
    if !tracing::event_enabled!(target: "runtime::mailbox", tracing::Level::WARN) {
        return;
    }
    let mut types = BTreeMap::<&'static str, usize>::new();
    // SAFETY: the holder's; the reference ends before the report is made.
    for header in unsafe { (*slot.extra()).ring.iter() } {
        *types.entry((header.vtable.type_name)()).or_default() += 1;
    }
    let mut types: Vec<_> = types.into_iter().collect();
    types.sort_by_key(|(_, count)| Reverse(*count));
    let types: Vec<_> = types
        .iter()
        .take(5)
        .map(|(name, count)| format!("{name} x {count}"))
        .collect();
    tracing::warn!(
        target: "runtime::mailbox",
        pid = %slot.pid(),
        name = name::label(slot),
        place = slot.place().map(tracing::field::display),
        length,
        types = types.join(", "),
        "long mailbox: messages that no receive matches"
    );
}

/// Whether there is nothing to look at, as far as a few loads can tell.
#[inline]
pub(crate) fn is_plainly_empty(slot: &Slot) -> bool {
    slot.tail.get().is_null() && slot.extra.get().is_null() && slot.inbox.is_empty()
}

/// Whether the mailbox holds any message, with what has come by now.
pub(crate) fn any(slot: &Slot) -> bool {
    if has_unseen(slot) || drain(slot) {
        return true;
    }
    let extra = slot.extra.get();
    // SAFETY: the holder's, and no other reference to it lives.
    !extra.is_null() && unsafe { !(*extra).ring.is_empty() } || urgent::any_from(slot, 0)
}

/// Whether a message lies beyond the behaviour's save position.
#[inline]
pub(crate) fn any_beyond_save(slot: &Slot) -> bool {
    if has_unseen(slot) {
        return true;
    }
    let extra = slot.extra.get();
    if extra.is_null() {
        return false;
    }
    // SAFETY: the holder's, and no other reference to it lives.
    let (left, save) = unsafe {
        let extra = &*extra;
        let save = extra.save;
        (extra.ring.find(save.ordinary, None), save)
    };
    left.is_some() || urgent::any_from(slot, save.urgent)
}
