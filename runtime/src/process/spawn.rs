//! Spawning: the options, and how a slot becomes a process.
//!
//! Called by users through [`Spawn`], by `spawn!` through [`spawn`], which skips the options, and
//! by the node for what comes from outside its workers ([`fill`]).
//!
//! Invariants:
//! * A spawn is no switch point: it neither suspends nor raises an exit.
//! * A slot is prepared, its body written and its options set before its inbox opens; only then is
//!   it queued, and from there on the scheduler's.
//! * If a limit is met, nothing was spawned, and what was given is dropped in the caller.

use std::any::type_name;
use std::panic::Location;

use super::behaviour::{Behaviour, Flow, Next, ReceiveLoop};
use super::body::Body;
use super::pid::Pid;
use super::result::ProcessResult;
use super::slot::{Slot, bit, flag};
use super::table;
use super::zombie;
use crate::error::SpawnError;
use crate::mailbox::reference::{self, Ref};
use crate::message::AnyMessage;
use crate::node::{self, Node};
use crate::scheduler;
pub use crate::scheduler::run_queue::Priority;
use crate::scheduler::worker::Worker;
use crate::signal::link;
use crate::signal::monitor::Monitor;
use crate::stack;

/// What a spawn returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spawned {
    /// The new process.
    pub pid: Pid,
    /// The monitor, if one was asked for.
    pub monitor: Option<Ref>,
}

/// What happens when a message is sent to a mailbox that has reached its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AtLimit {
    /// The new message is dropped.
    DropNewest,
    /// The new message is dropped, and the receiver ends with
    /// [`MailboxFull`](crate::MailboxFull).
    Exit,
    /// The message is taken, and a warning is reported once.
    Report,
}

/// Spawns a process with options.
///
/// Mirrors `spawn_opt`.
///
/// ```
/// use runtime::{Priority, Spawn};
///
/// # runtime::run(|| {
/// let spawned = Spawn::new()
///     .label("index writer")
///     .priority(Priority::High)
///     .stack_size(1 << 20)
///     .spawn(|| println!("I have room"))?;
/// println!("{}", spawned.pid);
/// # Ok::<(), runtime::SpawnError>(()) }).unwrap();
/// ```
#[derive(Debug, Default)]
#[must_use = "nothing is spawned before `spawn`, `behaviour` or `receive_loop`"]
pub struct Spawn<'n> {
    priority: Priority,
    stack_size: Option<usize>,
    label: Option<String>,
    own_thread: bool,
    limit: Option<(u32, AtLimit)>,
    migrates: bool,
    links: bool,
    link_priority: bool,
    monitor: Option<Monitor>,
    node: Option<&'n Node>,
}

impl<'n> Spawn<'n> {
    /// No options: the process inherits its node from the caller (on a foreign thread: the
    /// default node), and nothing else.
    pub fn new() -> Spawn<'n> {
        Spawn::default()
    }

    /// The priority.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// The size of the process's stack in bytes, rounded up to a power of two, guard page
    /// included. Only touched pages cost memory. A behaviour that does not block needs none.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// A name for people, shown in reports.
    ///
    /// Mirrors `proc_lib:set_label/1`.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Runs the process on an operating-system thread of its own, where it may hog the processor
    /// or block the thread without being felt by a neighbour.
    pub fn own_thread(mut self) -> Self {
        self.own_thread = true;
        self
    }

    /// Limits the mailbox to `limit` messages, at most 1,048,575: a greater limit is taken for
    /// that. Signals and system messages always pass.
    pub fn mailbox_limit(mut self, limit: u32, then: AtLimit) -> Self {
        self.limit = Some((limit, then));
        self
    }

    /// Links the process and the caller, in one step with the spawn. See [`link`](crate::link).
    pub fn link(mut self) -> Self {
        self.links = true;
        self
    }

    /// As [`link`](Spawn::link), with priority at the caller's end; see
    /// [`link_priority`](crate::link_priority).
    pub fn link_priority(mut self) -> Self {
        self.links = true;
        self.link_priority = true;
        self
    }

    /// Monitors the process for the caller, in one step with the spawn: the result has the
    /// reference. See [`monitor`](crate::monitor).
    pub fn monitor(self) -> Self {
        self.monitor_with(Monitor::new())
    }

    /// As [`monitor`](Spawn::monitor), with options.
    pub fn monitor_with(mut self, monitor: Monitor) -> Self {
        self.monitor = Some(monitor);
        self
    }

    /// Whether a monitor was asked for.
    pub fn is_monitored(&self) -> bool {
        self.monitor.is_some()
    }

    /// Spawns on this node.
    pub fn node(mut self, node: &'n Node) -> Self {
        self.node = Some(node);
        self
    }

    /// Lets the process's suspended stack move to other workers.
    ///
    /// # Safety
    ///
    /// Nothing that is tied to a thread may live on the process's stack over a switch point, in
    /// its own code and in that of all crates it calls: no clone of a thread-local `Rc`, no
    /// borrow inside `LocalKey::with`, no lock guard, no span guard, no `thread::scope`, no future
    /// that is not `Send`, no `errno`. The book's chapter on soundness has examples.
    pub unsafe fn assume_migration_safe(mut self) -> Self {
        self.migrates = true;
        self
    }

    /// Spawns a process that runs `f`.
    ///
    /// # Errors
    ///
    /// [`SpawnError`] names the limit that was met.
    #[track_caller]
    pub fn spawn<F, T>(self, f: F) -> Result<Spawned, SpawnError>
    where
        F: FnOnce() -> T + Send + 'static,
        T: ProcessResult,
    {
        self.start(Body::closure::<F, _>(move || Next::Exit(f().into_reason())))
    }

    /// Spawns a process that is a behaviour: it is woken first with
    /// [`Cause::start`](crate::Cause::start).
    ///
    /// # Errors
    ///
    /// [`SpawnError`] names the limit that was met.
    #[track_caller]
    pub fn behaviour(self, behaviour: impl Behaviour + Send) -> Result<Spawned, SpawnError> {
        self.start(Body::behaviour(Box::new(behaviour)))
    }

    /// Spawns a process at rest that calls `f` with each message, oldest first.
    ///
    /// # Errors
    ///
    /// [`SpawnError`] names the limit that was met.
    ///
    /// ```
    /// use runtime::prelude::*;
    /// use runtime::{ExitReason, Flow};
    ///
    /// # runtime::run(|| {
    /// let mut sum = 0;
    /// let adder = Spawn::new().receive_loop(move |mail| {
    ///     match_message!(mail {
    ///         n: u64 => { sum += n; Flow::Continue }
    ///         "end" : &str => Flow::Exit(ExitReason::Normal),
    ///         _ => Flow::Continue,
    ///     })
    /// })?;
    /// send(adder.pid, 7u64);
    /// # Ok::<(), runtime::SpawnError>(()) }).unwrap();
    /// ```
    #[track_caller]
    pub fn receive_loop<F>(self, f: F) -> Result<Spawned, SpawnError>
    where
        F: FnMut(AnyMessage) -> Flow + Send + 'static,
    {
        self.behaviour(ReceiveLoop(f))
    }

    #[track_caller]
    fn start(self, body: Body) -> Result<Spawned, SpawnError> {
        let place = Location::caller();
        if let Some(slot) = ended_caller() {
            let monitor = self.monitor.map(|_| reference::make(slot));
            let pid = stillborn(body, place)?;
            return Ok(Spawned { pid, monitor });
        }
        let mut bits = self.priority as u16;
        if let Some(size) = self.stack_size {
            stack::class_of(size)?;
            bits |= bit::OWN_STACK;
        }
        if self.migrates {
            bits |= bit::MIGRATES;
        }
        let parent = if self.links || self.monitor.is_some() {
            Some(super::try_current().ok_or(SpawnError::NoParent)?)
        } else {
            None
        };
        let mut reference = None;
        let options = |slot: &'static Slot| {
            if let Some(parent) = parent {
                if self.links {
                    link::with_newborn(parent, slot, self.link_priority);
                }
                reference = self.monitor.map(|monitor| monitor.newborn(parent, slot));
            }
            if self.stack_size.is_some() || self.label.is_some() {
                // SAFETY: the newborn is the caller's.
                let rare = unsafe { (*slot.extra()).rare() };
                rare.stack_size = self.stack_size.unwrap_or_default();
                rare.label = self.label;
            }
            if let Some((limit, then)) = self.limit {
                let limit = limit.min(flag::MOST_LIMIT);
                let flags = match then {
                    AtLimit::DropNewest => flag::LIMITED,
                    AtLimit::Exit => flag::LIMITED | flag::LIMIT_EXITS,
                    AtLimit::Report => flag::LIMITED | flag::LIMIT_REPORTS,
                };
                let flags = flags | limit << flag::LIMIT_SHIFT;
                let _ = slot.inbox.set(flags, slot.inbox.generation());
                // SAFETY: as above.
                unsafe { (*slot.extra()).limited = true };
            }
        };
        let here = scheduler::try_worker();
        let pid = match (here, self.node) {
            (Some(worker), node)
                if !self.own_thread
                    && node.is_none_or(|node| node.instance().id() == worker.node_id()) =>
            {
                on_worker(worker, body, bits, place, options)?
            }
            (worker, node) => {
                let own_thread = self.own_thread;
                let start = move |instance: &node::Instance| {
                    instance.spawn_from_outside(body, bits, place, own_thread, options)
                };
                match (node, worker) {
                    (Some(node), _) => start(node.instance())?,
                    (None, Some(worker)) => start(worker.node())?,
                    (None, None) => start(node::default_node()?.instance())?,
                }
            }
        };
        Ok(Spawned {
            pid,
            monitor: reference,
        })
    }
}

/// Spawns on the calling worker.
#[inline]
fn on_worker(
    worker: &Worker,
    body: Body,
    bits: u16,
    place: &'static Location<'static>,
    options: impl FnOnce(&'static Slot),
) -> Result<Pid, SpawnError> {
    let slot = worker.acquire()?;
    let pid = fill(slot, worker.node(), body, bits, place, options);
    worker.launch(slot);
    Ok(pid)
}

/// Makes a free slot the place of a new process, which is the caller's.
#[inline]
pub(crate) fn fill(
    slot: &'static Slot,
    node: &node::Instance,
    body: Body,
    bits: u16,
    place: &'static Location<'static>,
    options: impl FnOnce(&'static Slot),
) -> Pid {
    slot.prepare(node.id(), bits | node.default_bits(), place);
    table::set_parent(slot, super::try_current().map(Slot::pid));
    // SAFETY: the slot is free, and the caller's.
    unsafe { slot.body.get().write(body) };
    options(slot);
    let pid = slot.pid();
    slot.inbox.open();
    pid
}

/// What `spawn!` calls.
///
/// # Panics
///
/// When a limit is met; the message names it.
#[doc(hidden)]
#[track_caller]
#[inline]
pub fn spawn<F, T>(f: F) -> Pid
where
    F: FnOnce() -> T + Send + 'static,
    T: ProcessResult,
{
    let place = Location::caller();
    let body = Body::closure::<F, _>(move || Next::Exit(f().into_reason()));
    let spawned = match scheduler::try_worker() {
        Some(_) if ended_caller().is_some() => stillborn(body, place),
        Some(worker) => on_worker(worker, body, 0, place, |_| {}),
        None => from_outside(body, place),
    };
    match spawned {
        Ok(pid) => pid,
        Err(error) => refused(&error, type_name::<F>()),
    }
}

/// What `spawn_link!` calls.
///
/// # Panics
///
/// When a limit is met, and outside a process; the message says so.
#[doc(hidden)]
#[track_caller]
pub fn spawn_link<F, T>(f: F) -> Pid
where
    F: FnOnce() -> T + Send + 'static,
    T: ProcessResult,
{
    let spawned = match ended_caller() {
        None => beside(f, |parent, child| link::with_newborn(parent, child, false)),
        Some(_) => Spawn::new().link().spawn(f).map(|ended| (ended.pid, ())),
    };
    match spawned {
        Ok((pid, ())) => pid,
        Err(error) => refused(&error, type_name::<F>()),
    }
}

/// What `spawn_monitor!` calls.
///
/// # Panics
///
/// As [`spawn_link`].
#[doc(hidden)]
#[track_caller]
pub fn spawn_monitor<F, T>(f: F) -> (Pid, Ref)
where
    F: FnOnce() -> T + Send + 'static,
    T: ProcessResult,
{
    let spawned = match ended_caller() {
        None => beside(f, |parent, child| Monitor::new().newborn(parent, child)),
        Some(slot) => {
            let ended = Spawn::new().spawn(f);
            ended.map(|ended| (ended.pid, reference::make(slot)))
        }
    };
    match spawned {
        Ok(spawned) => spawned,
        Err(error) => refused(&error, type_name::<F>()),
    }
}

/// The calling process, if it has been ended in its absence.
#[inline]
fn ended_caller() -> Option<&'static Slot> {
    if zombie::any() {
        super::try_current().filter(|slot| zombie::is_one(slot))
    } else {
        None
    }
}

/// What a zombie spawns: the pid of nobody.
#[cold]
fn stillborn(body: Body, place: &'static Location<'static>) -> Result<Pid, SpawnError> {
    drop(body);
    let worker = scheduler::worker();
    let slot = worker.acquire()?;
    slot.prepare(worker.node_id(), 0, place);
    let pid = slot.pid();
    worker.bury(slot);
    Ok(pid)
}

/// Spawns for the calling process, which `relate` relates to the newborn. As [`Spawn::start`] with
/// no other options.
#[track_caller]
#[inline]
fn beside<F, T, R>(f: F, relate: impl FnOnce(&Slot, &Slot) -> R) -> Result<(Pid, R), SpawnError>
where
    F: FnOnce() -> T + Send + 'static,
    T: ProcessResult,
{
    let place = Location::caller();
    let parent = super::try_current().ok_or(SpawnError::NoParent)?;
    let body = Body::closure::<F, _>(move || Next::Exit(f().into_reason()));
    let mut related = None;
    let pid = on_worker(scheduler::worker(), body, 0, place, |child| {
        related = Some(relate(parent, child));
    })?;
    match related {
        Some(related) => Ok((pid, related)),
        None => unreachable!("the options were applied"),
    }
}

#[cold]
fn from_outside(body: Body, place: &'static Location<'static>) -> Result<Pid, SpawnError> {
    let node = node::default_node()?;
    node.instance()
        .spawn_from_outside(body, 0, place, false, |_| {})
}

#[cold]
#[track_caller]
fn refused(error: &SpawnError, what: &str) -> ! {
    panic!("cannot spawn {what}: {error}")
}
