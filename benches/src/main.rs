//! `compare`: our processes and their peers at the same work, and how many times faster which.
//!
//! For every workload, in every round, each mode of each system runs once in a child process of
//! its own (this program again, with `--child`), the modes in turn. So all of them meet the same
//! weather, none inherits another's heap or page tables, and a crash is one failed figure.
//!
//! * [`options`] reads the command line, [`help`] explains it; [`driver`] has each workload measured, [`scaling`] each
//!   [`curve`], and both do it by a [`job`], which starts the children; [`machine`] says where;
//! * [`measured`] is one round's figure, a [`series`] the rounds of a mode, of which a [`summary`]
//!   is made, an [`outcome`] what all modes did; [`report`] prints it;
//! * [`child`] is the other side: it starts one system and measures one workload;
//! * [`exchange`] has clients at work, beside a [`server`] that is a program of its own, or [`wrk`];
//! * [`workload`] holds the workloads, [`peer`] how peers do them, [`mode`] in which modes.
//!
//! Nothing is measured on the main thread: every workload runs inside a process, or a task.

mod allocator;
mod child;
mod countdown;
mod cpu;
mod curve;
mod driver;
mod exchange;
mod help;
mod job;
mod load;
mod machine;
mod measured;
mod memory;
mod mode;
mod options;
mod outcome;
mod peer;
mod progress;
mod random;
mod report;
mod scaling;
mod series;
mod server;
mod summary;
mod weather;
mod workload;
mod wrk;

use std::process::ExitCode;

use options::Order;

#[global_allocator]
static ALLOCATOR: allocator::Chosen = allocator::Chosen;

fn main() -> ExitCode {
    match options::read() {
        Ok(Order::Help) => {
            help::usage();
            ExitCode::SUCCESS
        }
        Ok(Order::List) => {
            help::list();
            ExitCode::SUCCESS
        }
        Ok(Order::Measure(order)) => child::measure(&order),
        Ok(Order::Compare(order)) => driver::compare(&order),
        Ok(Order::Echo) => server::echo(),
        Ok(Order::Scale(order)) => scaling::scale(&order),
        Err(error) => {
            eprintln!("compare: {error}\nTry `compare --help`.");
            ExitCode::from(2)
        }
    }
}
