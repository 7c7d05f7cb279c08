//! Registered names: one table per node, from names to pids and back.
//!
//! Called by processes that register and look up, and at the end of a process. A look-up writes no
//! cache line that others read: the tables are read without locks. Changes are made under one.
//!
//! **A name has its process, or has not, for everybody at once.** `names` alone decides: `pids` only
//! says where to look there. A process is entered in `pids` before its name is in `names`, and taken out
//! after it; so who finds the name by the pid, and the pid by that name, has seen the two together,
//! and who finds one of them missing has seen a moment when the process had no name.
//!
//! **A name is freed with its process.** Whoever registers sets `flag::NAMED` in the slot under the
//! lock, then looks whether the process lives, and only then enters the name. A process that ends
//! closes its inbox (one that becomes a zombie is marked), then looks at the flag, then takes its name
//! out under the lock. The first four are sequentially consistent: either the end is seen, and nothing
//! entered, or the flag is, and what was entered is taken out. Nobody is shown it in between: what is
//! found is shown only if its process lives.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use foldhash::quality::RandomState;
use papaya::HashMap;
use parking_lot::Mutex;
use rustc_hash::FxBuildHasher;

use crate::error::RegisterError;
use crate::node;
use crate::process::pid::Pid;
use crate::process::slot::{Slot, flag};
use crate::process::{table, try_current, zombie};

/// The most characters of a name, as of Erlang's atoms.
pub(crate) const MAX_LENGTH: usize = 255;

/// A registered name. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Arc<str>);

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Name {
    fn from(name: &str) -> Name {
        Name(name.into())
    }
}

impl From<String> for Name {
    fn from(name: String) -> Name {
        Name(name.into())
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A node, by its name. For now a program is one, and is connected to no other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NodeName {
    /// The caller's: Erlang's `node()`.
    Local,
    /// Another, by its name.
    Named(Name),
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NodeName::Local => f.write_str("node()"),
            NodeName::Named(name) => fmt::Display::fmt(name, f),
        }
    }
}

/// The names of one node.
#[derive(Default)]
pub(crate) struct Registry {
    /// Who has a name.
    names: HashMap<Name, Pid, RandomState>,
    /// The name that a process has, if `names` says so too.
    pids: HashMap<Pid, Name, FxBuildHasher>,
    /// Held by who changes either.
    changes: Mutex<()>,
}

impl Registry {
    pub(crate) fn whereis(&self, name: &str) -> Option<Pid> {
        let pid = *self.names.pin().get(name)?;
        table::is_live(pid).then_some(pid)
    }

    /// The name that a process has.
    pub(crate) fn name_of(&self, pid: Pid) -> Option<Name> {
        let name = self.pids.pin().get(&pid)?.clone();
        (self.whereis(&name) == Some(pid)).then_some(name)
    }

    /// Registers a name of the node that the names belong to.
    fn register(&self, name: Name, pid: Pid, node: u16) -> Result<(), RegisterError> {
        let length = name.chars().count();
        if length > MAX_LENGTH {
            return Err(RegisterError::TooLong {
                length,
                limit: MAX_LENGTH,
            });
        }
        let slot = table::slot_of(pid);
        let (names, pids) = (self.names.pin(), self.pids.pin());
        let _changes = self.changes.lock();
        // If it is live now, the node that is read is its own.
        if slot.node.load(Ordering::Relaxed) != node || !table::is_live(pid) {
            return Err(RegisterError::NoProc { pid });
        }
        if let Some(name) = pids.get(&pid) {
            let name = name.clone();
            return Err(RegisterError::HasName { pid, name });
        }
        if let Some(&by) = names.get(&name)
            && table::is_live(by)
        {
            return Err(RegisterError::Taken { name, by });
        }
        if slot.inbox.set(flag::NAMED, pid.generation()).is_none() || !table::is_live(pid) {
            return Err(RegisterError::NoProc { pid });
        }
        pids.insert(pid, name.clone());
        names.insert(name, pid);
        Ok(())
    }

    /// Frees the name of a process whose inbox is closed.
    pub(crate) fn release_at_end(&self, slot: &Slot) {
        if slot.inbox.flags_at_end() & flag::NAMED != 0 {
            self.release(slot.pid());
        }
    }

    /// Takes the name of a process out, if it has one.
    pub(crate) fn release(&self, pid: Pid) {
        let (names, pids) = (self.names.pin(), self.pids.pin());
        let _changes = self.changes.lock();
        if let Some(name) = pids.get(&pid) {
            // Another may have it by now: that of the dead is free before it is taken out.
            let _ = names.remove_if(name, |_, owner| *owner == pid);
            pids.remove(&pid);
        }
    }

    fn unregister(&self, name: &str) -> Result<(), RegisterError> {
        let (names, pids) = (self.names.pin(), self.pids.pin());
        let _changes = self.changes.lock();
        match names.get(name) {
            Some(pid) if table::is_live(*pid) => {
                names.remove(name);
                pids.remove(pid);
                Ok(())
            }
            _ => Err(RegisterError::NotRegistered { name: name.into() }),
        }
    }

    /// How many names there are.
    pub(crate) fn len(&self) -> usize {
        self.names.pin().len()
    }

    /// All names, as they were at one moment.
    fn all(&self) -> Vec<Name> {
        let names = self.names.pin();
        let _changes = self.changes.lock();
        let live = names.iter().filter(|(_, pid)| table::is_live(**pid));
        live.map(|(name, _)| name.clone()).collect()
    }
}

/// Calls `f` with the names of the caller's node; outside a process, of the default node.
fn with<R>(f: impl FnOnce(&Registry) -> R) -> Option<R> {
    node::with_own(|node| f(node.names()))
}

/// Gives a process a name, by which it can be sent to, monitored and looked up.
///
/// A process has one name at most, and a name one process. It is freed when the process ends,
/// before its links and monitors are told. A name has at most 255 characters. Names belong to a
/// node, the caller's, and so must the process. Everybody sees a name come and go at the same moment,
/// by the name, by the pid and among all names.
///
/// Mirrors `erlang:register/2`.
///
/// # Errors
///
/// [`RegisterError`] says what is in the way, and who.
///
/// ```
/// use runtime::prelude::*;
/// use runtime::{register, whereis};
///
/// # runtime::run(|| {
/// register("main", self_pid())?;
/// assert_eq!(whereis("main"), Some(self_pid()));
/// # Ok::<(), runtime::RegisterError>(()) }).unwrap();
/// ```
pub fn register(name: impl Into<Name>, pid: Pid) -> Result<(), RegisterError> {
    let name = name.into();
    if let Some(slot) = try_current()
        && zombie::is_one(slot)
    {
        return Err(RegisterError::NoProc { pid: slot.pid() });
    }
    match node::with_own(|node| node.names().register(name, pid, node.id())) {
        Some(result) => result,
        None => Err(RegisterError::NoProc { pid }),
    }
}

/// Takes a name back.
///
/// Mirrors `erlang:unregister/1`.
///
/// # Errors
///
/// [`RegisterError::NotRegistered`] if nobody has the name.
pub fn unregister(name: &str) -> Result<(), RegisterError> {
    let registered = match try_current() {
        Some(slot) if zombie::is_one(slot) => None,
        _ => with(|registry| registry.unregister(name)),
    };
    match registered {
        Some(result) => result,
        None => Err(RegisterError::NotRegistered { name: name.into() }),
    }
}

/// The process that has a name.
///
/// Mirrors `erlang:whereis/1`.
#[inline]
pub fn whereis(name: &str) -> Option<Pid> {
    with(|registry| registry.whereis(name)).flatten()
}

/// The name of a process of the caller's node, if it has one.
///
/// Mirrors `process_info(Pid, registered_name)`.
pub fn registered_name(pid: Pid) -> Option<Name> {
    with(|registry| registry.name_of(pid)).flatten()
}

/// All names of the node at one moment, in no order.
///
/// Mirrors `erlang:registered/0`.
pub fn registered() -> Vec<Name> {
    with(Registry::all).unwrap_or_default()
}
