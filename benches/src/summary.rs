//! Many rounds made into a few figures.

use crate::measured::{Measured, Unit};

/// What came of all rounds of one workload in one mode.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// Operations, processes or wakes in a round: the median.
    pub n: u64,
    pub median: f64,
    pub min: f64,
    pub max: f64,
    /// Of a lateness, be it the figure itself or something beside it.
    pub percentiles: Option<Percentiles>,
    /// The CPU time of an operation, in nanoseconds: the median, where it was counted.
    pub cpu: Option<f64>,
}

/// The percentiles of a lateness, in microseconds: the medians of the rounds' own; the largest is
/// that of all rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percentiles {
    pub p50: f64,
    pub p99: f64,
    /// Where whoever measured tells it.
    pub p999: Option<f64>,
    pub max: f64,
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
        let cpu = || measured.iter().filter_map(|one| one.cpu);
        let n = median(measured.iter().map(|measured| measured.n as f64)) as u64;
        let percentiles = late().next().map(|_| Percentiles {
            p50: median(late().map(|late| late.p50)),
            p99: median(late().map(|late| late.p99)),
            p999: late()
                .all(|late| late.p999.is_some())
                .then(|| median(late().filter_map(|late| late.p999))),
            max: largest(&mut late().map(|late| late.max)),
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
            cpu: cpu().next().map(|_| median(cpu())),
        }
    }

    /// The figure by which modes are compared: if it is a lateness, the 99th percentile.
    pub fn score(&self, unit: Unit) -> f64 {
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

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
    fn cpu_time_is_that_of_an_operation() {
        // 10 and 30 us for five operations each: 2 and 6 us each, so 4. Where none was counted there is none.
        let rounds = [10, 30].map(|us| {
            let rate = Measured::new(5, 1e6);
            rate.with_cpu(Duration::from_micros(us))
        });
        let summary = Summary::of(Unit::OpsPerSecond, &rounds);
        assert_eq!(summary.cpu, Some(4_000.0));
        let without = Summary::of(Unit::OpsPerSecond, &[Measured::new(5, 1e6)]);
        assert_eq!(without.cpu, None);
    }

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        // Of 10 and 20 it is 15.
        let rounds = [20, 10].map(|ns| Measured::time(1, Duration::from_nanos(ns)));
        assert_eq!(Summary::of(Unit::NsPerOp, &rounds).median, 15.0);
    }
}
