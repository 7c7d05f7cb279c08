//! What a child measured, as it travels to the driver.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Unit {
    #[serde(rename = "ns/op")]
    NsPerOp,
    /// Bytes per process.
    #[serde(rename = "bytes")]
    Bytes,
    /// Microseconds too late.
    #[serde(rename = "us")]
    Us,
    /// Cores kept at work.
    #[serde(rename = "cores")]
    Cores,
    /// Operations in a second.
    #[serde(rename = "ops/s")]
    OpsPerSecond,
}

impl Unit {
    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Unit::NsPerOp => "ns/op",
            Unit::Bytes => "bytes",
            Unit::Us => "us",
            Unit::Cores => "cores",
            Unit::OpsPerSecond => "ops/s",
        }
    }

    /// How many times better `ours` is than `theirs`.
    pub fn ratio(self, ours: f64, theirs: f64) -> f64 {
        match self {
            Unit::Cores | Unit::OpsPerSecond => ours / theirs,
            Unit::NsPerOp | Unit::Bytes | Unit::Us => theirs / ours,
        }
    }
}

/// How late the wakes of one run were, in microseconds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Lateness {
    pub min: f64,
    pub p50: f64,
    pub p99: f64,
    /// Where whoever measured tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p999: Option<f64>,
    pub max: f64,
}

impl Lateness {
    /// The figures of these wakes, each in nanoseconds. There is at least one.
    pub fn of(mut wakes: Vec<u64>) -> Lateness {
        wakes.sort_unstable();
        let last = wakes.len() - 1;
        // The nearest rank: the smallest lateness that this share of the wakes does not exceed.
        let at = |share: f64| {
            let rank = (share * wakes.len() as f64).ceil() as usize;
            wakes[rank.saturating_sub(1).min(last)] as f64 / 1e3
        };
        Lateness {
            min: at(0.0),
            p50: at(0.5),
            p99: at(0.99),
            p999: Some(at(0.999)),
            max: at(1.0),
        }
    }
}

/// The outcome of one run of a workload.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Measured {
    /// How many operations, processes or wakes it stands on.
    pub n: u64,
    /// The figure, in the workload's unit; if that is a lateness, the median.
    pub value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lateness: Option<Lateness>,
    /// The CPU time of an operation, in nanoseconds, where it is counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<f64>,
}

impl Measured {
    /// `n` operations, and the figure for them.
    pub fn new(n: u64, value: f64) -> Measured {
        Measured {
            n,
            value,
            lateness: None,
            cpu: None,
        }
    }

    /// The same, for which so much CPU time was used in all.
    pub fn with_cpu(self, all: Duration) -> Measured {
        Measured {
            cpu: Some(all.as_nanos() as f64 / self.n as f64),
            ..self
        }
    }

    /// `n` operations took `time`.
    pub fn time(n: u64, time: Duration) -> Measured {
        Measured::new(n, time.as_nanos() as f64 / n as f64)
    }

    /// `n` processes take `bytes` in all.
    pub fn bytes(n: u64, bytes: u64) -> Measured {
        Measured::new(n, bytes as f64 / n as f64)
    }

    /// `n` pieces of work took `cpu` of CPU time within `wall`.
    pub fn cores(n: u64, cpu: Duration, wall: Duration) -> Measured {
        Measured::new(n, cpu.as_secs_f64() / wall.as_secs_f64())
    }

    /// Wakes that were so late, each in nanoseconds. There is at least one.
    pub fn lateness(wakes: Vec<u64>) -> Measured {
        let n = wakes.len() as u64;
        let lateness = Lateness::of(wakes);
        Measured {
            lateness: Some(lateness),
            ..Measured::new(n, lateness.p50)
        }
    }

    /// So many operations a second, each of which took so long, in nanoseconds. There is at least one.
    pub fn rate(time: Duration, each: Vec<u64>) -> Measured {
        let n = each.len() as u64;
        Measured {
            lateness: Some(Lateness::of(each)),
            ..Measured::new(n, n as f64 / time.as_secs_f64())
        }
    }

    /// A rate of `value`, and how long each of its `n` operations took, as another program tells.
    pub fn told(n: u64, value: f64, each: Lateness) -> Measured {
        Measured {
            lateness: Some(each),
            ..Measured::new(n, value)
        }
    }

    /// Operations took `time`, and what each had to bring about was so late, in nanoseconds. There
    /// is at least one.
    pub fn time_and_lateness(time: Duration, wakes: Vec<u64>) -> Measured {
        let n = wakes.len() as u64;
        Measured {
            lateness: Some(Lateness::of(wakes)),
            ..Measured::time(n, time)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        // Of 100 wakes, 1 to 100 us late, the 50th and the 99th are the percentiles.
        let late = Lateness::of((1..=100).rev().map(|us| us * 1000).collect());
        assert_eq!(
            (late.min, late.p50, late.p99, late.max),
            (1.0, 50.0, 99.0, 100.0)
        );
    }

    #[test]
    fn a_single_wake_is_every_percentile() {
        // A starved sleeper leaves one figure, and that is not lost.
        let late = Lateness::of(vec![2_000_000]);
        assert_eq!(
            (late.min, late.p50, late.p99, late.max),
            (2e3, 2e3, 2e3, 2e3)
        );
    }

    #[test]
    fn a_ratio_above_one_is_better_in_every_unit() {
        // Fewer nanoseconds, bytes and microseconds are better, and more cores.
        assert_eq!(Unit::NsPerOp.ratio(50.0, 100.0), 2.0);
        assert_eq!(Unit::Bytes.ratio(50.0, 100.0), 2.0);
        assert_eq!(Unit::Us.ratio(50.0, 100.0), 2.0);
        assert_eq!(Unit::Cores.ratio(2.0, 1.0), 2.0);
    }
}
