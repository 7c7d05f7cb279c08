//! `sys(3erl)`: system messages of processes: suspend, resume, state, status, debug functions. Not a binding
//! to a foreign library, as the name would mean elsewhere in Rust.
//!
//! Two halves. The functions of this file are the client's: they work on every process that takes
//! part, of whatever behaviour. [`handle`] and [`Debug`](struct@Debug) are the process's: a behaviour, or a process
//! written by hand, gives each [`System`] message that it takes from its mailbox to [`handle`], with what
//! it has to show and to change ([`Process`]).

#![forbid(unsafe_code)]

mod client;
mod debug;
mod process;

pub use client::{
    StateError, change_code, get_log, get_state, get_statistics, get_status, inspect, log,
    no_debug, order_to_terminate, replace_state, resume, statistics, suspend, terminate, trace,
};
pub use debug::{Debug, Event, LoggedEvent, Statistics};
pub use process::{Handled, Process, Status, System, handle};

use std::time::Duration;

/// How long these functions wait for their answers. Mirrors the default of `sys`'s functions.
pub const TIMEOUT: Duration = Duration::from_secs(5);
