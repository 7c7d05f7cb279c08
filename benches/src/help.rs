//! What the program says of itself: `--help` and `--list`.

use crate::curve::CURVES;
use crate::mode::{MODES, System};
use crate::options::{ROUNDS, ROUNDS_OF_ALL};
use crate::workload;

/// Prints how to use the program.
pub fn usage() {
    println!(
        "Runs our processes and their peers alternately at the same work and prints the ratios.\n\n\
         usage: compare [WORKLOAD..] [OPTION..]\n\n\
         \x20 WORKLOAD       one of `--list`, or a group of them (mem, hog, call); else all, each\n\
         \x20                at a fifth of its size and in {ROUNDS_OF_ALL} rounds\n\
         \x20 --list         what there is: workloads, systems, modes\n\
         \x20 --rounds N     how often each is measured, in turn [{ROUNDS}; curves 1]\n\
         \x20 --systems A,B  systems, or modes of them: runtime/safe,tokio/bare [all]\n\
         \x20 --n N          size of each workload, instead of its own\n\
         \x20 --scale F      so many times that size: 0.01 for a quick look [1]\n\
         \x20 --details      a row for each mode, instead of the table\n\
         \x20 --json         a line of JSON for each workload and mode, instead of the table\n\
         \x20 --html FILE    tables and plots in one page, too\n\
         \x20 --scaling      curves instead: what an operation costs at growing sizes. WORKLOAD names\n\
         \x20                curves, --n the largest size"
    );
}

/// Prints the names of workloads, systems and modes.
pub fn list() {
    println!("workloads:");
    for workload in workload::all() {
        println!("  {:<22}{}", workload.name, workload.about);
    }
    println!("\ncurves:");
    for curve in &CURVES {
        let (first, last) = (curve.sizes.first(), curve.sizes.last());
        if let (Some(first), Some(last)) = (first, last) {
            println!(
                "  {:<22}{first} to {last} {}",
                curve.name,
                curve.axis.name()
            );
        }
    }
    for system in System::ALL {
        println!("\n{}: {}", system.name(), system.about());
        for mode in MODES.iter().filter(|mode| mode.system == system) {
            let s = if mode.workers == 1 { "" } else { "s" };
            let allocator = mode.allocator.name();
            println!(
                "  {:<22}{} worker{s}, {allocator}",
                mode.path(),
                mode.workers
            );
        }
    }
}
