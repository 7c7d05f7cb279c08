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
use std::time::Instant;

use runtime::request::{Call, Client, ServerRef, foreign_request};
use runtime::{
    AnyMessage, Behaviour, Cx, Down, Exit, ExitReason, Next, Pid, Ref, Until, catch,
    demonitor_flush, exit_signal, match_message, monitor, send, trap_exit, unlink,
};
use sys::{Debug, Handled, System};

use super::children::{Children, Entry, State};
use super::handle::{Answer, ChildError, FailedToStartChild, Request};
use super::intensity::Restarts;
use super::spec::{
    AutoShutdown, Child, ChildSpec, Flags, Restart, Shutdown, Strategy, check, is_orderly,
};
use crate::gen_server::WrongRequest;
use crate::proc_lib::{Ack, Line, Refused, StartError, inherit, register, unregister};

/// A supervisor that has not begun.
pub(super) struct Boot {
    pub(super) tag: Ref,
    pub(super) name: Option<ServerRef>,
    pub(super) children: Vec<ChildSpec>,
    pub(super) line: Option<Arc<Line>>,
}

pub(super) struct Process {
    parent: Pid,
    flags: Flags,
    boot: Option<Boot>,
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
    Refuse(Ref, Refused),
    /// Starts these again.
    Start(Vec<String>),
    Answer(Client),
}

/// A child whose restart has failed is tried again.
#[derive(Debug)]
struct TryAgain(String);

impl Process {
    pub(super) fn booting(parent: Pid, flags: Flags, boot: Boot) -> Process {
        Process {
            parent,
            flags,
            boot: Some(boot),
            children: Children::default(),
            restarts: Restarts::default(),
            ending: None,
            debug: Debug::new(),
        }
    }

    fn boot(&mut self, boot: Boot) -> Option<Next> {
        let Boot {
            tag,
            name,
            children,
            line,
        } = boot;
        inherit(line);
        trap_exit(true);
        if let Some(name) = &name
            && let Err(holder) = register(name)
        {
            let started = Err(Refused::AlreadyStarted(holder));
            send(tag, Ack { tag, started });
            return Some(Next::Exit(ExitReason::Normal));
        }
        for spec in children {
            match start(&spec) {
                Ok(started) => self.add(spec, started),
                Err(reason) => {
                    report_start(&spec, &reason);
                    if let Some(name) = &name {
                        unregister(name);
                    }
                    let failed = FailedToStartChild {
                        id: spec.id,
                        reason,
                    };
                    let refused = Refused::Failed(failed.into_reason());
                    self.end_all(Then::Refuse(tag, refused));
                    return None;
                }
            }
        }
        let started = Ok(());
        send(tag, Ack { tag, started });
        None
    }

    /// Adds a child that was started.
    fn add(&mut self, spec: ChildSpec, started: Option<Child>) {
        let state = started
            .as_ref()
            .map_or(State::Undefined, |child| State::Running(child.pid));
        // One that is not wanted, and would not be restarted, is forgotten.
        if started.is_none() && spec.restart == Restart::Temporary {
            return;
        }
        self.children.0.push(Entry {
            spec,
            state,
            info: started.and_then(|child| child.info),
        });
    }

    /// Ends all children, the last first, and then does so.
    fn end_all(&mut self, then: Then) {
        let all = std::mem::take(&mut self.children.0);
        let running = all
            .into_iter()
            .filter_map(|entry| entry.pid().map(|pid| (entry.spec, pid)));
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
        if let (Some(reason), Some(now)) = (reason, ending.now.take()) {
            report_shutdown(&now.spec, &reason);
        }
        None
    }

    /// All are gone: does what comes then. Some: the supervisor ends.
    fn ended(&mut self) -> Option<Next> {
        let ending = self.ending.take()?;
        match ending.then {
            Then::Exit(reason) => return Some(Next::Exit(reason)),
            Then::Refuse(tag, refused) => {
                let started = Err(refused);
                send(tag, Ack { tag, started });
                return Some(Next::Exit(ExitReason::Shutdown));
            }
            Then::Start(ids) => {
                for id in ids {
                    if !self.start_again(&id) {
                        break;
                    }
                }
            }
            Then::Answer(client) => client.of().reply(Answer::Done(Ok(()))),
        }
        None
    }

    /// Starts a child again. False: it failed, and is to be tried again.
    fn start_again(&mut self, id: &str) -> bool {
        let Some(entry) = self.children.get(id) else {
            return true;
        };
        match start(&entry.spec) {
            Ok(child) => {
                entry.state = child
                    .as_ref()
                    .map_or(State::Undefined, |child| State::Running(child.pid));
                entry.info = child.and_then(|child| child.info);
                true
            }
            Err(reason) => {
                report_start(&entry.spec, &reason);
                entry.state = State::Restarting;
                send(runtime::self_pid(), TryAgain(id.to_owned()));
                false
            }
        }
    }

    /// Counts a restart. False: there were too many, and all is ended.
    fn may_restart(&mut self) -> bool {
        if self.restarts.bear(&self.flags) {
            return true;
        }
        self.end_all(Then::Exit(ExitReason::Shutdown));
        false
    }

    /// A child has ended by itself.
    fn child_ended(&mut self, at: usize, reason: ExitReason) {
        let entry = &mut self.children.0[at];
        let restart = entry.spec.restart;
        if restart == Restart::Permanent || !is_orderly(&reason) {
            tracing::error!(
                target: "supervisor::child_terminated",
                pid = %runtime::self_pid(),
                child = entry.spec.id,
                reason = %reason,
                "a child has ended"
            );
        }
        let restarts = match restart {
            Restart::Permanent => true,
            Restart::Transient => !is_orderly(&reason),
            Restart::Temporary => false,
        };
        if restarts {
            entry.state = State::Restarting;
            if self.may_restart() {
                self.restart(at);
            }
            return;
        }
        let significant = entry.spec.significant;
        match restart {
            Restart::Temporary => drop(self.children.0.remove(at)),
            _ => entry.state = State::Undefined,
        }
        if significant && self.is_over() {
            self.end_all(Then::Exit(ExitReason::Shutdown));
        }
    }

    /// Whether the end of a significant child is the supervisor's.
    fn is_over(&self) -> bool {
        match self.flags.auto_shutdown {
            AutoShutdown::Never => false,
            AutoShutdown::AnySignificant => true,
            AutoShutdown::AllSignificant => !self
                .children
                .0
                .iter()
                .any(|entry| entry.spec.significant && entry.state != State::Undefined),
        }
    }

    /// Starts a child again, with those that its strategy says.
    fn restart(&mut self, at: usize) {
        let from = match self.flags.strategy {
            Strategy::OneForOne => {
                let id = self.children.0[at].spec.id.clone();
                self.start_again(&id);
                return;
            }
            Strategy::RestForOne => at,
            Strategy::OneForAll => 0,
        };
        let concerned = &mut self.children.0[from..];
        let left = concerned
            .iter()
            .filter_map(|entry| entry.pid().map(|pid| (entry.spec.clone(), pid)))
            .collect();
        let mut again = Vec::new();
        for entry in concerned.iter_mut() {
            // A temporary sibling is forgotten; one that had nothing to start is asked again.
            if entry.spec.restart != Restart::Temporary {
                entry.state = State::Restarting;
                again.push(entry.spec.id.clone());
            }
        }
        let kept = |entry: &Entry| entry.spec.restart != Restart::Temporary;
        let mut index = 0;
        self.children.0.retain(|entry| {
            index += 1;
            index <= from || kept(entry)
        });
        self.ending = Some(Ending {
            left,
            now: None,
            then: Then::Start(again),
        });
    }

    fn try_again(&mut self, id: &str) {
        let Some(at) = self.children.of_id(id) else {
            return;
        };
        if self.children.0[at].state == State::Restarting && self.may_restart() {
            self.restart(at);
        }
    }

    fn answer(&mut self, client: Client, request: Request) {
        let answer = match request {
            Request::StartChild(spec) => Answer::Started(self.start_child(spec)),
            Request::RestartChild(id) => Answer::Started(self.restart_child(&id)),
            Request::TerminateChild(id) => match self.children.get(&id) {
                None => Answer::Done(Err(ChildError::NotFound)),
                Some(entry) => {
                    let running = entry.pid().map(|pid| (entry.spec.clone(), pid));
                    entry.state = State::Undefined;
                    if entry.spec.restart == Restart::Temporary {
                        self.children.remove(&id);
                    }
                    self.ending = Some(Ending {
                        left: running.into_iter().collect(),
                        now: None,
                        then: Then::Answer(client),
                    });
                    return;
                }
            },
            Request::DeleteChild(id) => Answer::Done(match self.children.get(&id) {
                None => Err(ChildError::NotFound),
                Some(entry) => match entry.state {
                    State::Running(pid) => Err(ChildError::Running(pid)),
                    State::Restarting => Err(ChildError::Restarting),
                    State::Undefined => {
                        self.children.remove(&id);
                        Ok(())
                    }
                },
            }),
            Request::WhichChildren => {
                Answer::Children(self.children.0.iter().rev().map(Entry::shown).collect())
            }
            Request::CountChildren => Answer::Count(self.children.count()),
            Request::GetChildSpec(id) => {
                Answer::Spec(self.children.get(&id).map(|entry| entry.spec.clone()))
            }
        };
        client.of().reply(answer);
    }

    fn start_child(&mut self, spec: ChildSpec) -> Result<Option<Child>, ChildError> {
        check(&self.flags, &spec).map_err(ChildError::Spec)?;
        if let Some(entry) = self.children.get(&spec.id) {
            return Err(match entry.state {
                State::Running(pid) => ChildError::AlreadyStarted(pid),
                _ => ChildError::AlreadyPresent,
            });
        }
        let started = start(&spec).map_err(ChildError::Failed)?;
        self.add(spec, started.clone());
        Ok(started)
    }

    fn restart_child(&mut self, id: &str) -> Result<Option<Child>, ChildError> {
        let entry = self.children.get(id).ok_or(ChildError::NotFound)?;
        match entry.state {
            State::Running(pid) => return Err(ChildError::Running(pid)),
            State::Restarting => return Err(ChildError::Restarting),
            State::Undefined => {}
        }
        let child = start(&entry.spec).map_err(ChildError::Failed)?;
        entry.state = child
            .as_ref()
            .map_or(State::Undefined, |child| State::Running(child.pid));
        entry.info = child.as_ref().and_then(|child| child.info.clone());
        Ok(child)
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
        match_message!(message {
            Exit { from, reason, .. } => match from {
                Some(pid) if pid == self.parent => self.end_all(Then::Exit(reason)),
                Some(pid) => if let Some(at) = self.children.of_pid(pid) {
                    self.child_ended(at, reason);
                },
                None => {}
            },
            Call { client, request }: Call<Request> => self.answer(client, request),
            TryAgain(id) => self.try_again(&id),
            other => {
                // An unknown request is a mistake of its sender's that OTP's supervisor does not survive.
                if let Some(request) = foreign_request(&other) {
                    let reason = ExitReason::other(WrongRequest(request));
                    self.end_all(Then::Exit(reason));
                } else {
                    tracing::error!(
                        target: "supervisor::unexpected",
                        pid = %runtime::self_pid(),
                        message = ?other,
                        "a supervisor was sent what it does not know"
                    );
                }
            }
        });
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
        if let Some(boot) = self.boot.take()
            && let Some(end) = self.boot(boot)
        {
            return end;
        }
        loop {
            if self.ending.is_some() {
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
                return Next::Wait(Until::Forever);
            };
            if let Some(end) = self.handle(message) {
                return end;
            }
            if was_suspended && !self.debug.is_suspended() {
                cx.rewind();
            }
            if cx.spent() && self.ending.is_none() {
                return Next::Again;
            }
        }
    }
}

impl sys::Process for Process {
    fn state(&mut self) -> &mut dyn Any {
        &mut self.flags
    }

    fn show(&self) -> String {
        let children: Vec<_> = self.children.0.iter().map(Entry::shown).collect();
        format!("{:?} {children:?}", self.flags)
    }

    fn module(&self) -> &'static str {
        "supervisor"
    }

    fn parent(&self) -> Option<Pid> {
        Some(self.parent)
    }
}

/// Calls a start function. None: it has nothing to start.
fn start(spec: &ChildSpec) -> Result<Option<Child>, ExitReason> {
    match catch(|| (spec.start)()) {
        Ok(Ok(child)) => {
            tracing::debug!(
                target: "supervisor::progress",
                pid = %runtime::self_pid(),
                child = spec.id,
                started = %child.pid,
                "a child was started"
            );
            Ok(Some(child))
        }
        Ok(Err(StartError::Ignore)) => Ok(None),
        Ok(Err(StartError::Failed(reason))) => Err(reason),
        Ok(Err(error)) => Err(ExitReason::other(error.to_string())),
        Err(caught) => Err(caught.into_reason()),
    }
}

fn report_start(spec: &ChildSpec, reason: &ExitReason) {
    tracing::error!(
        target: "supervisor::start_error",
        pid = %runtime::self_pid(),
        child = spec.id,
        reason = %reason,
        "a child did not start"
    );
}

/// A child that was told to end has: as told, or not.
fn report_shutdown(spec: &ChildSpec, reason: &ExitReason) {
    let as_told = match (spec.how_to_end(), reason) {
        (Shutdown::BrutalKill, ExitReason::Killed) => true,
        (Shutdown::BrutalKill, _) => false,
        (_, ExitReason::Shutdown) => true,
        (_, reason) => spec.restart != Restart::Permanent && is_orderly(reason),
    };
    if !as_told {
        tracing::error!(
            target: "supervisor::shutdown_error",
            pid = %runtime::self_pid(),
            child = spec.id,
            reason = %reason,
            "a child did not end as it was told"
        );
    }
}
