//! `proc_lib(3erl)`: processes whose start may be waited for, who know their ancestors, and whose crash is
//! reported.
//!
//! `spawn` runs functions so, `start` waits for them, `stop` ends them; `ancestors` is where a process comes
//! from, `crash` the report, `name` how behaviours get their names. gen_server and supervisor stand on this.
//!
//! A process that ends with a reason that is not orderly (see [`ExitReason::is_orderly`](runtime::ExitReason::is_orderly)), by a panic, an
//! [`exit`](runtime::exit) or an error returned, is reported as a `tracing` event at level error under the
//! target `proc_lib::crash`. One that a signal ends is not: it runs no code.
//!
//! ```
//! use genserver::proc_lib::{self, Parent};
//! use runtime::prelude::*;
//!
//! fn doubler(parent: Parent<&'static str>) {
//!     parent.init_ack("ready");
//!     receive! { (from, n): (Pid, u32) => send(from, 2 * n) }
//! }
//!
//! # runtime::run(|| {
//! let (pid, said) = proc_lib::start_link(doubler).unwrap();
//! assert_eq!(said, "ready");
//! send(pid, (self_pid(), 21u32));
//! receive! { n: u32 => assert_eq!(n, 42) }
//! # });
//! ```

mod ancestors;
mod crash;
mod name;
mod spawn;
mod start;
mod stop;

pub use ancestors::ancestors;
pub use name::NameRefused;
pub use runtime::{label as get_label, set_label};
pub use spawn::{hibernate, initial_call, spawn, spawn_link, spawn_monitor, spawn_opt};
pub use start::{Parent, Refused, Start, StartError, Started, start, start_link, start_monitor};
pub use stop::{StopError, stop};

pub(crate) use ancestors::{Line, NoParent, inherit, parent, supervises};
pub(crate) use crash::{report_crash, starting};
pub(crate) use name::{is_free, register, unregister};
pub(crate) use start::Ack;
pub(crate) use stop::is_order;
