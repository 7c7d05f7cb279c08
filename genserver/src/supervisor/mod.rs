//! `supervisor(3erl)`: a process that starts others, and restarts them when they end.
//!
//! It ends when its parent does, when it is told to, and when its node shuts down: its children first, the last one
//! before the others. Any other exit signal that is not a child's it ignores.
//!
//! ```
//! use genserver::supervisor::{ChildSpec, Flags, Strategy, start_link};
//! use runtime::prelude::*;
//!
//! # runtime::run(|| {
//! let worker = ChildSpec::process("worker", || loop {
//!     receive! { text: &str => println!("{text}") }
//! });
//! let supervisor = start_link(Flags::new(Strategy::OneForOne), vec![worker]).unwrap();
//! let first = supervisor.which_child("worker").unwrap().pid().unwrap();
//! exit_signal(first, ExitReason::Kill);
//! let second = loop {
//!     match supervisor.which_child("worker").unwrap().pid() {
//!         Some(pid) if pid != first => break pid,
//!         _ => yield_now(),
//!     }
//! };
//! assert!(is_process_alive(second));
//! supervisor.stop().unwrap();
//! # });
//! ```

mod answer;
mod child;
mod children;
mod dynamic;
mod flags;
mod handle;
mod intensity;
mod life;
mod partition;
mod process;
mod report;
mod spec;
mod start;

pub use answer::{ChildError, ChildInfo, ChildState, Count, FailedToStartChild};
pub use child::{Child, Kind, Restart, Shutdown, Started};
pub use dynamic::{DynamicSupervisor, Template};
pub use flags::{AutoShutdown, Flags, Strategy};
pub use handle::Supervisor;
pub use partition::PartitionSupervisor;
pub use spec::{ChildSpec, InitFunction, SpecError, Supervised, UnknownChange, check_childspecs};
pub use start::{SupervisorOptions, start_link, start_link_with};
