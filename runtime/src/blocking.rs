//! Calls that block a thread, away from the workers.
//!
//! One pool for the program: threads are started as calls come, up to a limit for each kind of call,
//! and end when they have had nothing to do for a while. A call waits in a queue, runs, and leaves
//! its result with the process, which waits for it as for anything else.
//!
//! Who drops what: a closure that never ran, because its process was killed, is dropped on a pool
//! thread; so is a result that comes too late, and what a destructor panics with.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::node::{Instance, UnderWay};
use crate::process::exit::CaughtAway;
use crate::process::slot::bit;
use crate::process::{exit, try_current, wait, waker};
use crate::scheduler;

/// How long a thread waits for another call before it ends.
const LINGER: Duration = Duration::from_secs(10);

/// A kind of call: they do not take each other's threads.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// What users call.
    Any,
    /// Names that are looked up: slow servers must not keep files waiting.
    LookUp,
}

/// The threads of one kind.
struct Pool {
    name: &'static str,
    /// The most threads.
    limit: usize,
    queue: Mutex<Queue>,
    work: Condvar,
}

struct Queue {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

type Job = Box<dyn FnOnce() + Send>;

static ANY: Pool = Pool::new("blocking", 512);
static LOOK_UP: Pool = Pool::new("look-up", 32);
static ERRANDS: Pool = Pool::new("errands", 32);
/// One thread, so that reports keep their order.
static REPORTS: Pool = Pool::new("reports", 1);

/// One call.
struct Call<F, T> {
    state: Mutex<State<F, T>>,
    waker: Waker,
}

enum State<F, T> {
    Queued(F),
    /// Nobody waits for it any more; the pool drops it.
    Abandoned(F),
    Running,
    Done(Result<T, CaughtAway>),
    /// Nobody waits any more, or the result has been taken.
    Over,
}

/// Runs `f`, which may block its thread, on a thread of a pool; the process waits, and only it. A switch
/// point.
///
/// The pool has up to 512 threads, which are started as they are needed; with all of them at work the
/// call waits its turn. A process that is killed meanwhile ends at once: `f`, if it has begun, runs
/// on, and what it returns is dropped on its thread. A panic of `f` is raised again here.
///
/// On a thread that is no process `f` is simply called.
///
/// ```
/// # runtime::run(|| {
/// let text = runtime::blocking(|| std::fs::read_to_string("Cargo.toml"));
/// assert!(text.is_ok());
/// # });
/// ```
///
/// # Panics
///
/// As `f`; inside a guard; if the pool has no thread and the system gives none.
#[cfg_attr(debug_assertions, track_caller)]
pub fn blocking<T, F>(f: F) -> T
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    match call_until(Kind::Any, None, f) {
        Some(value) => value,
        None => unreachable!("it was waited for"),
    }
}

/// As [`blocking`], of a kind, and until then at most; `None`: it was not done. What it returns later is dropped. On a thread that is no
/// process `f` has its time.
#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn call_until<T, F>(kind: Kind, until: Option<Instant>, f: F) -> Option<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let Some(slot) = try_current() else {
        return Some(f());
    };
    assert!(!slot.has(bit::GUARD), "a blocking call inside a guard");
    scheduler::tick();
    let call = Arc::new(Call {
        state: Mutex::new(State::Queued(f)),
        waker: waker::of_call(slot),
    });
    let waits = Waits(&call);
    let under_way = UnderWay::on(scheduler::worker().node().to_arc());
    let pool = match kind {
        Kind::Any => &ANY,
        Kind::LookUp => &LOOK_UP,
    };
    let job = Arc::clone(&call);
    if let Err((job, error)) = pool.submit(Box::new(move || job.run(under_way))) {
        drop(job);
        panic!("no thread for a blocking call: {error}");
    }
    let in_time = wait::until_it(slot, until, |_| call.is_done());
    let result = if in_time { waits.take() } else { None };
    scheduler::tick();
    match result? {
        Ok(value) => Some(value),
        Err(caught) => exit::resume_caught(slot, caught),
    }
}

/// Runs on a thread of a pool what calls anybody's code, for a thread of a node's that must not be held up;
/// here, if the system gives no thread.
pub(crate) fn run_errand(node: &Arc<Instance>, f: impl FnOnce() + Send + 'static) {
    let under_way = UnderWay::on(Arc::clone(node));
    let job = move || {
        f();
        drop(under_way);
    };
    if let Err((job, _)) = ERRANDS.submit(Box::new(job)) {
        job();
    }
}

/// Runs a report on a thread for these: nobody waits for it. It is lost if the system gives no thread.
pub(crate) fn run_report(f: impl FnOnce() + Send + 'static) {
    let _ = REPORTS.submit(Box::new(f));
}

impl<F, T> Call<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    fn is_done(&self) -> bool {
        matches!(&*self.state.lock(), State::Done(_))
    }

    /// On a thread of the pool.
    fn run(&self, under_way: UnderWay) {
        let state = std::mem::replace(&mut *self.state.lock(), State::Running);
        let f = match state {
            State::Queued(f) => f,
            // The process was killed before its turn came.
            State::Abandoned(f) => return exit::drop_quietly(f),
            _ => unreachable!("it runs once"),
        };
        let running = &under_way.node().blocking;
        running.fetch_add(1, Ordering::Relaxed);
        let result = exit::catch_away(f);
        let late = {
            let mut state = self.state.lock();
            match *state {
                State::Running => {
                    *state = State::Done(result);
                    None
                }
                _ => Some(result),
            }
        };
        running.fetch_sub(1, Ordering::Relaxed);
        self.waker.wake_by_ref();
        drop(under_way);
        exit::drop_quietly(late);
    }
}

/// A process that waits for its call, until it is dropped.
struct Waits<'c, F, T>(&'c Arc<Call<F, T>>);

impl<F, T> Waits<'_, F, T> {
    fn take(self) -> Option<Result<T, CaughtAway>> {
        let state = std::mem::replace(&mut *self.0.state.lock(), State::Over);
        match state {
            State::Done(result) => Some(result),
            _ => None,
        }
    }
}

impl<F, T> Drop for Waits<'_, F, T> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        let came = match std::mem::replace(&mut *state, State::Over) {
            State::Queued(f) => {
                *state = State::Abandoned(f);
                None
            }
            // What came just now is dropped outside of the lock.
            State::Done(result) => Some(result),
            _ => None,
        };
        drop(state);
        // The process may be unwinding: a panic would end the program.
        exit::drop_quietly(came);
    }
}

impl Pool {
    const fn new(name: &'static str, limit: usize) -> Pool {
        Pool {
            name,
            limit,
            queue: Mutex::new(Queue {
                jobs: VecDeque::new(),
                threads: 0,
                idle: 0,
            }),
            work: Condvar::new(),
        }
    }

    /// Gives the job back if there is no thread for it, and why.
    fn submit(&'static self, job: Job) -> Result<(), (Job, io::Error)> {
        let mut queue = self.queue.lock();
        queue.jobs.push_back(job);
        if queue.idle >= queue.jobs.len() {
            drop(queue);
            self.work.notify_one();
            return Ok(());
        }
        if queue.threads == self.limit {
            return Ok(());
        }
        let name = format!("{}-{}", self.name, queue.threads);
        let thread = std::thread::Builder::new().name(name);
        match thread.spawn(move || self.serve()) {
            Ok(_) => queue.threads += 1,
            // The others will come to it.
            Err(_) if queue.threads > 0 => {}
            Err(error) => {
                return match queue.jobs.pop_back() {
                    Some(job) => Err((job, error)),
                    None => unreachable!("it was put there under the same lock"),
                };
            }
        }
        Ok(())
    }

    fn serve(&self) {
        let mut queue = self.queue.lock();
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                drop(queue);
                job();
                queue = self.queue.lock();
                continue;
            }
            queue.idle += 1;
            let waited = self.work.wait_for(&mut queue, LINGER);
            queue.idle -= 1;
            if waited.timed_out() && queue.jobs.is_empty() {
                queue.threads -= 1;
                return;
            }
        }
    }
}
