//! The ordered end of a node.
//!
//! The supervision trees end first, one after the other, by their roots, which are told to; then every
//! process is told. Those that live when their time is up are killed, and the threads
//! end when no process is left. The time is the system's, for a paused node too: it is the
//! caller's who waits.
//!
//! ```text
//!   0            half          limit - grace - rest     limit - grace      limit
//!   | one tree after  | all trees        | every process is  | those that     |
//!   | the other       | at once          | told              | live: killed   | given up
//! ```
//!
//! Each part is over as soon as nobody is left whom it is for.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{Instance, Node, nodes, state};
use crate::process::exit::send_exit;
use crate::process::exit_reason::ExitReason;
use crate::process::name;
use crate::process::pid::Pid;
use crate::process::slot::flag;
use crate::process::table;
use crate::report;
use crate::scheduler;
use crate::scheduler::worker::Worker;
use crate::timer::real_time;

/// How long the end of a program waits for its processes, if it is not told otherwise.
pub(crate) const SHUTDOWN: Duration = Duration::from_secs(5);
/// The most that killed processes have to reach a switch point.
const KILL_GRACE: Duration = Duration::from_secs(1);
/// The most that is kept of the time before for the processes that belong to no tree.
const REST: Duration = Duration::from_secs(1);
/// After so long those that were spawned meanwhile are looked for.
const ROUND: Duration = Duration::from_millis(20);

/// What a shutdown found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Processes that had not ended in time, and were killed.
    pub killed: Vec<Remnant>,
    /// Those of them that have not reached a switch point since: their threads run on until the
    /// program ends.
    pub stuck: Vec<Remnant>,
    /// Calls of [`blocking`](fn@crate::blocking) whose processes have ended, and which run on, on threads
    /// of their pool.
    pub blocking: usize,
}

/// A process that a shutdown had to kill.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Remnant {
    /// The process.
    pub pid: Pid,
    /// Its label, or the name of its function or behaviour; of a process that could not be asked,
    /// as it did not wait, the place where it was spawned.
    pub name: String,
    /// Where it was spawned, as `file:line:column`.
    pub place: String,
}

impl Instance {
    pub(crate) fn has_ended(&self) -> bool {
        self.charter.state.load(Ordering::Acquire) & state::ENDED != 0
    }

    /// Whether no process may be spawned from outside any more.
    pub(super) fn is_stopping(&self) -> bool {
        self.charter.state.load(Ordering::SeqCst) & (state::STOPPING | state::ENDED) != 0
    }

    /// Whether all its processes are told to end.
    fn tells_all(&self) -> bool {
        self.charter.state.load(Ordering::SeqCst) & state::TELLING != 0
    }

    /// The number of processes, if it is zero: then it was, and nothing inside can change it.
    fn is_deserted(&self) -> bool {
        let ended: u64 = self.workers.iter().map(Worker::ended).sum();
        let spawned: u64 = self.workers.iter().map(Worker::spawned).sum();
        ended == spawned + self.outside_spawned.load(Ordering::SeqCst)
    }

    /// The number of processes, about.
    pub(super) fn population(&self) -> usize {
        let ended: u64 = self.workers.iter().map(Worker::ended).sum();
        let spawned: u64 = self.workers.iter().map(Worker::spawned).sum();
        let spawned = spawned + self.outside_spawned.load(Ordering::SeqCst);
        spawned.saturating_sub(ended) as usize
    }

    /// The node's processes. A slot may become another's at any moment: what is read of it counts
    /// if its generation is the same afterwards.
    pub(crate) fn processes(&self) -> impl Iterator<Item = Pid> {
        (0..table::used()).map(table::slot_at).filter_map(|slot| {
            let pid = slot.pid();
            let lives = !slot.inbox.is_closed();
            // Acquire: the generation is read behind it.
            let ours = slot.node.load(Ordering::Acquire) == self.id();
            (lives && ours && slot.pid() == pid).then_some(pid)
        })
    }

    fn shut_down(&self, limit: Duration) -> ShutdownReport {
        let mut report = ShutdownReport::default();
        let grace = (limit / 2).min(KILL_GRACE);
        let rest = ((limit - grace) / 2).min(REST);
        let start = real_time();
        // None: it waits for ever.
        let deadline = start.checked_add(limit);
        self.charter
            .state
            .fetch_or(state::STOPPING, Ordering::SeqCst);
        self.end_trees(start, limit - grace - rest);
        self.charter
            .state
            .fetch_or(state::TELLING, Ordering::SeqCst);
        self.processes().for_each(tell_once);
        let told = start.checked_add(limit - grace);
        if !self.wait_until_deserted(told, || self.tell_newborns()) {
            report.killed = self.processes().map(remnant).collect();
            // Again and again: those that live may spawn others still.
            self.kill_all();
            let deserted = self.wait_until_deserted(deadline, || self.kill_all());
            if !deserted {
                report.stuck = self.processes().map(remnant).collect();
            }
        }
        report.blocking = self.blocking.load(Ordering::Relaxed) as usize;
        if report.blocking > 0 {
            report::report(|| {
                tracing::warn!(
                    target: "runtime::node",
                    node = self.id(),
                    calls = report.blocking,
                    "blocking calls run on after the shutdown"
                )
            });
        }
        for process in &report.killed {
            report::report(|| {
                tracing::warn!(
                    target: "runtime::node",
                    node = self.id(),
                    pid = %process.pid,
                    name = process.name.as_str(),
                    place = process.place.as_str(),
                    stuck = report.stuck.iter().any(|stuck| stuck.pid == process.pid),
                    "process killed at shutdown"
                )
            });
        }
        report
    }

    /// Tells the roots of the trees to end, the last one first, each when the one before is gone: what was started later
    /// may need what was there. One that takes its time is not waited for by the others for longer than half of it.
    fn end_trees(&self, start: Instant, limit: Duration) {
        // Who starts one again that has ended has it told with all others.
        let roots = std::mem::take(&mut *self.roots.lock());
        let in_turn = start.checked_add(limit / 2);
        for root in roots.iter().rev() {
            tell_once(*root);
            wait_until(in_turn, || !table::is_live(*root), || {});
        }
        let all_gone = || !roots.iter().copied().any(table::is_live);
        wait_until(start.checked_add(limit), all_gone, || {});
    }

    fn add_root(&self, pid: Pid) {
        let mut roots = self.roots.lock();
        if roots.len() == roots.capacity() {
            roots.retain(|root| table::is_live(*root));
            // As many again, before the next look at all.
            let living = roots.len();
            roots.reserve(living.max(4));
        }
        roots.push(pid);
    }

    /// Tells those to end that were spawned since and wait by now: until then a newborn may help
    /// those that clean up.
    fn tell_newborns(&self) {
        for pid in self.processes() {
            let slot = table::slot_of(pid);
            let flags = slot.inbox.flags_of(pid.generation());
            let untold = flags.is_some_and(|flags| flags & flag::TOLD == 0);
            if untold && slot.inbox.claim() {
                scheduler::release(slot);
                tell_once(pid);
            }
        }
    }

    fn kill_all(&self) {
        for pid in self.processes() {
            send_exit(None, pid, ExitReason::Kill);
        }
    }

    /// True if no process is left, false at the deadline. Meanwhile something is done `each` round.
    fn wait_until_deserted(&self, deadline: Option<Instant>, each: impl FnMut()) -> bool {
        wait_until(deadline, || self.is_deserted(), each)
    }

    /// Lets the threads end, and waits for them.
    pub(super) fn end(&self) {
        self.charter.state.fetch_or(state::ENDED, Ordering::AcqRel);
        self.idle.poke_all();
        loop {
            let thread = self.threads.lock().pop();
            match thread {
                // A worker's thread catches what its processes do; it does not panic.
                Some(thread) => drop(thread.join()),
                None => break,
            }
        }
        if let Some(reactor) = self.reactor.get() {
            reactor.end();
        }
        while self.visitors.load(Ordering::Acquire) > 0 {
            std::thread::yield_now();
        }
        table::release_all(&self.outside.lock());
        nodes::vacate(self.id());
    }
}

/// True if it is so, false at the deadline. Meanwhile something is done `each` round.
fn wait_until(deadline: Option<Instant>, so: impl Fn() -> bool, mut each: impl FnMut()) -> bool {
    let mut pause = Duration::from_micros(20);
    let mut round = real_time() + ROUND;
    loop {
        if so() {
            return true;
        }
        let now = real_time();
        if deadline.is_some_and(|deadline| now >= deadline) {
            return false;
        }
        if now >= round {
            each();
            round = real_time() + ROUND;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(1));
    }
}

/// Tells a process to end, as the node, which is no process.
fn tell_once(pid: Pid) {
    let before = table::slot_of(pid).inbox.set(flag::TOLD, pid.generation());
    if before.is_some_and(|before| before & flag::TOLD == 0) {
        send_exit(None, pid, ExitReason::Shutdown);
    }
}

/// Whether the caller's node shuts down. Outside a process: false.
///
/// ```
/// # runtime::run(|| {
/// assert!(!runtime::is_shutting_down());
/// # });
/// ```
pub fn is_shutting_down() -> bool {
    scheduler::try_worker().is_some_and(|worker| worker.node().is_stopping())
}

/// Whether the caller's node, which shuts down, has told the caller to end, or begins to tell all processes: who
/// restarts others leaves that then. Outside a process: false.
///
/// No process that is no [root](root_of_tree) has been told before this is true.
///
/// ```
/// # runtime::run(|| {
/// assert!(!runtime::is_told_to_end());
/// # });
/// ```
pub fn is_told_to_end() -> bool {
    let Some(slot) = crate::process::try_current() else {
        return false;
    };
    let flags = slot.inbox.flags_of(slot.inbox.generation());
    flags.is_some_and(|flags| flags & flag::TOLD != 0)
        || scheduler::try_worker().is_some_and(|worker| worker.node().tells_all())
}

/// Makes the calling process one that a node which shuts down tells to end before the others, by the exit
/// signal [`Shutdown`](ExitReason::Shutdown), and waits for: the root of a tree of processes that it ends itself, in
/// their order. The supervisors of the crate `genserver` do this. Roots are told one after the other, the last
/// one first.
///
/// # Panics
///
/// Outside a process.
///
/// ```
/// use std::time::Duration;
/// use runtime::prelude::*;
///
/// let node = Builder::new().workers(1).start()?;
/// node.run(|| {
///     let child = spawn!(|| drop(receive_any()));
///     spawn!(move || {
///         trap_exit(true);
///         runtime::root_of_tree();
///         let Exit { reason, .. } = runtime::receive_type();
///         // It lives still.
///         let watch = monitor(child);
///         exit_signal(child, reason);
///         receive! { Down { monitor, reason, .. } if monitor == watch => assert_eq!(reason, ExitReason::Shutdown) }
///     });
/// });
/// node.shutdown(Duration::from_secs(5));
/// # Ok::<(), runtime::StartError>(())
/// ```
#[track_caller]
pub fn root_of_tree() {
    let slot = crate::process::current("root_of_tree");
    if let Some(worker) = scheduler::try_worker() {
        worker.node().add_root(slot.pid());
    }
}

/// What is left of a process.
fn remnant(pid: Pid) -> Remnant {
    let slot = table::slot_of(pid);
    let place = slot
        .place()
        .map_or_else(String::new, |place| place.to_string());
    Remnant {
        pid,
        name: name::asked(slot, pid.generation()).unwrap_or_else(|| place.clone()),
        place,
    }
}

impl Node {
    /// Shuts the default node down, which nobody owns.
    pub(crate) fn end_default(&'static self, limit: Duration) {
        finish(Arc::clone(self.instance()), limit);
    }

    /// Ends the node in order: spawning from outside is refused, and the supervision trees end, each
    /// by its [root](root_of_tree), which is sent the exit signal `Shutdown`: one after the other, the last one first.
    /// Then every process is sent that signal; one that is spawned meanwhile, as soon as it waits. Those that live when the last part of `limit`
    /// begins are killed; that part is half of it, a second at most. Who has not ended at `limit`
    /// is given up.
    ///
    /// The trees have the time before, less half of it, a second at most; when half of theirs is over those are
    /// told that still wait for their turn. A node without trees takes no time for that.
    ///
    /// `limit` is in real time, also for a node whose clock is paused.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let node = runtime::Builder::new().workers(1).start()?;
    /// node.run(|| { runtime::spawn!(|| drop(runtime::receive_any())); });
    /// let report = node.shutdown(Duration::from_secs(5));
    /// assert!(report.killed.is_empty());
    /// # Ok::<(), runtime::StartError>(())
    /// ```
    ///
    /// # Panics
    ///
    /// Inside a process of the node.
    pub fn shutdown(mut self, limit: Duration) -> ShutdownReport {
        match self.instance.take() {
            Some(instance) => {
                assert!(
                    !is_inside(&instance),
                    "a node cannot be shut down by a process of its own: it would wait for itself"
                );
                finish(instance, limit)
            }
            None => ShutdownReport::default(),
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let Some(instance) = self.instance.take() else {
            return;
        };
        if is_inside(&instance) {
            report::report(|| {
                tracing::error!(
                    target: "runtime::node",
                    node = instance.id(),
                    pid = crate::process::try_current().map(|slot| tracing::field::display(slot.pid())),
                    "a node was dropped by a process of its own, which cannot wait for its end: it \
                     runs on"
                )
            });
        } else {
            finish(instance, SHUTDOWN);
        }
    }
}

/// Whether the calling thread is a worker of the node.
fn is_inside(instance: &Instance) -> bool {
    scheduler::try_worker().is_some_and(|worker| worker.node_id() == instance.id())
}

fn finish(instance: Arc<Instance>, limit: Duration) -> ShutdownReport {
    let report = instance.shut_down(limit);
    // One that has closed its mailbox is not among those found, and may still be at work.
    if instance.is_deserted() {
        instance.end();
    } else {
        // Its threads run on: other stacks may stand on a stuck worker, and a thread outlives
        // the stacks that it holds.
        std::mem::forget(instance);
    }
    report
}
