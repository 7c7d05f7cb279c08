//! A dynamic supervisor's life: a behaviour at rest.
//!
//! Invariants:
//! * What runs is linked, and its exit is a message, as the supervisor traps exits.
//! * A child that is being ended is not among the running any more: its exit, and its monitor's message, are looked
//!   for by its pid alone, and no restart comes of them. It stays linked: if the supervisor is killed meanwhile, it
//!   is told.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use runtime::request::{Call, Client, foreign_request};
use runtime::{
    AnyMessage, Behaviour, Cx, Down, Exit, ExitReason, Message, Next, Pid, Ref, Until, catch,
    exit_signal, match_message, monitor, send, trap_exit, unlink,
};
use rustc_hash::FxHashMap;
use sys::{Debug, Event, Handled, System};

use super::{Answer, Request, Template};
use crate::gen_server::WrongRequest;
use crate::proc_lib::{Ack, Line, Refused, inherit, register, report_crash, starting, unregister};
use crate::supervisor::handle::{ChildError, ChildState, Count};
use crate::supervisor::intensity::Restarts;
use crate::supervisor::process::{outcome, refuse};
use crate::supervisor::report::{Offender, Reporter, note_returned};
use crate::supervisor::spec::{
    AutoShutdown, Child, Flags, Kind, Restart, Shutdown, SpecError, Strategy, check_childspecs,
};

/// A supervisor that has not begun.
pub(super) struct Boot {
    pub(super) tag: Ref,
    pub(super) line: Option<Arc<Line>>,
}

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
    debug: Debug,
}

/// Children that are being ended, all at once.
struct Ending {
    /// By their monitors.
    left: FxHashMap<Ref, Pid>,
    /// The reasons in the exits that have come: whoever has ended before it was watched has no other.
    exits: FxHashMap<Pid, ExitReason>,
    deadline: Option<Instant>,
    /// How many did not end as they were told, by reason, each with the pid of one.
    unheeded: Vec<(ExitReason, usize, Pid)>,
    then: Then,
}

enum Then {
    Exit(ExitReason),
    Answer(Client),
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
            debug: Debug::new(),
        }
    }

    /// Some: the process ends.
    fn boot(&mut self, boot: Boot) -> Option<Next> {
        let Boot { tag, line } = boot;
        inherit(line);
        trap_exit(true);
        let name = self.reporter.name.as_ref();
        if let Err(refused) = name.map_or(Ok(()), register) {
            return Some(refuse(tag, refused, ExitReason::Normal));
        }
        if let Err(error) = check(&self.flags) {
            let reason = ExitReason::from(error);
            if let Some(name) = name {
                unregister(name);
            }
            report_crash(self.reporter.module, &reason);
            return Some(refuse(tag, Refused::Failed(reason.clone()), reason));
        }
        let started = Ok(());
        send(tag, Ack { tag, started });
        None
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

    /// Tells these to end.
    fn end(&mut self, pids: Vec<Pid>, then: Then) {
        let told = match self.template.shutdown {
            Shutdown::BrutalKill => ExitReason::Kill,
            _ => ExitReason::Shutdown,
        };
        let deadline = match self.template.shutdown {
            Shutdown::Within(time) => runtime::now().checked_add(time),
            _ => None,
        };
        let watched = pids.into_iter().map(|pid| {
            let watch = monitor(pid);
            exit_signal(pid, told.clone());
            (watch, pid)
        });
        self.ending = Some(Ending {
            left: watched.collect(),
            exits: FxHashMap::default(),
            deadline,
            unheeded: Vec::new(),
            then,
        });
    }

    fn end_all(&mut self, then: Then) {
        self.restarting.clear();
        let all = self.children.drain().map(|(pid, _)| pid).collect();
        self.end(all, then);
    }

    /// Looks who of those being ended is gone. Some: it waits on.
    fn look_at_ending(&mut self, cx: &mut Cx<'_>) -> Option<Next> {
        let ending = self.ending.as_mut()?;
        let (restart, shutdown) = (self.template.restart, self.template.shutdown);
        while !ending.left.is_empty() {
            let left = &ending.left;
            let alone = (left.len() == 1).then(|| left.values().next()).flatten();
            let gone = cx.mail_where(|message| match message.downcast_ref::<Down>() {
                Some(down) => left.contains_key(&down.monitor),
                None => message.downcast_ref::<Exit>().is_some_and(|exit| {
                    // Another's is left for `handle`, unless all are being ended.
                    alone.is_none_or(|alone| exit.from == Some(*alone))
                }),
            });
            let Some(gone) = gone else {
                if ending.deadline.is_some_and(|at| at <= runtime::now()) {
                    ending.deadline = None;
                    for pid in ending.left.values() {
                        exit_signal(*pid, ExitReason::Kill);
                    }
                }
                return Some(Next::Wait(match ending.deadline {
                    Some(at) => Until::At(at),
                    None => Until::Forever,
                }));
            };
            let down = match gone.downcast::<Down>() {
                Ok(down) => down,
                Err(exit) => {
                    if let Ok(Exit {
                        from: Some(pid),
                        reason,
                        ..
                    }) = exit.downcast()
                    {
                        ending.exits.insert(pid, reason);
                    }
                    continue;
                }
            };
            let Some(pid) = ending.left.remove(&down.monitor) else {
                continue;
            };
            // An exit comes before its monitor's message. Without one the child had taken the link away, or sends
            // its exit no more.
            let reason = ending.exits.remove(&pid).unwrap_or_else(|| {
                unlink(pid);
                down.reason
            });
            if shutdown.was_heeded(restart, &reason) {
                continue;
            }
            let alike = ending.unheeded.iter_mut().find(|(of, ..)| *of == reason);
            match alike {
                Some((_, count, _)) => *count += 1,
                None => ending.unheeded.push((reason, 1, pid)),
            }
        }
        cx.rewind();
        None
    }

    /// All are gone: does what comes then. Some: the supervisor ends.
    fn ended(&mut self) -> Option<Next> {
        let ending = self.ending.take()?;
        for (reason, count, pid) in &ending.unheeded {
            let offender = self.offender((*count == 1).then_some(*pid), *count);
            self.reporter.shutdown_error(offender, reason);
        }
        match ending.then {
            Then::Exit(reason) => {
                self.reporter
                    .terminate(&reason, || format!("{:?}", self.flags));
                Some(Next::Exit(reason))
            }
            Then::Answer(client) => {
                self.reply(client, Answer::Done(Ok(())));
                None
            }
        }
    }

    /// Counts a restart. False: there were too many, and all is ended.
    fn may_restart(&mut self, pid: Pid) -> bool {
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
                None if self.restarting.remove(&pid).is_some()
                    || !runtime::is_process_alive(pid) =>
                {
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
                Answer::Spec(self.which_child(pid).map(|_| self.template.clone()))
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

    fn handle(&mut self, message: AnyMessage) {
        let message = match message.downcast::<System>() {
            Ok(system) => {
                let mut debug = std::mem::take(&mut self.debug);
                let handled = sys::handle(system, &mut debug, self);
                self.debug = debug;
                if let Handled::Terminate(reason) = handled {
                    self.end_all(Then::Exit(reason));
                }
                return;
            }
            Err(message) => message,
        };
        self.debug.note(|| Event::In { message: &message });
        match message.downcast::<Call<Request<A>>>() {
            Ok(Call { client, request }) => return self.answer(client, request),
            Err(message) => match_message!(message {
                Exit { from, reason, .. } => match from {
                    Some(pid) if pid == self.parent => self.end_all(Then::Exit(reason)),
                    Some(pid) => self.child_ended(pid, &reason),
                    None => {}
                },
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
}

impl<A: Message + Sync> Behaviour for Process<A> {
    fn wake(&mut self, cx: &mut Cx<'_>) -> Next {
        if let Some(boot) = self.boot.take() {
            cx.callback_begins();
            if let Some(end) = starting(self.reporter.module, || self.boot(boot)) {
                return end;
            }
        }
        let mut idle = cx.cause().timeout && self.ending.is_none();
        loop {
            if cx.spent() {
                return Next::Again;
            }
            if self.ending.is_some() {
                if let Some(wait) = self.look_at_ending(cx) {
                    return wait;
                }
                if let Some(end) = self.ended() {
                    return end;
                }
                continue;
            }
            let was_suspended = self.debug.is_suspended();
            let parent = self.parent;
            let message = if was_suspended {
                cx.mail_where(|message| {
                    let exit = message.downcast_ref::<Exit>();
                    message.is::<System>() || exit.is_some_and(|exit| exit.from == Some(parent))
                })
            } else {
                cx.mail()
            };
            let Some(message) = message else {
                return match self.flags.hibernate_after {
                    Some(_) if idle => Next::Hibernate(Until::Forever),
                    Some(time) => Next::Wait(Until::After(time)),
                    None => Next::Wait(Until::Forever),
                };
            };
            idle = false;
            cx.callback_begins();
            self.handle(message);
            if was_suspended && (!self.debug.is_suspended() || self.ending.is_some()) {
                cx.rewind();
            }
        }
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

    /// `extra` is what a new init function would say; else nothing changes.
    fn change_code(&mut self, extra: Box<dyn Any + Send>) -> Result<(), ExitReason> {
        if let Ok(new) = extra.downcast::<(Flags, Template<A>)>() {
            let (flags, template) = *new;
            check(&flags)?;
            self.flags = flags;
            self.template = template;
        }
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
