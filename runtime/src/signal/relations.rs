//! A process's relations: its links, what it monitors, who monitors it, its aliases.
//!
//! They belong to the holder of the process, as everything in `Extra`. But a process that does not
//! come to a switch point after its fatal exit (a zombie, see `process::zombie`) is ended in its
//! absence, so they lie behind a small lock in the slot. Under the lock nothing is delivered and no
//! user code runs, no destructor either; and as nobody else makes an `Extra`, the watchdog finds
//! none, or a whole one (`process::extra`).
//!
//! Who tells the end is decided under the lock: each tells those that it has taken out ([`take`]),
//! the watchdog those that it found, the process at its end those that were entered since.

use super::alias::Alias;
use super::links::Links;
use super::monitor::OwnMonitor;
use super::monitored::Monitored;
use super::table::Table;
use crate::process::activity::Note;
use crate::process::extra::Extra;
use crate::process::pid::Pid;
use crate::process::slot::Slot;
use crate::process::table;

/// One monitor, as the watched process knows it: who watches, and which of his monitors it is. Together the
/// monitor's [`Ref`](crate::Ref) without its marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Watcher {
    pub(crate) pid: Pid,
    pub(crate) number: u64,
}

impl Watcher {
    #[inline]
    pub(crate) fn new(pid: Pid, number: u64) -> Watcher {
        Watcher { pid, number }
    }
}

/// The monitor of a call, whose alias lives until the first answer, or as long as the monitor.
#[derive(Clone, Copy)]
pub(crate) struct CallMonitor {
    /// Of its reference.
    pub(crate) number: u64,
    pub(crate) target: Pid,
}

/// See the module's head.
#[derive(Default)]
pub(crate) struct Relations {
    pub(crate) links: Links,
    /// The call that the process waits for. A call within it, by a destructor that runs meanwhile, is a monitor like
    /// others.
    pub(crate) call: Option<CallMonitor>,
    /// All others, by the number of their reference.
    pub(crate) monitors: Table<u64, OwnMonitor, 0>,
    pub(crate) monitored_by: Table<Watcher, (), 1>,
    /// By the number of their reference; without those that end with a monitor, which stand in it.
    pub(crate) aliases: Option<Box<Table<u64, Alias, 0>>>,
}

impl Relations {
    /// Whether the process agrees to any priority message.
    pub(crate) fn any_priority(&self) -> bool {
        let mut aliases = self.aliases.iter().flat_map(|aliases| aliases.iter());
        aliases.any(|(_, alias)| alias.priority)
            || self.monitors.iter().any(|(_, monitor)| monitor.priority())
            || self.links.any_priority()
    }

    /// Who is to be told of the process's end.
    pub(crate) fn watchers(&self) -> impl Iterator<Item = Watcher> {
        self.monitored_by.iter().map(|(watcher, ())| *watcher)
    }

    /// Whom the process monitors, with the number of the monitor.
    pub(crate) fn watched(&self) -> impl Iterator<Item = (u64, Pid)> {
        let call = self.call.iter();
        let monitors = self.monitors.iter();
        call.map(|call| (call.number, call.target))
            .chain(monitors.filter_map(|(number, monitor)| Some((*number, monitor.target()?))))
    }

    /// What the process monitors, as it was named.
    pub(crate) fn objects(&self) -> impl Iterator<Item = Monitored> {
        let call = self.call.iter();
        let monitors = self.monitors.iter();
        call.map(|call| Monitored::Pid(call.target))
            .chain(monitors.map(|(_, monitor)| monitor.object().clone()))
    }

    /// Enters an alias that ends with no monitor.
    pub(crate) fn insert_alias(&mut self, number: u64, alias: Alias) {
        let aliases = self.aliases.get_or_insert_default();
        aliases.insert(number, alias);
    }

    /// Takes out an alias that ends with no monitor.
    pub(crate) fn remove_alias(&mut self, number: u64) -> Option<Alias> {
        self.aliases.as_mut()?.remove(&number)
    }

    /// The call of this number, if it is the one that is waited for.
    #[inline]
    pub(crate) fn take_call(&mut self, number: u64) -> Option<CallMonitor> {
        self.call.take_if(|call| call.number == number)
    }
}

/// Calls `f` with the relations of the process that the caller holds. See the module's head for
/// what `f` must not do.
pub(crate) fn with<R>(slot: &Slot, f: impl FnOnce(&mut Relations) -> R) -> R {
    let extra = slot.extra();
    let _locked = slot.lock.lock();
    // SAFETY: they are reached under the lock only, and a reference to the `Extra` does not cover them.
    f(unsafe { &mut *Extra::relations(extra) })
}

/// As [`with`], for a newborn, which its parent holds: nobody else knows of it.
pub(crate) fn of_newborn<R>(child: &Slot, f: impl FnOnce(&mut Relations) -> R) -> R {
    // SAFETY: the newborn is the caller's, and nobody else knows it.
    f(unsafe { &mut *Extra::relations(child.extra()) })
}

/// As [`with`], if there are any.
pub(crate) fn if_any<R>(slot: &Slot, f: impl FnOnce(&mut Relations) -> R) -> Option<R> {
    if slot.extra.get().is_null() {
        None
    } else {
        Some(with(slot, f))
    }
}

/// Calls `f` with the note of what the process, which the caller holds, is at.
#[inline]
pub(crate) fn note(slot: &Slot, f: impl FnOnce(&Note)) {
    // SAFETY: the holder's, so nobody frees it; others only read it.
    f(unsafe { &*Extra::note(slot.extra()) });
}

/// Calls `f` with the note and the relations of a process that another holds, if it lives.
pub(crate) fn noted<R>(pid: Pid, f: impl FnOnce(&Note, &Relations) -> R) -> Option<R> {
    of_any(pid, |extra| {
        if extra.is_null() {
            return f(&Note::default(), &Relations::default());
        }
        // SAFETY: not null, and not freed while the lock is held: see `of_any`.
        let (note, relations) = unsafe { (&*Extra::note(extra), &*Extra::relations(extra)) };
        f(note, relations)
    })
}

/// As [`if_any`], of a process that another holds, if it lives.
pub(crate) fn of<R>(pid: Pid, f: impl FnOnce(&mut Relations) -> R) -> Option<R> {
    of_any(pid, |extra| {
        // SAFETY: as in `with`, and see `of_any`.
        (!extra.is_null()).then(|| f(unsafe { &mut *Extra::relations(extra) }))
    })
    .flatten()
}

/// Calls `f`, under the lock, with what may be null, if the process lives. It is not freed meanwhile: the
/// process closes its inbox before it does that, and takes it out under the lock.
fn of_any<R>(pid: Pid, f: impl FnOnce(*mut Extra) -> R) -> Option<R> {
    let slot = table::slot_of(pid);
    let _locked = slot.lock.lock();
    table::is_live(pid).then(|| f(slot.extra.get()))
}

/// Takes the relations out, for the process's end.
pub(crate) fn take(slot: &Slot) -> Option<Relations> {
    if_any(slot, std::mem::take)
}
