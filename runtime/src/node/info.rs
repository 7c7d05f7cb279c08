//! `runtime::info`: the limits and counters of a node.
//!
//! Called by users. Reads what others count anyway, one after the other: the figures are not of one
//! moment.

use std::sync::atomic::Ordering;

use super::with_own;
use crate::stack;

/// The limits and counters of a node.
///
/// Mirrors `erlang:system_info/1` and `erlang:statistics/1`, as far as they apply.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeInfo {
    /// Processes that have not ended.
    pub processes: usize,
    /// The most processes: [`Builder::max_processes`](crate::Builder::max_processes).
    pub process_limit: usize,
    /// Processes that were told to end, did not within the grace time, and count as ended.
    pub zombies: usize,
    /// Registered names.
    pub names: usize,
    /// Workers that run processes at a time: the seats.
    pub seats: usize,
    /// Threads that have served as workers so far.
    pub workers: usize,
    /// The most of them beside the seats: [`Builder::max_spares`](crate::Builder::max_spares).
    pub spare_limit: usize,
    /// Workers that do not sleep.
    pub awake: usize,
    /// Of each worker that was started: the processes that stand on its stacks.
    pub standing: Vec<usize>,
    /// Turns given to processes so far, by all workers, modulo 2^32 each.
    pub context_switches: u64,
    /// Timers that are set, and waits with a time-out. A wait that has ended leaves its entry for the
    /// next.
    pub timers: usize,
    /// Sockets and other descriptors that the node's reactor watches; those of zombies too.
    pub descriptors: usize,
    /// Calls of [`blocking`](fn@crate::blocking) that run.
    pub blocking: usize,
    /// Stacks in use in the whole program, and those kept hot for the next.
    pub stacks: usize,
    /// Idle stacks whose pages are resident, in the whole program.
    pub idle_stacks: usize,
    /// Bytes of address space reserved for stacks in the whole program. Only touched pages cost
    /// memory.
    pub stack_bytes: usize,
}

/// The limits and counters of the caller's node (on a foreign thread: the default node). `None` if
/// there is none and none can be started.
///
/// ```
/// # runtime::run(|| {
/// let info = runtime::info().unwrap();
/// assert!(info.processes >= 1 && info.processes <= info.process_limit);
/// # });
/// ```
pub fn info() -> Option<NodeInfo> {
    with_own(|node| {
        let workers = || node.started_workers();
        let stacks = stack::stats();
        NodeInfo {
            processes: node.population(),
            process_limit: node.process_limit(),
            zombies: node.zombies.load(Ordering::Relaxed) as usize,
            names: node.names().len(),
            seats: node.seated,
            workers: node.started(),
            spare_limit: node.workers.len() - node.seated,
            awake: node.idle.awake(),
            standing: workers().map(|worker| worker.standing() as usize).collect(),
            context_switches: workers()
                .map(|worker| u64::from(worker.turns.load(Ordering::Relaxed)))
                .sum(),
            timers: workers().map(|worker| worker.timers().wheel().len()).sum(),
            descriptors: node.used_reactor().map_or(0, |reactor| reactor.count()),
            blocking: node.blocking.load(Ordering::Relaxed) as usize,
            stacks: stacks.in_use,
            idle_stacks: stacks.idle_dirty,
            stack_bytes: stacks.bytes_mapped,
        }
    })
}
