//! `main` has options, attributes and a result, and no warnings.
#![deny(warnings)]

use std::process::{ExitCode, Termination};

use runtime::prelude::*;

const WORKERS: usize = 1;

/// Runs as a process.
#[runtime::main(workers = WORKERS + 1, stack_size = 128 << 10, crate = ::runtime,)]
#[allow(clippy::unnecessary_wraps, reason = "only what is tested counts here")]
pub fn main() -> impl Termination {
    #![allow(unused_variables, reason = "only what is tested counts here")]
    let unused = 1;
    let parent = self_pid();
    spawn!(move || send(parent, ExitCode::SUCCESS));
    receive! { code: ExitCode => code }
}
