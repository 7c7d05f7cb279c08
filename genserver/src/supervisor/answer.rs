//! What a supervisor is asked, and what it answers: of its children, and why it does not do what it was asked.

use std::fmt;

use runtime::request::CallError;
use runtime::{ExitReason, Pid, Term};

use super::child::{Child, Kind};
use super::spec::{ChildSpec, SpecError};
use crate::proc_lib::StartError;

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

impl ChildInfo {
    /// Its process, if it runs.
    ///
    /// ```
    #[doc = include_str!("../../doc/supervisor.txt")]
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
    #[doc = include_str!("../../doc/supervisor.txt")]
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
