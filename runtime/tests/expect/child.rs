//! Tests that run in a program of their own: this test's binary, run again for one test.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output, exit};

const VARIABLE: &str = "RUNTIME_TEST_CHILD";

/// How a child ended.
#[derive(Debug)]
pub struct End {
    /// The signal that killed it.
    pub signal: Option<i32>,
    /// The code that it returned otherwise.
    pub code: Option<i32>,
    /// What it wrote to standard error.
    pub errors: String,
}

/// Called by the test of the name `test`. In this program it runs the test again, as a child, and
/// tells how that ended; in the child it does `deed`, and does not return.
pub fn run(test: &str, deed: impl FnOnce()) -> End {
    if std::env::var_os(VARIABLE).is_some_and(|deed| deed == test) {
        // A child that hangs must end, with a signal that no test expects.
        // SAFETY: alarm has no preconditions.
        unsafe { libc::alarm(600) };
        deed();
        exit(0);
    }
    let Output { status, stderr, .. } =
        Command::new(std::env::current_exe().expect("this program"))
            .args([test, "--exact", "--include-ignored", "--nocapture"])
            .env(VARIABLE, test)
            .env_remove("RUST_BACKTRACE")
            .output()
            .expect("a child");
    End {
        signal: status.signal(),
        code: status.code(),
        errors: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

impl End {
    /// Checks that the child did its deed to the end.
    #[track_caller]
    pub fn is_well(&self) {
        assert_eq!((self.signal, self.code), (None, Some(0)), "{}", self.errors);
    }
}
