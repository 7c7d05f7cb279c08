//! Aliases: references under which their creator can be reached, until they end.
//!
//! An alias is known to its creator alone. A message sent to one goes to the creator's inbox, in an
//! envelope of [`Kind::Aliased`](crate::message::Kind) that names the alias, and is let in or
//! dropped where it is taken from there. So an alias that has ended lets nothing more in, also of
//! what was sent before; what is in the mailbox by then stays.

use super::monitor;
use super::relations;
use crate::mailbox::reference::{self, Ref};
use crate::process::current;
use crate::process::slot::Slot;

/// One alias.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alias {
    /// It ends with the first message that comes over it, and so does its monitor.
    pub(crate) once: bool,
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
pub fn alias(mode: AliasMode) -> Ref {
    let slot = current("alias");
    let reference = reference::make(slot);
    let alias = Alias {
        once: mode == AliasMode::Reply,
    };
    relations::with(slot, |relations| {
        relations.aliases.insert(reference.number(), alias)
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
pub fn unalias(alias: Ref) -> bool {
    let slot = current("unalias");
    if alias.creator() != slot.pid() {
        return false;
    }
    relations::if_any(slot, |relations| relations.aliases.remove(&alias.number()))
        .flatten()
        .is_some()
}

/// Whether a message that was sent to an alias of the process, which the caller holds, is let in.
pub(crate) fn admits(slot: &Slot, number: u64) -> bool {
    let alias = relations::if_any(slot, |relations| {
        let alias = relations.aliases.get(&number).copied()?;
        if alias.once {
            relations.aliases.remove(&number);
        }
        Some(alias)
    })
    .flatten();
    let Some(alias) = alias else { return false };
    if alias.once {
        monitor::end_by_reply(slot, number);
    }
    true
}
