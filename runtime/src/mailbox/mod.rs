//! Mailboxes: how messages reach a process, wait there, and are received.
//!
//! ```text
//!   senders --push--> inbox --drain--> unseen --looked at, left--> ring
//!             (or, if the process waits, directly: claim and deliver)
//! ```

#[cfg(not(loom))]
pub(crate) mod arm;
#[cfg(not(loom))]
pub(crate) mod deadline;
pub(crate) mod inbox;
#[cfg(not(loom))]
pub(crate) mod queue;
#[cfg(not(loom))]
pub(crate) mod receive;
#[cfg(not(loom))]
pub(crate) mod reference;
#[cfg(not(loom))]
pub(crate) mod ring;

pub(crate) mod trail;
#[cfg(not(loom))]
pub(crate) mod urgent;

#[cfg(test)]
mod tests;
