//! The one table: a row for each workload, a column for each of our modes and for each peer.
//!
//! A cell has the median, under it the least and the largest; a peer's is that of its best mode.
//! Then stands, for each of our modes, how many times better it is than the best peer: losses in
//! the same words as wins. Where CPU time is counted it is a row of its own, compared with the same
//! peer's. Of a lateness (`us`) the 99th percentile is the figure.

use super::number::{number, spread};
use crate::measured::Unit;
use crate::mode::{Mode, System};
use crate::outcome::Outcome;
use crate::summary::{Percentiles, Summary};
use crate::workload::Workload;

/// Whose figures a column holds.
#[derive(Clone, Copy, PartialEq)]
enum Column {
    Ours(&'static Mode),
    Peer(System),
}

impl Column {
    fn of(mode: &'static Mode) -> Column {
        match mode.system {
            System::Runtime => Column::Ours(mode),
            peer => Column::Peer(peer),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Column::Ours(mode) => mode.name,
            Column::Peer(system) => system.name(),
        }
    }

    fn summary(self, outcome: &Outcome) -> Option<Summary> {
        match self {
            Column::Ours(mode) => outcome.of(mode),
            Column::Peer(system) => outcome.best(system).map(|(_, summary)| summary),
        }
    }

    /// Whether all of it failed.
    fn failed(self, outcome: &Outcome) -> bool {
        let mut all = outcome.series.iter();
        self.summary(outcome).is_none() && all.any(|series| Column::of(series.mode) == self)
    }
}

/// The columns of a comparison.
pub struct Table {
    columns: Vec<Column>,
}

type Percentile = fn(&Percentiles) -> Option<f64>;

/// The percentiles that have a row each.
const PERCENTILES: [(&str, Percentile); 4] = [
    ("p50", |late| Some(late.p50)),
    ("p99", |late| Some(late.p99)),
    ("p99.9", |late| late.p999),
    ("max", |late| Some(late.max)),
];

impl Table {
    /// A table for what these modes do at these workloads.
    pub fn new(modes: &[&'static Mode], workloads: &[&Workload]) -> Table {
        let mut columns: Vec<Column> = modes
            .iter()
            .filter(|mode| workloads.iter().any(|workload| workload.runs_in(mode)))
            .map(|mode| Column::of(mode))
            .collect();
        columns.dedup();
        Table { columns }
    }

    /// Our modes that have a column.
    fn ours(&self) -> impl Iterator<Item = &'static Mode> {
        self.columns.iter().filter_map(|column| match column {
            Column::Ours(mode) => Some(*mode),
            Column::Peer(_) => None,
        })
    }

    /// The titles.
    pub fn head(&self) -> String {
        let names = self.columns.iter().map(|column| column.name().to_owned());
        let ours = self.ours().map(|mode| format!("{}/best", mode.name));
        line("workload", "unit", names, ours, "best peer")
    }

    /// The rows of one workload.
    pub fn rows(&self, outcome: &Outcome) -> String {
        let unit = outcome.workload.unit;
        let cells = |cell: &dyn Fn(Summary) -> String| -> Vec<String> {
            let summaries = self.columns.iter().map(|column| column.summary(outcome));
            summaries
                .map(|summary| summary.map(cell).unwrap_or_default())
                .collect()
        };
        let mut medians = cells(&|summary| number(unit, summary.score(unit)));
        for (cell, column) in medians.iter_mut().zip(&self.columns) {
            if column.failed(outcome) {
                "failed".clone_into(cell);
            }
        }
        let verdicts = self.ours().map(|mode| match outcome.verdict(mode) {
            Some(verdict) => verdict.to_string(),
            None => "-".to_owned(),
        });
        let best = outcome.best_peer().map(|(mode, _)| mode.path());
        let mut text = line(
            outcome.workload.name,
            unit.name(),
            medians,
            verdicts,
            &best.unwrap_or_default(),
        );
        let spreads = cells(&|summary| spread(unit, summary.min, summary.max));
        text += &line("", "", spreads, [], "");
        let cpu = cells(&|summary| {
            let cpu = summary.cpu;
            cpu.map_or_else(String::new, |cpu| number(Unit::NsPerOp, cpu))
        });
        if cpu.iter().any(|cell| !cell.is_empty()) {
            let verdicts = self.ours().map(|mode| match outcome.cpu_verdict(mode) {
                Some(verdict) => verdict.to_string(),
                None => "-".to_owned(),
            });
            text += &line("  cpu", Unit::NsPerOp.name(), cpu, verdicts, "");
        }
        for (name, percentile) in PERCENTILES {
            let cells = cells(&|summary| {
                let late = summary.percentiles.as_ref().and_then(percentile);
                late.map_or_else(String::new, |late| number(Unit::Us, late))
            });
            if cells.iter().any(|cell| !cell.is_empty()) {
                text += &line(&format!("  {name}"), Unit::Us.name(), cells, [], "");
            }
        }
        for series in &outcome.series {
            if let Some(failed) = series.failed() {
                text += &format!("  {} failed in {failed}\n", series.mode.path());
            }
        }
        text
    }
}

fn line(
    name: &str,
    unit: &str,
    cells: impl IntoIterator<Item = String>,
    verdicts: impl IntoIterator<Item = String>,
    best: &str,
) -> String {
    let mut text = format!("{name:<21}{unit:<6}");
    for cell in cells {
        text += &format!("{cell:>14}");
    }
    for verdict in verdicts {
        text += &format!("{verdict:>14}");
    }
    text += "  ";
    text += best;
    text.trim_end().to_owned() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mode::MODES;
    use crate::outcome::tests::{outcome, series};
    use crate::series::Failure;
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;
    use std::time::Duration;

    fn table() -> Table {
        let pingpong = outcome(Vec::new()).workload;
        Table::new(&MODES.iter().collect::<Vec<_>>(), &[pingpong])
    }

    #[test]
    fn a_peer_has_one_column() {
        // tokio's modes are one column, each of ours is one.
        let head = table().head();
        assert_eq!(head.matches("tokio").count(), 1, "{head}");
        assert!(head.contains("safe/best"), "{head}");
        assert!(head.contains("migrate/best"), "{head}");
    }

    #[test]
    fn a_row_has_the_medians_the_spread_and_the_verdicts() {
        // A loss stands in the row in so many words, with the name of who won.
        let rows = table().rows(&outcome(vec![
            series("runtime/safe", &[90, 100, 120]),
            series("runtime/migrate", &[40]),
            series("tokio/w2-glibc", &[300]),
            series("tokio/w1-glibc", &[80]),
        ]));
        let lines: Vec<Vec<&str>> = rows
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(
            lines[0][..5],
            ["pingpong", "ns/op", "100.0", "40.0", "80.0"]
        );
        assert_eq!(lines[0][5..9], ["0.80x", "LOSS", "2.00x", "WIN"]);
        assert_eq!(lines[0][9], "tokio/w1-glibc");
        assert_eq!(lines[1][0], "90.0-120.0");
    }

    #[test]
    fn cpu_time_is_a_row_of_its_own() {
        // Compared with that of the best peer, whose rate is.
        let mut outcome = outcome(vec![
            series("runtime/safe", &[50]),
            series("tokio/w2-glibc", &[100]),
        ]);
        for (series, nanos) in outcome.series.iter_mut().zip([30, 15]) {
            series.measured[0] = series.measured[0].with_cpu(Duration::from_nanos(nanos));
        }
        let rows = table().rows(&outcome);
        let cpu = rows.lines().find(|line| line.starts_with("  cpu"));
        let cpu: Vec<&str> = cpu.expect("a row").split_whitespace().collect();
        assert_eq!(cpu[..6], ["cpu", "ns/op", "30.0", "15.0", "0.50x", "LOSS"]);
    }

    #[test]
    fn a_crash_is_told_in_its_cell() {
        // A figure that is missing is not simply missing.
        let mut crashed = series("runtime/safe", &[]);
        crashed.push(Err(Failure::Ended(ExitStatus::from_raw(libc::SIGSEGV))));
        let rows = table().rows(&outcome(vec![crashed, series("tokio/w2-glibc", &[80])]));
        assert!(rows.lines().next().unwrap().contains("failed"), "{rows}");
        assert!(
            rows.contains("runtime/safe failed in 1 of 1 rounds"),
            "{rows}"
        );
    }
}
