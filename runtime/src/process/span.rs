//! The `tracing` spans that a process is inside of: they go with it over a switch.
//!
//! A subscriber keeps for each thread which spans are entered there. When a process is parked it leaves
//! them, the innermost first; when it is resumed it enters them again. Called by the scheduler's
//! runner, on the thread on which the process runs; a program without a subscriber pays for a load.

use std::ptr;

use tracing::dispatcher::{self, Dispatch};
use tracing::span::Id;

use super::guarded;
use super::slot::Slot;
use crate::process::exit::quietly;
use crate::thread;

/// So many are left at most: a subscriber may say that it is inside of a span for ever.
const MOST: usize = 256;

/// The process is about to be parked: leaves the spans that it has entered.
#[inline(always)]
pub(crate) fn leave(slot: &Slot) {
    if dispatcher::has_been_set() {
        leave_slowly(slot);
    }
}

/// The process is about to be resumed: enters them again.
#[inline(always)]
pub(crate) fn enter(slot: &Slot) {
    if dispatcher::has_been_set() {
        enter_slowly(slot);
    }
}

/// The process has ended, or rests: what it has not left, which is a mistake of its, is left here.
/// A span that has closed by then is not seen any more, nor what is below it.
#[inline(always)]
pub(crate) fn end() {
    if dispatcher::has_been_set() {
        // It may run elsewhere by now: what the subscriber does is not done in its name.
        thread::this().process.set(ptr::null());
        let _ = leave_all();
    }
}

#[cold]
fn leave_slowly(slot: &Slot) {
    let left = leave_all();
    if !left.is_empty() {
        // SAFETY: the runner holds the process.
        unsafe { (*slot.extra()).rare().spans = Some(Box::new(Spans(left))) };
    }
}

#[cold]
fn enter_slowly(slot: &Slot) {
    let extra = slot.extra.get();
    // SAFETY: as above; the reference ends before anybody else's code runs.
    let rare = unsafe { extra.as_mut() }.and_then(|extra| extra.rare.as_mut());
    let spans = rare.and_then(|rare| rare.spans.take());
    if let Some(spans) = spans {
        with_subscriber(|dispatch| {
            for id in spans.0.iter().rev() {
                dispatch.enter(id);
            }
        });
    }
}

/// Leaves what this thread is inside of; the innermost first.
#[cold]
fn leave_all() -> Vec<Id> {
    let mut left = Vec::new();
    with_subscriber(|dispatch| {
        while left.len() < MOST
            && let Some(id) = dispatch.current_span().id()
        {
            dispatch.exit(id);
            left.push(id.clone());
        }
    });
    left
}

/// A subscriber is anybody's code: see `report`.
fn with_subscriber(f: impl FnOnce(&Dispatch)) {
    let mut f = Some(f);
    let _ = guarded(|| {
        quietly(|| {
            dispatcher::get_default(|dispatch| {
                if let Some(f) = f.take() {
                    f(dispatch);
                }
            });
        })
    });
}

/// Spans to enter again.
pub(crate) struct Spans(Vec<Id>);
