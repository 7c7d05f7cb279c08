//! The peers beside tokio: the same workloads on other systems.
//!
//! What tokio does stands beside ours, in [`workload`](crate::workload). The rest of them are here,
//! a file for each system that runs in this program and one for those that are programs of their
//! own. Each does the same as the workload of the same name, in the form that is natural there,
//! and checks its result.

mod kameo;
mod limit;
mod may;
mod pooled;
pub mod program;
mod ractor;
mod reqwest;
mod threads;

pub use self::may::configure;

use runtime::Node;
use tokio::runtime::Runtime;

use crate::measured::Measured;
use crate::mode::{Mode, Role, System};
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

/// How `workload` runs in `mode`; `None` if it does not.
pub fn side(mode: &Mode, workload: &Workload) -> Option<Side> {
    fn find<F: Copy>(sides: &Sides<F>, name: &str) -> Option<F> {
        let side = sides.iter().find(|(one, _)| *one == name)?;
        Some(side.1)
    }
    let (name, system) = (workload.name, mode.system);
    let fits = match mode.role {
        Role::Any => true,
        Role::Common => !workload.is_client(),
        Role::Client | Role::Pooled => workload.is_client(),
    };
    if !fits {
        return None;
    }
    match system {
        System::Runtime => Some(Side::Runtime(workload.on_runtime)),
        System::Tokio if mode.role == Role::Pooled => find(pooled::SIDES, name).map(Side::Tokio),
        System::Tokio => workload.on_tokio.map(Side::Tokio),
        System::Reqwest => find(reqwest::SIDES, name).map(Side::Tokio),
        System::Limit => find(limit::SIDES, name).map(Side::Global),
        System::Ractor => find(ractor::SIDES, name).map(Side::Tokio),
        System::Kameo => find(kameo::SIDES, name).map(Side::Tokio),
        System::May => find(may::SIDES, name).map(Side::Global),
        System::Threads => find(threads::SIDES, name).map(Side::Global),
        System::Erlang | System::Go => program::runs(system, name).then_some(Side::Program),
    }
}
