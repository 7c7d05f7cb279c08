//! A line of JSON for each workload and mode. The fields and their order are an interface.

use serde::Serialize;

use crate::outcome::Outcome;
use crate::series::Series;

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
    #[serde(skip_serializing_if = "Option::is_none")]
    p999: Option<f64>,
    /// Nanoseconds of CPU time for an operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu: Option<f64>,
    /// Why rounds failed, each reason once.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<String>,
}

/// The lines of one workload.
pub fn lines(outcome: &Outcome) -> String {
    let lines = outcome.series.iter();
    lines.map(|series| line(outcome, series) + "\n").collect()
}

fn line(outcome: &Outcome, series: &Series) -> String {
    let unit = outcome.workload.unit;
    let summary = series.summary(unit);
    let percentiles = summary.and_then(|summary| summary.percentiles);
    let line = Line {
        workload: outcome.workload.name,
        system: series.mode.system.name(),
        mode: series.mode.name,
        n: summary.map_or(outcome.n, |summary| summary.n),
        unit: unit.name(),
        median: summary.map(|summary| summary.median),
        min: summary.map(|summary| summary.min),
        max: summary.map(|summary| summary.max),
        p50: percentiles.map(|late| late.p50),
        p99: percentiles.map(|late| late.p99),
        p999: percentiles.and_then(|late| late.p999),
        cpu: summary.and_then(|summary| summary.cpu),
        failed: series.failed(),
    };
    serde_json::to_string(&line).expect("numbers and strings have a form in JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measured::Measured;
    use crate::outcome::tests::{outcome, series};
    use crate::series::Failure;
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;
    use std::time::Duration;

    #[test]
    fn the_fields_stand_in_their_order() {
        // The fields and their order are an interface.
        let lines = lines(&outcome(vec![series("runtime/migrate", &[30, 10, 20])]));
        assert_eq!(
            lines,
            "{\"workload\":\"pingpong\",\"system\":\"runtime\",\"mode\":\"migrate\",\"n\":1,\
             \"unit\":\"ns/op\",\"median\":20.0,\"min\":10.0,\"max\":30.0}\n"
        );
    }

    #[test]
    fn cpu_time_stands_last() {
        // A field of its own, where it is counted.
        let mut counted = series("runtime/safe", &[20]);
        counted.measured[0] = counted.measured[0].with_cpu(Duration::from_nanos(9));
        let line = lines(&outcome(vec![counted]));
        assert!(
            line.trim_end().ends_with(r#""max":20.0,"cpu":9.0}"#),
            "{line}"
        );
    }

    #[test]
    fn a_failure_has_no_figures() {
        // Null, not zero and not a missing line.
        let mut crashed = series("runtime/safe", &[]);
        crashed.push(Err(Failure::Ended(ExitStatus::from_raw(libc::SIGALRM))));
        let line = lines(&outcome(vec![crashed]));
        assert!(line.contains(r#""n":7,"unit":"ns/op","median":null,"min":null,"max":null"#));
        assert!(line.contains("timed out"), "{line}");
    }

    #[test]
    fn a_time_with_a_lateness_keeps_both() {
        // The time is the figure, and its least and largest are of the rounds; the percentiles
        // stand beside it.
        let round = |ns| Measured::time_and_lateness(Duration::from_nanos(ns), vec![2_000, 7_000]);
        let mut timed = series("runtime/safe", &[]);
        timed.measured = [20, 60, 40].map(round).into();
        let line = lines(&outcome(vec![timed]));
        let end = r#""n":2,"unit":"ns/op","median":20.0,"min":10.0,"max":30.0,"p50":2.0,"p99":7.0,"p999":7.0}"#;
        assert!(line.trim_end().ends_with(end), "{line}");
    }
}
