//! Links: two processes, of which neither outlives the other unless it traps exits.
//!
//! Each end keeps the link. To link, a process notes it and sends `Link`; the other end notes it.
//! To unlink, it marks its end and sends `Unlink`; the other end forgets the link and answers
//! `Unlinked`, by which the mark goes. While the mark stands, whatever comes over the old link is
//! ignored, and so is a `Link` of the other end: that was sent before it knew of the `Unlink`, and
//! it will forget the link when it does. So both ends agree in the end, whoever links and unlinks
//! at once:
//!
//! ```text
//!            link: send Link          unlink: send Unlink(id)
//!   (none) ------------------> Active ----------------------> Unlinking(id) --Unlinked(id)--> (none)
//!      ^                       |    ^                              |
//!      +--- Unlink(n): send ---+    +------- link: send Link ------+
//!           Unlinked(n)
//! ```
//!
//! After the Erlang distribution protocol's link protocol (OTP 23.3 and later).

use super::relations;
use super::{Signal, send};
use crate::mailbox::queue;
use crate::message::AnyMessage;
use crate::process::exit;
use crate::process::exit_reason::ExitReason;
use crate::process::pid::Pid;
use crate::process::slot::{Slot, bit};
use crate::process::{current, table};

/// One end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Active,
    /// Ended from here by the unlink signal of this number, which the other end has yet to answer.
    Unlinking(u64),
}

impl Link {
    pub(crate) fn is_active(self) -> bool {
        self == Link::Active
    }
}

/// Links the calling process and `pid`: when one of them ends, the other receives an exit signal
/// with its reason.
///
/// A process that does not trap exits ends with the reason, unless it is
/// [`Normal`](ExitReason::Normal); one that does ([`trap_exit`](crate::trap_exit)) receives an
/// [`Exit`](crate::Exit). There is at most one link between two processes; linking again, or to
/// oneself, has no effect.
///
/// If `pid` is dead, a process that traps exits receives an `Exit` with the reason
/// [`NoProc`](ExitReason::NoProc); one that does not is ended, by [`exit`](crate::exit) with
/// `NoProc`, or by the signal if `pid` dies meanwhile.
///
/// Mirrors `erlang:link/1`.
///
/// # Panics
///
/// Outside a process.
///
/// ```
/// use runtime::prelude::*;
/// use runtime::{Exit, link, trap_exit};
///
/// # runtime::run(|| {
/// trap_exit(true);
/// let child = spawn!(|| receive! { "end": &str => exit(ExitReason::Shutdown) });
/// link(child);
/// send(child, "end");
/// let Exit { from, reason, .. } = receive_type();
/// assert_eq!((from, reason), (Some(child), ExitReason::Shutdown));
/// # });
/// ```
pub fn link(pid: Pid) {
    let slot = current("link");
    let me = slot.pid();
    if pid == me || !super::has_effect(slot) {
        return;
    }
    let fresh = relations::with(slot, |relations| {
        relations.links.insert(pid, Link::Active) != Some(Link::Active)
    });
    if !fresh {
        return;
    }
    // While the process unwinds nothing is raised: the answer of the dead comes as a signal then.
    if table::is_live(pid) || std::thread::panicking() {
        return send(pid, Signal::Link { from: me });
    }
    relations::with(slot, |relations| relations.links.remove(&pid));
    if slot.has(bit::TRAP_EXIT) {
        exit::send_exit(Some(pid), me, ExitReason::NoProc);
    } else {
        exit::exit(ExitReason::NoProc);
    }
}

/// Ends the link between the calling process and `pid`, if there is one. What comes over it later
/// has no effect; an [`Exit`](crate::Exit) that is in the mailbox stays there.
///
/// Mirrors `erlang:unlink/1`.
///
/// # Panics
///
/// Outside a process.
pub fn unlink(pid: Pid) {
    let slot = current("unlink");
    if !super::has_effect(slot) {
        return;
    }
    let id = relations::if_any(slot, |relations| {
        if relations.links.get(&pid) != Some(&Link::Active) {
            return None;
        }
        relations.unlinks += 1;
        let id = relations.unlinks;
        relations.links.insert(pid, Link::Unlinking(id));
        Some(id)
    });
    if let Some(id) = id.flatten() {
        let from = slot.pid();
        send(pid, Signal::Unlink { from, id });
    }
}

/// The processes that the calling process is linked to, in no order.
///
/// Mirrors `process_info(self(), links)`.
///
/// # Panics
///
/// Outside a process.
pub fn links() -> Vec<Pid> {
    let slot = current("links");
    queue::drain(slot);
    relations::if_any(slot, |relations| {
        let active = relations.links.iter().filter(|(_, link)| link.is_active());
        active.map(|(pid, _)| *pid).collect()
    })
    .unwrap_or_default()
}

/// Links a newborn, which the caller holds, and its parent, which is the calling process.
pub(crate) fn with_newborn(parent: &Slot, child: &Slot) {
    let (parent_pid, child_pid) = (parent.pid(), child.pid());
    relations::with(child, |child| child.links.insert(parent_pid, Link::Active));
    relations::with(parent, |parent| {
        parent.links.insert(child_pid, Link::Active)
    });
}

/// The other end has linked.
pub(super) fn accept(slot: &Slot, from: Pid) {
    let unlinking = relations::with(slot, |relations| match relations.links.get(&from) {
        Some(Link::Unlinking(_)) => true,
        Some(Link::Active) => false,
        None => {
            relations.links.insert(from, Link::Active);
            false
        }
    });
    // In its end a process keeps its marks: whom it has unlinked is not told why it ends.
    if unlinking && slot.has(bit::ENDING) {
        let (from, to) = (slot.pid(), from);
        let reason = ExitReason::NoProc;
        send(to, Signal::LinkExit { from, reason });
    }
}

/// The other end has unlinked.
pub(super) fn remove(slot: &Slot, from: Pid, id: u64) {
    relations::if_any(slot, |relations| {
        if relations.links.get(&from) == Some(&Link::Active) {
            relations.links.remove(&from);
        }
    });
    let (from, to) = (slot.pid(), from);
    send(to, Signal::Unlinked { from, id });
}

/// The other end has taken notice of an unlink.
pub(super) fn acknowledged(slot: &Slot, from: Pid, id: u64) {
    if slot.has(bit::ENDING) {
        return;
    }
    relations::if_any(slot, |relations| {
        if relations.links.get(&from) == Some(&Link::Unlinking(id)) {
            relations.links.remove(&from);
        }
    });
}

/// The other end has ended. Returns the message that this becomes, if any.
pub(super) fn broken(slot: &Slot, from: Pid, reason: ExitReason) -> Option<AnyMessage> {
    // Whatever its state: a dead end answers nothing more.
    let link = relations::if_any(slot, |relations| relations.links.remove(&from)).flatten();
    if link == Some(Link::Active) {
        exit::apply_link(slot, from, reason)
    } else {
        exit::discard(slot, reason);
        None
    }
}
