//! `process_info`: what one process can learn of another.
//!
//! Called by users. The holder of the process looks ([`of_held`]): the asker itself if the process
//! waits, so that it can be claimed for a moment; else the process, when it finds the question among
//! its signals (`signal::question`). Nothing of that runs code of the process's own; what does
//! ([`look_closer`]) the process does itself, with its messages taken out of their queue.

use std::fmt;
use std::panic::Location;
use std::ptr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::backtrace::ProcessBacktrace;
use super::pid::Pid;
use super::slot::{Slot, bit, flag};
use super::spawn::Priority;
use super::{alive, dictionary, exit, local, name, table, try_current};
use crate::mailbox::queue;
use crate::message::AnyMessage;
use crate::node;
use crate::registry::Name;
use crate::scheduler;
use crate::shown::Shown;
use crate::signal::monitored::Monitored;
use crate::signal::question::{Answer, What, ask};
use crate::signal::relations;
use crate::thread;

/// What a process is doing.
///
/// Mirrors `process_info(Pid, status)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// It runs.
    Running,
    /// It could run, and others do. Seen of a process that has not answered: see
    /// [`ProcessInfo::stale`].
    Runnable,
    /// It waits on a stack of its own.
    Waiting,
    /// It waits, and has no stack: a behaviour between two calls.
    AtRest,
    /// As `AtRest`, hibernated.
    Hibernated,
    /// It was told to end, and is unwinding, or about to.
    Exiting,
}

/// What is known of a process; from [`process_info`] or a [`Look`].
///
/// Mirrors the result of `process_info/1` and `process_info/2`.
#[derive(Debug)]
#[non_exhaustive]
pub struct ProcessInfo {
    /// The process.
    pub pid: Pid,
    /// The process came to no switch point within 100 ms, and this is what others can see of it:
    /// `pid`, `status`, `message_queue_len`, `mailbox_limit`, `reductions`, `spawned_at` and
    /// `registered_name`. The rest is as of a process just spawned.
    pub stale: bool,
    /// What it was doing when the question reached it.
    pub status: Status,
    /// Messages in its mailbox; of a stale look also signals that are on their way to it.
    pub message_queue_len: usize,
    /// The greatest number of messages that its mailbox takes, if it has a limit.
    pub mailbox_limit: Option<u32>,
    /// Reductions spent, modulo 2^32.
    pub reductions: u32,
    /// Where it was spawned.
    pub spawned_at: Option<&'static Location<'static>>,
    /// Its registered name.
    pub registered_name: Option<Name>,
    /// Its label: see [`set_label`](crate::set_label).
    pub label: Option<String>,
    /// The name of its function, or the type of its behaviour.
    pub function: Option<&'static str>,
    /// The process that spawned it, which may have ended by now. `None`: it was spawned by none.
    pub parent: Option<Pid>,
    /// The processes that it is linked to, in no order.
    pub links: Vec<Pid>,
    /// What it monitors, in no order; as often as it does.
    pub monitors: Vec<Monitored>,
    /// Who monitors it, in no order; as often as they do.
    pub monitored_by: Vec<Pid>,
    /// Whether it traps exits.
    pub trap_exit: bool,
    /// Its priority.
    pub priority: Priority,
    /// Whether it agrees to priority messages by now: over an alias, a monitor or a link.
    pub priority_messages: bool,
    /// How long it waits yet, if it waits with a time-out.
    pub time_left: Option<Duration>,
    /// The bytes of its stack, or of that which it gets when it blocks; only what is touched costs.
    pub stack_size: usize,
    /// The bytes in use of its stack; with [`Look::backtrace`], if it stands on one.
    pub stack_used: Option<usize>,
    /// The messages; with [`Look::messages`].
    pub messages: Option<Vec<ShownValue>>,
    /// The dictionary: keys, and values; with [`Look::dictionary`].
    pub dictionary: Option<Vec<(String, ShownValue)>>,
    /// The types of its `process_local!` values; with [`Look::dictionary`].
    pub locals: Option<Vec<&'static str>>,
    /// Where it is: the stack it waits on, the innermost frames first; with [`Look::backtrace`].
    /// None at rest: `function` and `time_left` say what it waits in, and how long.
    pub backtrace: Option<ProcessBacktrace>,
}

/// A value of another process, as [`Shown`] shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShownValue {
    /// The name of its type.
    pub type_name: &'static str,
    /// What its `Debug` says, within bounds.
    pub text: String,
}

impl fmt::Display for ShownValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl ShownValue {
    pub(crate) fn new(value: &AnyMessage) -> ShownValue {
        ShownValue {
            type_name: value.type_name(),
            text: Shown::message(value).to_string(),
        }
    }
}

/// A look at a process, with what [`process_info`] leaves out because it costs more.
///
/// The process itself shows it, at its next switch point: code of its own runs for that, the
/// `Debug` of its messages. It must not receive, like a guard. A behaviour that waits is not woken.
///
/// Mirrors `process_info/2`.
///
/// ```
/// use runtime::prelude::*;
/// use runtime::{Look, spawn};
///
/// # runtime::run(|| {
/// let pid = spawn!(|| receive! { "end" : &str => {} });
/// send(pid, 7u32);
/// let info = Look::new().messages(10).at(pid).unwrap();
/// assert_eq!(info.messages.unwrap()[0].text, "7");
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "nothing is looked at before `at`"]
pub struct Look {
    messages: Option<usize>,
    dictionary: bool,
    backtrace: bool,
}

impl Look {
    /// What [`process_info`] tells.
    pub fn new() -> Look {
        Look::default()
    }

    /// Shows the messages in the mailbox: the first ones, at most so many.
    pub fn messages(mut self, most: usize) -> Look {
        self.messages = Some(most);
        self
    }

    /// Shows the [`dictionary`](mod@crate::dictionary), and names the types of the `process_local!`
    /// values.
    pub fn dictionary(mut self) -> Look {
        self.dictionary = true;
        self
    }

    /// Shows where the process is, and how much of its stack is in use.
    pub fn backtrace(mut self) -> Look {
        self.backtrace = true;
        self
    }

    pub(crate) fn is_deep(self) -> bool {
        self.messages.is_some() || self.dictionary || self.backtrace
    }

    /// Looks at a process; `None` if it is not alive. See [`process_info`].
    ///
    /// A thread that is no process sees of one that does not wait what the counters say
    /// ([`ProcessInfo::stale`]), and nothing that the process would have to show itself. The same
    /// holds inside a guard.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn at(self, pid: Pid) -> Option<ProcessInfo> {
        let me = try_current();
        let slot = table::slot_of(pid);
        if let Some(me) = me.filter(|me| ptr::eq(*me, slot) && me.pid() == pid) {
            return Some(self.at_self(me));
        }
        if !alive::seems_alive(pid) {
            return None;
        }
        if !self.is_deep() && slot.inbox.claim() {
            let info = (slot.inbox.generation() == pid.generation()).then(|| of_held(slot));
            scheduler::release(slot);
            return info;
        }
        let answer = match me {
            Some(me) if !me.has(bit::GUARD) => ask(me, pid, What::Info(self)),
            _ => None,
        };
        match answer {
            Some(Answer::Info(info)) => Some(*info),
            Some(Answer::Dead | Answer::Alive) => None,
            None => alive::seems_alive(pid).then(|| from_counters(slot, pid)),
        }
    }

    fn at_self(self, me: &'static Slot) -> ProcessInfo {
        if me.has(bit::GUARD) {
            return of_held(me);
        }
        queue::drain(me);
        exit::check(me);
        exit::drop_stale(me);
        let mut info = of_held(me);
        look_closer(me, self, false, &mut info);
        info
    }
}

/// What is known of a process; `None` if it is not alive.
///
/// It sees the effect of every signal that the caller has sent to the process before. If the process
/// waits it is answered at once, and the process is not run; else by a signal, at the process's
/// next switch point; and if it comes to none within 100 ms, from what others can see of it
/// ([`ProcessInfo::stale`]). A switch point. More can be seen with a [`Look`].
///
/// Mirrors `process_info/1`.
///
/// ```
/// use runtime::prelude::*;
/// use runtime::process_info;
///
/// # runtime::run(|| {
/// let pid = spawn!(|| receive! { "end" : &str => {} });
/// link(pid);
/// let info = process_info(pid).unwrap();
/// assert_eq!(info.links, [self_pid()]);
/// # });
/// ```
#[cfg_attr(debug_assertions, track_caller)]
pub fn process_info(pid: Pid) -> Option<ProcessInfo> {
    Look::new().at(pid)
}

/// The pids of the processes of the caller's node (on a foreign thread: the default node) that have
/// not ended: of all that lived during the whole call, and perhaps of some that did during a part
/// of it. Takes time in proportion to the most processes that the program has had at once.
///
/// Mirrors `processes/0`.
///
/// ```
/// # runtime::run(|| {
/// assert!(runtime::processes().contains(&runtime::self_pid()));
/// # });
/// ```
pub fn processes() -> Vec<Pid> {
    node::with_own(|node| node.processes().collect()).unwrap_or_default()
}

/// What a process that the caller holds is doing.
pub(crate) fn status_of(slot: &Slot) -> Status {
    if slot.has(bit::FATAL | bit::ENDING) {
        Status::Exiting
    } else if try_current().is_some_and(|me| ptr::eq(me, slot)) {
        Status::Running
    } else if !slot.context.get().is_null() {
        Status::Waiting
    } else if slot.has(bit::HIBERNATED) {
        Status::Hibernated
    } else {
        Status::AtRest
    }
}

/// What anybody can see of a process that does not answer.
fn from_counters(slot: &Slot, pid: Pid) -> ProcessInfo {
    let worker = scheduler::try_worker();
    let own_node = worker.filter(|worker| worker.node_id() == slot.node.load(Ordering::Relaxed));
    let status = seen_from_outside(slot);
    ProcessInfo {
        stale: true,
        registered_name: own_node.and_then(|worker| worker.node().names().name_of(pid)),
        ..counters(slot, pid, status)
    }
}

/// What a process does that cannot be claimed, as far as the workers of its node tell.
pub(crate) fn seen_from_outside(slot: &Slot) -> Status {
    let runs = node::visit(slot.node.load(Ordering::Relaxed), |node| {
        let mut workers = node.started_workers();
        workers.any(|worker| ptr::eq(worker.running.load(Ordering::Relaxed), slot))
    });
    match runs {
        _ if slot.inbox.flags() & flag::KILLED != 0 => Status::Exiting,
        Some(true) => Status::Running,
        _ => Status::Runnable,
    }
}

/// What anybody can see of a process, its name apart.
fn counters(slot: &Slot, pid: Pid, status: Status) -> ProcessInfo {
    let flags = slot.inbox.flags();
    let limited = flags & flag::LIMITED != 0;
    ProcessInfo {
        pid,
        stale: false,
        status,
        message_queue_len: alive::length(slot),
        mailbox_limit: limited.then_some(flags >> flag::LIMIT_SHIFT),
        reductions: slot.reductions.load(Ordering::Relaxed),
        spawned_at: slot.place(),
        registered_name: None,
        label: None,
        function: None,
        parent: None,
        links: Vec::new(),
        monitors: Vec::new(),
        monitored_by: Vec::new(),
        trap_exit: false,
        priority: Priority::Normal,
        priority_messages: false,
        time_left: None,
        stack_size: 0,
        stack_used: None,
        messages: None,
        dictionary: None,
        locals: None,
        backtrace: None,
    }
}

/// What the holder of a process sees of it.
pub(crate) fn of_held(slot: &Slot) -> ProcessInfo {
    let pid = slot.pid();
    let mut info = counters(slot, pid, status_of(slot));
    // All that came before the question was taken in; what is in the inbox came later, or is none.
    info.message_queue_len = slot.length() as usize;
    if info.status == Status::Running {
        // What it has spent in this turn is not in its total yet.
        scheduler::account(thread::this(), slot);
        info.reductions = slot.reductions.load(Ordering::Relaxed);
    }
    info.parent = table::parent_of(slot);
    info.trap_exit = slot.has(bit::TRAP_EXIT);
    info.priority = Priority::of(slot);
    info.label = name::label(slot);
    // SAFETY: the holder's, and the name may be asked for while the body runs.
    info.function = unsafe { (*slot.body.get()).name() };
    let asked_size = extra_of(slot).map_or(0, |extra| {
        // SAFETY: the holder's, and no other reference to it lives.
        unsafe { (*extra).rare.as_ref().map_or(0, |rare| rare.stack_size) }
    });
    node::of_held(slot, |node| {
        info.registered_name = node.names().name_of(pid);
        if slot.has(bit::DEADLINE) {
            let left = slot.deadline.get().saturating_sub(node.clock().now());
            info.time_left = Some(Duration::from_nanos(left));
        }
        let class = crate::stack::class_of(asked_size).ok();
        let class = class.filter(|_| asked_size > 0);
        info.stack_size = class.unwrap_or(node.stack_class()).size();
    });
    relations::if_any(slot, |relations| {
        info.links = relations.links.active().collect();
        info.monitors = relations.objects().collect();
        let watchers = relations.monitored_by.iter();
        info.monitored_by = watchers.map(|(watcher, ())| watcher.pid).collect();
        info.priority_messages = relations.any_priority();
    });
    info
}

fn extra_of(slot: &Slot) -> Option<*mut super::extra::Extra> {
    let extra = slot.extra.get();
    (!extra.is_null()).then_some(extra)
}

/// What only the process itself, which runs, can show.
pub(crate) fn look_closer(slot: &Slot, look: Look, at_rest: bool, info: &mut ProcessInfo) {
    if look.backtrace && !at_rest {
        let here = 0u8;
        let top = thread::this().context.get().addr();
        info.stack_used = Some(top.saturating_sub(ptr::from_ref(&here).addr()));
        info.backtrace = Some(ProcessBacktrace::capture());
    }
    if look.dictionary {
        info.locals = Some(local::type_names(slot));
        info.dictionary = Some(dictionary::shown(slot));
    }
    if let Some(most) = look.messages {
        let mut shown = Vec::new();
        queue::show(slot, |message| {
            let goes_on = shown.len() < most;
            if goes_on {
                shown.push(ShownValue::new(message));
            }
            goes_on
        });
        info.messages = Some(shown);
    }
}
