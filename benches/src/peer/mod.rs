//! The peers beside tokio: the same workloads on other systems.
//!
//! What tokio does stands beside ours, in [`workload`](crate::workload). The rest of them are here,
//! a file for each system that runs in this program and one for those that are programs of their
//! own. Each does the same as the workload of the same name, in the form that is natural there,
//! and checks its result.

mod kameo;
mod may;
pub mod program;
mod ractor;
mod threads;

pub use self::may::configure;

use runtime::Node;
use tokio::runtime::Runtime;

use crate::measured::Measured;
use crate::mode::System;
use crate::workload::Workload;

/// How a system runs a workload.
#[derive(Clone, Copy)]
pub enum Side {
    /// Ours, on a node.
    Runtime(fn(&Node, u64) -> Measured),
    /// tokio, and what stands on it.
    Tokio(fn(&Runtime, u64) -> Measured),
    /// What has no instance: its workers belong to the program.
    Global(fn(u64) -> Measured),
    /// A program of its own.
    Program,
}

/// The workloads of a peer, by name.
type Sides<F> = [(&'static str, F)];

/// How `system` runs `workload`; `None` if it does not.
pub fn side(system: System, workload: &Workload) -> Option<Side> {
    fn find<F: Copy>(sides: &Sides<F>, name: &str) -> Option<F> {
        let side = sides.iter().find(|(one, _)| *one == name)?;
        Some(side.1)
    }
    let name = workload.name;
    match system {
        System::Runtime => Some(Side::Runtime(workload.on_runtime)),
        System::Tokio => workload.on_tokio.map(Side::Tokio),
        System::Ractor => find(ractor::SIDES, name).map(Side::Tokio),
        System::Kameo => find(kameo::SIDES, name).map(Side::Tokio),
        System::May => find(may::SIDES, name).map(Side::Global),
        System::Threads => find(threads::SIDES, name).map(Side::Global),
        System::Erlang | System::Go => program::runs(system, name).then_some(Side::Program),
    }
}
