//! Mailboxes: how messages reach a process, wait there, and are received.
//!
//! ```text
//!   senders --push--> inbox --drain--> unseen --looked at, left--> ring
//!             (or, if the process waits, directly: claim and deliver)
//! ```
//!
//! `inbox` is the lock-free end, where others push onto a `chain`; `queue`, `ring` and, for priority messages,
//! `urgent` are the owner's. `scan` shows them to the `arm`s of a `receive!`, from a save position or the marker in a
//! `reference`; `receive` waits for what it finds, until a `deadline`. `trail` is a hint for the cache.
//!
//! Invariants:
//! * Messages and signals from one process to another are taken in the order in which they were sent.
//! * No user code runs while a reference into a queue is held: a message is taken out first, or lent.

#[cfg(not(loom))]
pub(crate) mod arm;
#[cfg(not(loom))]
pub(crate) mod awaited;
pub(crate) mod chain;
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
#[cfg(not(loom))]
pub(crate) mod scan;
pub(crate) mod trail;
#[cfg(not(loom))]
pub(crate) mod urgent;

#[cfg(test)]
mod tests;
