//! A process's relations: its links, what it monitors, who monitors it, its aliases.
//!
//! They belong to the holder of the process, as everything in `Extra`. But a process that does not
//! come to a switch point after its fatal exit (a zombie, see `process::zombie`) is ended in its
//! absence, so they lie behind a small lock in the slot. Under the lock nothing is delivered and no
//! user code runs; and as nobody else makes an `Extra`, the watchdog finds none, or a whole one (`process::extra`).

use super::alias::Alias;
use super::link::Link;
use super::monitor::Watched;
use super::table::Table;
use crate::process::pid::Pid;
use crate::process::slot::Slot;

/// One monitor, as the watched process knows it: the watcher's [`Ref`](crate::Ref), without its
/// marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Watch {
    pub(crate) watcher: Pid,
    pub(crate) number: u64,
}

/// See the module's head.
#[derive(Default)]
pub(crate) struct Relations {
    pub(crate) links: Table<Pid, Link, 1>,
    /// By the number of their reference.
    pub(crate) monitors: Table<u64, Watched, 0>,
    pub(crate) monitored_by: Table<Watch, (), 1>,
    /// By the number of their reference.
    pub(crate) aliases: Table<u64, Alias, 0>,
    /// Unlink signals sent so far.
    pub(crate) unlinks: u64,
    /// The process has told its end.
    pub(crate) ended: bool,
}

/// Calls `f` with the relations of the process that the caller holds. See the module's head for
/// what `f` must not do.
pub(crate) fn with<R>(slot: &Slot, f: impl FnOnce(&mut Relations) -> R) -> R {
    let extra = slot.extra();
    let _locked = slot.lock.lock();
    // SAFETY: the field is reached under the lock only; nobody refers to an `Extra` as a whole.
    f(unsafe { &mut (*extra).relations })
}

/// As [`with`], for a newborn, which its parent holds: nobody else knows of it.
pub(crate) fn of_newborn<R>(child: &Slot, f: impl FnOnce(&mut Relations) -> R) -> R {
    // SAFETY: the newborn is the caller's; nobody refers to an `Extra` as a whole.
    f(unsafe { &mut (*child.extra()).relations })
}

/// As [`with`], if there are any.
pub(crate) fn if_any<R>(slot: &Slot, f: impl FnOnce(&mut Relations) -> R) -> Option<R> {
    if slot.extra.get().is_null() {
        None
    } else {
        Some(with(slot, f))
    }
}

/// Takes the relations out, for the process's end; none if it has told its end already.
pub(crate) fn take(slot: &Slot) -> Option<Relations> {
    if_any(slot, |relations| {
        if relations.ended {
            return None;
        }
        let taken = std::mem::take(relations);
        relations.ended = true;
        Some(taken)
    })
    .flatten()
}
