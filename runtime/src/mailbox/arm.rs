//! What `receive!` and `match_message!` stand on: an arm's type, the cursor that shows the arms
//! one message after another, and the message that was picked.
//!
//! Called by the macros' expansions, through [`crate::__rt`]; the queue's side is
//! `mailbox::receive`, which makes cursors and hands out what was picked:
//!
//! ```text
//!   queue  --candidate-->  Cursor  --scan: which arm?-->  0: back to its place in the queue
//!                                                         n: Picked, the body of arm n runs
//! ```
//!
//! Invariants:
//! * While arms look at a message it is out of the queue, its place kept, and the cursor owns it:
//!   a guard's code never runs while a queue is borrowed.
//! * A scan leaves the message in the cursor, whether it matched, did not match or unwound: what
//!   [`Cursor::lift`] takes out, [`Cursor::lower`] puts back, before a guard's panic goes on.
//! * No misuse is unsound: every step from `AnyMessage` to a type is checked.

use std::marker::PhantomData;
use std::panic::{self, AssertUnwindSafe};

use crate::message::{AnyMessage, Envelope, Message, type_key};
use crate::thread;

/// The type of an arm's messages. It ties scan and body together, so that rustc infers the type
/// from the pattern, or from its use.
pub struct Arm<T>(PhantomData<fn() -> T>);

impl<T> Clone for Arm<T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Arm<T> {}

impl<T: 'static> Arm<T> {
    /// An arm for messages of the type `T`, which the arm's test demands to be a message.
    #[inline]
    #[expect(clippy::new_without_default, reason = "only the macros make arms")]
    pub fn new() -> Arm<T> {
        Arm(PhantomData)
    }

    /// The type's key, by which the queue filters.
    #[inline]
    pub fn key(self) -> u64 {
        type_key::<T>()
    }

    /// Never calls the closure. It holds one match over all arms of the type, in which rustc
    /// finds those that can never be reached.
    #[inline]
    pub fn survey(self, _arms: impl FnOnce(&T)) {}
}

/// What a guard said: its answer, or its panic.
pub type Verdict = std::thread::Result<bool>;

/// Asks a guard. While it runs, a receive by the process panics; so the queue, from which the
/// message is out, stays as it is.
#[inline]
pub fn guard(guard: impl FnOnce() -> bool) -> Verdict {
    // Unwind safety: the panic goes on as soon as the message is back.
    panic::catch_unwind(AssertUnwindSafe(|| crate::process::guarded(guard)))
}

/// Shows one message to the arms.
pub struct Cursor {
    pub(crate) message: Option<AnyMessage>,
}

impl Cursor {
    /// A cursor at this message.
    #[inline]
    pub(crate) fn new(message: AnyMessage) -> Cursor {
        Cursor {
            message: Some(message),
        }
    }

    /// If the message is of the arm's type: what `pick` says about it; else 0.
    #[inline]
    pub fn test<T: Message>(&self, _: Arm<T>, pick: impl FnOnce(&T) -> u32) -> u32 {
        match self.message.as_ref().and_then(AnyMessage::payload) {
            Some(message) => pick(message),
            None => 0,
        }
    }

    /// Takes the message out, in its envelope, if it is of the arm's type and matches. From a
    /// box a pattern can bind by value, for a guard to look at, without moving anything.
    #[inline]
    pub fn lift<T: Message>(
        &mut self,
        _: Arm<T>,
        matches: impl FnOnce(&T) -> bool,
    ) -> Option<Box<Envelope<T>>> {
        let message = self.message.as_ref()?;
        if !message.payload().is_some_and(matches) {
            return None;
        }
        self.message.take()?.into_envelope().ok()
    }

    /// Takes the message out, whatever it is.
    #[inline]
    pub fn lift_any(&mut self) -> AnyMessage {
        match self.message.take() {
            Some(message) => message,
            None => unmatched(),
        }
    }

    /// Puts the message back and says whether the guard took it.
    ///
    /// # Panics
    ///
    /// Goes on with the guard's panic, if that is the verdict.
    #[inline]
    pub fn lower(&mut self, message: impl Into<AnyMessage>, verdict: Verdict) -> bool {
        self.message = Some(message.into());
        match verdict {
            Ok(taken) => taken,
            Err(panic) => panic::resume_unwind(panic),
        }
    }
}

/// The message that an arm takes, and the arm's number; no message and 0 after a time-out.
pub struct Picked {
    pub(crate) message: Option<AnyMessage>,
    pub(crate) arm: u32,
}

impl Picked {
    /// The arm's number, from 1; 0 after a time-out.
    #[inline]
    pub fn arm(&self) -> u32 {
        self.arm
    }

    /// The message of a typed arm.
    // One copy for each type, not for each receive: a third of the code, and of the build's time.
    #[inline(never)]
    pub fn take<T: Message>(self, _: Arm<T>) -> T {
        let message = match self.message {
            Some(message) => message.downcast_on(thread::here()),
            None => unmatched(),
        };
        match message {
            Ok(message) => message,
            Err(_) => unmatched(),
        }
    }

    /// The message of a catch-all.
    #[inline]
    pub fn message(self) -> AnyMessage {
        match self.message {
            Some(message) => message,
            None => unmatched(),
        }
    }

    /// There is no message: ends the value's life before the body of `after`.
    #[inline]
    pub fn timed_out(self) {}
}

/// Shows one message that is in no queue to the arms of a `match_message!`, the last of which
/// takes every message.
#[inline]
pub fn match_message(message: AnyMessage, scan: impl FnOnce(&mut Cursor) -> u32) -> Picked {
    let mut cursor = Cursor::new(message);
    let arm = scan(&mut cursor);
    Picked {
        message: cursor.message,
        arm,
    }
}

/// Stands where control cannot come: the pattern of a picked arm, tested in the scan, matches.
#[cold]
#[inline(never)]
pub fn unmatched() -> ! {
    unreachable!("a message that matched its arm no longer does")
}

/// An argument of a process's function: evaluated by the parent, owned by the child.
#[inline]
pub fn argument<T: Send + 'static>(value: T) -> T {
    value
}
