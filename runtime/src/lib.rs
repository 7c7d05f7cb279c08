//! Erlang's process model for Rust, without async colouring.
//!
//! A process is a function with a mailbox. It shares nothing, waits where it likes in plain
//! blocking code, and its panic ends it alone. Millions of them run on a few threads.
//!
//! ```
//! use runtime::prelude::*;
//! use std::time::Duration;
//!
//! #[derive(Debug)]
//! struct Ping {
//!     from: Pid,
//! }
//!
//! #[derive(Debug)]
//! struct Pong;
//!
//! #[runtime::main]
//! fn main() {
//!     let echo = spawn!(|| loop {
//!         receive! { Ping { from } => send(from, Pong) }
//!     });
//!     send(echo, Ping { from: self_pid() });
//!     receive! {
//!         Pong => println!("pong"),
//!         after Duration::from_secs(1) => println!("no answer"),
//!     }
//! }
//! ```
//!
//! # Where to look
//!
//! * Spawning: [`spawn!`], [`Spawn`] for options, [`Pid`].
//! * Talking: [`send`](fn@send), [`receive!`], [`match_message!`], [`receive_type`] and its like,
//!   [`make_ref`] and [`receive_ref`] for replies, [`AnyMessage`].
//! * Servers: [`request`](mod@request), the client half of calls and their answers.
//! * Being told of an end: [`link`], [`monitor`], [`spawn_link!`], [`spawn_monitor!`], [`Down`], [`Exit`].
//! * Being found: [`register`], [`whereis`]; [`alias`], which reaches a process until it is taken back.
//! * Ending: [`exit`], [`ExitReason`], [`exit_signal`], [`trap_exit`], [`catch`].
//! * What a process keeps for itself: [`process_local!`], [`dictionary`].
//! * Looking in: [`process_info`], [`Look`], [`is_process_alive`], [`processes`], [`info`](fn@info).
//! * Processes without a stack of their own: [`Behaviour`], [`Spawn::receive_loop`],
//!   [`hibernate`].
//! * Time: `receive! { .. after .. }`, [`sleep`], [`Until`]; [`send_after`](fn@send_after), [`start_timer`],
//!   [`cancel_timer`]; [`now`].
//! * Long computations: [`tick`], [`yield_now`], [`Spawn::own_thread`].
//! * Sockets: [`net`]. Futures: [`block_on`], [`spawn_future`], [`future`](mod@future), [`WakeSet`].
//! * What blocks a thread: [`blocking`](fn@blocking). The system's signals: [`os_signal`](fn@os_signal).
//! * Ways in: [`run_async`], [`main`], [`macro@test`], [`run`], [`Builder`], [`Node`].
//!
//! Everything here is safe but two functions that let suspended stacks move between threads:
//! [`Builder::assume_migration_safe`] and [`Spawn::assume_migration_safe`].
//!
//! # Switch points
//!
//! A process is suspended, made to yield, or ended by a signal at a *switch point* and nowhere else: a call that waits
//! (a receive, [`sleep`], a socket, a [`block_on`] between two polls, [`blocking`](fn@blocking), an answer), that ends
//! or looks at a process ([`exit`], [`hibernate`], [`process_info`]), or that is made for it ([`yield_now`], [`tick`]).
//! [`send`](fn@send), [`spawn!`], a poll, a wake-up and the destructors of this crate's types are none: a lock may be
//! held over them. Work is counted in *reductions*: who has spent those of a turn yields at the next switch point.

#![cfg_attr(
    loom,
    allow(
        dead_code,
        unused_imports,
        reason = "the model checker sees the lock-free modules alone"
    )
)]

#[cfg(all(not(loom), panic = "abort"))]
compile_error!(
    "the runtime needs `panic = \"unwind\"`: a process ends by unwinding its stack, alone; with \
     `panic = \"abort\"` it would take the program with it"
);

// So that the macros' expansions work inside this crate's own tests.
extern crate self as runtime;

mod io;
mod loom;
mod magazine;
mod mailbox;
mod message;
mod pool;
mod prefetch;
mod process;
mod scheduler;
mod timer;

#[cfg(not(loom))]
#[doc(hidden)]
pub mod __rt;
#[cfg(not(loom))]
mod abort;
#[cfg(not(loom))]
mod blocking;
#[cfg(not(loom))]
mod config;
#[cfg(not(loom))]
mod context;
#[cfg(not(loom))]
mod entry;
#[cfg(not(loom))]
mod error;
#[cfg(not(loom))]
pub mod future;
#[cfg(not(loom))]
mod macros;
#[cfg(not(loom))]
pub mod net;
#[cfg(not(loom))]
mod node;
#[cfg(not(loom))]
mod os_signal;
#[cfg(not(loom))]
mod registry;
#[cfg(not(loom))]
mod report;
#[cfg(not(loom))]
pub mod request;
#[cfg(not(loom))]
mod send;
#[cfg(not(loom))]
mod send_after;
#[cfg(not(loom))]
mod shown;
#[cfg(not(loom))]
mod signal;
// The pure half, and its models.
#[cfg(loom)]
#[path = "signal/models.rs"]
mod signal;
#[cfg(all(debug_assertions, not(loom)))]
mod soundness;
#[cfg(not(loom))]
mod stack;
#[cfg(not(loom))]
mod thread;

#[cfg(not(loom))]
mod public {
    pub use crate::blocking::blocking;
    pub use crate::config::Builder;
    pub use crate::entry::run;
    pub use crate::error::{MailboxFull, RegisterError, SendError, SpawnError, StartError};
    pub use crate::future::block_on::block_on;
    pub use crate::future::outside::run_async;
    pub use crate::future::spawn::spawn_future;
    pub use crate::future::wake_set::WakeSet;
    pub use crate::macros::{main, test};
    pub use crate::mailbox::deadline::{Deadline, IntoDeadline};
    pub use crate::mailbox::receive::{
        receive_any, receive_ref, receive_timeout, receive_type, receive_where,
    };
    pub use crate::mailbox::reference::{Ref, make_ref};
    pub use crate::message::{AnyMessage, Message, Opaque};
    pub use crate::node::{
        Node, NodeInfo, Remnant, ShutdownReport, info, is_shutting_down, is_told_to_end,
        root_of_tree,
    };
    pub use crate::os_signal::{OsSignal, OsSignals, os_signal, os_signal_messages};
    pub use crate::process::alive::{is_process_alive, mailbox_len};
    pub use crate::process::backtrace::ProcessBacktrace;
    pub use crate::process::behaviour::{
        Behaviour, Cause, Cx, Flow, Next, Until, drive, enter, hibernate,
    };
    pub use crate::process::catch::{Caught, catch, catch_all};
    pub use crate::process::current::{label, self_pid, set_label, set_priority, try_self_pid};
    pub use crate::process::dictionary;
    pub use crate::process::exit::{exit, exit_signal, exit_signal_priority, trap_exit};
    pub use crate::process::exit_reason::{ExitReason, PanicReport, Term};
    pub use crate::process::info::{
        Look, ProcessInfo, ShownValue, Status, process_info, processes,
    };
    pub use crate::process::local::ProcessLocal;
    pub use crate::process::pid::Pid;
    pub use crate::process::result::ProcessResult;
    pub use crate::process::spawn::{AtLimit, Priority, Spawn, Spawned};
    pub use crate::process::wait::sleep;
    pub use crate::registry::{
        Name, NodeName, register, registered, registered_name, unregister, whereis,
    };
    pub use crate::scheduler::{now, tick, yield_now};
    pub use crate::send::{Destination, send, send_priority};
    pub use crate::send_after::{
        CancelTimer, ReadTimer, Timeout, TimerDestination, TimerRef, cancel_timer,
        cancel_timer_async, drop_timer, read_timer, read_timer_async, send_after, start_timer,
    };
    pub use crate::shown::{Shown, hide_in_reports};
    pub use crate::signal::Exit;
    pub use crate::signal::alias::{AliasMode, alias, alias_priority, unalias};
    pub use crate::signal::link::{link, link_priority, links, unlink};
    pub use crate::signal::monitor::{
        Down, Monitor, MonitorAlias, TaggedDown, demonitor, demonitor_flush, monitor,
    };
    pub use crate::signal::monitored::Monitored;
    pub use crate::stack::StackError;
}
#[cfg(not(loom))]
pub use public::*;

/// What most programs use.
#[cfg(not(loom))]
pub mod prelude {
    pub use crate::{
        AnyMessage, AtLimit, Behaviour, Builder, Cause, Cx, Down, Exit, ExitReason, Flow, Message,
        Next, Node, Opaque, Pid, Priority, Ref, Spawn, Spawned, Timeout, TimerRef, Until,
        cancel_timer, demonitor, exit, exit_signal, hibernate, is_process_alive, link, make_ref,
        match_message, monitor, process_local, receive, receive_any, receive_ref, receive_timeout,
        receive_type, receive_where, register, self_pid, send, send_after, sleep, spawn,
        spawn_link, spawn_monitor, start_timer, tick, trap_exit, unlink, unregister, whereis,
        yield_now,
    };
}
