//! A future as a process at rest: a behaviour that polls it when it is woken.

use std::pin::Pin;
use std::task::Poll;

use crate::mailbox::{awaited, queue};
use crate::process::behaviour::{Behaviour, Cx, Next, Until};
use crate::process::pid::Pid;
use crate::process::result::ProcessResult;
use crate::process::spawn::{Spawn, Spawned};
use crate::{SpawnError, process};

/// Spawns a process that is a future: it has no stack between two polls, and may be taken over by any
/// worker. It ends when the future is ready, with its output for a result as that of a function; a
/// kill drops the future in the process.
///
/// [`Spawn::future`] has the options.
///
/// ```
/// use runtime::prelude::*;
///
/// # runtime::run(|| {
/// let parent = self_pid();
/// let doubler = runtime::spawn_future(async move {
///     let n: u32 = runtime::future::receive_type().await;
///     send(parent, 2 * n);
/// });
/// send(doubler, 21u32);
/// assert_eq!(receive_type::<u32>(), 42);
/// # });
/// ```
///
/// # Panics
///
/// If the process cannot be spawned.
#[track_caller]
pub fn spawn_future<F>(future: F) -> Pid
where
    F: Future + Send + 'static,
    F::Output: ProcessResult,
{
    match Spawn::new().future(future) {
        Ok(spawned) => spawned.pid,
        Err(error) => panic!("cannot spawn a process: {error}"),
    }
}

impl Spawn<'_> {
    /// Spawns a process that is a future: see [`spawn_future`].
    ///
    /// # Errors
    ///
    /// A limit is reached, as for [`spawn`](Spawn::spawn).
    #[track_caller]
    pub fn future<F>(self, future: F) -> Result<Spawned, SpawnError>
    where
        F: Future + Send + 'static,
        F::Output: ProcessResult,
    {
        self.behaviour(Polled(Box::pin(future)))
    }
}

struct Polled<F>(Pin<Box<F>>);

impl<F> Behaviour for Polled<F>
where
    F: Future + 'static,
    F::Output: ProcessResult,
{
    fn wake(&mut self, cx: &mut Cx<'_>) -> Next {
        let slot = process::current("a future's poll");
        let mut context = cx.context();
        awaited::wake_before(slot, context.waker());
        if let Poll::Ready(output) = self.0.as_mut().poll(&mut context) {
            return Next::Exit(output.into_reason());
        }
        if !queue::is_plainly_empty(slot) {
            // What nobody has taken does not wake it again.
            let _ = cx.mail_where(|_| false);
        }
        awaited::wake(slot);
        Next::Wait(Until::Forever)
    }
}
