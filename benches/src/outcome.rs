//! What all modes did at one workload, and who won.

use std::fmt;

use crate::measured::Unit;
use crate::mode::{Mode, System};
use crate::series::Series;
use crate::summary::Summary;
use crate::workload::Workload;

/// How far apart the rounds of one mode may lie, largest to least, before it is told.
const STEADY: f64 = 1.3;

/// What all modes did at one workload.
pub struct Outcome {
    pub workload: &'static Workload,
    /// The size that was asked for.
    pub n: u64,
    pub series: Vec<Series>,
}

impl Outcome {
    /// What `mode` did, unless it failed or was not asked.
    pub fn of(&self, mode: &Mode) -> Option<Summary> {
        self.series
            .iter()
            .find(|series| series.mode == mode)?
            .summary(self.workload.unit)
    }

    /// The best mode of `system`.
    pub fn best(&self, system: System) -> Option<(&'static Mode, Summary)> {
        self.best_of(|mode| mode.system == system)
    }

    /// The best mode of all that are not ours; a limit is no peer.
    pub fn best_peer(&self) -> Option<(&'static Mode, Summary)> {
        self.best_of(|mode| !matches!(mode.system, System::Runtime | System::Limit))
    }

    fn best_of(&self, among: impl Fn(&Mode) -> bool) -> Option<(&'static Mode, Summary)> {
        let unit = self.workload.unit;
        self.series
            .iter()
            .filter(|series| among(series.mode))
            .filter_map(|series| Some((series.mode, series.summary(unit)?)))
            .reduce(|a, b| {
                if unit.ratio(a.1.score(unit), b.1.score(unit)) >= 1.0 {
                    a
                } else {
                    b
                }
            })
    }

    /// How `ours` does beside the best peer; `None` if one of them did nothing.
    pub fn verdict(&self, ours: &Mode) -> Option<Verdict> {
        let unit = self.workload.unit;
        let (_, peer) = self.best_peer()?;
        let ours = self.of(ours)?;
        Some(Verdict(unit.ratio(ours.score(unit), peer.score(unit))))
    }

    /// How `ours` does beside the best peer in CPU time; `None` where that is not counted.
    pub fn cpu_verdict(&self, ours: &Mode) -> Option<Verdict> {
        let (_, peer) = self.best_peer()?;
        Some(Verdict(peer.cpu? / self.of(ours)?.cpu?))
    }

    /// The modes whose rounds lie far apart, with how far.
    pub fn unsteady(&self) -> impl Iterator<Item = (&'static Mode, f64)> {
        self.series
            .iter()
            .filter(|_| matches!(self.workload.unit, Unit::NsPerOp | Unit::OpsPerSecond))
            .filter_map(|series| {
                let summary = series.summary(self.workload.unit)?;
                let spread = summary.max / summary.min;
                (spread > STEADY).then_some((series.mode, spread))
            })
    }
}

/// How many times better ours is than another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict(pub f64);

impl Verdict {
    /// The word for it. What shows as 1.00 is neither.
    pub fn word(self) -> &'static str {
        match self.0 {
            ratio if ratio < 0.995 => "LOSS",
            ratio if ratio < 1.005 => "EVEN",
            _ => "WIN",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:.2}x {}", self.0, self.word()))
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::measured::Measured;
    use crate::mode::MODES;
    use crate::workload;
    use std::time::Duration;

    /// What the mode of this name did in rounds of one operation each.
    pub fn series(mode: &str, nanos: &[u64]) -> Series {
        let mode = MODES
            .iter()
            .find(|one| one.is_meant_by(mode))
            .expect("a mode");
        let mut series = Series::new(mode);
        for ns in nanos {
            series.push(Ok(Measured::time(1, Duration::from_nanos(*ns))));
        }
        series
    }

    /// Of the workload `pingpong`.
    pub fn outcome(series: Vec<Series>) -> Outcome {
        let workload = workload::all()
            .find(|workload| workload.name == "pingpong")
            .expect("a workload");
        Outcome {
            workload,
            n: 7,
            series,
        }
    }

    #[test]
    fn ours_is_compared_with_the_best_mode_of_the_best_peer() {
        // 50 ns against 300 and 200 ns is four times as fast.
        let outcome = outcome(vec![
            series("runtime/safe", &[50]),
            series("tokio/w2-glibc", &[300]),
            series("tokio/w2-mimalloc", &[200]),
        ]);
        assert_eq!(outcome.best_peer().unwrap().0.name, "w2-mimalloc");
        let verdict = outcome.verdict(&MODES[0]).unwrap();
        assert_eq!(verdict.to_string(), "4.00x WIN");
        assert_eq!(outcome.verdict(&MODES[1]), None);
    }

    #[test]
    fn a_limit_is_no_peer() {
        // Ours is compared with tokio's 100 ns, however fast the limit is; and so is its CPU time.
        let mut outcome = outcome(vec![
            series("runtime/safe", &[50]),
            series("tokio/bare-w1", &[100]),
            series("limit/w1", &[10]),
        ]);
        for (series, nanos) in outcome.series.iter_mut().zip([30, 60, 1]) {
            let measured = &mut series.measured[0];
            *measured = measured.with_cpu(Duration::from_nanos(nanos));
        }
        assert_eq!(outcome.verdict(&MODES[0]), Some(Verdict(2.0)));
        assert_eq!(outcome.cpu_verdict(&MODES[0]), Some(Verdict(2.0)));
    }

    #[test]
    fn a_loss_is_called_one() {
        // Slower is said in so many words, and what shows as 1.00 is neither.
        assert_eq!(Verdict(0.8).to_string(), "0.80x LOSS");
        assert_eq!(Verdict(0.999).to_string(), "1.00x EVEN");
        assert_eq!(Verdict(1.004).to_string(), "1.00x EVEN");
    }

    #[test]
    fn rounds_far_apart_are_told() {
        // 10 and 20 ns are no steady figure, 10 and 11 are.
        let outcome = outcome(vec![
            series("runtime/safe", &[10, 20]),
            series("tokio/w2-glibc", &[10, 11]),
        ]);
        let unsteady: Vec<&str> = outcome.unsteady().map(|(mode, _)| mode.name).collect();
        assert_eq!(unsteady, ["safe"]);
    }
}
