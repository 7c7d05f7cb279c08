//! `sys(3erl)`: system messages of processes: suspend, resume, state, status, debug functions. Not a binding
//! to a foreign library, as the name would mean elsewhere in Rust.
//!
//! Two halves. The functions of this file are the client's: they work on every process that takes
//! part, of whatever behaviour, and wait for five seconds, or as [`within`] says. [`handle`] and
//! [`Debug`](struct@Debug) are the process's: a behaviour, or a process
//! written by hand, gives each [`System`] message that it takes from its mailbox to [`handle`], with what
//! it has to show and to change ([`Process`]), and tells [`Debug::note`] what happens in it.

#![forbid(unsafe_code)]

mod client;
mod debug;
mod error;
mod event;
mod log_file;
mod option;
mod process;

pub use client::{
    Within, change_code, get_log, get_state, get_statistics, get_status, inspect, install, log,
    log_to_file, no_debug, order_to_terminate, print_log, remove, replace_state, resume,
    statistics, suspend, terminate, trace, within,
};
pub use debug::{Debug, Statistics};
pub use error::{ChangeCodeError, LogToFileError, StateError};
pub use event::{Event, LoggedEvent, Value};
pub use option::{DebugFunction, DebugOption};
pub use process::{Handled, NoCodeChange, Process, Status, System, handle};

use std::time::Duration;

/// How long these functions wait for their answers. Mirrors the default of `sys`'s functions.
pub const TIMEOUT: Duration = Duration::from_secs(5);

/// How many events a log usually keeps. Mirrors `sys:log(Name, true)`.
pub const LOG_SIZE: usize = 10;
