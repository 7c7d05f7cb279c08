//! Behaviours: processes that are state between two callbacks, and have no stack of their own.
//!
//! The scheduler calls [`Behaviour::wake`] when mail, a time-out or a future's wake has come, on a
//! stack that the worker already has. When the call returns, the process is at rest again: it
//! costs its slot and its state, may be taken over by any worker, and an idle one holds no page
//! of stack. A callback may block like any process (receive, sleep, call): the stack it stands on
//! becomes the process's own until it returns.
//!
//! `gen_server`, `supervisor` and Gun's connections are behaviours; so are hibernated processes
//! and receive loops given as closures.

use std::any::type_name;
use std::marker::PhantomData;
use std::panic;
use std::task::Waker;
use std::time::{Duration, Instant};

use super::exit::Raise;
use super::exit_reason::ExitReason;
use super::slot::{Slot, bit};
use super::{activity, current, wait, waker};
use crate::mailbox::scan::Position;
use crate::mailbox::{queue, urgent};
use crate::message::AnyMessage;
use crate::scheduler;

/// A process between two callbacks.
///
/// ```
/// use runtime::prelude::*;
/// use runtime::{Behaviour, Cx, Next, Until};
///
/// /// Adds up the numbers it is sent, and ends when it has been left alone for a second.
/// #[derive(Default)]
/// struct Sum(u64);
///
/// impl Behaviour for Sum {
///     fn wake(&mut self, cx: &mut Cx<'_>) -> Next {
///         while let Some(mail) = cx.mail() {
///             match_message!(mail {
///                 n: u64 => self.0 += n,
///                 other => println!("not a number: {other:?}"),
///             });
///         }
///         if cx.cause().timeout {
///             return Next::Exit(ExitReason::Normal);
///         }
///         Next::Wait(Until::After(std::time::Duration::from_secs(1)))
///     }
/// }
///
/// # runtime::run(|| {
/// let sum = Spawn::new().behaviour(Sum::default()).unwrap().pid;
/// send(sum, 7u64);
/// # });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a behaviour",
    note = "implement `Behaviour` for it, or give a receive loop as a closure: `Spawn::receive_loop`"
)]
pub trait Behaviour: Named + 'static {
    /// Called when the process starts, and whenever there is a [`Cause`].
    ///
    /// Mail that the call leaves behind the save position wakes the process again at once.
    fn wake(&mut self, cx: &mut Cx<'_>) -> Next;
}

/// What reports call a behaviour: its type. Every type has it. It is asked for once, before the
/// behaviour first runs, since nobody else may look at one that has blocked in a callback.
#[doc(hidden)]
pub trait Named {
    fn name(&self) -> fn() -> &'static str;
}

impl<T> Named for T {
    fn name(&self) -> fn() -> &'static str {
        type_name::<T>
    }
}

/// What a behaviour does after [`Behaviour::wake`].
pub enum Next {
    /// Waits at rest.
    Wait(Until),
    /// As `Wait`, and gives back what memory it can. Wakes at once if any mail is queued, also
    /// before the save position.
    Hibernate(Until),
    /// Runs again when others had their turn: its budget is spent.
    Again,
    /// Goes on as another behaviour, which is woken with [`Cause::start`].
    Become(Box<dyn Behaviour + Send>),
    /// Ends the process.
    Exit(ExitReason),
}

/// How long a behaviour waits if nothing comes, or when a timer is due.
///
/// Made of a [`Duration`] or an [`Instant`] where a function takes `impl Into<Until>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// For ever.
    Forever,
    /// From the return of the callback on, or the call of the function.
    After(Duration),
    /// Until this time by the clock of the process's node (see [`Cx::now`]).
    At(Instant),
}

impl From<Duration> for Until {
    fn from(time: Duration) -> Until {
        Until::After(time)
    }
}

impl From<Instant> for Until {
    fn from(at: Instant) -> Until {
        Until::At(at)
    }
}

/// Why a behaviour was woken. Mail is no cause of its own: ask [`Cx::mail`]. What comes together
/// is reported together: mail does not hide a time-out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cause {
    /// The process starts, or has just become this behaviour.
    pub start: bool,
    /// The time of the last [`Until`] has come.
    pub timeout: bool,
    /// A waker made by [`Cx::context`] was called.
    pub future: bool,
    /// See [`Cx::time_left`].
    pub(crate) left: Option<Duration>,
}

/// What a behaviour can ask for while it is awake. Neither `Send` nor storable: it belongs to the
/// call.
///
/// ```compile_fail,E0277
/// fn sent_away(cx: &mut runtime::Cx<'_>) {
///     std::thread::scope(|s| { s.spawn(|| cx.spent()); });
/// }
/// ```
pub struct Cx<'p> {
    slot: &'p Slot,
    waker: &'p Waker,
    cause: Cause,
    /// A callback of the user's was noted.
    noted: bool,
    _thread: PhantomData<*mut ()>,
}

impl<'p> Cx<'p> {
    #[inline]
    pub(crate) fn new(slot: &'p Slot, waker: &'p Waker, cause: Cause) -> Cx<'p> {
        Cx {
            slot,
            waker,
            cause,
            noted: false,
            _thread: PhantomData,
        }
    }

    /// Why the behaviour was woken.
    #[inline]
    pub fn cause(&self) -> Cause {
        self.cause
    }

    /// What was left of the time of the last [`Until`], if it had one and a waker was called before it had come. To go
    /// on waiting as before after a wake-up that was for nothing, wait for this.
    #[inline]
    pub fn time_left(&self) -> Option<Duration> {
        self.cause.left
    }

    /// Takes the oldest message, priority messages first, wherever the save position stands.
    ///
    /// # Panics
    ///
    /// Inside a guard.
    #[inline]
    pub fn mail(&mut self) -> Option<AnyMessage> {
        let slot = self.slot;
        not_in_a_guard(slot);
        scheduler::spend(1);
        let extra = slot.extra.get();
        if !extra.is_null() {
            if urgent::is_enabled(slot) && !urgent::take_in(slot) {
                return None;
            }
            // SAFETY: the running process is its own holder; the reference ends before the
            // message is handed out.
            let kept = unsafe { (*extra).pop() };
            if kept.is_some() {
                queue::received(slot);
                return kept;
            }
        }
        loop {
            if let Some(message) = queue::pop_unseen(slot) {
                queue::received(slot);
                return Some(message);
            }
            // What was sent after a fatal signal is not for this process to see.
            if !queue::drain(slot) || slot.has(bit::FATAL) {
                return None;
            }
            if urgent::any_from(slot, 0) {
                return self.mail();
            }
        }
    }

    /// Takes the first message from the save position on that `wanted` accepts. What it passes
    /// over stays in the mailbox, before the save position, and does not wake the process again.
    ///
    /// If `wanted` panics, the message stays in its place. It must not receive: that panics.
    ///
    /// # Panics
    ///
    /// Inside a guard.
    pub fn mail_where(
        &mut self,
        mut wanted: impl FnMut(&AnyMessage) -> bool,
    ) -> Option<AnyMessage> {
        let slot = self.slot;
        not_in_a_guard(slot);
        scheduler::spend(1);
        // SAFETY: the running process is its own holder; a copy.
        let mut save = unsafe { (*slot.extra()).save };
        let found = crate::mailbox::scan::scan(slot, &mut save, None, &mut |cursor| {
            let message = cursor.message.as_ref();
            u32::from(message.is_some_and(|m| super::guarded(|| wanted(m))))
        });
        // SAFETY: as above.
        unsafe { (*slot.extra()).save = save };
        found.and_then(|picked| picked.message)
    }

    /// Moves the save position back to the oldest message.
    pub fn rewind(&mut self) {
        let extra = self.slot.extra.get();
        if !extra.is_null() {
            // SAFETY: the running process is its own holder.
            unsafe { (*extra).save = Position::default() };
        }
    }

    /// A context to poll futures with: their wake-ups wake this process.
    pub fn context(&self) -> std::task::Context<'p> {
        std::task::Context::from_waker(self.waker)
    }

    /// Notes that a callback begins now, for a behaviour that calls functions of its user's, and may be called
    /// itself: a client whose call times out is told since when it has been at it. Costs a store; holds until
    /// the next, or until [`Behaviour::wake`] returns.
    #[inline]
    pub fn callback_begins(&mut self) {
        self.noted = true;
        activity::begins(self.slot);
    }

    /// The time by the clock of the process's node.
    pub fn now(&self) -> Instant {
        scheduler::now()
    }

    /// Whether the budget of this turn is spent: return [`Next::Again`] soon.
    #[inline]
    pub fn spent(&self) -> bool {
        scheduler::spent()
    }
}

impl Drop for Cx<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.noted {
            activity::ended(self.slot);
        }
    }
}

/// A guard looks at a message that may lie in the ring still.
#[inline]
fn not_in_a_guard(slot: &Slot) {
    assert!(!slot.has(bit::GUARD), "mail is taken inside a guard");
}

/// Runs a behaviour on the calling process's own stack until it exits: for state that is not
/// [`Send`]. Returns its exit reason; [`Next::Become`] is followed. A switch point whenever
/// [`Behaviour::wake`] has returned.
///
/// # Panics
///
/// Outside a process, and inside a guard.
#[track_caller]
pub fn drive(behaviour: &mut impl Behaviour) -> ExitReason {
    let slot = current("drive");
    assert!(!slot.has(bit::GUARD), "a `drive` inside a guard");
    let waker = waker::of(slot);
    let mut became: Option<Box<dyn Behaviour + Send>> = None;
    let mut cause = Cause {
        start: true,
        ..Cause::default()
    };
    loop {
        let mut cx = Cx::new(slot, &waker, cause);
        let next = match &mut became {
            Some(behaviour) => behaviour.wake(&mut cx),
            None => behaviour.wake(&mut cx),
        };
        match next {
            Next::Wait(until) => cause = wait::on_stack(slot, until, queue::any_beyond_save),
            Next::Hibernate(until) => {
                wait::shed(slot);
                cause = wait::on_stack(slot, until, queue::any);
            }
            Next::Again => {
                wait::end(slot);
                scheduler::yield_now();
                cause = wait::cause(slot);
            }
            Next::Become(behaviour) => {
                became = Some(behaviour);
                scheduler::tick();
                cause = wait::cause(slot);
                cause.start = true;
            }
            Next::Exit(reason) => return reason,
        }
    }
}

/// Goes on as `behaviour`, at rest: the calling process's stack is unwound first, then the
/// behaviour is woken with [`Cause::start`]. The mailbox stays.
///
/// What gen_server's `enter_loop` and [`hibernate`] stand on.
///
/// # Panics
///
/// Outside a process.
#[track_caller]
pub fn enter(behaviour: Box<dyn Behaviour + Send>) -> ! {
    current("enter");
    panic::resume_unwind(Box::new(Raise::Enter(behaviour)))
}

/// Throws the calling process's stack away and waits for a message at rest; then calls
/// `continuation`, which is the process from then on. A message that is queued already wakes it at
/// once, and nothing else does. The message stays in the mailbox.
///
/// A hibernated process costs its slot, its messages and the continuation.
///
/// Mirrors `erlang:hibernate/3`.
///
/// # Panics
///
/// Outside a process.
///
/// ```
/// use runtime::prelude::*;
///
/// fn sleeper(woken: u32) {
///     runtime::hibernate(move || {
///         receive! { "end" : &str => return, _ => {} }
///         sleeper(woken + 1)
///     })
/// }
///
/// # runtime::run(|| {
/// let pid = spawn!(sleeper, 0);
/// send(pid, "end");
/// # });
/// ```
#[track_caller]
pub fn hibernate<T: super::result::ProcessResult>(
    continuation: impl FnOnce() -> T + Send + 'static,
) -> ! {
    current("hibernate");
    enter(Box::new(Hibernated(Some(continuation))))
}

struct Hibernated<F>(Option<F>);

impl<F, T> Behaviour for Hibernated<F>
where
    F: FnOnce() -> T + Send + 'static,
    T: super::result::ProcessResult,
{
    fn wake(&mut self, cx: &mut Cx<'_>) -> Next {
        if !queue::any(cx.slot) {
            return Next::Hibernate(Until::Forever);
        }
        match self.0.take() {
            Some(continuation) => Next::Exit(continuation().into_reason()),
            None => Next::Exit(ExitReason::Normal),
        }
    }
}

/// What a receive loop given as a closure does next; see
/// [`Spawn::receive_loop`](crate::Spawn::receive_loop).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Flow {
    /// Waits for the next message.
    Continue,
    /// Waits for the next message, hibernated.
    Hibernate,
    /// Ends the process.
    Exit(ExitReason),
}

pub(crate) struct ReceiveLoop<F>(pub(crate) F);

impl<F: FnMut(AnyMessage) -> Flow + Send + 'static> Behaviour for ReceiveLoop<F> {
    fn wake(&mut self, cx: &mut Cx<'_>) -> Next {
        let mut next = Next::Wait(Until::Forever);
        while let Some(message) = cx.mail() {
            match (self.0)(message) {
                Flow::Continue => next = Next::Wait(Until::Forever),
                Flow::Hibernate => next = Next::Hibernate(Until::Forever),
                Flow::Exit(reason) => return Next::Exit(reason),
            }
            if cx.spent() {
                return Next::Again;
            }
        }
        next
    }
}
