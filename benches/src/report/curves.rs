//! Curves, as tables: a row for each mode, a column for each size.

use serde_json::json;

use super::number::number;
use crate::mode::Mode;
use crate::scaling::Drawn;

/// How many times the cheapest point the last may cost before it is told.
const FLAT: f64 = 2.0;

impl Drawn {
    /// The modes that it was measured in.
    pub fn modes(&self) -> impl Iterator<Item = &'static Mode> {
        let first = self.points.first().map(|(_, outcome)| &outcome.series);
        first.into_iter().flatten().map(|series| series.mode)
    }

    /// What a mode did: sizes and figures.
    pub fn figures(&self, mode: &Mode) -> Vec<(u64, f64)> {
        let figure = |(size, outcome): &(u64, crate::outcome::Outcome)| {
            Some((*size, outcome.of(mode)?.score(outcome.workload.unit)))
        };
        self.points.iter().filter_map(figure).collect()
    }

    /// What an operation costs at the last size, in units of what it costs where it is cheapest.
    pub fn growth(&self, mode: &Mode) -> Option<f64> {
        let figures = self.figures(mode);
        let least = figures.iter().map(|(_, figure)| *figure).reduce(f64::min)?;
        (least > 0.0).then_some(figures.last()?.1 / least)
    }
}

/// A table. GROWS marks what costs more at the end than where it is cheapest.
pub fn table(drawn: &Drawn) -> String {
    let Some((_, first)) = drawn.points.first() else {
        return String::new();
    };
    let (curve, workload) = (drawn.curve, first.workload);
    let mut text = format!(
        "\n{}: {}, {} by {}\n{:<22}",
        curve.name,
        workload.about,
        workload.unit.name(),
        curve.axis.name(),
        ""
    );
    for (size, _) in &drawn.points {
        text += &format!("{size:>11}");
    }
    text += "   last/least\n";
    for mode in drawn.modes() {
        text += &format!("{:<22}", mode.path());
        for (_, outcome) in &drawn.points {
            let figure = outcome.of(mode).map_or("failed".to_owned(), |summary| {
                number(workload.unit, summary.score(workload.unit))
            });
            text += &format!("{figure:>11}");
        }
        if let Some(growth) = drawn.growth(mode) {
            let grows = if growth > FLAT { " GROWS" } else { "" };
            text += &format!("{growth:>12.2}x{grows}");
        }
        text += "\n";
    }
    text
}

/// A line of JSON for each size and mode.
pub fn json(drawn: &Drawn) -> String {
    let mut text = String::new();
    for (size, outcome) in &drawn.points {
        for series in &outcome.series {
            let unit = outcome.workload.unit;
            let summary = series.summary(unit);
            let line = json!({
                "curve": drawn.curve.name,
                "axis": drawn.curve.axis.name(),
                "size": size,
                "workload": outcome.workload.name,
                "system": series.mode.system.name(),
                "mode": series.mode.name,
                "unit": unit.name(),
                "median": summary.map(|summary| summary.median),
                "min": summary.map(|summary| summary.min),
                "max": summary.map(|summary| summary.max),
                "failed": series.failed(),
            });
            text += &format!("{line}\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curve::CURVES;
    use crate::mode::MODES;
    use crate::outcome::tests::{outcome, series};

    #[test]
    fn what_costs_more_and_more_is_marked() {
        // 30 ns where it was 10 is growth; 11 is none.
        let points = [(1000, [10, 10]), (10_000, [30, 11])];
        let points = points.map(|(size, [ours, theirs])| {
            let safe = series("runtime/safe", &[ours]);
            let tokio = series("tokio/w2-glibc", &[theirs]);
            (size, outcome(vec![safe, tokio]))
        });
        let drawn = Drawn {
            curve: &CURVES[0],
            points: points.into(),
        };
        assert_eq!(drawn.growth(&MODES[0]), Some(3.0));
        let table = table(&drawn);
        let row = |name: &str| table.lines().find(|line| line.starts_with(name));
        assert!(
            row("runtime/safe").unwrap().ends_with("3.00x GROWS"),
            "{table}"
        );
        assert!(row("tokio/w2-glibc").unwrap().ends_with("1.10x"), "{table}");
        assert_eq!(json(&drawn).lines().count(), 4);
    }
}
