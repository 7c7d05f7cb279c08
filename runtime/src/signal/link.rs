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
//! Whose other end ends while it runs has the reason noted at its own end too, beside the signal:
//! so a zombie's links can be read without its inbox (`process::zombie`).
//!
//! After the Erlang distribution protocol's link protocol (OTP 23.3 and later).

use super::links::{Link, Unlinked};
use super::relations;
use super::{Signal, send};
use crate::mailbox::{queue, urgent};
use crate::message::AnyMessage;
use crate::process::exit;
use crate::process::exit_reason::ExitReason;
use crate::process::pid::Pid;
use crate::process::slot::{Slot, bit};
use crate::process::{current, table, zombie};

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
#[track_caller]
pub fn link(pid: Pid) {
    make(current("link"), pid, false);
}

/// As [`link`]; if the caller traps exits, the link's [`Exit`](crate::Exit) goes before the
/// ordinary messages in its mailbox, behind earlier ones of its kind. It says nothing about the
/// other end. To [`link`] again takes the priority away, and this function gives it.
///
/// Mirrors `erlang:link/2` with the option `priority`.
///
/// # Panics
///
/// Outside a process.
#[track_caller]
pub fn link_priority(pid: Pid) {
    let slot = current("link_priority");
    urgent::enable(slot);
    make(slot, pid, true);
}

fn make(slot: &Slot, pid: Pid, priority: bool) {
    let me = slot.pid();
    if pid == me || !super::may_relate(slot) {
        return;
    }
    if !relations::with(slot, |relations| relations.links.link(pid, priority)) {
        return;
    }
    // While the process unwinds nothing is raised: the answer of the dead comes as a signal then.
    if table::is_live(pid) || std::thread::panicking() {
        send(pid, Signal::Link { from: me });
        if zombie::is_one(slot) {
            // Whoever ended the process in its absence may have told the other end too early.
            let _ = relations::with(slot, |relations| relations.links.link(pid, priority));
        }
        return;
    }
    let link = relations::with(slot, |relations| relations.links.forget(pid));
    discard(slot, link);
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
#[track_caller]
pub fn unlink(pid: Pid) {
    let slot = current("unlink");
    if !super::may_relate(slot) {
        return;
    }
    match relations::if_any(slot, |relations| relations.links.unlink(pid)) {
        Some(Unlinked::Tell(id)) => {
            let from = slot.pid();
            send(pid, Signal::Unlink { from, id });
        }
        Some(Unlinked::Broken(reason)) => exit::discard(slot, reason),
        Some(Unlinked::Nothing) | None => {}
    }
}

/// The processes that the calling process is linked to, in no order.
///
/// Mirrors `process_info(self(), links)`.
///
/// # Panics
///
/// Outside a process.
#[track_caller]
pub fn links() -> Vec<Pid> {
    let slot = current("links");
    queue::drain(slot);
    relations::if_any(slot, |relations| relations.links.active().collect()).unwrap_or_default()
}

/// Links a newborn, which the caller holds, and its parent, which is the calling process.
pub(crate) fn with_newborn(parent: &Slot, child: &Slot, priority: bool) {
    if priority {
        urgent::enable(parent);
    }
    let (parent_pid, child_pid) = (parent.pid(), child.pid());
    let _ = relations::of_newborn(child, |child| child.links.link(parent_pid, false));
    let _ = relations::with(parent, |parent| parent.links.link(child_pid, priority));
    // Its end is told, or being told, without this link.
    if zombie::is_one(parent) || parent.inbox.is_closed() {
        exit::make_fatal(child, ExitReason::NoProc);
    }
}

/// The other end has linked.
pub(super) fn accept(slot: &Slot, from: Pid) {
    let linked = relations::with(slot, |relations| relations.links.accept(from));
    // In its end a process keeps its marks: whom it has unlinked is not told why it ends.
    if !linked && slot.has(bit::ENDING) {
        let (from, to) = (slot.pid(), from);
        let reason = ExitReason::NoProc;
        send(to, Signal::LinkExit { from, reason });
    }
}

/// The other end has unlinked.
pub(super) fn remove(slot: &Slot, from: Pid, id: u64) {
    let link = relations::if_any(slot, |relations| relations.links.remove(from)).flatten();
    discard(slot, link);
    let (from, to) = (slot.pid(), from);
    send(to, Signal::Unlinked { from, id });
}

/// The other end has taken notice of an unlink.
pub(super) fn acknowledged(slot: &Slot, from: Pid, id: u64) {
    if slot.has(bit::ENDING) {
        return;
    }
    relations::if_any(slot, |relations| relations.links.acknowledged(from, id));
}

/// The other end has ended. Returns the message that this becomes, if any.
pub(super) fn broken(slot: &Slot, from: Pid, reason: ExitReason) -> Option<AnyMessage> {
    let link = relations::if_any(slot, |relations| relations.links.forget(from)).flatten();
    let priority = link.as_ref().and_then(Link::priority);
    discard(slot, link);
    let Some(priority) = priority else {
        exit::discard(slot, reason);
        return None;
    };
    let mut message = exit::apply_link(slot, from, reason)?;
    message.header_mut().set_priority(priority);
    Some(message)
}

/// The process `from` ends: tells the other end of a link of its.
pub(super) fn tell(from: Pid, to: Pid, reason: &ExitReason) {
    let signal = Signal::LinkExit {
        from,
        reason: reason.clone(),
    };
    if super::is_queued(to, signal) && !reason.is_normal() {
        relations::of(to, |relations| relations.links.break_off(from, reason));
    }
}

fn discard(slot: &Slot, link: Option<Link>) {
    if let Some(Link::Broken { reason, .. }) = link {
        exit::discard(slot, reason);
    }
}
