//! The children of a supervisor, in the order in which they were started.

use runtime::{Pid, Term};

use super::handle::{ChildInfo, ChildState, Count};
use super::spec::{ChildSpec, Kind};

/// A child, running or not.
pub(super) struct Entry {
    pub(super) spec: ChildSpec,
    pub(super) state: State,
    pub(super) info: Option<Term>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Running(Pid),
    /// It has ended, and is to be started again.
    Restarting,
    /// It has ended, or its start function had nothing to start.
    Undefined,
}

impl Entry {
    pub(super) fn pid(&self) -> Option<Pid> {
        match self.state {
            State::Running(pid) => Some(pid),
            _ => None,
        }
    }

    pub(super) fn shown(&self) -> ChildInfo {
        ChildInfo {
            id: self.spec.id.clone(),
            state: match self.state {
                State::Running(pid) => ChildState::Running(pid),
                State::Restarting => ChildState::Restarting,
                State::Undefined => ChildState::Undefined,
            },
            kind: self.spec.kind,
        }
    }
}

#[derive(Default)]
pub(super) struct Children(pub(super) Vec<Entry>);

impl Children {
    pub(super) fn of_pid(&self, pid: Pid) -> Option<usize> {
        self.0.iter().position(|entry| entry.pid() == Some(pid))
    }

    pub(super) fn of_id(&self, id: &str) -> Option<usize> {
        self.0.iter().position(|entry| entry.spec.id == id)
    }

    pub(super) fn get(&mut self, id: &str) -> Option<&mut Entry> {
        self.0.iter_mut().find(|entry| entry.spec.id == id)
    }

    pub(super) fn remove(&mut self, id: &str) {
        self.0.retain(|entry| entry.spec.id != id);
    }

    pub(super) fn count(&self) -> Count {
        let all = &self.0;
        let supervisors = all
            .iter()
            .filter(|entry| entry.spec.kind == Kind::Supervisor)
            .count();
        Count {
            specs: all.len(),
            active: all.iter().filter(|entry| entry.pid().is_some()).count(),
            supervisors,
            workers: all.len() - supervisors,
        }
    }
}
