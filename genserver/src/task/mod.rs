//! Tasks: processes that compute one result, which is waited for.
//!
//! What OTP's users take from Elixir. A task is linked to its owner: an abnormal end of one ends the other;
//! an [`unlinked`](Task::unlinked) one tells its end, and no more. A [`TaskSupervisor`] has tasks for children;
//! [`async_stream`] runs one for each item of an iterator.
//!
//! Invariants:
//! * The result is put down before the task ends, and looked for when the owner's monitor has fired: that is the
//!   only message of a task that comes to its end.
//! * Such a task has taken its link away before, so that an owner that traps exits is told of crashes alone.

mod stream;
mod supervisor;

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use runtime::{
    Down, ExitReason, IntoDeadline, Pid, Ref, Spawn, SpawnError, demonitor_flush, exit_signal,
    receive_ref, self_pid, try_self_pid, unlink,
};

pub use stream::{AsyncStream, TimedOut, async_stream};
pub use supervisor::TaskSupervisor;

use sys::in_process;

use crate::proc_lib;
use crate::supervisor::Shutdown;

/// A process that computes a `T`. Dropped, it goes on, and its result is thrown away.
#[must_use = "its result is waited for by `join`"]
pub struct Task<T> {
    pid: Pid,
    watch: Ref,
    result: Arc<Outcome<T>>,
}

/// Where the result is put.
struct Outcome<T>(Mutex<Option<T>>);

impl<T: Send + 'static> Outcome<T> {
    fn new() -> Arc<Outcome<T>> {
        Arc::new(Outcome(Mutex::new(None)))
    }

    /// What the task's process runs.
    fn of(
        self: &Arc<Self>,
        owner: Pid,
        f: impl FnOnce() -> T + Send + 'static,
    ) -> impl FnOnce() + Send + 'static {
        let result = Arc::clone(self);
        move || {
            let value = f();
            *result.0.lock() = Some(value);
            // Nobody else is there to drop it while the owner waits.
            drop(result);
            unlink(owner);
        }
    }

    fn take(&self) -> Option<T> {
        self.0.lock().take()
    }
}

impl<T: Send + 'static> Task<T> {
    /// Spawns a task that is linked to the caller. Mirrors Elixir's `Task.async/1`.
    ///
    /// ```
    /// use genserver::Task;
    ///
    /// # runtime::run(|| {
    /// let task = Task::spawn(|| (1..=10u64).product::<u64>());
    /// assert_eq!(task.join(), Ok(3_628_800));
    /// # });
    /// ```
    ///
    /// # Panics
    ///
    /// Outside a process; if the process cannot be spawned.
    #[track_caller]
    pub fn spawn(f: impl FnOnce() -> T + Send + 'static) -> Task<T> {
        spawned(Task::with(Spawn::new().link(), f))
    }

    /// Spawns a task whose end does not concern the caller. Mirrors Elixir's
    /// `Task.Supervisor.async_nolink/2`.
    ///
    /// # Panics
    ///
    /// As [`spawn`](Task::spawn).
    ///
    /// ```
    /// # use genserver::supervisor::{Flags, Shutdown, Supervisor, start_link};
    /// # use genserver::{Task, TaskSupervisor, TimedOut, async_stream};
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// let task = Task::<u32>::unlinked(|| exit(ExitReason::Shutdown));
    /// assert_eq!(task.join(), Err(ExitReason::Shutdown));
    /// # });
    /// ```
    #[track_caller]
    pub fn unlinked(f: impl FnOnce() -> T + Send + 'static) -> Task<T> {
        spawned(Task::with(Spawn::new(), f))
    }

    /// Spawns a task with options of its process.
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
    /// let task = Task::with(Spawn::new().label("adds"), || 40 + 2).unwrap();
    /// assert_eq!(task.join(), Ok(42));
    /// # });
    /// ```
    #[track_caller]
    pub fn with(
        spawn: Spawn<'static>,
        f: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Task<T>, SpawnError> {
        let result = Outcome::new();
        let spawned =
            proc_lib::spawn_opt(spawn.monitor(), result.of(in_process("Task::spawn"), f))?;
        let (pid, Some(watch)) = (spawned.pid, spawned.monitor) else {
            unreachable!("it was spawned with a monitor")
        };
        Ok(Task { pid, watch, result })
    }

    /// The process.
    ///
    /// ```
    /// # use genserver::supervisor::{Flags, Shutdown, Supervisor, start_link};
    /// # use genserver::{Task, TaskSupervisor, TimedOut, async_stream};
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// let task = Task::spawn(self_pid);
    /// let pid = task.pid();
    /// assert_eq!(task.join(), Ok(pid));
    /// # });
    /// ```
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Waits for the result. A switch point. Mirrors Elixir's `Task.await/2`, without a time-out.
    ///
    /// # Errors
    ///
    /// The task has ended without: its exit reason.
    ///
    /// # Panics
    ///
    /// In another process than the one that has spawned the task.
    ///
    /// ```
    /// # use genserver::supervisor::{Flags, Shutdown, Supervisor, start_link};
    /// # use genserver::{Task, TaskSupervisor, TimedOut, async_stream};
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// let task = Task::spawn(|| 40 + 2);
    /// assert_eq!(task.join(), Ok(42));
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn join(self) -> Result<T, ExitReason> {
        match self.join_until(None) {
            Ok(result) => result,
            Err(_) => unreachable!("it waits for ever"),
        }
    }

    /// As [`join`](Task::join), until a deadline. Mirrors Elixir's `Task.yield/2`.
    ///
    /// # Errors
    ///
    /// It has no result yet: the task.
    ///
    /// # Panics
    ///
    /// As [`join`](Task::join).
    ///
    /// ```
    /// # use genserver::supervisor::{Flags, Shutdown, Supervisor, start_link};
    /// # use genserver::{Task, TaskSupervisor, TimedOut, async_stream};
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// let task = Task::spawn(receive_type::<u32>);
    /// let task = task.join_until(Duration::from_millis(1)).unwrap_err(); // not yet
    /// send(task.pid(), 42u32);
    /// assert_eq!(task.join(), Ok(42));
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn join_until(self, deadline: impl IntoDeadline) -> Result<Result<T, ExitReason>, Task<T>> {
        assert_eq!(
            self_pid(),
            self.watch.creator(),
            "a task is joined by the process that has spawned it"
        );
        let watch = self.watch;
        match receive_ref(watch, deadline, |down: &Down| down.monitor == watch) {
            None => Err(self),
            Some(down) => Ok(self.ended(down.reason)),
        }
    }

    /// The result of a task that has ended so.
    fn ended(&self, reason: ExitReason) -> Result<T, ExitReason> {
        self.result.take().ok_or(reason)
    }

    /// Ends the task, and gives its result if it has one by then. Mirrors Elixir's `Task.shutdown/2`.
    ///
    /// # Errors
    ///
    /// It has ended without: its exit reason, which is `shutdown` or `killed` if it was not faster.
    ///
    /// # Panics
    ///
    /// As [`join`](Task::join).
    ///
    /// ```
    /// # use genserver::supervisor::{Flags, Shutdown, Supervisor, start_link};
    /// # use genserver::{Task, TaskSupervisor, TimedOut, async_stream};
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// let task = Task::spawn(receive_type::<u32>);
    /// assert_eq!(task.shutdown(Shutdown::default()), Err(ExitReason::Shutdown));
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn shutdown(self, shutdown: Shutdown) -> Result<T, ExitReason> {
        unlink(self.pid);
        let (told, time) = match shutdown {
            Shutdown::BrutalKill => (ExitReason::Kill, None),
            Shutdown::Within(time) => (ExitReason::Shutdown, Some(time)),
            Shutdown::Infinity => (ExitReason::Shutdown, None),
        };
        exit_signal(self.pid, told);
        self.join_until(time).unwrap_or_else(|task| {
            exit_signal(task.pid, ExitReason::Kill);
            task.join()
        })
    }

    /// Kills the task, and does not wait.
    fn abandon(self) {
        unlink(self.pid);
        exit_signal(self.pid, ExitReason::Kill);
    }
}

#[track_caller]
fn spawned<T>(task: Result<Task<T>, SpawnError>) -> Task<T> {
    match task {
        Ok(task) => task,
        Err(error) => panic!("cannot spawn a task: {error}"),
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        // Nobody will look for it. In a destructor that runs elsewhere it is nobody's.
        if try_self_pid() == Some(self.watch.creator()) {
            demonitor_flush(self.watch);
        }
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Task<{}>", self.pid)
    }
}
