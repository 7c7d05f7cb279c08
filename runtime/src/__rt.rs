//! What the expansions of the macros name, as `$crate::__rt::..`: hidden from the documentation,
//! and no part of the public interface.

pub use runtime_macros::{match_message, receive, spawn, spawn_link, spawn_monitor};

pub use crate::config::Builder;
pub use crate::entry::{main, test};
pub use crate::mailbox::arm::{
    Arm, Cursor, Picked, Verdict, argument, guard, match_message, unmatched,
};
pub use crate::mailbox::deadline::{Deadline, IntoDeadline};
pub use crate::mailbox::receive::receive;
pub use crate::process::spawn::{spawn, spawn_link, spawn_monitor};

/// Sets a test's node up with virtual time.
pub fn paused(builder: Builder) -> Builder {
    builder.paused(true)
}
