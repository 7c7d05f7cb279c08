//! The workloads: what is measured, each with our side and tokio's in one file.
//!
//! The other peers' sides are in [`peer`]. Both sides of a file do the same in the form that is natural, and fast, there: ours with
//! processes and `receive!`, tokio's with tasks and unbounded `mpsc` channels, or join handles
//! where these do better. Each checks its result and panics if it is wrong. To add a workload: a
//! file here, and a line in [`all`].

mod acceptor;
mod adder;
mod bank;
mod big;
mod buffer;
mod call;
mod deep;
mod fan_in;
mod h2_get;
mod herd;
mod hog;
mod http_get;
mod http_hello;
mod latency;
mod link_storm;
mod mem_connection;
mod mem_gun;
mod mem_hibernated;
mod mem_idle;
mod mem_rest;
mod mem_server;
mod monitor_demonitor;
mod pingpong;
mod pool;
mod restart;
mod ring;
mod selective;
mod skynet;
mod sort;
mod spawn_exit;
mod spawn_join;
mod split;
mod start_child;
mod tcp_echo;
mod timers;
mod timers_beside;
mod whereis;
mod ws_echo;

pub use self::h2_get::{SILENT_STREAMS, STREAMS};
pub use self::http_get::CONNECTIONS;

use std::future::Future;

use runtime::Node;
use tokio::runtime::Runtime;

use crate::measured::{Measured, Unit};
use crate::mode::Mode;
use crate::peer::{self, program};

/// Something to measure.
pub struct Workload {
    pub name: &'static str,
    /// What is done, in a line.
    pub about: &'static str,
    /// How often, or with how many, if the command line does not say.
    pub n: u64,
    pub unit: Unit,
    /// Whether a smaller run goes before the measured one.
    pub warm_up: bool,
    /// Our side, at a size.
    pub on_runtime: fn(&Node, u64) -> Measured,
    /// tokio's side; `None` where it has nothing like it.
    pub on_tokio: Option<fn(&Runtime, u64) -> Measured>,
    /// The fewest workers with which it makes sense.
    pub workers: usize,
}

impl Workload {
    /// Whether it can be measured in `mode`.
    pub fn runs_in(&self, mode: &Mode) -> bool {
        peer::side(mode, self).is_some() && mode.workers >= self.workers
    }

    /// The program that it needs and that is not installed.
    pub fn lacks(&self) -> Option<&'static str> {
        program::missing(match self.name {
            "http_hello" => &["wrk"],
            "http_get" | "h2_get" | "h2_get_silent" | "mem_gun" => &["nginx"],
            _ => &[],
        })
    }

    /// Whether clients are measured: their server is a program of its own, on a core of its own.
    pub fn is_client(&self) -> bool {
        CLIENTS
            .iter()
            .copied()
            .flatten()
            .any(|it| it.name == self.name)
    }
}

static CLIENTS: [&[Workload]; 4] = [
    &http_get::WORKLOADS,
    &h2_get::WORKLOADS,
    &ws_echo::WORKLOADS,
    &mem_gun::WORKLOADS,
];

/// Every workload, in the order of the report.
pub fn all() -> impl Iterator<Item = &'static Workload> {
    static LISTS: [&[Workload]; 30] = [
        &spawn_exit::WORKLOADS,
        &pingpong::WORKLOADS,
        &ring::WORKLOADS,
        &fan_in::WORKLOADS,
        &skynet::WORKLOADS,
        &pool::WORKLOADS,
        &acceptor::WORKLOADS,
        &split::WORKLOADS,
        &selective::WORKLOADS,
        &spawn_join::WORKLOADS,
        &monitor_demonitor::WORKLOADS,
        &link_storm::WORKLOADS,
        &whereis::WORKLOADS,
        &timers::WORKLOADS,
        &call::WORKLOADS,
        &restart::WORKLOADS,
        &start_child::WORKLOADS,
        &big::WORKLOADS,
        &bank::WORKLOADS,
        &buffer::WORKLOADS,
        &sort::WORKLOADS,
        &latency::WORKLOADS,
        &tcp_echo::WORKLOADS,
        &http_hello::WORKLOADS,
        &mem_idle::WORKLOADS,
        &mem_rest::WORKLOADS,
        &mem_hibernated::WORKLOADS,
        &mem_server::WORKLOADS,
        &mem_connection::WORKLOADS,
        &hog::WORKLOADS,
    ];
    LISTS.iter().chain(&CLIENTS).copied().flatten()
}

/// The workload of this name, be it one of [`all`] or one that is there for a curve alone.
pub fn find(name: &str) -> Option<&'static Workload> {
    static FOR_CURVES: [&[Workload]; 3] =
        [&deep::WORKLOADS, &timers_beside::WORKLOADS, &ring::WIDE];
    all()
        .chain(FOR_CURVES.iter().copied().flatten())
        .find(|workload| workload.name == name)
}

/// Runs `root` as a task: `block_on` alone would run it on the main thread, which is no worker.
pub fn in_task<F>(rt: &Runtime, root: F) -> F::Output
where
    F: Future<Output: Send> + Send + 'static,
{
    rt.block_on(async { tokio::spawn(root).await })
        .expect("the root task does not panic")
}
