//! One process's links: the table, and what each signal does to it.
//!
//! Kept by [`Relations`](super::relations::Relations), under its lock; what is to be sent is sent by
//! the callers, in `link` and `zombie`, and in the models. See `link` for the protocol.

use super::table::Table;
use crate::process::exit_reason::ExitReason;
use crate::process::pid::Pid;

/// One end of a link.
#[derive(Debug)]
pub(crate) enum Link {
    /// With priority, the [`Exit`](crate::Exit) goes before ordinary messages.
    Active { priority: bool },
    /// Active still; but the other end has ended so, and the signal that says it is on its way.
    Broken { reason: ExitReason, priority: bool },
    /// Ended from here by the unlink signal of this number, which the other end has yet to answer.
    Unlinking(u64),
}

impl Link {
    pub(crate) fn is_active(&self) -> bool {
        self.priority().is_some()
    }

    /// Whether the exit has priority, if the link stands.
    pub(crate) fn priority(&self) -> Option<bool> {
        match self {
            Link::Active { priority } | Link::Broken { priority, .. } => Some(*priority),
            Link::Unlinking(_) => None,
        }
    }
}

/// What an unlink comes to.
#[must_use]
#[derive(Debug)]
pub(crate) enum Unlinked {
    /// There was no link.
    Nothing,
    /// The other end is to be told, with this number.
    Tell(u64),
    /// The other end is gone. The reason is the caller's to drop.
    Broken(ExitReason),
}

/// See the module's head. What is behind it is made with the first link: most processes have none.
#[derive(Default)]
pub(crate) struct Links(Option<Box<Ends>>);

#[derive(Default)]
struct Ends {
    table: Table<Pid, Link, 1>,
    /// Unlink signals sent so far.
    unlinks: u64,
    /// How many ends are `Broken`.
    broken: u32,
}

impl Links {
    fn ends(&mut self) -> &mut Ends {
        self.0.get_or_insert_default()
    }

    fn get(&self, pid: Pid) -> Option<&Link> {
        self.0.as_ref()?.table.get(&pid)
    }

    fn iter(&self) -> impl Iterator<Item = (&Pid, &Link)> {
        self.0.iter().flat_map(|ends| ends.table.iter())
    }

    /// The process links itself to `pid`, or links again with another priority. True if the other
    /// end is to be told.
    #[must_use]
    pub(crate) fn link(&mut self, pid: Pid, now: bool) -> bool {
        let table = &mut self.ends().table;
        match table.get_mut(&pid) {
            Some(Link::Active { priority } | Link::Broken { priority, .. }) => {
                *priority = now;
                false
            }
            Some(Link::Unlinking(_)) | None => {
                table.insert(pid, Link::Active { priority: now });
                true
            }
        }
    }

    /// The process ends its link to `pid`.
    pub(crate) fn unlink(&mut self, pid: Pid) -> Unlinked {
        match self.get(pid) {
            Some(Link::Active { .. }) => {
                let ends = self.ends();
                ends.unlinks += 1;
                ends.table.insert(pid, Link::Unlinking(ends.unlinks));
                Unlinked::Tell(ends.unlinks)
            }
            Some(Link::Broken { .. }) => match self.forget(pid) {
                Some(Link::Broken { reason, .. }) => Unlinked::Broken(reason),
                _ => Unlinked::Nothing,
            },
            Some(Link::Unlinking(_)) | None => Unlinked::Nothing,
        }
    }

    /// The other end has linked. False: it did not know yet that it was unlinked, and will forget
    /// the link when it does.
    pub(crate) fn accept(&mut self, from: Pid) -> bool {
        match self.get(from) {
            Some(Link::Unlinking(_)) => false,
            Some(Link::Active { .. } | Link::Broken { .. }) => true,
            None => {
                let table = &mut self.ends().table;
                table.insert(from, Link::Active { priority: false });
                true
            }
        }
    }

    /// The other end has unlinked, and is to be answered. What is returned is the caller's to drop.
    pub(crate) fn remove(&mut self, from: Pid) -> Option<Link> {
        if self.get(from).is_some_and(Link::is_active) {
            self.forget(from)
        } else {
            None
        }
    }

    /// The other end has taken notice of the unlink signal of this number.
    pub(crate) fn acknowledged(&mut self, from: Pid, id: u64) {
        if matches!(self.get(from), Some(Link::Unlinking(own)) if *own == id) {
            self.forget(from);
        }
    }

    /// The other end has ended, as its signal says that is taken in now: whatever was here is
    /// gone, for the dead answer nothing more.
    pub(crate) fn forget(&mut self, from: Pid) -> Option<Link> {
        let ends = self.0.as_mut()?;
        let link = ends.table.remove(&from);
        if let Some(Link::Broken { .. }) = link {
            ends.broken -= 1;
        }
        link
    }

    /// The other end has ended with `reason`, as its signal will say that is on its way.
    pub(crate) fn break_off(&mut self, from: Pid, reason: &ExitReason) {
        if let Some(&Link::Active { priority }) = self.get(from) {
            let reason = reason.clone();
            let ends = self.ends();
            ends.table.insert(from, Link::Broken { reason, priority });
            ends.broken += 1;
        }
    }

    /// Why a link is broken, if one is.
    pub(crate) fn broken(&self) -> Option<&ExitReason> {
        let ends = self.0.as_ref()?;
        if ends.broken == 0 {
            return None;
        }
        ends.table.iter().find_map(|(_, link)| match link {
            Link::Broken { reason, .. } => Some(reason),
            Link::Active { .. } | Link::Unlinking(_) => None,
        })
    }

    /// Whether any exit has priority.
    pub(crate) fn any_priority(&self) -> bool {
        self.iter().any(|(_, link)| link.priority() == Some(true))
    }

    /// The other ends of the links that stand.
    pub(crate) fn active(&self) -> impl Iterator<Item = Pid> {
        let active = self.iter().filter(|(_, link)| link.is_active());
        active.map(|(pid, _)| *pid)
    }
}
