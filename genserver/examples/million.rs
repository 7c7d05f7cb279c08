//! A million servers under one dynamic supervisor: started one by one, counted, asked, ended; with the time and the
//! memory that it takes.
//!
//! ```sh
//! cargo run --release -p genserver --example million -- 1000000
//! ```

use std::time::Instant;

use genserver::gen_server::reply;
use genserver::supervisor::{DynamicSupervisor, Flags, Restart, Template};
use genserver::{Called, From, GenServer, Init, Never, Server};
use runtime::prelude::*;

/// One account.
struct Account {
    balance: u64,
}

impl GenServer for Account {
    type Args = u64;
    /// What is paid in.
    type Call = u64;
    /// The balance then.
    type Reply = u64;
    type Cast = Never;
    type Continue = Never;

    fn init(balance: u64) -> Result<Init<Account>, ExitReason> {
        Ok(Account { balance }.into())
    }

    fn handle_call(&mut self, by: u64, _: From<u64>) -> Result<Called<u64>, ExitReason> {
        self.balance += by;
        Ok(reply(self.balance))
    }
}

/// What the program occupies, in bytes; 0 where the system does not say as Linux does.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = resident.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}

/// Says how long it took since `start`, in all and for each.
fn took(what: &str, n: u64, start: Instant) {
    let time = start.elapsed();
    println!(
        "{what:<28} {:>8.2} s {:>8.0} ns each",
        time.as_secs_f64(),
        time.as_nanos() as f64 / n as f64
    );
}

#[runtime::main]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let n = std::env::args()
        .nth(1)
        .map_or(Ok(1_000_000), |n| n.parse())?;
    let template = Template::server::<Account>().restart(Restart::Temporary);
    let accounts = DynamicSupervisor::start_link(Flags::default(), template)?;

    let before = memory();
    let start = Instant::now();
    let mut pids = Vec::with_capacity(n as usize);
    for balance in 0..n {
        pids.extend(accounts.start_child(balance)?.map(|child| child.pid));
    }
    took("started, one by one", n, start);
    let each = (memory() - before) as f64 / n as f64 - size_of::<Pid>() as f64;
    println!("{:<28} {each:>8.0} bytes each", "memory of a child");

    let start = Instant::now();
    let count = accounts.count_children()?;
    assert_eq!((count.active, count.workers), (pids.len(), pids.len()));
    took("counted", 1, start);

    let start = Instant::now();
    for (balance, pid) in (0..n).zip(&pids) {
        assert_eq!(Server::<Account>::of(*pid).call(1)?, balance + 1);
    }
    took("called, one by one", n, start);

    let start = Instant::now();
    let some = &pids[..pids.len() / 10];
    for pid in some {
        accounts.terminate_child(*pid)?;
    }
    took("a tenth ended, one by one", n / 10, start);
    assert_eq!(accounts.count_children()?.active, pids.len() - some.len());

    let start = Instant::now();
    accounts.stop()?;
    took("the others ended, at once", n - n / 10, start);
    assert!(!pids.into_iter().any(is_process_alive));
    Ok(())
}
