//! How fast the servers can be loaded: by wrk and h2load, which do nothing else and do it in C.

use std::net::SocketAddr;
use std::process::Command;

use super::Sides;
use crate::cpu;
use crate::measured::Measured;
use crate::server::Nginx;
use crate::workload::{CONNECTIONS, STREAMS};
use crate::wrk;

pub static SIDES: &Sides<fn(u64) -> Measured> = &[("http_get", http_get), ("h2_get", h2_get)];

fn http_get(n: u64) -> Measured {
    let server = Nginx::start().http;
    with_cpu(|| wrk::load(server, CONNECTIONS, n))
}

fn h2_get(n: u64) -> Measured {
    let server = Nginx::start().h2c;
    with_cpu(|| h2load(server, n))
}

/// With the CPU time of the program that `load` starts and waits for.
fn with_cpu(load: impl FnOnce() -> Measured) -> Measured {
    let before = cpu::children_time();
    let measured = load();
    measured.with_cpu(cpu::children_time() - before)
}

fn h2load(server: SocketAddr, n: u64) -> Measured {
    // No request goes twice over a stream, so there cannot be more of these.
    let streams = n.min(STREAMS as u64);
    let output = Command::new("h2load")
        .args(["--clients=1", "--threads=1"])
        .arg(format!("--requests={n}"))
        .arg(format!("--max-concurrent-streams={streams}"))
        .arg(format!("http://{server}/"))
        .output()
        .expect("h2load is installed (on Debian: apt-get install nghttp2-client)");
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "h2load: {report}");
    assert!(
        report.contains(&format!(" {n} succeeded")),
        "h2load: {report}"
    );
    let rate = rate(&report).unwrap_or_else(|| panic!("no rate in what h2load says:\n{report}"));
    Measured::new(n, rate)
}

/// Requests in a second, as h2load tells.
fn rate(report: &str) -> Option<f64> {
    let line = report
        .lines()
        .find_map(|line| line.strip_prefix("finished in "))?;
    let (_, rest) = line.split_once(", ")?;
    rest.split_once(" req/s")?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::rate;

    #[test]
    fn the_rate_is_read_from_the_report() {
        // Between the time and the bytes in a second.
        let report = "starting\n\nfinished in 1.20s, 83333.25 req/s, 3.18MB/s\nrequests: 1 total\n";
        assert_eq!(rate(report), Some(83333.25));
        assert_eq!(rate("nothing"), None);
    }
}
