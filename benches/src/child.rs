//! The child: starts one system in one mode, measures one workload, prints one line of JSON.

use std::io::Write;
use std::process::{self, ExitCode};

use runtime::{Builder, Node};
use tokio::runtime::Runtime;

use crate::allocator;
use crate::measured::Measured;
use crate::mode::{Mode, System};
use crate::options::Measure;

/// Seconds after which a child that is not done is ended by SIGALRM.
const LIMIT: u32 = 120;

/// The share of the size at which a workload is run once before it is measured.
const WARM_UP: u64 = 10;

/// Does what the driver asks for. A run that goes wrong ends in a panic, so in an exit code.
pub fn measure(order: &Measure) -> ExitCode {
    let Measure { workload, mode, n } = *order;
    if allocator::chosen() != mode.allocator {
        let (name, variable) = (mode.allocator.name(), allocator::VARIABLE);
        eprintln!("compare: mode {} needs {variable}={name}", mode.name);
        return ExitCode::from(2);
    }
    end_in_time();
    let warm_up = workload.warm_up.then_some((n / WARM_UP).max(1));
    match mode.system {
        System::Runtime => {
            let node = node(mode);
            if let Some(n) = warm_up {
                (workload.on_runtime)(&node, n);
            }
            finish((workload.on_runtime)(&node, n))
        }
        System::Tokio => {
            let on_tokio = workload.on_tokio.expect("a workload that tokio can run");
            let rt = rt(mode);
            if let Some(n) = warm_up {
                on_tokio(&rt, n);
            }
            finish(on_tokio(&rt, n))
        }
    }
}

/// Sees to it that this program ends, also when what it measures hangs or the driver is killed.
fn end_in_time() {
    // SAFETY: sets a timer of this process; its signal keeps the default action, to end it.
    unsafe { libc::alarm(LIMIT) };
    #[cfg(target_os = "linux")]
    // SAFETY: takes a signal's number; the signal ends this process when its parent has ended.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL)
    };
}

/// Prints what was measured and ends the program at once, whatever still runs in it: hogs never
/// stop, and a million idle processes need not be taken down one by one.
fn finish(measured: Measured) -> ! {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, &measured).expect("the driver reads the pipe");
    writeln!(out).expect("the driver reads the pipe");
    out.flush().expect("the driver reads the pipe");
    process::exit(0)
}

/// An instance of ours.
fn node(mode: &Mode) -> Node {
    let builder = Builder::new().workers(mode.workers);
    let builder = if mode.migrate {
        // SAFETY: no workload keeps a thread-tied value, a lock guard, a scoped thread or errno
        // over a switch point, and they call no other crate's code around one.
        unsafe { builder.assume_migration_safe() }
    } else {
        builder
    };
    builder.start().expect("the node starts")
}

/// A multi-threaded runtime of tokio's, also for one worker.
fn rt(mode: &Mode) -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(mode.workers)
        .enable_all()
        .build()
        .expect("tokio starts")
}
