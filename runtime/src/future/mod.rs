//! Futures inside processes.
//!
//! [`block_on`](block_on::block_on) polls one on the process's stack; [`spawn_future`](crate::spawn_future) makes one a
//! process at rest; a behaviour polls those it holds with [`Cx::context`](crate::Cx::context). The
//! wakers of all three are the process's own. A future waits for time by [`Sleep`],
//! for messages by [`receive`] and its kin, for sockets by `net`, and many futures in one process
//! keep apart who was woken by a [`WakeSet`](wake_set::WakeSet).
//!
//! ```
//! use runtime::prelude::*;
//! use runtime::{block_on, future};
//! use std::time::Duration;
//!
//! # runtime::run(|| {
//! send(self_pid(), 7u32);
//! let (n, ()) = block_on(futures_util::future::join(
//!     future::receive_type::<u32>(),
//!     future::sleep(Duration::from_millis(1)),
//! ));
//! assert_eq!(n, 7);
//! # });
//! ```

// Invariants:
// * A wake-up is remembered (`flag::WOKEN`) until somebody polls for it. One that is used up by a
//   `block_on` may have been meant for the future, or the behaviour, in whose middle that one runs:
//   so it leaves a wake-up behind (`bit::OWED`).
// * Whoever polls gives mail futures their wake-ups before it waits (`mailbox::awaited::wake`).

pub(crate) mod block_on;
#[cfg(feature = "hyper")]
mod hyper_rt;
pub(crate) mod mail;
pub(crate) mod outside;
pub(crate) mod sleep;
pub(crate) mod spawn;
#[cfg(feature = "tokio")]
mod tokio_context;
pub(crate) mod wake_set;

#[cfg(feature = "hyper")]
pub use hyper_rt::{Executor, Timer};
pub use mail::{Messages, Receive, messages, receive, receive_type, receive_where};
pub use outside::RunAsync;
pub use sleep::{Sleep, sleep, sleep_until};
#[cfg(feature = "tokio")]
pub use tokio_context::{InTokio, in_tokio};
