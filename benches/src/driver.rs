//! The driver: runs every mode of every workload in turn, each in a child process.

use std::fmt;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode, ExitStatus, Stdio};

use crate::allocator;
use crate::measured::{Measured, Unit};
use crate::mode::Mode;
use crate::options::Compare;
use crate::report::{Report, Summary};
use crate::weather::Weather;
use crate::workload::Workload;

/// So many cores others may use before it is told.
const QUIET: f64 = 0.1;

/// What one mode did in all rounds.
pub struct Series {
    pub mode: &'static Mode,
    pub measured: Vec<Measured>,
    pub failures: Vec<Failure>,
}

impl Series {
    /// What came of it; `None` if every round failed.
    pub fn summary(&self, unit: Unit) -> Option<Summary> {
        (!self.measured.is_empty()).then(|| Summary::of(unit, &self.measured))
    }
}

/// Why a child measured nothing.
#[derive(Debug)]
pub enum Failure {
    /// It could not be started.
    NotStarted(io::Error),
    /// It ended otherwise than it should.
    Ended(ExitStatus),
    /// What it printed is no measurement.
    Garbled(serde_json::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::NotStarted(error) => write!(f, "not started: {error}"),
            Failure::Ended(status) if status.signal() == Some(libc::SIGALRM) => {
                f.write_str("timed out")
            }
            Failure::Ended(status) => status.fmt(f),
            Failure::Garbled(error) => write!(f, "printed no measurement: {error}"),
        }
    }
}

/// Compares, and prints each workload when it is done. The exit code tells whether every child
/// did its work.
pub fn compare(order: &Compare) -> ExitCode {
    let mut report = Report::new(order.json);
    let mut failed = false;
    for workload in &order.workloads {
        let n = order.size_of(workload);
        let weather = Weather::now();
        let series = rounds(workload, n, order);
        let others = weather.and_then(|weather| weather.others_since());
        failed |= series.iter().any(|series| !series.failures.is_empty());
        report.workload(workload, n, &series);
        if let Some(others) = others.filter(|others| *others > QUIET) {
            let name = workload.name;
            eprintln!("compare: {name}: other programs used {others:.1} cores meanwhile");
        }
    }
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// Measures `workload` in all rounds.
fn rounds(workload: &Workload, n: u64, order: &Compare) -> Vec<Series> {
    let mut series: Vec<Series> = order
        .modes
        .iter()
        .filter(|mode| workload.runs_in(mode))
        .map(|mode| Series {
            mode,
            measured: Vec::new(),
            failures: Vec::new(),
        })
        .collect();
    for round in 0..order.rounds {
        // Each round starts with another mode, so that none always follows the same one.
        let first = round % series.len().max(1);
        let (later, sooner) = series.split_at_mut(first);
        for series in sooner.iter_mut().chain(later) {
            match child(workload, series.mode, n) {
                Ok(measured) => series.measured.push(measured),
                Err(failure) => series.failures.push(failure),
            }
        }
    }
    series
}

/// Measures once. The child's stderr is ours, so that a panic's report is seen.
fn child(workload: &Workload, mode: &Mode, n: u64) -> Result<Measured, Failure> {
    let output = Command::new(this_program().map_err(Failure::NotStarted)?)
        .arg("--child")
        .arg(workload.name)
        .arg(format!("{}/{}", mode.system.name(), mode.name))
        .arg(format!("--n={n}"))
        .env(allocator::VARIABLE, mode.allocator.name())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(Failure::NotStarted)?;
    if !output.status.success() {
        return Err(Failure::Ended(output.status));
    }
    serde_json::from_slice(&output.stdout).map_err(Failure::Garbled)
}

/// The file of this program; on Linux also after a build has replaced it, so that all rounds
/// measure the same.
fn this_program() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") {
        Ok(PathBuf::from("/proc/self/exe"))
    } else {
        std::env::current_exe()
    }
}
