//! One instance of the runtime: its workers, its clock, its processes' common end.
//!
//! The process table is the whole program's; a process belongs to one node, and only that node's
//! workers run it. One node is there by default, started on first use; [`Builder`] makes others.
//!
//! This file starts a node and its threads; beside it: `nodes`, how others reach it; `limits`,
//! whether it takes another process; `info`, its counters; `outside`, spawning from other threads;
//! `shutdown`, its end; `virtual_time`, how a paused clock moves; `default`, the one that nobody made.
//!
//! Lifetimes. Each worker's thread holds the [`Instance`]; a worker reaches it by a pointer. Other
//! threads reach it through `nodes`: with a process of it in their hands (claimed, so it
//! cannot end, so the node cannot), or counted, among the `visitors` or the guests of its number,
//! whom the end of the node waits for.

mod default;
mod info;
mod limits;
mod nodes;
mod outside;
mod shutdown;
mod virtual_time;

use std::io;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;

use crate::config::Builder;
use crate::error::{SpawnError, StartError};
use crate::io::reactor::Reactor;
use crate::mailbox::inbox;
use crate::process::exit;
use crate::process::name;
use crate::process::pid::Pid;
use crate::process::slot::{Slot, bit};
use crate::process::table::List;
use crate::registry::Registry;
use crate::scheduler;
use crate::scheduler::idle::{Idle, MAX_WORKERS};
use crate::scheduler::run_queue::Shared;
use crate::scheduler::seat::{Asked, Withdrawn};
use crate::scheduler::seated::Seated;
use crate::scheduler::seats::Seats;
use crate::scheduler::worker::Worker;
use crate::scheduler::{runner, watchdog};
use crate::stack::Class;
use crate::timer::Clock;
use virtual_time::VirtualTime;
pub(crate) use virtual_time::{Polling, UnderWay};

pub(crate) use default::{default_node, set_default};
pub use info::{NodeInfo, info};
use limits::Limits;
use nodes::Visit;
pub(crate) use nodes::{inject, of_held, visit};
pub(crate) use shutdown::SHUTDOWN;
pub use shutdown::{Remnant, ShutdownReport, is_shutting_down, is_told_to_end, root_of_tree};

/// What a node's threads share.
pub(crate) struct Instance {
    charter: Charter,
    /// What lives in an `Arc` knows it.
    this: Weak<Instance>,
    clock: Clock,
    virtual_time: VirtualTime,
    stack_class: Class,
    pub(crate) idle: Idle,
    pub(crate) seats: Seats<Seated>,
    pub(crate) workers: Box<[Worker]>,
    /// How many of them have a seat at the start.
    seated: usize,
    /// Runnable processes at rest that come from outside the workers.
    pub(crate) injector: Shared,
    /// Workers below this index have a thread.
    started: AtomicUsize,
    limits: Limits,
    outside: Mutex<List>,
    outside_spawned: AtomicU64,
    visitors: AtomicUsize,
    threads: Mutex<Vec<JoinHandle<()>>>,
    names: Registry,
    /// The roots of supervision trees, in the order in which they were started; some have ended.
    roots: Mutex<Vec<Pid>>,
    /// Made when the first descriptor is registered.
    reactor: OnceLock<Arc<Reactor>>,
    exit_grace: Duration,
    /// Its processes that were ended in their absence, and have not come back.
    pub(crate) zombies: AtomicU32,
    /// How many blocking calls of its processes run.
    pub(crate) blocking: AtomicU32,
}

/// What every spawn and every end of a process reads: one cache line, seldom written.
#[repr(C, align(64))]
struct Charter {
    id: u16,
    /// Which of the program's nodes it is: its number may be another's later, this not.
    serial: u32,
    /// What every process of the node has among its bits.
    bits: u16,
    /// How many processes a worker may spawn before it asks again.
    credit_size: u32,
    /// 0 as long as all is usual; see [`state`].
    state: AtomicU32,
}

/// What is not usual about a node.
mod state {
    /// It shuts down.
    pub(super) const STOPPING: u32 = 1;
    /// Its threads end.
    pub(super) const ENDED: u32 = 1 << 1;
    /// A worker has been refused a stack.
    pub(super) const NO_STACK: u32 = 1 << 2;
    /// It shuts down, and all its processes are told to end.
    pub(super) const TELLING: u32 = 1 << 3;
}

// SAFETY: the raw pointers inside lead to the instance itself; everything else is shared through
// atomics and locks, or the owner's of a worker (see `Worker`).
unsafe impl Send for Instance {}
// SAFETY: as above.
unsafe impl Sync for Instance {}

/// A running node. Dropped, it is shut down as by [`shutdown`](Node::shutdown) with five seconds;
/// inside a process of its own, where that cannot be waited for, it runs on until the program
/// ends, and the mistake is reported as a `tracing` event.
#[derive(Debug)]
pub struct Node {
    instance: Option<Arc<Instance>>,
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance")
            .field("id", &self.id())
            .field("idle", &self.idle)
            .finish_non_exhaustive()
    }
}

impl Instance {
    pub(crate) fn start(builder: Builder) -> Result<Node, StartError> {
        let seats = builder.seats()?;
        let count = (seats + builder.spares()?).min(MAX_WORKERS);
        let stack_class = builder.stack_class()?;
        let processes = builder.processes()?;
        inbox::check_addresses()?;
        install_panic_hook().map_err(StartError::Thread)?;
        crate::stack::install(name::report_overflow);
        let (places, revoker) = Seats::new(count, seats, |_| Seated::default());
        let (limits, credit_size) = Limits::new(processes, seats);
        let id = nodes::reserve()?;
        let instance = Arc::new_cyclic(|weak| Instance {
            this: Weak::clone(weak),
            charter: Charter {
                id,
                serial: nodes::next_serial(),
                bits: if builder.migrates { bit::MIGRATES } else { 0 },
                credit_size,
                state: AtomicU32::new(0),
            },
            clock: if builder.paused {
                Clock::paused()
            } else {
                Clock::new()
            },
            virtual_time: VirtualTime::default(),
            stack_class,
            idle: Idle::new(count, seats),
            workers: (0..count)
                .map(|worker| Worker::new(worker as u16, id, weak.as_ptr(), places.of(worker)))
                .collect(),
            seated: seats,
            seats: places,
            injector: Shared::new(),
            started: AtomicUsize::new(0),
            limits,
            outside: Mutex::new(List::new(0)),
            outside_spawned: AtomicU64::new(0),
            visitors: AtomicUsize::new(0),
            threads: Mutex::new(Vec::new()),
            names: Registry::default(),
            roots: Mutex::default(),
            reactor: OnceLock::new(),
            exit_grace: builder.exit_grace,
            zombies: AtomicU32::new(0),
            blocking: AtomicU32::new(0),
        });
        nodes::publish(&instance);
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
            .name(format!("worker-{}-{id}", self.id()))
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
        self.start_next(&mut self.threads.lock(), |id| {
            let (Asked::Yes | Asked::Seated | Asked::NotYet) = self.seats.stand_by(id);
        })?;
        Ok(())
    }

    /// Starts the next worker's thread, for what was prepared; that is taken back if there is none.
    /// Under the lock of `threads`, so that nobody drafts a worker that gets no thread.
    fn start_next(
        &self,
        threads: &mut Vec<JoinHandle<()>>,
        prepare: impl FnOnce(usize),
    ) -> Result<usize, SpawnError> {
        let id = self.started();
        if id == self.workers.len() {
            return Err(SpawnError::TooManyThreads {
                limit: self.workers.len() - self.seated,
            });
        }
        prepare(id);
        match self.start_thread(id) {
            Ok(thread) => {
                threads.push(thread);
                Ok(id)
            }
            Err(error) => {
                if self.seats.of(id).is_drafted() {
                    self.seats.of(id).discharge();
                } else {
                    let (Withdrawn::Seated | Withdrawn::Unseated) = self.seats.withdraw(id);
                }
                Err(SpawnError::Thread(error))
            }
        }
    }

    /// A worker for a process with a thread of its own.
    fn dedicate(&self) -> Result<&Worker, SpawnError> {
        let mut threads = self.threads.lock();
        let id = match self.seats.draft() {
            Some(id) => id,
            None => self.start_next(&mut threads, |id| self.seats.draft_new(id))?,
        };
        Ok(&self.workers[id])
    }

    pub(crate) fn keep_thread(&self, thread: JoinHandle<()>) {
        self.threads.lock().push(thread);
    }

    #[inline]
    pub(crate) fn id(&self) -> u16 {
        self.charter.id
    }

    #[inline]
    pub(crate) fn serial(&self) -> u32 {
        self.charter.serial
    }

    /// The worker that keeps the timers which are set from outside, or on virtual time.
    pub(crate) fn timekeeper(&self) -> &Worker {
        &self.workers[0]
    }

    #[inline]
    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Its registered names.
    pub(crate) fn names(&self) -> &Registry {
        &self.names
    }

    /// The node's reactor, made if there is none.
    ///
    /// # Errors
    ///
    /// The system gives no descriptors for it.
    pub(crate) fn reactor(&self) -> io::Result<Arc<Reactor>> {
        if let Some(reactor) = self.reactor.get() {
            return Ok(Arc::clone(reactor));
        }
        let _one_at_a_time = self.threads.lock();
        if self.reactor.get().is_none() {
            let (reactor, waker) = Reactor::new()?;
            self.idle.set_alarm(Box::new(move || {
                // It fails if the system is out of memory: then the next alarm may do.
                let _ = waker.wake();
            }));
            let _ = self.reactor.set(Arc::new(reactor));
        }
        self.reactor()
    }

    /// The node's reactor, if there is anything to poll for.
    #[inline]
    pub(crate) fn used_reactor(&self) -> Option<&Reactor> {
        let reactor = self.reactor.get()?;
        reactor.is_used().then_some(&**reactor)
    }

    /// See [`Builder::exit_grace`].
    pub(crate) fn exit_grace(&self) -> Duration {
        self.exit_grace
    }

    pub(crate) fn stack_class(&self) -> Class {
        self.stack_class
    }

    /// What every process of the node has among its bits.
    #[inline]
    pub(crate) fn default_bits(&self) -> u16 {
        self.charter.bits
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

    /// The instance as its threads hold it.
    pub(crate) fn to_arc(&self) -> Arc<Instance> {
        match self.this.upgrade() {
            Some(this) => this,
            None => unreachable!("a thread that is at work in a node holds it"),
        }
    }
}

/// Calls `f` with the caller's node; outside a process, with the default node, if it can be started.
pub(crate) fn with_own<R>(f: impl FnOnce(&Instance) -> R) -> Option<R> {
    match scheduler::try_worker() {
        Some(worker) => Some(f(worker.node())),
        None => default_node().ok().map(|node| f(node.instance())),
    }
}

/// How long a node that is started by a thread that panics waits for its panic hook.
const HOOK: Duration = Duration::from_millis(50);

/// Installs the hook that notes where processes panic. Not on a thread that panics itself (the
/// first spawn may be a destructor's): there the hook cannot be changed. If it is the program's hook
/// that spawns, nobody can change it before that returns: it is installed then.
fn install_panic_hook() -> std::io::Result<()> {
    if !std::thread::panicking() {
        exit::install_panic_hook();
        return Ok(());
    }
    let (tell, installed) = crossbeam_channel::bounded(1);
    std::thread::Builder::new().spawn(move || {
        exit::install_panic_hook();
        // Nobody may wait any more.
        let _ = tell.send(());
    })?;
    let _ = installed.recv_timeout(HOOK);
    Ok(())
}

impl Node {
    pub(crate) fn instance(&self) -> &Arc<Instance> {
        match &self.instance {
            Some(instance) => instance,
            None => unreachable!("taken only by `shutdown`, which consumes the node"),
        }
    }

    /// How many of the node's processes are zombies: they have ended, to all others, and run on
    /// without reaching a switch point. See [`Builder::exit_grace`].
    pub fn zombies(&self) -> usize {
        self.instance().zombies.load(Ordering::Relaxed) as usize
    }
}

impl Builder {
    /// Starts the node.
    ///
    /// # Errors
    ///
    /// [`StartError`] names what the system or the options refused.
    pub fn start(self) -> Result<Node, StartError> {
        Instance::start(self)
    }
}
