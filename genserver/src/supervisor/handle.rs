//! What clients hold of a supervisor, and ask it: starting one, and calls, which wait for ever, as OTP's do.

use std::any::type_name;
use std::fmt;

use runtime::request::{CallError, ServerRef, call};
use runtime::{ExitReason, Pid, Spawn, Term, demonitor_flush};

use super::process::{Boot, InitFunction, Process};
use super::report::Reporter;
use super::spec::{Child, ChildSpec, Flags, Kind, SpecError, Supervised};
use crate::gen_server::{self, StopError};
use crate::proc_lib::{Line, Start, StartError, is_free};

/// A supervisor, by pid or name.
#[derive(Clone, Debug, PartialEq)]
pub struct Supervisor(ServerRef);

/// How a supervisor is started.
#[derive(Debug, Default)]
pub struct SupervisorOptions {
    name: Option<ServerRef>,
}

/// A child, as its supervisor shows it. Mirrors the answer of `supervisor:which_children/1`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChildInfo {
    /// Its name among its siblings.
    pub id: String,
    /// Whether it runs.
    pub state: ChildState,
    /// What it is.
    pub kind: Kind,
}

/// Whether a child runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildState {
    /// It does.
    Running(Pid),
    /// It is about to be started again.
    Restarting,
    /// It does not.
    Undefined,
}

/// Mirrors the answer of `supervisor:count_children/1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Count {
    /// Children, running or not.
    pub specs: usize,
    /// Those that run.
    pub active: usize,
    /// Those that are supervisors.
    pub supervisors: usize,
    /// Those that are not.
    pub workers: usize,
}

/// Why a supervisor does not do to a child what it was asked.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ChildError {
    /// The call has failed.
    Call(CallError),
    /// There is no such child.
    NotFound,
    /// It runs.
    Running(Pid),
    /// It is about to be started again.
    Restarting,
    /// There is a child of this id, which does not run.
    AlreadyPresent,
    /// There is a child of this id, which runs; or the start function says that what it starts runs already.
    AlreadyStarted(Pid),
    /// The specification is refused.
    Spec(SpecError),
    /// The start function has failed.
    Failed(ExitReason),
}

#[derive(Debug)]
pub(super) enum Request {
    StartChild(ChildSpec),
    RestartChild(String),
    TerminateChild(String),
    DeleteChild(String),
    WhichChildren,
    WhichChild(String),
    CountChildren,
    GetChildSpec(String),
    GetCallbackModule,
}

#[derive(Debug)]
pub(super) enum Answer {
    Started(Result<Option<Child>, ChildError>),
    Done(Result<(), ChildError>),
    Children(Vec<ChildInfo>),
    Child(Option<ChildInfo>),
    Count(Count),
    Spec(Option<ChildSpec>),
    Module(&'static str),
}

/// Starts a supervisor of these children, linked to the caller, its parent. Returns when all have started. Mirrors
/// `supervisor:start_link/2`.
///
/// # Errors
///
/// The specifications are refused, with a [`SpecError`] for the reason; or a child did not start: then those that
/// had are ended, and the reason is a shutdown with [`FailedToStartChild`]. Unless the caller traps exits it ends
/// too, with the same reason.
///
/// # Panics
///
/// Outside a process.
///
/// ```
/// # use genserver::StartError;
/// # use genserver::supervisor::*;
/// # use runtime::prelude::*;
/// # use std::num::NonZeroUsize;
/// # use std::time::Duration;
/// # runtime::run(|| {
/// let worker = || ChildSpec::process("worker", || drop(receive_any()));
/// let supervisor = start_link(Flags::default(), vec![worker()]).unwrap();
/// assert_eq!(supervisor.count_children().unwrap().active, 1);
/// # });
/// ```
#[cfg_attr(debug_assertions, track_caller)]
pub fn start_link(flags: Flags, children: Vec<ChildSpec>) -> Result<Supervisor, StartError> {
    SupervisorOptions::default().start_link(flags, children)
}

/// As [`start_link`](fn@start_link), with what `init` says; with None there is nothing to supervise. The supervisor calls it at its start, and again when
/// [`sys::change_code`] tells it to: then flags are replaced, specifications too, by their ids, and processes
/// stay; new children are not started, nor children ended that are no longer named. Mirrors a callback module's
/// `init/1`, and the supervisor's `code_change`.
///
/// ```
/// use genserver::supervisor::{ChildSpec, Flags, Supervised, start_link_with};
///
/// # runtime::run(|| {
/// let supervisor = start_link_with(|| {
///     let sleeper = ChildSpec::process("sleeper", || drop(runtime::receive_any()));
///     Ok(Some((Flags::default(), vec![sleeper])))
/// })
/// .unwrap();
/// sys::suspend(&supervisor).unwrap();
/// // What a new init would say; with `()` the old one is asked.
/// let new: Supervised = (Flags::default(), vec![]);
/// assert_eq!(sys::change_code(&supervisor, new), Ok(()));
/// sys::resume(&supervisor).unwrap();
/// assert!(supervisor.which_child("sleeper").unwrap().pid().is_some());
/// # });
/// ```
///
/// # Errors
///
/// As [`start_link`](fn@start_link); `init` ignores, fails or panics.
///
/// # Panics
///
/// Outside a process.
#[cfg_attr(debug_assertions, track_caller)]
pub fn start_link_with<F>(init: F) -> Result<Supervisor, StartError>
where
    F: Fn() -> Result<Option<Supervised>, ExitReason> + Send + 'static,
{
    SupervisorOptions::default().start_link_with(init)
}

impl SupervisorOptions {
    /// No options.
    ///
    /// ```
    /// # use genserver::StartError;
    /// # use genserver::supervisor::*;
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// # let worker = || ChildSpec::process("worker", || drop(receive_any()));
    /// let supervisor = SupervisorOptions::new().start_link(Flags::default(), vec![worker()]);
    /// assert!(supervisor.is_ok());
    /// # });
    /// ```
    pub fn new() -> SupervisorOptions {
        SupervisorOptions::default()
    }

    /// Registers the supervisor under a name. With a pid, or a name on a node, the start panics.
    ///
    /// ```
    /// # use genserver::StartError;
    /// # use genserver::supervisor::*;
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// let options = SupervisorOptions::new().name("root");
    /// let root = options.start_link(Flags::default(), vec![]).unwrap();
    /// assert_eq!(whereis("root"), root.whereis());
    /// # });
    /// ```
    pub fn name(mut self, name: impl Into<ServerRef>) -> SupervisorOptions {
        self.name = Some(name.into());
        self
    }

    /// See [`start_link`](fn@start_link).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// ```
    /// # use genserver::StartError;
    /// # use genserver::supervisor::*;
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// # let worker = || ChildSpec::process("worker", || drop(receive_any()));
    /// let options = SupervisorOptions::new().name("root");
    /// options.start_link(Flags::default(), vec![worker()]).unwrap();
    /// assert!(Supervisor::of("root").which_child("worker").unwrap().pid().is_some());
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn start_link(
        self,
        flags: Flags,
        children: Vec<ChildSpec>,
    ) -> Result<Supervisor, StartError> {
        let init = move || Ok(Some((flags.clone(), children.clone())));
        self.start("supervisor", Box::new(init))
    }

    /// See [`start_link_with`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// ```
    /// # use genserver::StartError;
    /// # use genserver::supervisor::*;
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// let started = SupervisorOptions::new().name("root").start_link_with(|| Ok(None));
    /// assert!(matches!(started, Err(StartError::Ignore)));
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn start_link_with<F>(self, init: F) -> Result<Supervisor, StartError>
    where
        F: Fn() -> Result<Option<Supervised>, ExitReason> + Send + 'static,
    {
        self.start(type_name::<F>(), Box::new(init))
    }

    #[cfg_attr(debug_assertions, track_caller)]
    fn start(self, module: &'static str, init: InitFunction) -> Result<Supervisor, StartError> {
        is_free(self.name.as_ref())?;
        let parent = runtime::self_pid();
        let start = Start {
            spawn: Spawn::new(),
            links: true,
            timeout: None,
        };
        let (spawned, monitor) = start.behaviour(|tag| {
            let line = Line::of_children();
            let name = self.name;
            let reporter = Reporter { name, module };
            Process::booting(parent, init, reporter, Boot { tag, line })
        })?;
        demonitor_flush(monitor);
        Ok(Supervisor(spawned.pid.into()))
    }
}

impl Supervisor {
    /// The supervisor that this means, if it is one: another process ends when it is asked.
    ///
    /// ```
    /// # use genserver::StartError;
    /// # use genserver::supervisor::*;
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// SupervisorOptions::new().name("root").start_link(Flags::default(), vec![]).unwrap();
    /// Supervisor::of("root").stop().unwrap();
    /// # });
    /// ```
    pub fn of(server: impl Into<ServerRef>) -> Supervisor {
        Supervisor(server.into())
    }

    /// How it is named.
    ///
    /// ```
    /// # use genserver::StartError;
    /// # use genserver::supervisor::*;
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// # let worker = || ChildSpec::process("worker", || drop(receive_any()));
    /// let supervisor = start_link(Flags::default(), vec![]).unwrap();
    /// let pid = supervisor.whereis().unwrap();
    /// assert_eq!(*supervisor.server_ref(), pid.into());
    /// # });
    /// ```
    pub fn server_ref(&self) -> &ServerRef {
        &self.0
    }

    /// The process that it is now.
    ///
    /// ```
    /// # use genserver::StartError;
    /// # use genserver::supervisor::*;
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// let root = Supervisor::of("root");
    /// assert_eq!(root.whereis(), None);
    /// SupervisorOptions::new().name("root").start_link(Flags::default(), vec![]).unwrap();
    /// assert!(root.whereis().is_some());
    /// # });
    /// ```
    pub fn whereis(&self) -> Option<Pid> {
        self.0.whereis()
    }

    #[cfg_attr(debug_assertions, track_caller)]
    fn ask(&self, request: Request) -> Result<Answer, CallError> {
        call(&self.0, request, None)
    }

    #[cfg_attr(debug_assertions, track_caller)]
    fn done(&self, request: Request) -> Result<(), ChildError> {
        match self.ask(request).map_err(ChildError::Call)? {
            Answer::Done(done) => done,
            other => unreachable!("{other:?}"),
        }
    }

    #[cfg_attr(debug_assertions, track_caller)]
    fn started(&self, request: Request) -> Result<Option<Child>, ChildError> {
        match self.ask(request).map_err(ChildError::Call)? {
            Answer::Started(started) => started,
            other => unreachable!("{other:?}"),
        }
    }

    /// Starts one more child, the last in order. None: its start function had nothing to start. Mirrors
    /// `supervisor:start_child/2`.
    ///
    /// # Errors
    ///
    /// See [`ChildError`]. The specification of one that failed is not kept.
    ///
    /// ```
    /// # use genserver::StartError;
    /// # use genserver::supervisor::*;
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// let worker = || ChildSpec::process("worker", || drop(receive_any()));
    /// let supervisor = start_link(Flags::default(), vec![]).unwrap();
    /// let child = supervisor.start_child(worker()).unwrap().unwrap();
    /// let again = supervisor.start_child(worker());
    /// assert_eq!(again, Err(ChildError::AlreadyStarted(child.pid)));
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn start_child(&self, spec: ChildSpec) -> Result<Option<Child>, ChildError> {
        self.started(Request::StartChild(spec))
    }

    /// Starts a child that does not run. Mirrors `supervisor:restart_child/2`.
    ///
    /// # Errors
    ///
    /// See [`ChildError`].
    ///
    /// ```
    /// # use genserver::StartError;
    /// # use genserver::supervisor::*;
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// # let worker = || ChildSpec::process("worker", || drop(receive_any()));
    /// let supervisor = start_link(Flags::default(), vec![worker()]).unwrap();
    /// supervisor.terminate_child("worker").unwrap();
    /// let child = supervisor.restart_child("worker").unwrap().unwrap();
    /// assert_eq!(supervisor.restart_child("worker"), Err(ChildError::Running(child.pid)));
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn restart_child(&self, id: &str) -> Result<Option<Child>, ChildError> {
        self.started(Request::RestartChild(id.to_owned()))
    }

    /// Ends a child, and keeps its specification, unless it is temporary. Mirrors
    /// `supervisor:terminate_child/2`.
    ///
    /// # Errors
    ///
    /// See [`ChildError`].
    ///
    /// ```
    /// # use genserver::StartError;
    /// # use genserver::supervisor::*;
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// # let worker = || ChildSpec::process("worker", || drop(receive_any()));
    /// let supervisor = start_link(Flags::default(), vec![worker()]).unwrap();
    /// supervisor.terminate_child("worker").unwrap();
    /// assert_eq!(supervisor.which_child("worker").unwrap().state, ChildState::Undefined);
    /// assert_eq!(supervisor.terminate_child("other"), Err(ChildError::NotFound));
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn terminate_child(&self, id: &str) -> Result<(), ChildError> {
        self.done(Request::TerminateChild(id.to_owned()))
    }

    /// Forgets a child that does not run. Mirrors `supervisor:delete_child/2`.
    ///
    /// # Errors
    ///
    /// See [`ChildError`].
    ///
    /// ```
    /// # use genserver::StartError;
    /// # use genserver::supervisor::*;
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// # let worker = || ChildSpec::process("worker", || drop(receive_any()));
    /// let supervisor = start_link(Flags::default(), vec![worker()]).unwrap();
    /// assert!(matches!(supervisor.delete_child("worker"), Err(ChildError::Running(_))));
    /// supervisor.terminate_child("worker").unwrap();
    /// supervisor.delete_child("worker").unwrap();
    /// assert!(supervisor.which_children().unwrap().is_empty());
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn delete_child(&self, id: &str) -> Result<(), ChildError> {
        self.done(Request::DeleteChild(id.to_owned()))
    }

    /// The children, the newest first. Mirrors `supervisor:which_children/1`.
    ///
    /// # Errors
    ///
    /// The call has failed.
    ///
    /// ```
    /// # use genserver::StartError;
    /// # use genserver::supervisor::*;
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// # let worker = || ChildSpec::process("worker", || drop(receive_any()));
    /// let supervisor = start_link(Flags::default(), vec![worker()]).unwrap();
    /// let children = supervisor.which_children().unwrap();
    /// assert_eq!((&*children[0].id, children[0].kind), ("worker", Kind::Worker));
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn which_children(&self) -> Result<Vec<ChildInfo>, CallError> {
        match self.ask(Request::WhichChildren)? {
            Answer::Children(children) => Ok(children),
            other => unreachable!("{other:?}"),
        }
    }

    /// One child. Mirrors `supervisor:which_child/2`.
    ///
    /// # Errors
    ///
    /// See [`ChildError`].
    ///
    /// ```
    /// # use genserver::StartError;
    /// # use genserver::supervisor::*;
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// # let worker = || ChildSpec::process("worker", || drop(receive_any()));
    /// let supervisor = start_link(Flags::default(), vec![worker()]).unwrap();
    /// assert!(supervisor.which_child("worker").unwrap().pid().is_some());
    /// assert_eq!(supervisor.which_child("other"), Err(ChildError::NotFound));
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn which_child(&self, id: &str) -> Result<ChildInfo, ChildError> {
        let answer = self.ask(Request::WhichChild(id.to_owned()));
        match answer.map_err(ChildError::Call)? {
            Answer::Child(child) => child.ok_or(ChildError::NotFound),
            other => unreachable!("{other:?}"),
        }
    }

    /// Counts the children. Mirrors `supervisor:count_children/1`.
    ///
    /// # Errors
    ///
    /// The call has failed.
    ///
    /// ```
    /// # use genserver::StartError;
    /// # use genserver::supervisor::*;
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// # let worker = || ChildSpec::process("worker", || drop(receive_any()));
    /// let supervisor = start_link(Flags::default(), vec![worker()]).unwrap();
    /// let count = supervisor.count_children().unwrap();
    /// assert_eq!((count.specs, count.active, count.workers), (1, 1, 1));
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn count_children(&self) -> Result<Count, CallError> {
        match self.ask(Request::CountChildren)? {
            Answer::Count(count) => Ok(count),
            other => unreachable!("{other:?}"),
        }
    }

    /// A child's specification. Mirrors `supervisor:get_childspec/2`.
    ///
    /// # Errors
    ///
    /// See [`ChildError`].
    ///
    /// ```
    /// # use genserver::StartError;
    /// # use genserver::supervisor::*;
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// # let worker = || ChildSpec::process("worker", || drop(receive_any()));
    /// let supervisor = start_link(Flags::default(), vec![worker()]).unwrap();
    /// assert_eq!(supervisor.get_childspec("worker").unwrap().id(), "worker");
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn get_childspec(&self, id: &str) -> Result<ChildSpec, ChildError> {
        let answer = self.ask(Request::GetChildSpec(id.to_owned()));
        match answer.map_err(ChildError::Call)? {
            Answer::Spec(spec) => spec.ok_or(ChildError::NotFound),
            other => unreachable!("{other:?}"),
        }
    }

    /// The init function that it was started with, as Rust names its type. Mirrors
    /// `supervisor:get_callback_module/1`.
    ///
    /// # Errors
    ///
    /// The call has failed.
    ///
    /// ```
    /// # use genserver::StartError;
    /// # use genserver::supervisor::*;
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// # let worker = || ChildSpec::process("worker", || drop(receive_any()));
    /// let supervisor = start_link(Flags::default(), vec![worker()]).unwrap();
    /// assert_eq!(supervisor.get_callback_module().unwrap(), "supervisor"); // no init function
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn get_callback_module(&self) -> Result<&'static str, CallError> {
        match self.ask(Request::GetCallbackModule)? {
            Answer::Module(module) => Ok(module),
            other => unreachable!("{other:?}"),
        }
    }

    /// Ends the supervisor, and its children before, the last first. Mirrors `supervisor:stop/1`.
    ///
    /// # Errors
    ///
    /// As [`gen_server::stop`].
    ///
    /// ```
    /// # use genserver::StartError;
    /// # use genserver::supervisor::*;
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// # let worker = || ChildSpec::process("worker", || drop(receive_any()));
    /// let supervisor = start_link(Flags::default(), vec![worker()]).unwrap();
    /// let worker = supervisor.which_child("worker").unwrap().pid().unwrap();
    /// supervisor.stop().unwrap();
    /// assert!(!is_process_alive(worker));
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn stop(&self) -> Result<(), StopError> {
        gen_server::stop(&self.0, ExitReason::Normal, None)
    }
}

impl ChildInfo {
    /// Its process, if it runs.
    ///
    /// ```
    /// # use genserver::StartError;
    /// # use genserver::supervisor::*;
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// # let worker = || ChildSpec::process("worker", || drop(receive_any()));
    /// let supervisor = start_link(Flags::default(), vec![worker()]).unwrap();
    /// let child = supervisor.which_child("worker").unwrap();
    /// assert_eq!(child.pid(), child.state.pid());
    /// # });
    /// ```
    pub fn pid(&self) -> Option<Pid> {
        self.state.pid()
    }
}

impl ChildState {
    /// The child's process, if it runs.
    ///
    /// ```
    /// # use genserver::StartError;
    /// # use genserver::supervisor::*;
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// assert_eq!(ChildState::Running(self_pid()).pid(), Some(self_pid()));
    /// assert_eq!(ChildState::Restarting.pid(), None);
    /// # });
    /// ```
    pub fn pid(self) -> Option<Pid> {
        match self {
            ChildState::Running(pid) => Some(pid),
            _ => None,
        }
    }
}

impl ChildError {
    /// That a start function has failed so.
    pub(super) fn of_start(reason: ExitReason) -> ChildError {
        match reason.downcast_ref::<StartError>() {
            Some(StartError::AlreadyStarted(pid)) => ChildError::AlreadyStarted(*pid),
            _ => ChildError::Failed(reason),
        }
    }
}

/// What a supervisor says that did not start since a child did not: `{failed_to_start_child, Id, Reason}`.
#[derive(Clone, Debug, PartialEq)]
pub struct FailedToStartChild {
    /// The child.
    pub id: String,
    /// Why.
    pub reason: ExitReason,
}

impl FailedToStartChild {
    pub(super) fn into_reason(self) -> ExitReason {
        ExitReason::ShutdownWith(Term::new(self))
    }
}

impl From<Supervisor> for ServerRef {
    fn from(supervisor: Supervisor) -> ServerRef {
        supervisor.0
    }
}

impl From<&Supervisor> for ServerRef {
    fn from(supervisor: &Supervisor) -> ServerRef {
        supervisor.0.clone()
    }
}

impl fmt::Display for ChildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChildError::Call(error) => fmt::Display::fmt(error, f),
            ChildError::NotFound => f.write_str("there is no such child"),
            ChildError::Running(pid) => write!(f, "the child runs, as {pid}"),
            ChildError::Restarting => f.write_str("the child is about to be started again"),
            ChildError::AlreadyPresent => f.write_str("there is a child of this id"),
            ChildError::AlreadyStarted(pid) => write!(f, "{pid} is the child of this id"),
            ChildError::Spec(error) => fmt::Display::fmt(error, f),
            ChildError::Failed(reason) => write!(f, "the child did not start: {reason}"),
        }
    }
}

impl std::error::Error for ChildError {}
