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

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    /// A panic where none is expected ends the program with a message, even on a thread that
    /// nobody joins.
    #[test]
    fn a_panic_ends_the_program() {
        const CHILD: &str = "RUNTIME_ABORT_TEST_CHILD";
        if std::env::var_os(CHILD).is_some() {
            let thread = std::thread::spawn(|| super::on_unwind(|| panic!("unforeseen")));
            let _: std::thread::Result<()> = thread.join();
            return;
        }
        let output = Command::new(std::env::current_exe().expect("this program"))
            .args([
                "abort::tests::a_panic_ends_the_program",
                "--exact",
                "--nocapture",
            ])
            .env(CHILD, "")
            .output()
            .expect("a child");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{errors}");
        assert!(errors.contains("unforeseen"), "{errors}");
        assert!(errors.contains("the runtime panicked"), "{errors}");
    }
}
