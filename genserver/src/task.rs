//! Tasks: processes that compute one result, which is waited for.
//!
//! What OTP's users take from Elixir. A task is linked to its owner: an abnormal end of one ends the other;
//! an [`unlinked`](Task::unlinked) one tells its end, and no more.

use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroUsize;

use runtime::{
    AliasMode, AnyMessage, Down, ExitReason, IntoDeadline, Message, Pid, Ref, Spawn, SpawnError,
    alias, demonitor_flush, exit_signal, receive_ref, send, unalias,
};

/// A process that computes a `T`. Dropped, it goes on, and its result is thrown away.
#[must_use = "its result is waited for by `join`"]
pub struct Task<T> {
    pid: Pid,
    watch: Ref,
    tag: Ref,
    result: PhantomData<fn() -> T>,
}

#[derive(Debug)]
struct Outcome<T> {
    tag: Ref,
    value: T,
}

impl<T: Message> Task<T> {
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
        match Task::with(Spawn::new().link(), f) {
            Ok(task) => task,
            Err(error) => panic!("cannot spawn a task: {error}"),
        }
    }

    /// Spawns a task whose end does not concern the caller. Mirrors Elixir's
    /// `Task.Supervisor.async_nolink/2`.
    ///
    /// # Panics
    ///
    /// As [`spawn`](Task::spawn).
    #[track_caller]
    pub fn unlinked(f: impl FnOnce() -> T + Send + 'static) -> Task<T> {
        match Task::with(Spawn::new(), f) {
            Ok(task) => task,
            Err(error) => panic!("cannot spawn a task: {error}"),
        }
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
    #[track_caller]
    pub fn with(
        spawn: Spawn<'_>,
        f: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Task<T>, SpawnError> {
        let tag = alias(AliasMode::Reply);
        let spawned = spawn.monitor().spawn(move || {
            let value = f();
            send(tag, Outcome { tag, value });
        });
        let spawned = match spawned {
            Ok(spawned) => spawned,
            Err(error) => {
                unalias(tag);
                return Err(error);
            }
        };
        let watch = match spawned.monitor {
            Some(watch) => watch,
            None => unreachable!("it was spawned with a monitor"),
        };
        Ok(Task {
            pid: spawned.pid,
            watch,
            tag,
            result: PhantomData,
        })
    }

    /// The process.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Waits for the result. A switch point. Mirrors Elixir's `Task.await/2`.
    ///
    /// # Errors
    ///
    /// The task has ended without: its exit reason.
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
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn join_until(self, deadline: impl IntoDeadline) -> Result<Result<T, ExitReason>, Task<T>> {
        let (tag, watch) = (self.tag, self.watch);
        let message = receive_ref(tag, deadline, |message: &AnyMessage| {
            let result = message.downcast_ref::<Outcome<T>>();
            let down = message.downcast_ref::<Down>();
            result.is_some_and(|result| result.tag == tag)
                || down.is_some_and(|down| down.monitor == watch)
        });
        match message {
            None => Err(self),
            Some(message) => Ok(self.take(message)),
        }
    }

    fn take(self, message: AnyMessage) -> Result<T, ExitReason> {
        let result = match message.downcast::<Outcome<T>>() {
            Ok(result) => Ok(result.value),
            Err(message) => match message.downcast::<Down>() {
                Ok(down) => Err(down.reason),
                Err(_) => unreachable!("one of the two was asked for"),
            },
        };
        demonitor_flush(self.watch);
        unalias(self.tag);
        result
    }

    /// Ends the task with `reason`, and gives its result if it has one by then. Mirrors Elixir's
    /// `Task.shutdown/2`.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn shutdown(self, reason: ExitReason) -> Result<T, ExitReason> {
        runtime::unlink(self.pid);
        exit_signal(self.pid, reason);
        self.join()
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        // Nobody will look for them. In a destructor that runs elsewhere they are nobody's.
        if runtime::try_self_pid() == Some(self.watch.creator()) {
            unalias(self.tag);
            runtime::demonitor(self.watch);
        }
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Task<{}>", self.pid)
    }
}

/// Results of tasks for each item of an iterator: see [`async_stream`].
pub struct AsyncStream<I: Iterator, T, F> {
    items: I,
    f: F,
    most: NonZeroUsize,
    tasks: VecDeque<Task<T>>,
}

/// Runs `f` on each item in a task, at most `most` at a time, and gives the results in the order of the items. The
/// tasks are linked to the caller. Mirrors Elixir's `Task.async_stream/3`.
///
/// ```
/// use std::num::NonZeroUsize;
///
/// # runtime::run(|| {
/// let two = NonZeroUsize::new(2).unwrap();
/// let squares = genserver::async_stream(1..=5u32, two, |n| n * n);
/// let squares: Vec<u32> = squares.map(Result::unwrap).collect();
/// assert_eq!(squares, [1, 4, 9, 16, 25]);
/// # });
/// ```
pub fn async_stream<I, T, F>(items: I, most: NonZeroUsize, f: F) -> AsyncStream<I::IntoIter, T, F>
where
    I: IntoIterator<Item: Send + 'static>,
    T: Message,
    F: Fn(I::Item) -> T + Clone + Send + 'static,
{
    AsyncStream {
        items: items.into_iter(),
        f,
        most,
        tasks: VecDeque::new(),
    }
}

impl<I, T, F> Iterator for AsyncStream<I, T, F>
where
    I: Iterator<Item: Send + 'static>,
    T: Message,
    F: Fn(I::Item) -> T + Clone + Send + 'static,
{
    type Item = Result<T, ExitReason>;

    #[cfg_attr(debug_assertions, track_caller)]
    fn next(&mut self) -> Option<Result<T, ExitReason>> {
        while self.tasks.len() < self.most.get()
            && let Some(item) = self.items.next()
        {
            let f = self.f.clone();
            self.tasks.push_back(Task::spawn(move || f(item)));
        }
        self.tasks.pop_front().map(Task::join)
    }
}

impl<I: Iterator, T, F> fmt::Debug for AsyncStream<I, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncStream")
            .field("most", &self.most)
            .field("tasks", &self.tasks)
            .finish_non_exhaustive()
    }
}
