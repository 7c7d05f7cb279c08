//! Whether a process is alive, and how long its mailbox is. What more can be seen of it: `info`.
//!
//! Called by users, and by whoever looks at a process. No question stops the process that it is about; only
//! [`is_process_alive`] is a switch point.
//!
//! Invariant: of a process that another holds only atomics are read, then its generation is compared: a stale pid gets
//! the answer for the dead.

use super::pid::Pid;
use super::slot::{Slot, bit, flag};
use super::{table, try_current};
use crate::scheduler;
use crate::signal::question::{Answer, What, ask};

/// Whether a process is alive: it has not ended, and was not told to end by a signal that cannot be
/// or was not trapped.
///
/// It sees the effect of every signal that the caller has sent to the process before. If the process
/// waits, or has ended, or a kill is on its way to it, the answer comes at once; else the process
/// gives it at its next switch point. If it comes to none within 100 ms it counts as alive. A switch
/// point. Outside a process, and inside a guard, nothing is waited for.
///
/// Mirrors `is_process_alive/1`.
#[cfg_attr(debug_assertions, track_caller)]
pub fn is_process_alive(pid: Pid) -> bool {
    if !seems_alive(pid) {
        return false;
    }
    let slot = table::slot_of(pid);
    let me = try_current();
    if me.is_some_and(|me| std::ptr::eq(me, slot)) {
        return true;
    }
    if slot.inbox.claim() {
        let alive = slot.inbox.generation() == pid.generation() && !slot.has(bit::FATAL);
        scheduler::release(slot);
        return alive;
    }
    let answer = match me {
        Some(me) if !me.has(bit::GUARD) => ask(me, pid, What::Alive),
        _ => None,
    };
    match answer {
        Some(answer) => matches!(answer, Answer::Alive),
        None => seems_alive(pid),
    }
}

/// Whether a process is alive, as far as a few loads tell: it has not ended, and no kill is on its
/// way to it.
pub(crate) fn seems_alive(pid: Pid) -> bool {
    let slot = table::slot_of(pid);
    let flags = slot.inbox.flags_of(pid.generation());
    flags.is_some_and(|flags| flags & (flag::KILLED | flag::ZOMBIE) == 0) && !slot.inbox.is_closed()
}

/// The number of messages in a process's mailbox, in O(1) and without stopping it: what it has
/// taken in and not received, and what was sent since (up to 65,535; signals count too). `None` if
/// the process is not alive.
///
/// Mirrors `process_info(Pid, message_queue_len)`, without its order against signals.
pub fn mailbox_len(pid: Pid) -> Option<usize> {
    let length = length(table::slot_of(pid));
    seems_alive(pid).then_some(length)
}

pub(crate) fn length(slot: &Slot) -> usize {
    let taken = slot.length() as usize;
    let limited = slot.inbox.flags() & flag::LIMITED != 0;
    let sent = if limited { 0 } else { slot.inbox.len() };
    taken + sent
}
