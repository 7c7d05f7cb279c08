//! A supervisor's life: a behaviour at rest, a state machine.
//!
//! ```text
//!   booting --all started--> serving --a child ends, a call--> ending some --all gone--> serving
//!                               |                                  |
//!                               | parent ends, told to, gives up   | one at a time, the last first
//!                               +----------------------------------+--> ends
//! ```
//!
//! Ending a child is: watch it, tell it, wait for the watch's message or the time, kill it, wait. Meanwhile
//! all other messages stay in the mailbox. Only start functions block.
//!
//! Invariants:
//! * What runs is linked, and its exit is a message, as the supervisor traps exits.
//! * A child that is being ended is not among the running any more: its exit, and its watch's message, are
//!   looked for by its pid alone, and no restart comes of them.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use runtime::request::{Call, Client, foreign_request};
use runtime::{
    AnyMessage, Behaviour, Caught, Cx, Down, Exit, ExitReason, Next, Pid, Ref, Until, catch,
    demonitor_flush, exit_signal, match_message, monitor, send, trap_exit, unlink,
};
use sys::{Debug, Event, Handled, System};

use super::children::{Children, Entry, Key};
use super::handle::{Answer, ChildError, ChildState, FailedToStartChild, Request};
use super::intensity::Restarts;
use super::report::{Offender, Reporter, note_returned};
use super::spec::{
    AutoShutdown, Child, ChildSpec, Flags, Restart, Shutdown, Started, Strategy, Supervised, check,
    check_childspecs,
};
use crate::gen_server::WrongRequest;
use crate::proc_lib::{
    Ack, Line, Refused, StartError, inherit, register, report_crash, starting, unregister,
};

/// What says the flags and children: called at the start, and when the code changes.
pub(super) type InitFunction = Box<dyn Fn() -> Result<Option<Supervised>, ExitReason> + Send>;

/// How long a supervisor waits before it hibernates, if its flags do not say.
const HIBERNATE_AFTER: Duration = Duration::from_secs(1);

/// A supervisor that has not begun.
pub(super) struct Boot {
    pub(super) tag: Ref,
    pub(super) line: Option<Arc<Line>>,
}

pub(super) struct Process {
    parent: Pid,
    init: InitFunction,
    reporter: Reporter,
    boot: Option<Boot>,
    flags: Flags,
    children: Children,
    restarts: Restarts,
    ending: Option<Ending>,
    debug: Debug,
}

/// Children that are being ended.
struct Ending {
    /// Those to come, the next one last.
    left: Vec<(ChildSpec, Pid)>,
    now: Option<Watched>,
    then: Then,
}

struct Watched {
    spec: ChildSpec,
    pid: Pid,
    watch: Ref,
    deadline: Option<Instant>,
}

/// What is done when they are gone.
enum Then {
    Exit(ExitReason),
    /// A start has failed: tells so, and ends.
    Refuse(Ref, ExitReason),
    /// Starts these again.
    Start(Vec<Key>),
    Answer(Client),
}

/// A child whose restart has failed is tried again.
#[derive(Debug)]
struct TryAgain(Key);

impl Process {
    pub(super) fn booting(
        parent: Pid,
        init: InitFunction,
        reporter: Reporter,
        boot: Boot,
    ) -> Process {
        Process {
            parent,
            init,
            reporter,
            boot: Some(boot),
            flags: Flags::default(),
            children: Children::default(),
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
        let registered = self.reporter.name.as_ref().map_or(Ok(()), register);
        if let Err(refused) = registered {
            return Some(refuse(tag, refused, ExitReason::Normal));
        }
        let (flags, specs) = match self.call_init() {
            Ok(Some(supervised)) => supervised,
            Ok(None) => {
                self.unregister();
                return Some(refuse(tag, Refused::Ignore, ExitReason::Normal));
            }
            Err(reason) => {
                self.unregister();
                report_crash(self.reporter.module, &reason);
                return Some(refuse(tag, Refused::Failed(reason.clone()), reason));
            }
        };
        self.flags = flags;
        for spec in specs {
            match start(&spec) {
                Ok(started) => self.add(spec, started, false),
                Err(reason) => {
                    self.reporter
                        .start_error(Offender::of(&spec, None), &reason);
                    let id = spec.id;
                    let failed = FailedToStartChild { id, reason };
                    self.end_all(Then::Refuse(tag, failed.into_reason()));
                    return None;
                }
            }
        }
        let started = Ok(());
        send(tag, Ack { tag, started });
        None
    }

    /// The flags and children that the init function says, if they are in order.
    fn call_init(&self) -> Result<Option<Supervised>, ExitReason> {
        let init = catch(&self.init).unwrap_or_else(|caught| Err(caught.into_reason()))?;
        if let Some((flags, specs)) = &init {
            check_childspecs(flags, specs)?;
        }
        Ok(init)
    }

    fn unregister(&self) {
        if let Some(name) = &self.reporter.name {
            unregister(name);
        }
    }

    /// Adds a child that was started; `asked`: by a client.
    fn add(&mut self, spec: ChildSpec, started: Option<Child>, asked: bool) {
        // One that is not wanted, and would not be restarted, is forgotten.
        if started.is_none() && spec.restart == Restart::Temporary {
            return;
        }
        let key = self.children.push(spec, ChildState::Undefined, None);
        self.runs(key, started, asked);
    }

    /// A child was started; none: there was nothing to start.
    fn runs(&mut self, key: Key, started: Option<Child>, asked: bool) {
        let Some(child) = started else {
            self.children.set(key, ChildState::Undefined);
            return;
        };
        self.children.set(key, ChildState::Running(child.pid));
        if let Some(entry) = self.children.get_mut(key) {
            entry.info = child.info;
            let offender = Offender::of(&entry.spec, Some(child.pid));
            self.reporter.progress(offender, asked);
        }
    }

    /// Ends all children, the last first, and then does so.
    fn end_all(&mut self, then: Then) {
        let all = self.children.take().into_entries();
        let running = all.filter_map(|entry| entry.state().pid().map(|pid| (entry.spec, pid)));
        self.ending = Some(Ending {
            left: running.collect(),
            now: None,
            then,
        });
    }

    /// Goes on ending children. True: it waits for one.
    fn end_next(&mut self) -> bool {
        let Some(ending) = &mut self.ending else {
            return false;
        };
        let Some((spec, pid)) = ending.left.pop() else {
            return false;
        };
        let watch = monitor(pid);
        let deadline = match spec.how_to_end() {
            Shutdown::BrutalKill => {
                exit_signal(pid, ExitReason::Kill);
                None
            }
            Shutdown::Within(time) => {
                exit_signal(pid, ExitReason::Shutdown);
                runtime::now().checked_add(time)
            }
            Shutdown::Infinity => {
                exit_signal(pid, ExitReason::Shutdown);
                None
            }
        };
        ending.now = Some(Watched {
            spec,
            pid,
            watch,
            deadline,
        });
        true
    }

    /// Looks whether the child that is being ended is gone. Some: it waits on.
    fn look_at_ending(&mut self, cx: &mut Cx<'_>) -> Option<Next> {
        let ending = self.ending.as_mut()?;
        let now = ending.now.as_mut()?;
        let (watch, pid) = (now.watch, now.pid);
        let down = cx.mail_where(|message| {
            let down = message.downcast_ref::<Down>();
            down.is_some_and(|down| down.monitor == watch)
        });
        let Some(down) = down else {
            let late = now.deadline.is_some_and(|at| at <= runtime::now());
            if late {
                now.deadline = None;
                exit_signal(pid, ExitReason::Kill);
            }
            return Some(Next::Wait(match now.deadline {
                Some(at) => Until::At(at),
                None => Until::Forever,
            }));
        };
        cx.rewind();
        // The reason is that of its exit, if that has come: the watch may have been too late for it.
        unlink(pid);
        let exit = cx.mail_where(|message| {
            let exit = message.downcast_ref::<Exit>();
            exit.is_some_and(|exit| exit.from == Some(pid))
        });
        cx.rewind();
        demonitor_flush(watch);
        let reason = exit
            .and_then(|exit| exit.downcast::<Exit>().ok())
            .map(|exit| exit.reason)
            .or(down.downcast::<Down>().ok().map(|down| down.reason));
        if let (Some(reason), Some(now)) = (reason, ending.now.take())
            && !now.spec.how_to_end().was_heeded(now.spec.restart, &reason)
        {
            let offender = Offender::of(&now.spec, Some(pid));
            self.reporter.shutdown_error(offender, &reason);
        }
        None
    }

    /// All are gone: does what comes then. Some: the supervisor ends.
    fn ended(&mut self) -> Option<Next> {
        let ending = self.ending.take()?;
        match ending.then {
            Then::Exit(reason) => {
                self.reporter
                    .terminate(&reason, || format!("{:?}", self.flags));
                return Some(Next::Exit(reason));
            }
            Then::Refuse(tag, reason) => {
                return starting(self.reporter.module, || {
                    self.unregister();
                    Some(refuse(tag, Refused::Failed(reason.clone()), reason))
                });
            }
            Then::Start(keys) => {
                // What comes after one that fails waits for its next try.
                let _ = keys.into_iter().all(|key| self.start_again(key));
                self.note_returned(None);
            }
            Then::Answer(client) => self.reply(client, Answer::Done(Ok(()))),
        }
        None
    }

    /// Starts a child again. False: it failed, and is to be tried again.
    fn start_again(&mut self, key: Key) -> bool {
        let Some(entry) = self.children.get(key) else {
            return true;
        };
        match start(&entry.spec) {
            Ok(child) => {
                self.runs(key, child, false);
                true
            }
            Err(reason) => {
                self.reporter
                    .start_error(Offender::of(&entry.spec, None), &reason);
                self.children.set(key, ChildState::Restarting);
                send(runtime::self_pid(), TryAgain(key));
                false
            }
        }
    }

    /// Counts a restart of this child. False: there were too many, and all is ended.
    fn may_restart(&mut self, key: Key, pid: Option<Pid>) -> bool {
        if self.restarts.bear(&self.flags) {
            return true;
        }
        if let Some(entry) = self.children.get(key) {
            self.reporter.gives_up(Offender::of(&entry.spec, pid));
        }
        self.end_all(Then::Exit(ExitReason::Shutdown));
        false
    }

    /// A child has ended by itself.
    fn child_ended(&mut self, key: Key, pid: Pid, reason: &ExitReason) {
        let Some(entry) = self.children.get(key) else {
            return;
        };
        let (restart, significant) = (entry.spec.restart, entry.spec.significant);
        if restart.reports(reason) {
            let offender = Offender::of(&entry.spec, Some(pid));
            self.reporter.child_terminated(offender, reason);
        }
        if restart.restarts(reason) {
            self.children.set(key, ChildState::Restarting);
            if self.may_restart(key, Some(pid)) {
                self.restart(key);
            }
            return;
        }
        match restart {
            Restart::Temporary => drop(self.children.remove(key)),
            _ => self.children.set(key, ChildState::Undefined),
        }
        if significant && self.is_over() {
            self.end_all(Then::Exit(ExitReason::Shutdown));
        }
    }

    /// Whether the end of a significant child is the supervisor's.
    fn is_over(&self) -> bool {
        let is_active =
            |entry: &Entry| entry.spec.significant && entry.state() != ChildState::Undefined;
        match self.flags.auto_shutdown {
            AutoShutdown::Never => false,
            AutoShutdown::AnySignificant => true,
            AutoShutdown::AllSignificant => !self.children.iter().any(is_active),
        }
    }

    /// Starts a child again, with those that its strategy says.
    fn restart(&mut self, key: Key) {
        let concerned = match self.flags.strategy {
            Strategy::OneForOne => {
                self.start_again(key);
                return;
            }
            Strategy::RestForOne => self.children.keys(key..),
            Strategy::OneForAll => self.children.keys(0..),
        };
        let mut left = Vec::new();
        let mut again = Vec::new();
        for key in concerned {
            let Some(entry) = self.children.get(key) else {
                continue;
            };
            if let Some(pid) = entry.state().pid() {
                left.push((entry.spec.clone(), pid));
            }
            // A temporary sibling is forgotten; one that had nothing to start is asked again.
            if entry.spec.restart == Restart::Temporary {
                self.children.remove(key);
            } else {
                self.children.set(key, ChildState::Undefined);
                again.push(key);
            }
        }
        self.ending = Some(Ending {
            left,
            now: None,
            then: Then::Start(again),
        });
    }

    fn try_again(&mut self, key: Key) {
        let restarting = ChildState::Restarting;
        let waits = |entry: &Entry| entry.state() == restarting;
        if self.children.get(key).is_some_and(waits) && self.may_restart(key, None) {
            self.restart(key);
        }
    }

    fn answer(&mut self, client: Client, request: Request) {
        let answer = match request {
            Request::StartChild(spec) => Answer::Started(self.start_child(spec)),
            Request::RestartChild(id) => Answer::Started(self.restart_child(&id)),
            Request::TerminateChild(id) => match self.terminate_child(&id) {
                None => Answer::Done(Err(ChildError::NotFound)),
                Some(running) => {
                    self.ending = Some(Ending {
                        left: running.into_iter().collect(),
                        now: None,
                        then: Then::Answer(client),
                    });
                    return;
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

    /// Answers a client, and tells the debug functions.
    fn reply(&mut self, client: Client, answer: Answer) {
        self.note_returned(Some((&answer, client.pid())));
        client.of().reply(answer);
    }

    fn note_returned(&mut self, answer: Option<(&Answer, Pid)>) {
        let mut debug = std::mem::take(&mut self.debug);
        note_returned(&mut debug, &self.flags, || sys::Process::show(self), answer);
        self.debug = debug;
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
    fn adopt(&mut self, spec: ChildSpec, state: ChildState, info: Option<runtime::Term>) {
        let key = self.children.push(spec, state, info);
        if state == ChildState::Restarting {
            send(runtime::self_pid(), TryAgain(key));
        }
    }

    /// Handles a message. Some: the supervisor ends.
    fn handle(&mut self, message: AnyMessage) -> Option<Next> {
        let message = match message.downcast::<System>() {
            Ok(system) => {
                let mut debug = std::mem::take(&mut self.debug);
                let handled = sys::handle(system, &mut debug, self);
                self.debug = debug;
                if let Handled::Terminate(reason) = handled {
                    self.end_all(Then::Exit(reason));
                }
                return None;
            }
            Err(message) => message,
        };
        self.debug.note(|| Event::In { message: &message });
        let calls = message.is::<Call<Request>>();
        match_message!(message {
            Exit { from, reason, .. } => match from {
                Some(pid) if pid == self.parent => self.end_all(Then::Exit(reason)),
                Some(pid) => if let Some(key) = self.children.of_pid(pid) {
                    self.child_ended(key, pid, &reason);
                },
                None => {}
            },
            Call { client, request }: Call<Request> => self.answer(client, request),
            TryAgain(key) => self.try_again(key),
            other => {
                // An unknown request is a mistake of its sender's that OTP's supervisor does not survive.
                if let Some(request) = foreign_request(&other) {
                    let reason = ExitReason::other(WrongRequest(request));
                    self.end_all(Then::Exit(reason));
                } else {
                    self.reporter.unexpected(&other);
                }
            }
        });
        // What is done step by step has not returned yet; and who stops does not go on.
        if !calls && self.ending.is_none() {
            self.note_returned(None);
        }
        None
    }

    fn take(&mut self, cx: &mut Cx<'_>) -> Option<AnyMessage> {
        if !self.debug.is_suspended() {
            return cx.mail();
        }
        let parent = self.parent;
        cx.mail_where(|message| {
            let exit = message.downcast_ref::<Exit>();
            message.is::<System>() || exit.is_some_and(|exit| exit.from == Some(parent))
        })
    }
}

impl Behaviour for Process {
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
                // It may start children again.
                cx.callback_begins();
                if let Some(wait) = self.look_at_ending(cx) {
                    return wait;
                }
                if !self.end_next()
                    && let Some(end) = self.ended()
                {
                    return end;
                }
                continue;
            }
            let was_suspended = self.debug.is_suspended();
            let Some(message) = self.take(cx) else {
                let after = self.flags.hibernate_after.unwrap_or(HIBERNATE_AFTER);
                return match idle {
                    true => Next::Hibernate(Until::Forever),
                    false => Next::Wait(Until::After(after)),
                };
            };
            idle = false;
            cx.callback_begins();
            if let Some(end) = self.handle(message) {
                return end;
            }
            if was_suspended && (!self.debug.is_suspended() || self.ending.is_some()) {
                cx.rewind();
            }
        }
    }
}

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

/// Calls a start function. None: it has nothing to start.
fn start(spec: &ChildSpec) -> Result<Option<Child>, ExitReason> {
    outcome(catch(|| (spec.start)()))
}

/// What a start function's end comes to.
pub(super) fn outcome(called: Result<Started, Caught>) -> Result<Option<Child>, ExitReason> {
    match called {
        Ok(Ok(child)) => Ok(Some(child)),
        Ok(Err(StartError::Ignore)) => Ok(None),
        Ok(Err(StartError::Failed(reason))) => Err(reason),
        Ok(Err(error)) => Err(error.into()),
        Err(caught) => Err(caught.into_reason()),
    }
}

/// Tells that the supervisor does not start, and ends it.
pub(super) fn refuse(tag: Ref, refused: Refused, reason: ExitReason) -> Next {
    let started = Err(refused);
    send(tag, Ack { tag, started });
    Next::Exit(reason)
}
