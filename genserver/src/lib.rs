//! OTP's behaviours: [`mod@gen_server`], [`supervisor`], and [`proc_lib`], on which they stand.
//!
//! A gen_server is a process at rest that answers calls: state, and callbacks on it; the attribute
//! [`#[gen_server]`](macro@gen_server) makes one of plain methods. The client half is
//! [`runtime::request`], re-exported here; system messages are those of the crate `sys`.

#![forbid(unsafe_code)]

#[doc(hidden)]
#[allow(
    missing_docs,
    reason = "hidden: what the attribute writes is made of it"
)]
pub mod __rt;
mod ask;
mod attribute;
pub mod gen_server;
pub mod proc_lib;
#[cfg(feature = "report")]
pub mod report;
pub mod supervisor;
mod task;

pub use ask::{Ask, Later, WithTimeout};
pub use attribute::gen_server;
pub use gen_server::{
    Action, Called, Done, From, GenServer, Init, Never, Options, Server, StartError,
};
pub use runtime::request::{self, CallError, Failure, ServerRef};
pub use task::{AsyncStream, Task, TaskSupervisor, TimedOut, async_stream};
