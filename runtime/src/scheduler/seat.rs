//! One worker's seat: whether it may run work that is at rest, and the lock on what goes with it.
//!
//! A seat guards a `T`: what the worker alone uses while it has the seat, and whoever takes the seat
//! takes over (its queues, and `next`). It is a lock biased to its owner. The owner goes in and
//! out at every wake-up, with plain stores and loads; the watchdog, which comes when the owner has
//! been away with one process for too long, pays for both.
//!
//! ```text
//!            try_revoke              outside             finish
//!   SEATED ------------> REVOKING ------------> REVOKED --------> UNSEATED
//!    ^  ^                   |                      |               |    ^
//!    |  +--- enter, or -----+                      |         ask,  |    | surrender (from SEATED),
//!    |       inside                                |         offer |    | withdraw
//!    +------------------ give_back ----------------+               v    |
//!    +------------------ grant ------------------------ WANTING or SPARE
//!
//!   SPARE, or UNSEATED before its thread runs --draft--> DRAFTED --discharge--> UNSEATED
//! ```
//!
//! Who may do what, always by compare-and-exchange: the owner surrenders, asks, offers and withdraws, and
//! ends REVOKING by entering. The one [`Revoker`] goes from SEATED to REVOKING, back or on to REVOKED, and
//! on from there. Who asks or offers is entered in a list (`seats`); who takes it off that list, and
//! nobody else, makes the next change: the granter, who drafts it, or the owner that withdraws. A worker
//! that is drafted is the thread of one process, and asks for nothing until the owner discharges it.
//!
//! Invariants:
//! * the content is touched only through [`Inside`] or [`Revoked`], and there is never more than one of them,
//!   and by who grants a seat; it goes with the seat, so that of a worker without one is empty;
//! * while an [`Inside`] exists the state is SEATED or REVOKING;
//! * the seats that are taken (SEATED, REVOKING, REVOKED) and those in hand ([`FreeSeat`]) are as many as at
//!   the start;
//! * there is one revoker, so a REVOKING that it finds is the one it wrote.
//!
//! **Why the two never meet.** `enter` stores "inside", passes `barrier::light`, loads the state.
//! `try_revoke` writes REVOKING, passes `barrier::heavy`, loads "inside". So either the owner sees
//! REVOKING, and then the two compete for the state by compare-and-exchange, or the revoker sees the owner
//! inside and goes back. That the owner was inside *earlier* and has left does no harm: the revoker's
//! load acquires what `leave` released; and if it read an older "outside", the owner saw REVOKING.

use std::marker::PhantomData;
use std::mem;

use super::barrier;
use super::idle::EmptyHanded;
use crate::loom::cell::UnsafeCell;
use crate::loom::hint;
use crate::loom::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// The worker may run anything. Zero, for the shortest test.
const SEATED: u32 = 0;
/// The watchdog looks whether the owner is away. The owner may still come back.
const REVOKING: u32 = 1;
/// The watchdog has the content.
const REVOKED: u32 = 2;
/// No seat, and none is asked for.
const UNSEATED: u32 = 3;
/// No seat; the worker has processes to run and asks for one.
const WANTING: u32 = 4;
/// No seat; the worker has nothing to do and takes over whenever it is called.
const SPARE: u32 = 5;
/// No seat, and none is asked for: the worker is the thread of one process.
const DRAFTED: u32 = 6;

/// The seat of one worker.
#[repr(align(128))]
pub(crate) struct Seat<T> {
    state: AtomicU32,
    /// Whether the owner is between `enter` and `leave`. Written by the owner alone.
    inside: AtomicBool,
    content: UnsafeCell<T>,
}

// SAFETY: the content is reached through `Inside` and `Revoked` only, of which there is never more
// than one (see the head), so sharing a seat only ever sends the content.
unsafe impl<T: Send> Sync for Seat<T> {}

/// A right to run that no worker has, with the content that goes with it. It is neither copied nor
/// dropped: it is granted, retaken, or kept.
#[derive(Debug)]
#[must_use = "a seat that is dropped leaves a core idle for ever"]
pub(crate) struct FreeSeat<T>(T);

/// The right to revoke seats: one per node.
#[derive(Debug)]
pub(crate) struct Revoker(());

/// The worker has no seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoSeat;

/// What came of asking for a seat, or of offering to take one over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Asked {
    /// The request stands.
    Yes,
    /// It has a seat, or was drafted.
    Seated,
    /// The watchdog still has the content in hand: ask again.
    NotYet,
}

/// What came of withdrawing a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Withdrawn {
    /// It has no seat, and will not be given one.
    Unseated,
    /// It has one, or is at this moment being given one, or drafted, and will be poked.
    Seated,
}

/// What a worker without a seat may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Request {
    /// A seat, soon.
    Want = WANTING,
    /// A seat, when there is one too many.
    Spare = SPARE,
}

impl<T> Seat<T> {
    pub(super) fn new(seated: bool, content: T) -> Self {
        Self {
            state: AtomicU32::new(if seated { SEATED } else { UNSEATED }),
            inside: AtomicBool::new(false),
            content: UnsafeCell::new(content),
        }
    }

    /// Owner: enters the scheduler, where its content is its own and its seat cannot be taken.
    ///
    /// # Safety
    ///
    /// Called by the thread of the worker that owns this seat, and not while an [`Inside`] of it exists.
    #[inline]
    pub(crate) unsafe fn enter(&self) -> Result<Inside<'_, T>, NoSeat> {
        debug_assert!(
            !self.inside.load(Ordering::Relaxed),
            "a worker enters twice"
        );
        // Relaxed: it publishes nothing; the barrier orders it with the load.
        self.inside.store(true, Ordering::Relaxed);
        barrier::light();
        // Acquire: the content was last touched by whoever took it, before the seat was granted.
        if self.state.load(Ordering::Acquire) == SEATED || self.come_back() {
            Ok(Inside {
                seat: self,
                _not_send: PhantomData,
            })
        } else {
            self.leave();
            Err(NoSeat)
        }
    }

    /// The owner finds its seat examined: whoever changes the state first has it.
    #[cold]
    fn come_back(&self) -> bool {
        // Acquire either way, as in `enter`: another may have seated us meanwhile.
        match self
            .state
            .compare_exchange(REVOKING, SEATED, Ordering::Acquire, Ordering::Acquire)
        {
            Ok(_) => true,
            Err(now) => now == SEATED,
        }
    }

    /// Release: a revoker that finds the owner outside sees all that it did inside.
    #[inline]
    fn leave(&self) {
        self.inside.store(false, Ordering::Release);
    }

    /// Anybody: whether the worker has a seat at this moment.
    pub(crate) fn is_seated(&self) -> bool {
        // Relaxed: `enter` acquires.
        matches!(self.state.load(Ordering::Relaxed), SEATED | REVOKING)
    }

    /// Watchdog: takes the seat from an owner that is outside, in a process. None: the owner is
    /// inside, came back, or has no seat.
    #[must_use]
    pub(crate) fn try_revoke<'a>(&'a self, _: &'a mut Revoker) -> Option<Revoked<'a, T>> {
        // The orderings are all in the barrier and in the last exchange.
        if !self.change(SEATED, REVOKING) {
            return None;
        }
        barrier::heavy();
        // Acquire: with the release of `leave`.
        if self.inside.load(Ordering::Acquire) {
            // It fails if the owner took the seat back, or gave it away, itself.
            self.change(REVOKING, SEATED);
            return None;
        }
        self.change(REVOKING, REVOKED)
            .then_some(Revoked { seat: self })
    }

    /// Owner: gives its seat up.
    pub(super) fn surrender(&self, mut inside: Inside<'_, T>, _: EmptyHanded) -> FreeSeat<T>
    where
        T: Default,
    {
        debug_assert!(std::ptr::eq(self, inside.seat));
        let content = inside.with(mem::take);
        // The watchdog may go to REVOKING and back as often as it likes: while we are inside it gets no
        // further. If our exchange meets its REVOKING, its own fails.
        while !self.change(SEATED, UNSEATED) && !self.change(REVOKING, UNSEATED) {
            hint::spin_loop();
        }
        drop(inside);
        FreeSeat(content)
    }

    /// Owner: makes a request; it has none, and enters it in the list afterwards.
    pub(super) fn ask(&self, request: Request) -> Asked {
        match self.state.compare_exchange(
            UNSEATED,
            request as u32,
            Ordering::Relaxed,
            Ordering::Relaxed,
        ) {
            Ok(_) => Asked::Yes,
            Err(REVOKED) => Asked::NotYet,
            Err(_) => Asked::Seated,
        }
    }

    /// Owner: the request that it made and that was not granted so far, if any.
    pub(super) fn request(&self) -> Option<Request> {
        match self.state.load(Ordering::Relaxed) {
            WANTING => Some(Request::Want),
            SPARE => Some(Request::Spare),
            _ => None,
        }
    }

    /// Owner: takes back a request that it has taken off its list.
    pub(super) fn withdraw(&self, request: Request) {
        let withdrawn = self.change(request as u32, UNSEATED);
        debug_assert!(withdrawn, "a request was granted that was not on its list");
    }

    /// Anybody: grants a request that it has taken off its list.
    pub(super) fn grant(&self, request: Request, FreeSeat(content): FreeSeat<T>) {
        // SAFETY: the owner does not get in before it is seated, the revoker not before that, and
        // who has taken the request off its list is alone in making that change.
        self.content.with_mut(|empty| unsafe { *empty = content });
        let granted = self.change(request as u32, SEATED);
        debug_assert!(granted, "a request was withdrawn that was not on its list");
    }

    /// Who has taken a spare off its list, or starts its thread: makes it the thread of one process.
    pub(super) fn draft(&self) {
        let drafted = self.change(SPARE, DRAFTED) || self.change(UNSEATED, DRAFTED);
        debug_assert!(drafted, "a worker was drafted that has a seat");
    }

    /// Whether the worker is the thread of one process.
    pub(crate) fn is_drafted(&self) -> bool {
        // Relaxed: its process comes by other ways.
        self.state.load(Ordering::Relaxed) == DRAFTED
    }

    /// Owner: its process has ended; it is a worker like any other.
    pub(crate) fn discharge(&self) {
        let discharged = self.change(DRAFTED, UNSEATED);
        debug_assert!(discharged, "only its owner discharges it");
    }

    /// Release: what was done to the content is seen by the owner that finds itself seated, however many
    /// changes lie between: each is a read-modify-write. In the other direction `leave` releases.
    fn change(&self, from: u32, to: u32) -> bool {
        self.state
            .compare_exchange(from, to, Ordering::Release, Ordering::Relaxed)
            .is_ok()
    }
}

/// The owner in the scheduler. Its seat stays its own while this exists.
pub(crate) struct Inside<'a, T> {
    seat: &'a Seat<T>,
    /// It belongs to the worker's thread.
    _not_send: PhantomData<*const ()>,
}

impl<'a, T> Inside<'a, T> {
    /// An owner that entered before the model begins, to spare it the steps.
    ///
    /// # Safety
    ///
    /// As for [`Seat::enter`]; and nobody revokes this seat.
    #[cfg(all(loom, test))]
    pub(super) unsafe fn since_long(seat: &'a Seat<T>) -> Self {
        Self {
            seat,
            _not_send: PhantomData,
        }
    }

    /// Lends the content.
    #[inline]
    pub(crate) fn with<R>(&mut self, f: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: there is one `Inside` (contract of `enter`), and no `Revoked` beside it (see the
        // head); it is borrowed for the call.
        self.seat
            .content
            .with_mut(|content| f(unsafe { &mut *content }))
    }
}

impl<T> Drop for Inside<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.seat.leave();
    }
}

/// A seat taken from its owner, with its content. Until it is passed on the owner waits outside.
#[must_use = "the seat has to go on, or back"]
pub(crate) struct Revoked<'a, T> {
    seat: &'a Seat<T>,
}

impl<T> Revoked<'_, T> {
    /// Lends the content.
    pub(crate) fn with<R>(&mut self, f: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: in REVOKED the owner does not get in, and there is one revoker (see the head).
        self.seat
            .content
            .with_mut(|content| f(unsafe { &mut *content }))
    }

    /// Lets the owner know, which may now ask for a seat; this one is free.
    pub(crate) fn finish(mut self) -> FreeSeat<T>
    where
        T: Default,
    {
        let content = self.with(mem::take);
        let finished = self.seat.change(REVOKED, UNSEATED);
        debug_assert!(finished, "only the revoker leaves REVOKED");
        FreeSeat(content)
    }

    /// Leaves the owner its seat: the content was all that was wanted.
    pub(crate) fn give_back(self) {
        let given = self.seat.change(REVOKED, SEATED);
        debug_assert!(given, "only the revoker leaves REVOKED");
    }
}

impl<T> FreeSeat<T> {
    /// Lends the content.
    pub(crate) fn with<R>(&mut self, f: impl FnOnce(&mut T) -> R) -> R {
        f(&mut self.0)
    }
}

impl Revoker {
    pub(super) fn new() -> Self {
        Self(())
    }
}
