//! A job: one workload at one size, in several modes and rounds, each in a child process.

use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::allocator;
use crate::measured::Measured;
use crate::mode::Mode;
use crate::progress::Progress;
use crate::series::{Failure, Series};
use crate::workload::Workload;

/// What children are to measure.
#[derive(Clone, Copy)]
pub struct Job {
    pub workload: &'static Workload,
    pub n: u64,
    /// The number of workers, if not the mode's own.
    pub workers: Option<usize>,
    /// Whether a run too short to be measured is repeated until it is not.
    pub steady: bool,
}

impl Job {
    /// Those of `modes` in which it can be done.
    pub fn modes(&self, modes: &[&'static Mode]) -> Vec<&'static Mode> {
        let can = |mode: &&&'static Mode| self.workload.runs_in(mode);
        modes.iter().filter(can).copied().collect()
    }

    /// Measures in all rounds; they alternate between the modes.
    pub fn run(&self, modes: &[&'static Mode], rounds: usize, progress: &Progress) -> Vec<Series> {
        let mut series: Vec<Series> = self.modes(modes).into_iter().map(Series::new).collect();
        for round in 0..rounds {
            // Each round starts with another mode, so that none always follows the same one.
            let first = round % series.len().max(1);
            let (later, sooner) = series.split_at_mut(first);
            for series in sooner.iter_mut().chain(later) {
                progress.begins(self.workload, series.mode);
                series.push(self.child(series.mode));
                progress.step();
            }
        }
        series
    }

    /// Measures once. The child's stderr is ours, so that a panic's report is seen.
    fn child(&self, mode: &Mode) -> Result<Measured, Failure> {
        let mut command = Command::new(this_program().map_err(Failure::NotStarted)?);
        command
            .arg("--child")
            .arg(self.workload.name)
            .arg(mode.path())
            .arg(format!("--n={}", self.n));
        if let Some(workers) = self.workers {
            command.arg(format!("--workers={workers}"));
        }
        if self.steady {
            command.arg("--steady");
        }
        let output = command
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
