//! The report: a table for people, or a line of JSON for each workload and mode.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde::Serialize;

use crate::driver::Series;
use crate::measured::{Measured, Unit};
use crate::mode::System;
use crate::workload::Workload;

/// What came of all rounds of one workload in one mode.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// Operations, processes or wakes in a round: the median.
    n: u64,
    median: f64,
    min: f64,
    max: f64,
    /// Of a lateness, be it the figure itself or something beside it.
    percentiles: Option<Percentiles>,
}

/// The percentiles of a lateness: the medians of the rounds' own.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Percentiles {
    p50: f64,
    p99: f64,
}

impl Summary {
    /// Of what was measured in the rounds, at least one.
    ///
    /// The rounds' figures give the median, the least and the largest. Of a lateness the least
    /// and the largest are those of all wakes: a late wake is not averaged away.
    pub fn of(unit: Unit, measured: &[Measured]) -> Summary {
        let least = |figures: &mut dyn Iterator<Item = f64>| figures.fold(f64::INFINITY, f64::min);
        let largest = |figures: &mut dyn Iterator<Item = f64>| figures.fold(0.0, f64::max);
        let figures = || measured.iter().map(|measured| measured.value);
        let late = || measured.iter().filter_map(|one| one.lateness);
        let n = median(measured.iter().map(|measured| measured.n as f64)) as u64;
        let percentiles = late().next().map(|_| Percentiles {
            p50: median(late().map(|late| late.p50)),
            p99: median(late().map(|late| late.p99)),
        });
        let (min, max) = match unit {
            Unit::Us => (
                least(&mut late().map(|late| late.min)),
                largest(&mut late().map(|late| late.max)),
            ),
            _ => (least(&mut figures()), largest(&mut figures())),
        };
        Summary {
            n,
            median: median(figures()),
            min,
            max,
            percentiles,
        }
    }

    /// The figure by which modes are compared: if it is a lateness, the 99th percentile.
    fn score(&self, unit: Unit) -> f64 {
        match (unit, self.percentiles) {
            (Unit::Us, Some(late)) => late.p99,
            _ => self.median,
        }
    }
}

/// The middle one, or between the middle two. There is at least one.
fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_unstable_by(f64::total_cmp);
    let (low, high) = ((figures.len() - 1) / 2, figures.len() / 2);
    (figures[low] + figures[high]) / 2.0
}

/// A line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    workload: &'a str,
    system: &'a str,
    mode: &'a str,
    n: u64,
    unit: &'a str,
    /// Null, as `min` and `max`, if every round failed.
    median: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p50: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p99: Option<f64>,
    /// Why rounds failed, each reason once.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<String>,
}

/// Prints what was measured, workload by workload.
pub struct Report {
    json: bool,
    headed: bool,
}

impl Report {
    /// A report in JSON, or a table.
    pub fn new(json: bool) -> Report {
        Report {
            json,
            headed: false,
        }
    }

    /// Prints what the modes did at `workload`, which was run at the size `n`.
    ///
    /// # Panics
    ///
    /// If stdout cannot be written to.
    pub fn workload(&mut self, workload: &Workload, n: u64, series: &[Series]) {
        if series.is_empty() {
            return;
        }
        let mut text = String::new();
        if self.json {
            for series in series {
                text += &json(workload, n, series);
                text.push('\n');
            }
        } else {
            if !self.headed {
                self.headed = true;
                text += &head();
            }
            text += &table(workload, n, series);
        }
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes()).expect("stdout is open");
        out.flush().expect("stdout is open");
    }
}

/// What failed in a series, each reason once and with its count.
fn failures(series: &Series) -> Option<String> {
    let reasons: BTreeSet<String> = series.failures.iter().map(ToString::to_string).collect();
    let reasons: Vec<String> = reasons.into_iter().collect();
    (!reasons.is_empty()).then(|| {
        let rounds = series.failures.len() + series.measured.len();
        let failed = series.failures.len();
        format!("{failed} of {rounds} rounds: {}", reasons.join("; "))
    })
}

fn json(workload: &Workload, n: u64, series: &Series) -> String {
    let summary = series.summary(workload.unit);
    let percentiles = summary.and_then(|summary| summary.percentiles);
    let line = Line {
        workload: workload.name,
        system: series.mode.system.name(),
        mode: series.mode.name,
        n: summary.map_or(n, |summary| summary.n),
        unit: workload.unit.name(),
        median: summary.map(|summary| summary.median),
        min: summary.map(|summary| summary.min),
        max: summary.map(|summary| summary.max),
        p50: percentiles.map(|late| late.p50),
        p99: percentiles.map(|late| late.p99),
        failed: failures(series),
    };
    serde_json::to_string(&line).expect("numbers and strings have a form in JSON")
}

fn head() -> String {
    row(
        ["workload", "system", "mode"],
        "median",
        "unit",
        "min .. max",
        "against tokio's best",
    )
}

fn row(names: [&str; 3], figure: &str, unit: &str, spread: &str, remark: &str) -> String {
    let [workload, system, mode] = names;
    let row =
        format!("{workload:<22}{system:<9}{mode:<12}{figure:>16} {unit:<6}{spread:>22}  {remark}");
    row.trim_end().to_owned() + "\n"
}

/// The rows of one workload. The best mode of tokio is marked, ours are compared with it.
fn table(workload: &Workload, n: u64, series: &[Series]) -> String {
    let unit = workload.unit;
    let best = series
        .iter()
        .filter(|series| series.mode.system == System::Tokio)
        .filter_map(|series| Some((series.mode, series.summary(unit)?.score(unit))))
        .reduce(|a, b| if unit.ratio(a.1, b.1) >= 1.0 { a } else { b });
    let mut text = format!("\n{}: {} (n = {n})\n", workload.name, workload.about);
    for series in series {
        let mode = series.mode;
        let summary = series.summary(unit);
        let (figure, spread, remark) = match summary {
            None => ("failed".to_owned(), String::new(), String::new()),
            Some(summary) => {
                let remark = match best {
                    Some((best, _)) if best == mode => "best of tokio".to_owned(),
                    Some((_, best)) if mode.system == System::Runtime => {
                        verdict(unit.ratio(summary.score(unit), best))
                    }
                    _ => String::new(),
                };
                let spread = format!(
                    "{} .. {}",
                    number(unit, summary.min),
                    number(unit, summary.max)
                );
                (figure(unit, &summary), spread, remark)
            }
        };
        let shown = if figure == "failed" { "" } else { unit.name() };
        let names = [workload.name, mode.system.name(), mode.name];
        text += &row(names, &figure, shown, &spread, &remark);
        if unit != Unit::Us
            && let Some(late) = summary.and_then(|summary| summary.percentiles)
        {
            let what = if unit == Unit::OpsPerSecond {
                "each took"
            } else {
                "late"
            };
            text += &row(names, &lateness(late), Unit::Us.name(), "", what);
        }
        if let Some(failures) = failures(series) {
            text += &format!("{:<22}^ failed in {failures}\n", "");
        }
    }
    text
}

/// The figure of a row. A lateness is shown by its percentiles; its largest is in the spread.
fn figure(unit: Unit, summary: &Summary) -> String {
    match (unit, summary.percentiles) {
        (Unit::Us, Some(late)) => lateness(late),
        _ => number(unit, summary.median),
    }
}

fn lateness(late: Percentiles) -> String {
    let [p99, p50] = [late.p99, late.p50].map(|late| number(Unit::Us, late));
    format!("p99 {p99} p50 {p50}")
}

fn number(unit: Unit, figure: f64) -> String {
    match unit {
        Unit::NsPerOp if figure < 10.0 => format!("{figure:.2}"),
        Unit::NsPerOp => format!("{figure:.1}"),
        Unit::Bytes | Unit::Us | Unit::OpsPerSecond => format!("{figure:.0}"),
        Unit::Cores => format!("{figure:.2}"),
    }
}

/// How many times better, and plainly when it is worse by what is shown.
fn verdict(ratio: f64) -> String {
    let shown = format!("{ratio:.2}x");
    if ratio < 0.995 {
        shown + "  LOSS"
    } else {
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::Failure;
    use crate::mode::{MODES, Mode};
    use crate::workload;
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;
    use std::time::Duration;

    fn series(mode: &'static Mode, nanos: &[u64]) -> Series {
        let time = |ns: &u64| Measured::time(1, Duration::from_nanos(*ns));
        Series {
            mode,
            measured: nanos.iter().map(time).collect(),
            failures: Vec::new(),
        }
    }

    fn pingpong() -> &'static Workload {
        workload::all()
            .find(|workload| workload.name == "pingpong")
            .unwrap()
    }

    #[test]
    fn ours_is_compared_with_the_best_mode_of_tokio() {
        // 50 ns against 300 and 200 ns is four times as fast, and the 200 are the ones marked.
        let text = table(
            pingpong(),
            1,
            &[
                series(&MODES[0], &[50]),
                series(&MODES[2], &[300]),
                series(&MODES[3], &[200]),
            ],
        );
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert!(lines[0].ends_with("4.00x"), "{text}");
        assert!(!lines[1].contains("best"), "{text}");
        assert!(lines[2].ends_with("best of tokio"), "{text}");
    }

    #[test]
    fn a_loss_is_marked() {
        // Slower than tokio is said in so many words.
        let text = table(
            pingpong(),
            1,
            &[series(&MODES[0], &[100]), series(&MODES[2], &[80])],
        );
        assert!(text.contains("0.80x  LOSS"), "{text}");
    }

    #[test]
    fn what_is_as_good_is_no_loss() {
        // A ratio that shows as 1.00 is not called a loss.
        let text = table(
            pingpong(),
            1,
            &[series(&MODES[0], &[1001]), series(&MODES[2], &[1000])],
        );
        assert!(text.contains("1.00x\n"), "{text}");
    }

    #[test]
    fn a_crash_is_reported_and_hides_no_other_figure() {
        // A mode of which every round failed is a row of its own; the others keep theirs.
        let mut crashed = series(&MODES[0], &[]);
        let killed = ExitStatus::from_raw(libc::SIGSEGV);
        crashed.failures.push(Failure::Ended(killed));
        let text = table(pingpong(), 1, &[crashed, series(&MODES[2], &[80])]);
        assert!(
            text.contains("failed in 1 of 1 rounds: signal: 11"),
            "{text}"
        );
        assert!(text.contains("best of tokio"), "{text}");
    }

    #[test]
    fn json_has_the_fields_in_their_order() {
        // The fields and their order are an interface.
        let line = json(pingpong(), 7, &series(&MODES[1], &[30, 10, 20]));
        assert_eq!(
            line,
            r#"{"workload":"pingpong","system":"runtime","mode":"migrate","n":1,"unit":"ns/op","median":20.0,"min":10.0,"max":30.0}"#
        );
    }

    #[test]
    fn json_of_a_failure_has_no_figures() {
        // Null, not zero and not a missing line.
        let mut crashed = series(&MODES[0], &[]);
        let killed = ExitStatus::from_raw(libc::SIGALRM);
        crashed.failures.push(Failure::Ended(killed));
        let line = json(pingpong(), 7, &crashed);
        assert!(line.contains(r#""n":7,"unit":"ns/op","median":null,"min":null,"max":null"#));
        assert!(line.contains("timed out"), "{line}");
    }

    #[test]
    fn a_lateness_keeps_its_largest_wake() {
        // Percentiles are the rounds' medians, min and max are those of every wake.
        let rounds = [vec![1_000, 2_000], vec![1_000, 4_000], vec![500, 9_000]];
        let summary = Summary::of(Unit::Us, &rounds.map(Measured::lateness));
        let late = summary.percentiles.unwrap();
        assert_eq!((late.p50, late.p99), (1.0, 4.0));
        assert_eq!((summary.min, summary.max), (0.5, 9.0));
    }

    #[test]
    fn a_time_with_a_lateness_keeps_both() {
        // The time is the figure, and its least and largest are of the rounds; the percentiles
        // stand beside it, and in a row of their own.
        let round = |ns| Measured::time_and_lateness(Duration::from_nanos(ns), vec![2_000, 7_000]);
        let mut timed = series(&MODES[0], &[]);
        timed.measured = [20, 60, 40].map(round).into();
        let line = json(pingpong(), 2, &timed);
        assert!(
            line.ends_with(
                r#""n":2,"unit":"ns/op","median":20.0,"min":10.0,"max":30.0,"p50":2.0,"p99":7.0}"#
            ),
            "{line}"
        );
        let text = table(pingpong(), 2, &[timed]);
        assert!(text.contains("20.0 ns/op"), "{text}");
        assert!(text.contains("p99 7 p50 2 us"), "{text}");
    }

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        // Of 10 and 20 it is 15.
        let summary = Summary::of(Unit::NsPerOp, &series(&MODES[0], &[20, 10]).measured);
        assert_eq!(summary.median, 15.0);
    }
}
