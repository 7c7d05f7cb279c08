//! Results of tasks for the items of an iterator.
//!
//! A slot for each task that runs, or has ended and is not asked for yet; as many as may run at a time. The owner
//! waits for any of their monitors, or the first deadline.
//!
//! Tasks that are not linked to the owner are linked to a warden, which kills them if the owner ends without having
//! dropped the stream: a process that is killed can send no more.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use runtime::{
    Down, Exit, ExitReason, Pid, exit_signal, link, links, monitor, receive, receive_ref, send,
    trap_exit,
};

use super::{Task, TaskSupervisor};
use crate::proc_lib::{self, Parent};
use crate::supervisor::{ChildError, Shutdown};

/// Results of tasks for each item of an iterator: see [`async_stream`]. Dropped, it kills those that still run.
#[must_use = "no task begins before a result is asked for"]
pub struct AsyncStream<I: Iterator, T: Send + 'static, F> {
    items: I,
    f: F,
    most: NonZeroUsize,
    ordered: bool,
    timeout: Option<Duration>,
    place: Place,
    warden: Option<Pid>,
    slots: VecDeque<Slot<T>>,
}

/// Where the tasks run.
enum Place {
    Linked,
    Unlinked,
    Under(TaskSupervisor),
}

enum Slot<T> {
    Runs(Task<T>, Option<Instant>),
    Ended(Result<T, ExitReason>),
}

/// The exit reason that [`AsyncStream`] gives of a task that took too long, and was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedOut;

/// Runs `f` on each item in a task, at most `most` at a time, and gives the results in the order of the items. The
/// tasks are linked to the caller: a crash of one is the caller's end, unless it traps exits. Mirrors Elixir's
/// `Task.async_stream/3`, without its time-out of five seconds.
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
    T: Send + 'static,
    F: Fn(I::Item) -> T + Clone + Send + 'static,
{
    AsyncStream {
        items: items.into_iter(),
        f,
        most,
        ordered: true,
        timeout: None,
        place: Place::Linked,
        warden: None,
        slots: VecDeque::new(),
    }
}

impl<I: Iterator, T: Send + 'static, F> AsyncStream<I, T, F> {
    /// Gives the results as they come. Elixir's `ordered: false`.
    ///
    /// ```
    /// # use genserver::supervisor::{Flags, Shutdown, Supervisor, start_link};
    /// # use genserver::{Task, TaskSupervisor, TimedOut, async_stream};
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// let two = NonZeroUsize::new(2).unwrap();
    /// let squares = async_stream(1..=5u32, two, |n| n * n).unordered();
    /// assert_eq!(squares.map(Result::unwrap).sum::<u32>(), 55);
    /// # });
    /// ```
    pub fn unordered(mut self) -> Self {
        self.ordered = false;
        self
    }

    /// Kills a task that takes longer: its result is an error, with [`TimedOut`] for the reason. Elixir's
    /// `timeout`, with `on_timeout: :kill_task`.
    ///
    /// ```
    /// # use genserver::supervisor::{Flags, Shutdown, Supervisor, start_link};
    /// # use genserver::{Task, TaskSupervisor, TimedOut, async_stream};
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// let two = NonZeroUsize::new(2).unwrap();
    /// let slow = async_stream(1..=2, two, |_| runtime::sleep(Duration::from_secs(3600)));
    /// for result in slow.timeout(Duration::from_millis(1)) {
    ///     assert_eq!(result, Err(ExitReason::other(TimedOut)));
    /// }
    /// # });
    /// ```
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = Some(time);
        self
    }

    /// The tasks are not linked to the caller: the crash of one is the error of its item, and no more.
    ///
    /// ```
    /// # use genserver::supervisor::{Flags, Shutdown, Supervisor, start_link};
    /// # use genserver::{Task, TaskSupervisor, TimedOut, async_stream};
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// let two = NonZeroUsize::new(2).unwrap();
    /// let halves = async_stream([4, 5], two, |n| match n % 2 {
    ///     0 => n / 2,
    ///     _ => exit(ExitReason::other("odd")),
    /// });
    /// let halves: Vec<_> = halves.unlinked().collect();
    /// assert_eq!(halves, [Ok(2), Err(ExitReason::other("odd"))]);
    /// # });
    /// ```
    pub fn unlinked(mut self) -> Self {
        self.place = Place::Unlinked;
        self
    }

    /// The tasks are this supervisor's, and not linked to the caller. Mirrors Elixir's
    /// `Task.Supervisor.async_stream_nolink/4`.
    ///
    /// ```
    /// # use genserver::supervisor::{Flags, Shutdown, Supervisor, start_link};
    /// # use genserver::{Task, TaskSupervisor, TimedOut, async_stream};
    /// # use runtime::prelude::*;
    /// # use std::num::NonZeroUsize;
    /// # use std::time::Duration;
    /// # runtime::run(|| {
    /// let two = NonZeroUsize::new(2).unwrap();
    /// let tasks = TaskSupervisor::start_link().unwrap();
    /// let squares = async_stream(1..=3u32, two, |n| n * n).under(&tasks);
    /// assert_eq!(squares.collect::<Result<Vec<_>, _>>(), Ok(vec![1, 4, 9]));
    /// # });
    /// ```
    pub fn under(mut self, supervisor: &TaskSupervisor) -> Self {
        self.place = Place::Under(supervisor.clone());
        self
    }

    fn start(&mut self, f: impl FnOnce() -> T + Send + 'static) -> Slot<T> {
        let task = if let Place::Linked = self.place {
            Ok(Task::spawn(f))
        } else {
            let warden = *self.warden.get_or_insert_with(warden);
            let f = move || {
                link(warden);
                f()
            };
            match &self.place {
                Place::Under(supervisor) => supervisor.unlinked(f),
                _ => Ok(Task::unlinked(f)),
            }
        };
        match task {
            Ok(task) => {
                let deadline = self
                    .timeout
                    .and_then(|time| runtime::now().checked_add(time));
                Slot::Runs(task, deadline)
            }
            Err(ChildError::Call(error)) => Slot::Ended(Err(error.into())),
            Err(error) => Slot::Ended(Err(error.into())),
        }
    }

    /// Which result can be given now.
    fn ready(&self) -> Option<usize> {
        let candidates = if self.ordered { 1 } else { self.slots.len() };
        let mut slots = self.slots.iter().take(candidates);
        slots.position(|slot| matches!(slot, Slot::Ended(_)))
    }

    /// Waits until a task ends, or takes too long.
    #[cfg_attr(debug_assertions, track_caller)]
    fn wait(&mut self) {
        let running = self.slots.iter().filter_map(|slot| match slot {
            Slot::Runs(task, deadline) => Some((task.watch, *deadline)),
            Slot::Ended(_) => None,
        });
        let running: Vec<_> = running.collect();
        // The oldest: no message about any of them came before its monitor was made.
        let Some((oldest, _)) = running.first() else {
            return;
        };
        let deadline = running.iter().filter_map(|(_, deadline)| *deadline).min();
        let time = deadline.map(|at| at.saturating_duration_since(runtime::now()));
        let down = receive_ref(*oldest, time, |down: &Down| {
            running.iter().any(|(watch, _)| *watch == down.monitor)
        });
        let now = runtime::now();
        for slot in &mut self.slots {
            let Slot::Runs(task, deadline) = slot else {
                continue;
            };
            match &down {
                Some(down) if down.monitor == task.watch => {
                    *slot = Slot::Ended(task.ended(down.reason.clone()));
                    return;
                }
                None if deadline.is_some_and(|at| at <= now) => slot.kill(),
                _ => {}
            }
        }
    }
}

/// The stream is over.
#[derive(Debug)]
struct Over;

/// Starts a process that kills those that are linked to it when the caller ends.
fn warden() -> Pid {
    let started = proc_lib::start(|parent: Parent<()>| {
        trap_exit(true);
        let watch = monitor(parent.pid());
        // Before, the crash of a task would be its own.
        parent.init_ack(());
        loop {
            receive! {
                Over => return,
                Down { monitor, .. } if monitor == watch => break,
                // A task has ended.
                Exit { .. } => {}
            }
        }
        for task in links() {
            exit_signal(task, ExitReason::Kill);
        }
    });
    match started {
        Ok((warden, ())) => warden,
        Err(error) => panic!("cannot start a stream of tasks: {error}"),
    }
}

impl<T: Send + 'static> Slot<T> {
    /// Ends a task that took too long; its result counts if it was faster.
    fn kill(&mut self) {
        let ended = Slot::Ended(Err(ExitReason::other(TimedOut)));
        if let Slot::Runs(task, _) = std::mem::replace(self, ended)
            && let Ok(value) = task.shutdown(Shutdown::BrutalKill)
        {
            *self = Slot::Ended(Ok(value));
        }
    }
}

impl<I, T, F> Iterator for AsyncStream<I, T, F>
where
    I: Iterator<Item: Send + 'static>,
    T: Send + 'static,
    F: Fn(I::Item) -> T + Clone + Send + 'static,
{
    type Item = Result<T, ExitReason>;

    #[cfg_attr(debug_assertions, track_caller)]
    fn next(&mut self) -> Option<Result<T, ExitReason>> {
        while self.slots.len() < self.most.get()
            && let Some(item) = self.items.next()
        {
            let f = self.f.clone();
            let slot = self.start(move || f(item));
            self.slots.push_back(slot);
        }
        if self.slots.is_empty() {
            return None;
        }
        loop {
            if let Some(at) = self.ready()
                && let Some(Slot::Ended(result)) = self.slots.remove(at)
            {
                return Some(result);
            }
            self.wait();
        }
    }
}

impl<I: Iterator, T: Send + 'static, F> Drop for AsyncStream<I, T, F> {
    fn drop(&mut self) {
        for slot in self.slots.drain(..) {
            if let Slot::Runs(task, _) = slot {
                task.abandon();
            }
        }
        if let Some(warden) = self.warden {
            send(warden, Over);
        }
    }
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the task took too long")
    }
}

impl Error for TimedOut {}

impl<I: Iterator, T: Send + 'static, F> fmt::Debug for AsyncStream<I, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncStream")
            .field("most", &self.most)
            .field("ordered", &self.ordered)
            .field("timeout", &self.timeout)
            .field("slots", &self.slots.len())
            .finish_non_exhaustive()
    }
}
