//! Whether a node takes another process: how many it may have, and whether there are stacks.
//!
//! Called where processes are spawned and end. The usual spawn reads only that the node's `state`
//! is 0, and takes from its worker's credit.
//!
//! Invariants:
//! * The credit here, the workers' and the node's processes are together the node's limit.
//! * `state::NO_STACK` is set while a worker waits for a stack, but for the moment after another
//!   that waited too was served. What was spawned before is queued, and starts when it has one.

use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::Mutex;

use super::{Instance, state};
use crate::error::SpawnError;
use crate::process::table::{self, Full};
use crate::scheduler::worker::CREDIT;
use crate::stack::StackError;

pub(super) struct Limits {
    /// The most processes.
    processes: u32,
    /// How many more may be spawned, without what the workers keep in reserve.
    credit: AtomicI64,
    /// Why there was no stack, when last one was refused.
    no_stack: Mutex<Option<StackError>>,
}

impl Limits {
    /// The limits of a node, and how much of its credit a worker takes at a time: a small limit is
    /// kept exactly, a large one in portions.
    pub(super) fn new(processes: u32, seats: usize) -> (Limits, u32) {
        let credit = processes.min(table::MAX);
        let exact = credit / (64 * seats as u32) < CREDIT;
        let limits = Limits {
            processes,
            credit: AtomicI64::new(credit.into()),
            no_stack: Mutex::new(None),
        };
        (limits, if exact { 1 } else { CREDIT })
    }
}

impl Instance {
    /// The most processes.
    pub(super) fn process_limit(&self) -> usize {
        self.limits.processes as usize
    }

    #[inline]
    pub(crate) fn credit_size(&self) -> u32 {
        self.charter.credit_size
    }

    #[cold]
    pub(crate) fn take_credit(&self) -> Result<u32, SpawnError> {
        let size = i64::from(self.credit_size());
        let left = self.limits.credit.fetch_sub(size, Ordering::AcqRel);
        if left >= size {
            return Ok(self.credit_size());
        }
        self.limits.credit.fetch_add(size, Ordering::AcqRel);
        Err(SpawnError::TooManyProcesses {
            limit: self.limits.processes,
        })
    }

    pub(crate) fn return_credit(&self, credit: u32) {
        self.limits
            .credit
            .fetch_add(credit.into(), Ordering::AcqRel);
    }

    /// Whether there are stacks for more processes.
    ///
    /// # Errors
    ///
    /// A stack was refused, and none has become free since.
    #[inline]
    pub(crate) fn has_stacks(&self) -> Result<(), SpawnError> {
        if self.lacks_stacks() {
            return self.refuse();
        }
        Ok(())
    }

    #[cold]
    fn refuse(&self) -> Result<(), SpawnError> {
        let refusal = *self.limits.no_stack.lock();
        refusal.map_or(Ok(()), |error| Err(SpawnError::Stack(error)))
    }

    /// Whether a worker waits for a stack. Who has stacks to spare then gives them to all.
    #[inline]
    pub(crate) fn lacks_stacks(&self) -> bool {
        self.charter.state.load(Ordering::Relaxed) & state::NO_STACK != 0
    }

    /// A worker was refused a stack, and waits for one.
    #[cold]
    pub(crate) fn set_no_stack(&self, error: StackError) {
        if self.lacks_stacks() {
            return;
        }
        *self.limits.no_stack.lock() = Some(error);
        self.charter
            .state
            .fetch_or(state::NO_STACK, Ordering::AcqRel);
        // Those asleep may have some at hand.
        self.idle.poke_all();
    }

    /// A worker that waited has a stack. Who waits still says so again.
    #[cold]
    pub(crate) fn clear_no_stack(&self) {
        self.charter
            .state
            .fetch_and(!state::NO_STACK, Ordering::AcqRel);
    }
}

impl From<Full> for SpawnError {
    fn from(full: Full) -> SpawnError {
        match full {
            Full::Table { limit } => SpawnError::TableFull { limit },
            Full::Memory { bytes } => SpawnError::OutOfMemory { bytes },
        }
    }
}
