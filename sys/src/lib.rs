//! `sys(3erl)`: system messages of processes: suspend, resume, state, status, debug functions. Not a binding
//! to a foreign library, as the name would mean elsewhere in Rust.
//!
//! Two halves. The functions [`suspend`], [`get_state`] and their kin are the client's: they work on every process
//! that takes part, of whatever behaviour, and wait for five seconds, or as [`within`] says. [`handle`] and
//! [`Debug`](struct@Debug) are the process's: a behaviour, or a process
//! written by hand, gives each [`System`] message that it takes from its mailbox to [`handle`], with what
//! it has to show and to change ([`Process`]), and tells [`Debug::note`] what happens in it.
//!
//! ```
//! use runtime::prelude::*;
//! use std::any::Any;
//! use sys::{Debug, System};
//!
//! struct Counter(u32);
//!
//! impl sys::Process for Counter {
//!     fn state(&mut self) -> &mut dyn Any { &mut self.0 }
//!     fn show(&self) -> String { self.0.to_string() }
//!     fn module(&self) -> &'static str { "counter" }
//! }
//!
//! fn counter() {
//!     let (mut counter, mut debug) = (Counter(0), Debug::new());
//!     loop {
//!         // Suspended, it leaves all other messages where they are.
//!         let message = match debug.is_suspended() {
//!             true => receive_where(None, AnyMessage::is::<System>).unwrap(),
//!             false => receive_any(),
//!         };
//!         match message.downcast::<System>() {
//!             Ok(system) => match sys::handle(system, &mut debug, &mut counter) {
//!                 sys::Handled::Terminate(reason) => exit(reason),
//!                 _ => {}
//!             },
//!             Err(_) => counter.0 += 1,
//!         }
//!     }
//! }
//!
//! # runtime::run(|| {
//! let pid = spawn!(counter);
//! send(pid, "one");
//! assert_eq!(sys::get_state::<u32>(pid), Ok(1));
//! sys::suspend(pid).unwrap();
//! send(pid, "not yet");
//! assert_eq!(sys::replace_state(pid, |n: &u32| n + 10), Ok(11));
//! assert!(sys::get_status(pid).unwrap().suspended);
//! sys::resume(pid).unwrap();
//! assert_eq!(sys::get_state::<u32>(pid), Ok(12));
//! sys::terminate(pid, ExitReason::Normal).unwrap();
//! # });
//! ```

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

/// The calling process, for the function `what`: outside a process that is what the panic names. For `genserver` and
/// `gun`.
#[doc(hidden)]
#[track_caller]
pub fn in_process(what: &str) -> runtime::Pid {
    match runtime::try_self_pid() {
        Some(pid) => pid,
        None => panic!(
            "`{what}` outside a process: call it in a function that was spawned, or inside `runtime::run`"
        ),
    }
}
