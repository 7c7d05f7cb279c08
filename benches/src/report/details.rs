//! A row for each mode of each workload.

use super::number::{number, spread};
use crate::measured::Unit;
use crate::mode::System;
use crate::outcome::Outcome;
use crate::series::Series;
use crate::summary::{Percentiles, Summary};

pub fn head() -> String {
    row(
        ["workload", "system", "mode"],
        "median",
        "unit",
        "min-max",
        "against the best peer",
    )
}

fn row(names: [&str; 3], figure: &str, unit: &str, spread: &str, remark: &str) -> String {
    let [workload, system, mode] = names;
    let row =
        format!("{workload:<22}{system:<9}{mode:<12}{figure:>16} {unit:<6}{spread:>16}  {remark}");
    row.trim_end().to_owned() + "\n"
}

/// The rows of one workload. The best peer is marked, ours are compared with it.
pub fn rows(outcome: &Outcome) -> String {
    let workload = outcome.workload;
    let mut text = format!(
        "\n{}: {} (n = {})\n",
        workload.name, workload.about, outcome.n
    );
    for series in &outcome.series {
        let names = [workload.name, series.mode.system.name(), series.mode.name];
        match series.summary(workload.unit) {
            None => text += &row(names, "failed", "", "", ""),
            Some(summary) => text += &figures(outcome, series, names, &summary),
        }
        if let Some(failed) = series.failed() {
            text += &format!("{:<22}^ failed in {failed}\n", "");
        }
    }
    text
}

fn figures(outcome: &Outcome, series: &Series, names: [&str; 3], summary: &Summary) -> String {
    let unit = outcome.workload.unit;
    let best = outcome.best_peer().map(|(mode, _)| mode);
    let remark = if series.mode.system == System::Runtime {
        outcome.verdict(series.mode).map(|it| it.to_string())
    } else {
        (best == Some(series.mode)).then(|| "best peer".to_owned())
    };
    let late = summary.percentiles.map(percentiles);
    let figure = match (unit, &late) {
        // The largest is in the spread.
        (Unit::Us, Some(late)) => late.clone(),
        _ => number(unit, summary.median),
    };
    let cpu = summary.cpu.map(|cpu| number(Unit::NsPerOp, cpu));
    let mut text = row(
        names,
        &figure,
        unit.name(),
        &spread(unit, summary.min, summary.max),
        &remark.unwrap_or_default(),
    );
    if let (Some(late), true) = (late, unit != Unit::Us) {
        let what = match unit {
            Unit::OpsPerSecond => "each took",
            _ => "late",
        };
        text += &row(names, &late, Unit::Us.name(), "", what);
    }
    if let Some(cpu) = cpu {
        text += &row(names, &cpu, Unit::NsPerOp.name(), "", "CPU time");
    }
    text
}

fn percentiles(late: Percentiles) -> String {
    let [p99, p50] = [late.p99, late.p50].map(|late| number(Unit::Us, late));
    format!("p99 {p99} p50 {p50}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::tests::{outcome, series};
    use crate::series::Failure;
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    #[test]
    fn the_best_peer_is_marked() {
        // Of two modes the faster one, and no other.
        let text = rows(&outcome(vec![
            series("runtime/safe", &[50]),
            series("tokio/w2-glibc", &[300]),
            series("tokio/w2-mimalloc", &[200]),
        ]));
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert!(lines[0].ends_with("4.00x WIN"), "{text}");
        assert!(!lines[1].contains("best"), "{text}");
        assert!(lines[2].ends_with("best peer"), "{text}");
    }

    #[test]
    fn a_crash_is_reported_and_hides_no_other_figure() {
        // A mode of which every round failed is a row of its own; the others keep theirs.
        let mut crashed = series("runtime/safe", &[]);
        crashed.push(Err(Failure::Ended(ExitStatus::from_raw(libc::SIGSEGV))));
        let text = rows(&outcome(vec![crashed, series("tokio/w2-glibc", &[80])]));
        assert!(text.contains("1 of 1 rounds: signal: 11"), "{text}");
        assert!(text.contains("best peer"), "{text}");
    }
}
