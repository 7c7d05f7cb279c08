//! `simple_one_for_one`: many children of one kind, each started with arguments of its own.
//!
//! They have no order and no ids; their pids name them. They end all at once, with one time for all. A child
//! costs its entry: its pid, and its arguments if it may be restarted.

mod process;
mod template;

use std::fmt;

use runtime::request::{CallError, ServerRef, call};
use runtime::{ExitReason, Message, Pid};

use super::answer::{ChildError, ChildState, Count};
use super::child::Child;
use super::flags::Flags;
use super::life;
use crate::gen_server::{self, StopError};
use crate::proc_lib::StartError;
use process::Process;

pub use template::Template;

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

#[derive(Debug)]
enum Request<A> {
    StartChild(A),
    TerminateChild(Pid),
    WhichChildren,
    WhichChild(Pid),
    CountChildren,
    GetChildSpec(Pid),
}

#[derive(Debug)]
enum Answer<A> {
    Started(Result<Option<Child>, ChildError>),
    Done(Result<(), ChildError>),
    Children(Vec<ChildState>),
    Child(Option<ChildState>),
    Count(Count),
    Spec(Option<Template<A>>),
}

impl<A: Message + Sync> DynamicSupervisor<A> {
    /// Starts one without children, linked to the caller, its parent. Mirrors `supervisor:start_link/2`.
    ///
    /// When [`sys::change_code`] gives it `(Flags, Template<A>)`, it takes them over; with `()` nothing changes, and
    /// anything else it refuses, with an [`UnknownChange`](super::UnknownChange) for the reason.
    ///
    /// # Errors
    ///
    /// The flags are refused, with a [`SpecError`](super::SpecError) for the reason: `auto_shutdown` is not for
    /// dynamic children. The process cannot be spawned.
    ///
    /// # Panics
    ///
    /// Outside a process.
    ///
    /// ```
    #[doc = include_str!("../../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// let template = Template::process(|(): &()| || drop(receive_any()));
    /// let supervisor = DynamicSupervisor::start_link(Flags::default(), template).unwrap();
    /// assert_eq!(supervisor.count_children().unwrap().active, 0);
    /// # });
    /// ```
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
    /// Outside a process. A pid is no name.
    ///
    /// ```
    #[doc = include_str!("../../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// let template = Template::process(|(): &()| || drop(receive_any()));
    /// DynamicSupervisor::start_link_named("workers", Flags::default(), template).unwrap();
    /// assert!(DynamicSupervisor::<()>::of("workers").start_child(()).is_ok());
    /// # });
    /// ```
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
        let pid = life::start_link(name, "supervisor", |parent, reporter, boot| {
            Process::booting(parent, flags, template, reporter, boot)
        })?;
        Ok(DynamicSupervisor::of(pid))
    }

    /// The supervisor that this means, if it is one of that kind.
    ///
    /// ```
    #[doc = include_str!("../../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// # let template = Template::process(|(): &()| || drop(receive_any())).restart(Restart::Temporary);
    /// let supervisor = DynamicSupervisor::start_link(Flags::default(), template).unwrap();
    /// let same = DynamicSupervisor::<()>::of(supervisor.whereis().unwrap());
    /// assert!(same.start_child(()).is_ok());
    /// # });
    /// ```
    pub fn of(server: impl Into<ServerRef>) -> DynamicSupervisor<A> {
        DynamicSupervisor {
            server: server.into(),
            args: std::marker::PhantomData,
        }
    }

    /// How it is named.
    ///
    /// ```
    #[doc = include_str!("../../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// # let template = Template::process(|(): &()| || drop(receive_any())).restart(Restart::Temporary);
    /// let supervisor = DynamicSupervisor::start_link(Flags::default(), template).unwrap();
    /// let pid = supervisor.whereis().unwrap();
    /// assert_eq!(*supervisor.server_ref(), pid.into());
    /// # });
    /// ```
    pub fn server_ref(&self) -> &ServerRef {
        &self.server
    }

    /// The process that it is now.
    ///
    /// ```
    #[doc = include_str!("../../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// assert_eq!(DynamicSupervisor::<()>::of("nobody").whereis(), None);
    /// # });
    /// ```
    pub fn whereis(&self) -> Option<Pid> {
        self.server.whereis()
    }

    #[cfg_attr(debug_assertions, track_caller)]
    fn ask(&self, request: Request<A>) -> Result<Answer<A>, CallError> {
        call(&self.server, request, None)
    }

    /// Starts a child. None: its start function had nothing to start. Mirrors `supervisor:start_child/2`.
    ///
    /// # Errors
    ///
    /// See [`ChildError`].
    ///
    /// ```
    #[doc = include_str!("../../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// # let template = Template::process(|(): &()| || drop(receive_any())).restart(Restart::Temporary);
    /// let supervisor = DynamicSupervisor::start_link(Flags::default(), template).unwrap();
    /// let child = supervisor.start_child(()).unwrap().unwrap();
    /// assert!(is_process_alive(child.pid));
    /// # });
    /// ```
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

    /// Ends a child, or its retries, by the pid that it had; one that has ended already is no error. Mirrors `supervisor:terminate_child/2`.
    ///
    /// # Errors
    ///
    /// See [`ChildError`].
    ///
    /// ```
    #[doc = include_str!("../../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// # let template = Template::process(|(): &()| || drop(receive_any())).restart(Restart::Temporary);
    /// let supervisor = DynamicSupervisor::start_link(Flags::default(), template).unwrap();
    /// let child = supervisor.start_child(()).unwrap().unwrap();
    /// supervisor.terminate_child(child.pid).unwrap();
    /// assert!(!is_process_alive(child.pid));
    /// assert_eq!(supervisor.terminate_child(self_pid()), Err(ChildError::NotFound));
    /// # });
    /// ```
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

    /// The children, in no order: running, or restarting. Mirrors `supervisor:which_children/1`.
    ///
    /// # Errors
    ///
    /// The call has failed.
    ///
    /// ```
    #[doc = include_str!("../../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// # let template = Template::process(|(): &()| || drop(receive_any())).restart(Restart::Temporary);
    /// let supervisor = DynamicSupervisor::start_link(Flags::default(), template).unwrap();
    /// let child = supervisor.start_child(()).unwrap().unwrap();
    /// assert_eq!(supervisor.which_children(), Ok(vec![ChildState::Running(child.pid)]));
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn which_children(&self) -> Result<Vec<ChildState>, CallError> {
        match self.ask(Request::WhichChildren)? {
            Answer::Children(children) => Ok(children),
            other => unreachable!("{other:?}"),
        }
    }

    /// One child, by its pid, or by the one that it had when it ended. Mirrors `supervisor:which_child/2`.
    ///
    /// # Errors
    ///
    /// See [`ChildError`].
    ///
    /// ```
    #[doc = include_str!("../../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// # let template = Template::process(|(): &()| || drop(receive_any())).restart(Restart::Temporary);
    /// let supervisor = DynamicSupervisor::start_link(Flags::default(), template).unwrap();
    /// let child = supervisor.start_child(()).unwrap().unwrap();
    /// assert_eq!(supervisor.which_child(child.pid), Ok(ChildState::Running(child.pid)));
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn which_child(&self, child: Pid) -> Result<ChildState, ChildError> {
        let answer = self.ask(Request::WhichChild(child));
        match answer.map_err(ChildError::Call)? {
            Answer::Child(state) => state.ok_or(ChildError::NotFound),
            other => unreachable!("{other:?}"),
        }
    }

    /// What a child has in common with all, if it is one, or dead. Mirrors `supervisor:get_childspec/2`.
    ///
    /// # Errors
    ///
    /// See [`ChildError`].
    ///
    /// ```
    #[doc = include_str!("../../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// # let template = Template::process(|(): &()| || drop(receive_any())).restart(Restart::Temporary);
    /// let supervisor = DynamicSupervisor::start_link(Flags::default(), template).unwrap();
    /// let child = supervisor.start_child(()).unwrap().unwrap();
    /// assert!(supervisor.get_childspec(child.pid).is_ok());
    /// assert!(supervisor.get_childspec(self_pid()).is_err());
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn get_childspec(&self, child: Pid) -> Result<Template<A>, ChildError> {
        let answer = self.ask(Request::GetChildSpec(child));
        match answer.map_err(ChildError::Call)? {
            Answer::Spec(template) => template.ok_or(ChildError::NotFound),
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
    #[doc = include_str!("../../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// # let template = Template::process(|(): &()| || drop(receive_any())).restart(Restart::Temporary);
    /// let supervisor = DynamicSupervisor::start_link(Flags::default(), template).unwrap();
    /// let child = supervisor.start_child(()).unwrap().unwrap();
    /// let count = supervisor.count_children().unwrap();
    /// assert_eq!((count.specs, count.active), (1, 1));
    /// # });
    /// ```
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
    ///
    /// ```
    #[doc = include_str!("../../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// # let template = Template::process(|(): &()| || drop(receive_any())).restart(Restart::Temporary);
    /// let supervisor = DynamicSupervisor::start_link(Flags::default(), template).unwrap();
    /// let child = supervisor.start_child(()).unwrap().unwrap();
    /// supervisor.stop().unwrap();
    /// assert!(!is_process_alive(child.pid));
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn stop(&self) -> Result<(), StopError> {
        gen_server::stop(&self.server, ExitReason::Normal, None)
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

impl<A> From<&DynamicSupervisor<A>> for ServerRef {
    fn from(supervisor: &DynamicSupervisor<A>) -> ServerRef {
        supervisor.server.clone()
    }
}

impl<A> fmt::Debug for DynamicSupervisor<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DynamicSupervisor<{}>", self.server)
    }
}
