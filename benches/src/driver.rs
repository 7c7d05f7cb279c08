//! The driver: runs every mode of every workload in turn, each in a child process.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use crate::allocator;
use crate::measured::Measured;
use crate::mode::{Mode, System};
use crate::options::Compare;
use crate::outcome::Outcome;
use crate::peer::{self, program};
use crate::progress::Progress;
use crate::report::{self, Form, Table};
use crate::series::{Failure, Series};
use crate::weather::{self, Weather};
use crate::workload::Workload;

/// So many cores others may use before it is told.
const QUIET: f64 = 0.1;

/// Compares, and prints each workload when it is done. The exit code tells whether every child
/// did its work.
pub fn compare(order: &Compare) -> ExitCode {
    for system in System::ALL {
        let asked = order.modes.iter().any(|mode| mode.system == system);
        let used = order
            .workloads
            .iter()
            .any(|it| peer::side(system, it).is_some());
        if !program::is_installed(system) {
            eprintln!("compare: {} is not installed and left out", system.name());
        } else if asked
            && used
            && let Err(error) = program::prepare(system)
        {
            eprintln!("compare: {}: {error}", system.name());
            return ExitCode::FAILURE;
        }
    }
    let table = Table::new(&order.modes, &order.workloads);
    let progress = Progress::new(order.workloads.iter().map(|it| steps(it, order)).sum());
    let mut warnings: Vec<String> = weather::crowded().into_iter().collect();
    let mut outcomes = Vec::new();
    for workload in &order.workloads {
        let weather = Weather::now();
        let outcome = Outcome {
            workload,
            n: order.size_of(workload),
            series: rounds(workload, order, &progress),
        };
        if outcome.series.is_empty() {
            continue;
        }
        let others = weather.and_then(|weather| weather.others_since());
        warnings.extend(noise(&outcome, others));
        if outcomes.is_empty() {
            progress.print(&report::head(order.form, &table));
        }
        progress.print(&report::rows(order.form, &table, &outcome));
        outcomes.push(outcome);
    }
    drop(progress);
    for warning in &warnings {
        eprintln!("compare: {warning}");
    }
    if order.form == Form::Table {
        println!("\n{}", machine());
    }
    let mut failed = outcomes
        .iter()
        .flat_map(|outcome| &outcome.series)
        .any(|series| !series.failures.is_empty());
    if let Some(file) = &order.html {
        let page = report::page(&machine(), &warnings, &outcomes);
        if let Err(error) = fs::write(file, page) {
            eprintln!("compare: {}: {error}", file.display());
            failed = true;
        }
    }
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// What speaks against the figures of a workload, beside which `others` used so many cores.
fn noise(outcome: &Outcome, others: Option<f64>) -> Vec<String> {
    let name = outcome.workload.name;
    let others = others.filter(|others| *others > QUIET);
    let others =
        others.map(|cores| format!("{name}: other programs used {cores:.1} cores meanwhile"));
    let unsteady: Vec<String> = outcome
        .unsteady()
        .map(|(mode, spread)| format!("{} ({spread:.1}x)", mode.path()))
        .collect();
    let unsteady = (!unsteady.is_empty())
        .then(|| format!("{name}: the rounds lie far apart: {}", unsteady.join(", ")));
    others.into_iter().chain(unsteady).collect()
}

/// The machine, and what the names in the table mean.
fn machine() -> String {
    let processor = fs::read_to_string("/proc/cpuinfo").ok().and_then(|info| {
        let line = info.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(": ")?.1.to_owned())
    });
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    format!(
        "{cores} cores, {}; medians, the least and the largest under them; a peer's best mode; of \
         `us` the 99th percentile",
        processor.as_deref().unwrap_or("unknown processor")
    )
}

/// How many measurements `workload` takes.
fn steps(workload: &Workload, order: &Compare) -> usize {
    let modes = order.modes.iter().filter(|mode| workload.runs_in(mode));
    modes.count() * order.rounds
}

/// Measures `workload` in all rounds.
fn rounds(workload: &Workload, order: &Compare, progress: &Progress) -> Vec<Series> {
    let mut series: Vec<Series> = order
        .modes
        .iter()
        .filter(|mode| workload.runs_in(mode))
        .map(|mode| Series::new(mode))
        .collect();
    let n = order.size_of(workload);
    for round in 0..order.rounds {
        // Each round starts with another mode, so that none always follows the same one.
        let first = round % series.len().max(1);
        let (later, sooner) = series.split_at_mut(first);
        for series in sooner.iter_mut().chain(later) {
            progress.begins(workload, series.mode);
            series.push(child(workload, series.mode, n));
            progress.step();
        }
    }
    series
}

/// Measures once. The child's stderr is ours, so that a panic's report is seen.
fn child(workload: &Workload, mode: &Mode, n: u64) -> Result<Measured, Failure> {
    let output = Command::new(this_program().map_err(Failure::NotStarted)?)
        .arg("--child")
        .arg(workload.name)
        .arg(mode.path())
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
