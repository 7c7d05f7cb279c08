//! `--scaling`: measures the curves.

use std::process::ExitCode;

use crate::curve::Curve;
use crate::driver::{self, machine};
use crate::options::Scaling;
use crate::outcome::Outcome;
use crate::progress::Progress;
use crate::report::{self, Form};
use crate::weather;

/// A curve that has been measured: an outcome for each size.
pub struct Drawn {
    pub curve: &'static Curve,
    pub points: Vec<(u64, Outcome)>,
}

/// Measures each curve and prints it when it is done. The exit code tells whether every child did
/// its work.
pub fn scale(order: &Scaling) -> ExitCode {
    let sizes = |curve: &'static Curve| {
        let sizes = curve.sizes.iter().copied();
        sizes.filter(|size| order.largest.is_none_or(|largest| *size <= largest))
    };
    let jobs = |curve| sizes(curve).map(|size| (size, curve.at(size)));
    if let Err(code) = driver::prepare(&order.modes) {
        return code;
    }
    let steps = order.curves.iter().flat_map(|curve| jobs(curve));
    let steps = steps.map(|(_, job)| job.modes(&order.modes).len() * order.rounds);
    let progress = Progress::new(steps.sum());
    let warnings: Vec<String> = weather::crowded().into_iter().collect();
    let mut drawn = Vec::new();
    for curve in &order.curves {
        let points = jobs(curve).map(|(size, job)| {
            let outcome = Outcome {
                workload: job.workload,
                n: job.n,
                series: job.run(&order.modes, order.rounds, &progress),
            };
            (size, outcome)
        });
        let curve = Drawn {
            curve,
            points: points.collect(),
        };
        progress.print(&match order.form {
            Form::Json => report::curve_json(&curve),
            _ => report::curve_table(&curve),
        });
        drawn.push(curve);
    }
    drop(progress);
    let outcomes = drawn.iter().flat_map(|drawn| &drawn.points);
    let series = outcomes.flat_map(|(_, outcome)| &outcome.series);
    let page = || report::curves_page(&machine(), &warnings, &drawn);
    driver::close(&warnings, series, order.html.as_deref(), page)
}
