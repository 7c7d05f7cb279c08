//! The child: starts one system in one mode, measures one workload, prints one line of JSON.

use std::io::Write;
use std::process::{self, ExitCode};
use std::time::{Duration, Instant};

use runtime::{Builder, Node};
use tokio::runtime::Runtime;

use crate::allocator;
use crate::measured::Measured;
use crate::mode::{Mode, Role};
use crate::options::Measure;
use crate::peer::{self, Side, program};

/// Seconds after which a child that is not done is ended by SIGALRM.
const LIMIT: u32 = 120;

/// The time for which a steady measurement goes on.
const ENOUGH: Duration = Duration::from_millis(100);

/// The share of the size at which a workload is run once before it is measured.
const WARM_UP: u64 = 10;

/// Does what the driver asks for. A run that goes wrong ends in a panic, so in an exit code.
pub fn measure(order: &Measure) -> ExitCode {
    let Measure {
        workload,
        mode,
        n,
        workers,
        steady,
    } = *order;
    let workers = workers.unwrap_or(mode.workers);
    let enough = if steady { ENOUGH } else { Duration::ZERO };
    if allocator::chosen() != mode.allocator {
        let (name, variable) = (mode.allocator.name(), allocator::VARIABLE);
        eprintln!("compare: mode {} needs {variable}={name}", mode.name);
        return ExitCode::from(2);
    }
    end_in_time();
    let warm_up = workload.warm_up.then_some((n / WARM_UP).max(1));
    match peer::side(mode, workload).expect("a workload that the system can run") {
        Side::Runtime(run) => {
            let node = node(mode, workers);
            finish(measured(warm_up, n, enough, |n| run(&node, n)))
        }
        Side::Tokio(run) => {
            let rt = rt(mode, workers);
            finish(measured(warm_up, n, enough, |n| run(&rt, n)))
        }
        Side::Global(run) => {
            peer::configure(workers);
            finish(measured(warm_up, n, enough, run))
        }
        Side::Program => {
            let error = program::exec(mode, workers, workload.name, n, warm_up.is_some());
            eprintln!("compare: {}: {error}", mode.path());
            ExitCode::FAILURE
        }
    }
}

/// What `run` measures, after a smaller run if there shall be one; again until `enough` time has
/// passed, and then the median.
fn measured(
    warm_up: Option<u64>,
    n: u64,
    enough: Duration,
    run: impl Fn(u64) -> Measured,
) -> Measured {
    if let Some(n) = warm_up {
        run(n);
    }
    let start = Instant::now();
    let mut all = vec![run(n)];
    while start.elapsed() < enough {
        all.push(run(n));
    }
    all.sort_by(|a, b| a.value.total_cmp(&b.value));
    all.swap_remove(all.len() / 2)
}

/// Sees to it that this program ends, and what becomes of it, also when what it measures hangs or
/// the driver is killed.
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
fn node(mode: &Mode, workers: usize) -> Node {
    let builder = Builder::new().workers(workers);
    let builder = if mode.migrate {
        // SAFETY: no workload keeps a thread-tied value, a lock guard, a scoped thread or errno
        // over a switch point, and they call no other crate's code around one.
        unsafe { builder.assume_migration_safe() }
    } else {
        builder
    };
    builder.start().expect("the node starts")
}

/// A multi-threaded runtime of tokio's, also for one worker; but for a client on one worker the single-threaded one,
/// which is faster there.
fn rt(mode: &Mode, workers: usize) -> Runtime {
    if mode.role != Role::Common && workers == 1 {
        return tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("tokio starts");
    }
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .expect("tokio starts")
}
