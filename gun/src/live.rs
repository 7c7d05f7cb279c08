//! Which processes are connections, of whatever node and under whatever supervisor, or none: asked by who would end one,
//! so that it ends nothing else.
//!
//! Invariant: a connection is here before its [`open`](fn@crate::open) returns, and until all that it has held is dropped.

use std::collections::HashSet;
use std::sync::LazyLock;

use parking_lot::Mutex;
use runtime::{Pid, self_pid};

static LIVE: LazyLock<Mutex<HashSet<Pid>>> = LazyLock::new(Mutex::default);

/// Held by a connection as long as it lives.
pub(crate) struct Live(Pid);

impl Live {
    /// The calling process is a connection.
    pub(crate) fn new() -> Live {
        let conn = self_pid();
        LIVE.lock().insert(conn);
        Live(conn)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        LIVE.lock().remove(&self.0);
    }
}

/// Whether the process is a connection that has not ended.
pub(crate) fn is_live(pid: Pid) -> bool {
    LIVE.lock().contains(&pid)
}
