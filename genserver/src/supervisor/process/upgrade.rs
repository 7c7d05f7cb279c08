//! A supervisor as `sys` sees it; and the change of its code, of what its init function says.

use std::any::Any;

use runtime::{ExitReason, Pid, Term, send};

use super::super::answer::ChildState;
use super::super::children::Entry;
use super::super::flags::Flags;
use super::super::spec::{ChildSpec, Supervised, check_childspecs};
use super::{Process, TryAgain};

impl sys::Process for Process {
    fn state(&mut self) -> &mut dyn Any {
        &mut self.flags
    }

    fn show(&self) -> String {
        let children: Vec<_> = self.children.iter().map(Entry::shown).collect();
        format!("{:?} {children:?}", self.flags)
    }

    fn module(&self) -> &'static str {
        self.reporter.module
    }

    /// `extra` is what a new init function would say, a [`Supervised`]; else the old one is asked again.
    fn change_code(&mut self, extra: Box<dyn Any + Send>) -> Result<(), ExitReason> {
        let new = match extra.downcast::<Supervised>() {
            Ok(new) => Some(*new),
            Err(_) => self.call_init()?,
        };
        if let Some((flags, specs)) = new {
            check_childspecs(&flags, &specs)?;
            self.upgrade(flags, specs);
        }
        Ok(())
    }

    fn parent(&self) -> Option<Pid> {
        Some(self.parent)
    }
}

impl Process {
    /// Takes over flags and specifications: those of the children that are there by id, before the others.
    fn upgrade(&mut self, flags: Flags, specs: Vec<ChildSpec>) {
        self.flags = flags;
        let mut old = self.children.take();
        for spec in specs {
            let known = old.of_id(&spec.id).and_then(|key| old.remove(key));
            let (state, info) = known.map_or((ChildState::Undefined, None), |entry| {
                (entry.state(), entry.info)
            });
            self.adopt(spec, state, info);
        }
        for entry in old.into_entries() {
            let state = entry.state();
            self.adopt(entry.spec, state, entry.info);
        }
    }

    /// Gives a child a new place; its next try, if it waits for one, is found under that.
    fn adopt(&mut self, spec: ChildSpec, state: ChildState, info: Option<Term>) {
        let key = self.children.push(spec, state, info);
        if state == ChildState::Restarting {
            send(runtime::self_pid(), TryAgain(key));
        }
    }
}
