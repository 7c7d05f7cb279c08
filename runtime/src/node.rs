//! One instance of the runtime: its workers, its clock, its processes' common end.
//!
//! The process table is the whole program's; a process belongs to one node, and only that node's
//! workers run it. One node is there by default, started on first use; [`Builder`] makes others.
//!
//! Lifetimes. Each worker's thread holds the [`Instance`]; a worker reaches it by a pointer. Other
//! threads reach it through [`NODES`], and only with a process of it in their hands (claimed, so
//! it cannot end, so the node cannot), or counted among the `visitors`, whom the end of the node
//! waits for.

use std::fmt::Write as _;
use std::panic::Location;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::config::Builder;
use crate::error::{SpawnError, StartError};
use crate::process::body::Body;
use crate::process::exit::{self, send_exit};
use crate::process::exit_reason::ExitReason;
use crate::process::pid::Pid;
use crate::process::slot::{Slot, bit};
use crate::process::table::{self, Full, List};
use crate::process::{run, spawn};
use crate::registry::Registry;
use crate::scheduler::idle::{Idle, MAX_WORKERS};
use crate::scheduler::run_queue::Shared;
use crate::scheduler::seat::Asked;
use crate::scheduler::seats::Seats;
use crate::scheduler::worker::{CREDIT, Seated, Worker};
use crate::scheduler::{self, runner, watchdog};
use crate::stack::{Class, ReportBuffer, StackError};
use crate::timer::Clock;

/// The most nodes at a time.
const MAX_NODES: usize = 4096;
static NODES: [AtomicPtr<Instance>; MAX_NODES] =
    [const { AtomicPtr::new(ptr::null_mut()) }; MAX_NODES];

/// How long the end of a program waits for its processes, if it is not told otherwise.
pub(crate) const SHUTDOWN: Duration = Duration::from_secs(5);
/// How long killed processes have to reach a switch point.
const KILL_GRACE: Duration = Duration::from_secs(1);

/// In [`NODES`]: taken, by a node that is not complete yet.
const RESERVED: *mut Instance = ptr::without_provenance_mut(1);

const RUNNING: u32 = 0;
const STOPPING: u32 = 1;
const ENDED: u32 = 2;

/// What a node's threads share.
pub(crate) struct Instance {
    id: u16,
    builder: Builder,
    clock: Clock,
    stack_class: Class,
    pub(crate) idle: Idle,
    pub(crate) seats: Seats<Seated>,
    pub(crate) workers: Box<[Worker]>,
    /// Runnable processes at rest that come from outside the workers.
    pub(crate) injector: Shared,
    state: AtomicU32,
    /// Workers below this index have a thread.
    started: AtomicUsize,
    /// How many more processes may be spawned, without what the workers keep in reserve.
    credit: AtomicI64,
    credit_size: u32,
    outside: Mutex<List>,
    outside_spawned: AtomicU64,
    visitors: AtomicUsize,
    threads: Mutex<Vec<JoinHandle<()>>>,
    registry: Registry,
}

// SAFETY: the raw pointers inside lead to the instance itself; everything else is shared through
// atomics and locks, or the owner's of a worker (see `Worker`).
unsafe impl Send for Instance {}
// SAFETY: as above.
unsafe impl Sync for Instance {}

/// A running node. Dropped, it is shut down as by [`shutdown`](Node::shutdown) with five seconds.
#[derive(Debug)]
pub struct Node {
    instance: Option<Arc<Instance>>,
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance")
            .field("id", &self.id)
            .field("idle", &self.idle)
            .finish_non_exhaustive()
    }
}

/// What a shutdown found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Processes that had not ended at the deadline, and were killed.
    pub killed: Vec<Remnant>,
    /// Those of them that did not reach a switch point within a second: their threads run on
    /// until the program ends.
    pub stuck: Vec<Remnant>,
}

/// A process that a shutdown had to kill.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Remnant {
    /// The process.
    pub pid: Pid,
    /// Its label, or the name of its function or behaviour.
    pub name: String,
    /// Where it was spawned, as `file:line:column`.
    pub place: String,
}

impl Instance {
    pub(crate) fn start(builder: Builder) -> Result<Node, StartError> {
        let seats = builder.seats()?;
        let stack_class = builder.stack_class()?;
        let count = (seats + builder.max_spares).min(MAX_WORKERS);
        exit::install_panic_hook();
        crate::stack::install(report_overflow);
        let (places, revoker) = Seats::new(count, seats, |_| Seated::new());
        let limit = builder.max_processes.min(table::MAX);
        // A small limit is kept exactly, a large one in portions.
        let exact = limit / (64 * seats as u32) < CREDIT;
        let id = reserve()?;
        let instance = Arc::new_cyclic(|weak| Instance {
            id,
            clock: if builder.paused {
                Clock::paused()
            } else {
                Clock::new()
            },
            stack_class,
            idle: Idle::new(count, seats),
            workers: (0..count)
                .map(|worker| Worker::new(worker as u16, id, weak.as_ptr(), places.of(worker)))
                .collect(),
            seats: places,
            injector: Shared::new(),
            state: AtomicU32::new(RUNNING),
            started: AtomicUsize::new(0),
            credit: AtomicI64::new(limit.into()),
            credit_size: if exact { 1 } else { CREDIT },
            outside: Mutex::new(List::new(0)),
            outside_spawned: AtomicU64::new(0),
            visitors: AtomicUsize::new(0),
            threads: Mutex::new(Vec::new()),
            registry: Registry::default(),
            builder,
        });
        NODES[usize::from(id)].store(Arc::as_ptr(&instance).cast_mut(), Ordering::Release);
        for id in 0..seats {
            match instance.start_thread(id) {
                Ok(thread) => instance.keep_thread(thread),
                Err(error) => {
                    instance.end();
                    return Err(StartError::Thread(error));
                }
            }
        }
        if let Err(error) = watchdog::start(&instance, revoker) {
            instance.end();
            return Err(StartError::Thread(error));
        }
        Ok(Node {
            instance: Some(instance),
        })
    }

    /// Starts the thread of a worker that has none.
    fn start_thread(&self, id: usize) -> std::io::Result<JoinHandle<()>> {
        let instance = self.to_arc();
        self.idle.enlist();
        let thread = std::thread::Builder::new()
            .name(format!("worker-{}-{id}", self.id))
            .spawn(move || {
                runner::host(&instance.workers[id]);
                instance.idle.resign();
            });
        match &thread {
            Ok(_) => _ = self.started.fetch_max(id + 1, Ordering::AcqRel),
            Err(_) => self.idle.resign(),
        }
        thread
    }

    /// Starts one more worker, without a seat.
    ///
    /// # Errors
    ///
    /// All are started, or the system gives no thread.
    pub(crate) fn start_spare(&self) -> Result<(), SpawnError> {
        self.start_next(|id| {
            let (Asked::Yes | Asked::Seated | Asked::NotYet) = self.seats.stand_by(id);
        })?;
        Ok(())
    }

    fn start_next(&self, prepare: impl FnOnce(usize)) -> Result<usize, SpawnError> {
        let mut threads = self.threads.lock();
        let id = self.started();
        if id == self.workers.len() {
            return Err(SpawnError::TooManyThreads {
                limit: self.builder.max_spares,
            });
        }
        prepare(id);
        threads.push(self.start_thread(id).map_err(SpawnError::Thread)?);
        Ok(id)
    }

    /// A worker for a process with a thread of its own.
    fn dedicate(&self) -> Result<&Worker, SpawnError> {
        let id = match self.seats.draft() {
            Some(id) => {
                self.workers[id].dedicated.store(true, Ordering::Release);
                id
            }
            None => self.start_next(|id| {
                self.workers[id].dedicated.store(true, Ordering::Release);
            })?,
        };
        Ok(&self.workers[id])
    }

    pub(crate) fn keep_thread(&self, thread: JoinHandle<()>) {
        self.threads.lock().push(thread);
    }

    #[inline]
    pub(crate) fn id(&self) -> u16 {
        self.id
    }

    #[inline]
    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(crate) fn stack_class(&self) -> Class {
        self.stack_class
    }

    /// What every process of the node has among its bits.
    #[inline]
    pub(crate) fn default_bits(&self) -> u16 {
        if self.builder.migrates {
            bit::MIGRATES
        } else {
            0
        }
    }

    /// How many workers have had a thread so far.
    #[inline]
    pub(crate) fn started(&self) -> usize {
        self.started.load(Ordering::Acquire).max(1)
    }

    pub(crate) fn started_workers(&self) -> impl Iterator<Item = &Worker> + Clone {
        self.workers[..self.started()].iter()
    }

    pub(crate) fn worker(&self, id: u16) -> Option<&Worker> {
        self.workers.get(usize::from(id))
    }

    /// Hands a claimed process to the worker on whose stack it stands.
    pub(crate) fn hand_over(&self, holder: u16, slot: &'static Slot) {
        match self.worker(holder) {
            Some(worker) => worker.hand_over(slot),
            None => unreachable!("a holder is a worker of the process's node"),
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.state.load(Ordering::Acquire) == ENDED
    }

    // Limits.

    pub(crate) fn credit_size(&self) -> u32 {
        self.credit_size
    }

    #[cold]
    pub(crate) fn take_credit(&self) -> Result<u32, SpawnError> {
        let size = i64::from(self.credit_size);
        let left = self.credit.fetch_sub(size, Ordering::AcqRel);
        if left >= size {
            return Ok(self.credit_size);
        }
        self.credit.fetch_add(size, Ordering::AcqRel);
        Err(SpawnError::TooManyProcesses {
            limit: self.builder.max_processes,
        })
    }

    pub(crate) fn return_credit(&self, credit: u32) {
        self.credit.fetch_add(credit.into(), Ordering::AcqRel);
    }

    /// The number of processes, if it is zero: then it was, and nothing inside can change it.
    fn is_deserted(&self) -> bool {
        let ended: u64 = self.workers.iter().map(Worker::ended).sum();
        let spawned: u64 = self.workers.iter().map(Worker::spawned).sum();
        ended == spawned + self.outside_spawned.load(Ordering::SeqCst)
    }

    // From outside.

    /// Spawns from a thread that is no worker of this node, or onto a thread of its own.
    pub(crate) fn spawn_from_outside(
        &self,
        body: Body,
        bits: u16,
        place: &'static Location<'static>,
        own_thread: bool,
        options: impl FnOnce(&'static Slot),
    ) -> Result<Pid, SpawnError> {
        let _visit = Visit::to(self);
        // Counted before the look at the state, which the end of the node sets before it counts:
        // so either the process is refused, or the end waits for it. SeqCst, as each stores and
        // then loads what the other stores.
        self.outside_spawned.fetch_add(1, Ordering::SeqCst);
        let spawned = self.spawn_counted(body, bits, place, own_thread, options);
        match spawned {
            // The newborn may have been missed when all were told.
            Ok(pid) if self.is_stopping() => send_exit(None, pid, ExitReason::Shutdown),
            Ok(_) => {}
            Err(_) => _ = self.outside_spawned.fetch_sub(1, Ordering::AcqRel),
        }
        spawned
    }

    fn is_stopping(&self) -> bool {
        self.state.load(Ordering::SeqCst) != RUNNING
    }

    fn spawn_counted(
        &self,
        body: Body,
        bits: u16,
        place: &'static Location<'static>,
        own_thread: bool,
        options: impl FnOnce(&'static Slot),
    ) -> Result<Pid, SpawnError> {
        if self.is_stopping() {
            return Err(SpawnError::ShuttingDown);
        }
        let credit = self.take_credit()?;
        self.return_credit(credit - 1);
        let slot = {
            let free = self.outside.lock();
            match table::acquire(&free) {
                Ok(slot) => slot,
                Err(full) => {
                    self.return_credit(1);
                    return Err(full.into());
                }
            }
        };
        if own_thread {
            return self.spawn_on_own_thread(slot, body, bits, place, options);
        }
        let pid = spawn::fill(slot, self, body, bits, place, options);
        self.injector.push(slot);
        self.idle.notify_one();
        Ok(pid)
    }

    fn spawn_on_own_thread(
        &self,
        slot: &'static Slot,
        body: Body,
        bits: u16,
        place: &'static Location<'static>,
        options: impl FnOnce(&'static Slot),
    ) -> Result<Pid, SpawnError> {
        match self.dedicate() {
            Ok(worker) => {
                let bits = bits | bit::OWN_THREAD;
                let pid = spawn::fill(slot, self, body, bits, place, options);
                slot.set_holder(worker.id());
                worker.hand_over(slot);
                Ok(pid)
            }
            Err(error) => {
                table::release(&self.outside.lock(), slot);
                self.return_credit(1);
                Err(error)
            }
        }
    }

    /// The instance as its threads hold it.
    pub(crate) fn to_arc(&self) -> Arc<Instance> {
        // SAFETY: every instance lives in an `Arc`, which the caller's reference keeps alive.
        unsafe {
            Arc::increment_strong_count(ptr::from_ref(self));
            Arc::from_raw(ptr::from_ref(self))
        }
    }

    pub(crate) fn report_no_stack(&self, error: &StackError) {
        tracing::error!(
            target: "runtime::scheduler",
            node = self.id,
            error = %error,
            "a worker has no stack left: processes that have none wait until one is free"
        );
    }

    // The end.

    fn processes(&self) -> impl Iterator<Item = &'static Slot> {
        (0..table::used())
            .map(table::slot_at)
            .filter(|slot| slot.node.load(Ordering::Relaxed) == self.id && !slot.inbox.is_closed())
    }

    fn shut_down(&self, limit: Duration) -> ShutdownReport {
        let mut report = ShutdownReport::default();
        self.state.store(STOPPING, Ordering::SeqCst);
        self.tell_all(&ExitReason::Shutdown);
        if !self.wait_until_deserted(limit) {
            report.killed = self.processes().map(remnant).collect();
            let deadline = Instant::now() + KILL_GRACE;
            // Those that live may spawn others still.
            while !self.is_deserted() && Instant::now() < deadline {
                self.tell_all(&ExitReason::Kill);
                self.wait_until_deserted(Duration::from_millis(20));
            }
            if !self.is_deserted() {
                report.stuck = self.processes().map(remnant).collect();
            }
        }
        for process in &report.killed {
            tracing::warn!(
                target: "runtime::node",
                node = self.id,
                pid = %process.pid,
                name = process.name.as_str(),
                place = process.place.as_str(),
                stuck = report.stuck.iter().any(|stuck| stuck.pid == process.pid),
                "process killed at shutdown"
            );
        }
        report
    }

    fn tell_all(&self, reason: &ExitReason) {
        for slot in self.processes() {
            send_exit(None, slot.pid(), reason.clone());
        }
    }

    fn wait_until_deserted(&self, limit: Duration) -> bool {
        let deadline = Instant::now().checked_add(limit);
        let mut pause = Duration::from_micros(20);
        loop {
            if self.is_deserted() {
                return true;
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return false;
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(1));
        }
    }

    /// Lets the threads end, and waits for them.
    fn end(&self) {
        self.state.store(ENDED, Ordering::Release);
        self.idle.poke_all();
        loop {
            let thread = self.threads.lock().pop();
            match thread {
                // A worker's thread catches what its processes do; it does not panic.
                Some(thread) => drop(thread.join()),
                None => break,
            }
        }
        while self.visitors.load(Ordering::Acquire) > 0 {
            std::thread::yield_now();
        }
        table::release_all(&self.outside.lock());
        NODES[usize::from(self.id)].store(ptr::null_mut(), Ordering::Release);
    }
}

/// Takes a free number for a node.
fn reserve() -> Result<u16, StartError> {
    let free = NODES.iter().position(|place| {
        place.load(Ordering::Relaxed).is_null()
            && place
                .compare_exchange(
                    ptr::null_mut(),
                    RESERVED,
                    Ordering::AcqRel,
                    Ordering::Relaxed,
                )
                .is_ok()
    });
    free.map(|id| id as u16)
        .ok_or(StartError::TooManyNodes { limit: MAX_NODES })
}

/// A thread that is not the node's is inside its methods.
struct Visit<'n>(&'n Instance);

impl<'n> Visit<'n> {
    fn to(instance: &'n Instance) -> Visit<'n> {
        instance.visitors.fetch_add(1, Ordering::AcqRel);
        Visit(instance)
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        self.0.visitors.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A process that a thread outside its node has claimed may run.
#[cold]
pub(crate) fn inject(slot: &'static Slot) {
    let node = NODES[usize::from(slot.node.load(Ordering::Relaxed))].load(Ordering::Acquire);
    // SAFETY: the process is held by the caller, so it has not ended, so its node has not.
    let node = unsafe { &*node };
    let _visit = Visit::to(node);
    match slot.holder() {
        crate::process::slot::ANYONE => {
            node.injector.push(slot);
            node.idle.notify_one();
        }
        holder => node.hand_over(holder, slot),
    }
}

/// What is left of a process: its name if it waits, so that it can be held for a moment; else
/// only where it was spawned.
fn remnant(slot: &'static Slot) -> Remnant {
    let pid = slot.pid();
    let name = if slot.inbox.claim() {
        // SAFETY: the process is ours until it is released.
        let name = run::name(slot, unsafe { (*slot.body.get()).name() });
        scheduler::release(slot);
        name
    } else {
        name_of(slot)
    };
    Remnant {
        pid,
        name,
        place: slot
            .place()
            .map_or_else(String::new, |place| place.to_string()),
    }
}

/// What a process is called in reports by others, who do not hold it: the place of its spawn.
pub(crate) fn name_of(slot: &Slot) -> String {
    slot.place()
        .map_or_else(|| "process".to_owned(), |place| place.to_string())
}

/// Describes the process that overflowed its stack. Called by a signal handler on the thread that
/// runs it: allocates nothing.
fn report_overflow(report: &mut ReportBuffer) {
    let Some(slot) = crate::process::try_current() else {
        return;
    };
    let _ = write!(report, "process {}", slot.pid());
    let extra = slot.extra.get();
    // SAFETY: the process runs on this thread, which is its holder. Should the overflow have
    // happened inside a change of the label, the report is wrong, and the program ends anyway.
    if let Some(label) = unsafe { extra.as_ref() }.and_then(|extra| extra.label.as_ref()) {
        let _ = write!(report, " ({label})");
    }
    if let Some(place) = slot.place() {
        let _ = write!(report, ", spawned at {place}");
    }
}

impl Node {
    pub(crate) fn instance(&self) -> &Arc<Instance> {
        match &self.instance {
            Some(instance) => instance,
            None => unreachable!("taken only by `shutdown`, which consumes the node"),
        }
    }

    /// Runs `f` as a process of the node, and waits for its result; a panic of it goes on here.
    ///
    /// # Panics
    ///
    /// If the process panics, exits or is killed, or comes to rest ([`hibernate`](crate::hibernate),
    /// [`enter`](crate::enter)): it goes on then, without a result. On a worker's thread, that is inside a process
    /// (spawn one instead); if the process cannot be spawned.
    #[track_caller]
    pub fn run<T, F>(&self, f: F) -> T
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        crate::entry::run_on(self, f)
    }

    /// Shuts the default node down, which nobody owns.
    pub(crate) fn end_default(&'static self, limit: Duration) {
        finish(Arc::clone(self.instance()), limit);
    }

    /// Ends the node in order: spawning from outside is refused, every process is sent the exit
    /// signal `Shutdown`; those that live at the end of `limit` are killed.
    ///
    /// # Panics
    ///
    /// Inside a process of the node.
    pub fn shutdown(mut self, limit: Duration) -> ShutdownReport {
        match self.instance.take() {
            Some(instance) => finish(instance, limit),
            None => ShutdownReport::default(),
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(instance) = self.instance.take() {
            finish(instance, SHUTDOWN);
        }
    }
}

fn finish(instance: Arc<Instance>, limit: Duration) -> ShutdownReport {
    assert!(
        scheduler::try_worker().is_none_or(|worker| worker.node_id() != instance.id()),
        "a node cannot be shut down by a process of its own: it would wait for itself"
    );
    let report = instance.shut_down(limit);
    if report.stuck.is_empty() {
        instance.end();
    } else {
        // Its threads run on: other stacks may stand on a stuck worker, and a thread outlives
        // the stacks that it holds.
        std::mem::forget(instance);
    }
    report
}

/// The node of those who are in none; started on first use, or by `#[runtime::main]`.
static DEFAULT: Mutex<Option<&'static Node>> = Mutex::new(None);

/// # Errors
///
/// The node did not start. The next call tries again.
pub(crate) fn default_node() -> Result<&'static Node, StartError> {
    let mut default = DEFAULT.lock();
    match *default {
        Some(node) => Ok(node),
        None => {
            let node: &'static Node = Box::leak(Box::new(Builder::new().start()?));
            *default = Some(node);
            Ok(node)
        }
    }
}

/// Makes a node the default one, if there is none yet.
pub(crate) fn set_default(node: Node) -> Result<&'static Node, Node> {
    let mut default = DEFAULT.lock();
    match *default {
        Some(_) => Err(node),
        None => {
            let node: &'static Node = Box::leak(Box::new(node));
            *default = Some(node);
            Ok(node)
        }
    }
}

impl From<StartError> for SpawnError {
    fn from(error: StartError) -> SpawnError {
        SpawnError::Start(error)
    }
}

impl From<Full> for SpawnError {
    fn from(full: Full) -> SpawnError {
        match full {
            Full::Table => SpawnError::TableFull { limit: table::MAX },
            Full::Memory => SpawnError::OutOfMemory,
        }
    }
}
