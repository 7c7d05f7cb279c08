//! Processes: their pids, their table, their life from spawn to exit.
//!
//! ```text
//!            spawn                    first run            returns, panics, exits
//!   (free) -------> at rest, queued -----------> running ------------------------> (free)
//!                        ^                        |   ^
//!             wake, mail |         waits at rest  |   | blocks, is resumed
//!                        +------- waiting <-------+   v
//!                                              on a stack: waiting, queued
//! ```
//!
//! `table` has the slots, `slot` and `extra` are one process's data, `body` is what it does. `spawn` makes it, `run`
//! runs it and ends it, `wait` and `waker` let it wait, `exit`, `catch` and `zombie` are about how it ends.
//! `behaviour` is what has no stack between two callbacks. `current` says which process runs; `alive`, `info` and
//! `backtrace` tell of any other.
//!
//! Invariant: what is a process's own is touched by its holder alone: the worker that runs it, or whoever has
//! claimed it while it waited (`mailbox::inbox` says how holding changes hands).

#[cfg(not(loom))]
pub(crate) mod activity;
#[cfg(not(loom))]
pub(crate) mod alive;
#[cfg(not(loom))]
pub(crate) mod backtrace;
#[cfg(not(loom))]
pub(crate) mod behaviour;
#[cfg(not(loom))]
pub(crate) mod body;
#[cfg(not(loom))]
pub(crate) mod catch;
#[cfg(not(loom))]
pub(crate) mod current;
#[cfg(not(loom))]
pub mod dictionary;
#[cfg(not(loom))]
pub(crate) mod exit;
pub(crate) mod exit_reason;
#[cfg(not(loom))]
pub(crate) mod extra;
#[cfg(not(loom))]
pub(crate) mod info;
#[cfg(not(loom))]
pub(crate) mod latch;
#[cfg(not(loom))]
pub(crate) mod local;
#[cfg(not(loom))]
pub(crate) mod name;
pub(crate) mod pid;
#[cfg(not(loom))]
pub(crate) mod result;
#[cfg(not(loom))]
pub(crate) mod run;
#[cfg(not(loom))]
pub(crate) mod slot;
#[cfg(not(loom))]
pub(crate) mod span;
#[cfg(not(loom))]
pub(crate) mod spawn;
#[cfg(not(loom))]
pub(crate) mod table;
#[cfg(not(loom))]
pub(crate) mod wait;
#[cfg(not(loom))]
pub(crate) mod waker;
#[cfg(not(loom))]
pub(crate) mod zombie;

#[cfg(not(loom))]
pub(crate) use current::{current, current_on, guarded, guarded_on, try_current};
