//! What clients hold of a supervisor, and ask it: calls, which wait for ever, as OTP's do.

use runtime::request::{CallError, ServerRef, call};
use runtime::{ExitReason, Pid};

use super::answer::{Answer, ChildError, ChildInfo, Count, Request};
use super::child::Child;
use super::spec::ChildSpec;
use crate::gen_server::{self, StopError};

/// A supervisor, by pid or name.
#[derive(Clone, Debug, PartialEq)]
pub struct Supervisor(ServerRef);

impl Supervisor {
    /// The supervisor that this means, if it is one: another process ends when it is asked.
    ///
    /// ```
    #[doc = include_str!("../../doc/supervisor.txt")]
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
    #[doc = include_str!("../../doc/supervisor.txt")]
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
    #[doc = include_str!("../../doc/supervisor.txt")]
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
    #[doc = include_str!("../../doc/supervisor.txt")]
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
    #[doc = include_str!("../../doc/supervisor.txt")]
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
    #[doc = include_str!("../../doc/supervisor.txt")]
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
    #[doc = include_str!("../../doc/supervisor.txt")]
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
    #[doc = include_str!("../../doc/supervisor.txt")]
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
    #[doc = include_str!("../../doc/supervisor.txt")]
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
    #[doc = include_str!("../../doc/supervisor.txt")]
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
    #[doc = include_str!("../../doc/supervisor.txt")]
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
    #[doc = include_str!("../../doc/supervisor.txt")]
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
    #[doc = include_str!("../../doc/supervisor.txt")]
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
