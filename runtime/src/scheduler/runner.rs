//! How a worker's thread runs processes.
//!
//! ```text
//!   host (the thread's own stack)
//!     '- runner: picks a process and ...
//!          at rest?     calls it, here, on the runner's stack
//!          on a stack?  '- resumes it, until it suspends or its stack is free
//! ```
//!
//! A process at rest that blocks in its callback suspends the whole runner: the host parks the
//! stack as the process's own and makes another runner. When the callback returns at last, on
//! the stack that was taken over, that old runner finds that it is not the active one, and ends
//! at once, without touching the worker: whoever resumed it gets the stack back. So contexts nest
//! two deep, a callback that does not block costs no switch, and a switch between processes on
//! stacks never passes the host.
//!
//! A process is parked by its resumer, after its context is saved, never by itself.

use std::ptr;

use super::calls::worker;
use super::worker::Worker;
use crate::abort;
use crate::context::{self, Context, Resumed, Suspend};
use crate::process::slot::{ANYONE, Slot, bit};
use crate::process::{exit, run, span};
use crate::report::report;
use crate::scheduler;
use crate::stack::{AltStack, Class, Stack, StackError};
use crate::thread::{self, Thread};

/// The life of a worker's thread.
pub(crate) fn host(me: &Worker) {
    abort::on_unwind(|| serve(me));
}

fn serve(me: &Worker) {
    let thread = thread::this();
    me.begin(thread);
    me.settle();
    // Without it an overflow ends the program as well, only with less of a report.
    let _alt_stack = AltStack::install();
    loop {
        let stack = match take_stack(me, me.node().stack_class()) {
            Ok(stack) => stack,
            Err(error) => match serve_without_runner(me, thread, error) {
                Some(stack) => stack,
                None => break,
            },
        };
        let runner = context::create(stack, run_processes);
        me.active.set(runner);
        thread.context.set(runner);
        // SAFETY: fresh, and nobody else knows it.
        match unsafe { context::resume(runner) } {
            Resumed::Ended(stack, _) => {
                put_stack(me, stack);
                break;
            }
            Resumed::Suspended(why, unwinds) => {
                me.active.set(ptr::null_mut());
                if let Some(slot) = crate::process::try_current() {
                    span::leave(slot);
                    count(me, slot, runner);
                    if !park(me, thread, slot, runner, why, unwinds) {
                        // Something came: the next runner resumes it.
                        me.requeue(slot);
                    }
                }
            }
        }
    }
    me.retire();
    thread.process.set(ptr::null());
    thread.worker.set(ptr::null());
}

/// The main function of a runner.
fn run_processes(context: *mut Context) {
    let mut thread = thread::this();
    let mut me = worker();
    while let Some(slot) = me.pick() {
        if let Some(other) = me.elsewhere(slot) {
            other.give(slot);
            continue;
        }
        me.begin_turn(thread, slot);
        let stack = slot.context.get();
        if !stack.is_null() {
            resume(me, thread, slot, stack);
            thread.context.set(context);
        } else if slot.has(bit::OWN_STACK) && start_on_own_stack(me, thread, slot) {
            thread.context.set(context);
        } else {
            run::run(slot);
            // Here the thread may be another, if the stack was taken over and has moved.
            thread = thread::this();
            me = worker();
            if me.active.get() != context {
                return;
            }
            span::end();
        }
    }
}

/// Resumes a process on its stack until it waits elsewhere than here. Inlined, as every frame
/// that returns after a switch costs a mispredicted return.
#[inline(always)]
fn resume(me: &Worker, thread: &Thread, slot: &'static Slot, stack: *mut Context) {
    loop {
        // Whatever a subscriber does, it does it on this stack.
        span::enter(slot);
        thread.context.set(stack);
        // SAFETY: the process is held by this worker, so its context is ours to resume.
        match unsafe { context::resume(stack) } {
            Resumed::Suspended(why, unwinds) => {
                span::leave(slot);
                if park(me, thread, slot, stack, why, unwinds) {
                    return;
                }
            }
            Resumed::Ended(stack, counted) => {
                span::end();
                if counted {
                    me.count_standing(false);
                }
                put_stack(me, stack);
                return;
            }
        }
    }
}

/// Parks a process whose context is saved. False: something came, it shall go on at once.
#[inline]
fn park(
    me: &Worker,
    thread: &Thread,
    slot: &'static Slot,
    stack: *mut Context,
    why: Suspend,
    unwinds: bool,
) -> bool {
    slot.context.set(stack);
    hold(me, slot, unwinds);
    scheduler::account(thread, slot);
    match why {
        Suspend::Wait => {
            // From where the wait succeeds the process is not ours any more.
            slot.inbox.wait()
        }
        Suspend::Yield => {
            me.requeue(slot);
            true
        }
    }
}

/// Counts a process that takes a stack, if it will stay here with it.
#[inline]
fn count(me: &Worker, slot: &Slot, stack: *mut Context) {
    if !may_move(slot) {
        me.count_standing(true);
        // SAFETY: the stack is the process's, which the caller holds.
        unsafe { context::set_counted(stack) };
    }
}

/// Whether it was promised that the process's stack may move.
#[inline]
fn may_move(slot: &Slot) -> bool {
    slot.has(bit::MIGRATES) && !slot.has(bit::OWN_THREAD)
}

/// Decides who may resume a process on a stack: this worker, unless the stack may move. One that
/// unwinds stays: the promise was not made for the unwinder.
#[inline]
fn hold(me: &Worker, slot: &'static Slot, unwinds: bool) {
    if may_move(slot) && !unwinds {
        slot.set_holder(ANYONE);
    } else {
        slot.set_holder(me.id());
    }
}

/// A process with a stack size of its own starts on such a stack, not on the runner's, whenever it
/// was at rest. False: there is none, and it has to end.
#[cold]
fn start_on_own_stack(me: &Worker, thread: &Thread, slot: &'static Slot) -> bool {
    // SAFETY: the process is ours.
    let bytes = unsafe { (*slot.extra()).rare().stack_size };
    let class = crate::stack::class_of(bytes).unwrap_or_else(|_| me.node().stack_class());
    match take_stack(me, class) {
        Ok(stack) => {
            let context = context::create(stack, run_one);
            count(me, slot, context);
            slot.context.set(context);
            resume(me, thread, slot, context);
            true
        }
        Err(error) => {
            exit::make_fatal(slot, error.into());
            false
        }
    }
}

/// The main function of a stack that is one process's from the start.
fn run_one(_: *mut Context) {
    let slot = crate::process::current("run_one");
    run::run(slot);
}

fn take_stack(me: &Worker, class: Class) -> Result<Stack, StackError> {
    // SAFETY: the owner's cache; `get` calls no user code.
    unsafe { (*me.stacks.get()).get(class) }
}

fn put_stack(me: &Worker, stack: Stack) {
    // SAFETY: as in `take_stack`.
    unsafe { (*me.stacks.get()).put(stack) };
    if me.node().lacks_stacks() {
        me.share_stacks();
    }
}

/// There is no stack for a runner: processes that have theirs run on, others wait until a stack
/// is free. None: the node has ended.
#[cold]
fn serve_without_runner(me: &Worker, thread: &Thread, error: StackError) -> Option<Stack> {
    me.node().set_no_stack(error);
    // The last process's name may stand there still.
    thread.process.set(ptr::null());
    report(|| {
        tracing::error!(
            target: "runtime::scheduler",
            node = me.node_id(),
            worker = me.id(),
            error = %error,
            "a worker has no stack left: processes that have none wait until one is free"
        )
    });
    loop {
        if let Some(slot) = me.pick_held() {
            me.begin_turn(thread, slot);
            resume(me, thread, slot, slot.context.get());
        } else {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        if me.node().has_ended() {
            return None;
        }
        match take_stack(me, me.node().stack_class()) {
            Ok(stack) => {
                me.node().clear_no_stack();
                return Some(stack);
            }
            Err(error) => me.node().set_no_stack(error),
        }
    }
}
