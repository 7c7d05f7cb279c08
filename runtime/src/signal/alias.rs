//! Aliases: references under which their creator can be reached, until they end.
//!
//! An alias is known to its creator alone. A message sent to one goes to the creator's inbox, in an
//! envelope of [`Kind::Aliased`](crate::message::Kind) that names the alias, or of `Kind::Reply` if it
//! answers a request, and is let in or dropped where it is taken from there. So an alias that has ended
//! lets nothing more in, also of what was sent before; what is in the mailbox by then stays.
//!
//! One that ends with a monitor stands in that; that of a call in `Relations::call`; all others in a table.

use super::monitor;
use super::relations::{self, Relations};
use crate::mailbox::reference::{self, Ref};
use crate::mailbox::urgent;
use crate::message::AnyMessage;
use crate::process::exit_reason::ExitReason;
use crate::process::pid::Pid;
use crate::process::slot::Slot;
use crate::process::{current, exit};

/// One alias.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alias {
    /// It ends with the first message that comes over it, and so does its monitor.
    pub(crate) once: bool,
    /// What is sent over it with priority goes before ordinary messages.
    pub(crate) priority: bool,
}

impl Alias {
    /// That of a request, for its answer.
    pub(crate) const OF_REQUEST: Alias = Alias {
        once: true,
        priority: false,
    };
}

/// How long an alias lives; see [`alias`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AliasMode {
    /// Until [`unalias`]: Erlang's `explicit_unalias`.
    ExplicitUnalias,
    /// Until the first message has come over it.
    Reply,
}

/// A new alias of the calling process: a reference that messages can be sent to, as long as it
/// lives. Sending to one that has ended, or to a reference that is no alias, has no effect.
///
/// Mirrors `erlang:alias/1`.
///
/// # Panics
///
/// Outside a process.
///
/// ```
/// use runtime::prelude::*;
/// use runtime::{AliasMode, alias};
///
/// # runtime::run(|| {
/// let once = alias(AliasMode::Reply);
/// send(once, 1u32);
/// send(once, 2u32);
/// assert_eq!(receive_type::<u32>(), 1);
/// receive! { n: u32 => panic!("{n}"), after std::time::Duration::ZERO => {} }
/// # });
/// ```
#[cfg_attr(debug_assertions, track_caller)]
pub fn alias(mode: AliasMode) -> Ref {
    make(current("alias"), mode, false)
}

/// As [`alias`]; over this one priority messages come too: see
/// [`send_priority`](crate::send_priority) and
/// [`exit_signal_priority`](crate::exit_signal_priority).
///
/// Mirrors `erlang:alias/1` with the option `priority`.
///
/// # Panics
///
/// Outside a process.
#[track_caller]
pub fn alias_priority(mode: AliasMode) -> Ref {
    let slot = current("alias_priority");
    urgent::enable(slot);
    make(slot, mode, true)
}

fn make(slot: &Slot, mode: AliasMode, priority: bool) -> Ref {
    let reference = reference::make(slot);
    let alias = Alias {
        once: mode == AliasMode::Reply,
        priority,
    };
    relations::with(slot, |relations| {
        relations.insert_alias(reference.number(), alias)
    });
    reference
}

/// Ends an alias of the calling process: nothing comes over it from now on but what is in the
/// mailbox. True if it was one until now. A monitor of the same reference stays.
///
/// Mirrors `erlang:unalias/1`.
///
/// # Panics
///
/// Outside a process.
#[cfg_attr(debug_assertions, track_caller)]
pub fn unalias(alias: Ref) -> bool {
    let slot = current("unalias");
    if alias.creator() != slot.pid() {
        return false;
    }
    let number = alias.number();
    relations::if_any(slot, |relations| {
        let monitor = relations.monitors.get_mut(&number);
        monitor
            .and_then(|monitor| monitor.alias.take())
            .or_else(|| relations.remove_alias(number))
    })
    .flatten()
    .is_some()
}

/// The alias of this number, if it is one.
fn find(relations: &Relations, number: u64) -> Option<Alias> {
    if relations.call.is_some_and(|call| call.number == number) {
        return Some(Alias::OF_REQUEST);
    }
    let monitor = relations.monitors.get(&number);
    monitor
        .and_then(|monitor| monitor.alias)
        .or_else(|| relations.aliases.as_ref()?.get(&number).copied())
}

/// The alias of the process, which the caller holds, over which a message is let in; `settled`: see
/// [`monitor::settle`].
pub(crate) fn admit(slot: &Slot, number: u64, settled: bool) -> Option<Alias> {
    if let Some(call) = relations::if_any(slot, |relations| relations.take_call(number))? {
        monitor::call_ended_by_reply(slot, call, settled);
        return Some(Alias::OF_REQUEST);
    }
    admit_other(slot, number, settled)
}

/// As [`admit`], of what is no call.
#[inline(never)]
fn admit_other(slot: &Slot, number: u64, settled: bool) -> Option<Alias> {
    let (alias, ended) = relations::if_any(slot, |relations| {
        let alias = find(relations, number)?;
        let ended = if alias.once {
            relations.remove_alias(number);
            relations.monitors.remove(&number)
        } else {
            None
        };
        Some((alias, ended))
    })
    .flatten()?;
    if let Some(monitor) = ended {
        monitor::ended_by_reply(slot, number, monitor, settled);
    }
    Some(alias)
}

/// An exit signal has come over an alias of the process, which the caller holds. Returns the
/// message that it becomes, if any.
pub(super) fn exited(
    slot: &Slot,
    number: u64,
    from: Option<Pid>,
    reason: ExitReason,
) -> Option<AnyMessage> {
    let alias = relations::if_any(slot, |relations| find(relations, number));
    let Some(alias) = alias.flatten() else {
        exit::discard(slot, reason);
        return None;
    };
    let mut message = exit::apply(slot, from, reason)?;
    message.header_mut().set_priority(alias.priority);
    Some(message)
}
