//! Why connections have given up of late. A process's end is told only to those that monitor it in time, and who opens a
//! connection cannot be in time for one that fails at once.
//!
//! A connection writes here before it exits, and whoever waits for one that is no more reads. The last [`KEPT`] are kept,
//! with reasons of this crate's own, which hold nothing of a user's.

use std::collections::VecDeque;

use parking_lot::Mutex;
use runtime::{ExitReason, Pid};

/// How many connections are remembered.
const KEPT: usize = 1000;

static ENDED: Mutex<VecDeque<(Pid, ExitReason)>> = Mutex::new(VecDeque::new());

/// A connection is about to exit, as it has given up.
pub(crate) fn note(conn: Pid, reason: ExitReason) {
    let mut kept = ENDED.lock();
    if kept.len() == KEPT {
        kept.pop_front();
    }
    kept.push_back((conn, reason));
}

/// Why a connection that has ended did, if it has given up.
pub(crate) fn reason(conn: Pid) -> Option<ExitReason> {
    let kept = ENDED.lock();
    let found = kept.iter().rev().find(|(of, _)| *of == conn);
    found.map(|(_, reason)| reason.clone())
}
