//! The errors of the crate's operations: one type per operation.
//!
//! Each variant names the limit that was met, and its text the option or the system's setting that
//! moves it. The types are part of the interface and grow: `#[non_exhaustive]`.

use std::fmt;

use crate::message::AnyMessage;
use crate::process::pid::Pid;
use crate::registry::Name;
use crate::stack::StackError;

/// Why a process could not be spawned.
#[derive(Debug)]
#[non_exhaustive]
pub enum SpawnError {
    /// The node has as many processes as it may: the limit given to
    /// [`Builder::max_processes`](crate::Builder::max_processes).
    TooManyProcesses {
        /// The limit.
        limit: u32,
    },
    /// The process table, which the whole program shares, is full.
    TableFull {
        /// The most processes there can be: 134,217,728, or what the address space left at the
        /// start had room for.
        limit: u32,
    },
    /// The system gives no more memory for the process table.
    OutOfMemory {
        /// Bytes that were asked for and refused.
        bytes: usize,
    },
    /// The stack size asked for cannot be had; or the node has met a limit of the system's and waits
    /// until a stack is free.
    Stack(StackError),
    /// A link or a monitor was asked for on a thread that is no process.
    NoParent,
    /// The node shuts down, or has.
    ShuttingDown,
    /// The node has as many threads beside its workers as it may: the limit given to
    /// [`Builder::max_spares`](crate::Builder::max_spares).
    TooManyThreads {
        /// The limit.
        limit: usize,
    },
    /// The operating system gives no thread to a process spawned with `own_thread`.
    Thread(std::io::Error),
    /// The default node could not be started.
    Start(StartError),
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpawnError::TooManyProcesses { limit } => write!(
                f,
                "the node's limit of {limit} processes is reached (Builder::max_processes)"
            ),
            SpawnError::TableFull { limit } => {
                write!(f, "the process table is full: {limit} processes")
            }
            SpawnError::OutOfMemory { bytes } => write!(
                f,
                "no memory for the process table: the system refused {bytes} bytes; its limits are \
                 RLIMIT_AS and RLIMIT_DATA (ulimit -v, -d) and vm.overcommit_memory"
            ),
            SpawnError::Stack(error) => write!(f, "no stack for the process: {error}"),
            SpawnError::NoParent => {
                f.write_str(
                    "only a process can be linked to another, or monitor it: spawn it in a function that \
                     was spawned, or inside `runtime::run`",
                )
            }
            SpawnError::ShuttingDown => f.write_str("the node is shutting down"),
            SpawnError::TooManyThreads { limit } => write!(
                f,
                "the node's limit of {limit} threads beside its workers is reached \
                 (Builder::max_spares)"
            ),
            SpawnError::Thread(error) => write!(f, "no thread for the process: {error}"),
            SpawnError::Start(error) => write!(f, "the default node did not start: {error}"),
        }
    }
}

impl std::error::Error for SpawnError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            SpawnError::Stack(error) => Some(error),
            SpawnError::Thread(error) => Some(error),
            SpawnError::Start(error) => Some(error),
            _ => None,
        }
    }
}

impl From<StackError> for SpawnError {
    fn from(error: StackError) -> SpawnError {
        SpawnError::Stack(error)
    }
}

/// Why a name could not be registered, or taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegisterError {
    /// Another process has the name.
    Taken {
        /// The name.
        name: Name,
        /// Who has it.
        by: Pid,
    },
    /// The process has a name already.
    HasName {
        /// The process.
        pid: Pid,
        /// The name that it has.
        name: Name,
    },
    /// There is no such process on the node.
    NoProc {
        /// The pid of nobody, or of a process of another node.
        pid: Pid,
    },
    /// The name is too long.
    TooLong {
        /// Its length in characters.
        length: usize,
        /// The most that a name has.
        limit: usize,
    },
    /// Nobody has the name.
    NotRegistered {
        /// The name.
        name: Name,
    },
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RegisterError::Taken { name, by } => {
                write!(f, "the name {name:?} is taken by {by}")
            }
            RegisterError::HasName { pid, name } => write!(f, "{pid} has the name {name:?}"),
            RegisterError::NoProc { pid } => write!(f, "there is no process {pid}"),
            RegisterError::TooLong { length, limit } => {
                write!(
                    f,
                    "a name has at most {limit} characters, this has {length}"
                )
            }
            RegisterError::NotRegistered { name } => {
                write!(f, "nobody has the name {name:?}")
            }
        }
    }
}

impl std::error::Error for RegisterError {}

/// A message was sent to a name that nobody has.
#[derive(Debug)]
#[non_exhaustive]
pub struct SendError {
    /// The name.
    pub name: Name,
    /// The message, which was not sent.
    pub message: AnyMessage,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no process has the name {:?}", self.name)
    }
}

impl std::error::Error for SendError {}

/// Why a node could not be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The operating system gives no thread.
    Thread(std::io::Error),
    /// No stack of the size asked for can be had.
    Stack(StackError),
    /// The number of workers is not in the range.
    Workers {
        /// What was asked for.
        asked: usize,
        /// The most there can be.
        limit: usize,
    },
    /// The number of threads beside the workers is not in the range.
    Spares {
        /// What was asked for.
        asked: usize,
        /// The most there can be.
        limit: usize,
    },
    /// The node was to have room for no process.
    Processes,
    /// The system's addresses are too long for a mailbox, which counts in their upper bits.
    Address {
        /// One of them.
        address: usize,
        /// How many bits it may have.
        bits: u32,
    },
    /// The program has as many nodes as it may.
    TooManyNodes {
        /// The most there can be at a time.
        limit: usize,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Thread(error) => write!(f, "no thread for a worker: {error}"),
            StartError::Stack(error) => write!(f, "no stack for a worker: {error}"),
            StartError::Workers { asked, limit } => {
                write!(f, "{asked} workers: a node has 1 to {limit}")
            }
            StartError::Spares { asked, limit } => {
                write!(f, "{asked} spare workers: a node has at most {limit}")
            }
            StartError::Processes => f.write_str("a node has room for one process at least"),
            StartError::Address { address, bits } => {
                write!(
                    f,
                    "the system gives memory at {address:#x}: an address may have {bits} bits"
                )
            }
            StartError::TooManyNodes { limit } => {
                write!(f, "there are {limit} nodes already")
            }
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StartError::Thread(error) => Some(error),
            StartError::Stack(error) => Some(error),
            _ => None,
        }
    }
}

impl From<StartError> for SpawnError {
    fn from(error: StartError) -> SpawnError {
        SpawnError::Start(error)
    }
}

impl From<StackError> for StartError {
    fn from(error: StackError) -> StartError {
        StartError::Stack(error)
    }
}

/// The exit reason of a process whose mailbox reached its limit: see
/// [`AtLimit::Exit`](crate::AtLimit::Exit).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MailboxFull {
    /// The limit, in messages.
    pub limit: u32,
}
