//! The stack switch, behind one small contract; corosensei does the work.
//!
//! ```text
//!   high   +--------------------+  <- top, coloured
//!          | Context            |     `Stack::HEADER` bytes
//!          +--------------------+  <- base: corosensei's parent link, then frames
//!          | runner, process .. |
//!          :        |           :
//!          :        v           :
//!          | guard page         |
//!   low    +--------------------+
//! ```
//!
//! A context is a suspended or running stack. Whoever [`resume`]s it is its resumer until it
//! suspends or ends; contexts nest. Called by the scheduler, and by `receive` for its switch.
//!
//! Invariants:
//! * A context is resumed by one thread at a time; it is suspended, or fresh, when it is.
//! * The [`Context`] lies in the header of the stack that its coroutine owns, so it lives exactly
//!   as long as the stack is in use by it.
//! * A process that suspends takes its count of panics off the thread ([`tokens`]).

mod tokens;

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::ptr;

use corosensei::stack::StackPointer;
use corosensei::{Coroutine, CoroutineResult, Yielder};

use crate::abort;
use crate::stack::{HEADER, Stack};

/// Why a process suspends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Suspend {
    /// It waits: for mail, a wake-up, or its deadline.
    Wait,
    /// Others shall run.
    Yield,
}

/// What a resumed context did.
pub(crate) enum Resumed {
    /// With whether it does so in the middle of unwinding.
    Suspended(Suspend, bool),
    /// Its function returned; the stack is free again. With whether it was counted.
    Ended(Stack, bool),
}

/// What a context says when it suspends.
type Left = (Suspend, bool);

/// A stack whose base is at hand: each switch asks for it.
struct Based {
    stack: Stack,
    base: StackPointer,
}

// SAFETY: as the stack's own implementation, which is asked once for the base.
unsafe impl corosensei::stack::Stack for Based {
    #[inline(always)]
    fn base(&self) -> StackPointer {
        self.base
    }

    fn limit(&self) -> StackPointer {
        corosensei::stack::Stack::limit(&self.stack)
    }
}

/// One stack and how to switch to it and away.
pub(crate) struct Context {
    coroutine: ManuallyDrop<Coroutine<(), Left, (), Based>>,
    yielder: Cell<*const Yielder<(), Left>>,
    /// The lowest address for frames.
    #[cfg(debug_assertions)]
    limit: StackPointer,
    /// The process on the stack will stay with its worker, which has counted it.
    counted: Cell<bool>,
}

const _: () = assert!(size_of::<Context>() <= HEADER);

/// Makes a context that calls `main` on `stack` when first resumed.
#[inline]
pub(crate) fn create(stack: Stack, main: fn(*mut Context)) -> *mut Context {
    let context = stack.header().cast::<Context>().as_ptr();
    let base = corosensei::stack::Stack::base(&stack);
    #[cfg(debug_assertions)]
    let limit = corosensei::stack::Stack::limit(&stack);
    let coroutine = Coroutine::with_stack(
        Based { stack, base },
        move |yielder: &Yielder<(), Left>, ()| {
            // SAFETY: the context outlives its coroutine's run.
            unsafe { (*context).yielder.set(yielder) };
            abort::on_unwind(|| main(context));
        },
    );
    // SAFETY: the header of a stack is reserved for its context.
    unsafe {
        context.write(Context {
            coroutine: ManuallyDrop::new(coroutine),
            yielder: Cell::new(ptr::null()),
            #[cfg(debug_assertions)]
            limit,
            counted: Cell::new(false),
        });
    }
    context
}

/// Switches to a context until it suspends or ends.
///
/// # Safety
///
/// The context is live, not running, and the caller's to resume.
#[inline(always)]
pub(crate) unsafe fn resume(context: *mut Context) -> Resumed {
    // SAFETY: nobody else touches the coroutine while it is the caller's.
    match unsafe { (*context).coroutine.resume(()) } {
        CoroutineResult::Yield((why, unwinds)) => Resumed::Suspended(why, unwinds),
        CoroutineResult::Return(()) => {
            // SAFETY: it has ended; the context is not used again.
            let (coroutine, counted) = unsafe {
                let coroutine = ManuallyDrop::take(&mut (*context).coroutine);
                (coroutine, (*context).counted.get())
            };
            Resumed::Ended(coroutine.into_stack().stack, counted)
        }
    }
}

/// Notes that the worker has counted the process that stands on the context's stack.
///
/// # Safety
///
/// The context is live, and the caller's.
pub(crate) unsafe fn set_counted(context: *mut Context) {
    // SAFETY: the caller's promise.
    unsafe { (*context).counted.set(true) };
}

/// Suspends the process that runs on the context.
///
/// # Safety
///
/// `context` is the one that runs on this thread now.
#[inline(always)]
pub(crate) unsafe fn suspend(context: *mut Context, why: Suspend) {
    if std::thread::panicking() {
        // SAFETY: the caller's promise.
        unsafe { tokens::suspend(context, why) };
    } else {
        // SAFETY: the caller's promise.
        unsafe { switch(context, (why, false)) };
    }
}

/// # Safety
///
/// As [`suspend`].
#[inline(always)]
unsafe fn switch(context: *mut Context, left: Left) {
    // SAFETY: a running context has a yielder, which lies on its stack.
    unsafe { (*(*context).yielder.get()).suspend(left) };
}

/// The lowest address that frames may use on the context's stack.
///
/// # Safety
///
/// The context is live.
#[cfg(debug_assertions)]
pub(crate) unsafe fn limit(context: *const Context) -> usize {
    // SAFETY: written once, when the context was made.
    unsafe { (*context).limit.get() }
}
