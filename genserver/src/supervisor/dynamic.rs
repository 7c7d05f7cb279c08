//! `simple_one_for_one`: many children of one kind, each started with arguments of its own.
//!
//! They have no order and no ids; their pids name them. They end all at once, with one time for all. A child
//! costs its entry: its pid, and its arguments if it may be restarted.

use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use runtime::request::{Call, CallError, Client, ServerRef, call, foreign_request};
use runtime::{
    AnyMessage, Behaviour, Cx, Down, Exit, ExitReason, Message, Next, Pid, Ref, Spawn, Until,
    catch, demonitor_flush, exit_signal, match_message, monitor, send, trap_exit, unlink,
};
use sys::{Debug, Handled, System};

use super::handle::{ChildError, Count};
use super::intensity::Restarts;
use super::spec::{Child, Flags, Kind, Restart, Shutdown, Started, is_orderly};
use crate::gen_server::{self, StopError, WrongRequest};
use crate::proc_lib::{Ack, Line, Refused, Start, StartError, inherit, register};

/// What all children of a dynamic supervisor have in common.
pub struct Template<A> {
    start: Arc<dyn Fn(&A) -> Started + Send + Sync>,
    restart: Restart,
    shutdown: Shutdown,
    kind: Kind,
}

/// A supervisor of children that are started on demand with an `A` each: OTP's `simple_one_for_one`.
///
/// ```
/// use genserver::supervisor::{DynamicSupervisor, Flags, Restart, Template};
/// use runtime::prelude::*;
///
/// # runtime::run(|| {
/// let template = Template::process(|n: &u32| {
///     let n = *n;
///     move || drop(receive_where(None, |m| m.downcast_ref() == Some(&n)))
/// })
/// .restart(Restart::Temporary);
/// let supervisor = DynamicSupervisor::start_link(Flags::default(), template).unwrap();
/// let child = supervisor.start_child(7).unwrap().unwrap();
/// assert_eq!(supervisor.count_children().unwrap().active, 1);
/// supervisor.terminate_child(child.pid).unwrap();
/// supervisor.stop().unwrap();
/// # });
/// ```
pub struct DynamicSupervisor<A> {
    server: ServerRef,
    args: std::marker::PhantomData<fn(A)>,
}

impl<A: Message + Sync> Template<A> {
    /// Children that `start` starts, and links to its caller.
    pub fn new(start: impl Fn(&A) -> Started + Send + Sync + 'static) -> Template<A> {
        Template {
            start: Arc::new(start),
            restart: Restart::default(),
            shutdown: Shutdown::Within(std::time::Duration::from_secs(5)),
            kind: Kind::default(),
        }
    }

    /// Processes that run what `make` makes of their arguments.
    pub fn process<F>(make: impl Fn(&A) -> F + Send + Sync + 'static) -> Template<A>
    where
        F: FnOnce() + Send + 'static,
    {
        Template::new(move |args| {
            let spawned = Spawn::new().link().spawn(make(args));
            spawned
                .map(|spawned| spawned.pid.into())
                .map_err(StartError::Spawn)
        })
    }

    /// When they are restarted.
    pub fn restart(mut self, restart: Restart) -> Template<A> {
        self.restart = restart;
        self
    }

    /// How they are ended.
    pub fn shutdown(mut self, shutdown: Shutdown) -> Template<A> {
        self.shutdown = shutdown;
        self
    }

    /// What they are.
    pub fn kind(mut self, kind: Kind) -> Template<A> {
        self.kind = kind;
        self
    }
}

#[derive(Debug)]
enum Request<A> {
    StartChild(A),
    TerminateChild(Pid),
    WhichChildren,
    CountChildren,
}

#[derive(Debug)]
enum Answer {
    Started(Result<Option<Child>, ChildError>),
    Done(Result<(), ChildError>),
    Children(Vec<Pid>),
    Count(Count),
}

impl<A: Message + Sync> DynamicSupervisor<A> {
    /// Starts one without children, linked to the caller, its parent. Mirrors `supervisor:start_link/2`.
    ///
    /// # Errors
    ///
    /// The process cannot be spawned.
    ///
    /// # Panics
    ///
    /// Outside a process.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn start_link(
        flags: Flags,
        template: Template<A>,
    ) -> Result<DynamicSupervisor<A>, StartError> {
        DynamicSupervisor::start_named(None, flags, template)
    }

    /// As [`start_link`](DynamicSupervisor::start_link), under a name.
    ///
    /// # Errors
    ///
    /// As there; another process has the name.
    ///
    /// # Panics
    ///
    /// Outside a process.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn start_link_named(
        name: impl Into<ServerRef>,
        flags: Flags,
        template: Template<A>,
    ) -> Result<DynamicSupervisor<A>, StartError> {
        DynamicSupervisor::start_named(Some(name.into()), flags, template)
    }

    #[cfg_attr(debug_assertions, track_caller)]
    fn start_named(
        name: Option<ServerRef>,
        flags: Flags,
        template: Template<A>,
    ) -> Result<DynamicSupervisor<A>, StartError> {
        if let Some(pid) = name.as_ref().and_then(ServerRef::whereis) {
            return Err(StartError::AlreadyStarted(pid));
        }
        let parent = runtime::self_pid();
        let start = Start {
            spawn: Spawn::new(),
            links: true,
            timeout: None,
        };
        let (spawned, monitor) = start.behaviour(|tag| Process {
            parent,
            flags,
            template,
            boot: Some((tag, name, Line::of_children())),
            children: HashMap::new(),
            restarting: HashMap::new(),
            next: 0,
            restarts: Restarts::default(),
            ending: None,
            debug: Debug::new(),
        })?;
        demonitor_flush(monitor);
        Ok(DynamicSupervisor::of(spawned.pid))
    }

    /// The supervisor that this means, if it is one of that kind.
    pub fn of(server: impl Into<ServerRef>) -> DynamicSupervisor<A> {
        DynamicSupervisor {
            server: server.into(),
            args: std::marker::PhantomData,
        }
    }

    /// How it is named.
    pub fn server_ref(&self) -> &ServerRef {
        &self.server
    }

    /// The process that it is now.
    pub fn whereis(&self) -> Option<Pid> {
        self.server.whereis()
    }

    #[cfg_attr(debug_assertions, track_caller)]
    fn ask(&self, request: Request<A>) -> Result<Answer, CallError> {
        call(&self.server, request, None)
    }

    /// Starts a child. None: its start function had nothing to start. Mirrors `supervisor:start_child/2`.
    ///
    /// # Errors
    ///
    /// See [`ChildError`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn start_child(&self, args: A) -> Result<Option<Child>, ChildError> {
        match self
            .ask(Request::StartChild(args))
            .map_err(ChildError::Call)?
        {
            Answer::Started(started) => started,
            other => unreachable!("{other:?}"),
        }
    }

    /// Ends a child; one that has ended already is no error. Mirrors `supervisor:terminate_child/2`.
    ///
    /// # Errors
    ///
    /// See [`ChildError`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn terminate_child(&self, child: Pid) -> Result<(), ChildError> {
        match self
            .ask(Request::TerminateChild(child))
            .map_err(ChildError::Call)?
        {
            Answer::Done(done) => done,
            other => unreachable!("{other:?}"),
        }
    }

    /// The children that run, in no order. Mirrors `supervisor:which_children/1`.
    ///
    /// # Errors
    ///
    /// The call has failed.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn which_children(&self) -> Result<Vec<Pid>, CallError> {
        match self.ask(Request::WhichChildren)? {
            Answer::Children(children) => Ok(children),
            other => unreachable!("{other:?}"),
        }
    }

    /// Counts the children. Mirrors `supervisor:count_children/1`.
    ///
    /// # Errors
    ///
    /// The call has failed.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn count_children(&self) -> Result<Count, CallError> {
        match self.ask(Request::CountChildren)? {
            Answer::Count(count) => Ok(count),
            other => unreachable!("{other:?}"),
        }
    }

    /// Ends the supervisor, and its children before. Mirrors `supervisor:stop/1`.
    ///
    /// # Errors
    ///
    /// As [`gen_server::stop`].
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn stop(&self) -> Result<(), StopError> {
        gen_server::stop(&self.server, ExitReason::Normal, None)
    }
}

struct Process<A> {
    parent: Pid,
    flags: Flags,
    template: Template<A>,
    boot: Option<(Ref, Option<ServerRef>, Option<Arc<Line>>)>,
    /// With the arguments of those that may be restarted.
    children: HashMap<Pid, Option<A>>,
    /// Those whose restart has failed, by number.
    restarting: HashMap<u64, A>,
    next: u64,
    restarts: Restarts,
    ending: Option<Ending>,
    debug: Debug,
}

/// Children that are being ended, all at once.
struct Ending {
    left: HashMap<Ref, Pid>,
    deadline: Option<Instant>,
    then: Then,
}

enum Then {
    Exit(ExitReason),
    Answer(Client),
}

#[derive(Debug)]
struct TryAgain(u64);

impl<A: Message + Sync> Process<A> {
    fn start(&self, args: &A) -> Result<Option<Child>, ExitReason> {
        match catch(|| (self.template.start)(args)) {
            Ok(Ok(child)) => Ok(Some(child)),
            Ok(Err(StartError::Ignore)) => Ok(None),
            Ok(Err(StartError::Failed(reason))) => Err(reason),
            Ok(Err(error)) => Err(ExitReason::other(error.to_string())),
            Err(caught) => Err(caught.into_reason()),
        }
    }

    fn keep(&mut self, pid: Pid, args: A) {
        let kept = (self.template.restart != Restart::Temporary).then_some(args);
        self.children.insert(pid, kept);
    }

    /// Tells these to end.
    fn end(&mut self, pids: HashSet<Pid>, then: Then) {
        let kills = self.template.shutdown == Shutdown::BrutalKill;
        let left = pids
            .into_iter()
            .map(|pid| {
                let watch = monitor(pid);
                let reason = match kills {
                    true => ExitReason::Kill,
                    false => ExitReason::Shutdown,
                };
                exit_signal(pid, reason);
                (watch, pid)
            })
            .collect();
        let deadline = match self.template.shutdown {
            Shutdown::Within(time) => runtime::now().checked_add(time),
            _ => None,
        };
        self.ending = Some(Ending {
            left,
            deadline,
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
        while !ending.left.is_empty() {
            let left = &ending.left;
            let down = cx.mail_where(|message| {
                let down = message.downcast_ref::<Down>();
                down.is_some_and(|down| left.contains_key(&down.monitor))
            });
            let Some(Ok(down)) = down.map(AnyMessage::downcast::<Down>) else {
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
            if let Some(pid) = ending.left.remove(&down.monitor) {
                // Its exit, if it has come, is nobody's any more: `handle` passes over it.
                unlink(pid);
            }
        }
        cx.rewind();
        None
    }

    fn may_restart(&mut self) -> bool {
        if self.restarts.bear(&self.flags) {
            return true;
        }
        self.end_all(Then::Exit(ExitReason::Shutdown));
        false
    }

    fn child_ended(&mut self, pid: Pid, reason: &ExitReason) {
        let Some(args) = self.children.remove(&pid) else {
            return;
        };
        if self.template.restart == Restart::Permanent || !is_orderly(reason) {
            tracing::error!(
                target: "supervisor::child_terminated",
                pid = %runtime::self_pid(),
                child = %pid,
                reason = %reason,
                "a child has ended"
            );
        }
        let restarts = match self.template.restart {
            Restart::Permanent => true,
            Restart::Transient => !is_orderly(reason),
            Restart::Temporary => false,
        };
        if let Some(args) = args.filter(|_| restarts)
            && self.may_restart()
        {
            self.start_again(args);
        }
    }

    fn start_again(&mut self, args: A) {
        match self.start(&args) {
            Ok(Some(child)) => self.keep(child.pid, args),
            Ok(None) => {}
            Err(reason) => {
                tracing::error!(
                    target: "supervisor::start_error",
                    pid = %runtime::self_pid(),
                    reason = %reason,
                    "a child did not start"
                );
                self.next += 1;
                self.restarting.insert(self.next, args);
                send(runtime::self_pid(), TryAgain(self.next));
            }
        }
    }

    fn answer(&mut self, client: Client, request: Request<A>) {
        let answer = match request {
            Request::StartChild(args) => Answer::Started(match self.start(&args) {
                Ok(Some(child)) => {
                    self.keep(child.pid, args);
                    Ok(Some(child))
                }
                Ok(None) => Ok(None),
                Err(reason) => Err(ChildError::Failed(reason)),
            }),
            Request::TerminateChild(pid) => match self.children.remove(&pid) {
                Some(_) => return self.end([pid].into(), Then::Answer(client)),
                // One that is dead is as good as ended.
                None if !runtime::is_process_alive(pid) => Answer::Done(Ok(())),
                None => Answer::Done(Err(ChildError::NotFound)),
            },
            Request::WhichChildren => Answer::Children(self.children.keys().copied().collect()),
            Request::CountChildren => {
                let active = self.children.len();
                let all = active + self.restarting.len();
                let supervisors = if self.template.kind == Kind::Supervisor {
                    all
                } else {
                    0
                };
                Answer::Count(Count {
                    specs: 1,
                    active,
                    supervisors,
                    workers: all - supervisors,
                })
            }
        };
        client.of().reply(answer);
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
        match message.downcast::<Call<Request<A>>>() {
            Ok(Call { client, request }) => self.answer(client, request),
            Err(message) => match_message!(message {
                Exit { from, reason, .. } => match from {
                    Some(pid) if pid == self.parent => self.end_all(Then::Exit(reason)),
                    Some(pid) => self.child_ended(pid, &reason),
                    None => {}
                },
                TryAgain(number) => if let Some(args) = self.restarting.remove(&number)
                    && self.may_restart()
                {
                    self.start_again(args);
                },
                other => if let Some(request) = foreign_request(&other) {
                    self.end_all(Then::Exit(ExitReason::other(WrongRequest(request))));
                } else {
                    tracing::error!(
                        target: "supervisor::unexpected",
                        pid = %runtime::self_pid(),
                        message = ?other,
                        "a supervisor was sent what it does not know"
                    );
                }
            }),
        }
    }
}

impl<A: Message + Sync> Behaviour for Process<A> {
    fn wake(&mut self, cx: &mut Cx<'_>) -> Next {
        if let Some((tag, name, line)) = self.boot.take() {
            inherit(line);
            trap_exit(true);
            let registered = name.as_ref().map_or(Ok(()), register);
            let started = registered.map_err(Refused::AlreadyStarted);
            let runs = started.is_ok();
            send(tag, Ack { tag, started });
            if !runs {
                return Next::Exit(ExitReason::Normal);
            }
        }
        loop {
            if self.ending.is_some() {
                if let Some(wait) = self.look_at_ending(cx) {
                    return wait;
                }
                match self.ending.take().map(|ending| ending.then) {
                    Some(Then::Exit(reason)) => return Next::Exit(reason),
                    Some(Then::Answer(client)) => client.of().reply(Answer::Done(Ok(()))),
                    None => {}
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
                return Next::Wait(Until::Forever);
            };
            self.handle(message);
            if was_suspended && !self.debug.is_suspended() {
                cx.rewind();
            }
            if cx.spent() && self.ending.is_none() {
                return Next::Again;
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
        "supervisor"
    }

    fn parent(&self) -> Option<Pid> {
        Some(self.parent)
    }
}

impl<A> Clone for DynamicSupervisor<A> {
    fn clone(&self) -> DynamicSupervisor<A> {
        DynamicSupervisor {
            server: self.server.clone(),
            args: std::marker::PhantomData,
        }
    }
}

impl<A> fmt::Debug for DynamicSupervisor<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DynamicSupervisor<{}>", self.server)
    }
}

impl<A> fmt::Debug for Template<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template")
            .field("restart", &self.restart)
            .field("shutdown", &self.shutdown)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
