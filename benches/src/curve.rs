//! The curves: what an operation costs when there is more of something.

use crate::job::Job;
use crate::measured::Unit;
use crate::workload;

/// A workload at growing sizes.
pub struct Curve {
    pub name: &'static str,
    /// What grows.
    pub axis: Axis,
    workload: &'static str,
    pub sizes: &'static [u64],
}

/// What grows along a curve.
#[derive(Clone, Copy, PartialEq)]
pub enum Axis {
    Processes,
    /// Messages in a mailbox.
    Messages,
    Timers,
    Elements,
    /// Workers; the work stays what it is.
    Workers,
}

impl Axis {
    pub const fn name(self) -> &'static str {
        match self {
            Axis::Processes => "processes",
            Axis::Messages => "messages",
            Axis::Timers => "timers",
            Axis::Elements => "elements",
            Axis::Workers => "workers",
        }
    }
}

impl Curve {
    const fn new(workload: &'static str, axis: Axis, sizes: &'static [u64]) -> Curve {
        Curve {
            name: workload,
            axis,
            workload,
            sizes,
        }
    }

    const fn workers(name: &'static str, workload: &'static str) -> Curve {
        Curve {
            name,
            axis: Axis::Workers,
            workload,
            sizes: &[1, 2, 4, 8],
        }
    }

    /// The job at one size.
    pub fn at(&self, size: u64) -> Job {
        let workload = workload::find(self.workload).expect("a curve's workload");
        let (n, workers) = match self.axis {
            // A part of the work that is done otherwise: there are many points.
            Axis::Workers => ((workload.n / 4).max(1), Some(size as usize)),
            _ => (size, None),
        };
        Job {
            workload,
            n,
            workers,
            // Once for memory: another run would find what the first has taken.
            steady: workload.unit != Unit::Bytes,
        }
    }
}

const TO_TEN_MILLIONS: &[u64] = &[1000, 10_000, 100_000, 1_000_000, 10_000_000];
/// Where a process stands on a stack: ten millions of them need more memory than machines have.
const TO_A_MILLION: &[u64] = &[1000, 10_000, 100_000, 1_000_000];
const FROM_ONE: &[u64] = &[1, 10, 100, 1000, 10_000, 100_000, 1_000_000];

/// Every curve, in the order of the report.
pub static CURVES: [Curve; 19] = [
    Curve::new("spawn_exit", Axis::Processes, TO_TEN_MILLIONS),
    Curve::new("spawn_join", Axis::Processes, TO_TEN_MILLIONS),
    Curve::new("skynet", Axis::Processes, TO_A_MILLION),
    Curve::new("ring_wide", Axis::Processes, TO_A_MILLION),
    Curve::new("link_storm", Axis::Processes, TO_A_MILLION),
    Curve::new("mem_idle", Axis::Processes, TO_A_MILLION),
    Curve::new("mem_rest", Axis::Processes, TO_TEN_MILLIONS),
    Curve::new("mem_hibernated", Axis::Processes, TO_TEN_MILLIONS),
    Curve::new("deep_reply", Axis::Messages, FROM_ONE),
    Curve::new("deep_drain", Axis::Messages, FROM_ONE),
    Curve::new("timers", Axis::Timers, FROM_ONE),
    Curve::new("timers_beside", Axis::Timers, FROM_ONE),
    Curve::new("sort", Axis::Elements, TO_TEN_MILLIONS),
    Curve::workers("spawn_exit_workers", "spawn_exit"),
    Curve::workers("skynet_workers", "skynet"),
    Curve::workers("ring_many_workers", "ring_many"),
    Curve::workers("fan_in_workers", "fan_in"),
    Curve::workers("call_100_100_workers", "call_100_100"),
    Curve::workers("sort_workers", "sort"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_curve_has_a_workload_and_growing_sizes() {
        // A misspelt name would otherwise show when somebody asks for that curve.
        for curve in &CURVES {
            let job = curve.at(curve.sizes[0]);
            assert!(job.n > 0, "{}", curve.name);
            assert!(curve.sizes.is_sorted(), "{}", curve.name);
        }
    }

    #[test]
    fn memory_is_measured_once() {
        // A second run in the same program would grow by nothing.
        for curve in &CURVES {
            let steady = !curve.name.starts_with("mem_");
            assert_eq!(curve.at(1000).steady, steady, "{}", curve.name);
        }
    }
}
