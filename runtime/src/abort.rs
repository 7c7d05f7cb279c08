//! What must not unwind: the runtime's own code, between two calls of a process's.
//!
//! Processes' panics are caught where their code is called. Any other would end a worker's thread,
//! whose thread-locals are borrowed by the stacks that stand on it, and leave processes that never
//! run again. So it is the end of the program, and never silent.
//!
//! Called where threads and contexts begin.

use std::mem;
use std::process::abort;

/// Calls `f`, and ends the program if it unwinds.
#[inline(always)]
pub(crate) fn on_unwind<T>(f: impl FnOnce() -> T) -> T {
    let abort = Abort;
    let result = f();
    mem::forget(abort);
    result
}

struct Abort;

impl Drop for Abort {
    #[cold]
    fn drop(&mut self) {
        eprintln!("the runtime panicked outside of every process, which is a bug of its own");
        abort();
    }
}
