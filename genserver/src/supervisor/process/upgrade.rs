//! A supervisor as `sys` sees it; and the change of its code, of what its init function says.

use std::any::Any;

use runtime::{ExitReason, Pid, send};

use super::super::answer::ChildState;
use super::super::children::Entry;
use super::super::flags::Flags;
use super::super::spec::{ChildSpec, InitFunction, Supervised, UnknownChange};
use super::{Process, TryAgain, call_init};

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

    /// `extra` is a new init function, or what that would say always; with `()` the one that is there is asked again.
    fn change_code(&mut self, extra: Box<dyn Any + Send>) -> Result<(), ExitReason> {
        let new = new_init(extra)?;
        if let Some((flags, specs)) = call_init(new.as_ref().unwrap_or(&self.init))? {
            self.upgrade(flags, specs);
        }
        if let Some(new) = new {
            self.init = new;
        }
        Ok(())
    }

    fn parent(&self) -> Option<Pid> {
        Some(self.parent)
    }
}

/// The init function that somebody gives. None: the one that is there is to stay.
fn new_init(extra: Box<dyn Any + Send>) -> Result<Option<InitFunction>, ExitReason> {
    let extra = match extra.downcast::<InitFunction>() {
        Ok(init) => return Ok(Some(*init)),
        Err(extra) => extra,
    };
    match extra.downcast::<Supervised>() {
        Ok(says) => Ok(Some(Box::new(move || Ok(Some((*says).clone()))))),
        Err(extra) if extra.is::<()>() => Ok(None),
        Err(_) => Err(ExitReason::other(UnknownChange)),
    }
}

impl Process {
    /// Takes over flags and specifications: those of the children that are there by id, before the others.
    fn upgrade(&mut self, flags: Flags, specs: Vec<ChildSpec>) {
        // The old ones are there until all is done: what is let go meanwhile is the user's, and may panic.
        let old = &self.children;
        let mut new = old.successor();
        for spec in specs {
            let known = old.of_id(&spec.id).and_then(|key| old.get(key));
            let (state, info) = known.map_or((ChildState::Undefined, None), |entry| {
                (entry.state(), entry.info.clone())
            });
            new.push(spec, state, info);
        }
        for entry in old.iter() {
            if new.of_id(&entry.spec.id).is_none() {
                new.push(entry.spec.clone(), entry.state(), entry.info.clone());
            }
        }
        // The next try of a child that waits for one is found under its new place.
        for key in new.keys(0..) {
            let state = new.get(key).map(Entry::state);
            if state == Some(ChildState::Restarting) {
                send(runtime::self_pid(), TryAgain(key));
            }
        }
        self.flags = flags;
        self.children = new;
    }
}
