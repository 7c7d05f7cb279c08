//! How a node is set up: [`Builder`], the options of a node.
//!
//! Called by whoever starts a node, and by the macros' entry points; read by `node`. Options are
//! checked when the node starts, not when they are set, so that one error type names them all.

use std::time::Duration;

use crate::error::StartError;
use crate::scheduler::idle::MAX_WORKERS;
use crate::stack::{self, Class};

/// See [`Builder::exit_grace`].
const EXIT_GRACE: Duration = Duration::from_secs(5);

/// Sets up a node: an instance of the runtime with workers, clock and names of its own.
///
/// Most programs need none: the default node starts on first use, with a worker per core.
///
/// ```
/// let node = runtime::Builder::new().workers(2).max_processes(10_000).start()?;
/// let sum = node.run(|| 1 + 2);
/// assert_eq!(sum, 3);
/// node.shutdown(std::time::Duration::from_secs(5));
/// # Ok::<(), runtime::StartError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Builder {
    pub(crate) workers: Option<usize>,
    pub(crate) max_spares: usize,
    pub(crate) stack_size: usize,
    pub(crate) max_processes: u32,
    pub(crate) migrates: bool,
    pub(crate) paused: bool,
    pub(crate) exit_grace: Duration,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder::new()
    }
}

impl Builder {
    /// The defaults: a worker per core, 32 spare workers at most, stacks of 256 KiB (debug
    /// builds: 1 MiB), as many processes as the table holds.
    pub fn new() -> Builder {
        Builder {
            workers: None,
            max_spares: 32,
            stack_size: stack::DEFAULT_SIZE,
            max_processes: u32::MAX,
            migrates: false,
            paused: false,
            exit_grace: EXIT_GRACE,
        }
    }

    /// The number of workers that run at a time: the node's seats. One per core by default.
    pub fn workers(mut self, workers: usize) -> Builder {
        self.workers = Some(workers);
        self
    }

    /// The most threads the node starts beside its workers: spares, which take over while a
    /// process runs on and on, and those of processes with a thread of their own. At most 256, and
    /// with the workers together no more than 256 are started.
    pub fn max_spares(mut self, spares: usize) -> Builder {
        self.max_spares = spares;
        self
    }

    /// The size of a stack in bytes, rounded up to a power of two, guard page included. Only
    /// touched pages cost memory.
    pub fn stack_size(mut self, bytes: usize) -> Builder {
        self.stack_size = bytes;
        self
    }

    /// The most processes that may live on the node at a time, one at least. Where the limit is above 4,096
    /// times the number of workers, each worker may keep up to 128 of it in reserve.
    pub fn max_processes(mut self, processes: u32) -> Builder {
        self.max_processes = processes;
        self
    }

    /// How long a process may run after a fatal exit signal without reaching a switch point, in
    /// real time; 5 seconds unless set. Then it is ended in its absence: others are told that it
    /// has ended, its name is free, and what it still does has no effect; its thread and its memory
    /// stay with it until it comes back.
    pub fn exit_grace(mut self, time: Duration) -> Builder {
        self.exit_grace = time;
        self
    }

    /// Lets suspended stacks move between workers, for all processes of the node.
    ///
    /// # Safety
    ///
    /// As [`Spawn::assume_migration_safe`](crate::Spawn::assume_migration_safe), for every
    /// process of the node.
    pub unsafe fn assume_migration_safe(mut self) -> Builder {
        self.migrates = true;
        self
    }

    /// For `#[runtime::test(paused)]`.
    pub(crate) fn paused(mut self, paused: bool) -> Builder {
        self.paused = paused;
        self
    }

    pub(crate) fn seats(&self) -> Result<usize, StartError> {
        let asked = match self.workers {
            Some(asked) => asked,
            None => std::thread::available_parallelism()
                .map_or(1, usize::from)
                .min(MAX_WORKERS / 2),
        };
        if asked == 0 || asked > MAX_WORKERS {
            return Err(StartError::Workers {
                asked,
                limit: MAX_WORKERS,
            });
        }
        Ok(asked)
    }

    pub(crate) fn spares(&self) -> Result<usize, StartError> {
        if self.max_spares > MAX_WORKERS {
            return Err(StartError::Spares {
                asked: self.max_spares,
                limit: MAX_WORKERS,
            });
        }
        Ok(self.max_spares)
    }

    pub(crate) fn processes(&self) -> Result<u32, StartError> {
        match self.max_processes {
            0 => Err(StartError::Processes),
            most => Ok(most),
        }
    }

    pub(crate) fn stack_class(&self) -> Result<Class, StartError> {
        Ok(stack::class_of(self.stack_size)?)
    }
}
