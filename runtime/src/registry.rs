//! Registered names: one table per node, from names to pids and back.
//!
//! Called by processes that register and look up, and at the end of a process. A look-up writes no
//! cache line that others read: the tables are read without locks.
//!
//! **A name is freed with its process.** Whoever registers puts the name into both tables, then sets
//! `flag::NAMED` in the slot, then looks whether the inbox is closed. A process that ends closes its
//! inbox, then looks at the flag. All four are sequentially consistent, so one of the two sees the
//! other and takes the name out; it is taken out for this pid only, so twice does no harm.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use papaya::{Compute, HashMap, Operation};
use rustc_hash::FxBuildHasher;

use crate::error::RegisterError;
use crate::node;
use crate::process::pid::Pid;
use crate::process::slot::{Slot, flag};
use crate::process::{table, try_current, zombie};
use crate::scheduler;

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

/// The names of one node.
#[derive(Default)]
pub(crate) struct Registry {
    names: HashMap<Name, Pid>,
    pids: HashMap<Pid, Name, FxBuildHasher>,
}

impl Registry {
    pub(crate) fn whereis(&self, name: &str) -> Option<Pid> {
        let pid = *self.names.pin().get(name)?;
        table::is_live(pid).then_some(pid)
    }

    /// The name that a process has.
    pub(crate) fn name_of(&self, pid: Pid) -> Option<Name> {
        self.pids.pin().get(&pid).cloned()
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
        // If it is live now, the node that is read is its own.
        let slot = table::slot_of(pid);
        if slot.node.load(Ordering::Relaxed) != node || !table::is_live(pid) {
            return Err(RegisterError::NoProc { pid });
        }
        if let Err(present) = self.pids.pin().try_insert(pid, name.clone()) {
            return Err(RegisterError::HasName {
                pid,
                name: present.current.clone(),
            });
        }
        if let Err(other) = self.take_name(&name, pid) {
            self.pids.pin().remove(&pid);
            return Err(RegisterError::Taken { name, by: other });
        }
        if slot.inbox.set(flag::NAMED, pid.generation()).is_none() || !table::is_live(pid) {
            self.release(pid);
            return Err(RegisterError::NoProc { pid });
        }
        Ok(())
    }

    /// Enters the name, unless it is that of a live process, which is returned then.
    fn take_name(&self, name: &Name, pid: Pid) -> Result<(), Pid> {
        let names = self.names.pin();
        match names.compute(name.clone(), |entry| match entry {
            Some((_, &other)) if table::is_live(other) => Operation::Abort(other),
            _ => Operation::Insert(pid),
        }) {
            Compute::Aborted(other) => Err(other),
            _ => Ok(()),
        }
    }

    /// Takes the name of a process out, if it has one.
    pub(crate) fn release(&self, pid: Pid) -> Option<Name> {
        let name = self.pids.pin().remove(&pid).cloned()?;
        let _ = self.names.pin().remove_if(&name, |_, owner| *owner == pid);
        Some(name)
    }

    fn unregister(&self, name: &str) -> Result<(), RegisterError> {
        // Only if it is still this process's: another may take it back meanwhile, and give the
        // process a new one.
        let taken = self.whereis(name).is_some_and(|pid| {
            let own = self.pids.pin();
            let own = own.remove_if(&pid, |_, own| own.as_str() == name);
            let taken = matches!(own, Ok(Some(_)));
            if taken {
                let _ = self.names.pin().remove_if(name, |_, owner| *owner == pid);
            }
            taken
        });
        if taken {
            Ok(())
        } else {
            Err(RegisterError::NotRegistered { name: name.into() })
        }
    }

    /// How many names there are.
    pub(crate) fn len(&self) -> usize {
        self.names.pin().len()
    }

    fn all(&self) -> Vec<Name> {
        let names = self.names.pin();
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
/// node, the caller's, and so must the process.
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

/// All names of the node, in no order.
///
/// Mirrors `erlang:registered/0`.
pub fn registered() -> Vec<Name> {
    with(Registry::all).unwrap_or_default()
}

/// Frees the name of a process whose inbox is closed.
pub(crate) fn release(slot: &Slot) {
    if slot.inbox.flags_at_end() & flag::NAMED != 0 {
        scheduler::worker().node().names().release(slot.pid());
    }
}
