//! A tour: three gen_servers under a supervisor fetch pages, each through a connection of its own, while 100,000
//! processes look on, a connection is killed and a server crashes. Nothing is lost, or this exits with 1.
//!
//! ```sh
//! cargo run --release -p gun --example tour
//! ```

mod fetcher;
mod site;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use fetcher::{Fetcher, Page, STARTS, Trouble};
use genserver::Server;
use genserver::supervisor::{ChildSpec, Flags, Strategy, start_link};
use gun::Protocol;
use runtime::prelude::*;

const CROWD: usize = 100_000;
const READERS: usize = 100;
const PAGES: usize = 100;

/// Reads all pages from each server, some servers' ends notwithstanding. How often it had to ask again.
fn read(servers: &[&'static str]) -> usize {
    let mut again = 0;
    for (page, name) in (0..PAGES).flat_map(|page| servers.iter().map(move |name| (page, *name))) {
        let server = Server::<Fetcher>::of(name);
        while server.call(Page(page)).ok() != Some(site::page(&format!("/page/{page}"))) {
            again += 1;
            sleep(Duration::from_millis(1));
        }
    }
    again
}

#[runtime::main]
fn main() {
    let began = Instant::now();
    let me = self_pid();
    let crowd: Vec<Pid> = (0..CROWD)
        .map(|n| spawn!(move || receive! { from: Pid => send(from, n) }))
        .collect();

    let of = |name, port, protocol| ChildSpec::named_server::<Fetcher>(name, (port, protocol));
    let servers = ["http", "http2", "websocket"];
    let children = vec![
        of(servers[0], site::http(), Protocol::Http),
        of(servers[1], site::http2(), Protocol::Http2),
        of(servers[2], site::websocket(), Protocol::Ws),
    ];
    let flags = Flags::new(Strategy::OneForOne).intensity(10, Duration::from_secs(10));
    let supervisor = start_link(flags, children).expect("all three start");

    for _ in 0..READERS {
        spawn!(move || send(me, (read(&servers), ())));
    }
    sleep(Duration::from_millis(50));
    Server::<Fetcher>::of("http2").cast(Trouble::KillConnection);
    Server::<Fetcher>::of("websocket").cast(Trouble::KillConnection);
    Server::<Fetcher>::of("http").cast(Trouble::Crash);

    let again: usize = (0..READERS)
        .map(|_| receive! { (again, ()): (usize, ()) => again })
        .sum();
    let info = runtime::info().expect("we are on a node");
    for pid in &crowd {
        send(*pid, me);
    }
    let here = (0..CROWD)
        .filter(|_| receive! { _n: usize => true, after Duration::from_secs(5) => false })
        .count();
    let restarts = STARTS.load(Ordering::Relaxed) - servers.len();
    let active = supervisor.count_children().expect("it stands").active;
    supervisor.stop().expect("it ends as it is told");

    let (requests, total) = (READERS * PAGES * servers.len(), servers.len());
    let (processes, switches) = (info.processes, info.context_switches);
    let (memory, time) = (site::memory() >> 20, began.elapsed());
    println!("{requests} requests answered, {again} asked again");
    println!("{restarts} servers restarted, {active} of {total} up at the end");
    println!("{processes} processes at once, {here} of {CROWD} looked on to the end");
    println!("{switches} context switches, {memory} MiB of memory, {time:.1?}");
    let whole = here == CROWD && restarts >= total && active == total;
    std::process::exit(if whole { 0 } else { 1 });
}
