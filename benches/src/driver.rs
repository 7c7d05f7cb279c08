//! The driver: has every mode of every workload measured in turn, and reports.

use std::cell::LazyCell;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use crate::job::Job;
use crate::machine::Machine;
use crate::mode::{Mode, System};
use crate::options::Compare;
use crate::outcome::Outcome;
use crate::peer::program;
use crate::progress::Progress;
use crate::report::{self, Form, Table};
use crate::series::Series;
use crate::weather::{self, Weather};
use crate::workload::Workload;

/// So many cores others may use before it is told.
const QUIET: f64 = 0.1;

/// Compares, and prints each workload when it is done. The exit code tells whether every child
/// did its work.
pub fn compare(order: &Compare) -> ExitCode {
    if let Err(code) = prepare(&order.modes) {
        return code;
    }
    for (system, needs) in &order.not_there {
        let name = system.name();
        eprintln!("compare: {name} is left out: {needs} is not installed");
    }
    for workload in &order.left_out {
        let (name, needs) = (workload.name, workload.lacks().unwrap_or_default());
        eprintln!("compare: {name} is left out: {needs} is not installed");
    }
    let table = Table::new(&order.modes, &order.workloads);
    let job = |workload: &'static Workload| Job {
        workload,
        n: order.size_of(workload),
        workers: None,
        steady: false,
    };
    let steps = order.workloads.iter().map(|workload| {
        let modes = job(workload).modes(&order.modes);
        modes.len() * order.rounds
    });
    let progress = Progress::new(steps.sum());
    let mut warnings: Vec<String> = weather::crowded().into_iter().collect();
    let mut outcomes = Vec::new();
    for workload in &order.workloads {
        let weather = Weather::now();
        let outcome = Outcome {
            workload,
            n: order.size_of(workload),
            series: job(workload).run(&order.modes, order.rounds, &progress),
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
    let machine = LazyCell::new(machine);
    if order.form == Form::Table {
        progress.print(&format!("\n{}\n", *machine));
    }
    drop(progress);
    let series = outcomes.iter().flat_map(|outcome| &outcome.series);
    let page = || report::page(&machine, &warnings, &outcomes);
    close(&warnings, series, order.html.as_deref(), page)
}

/// Tells the warnings, and writes the page if there is a file for it. The exit code tells whether
/// every child did its work.
pub fn close<'a>(
    warnings: &[String],
    mut series: impl Iterator<Item = &'a Series>,
    html: Option<&Path>,
    page: impl FnOnce() -> String,
) -> ExitCode {
    for warning in warnings {
        eprintln!("compare: {warning}");
    }
    let mut failed = series.any(|series| !series.failures.is_empty());
    if let Some(file) = html
        && let Err(error) = fs::write(file, page())
    {
        eprintln!("compare: {}: {error}", file.display());
        failed = true;
    }
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// Sees to it that every peer is there that `modes` name.
pub fn prepare(modes: &[&Mode]) -> Result<(), ExitCode> {
    for system in System::ALL {
        if modes.iter().any(|mode| mode.system == system)
            && let Err(error) = program::prepare(system)
        {
            eprintln!("compare: {}: {error}", system.name());
            return Err(ExitCode::FAILURE);
        }
    }
    Ok(())
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
pub fn machine() -> String {
    format!(
        "{}; medians, the least and the largest under them; a peer's best mode; of `us` the 99th \
         percentile",
        Machine::measured()
    )
}
