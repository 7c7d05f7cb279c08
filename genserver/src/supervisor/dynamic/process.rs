//! A dynamic supervisor's life: a behaviour at rest.
//!
//! Invariants:
//! * What runs is linked, and its exit is a message, as the supervisor traps exits.
//! * A child that is being ended is not among the running any more: its exit, and its monitor's message, are looked
//!   for by its pid alone, and no restart comes of them. It stays linked: if the supervisor is killed meanwhile, it
//!   is told.

mod ending;

use std::any::Any;
use std::time::Duration;

use runtime::request::{Call, Client, foreign_request};
use runtime::{
    AnyMessage, Behaviour, Cx, Exit, ExitReason, Message, Next, Pid, catch, is_process_alive,
    is_told_to_end, match_message, send,
};
use rustc_hash::FxHashMap;
use sys::Debug;

use super::{Answer, Request, Template};
use crate::gen_server::WrongRequest;
use crate::supervisor::answer::{ChildError, ChildState, Count};
use crate::supervisor::child::{Child, Kind, Restart, outcome};
use crate::supervisor::flags::{AutoShutdown, Flags, Strategy};
use crate::supervisor::intensity::Restarts;
use crate::supervisor::life::{self, Boot, Life};
use crate::supervisor::report::{Offender, Reporter, note_returned};
use crate::supervisor::spec::{SpecError, UnknownChange, check_childspecs};
use ending::{Ending, Then};

pub(super) struct Process<A> {
    parent: Pid,
    flags: Flags,
    template: Template<A>,
    reporter: Reporter,
    boot: Option<Boot>,
    /// With the arguments of those that may be restarted.
    children: FxHashMap<Pid, Option<A>>,
    /// Those whose restart has failed, by the pid that they had.
    restarting: FxHashMap<Pid, A>,
    restarts: Restarts,
    ending: Option<Ending>,
    hibernates: bool,
    debug: Debug,
}

/// A child whose restart has failed is tried again.
#[derive(Debug)]
struct TryAgain(Pid);

impl<A: Message + Sync> Process<A> {
    pub(super) fn booting(
        parent: Pid,
        flags: Flags,
        template: Template<A>,
        reporter: Reporter,
        boot: Boot,
    ) -> Process<A> {
        Process {
            parent,
            flags,
            template,
            reporter,
            boot: Some(boot),
            children: FxHashMap::default(),
            restarting: FxHashMap::default(),
            restarts: Restarts::default(),
            ending: None,
            hibernates: false,
            debug: Debug::new(),
        }
    }

    fn start(&self, args: &A) -> Result<Option<Child>, ExitReason> {
        outcome(catch(|| (self.template.start)(args)))
    }

    fn keep(&mut self, pid: Pid, args: A) {
        let kept = (self.template.restart != Restart::Temporary).then_some(args);
        self.children.insert(pid, kept);
    }

    /// Children as reports name them.
    fn offender(&self, pid: Option<Pid>, count: usize) -> Offender<'static> {
        Offender {
            id: None,
            pid,
            count,
            restart: self.template.restart,
            significant: false,
            shutdown: self.template.shutdown,
            kind: self.template.kind,
        }
    }

    /// Counts a restart. False: there were too many, or the node shuts down, and all is ended.
    fn may_restart(&mut self, pid: Pid) -> bool {
        if is_told_to_end() {
            self.end_all(Then::Exit(ExitReason::Shutdown));
            return false;
        }
        if self.restarts.bear(&self.flags) {
            return true;
        }
        self.reporter.gives_up(self.offender(Some(pid), 1));
        self.end_all(Then::Exit(ExitReason::Shutdown));
        false
    }

    fn child_ended(&mut self, pid: Pid, reason: &ExitReason) {
        let Some(args) = self.children.remove(&pid) else {
            return;
        };
        let restart = self.template.restart;
        if restart.reports(reason) {
            self.reporter
                .child_terminated(self.offender(Some(pid), 1), reason);
        }
        if let Some(args) = args.filter(|_| restart.restarts(reason))
            && self.may_restart(pid)
        {
            self.start_again(pid, args);
        }
    }

    /// Starts a child again that had this pid.
    fn start_again(&mut self, pid: Pid, args: A) {
        match self.start(&args) {
            Ok(Some(child)) => self.keep(child.pid, args),
            Ok(None) => {}
            Err(reason) => {
                self.reporter
                    .start_error(self.offender(Some(pid), 1), &reason);
                self.restarting.insert(pid, args);
                send(runtime::self_pid(), TryAgain(pid));
            }
        }
    }

    fn which_child(&self, pid: Pid) -> Option<ChildState> {
        if self.children.contains_key(&pid) {
            return Some(ChildState::Running(pid));
        }
        let restarts = self.restarting.contains_key(&pid);
        restarts.then_some(ChildState::Restarting)
    }

    fn answer(&mut self, client: Client, request: Request<A>) {
        let answer = match request {
            Request::StartChild(args) => Answer::Started(match self.start(&args) {
                Ok(Some(child)) => {
                    self.keep(child.pid, args);
                    Ok(Some(child))
                }
                Ok(None) => Ok(None),
                Err(reason) => Err(ChildError::of_start(reason)),
            }),
            Request::TerminateChild(pid) => match self.children.remove(&pid) {
                Some(_) => return self.end(vec![pid], Then::Answer(client)),
                // No try follows; and one that is dead is as good as ended.
                None if self.restarting.remove(&pid).is_some() || !is_process_alive(pid) => {
                    Answer::Done(Ok(()))
                }
                None => Answer::Done(Err(ChildError::NotFound)),
            },
            Request::WhichChildren => {
                let running = self.children.keys().map(|pid| ChildState::Running(*pid));
                let restarting = self.restarting.keys().map(|_| ChildState::Restarting);
                Answer::Children(running.chain(restarting).collect())
            }
            Request::WhichChild(pid) => Answer::Child(self.which_child(pid)),
            Request::CountChildren => Answer::Count(self.count()),
            Request::GetChildSpec(pid) => {
                // Who is dead may have been one.
                let is_child = self.which_child(pid).is_some() || !is_process_alive(pid);
                Answer::Spec(is_child.then(|| self.template.clone()))
            }
        };
        self.reply(client, answer);
    }

    /// Answers a client, and tells the debug functions.
    fn reply(&mut self, client: Client, answer: Answer<A>) {
        self.note_returned(Some((&answer, client.pid())));
        client.of().reply(answer);
    }

    fn note_returned(&mut self, answer: Option<(&Answer<A>, Pid)>) {
        let mut debug = std::mem::take(&mut self.debug);
        note_returned(&mut debug, &self.flags, || sys::Process::show(self), answer);
        self.debug = debug;
    }

    fn count(&self) -> Count {
        let active = self.children.len();
        let all = active + self.restarting.len();
        let supervisors = match self.template.kind {
            Kind::Supervisor => all,
            Kind::Worker => 0,
        };
        Count {
            specs: 1,
            active,
            supervisors,
            workers: all - supervisors,
        }
    }
}

impl<A: Message + Sync> Life for Process<A> {
    fn reporter(&self) -> &Reporter {
        &self.reporter
    }

    fn take_boot(&mut self) -> Option<Boot> {
        self.boot.take()
    }

    fn boot(&mut self, boot: Boot) -> Option<Next> {
        let tag = match boot.begin(&self.reporter) {
            Ok(tag) => tag,
            Err(end) => return Some(end),
        };
        if let Err(error) = check(&self.flags) {
            return Some(life::fail(&self.reporter, tag, error.into()));
        }
        life::started(tag);
        None
    }

    fn debug(&mut self) -> &mut Debug {
        &mut self.debug
    }

    fn hibernates(&mut self) -> &mut bool {
        &mut self.hibernates
    }

    fn is_ending(&self) -> bool {
        self.ending.is_some()
    }

    fn go_on_ending(&mut self, cx: &mut Cx<'_>) -> Option<Next> {
        let waits = self.look_at_ending(cx);
        if waits.is_some() {
            return waits;
        }
        self.ended()
    }

    fn end_with(&mut self, reason: ExitReason) {
        self.end_all(Then::Exit(reason));
    }

    fn handle(&mut self, message: AnyMessage) {
        match message.downcast::<Call<Request<A>>>() {
            Ok(Call { client, request }) => return self.answer(client, request),
            Err(message) => match_message!(message {
                Exit { from: Some(pid), reason, .. } => self.child_ended(pid, &reason),
                // From elsewhere.
                Exit { .. } => {},
                TryAgain(pid) => if let Some(args) = self.restarting.remove(&pid)
                    && self.may_restart(pid)
                {
                    self.start_again(pid, args);
                },
                other => if let Some(request) = foreign_request(&other) {
                    self.end_all(Then::Exit(ExitReason::other(WrongRequest(request))));
                } else {
                    self.reporter.unexpected(&other);
                }
            }),
        }
        // Who stops does not go on.
        if self.ending.is_none() {
            self.note_returned(None);
        }
    }

    fn hibernate_after(&self) -> Option<Duration> {
        self.flags.hibernate_after
    }
}

impl<A: Message + Sync> Behaviour for Process<A> {
    fn wake(&mut self, cx: &mut Cx<'_>) -> Next {
        life::wake(self, cx)
    }
}

impl<A: Message + Sync> sys::Process for Process<A> {
    fn state(&mut self) -> &mut dyn Any {
        &mut self.flags
    }

    fn show(&self) -> String {
        format!("{:?}, {} children", self.flags, self.children.len())
    }

    fn module(&self) -> &'static str {
        self.reporter.module
    }

    /// `extra` is what a new init function would say; with `()` nothing changes.
    fn change_code(&mut self, extra: Box<dyn Any + Send>) -> Result<(), ExitReason> {
        let (flags, template) = match extra.downcast::<(Flags, Template<A>)>() {
            Ok(new) => *new,
            Err(extra) if extra.is::<()>() => return Ok(()),
            Err(_) => return Err(ExitReason::other(UnknownChange)),
        };
        check(&flags)?;
        self.flags = flags;
        self.template = template;
        Ok(())
    }

    fn parent(&self) -> Option<Pid> {
        Some(self.parent)
    }
}

/// Checks the flags of a dynamic supervisor.
fn check(flags: &Flags) -> Result<(), SpecError> {
    check_childspecs(flags, &[])?;
    if flags.strategy != Strategy::OneForOne || flags.auto_shutdown != AutoShutdown::Never {
        return Err(SpecError::Dynamic);
    }
    Ok(())
}
