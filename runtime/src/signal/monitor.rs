//! Monitors: a process learns of the end of another.
//!
//! A monitor is kept twice: by the watcher, under the number of its reference, with all that the
//! message will say; and by the watched process, as a [`Watcher`]. When that ends it sends `Down` with
//! the number; the watcher looks it up, and makes the message if the monitor still stands. So a
//! `demonitor` acts at once: it takes the monitor out here, whatever is on its way.
//!
//! A request brings its monitor with it ([`Monitor::request`]), and of a call the watcher keeps no more than whom it
//! watches ([`CallMonitor`]). Its answer ends it; who is watched and answers himself forgets it first ([`settle`]).

use std::fmt;

use super::alias::Alias;
use super::monitored::Monitored;
use super::relations::{self, CallMonitor, Relations, Watcher};
use super::{Signal, send};
use crate::mailbox::reference::{self, Ref};
use crate::mailbox::{queue, urgent};
use crate::message::AnyMessage;
use crate::process::current;
use crate::process::exit;
use crate::process::exit_reason::{ExitReason, Term};
use crate::process::pid::Pid;
use crate::process::slot::Slot;
use crate::process::zombie;
use crate::registry::Name;
use crate::scheduler;

/// The message that a monitor sends once, when what it watched has ended: Erlang's
/// `{'DOWN', Ref, process, Object, Reason}`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Down {
    /// The monitor, which is gone now.
    pub monitor: Ref,
    /// What was watched, as it was named.
    pub object: Monitored,
    /// Why it ended; [`NoProc`](ExitReason::NoProc) if there was nothing to watch.
    pub reason: ExitReason,
}

/// The message of a monitor with a tag: Erlang's `{Tag, Ref, process, Object, Reason}`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TaggedDown {
    /// What was given to [`Monitor::tag`].
    pub tag: Term,
    /// What a monitor without a tag would have sent.
    pub down: Down,
}

/// One monitor, as its watcher keeps it under the number of its reference.
pub(crate) struct OwnMonitor {
    object: Monitored,
    target: Option<Pid>,
    tag: Option<Term>,
    /// The alias of the same reference, if it ends with the monitor.
    pub(super) alias: Option<Alias>,
    priority: bool,
}

impl OwnMonitor {
    /// As it would stand in the table.
    fn of_call(call: CallMonitor) -> OwnMonitor {
        OwnMonitor {
            object: Monitored::Pid(call.target),
            target: Some(call.target),
            tag: None,
            alias: Some(Alias::OF_REQUEST),
            priority: false,
        }
    }

    /// Who has to be told when the monitor is taken back.
    pub(crate) fn target(&self) -> Option<Pid> {
        self.target
    }

    /// What it watches, as it was named.
    pub(crate) fn object(&self) -> &Monitored {
        &self.object
    }

    pub(crate) fn priority(&self) -> bool {
        self.priority
    }
}

/// How long the alias of a monitor lives; see [`Monitor::alias`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MonitorAlias {
    /// Until [`unalias`](crate::unalias): Erlang's `explicit_unalias`.
    ExplicitUnalias,
    /// As long as the monitor.
    Demonitor,
    /// As long as the monitor, and until the first message has come over it, which ends the
    /// monitor as well.
    ReplyDemonitor,
}

/// A monitor with options.
///
/// Mirrors `erlang:monitor/3`.
///
/// ```
/// use runtime::prelude::*;
/// use runtime::{Monitor, MonitorAlias, TaggedDown};
///
/// # runtime::run(|| {
/// let child = spawn!(|| receive! { "end": &str => {} });
/// let monitor = Monitor::new().tag("child").monitor(child);
/// send(child, "end");
/// let TaggedDown { tag, down, .. } = receive_type();
/// assert_eq!(tag.downcast_ref(), Some(&"child"));
/// assert_eq!(down.monitor, monitor);
/// # });
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is watched before `monitor`"]
pub struct Monitor {
    tag: Option<Term>,
    alias: Option<MonitorAlias>,
    priority: bool,
}

impl Monitor {
    /// No options.
    pub fn new() -> Monitor {
        Monitor::default()
    }

    /// Sends a [`TaggedDown`] with this tag in place of a [`Down`].
    pub fn tag<T>(mut self, tag: T) -> Monitor
    where
        T: std::any::Any + Send + Sync + fmt::Debug + PartialEq,
    {
        self.tag = Some(Term::new(tag));
        self
    }

    /// Makes the monitor's reference an alias of the calling process too: what is sent to it
    /// reaches the process as long as the alias lives.
    pub fn alias(mut self, lives: MonitorAlias) -> Monitor {
        self.alias = Some(lives);
        self
    }

    /// Lets the [`Down`] go before the ordinary messages in the mailbox, behind earlier ones of its
    /// kind. What comes over the monitor's alias has its ordinary place.
    pub fn priority(mut self) -> Monitor {
        self.priority = true;
        self
    }

    /// Watches nobody: as a name that no process has.
    pub(crate) fn nobody(self, name: Name) -> Ref {
        let slot = current("monitor");
        let reference = self.note(slot, Monitored::Name(name), None);
        if super::may_relate(slot) {
            let watcher = Watcher::new(slot.pid(), reference.number());
            tell(watcher, ExitReason::NoProc);
        }
        reference
    }

    /// Watches `object`: a [`Pid`] or a registered name, also on a node, which is looked up once, now.
    ///
    /// # Panics
    ///
    /// Outside a process.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn monitor(self, object: impl Into<Monitored>) -> Ref {
        let slot = current("monitor");
        let object = object.into();
        let me = slot.pid();
        let target = object.whereis();
        // One that watches itself never fires.
        let told = target.as_ref().ok().copied().filter(|&pid| pid != me);
        let reference = self.note(slot, object, told);
        if super::may_relate(slot) {
            let watcher = Watcher::new(me, reference.number());
            match (told, target) {
                (Some(pid), _) => {
                    send(pid, Signal::Monitor(watcher));
                    if zombie::is_one(slot) {
                        send(pid, Signal::Demonitor(watcher));
                    }
                }
                (None, Ok(_)) => {}
                (None, Err(reason)) => tell(watcher, reason),
            }
        }
        reference
    }

    /// The watcher's half of a monitor.
    fn note(self, slot: &Slot, object: Monitored, target: Option<Pid>) -> Ref {
        if self.priority {
            urgent::enable(slot);
        }
        let reference = reference::make(slot);
        let alias = self.alias.map(|lives| Alias {
            once: lives == MonitorAlias::ReplyDemonitor,
            priority: false,
        });
        let (lasting, ends) = match self.alias {
            Some(MonitorAlias::ExplicitUnalias) => (alias, None),
            _ => (None, alias),
        };
        let own = OwnMonitor {
            object,
            target,
            tag: self.tag,
            alias: ends,
            priority: self.priority,
        };
        relations::with(slot, |relations| {
            relations.monitors.insert(reference.number(), own);
            if let Some(alias) = lasting {
                relations.insert_alias(reference.number(), alias);
            }
        });
        reference
    }

    /// Watches the process from the request on that is made of the reference and sent now, with an alias for its
    /// answer. The calling process waits for the answer alone, if it is a call.
    pub(crate) fn request(pid: Pid, is_call: bool, message: impl FnOnce(Ref) -> AnyMessage) -> Ref {
        let slot = current("request");
        let me = slot.pid();
        let other = (pid != me).then_some(pid);
        let reference = match other {
            Some(pid) if is_call => Monitor::call(slot, pid),
            _ => Monitor::of_request().note(slot, Monitored::Pid(pid), other),
        };
        let mut message = message(reference);
        if other.is_none() || !super::may_relate(slot) {
            scheduler::deliver(pid, message);
            return reference;
        }
        let watcher = Watcher::new(me, reference.number());
        if scheduler::is_limited(pid) {
            // The message may be refused, the monitor not.
            send(pid, Signal::Monitor(watcher));
            // As a request, it is no answer, whatever it was before.
            scheduler::deliver(pid, message.open());
        } else {
            message.make_request(me.into(), watcher.number);
            super::request(pid, watcher, message);
        }
        if zombie::is_one(slot) {
            send(pid, Signal::Demonitor(watcher));
        }
        reference
    }

    fn of_request() -> Monitor {
        Monitor::new().alias(MonitorAlias::ReplyDemonitor)
    }

    /// The watcher's half of the monitor of a call.
    fn call(slot: &Slot, target: Pid) -> Ref {
        let reference = reference::make(slot);
        let number = reference.number();
        let is_only = relations::with(slot, |relations| {
            let is_only = relations.call.is_none();
            if is_only {
                relations.call = Some(CallMonitor { number, target });
            }
            is_only
        });
        if is_only {
            reference
        } else {
            Monitor::of_request().note(slot, Monitored::Pid(target), Some(target))
        }
    }

    /// Watches a newborn, which the caller holds, for its parent, the calling process.
    pub(crate) fn newborn(self, parent: &Slot, child: &Slot) -> Ref {
        let pid = child.pid();
        let reference = self.note(parent, Monitored::Pid(pid), Some(pid));
        let watcher = Watcher::new(parent.pid(), reference.number());
        relations::of_newborn(child, |child| child.monitored_by.insert(watcher, ()));
        reference
    }
}

/// Watches `object`, a [`Pid`] or a registered name: when the process ends, the caller receives a
/// [`Down`], once. If there is no such process it does so at once, with
/// [`NoProc`](ExitReason::NoProc).
///
/// A name with a [node](crate::NodeName) is Erlang's `{Name, Node}`. Of a node that there is no connection to
/// the [`Down`] comes at once, with [`NoConnection`](ExitReason::NoConnection).
///
/// Each call makes a monitor of its own. A name is looked up once, now. A monitor of oneself never
/// fires. Options: [`Monitor`].
///
/// Mirrors `erlang:monitor/2`.
///
/// # Panics
///
/// Outside a process.
///
/// ```
/// use runtime::prelude::*;
/// use runtime::{Down, ExitReason, monitor};
///
/// # runtime::run(|| {
/// let child = spawn!(|| exit(ExitReason::Shutdown));
/// let watched = monitor(child);
/// receive! {
///     Down { monitor, reason, .. } if monitor == watched => {
///         assert!(matches!(reason, ExitReason::Shutdown | ExitReason::NoProc));
///     }
/// }
///
/// use runtime::NodeName;
///
/// let watched = monitor(("nobody", NodeName::Local));
/// receive! { Down { monitor, reason, .. } if monitor == watched => assert_eq!(reason, ExitReason::NoProc) }
/// # });
/// ```
#[cfg_attr(debug_assertions, track_caller)]
pub fn monitor(object: impl Into<Monitored>) -> Ref {
    Monitor::new().monitor(object)
}

/// Ends a monitor: no [`Down`] of it arrives from now on. True if it stood until now; false if it
/// has fired, was ended before, or is not the calling process's: then its `Down` may be in the
/// mailbox.
///
/// Mirrors `erlang:demonitor/2` with the option `info`.
///
/// # Panics
///
/// Outside a process.
#[cfg_attr(debug_assertions, track_caller)]
pub fn demonitor(monitor: Ref) -> bool {
    let slot = current("demonitor");
    let me = slot.pid();
    if monitor.creator() != me {
        return false;
    }
    let number = monitor.number();
    if !super::may_relate(slot) {
        // Whoever is watched is told at the process's end.
        let stands = |relations: &mut Relations| {
            let call = relations.call;
            call.is_some_and(|call| call.number == number)
                || relations.monitors.get(&number).is_some()
        };
        return relations::if_any(slot, stands).unwrap_or(false);
    }
    let Some(own) = take(slot, number) else {
        return false;
    };
    forget(me, number, &own);
    true
}

/// As [`demonitor`], and takes the monitor's [`Down`] or [`TaggedDown`] out of the mailbox if it
/// is there: none of it is left afterwards. Inside a guard, and in the destructor of a message that is
/// thrown away, the mailbox is being worked on: there what has come stays.
///
/// Mirrors `erlang:demonitor/2` with the options `flush` and `info`.
///
/// # Panics
///
/// Outside a process.
#[cfg_attr(debug_assertions, track_caller)]
pub fn demonitor_flush(monitor: Ref) -> bool {
    let stood = demonitor(monitor);
    let slot = current("demonitor_flush");
    if !stood && monitor.creator() == slot.pid() {
        let down = queue::take_first(slot, |message| {
            let down = message.downcast_ref::<Down>();
            let tagged = message
                .downcast_ref::<TaggedDown>()
                .map(|tagged| &tagged.down);
            down.or(tagged).is_some_and(|down| down.monitor == monitor)
        });
        drop(down);
    }
    stood
}

/// Takes a monitor out of the watcher's table, with the alias that ends with it.
pub(super) fn take(slot: &Slot, number: u64) -> Option<OwnMonitor> {
    relations::if_any(slot, |relations| match relations.take_call(number) {
        Some(call) => Some(OwnMonitor::of_call(call)),
        None => relations.monitors.remove(&number),
    })
    .flatten()
}

/// A reply has come to the process that the caller holds, and this monitor of the same reference has ended by it.
pub(super) fn ended_by_reply(slot: &Slot, number: u64, own: OwnMonitor, settled: bool) {
    if !settled {
        forget(slot.pid(), number, &own);
    }
    if let Some(tag) = own.tag {
        exit::drop_later(slot, AnyMessage::new(tag));
    }
}

/// As [`ended_by_reply`], of a call.
#[inline]
pub(super) fn call_ended_by_reply(slot: &Slot, call: CallMonitor, settled: bool) {
    if !settled {
        forget(slot.pid(), call.number, &OwnMonitor::of_call(call));
    }
}

/// The running process is about to answer over the alias of this monitor's reference, which ends the monitor: if that
/// watches the process, it forgets it. False: it watches another, or has ended, or the process was ended in
/// its absence, and its end was told.
pub(crate) fn settle(slot: &Slot, watcher: Watcher) -> bool {
    relations::if_any(slot, |relations| relations.monitored_by.remove(&watcher))
        .flatten()
        .is_some()
}

/// Tells the watched process that a monitor is gone.
pub(super) fn forget(watcher: Pid, number: u64, own: &OwnMonitor) {
    if let Some(target) = own.target {
        send(target, Signal::Demonitor(Watcher::new(watcher, number)));
    }
}

/// Tells a watcher the end.
pub(super) fn tell(watcher: Watcher, reason: ExitReason) {
    let monitor = watcher.number;
    send(watcher.pid, Signal::Down { monitor, reason });
}

/// The process is monitored.
pub(crate) fn accept(slot: &Slot, watcher: Watcher) {
    relations::with(slot, |relations| relations.monitored_by.insert(watcher, ()));
}

/// A monitor of the process is gone.
pub(super) fn remove(slot: &Slot, watcher: Watcher) {
    relations::if_any(slot, |relations| relations.monitored_by.remove(&watcher));
}

/// What one of the process's monitors watched has ended. Returns the message that this becomes,
/// unless the monitor is gone.
pub(super) fn fired(slot: &Slot, number: u64, reason: ExitReason) -> Option<AnyMessage> {
    let Some(own) = take(slot, number) else {
        exit::discard(slot, reason);
        return None;
    };
    let down = Down {
        monitor: Ref::unmarked(slot.pid(), number),
        object: own.object,
        reason,
    };
    let mut message = match own.tag {
        None => AnyMessage::new(down),
        Some(tag) => AnyMessage::new(TaggedDown { tag, down }),
    };
    message.header_mut().set_priority(own.priority);
    Some(message)
}
