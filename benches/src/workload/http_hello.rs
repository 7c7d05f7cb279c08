//! `http_hello`: hyper's HTTP/1.1 server answers "hello", loaded by wrk over 64 connections.
//!
//! Measures a well-known server on our executor and sockets beside the same server on tokio's. Ours has a
//! process at rest for each connection, a future. `n` requests are about so many seconds of load as
//! there are hundred thousands of them.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::mpsc;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use runtime::Node;
use runtime::net::TcpListener;
use runtime::prelude::*;
use tokio::runtime::Runtime;

use super::Workload;
use crate::measured::{Lateness, Measured, Unit};

pub(super) static WORKLOADS: [Workload; 1] = [Workload {
    name: "http_hello",
    about: "requests to a server of hyper's, by wrk",
    n: 300_000,
    unit: Unit::OpsPerSecond,
    warm_up: false,
    on_runtime,
    on_tokio: Some(on_tokio),
    workers: 1,
}];

const CONNECTIONS: usize = 64;
/// Requests that make a second of load.
const A_SECOND: u64 = 100_000;

async fn hello(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::new(Bytes::from_static(b"hello"))))
}

fn on_runtime(node: &Node, n: u64) -> Measured {
    let address = node.run(|| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let address = listener.local_addr().expect("it is bound");
        spawn!(move || {
            for stream in listener.incoming() {
                let stream = stream.expect("a connection");
                stream.set_nodelay(true).expect("a TCP stream");
                let connection = http1::Builder::new().serve_connection(stream, service_fn(hello));
                // That the load goes away is no error.
                runtime::spawn_future(async { drop(connection.await) });
            }
        });
        address
    });
    wrk(address, n)
}

fn on_tokio(rt: &Runtime, n: u64) -> Measured {
    let (tell, address) = mpsc::channel();
    rt.spawn(async move {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a listener");
        tell.send(listener.local_addr().expect("it is bound"))
            .expect("somebody waits");
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            stream.set_nodelay(true).expect("a TCP stream");
            let connection =
                http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(hello));
            tokio::spawn(async { drop(connection.await) });
        }
    });
    wrk(address.recv().expect("the server runs"), n)
}

/// Loads the server.
fn wrk(server: SocketAddr, n: u64) -> Measured {
    let seconds = n.div_ceil(A_SECOND);
    let output = Command::new("wrk")
        .args(["--threads", "1", "--latency"])
        .arg(format!("--connections={CONNECTIONS}"))
        .arg(format!("--duration={seconds}s"))
        .arg(format!("http://{server}/"))
        .output()
        .expect("wrk is installed (on Debian: apt-get install wrk)");
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "wrk: {report}");
    assert!(!report.contains("Non-2xx"), "wrk: {report}");
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
