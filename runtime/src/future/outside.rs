//! A process that a future outside waits for.
//!
//! The future is polled by any executor, on any thread; the process tells its [`Outcome`] as one of `run` does, and
//! then wakes it, also if it ends before its first run.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};
use parking_lot::Mutex;

use crate::entry::{NO_RESULT, Outcome, root};
use crate::process::exit::exit_signal;
use crate::process::exit_reason::ExitReason;
use crate::process::pid::Pid;
use crate::process::spawn::Spawn;

/// Runs `f` as a process, and gives its result to whoever awaits it: the way in from programs of
/// tokio's or any other executor. The process is spawned at once, on the caller's node, outside a
/// process on the default node.
///
/// The future's output is what `f` returns, or the reason why the process ended without. Dropped
/// before it is ready, it sends the process the exit signal [`Shutdown`](ExitReason::Shutdown).
///
/// # Panics
///
/// If the process cannot be spawned. The future does, if the process comes to rest
/// ([`hibernate`](crate::hibernate), [`enter`](crate::enter)), and so has no result.
///
/// ```
/// # let tokio = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # tokio.block_on(async {
/// let sum = runtime::run_async(|| {
///     let me = runtime::self_pid();
///     runtime::spawn!(move || runtime::send(me, 2u32));
///     40 + runtime::receive_type::<u32>()
/// });
/// assert_eq!(sum.await, Ok(42));
/// # });
/// ```
#[track_caller]
pub fn run_async<T, F>(f: F) -> RunAsync<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let (sender, outcome) = bounded(1);
    let waker = Arc::new(Mutex::new(None));
    let teller = Teller {
        sender: Some(sender),
        waker: Arc::clone(&waker),
    };
    let spawned = Spawn::new().spawn(move || match &teller.sender {
        Some(sender) => root(f, sender),
        None => unreachable!("dropped with the teller"),
    });
    match spawned {
        Ok(spawned) => RunAsync {
            pid: spawned.pid,
            outcome,
            waker,
            done: false,
        },
        Err(error) => panic!("cannot spawn the process of `run_async`: {error}"),
    }
}

/// What a process will return: see [`run_async`].
#[must_use = "dropped, it ends the process"]
pub struct RunAsync<T> {
    pid: Pid,
    outcome: Receiver<Outcome<T>>,
    waker: Arc<Mutex<Option<Waker>>>,
    done: bool,
}

/// Tells how the process has ended, also if it never ran.
struct Teller<T> {
    sender: Option<Sender<Outcome<T>>>,
    waker: Arc<Mutex<Option<Waker>>>,
}

impl<T> Drop for Teller<T> {
    fn drop(&mut self) {
        self.sender = None;
        let waker = self.waker.lock().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> RunAsync<T> {
    /// The process.
    pub fn pid(&self) -> Pid {
        self.pid
    }
}

impl<T> Unpin for RunAsync<T> {}

impl<T> Future for RunAsync<T> {
    type Output = Result<T, ExitReason>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, ExitReason>> {
        let waker = cx.waker().clone();
        let before = self.waker.lock().replace(waker);
        drop(before);
        let output = match self.outcome.try_recv() {
            Err(TryRecvError::Empty) => return Poll::Pending,
            // It was ended before its first run.
            Err(TryRecvError::Disconnected) => Err(ExitReason::Killed),
            Ok(Outcome::Returned(value)) => Ok(value),
            Ok(Outcome::Exited(reason)) => Err(reason),
            Ok(Outcome::Panicked(_, report)) => Err(ExitReason::Panic(report)),
            Ok(Outcome::Rests(_)) => panic!("the process of `run_async` {NO_RESULT}"),
        };
        self.done = true;
        Poll::Ready(output)
    }
}

impl<T> Drop for RunAsync<T> {
    fn drop(&mut self) {
        if !self.done {
            exit_signal(self.pid, ExitReason::Shutdown);
        }
    }
}

impl<T> fmt::Debug for RunAsync<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunAsync")
            .field("pid", &self.pid)
            .finish_non_exhaustive()
    }
}
