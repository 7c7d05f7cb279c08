//! Programs that end badly: this test binary, run again as a child that does one deed.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

use super::faults::DEEDS;

const VARIABLE: &str = "RUNTIME_STACK_TEST_DEED";

/// How a child ended.
pub(super) struct End {
    /// The signal that killed it.
    pub(super) signal: Option<i32>,
    /// The code that it returned otherwise.
    pub(super) code: Option<i32>,
    /// What it wrote to standard error.
    pub(super) report: String,
}

/// Runs the deed of this name in a child.
pub(super) fn run(deed: &str) -> End {
    let path = concat!(module_path!(), "::child");
    let (_crate, path) = path.split_once("::").expect("a path with a crate");
    let Output { status, stderr, .. } =
        Command::new(std::env::current_exe().expect("this program"))
            .args([path, "--exact", "--ignored", "--nocapture"])
            .env(VARIABLE, deed)
            .env_remove("RUST_BACKTRACE")
            .output()
            .expect("a child");
    End {
        signal: status.signal(),
        code: status.code(),
        report: String::from_utf8(stderr).expect("text"),
    }
}

#[test]
#[ignore = "run by the tests beside it, in a child"]
fn child() {
    let Ok(deed) = std::env::var(VARIABLE) else {
        return;
    };
    // A child that hangs must end, with a signal that no test expects.
    // SAFETY: alarm has no preconditions.
    unsafe { libc::alarm(60) };
    let (_, act) = DEEDS
        .iter()
        .find(|(name, _)| *name == deed)
        .expect("a deed");
    act();
}
