//! What clients ask of a supervisor.

use runtime::Pid;
use runtime::request::Client;

use super::super::answer::{Answer, ChildError, ChildState, Request};
use super::super::child::{Child, Restart};
use super::super::children::Entry;
use super::super::spec::{ChildSpec, check};
use super::ending::Then;
use super::{Process, start};

impl Process {
    pub(super) fn answer(&mut self, client: Client, request: Request) {
        let answer = match request {
            Request::StartChild(spec) => Answer::Started(self.start_child(spec)),
            Request::RestartChild(id) => Answer::Started(self.restart_child(&id)),
            Request::TerminateChild(id) => match self.terminate_child(&id) {
                None => Answer::Done(Err(ChildError::NotFound)),
                Some(running) => {
                    return self.end(running.into_iter().collect(), Then::Answer(client));
                }
            },
            Request::DeleteChild(id) => Answer::Done(self.delete_child(&id)),
            Request::WhichChildren => {
                Answer::Children(self.children.iter().rev().map(Entry::shown).collect())
            }
            Request::WhichChild(id) => Answer::Child(self.of_id(&id).map(Entry::shown)),
            Request::CountChildren => Answer::Count(self.children.count()),
            Request::GetChildSpec(id) => Answer::Spec(self.of_id(&id).map(|it| it.spec.clone())),
            Request::GetCallbackModule => Answer::Module(self.reporter.module),
        };
        self.reply(client, answer);
    }

    fn of_id(&self, id: &str) -> Option<&Entry> {
        self.children.get(self.children.of_id(id)?)
    }

    fn start_child(&mut self, spec: ChildSpec) -> Result<Option<Child>, ChildError> {
        check(&self.flags, &spec).map_err(ChildError::Spec)?;
        if let Some(entry) = self.of_id(&spec.id) {
            return Err(match entry.state() {
                ChildState::Running(pid) => ChildError::AlreadyStarted(pid),
                _ => ChildError::AlreadyPresent,
            });
        }
        let started = start(&spec).map_err(ChildError::of_start)?;
        self.add(spec, started.clone(), true);
        Ok(started)
    }

    fn restart_child(&mut self, id: &str) -> Result<Option<Child>, ChildError> {
        let key = self.children.of_id(id);
        let (key, entry) = key
            .and_then(|key| Some((key, self.children.get(key)?)))
            .ok_or(ChildError::NotFound)?;
        match entry.state() {
            ChildState::Running(pid) => return Err(ChildError::Running(pid)),
            ChildState::Restarting => return Err(ChildError::Restarting),
            ChildState::Undefined => {}
        }
        let child = start(&entry.spec).map_err(ChildError::of_start)?;
        self.runs(key, child.clone(), true);
        Ok(child)
    }

    /// Whom to end, if it runs. None: there is no such child.
    fn terminate_child(&mut self, id: &str) -> Option<Option<(ChildSpec, Pid)>> {
        let key = self.children.of_id(id)?;
        let entry = self.children.get(key)?;
        let running = entry.state().pid().map(|pid| (entry.spec.clone(), pid));
        match entry.spec.restart {
            Restart::Temporary => drop(self.children.remove(key)),
            _ => self.children.set(key, ChildState::Undefined),
        }
        Some(running)
    }

    fn delete_child(&mut self, id: &str) -> Result<(), ChildError> {
        let key = self.children.of_id(id).ok_or(ChildError::NotFound)?;
        match self.children.get(key).map(Entry::state) {
            Some(ChildState::Running(pid)) => Err(ChildError::Running(pid)),
            Some(ChildState::Restarting) => Err(ChildError::Restarting),
            _ => {
                self.children.remove(key);
                Ok(())
            }
        }
    }
}
