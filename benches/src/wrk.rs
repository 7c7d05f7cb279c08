//! wrk, an HTTP/1.1 client in C, as a load for servers and as the limit of clients.

use std::net::SocketAddr;
use std::process::Command;

use crate::measured::{Lateness, Measured};

/// Requests that make a second of load.
const A_SECOND: u64 = 100_000;

/// Loads the server over so many connections, for a second per hundred thousand of `n`.
///
/// # Panics
///
/// If it is not installed, or an answer is no success, or a connection fails.
pub fn load(server: SocketAddr, connections: usize, n: u64) -> Measured {
    let seconds = n.div_ceil(A_SECOND);
    let output = Command::new("wrk")
        .args(["--threads", "1", "--latency"])
        .arg(format!("--connections={connections}"))
        .arg(format!("--duration={seconds}s"))
        .arg(format!("http://{server}/"))
        .output()
        .expect("wrk is installed (on Debian: apt-get install wrk)");
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "wrk: {report}");
    let fails = ["Non-2xx", "Socket errors"].map(|word| report.contains(word));
    assert_eq!(fails, [false; 2], "wrk: {report}");
    let field = |name: &str| {
        let line = report
            .lines()
            .find_map(|line| line.trim().strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name} in what wrk says:\n{report}"))
            .trim()
    };
    let rate: f64 = field("Requests/sec:").parse().expect("a number");
    let largest = field("Latency ").split_whitespace().nth(2);
    let largest = largest.expect("the average, the deviation, the largest");
    let (p50, p99) = (micros(field("50%")), micros(field("99%")));
    Measured::told(
        (rate * seconds as f64) as u64,
        rate,
        Lateness {
            min: 0.0,
            p50,
            p99,
            p999: None,
            max: micros(largest),
        },
    )
}

/// A time as wrk writes it.
fn micros(time: &str) -> f64 {
    let (number, scale) = match time {
        _ if time.ends_with("us") => (time.trim_end_matches("us"), 1.0),
        _ if time.ends_with("ms") => (time.trim_end_matches("ms"), 1e3),
        _ => (time.trim_end_matches('s'), 1e6),
    };
    number.parse::<f64>().expect("a time of wrk's") * scale
}

#[cfg(test)]
mod tests {
    use super::micros;

    #[test]
    fn times_as_wrk_writes_them() {
        // Micro- and milliseconds and seconds, with a fraction.
        assert_eq!(
            ["7.00us", "1.50ms", "2.00s"].map(micros),
            [7.0, 1500.0, 2e6]
        );
    }
}
