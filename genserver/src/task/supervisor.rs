//! A supervisor of tasks: so that they have a place in the tree, and end with it.
//!
//! Below is a dynamic supervisor. A child is started without its work, which the caller then sends it: so the caller
//! knows the pid, and has its link and monitor, before anything of the work has run.

use std::fmt;

use runtime::request::{CallError, ServerRef};
use runtime::{Down, Opaque, Pid, demonitor_flush, link, monitor, receive, self_pid, send};

use super::{Outcome, Task};
use crate::gen_server::StopError;
use crate::proc_lib::StartError;
use crate::supervisor::{
    ChildError, ChildSpec, ChildState, Count, DynamicSupervisor, Flags, Restart, Shutdown, Template,
};

/// A supervisor whose children are tasks. They are not restarted. Mirrors Elixir's `Task.Supervisor`.
///
/// ```
/// use genserver::TaskSupervisor;
///
/// # runtime::run(|| {
/// let tasks = TaskSupervisor::start_link().unwrap();
/// let task = tasks.spawn(|| 6 * 7).unwrap();
/// assert_eq!(task.join(), Ok(42));
/// tasks.stop().unwrap();
/// # });
/// ```
#[derive(Clone)]
pub struct TaskSupervisor(DynamicSupervisor<Owner>);

/// Who is about to tell a new child what to do.
#[derive(Clone, Copy, Debug)]
struct Owner(Pid);

/// What a child is told to do.
#[derive(Debug)]
struct Begin(Opaque<Box<dyn FnOnce() + Send>>);

/// Children that wait for their work, unless who has it ends before.
fn template() -> Template<Owner> {
    let template = Template::process(|owner: &Owner| {
        let owner = owner.0;
        move || {
            let watch = monitor(owner);
            receive! {
                Begin(work) => {
                    demonitor_flush(watch);
                    (work.0)();
                }
                Down { monitor, .. } if monitor == watch => {}
            }
        }
    });
    let template = template.restart(Restart::Temporary);
    template.shutdown(Shutdown::default())
}

impl TaskSupervisor {
    /// Starts one without tasks, linked to the caller, its parent.
    ///
    /// # Errors
    ///
    /// The process cannot be spawned.
    ///
    /// # Panics
    ///
    /// Outside a process.
    ///
    /// ```
    /// # use genserver::supervisor::{Flags, Shutdown, Supervisor, start_link};
    /// # use genserver::{Task, TaskSupervisor, TimedOut, async_stream};
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// let tasks = TaskSupervisor::start_link().unwrap();
    /// assert_eq!(tasks.spawn(|| 42).unwrap().join(), Ok(42));
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn start_link() -> Result<TaskSupervisor, StartError> {
        DynamicSupervisor::start_link(Flags::default(), template()).map(TaskSupervisor)
    }

    /// As [`start_link`](TaskSupervisor::start_link), under a name.
    ///
    /// # Errors
    ///
    /// As there; another process has the name.
    ///
    /// # Panics
    ///
    /// Outside a process.
    ///
    /// ```
    /// # use genserver::supervisor::{Flags, Shutdown, Supervisor, start_link};
    /// # use genserver::{Task, TaskSupervisor, TimedOut, async_stream};
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// TaskSupervisor::start_link_named("tasks").unwrap();
    /// assert_eq!(TaskSupervisor::of("tasks").spawn(|| 42).unwrap().join(), Ok(42));
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn start_link_named(name: impl Into<ServerRef>) -> Result<TaskSupervisor, StartError> {
        DynamicSupervisor::start_link_named(name, Flags::default(), template()).map(TaskSupervisor)
    }

    /// One of this name, as a child of another supervisor.
    ///
    /// ```
    /// # use genserver::supervisor::{Flags, Shutdown, Supervisor, start_link};
    /// # use genserver::{Task, TaskSupervisor, TimedOut, async_stream};
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// start_link(Flags::default(), vec![TaskSupervisor::child_spec("tasks")]).unwrap();
    /// assert_eq!(TaskSupervisor::of("tasks").spawn(|| 42).unwrap().join(), Ok(42));
    /// # });
    /// ```
    pub fn child_spec(name: impl Into<String>) -> ChildSpec {
        ChildSpec::named_dynamic_supervisor(name, Flags::default(), template())
    }

    /// The task supervisor that this means, if it is one.
    ///
    /// ```
    /// # use genserver::supervisor::{Flags, Shutdown, Supervisor, start_link};
    /// # use genserver::{Task, TaskSupervisor, TimedOut, async_stream};
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// TaskSupervisor::start_link_named("tasks").unwrap();
    /// assert!(TaskSupervisor::of("tasks").which_children().unwrap().is_empty());
    /// # });
    /// ```
    pub fn of(server: impl Into<ServerRef>) -> TaskSupervisor {
        TaskSupervisor(DynamicSupervisor::of(server))
    }

    /// How it is named.
    ///
    /// ```
    /// # use genserver::supervisor::{Flags, Shutdown, Supervisor, start_link};
    /// # use genserver::{Task, TaskSupervisor, TimedOut, async_stream};
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// let tasks = TaskSupervisor::start_link().unwrap();
    /// assert!(tasks.server_ref().whereis().is_some());
    /// # });
    /// ```
    pub fn server_ref(&self) -> &ServerRef {
        self.0.server_ref()
    }

    /// Starts a task that is linked to the caller too. Mirrors `Task.Supervisor.async/2`.
    ///
    /// # Errors
    ///
    /// The supervisor does not answer.
    ///
    /// # Panics
    ///
    /// Outside a process.
    ///
    /// ```
    /// # use genserver::supervisor::{Flags, Shutdown, Supervisor, start_link};
    /// # use genserver::{Task, TaskSupervisor, TimedOut, async_stream};
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// let tasks = TaskSupervisor::start_link().unwrap();
    /// let task = tasks.spawn(|| 40 + 2).unwrap();
    /// assert_eq!(task.join(), Ok(42));
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn spawn<T: Send + 'static>(
        &self,
        f: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Task<T>, ChildError> {
        self.task(f, link)
    }

    /// Starts a task whose end does not concern the caller. Mirrors `Task.Supervisor.async_nolink/2`.
    ///
    /// # Errors
    ///
    /// As [`spawn`](TaskSupervisor::spawn).
    ///
    /// # Panics
    ///
    /// Outside a process.
    ///
    /// ```
    /// # use genserver::supervisor::{Flags, Shutdown, Supervisor, start_link};
    /// # use genserver::{Task, TaskSupervisor, TimedOut, async_stream};
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// let tasks = TaskSupervisor::start_link().unwrap();
    /// let task = tasks.unlinked(|| -> u32 { exit(ExitReason::Shutdown) }).unwrap();
    /// assert_eq!(task.join(), Err(ExitReason::Shutdown));
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn unlinked<T: Send + 'static>(
        &self,
        f: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Task<T>, ChildError> {
        self.task(f, |_| {})
    }

    /// Starts a process whose result nobody waits for. Mirrors `Task.Supervisor.start_child/2`.
    ///
    /// # Errors
    ///
    /// As [`spawn`](TaskSupervisor::spawn).
    ///
    /// # Panics
    ///
    /// Outside a process.
    ///
    /// ```
    /// # use genserver::supervisor::{Flags, Shutdown, Supervisor, start_link};
    /// # use genserver::{Task, TaskSupervisor, TimedOut, async_stream};
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// let tasks = TaskSupervisor::start_link().unwrap();
    /// let me = self_pid();
    /// let pid = tasks.start_child(move || send(me, self_pid())).unwrap();
    /// assert_eq!(receive_type::<Pid>(), pid);
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn start_child(&self, f: impl FnOnce() + Send + 'static) -> Result<Pid, ChildError> {
        let pid = self.child()?;
        send(pid, Begin(Opaque(Box::new(f))));
        Ok(pid)
    }

    #[cfg_attr(debug_assertions, track_caller)]
    fn task<T: Send + 'static>(
        &self,
        f: impl FnOnce() -> T + Send + 'static,
        tie: impl FnOnce(Pid),
    ) -> Result<Task<T>, ChildError> {
        let pid = self.child()?;
        let watch = monitor(pid);
        tie(pid);
        let result = Outcome::new();
        let work = result.of(self_pid(), f);
        send(pid, Begin(Opaque(Box::new(work))));
        Ok(Task { pid, watch, result })
    }

    #[cfg_attr(debug_assertions, track_caller)]
    fn child(&self) -> Result<Pid, ChildError> {
        match self.0.start_child(Owner(self_pid()))? {
            Some(child) => Ok(child.pid),
            None => unreachable!("the template starts each"),
        }
    }

    /// Ends a task. Mirrors `Task.Supervisor.terminate_child/2`.
    ///
    /// # Errors
    ///
    /// See [`ChildError`].
    ///
    /// ```
    /// # use genserver::supervisor::{Flags, Shutdown, Supervisor, start_link};
    /// # use genserver::{Task, TaskSupervisor, TimedOut, async_stream};
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// let tasks = TaskSupervisor::start_link().unwrap();
    /// let pid = tasks.start_child(|| drop(receive_any())).unwrap();
    /// tasks.terminate_child(pid).unwrap();
    /// assert!(!is_process_alive(pid));
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn terminate_child(&self, task: Pid) -> Result<(), ChildError> {
        self.0.terminate_child(task)
    }

    /// The tasks that run.
    ///
    /// # Errors
    ///
    /// The call has failed.
    ///
    /// ```
    /// # use genserver::supervisor::{Flags, Shutdown, Supervisor, start_link};
    /// # use genserver::{Task, TaskSupervisor, TimedOut, async_stream};
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// let tasks = TaskSupervisor::start_link().unwrap();
    /// let pid = tasks.start_child(|| drop(receive_any())).unwrap();
    /// assert_eq!(tasks.which_children(), Ok(vec![pid]));
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn which_children(&self) -> Result<Vec<Pid>, CallError> {
        let children = self.0.which_children()?;
        Ok(children.into_iter().filter_map(ChildState::pid).collect())
    }

    /// Counts the tasks.
    ///
    /// # Errors
    ///
    /// The call has failed.
    ///
    /// ```
    /// # use genserver::supervisor::{Flags, Shutdown, Supervisor, start_link};
    /// # use genserver::{Task, TaskSupervisor, TimedOut, async_stream};
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// let tasks = TaskSupervisor::start_link().unwrap();
    /// tasks.start_child(|| drop(receive_any())).unwrap();
    /// assert_eq!(tasks.count_children().unwrap().active, 1);
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn count_children(&self) -> Result<Count, CallError> {
        self.0.count_children()
    }

    /// Ends the supervisor, and its tasks before.
    ///
    /// # Errors
    ///
    /// As [`gen_server::stop`](crate::gen_server::stop).
    ///
    /// ```
    /// # use genserver::supervisor::{Flags, Shutdown, Supervisor, start_link};
    /// # use genserver::{Task, TaskSupervisor, TimedOut, async_stream};
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// let tasks = TaskSupervisor::start_link().unwrap();
    /// let pid = tasks.start_child(|| drop(receive_any())).unwrap();
    /// tasks.stop().unwrap();
    /// assert!(!is_process_alive(pid));
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn stop(&self) -> Result<(), StopError> {
        self.0.stop()
    }
}

impl fmt::Debug for TaskSupervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskSupervisor<{}>", self.0.server_ref())
    }
}
