//! The systems compared, and the modes in which each of them runs.

use crate::allocator::Allocator;

/// The number of workers of ours, in every mode, and of each peer's `w2` modes.
pub const WORKERS: usize = 2;

/// One of the systems compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    Runtime,
    Tokio,
    Reqwest,
    Ractor,
    Kameo,
    May,
    Threads,
    Erlang,
    Go,
    Limit,
}

impl System {
    /// All of them, in the order of the report.
    pub const ALL: [System; 10] = [
        System::Runtime,
        System::Tokio,
        System::Reqwest,
        System::Ractor,
        System::Kameo,
        System::May,
        System::Threads,
        System::Erlang,
        System::Go,
        System::Limit,
    ];

    /// Its name on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            System::Runtime => "runtime",
            System::Tokio => "tokio",
            System::Reqwest => "reqwest",
            System::Ractor => "ractor",
            System::Kameo => "kameo",
            System::May => "may",
            System::Threads => "threads",
            System::Erlang => "erlang",
            System::Go => "go",
            System::Limit => "limit",
        }
    }

    /// What it is, in a line.
    pub const fn about(self) -> &'static str {
        match self {
            System::Runtime => "ours: processes and `receive!`",
            System::Tokio => "tasks and unbounded channels; as a client, hyper or tungstenite",
            System::Reqwest => "the HTTP client on hyper's pool",
            System::Ractor => "actors on tokio",
            System::Kameo => "actors on tokio, with unbounded mailboxes",
            System::May => "coroutines on stacks and unbounded channels",
            System::Threads => "threads of the operating system, and crossbeam's channels",
            System::Erlang => "the BEAM, a program of its own (needs erl and erlc)",
            System::Go => "goroutines and channels, a program of its own (needs go)",
            System::Limit => "no peer: how fast wrk and h2load, in C, load the same server",
        }
    }
}

/// Which workloads a mode is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// All.
    Any,
    /// All but [clients](crate::workload::Workload::is_client).
    Common,
    /// Clients; tokio's is the connection that each task has to itself, where the protocol wants that.
    Client,
    /// tokio's alone: clients that take their connections out of a pool.
    Pooled,
}

/// A way to run a system.
#[derive(Debug, PartialEq, Eq)]
pub struct Mode {
    pub system: System,
    /// Its name on the command line and in reports.
    pub name: &'static str,
    pub workers: usize,
    pub allocator: Allocator,
    /// Ours alone: whether suspended stacks may move between workers.
    pub migrate: bool,
    pub role: Role,
}

impl Mode {
    const fn ours(name: &'static str, migrate: bool) -> Mode {
        Mode {
            migrate,
            role: Role::Any,
            ..Mode::peer(System::Runtime, name, WORKERS, Allocator::Mimalloc)
        }
    }

    const fn peer(
        system: System,
        name: &'static str,
        workers: usize,
        allocator: Allocator,
    ) -> Mode {
        Mode {
            system,
            name,
            workers,
            allocator,
            migrate: false,
            role: Role::Common,
        }
    }

    const fn client(system: System, name: &'static str, workers: usize, role: Role) -> Mode {
        Mode {
            role,
            ..Mode::peer(system, name, workers, Allocator::Mimalloc)
        }
    }

    /// Its name with its system's: `tokio/w1-glibc`.
    pub fn path(&self) -> String {
        format!("{}/{}", self.system.name(), self.name)
    }

    /// Whether `text`, `SYSTEM`, `SYSTEM/MODE` or the beginning of a mode's name up to a hyphen, means this mode (among
    /// others).
    pub fn is_meant_by(&self, text: &str) -> bool {
        match text.split_once('/') {
            None => text == self.system.name(),
            Some((system, mode)) => {
                let rest = self.name.strip_prefix(mode);
                system == self.system.name()
                    && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
            }
        }
    }
}

/// Every mode, in the order of the report.
pub static MODES: [Mode; 25] = [
    Mode::ours("safe", false),
    Mode::ours("migrate", true),
    Mode::client(System::Runtime, "w1", 1, Role::Client),
    Mode::peer(System::Tokio, "w2-glibc", WORKERS, Allocator::Glibc),
    Mode::peer(System::Tokio, "w2-mimalloc", WORKERS, Allocator::Mimalloc),
    Mode::peer(System::Tokio, "w1-glibc", 1, Allocator::Glibc),
    Mode::peer(System::Tokio, "w1-mimalloc", 1, Allocator::Mimalloc),
    Mode::client(System::Tokio, "bare-w2", WORKERS, Role::Client),
    Mode::client(System::Tokio, "bare-w1", 1, Role::Client),
    Mode::client(System::Tokio, "pooled-w2", WORKERS, Role::Pooled),
    Mode::client(System::Tokio, "pooled-w1", 1, Role::Pooled),
    Mode::client(System::Reqwest, "w2", WORKERS, Role::Client),
    Mode::client(System::Reqwest, "w1", 1, Role::Client),
    Mode::peer(System::Ractor, "w2-mimalloc", WORKERS, Allocator::Mimalloc),
    Mode::peer(System::Ractor, "w1-mimalloc", 1, Allocator::Mimalloc),
    Mode::peer(System::Kameo, "w2-mimalloc", WORKERS, Allocator::Mimalloc),
    Mode::peer(System::Kameo, "w1-mimalloc", 1, Allocator::Mimalloc),
    Mode::peer(System::May, "w2-mimalloc", WORKERS, Allocator::Mimalloc),
    Mode::peer(System::May, "w1-mimalloc", 1, Allocator::Mimalloc),
    Mode::peer(System::Threads, "mimalloc", WORKERS, Allocator::Mimalloc),
    Mode::peer(System::Erlang, "w2", WORKERS, Allocator::Glibc),
    Mode::peer(System::Erlang, "w1", 1, Allocator::Glibc),
    Mode::peer(System::Go, "w2", WORKERS, Allocator::Glibc),
    Mode::peer(System::Go, "w1", 1, Allocator::Glibc),
    Mode::client(System::Limit, "w1", 1, Role::Client),
];
